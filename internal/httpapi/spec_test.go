package httpapi

import (
	"bytes"
	"errors"
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

// golden compares a text with a file in testdata, or with -update writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := "testdata/" + name
	if *update {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(file, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs from what is answered now. If that is meant, run: make gen\n%s", file, got)
	}
}
