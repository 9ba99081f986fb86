package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"helpdesk"
	"helpdesk/internal/store"
)

// A page of another site cannot act through a browser that is signed in here.
func TestCrossSiteRequestsAreRefused(t *testing.T) {
	h := newHouse(t)
	id, cookie, token := h.person("member", false)
	key := h.ticket(h.tenant("Blue", id))
	post := ask{method: "POST", path: "/tickets/" + string(key) + "/messages", body: `{"content":"x"}`, cookie: cookie}
	for name, c := range map[string]struct {
		header map[string]string
		want   int
	}{
		"another site":              {map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, http.StatusForbidden},
		"a sister site":             {map[string]string{"Sec-Fetch-Site": "same-site"}, http.StatusForbidden},
		"another port":              {map[string]string{"Origin": "http://127.0.0.1:1"}, http.StatusForbidden},
		"an old browser, elsewhere": {map[string]string{"Origin": "https://evil.example"}, http.StatusForbidden},
		"a sandboxed frame":         {map[string]string{"Origin": "null"}, http.StatusForbidden},
		"our page":                  {map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": h.url}, http.StatusAccepted},
		"no browser":                {nil, http.StatusAccepted},
	} {
		post.header = c.header
		got := h.do(post)
		if got.status != c.want {
			t.Errorf("%s: %d, want %d\n%s", name, got.status, c.want, got.body)
		}
	}
	if got := h.do(ask{method: "GET", path: "/me", token: token, header: map[string]string{"Sec-Fetch-Site": "cross-site"}}); got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("other sites may read what is answered")
	}
}

// A page whose own name was pointed at this server gets nothing from it.
func TestForeignHostNames(t *testing.T) {
	h := newHouse(t)
	port := h.url[strings.LastIndex(h.url, ":"):]
	for host, want := range map[string]int{
		"evil.example": 421, "evil.example" + port: 421, "127.0.0.1.evil.example": 421, "10.0.0.1": 421, "localhost.evil.example": 421, "xlocalhost": 421,
		"localhost": 200, "LOCALHOST" + port: 200, "localhost.": 200, "127.0.0.1" + port: 200, "127.9.9.9": 200, "[::1]" + port: 200,
		"help.example.com": 200, "Help.Example.Com:443": 200,
	} {
		for _, path := range []string{"/api/v1/openapi.json", "/", "/assets/x.js"} {
			if got := h.do(ask{path: path, host: host}); got.status != want {
				t.Errorf("%s%s answers %d, want %d", host, path, got.status, want)
			}
		}
	}
	if got := h.do(ask{path: "/healthz", host: "10.1.2.3"}); got.status != 200 {
		t.Errorf("a probe by address gets %d", got.status)
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	h := newHouse(t)
	for _, a := range []ask{{path: "/"}, {path: "/api/v1/docs"}, {path: "/api/v1/nothing"}, {path: "/healthz"}, {path: "/", host: "evil.example"}, {method: "GET", path: "/me"}} {
		got := h.do(a)
		for name, want := range headers {
			if got.header.Get(name) != want {
				t.Errorf("%s: %s is %q", a.path, name, got.header.Get(name))
			}
		}
		if got.header.Get("X-Request-Id") == "" {
			t.Errorf("%s has no request id", a.path)
		}
	}
	csp := headers["Content-Security-Policy"]
	for _, bad := range []string{"'unsafe-eval'", "script-src 'self' 'unsafe-inline'", "*", "http:"} {
		if strings.Contains(csp, bad) {
			t.Errorf("the policy allows %s", bad)
		}
	}
}

// What agents and files bring is never shown as a page of ours.
func TestForeignBytesAreNoPages(t *testing.T) {
	h := newHouse(t)
	id, cookie, _ := h.person("member", false)
	key := string(h.ticket(h.tenant("Blue", id)))
	for _, path := range []string{"/tickets/" + key + "/runs/r1/output", "/tickets/" + key + "/files/page.html"} {
		got := h.do(ask{method: "GET", path: path, cookie: cookie})
		if got.status != 200 || strings.Contains(got.header.Get("Content-Type"), "html") || got.header.Get("Content-Security-Policy") != "sandbox; default-src 'none'" {
			t.Errorf("%s: %d, %v", path, got.status, got.header)
		}
	}
	got := h.do(ask{method: "GET", path: "/tickets/" + key + "/files/a%22b/%E2%80%AEx.html", cookie: cookie})
	if d := got.header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment") {
		t.Errorf("a file is answered as %q", d)
	}
	got = h.do(ask{method: "GET", path: "/tickets/" + key + "/runs/r1/output?from=8", cookie: cookie})
	if got.body != "alert(1)</script>" || got.header.Get("X-Output-Size") != "25" {
		t.Errorf("from an offset: %q of %s", got.body, got.header.Get("X-Output-Size"))
	}
}

func TestWhatIsNotAskedForIsRefused(t *testing.T) {
	h := newHouse(t)
	id, cookie, _ := h.person("member", false)
	key := string(h.ticket(h.tenant("Blue", id)))
	for name, c := range map[string]struct {
		a      ask
		status int
		says   string
	}{
		"an unknown field":    {ask{method: "POST", path: "/tickets", body: `{"tenant":"blue","agent":"runbook","message":"x","mesage":"y"}`}, 422, "body.mesage"},
		"a missing field":     {ask{method: "POST", path: "/tickets", body: `{"tenant":"blue","agent":"runbook"}`}, 422, "message"},
		"a wrong type":        {ask{method: "POST", path: "/tickets/" + key + "/messages", body: `{"content":1}`}, 422, "body.content"},
		"a wrong choice":      {ask{method: "POST", path: "/tickets/" + key + "/suggestions/s/decision", body: `{"decision":"maybe","digest":"x"}`}, 422, "body.decision"},
		"a wrong status":      {ask{method: "PATCH", path: "/tickets/" + key, body: `{"status":"resolved"}`}, 422, "body.status"},
		"no JSON":             {ask{method: "POST", path: "/tickets/" + key + "/messages", body: `{`}, 400, "JSON"},
		"no body":             {ask{method: "POST", path: "/tickets/" + key + "/messages"}, 400, "body"},
		"another kind":        {ask{method: "POST", path: "/tickets/" + key + "/messages", body: `a=b`, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}, 415, "application/json"},
		"too much":            {ask{method: "POST", path: "/tickets/" + key + "/messages", body: `{"content":"` + strings.Repeat("x", 2<<20) + `"}`}, 413, "too large"},
		"too large a file":    {ask{method: "PUT", path: "/tickets/" + key + "/files/a", body: strings.Repeat("x", 1<<20+1)}, 413, "too large"},
		"a cursor of nothing": {ask{method: "GET", path: "/tickets?cursor=AAAA"}, 422, "cursor"},
		"too long a list":     {ask{method: "GET", path: "/tickets?limit=201"}, 422, "query.limit"},
		"a stream's cursor":   {ask{method: "GET", path: "/events?list=true", header: map[string]string{"Last-Event-ID": "x"}}, 422, "cursor"},
		"a stream of nothing": {ask{method: "GET", path: "/events"}, 422, "ticket="},
		"another method":      {ask{method: "PUT", path: "/me"}, 405, "method"},
		"another path":        {ask{method: "GET", path: "/tickets/" + key + "/nothing"}, 404, "docs"},
		"a key that is none":  {ask{method: "GET", path: "/tickets/..%2Fusers"}, 404, "HD-12"},
	} {
		c.a.cookie = cookie
		got := h.do(c.a)
		if got.status != c.status {
			t.Errorf("%s: %d, want %d\n%s", name, got.status, c.status, got.body)
			continue
		}
		if p := got.problem(t); !strings.Contains(p.Detail, c.says) || got.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s", name, got.body)
		}
	}
}

// The problems as they are answered, but for their ids.
func TestGoldenProblems(t *testing.T) {
	h := newHouse(t)
	id, cookie, _ := h.person("member", false)
	key := string(h.ticket(h.tenant("Blue", id)))
	var all strings.Builder
	show := func(title string, a ask) {
		got := h.do(a)
		p := got.problem(t)
		p.RequestID = "…"
		text, err := json.MarshalIndent(p, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "## %s\n%s\n\n", title, text)
	}
	show("nobody is signed in", ask{method: "GET", path: "/me"})
	show("a wrong token", ask{method: "GET", path: "/me", token: "hd_x"})
	show("another scheme", ask{method: "GET", path: "/me", header: map[string]string{"Authorization": "Basic eDp5"}})
	show("for admins", ask{method: "GET", path: "/users", cookie: cookie})
	show("not there, or of others", ask{method: "GET", path: "/tickets/HD-99", cookie: cookie})
	show("an unknown field", ask{method: "POST", path: "/tickets/" + key + "/messages", body: `{"content":"x","colour":"red"}`, cookie: cookie})
	show("no JSON", ask{method: "POST", path: "/tickets/" + key + "/messages", body: `{`, cookie: cookie})
	show("too large", ask{method: "POST", path: "/tickets/" + key + "/turns/release", body: `{"discard":true,"x":"` + strings.Repeat("x", 70_000) + `"}`, cookie: cookie})
	show("another site", ask{method: "POST", path: "/sign-out", header: map[string]string{"Sec-Fetch-Site": "cross-site"}})
	show("another host", ask{method: "GET", path: "/me", host: "evil.example"})
	show("no such operation", ask{method: "GET", path: "/nothing"})
	show("another method", ask{method: "DELETE", path: "/me"})
	show("a wrong password", ask{method: "POST", path: "/sign-in/password", body: `{"email":"member@example.com","password":"wrong"}`})
	show("a spent link", ask{method: "POST", path: "/sign-in", body: `{"token":"x"}`})
	for _, kind := range []helpdesk.Kind{helpdesk.Conflict, helpdesk.TooLarge, helpdesk.TooMany, helpdesk.Unavailable} {
		h.fakes.fault = helpdesk.WithCause(kind, errors.New("a private cause"), "A public sentence.")
		show("a service says "+kind.String(), ask{method: "GET", path: "/tickets/" + key, cookie: cookie})
	}
	h.fakes.fault = errors.New("a private cause")
	show("a fault of ours", ask{method: "GET", path: "/tickets/" + key, cookie: cookie})
	golden(t, "problems.md", all.String())
	if strings.Contains(all.String(), "private") || !strings.Contains(h.log.String(), "a private cause") {
		t.Error("a private cause belongs into the log and nowhere else")
	}
}

// A fault in a handler is answered, logged and over.
func TestPanics(t *testing.T) {
	log := &syncBuffer{}
	s := New(Config{Log: textLog(log)}, Services{Page: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			w.WriteHeader(http.StatusOK)
		}
		panic("at the disco")
	})})
	server := httptest.NewServer(s)
	defer server.Close()
	res, err := http.Get(server.URL + "/early")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var p Problem
	if err := json.NewDecoder(res.Body).Decode(&p); err != nil || p.Status != 500 || p.RequestID == "" || strings.Contains(p.Detail, "disco") {
		t.Errorf("the answer is %+v, %v", p, err)
	}
	if text := log.String(); !strings.Contains(text, "at the disco") || !strings.Contains(text, p.RequestID) {
		t.Errorf("the log is %s", text)
	}
}

// Neither secrets nor contents reach the log.
func TestTheLogIsDiscreet(t *testing.T) {
	h := newHouse(t)
	id, cookie, token := h.person("member", false)
	key := string(h.ticket(h.tenant("Blue", id)))
	h.do(ask{method: "POST", path: "/tickets/" + key + "/messages", body: `{"content":"the-content"}`, cookie: cookie})
	h.do(ask{method: "GET", path: "/tickets?q=the-words", token: token})
	h.do(ask{method: "POST", path: "/sign-in/password", body: `{"email":"a@example.com","password":"the-password"}`})
	h.do(ask{method: "POST", path: "/sign-in", body: `{"token":"the-link"}`})
	log := h.log.String()
	for _, s := range []string{cookie, token, "the-content", "the-words", "the-password", "the-link"} {
		if strings.Contains(log, s) {
			t.Errorf("the log holds %q", s)
		}
	}
	if !strings.Contains(log, "user="+string(id)) || !strings.Contains(log, "status=202") {
		t.Errorf("the log does not say who got what: %s", log)
	}
}

func TestTheAddressBehindProxies(t *testing.T) {
	s := &Server{cfg: Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	for _, c := range []struct{ from, forwarded, want string }{
		{"192.0.2.1:5", "198.51.100.9", "192.0.2.1"},             // not a proxy of ours: it may say what it likes
		{"10.0.0.1:5", "198.51.100.9", "198.51.100.9"},           // one proxy
		{"10.0.0.1:5", "1.1.1.1, 198.51.100.9", "198.51.100.9"},  // what the client made up comes first
		{"10.0.0.1:5", "198.51.100.9, 10.2.3.4", "198.51.100.9"}, // two proxies
		{"10.0.0.1:5", "", "10.0.0.1"},                           // none said
		{"10.0.0.1:5", "nonsense", "10.0.0.1"},                   // or nonsense
		{"10.0.0.1:5", "::ffff:198.51.100.9", "198.51.100.9"},    // an address in the other's clothes
		{"[::ffff:10.0.0.1]:5", "198.51.100.9", "198.51.100.9"},  // the proxy's, too
		{"10.0.0.1:5", "10.9.9.9, 10.2.3.4", "10.9.9.9"},         // somebody inside
		{"[2001:db8::1]:5", "198.51.100.9", "2001:db8::1"},       // the other family
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.from
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := s.clientAddress(r); got != c.want {
			t.Errorf("from %s, forwarded for %q: %s, want %s", c.from, c.forwarded, got, c.want)
		}
	}
}

// A key is bound to who asks, the operation and what was asked.
func TestIdempotencyKeys(t *testing.T) {
	a, b := caller{Actor: helpdesk.Actor{ID: "a"}}, caller{Actor: helpdesk.Actor{ID: "b"}}
	i := Idempotent{IdempotencyKey: "k"}
	one := i.once(a, "createTicket", map[string]string{"message": "x"})
	if again := i.once(a, "createTicket", map[string]string{"message": "x"}); again != one || one.Key != "k" || one.Actor != "a" {
		t.Errorf("the same request: %+v and %+v", one, again)
	}
	for name, other := range map[string]store.Once{
		"another body":      i.once(a, "createTicket", map[string]string{"message": "y"}),
		"another operation": i.once(a, "postMessage", map[string]string{"message": "x"}),
		"another person":    i.once(b, "createTicket", map[string]string{"message": "x"}),
	} {
		if other == one {
			t.Errorf("%s is the same request", name)
		}
	}
	if none := (Idempotent{}).once(a, "createTicket"); none != (store.Once{}) {
		t.Errorf("without a key: %+v", none)
	}
}

// Repeated with its key, a request has its effect once; with another body it is refused.
func TestARepeatedRequest(t *testing.T) {
	h := newHouse(t)
	_, cookie, _ := h.person("admin", true)
	post := func(path, body string) answered {
		return h.do(ask{method: "POST", path: path, body: body, cookie: cookie, header: map[string]string{"Idempotency-Key": "k-" + path}})
	}
	var ids [2]string
	for i := range ids {
		got := post("/tenants", `{"name":"Blue"}`)
		var x Tenant
		if err := json.Unmarshal([]byte(got.body), &x); err != nil || got.status != http.StatusCreated {
			t.Fatalf("%d %s", got.status, got.body)
		}
		ids[i] = x.ID
	}
	if ids[0] != ids[1] {
		t.Errorf("two tenants: %v", ids)
	}
	if got := post("/tenants", `{"name":"Green"}`); got.status != http.StatusUnprocessableEntity {
		t.Errorf("another body with the same key: %d %s", got.status, got.body)
	}
	for range 2 {
		if got := post("/users", `{"email":"new@example.com"}`); got.status != http.StatusCreated || !strings.Contains(got.body, "/invite#") {
			t.Errorf("an invitation: %d %s", got.status, got.body)
		}
		if got := post("/tokens", `{"name":"x"}`); got.status != http.StatusCreated || !strings.Contains(got.body, `"token":"hd_`) {
			t.Errorf("a token: %d %s", got.status, got.body)
		}
	}
	tokens := h.do(ask{method: "GET", path: "/tokens", cookie: cookie})
	if n := strings.Count(tokens.body, `"name":"x"`); n != 1 {
		t.Errorf("there are %d tokens of that name", n)
	}
}

func FuzzTicketCursor(f *testing.F) {
	f.Add(cursorText(store.TicketCursor{Key: "HD-1"}))
	for _, s := range []string{"", "AAAA", "MSAxIEhELTE", "MSAtMSBIRC0x", "MiAxIEhELTE"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseCursor(s)
		if err != nil || s == "" {
			return
		}
		again, err := parseCursor(cursorText(c))
		if err != nil || again != c || c.Key == "" {
			t.Errorf("%q is %+v, and that %+v, %v", s, c, again, err)
		}
	})
}
