package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"helpdesk"
)

// headers are on every answer, the page's included.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
		"worker-src 'self' blob:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}

// trace is what is known of a request while it is answered.
type trace struct {
	id   string
	user string
}

type traceKey struct{}

func requestID(ctx context.Context) string {
	if t, ok := ctx.Value(traceKey{}).(*trace); ok {
		return t.id
	}
	return ""
}

// note keeps who asked, for the access log.
func note(ctx context.Context, user string) {
	if t, ok := ctx.Value(traceKey{}).(*trace); ok {
		t.user = user
	}
}

// edge is what every request passes, from outside to inside: id, log, panics, headers, host, origin.
func (s *Server) edge(inner http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.problem(w, r, helpdesk.Errorf(helpdesk.Forbidden, "This request came from another site. Use HelpDesk's own pages, or an API token."))
	}))
	guarded := origin.Handler(inner)
	hosts := map[string]bool{"localhost": true}
	for _, h := range s.cfg.Hosts {
		hosts[hostName(h)] = true
	}
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		start := time.Now()
		t := &trace{id: newRequestID()}
		r = r.WithContext(context.WithValue(r.Context(), traceKey{}, t))
		w := &response{ResponseWriter: out}
		h := w.Header()
		h.Set("X-Request-Id", t.id)
		for name, value := range headers {
			h.Set(name, value)
		}
		if s.cfg.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
		}
		defer func() {
			if fault := recover(); fault != nil {
				if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(fault)
				}
				s.cfg.Log.Error("panic", "id", t.id, "method", r.Method, "path", r.URL.Path, "fault", fault, "stack", string(debug.Stack()))
				if w.status != 0 {
					panic(http.ErrAbortHandler) // half an answer is none
				}
				s.problem(w, r, &Problem{
					Title: http.StatusText(http.StatusInternalServerError), Status: http.StatusInternalServerError,
					Detail: helpdesk.PublicText(nil), RequestID: t.id,
				})
			}
			s.cfg.Log.Log(r.Context(), accessLevel(r.Method, w.status), "request", "id", t.id, "method", r.Method, "path", r.URL.Path, "status", w.status, "bytes", w.bytes,
				"ms", time.Since(start).Milliseconds(), "user", t.user, "from", s.clientAddress(r))
		}()
		if name := hostName(r.Host); !hosts[name] && !isLoopback(name) && r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
			s.problem(w, r, &Problem{
				Title: http.StatusText(http.StatusMisdirectedRequest), Status: http.StatusMisdirectedRequest, RequestID: t.id,
				Detail: "This server does not answer to the name in the request's Host header. Add the name to HELPDESK_HOSTS if it is the server's own.",
			})
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

// accessLevel keeps the log short: what was merely looked at is for debugging.
func accessLevel(method string, status int) slog.Level {
	if (method == http.MethodGet || method == http.MethodHead) && status < http.StatusBadRequest {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// hostName is the name in a Host header, without port, in small letters.
func hostName(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func isLoopback(name string) bool {
	a, err := netip.ParseAddr(name)
	return err == nil && a.IsLoopback()
}

// clientAddress is the address of the browser: of whoever connected, or, behind trusted proxies, the last one
// that they saw which is not a proxy itself.
func (s *Server) clientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if !s.trusted(host) {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, v := range slices.Backward(hops) {
		hop := strings.TrimSpace(v)
		a, err := netip.ParseAddr(hop)
		if err != nil {
			break
		}
		host = a.Unmap().String()
		if !s.trusted(host) {
			break
		}
	}
	return host
}

func (s *Server) trusted(address string) bool {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	for _, p := range s.cfg.TrustedProxies {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// response notes what was answered.
type response struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader notes the status.
func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController and WebSockets reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func newRequestID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails: it ends the program instead
	return hex.EncodeToString(b[:])
}
