package runbook

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxFile bounds a runbook's file.
const maxFile = 256 << 10

// Problem is a fault in a file, with the line that it is on.
type Problem struct {
	File string
	Line int
	Text string
}

func (p Problem) Error() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text) }

// Text is a template: plain text with {{ expressions }}.
type Text struct {
	Source string
	line   int
	parts  []textPart
}

// Expr is an expression over what was read.
type Expr struct {
	Source  string
	line    int
	program program
}

// Regexp is a regular expression in Go's syntax.
type Regexp struct {
	*regexp.Regexp
	source string
	line   int
	err    error
}

// scalar reads one YAML scalar with the line where its text begins.
func scalar(n *yaml.Node) (string, int, error) {
	line := n.Line
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		line++ // the text begins below the sign
	}
	if n.Kind != yaml.ScalarNode {
		return "", line, fmt.Errorf("line %d: this must be text", n.Line)
	}
	return n.Value, line, nil
}

// UnmarshalYAML keeps the template with its line.
func (t *Text) UnmarshalYAML(n *yaml.Node) (err error) {
	t.Source, t.line, err = scalar(n)
	t.Source = strings.TrimRight(t.Source, "\n")
	return err
}

// UnmarshalYAML keeps the expression with its line.
func (e *Expr) UnmarshalYAML(n *yaml.Node) (err error) {
	e.Source, e.line, err = scalar(n)
	e.Source = strings.TrimSpace(e.Source)
	return err
}

// UnmarshalYAML keeps the expression; whether it is one is said by Check.
func (r *Regexp) UnmarshalYAML(n *yaml.Node) (err error) {
	if r.source, r.line, err = scalar(n); err != nil {
		return err
	}
	r.Regexp, r.err = regexp.Compile(r.source)
	return nil
}

// parse reads one file strictly: unknown fields, doubled keys and wrong kinds are faults.
func parse(file string, text []byte) (*Runbook, []Problem) {
	if len(text) > maxFile {
		return nil, []Problem{{File: file, Line: 1, Text: fmt.Sprintf("The file is %d bytes long; the limit is %d.", len(text), maxFile)}}
	}
	b := &Runbook{file: file, line: 1}
	if ps := decode(file, text, b); len(ps) > 0 {
		return nil, ps
	}
	b.setLines(text)
	if p := b.checkShape(); len(p) > 0 {
		return nil, p
	}
	return b, nil
}

// decode reads the one document of a file into v.
func decode(file string, text []byte, v any) []Problem {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	err := d.Decode(v)
	if err == nil {
		if err = d.Decode(new(yaml.Node)); err == nil {
			return []Problem{{File: file, Line: 1, Text: "The file holds more than one document."}}
		}
	}
	if errors.Is(err, io.EOF) {
		return nil // also of an empty file; what it lacks is said by the check of its shape
	}
	texts := []string{err.Error()}
	var several *yaml.TypeError
	if errors.As(err, &several) {
		texts = several.Errors
	}
	var ps []Problem
	for _, t := range texts {
		p := Problem{File: file, Line: 1, Text: strings.TrimPrefix(t, "yaml: ")}
		if m := yamlLine.FindStringSubmatch(t); m != nil {
			p.Line, _ = strconv.Atoi(m[1])
			p.Text = m[2]
		}
		p.Line = max(p.Line, 1)
		ps = append(ps, p)
	}
	return ps
}

var yamlLine = regexp.MustCompile(`(?s)^(?:yaml: )?(?:unmarshal errors:\s*)?line (\d+): (.*)$`)

// setLines gives every part of a list the line where it begins, for the faults that belong to no single field.
func (b *Runbook) setLines(text []byte) {
	lines := strings.Split(string(text), "\n")
	at := func(id string) int {
		for i, l := range lines {
			f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(l), "- "))
			if len(f) >= 2 && (f[0] == "id:" || f[0] == "name:") && strings.Trim(f[1], `"'`) == id {
				return i + 1
			}
		}
		return 1
	}
	for i := range b.Steps {
		b.Steps[i].setLines(at)
	}
	for i := range b.Verify {
		b.Verify[i].setLines(at)
	}
	for i := range b.Finds {
		b.Finds[i].line = at(b.Finds[i].ID)
	}
	for i := range b.Remedy {
		b.Remedy[i].line = at(b.Remedy[i].ID)
	}
}

func (s *Step) setLines(at func(string) int) {
	s.line = at(s.ID)
	for i := range s.Read {
		s.Read[i].line = s.line
	}
}

var (
	runbookID = regexp.MustCompile(`^[a-z][a-z0-9-]{1,62}$`)
	partID    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
)

// reserved are the names that expressions know already.
var reserved = []string{"place", "admin", "where", "it", "message", "true", "false", "nil", "in", "not", "and", "or", "let", "if", "else"}

// checkShape finds what is wrong without looking into expressions.
func (b *Runbook) checkShape() []Problem {
	var ps []Problem
	bad := func(line int, format string, args ...any) {
		ps = append(ps, Problem{File: b.file, Line: max(line, 1), Text: fmt.Sprintf(format, args...)})
	}
	if !runbookID.MatchString(b.ID) {
		bad(1, "id must be 2 to 63 small letters, digits and dashes, not %q.", b.ID)
	}
	if strings.TrimSpace(b.Title) == "" || strings.TrimSpace(b.About) == "" {
		bad(1, "title and about must not be empty.")
	}
	if len(b.Words) == 0 {
		bad(1, "words must hold at least one phrase that people use.")
	}
	if len(b.Steps) == 0 {
		bad(1, "steps must hold at least one step.")
	}
	names := map[string]bool{}
	name := func(line int, what, id string) {
		switch {
		case !partID.MatchString(id):
			bad(line, "The name of a %s must be small letters, digits and _, not %q.", what, id)
		case names[id] || slices.Contains(reserved, id):
			bad(line, "The name %q is taken already.", id)
		}
		names[id] = true
	}
	for i := range b.Params {
		p := &b.Params[i]
		name(1, "param", p.Name)
		if p.Type != "" && p.Type != "text" && p.Type != "int" {
			bad(1, "The type of param %s must be text or int, not %q.", p.Name, p.Type)
		}
		if len(p.Find) == 0 && len(p.Is) == 0 {
			bad(1, "The param %s has neither find nor is.", p.Name)
		}
		for _, r := range p.Find {
			b.checkRegexp(r, 1, bad)
		}
		for _, c := range p.Is {
			b.checkRegexp(c.Find, 0, bad)
		}
		if p.Ask != "" && p.Answer.Regexp == nil {
			bad(p.Answer.line, "The param %s asks, so it needs answer: how its value looks.", p.Name)
		}
	}
	for _, steps := range [][]Step{b.Steps, b.Verify} {
		for i := range steps {
			name(steps[i].line, "step", steps[i].ID)
			b.checkStep(&steps[i], bad)
		}
	}
	for _, d := range b.Define {
		name(d.Value.line, "definition", d.Name)
	}
	ids := map[string]bool{}
	for i := range b.Remedy {
		r := &b.Remedy[i]
		if !partID.MatchString(strings.ReplaceAll(r.ID, "-", "_")) || ids[r.ID] {
			bad(r.line, "The id %q of a remedy is empty, odd or taken already.", r.ID)
		}
		ids[r.ID] = true
		checkScope(r.Scope, r.line, bad)
		checkRisk(r.Risk, r.line, bad)
		if r.Command.Source == "" || r.Purpose.Source == "" || r.Expected.Source == "" {
			bad(r.line, "The remedy %s needs command, purpose and expected.", r.ID)
		}
	}
	found := map[string]bool{}
	for i := range b.Finds {
		f := &b.Finds[i]
		if f.ID == "" || found[f.ID] {
			bad(f.line, "The id %q of a finding is empty or taken already.", f.ID)
		}
		found[f.ID] = true
		if !slices.Contains([]string{"critical", "warning", "notice", "info"}, f.Severity) {
			bad(f.line, "The severity of finding %s must be critical, warning, notice or info, not %q.", f.ID, f.Severity)
		}
		if f.Title.Source == "" || f.Evidence.Source == "" {
			bad(f.line, "The finding %s needs title and evidence.", f.ID)
		}
		for _, r := range f.Remedies {
			if b.remedy(r) == nil {
				bad(f.line, "The finding %s names the remedy %q, which is not there.", f.ID, r)
			}
		}
	}
	return ps
}

func (b *Runbook) checkStep(s *Step, bad func(int, string, ...any)) {
	if s.Title == "" || s.Command.Source == "" || s.Purpose.Source == "" || s.Expected.Source == "" {
		bad(s.line, "The step %s needs title, command, purpose and expected.", s.ID)
	}
	checkScope(s.Scope, s.line, bad)
	checkRisk(s.Risk, s.line, bad)
	for _, a := range s.After {
		if b.step(a) == nil || a == s.ID {
			bad(s.line, "The step %s comes after %q, which is not there.", s.ID, a)
		}
	}
	if s.InsteadOf != "" && (b.step(s.InsteadOf) == nil || s.InsteadOf == s.ID) {
		bad(s.line, "The step %s stands in for %q, which is not there.", s.ID, s.InsteadOf)
	}
	if len(s.Read) == 0 {
		bad(s.line, "The step %s reads nothing.", s.ID)
	}
	seen := map[string]bool{}
	for i := range s.Read {
		r := &s.Read[i]
		if !partID.MatchString(r.Name) || seen[r.Name] || slices.Contains(stepFields, r.Name) {
			bad(r.line, "The name %q of a reading of %s is empty, odd or taken already.", r.Name, s.ID)
		}
		seen[r.Name] = true
		b.checkReading(s, r, bad)
	}
}

func (b *Runbook) checkReading(s *Step, r *Reading, bad func(int, string, ...any)) {
	kinds := 0
	for _, set := range []bool{r.Table != nil, r.Match.source != "", r.Pairs != nil, r.Lines} {
		if set {
			kinds++
		}
	}
	if kinds != 1 {
		bad(r.line, "The reading %s.%s needs exactly one of table, match, pairs and lines.", s.ID, r.Name)
		return
	}
	checkType := func(line int, t string) {
		if _, ok := columnTypes[t]; !ok {
			bad(line, "%q is no type of a value; there are %s.", t, strings.Join(typeNames(), ", "))
		}
	}
	if r.Table != nil {
		b.checkRegexp(r.Table.Header, 0, bad)
		if len(r.Table.Columns) == 0 {
			bad(r.Table.Header.line, "The table %s.%s has no columns.", s.ID, r.Name)
		}
		for _, c := range r.Table.Columns {
			n, t, _ := strings.Cut(c, ":")
			if !partID.MatchString(n) || n == "line" {
				bad(r.Table.Header.line, "%q is no name of a column.", n)
			}
			checkType(r.Table.Header.line, t)
		}
	}
	if r.Match.source != "" {
		b.checkRegexp(r.Match, 0, bad)
		for n, t := range r.Types {
			checkType(r.Match.line, t)
			if r.Match.Regexp != nil && r.Match.SubexpIndex(n) < 0 {
				bad(r.Match.line, "The types name %q, which is no group of the expression.", n)
			}
		}
	}
	if r.Pairs != nil {
		checkType(r.line, r.Pairs.Type)
	}
}

func (b *Runbook) checkRegexp(r Regexp, groups int, bad func(int, string, ...any)) {
	switch {
	case r.err != nil:
		bad(r.line, "This is no regular expression: %s.", r.err)
	case r.Regexp == nil:
		bad(r.line, "A regular expression is missing.")
	case r.NumSubexp() < groups:
		bad(r.line, "The expression needs a group in parentheses that gives the value.")
	}
}

func checkScope(scope string, line int, bad func(int, string, ...any)) {
	if !slices.Contains([]string{"", "machine", "tenant", "admin"}, scope) {
		bad(line, "A scope is machine, tenant or admin, not %q.", scope)
	}
}

func checkRisk(risk string, line int, bad func(int, string, ...any)) {
	if !slices.Contains([]string{"", "reads", "changes", "destructive"}, risk) {
		bad(line, "A risk is reads, changes or destructive, not %q.", risk)
	}
}

// loadAll reads every *.yaml of a directory but words.yaml, in order of names.
func loadAll(dir fs.FS, where string) ([]*Runbook, []Problem) {
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, []Problem{{File: where, Line: 1, Text: "The directory of runbooks cannot be read: " + err.Error()}}
	}
	var books []*Runbook
	var problems []Problem
	for _, e := range entries {
		if e.IsDir() || path.Ext(e.Name()) != ".yaml" || e.Name() == wordsFile {
			continue
		}
		file := path.Join(where, e.Name())
		text, err := fs.ReadFile(dir, e.Name())
		if err != nil {
			problems = append(problems, Problem{File: file, Line: 1, Text: "The file cannot be read: " + err.Error()})
			continue
		}
		b, ps := parse(file, text)
		problems = append(problems, ps...)
		if b != nil {
			books = append(books, b)
		}
	}
	return books, problems
}
