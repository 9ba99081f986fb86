// Package live shows people what happens while it happens: the committed events of tickets, and the parts of
// answers that are still being given.
//
// It promises:
//
//   - Every event once, in order, none missing, from the cursor on that a viewer brings. The store is read, never the bus
//     believed: a lost notice costs until the next heartbeat, at most a second.
//   - Each event is read once and encoded once for everybody who watches the ticket. A viewer who is too slow to
//     keep up is not waited for: it reads the store by itself until it has caught up.
//   - The parts of a running turn are numbered from 1 and kept while it runs. Whoever comes late gets 1 to n and
//     then n+1, without hole or double.
//   - A stream ends within seconds when its viewer may no longer see what it shows.
package live

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"helpdesk"
	"helpdesk/internal/bus"
	"helpdesk/internal/store"
)

// Config holds the limits of streams.
type Config struct {
	Heartbeat time.Duration // how often heads are checked and sent; default 1 s
	Recheck   time.Duration // how often a viewer's rights are checked again; default 5 s
	Buffer    int           // messages that may wait for a viewer; default 256
	Streams   int           // streams of one user; default 16
	Log       *slog.Logger  // default: nothing is logged
}

// Store is what is read: events.
type Store interface {
	View(ctx context.Context, reach helpdesk.Reach, fn func(*store.Tx) error) error
}

// Bus is what says that something is new.
type Bus interface {
	Publish(subject string, data []byte) error
	Subscribe(subject string, fn func([]byte)) (unsubscribe func(), err error)
	Respond(subject string, fn func([]byte) []byte) (unsubscribe func(), err error)
	Request(ctx context.Context, subject string, data []byte) ([]byte, error)
}

// notice is what the bus carries after a commit.
type notice struct {
	Ticket helpdesk.TicketKey `json:"ticket"`
	Seq    int64              `json:"seq"`
}

// Announce makes the function that tells the bus of commits; it is the store's Config.Committed.
func Announce(publish func(subject string, data []byte) error) func([]store.Notice) {
	return func(notices []store.Notice) {
		for _, n := range notices {
			data, err := json.Marshal(notice{n.Ticket, n.Seq})
			if err == nil {
				_ = publish(bus.TicketSubject(n.Tenant, n.Ticket), data) // a lost one is found by the heartbeat
			}
		}
	}
}

// Hub joins viewers to what they watch.
type Hub struct {
	cfg   Config
	store Store
	bus   Bus
	parts *Parts
	done  chan struct{} // closed when Run ends: no stream outlives it

	encoded atomic.Int64 // events that were encoded, for tests

	mu       sync.Mutex
	watchers map[helpdesk.TicketKey]*watcher
	streams  map[string]int // by user
	list     lister
	open     sync.WaitGroup
	closed   bool
}

// New makes a hub. It starts nothing.
func New(cfg Config, s Store, b Bus) *Hub {
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = time.Second
	}
	if cfg.Recheck == 0 {
		cfg.Recheck = 5 * time.Second
	}
	if cfg.Buffer == 0 {
		cfg.Buffer = 256
	}
	if cfg.Streams == 0 {
		cfg.Streams = 16
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	h := &Hub{
		cfg: cfg, store: s, bus: b, parts: newParts(b, cfg.Log), done: make(chan struct{}),
		watchers: map[helpdesk.TicketKey]*watcher{}, streams: map[string]int{},
	}
	h.list.hub = h
	return h
}

// Parts is where the turns of this node give what they receive.
func (h *Hub) Parts() *Parts { return h.parts }

// Run checks heads until ctx ends, then ends every stream and waits for them.
func (h *Hub) Run(ctx context.Context) error {
	beat := time.NewTicker(h.cfg.Heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			h.mu.Lock()
			h.closed = true
			close(h.done)
			h.mu.Unlock()
			h.open.Wait()
			return context.Cause(ctx)
		case <-beat.C:
			h.checkHeads(ctx)
			h.list.check(ctx)
			h.parts.beat()
		}
	}
}

// checkHeads asks the store for the heads of all that is watched, in one query, and lets those that are behind read.
func (h *Hub) checkHeads(ctx context.Context) {
	h.mu.Lock()
	keys := make([]helpdesk.TicketKey, 0, len(h.watchers))
	watchers := make(map[helpdesk.TicketKey]*watcher, len(h.watchers))
	for k, w := range h.watchers {
		keys = append(keys, k)
		watchers[k] = w
	}
	h.mu.Unlock()
	if len(keys) == 0 {
		return
	}
	var heads map[helpdesk.TicketKey]int64
	err := h.store.View(ctx, everything(), func(tx *store.Tx) (err error) {
		heads, err = tx.Heads(keys)
		return err
	})
	if err != nil {
		h.cfg.Log.Warn("live: heads", "error", err)
		return
	}
	for k, seq := range heads {
		watchers[k].behind(seq)
	}
}

func everything() helpdesk.Reach { return helpdesk.System("live").Reach() }

// frame is one message to viewers, encoded once. Its kind is told by which of the numbers is set.
type frame struct {
	ticket helpdesk.TicketKey
	tenant helpdesk.TenantID
	seq    int64 // of an event
	part   partHead
	body   []byte // "event: …\ndata: …\n\n"
}

// message encodes a frame's body.
func message(event string, data []byte) []byte {
	b := make([]byte, 0, len(event)+len(data)+16)
	b = append(b, "event: "...)
	b = append(b, event...)
	b = append(b, "\ndata: "...)
	b = append(b, data...)
	return append(b, "\n\n"...)
}
