package terminal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
	"helpdesk/internal/terminal"
	"helpdesk/internal/workspace"
)

func TestMain(m *testing.M) { launchtest.Main(m) }

// takesLong keeps a test out of the quick ones; what -short runs is the main story and what is lost most easily.
func takesLong(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("not with -short: it starts sandboxes and waits for them")
	}
}

// patience is how long a test waits for what must come; no test waits for time to pass.
const patience = 90 * time.Second

// house is a server's part that keeps terminals, on a real launcher and a real database.
type house struct {
	t        testing.TB
	store    *store.Store
	launcher *launchtest.Launcher
	service  *terminal.Service
	files    *workspace.Service
	cfg      terminal.Config
	web      *httptest.Server
	notify   atomic.Pointer[terminal.Service]
	paused   atomic.Bool // some program was made to wait
	leave    func()

	tenant helpdesk.TenantID
	ticket helpdesk.TicketKey
	ann    helpdesk.Actor // a member
	bob    helpdesk.Actor // another
	admin  helpdesk.Actor
	eve    helpdesk.Actor // of another tenant

	mu      sync.Mutex
	revoked map[string]bool // people who are signed out
}

func open(t testing.TB, cfg terminal.Config) *house {
	t.Helper()
	h := &house{t: t, cfg: cfg, revoked: map[string]bool{}}
	h.launcher = launchtest.Start(t, launchtest.Config{
		Launch: launch.Config{AllowHost: true},
		Notify: func(st launch.Status) {
			if st.Paused == launch.PausedByAsk {
				h.paused.Store(true)
			}
			if s := h.notify.Load(); s != nil {
				s.Notice(st)
			}
		},
	})
	h.store = storetest.Open(t, store.Config{Dir: storetest.SQLite(t)})
	h.tenant = "tenant-blue"
	must(t, h.store.SystemUpdate(t.Context(), store.Directory, func(tx *store.System) error {
		_, err := tx.InsertTenant(helpdesk.Tenant{ID: "tenant-this", Key: "this-machine", Name: "This machine", Prefix: "TM", Place: helpdesk.PlaceHostView, CreatedAt: time.Now()})
		if err == nil {
			_, err = tx.InsertTenant(helpdesk.Tenant{ID: h.tenant, Key: "blue", Name: "Blue", Prefix: "BL", Place: helpdesk.PlaceSandbox, CreatedAt: time.Now()})
		}
		return err
	}))
	h.ann = helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "ann", Name: "Ann", Tenants: []helpdesk.TenantID{h.tenant, "tenant-this"}}
	h.bob = helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "bob", Name: "Bob", Tenants: []helpdesk.TenantID{h.tenant}}
	h.admin = helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "root", Name: "Root", Admin: true}
	h.eve = helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "eve", Name: "Eve", Tenants: []helpdesk.TenantID{"tenant-red"}}
	h.ticket = h.newTicket(h.tenant)
	h.serve()
	t.Cleanup(func() { h.leave() })
	return h
}

// serve starts the service, as a server's start does.
func (h *house) serve() {
	h.files = workspace.New(workspace.Config{}, h.store, h.launcher.Client)
	cfg := h.cfg
	cfg.Log = slog.New(slog.NewTextHandler(testLog{h.t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg.Login = h.login
	h.service = terminal.New(cfg, h.store, h.launcher.Client, variables{}, h.files)
	h.notify.Store(h.service)
	ctx, cancel := context.WithCancel(context.Background())
	var own sync.WaitGroup
	service := h.service
	own.Go(func() { _ = service.Run(ctx) })
	mux := http.NewServeMux()
	mux.HandleFunc("GET /attach/{id}", func(w http.ResponseWriter, r *http.Request) { service.ServeAttach(w, r, r.PathValue("id")) })
	h.web = httptest.NewServer(mux)
	web := h.web
	h.leave = sync.OnceFunc(func() { cancel(); own.Wait(); web.Close() })
}

// restart is what a server that is started again finds: the same launcher, the same database.
func (h *house) restart() {
	h.leave()
	h.launcher.Connect()
	h.serve()
}

type variables struct{}

func (variables) Environment(context.Context, helpdesk.TenantID) (map[string]string, error) {
	return map[string]string{"FAVOURITE": "blue cheese"}, nil
}

// login stands for the door: the person's name is in a header, or in a cookie.
func (h *house) login(r *http.Request) (terminal.Login, error) {
	name, cookie := r.Header.Get("Authorization"), false
	if c, err := r.Cookie("who"); err == nil {
		name, cookie = c.Value, true
	}
	return terminal.Login{Cookie: cookie, Actor: func(context.Context) (helpdesk.Actor, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, a := range []helpdesk.Actor{h.ann, h.bob, h.admin, h.eve} {
			if a.ID == name && !h.revoked[name] {
				return a, nil
			}
		}
		return helpdesk.Actor{}, helpdesk.Errorf(helpdesk.Unauthorized, "Sign in first.")
	}}, nil
}

func (h *house) signOut(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.revoked[name] = true
}

func (h *house) newTicket(tenant helpdesk.TenantID) (key helpdesk.TicketKey) {
	h.t.Helper()
	must(h.t, h.store.Update(context.Background(), tenant, func(tx *store.Tx) error {
		prefix, n, err := tx.NextTicketNumber()
		if err != nil {
			return err
		}
		key = helpdesk.MakeTicketKey(prefix, n)
		return tx.InsertTicket(helpdesk.Ticket{Key: key, Tenant: tenant, Title: "It is slow", Status: helpdesk.TicketOpen, Activity: helpdesk.ActivityIdle, CreatedBy: h.ann.By(), CreatedAt: time.Now(), ChangedAt: time.Now()})
	}))
	return key
}

func (h *house) setStatus(status helpdesk.TicketStatus) {
	h.t.Helper()
	must(h.t, h.store.Update(context.Background(), h.tenant, func(tx *store.Tx) error {
		x, err := tx.LockTicket(h.ticket)
		if err != nil {
			return err
		}
		x.Status = status
		return tx.SaveTicket(x)
	}))
}

func (h *house) openTerminal() helpdesk.Terminal {
	h.t.Helper()
	x, err := h.service.Open(h.ctx(), h.ann, h.ticket, terminal.Opening{Scope: helpdesk.ScopeTenant, Cols: 80, Rows: 24}, store.Once{})
	must(h.t, err)
	return x
}

func (h *house) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	h.t.Cleanup(cancel)
	return ctx
}

// facts gives what the ticket's log says of one kind.
func facts[F event.Fact](h *house) (all []F) {
	h.t.Helper()
	var zero F
	must(h.t, h.store.View(h.ctx(), h.admin.Reach(), func(tx *store.Tx) error {
		events, err := tx.Timeline(h.ticket, store.Span{Limit: 1000})
		for _, e := range events {
			if e.Kind != event.Kind(zero) {
				continue
			}
			f, err := event.Decode(e.Kind, e.Data)
			if err != nil {
				return err
			}
			all = append(all, f.(F))
		}
		return err
	}))
	return all
}

// tab is a browser's terminal: it attaches, keeps every byte at its offset, and acknowledges.
type tab struct {
	h      *house
	id     string
	who    helpdesk.Actor
	viewer string
	conn   *websocket.Conn
	done   chan struct{}

	mu       sync.Mutex
	changed  chan struct{}
	start    *terminal.Start
	screens  []terminal.Screen
	from     int64  // of the first byte of got
	got      []byte // output since the last screen
	acks     bool   // whether it acknowledges
	taken    uint64 // newest input-ack
	seq      uint64
	size     terminal.Resized
	exit     *terminal.Exit
	notices  []terminal.Notice
	presence string
	pongs    int
	closed   error
}

type attaching struct {
	viewer string // default: one of its own
	from   *int64
	cols   int
	rows   int
	silent bool // does not acknowledge
	header http.Header
}

var tabs atomic.Int64

func (h *house) attach(who helpdesk.Actor, id helpdesk.TerminalID, a attaching) *tab {
	h.t.Helper()
	att, err := h.service.AttachTerminal(h.ctx(), who, id)
	must(h.t, err)
	b := h.connect(who, string(id), att.Token, a)
	b.until("the start", func() bool { return b.start != nil })
	return b
}

func (h *house) connect(who helpdesk.Actor, id, token string, a attaching) *tab {
	h.t.Helper()
	if a.viewer == "" {
		a.viewer = "viewer-" + string(rune('a'+tabs.Add(1)%26)) + strings.Repeat("x", int(tabs.Load()%40))
	}
	if a.cols == 0 {
		a.cols, a.rows = 80, 24
	}
	if a.header == nil {
		a.header = http.Header{"Authorization": {who.ID}}
	}
	conn, _, err := websocket.Dial(h.ctx(), h.web.URL+"/attach/"+id, &websocket.DialOptions{HTTPHeader: a.header})
	must(h.t, err)
	conn.SetReadLimit(2 << 20)
	b := &tab{h: h, id: id, who: who, viewer: a.viewer, conn: conn, done: make(chan struct{}), changed: make(chan struct{}), acks: !a.silent, from: -1}
	if a.from != nil {
		b.from = *a.from
	}
	hello, _ := json.Marshal(map[string]any{"token": token, "viewer": a.viewer, "from": a.from, "cols": a.cols, "rows": a.rows})
	must(h.t, conn.Write(h.ctx(), websocket.MessageText, hello))
	go b.read()
	h.t.Cleanup(func() { conn.CloseNow(); <-b.done })
	return b
}

func (b *tab) read() {
	defer close(b.done)
	for {
		_, p, err := b.conn.Read(context.Background())
		b.mu.Lock()
		if err != nil {
			b.closed = err
		} else if f, err := terminal.DecodeServer(p); err != nil {
			b.h.t.Errorf("a frame from the server: %v", err)
		} else {
			b.take(f)
		}
		close(b.changed)
		b.changed = make(chan struct{})
		b.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (b *tab) take(f terminal.Frame) {
	switch f := f.(type) {
	case terminal.Start:
		b.start, b.size = &f, terminal.Resized{Cols: f.Cols, Rows: f.Rows}
		b.seq = f.Input
	case terminal.Screen:
		b.screens = append(b.screens, terminal.Screen{Offset: f.Offset, Cols: f.Cols, Rows: f.Rows, Data: slices.Clone(f.Data)})
		b.from, b.got = f.Offset, nil
	case terminal.Output:
		if f.Offset != b.from+int64(len(b.got)) {
			b.h.t.Errorf("output begins at %d, and %d was expected: there is a hole or an overlap", f.Offset, b.from+int64(len(b.got)))
		}
		b.got = append(b.got, f.Data...)
		if b.acks {
			b.write(terminal.Ack{Offset: f.Offset + int64(len(f.Data))})
		}
	case terminal.InputAck:
		b.taken = f.Seq
	case terminal.Resized:
		b.size = f
	case terminal.Exit:
		b.exit = &f
	case terminal.Notice:
		b.notices = append(b.notices, f)
	case terminal.Presence:
		b.presence = string(f.JSON)
	case terminal.Pong:
		b.pongs++
	}
}

func (b *tab) write(f terminal.Frame) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = b.conn.Write(ctx, websocket.MessageBinary, terminal.Encode(nil, f)) // what comes of it shows in what is read
}

// type_ sends input and gives its number.
func (b *tab) type_(text string) uint64 {
	b.mu.Lock()
	b.seq++
	seq := b.seq
	b.mu.Unlock()
	b.write(terminal.Input{Seq: seq, Data: []byte(text)})
	return seq
}

// until waits until what the tab has seen is as wanted.
func (b *tab) until(what string, ok func() bool) {
	b.h.t.Helper()
	late := time.After(patience)
	for {
		b.mu.Lock()
		yes, changed, closed := ok(), b.changed, b.closed
		tail := string(b.got[max(0, len(b.got)-400):])
		b.mu.Unlock()
		if yes {
			return
		}
		if closed != nil {
			b.h.t.Fatalf("%s did not come before the connection closed: %v; the screen ends with %q", what, closed, tail)
		}
		select {
		case <-changed:
		case <-late:
			st := b.h.launcher.WaitFor(b.id, func(launch.Status) bool { return true })
			b.mu.Lock()
			defer b.mu.Unlock()
			b.h.t.Fatalf("%s did not come; of %d inputs %d are taken, %d bytes came from %d, the record has %d; the screen ends with %q", what, b.seq, b.taken, len(b.got), b.from, st.End, tail)
		}
	}
}

// sees waits for text in the output.
func (b *tab) sees(text string) {
	b.h.t.Helper()
	b.until("the text "+text, func() bool { return bytes.Contains(b.got, []byte(text)) })
}

// closes waits for the connection's end and gives its code.
func (b *tab) closes() websocket.StatusCode {
	b.h.t.Helper()
	b.until("the end of the connection", func() bool { return b.closed != nil })
	b.mu.Lock()
	defer b.mu.Unlock()
	return websocket.CloseStatus(b.closed)
}

func (b *tab) output() (from int64, data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.from, slices.Clone(b.got)
}

func (b *tab) drop() { b.conn.CloseNow(); <-b.done }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}
