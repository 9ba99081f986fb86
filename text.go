package helpdesk

import (
	"fmt"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// splitLines yields the lines of s without their ends.
func splitLines(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for l := range strings.SplitSeq(s, "\n") {
			if !yield(strings.TrimSuffix(l, "\r")) {
				return
			}
		}
	}
}

// collapse trims s, turns each run of blanks into one space and drops control characters.
func collapse(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// CheckText refuses text that cannot be stored or shown: invalid UTF-8, NUL bytes, or more than limit bytes.
// what names the thing in the sentence ("The message").
func CheckText(what, s string, limit int) error {
	switch {
	case len(s) > limit:
		return Errorf(TooLarge, "%s is %d bytes long; the limit is %d. Shorten it, or put the text in a file of the ticket.", what, len(s), limit)
	case !utf8.ValidString(s):
		return Errorf(Invalid, "%s is not valid UTF-8.", what)
	case strings.IndexByte(s, 0) >= 0:
		return Errorf(Invalid, "%s contains a NUL byte.", what)
	}
	return nil
}

// ClipOutput shortens text to at most limit bytes, keeping its head and its tail and saying between them how
// much is missing. It cuts at character boundaries and reports whether it cut.
func ClipOutput(s string, limit int) (string, bool) {
	if len(s) <= limit {
		return s, false
	}
	const room = 64 // for the note
	half := max(0, (limit-room)/2)
	head, tail := half, len(s)-half
	for head > 0 && !utf8.RuneStart(s[head]) {
		head--
	}
	for tail < len(s) && !utf8.RuneStart(s[tail]) {
		tail++
	}
	return fmt.Sprintf("%s\n[… %d bytes left out …]\n%s", s[:head], tail-head, s[tail:]), true
}
