package lint

import (
	"go/ast"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every package says what it is and what it promises.
func TestEveryPackageHasADoc(t *testing.T) {
	docs := make(map[string]string)
	for _, f := range allGo(t) {
		if !f.test() {
			docs[f.dir] += f.ast.Doc.Text()
		}
	}
	for dir, doc := range docs {
		want := "Package " + path.Base(dir)
		if dir == "." {
			want = "Package " + module
		} else if within(dir, "cmd") {
			want = "Command " + path.Base(dir)
		}
		if !strings.HasPrefix(doc, want+" ") {
			t.Errorf("%s: the package comment is missing or does not begin with %q", dir, want)
		}
	}
}

// The most lines a file may have; a file that needs more has more than one idea in it.
const (
	goLines = 600
	tsLines = 400
)

// longFiles are the exceptions, each with its reason.
var longFiles = map[string]string{}

func TestFilesAreShort(t *testing.T) {
	for _, name := range allFiles(t) {
		most := 0
		switch path.Ext(name) {
		case ".go":
			most = goLines
		case ".ts", ".tsx", ".mjs", ".js":
			most = tsLines
		default:
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Count(string(text), "\n")
		generated := strings.Contains(name, "__generated__/") || strings.HasSuffix(name, "_gen.go")
		switch {
		case generated || lines <= most:
			if longFiles[name] != "" {
				t.Errorf("longFiles has %s, which is not long; remove the entry", name)
			}
		case longFiles[name] == "":
			t.Errorf("%s has %d lines, and %d are allowed: divide it, or give the reason in longFiles", name, lines, most)
		}
	}
}

// A name that could be anything's says nothing.
func TestPackagesAreNamedAfterWhatTheyAre(t *testing.T) {
	banned := regexp.MustCompile(`^(utils?|common|helpers?|managers?|misc|shared|base|core|types|lib)$|(util|utils|helper|helpers|manager)$`)
	for _, f := range allGo(t) {
		if name := f.ast.Name.Name; banned.MatchString(name) {
			t.Errorf("%s: package %s; name it after what it is", f.path, name)
		}
	}
}

// The words of the glossary are used for one thing each: a Session is a login, what runs in a pane is a Terminal.
func TestIdentifiersFollowTheGlossary(t *testing.T) {
	banned := map[*regexp.Regexp]string{
		regexp.MustCompile(`(?i)terminal_?session|session_?terminal|shell_?session`): "it is a Terminal; a session is a login",
		regexp.MustCompile(`(?i)principal`):                                          "who acts is an Actor",
		regexp.MustCompile(`[a-z]Manager$|^Manager$|[a-z]Helper$|[a-z]Util$`):        "say what it does",
	}
	for _, f := range allGo(t) {
		if f.generated() {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			for re, why := range banned {
				if re.MatchString(id.Name) {
					t.Errorf("%s: %s: %s", f.line(id), id.Name, why)
				}
			}
			return true
		})
	}
}

// An init runs whether or not anybody wants it, and before anybody can say how.
func TestThereIsNoInit(t *testing.T) {
	for _, f := range allGo(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: func init; do it in a constructor", f.line(fn))
			}
		}
	}
}

// A package variable is an error, a pattern, a table, an embedded file: made once, with its value beside its name, and
// assigned to by nobody.
func TestPackageVariablesAreConstants(t *testing.T) {
	byDir := make(map[string]map[string]string) // directory → variable → where
	for _, f := range allGo(t) {
		if f.test() || forTests(f.dir) {
			continue
		}
		for _, d := range f.ast.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				if isEmbed(g.Doc) || isEmbed(v.Doc) || f.path == versionFile {
					continue
				}
				for i, name := range v.Names {
					if name.Name == "_" {
						continue
					}
					if i >= len(v.Values) || !fixed(v.Values[i]) {
						t.Errorf("%s: the package variable %s can change; make it a field of something that has an owner", f.line(name), name.Name)
					}
					if byDir[f.dir] == nil {
						byDir[f.dir] = make(map[string]string)
					}
					byDir[f.dir][name.Name] = f.line(name)
				}
			}
		}
	}
	for _, f := range allGo(t) {
		vars := byDir[f.dir]
		ast.Inspect(f.ast, func(n ast.Node) bool {
			a, ok := n.(*ast.AssignStmt)
			if !ok || a.Tok == token.DEFINE {
				return true
			}
			for _, to := range a.Lhs {
				if ix, ok := to.(*ast.IndexExpr); ok {
					to = ix.X
				}
				if id, ok := to.(*ast.Ident); ok && vars[id.Name] != "" && !shadowed(f, id) {
					t.Errorf("%s: assigns to the package variable %s", f.line(a), id.Name)
				}
			}
			return true
		})
	}
}

// versionFile holds the one variable that the linker sets.
const versionFile = "cmd/helpdesk/main.go"

func isEmbed(c *ast.CommentGroup) bool {
	return c != nil && slices.ContainsFunc(c.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// fixed says whether an expression makes something that is not made to be filled or changed later.
func fixed(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.UnaryExpr:
		return e.Op != token.AND
	case *ast.CompositeLit:
		if s, ok := e.Type.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && (x.Name == "sync" || x.Name == "atomic") {
				return false
			}
		}
	case *ast.CallExpr:
		if fn, ok := e.Fun.(*ast.Ident); ok && (fn.Name == "make" || fn.Name == "new") {
			return false
		}
	}
	return true
}

// shadowed says whether the function around id declares the same name itself. It errs on the side of saying so.
func shadowed(f goFile, id *ast.Ident) bool {
	found := false
	for _, d := range f.ast.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || id.Pos() < fn.Pos() || id.Pos() > fn.End() {
			continue
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok == token.DEFINE {
					for _, l := range n.Lhs {
						if x, ok := l.(*ast.Ident); ok && x.Name == id.Name {
							found = true
						}
					}
				}
			case *ast.ValueSpec:
				found = found || slices.ContainsFunc(n.Names, func(x *ast.Ident) bool { return x.Name == id.Name })
			case *ast.Field:
				found = found || slices.ContainsFunc(n.Names, func(x *ast.Ident) bool { return x.Name == id.Name })
			case *ast.RangeStmt:
				for _, x := range []ast.Expr{n.Key, n.Value} {
					if x, ok := x.(*ast.Ident); ok && n.Tok == token.DEFINE && x.Name == id.Name {
						found = true
					}
				}
			}
			return true
		})
	}
	return found
}

// A test that sleeps is slow when the machine is fast, and wrong when it is slow.
func TestTestsDoNotSleep(t *testing.T) {
	for _, f := range allGo(t) {
		if !f.test() && !forTests(f.dir) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Sleep" {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && !sleepAllowed(f, s) {
					t.Errorf("%s: time.Sleep; wait for what should happen, with a deadline", f.line(s))
				}
			}
			return true
		})
	}
}

// sleepAllowed: a poll sleeps between two looks, and says so in a comment on that line; in a synctest bubble time is not real.
func sleepAllowed(f goFile, s ast.Node) bool {
	line := f.fset.Position(s.Pos()).Line
	for _, g := range f.ast.Comments {
		for _, c := range g.List {
			if f.fset.Position(c.Pos()).Line == line && strings.HasPrefix(c.Text, "// poll") {
				return true
			}
		}
	}
	return slices.ContainsFunc(f.ast.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"testing/synctest"` })
}
