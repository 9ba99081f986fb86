package httpapi

import (
	"bytes"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write golden files anew")

const specFile = "../../docs/api/openapi.json"

// The committed description is that of the operations as they are.
func TestOpenAPIIsFresh(t *testing.T) {
	got := New(Config{}, Services{}).OpenAPI()
	if *update {
		if err := os.WriteFile(specFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(specFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale. Run: make gen", specFile)
	}
}
