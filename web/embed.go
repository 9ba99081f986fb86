// Package web holds the page: React sources under src, built by `npm run build` into dist, and that dist inside
// the binary.
//
// Promises: a file whose name carries its hash is cached for ever, everything else is asked for again each time;
// every path that is no file answers with the page, which then finds its own way; without a built page the answer
// says how to build it.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// dist holds gzipped files, and fonts as they are. In a fresh clone it is empty but for .gitkeep.
//
//go:embed all:dist
var dist embed.FS

// Handler serves the page that was built into the binary.
func Handler() (http.Handler, error) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, err
	}
	return newPage(files)
}

// types are named here because the machine's own table may lack or change them.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png", ".woff2": "font/woff2", ".wasm": "application/wasm", ".txt": "text/plain; charset=utf-8",
}

const notBuilt = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>AI HelpDesk</title>" +
	"<h1>The web interface is not built</h1><p>Run <code>make run</code>, which builds it, and start HelpDesk again. The API under /api/v1 works meanwhile.</p></html>\n"

// file is one file as it is sent.
type file struct {
	body   []byte // gzipped if gzip
	gzip   bool
	kind   string
	etag   string
	frozen bool // its name changes with its content
}

type page struct {
	files map[string]file // by path, without a leading slash and without .gz
}

func newPage(from fs.FS) (*page, error) {
	p := &page{files: map[string]file{}}
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		body, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		plain, zipped := strings.CutSuffix(name, ".gz")
		kind := types[path.Ext(plain)]
		if kind == "" {
			kind = mime.TypeByExtension(path.Ext(plain))
		}
		if kind == "" {
			kind = "application/octet-stream"
		}
		sum := sha256.Sum256(body)
		p.files[plain] = file{body: body, gzip: zipped, kind: kind, etag: hex.EncodeToString(sum[:12]), frozen: strings.HasPrefix(plain, "assets/")}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("web: read the built page: %w", err)
	}
	return p, nil
}

// ServeHTTP answers with a file, or with the page for every path that is none.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "The page can only be read. The API is under /api/v1.", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	f, ok := p.files[name]
	switch {
	case ok:
	case strings.HasPrefix(name, "assets/") || name == "api" || strings.HasPrefix(name, "api/"):
		// A page for a script or an API would only confuse whoever asked.
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "There is nothing here. A new version may be installed: load the page again.", http.StatusNotFound)
		return
	default:
		if f, ok = p.files["index.html"]; !ok {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Content-Type", types[".html"])
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, notBuilt)
			return
		}
	}
	p.send(w, r, f)
}

func (p *page) send(w http.ResponseWriter, r *http.Request, f file) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "no-cache")
	if f.frozen {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body, etag := f.body, f.etag
	if f.gzip {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Values("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			etag += "-gz"
		} else if body = unzip(body); body == nil {
			http.Error(w, "The page is damaged. Install HelpDesk again.", http.StatusInternalServerError)
			return
		}
	}
	etag = `"` + etag + `"`
	h.Set("ETag", etag)
	if matches(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // whoever asked may be gone
	}
}

func unzip(body []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		return nil
	}
	return plain
}

// acceptsGzip reads Accept-Encoding as far as it matters here: gzip or *, not with q=0.
func acceptsGzip(headers []string) bool {
	any := false
	for item := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		coding, params, _ := strings.Cut(item, ";")
		wanted := true
		for param := range strings.SplitSeq(params, ";") {
			if k, v, _ := strings.Cut(strings.TrimSpace(param), "="); strings.EqualFold(strings.TrimSpace(k), "q") {
				q, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
				wanted = err == nil && q > 0
			}
		}
		switch coding = strings.ToLower(strings.TrimSpace(coding)); coding {
		case "gzip", "x-gzip":
			return wanted
		case "*":
			any = wanted
		}
	}
	return any
}

func matches(header, etag string) bool {
	for item := range strings.SplitSeq(header, ",") {
		item = strings.TrimPrefix(strings.TrimSpace(item), "W/")
		if item == etag || item == "*" {
			return true
		}
	}
	return false
}
