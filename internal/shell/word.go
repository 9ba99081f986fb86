package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// arg is a word of a command as far as it can be known before it runs.
type arg struct {
	text    string // the whole text, where literal; else the known parts
	prefix  string // the text before the first part that is not known
	literal bool   // text is exactly what the program will see
	one     bool   // it cannot become several words, other than file names that begin with prefix
}

// mayBeFlag says whether the program may see a word that begins with a dash.
func (a arg) mayBeFlag() bool {
	if a.literal {
		return strings.HasPrefix(a.text, "-")
	}
	return !a.one || a.prefix == "" || strings.HasPrefix(a.prefix, "-")
}

func (a arg) shown() string {
	switch {
	case a.literal && len(a.text) <= 80:
		return a.text
	case a.prefix != "" && len(a.prefix) <= 80:
		return a.prefix + "…"
	}
	return "a file"
}

func argsOf(words []*syntax.Word) []arg {
	args := make([]arg, len(words))
	for i, w := range words {
		args[i] = argOf(w)
	}
	return args
}

func argOf(w *syntax.Word) arg {
	if w == nil {
		return arg{one: true, literal: true}
	}
	a := arg{literal: true, one: true}
	for _, p := range w.Parts {
		a.part(p, false)
	}
	return a
}

func (a *arg) part(p syntax.WordPart, quoted bool) {
	switch p := p.(type) {
	case *syntax.Lit:
		if quoted {
			a.known(unescapeQuoted(p.Value))
			return
		}
		a.unquoted(p.Value)
	case *syntax.SglQuoted:
		if p.Dollar && strings.Contains(p.Value, `\`) {
			a.unknown()
			return
		}
		a.known(p.Value)
	case *syntax.DblQuoted:
		for _, q := range p.Parts {
			a.part(q, true)
		}
	case *syntax.ProcSubst:
		a.known("/dev/fd/")
		a.unknown()
	case *syntax.ExtGlob:
		a.unknown()
	default: // expansions and substitutions
		a.unknown()
		if !quoted || severalWords(p) {
			a.one = false
		}
	}
}

// severalWords says whether the expansion becomes several words even inside quotes.
func severalWords(p syntax.WordPart) bool {
	e, ok := p.(*syntax.ParamExp)
	if !ok {
		return false
	}
	if e.Param != nil && e.Param.Value == "@" || e.Index != nil || e.Excl {
		return true
	}
	return false
}

func (a *arg) known(s string) {
	a.text += s
	if a.literal {
		a.prefix += s
	}
}

func (a *arg) unknown() { a.literal = false }

// unquoted reads literal text outside quotes: backslashes quote, and glob, brace and tilde characters stand for
// something that is not known here.
func (a *arg) unquoted(s string) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\\':
			if i++; i < len(s) && s[i] != '\n' {
				a.known(s[i : i+1])
			}
		case '*', '?', '[', '{', '~':
			if c == '[' && len(s) == 1 { // the command [
				a.known("[")
				continue
			}
			if c == '{' && strings.HasPrefix(s[i:], "{}") { // of find and xargs; braces around nothing stay
				a.known("{}")
				i++
				continue
			}
			a.unknown()
			a.known(s[i : i+1])
		default:
			a.known(s[i : i+1])
		}
	}
}

func unescapeQuoted(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("$`\"\\\n", s[i+1]) >= 0 {
			if i++; s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
