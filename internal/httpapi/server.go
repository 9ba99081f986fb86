// Package httpapi is the door for browsers, the command line and programs: HTTP API v1, described by OpenAPI 3.1.
//
// It promises:
//
//   - Every operation names one permission, and one place decides (guard). An operation without a permission does
//     not start. Not-yours and not-there are the same answer.
//   - Every error is a problem (RFC 9457) with a sentence that says what to do and the id of the request. Of
//     unknown errors nothing is shown.
//   - Nothing is read that was not asked for: unknown fields are refused and bodies have limits.
//   - Other sites can neither act through a signed-in browser (Origin and Fetch metadata) nor reach the server under
//     a name of theirs (Host), and a page from here runs only what came from here (Content-Security-Policy).
//   - Neither secrets nor contents of requests are logged.
package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"helpdesk"
	"helpdesk/internal/auth"
	"helpdesk/internal/directory"
	"helpdesk/internal/live"
	"helpdesk/internal/store"
)

// Config says under which names and limits the API is served.
type Config struct {
	Version        string         // of the program
	Hosts          []string       // names under which requests are accepted, besides loopback's
	Secure         bool           // people come by https, here or at a trusted proxy: cookies never travel otherwise
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	AdminTerminal  bool           // whether there are Terminals of scope admin
	Message        int64          // largest message in bytes; default 256 KiB
	File           int64          // largest file in bytes; default 10 MiB
	Log            *slog.Logger   // default: nothing is logged
}

// Services are what the operations are carried out by.
type Services struct {
	Auth      *auth.Service
	Directory *directory.Service
	Live      *live.Hub
	Store     Store
	Desk      Desk
	Approval  Approval
	Terminals Terminals
	Workspace Workspace
	Attach    http.Handler                    // WebSocket of a terminal; checks Origin and the attachment token itself
	Page      http.Handler                    // the web interface: everything that is not the API
	Ready     func(ctx context.Context) error // nil: always ready
}

// Store is asked to which tenant a ticket or terminal belongs.
type Store interface {
	View(ctx context.Context, reach helpdesk.Reach, fn func(*store.Tx) error) error
}

// Server is the API as an http.Handler.
type Server struct {
	Services
	cfg      Config
	api      huma.API
	mux      *http.ServeMux
	handler  http.Handler // what every request passes, around mux
	declared []operation  // in the order of the reference
	tags     []string     // theirs, in that order
	spec     []byte
	page     []byte // the reference
	where    where
}

// Prefix is where the API is.
const Prefix = "/api/v1"

// New makes the server. It panics where an operation is declared wrongly: that is a fault in this package.
func New(cfg Config, services Services) *Server {
	if cfg.Message == 0 {
		cfg.Message = 256 << 10
	}
	if cfg.File == 0 {
		cfg.File = 10 << 20
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{Services: services, cfg: cfg}
	s.where.tenants = map[string]place{}
	mux := http.NewServeMux()
	s.mux = mux
	s.api = humago.NewWithPrefix(filesMux{mux}, Prefix, s.humaConfig())
	s.api.UseMiddleware(s.guard)
	s.operations()
	s.describe()
	s.page = s.makeReference()
	mux.HandleFunc("GET "+Prefix+"/openapi.json", s.openAPI)
	mux.HandleFunc("GET "+Prefix+"/docs", s.reference)
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("/api/", s.noOperation)
	if services.Page != nil {
		mux.Handle("/", services.Page)
	} else {
		mux.HandleFunc("/", s.noOperation)
	}
	s.handler = s.edge(mux)
	return s
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// operations registers everything there is. The order is that of the reference.
func (s *Server) operations() {
	s.signIn()
	s.people()
	s.tenants()
	s.tickets()
	s.suggestions()
	s.terminals()
	s.files()
	s.events()
}

func (s *Server) humaConfig() huma.Config {
	json := huma.Format{Marshal: marshal, Unmarshal: json.Unmarshal}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "AI HelpDesk", Version: "1",
				Description: "Tickets that people and AI agents work on together. Sign in with a bearer token, or with the cookie of a browser session. " +
					"Lists are {items, next}: give next as cursor to get the following page. A POST that creates something may carry an Idempotency-Key: " +
					"repeated within 24 hours it has its effect once.",
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName), SecuritySchemes: map[string]*huma.SecurityScheme{
				"token":  {Type: "http", Scheme: "bearer", Description: "An API token (hd_…)."},
				"cookie": {Type: "apiKey", In: "cookie", Name: cookieName, Description: "Set by signing in."},
			}},
		},
		Formats:       map[string]huma.Format{"application/json": json, "json": json},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{transformProblem},
	}
}

// filesMux lets the path of a file hold slashes.
type filesMux struct{ *http.ServeMux }

func (m filesMux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	if strings.HasSuffix(pattern, "/files/{path}") {
		pattern = strings.TrimSuffix(pattern, "}") + "...}"
	}
	m.ServeMux.HandleFunc(pattern, h)
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if s.Ready != nil {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		if err := s.Ready(ctx); err != nil {
			s.problem(w, r, helpdesk.WithCause(helpdesk.Unavailable, err, "The server is not ready. Its log says why."))
			return
		}
	}
	s.healthz(w, r)
}

// noOperation answers where there is nothing, or nothing for the method.
func (s *Server) noOperation(w http.ResponseWriter, r *http.Request) {
	if allowed := s.methods(r); len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		s.problem(w, r, &Problem{
			Title: http.StatusText(http.StatusMethodNotAllowed), Status: http.StatusMethodNotAllowed, RequestID: requestID(r.Context()),
			Detail: "This address does not take the method " + r.Method + ". Use " + strings.Join(slices.DeleteFunc(allowed, func(m string) bool { return m == http.MethodHead }), " or ") + ".",
		})
		return
	}
	s.problem(w, r, helpdesk.Errorf(helpdesk.NotFound, "There is nothing at this address. %s/docs lists all that there is.", Prefix))
}

// takes says whether a pattern is that of an operation with the method. Where something can be read, so can its head.
func takes(pattern, method string) bool {
	of, _, ok := strings.Cut(pattern, " ")
	return ok && (of == method || of == http.MethodGet && method == http.MethodHead)
}

// methods lists those that the request's address takes.
func (s *Server) methods(r *http.Request) (allowed []string) {
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		if _, pattern := s.mux.Handler(&http.Request{Method: m, URL: r.URL, Host: r.Host}); takes(pattern, m) {
			allowed = append(allowed, m)
		}
	}
	return allowed
}
