// Package shell reads a command line as bash would and says what it is expected to do to the machine.
//
// Promises: a command reads only if every part of it is in the table of known reading commands with flags known
// to be harmless; whatever is not understood (a name made at run time, an unknown flag, a script, text that does
// not parse) counts as a change. Wrappers such as sudo, env, xargs or "bash -c" are looked through. A command is
// as risky as its riskiest part. The judgement is an aid for the person who decides and a floor under what an
// agent says of its own command; it is not a sandbox.
//
// The tables are data: reads.txt, destroys.txt and wraps.txt, each explained in its head.
package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"helpdesk"
)

// Limits of what is looked at; more counts as a change.
const (
	maxCommand = 64 << 10
	maxNesting = 8 // of "bash -c" in "bash -c"
)

// Verdict is a judgement with its reason.
type Verdict struct {
	Risk    helpdesk.Risk
	Because string // one sentence; "" where it only reads
}

// Rate says what the command is expected to do to the machine.
func Rate(command string) helpdesk.Risk { return Judge(command).Risk }

// Judge is Rate with the reason of the riskiest part, the first of several.
func Judge(command string) Verdict {
	j := judge{tables: tables()}
	j.script(command, 0)
	if j.worst.Risk == "" {
		j.worst.Risk = helpdesk.RiskReads
	}
	return j.worst
}

// Worse is the more harmful of two risks; unstated risk is a change.
func Worse(a, b helpdesk.Risk) helpdesk.Risk {
	if weight(b) > weight(a) {
		return helpdesk.ParseRisk(string(b))
	}
	return helpdesk.ParseRisk(string(a))
}

func weight(r helpdesk.Risk) int {
	switch r {
	case helpdesk.RiskReads:
		return 1
	case helpdesk.RiskDestructive:
		return 3
	}
	return 2
}

// judge gathers the worst that was found.
type judge struct {
	tables    *tableSet
	worst     Verdict
	functions map[string]bool // declared in the script; their bodies are judged where they stand
	literals  []string        // every literal text of the script, for what a client reads from its input
}

func (j *judge) found(r helpdesk.Risk, because string) {
	if j.worst.Risk == "" || weight(r) > weight(j.worst.Risk) {
		j.worst = Verdict{Risk: r, Because: because}
	}
}

func (j *judge) changes(because string)  { j.found(helpdesk.RiskChanges, because) }
func (j *judge) destroys(because string) { j.found(helpdesk.RiskDestructive, because) }

// script judges a whole text in shell syntax.
func (j *judge) script(text string, depth int) {
	if len(text) > maxCommand || depth > maxNesting {
		j.changes("It is too long or too deep to judge.")
		return
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		j.changes("It could not be read as shell syntax.")
		return
	}
	outer, outerLiterals := j.functions, j.literals
	j.functions, j.literals = map[string]bool{}, nil
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			if n.Name != nil {
				j.functions[n.Name.Value] = true
			}
		case *syntax.Lit:
			j.literals = append(j.literals, n.Value)
		case *syntax.SglQuoted:
			j.literals = append(j.literals, n.Value)
		}
		return true
	})
	syntax.Walk(file, func(n syntax.Node) bool {
		j.node(n, depth)
		return true
	})
	j.functions, j.literals = outer, outerLiterals
}

// node judges one node by itself; Walk brings its children.
func (j *judge) node(n syntax.Node, depth int) {
	switch n := n.(type) {
	case *syntax.Stmt:
		j.redirections(n)
	case *syntax.CallExpr:
		for _, a := range n.Assigns {
			j.assignment(a)
		}
		if len(n.Args) > 0 {
			j.call(argsOf(n.Args), depth)
		}
	case *syntax.DeclClause:
		for _, a := range n.Args {
			j.assignment(a)
		}
	case *syntax.FuncDecl:
		j.recursion(n)
	case *syntax.WordIter:
		if n.Name != nil && !harmlessVariable(n.Name.Value) {
			j.changes("It sets " + n.Name.Value + ".")
		}
	case *syntax.ParamExp:
		j.expansion(n)
	case *syntax.ArithmExp:
		j.arithmetic(n.X)
	case *syntax.ArithmCmd:
		j.arithmetic(n.X)
	case *syntax.LetClause:
		j.changes("It computes with names, which can run code.")
	case *syntax.CStyleLoop:
		j.changes("It computes with names, which can run code.")
	case *syntax.BinaryTest:
		switch n.Op {
		case syntax.TsEql, syntax.TsNeq, syntax.TsLeq, syntax.TsGeq, syntax.TsLss, syntax.TsGtr:
			if !literalTest(n.X) || !literalTest(n.Y) {
				j.changes("It computes with names, which can run code.")
			}
		}
	case *syntax.UnaryTest:
		if n.Op == syntax.TsVarSet || n.Op == syntax.TsRefVar {
			j.changes("It computes with names, which can run code.")
		}
	}
}

func literalTest(x syntax.TestExpr) bool {
	w, ok := x.(*syntax.Word)
	return ok && argOf(w).literal
}

// redirections judges where a statement writes.
func (j *judge) redirections(s *syntax.Stmt) {
	for _, r := range s.Redirs {
		switch r.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll, syntax.RdrInOut, syntax.DplOut:
		default:
			continue
		}
		to := argOf(r.Word)
		switch {
		case to.literal && (harmlessSink(to.text) || r.Op == syntax.DplOut && isDescriptor(to.text)):
		case strings.HasPrefix(to.prefix, "/dev/") && !strings.HasPrefix(to.prefix, "/dev/shm/") && !strings.HasPrefix(to.prefix, "/dev/tcp/") && !strings.HasPrefix(to.prefix, "/dev/udp/"):
			j.destroys("It writes to a device, " + to.shown() + ".")
		case emptyCommand(s.Cmd) && (r.Op == syntax.RdrOut || r.Op == syntax.RdrClob || r.Op == syntax.RdrAll):
			j.destroys("It empties " + to.shown() + ".")
		default:
			j.changes("It writes to " + to.shown() + ".")
		}
	}
}

func harmlessSink(path string) bool {
	switch path {
	case "/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty":
		return true
	}
	return false
}

func isDescriptor(s string) bool {
	return s == "-" || s != "" && strings.Trim(s, "0123456789") == ""
}

// emptyCommand says whether nothing is run, so that an output redirection only empties a file.
func emptyCommand(c syntax.Command) bool {
	call, ok := c.(*syntax.CallExpr)
	if c == nil || ok && len(call.Args) == 0 {
		return true
	}
	if !ok || len(call.Args) > 1 {
		return false
	}
	name := argOf(call.Args[0])
	return name.literal && (name.text == ":" || name.text == "true")
}

func (j *judge) assignment(a *syntax.Assign) {
	switch {
	case a.Name == nil:
		// A flag of declare or export, or a name made at run time.
		if w := argOf(a.Value); !w.literal || !strings.HasPrefix(w.text, "-") || strings.ContainsAny(w.text, "in") {
			j.changes("It sets variables whose names cannot be seen.")
		}
	case !harmlessVariable(a.Name.Value):
		j.changes("It sets " + a.Name.Value + ".")
	case a.Index != nil:
		j.arithmetic(a.Index)
	}
}

// harmlessVariable says whether setting the variable cannot alter what later words run: locale and layout, and
// the script's own names, which by custom are in small letters.
func harmlessVariable(name string) bool {
	switch name {
	case "LANG", "LANGUAGE", "TZ", "COLUMNS", "LINES", "IFS", "TERM", "LC_ALL", "LC_CTYPE", "LC_COLLATE", "LC_MESSAGES", "LC_NUMERIC", "LC_TIME":
		return true
	}
	return name == strings.ToLower(name) && name != "_" && !strings.HasSuffix(name, "_proxy")
}

// expansion judges ${…} in its forms that evaluate text.
func (j *judge) expansion(p *syntax.ParamExp) {
	switch {
	case p.Excl && p.Names == 0, p.NestedParam != nil:
		j.changes("It reads a variable whose name cannot be seen.")
	case p.Exp != nil && p.Exp.Op == syntax.OtherParamOps:
		j.changes("It evaluates the text of a variable.")
	case p.Exp != nil && (p.Exp.Op == syntax.AssignUnset || p.Exp.Op == syntax.AssignUnsetOrNull) && !harmlessVariable(p.Param.Value):
		j.changes("It sets " + p.Param.Value + ".")
	}
	if p.Index != nil {
		j.arithmetic(p.Index)
	}
	if p.Slice != nil {
		j.arithmetic(p.Slice.Offset)
		j.arithmetic(p.Slice.Length)
	}
}

// arithmetic accepts numbers only: bash evaluates the text of a variable in arithmetic, command substitutions
// in it included.
func (j *judge) arithmetic(x syntax.ArithmExpr) {
	if x == nil {
		return
	}
	syntax.Walk(x, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Word:
			if a := argOf(n); !a.literal && a.text != "@" && a.text != "*" || strings.Trim(a.text, "0123456789@*") != "" {
				j.changes("It computes with names, which can run code.")
			}
			return false
		case *syntax.UnaryArithm:
			if n.Op == syntax.Inc || n.Op == syntax.Dec {
				j.changes("It computes with names, which can run code.")
			}
		}
		return true
	})
}

// recursion finds a function that starts itself, the usual form of a fork bomb.
func (j *judge) recursion(f *syntax.FuncDecl) {
	if f.Name == nil {
		j.changes("It declares functions that cannot be judged.")
		return
	}
	syntax.Walk(f.Body, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.CallExpr); ok && len(c.Args) > 0 {
			if a := argOf(c.Args[0]); a.text == f.Name.Value {
				j.destroys("Its function " + f.Name.Value + " starts itself again and again.")
			}
		}
		return true
	})
}
