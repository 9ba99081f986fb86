package live

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"helpdesk"
	"helpdesk/internal/bus"
	"helpdesk/internal/store"
)

// Changed says where a ticket stands now, for lists.
type Changed struct {
	Key       helpdesk.TicketKey    `json:"key"`
	Seq       int64                 `json:"seq"`
	Tenant    helpdesk.TenantID     `json:"tenant"`
	Title     string                `json:"title"`
	Status    helpdesk.TicketStatus `json:"status"`
	Activity  helpdesk.Activity     `json:"activity"`
	ChangedAt time.Time             `json:"changed_at"`
	Deleted   bool                  `json:"deleted,omitempty"`
}

// lister tells those who watch a list which tickets changed. Like a watcher it reads each once for all.
type lister struct {
	hub *Hub

	mu      sync.Mutex
	ctx     context.Context // ends when the last viewer leaves
	cancel  context.CancelFunc
	viewers map[*Stream]struct{}
	seen    map[helpdesk.TicketKey]int64
	off     func()
}

const (
	listSeenMost = 10_000
	listChecked  = 50 // newest tickets that a heartbeat looks at for lost notices
)

func (l *lister) join(ctx context.Context, s *Stream) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.viewers) == 0 {
		off, err := l.hub.bus.Subscribe(bus.EveryTicketSubject, l.heard)
		if err != nil {
			return helpdesk.WithCause(helpdesk.Unavailable, err, "Live updates are not available now. Try again.")
		}
		l.off = off
		l.ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
		l.viewers, l.seen = map[*Stream]struct{}{}, map[helpdesk.TicketKey]int64{}
		newest, err := l.newest(ctx)
		if err != nil {
			l.stop()
			return err
		}
		for _, t := range newest {
			l.seen[t.Key] = t.Seq
		}
	}
	l.viewers[s] = struct{}{}
	return nil
}

func (l *lister) leave(s *Stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.viewers, s)
	if len(l.viewers) == 0 {
		l.stop()
	}
}

func (l *lister) stop() {
	l.off()
	l.cancel()
	l.viewers, l.seen = nil, nil
}

// heard is called by the bus. Notices that arrived while a ticket was being read are of no use any more: its
// sequence number covers them.
func (l *lister) heard(data []byte) {
	var n notice
	if json.Unmarshal(data, &n) != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.viewers) == 0 || n.Seq <= l.seen[n.Ticket] {
		return
	}
	ctx, cancel := context.WithTimeout(l.ctx, 10*time.Second)
	defer cancel()
	var t helpdesk.Ticket
	err := l.hub.store.View(ctx, everything(), func(tx *store.Tx) (err error) {
		t, err = tx.AnyTicket(n.Ticket)
		return err
	})
	if err == nil {
		l.tell(t)
	}
}

// check finds what notices that were lost would have said.
func (l *lister) check(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.viewers) == 0 {
		return
	}
	newest, err := l.newest(ctx)
	if err != nil {
		l.hub.cfg.Log.Warn("live: list", "error", err)
		return
	}
	for _, v := range slices.Backward(newest) {
		if t := v; t.Seq > l.seen[t.Key] {
			l.tell(t)
		}
	}
}

func (l *lister) newest(ctx context.Context) (page []helpdesk.Ticket, err error) {
	err = l.hub.store.View(ctx, everything(), func(tx *store.Tx) (err error) {
		page, err = tx.Tickets(store.TicketFilter{Limit: listChecked})
		return err
	})
	return page, err
}

func (l *lister) tell(t helpdesk.Ticket) {
	if len(l.seen) >= listSeenMost {
		clear(l.seen)
	}
	l.seen[t.Key] = t.Seq
	data, err := json.Marshal(Changed{
		Key: t.Key, Seq: t.Seq, Tenant: t.Tenant, Title: t.Title, Status: t.Status, Activity: t.Activity,
		ChangedAt: t.ChangedAt, Deleted: t.DeletedAt != nil,
	})
	if err != nil {
		return
	}
	f := frame{ticket: t.Key, tenant: t.Tenant, body: message("ticket", data)}
	for s := range l.viewers {
		s.offer(f)
	}
}
