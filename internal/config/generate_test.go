package config

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated files anew")

// TestGeneratedFilesAreFresh makes help_gen.go and the reference from the comments in config.go and compares them
// with those in the repository.
func TestGeneratedFilesAreFresh(t *testing.T) {
	texts, order := commentsOf(t, "config.go")
	for _, key := range order {
		if texts[key] == "" {
			t.Errorf("config.go: the setting %s has no comment; write what it means, for operators", key)
		}
	}

	var code bytes.Buffer
	code.WriteString("// Code generated from config.go by make gen; DO NOT EDIT.\n\npackage config\n\n")
	code.WriteString("// help explains a setting or a group of settings.\nfunc help(key string) string {\n\tswitch key {\n")
	for _, key := range order {
		fmt.Fprintf(&code, "\tcase %q:\n\t\treturn %q\n", key, texts[key])
	}
	code.WriteString("\t}\n\treturn \"\"\n}\n")
	formatted, err := format.Source(code.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	fresh(t, "help_gen.go", formatted)

	var doc bytes.Buffer
	if err := writeReference(&doc, func(key string) string { return texts[key] }); err != nil {
		t.Fatal(err)
	}
	fresh(t, "../../docs/guide/configuration.md", doc.Bytes())
}

func fresh(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what config.go says; run make gen (%v)", path, err)
	}
}

// commentsOf collects the comments of all settings and groups of Config, each as one paragraph of text.
func commentsOf(t *testing.T, path string) (texts map[string]string, order []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	structs := make(map[string]*ast.StructType)
	docs := make(map[string]string)
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range g.Specs {
			if ts, ok := s.(*ast.TypeSpec); ok {
				if st, ok := ts.Type.(*ast.StructType); ok {
					structs[ts.Name.Name], docs[ts.Name.Name] = st, g.Doc.Text()
				}
			}
		}
	}
	texts = make(map[string]string)
	var walk func(name, prefix string)
	walk = func(name, prefix string) {
		for _, f := range structs[name].Fields.List {
			if f.Tag == nil {
				continue
			}
			key := prefix + reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("key")
			doc := f.Doc.Text()
			group, isIdent := f.Type.(*ast.Ident)
			isGroup := isIdent && structs[group.Name] != nil
			if isGroup {
				doc = docs[group.Name]
			}
			texts[key] = strings.Join(strings.Fields(doc), " ")
			order = append(order, key)
			if isGroup {
				walk(group.Name, key+".")
			}
		}
	}
	walk("Config", "")
	return texts, order
}
