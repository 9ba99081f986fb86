package helpdesk_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"helpdesk"
)

// vectors are suggestions of every shape. Those that docs/api/digest.md publishes are made in internal/httpapi.
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
