package store

import (
	"time"

	"helpdesk"
)

const turnColumns = `id, ticket, tenant, message, agent, instance, state, queued_by, fence, sent_at, draft, reason, queued_at, ended_at`

// errStale is what a node hears that no longer holds the turn it works on.
var errStale = helpdesk.Errorf(helpdesk.Conflict, "Another node has taken this turn over.")

func scanTurn(r row) (helpdesk.Turn, error) {
	var x helpdesk.Turn
	var by string
	var sent, queued, ended int64
	if err := r.Scan(&x.ID, &x.Ticket, &x.Tenant, &x.Message, &x.Agent, &x.Instance, &x.State, &by, &x.Fence, &sent, &x.Draft, &x.Reason, &queued, &ended); err != nil {
		return x, err
	}
	x.SentAt, x.QueuedAt, x.EndedAt = fromMicros(sent), fromMicros(queued), fromMicros(ended)
	var err error
	x.By, err = unpackBy(by)
	return x, err
}

// InsertTurn stores a new turn.
func (t *Tx) InsertTurn(x helpdesk.Turn) error {
	return t.later(nil, `INSERT INTO turns (id, ticket, tenant, message, agent, instance, state, queued_by, queued_user, queued_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(x.ID), string(x.Ticket), string(t.tenant), string(x.Message), string(x.Agent), string(x.Instance), string(x.State), packBy(x.By), x.By.ID, micros(x.QueuedAt))
}

// Turn reads a turn.
func (t *Tx) Turn(id helpdesk.TurnID) (x helpdesk.Turn, err error) {
	where, args := t.within("tenant")
	err = t.first("There is no such turn.", func(r row) error { x, err = scanTurn(r); return err },
		`SELECT `+turnColumns+` FROM turns WHERE id = ? AND `+where, append([]any{string(id)}, args...)...)
	return x, err
}

// OpenTurns reads a ticket's queued and running turns, oldest first.
func (t *Tx) OpenTurns(key helpdesk.TicketKey) ([]helpdesk.Turn, error) {
	where, args := t.within("tenant")
	return t.turns(`SELECT `+turnColumns+` FROM turns WHERE ticket = ? AND state IN ('queued', 'running') AND `+where+` ORDER BY queued_at, id`,
		append([]any{string(key)}, args...)...)
}

func (t *Tx) turns(query string, args ...any) ([]helpdesk.Turn, error) {
	var all []helpdesk.Turn
	err := t.each(func(r row) error {
		x, err := scanTurn(r)
		all = append(all, x)
		return err
	}, query, args...)
	return all, err
}

// Waiting counts a ticket's queued and running turns and, since the given time and in whatever tenant, the turns that a
// person has queued: that limit is one of persons.
func (t *Tx) Waiting(key helpdesk.TicketKey, user string, since time.Time) (ofTicket, ofPerson int, err error) {
	where, args := t.within("tenant")
	err = t.first("", func(r row) error { return r.Scan(&ofTicket, &ofPerson) }, `SELECT
		(SELECT count(*) FROM turns WHERE ticket = ? AND state IN ('queued', 'running') AND `+where+`),
		(SELECT count(*) FROM turns WHERE queued_user = ? AND queued_at > ?)`, append(append([]any{string(key)}, args...), user, micros(since))...)
	return ofTicket, ofPerson, err
}

// LeaseTurn takes a turn for a node: a queued one, or a running one whose lease has run out, by the database's
// clock. It gives the turn in the state it was in, with its new, higher fence, or Conflict where somebody else
// has it. The same transaction moves a queued turn to running by SaveTurn; until then anyone may take it.
func (t *Tx) LeaseTurn(id helpdesk.TurnID, owner string, lease time.Duration) (x helpdesk.Turn, err error) {
	err = t.first("", func(r row) error { x, err = scanTurn(r); return err },
		`UPDATE turns SET fence = fence + 1, owner = ?, lease_until = {now} + ?
		WHERE id = ? AND tenant = ? AND (state = 'queued' OR (state = 'running' AND lease_until < {now}))
		RETURNING `+turnColumns, owner, lease.Microseconds(), string(id), string(t.tenant))
	if helpdesk.KindOf(err) == helpdesk.NotFound {
		err = errStale
	}
	return x, err
}

// RenewTurn holds a turn for longer; Conflict where the node no longer has it.
func (t *Tx) RenewTurn(x helpdesk.Turn, lease time.Duration) error {
	return stale(t.exec(`UPDATE turns SET lease_until = {now} + ? WHERE id = ? AND tenant = ? AND fence = ? AND state = 'running' AND lease_until >= {now}`,
		lease.Microseconds(), string(x.ID), string(t.tenant), x.Fence))
}

// SaveTurn stores what can change of a turn that has not ended, if the node that asks still holds it by fence and
// time. To make a second turn of a ticket running is a Conflict.
func (t *Tx) SaveTurn(x helpdesk.Turn) error {
	err := stale(t.exec(`UPDATE turns SET state = ?, sent_at = ?, draft = ?, reason = ?, ended_at = ? WHERE id = ? AND tenant = ? AND fence = ? AND lease_until >= {now} AND state IN ('queued', 'running')`,
		string(x.State), micros(x.SentAt), x.Draft, x.Reason, micros(x.EndedAt), string(x.ID), string(t.tenant), x.Fence))
	return unlessTaken(err, "Another turn of this ticket is running.")
}

// CancelTurn ends a turn whoever holds it: its fence grows, so that a node at work on it finds itself stale. A
// turn that has ended by itself stays as it is: Conflict.
func (t *Tx) CancelTurn(x helpdesk.Turn) error {
	n, err := t.exec(`UPDATE turns SET state = ?, reason = ?, ended_at = ?, fence = fence + 1, owner = '', lease_until = 0
		WHERE id = ? AND tenant = ? AND state IN ('queued', 'running')`, string(x.State), x.Reason, micros(x.EndedAt), string(x.ID), string(t.tenant))
	if err == nil && n == 0 {
		err = helpdesk.Errorf(helpdesk.Conflict, "This turn has ended already.")
	}
	return err
}

// HoldsTurn says whether the node still has the turn, and holds its row until the transaction ends; it is asked
// inside the transaction that depends on it.
func (t *Tx) HoldsTurn(x helpdesk.Turn) error {
	err := t.first("", func(r row) error { return r.Scan(new(int64)) },
		`SELECT fence FROM turns WHERE id = ? AND tenant = ? AND fence = ? AND state = 'running' AND lease_until >= {now} {lock}`,
		string(x.ID), string(t.tenant), x.Fence)
	if helpdesk.KindOf(err) == helpdesk.NotFound {
		return errStale
	}
	return err
}

func stale(n int64, err error) error {
	if err == nil && n == 0 {
		return errStale
	}
	return err
}

// WaitingTurn is a turn that a node may lease.
type WaitingTurn struct {
	ID       helpdesk.TurnID
	Tenant   helpdesk.TenantID
	Ticket   helpdesk.TicketKey
	Instance helpdesk.InstanceID
}

// WaitingTurns lists turns to lease, oldest first: the first queued one of each ticket where nothing runs and
// nothing is held, and running ones whose lease has run out.
func (s *System) WaitingTurns(limit int) ([]WaitingTurn, error) {
	var all []WaitingTurn
	err := s.tx.each(func(r row) error {
		var w WaitingTurn
		err := r.Scan(&w.ID, &w.Tenant, &w.Ticket, &w.Instance)
		all = append(all, w)
		return err
	}, `SELECT q.id, q.tenant, q.ticket, q.instance FROM turns q JOIN tickets k ON k.key = q.ticket
		WHERE q.state IN ('queued', 'running') AND ((q.state = 'running' AND q.lease_until < {now})
		   OR (q.state = 'queued' AND NOT k.held AND k.status <> 'closed' AND k.deleted_at = 0 AND NOT EXISTS (
			SELECT 1 FROM turns o WHERE o.ticket = q.ticket AND o.state IN ('queued', 'running')
			AND (o.state = 'running' OR (o.queued_at, o.id) < (q.queued_at, q.id)))))
		ORDER BY q.queued_at, q.id LIMIT ?`, limit)
	return all, err
}
