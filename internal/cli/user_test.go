package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"helpdesk/internal/datadir"
)

// answers is a server that gives each request, named METHOD /path, a status and a body, and keeps what it was sent.
type answers struct {
	t    *testing.T
	give map[string]string // "200 {…}"
	got  []string
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	_, _ = body.ReadFrom(r.Body)
	key := r.Method + " " + r.URL.RequestURI()
	a.got = append(a.got, strings.TrimSpace(key+" "+r.Header.Get("Authorization")+" "+body.String()))
	status, text, ok := strings.Cut(a.give[key], " ")
	if !ok {
		a.t.Errorf("unexpected request %s", key)
		status = "500"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(map[string]int{"200": 200, "201": 201, "302": 302, "403": 403, "500": 500}[status])
	_, _ = w.Write([]byte(text))
}

func serve(t *testing.T, give map[string]string) (*answers, string) {
	t.Helper()
	a := &answers{t: t, give: give}
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	return a, s.URL
}

func call(env []string, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = Program{Version: "1", Env: env, Root: true, Out: &o, Err: &e}.Run(context.Background(), args)
	return code, o.String(), e.String()
}

// The token that the server left in the data directory is enough for whoever may read it.
func TestTheRunningServerIsFoundByItsDataDirectory(t *testing.T) {
	people := `200 {"items":[{"id":"u1","email":"ann@example.com","name":"Ann","admin":true},{"id":"u2","email":"ben@example.com","name":"Ben","pending":true},{"id":"u3","email":"cy@example.com","name":"C\u001b[31my","disabled":true}]}`
	invite := `201 {"id":"u2","email":"ben@example.com","link":"http://127.0.0.1/invite#hd_x","expires_at":"2026-12-01T10:00:00Z"}`
	server, url := serve(t, map[string]string{
		"GET /api/v1/users": people, "POST /api/v1/users": invite, "POST /api/v1/users/u2/link": invite,
	})
	data := t.TempDir()
	d, err := datadir.Open(datadir.Config{Path: data, Version: "1", Format: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	local, err := d.Announce(url, "")
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"HELPDESK_DATA=" + data}

	code, out, errs := call(env, "user", "list")
	want := "EMAIL            NAME    ROLE            STATE\n" +
		"ann@example.com  Ann     platform admin  active\n" +
		"ben@example.com  Ben     member          invited\n" +
		"cy@example.com   C [31my  member          disabled\n"
	if code != 0 || strings.Join(strings.Fields(out), " ") != strings.Join(strings.Fields(want), " ") || errs != "" {
		t.Errorf("list: %d\n%s%s\nwant\n%s", code, out, errs, want)
	}
	code, out, _ = call(env, "user", "list", "--json")
	var list []person
	if err := json.Unmarshal([]byte(out), &list); code != 0 || err != nil || len(list) != 3 {
		t.Errorf("list --json: %d, %v\n%s", code, err, out)
	}
	code, out, errs = call(env, "user", "add", "ben@example.com", "--tenant", "ops", "--tenant", "lab", "--name", "Ben")
	if code != 0 || out != "http://127.0.0.1/invite#hd_x\n" || !strings.Contains(errs, "lets ben@example.com in once") {
		t.Errorf("add: %d, %q, %q", code, out, errs)
	}
	if sent := server.got[len(server.got)-1]; sent != `POST /api/v1/users Bearer `+local.Token+` {"email":"ben@example.com","name":"Ben","admin":false,"tenants":["ops","lab"]}` {
		t.Errorf("sent %s", sent)
	}
	if code, out, _ = call(env, "user", "link", "BEN@example.com"); code != 0 || out != "http://127.0.0.1/invite#hd_x\n" {
		t.Errorf("link: %d, %q", code, out)
	}
	if code, _, errs = call(env, "user", "link", "dee@example.com"); code != 1 || !strings.Contains(errs, "invite them with helpdesk user add dee@example.com") {
		t.Errorf("link for nobody: %d, %q", code, errs)
	}
}

func TestWhatGoesWrongIsSaidInOneSentence(t *testing.T) {
	_, refuses := serve(t, map[string]string{"GET /api/v1/users": `403 {"title":"Forbidden","detail":"Only a platform admin may do this.\u001b]0;x"}`})
	_, foreign := serve(t, map[string]string{"GET /api/v1/users": `200 <html>hello</html>`})
	_, moved := serve(t, map[string]string{"GET /api/v1/users": `302 `})
	gone, goneURL := httptest.NewServer(nil), ""
	goneURL = gone.URL
	gone.Close()
	for _, tt := range []struct {
		name string
		env  []string
		want string
	}{
		{"nobody runs", []string{"HELPDESK_DATA=" + t.TempDir()}, "No server is running on"},
		{"refused", []string{"HELPDESK_URL=" + refuses, "HELPDESK_TOKEN=x"}, "Only a platform admin may do this."},
		{"not HelpDesk", []string{"HELPDESK_URL=" + foreign, "HELPDESK_TOKEN=x"}, "is the address right?"},
		{"sent elsewhere", []string{"HELPDESK_URL=" + moved, "HELPDESK_TOKEN=x"}, "the server answered 302 Found"},
		{"gone", []string{"HELPDESK_URL=" + goneURL, "HELPDESK_TOKEN=x"}, "no server answers at " + goneURL},
		{"no token", []string{"HELPDESK_URL=" + refuses}, "HELPDESK_TOKEN is not"},
		{"unencrypted", []string{"HELPDESK_URL=http://help.example.com", "HELPDESK_TOKEN=x"}, "use https"},
		{"no address", []string{"HELPDESK_URL=help.example.com", "HELPDESK_TOKEN=x"}, "is not a server's address"},
	} {
		code, out, errs := call(tt.env, "user", "list")
		if code != 1 || out != "" || !strings.Contains(errs, tt.want) || strings.Count(errs, "\n") != 1 || strings.Contains(errs, "\x1b") {
			t.Errorf("%s: %d, %q, %q; want %q", tt.name, code, out, errs, tt.want)
		}
	}
}

// A server that does TLS is known by the certificate that it announced, for whatever name that was issued; another one hears
// nothing of the token.
func TestTheRunningServerIsKnownByItsCertificate(t *testing.T) {
	a := &answers{t: t, give: map[string]string{"GET /api/v1/users": `200 {"items":[]}`}}
	s := httptest.NewTLSServer(a)
	t.Cleanup(s.Close)
	data := t.TempDir()
	d, err := datadir.Open(datadir.Config{Path: data, Version: "1", Format: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	sum := sha256.Sum256(s.Certificate().Raw)
	if _, err := d.Announce(s.URL, hex.EncodeToString(sum[:])); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := call([]string{"HELPDESK_DATA=" + data}, "user", "list"); code != 0 || len(a.got) != 1 {
		t.Errorf("its own: %d %s", code, errs)
	}
	sum[0]++
	if _, err := d.Announce(s.URL, hex.EncodeToString(sum[:])); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := call([]string{"HELPDESK_DATA=" + data}, "user", "list"); code != 1 || !strings.Contains(errs, "another certificate") || len(a.got) != 1 {
		t.Errorf("another's: %d %s, %d requests came through", code, errs, len(a.got))
	}
}
