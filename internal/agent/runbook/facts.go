package runbook

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"helpdesk"
)

// result is what one step's output told.
type result struct {
	state   string // read, empty, unreadable, denied, missing, failed, timeout, stopped, unknown
	why     string // one sentence where it is not read
	exit    int
	denied  bool
	missing bool
	partly  string // what is to be said though it was read
	lines   []string
	values  map[string]any
}

func (r *result) ok() bool { return r != nil && r.state == "read" }

var (
	deniedText  = regexp.MustCompile(`(?i)permission denied|operation not permitted|must be (super-?user|root)|access denied|are you root`)
	missingText = regexp.MustCompile(`(?m)([A-Za-z0-9_./+-]+): (?:command not found|not found|No such file or directory)\s*$`)
)

// examine reads the outcome of a step.
func examine(s *Step, o helpdesk.Outcome) *result {
	r := &result{lines: cleanLines(o.Output), values: map[string]any{}, exit: -1}
	if o.ExitCode != nil {
		r.exit = *o.ExitCode
	}
	text := strings.Join(r.lines, "\n")
	for i := range s.Read {
		r.values[s.Read[i].Name] = s.Read[i].nothing()
	}
	fail := func(state, why string, args ...any) *result {
		r.state, r.why = state, fmt.Sprintf(why, args...)
		return r
	}
	switch {
	case o.Unknown:
		return fail("unknown", "it is not known whether it ran")
	case o.TimedOut:
		return fail("timeout", "it was ended at the time limit, before it was done")
	case o.Stopped:
		return fail("stopped", "it was stopped before it was done")
	case o.ExitCode == nil:
		return fail("failed", "it was ended by the signal %s", codeSpan(o.Signal))
	case r.exit == 127:
		r.missing = true
		if m := missingText.FindStringSubmatch(text); m != nil {
			return fail("missing", "%s is not installed here", codeSpan(m[1]))
		}
		return fail("missing", "a program that it needs is not installed here")
	}
	wanted := r.exit == 0 && s.Exit == nil || slices.Contains(s.Exit, r.exit)
	if text == "" && wanted {
		if s.Empty != "" {
			r.state, r.partly = "read", s.Empty
			return r
		}
		return fail("empty", "it printed nothing")
	}
	unread := ""
	for i := range s.Read {
		v, ok := s.Read[i].read(r.lines)
		r.values[s.Read[i].Name] = v
		if !ok && !s.Read[i].Optional && unread == "" {
			unread = s.Read[i].Name
		}
	}
	r.denied = deniedText.MatchString(text)
	switch {
	case wanted && unread == "":
		r.state = "read"
		if o.Truncated {
			r.partly = "Its output was too long and came with a gap, so what I say of it may be incomplete."
		}
		return r
	case unread != "" && strings.Contains(text, "command not found"): // in a pipe the last program's exit code counts
		r.missing = true
		if m := missingText.FindStringSubmatch(text); m != nil {
			return fail("missing", "%s is not installed here", codeSpan(m[1]))
		}
		return fail("missing", "a program that it needs is not installed here")
	case r.denied:
		return fail("denied", "it was refused: %s", codeSpan(firstMatch(r.lines, deniedText)))
	case !wanted:
		return fail("failed", "it ended with exit code %d%s", r.exit, beginning(r.lines))
	}
	return fail("unreadable", "its output is not in the form that I can read, perhaps of another version or in another language%s", beginning(r.lines))
}

func firstMatch(lines []string, re *regexp.Regexp) string {
	for _, l := range lines {
		if re.MatchString(l) {
			return l
		}
	}
	return ""
}

func beginning(lines []string) string {
	for _, l := range lines {
		if strings.TrimSpace(l) != "" {
			return "; it begins " + string(codeSpan(oneLine(strings.TrimSpace(l), 120)))
		}
	}
	return ""
}

// facts is all that is known in a case.
type facts struct {
	results map[string]*result
	env     map[string]any
	lines   map[string]string // each line that was printed → the command that printed it
}

// facts reads every outcome of the case again.
func (t *turn) facts(c *caseFile, b *Runbook) *facts {
	f := &facts{results: map[string]*result{}, lines: map[string]string{}}
	where := "this machine"
	if !t.seesMachine() && !t.req.AdminScope {
		where = "this private sandbox"
	}
	f.env = map[string]any{"place": t.req.Place, "admin": t.req.AdminScope, "where": where, "message": c.Message, "it": nil}
	for i := range b.Params {
		p := &b.Params[i]
		v, ok := c.Values[p.Name]
		if !ok {
			v = p.Default
		}
		f.env[p.Name] = v
		if p.Type == "int" {
			n, _ := strconv.Atoi(v)
			f.env[p.Name] = n
		}
	}
	for _, steps := range [][]Step{b.Steps, b.Verify} {
		for i := range steps {
			f.step(t, c, &steps[i])
		}
	}
	for i := range b.Define {
		if v, ok := b.Define[i].Value.value(f.env); ok {
			f.env[b.Define[i].Name] = v
		}
	}
	return f
}

// step puts what is known of one step where expressions find it.
func (f *facts) step(t *turn, c *caseFile, s *Step) {
	it := c.item(s.ID)
	env := map[string]any{"ok": false, "state": string(it.State), "exit": -1, "reason": it.Reason, "denied": false, "missing": false}
	for i := range s.Read {
		env[s.Read[i].Name] = s.Read[i].nothing()
	}
	if o := t.outcome(it); o != nil {
		r := examine(s, *o)
		f.results[s.ID] = r
		env["ok"], env["state"], env["exit"], env["denied"], env["missing"] = r.ok(), r.state, r.exit, r.denied, r.missing
		if r.ok() {
			maps.Copy(env, r.values)
			for _, l := range r.lines {
				if _, ok := f.lines[l]; !ok {
					f.lines[l] = it.Command
				}
			}
		}
	}
	f.env[s.ID] = env
}

// outcome is what came of an item that ran.
func (t *turn) outcome(it *item) *helpdesk.Outcome {
	if it.State != ran || it.Message < 0 || it.Message >= len(t.req.Messages) {
		return nil
	}
	if d := t.req.Messages[it.Message].Delivered; it.Place >= 0 && it.Place < len(d) {
		return d[it.Place].Outcome
	}
	return nil
}

// evidence turns an expression's value into lines that were really printed; anything else is left out.
func (f *facts) evidence(v any) []string {
	var lines []string
	var add func(v any)
	add = func(v any) {
		switch v := v.(type) {
		case string:
			if _, printed := f.lines[v]; printed && strings.TrimSpace(v) != "" && !slices.Contains(lines, v) && len(lines) < 12 {
				lines = append(lines, v)
			}
		case map[string]any:
			add(v["line"])
		case []any:
			for _, x := range v {
				add(x)
			}
		}
	}
	add(v)
	return lines
}
