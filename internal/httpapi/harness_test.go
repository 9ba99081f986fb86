package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/auth"
	"helpdesk/internal/bus"
	"helpdesk/internal/directory"
	"helpdesk/internal/live"
	"helpdesk/internal/secret"
	"helpdesk/internal/store"
	"helpdesk/internal/workspace"
)

// house is a server with real people, tenants, store, bus and streams; what works on tickets is a fake that notes
// who came through.
type house struct {
	t      testing.TB
	url    string
	store  *store.Store
	auth   *auth.Service
	dir    *directory.Service
	hub    *live.Hub
	server *Server
	fakes  *fakes
	log    *syncBuffer
}

const bootstrapToken = "bootstrap-token-of-this-test"

func newHouse(t testing.TB) *house {
	t.Helper()
	return newHouseWith(t, live.Config{Heartbeat: 50 * time.Millisecond, Recheck: 50 * time.Millisecond})
}

func newHouseWith(t testing.TB, streams live.Config) *house {
	t.Helper()
	ctx := t.Context()
	b, err := bus.Start(bus.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	st, err := store.Open(ctx, store.Config{Dir: t.TempDir(), Committed: live.Announce(b.Publish)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	key, err := secret.NewKey(make([]byte, secret.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, store: st, fakes: &fakes{store: st}, log: &syncBuffer{}}
	h.auth = auth.New(auth.Config{AdminToken: bootstrapToken, BaseURL: "http://127.0.0.1"}, st)
	h.dir = directory.New(directory.Config{Changed: h.auth.Changed}, st, store.NewRoster(st), key)
	agent := helpdesk.Agent{ID: "runbook", Name: "Runbooks", Kind: helpdesk.AgentRunbook, Domain: "This machine"}
	instance := helpdesk.Instance{ID: "runbook-1", Agent: "runbook", Name: "Built in", AllTenants: true}
	if err := h.dir.Seed(ctx, []helpdesk.Agent{agent}, []helpdesk.Instance{instance}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.auth.EnsureAdmin(ctx); err != nil {
		t.Fatal(err)
	}
	h.hub = live.New(streams, st, b)
	hubCtx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = h.hub.Run(hubCtx) })
	t.Cleanup(running.Wait)
	t.Cleanup(stop)
	h.server = New(Config{Version: "test", Hosts: []string{"help.example.com"}, AdminTerminal: true, File: 1 << 20, Log: textLog(h.log)}, Services{
		Auth: h.auth, Directory: h.dir, Live: h.hub, Store: st, Desk: h.fakes, Approval: h.fakes, Terminals: terminalFake{h.fakes}, Workspace: workspaceFake{h.fakes},
		Attach: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }),
		Page:   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!doctype html>") }),
	})
	web := httptest.NewServer(h.server)
	t.Cleanup(web.Close)
	h.url = web.URL
	return h
}

// tenant makes a tenant and gives its id.
func (h *house) tenant(name string, members ...helpdesk.UserID) helpdesk.TenantID {
	h.t.Helper()
	x, err := h.dir.CreateTenant(h.t.Context(), helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "test", Admin: true}, directory.NewTenant{Name: name, Members: members}, store.Once{})
	if err != nil {
		h.t.Fatal(err)
	}
	return x.ID
}

// person makes a person who has come in, and gives their id, cookie and token.
func (h *house) person(name string, admin bool) (id helpdesk.UserID, cookie, token string) {
	h.t.Helper()
	ctx := h.t.Context()
	root := helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "test", Admin: true}
	in, err := h.auth.Invite(ctx, root, auth.NewPerson{Email: name + "@example.com", Name: name, Admin: admin}, store.Once{})
	if err != nil {
		h.t.Fatal(err)
	}
	_, secret, _ := strings.Cut(in.Link.URL, "#")
	sess, err := h.auth.Accept(ctx, secret, name, "", auth.Client{Address: "127.0.0.1"})
	if err != nil {
		h.t.Fatal(err)
	}
	_, token, err = h.auth.CreateToken(ctx, helpdesk.Actor{Kind: helpdesk.ActorUser, ID: string(in.ID), Name: name}, "test", store.Once{})
	if err != nil {
		h.t.Fatal(err)
	}
	return in.ID, sess.Secret, token
}

// ticket stores a ticket of a tenant, with its first event.
func (h *house) ticket(tenant helpdesk.TenantID) helpdesk.TicketKey {
	h.t.Helper()
	var key helpdesk.TicketKey
	err := h.store.Update(h.t.Context(), tenant, func(tx *store.Tx) error {
		prefix, n, err := tx.NextTicketNumber()
		if err != nil {
			return err
		}
		key = helpdesk.MakeTicketKey(prefix, n)
		now := time.Now()
		if err := tx.InsertTicket(helpdesk.Ticket{
			Key: key, Tenant: tenant, Title: "The disk is full", Status: helpdesk.TicketOpen, Activity: helpdesk.ActivityIdle,
			Agent: "runbook", Instance: "runbook-1", CreatedAt: now, ChangedAt: now,
		}); err != nil {
			return err
		}
		_, err = tx.Emit(key, helpdesk.System("test").By(), event.TicketCreated{Title: "The disk is full"}, now)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return key
}

func (h *house) terminal(tenant helpdesk.TenantID, key helpdesk.TicketKey, id helpdesk.TerminalID, scope helpdesk.Scope) {
	h.t.Helper()
	if err := h.store.Update(h.t.Context(), tenant, func(tx *store.Tx) error {
		return tx.InsertTerminal(helpdesk.Terminal{ID: id, Ticket: key, Tenant: tenant, Scope: scope, State: helpdesk.TerminalLive, OpenedAt: time.Now()})
	}); err != nil {
		h.t.Fatal(err)
	}
}

// ask is a request with what a test changes about it.
type ask struct {
	method, path, body string
	cookie, token      string
	header             map[string]string
	host               string
}

type answered struct {
	status int
	header http.Header
	body   string
}

func (a answered) problem(t *testing.T) Problem {
	t.Helper()
	var p Problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatalf("not a problem: %v\n%s", err, a.body)
	}
	return p
}

// do makes a request. Of a stream it reads the head only.
func (h *house) do(a ask) answered {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
	defer cancel()
	path := a.path
	if !strings.HasPrefix(path, "/api/") && strings.HasPrefix(path, "/") && a.method != "" {
		path = Prefix + path
	}
	method := a.method
	if method == "" {
		method = "GET"
	}
	req, err := http.NewRequestWithContext(ctx, method, h.url+path, strings.NewReader(a.body))
	if err != nil {
		h.t.Fatal(err)
	}
	if a.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.cookie != "" {
		req.AddCookie(&http.Cookie{Name: cookieName, Value: a.cookie})
	}
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	for k, v := range a.header {
		req.Header.Set(k, v)
	}
	if a.host != "" {
		req.Host = a.host
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	out := answered{status: res.StatusCode, header: res.Header}
	if res.Header.Get("Content-Type") == "text/event-stream" {
		return out
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	out.body = string(body)
	return out
}

// fakes stand for the services that work on tickets. They note what reached them.
type fakes struct {
	store *store.Store
	mu    sync.Mutex
	seen  []string
	fault error // what they answer; nil: they succeed
}

func (f *fakes) note(by helpdesk.Actor, what string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, by.Name+" "+what+fmt.Sprint(args...))
	return f.fault
}

func (f *fakes) Create(_ context.Context, by helpdesk.Actor, n NewTicket, once store.Once) (helpdesk.Ticket, error) {
	return helpdesk.Ticket{Key: "HD-1", Tenant: n.Tenant}, f.note(by, "create ", n.Message, " once ", once.Key, " ", once.Hash)
}

func (f *fakes) Ticket(_ context.Context, by helpdesk.Actor, key helpdesk.TicketKey) (helpdesk.Ticket, error) {
	return helpdesk.Ticket{Key: key}, f.note(by, "ticket")
}

func (f *fakes) Tickets(ctx context.Context, by helpdesk.Actor, q store.TicketFilter) (all []helpdesk.Ticket, err error) {
	err = f.store.View(ctx, by.Reach(), func(tx *store.Tx) (err error) {
		all, err = tx.Tickets(q)
		return err
	})
	return all, errors.Join(err, f.note(by, "tickets"))
}

func (f *fakes) Timeline(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, s store.Span) (all []event.Event, err error) {
	err = f.store.View(ctx, by.Reach(), func(tx *store.Tx) (err error) {
		all, err = tx.Timeline(key, s)
		return err
	})
	return all, errors.Join(err, f.note(by, "timeline"))
}

func (f *fakes) Change(_ context.Context, by helpdesk.Actor, key helpdesk.TicketKey, _ ChangeTicket) (helpdesk.Ticket, error) {
	return helpdesk.Ticket{Key: key}, f.note(by, "change")
}

func (f *fakes) Delete(_ context.Context, by helpdesk.Actor, _ helpdesk.TicketKey) error {
	return f.note(by, "delete")
}

func (f *fakes) Restore(_ context.Context, by helpdesk.Actor, key helpdesk.TicketKey) (helpdesk.Ticket, error) {
	return helpdesk.Ticket{Key: key}, f.note(by, "restore")
}

func (f *fakes) Post(_ context.Context, by helpdesk.Actor, _ helpdesk.TicketKey, content string, _ helpdesk.InstanceID, _ store.Once) (helpdesk.MessageID, helpdesk.TurnID, error) {
	return "m", "t", f.note(by, "post ", content)
}

func (f *fakes) Stop(_ context.Context, by helpdesk.Actor, _ helpdesk.TicketKey) error {
	return f.note(by, "stop")
}

func (f *fakes) Release(_ context.Context, by helpdesk.Actor, _ helpdesk.TicketKey, discard bool) error {
	return f.note(by, "release ", discard)
}

func (f *fakes) Suggestions(_ context.Context, by helpdesk.Actor, _ helpdesk.TicketKey) ([]Suggestion, error) {
	return nil, f.note(by, "suggestions")
}

func (f *fakes) Decide(_ context.Context, by helpdesk.Actor, _ helpdesk.TicketKey, id helpdesk.SuggestionID, c helpdesk.Choice, _, _ string) (Suggestion, error) {
	return Suggestion{Suggestion: helpdesk.Suggestion{ID: id, Scope: helpdesk.ScopeTenant}}, f.note(by, "decide ", c)
}

func (f *fakes) StopRun(_ context.Context, by helpdesk.Actor, _ helpdesk.TicketKey, _ helpdesk.RunID) error {
	return f.note(by, "stop run")
}

func (f *fakes) Output(_ context.Context, by helpdesk.Actor, _ helpdesk.TicketKey, _ helpdesk.RunID, from int64) (io.ReadCloser, int64, error) {
	const all = "<script>alert(1)</script>"
	return io.NopCloser(strings.NewReader(all[from:])), int64(len(all)), f.note(by, "output")
}

type terminalFake struct{ *fakes }

func (f terminalFake) List(_ context.Context, by helpdesk.Actor, _ helpdesk.TicketKey) ([]helpdesk.Terminal, error) {
	return nil, f.note(by, "terminals")
}

func (f terminalFake) Open(_ context.Context, by helpdesk.Actor, key helpdesk.TicketKey, o OpenTerminal, _ store.Once) (helpdesk.Terminal, error) {
	return helpdesk.Terminal{ID: "x", Ticket: key, Scope: o.Scope, Cols: o.Cols, Rows: o.Rows}, f.note(by, "open ", o)
}

func (f terminalFake) Change(_ context.Context, by helpdesk.Actor, id helpdesk.TerminalID, _ ChangeTerminal) (helpdesk.Terminal, error) {
	return helpdesk.Terminal{ID: id}, f.note(by, "change terminal")
}

func (f terminalFake) Close(_ context.Context, by helpdesk.Actor, _ helpdesk.TerminalID) error {
	return f.note(by, "close terminal")
}

func (f terminalFake) AttachTerminal(_ context.Context, by helpdesk.Actor, _ helpdesk.TerminalID) (Attachment, error) {
	return Attachment{Token: "hda_x"}, f.note(by, "attach terminal")
}

func (f terminalFake) AttachRun(_ context.Context, by helpdesk.Actor, _ helpdesk.TicketKey, _ helpdesk.RunID) (Attachment, error) {
	return Attachment{Token: "hda_x"}, f.note(by, "attach run")
}

func (f terminalFake) Recording(_ context.Context, by helpdesk.Actor, _ helpdesk.TerminalID) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("{}")), f.note(by, "recording")
}

type workspaceFake struct{ *fakes }

func (f workspaceFake) List(_ context.Context, by helpdesk.Actor, _ helpdesk.TicketKey, _ string, _ bool) ([]workspace.File, error) {
	return nil, f.note(by, "files")
}

func (f workspaceFake) Read(_ context.Context, by helpdesk.Actor, _ helpdesk.TicketKey, path string) ([]byte, workspace.File, error) {
	return []byte("<b>"), workspace.File{Path: path, Size: 3}, f.note(by, "read ", path)
}

func (f workspaceFake) Write(_ context.Context, by helpdesk.Actor, _ helpdesk.TicketKey, path string, content []byte, _ bool) (workspace.File, error) {
	return workspace.File{Path: path, Size: int64(len(content))}, f.note(by, "write ", path, " ", string(content))
}

func (f workspaceFake) Delete(_ context.Context, by helpdesk.Actor, _ helpdesk.TicketKey, path string) error {
	return f.note(by, "delete ", path)
}

type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func textLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
