package runbook

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
)

// program is a compiled expression; nil where there is none.
type program = *vm.Program

// textPart is a piece of a template: literal text, or an expression.
type textPart struct {
	literal string
	expr    *Expr
}

// markdown is text that is written as it stands; everything else is escaped.
type markdown string

// stepFields are what every step has beside its readings.
var stepFields = []string{"ok", "state", "exit", "reason", "denied", "missing"}

// inferred is the type of a value as the checker found it.
type inferred struct{ n nature.Nature }

func (i inferred) Nature() nature.Nature { return i.n }
func (i inferred) Equal(types.Type) bool { return false }
func (i inferred) String() string        { return i.n.String() }

// compile checks and compiles every expression of the runbook; each fault has its line.
func (b *Runbook) compile() []Problem {
	c := compiler{file: b.file, env: b.types()}
	c.options = append(functions(), expr.Env(c.env))
	for i := range b.Define {
		d := &b.Define[i]
		c.expr(&d.Value, false)
		if d.Value.program != nil {
			c.env[d.Name] = inferred{*d.Value.program.Node().Nature()}
		} else {
			c.env[d.Name] = types.Any
		}
		c.options[len(c.options)-1] = expr.Env(c.env)
	}
	for _, steps := range [][]Step{b.Steps, b.Verify} {
		for i := range steps {
			s := &steps[i]
			c.expr(&s.When, true)
			c.text(&s.Command, &s.Purpose, &s.Expected, &s.Blind)
			for k := range s.Notes {
				c.expr(&s.Notes[k].When, true)
				c.text(&s.Notes[k].Text)
			}
		}
	}
	for i := range b.Finds {
		f := &b.Finds[i]
		c.expr(&f.Each, false)
		c.env["it"] = types.Any
		if f.Each.program != nil {
			if n := f.Each.program.Node().Nature(); n.Ref != nil {
				c.env["it"] = inferred{*n.Ref}
			}
		}
		c.options[len(c.options)-1] = expr.Env(c.env)
		c.expr(&f.When, true)
		c.expr(&f.Evidence, false)
		c.text(&f.Title, &f.Text)
	}
	c.env["it"] = types.Any
	c.options[len(c.options)-1] = expr.Env(c.env)
	for i := range b.Gaps {
		c.expr(&b.Gaps[i].When, true)
		c.text(&b.Gaps[i].Text, &b.Gaps[i].Command)
	}
	for i := range b.Remedy {
		c.expr(&b.Remedy[i].When, true)
		c.text(&b.Remedy[i].Command, &b.Remedy[i].Purpose, &b.Remedy[i].Expected)
	}
	for i := range b.Turns {
		c.expr(&b.Turns[i].When, true)
		c.text(&b.Turns[i].Because)
	}
	for i := range b.Links {
		c.expr(&b.Links[i].When, true)
	}
	c.text(&b.Healthy)
	return c.problems
}

// types is what expressions may name.
func (b *Runbook) types() types.Map {
	env := types.Map{"place": types.String, "admin": types.Bool, "where": types.String, "message": types.String, "it": types.Any}
	for _, p := range b.Params {
		env[p.Name] = types.String
		if p.Type == "int" {
			env[p.Name] = types.Int
		}
	}
	for _, steps := range [][]Step{b.Steps, b.Verify} {
		for i := range steps {
			s := &steps[i]
			step := types.Map{"ok": types.Bool, "state": types.String, "exit": types.Int, "reason": types.String, "denied": types.Bool, "missing": types.Bool}
			for k := range s.Read {
				step[s.Read[k].Name] = s.Read[k].valueType()
			}
			env[s.ID] = step
		}
	}
	return env
}

func (r *Reading) valueType() types.Type {
	row := types.Map{"line": types.String}
	switch {
	case r.Table != nil:
		for _, c := range r.Table.Columns {
			name, typ, _ := strings.Cut(c, ":")
			row[name] = columnType(typ)
		}
	case r.Match.Regexp != nil:
		for _, name := range r.Match.SubexpNames() {
			if name != "" {
				row[name] = columnType(r.Types[name])
			}
		}
	case r.Pairs != nil:
		return types.Map{types.Extra: columnType(r.Pairs.Type), "line": types.Map{types.Extra: types.String}}
	}
	return types.Array(row)
}

func columnType(t string) types.Type {
	switch t {
	case "int", "kib", "bytes", "hex":
		return types.Int
	case "float", "percent":
		return types.Float64
	}
	return types.String
}

type compiler struct {
	file     string
	env      types.Map
	options  []expr.Option
	problems []Problem
}

// expr compiles one expression; a condition must be a yes or no.
func (c *compiler) expr(e *Expr, condition bool) {
	if e.Source == "" {
		return
	}
	options := c.options
	if condition {
		options = append(options[:len(options):len(options)], expr.AsBool())
	}
	p, err := expr.Compile(e.Source, options...)
	if err != nil {
		problem := Problem{File: c.file, Line: e.line, Text: err.Error()}
		var at *file.Error
		if errors.As(err, &at) {
			problem.Line += max(at.Line-1, 0)
			problem.Text = fmt.Sprintf("%s, in %q", at.Message, e.Source)
		}
		c.problems = append(c.problems, problem)
		return
	}
	e.program = p
}

// text parts a template and compiles its expressions.
func (c *compiler) text(texts ...*Text) {
	for _, t := range texts {
		t.parts = nil
		line, rest := t.line, t.Source
		for rest != "" {
			before, after, found := strings.Cut(rest, "{{")
			if before != "" {
				t.parts = append(t.parts, textPart{literal: before})
			}
			if !found {
				break
			}
			line += strings.Count(before, "\n")
			inside, tail, closed := strings.Cut(after, "}}")
			if !closed || strings.Contains(inside, "{{") {
				c.problems = append(c.problems, Problem{File: c.file, Line: line, Text: "{{ is not closed by }}."})
				break
			}
			e := &Expr{Source: strings.TrimSpace(inside), line: line}
			if e.Source == "" {
				c.problems = append(c.problems, Problem{File: c.file, Line: line, Text: "{{ }} holds no expression."})
			}
			c.expr(e, false)
			t.parts = append(t.parts, textPart{expr: e})
			line += strings.Count(inside, "\n")
			rest = tail
		}
	}
}

// value evaluates the expression. What touches something that was not read is not known.
func (e *Expr) value(env map[string]any) (any, bool) {
	if e.program == nil {
		return nil, false
	}
	v, err := expr.Run(e.program, env)
	return v, err == nil && v != nil
}

// holds says whether the condition is known to be true; no condition holds.
func (e *Expr) holds(env map[string]any) bool {
	if e.Source == "" {
		return true
	}
	v, ok := e.value(env)
	yes, _ := v.(bool)
	return ok && yes
}

// render fills in the template as Markdown, every value escaped.
func (t *Text) render(env map[string]any) (string, bool) {
	return t.fill(env, func(v any, _ byte) (string, bool) {
		if m, ok := v.(markdown); ok {
			return string(m), true
		}
		return escapeMarkdown(plainValue(v)), true
	})
}

// command fills in the template as a shell command, every value quoted. A value inside quotes that the author
// wrote must need no quoting, or the command is not made.
func (t *Text) command(env map[string]any) (string, bool) {
	return t.fill(env, func(v any, quote byte) (string, bool) {
		if quote != 0 {
			s := plainValue(v)
			return s, shellSafe(s)
		}
		if list, ok := v.([]any); ok {
			words := make([]string, len(list))
			for i, x := range list {
				words[i] = shellQuote(plainValue(x))
			}
			return strings.Join(words, " "), len(words) > 0
		}
		return shellQuote(plainValue(v)), true
	})
}

// fill joins the template; quote is the shell quote that the value stands in, 0 for none.
func (t *Text) fill(env map[string]any, write func(v any, quote byte) (string, bool)) (string, bool) {
	var b strings.Builder
	var quote byte
	for _, p := range t.parts {
		if p.expr == nil {
			b.WriteString(p.literal)
			quote = quoteAfter(p.literal, quote)
			continue
		}
		v, ok := p.expr.value(env)
		if !ok {
			return "", false
		}
		s, ok := write(v, quote)
		if !ok {
			return "", false
		}
		b.WriteString(s)
	}
	return b.String(), true
}

// quoteAfter is the shell quote that is open after the text.
func quoteAfter(s string, quote byte) byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quote != '\'':
			i++
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == quote:
			quote = 0
		}
	}
	return quote
}

func shellSafe(s string) bool {
	return s != "" && !strings.HasPrefix(s, "-") && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-") == ""
}

// shellQuote writes s as one word.
func shellQuote(s string) string {
	if shellSafe(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// plainValue is a value as text.
func plainValue(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case markdown:
		return string(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.FormatInt(int64(v), 10)
		}
		return strconv.FormatFloat(v, 'f', 1, 64)
	case []any:
		words := make([]string, len(v))
		for i, x := range v {
			words[i] = plainValue(x)
		}
		return strings.Join(words, ", ")
	}
	return fmt.Sprint(v)
}

// functions are those that runbooks have beside the ones of the expression language.
func functions() []expr.Option {
	one := func(name string, f func(any) (any, error), typ any) expr.Option {
		return expr.Function(name, func(a ...any) (any, error) { return f(a[0]) }, typ)
	}
	return []expr.Option{
		one("bytes", func(v any) (any, error) {
			n, err := number(v)
			return bytesText(n), err
		}, new(func(any) string)),
		one("code", func(v any) (any, error) {
			list, ok := v.([]any)
			if !ok {
				return codeSpan(plainValue(v)), nil
			}
			spans := make([]string, len(list))
			for i, x := range list {
				spans[i] = string(codeSpan(plainValue(x)))
			}
			return markdown(joinWords(spans)), nil
		}, new(func(any) markdown)),
		one("host", func(v any) (any, error) {
			h, _, err := splitAddr(v)
			return h, err
		}, new(func(any) string)),
		one("port_of", func(v any) (any, error) {
			_, p, err := splitAddr(v)
			return p, err
		}, new(func(any) int)),
		one("loopback", func(v any) (any, error) {
			h, _, err := splitAddr(v)
			a, parseErr := netip.ParseAddr(h)
			return parseErr == nil && a.Unmap().IsLoopback(), err
		}, new(func(any) bool)),
		one("base", func(v any) (any, error) { return path.Base(plainValue(v)), nil }, new(func(any) string)),
	}
}

func number(v any) (float64, error) {
	switch n := v.(type) {
	case int:
		return float64(n), nil
	case float64:
		return n, nil
	}
	return 0, fmt.Errorf("%v is no number", v)
}

// splitAddr parts "host:port" as ss and netstat print it: brackets around IPv6, a zone, or "*" for any.
func splitAddr(v any) (host string, port int, err error) {
	s, _ := v.(string)
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", 0, fmt.Errorf("%q is no address", s)
	}
	host = strings.Trim(s[:i], "[]")
	host, _, _ = strings.Cut(host, "%")
	port, err = strconv.Atoi(s[i+1:])
	return host, port, err
}
