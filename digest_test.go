package helpdesk_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"helpdesk"
)

// vectors are examples of suggestions whose digests docs/api/digest.md publishes.
func vectors() []helpdesk.Suggestion {
	container, _ := helpdesk.ParseScope("container:web-1") // a constant that parses
	return []helpdesk.Suggestion{
		{},
		{Ticket: "HD-1", ID: "0198c0de-0000-7000-8000-000000000001", Tenant: "0198c0de-0000-7000-8000-0000000000aa", Place: "host_view",
			Scope: helpdesk.ScopeTenant, Cwd: "/workspace", Command: "df -h"},
		{Ticket: "HD-1", ID: "s", Tenant: "t", Place: "sandbox", Scope: container, Cwd: "/workspace", Command: "printf '☃\\n' > \"a b\"\n",
			Files:    []helpdesk.ProposedFile{{Path: "a/empty", Content: ""}, {Path: "b.sh", Content: "#!/bin/sh\necho hello\n"}},
			EnvNames: []string{"ZONE", "AWS_REGION"}},
		{Ticket: "HD-1", ID: "s", Tenant: "t", Place: "host", Scope: helpdesk.ScopeAdmin, Cwd: "/", Command: strings.Repeat("x", 300)},
	}
}

// Ensure that the digest is what its page says, computed here from the page's words alone.
func TestDigest(t *testing.T) {
	for i, s := range vectors() {
		var b []byte
		number := func(n int) { b = append(b, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n)) }
		field := func(text string) { number(len(text)); b = append(b, text...) }
		_, container, _ := strings.Cut(s.Scope.String(), ":")
		for _, text := range []string{"helpdesk-suggestion-1", string(s.Ticket), string(s.ID), string(s.Tenant), s.Place, s.Scope.String(), container, s.Cwd, s.Command, "bash --noprofile --norc -c"} {
			field(text)
		}
		number(len(s.Files))
		for _, f := range s.Files {
			field(f.Path)
			field(fmt.Sprintf("%x", sha256.Sum256([]byte(f.Content))))
		}
		number(len(s.EnvNames))
		names := append([]string(nil), s.EnvNames...)
		if len(names) == 2 && names[0] > names[1] {
			names[0], names[1] = names[1], names[0]
		}
		for _, n := range names {
			field(n)
		}
		sum := sha256.Sum256(b)
		if got, want := s.ComputeDigest(), hex.EncodeToString(sum[:]); got != want {
			t.Errorf("vector %d: %s, want %s", i, got, want)
		}
	}
}

// Ensure that whatever a decision binds changes the digest, that nothing else does, and that no two neighbouring
// fields can be taken for one another.
func TestDigestBindsEverything(t *testing.T) {
	base := vectors()[2]
	digest := base.ComputeDigest()
	bound := map[string]func(*helpdesk.Suggestion){
		"Ticket": func(s *helpdesk.Suggestion) { s.Ticket = "HD-2" }, "ID": func(s *helpdesk.Suggestion) { s.ID = "r" },
		"Tenant": func(s *helpdesk.Suggestion) { s.Tenant = "u" }, "Place": func(s *helpdesk.Suggestion) { s.Place = "host" },
		"Scope": func(s *helpdesk.Suggestion) { s.Scope = helpdesk.ScopeAdmin }, "Cwd": func(s *helpdesk.Suggestion) { s.Cwd = "/" },
		"Command":  func(s *helpdesk.Suggestion) { s.Command += " " },
		"Files":    func(s *helpdesk.Suggestion) { s.Files = []helpdesk.ProposedFile{s.Files[1], s.Files[0]} },
		"EnvNames": func(s *helpdesk.Suggestion) { s.EnvNames = append(s.EnvNames, "X") },
	}
	free := map[string]bool{"Turn": true, "Agent": true, "Instance": true, "Position": true, "State": true, "Purpose": true, "Expected": true, "Risk": true,
		"Digest": true, "Decided": true, "Run": true, "Delivered": true, "Note": true, "At": true}
	for field := range reflect.TypeFor[helpdesk.Suggestion]().Fields() {
		name := field.Name
		change, ok := bound[name]
		if !ok {
			if !free[name] {
				t.Errorf("field %s of a suggestion: does a decision bind it or not? Say so here", name)
			}
			continue
		}
		s := base
		change(&s)
		if s.ComputeDigest() == digest {
			t.Errorf("another %s has the same digest", name)
		}
	}
	for what, change := range map[string]func(*helpdesk.Suggestion){
		"a file's content":      func(s *helpdesk.Suggestion) { s.Files[1].Content += "\n" },
		"a file less":           func(s *helpdesk.Suggestion) { s.Files = s.Files[:1] },
		"bytes between fields":  func(s *helpdesk.Suggestion) { s.Cwd, s.Command = s.Cwd+s.Command[:1], s.Command[1:] },
		"a name as a file":      func(s *helpdesk.Suggestion) { s.EnvNames = s.EnvNames[:1] },
		"a path for its tenant": func(s *helpdesk.Suggestion) { s.Tenant, s.Place = helpdesk.TenantID(string(s.Tenant)+s.Place), "" },
	} {
		s := vectors()[2]
		change(&s)
		if s.ComputeDigest() == digest {
			t.Errorf("%s: the same digest", what)
		}
	}
	s := base
	s.EnvNames = []string{"AWS_REGION", "ZONE"}
	s.State, s.Note, s.Position = "ran", "x", 9
	if s.ComputeDigest() != digest {
		t.Error("the order of names, or what is not bound, changes the digest")
	}
}

func TestDigestPageIsFresh(t *testing.T) {
	var b strings.Builder
	b.WriteString("<!-- Made by `go test . -run Fresh -update`. Do not edit. -->\n\n# The digest of a suggestion\n\n" +
		"A decision names the digest of the suggestion as it was shown. If anything that it binds has changed since, the\n" +
		"decision is refused. The digest is the SHA-256, as lower-case hex, over these fields in this order:\n\n" +
		"1. the version `helpdesk-suggestion-1`\n2. the ticket's key\n3. the suggestion's id\n4. the tenant's id\n" +
		"5. the place: `sandbox`, `host_view` or `host`\n6. the scope: `tenant`, `admin` or `container:<name>`\n" +
		"7. the container's name, empty for other scopes\n8. the working directory\n9. the command\n" +
		"10. the interpreter `" + helpdesk.Interpreter + "`\n11. the number of files, and for each, in the order shown, its path and the SHA-256 of its content as lower-case hex\n" +
		"12. the number of environment variables set, and the name of each, sorted by bytes\n\n" +
		"Each text is UTF-8 and preceded by its length in bytes; lengths and numbers are eight bytes, big endian.\n\n## Test vectors\n")
	for _, s := range vectors() {
		type file struct {
			Path    string `json:"path"`
			Content string `json:"content"`
		}
		files := []file{}
		for _, f := range s.Files {
			files = append(files, file(f))
		}
		b.WriteString("\n```json\n")
		page := json.NewEncoder(&b)
		page.SetEscapeHTML(false)
		page.SetIndent("", "  ")
		if err := page.Encode(struct {
			Ticket     string   `json:"ticket"`
			Suggestion string   `json:"suggestion"`
			Tenant     string   `json:"tenant"`
			Place      string   `json:"place"`
			Scope      string   `json:"scope"`
			Cwd        string   `json:"cwd"`
			Command    string   `json:"command"`
			Files      []file   `json:"files"`
			EnvNames   []string `json:"env_names"`
			Digest     string   `json:"digest"`
		}{string(s.Ticket), string(s.ID), string(s.Tenant), s.Place, s.Scope.String(), s.Cwd, s.Command, files, append([]string{}, s.EnvNames...), s.ComputeDigest()}); err != nil {
			t.Fatal(err)
		}
		b.WriteString("```\n")
	}
	fresh(t, filepath.Join("docs", "api", "digest.md"), b.String())
}
