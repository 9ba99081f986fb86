package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"helpdesk"
	"helpdesk/event"
)

// Now is the database's clock: every node that shares the database agrees on it. A transaction has one now, that of
// its last LockTicket where there was one.
func (t *Tx) Now() (time.Time, error) {
	if !t.now.IsZero() {
		return t.now, nil
	}
	return t.clock()
}

func (t *Tx) clock() (time.Time, error) {
	var n int64
	err := t.first("", func(r row) error { return r.Scan(&n) }, `SELECT {now}`)
	t.now = fromMicros(n)
	return t.now, err
}

// Emit appends a fact to a ticket's log and gives its sequence number. Taking the number locks the ticket's
// row until the transaction ends, so the log has no gaps and one order.
func (t *Tx) Emit(ticket helpdesk.TicketKey, by helpdesk.By, f event.Fact, at time.Time) (int64, error) {
	kind, data, err := event.Encode(f)
	if err != nil {
		return 0, err
	}
	actor, err := json.Marshal(event.Who(by))
	if err != nil {
		return 0, err
	}
	h, err := t.head(ticket)
	if err != nil {
		return 0, err
	}
	err = t.later(nil, `INSERT INTO events (ticket, seq, tenant, kind, at, actor, data) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		string(ticket), h.seq+1, string(t.tenant), kind, micros(at), string(actor), string(data))
	if err != nil {
		return 0, err
	}
	h.seq, h.at, h.moved, h.told = h.seq+1, at, true, true
	return h.seq, nil
}

// Span selects events of one ticket: those after After and, where Before is not 0, before Before; at most
// Limit of them, the newest where Newest is set, else the oldest. They come in ascending order either way.
type Span struct {
	After, Before int64
	Limit         int
	Newest        bool
}

// Timeline reads events of a ticket.
func (t *Tx) Timeline(ticket helpdesk.TicketKey, s Span) ([]event.Event, error) {
	where, args := t.within("tenant")
	query := `SELECT ticket, seq, tenant, kind, at, actor, data FROM events WHERE ticket = ? AND seq > ? AND ` + where
	args = append([]any{string(ticket), s.After}, args...)
	if s.Before > 0 {
		query += ` AND seq < ?`
		args = append(args, s.Before)
	}
	query += ` ORDER BY seq`
	if s.Newest {
		query += ` DESC`
	}
	events, err := t.events(query+` LIMIT ?`, append(args, s.Limit)...)
	if s.Newest {
		slices.Reverse(events)
	}
	return events, err
}

// Conversation reads the events of a ticket, after that with the given sequence number, that say what was said,
// delivered and proposed.
func (t *Tx) Conversation(ticket helpdesk.TicketKey, after int64) ([]event.Event, error) {
	where, args := t.within("tenant")
	return t.events(`SELECT ticket, seq, tenant, kind, at, actor, data FROM events
		WHERE ticket = ? AND seq > ? AND kind IN ('MessagePosted', 'TurnSent', 'SuggestionProposed') AND `+where+` ORDER BY seq`,
		append([]any{string(ticket), after}, args...)...)
}

func (t *Tx) events(query string, args ...any) ([]event.Event, error) {
	var all []event.Event
	err := t.each(func(r row) error {
		var e event.Event
		var at int64
		var actor, data string
		if err := r.Scan(&e.Ticket, &e.Seq, &e.Tenant, &e.Kind, &at, &actor, &data); err != nil {
			return err
		}
		e.At, e.Data = fromMicros(at), json.RawMessage(data)
		if err := json.Unmarshal([]byte(actor), &e.Actor); err != nil {
			return fmt.Errorf("event %s/%d: actor: %w", e.Ticket, e.Seq, err)
		}
		all = append(all, e)
		return nil
	}, query, args...)
	return all, err
}

// packBy and unpackBy keep who did something in one column.
func packBy(b helpdesk.By) string {
	p, _ := json.Marshal(event.Who(b)) // three strings always encode
	return string(p)
}

func unpackBy(s string) (helpdesk.By, error) {
	var b event.By
	err := json.Unmarshal([]byte(s), &b)
	return b.By(), err
}
