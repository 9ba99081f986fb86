package store

import (
	"slices"
	"strings"
	"time"

	"helpdesk"
)

// Heads reads the newest sequence number of each of the tickets within reach.
func (t *Tx) Heads(keys []helpdesk.TicketKey) (map[helpdesk.TicketKey]int64, error) {
	heads := make(map[helpdesk.TicketKey]int64, len(keys))
	for len(keys) > 0 {
		some := slices.Clone(keys[:min(len(keys), 512)])
		keys = keys[len(some):]
		for len(some)&(len(some)-1) != 0 { // a power of two: ten texts to keep prepared, not 512
			some = append(some, some[0])
		}
		where, reach := t.within("tenant")
		args := make([]any, 0, len(some)+len(reach))
		for _, k := range some {
			args = append(args, string(k))
		}
		if err := t.each(func(r row) error {
			var k helpdesk.TicketKey
			var seq int64
			err := r.Scan(&k, &seq)
			heads[k] = seq
			return err
		}, `SELECT key, seq FROM tickets WHERE key IN (?`+strings.Repeat(",?", len(some)-1)+`) AND `+where, append(args, reach...)...); err != nil {
			return nil, err
		}
	}
	return heads, nil
}

// head is what this transaction knows of a ticket whose row it holds: nobody else can change it, so it is written
// once, after all else.
type head struct {
	ticket  helpdesk.TicketKey
	seq     int64
	at      time.Time // of the newest event
	moved   bool      // seq and at are to be written
	refresh bool      // the activity is to be derived
	told    bool      // there are events to tell of
}

// head gives the head of a ticket, holding the ticket's row until the transaction ends.
func (t *Tx) head(ticket helpdesk.TicketKey) (*head, error) {
	if h := t.held(ticket); h != nil {
		return h, nil
	}
	var seq int64
	if err := t.first(noTicket, func(r row) error { return r.Scan(&seq) },
		`SELECT seq FROM tickets WHERE key = ? AND tenant = ? {lock}`, string(ticket), string(t.tenant)); err != nil {
		return nil, err
	}
	return t.hold(ticket, seq), nil
}

// held gives the head of a ticket whose row this transaction holds already, else nil.
func (t *Tx) held(ticket helpdesk.TicketKey) *head {
	i := slices.IndexFunc(t.heads, func(h *head) bool { return h.ticket == ticket })
	if i < 0 {
		return nil
	}
	return t.heads[i]
}

// hold notes that this transaction holds a ticket's row.
func (t *Tx) hold(ticket helpdesk.TicketKey, seq int64) *head {
	h := t.held(ticket)
	if h == nil {
		h = &head{ticket: ticket}
		t.heads = append(t.heads, h)
	}
	h.seq = seq
	return h
}

// settle writes what is still to be written of the tickets held: before somebody looks at them, and at the end.
func (t *Tx) settle() {
	for _, h := range t.heads {
		moved, refresh := h.moved, h.refresh
		h.moved, h.refresh = false, false
		if t.broken != nil || !moved && !refresh {
			continue
		}
		var set []string
		var args []any
		if moved {
			set, args = append(set, `seq = ?, changed_at = ?`), append(args, h.seq, micros(h.at))
		}
		if refresh {
			set = append(set, deriveActivity)
		}
		_ = t.later(nil, `UPDATE tickets SET `+strings.Join(set, ", ")+` WHERE key = ? AND tenant = ?`, append(args, string(h.ticket), string(t.tenant))...) // it is in t.broken
	}
}

// notices says which tickets have new events.
func (t *Tx) notices() (all []Notice) {
	for _, h := range t.heads {
		if h.told {
			all = append(all, Notice{Tenant: t.tenant, Ticket: h.ticket, Seq: h.seq})
		}
	}
	return all
}
