package live

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/internal/bus"
	"helpdesk/internal/store"
)

func TestAViewerSeesEachEventOnce(t *testing.T) {
	w := newWorld(t)
	h := w.hub(Config{})
	a, b := w.ticket(), w.ticket()
	w.emit(a, 3)
	v := w.watch(h, member(), Watch{Tickets: []At{{a, tenant}, {b, tenant}, {a, tenant}}})
	v.begun(a)
	w.emit(a, 5)
	w.emit(b, 2)
	w.emit(a, 1)
	v.awaitSeq(a, 10)
	v.awaitSeq(b, 3)
	v.sound()
	if got := v.events[a]; got[0] != 5 {
		t.Errorf("without a cursor the stream begins with %d, not with what is new", got[0])
	}
}

// A stream that is torn anywhere goes on where it was, also across a restart of the server.
func TestAStreamGoesOnWhereItEnded(t *testing.T) {
	w := newWorld(t)
	key := w.ticket()
	first := w.watch(w.hub(Config{}), member(), Watch{Tickets: []At{{key, tenant}}})
	first.begun(key)
	w.emit(key, 3)
	first.awaitSeq(key, 4)
	first.stop()
	w.emit(key, 450) // more than is read at a time
	from, err := ParseCursor(first.id)
	if err != nil {
		t.Fatal(err)
	}
	second := w.watch(w.hub(Config{}), member(), Watch{Tickets: []At{{key, tenant}}, From: from})
	second.awaitSeq(key, 454)
	second.sound()
	if got := second.events[key][0]; got != 5 {
		t.Errorf("it goes on with %d", got)
	}
	future := w.watch(w.hub(Config{}), member(), Watch{Tickets: []At{{key, tenant}}, From: Cursor{key: 1_000_000}})
	future.begun(key)
	w.emit(key, 1)
	future.awaitSeq(key, 455)
}

// A stream that breaks before its first event has a cursor all the same.
func TestTheFirstHeadIsACursor(t *testing.T) {
	w := newWorld(t)
	key := w.ticket()
	v := w.watch(w.hub(Config{}), member(), Watch{Tickets: []At{{key, tenant}}})
	v.begun(key)
	v.stop()
	if v.id != string(key)+":1" {
		t.Errorf("the id is %q", v.id)
	}
}

// When every notice is lost, events come with the heartbeat.
func TestLostNoticesCostAHeartbeat(t *testing.T) {
	w := newWorld(t)
	h := w.hub(Config{Heartbeat: 20 * time.Millisecond})
	key := w.ticket()
	v := w.watch(h, member(), Watch{Tickets: []At{{key, tenant}}, List: true})
	v.begun(key)
	close(w.deaf)
	w.emit(key, 7)
	v.awaitSeq(key, 8)
	v.await("the list", func() bool { return len(v.lists) > 0 && v.lists[len(v.lists)-1].Seq == 8 })
	v.sound()
}

// A viewer who does not read keeps nobody waiting, and has everything in the end.
func TestASlowViewerReadsTheStoreItself(t *testing.T) {
	w := newWorld(t)
	h := w.hub(Config{Heartbeat: 20 * time.Millisecond, Buffer: 4})
	key := w.ticket()
	slow := newViewer(t)
	slow.block, slow.waiting = make(chan struct{}), make(chan struct{}, 1000)
	slow.open(h, member(), Watch{Tickets: []At{{key, tenant}}})
	slow.serve(func(context.Context) (helpdesk.Actor, error) { return member(), nil })
	<-slow.waiting // it hangs in its first write
	fast := w.watch(h, member(), Watch{Tickets: []At{{key, tenant}}})
	fast.begun(key)
	turn := helpdesk.Turn{ID: "turn-1", Ticket: key, Tenant: tenant, Fence: 1}
	if err := h.Parts().Begin(turn); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		w.emit(key, 1)
		h.Parts().Append(turn.ID, helpdesk.PartText, "x")
	}
	fast.awaitSeq(key, 51)
	fast.await("the parts", func() bool { return len(fast.text[turn.ID]) == 50 })
	slow.mu.Lock()
	block := slow.block
	slow.block = nil
	slow.mu.Unlock()
	close(block)
	slow.awaitSeq(key, 51)
	slow.await("the parts", func() bool { return len(slow.text[turn.ID]) == 50 })
	slow.sound()
	fast.sound()
}

// Whoever may no longer see a ticket sees nothing more of it.
func TestAStreamEndsWithTheRight(t *testing.T) {
	w := newWorld(t)
	h := w.hub(Config{Heartbeat: 10 * time.Millisecond, Recheck: 10 * time.Millisecond})
	key := w.ticket()
	gone := errors.New("revoked")
	v := newViewer(t)
	v.open(h, member(), Watch{Tickets: []At{{key, tenant}}})
	revoked := make(chan struct{})
	v.serve(func(context.Context) (helpdesk.Actor, error) {
		select {
		case <-revoked:
			return helpdesk.Actor{}, gone
		default:
			return member(), nil
		}
	})
	v.begun(key)
	close(revoked)
	select {
	case <-v.ended:
	case <-time.After(60 * time.Second):
		t.Fatal("the stream goes on")
	}
	if !errors.Is(v.err, gone) {
		t.Errorf("it ended with %v", v.err)
	}
}

func TestAUserHasSoManyStreams(t *testing.T) {
	w := newWorld(t)
	h := w.hub(Config{Streams: 2})
	key := w.ticket()
	what := Watch{Tickets: []At{{key, tenant}}}
	one := w.watch(h, member(), what)
	w.watch(h, member(), what)
	_, err := h.Open(t.Context(), member(), what)
	if helpdesk.KindOf(err) != helpdesk.TooMany || !strings.Contains(helpdesk.PublicText(err), "2 event streams") {
		t.Errorf("the third: %v", err)
	}
	other := member()
	other.ID = "u2"
	w.watch(h, other, what)
	one.stop()
	w.watch(h, member(), what)

	for name, what := range map[string]Watch{"nothing": {}, "too much": {Tickets: make([]At, mostTickets+1)}} {
		if _, err := h.Open(t.Context(), other, what); helpdesk.KindOf(err) != helpdesk.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A list shows changes of tickets within reach, and of no others.
func TestAListKnowsItsWalls(t *testing.T) {
	w := newWorld(t)
	h := w.hub(Config{})
	key := w.ticket()
	mine := w.watch(h, member(), Watch{List: true})
	stranger := helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "u9", Tenants: []helpdesk.TenantID{"tenant-2"}}
	theirs := w.watch(h, stranger, Watch{List: true})
	for _, v := range []*viewer{mine, theirs} {
		v.await("the beginning", func() bool { return v.heads != nil && v.id == "" && len(v.rest) == 0 })
	}
	w.emit(key, 3)
	mine.await("the change", func() bool { return len(mine.lists) > 0 && mine.lists[len(mine.lists)-1].Seq == 4 })
	deleted := time.Now()
	if err := w.store.Update(t.Context(), tenant, func(tx *store.Tx) error {
		x, err := tx.LockTicket(key)
		if err != nil {
			return err
		}
		x.DeletedAt = &deleted
		return tx.SaveTicket(x)
	}); err != nil {
		t.Fatal(err)
	}
	w.emit(key, 1)
	mine.await("the deletion", func() bool { return mine.lists[len(mine.lists)-1].Deleted })
	theirs.mu.Lock()
	defer theirs.mu.Unlock()
	if len(theirs.lists) > 0 {
		t.Errorf("another tenant's member sees %v", theirs.lists)
	}
}

func TestTheHubWaitsForItsStreams(t *testing.T) {
	w := newWorld(t)
	h := New(Config{}, w.store, w.bus)
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- h.Run(ctx) }()
	key := w.ticket()
	v := w.watch(h, member(), Watch{Tickets: []At{{key, tenant}}})
	v.begun(key)
	stop()
	select {
	case <-over:
	case <-time.After(60 * time.Second):
		t.Fatal("Run does not end")
	}
	<-v.ended
	if v.err != nil {
		t.Errorf("the stream ended with %v", v.err)
	}
	if _, err := h.Open(t.Context(), member(), Watch{List: true}); helpdesk.KindOf(err) != helpdesk.Unavailable {
		t.Errorf("afterwards: %v", err)
	}
}

// 200 viewers of one ticket: nobody misses anything, and each event is encoded once.
func TestTwoHundredViewers(t *testing.T) {
	const viewers, events = 200, 20
	w := newWorld(t)
	h := w.hub(Config{Streams: viewers})
	key := w.ticket()
	all := make([]*viewer, viewers)
	for i := range all {
		all[i] = w.watch(h, member(), Watch{Tickets: []At{{key, tenant}}})
	}
	for _, v := range all {
		v.begun(key)
	}
	w.emit(key, events)
	for _, v := range all {
		v.awaitSeq(key, events+1)
		v.sound()
		if len(v.events[key]) != events {
			t.Errorf("a viewer has %d events", len(v.events[key]))
		}
	}
	if n := h.encoded.Load(); n != events {
		t.Errorf("%d events were encoded %d times", events, n)
	}
}

func TestACursorThatIsNone(t *testing.T) {
	for _, s := range []string{"HD-1", "HD-1:", ":1", "HD-1:x", "HD-1:-1", "HD-1:01", "hd-1:1", "HD-1:1,", "HD-1:1,HD-1:2", strings.Repeat("HD-1:1,", 900)} {
		if _, err := ParseCursor(s); helpdesk.KindOf(err) != helpdesk.Invalid {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func FuzzCursor(f *testing.F) {
	for _, s := range []string{"", "HD-1:12", "HD-1:1,OPS-3:7", "HD-1:99999999999999999999", "a:b", ",,,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCursor(s)
		if err != nil {
			return
		}
		again, err := ParseCursor(c.String())
		if err != nil || again.String() != c.String() || len(c) > mostTickets {
			t.Errorf("%q is read as %v, and that as %v, %v", s, c, again, err)
		}
		parts, back := strings.Split(s, ","), strings.Split(c.String(), ",")
		slices.Sort(parts)
		slices.Sort(back)
		if !slices.Equal(parts, back) {
			t.Errorf("%q is written as %q", s, c)
		}
	})
}

var _ Bus = (*bus.Bus)(nil)
