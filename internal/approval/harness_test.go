package approval_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/approval"
	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
	"helpdesk/internal/workspace"
)

func TestMain(m *testing.M) { launchtest.Main(m) }

// patience is how long a test waits for what must come; no test waits for time to pass.
const patience = 60 * time.Second

const (
	blue    helpdesk.TenantID = "tenant-blue"
	machine helpdesk.TenantID = "tenant-this"
)

var (
	ann   = helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "ann", Name: "Ann", Tenants: []helpdesk.TenantID{blue}}
	bob   = helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "bob", Name: "Bob", Tenants: []helpdesk.TenantID{blue}}
	admin = helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "root", Name: "Root", Admin: true}
	eve   = helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "eve", Name: "Eve", Tenants: []helpdesk.TenantID{"tenant-red"}}
)

// house is a server's part that keeps decisions, on a real launcher and a real database.
type house struct {
	*approval.Service
	t        testing.TB
	cfg      approval.Config
	store    *store.Store
	roster   *store.Roster
	launcher *launchtest.Launcher
	files    *workspace.Service
	wire     *wire
	leave    func() // ends the service, as the end of a server does
	ticket   helpdesk.TicketKey
	other    helpdesk.TicketKey // where a story goes meanwhile
	position int
	slow     func() // called before a run's files are written; nil: nothing

	mu      sync.Mutex
	rights  map[string]helpdesk.Actor
	newer   map[string]string // variables that the roster has not read
	current *approval.Service // whom the launcher's notices go to; nil while nobody hears them
}

// each tells a story on both engines, each time with a launcher of its own; with -short on SQLite only.
func each(t *testing.T, cfg approval.Config, story func(t *testing.T, h *house)) {
	t.Parallel()
	if testing.Short() {
		story(t, one(t, cfg))
		return
	}
	storetest.EachConfig(t, func(t *testing.T, db store.Config) { story(t, open(t, cfg, db)) })
}

// one tells a story on SQLite only, for what the database has no part in.
func one(t *testing.T, cfg approval.Config) *house {
	return open(t, cfg, store.Config{Dir: storetest.SQLite(t)})
}

func open(t testing.TB, cfg approval.Config, db store.Config) *house {
	t.Helper()
	h := &house{t: t, cfg: cfg, rights: map[string]helpdesk.Actor{}, leave: func() {}}
	for _, a := range []helpdesk.Actor{ann, bob, admin, eve} {
		h.rights[a.ID] = a
	}
	h.launcher = launchtest.Start(t, launchtest.Config{Launch: launch.Config{AllowHost: true}, Notify: h.notice})
	h.store = storetest.Open(t, db)
	h.roster = store.NewRoster(h.store)
	h.system(func(tx *store.System) error {
		for _, x := range []helpdesk.Tenant{
			{ID: machine, Key: "this-machine", Name: "This machine", Prefix: "TM", Place: helpdesk.PlaceHostView},
			{ID: blue, Key: "blue", Name: "Blue", Prefix: "BL", Place: helpdesk.PlaceSandbox},
		} {
			x.CreatedAt = time.Now()
			if _, err := tx.InsertTenant(x); err != nil {
				return err
			}
		}
		return tx.SaveVariable(blue, "FAVOURITE", "blue cheese")
	})
	h.ticket = h.newTicket(blue)
	t.Cleanup(func() { h.leave() })
	h.serve()
	return h
}

// serve starts the service, as a server's start does.
func (h *house) serve() {
	h.t.Helper()
	h.wire = &wire{Launcher: h.launcher.Client}
	h.files = workspace.New(workspace.Config{}, h.store, h.launcher.Client)
	h.Service = h.service(h.wire, nil)
	h.hear(h.Service)
	h.leave = h.run(h.Service)
}

// service makes a service; before is called each time that it looks up what a person may do.
func (h *house) service(l approval.Launcher, before func()) *approval.Service {
	cfg := h.cfg
	cfg.Store, cfg.Roster, cfg.Launcher, cfg.Workspace = h.store, h.roster, l, slowly{h.files, h.slow}
	cfg.Log = slog.New(slog.NewTextHandler(testLog{h.t}, nil))
	cfg.Variables = func(ctx context.Context, t helpdesk.TenantID) (v map[string]string, err error) {
		err = h.store.SystemView(ctx, store.Directory, func(tx *store.System) error { v, err = tx.Variables(t); return err })
		h.mu.Lock()
		defer h.mu.Unlock()
		maps.Copy(v, h.newer)
		return v, err
	}
	cfg.Rights = func(_ context.Context, u helpdesk.UserID) (helpdesk.Actor, error) {
		if before != nil {
			before()
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if a, ok := h.rights[string(u)]; ok {
			return a, nil
		}
		return helpdesk.Actor{}, helpdesk.Errorf(helpdesk.Unauthorized, "Sign in first.")
	}
	return approval.New(cfg)
}

// slowly is a Workspace with a stop before it.
type slowly struct {
	*workspace.Service
	before func()
}

func (s slowly) WriteProposed(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, files []helpdesk.ProposedFile) error {
	if s.before != nil {
		s.before()
	}
	return s.Service.WriteProposed(ctx, by, key, files)
}

// run runs a service and gives what ends it.
func (h *house) run(s *approval.Service) (leave func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var own sync.WaitGroup
	own.Go(func() { _ = s.Run(ctx) })
	return sync.OnceFunc(func() { cancel(); own.Wait() })
}

// restart is what a server that is started again finds: the same launcher, the same database.
func (h *house) restart() {
	h.t.Helper()
	h.hear(nil)
	h.leave()
	h.wire.asked.Wait() // a launcher serves the next server when it has done what this one asked for
	h.launcher.Connect()
	h.serve()
}

func (h *house) notice(st launch.Status) {
	h.mu.Lock()
	s := h.current
	h.mu.Unlock()
	if s != nil {
		s.Notice(st)
	}
}

func (h *house) hear(s *approval.Service) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.current = s
}

// may changes what a person may do; the zero Actor: the person is gone.
func (h *house) may(id string, a helpdesk.Actor) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a.Kind == "" {
		delete(h.rights, id)
		return
	}
	h.rights[id] = a
}

func (h *house) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	h.t.Cleanup(cancel)
	return ctx
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) system(fn func(*store.System) error) {
	h.t.Helper()
	h.must(h.store.SystemUpdate(h.ctx(), store.Directory, fn))
}

func (h *house) update(fn func(*store.Tx) error) {
	h.t.Helper()
	h.must(h.store.Update(h.ctx(), tenantOf(h.ticket), func(tx *store.Tx) error {
		if _, err := tx.LockTicket(h.ticket); err != nil {
			return err
		}
		return fn(tx)
	}))
}

func (h *house) view(fn func(*store.Tx) error) {
	h.t.Helper()
	h.must(h.store.View(h.ctx(), admin.Reach(), fn))
}

func tenantOf(key helpdesk.TicketKey) helpdesk.TenantID {
	if strings.HasPrefix(string(key), "TM-") {
		return machine
	}
	return blue
}

func (h *house) newTicket(tenant helpdesk.TenantID) (key helpdesk.TicketKey) {
	h.t.Helper()
	h.must(h.store.Update(h.ctx(), tenant, func(tx *store.Tx) error {
		prefix, n, err := tx.NextTicketNumber()
		if err != nil {
			return err
		}
		key = helpdesk.MakeTicketKey(prefix, n)
		return tx.InsertTicket(helpdesk.Ticket{Key: key, Tenant: tenant, Title: "It is slow", Status: helpdesk.TicketOpen, Activity: helpdesk.ActivityIdle, CreatedBy: ann.By(), CreatedAt: time.Now(), ChangedAt: time.Now()})
	}))
	return key
}

func (h *house) change(fn func(*helpdesk.Ticket)) {
	h.t.Helper()
	h.update(func(tx *store.Tx) error {
		x, err := tx.LockTicket(h.ticket)
		if err != nil {
			return err
		}
		fn(&x)
		return tx.SaveTicket(x)
	})
}

// propose makes a suggestion of the house's ticket, as a turn does.
func (h *house) propose(command string, with ...func(*helpdesk.Suggestion)) helpdesk.SuggestionID {
	h.t.Helper()
	h.position++
	x := helpdesk.Suggestion{
		ID: helpdesk.SuggestionID(fmt.Sprintf("suggestion-%03d", h.position)), Ticket: h.ticket, Tenant: tenantOf(h.ticket), Turn: "turn-0", Agent: "runbook", Instance: "built-in",
		Position: h.position, State: helpdesk.SuggestionProposed, Command: command, Purpose: "See.", Expected: "Something.", Scope: helpdesk.ScopeTenant,
		Place: string(helpdesk.PlaceSandbox), Cwd: "/workspace", Risk: helpdesk.RiskReads, EnvNames: []string{"FAVOURITE"},
	}
	if x.Tenant == machine {
		x.Place, x.EnvNames = string(helpdesk.PlaceHostView), nil
	}
	for _, fn := range with {
		fn(&x)
	}
	x.Digest = x.ComputeDigest()
	h.update(func(tx *store.Tx) error {
		var err error
		if x.At, err = tx.Now(); err != nil {
			return err
		}
		if err := tx.InsertSuggestion(x); err != nil {
			return err
		}
		if _, err = tx.Emit(h.ticket, helpdesk.By{Kind: helpdesk.ActorAgent, ID: string(x.Instance), Name: "Runbook"}, event.Proposed(x), x.At); err != nil {
			return err
		}
		return tx.Refresh(h.ticket)
	})
	return x.ID
}

func inScope(s helpdesk.Scope) func(*helpdesk.Suggestion) {
	return func(x *helpdesk.Suggestion) {
		x.Scope = s
		if s.Admin() {
			x.Place, x.Cwd = "host", "the ticket's workspace"
		}
	}
}

func withFiles(files ...helpdesk.ProposedFile) func(*helpdesk.Suggestion) {
	return func(x *helpdesk.Suggestion) { x.Files = files }
}

func of(i helpdesk.InstanceID) func(*helpdesk.Suggestion) {
	return func(x *helpdesk.Suggestion) { x.Instance = i }
}

func (h *house) suggestion(id helpdesk.SuggestionID) (x helpdesk.Suggestion) {
	h.t.Helper()
	h.view(func(tx *store.Tx) (err error) { x, err = tx.Suggestion(id); return err })
	return x
}

func (h *house) runOf(id helpdesk.SuggestionID) (r helpdesk.Run) {
	h.t.Helper()
	x := h.suggestion(id)
	h.view(func(tx *store.Tx) (err error) { r, err = tx.Run(x.Run); return err })
	return r
}

// try decides with the digest that is shown, and gives the error.
func (h *house) try(by helpdesk.Actor, id helpdesk.SuggestionID, c helpdesk.Choice) error {
	h.t.Helper()
	_, err := h.Decide(h.ctx(), by, h.ticket, id, c, h.suggestion(id).Digest, "")
	return err
}

func (h *house) decide(by helpdesk.Actor, id helpdesk.SuggestionID, c helpdesk.Choice) {
	h.t.Helper()
	h.must(h.try(by, id, c))
}

// until waits until something holds.
func (h *house) until(what string, ok func() bool) {
	h.t.Helper()
	late := time.After(patience)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-look.C:
		case <-late:
			h.t.Fatalf("%s did not come; the log says\n%s", what, strings.Join(h.log(), "\n"))
		}
	}
}

// becomes waits until a suggestion is in a state.
func (h *house) becomes(id helpdesk.SuggestionID, state helpdesk.SuggestionState) (x helpdesk.Suggestion) {
	h.t.Helper()
	h.until(fmt.Sprintf("%s %s", id, state), func() bool { x = h.suggestion(id); return x.State == state })
	return x
}

// outcome waits for what comes of a suggestion's run.
func (h *house) outcome(id helpdesk.SuggestionID) (o helpdesk.Outcome) {
	h.t.Helper()
	h.until("the outcome of "+string(id), func() bool {
		x := h.suggestion(id)
		return x.State == helpdesk.SuggestionRan || x.State == helpdesk.SuggestionUnknown
	})
	return *h.runOf(id).Outcome
}

// executed executes a command and gives what came of it.
func (h *house) executed(command string) helpdesk.Outcome {
	h.t.Helper()
	id := h.propose(command)
	h.decide(ann, id, helpdesk.Execute)
	return h.outcome(id)
}

// begun waits until a suggestion's run is claimed and in the launcher's hands.
func (h *house) begun(id helpdesk.SuggestionID) helpdesk.Run {
	h.t.Helper()
	var r helpdesk.Run
	h.until("the start of "+string(id), func() bool {
		r = h.runOf(id)
		list, err := h.launcher.List(h.ctx())
		return err == nil && slices.ContainsFunc(list, func(st launch.Status) bool { return st.ID == string(r.ID) })
	})
	return r
}

// file reads a file of the ticket's Workspace; "" where it is not there.
func (h *house) file(path string) string {
	h.t.Helper()
	p, _, err := h.files.Read(h.ctx(), admin, h.ticket, path)
	if err != nil && helpdesk.KindOf(err) != helpdesk.NotFound {
		h.t.Fatal(err)
	}
	return string(p)
}

// write puts a file into the ticket's Workspace, for a command that waits for it.
func (h *house) write(path string) {
	h.t.Helper()
	_, err := h.files.Write(h.ctx(), admin, h.ticket, path, []byte("now\n"), false)
	h.must(err)
}

// until a file is there, as a shell does it.
func waitFor(path string) string { return "until [ -e " + path + " ]; do sleep 0.05; done; " }

// turn makes a turn to an instance that this test holds, and what says so.
func (h *house) turn(i helpdesk.InstanceID) (x helpdesk.Turn, hold func(*store.Tx) error) {
	h.t.Helper()
	x = helpdesk.Turn{ID: helpdesk.TurnID("turn-" + fmt.Sprint(time.Now().UnixNano())), Ticket: h.ticket, Message: "message", Agent: "runbook", Instance: i, State: helpdesk.TurnQueued, By: ann.By(), QueuedAt: time.Now()}
	h.update(func(tx *store.Tx) error { return tx.InsertTurn(x) })
	return h.lease(x.ID)
}

func (h *house) lease(id helpdesk.TurnID) (x helpdesk.Turn, hold func(*store.Tx) error) {
	h.t.Helper()
	h.update(func(tx *store.Tx) (err error) {
		if x, err = tx.LeaseTurn(id, "node-1", time.Hour); err != nil {
			return err
		}
		if x.State == helpdesk.TurnQueued {
			if err := x.Move(helpdesk.TurnRunning); err != nil {
				return err
			}
		}
		return tx.SaveTurn(x)
	})
	return x, func(tx *store.Tx) error {
		if _, err := tx.LockTicket(x.Ticket); err != nil {
			return err
		}
		return tx.HoldsTurn(x)
	}
}

// end ends a turn whoever holds it.
func (h *house) end(x helpdesk.Turn) {
	h.t.Helper()
	h.update(func(tx *store.Tx) error {
		if err := x.Move(helpdesk.TurnCancelled); err != nil {
			return err
		}
		return tx.CancelTurn(x)
	})
}

// send is a turn from its beginning to the first byte to the instance: what was approved runs, and what is due is
// given.
func (h *house) send(i helpdesk.InstanceID) []helpdesk.Delivery {
	h.t.Helper()
	x, hold := h.turn(i)
	h.must(h.RunApproved(h.ctx(), x, hold))
	due := h.deliver(x)
	h.end(x)
	return due
}

func (h *house) deliver(x helpdesk.Turn) (due []helpdesk.Delivery) {
	h.t.Helper()
	h.update(func(tx *store.Tx) (err error) { due, err = h.Deliveries(tx, x); return err })
	return due
}

// log tells the ticket's log in short, but for files.
func (h *house) log() (lines []string) {
	h.view(func(tx *store.Tx) error {
		lines = nil
		events, err := tx.Timeline(h.ticket, store.Span{Limit: 1000})
		for _, e := range events {
			f, err := event.Decode(e.Kind, e.Data)
			if err != nil {
				return err
			}
			switch f := f.(type) {
			case event.SuggestionProposed:
				lines = append(lines, fmt.Sprintf("%s proposes %s", e.Actor.Name, f.ID))
			case event.SuggestionDecided:
				lines = append(lines, fmt.Sprintf("%s decides %s %s: %s", e.Actor.Name, f.ID, f.Choice, f.State))
			case event.SuggestionMoved:
				lines = append(lines, fmt.Sprintf("%s moves %s to %s: %s", e.Actor.Name, f.ID, f.State, f.Note))
			case event.RunQueued:
				lines = append(lines, fmt.Sprintf("%s queues %s", e.Actor.Name, f.Suggestion))
			case event.RunStarted:
				lines = append(lines, fmt.Sprintf("%s starts %s: %s", e.Actor.Name, f.Suggestion, f.Command))
			case event.RunEnded:
				lines = append(lines, fmt.Sprintf("%s ends %s: %s", e.Actor.Name, f.Suggestion, f.State))
			}
		}
		return err
	})
	return lines
}

// counts gives how often the log says something.
func (h *house) counts(words string) (n int) {
	h.t.Helper()
	for _, line := range h.log() {
		if strings.Contains(line, words) {
			n++
		}
	}
	return n
}

// says checks that an error is one that people are told, of a kind, with the words that name its cause.
func says(t testing.TB, err error, kind helpdesk.Kind, words string) {
	t.Helper()
	if err == nil || helpdesk.KindOf(err) != kind || !strings.Contains(helpdesk.PublicText(err), words) {
		t.Errorf("got %v, %q; want a sentence of kind %s with %q", err, helpdesk.PublicText(err), kind, words)
	}
}

// rounds is how often a story of crashes is told.
func rounds() int {
	switch {
	case testing.Short():
		return 2
	case os.Getenv("HELPDESK_SOAK") != "":
		return 100
	}
	return 10
}

type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

var errDown = errors.New("the test took it down")
