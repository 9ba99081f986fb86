package runbook

import (
	"fmt"
	"strings"
	"unicode"
)

// escapeMarkdown makes text safe inside a line of Markdown: nothing in it is a mark, a link or a tag.
func escapeMarkdown(s string) string {
	var b strings.Builder
	for _, r := range oneLine(s, 400) {
		if strings.ContainsRune("\\`*_{}[]<>#|~!&$", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	// No address in the data becomes a link by itself.
	return strings.NewReplacer("://", `\://`, "www.", `www\.`, "@", `\@`).Replace(b.String())
}

// codeSpan shows text exactly, as code within a line.
func codeSpan(s string) markdown {
	s = oneLine(s, 400)
	fence := strings.Repeat("`", longestRun(s, '`')+1)
	pad := ""
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || s == "" {
		pad = " "
	}
	return markdown(fence + pad + s + pad + fence)
}

// codeBlock shows lines exactly.
func codeBlock(lang string, lines []string) string {
	text := strings.Join(lines, "\n")
	fence := strings.Repeat("`", max(3, longestRun(text, '`')+1))
	return fence + lang + "\n" + text + "\n" + fence + "\n"
}

func longestRun(s string, c byte) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != c {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// oneLine drops what would leave the line and shortens it.
func oneLine(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, s)
	if r := []rune(s); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return s
}

// joinWords is "a", "a and b", "a, b and c".
func joinWords(words []string) string {
	switch n := len(words); n {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
}

// count is "1 command", "2 commands".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
