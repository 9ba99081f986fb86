package live

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/bus"
	"helpdesk/internal/store"
)

// world is a store and a bus, with as many hubs as a test wants.
type world struct {
	t     testing.TB
	store *store.Store
	bus   *bus.Bus
	deaf  chan struct{} // closed: notices are lost
}

const tenant helpdesk.TenantID = "tenant-1"

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, deaf: make(chan struct{})}
	b, err := bus.Start(bus.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	w.bus = b
	announce := Announce(b.Publish)
	s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Committed: func(n []store.Notice) {
		select {
		case <-w.deaf:
		default:
			announce(n)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w.store = s
	err = s.SystemUpdate(t.Context(), store.Directory, func(tx *store.System) error {
		_, err := tx.InsertTenant(helpdesk.Tenant{ID: tenant, Key: "one", Name: "One", Prefix: "HD", Place: helpdesk.PlaceSandbox})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// hub runs a hub until the test ends.
func (w *world) hub(cfg Config) *Hub {
	w.t.Helper()
	h := New(cfg, w.store, w.bus)
	ctx, stop := context.WithCancel(w.t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = h.Run(ctx) })
	w.t.Cleanup(running.Wait)
	w.t.Cleanup(stop)
	return h
}

func (w *world) ticket() helpdesk.TicketKey {
	w.t.Helper()
	var key helpdesk.TicketKey
	if err := w.store.Update(w.t.Context(), tenant, func(tx *store.Tx) error {
		prefix, n, err := tx.NextTicketNumber()
		if err != nil {
			return err
		}
		key = helpdesk.MakeTicketKey(prefix, n)
		if err := tx.InsertTicket(helpdesk.Ticket{Key: key, Tenant: tenant, Title: "One", Status: helpdesk.TicketOpen, Activity: helpdesk.ActivityIdle}); err != nil {
			return err
		}
		_, err = tx.Emit(key, helpdesk.System("test").By(), event.TicketCreated{}, time.Now())
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return key
}

// emit commits n events.
func (w *world) emit(key helpdesk.TicketKey, n int) {
	w.t.Helper()
	for range n {
		if err := w.store.Update(w.t.Context(), tenant, func(tx *store.Tx) error {
			_, err := tx.Emit(key, helpdesk.System("test").By(), event.TicketRenamed{To: "x"}, time.Now())
			return err
		}); err != nil {
			w.t.Fatal(err)
		}
	}
}

func member() helpdesk.Actor {
	return helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "u1", Name: "Ann", Tenants: []helpdesk.TenantID{tenant}}
}

// viewer is one who watches, and checks what a browser would have to rely on.
type viewer struct {
	t      testing.TB
	stop   context.CancelFunc
	ended  chan struct{}
	err    error
	opened *Stream

	mu      sync.Mutex
	rest    []byte
	changed chan struct{} // replaced with each change
	id      string
	events  map[helpdesk.TicketKey][]int64
	heads   map[helpdesk.TicketKey]int64
	text    map[helpdesk.TurnID]string
	lists   []Changed
	stale   bool
	next    map[helpdesk.TurnID]int
	faults  []string
	block   chan struct{} // not nil: writing waits for it
	waiting chan struct{} // gets one when writing waits
}

func (w *world) watch(h *Hub, by helpdesk.Actor, what Watch) *viewer {
	w.t.Helper()
	v := newViewer(w.t)
	v.open(h, by, what)
	v.serve(func(context.Context) (helpdesk.Actor, error) { return by, nil })
	return v
}

func newViewer(t testing.TB) *viewer {
	return &viewer{
		t: t, ended: make(chan struct{}), changed: make(chan struct{}), events: map[helpdesk.TicketKey][]int64{}, heads: map[helpdesk.TicketKey]int64{},
		text: map[helpdesk.TurnID]string{}, next: map[helpdesk.TurnID]int{},
	}
}

func (v *viewer) open(h *Hub, by helpdesk.Actor, what Watch) {
	v.t.Helper()
	s, err := h.Open(v.t.Context(), by, what)
	if err != nil {
		v.t.Fatal(err)
	}
	v.opened = s
}

func (v *viewer) serve(still func(context.Context) (helpdesk.Actor, error)) {
	ctx, stop := context.WithCancel(v.t.Context())
	v.stop = func() { stop(); <-v.ended }
	go func() {
		defer close(v.ended)
		v.err = v.opened.Serve(ctx, v, still)
		v.opened.Close()
	}()
	v.t.Cleanup(v.stop)
}

func (v *viewer) Write(p []byte) (int, error) {
	v.mu.Lock()
	block, waiting := v.block, v.waiting
	v.mu.Unlock()
	if block != nil {
		waiting <- struct{}{}
		<-block
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rest = append(v.rest, p...)
	for {
		message, rest, ok := bytes.Cut(v.rest, []byte("\n\n"))
		if !ok {
			break
		}
		v.take(string(message))
		v.rest = rest
	}
	close(v.changed)
	v.changed = make(chan struct{})
	return len(p), nil
}

func (v *viewer) Flush() error { return nil }

func (v *viewer) take(message string) {
	var name, data, id string
	for line := range strings.SplitSeq(message, "\n") {
		field, value, _ := strings.Cut(line, ": ")
		switch field {
		case "event":
			name = value
		case "data":
			data = value
		case "id":
			id = value
		}
	}
	fault := func(format string, args ...any) {
		v.faults = append(v.faults, fmt.Sprintf(format, args...)+": "+message)
	}
	switch name {
	case "event":
		var e Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			fault("%v", err)
		}
		if all := v.events[e.Ticket]; len(all) > 0 && e.Seq != all[len(all)-1]+1 {
			fault("event %d follows %d", e.Seq, all[len(all)-1])
		}
		v.events[e.Ticket] = append(v.events[e.Ticket], e.Seq)
		c, err := ParseCursor(id)
		if err != nil || c[e.Ticket] != e.Seq {
			fault("the id is not the cursor")
		}
		v.id = id
	case "head":
		var h struct {
			Heads map[helpdesk.TicketKey]int64 `json:"heads"`
		}
		if err := json.Unmarshal([]byte(data), &h); err != nil {
			fault("%v", err)
		}
		v.heads = h.Heads
		if id != "" {
			v.id = id
		}
	case "part":
		var p Part
		if err := json.Unmarshal([]byte(data), &p); err != nil {
			fault("%v", err)
		}
		if id != "" {
			fault("a part with an id")
		}
		if p.From == 1 {
			v.text[p.Turn], v.next[p.Turn] = "", 1
		}
		if p.From != v.next[p.Turn] {
			fault("part %d where %d is due", p.From, v.next[p.Turn])
		}
		v.next[p.Turn] = p.N + 1
		switch p.Kind {
		case helpdesk.PartText:
			v.text[p.Turn] += p.Text
		case PartReset:
			v.text[p.Turn] = ""
		}
	case "ticket":
		var c Changed
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			fault("%v", err)
		}
		v.lists = append(v.lists, c)
	case "list":
		v.stale = true
	}
}

// await waits until the condition holds of what the viewer has seen.
func (v *viewer) await(what string, ok func() bool) {
	v.t.Helper()
	late := time.After(60 * time.Second)
	for {
		v.mu.Lock()
		done, changed := ok(), v.changed
		v.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-late:
			v.mu.Lock()
			defer v.mu.Unlock()
			v.t.Fatalf("%s does not come; events %v, heads %v, faults %v", what, v.events, v.heads, v.faults)
		}
	}
}

func (v *viewer) awaitSeq(key helpdesk.TicketKey, seq int64) {
	v.t.Helper()
	v.await(fmt.Sprintf("event %d", seq), func() bool {
		all := v.events[key]
		return len(all) > 0 && all[len(all)-1] == seq
	})
}

// begun waits until the stream shows where it begins.
func (v *viewer) begun(key helpdesk.TicketKey) {
	v.t.Helper()
	v.await("the first head", func() bool { _, ok := v.heads[key]; return ok })
}

// sound fails the test if the viewer saw a hole, a double or a disorder.
func (v *viewer) sound() {
	v.t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, f := range v.faults {
		v.t.Error(f)
	}
}
