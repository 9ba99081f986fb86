package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// The reference has every operation and schema, and nothing that our own policy would stop.
func TestTheReference(t *testing.T) {
	h := newHouse(t)
	got := h.do(ask{path: "/api/v1/docs"})
	if got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
		t.Fatalf("%d %v", got.status, got.header)
	}
	each(h.server, func(method, path string, o *huma.Operation) {
		for _, want := range []string{`id="` + o.OperationID + `"`, "<b>" + method + "</b> <code>" + Prefix + path + "</code>"} {
			if !strings.Contains(got.body, want) {
				t.Errorf("the reference does not have %s", want)
			}
		}
	})
	for name := range h.server.api.OpenAPI().Components.Schemas.Map() {
		if !strings.Contains(got.body, `id="schema-`+name+`"`) {
			t.Errorf("the reference does not have the schema %s", name)
		}
	}
	for _, bad := range []string{"<script", "javascript:", "onclick", "ZgotmplZ", "https://", "http://"} {
		if strings.Contains(got.body, bad) {
			t.Errorf("the reference has %s", bad)
		}
	}
	spec := h.do(ask{path: "/api/v1/openapi.json"})
	if spec.status != http.StatusOK || spec.body != string(h.server.OpenAPI()) {
		t.Errorf("the description: %d", spec.status)
	}
}
