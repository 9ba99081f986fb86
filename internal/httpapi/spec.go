package httpapi

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// describe finishes the OpenAPI description: every operation may answer with a problem.
func (s *Server) describe() {
	spec := s.api.OpenAPI()
	schemas := spec.Components.Schemas
	problem := schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	for _, item := range spec.Paths {
		for _, o := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if o == nil {
				continue
			}
			o.Responses["default"] = &huma.Response{
				Description: "A problem: what is wrong and what to do.",
				Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: problem}},
			}
		}
	}
	delete(schemas.Map(), "ErrorModel")
	delete(schemas.Map(), "ErrorDetail")
	text, err := json.MarshalIndent(spec, "", "  ")
	if err != nil {
		panic(err) // a schema that cannot be written is a fault in this package
	}
	s.spec = append(text, '\n')
}

// schemaName is the name of a type in the description: TicketPage for a page of tickets, Suggestion for its view.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for _, kind := range []string{"List", "Page"} {
		if of, ok := strings.CutPrefix(name, kind); ok && strings.HasSuffix(of, "Body") {
			name = strings.TrimSuffix(of, "Body") + kind
			name = strings.Replace(name, "View", "", 1)
		}
	}
	if of, ok := strings.CutSuffix(name, "Body"); ok {
		return of + "Request"
	}
	return strings.TrimSuffix(name, "View")
}

// OpenAPI is the description of the API as JSON; docs/api/openapi.json is a copy.
func (s *Server) OpenAPI() []byte { return s.spec }

func (s *Server) openAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/openapi+json")
	_, _ = w.Write(s.spec) // whoever asked may be gone
}
