package outbound

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"helpdesk"
)

// Config says what a Proxy lets out.
type Config struct {
	Allow       []helpdesk.Destination
	Connections int           // that are open to the outside at once; default 64
	Dial        time.Duration // to find and reach a destination; default 30 s
	Idle        time.Duration // after which a connection ends that carries nothing; default 15 min
	Linger      time.Duration // after which Serve returns when nobody is connected; default 60 s

	Lookup func(ctx context.Context, name string) ([]netip.Addr, error) // default: this host's name service
	Own    func() ([]netip.Addr, error)                                 // default: the addresses of this host's interfaces
}

func (c *Config) setDefaults() {
	if c.Connections == 0 {
		c.Connections = 64
	}
	if c.Dial == 0 {
		c.Dial = 30 * time.Second
	}
	if c.Idle == 0 {
		c.Idle = 15 * time.Minute
	}
	if c.Linger == 0 {
		c.Linger = time.Minute
	}
	if c.Lookup == nil {
		r := &net.Resolver{PreferGo: true} // the system's own way opens Unix sockets, which the process may not
		c.Lookup = func(ctx context.Context, name string) ([]netip.Addr, error) { return r.LookupNetIP(ctx, "ip", name) }
	}
	if c.Own == nil {
		c.Own = own
	}
}

// Proxy lets a sandbox reach the destinations of a list. Make it with New and run it with Serve.
type Proxy struct {
	cfg     Config
	slots   chan struct{} // one for each connection to the outside
	tunnels sync.WaitGroup
	forward *httputil.ReverseProxy
	ending  context.Context // of tunnels, which outlive their request
	reach   func(context.Context, netip.AddrPort) (net.Conn, error)
}

// New makes a proxy. It starts nothing.
func New(cfg Config) *Proxy {
	cfg.setDefaults()
	p := &Proxy{cfg: cfg, slots: make(chan struct{}, cfg.Connections)}
	p.reach = func(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
		d := net.Dialer{Timeout: cfg.Dial / 3}
		return d.DialContext(ctx, "tcp", a.String())
	}
	p.forward = &httputil.ReverseProxy{
		Rewrite: func(*httputil.ProxyRequest) {}, // the request goes where it says; what concerns this hop only is taken out before
		Transport: &http.Transport{
			DisableKeepAlives: true, DisableCompression: true,
			DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
				to, err := helpdesk.ParseDestination(address)
				if err != nil {
					return nil, err
				}
				conn, err := p.dial(ctx, to)
				if err != nil {
					return nil, err
				}
				return newIdleConn(conn, cfg.Idle), nil
			},
		},
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, err error) { refuse(w, err) },
	}
	return p
}

// Serve serves what connects to the listener, until ctx is done or nobody has been connected for a while, and returns
// when all connections have ended. It closes the listener.
func (p *Proxy) Serve(ctx context.Context, listener *net.TCPListener) error {
	ctx, cancel := context.WithCancel(ctx)
	p.ending = ctx
	server := &http.Server{
		Handler: p, DisableGeneralOptionsHandler: true, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(io.Discard, "", 0), BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	err := server.Serve(&door{TCPListener: listener, most: 2 * p.cfg.Connections, linger: p.cfg.Linger})
	ended := ctx.Err() != nil
	cancel()
	last, release := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer release()
	_ = server.Shutdown(last) // the requests under way have ended with their context
	server.Close()            // but for one whose program reads no more
	p.tunnels.Wait()
	if ended || errors.Is(err, errUnused) {
		return nil
	}
	return err
}

// ServeHTTP answers one request of a program in the sandbox.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	default:
		refuse(w, helpdesk.Errorf(helpdesk.TooMany, "%d connections to the outside are open, which is the limit of a sandbox. Close one first.", p.cfg.Connections))
		return
	}
	to, err := destination(r)
	if err != nil {
		refuse(w, err)
		return
	}
	if r.Method == http.MethodConnect {
		p.tunnel(w, r, to)
		return
	}
	r.Host = r.URL.Host
	r.URL.User = nil
	p.forward.ServeHTTP(w, r)
}

// destination reads where a request wants to go.
func destination(r *http.Request) (helpdesk.Destination, error) {
	if r.Method == http.MethodConnect {
		return helpdesk.ParseDestination(r.RequestURI)
	}
	if r.URL.Scheme != "http" || r.URL.Host == "" {
		return "", helpdesk.Errorf(helpdesk.Invalid, "This is an HTTP proxy: use it by CONNECT host:port, or ask for a whole http:// address.")
	}
	port := r.URL.Port()
	if port == "" {
		port = "80"
	}
	return helpdesk.ParseDestination(net.JoinHostPort(r.URL.Hostname(), port))
}

// tunnel joins the program and the destination until one of them leaves or nothing was said for long.
func (p *Proxy) tunnel(w http.ResponseWriter, r *http.Request, to helpdesk.Destination) {
	outside, err := p.dial(r.Context(), to)
	if err != nil {
		refuse(w, err)
		return
	}
	defer outside.Close()
	p.tunnels.Add(1) // while the server still counts the request
	defer p.tunnels.Done()
	inside, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		refuse(w, err)
		return
	}
	defer inside.Close()
	stop := context.AfterFunc(p.ending, func() { inside.Close(); outside.Close() })
	defer stop()
	early := make([]byte, buffered.Reader.Buffered())
	if _, err := io.ReadFull(buffered, early); err != nil {
		return
	}
	if _, err := io.WriteString(inside, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	if _, err := outside.Write(early); err != nil {
		return
	}
	join(inside, outside, p.cfg.Idle)
}

// refuse says no in words: a person reads them who looks at what a program in the sandbox got.
func refuse(w http.ResponseWriter, err error) {
	status := http.StatusBadGateway
	switch helpdesk.KindOf(err) {
	case helpdesk.Forbidden:
		status = http.StatusForbidden
	case helpdesk.Invalid, helpdesk.TooLarge:
		status = http.StatusBadRequest
	case helpdesk.TooMany:
		status = http.StatusServiceUnavailable
	}
	text := helpdesk.PublicText(err) + "\n"
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Connection", "close")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
