package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	index  = "<!doctype html><title>AI HelpDesk</title>"
	script = "console.log('hello')"
)

func built(t *testing.T) http.Handler {
	t.Helper()
	p, err := newPage(fstest.MapFS{
		".gitkeep":                  {},
		"index.html.gz":             {Data: zipped(t, index)},
		"theme.js.gz":               {Data: zipped(t, script)},
		"assets/index-AbC123.js.gz": {Data: zipped(t, script)},
		"assets/inter-XyZ.woff2":    {Data: []byte("font")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func get(h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestFilesAreServedAsTheirNamesPromise(t *testing.T) {
	h := built(t)
	const forever, asked = "public, max-age=31536000, immutable", "no-cache"
	for _, c := range []struct {
		path, accept          string
		status                int
		kind, encoding, cache string
		body                  string
	}{
		{"/", "gzip, br", 200, "text/html; charset=utf-8", "gzip", asked, index},
		{"/", "", 200, "text/html; charset=utf-8", "", asked, index},
		{"/", "gzip;q=0, *", 200, "text/html; charset=utf-8", "", asked, index},
		{"/", "br, *;q=0.1", 200, "text/html; charset=utf-8", "gzip", asked, index},
		{"/index.html", "gzip", 200, "text/html; charset=utf-8", "gzip", asked, index},
		{"/tickets/HD-12", "gzip", 200, "text/html; charset=utf-8", "gzip", asked, index},
		{"/admin/../history", "gzip", 200, "text/html; charset=utf-8", "gzip", asked, index},
		{"/.gitkeep", "gzip", 200, "text/html; charset=utf-8", "gzip", asked, index},
		{"/index.html.gz", "gzip", 200, "text/html; charset=utf-8", "gzip", asked, index},
		{"/theme.js", "gzip", 200, "text/javascript; charset=utf-8", "gzip", asked, script},
		{"/assets/index-AbC123.js", "gzip", 200, "text/javascript; charset=utf-8", "gzip", forever, script},
		{"/assets/index-AbC123.js", "identity", 200, "text/javascript; charset=utf-8", "", forever, script},
		{"/assets/inter-XyZ.woff2", "gzip", 200, "font/woff2", "", forever, "font"},
		{"/assets/gone-123.js", "gzip", 404, "text/plain; charset=utf-8", "", "no-store", ""},
		{"/api/v1/nothing", "gzip", 404, "text/plain; charset=utf-8", "", "no-store", ""},
	} {
		w := get(h, c.path, "Accept-Encoding", c.accept)
		if w.Code != c.status || w.Header().Get("Content-Type") != c.kind || w.Header().Get("Content-Encoding") != c.encoding || w.Header().Get("Cache-Control") != c.cache {
			t.Errorf("%s (%s): got %d %v", c.path, c.accept, w.Code, w.Header())
			continue
		}
		body := w.Body.String()
		if c.encoding == "gzip" {
			body = string(unzip(w.Body.Bytes()))
		}
		if c.body != "" && body != c.body {
			t.Errorf("%s (%s): got body %q", c.path, c.accept, body)
		}
	}
}

func TestAnUnchangedFileIsNotSentAgain(t *testing.T) {
	h := built(t)
	for _, accept := range []string{"gzip", "identity"} {
		etag := get(h, "/", "Accept-Encoding", accept).Header().Get("ETag")
		if w := get(h, "/", "Accept-Encoding", accept, "If-None-Match", `"other", W/`+etag); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
			t.Errorf("%s: got %d with %d bytes for the tag of the same file", accept, w.Code, w.Body.Len())
		}
		if w := get(h, "/", "Accept-Encoding", accept, "If-None-Match", `"other"`); w.Code != http.StatusOK {
			t.Errorf("%s: got %d for another tag", accept, w.Code)
		}
	}
}

func TestOnlyReading(t *testing.T) {
	w := httptest.NewRecorder()
	built(t).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
		t.Errorf("POST: got %d %v", w.Code, w.Header())
	}
	w = httptest.NewRecorder()
	built(t).ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/", nil))
	if w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD: got %d, %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
}

func TestAPageThatIsNotBuiltSaysSo(t *testing.T) {
	p, err := newPage(fstest.MapFS{".gitkeep": {}})
	if err != nil {
		t.Fatal(err)
	}
	w := get(p, "/history")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "make run") {
		t.Errorf("got %d %q", w.Code, w.Body.String())
	}
}

func TestWhatIsEmbeddedCanBeServed(t *testing.T) {
	h, err := Handler()
	if err != nil {
		t.Fatal(err)
	}
	if w := get(h, "/"); w.Code != http.StatusOK && w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d", w.Code)
	}
}
