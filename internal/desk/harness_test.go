package desk_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/agent/script"
	"helpdesk/internal/approval"
	"helpdesk/internal/desk"
	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
	"helpdesk/internal/turn"
)

func TestMain(m *testing.M) { launchtest.Main(m) }

// patience is how long a test waits for what must come; no test waits for time to pass.
const patience = 90 * time.Second

const (
	blue helpdesk.TenantID = "t-blue"
	red  helpdesk.TenantID = "t-red"
)

var (
	ann   = helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "u-ann", Name: "Ann", Tenants: []helpdesk.TenantID{blue}}
	bob   = helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "u-bob", Name: "Bob", Tenants: []helpdesk.TenantID{blue, red}}
	eve   = helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "u-eve", Name: "Eve", Tenants: []helpdesk.TenantID{red}}
	admin = helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "u-root", Name: "Root", Admin: true}
)

// house is a desk on a real database, with real decisions, and with a real engine once a test starts it.
type house struct {
	*desk.Desk
	t        testing.TB
	store    *store.Store
	roster   *store.Roster
	approval *approval.Service
	gates    *script.Gates
	clearing *clearing
	cfg      desk.Config
	engine   *turn.Engine // nil until it works
	busy     atomic.Int32 // agents that answer
}

// each tells a story on both engines; with -short on SQLite only.
func each(t *testing.T, story func(t *testing.T, h *house)) {
	t.Helper()
	if testing.Short() {
		story(t, open(t, storetest.Open(t, store.Config{Dir: storetest.SQLite(t)})))
		return
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) { story(t, open(t, s)) })
}

func open(t testing.TB, s *store.Store) *house {
	t.Helper()
	h := &house{t: t, store: s, roster: store.NewRoster(s), gates: &script.Gates{}, clearing: &clearing{}}
	h.system(func(tx *store.System) error {
		for _, x := range []helpdesk.Tenant{{ID: blue, Key: "blue", Name: "Blue", Prefix: "BL"}, {ID: red, Key: "red", Name: "Red", Prefix: "RD"}} {
			x.Place, x.CreatedAt = helpdesk.PlaceSandbox, time.Now()
			if _, err := tx.InsertTenant(x); err != nil {
				return err
			}
		}
		for _, a := range []string{"script", "other", "twin"} {
			if err := tx.SaveAgent(helpdesk.Agent{ID: helpdesk.AgentID(a), Name: "The " + a, Kind: helpdesk.AgentScript, Domain: "Tests"}); err != nil {
				return err
			}
		}
		for _, i := range []helpdesk.Instance{
			{ID: "script-1", Agent: "script", Name: "One", AllTenants: true},
			{ID: "other-1", Agent: "other", Name: "Other one", Tenants: []helpdesk.TenantID{blue}},
			{ID: "twin-1", Agent: "twin", Name: "East", AllTenants: true},
			{ID: "twin-2", Agent: "twin", Name: "West", Tenants: []helpdesk.TenantID{blue}},
		} {
			if err := tx.SaveInstance(i); err != nil {
				return err
			}
		}
		return nil
	})
	h.approval = approval.New(approval.Config{Store: s, Roster: h.roster, Launcher: nothing{}})
	h.cfg = desk.Config{Store: s, Roster: h.roster, Turns: turns{h}, Approval: h.approval, Clearing: h.clearing, Log: slog.New(slog.NewTextHandler(testLog{t}, nil))}
	h.Desk = desk.New(h.cfg)
	return h
}

// with makes another desk on the same house.
func (h *house) with(change func(c *desk.Config)) *desk.Desk {
	cfg := h.cfg
	change(&cfg)
	return desk.New(cfg)
}

// turns are those of the house's engine, once there is one.
type turns struct{ h *house }

func (t turns) Wake() {
	if t.h.engine != nil {
		t.h.engine.Wake()
	}
}

func (t turns) Stop(ctx context.Context, by helpdesk.By, id helpdesk.TurnID) bool {
	return t.h.engine != nil && t.h.engine.Stop(ctx, by, id)
}

// work starts an engine, which answers until the test ends.
func (h *house) work() {
	h.t.Helper()
	agent, err := script.New(script.Config{Enable: true, Gates: h.gates})
	must(h.t, err)
	h.engine = turn.New(turn.Config{
		Store: h.store, Roster: h.roster, Agents: map[helpdesk.AgentKind]turn.Agent{helpdesk.AgentScript: counted{agent, &h.busy}}, Parts: noParts{},
		Approval: h.approval, Node: "node-1", Lease: time.Hour,
	})
	run(h.t, h.engine.Run)
}

// counted counts how many answer at the moment.
type counted struct {
	turn.Agent
	busy *atomic.Int32
}

func (c counted) Answer(ctx context.Context, req helpdesk.Request) iter.Seq2[helpdesk.Part, error] {
	return func(yield func(helpdesk.Part, error) bool) {
		c.busy.Add(1)
		defer c.busy.Add(-1)
		c.Agent.Answer(ctx, req)(yield)
	}
}

// run runs something until the returned function or the end of the test.
func run(t testing.TB, what func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = what(ctx) })
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(stop)
	return stop
}

type noParts struct{}

func (noParts) Begin(helpdesk.Turn) error                         { return nil }
func (noParts) Append(helpdesk.TurnID, helpdesk.PartKind, string) {}
func (noParts) End(helpdesk.TurnID)                               {}

// nothing is a machine where nothing can be started.
type nothing struct{}

func (nothing) Hello(context.Context) (launch.Hello, error) {
	return launch.Hello{Epoch: "epoch-1", Capabilities: launch.Capabilities{Private: true}}, nil
}
func (nothing) Start(context.Context, launch.Spec) (launch.Status, error) {
	return launch.Status{}, helpdesk.Errorf(helpdesk.Unavailable, "Nothing can be started here.")
}
func (nothing) List(context.Context) ([]launch.Status, error) { return nil, nil }
func (nothing) Stop(context.Context, string) error            { return nil }
func (nothing) Forget(context.Context, string) error          { return nil }

// clearing notes what it is asked to clear, and fails where a test says so.
type clearing struct {
	mu    sync.Mutex
	done  []string
	fails string // a step
	hurt  bool   // it failed
}

func (c *clearing) step(name string, key helpdesk.TicketKey) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fails == name {
		c.hurt = true
		return errors.New("it crashed")
	}
	c.done = append(c.done, name+" "+string(key))
	return nil
}

func (c *clearing) fail(step string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fails, c.hurt = step, false
}

func (c *clearing) crashed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hurt
}

// took gives what was cleared since the last time.
func (c *clearing) took() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := c.done
	c.done = nil
	return done
}

func (c *clearing) StopRuns(_ context.Context, _ helpdesk.TenantID, key helpdesk.TicketKey) error {
	return c.step("runs", key)
}

func (c *clearing) EndTerminals(_ context.Context, _ helpdesk.TenantID, key helpdesk.TicketKey) error {
	return c.step("terminals", key)
}

func (c *clearing) RemoveWorkspace(_ context.Context, _ helpdesk.TenantID, key helpdesk.TicketKey) error {
	return c.step("workspace", key)
}

func (c *clearing) DeleteRecordings(_ context.Context, key helpdesk.TicketKey) error {
	return c.step("recordings", key)
}

func (h *house) system(fn func(*store.System) error) {
	h.t.Helper()
	must(h.t, h.store.SystemUpdate(context.Background(), store.Directory, fn))
	h.roster.Forget()
}

func (h *house) view(fn func(tx *store.Tx) error) {
	h.t.Helper()
	must(h.t, h.store.View(context.Background(), admin.Reach(), fn))
}

// ticket opens a ticket.
func (h *house) ticket(lines ...string) helpdesk.TicketKey {
	h.t.Helper()
	t, err := h.Create(h.t.Context(), ann, desk.NewTicket{Tenant: blue, Agent: "script", Message: strings.Join(lines, "\n")}, store.Once{})
	must(h.t, err)
	return t.Key
}

func (h *house) posts(key helpdesk.TicketKey, to helpdesk.InstanceID, lines ...string) helpdesk.TurnID {
	h.t.Helper()
	_, id, err := h.Post(h.t.Context(), ann, key, strings.Join(lines, "\n"), to, store.Once{})
	must(h.t, err)
	return id
}

func (h *house) changes(key helpdesk.TicketKey, c desk.Change) helpdesk.Ticket {
	h.t.Helper()
	x, err := h.Change(h.t.Context(), ann, key, c)
	must(h.t, err)
	return x
}

func (h *house) stored(key helpdesk.TicketKey) (x helpdesk.Ticket) {
	h.t.Helper()
	h.view(func(tx *store.Tx) (err error) {
		x, err = tx.AnyTicket(key)
		return err
	})
	return x
}

func (h *house) openTurns(key helpdesk.TicketKey) (all []helpdesk.Turn) {
	h.t.Helper()
	h.view(func(tx *store.Tx) (err error) {
		all, err = tx.OpenTurns(key)
		return err
	})
	return all
}

func (h *house) suggestions(key helpdesk.TicketKey) (all []helpdesk.Suggestion) {
	h.t.Helper()
	h.view(func(tx *store.Tx) (err error) {
		all, err = tx.Suggestions(key, 1000)
		return err
	})
	return all
}

func (h *house) decides(s helpdesk.Suggestion, c helpdesk.Choice) {
	h.t.Helper()
	_, err := h.approval.Decide(h.t.Context(), ann, s.Ticket, s.ID, c, s.Digest, "")
	must(h.t, err)
}

// audit gives what is in the audit of a ticket, a line each.
func (h *house) audit(key helpdesk.TicketKey) (lines []string) {
	h.t.Helper()
	h.view(func(tx *store.Tx) error {
		lines = nil
		all, err := tx.AuditOf(string(key))
		for _, e := range all {
			lines = append(lines, e.By.Name+" "+e.Action)
		}
		return err
	})
	return lines
}

// log is a ticket's log as one reads it: a line for each event.
func (h *house) log(key helpdesk.TicketKey) (lines []string) {
	h.t.Helper()
	events, err := h.Timeline(context.Background(), admin, key, store.Span{Limit: 10_000})
	must(h.t, err)
	number := map[string]int{}
	for i, e := range events {
		if e.Seq != int64(i+1) {
			h.t.Fatalf("event %d of %s has sequence number %d", i+1, key, e.Seq)
		}
		f, err := event.Decode(e.Kind, e.Data)
		must(h.t, err)
		l := e.Actor.Name + " "
		switch f := f.(type) {
		case event.TicketCreated:
			l += fmt.Sprintf("created %q for %s", f.Title, f.Instance)
		case event.TicketRenamed:
			l += fmt.Sprintf("renamed %q to %q", f.From, f.To)
		case event.TicketStatusChanged:
			l += fmt.Sprintf("changed %s to %s", f.From, f.To)
			if f.Solved != nil {
				l += fmt.Sprintf(", solved: %v", *f.Solved)
			}
		case event.TicketAssigned:
			l += "assigned " + f.AgentName + ", " + f.InstanceName
		case event.TicketDeleted:
			l += "deleted"
		case event.TicketRestored:
			l += "restored"
		case event.MessagePosted:
			l += fmt.Sprintf("said %q", f.Content)
		case event.TurnQueued:
			number[f.Turn] = len(number) + 1
			l += fmt.Sprintf("queued %d to %s", number[f.Turn], f.Instance)
		case event.TurnEnded:
			l += fmt.Sprintf("ended %d, %s", number[f.Turn], f.State)
			if f.Reason != "" {
				l += ": " + f.Reason
			}
			if f.Text != "" {
				l += " [" + strings.TrimSpace(f.Text) + "]"
			}
		case event.TurnsHeld:
			var held []string
			for _, x := range f.Turns {
				held = append(held, fmt.Sprint(number[x]))
			}
			l += "held " + strings.Join(held, ", ")
		case event.TurnsReleased:
			l += "released"
		case event.SuggestionMoved:
			l += "moved a suggestion to " + f.State + ": " + f.Note
		case event.SuggestionDecided:
			l += "decided " + f.Choice
		default:
			continue
		}
		lines = append(lines, l)
	}
	return lines
}

// until polls a condition, waking the engine.
func (h *house) until(what string, ok func() bool) {
	h.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !ok() {
		turns{h}.Wake()
		select {
		case <-tick.C:
		case <-late:
			h.t.Fatalf("%s did not come about", what)
		}
	}
}

func (h *house) settles(key helpdesk.TicketKey) {
	h.t.Helper()
	h.until("the end of every turn", func() bool { return len(h.openTurns(key)) == 0 })
}

// clears waits until a closed ticket's places are cleared by a desk that runs.
func (h *house) clears(key helpdesk.TicketKey) {
	h.t.Helper()
	h.until("the clearing", func() bool { return !h.stored(key).Closing })
}

func (h *house) reach(gate string) {
	h.t.Helper()
	select {
	case <-h.gates.Reached(gate):
	case <-time.After(patience):
		h.t.Fatalf("nobody came to the gate %s", gate)
	}
}

// wants checks that an error is of a kind and says something.
func wants(t testing.TB, what string, kind helpdesk.Kind, text string, err error) {
	t.Helper()
	if err == nil || helpdesk.KindOf(err) != kind || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: got %v, want an error of kind %v that says %q", what, err, kind, text)
	}
}

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
