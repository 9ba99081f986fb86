package shell

import (
	"regexp"
	"slices"
	"strings"
)

// call judges one simple command.
func (j *judge) call(args []arg, depth int) {
	name, ok := programOf(args[0])
	if !ok {
		j.changes("What it runs is made at run time.")
		return
	}
	if j.functions[name] {
		return
	}
	rest := args[1:]
	if judgeIt := special(name); judgeIt != nil {
		judgeIt(j, name, rest, depth)
		return
	}
	if w := j.tables.wraps[name]; w != nil {
		j.wrapper(w, rest, depth)
		return
	}
	j.plain(name, rest)
}

// programOf is the name of the program that a first word runs, without the directories where a Debian keeps them.
func programOf(a arg) (string, bool) {
	if !a.literal || a.text == "" {
		return "", false
	}
	for _, dir := range []string{"/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"} {
		if name, ok := strings.CutPrefix(a.text, dir); ok {
			return name, true
		}
	}
	return a.text, true
}

// plain judges a command by the tables alone.
func (j *judge) plain(name string, args []arg) {
	e := j.tables.reads[name]
	if e != nil && e.allows(args) {
		return
	}
	for _, d := range j.tables.destroys[name] {
		if d.matches(args, j.literals) {
			j.destroys(d.because)
			return
		}
	}
	if e == nil {
		j.changes(name + " is not known to read only.")
		return
	}
	j.changes(name + " with these words is not known to read only.")
}

// allows says whether the entry knows all flags and words to be harmless.
func (e *entry) allows(args []arg) bool {
	flags, words := true, 0
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case flags && a.literal && a.text == "--":
			flags = false
		case flags && a.mayBeFlag() && a.text != "-":
			if e.anyFlag() {
				continue
			}
			if !a.literal {
				return false
			}
			next, ok := e.takes(a.text, args[i+1:])
			if !ok {
				return false
			}
			if next {
				i++
			}
		case len(e.sub) > 0 && words == 0:
			if !a.literal {
				return false
			}
			s := e.sub[a.text]
			return s != nil && s.allows(args[i+1:])
		default:
			words++
			if e.maxWords >= 0 && (words > e.maxWords || !a.one) || e.words != nil && (!a.literal || !e.words.MatchString(a.text)) {
				return false
			}
		}
	}
	return len(e.sub) == 0 || e.bare
}

func (e *entry) anyFlag() bool {
	for ; e != nil; e = e.parent {
		if e.any {
			return true
		}
	}
	return false
}

func (e *entry) wholeFlags() bool {
	for ; e != nil; e = e.parent {
		if e.whole {
			return true
		}
	}
	return false
}

// takes says whether a flag word is known, and whether it takes the word after it.
func (e *entry) takes(word string, after []arg) (next, ok bool) {
	nextIs := func(name string, p *regexp.Regexp) (bool, bool) {
		if len(after) == 0 || !after[0].one || after[0].mayBeFlag() && !negative.MatchString(after[0].text) {
			return false, e.optional(name)
		}
		return true, p == nil || after[0].literal && p.MatchString(after[0].text)
	}
	if strings.HasPrefix(word, "--") || e.wholeFlags() {
		name, value, has := strings.Cut(word, "=")
		p, valued, ok := e.known(name)
		switch {
		case !ok || has && !valued:
			return false, false
		case has:
			return false, p == nil || p.MatchString(value)
		case valued:
			return nextIs(name, p)
		}
		return false, true
	}
	if e.digits && strings.Trim(word[1:], "0123456789") == "" {
		return false, true
	}
	for i := 1; i < len(word); i++ {
		p, valued, ok := e.known("-" + word[i:i+1])
		switch {
		case !ok:
			return false, false
		case valued && i+1 < len(word):
			return false, p == nil || p.MatchString(word[i+1:])
		case valued:
			return nextIs("-"+word[i:i+1], p)
		}
	}
	return false, true
}

// negative is a value that looks like a flag and is none.
var negative = regexp.MustCompile(`^-\d*$`)

// matches says whether all that the line names is in the call.
func (d destroyer) matches(args []arg, literals []string) bool {
	for _, w := range d.words {
		if !slices.ContainsFunc(args, func(a arg) bool { return hasWord(a, w) }) {
			return false
		}
	}
	for _, p := range d.patterns {
		inArg := slices.ContainsFunc(args, func(a arg) bool { return p.MatchString(a.text) })
		if !inArg && !slices.ContainsFunc(literals, p.MatchString) {
			return false
		}
	}
	return true
}

// hasWord says whether the word is w: "-r" also inside a cluster, "--x*" by its beginning.
func hasWord(a arg, w string) bool {
	switch {
	case strings.HasSuffix(w, "*"):
		return strings.HasPrefix(a.text, strings.TrimSuffix(w, "*"))
	case len(w) == 2 && w[0] == '-':
		return a.text == w || len(a.text) > 1 && a.text[0] == '-' && a.text[1] != '-' && strings.Contains(a.text, w[1:])
	}
	return a.literal && a.text == w
}

// wrapper looks through a command that runs the rest of its words.
func (j *judge) wrapper(e *entry, args []arg, depth int) {
	inner, ok := e.inner(args)
	if !ok {
		j.carried(args, depth)
		j.changes(e.name + " with these words cannot be judged.")
		return
	}
	if e.assigns {
		for len(inner) > 0 {
			name, _, has := strings.Cut(inner[0].text, "=")
			if !has || !inner[0].one || strings.Contains(inner[0].prefix, "/") && !strings.Contains(inner[0].prefix, "=") {
				break
			}
			if !harmlessVariable(name) {
				j.changes("It sets " + name + ".")
			}
			inner = inner[1:]
		}
	}
	if e.changes {
		j.changes(e.name + " changes something by itself.")
	}
	if len(inner) == 0 {
		if !e.bare {
			j.changes(e.name + " without a command starts a shell.")
		}
		return
	}
	j.call(inner, depth)
}

// inner is what follows a wrapper's own flags and words.
func (e *entry) inner(args []arg) ([]arg, bool) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a.literal && a.text == "--" {
			return e.skipWords(args[i+1:])
		}
		if !a.mayBeFlag() {
			return e.skipWords(args[i:])
		}
		if !a.literal {
			return nil, false
		}
		next, ok := e.takes(a.text, args[i+1:])
		if !ok {
			return nil, false
		}
		if next {
			i++
		}
	}
	return nil, e.skip == 0
}

func (e *entry) skipWords(args []arg) ([]arg, bool) {
	if len(args) < e.skip || slices.ContainsFunc(args[:e.skip], func(a arg) bool { return !a.one }) {
		return nil, false
	}
	return args[e.skip:], true
}
