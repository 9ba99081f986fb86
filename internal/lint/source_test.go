package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "helpdesk"

// goFile is one parsed Go file of the repository.
type goFile struct {
	path string // from the root of the repository, with slashes
	dir  string
	ast  *ast.File
	fset *token.FileSet
	text []byte
}

func (f goFile) test() bool      { return strings.HasSuffix(f.path, "_test.go") }
func (f goFile) generated() bool { return ast.IsGenerated(f.ast) }

func (f goFile) line(n ast.Node) string {
	return f.path + ":" + strconv.Itoa(f.fset.Position(n.Pos()).Line)
}

// imports are the packages of this repository that the file imports, from its root.
func (f goFile) imports() []string {
	var list []string
	for _, i := range f.ast.Imports {
		name, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			continue
		}
		if name == module {
			list = append(list, ".")
		} else if rest, ok := strings.CutPrefix(name, module+"/"); ok {
			list = append(list, rest)
		}
	}
	return list
}

const root = "../.."

// notOurs are directories that hold nothing we wrote.
func notOurs(name string) bool {
	switch name {
	case ".git", ".cache", "node_modules", "dist", "bin", "data", "shots":
		return true
	}
	return false
}

// files lists the files of the repository, from its root.
var files = sync.OnceValues(func() ([]string, error) {
	var list []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if notOurs(d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err == nil && d.Type().IsRegular() {
			list = append(list, filepath.ToSlash(rel))
		}
		return err
	})
	return list, err
})

// goFiles parses all Go files once for all tests.
var goFiles = sync.OnceValues(func() ([]goFile, error) {
	all, err := files()
	if err != nil {
		return nil, err
	}
	var list []goFile
	fset := token.NewFileSet()
	for _, name := range all {
		if !strings.HasSuffix(name, ".go") || slices.Contains(strings.Split(name, "/"), "testdata") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		tree, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		list = append(list, goFile{path: name, dir: path.Dir(name), ast: tree, fset: fset, text: text})
	}
	return list, nil
})

func allFiles(t *testing.T) []string {
	t.Helper()
	list, err := files()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func allGo(t *testing.T) []goFile {
	t.Helper()
	list, err := goFiles()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// within says whether dir is base or below it.
func within(dir, base string) bool { return dir == base || strings.HasPrefix(dir, base+"/") }
