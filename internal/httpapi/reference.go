package httpapi

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed reference.html
var referenceText string

// The reference is a page without script, made from the same description as the operations, so that it can be read under our
// Content-Security-Policy and without the network.
type referencePage struct {
	Title, About string
	Groups       []referenceGroup
	Schemas      []referenceSchema
}

type referenceGroup struct {
	Name       string
	Operations []referenceOperation
}

type referenceOperation struct {
	ID, Method, Path, Summary, About, Permission string
	Parameters                                   []referenceField
	Body                                         string // name of a schema
	BodyType                                     string
	Answers                                      []referenceAnswer
}

type referenceAnswer struct {
	Status, Type, Schema, Says string
}

type referenceSchema struct {
	Name   string
	Fields []referenceField
}

type referenceField struct {
	Name, In, Type, Schema, Says string
	Required                     bool
}

// makeReference writes the page once; it does not change while the server runs.
func (s *Server) makeReference() []byte {
	page := template.Must(template.New("reference").Parse(referenceText))
	var b bytes.Buffer
	if err := page.Execute(&b, s.referencePage()); err != nil {
		panic(err) // a fault in the template or in this file
	}
	return b.Bytes()
}

func (s *Server) reference(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(s.page) // whoever asked may be gone
}

func (s *Server) referencePage() referencePage {
	spec := s.api.OpenAPI()
	p := referencePage{Title: spec.Info.Title + " API v" + spec.Info.Version, About: spec.Info.Description}
	groups := map[string]*referenceGroup{}
	for _, tag := range s.tags {
		groups[tag] = &referenceGroup{Name: tag}
	}
	for _, d := range s.declared {
		o := operationAt(spec.Paths[d.Path], d.Method)
		groups[d.Tag].Operations = append(groups[d.Tag].Operations, referenceOf(d, o))
	}
	for _, tag := range s.tags {
		p.Groups = append(p.Groups, *groups[tag])
	}
	schemas := spec.Components.Schemas.Map()
	names := make([]string, 0, len(schemas))
	for name := range schemas {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		x := referenceSchema{Name: name}
		for _, field := range sortedProperties(schemas[name]) {
			f := schemas[name].Properties[field]
			x.Fields = append(x.Fields, referenceField{
				Name: field, Type: typeText(f), Schema: schemaOf(f), Says: f.Description, Required: slices.Contains(schemas[name].Required, field),
			})
		}
		p.Schemas = append(p.Schemas, x)
	}
	return p
}

func referenceOf(d operation, o *huma.Operation) referenceOperation {
	r := referenceOperation{ID: d.ID, Method: d.Method, Path: Prefix + d.Path, Summary: d.Summary, About: d.About, Permission: string(d.Permission)}
	for _, p := range o.Parameters {
		r.Parameters = append(r.Parameters, referenceField{Name: p.Name, In: p.In, Type: typeText(p.Schema), Says: p.Description, Required: p.Required || p.In == "path"})
	}
	if o.RequestBody != nil {
		for contentType, m := range o.RequestBody.Content {
			r.Body, r.BodyType = schemaOf(m.Schema), contentType
		}
	}
	statuses := make([]string, 0, len(o.Responses))
	for status := range o.Responses {
		statuses = append(statuses, status)
	}
	slices.Sort(statuses)
	for _, status := range statuses {
		a := referenceAnswer{Status: status, Says: o.Responses[status].Description}
		for contentType, m := range o.Responses[status].Content {
			a.Type, a.Schema = contentType, schemaOf(m.Schema)
		}
		r.Answers = append(r.Answers, a)
	}
	return r
}

func operationAt(item *huma.PathItem, method string) *huma.Operation {
	switch method {
	case http.MethodGet:
		return item.Get
	case http.MethodPut:
		return item.Put
	case http.MethodPost:
		return item.Post
	case http.MethodPatch:
		return item.Patch
	}
	return item.Delete
}

// schemaOf is the name of the schema that s refers to, itself or in its items; "" for none.
func schemaOf(s *huma.Schema) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		return s.Ref[strings.LastIndex(s.Ref, "/")+1:]
	}
	return schemaOf(s.Items)
}

// typeText says in words what a value is.
func typeText(s *huma.Schema) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		return schemaOf(s)
	case s.Type == "array":
		return "list of " + typeText(s.Items)
	case len(s.Enum) > 0:
		words := make([]string, 0, len(s.Enum))
		for _, e := range s.Enum {
			if word, ok := e.(string); ok {
				words = append(words, word)
			}
		}
		return strings.Join(words, " | ")
	case s.Format == "date-time":
		return "time"
	case s.Type == "":
		return "any"
	}
	text := s.Type
	if s.MaxLength != nil {
		text += ", at most " + strconv.Itoa(*s.MaxLength)
	}
	if s.Default != nil {
		text += ", default " + toText(s.Default)
	}
	return text
}

func toText(v any) string {
	var b bytes.Buffer
	if marshal(&b, v) != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}

func sortedProperties(s *huma.Schema) []string {
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
