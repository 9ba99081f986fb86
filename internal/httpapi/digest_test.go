package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
)

// vector is one of the test vectors in docs/api/digest.md.
type vector struct {
	Ticket   string         `json:"ticket"`
	ID       string         `json:"id"`
	Tenant   string         `json:"tenant"`
	Place    string         `json:"place"`
	Scope    string         `json:"scope"`
	Cwd      string         `json:"cwd"`
	Command  string         `json:"command"`
	Files    []ProposedFile `json:"files"`
	EnvNames []string       `json:"env_names"`
	Hashed   string         `json:"hashed"`
	Digest   string         `json:"digest"`
}

// The vectors are what the server computes, and what somebody computes who has only read the page.
func TestDigestVectorsFresh(t *testing.T) {
	const file = "../../docs/api/digest.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), "```json\n")
	block, after, ok2 := strings.Cut(rest, "\n```")
	if !ok || !ok2 {
		t.Fatal("the page has no vectors")
	}
	var vectors []vector
	for _, v := range examples() {
		v.Hashed = hex.EncodeToString(hashedBytes(v))
		v.Digest = suggestionOf(t, v).ComputeDigest()
		vectors = append(vectors, v)
	}
	if *update {
		made, err := json.MarshalIndent(vectors, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(before+"```json\n"+string(made)+"\n```"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		block = string(made)
	}
	var written []vector
	if err := json.Unmarshal([]byte(block), &written); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(vectors, written); d != "" {
		t.Errorf("the page differs from what is computed:\n%s", d)
	}
	for _, v := range written {
		hashed, err := hex.DecodeString(v.Hashed)
		sum := sha256.Sum256(hashed)
		if err != nil || hex.EncodeToString(sum[:]) != v.Digest {
			t.Errorf("%s: the digest is not that of the bytes", v.ID)
		}
	}
}

func examples() []vector {
	return []vector{
		{
			Ticket: "HD-1", ID: "0199f2c4-0000-7000-8000-000000000001", Tenant: "0199f2c4-0000-7000-8000-0000000000aa", Place: "host_view", Scope: "tenant",
			Cwd: "/workspace", Command: "df -h", Files: []ProposedFile{}, EnvNames: []string{},
		},
		{
			Ticket: "OPS-12", ID: "s2", Tenant: "t2", Place: "sandbox", Scope: "tenant", Cwd: "/workspace", Command: "kubectl apply -f limits.yaml && echo 'fertig – 完了'",
			Files:    []ProposedFile{{Path: "limits.yaml", Content: "memory: 512Mi\n"}, {Path: "empty", Content: ""}},
			EnvNames: []string{"REGION", "KUBECONFIG"},
		},
		{
			Ticket: "OPS-12", ID: "s3", Tenant: "t2", Place: "host", Scope: "admin", Cwd: "/", Command: "systemctl restart nginx\n", Files: []ProposedFile{}, EnvNames: []string{},
		},
		{
			Ticket: "OPS-12", ID: "s4", Tenant: "t2", Place: "docker", Scope: "container:web-1", Cwd: "/srv", Command: "", Files: []ProposedFile{}, EnvNames: []string{"A"},
		},
	}
}

func suggestionOf(t *testing.T, v vector) *helpdesk.Suggestion {
	t.Helper()
	scope, err := helpdesk.ParseScope(v.Scope)
	if err != nil {
		t.Fatal(err)
	}
	s := &helpdesk.Suggestion{
		ID: helpdesk.SuggestionID(v.ID), Ticket: helpdesk.TicketKey(v.Ticket), Tenant: helpdesk.TenantID(v.Tenant), Place: v.Place, Scope: scope,
		Cwd: v.Cwd, Command: v.Command, EnvNames: v.EnvNames,
	}
	for _, f := range v.Files {
		s.Files = append(s.Files, helpdesk.ProposedFile(f))
	}
	return s
}

// hashedBytes is written from the page, not from the server's code.
func hashedBytes(v vector) []byte {
	var b bytes.Buffer
	number := func(n int) { _ = binary.Write(&b, binary.BigEndian, uint64(n)) }
	field := func(s string) { number(len(s)); b.WriteString(s) }
	_, container, _ := strings.Cut(v.Scope, ":")
	for _, s := range []string{"helpdesk-suggestion-1", v.Ticket, v.ID, v.Tenant, v.Place, v.Scope, container, v.Cwd, v.Command, "bash --noprofile --norc -c"} {
		field(s)
	}
	number(len(v.Files))
	for _, f := range v.Files {
		sum := sha256.Sum256([]byte(f.Content))
		field(f.Path)
		field(hex.EncodeToString(sum[:]))
	}
	number(len(v.EnvNames))
	for _, n := range slices.Sorted(slices.Values(v.EnvNames)) {
		field(n)
	}
	return b.Bytes()
}
