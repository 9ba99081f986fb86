package shell

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

//go:embed reads.txt
var readsText string

//go:embed destroys.txt
var destroysText string

//go:embed wraps.txt
var wrapsText string

// tableSet is the three tables, parsed.
type tableSet struct {
	reads    map[string]*entry
	wraps    map[string]*entry
	destroys map[string][]destroyer
}

// tables parses the embedded tables once; a fault in them is found by the first test that runs.
var tables = sync.OnceValue(func() *tableSet {
	t := &tableSet{reads: map[string]*entry{}, wraps: map[string]*entry{}, destroys: map[string][]destroyer{}}
	eachLine(readsText, func(fields []string) { addEntry(t.reads, fields) })
	eachLine(wrapsText, func(fields []string) { addEntry(t.wraps, fields) })
	eachLine(destroysText, func(fields []string) { addDestroyer(t.destroys, fields) })
	return t
})

// eachLine calls f with the fields of each line that is not empty and not a comment.
func eachLine(text string, f func(fields []string)) {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 0 && !strings.HasPrefix(fields[0], "#") {
			f(fields)
		}
	}
}

// entry is what is known of a command or of one of its subcommands.
type entry struct {
	name       string
	any        bool                      // whatever flags
	whole      bool                      // long flags with one dash
	bare       bool                      // does something harmless without a subcommand
	digits     bool                      // -20 is a flag
	skip       int                       // words of a wrapper before its inner command
	assigns    bool                      // a wrapper that takes NAME=value
	changes    bool                      // a wrapper that changes something itself
	takesValue map[string]bool           // flags with a value
	takesNone  map[string]bool           // flags without one; in both: as it comes
	flags      map[string]*regexp.Regexp // what a value must match, where that is written
	words      *regexp.Regexp            // what every word must match; nil: any word
	maxWords   int                       // -1: any number
	sub        map[string]*entry
	parent     *entry
}

// addEntry reads one line of reads.txt or wraps.txt.
func addEntry(table map[string]*entry, fields []string) { addUnder(table, nil, fields) }

func addUnder(level map[string]*entry, parent *entry, fields []string) {
	for name := range strings.SplitSeq(fields[0], "|") {
		e := level[name]
		if e == nil {
			e = &entry{name: name, maxWords: -1, flags: map[string]*regexp.Regexp{}, takesValue: map[string]bool{}, takesNone: map[string]bool{}, sub: map[string]*entry{}, parent: parent}
			level[name] = e
		}
		if len(fields) > 1 && isName(fields[1]) {
			addUnder(e.sub, e, fields[1:])
		} else {
			e.read(fields[1:])
		}
	}
}

// isName tells a subcommand from what is said of flags and words.
func isName(field string) bool {
	switch field {
	case "whole", "bare", "assigns", "changes":
		return false
	}
	return !strings.ContainsAny(field[:1], "-*") && !strings.Contains(field, "=")
}

func (e *entry) read(fields []string) {
	for _, f := range fields {
		name, value, has := strings.Cut(f, "=")
		switch {
		case f == "*":
			e.any = true
		case f == "whole":
			e.whole = true
		case f == "bare":
			e.bare = true
		case f == "assigns":
			e.assigns = true
		case f == "changes":
			e.changes = true
		case f == "-#":
			e.digits = true
		case name == "words":
			e.words = regexp.MustCompile("^(?:" + value + ")$")
		case name == "max":
			_, err := fmt.Sscan(value, &e.maxWords)
			must(err)
		case name == "skip":
			_, err := fmt.Sscan(value, &e.skip)
			must(err)
		case strings.HasPrefix(f, "--") || e.whole && strings.HasPrefix(f, "-"):
			e.flag(name, value, has)
		case strings.HasPrefix(f, "-"):
			for _, c := range name[1:] {
				e.flag("-"+string(c), value, has)
			}
		default:
			must(fmt.Errorf("shell: %q in the table entry of %q", f, e.name))
		}
	}
}

func (e *entry) flag(name, value string, valued bool) {
	if !valued {
		e.takesNone[name] = true
		return
	}
	e.takesValue[name] = true
	if value != "" {
		e.flags[name] = regexp.MustCompile("^(?:" + value + ")$")
	}
}

// known finds a flag in the entry or those above it: whether it takes a value, and which.
func (e *entry) known(flag string) (pattern *regexp.Regexp, valued, ok bool) {
	for ; e != nil; e = e.parent {
		if e.takesValue[flag] || e.takesNone[flag] {
			return e.flags[flag], e.takesValue[flag], true
		}
	}
	return nil, false, false
}

// optional says whether the flag may stand with and without a value.
func (e *entry) optional(flag string) bool {
	for ; e != nil; e = e.parent {
		if e.takesValue[flag] || e.takesNone[flag] {
			return e.takesValue[flag] && e.takesNone[flag]
		}
	}
	return false
}

// destroyer is one line of destroys.txt: all of it must be found in a call.
type destroyer struct {
	words    []string
	patterns []*regexp.Regexp // on any literal text of the command
	because  string
}

func addDestroyer(table map[string][]destroyer, fields []string) {
	var d destroyer
	rest := fields[1:]
	for i, f := range rest {
		if f == ":" {
			d.because = strings.Join(rest[i+1:], " ")
			break
		}
		if p, ok := strings.CutPrefix(f, "~"); ok {
			d.patterns = append(d.patterns, regexp.MustCompile(p))
			continue
		}
		d.words = append(d.words, f)
	}
	for name := range strings.SplitSeq(fields[0], "|") {
		table[name] = append(table[name], d)
	}
}

// must stops at a fault in the embedded tables, which no input can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
