package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// oddBodies are what clients send by mistake or to see what happens.
var oddBodies = map[string]string{
	"none": "", "an empty object": "{}", "null": "null", "a list": "[1,2]", "a text": `"x"`, "half": `{"a":`, "two": "{} {}", "no text": "{\"name\":\"\xff\xfe\"}",
	"a NUL": `{"name":"a\u0000b"}`, "an unknown field": `{"zzz":1}`, "deep": strings.Repeat(`{"a":`, 3000) + "1" + strings.Repeat("}", 3000), "a form": "a=b",
}

// Whatever is sent to any operation gets an answer: never a fault of ours, and where it is an error a problem whose
// sentence ends.
func TestOddRequestsGetAnAnswer(t *testing.T) {
	h := newHouse(t)
	id, _, _ := h.person("someone", false)
	_, cookie, _ := h.person("admin", true)
	key := h.ticket(h.tenant("Blue", id))
	check := func(name string, a ask) answered {
		t.Helper()
		a.cookie = cookie
		got := h.do(a)
		if got.status >= 500 {
			t.Errorf("%s: %s %s answers %d\n%s", name, a.method, a.path, got.status, got.body)
		}
		if got.status < 400 || a.method == http.MethodHead || got.status == http.StatusTeapot {
			return got
		}
		if kind := got.header.Get("Content-Type"); kind != "application/problem+json" {
			t.Errorf("%s: %s %s answers %d as %s\n%s", name, a.method, a.path, got.status, kind, got.body)
		} else if p := got.problem(t); p.Status != got.status || p.Title == "" || p.RequestID == "" || !strings.HasSuffix(p.Detail, ".") {
			t.Errorf("%s: %s %s answers %s", name, a.method, a.path, got.body)
		}
		return got
	}
	each(h.server, func(method, path string, o *huma.Operation) {
		filled := func(key, id, file string) string {
			return strings.NewReplacer("{key}", key, "{id}", id, "{path}", file).Replace(path)
		}
		usual := filled(string(key), "nosuch", "notes/a.txt")
		if o.RequestBody != nil {
			for name, body := range oddBodies {
				check("a body that is "+name, ask{method: method, path: usual, body: body})
			}
			for _, kind := range []string{"", ";;", "application/x-www-form-urlencoded", "Application/JSON; charset=UTF-8", "text/plain"} {
				check("the type "+kind, ask{method: method, path: usual, body: "{}", header: map[string]string{"Content-Type": kind}})
			}
		}
		for _, id := range []string{"..%2f..%2fx", "%00", "%ff", strings.Repeat("x", 5000), "%E2%80%AEx", "-1"} {
			check("an id that is none", ask{method: method, path: filled(id, id, id), body: bodies[o.OperationID]})
		}
		for _, p := range o.Parameters {
			for _, v := range []string{"", "x", "-1", "99999999999999999999", "1e3", "\x00", "\xff", strings.Repeat("x", 5000)} {
				if p.In == "query" {
					check("an odd "+p.Name, ask{method: method, path: usual + "?" + url.Values{p.Name: {v}}.Encode(), body: bodies[o.OperationID]})
				}
			}
		}
		for _, accept := range []string{"text/html", "application/xml", "image/*;q=0.1", ";;", "application/cbor"} {
			if got := check("accepts "+accept, ask{method: method, path: usual, header: map[string]string{"Accept": accept}}); got.status == http.StatusNotAcceptable {
				t.Errorf("%s %s does not answer who accepts %s", method, usual, accept)
			}
		}
		check("a slash at the end", ask{method: method, path: usual + "/"})
		check("the head", ask{method: http.MethodHead, path: usual})
		for _, other := range []string{"OPTIONS", "TRACE", "PURGE", "get"} {
			got := check("another method", ask{method: other, path: usual})
			if allowed := strings.Split(got.header.Get("Allow"), ", "); got.status != http.StatusMethodNotAllowed || !slices.Contains(allowed, method) {
				t.Errorf("%s %s answers %d and allows %v, which lacks %s", other, usual, got.status, allowed, method)
			}
		}
	})
}

// What is right though it looks odd.
func TestRightRequestsThatLookOdd(t *testing.T) {
	h := newHouse(t)
	id, cookie, _ := h.person("member", false)
	key := string(h.ticket(h.tenant("Blue", id)))
	file := "/tickets/" + key + "/files/a"
	for name, c := range map[string]struct {
		a      ask
		status int
		seen   string // what reached the service
	}{
		"an empty file":           {ask{method: "PUT", path: file}, 200, "member write a "},
		"an empty file of a type": {ask{method: "PUT", path: file, header: map[string]string{"Content-Type": "text/plain"}}, 200, "member write a "},
		"a file of any type":      {ask{method: "PUT", path: file, body: "{", header: map[string]string{"Content-Type": "no type at all"}}, 200, "member write a {"},
		"a file of the limit":     {ask{method: "PUT", path: file, body: strings.Repeat("y", 1<<20)}, 200, "member write a " + strings.Repeat("y", 1<<20)},
		"JSON in capitals": {ask{
			method: "POST", path: "/tickets/" + key + "/messages", body: `{"content":"capitals"}`,
			header: map[string]string{"Content-Type": "Application/JSON; Charset=utf-8"},
		}, 202, "member post capitals"},
		"the head of a list":   {ask{method: "HEAD", path: "/tickets"}, 200, ""},
		"the head of a stream": {ask{method: "HEAD", path: "/events?list=true"}, 200, ""},
	} {
		c.a.cookie = cookie
		got := h.do(c.a)
		if got.status != c.status {
			t.Errorf("%s: %d, want %d\n%.300s", name, got.status, c.status, got.body)
		}
		h.fakes.mu.Lock()
		if c.seen != "" && !slices.Contains(h.fakes.seen, c.seen) {
			t.Errorf("%s: it did not reach the service", name)
		}
		h.fakes.mu.Unlock()
	}
}

// Each says what to do, in the words of this API and not of the framework.
func TestOddRequestsHearWhatToDo(t *testing.T) {
	h := newHouse(t)
	id, cookie, _ := h.person("member", false)
	key := string(h.ticket(h.tenant("Blue", id)))
	for name, c := range map[string]struct {
		a      ask
		status int
		says   string
		header string // name: value
	}{
		"no body":               {ask{method: "POST", path: "/tickets/" + key + "/messages"}, 400, "This request needs a body. Send it as JSON.", ""},
		"half a body":           {ask{method: "POST", path: "/tickets/" + key + "/messages", body: `{"content":`}, 400, "The request's body cannot be read. Send it as JSON.", ""},
		"a field that is gone":  {ask{method: "POST", path: "/tickets/" + key + "/messages", body: `{}`}, 422, "body.content: is missing", ""},
		"a field too many":      {ask{method: "POST", path: "/tickets/" + key + "/messages", body: `{"content":"x","colour":"red"}`}, 422, "body.colour: there is no such field", ""},
		"a file without a name": {ask{method: "GET", path: "/tickets/" + key + "/files/"}, 422, "path.path: is missing", ""},
		"no type at all":        {ask{method: "POST", path: "/tickets/" + key + "/messages", body: `{}`, header: map[string]string{"Content-Type": ";;"}}, 415, "Send the body as application/json.", ""},
		"a byte too many":       {ask{method: "PUT", path: "/tickets/" + key + "/files/a", body: strings.Repeat("y", 1<<20+1)}, 413, "at most 1048576 bytes are taken here", ""},
		"another method":        {ask{method: "PATCH", path: "/tickets/" + key + "/files/a"}, 405, "Use GET or PUT or DELETE.", "Allow: GET, HEAD, PUT, DELETE"},
		"no WebSocket":          {ask{method: "GET", path: "/terminals/x/attach"}, 426, "This address speaks WebSocket only.", "Upgrade: websocket"},
		"no WebSocket of a run": {ask{method: "GET", path: "/tickets/" + key + "/runs/x/attach"}, 426, "This address speaks WebSocket only.", "Upgrade: websocket"},
	} {
		c.a.cookie = cookie
		got := h.do(c.a)
		if p := got.problem(t); got.status != c.status || !strings.Contains(p.Detail, c.says) {
			t.Errorf("%s: %d %q, want %d and %q", name, got.status, p.Detail, c.status, c.says)
		}
		if field, want, _ := strings.Cut(c.header, ": "); c.header != "" && got.header.Get(field) != want {
			t.Errorf("%s: %s is %q, want %q", name, field, got.header.Get(field), want)
		}
	}
}
