package turn_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/agent/script"
	"helpdesk/internal/approval"
	"helpdesk/internal/bus"
	"helpdesk/internal/desk"
	"helpdesk/internal/launch"
	"helpdesk/internal/live"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
	"helpdesk/internal/turn"
)

// patience is how long a test waits for what must come; no test waits for time to pass.
const patience = 90 * time.Second

// house is a HelpDesk without its doors: a real store, a real desk, and as many nodes as a test starts.
type house struct {
	t      testing.TB
	cfg    store.Config
	store  *store.Store
	roster *store.Roster
	bus    *bus.Bus
	desk   *desk.Desk
	gates  *script.Gates
	tenant helpdesk.TenantID
	ann    helpdesk.Actor

	mu    sync.Mutex
	nodes []*node
	asked []helpdesk.Request // every request that reached an agent, in order
}

func open(t testing.TB, s *store.Store) *house {
	t.Helper()
	h := &house{t: t, store: s, roster: store.NewRoster(s), gates: &script.Gates{}, tenant: "t-blue"}
	h.ann = helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "u-ann", Name: "Ann", Tenants: []helpdesk.TenantID{h.tenant}}
	b, err := bus.Start(bus.Config{})
	must(t, err)
	t.Cleanup(b.Close)
	h.bus = b
	h.system(func(tx *store.System) error {
		if _, err := tx.InsertTenant(helpdesk.Tenant{ID: h.tenant, Key: "blue", Name: "Blue", Prefix: "BL", Place: helpdesk.PlaceSandbox, CreatedAt: time.Now()}); err != nil {
			return err
		}
		if err := tx.SaveVariable(h.tenant, "ZONE", "sealed"); err != nil {
			return err
		}
		for _, a := range []string{"script", "other"} {
			if err := tx.SaveAgent(helpdesk.Agent{ID: helpdesk.AgentID(a), Name: "The " + a, Kind: helpdesk.AgentScript, Domain: "Tests"}); err != nil {
				return err
			}
			if err := tx.SaveInstance(helpdesk.Instance{ID: helpdesk.InstanceID(a + "-1"), Agent: helpdesk.AgentID(a), Name: "One", AllTenants: true}); err != nil {
				return err
			}
		}
		return nil
	})
	h.desk = desk.New(desk.Config{Store: s, Roster: h.roster, Turns: h, Approval: h.approval(), TurnsPerDay: 100_000, Queue: 1000})
	return h
}

func (h *house) system(fn func(*store.System) error) {
	h.t.Helper()
	must(h.t, h.store.SystemUpdate(context.Background(), store.Directory, fn))
	h.roster.Forget()
}

// Wake and Stop make the house what the desk knows of its nodes.
func (h *house) Wake() {
	for _, n := range h.all() {
		n.Wake()
	}
}

func (h *house) Stop(ctx context.Context, by helpdesk.By, id helpdesk.TurnID) bool {
	return slices.ContainsFunc(h.all(), func(n *node) bool { return n.Engine.Stop(ctx, by, id) })
}

func (h *house) all() []*node {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.nodes)
}

// approval is the real service, on a machine where nothing can be started.
func (h *house) approval() *approval.Service {
	return approval.New(approval.Config{Store: h.store, Roster: h.roster, Launcher: nothing{}})
}

type nothing struct{}

var errNothing = helpdesk.Errorf(helpdesk.Unavailable, "Nothing can be started here.")

func (nothing) Hello(context.Context) (launch.Hello, error) {
	return launch.Hello{Epoch: "epoch-1", Capabilities: launch.Capabilities{Private: true}}, nil
}
func (nothing) Start(context.Context, launch.Spec) (launch.Status, error) {
	return launch.Status{}, errNothing
}
func (nothing) List(context.Context) ([]launch.Status, error) { return nil, nil }
func (nothing) Stop(context.Context, string) error            { return nil }
func (nothing) Forget(context.Context, string) error          { return nil }

// node is an engine at work, with its own way to the store.
type node struct {
	*turn.Engine
	h     *house
	line  *line
	parts *parts
	run   sync.WaitGroup
	end   context.CancelFunc
}

// start makes a node and sets it to work. Its lease is so long that no slow machine loses it, and that it is never
// renewed: a test lets it run out.
func (h *house) start(name string, change ...func(*turn.Config)) *node {
	h.t.Helper()
	n := &node{h: h, line: &line{Store: h.store}, parts: &parts{
		Parts: live.New(live.Config{}, h.store, h.bus).Parts(), began: map[helpdesk.TurnID]int{}, ended: map[helpdesk.TurnID]int{},
	}}
	agent, err := script.New(script.Config{Enable: true, Gates: h.gates})
	must(h.t, err)
	cfg := turn.Config{
		Store: n.line, Roster: store.NewRoster(h.store), Agents: map[helpdesk.AgentKind]turn.Agent{helpdesk.AgentScript: agent},
		Parts: n.parts, Approval: h.approval(), Node: name, Log: slog.New(slog.NewTextHandler(testLog{h.t}, nil)), Lease: 10 * time.Hour,
	}
	for _, f := range change {
		f(&cfg)
	}
	for kind, a := range cfg.Agents {
		cfg.Agents[kind] = witness{h, a}
	}
	n.Engine = turn.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	n.end = cancel
	h.mu.Lock()
	h.nodes = append(h.nodes, n)
	h.mu.Unlock()
	n.run.Go(func() { _ = n.Run(ctx) })
	h.t.Cleanup(n.leave)
	return n
}

// leave stops a node as an orderly shutdown does.
func (n *node) leave() {
	n.end()
	n.line.thaw()
	n.run.Wait()
}

// kill ends a node as kill -9 does: nothing more of it reaches the store.
func (n *node) kill() {
	n.line.cut()
	n.end()
	n.run.Wait()
}

type (
	turnConfig  = turn.Config
	storeSystem = store.System
)

func lease(d time.Duration) func(*turn.Config) { return func(c *turn.Config) { c.Lease = d } }

func agent(play func(ctx context.Context, req helpdesk.Request, emit func(helpdesk.Part) bool) error) func(*turn.Config) {
	return func(c *turn.Config) { c.Agents[helpdesk.AgentScript] = script.Agent{Play: play} }
}

// witness notes each request that reaches an agent.
type witness struct {
	h     *house
	agent turn.Agent
}

func (w witness) Answer(ctx context.Context, req helpdesk.Request) iter.Seq2[helpdesk.Part, error] {
	w.h.mu.Lock()
	w.h.asked = append(w.h.asked, req)
	w.h.mu.Unlock()
	return w.agent.Answer(ctx, req)
}

func (h *house) requests() []helpdesk.Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.asked)
}

// line is a node's way to the store: it can be frozen, as by a process that is stopped, and cut, as by one that is
// killed, also at a certain commit.
type line struct {
	*store.Store

	mu      sync.Mutex
	frozen  chan struct{}
	dead    bool
	away    bool // the database does not answer this node
	commits int
	before  int // dies before this commit
	after   int // dies after this commit, before it hears of it
	stops   int // is frozen before this commit
}

var (
	errDead = errors.New("the node is dead")
	errAway = helpdesk.Errorf(helpdesk.Unavailable, "The database does not answer.")
)

func (l *line) pass() error {
	for {
		l.mu.Lock()
		frozen, dead, away := l.frozen, l.dead, l.away
		l.mu.Unlock()
		switch {
		case dead:
			return errDead
		case away:
			return errAway
		case frozen == nil:
			return nil
		}
		<-frozen // whatever the context says: a stopped process does not look at it
	}
}

func (l *line) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frozen = make(chan struct{})
}

func (l *line) thaw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.frozen != nil {
		close(l.frozen)
		l.frozen = nil
	}
}

func (l *line) lose(away bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = away
}

func (l *line) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.commits
}

func (l *line) isFrozen() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.frozen != nil
}

func (l *line) cut() {
	l.mu.Lock()
	l.dead = true
	l.mu.Unlock()
	l.thaw()
}

func (l *line) isDead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

func (l *line) View(ctx context.Context, reach helpdesk.Reach, fn func(*store.Tx) error) error {
	if err := l.pass(); err != nil {
		return err
	}
	return l.Store.View(ctx, reach, fn)
}

func (l *line) SystemView(ctx context.Context, why store.Purpose, fn func(*store.System) error) error {
	if err := l.pass(); err != nil {
		return err
	}
	return l.Store.SystemView(ctx, why, fn)
}

func (l *line) Update(ctx context.Context, tenant helpdesk.TenantID, fn func(*store.Tx) error) error {
	if err := l.pass(); err != nil {
		return err
	}
	l.mu.Lock()
	n := l.commits + 1 // if it succeeds: who only tried to take what another has counts for nothing
	l.dead = l.dead || n == l.before
	if n == l.stops {
		l.frozen = make(chan struct{})
		l.stops = 0
	}
	l.mu.Unlock()
	if err := l.pass(); err != nil {
		return err
	}
	err := l.Store.Update(ctx, tenant, fn)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.commits++
		l.dead = l.dead || l.commits == l.after
	}
	if l.dead {
		return errDead
	}
	return err
}

// parts are the real ones, with a memory.
type parts struct {
	*live.Parts
	mu    sync.Mutex
	seen  []string
	began map[helpdesk.TurnID]int
	ended map[helpdesk.TurnID]int
}

func (p *parts) Begin(t helpdesk.Turn) error {
	p.mu.Lock()
	p.began[t.ID]++
	p.mu.Unlock()
	return p.Parts.Begin(t)
}

func (p *parts) Append(id helpdesk.TurnID, kind helpdesk.PartKind, text string) {
	p.mu.Lock()
	p.seen = append(p.seen, string(kind)+": "+text)
	p.mu.Unlock()
	p.Parts.Append(id, kind, text)
}

func (p *parts) End(id helpdesk.TurnID) {
	p.mu.Lock()
	p.ended[id]++
	p.mu.Unlock()
	p.Parts.End(id)
}

// times says how often a turn began and ended for those who watch.
func (p *parts) times(id helpdesk.TurnID) (began, ended int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.began[id], p.ended[id]
}

func (p *parts) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.seen)
}

// says opens a ticket with a message of some lines.
func (h *house) says(lines ...string) helpdesk.TicketKey {
	h.t.Helper()
	t, err := h.desk.Create(context.Background(), h.ann, desk.NewTicket{Tenant: h.tenant, Agent: "script", Message: strings.Join(lines, "\n")}, store.Once{})
	must(h.t, err)
	return t.Key
}

// adds posts a message to a ticket.
func (h *house) adds(key helpdesk.TicketKey, to helpdesk.InstanceID, lines ...string) helpdesk.TurnID {
	h.t.Helper()
	_, id, err := h.desk.Post(context.Background(), h.ann, key, strings.Join(lines, "\n"), to, store.Once{})
	must(h.t, err)
	return id
}

func (h *house) view(fn func(tx *store.Tx) error) {
	h.t.Helper()
	must(h.t, h.store.View(context.Background(), h.ann.Reach(), fn))
}

func (h *house) events(key helpdesk.TicketKey) (all []event.Event) {
	h.t.Helper()
	h.view(func(tx *store.Tx) (err error) {
		all, err = tx.Timeline(key, store.Span{Limit: 100_000})
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

func (h *house) ticket(key helpdesk.TicketKey) (t helpdesk.Ticket) {
	h.t.Helper()
	h.view(func(tx *store.Tx) (err error) {
		t, err = tx.Ticket(key)
		return err
	})
	return t
}

// turns gives a ticket's turns as they are stored, in the order in which they were queued.
func (h *house) turns(key helpdesk.TicketKey) (all []helpdesk.Turn) {
	h.t.Helper()
	var ids []string
	for _, e := range h.events(key) {
		if f, ok := decode(h.t, e).(event.TurnQueued); ok {
			ids = append(ids, f.Turn)
		}
	}
	h.view(func(tx *store.Tx) error {
		all = nil
		for _, id := range ids {
			x, err := tx.Turn(helpdesk.TurnID(id))
			if err != nil {
				return err
			}
			all = append(all, x)
		}
		return nil
	})
	return all
}

func decode(t testing.TB, e event.Event) event.Fact {
	t.Helper()
	f, err := event.Decode(e.Kind, e.Data)
	must(t, err)
	return f
}

// log is a ticket's log as one reads it: a line for each event. Turns are numbered in the order in which they were
// queued.
func (h *house) log(key helpdesk.TicketKey) (lines []string) {
	h.t.Helper()
	number := map[string]string{}
	for i, e := range h.events(key) {
		if e.Seq != int64(i+1) {
			h.t.Fatalf("event %d of %s has sequence number %d", i+1, key, e.Seq)
		}
		switch f := decode(h.t, e).(type) {
		case event.MessagePosted:
			lines = append(lines, fmt.Sprintf("%s: %s", e.Actor.Name, oneLine(f.Content)))
		case event.TurnQueued:
			number[f.Turn] = fmt.Sprint(len(number) + 1)
		case event.TurnStarted:
			lines = append(lines, "started "+number[f.Turn])
		case event.TurnSent:
			for _, d := range f.Delivered {
				lines = append(lines, fmt.Sprintf("told: %s %s %s", d.Choice, d.Command, d.Reason))
			}
			lines = append(lines, "sent "+number[f.Turn])
		case event.TurnEnded:
			l := f.State + " " + number[f.Turn]
			if f.Reason != "" {
				l += " by " + e.Actor.Name + ": " + f.Reason
			}
			if f.Text != "" {
				l += " [" + oneLine(f.Text) + "]"
			}
			lines = append(lines, l)
		case event.ReasoningRecorded:
			lines = append(lines, "thought: "+oneLine(f.Text))
		case event.ActivityRecorded:
			lines = append(lines, fmt.Sprintf("did: %s (%s) %s", f.Name, f.Detail, f.Result))
		case event.PlanStated:
			words := []string{"plan:"}
			for _, s := range f.Steps {
				words = append(words, s.Title+"="+s.State)
			}
			lines = append(lines, strings.Join(words, " "))
		case event.LinkOffered:
			lines = append(lines, "link: "+f.URL+" "+f.Description)
		case event.QuestionAsked:
			lines = append(lines, "asks: "+f.Text+" "+strings.Join(f.Choices, "|"))
		case event.SuggestionProposed:
			lines = append(lines, fmt.Sprintf("proposes %d: %s", f.Position, f.Command))
		case event.SuggestionMoved:
			lines = append(lines, "moved: "+f.State+" "+f.Note)
		case event.TurnsHeld:
			lines = append(lines, "held")
		case event.TurnsReleased:
			lines = append(lines, "released")
		}
	}
	return lines
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// until polls a condition, waking the nodes, which would look by themselves only once a second.
func (h *house) until(what string, ok func() bool) {
	h.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !ok() {
		h.Wake()
		select {
		case <-tick.C:
		case <-late:
			h.t.Fatalf("%s did not come about", what)
		}
	}
}

// settles waits until no turn of a ticket is open.
func (h *house) settles(key helpdesk.TicketKey) {
	h.t.Helper()
	h.until("the end of every turn of "+string(key), func() bool { return !h.open(key) })
}

func (h *house) open(key helpdesk.TicketKey) (open bool) {
	h.t.Helper()
	h.view(func(tx *store.Tx) error {
		turns, err := tx.OpenTurns(key)
		open = len(turns) > 0
		return err
	})
	return open
}

// reach waits until a script stands before a gate.
func (h *house) reach(gate string) {
	h.t.Helper()
	select {
	case <-h.gates.Reached(gate):
	case <-time.After(patience):
		h.t.Fatalf("nobody came to the gate %s", gate)
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

// each tells a story on both engines; with -short on SQLite only.
func each(t *testing.T, story func(t *testing.T, h *house)) {
	t.Helper()
	tell := func(t *testing.T, cfg store.Config) {
		h := open(t, storetest.Open(t, cfg))
		h.cfg = cfg
		story(t, h)
	}
	if testing.Short() {
		tell(t, store.Config{Dir: storetest.SQLite(t)})
		return
	}
	storetest.EachConfig(t, tell)
}

// expire lets every lease run out, as time does. It writes beside the store, which has no way to do that.
func (h *house) expire() {
	h.t.Helper()
	driver, source := "pgx", h.cfg.URL
	if source == "" {
		driver, source = "sqlite", "file:"+filepath.Join(h.cfg.Dir, "helpdesk.db")+"?_pragma=busy_timeout(60000)"
	}
	db, err := sql.Open(driver, source)
	must(h.t, err)
	defer db.Close()
	_, err = db.Exec(`UPDATE turns SET lease_until = 1 WHERE state = 'running'`)
	must(h.t, err)
}
