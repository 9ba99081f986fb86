package httpapi

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"helpdesk/event"
)

// docs/api/events.md lists every kind of event with its fields, as the source describes them.
func TestEventKindsFresh(t *testing.T) {
	const file = "../../docs/api/events.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const mark = "do not edit below -->\n"
	head, _, ok := strings.Cut(string(text), mark)
	if !ok {
		t.Fatal("the page has no mark")
	}
	want := head + mark + kindsTable(t)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		text = []byte(want)
	}
	if string(text) != want {
		t.Errorf("%s is stale. Run: make gen", file)
	}
}

func kindsTable(t *testing.T) string {
	t.Helper()
	comments := factComments(t)
	kinds := event.Kinds()
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return comments[a].at - comments[b].at })
	var b strings.Builder
	b.WriteString("\n| kind | what happened | fields of `data` |\n| --- | --- | --- |\n")
	parts := map[string]reflect.Type{}
	for _, name := range names {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, comments[name].text, fieldList(reflect.TypeOf(kinds[name]), parts))
	}
	b.WriteString("\nWhat they are made of; a field with ? may be absent:\n\n| | | fields |\n| --- | --- | --- |\n")
	for _, name := range []string{"By", "Delivery", "File", "Outcome", "PlanStep"} {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, comments[name].text, fieldList(parts[name], parts))
	}
	if len(parts) != 5 {
		t.Errorf("facts are made of %v, and the page shows five", parts)
	}
	return b.String()
}

func fieldList(typ reflect.Type, parts map[string]reflect.Type) string {
	if typ == nil {
		return ""
	}
	var all []string
	for f := range typ.Fields() {
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		if option == "omitempty" {
			name += "?"
		}
		all = append(all, fmt.Sprintf("`%s` %s", name, typeName(f.Type, parts)))
	}
	return strings.Join(all, ", ")
}

func typeName(typ reflect.Type, parts map[string]reflect.Type) string {
	switch {
	case typ.Kind() == reflect.Pointer:
		return typeName(typ.Elem(), parts)
	case typ.Kind() == reflect.Slice:
		return "list of " + typeName(typ.Elem(), parts)
	case typ.PkgPath() == "time":
		return "time"
	case typ.Kind() == reflect.Struct:
		if _, seen := parts[typ.Name()]; !seen {
			parts[typ.Name()] = typ
			fieldList(typ, parts)
		}
		return typ.Name()
	case typ.Kind() == reflect.Bool:
		return "true or false"
	case typ.Kind() == reflect.String:
		return "text"
	}
	return "number"
}

type comment struct {
	at   int
	text string
}

// factComments reads what the source says of each type, without its name at the beginning.
func factComments(t *testing.T) map[string]comment {
	t.Helper()
	all := map[string]comment{}
	for _, name := range []string{"fact.go", "event.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), "../../event/"+name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			d, ok := n.(*ast.GenDecl)
			if !ok {
				return true
			}
			for _, s := range d.Specs {
				spec, ok := s.(*ast.TypeSpec)
				if !ok {
					continue
				}
				doc := spec.Doc
				if doc == nil {
					doc = d.Doc
				}
				text := strings.Join(strings.Fields(doc.Text()), " ")
				text = strings.TrimPrefix(strings.TrimPrefix(text, spec.Name.Name), ":")
				all[spec.Name.Name] = comment{len(all), strings.ReplaceAll(strings.TrimSpace(text), "|", "\\|")}
			}
			return true
		})
	}
	return all
}

// docs/api/errors.md has every status that is answered.
func TestErrorsPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/api/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	all := []int{400, 405, 415, 421}
	for _, s := range statuses {
		all = append(all, s)
	}
	for _, s := range all {
		if !strings.Contains(string(text), fmt.Sprintf("\n| %d |", s)) {
			t.Errorf("the page does not have %d", s)
		}
	}
}
