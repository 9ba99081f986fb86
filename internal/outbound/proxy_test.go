package outbound

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"helpdesk"
)

// exit is a proxy that runs, and how a program in the sandbox uses it.
type exit struct {
	t       *testing.T
	address string
	served  chan error
	leave   context.CancelFunc
}

func open(t *testing.T, p *Proxy) *exit {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	x := &exit{t, l.Addr().String(), make(chan error, 1), cancel}
	go func() { x.served <- p.Serve(ctx, l.(*net.TCPListener)) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-x.served:
			if err != nil {
				t.Errorf("the proxy ended with %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Error("the proxy does not end")
		}
	})
	return x
}

// raw sends a request as it stands and gives what is answered first.
func (x *exit) raw(request string) (net.Conn, *http.Response) {
	x.t.Helper()
	conn, err := net.Dial("tcp", x.address)
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		x.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		x.t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	method, _, _ := strings.Cut(request, " ")
	r, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		x.t.Fatalf("%q: %v", request, err)
	}
	if method == http.MethodConnect && r.StatusCode == http.StatusOK {
		r.Body = io.NopCloser(in)
	}
	return conn, r
}

func (x *exit) connect(to string) (net.Conn, *http.Response) {
	x.t.Helper()
	return x.raw("CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\n\r\n")
}

func (x *exit) wants(request string, status int, words string) {
	x.t.Helper()
	_, r := x.raw(request)
	text, err := io.ReadAll(r.Body)
	if r.StatusCode != status || !strings.Contains(string(text), words) {
		x.t.Errorf("%q: %d %q %v, want %d and %q", request, r.StatusCode, text, err, status, words)
	}
}

// echo answers each line with it, and at the end of input says goodbye.
func echo(t *testing.T) (address string, port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				for in := bufio.NewScanner(c); in.Scan(); {
					fmt.Fprintf(c, "you said %s\n", in.Text())
				}
				fmt.Fprintln(c, "goodbye")
			})
		}
	})
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return l.Addr().String(), port
}

func TestATunnelToADestinationOfTheList(t *testing.T) {
	there, _ := echo(t)
	x := open(t, New(Config{Allow: []helpdesk.Destination{helpdesk.Destination(there)}}))
	// What is sent behind the request, before its answer, belongs to the tunnel.
	conn, r := x.raw("CONNECT " + there + " HTTP/1.1\r\nHost: ignored:1\r\n\r\nearly\n")
	if r.StatusCode != http.StatusOK {
		t.Fatal(r.Status)
	}
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r.Body)
	if string(got) != "you said early\nyou said hello\ngoodbye\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWebRequestsToADestinationOfTheList(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s host=%s body=%s proxy=%q", r.Method, r.URL, r.Host, body, r.Header.Get("Proxy-Authorization"))
	}))
	defer web.Close()
	host := strings.TrimPrefix(web.URL, "http://")
	x := open(t, New(Config{Allow: []helpdesk.Destination{helpdesk.Destination(host)}}))
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: x.address, User: url.UserPassword("a", "b")})}}
	defer client.CloseIdleConnections()
	for range 3 { // on one connection to the proxy
		r, err := client.Post(web.URL+"/path?q=1", "text/plain", strings.NewReader("content"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		if want := "POST /path?q=1 host=" + host + ` body=content proxy=""`; string(text) != want || err != nil {
			t.Errorf("%q, %v; want %q", text, err, want)
		}
	}
	// The Host that a program names does not choose where it gets to, nor does it arrive.
	x.wants("GET http://"+host+"/ HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n", http.StatusOK, "host="+host)
}

func TestWhatIsNotOnTheListIsRefused(t *testing.T) {
	there, port := echo(t)
	x := open(t, New(Config{
		Allow:  []helpdesk.Destination{"127.0.0.1:1", "api.example:443", helpdesk.Destination("mirror.example:" + port)},
		Lookup: func(context.Context, string) ([]netip.Addr, error) { t.Error("a name was looked up"); return nil, nil },
	}))
	for request, want := range map[string]struct {
		status int
		words  string
	}{
		"CONNECT " + there + " HTTP/1.1\r\nHost: " + there + "\r\n\r\n":            {403, there + " is not among"},
		"CONNECT api.example:80 HTTP/1.1\r\nHost: x\r\n\r\n":                       {403, "api.example:80 is not among"},
		"CONNECT x.api.example:443 HTTP/1.1\r\nHost: x\r\n\r\n":                    {403, "is not among"},
		"CONNECT api.example.evil:443 HTTP/1.1\r\nHost: api.example:443\r\n\r\n":   {403, "is not among"},
		"CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: x\r\n\r\n":                   {403, "is not among"},
		"CONNECT [::1]:" + port + " HTTP/1.1\r\nHost: x\r\n\r\n":                   {403, "is not among"},
		"CONNECT localhost:" + port + " HTTP/1.1\r\nHost: x\r\n\r\n":               {400, "localhost"},
		"CONNECT 0x7f000001:" + port + " HTTP/1.1\r\nHost: x\r\n\r\n":              {400, "0x7f000001"},
		"GET http://" + there + "/ HTTP/1.1\r\nHost: " + there + "\r\n\r\n":        {403, "is not among"},
		"GET http://api.example/ HTTP/1.1\r\nHost: api.example\r\n\r\n":            {403, "api.example:80 is not among"},
		"GET https://api.example/ HTTP/1.1\r\nHost: api.example\r\n\r\n":           {400, "CONNECT"},
		"GET ftp://api.example:443/ HTTP/1.1\r\nHost: api.example\r\n\r\n":         {400, "CONNECT"},
		"GET / HTTP/1.1\r\nHost: api.example:443\r\n\r\n":                          {400, "CONNECT"},
		"OPTIONS * HTTP/1.1\r\nHost: api.example:443\r\n\r\n":                      {400, "CONNECT"},
		"CONNECT / HTTP/1.1\r\nHost: api.example:443\r\n\r\n":                      {400, ""},
		"CONNECT api.example:443#:1 HTTP/1.1\r\nHost: x\r\n\r\n":                   {400, ""},
		"CONNECT 127.0.0.1:1@api.example:443 HTTP/1.1\r\nHost: x\r\n\r\n":          {400, ""},
		"CONNECT api.example:443 HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 40000): {431, ""},
	} {
		x.wants(request, want.status, want.words)
	}
}

// names is a name service whose answers change each time, as one does that rebinds, and a way out that notes where it
// was asked to go.
type names struct {
	mu      sync.Mutex
	answers map[string][][]netip.Addr
	asked   []string
	went    []string
}

func (n *names) lookup(_ context.Context, name string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, name)
	a := n.answers[name]
	if len(a) == 0 {
		return nil, errors.New("no such name")
	}
	n.answers[name] = a[1:]
	return a[0], nil
}

func (n *names) reach(there string, silent ...string) func(context.Context, netip.AddrPort) (net.Conn, error) {
	return func(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
		n.mu.Lock()
		n.went = append(n.went, a.String())
		n.mu.Unlock()
		if slices.Contains(silent, a.Addr().String()) {
			return nil, errors.New("no route")
		}
		var d net.Dialer
		return d.DialContext(ctx, "tcp", there)
	}
}

func addresses(list ...string) (all []netip.Addr) {
	for _, a := range list {
		all = append(all, netip.MustParseAddr(a))
	}
	return all
}

func TestANameIsResolvedOnceAndThatAddressIsUsed(t *testing.T) {
	there, _ := echo(t)
	n := &names{answers: map[string][][]netip.Addr{"api.example.": {addresses("192.0.2.1", "192.0.2.7"), addresses("127.0.0.1")}}}
	p := New(Config{Allow: []helpdesk.Destination{"api.example:443"}, Lookup: n.lookup})
	p.reach = n.reach(there, "192.0.2.1")
	x := open(t, p)
	conn, r := x.connect("API.example.:443")
	if r.StatusCode != http.StatusOK {
		t.Fatal(r.Status)
	}
	conn.Close()
	if got := fmt.Sprint(n.asked, n.went); got != "[api.example.] [192.0.2.1:443 192.0.2.7:443]" {
		t.Errorf("asked and went: %s", got)
	}
	// The second answer is the host's own loopback.
	x.wants("CONNECT api.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", 403, "by its address only")
	x.wants("CONNECT api.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", 502, "could not be found")
	if len(n.went) != 2 {
		t.Errorf("it went to %v", n.went)
	}
}

func TestWhereANameMayNotLead(t *testing.T) {
	ours := addresses("198.51.100.9", "2001:db8::9")
	for _, a := range []string{
		"127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "0.0.0.7", "::", "169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "100.100.100.200",
		"168.63.129.16", "198.51.100.9", "2001:db8::9", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:198.51.100.9", "64:ff9b::7f00:1",
		"64:ff9b::a9fe:a9fe", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "224.0.0.1", "ff02::1", "255.255.255.255",
	} {
		if refusal(netip.MustParseAddr(a), ours) == "" {
			t.Errorf("a name may lead to %s", a)
		}
	}
	for _, a := range []string{"192.0.2.1", "10.1.2.3", "192.168.1.1", "2001:db8::1", "fd12::1", "64:ff9b::c000:201"} {
		if why := refusal(netip.MustParseAddr(a), ours); why != "" {
			t.Errorf("%s: %s", a, why)
		}
	}
	mine, err := own()
	if err != nil || len(mine) == 0 {
		t.Errorf("the addresses of this host: %v, %v", mine, err)
	}
}

// Of several addresses those that are refused are left out.
func TestAnAddressAmongOthersIsRefused(t *testing.T) {
	there, _ := echo(t)
	n := &names{answers: map[string][][]netip.Addr{"api.example.": {addresses("169.254.169.254", "192.0.2.7")}}}
	p := New(Config{Allow: []helpdesk.Destination{"api.example:80"}, Lookup: n.lookup})
	p.reach = n.reach(there)
	_, r := open(t, p).connect("api.example:80")
	if r.StatusCode != http.StatusOK || fmt.Sprint(n.went) != "[192.0.2.7:80]" {
		t.Errorf("%s, went to %v", r.Status, n.went)
	}
}

func TestHowMuchMayBeOpenAtOnce(t *testing.T) {
	there, _ := echo(t)
	x := open(t, New(Config{Allow: []helpdesk.Destination{helpdesk.Destination(there)}, Connections: 2}))
	first, r := x.connect(there)
	if _, r2 := x.connect(there); r.StatusCode != 200 || r2.StatusCode != 200 {
		t.Fatal(r.Status, r2.Status)
	}
	x.wants("CONNECT "+there+" HTTP/1.1\r\nHost: x\r\n\r\n", 503, "2 connections")
	first.Close()
	for late := time.Now().Add(30 * time.Second); ; {
		if conn, r := x.connect(there); r.StatusCode == 200 {
			conn.Close()
			break
		}
		if time.Now().After(late) {
			t.Fatal("a place that was given back is not to be had")
		}
	}
}

func TestWhatIsIdleEnds(t *testing.T) {
	there, _ := echo(t)
	x := open(t, New(Config{Allow: []helpdesk.Destination{helpdesk.Destination(there)}, Idle: 50 * time.Millisecond}))
	_, r := x.connect(there)
	if r.StatusCode != 200 {
		t.Fatal(r.Status)
	}
	if text, err := io.ReadAll(r.Body); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Errorf("%q, %v", text, err)
	}
}

func TestItEndsWhenNobodyIsConnected(t *testing.T) {
	there, _ := echo(t)
	x := open(t, New(Config{Allow: []helpdesk.Destination{helpdesk.Destination(there)}, Linger: 20 * time.Millisecond}))
	conn, r := x.connect(there)
	if r.StatusCode != 200 {
		t.Fatal(r.Status)
	}
	for n := range 20 { // it lives as long as somebody is there
		if _, err := io.WriteString(conn, strconv.Itoa(n)+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	conn.Close()
	select {
	case err := <-x.served:
		x.served <- err
	case <-time.After(30 * time.Second):
		t.Error("it waits for ever")
	}
}

// Tunnels and requests under way end with the proxy.
func TestEndingEndsTunnels(t *testing.T) {
	there, _ := echo(t)
	x := open(t, New(Config{Allow: []helpdesk.Destination{helpdesk.Destination(there)}}))
	_, r := x.connect(there)
	if r.StatusCode != 200 {
		t.Fatal(r.Status)
	}
	x.leave()
	_, _ = io.ReadAll(r.Body) // it comes to its end
	select {
	case err := <-x.served:
		x.served <- err
	case <-time.After(30 * time.Second):
		t.Error("the proxy does not end")
	}
}
