package live

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/bus"
	"helpdesk/internal/store"
)

// watcher reads one ticket's new events for all who watch it. It has no goroutine of its own: the bus's and the
// heartbeat's call it.
type watcher struct {
	hub    *Hub
	tenant helpdesk.TenantID
	key    helpdesk.TicketKey
	ctx    context.Context // ends when the last viewer leaves
	cancel context.CancelFunc
	count  int // viewers who came or are coming; guarded by hub.mu

	mu      sync.Mutex
	started bool
	seq     int64 // the newest event that was handed on
	viewers map[*Stream]struct{}
	off     []func() // unsubscribe
}

// join makes a stream a viewer of a ticket. From then on it hears of everything after the head that is returned.
func (h *Hub) join(ctx context.Context, s *Stream, tenant helpdesk.TenantID, key helpdesk.TicketKey) (w *watcher, head int64, err error) {
	h.mu.Lock()
	w = h.watchers[key]
	if w == nil {
		w = &watcher{hub: h, tenant: tenant, key: key, viewers: map[*Stream]struct{}{}}
		w.ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
		h.watchers[key] = w
	}
	w.count++
	h.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.started {
		if err := w.start(); err != nil {
			h.drop(w)
			return nil, 0, err
		}
		w.started = true
	}
	w.viewers[s] = struct{}{}
	return w, w.seq, nil
}

// start subscribes first and reads the head then, so that nothing falls between.
func (w *watcher) start() (err error) {
	defer func() {
		if err != nil {
			w.unsubscribe()
		}
	}()
	for subject, fn := range map[string]func([]byte){
		bus.TicketSubject(w.tenant, w.key): w.heard,
		bus.PartSubject(w.tenant, w.key):   w.heardPart,
	} {
		off, err := w.hub.bus.Subscribe(subject, fn)
		if err != nil {
			return helpdesk.WithCause(helpdesk.Unavailable, err, "Live updates are not available now. Try again.")
		}
		w.off = append(w.off, off)
	}
	return w.hub.store.View(w.ctx, everything().Only(w.tenant), func(tx *store.Tx) error {
		t, err := tx.AnyTicket(w.key)
		w.seq = t.Seq
		return err
	})
}

// leave undoes join.
func (w *watcher) leave(s *Stream) {
	w.mu.Lock()
	delete(w.viewers, s)
	w.mu.Unlock()
	w.hub.drop(w)
}

// drop ends a watcher with its last viewer.
func (h *Hub) drop(w *watcher) {
	h.mu.Lock()
	w.count--
	last := w.count == 0
	if last {
		delete(h.watchers, w.key)
	}
	h.mu.Unlock()
	if last {
		w.cancel()
		w.unsubscribe()
	}
}

func (w *watcher) unsubscribe() {
	for _, off := range w.off {
		off()
	}
	w.off = nil
}

// heard is called by the bus.
func (w *watcher) heard(data []byte) {
	var n notice
	if json.Unmarshal(data, &n) == nil {
		w.behind(n.Seq)
	}
}

// behind reads what is new, if the head is beyond what was handed on.
func (w *watcher) behind(head int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.started && w.seq < head {
		ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
		events, err := w.hub.timeline(ctx, w.tenant, w.key, w.seq)
		cancel()
		if err != nil || len(events) == 0 {
			if err != nil && w.ctx.Err() == nil {
				w.hub.cfg.Log.Warn("live: read events", "ticket", w.key, "error", err)
			}
			return // the next heartbeat tries again
		}
		for _, f := range events {
			w.seq = f.seq
			w.fanOut(f)
		}
	}
}

// heardPart is called by the bus.
func (w *watcher) heardPart(data []byte) {
	var p partHead
	if json.Unmarshal(data, &p) != nil || p.N == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	f := frame{ticket: w.key, part: p}
	if !p.Head {
		f.body = message("part", data)
	}
	w.fanOut(f)
}

func (w *watcher) fanOut(f frame) {
	for s := range w.viewers {
		s.offer(f)
	}
}

func (w *watcher) head() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seq
}

const pageSize = 200

// timeline reads and encodes the events after a sequence number, at most a page.
func (h *Hub) timeline(ctx context.Context, tenant helpdesk.TenantID, key helpdesk.TicketKey, after int64) ([]frame, error) {
	var events []event.Event
	if err := h.store.View(ctx, everything().Only(tenant), func(tx *store.Tx) (err error) {
		events, err = tx.Timeline(key, store.Span{After: after, Limit: pageSize})
		return err
	}); err != nil {
		return nil, err
	}
	frames := make([]frame, 0, len(events))
	h.encoded.Add(int64(len(events)))
	for _, e := range events {
		data, err := json.Marshal(EventOf(e))
		if err != nil {
			return nil, err
		}
		frames = append(frames, frame{ticket: key, seq: e.Seq, body: message("event", data)})
	}
	return frames, nil
}

// Event is a committed event as the API shows it, in streams and timelines.
type Event struct {
	Ticket helpdesk.TicketKey `json:"ticket"`
	Seq    int64              `json:"seq" doc:"From 1, without gaps within the ticket."`
	Kind   string             `json:"kind" doc:"What happened; see docs/api/events.md. Ignore kinds that you do not know."`
	At     time.Time          `json:"at"`
	Actor  event.By           `json:"actor"`
	Data   json.RawMessage    `json:"data" doc:"The fact, by its kind."`
}

// EventOf is an event as the API shows it.
func EventOf(e event.Event) Event {
	return Event{Ticket: e.Ticket, Seq: e.Seq, Kind: e.Kind, At: e.At, Actor: e.Actor, Data: e.Data}
}
