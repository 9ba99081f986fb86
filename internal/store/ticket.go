package store

import (
	"encoding/json"
	"strings"
	"time"

	"helpdesk"
)

const noTicket = "There is no such ticket, or it is not yours to see."

const ticketColumns = `key, tenant, title, status, solved, activity, agent, instance, workspace, closing, held, seq, created_by, created_at, changed_at, deleted_at`

func scanTicket(r row) (helpdesk.Ticket, error) {
	var t helpdesk.Ticket
	var solved, by string
	var created, changed, deleted int64
	if err := r.Scan(&t.Key, &t.Tenant, &t.Title, &t.Status, &solved, &t.Activity, &t.Agent, &t.Instance, &t.Workspace,
		&t.Closing, &t.Held, &t.Seq, &by, &created, &changed, &deleted); err != nil {
		return t, err
	}
	if solved != "" {
		yes := solved == "yes"
		t.Solved = &yes
	}
	t.CreatedAt, t.ChangedAt = fromMicros(created), fromMicros(changed)
	if deleted != 0 {
		at := fromMicros(deleted)
		t.DeletedAt = &at
	}
	var err error
	t.CreatedBy, err = unpackBy(by)
	return t, err
}

func packSolved(s *bool) string {
	switch {
	case s == nil:
		return ""
	case *s:
		return "yes"
	}
	return "no"
}

// NextTicketNumber takes the tenant's next ticket number; it is never given out again.
func (t *Tx) NextTicketNumber() (prefix string, n int64, err error) {
	err = t.first("There is no such tenant, or it is not yours to see.", func(r row) error { return r.Scan(&prefix, &n) },
		`UPDATE tenants SET tickets = tickets + 1 WHERE id = ? RETURNING prefix, tickets`, string(t.tenant))
	return prefix, n, err
}

// InsertTicket stores a new ticket.
func (t *Tx) InsertTicket(x helpdesk.Ticket) error {
	_, err := t.exec(`INSERT INTO tickets (`+ticketColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(x.Key), string(t.tenant), x.Title, string(x.Status), packSolved(x.Solved), string(x.Activity), string(x.Agent),
		string(x.Instance), x.Workspace, x.Closing, x.Held, x.Seq, packBy(x.CreatedBy), micros(x.CreatedAt), micros(x.ChangedAt), 0)
	return err
}

// Ticket reads a ticket. One that was deleted is not found.
func (t *Tx) Ticket(key helpdesk.TicketKey) (helpdesk.Ticket, error) {
	x, err := t.AnyTicket(key)
	if err == nil && x.DeletedAt != nil {
		return helpdesk.Ticket{}, helpdesk.Errorf(helpdesk.NotFound, noTicket)
	}
	return x, err
}

// AnyTicket reads a ticket, deleted or not.
func (t *Tx) AnyTicket(key helpdesk.TicketKey) (x helpdesk.Ticket, err error) {
	where, args := t.within("tenant")
	err = t.first(noTicket, func(r row) error { x, err = scanTicket(r); return err },
		`SELECT `+ticketColumns+` FROM tickets WHERE key = ? AND `+where, append([]any{string(key)}, args...)...)
	return x, err
}

// LockTicket reads a ticket and holds its row until the transaction ends, so that what is decided from it
// still holds at the commit.
func (t *Tx) LockTicket(key helpdesk.TicketKey) (x helpdesk.Ticket, err error) {
	err = t.first(noTicket, func(r row) error { x, err = scanTicket(r); return err },
		`UPDATE tickets SET seq = seq WHERE key = ? AND tenant = ? RETURNING `+ticketColumns, string(key), string(t.tenant))
	return x, err
}

// SaveTicket stores what can change of a ticket, but its sequence number, which belongs to Emit.
func (t *Tx) SaveTicket(x helpdesk.Ticket) error {
	var deleted int64
	if x.DeletedAt != nil {
		deleted = micros(*x.DeletedAt)
	}
	return t.one(noTicket, `UPDATE tickets SET title = ?, status = ?, solved = ?, activity = ?, agent = ?, instance = ?,
		workspace = ?, closing = ?, held = ?, deleted_at = ? WHERE key = ? AND tenant = ?`,
		x.Title, string(x.Status), packSolved(x.Solved), string(x.Activity), string(x.Agent), string(x.Instance),
		x.Workspace, x.Closing, x.Held, deleted, string(x.Key), string(t.tenant))
}

// Refresh derives a ticket's activity from its open turns, undecided suggestions and unanswered question, and
// stores it.
func (t *Tx) Refresh(key helpdesk.TicketKey) error {
	var turns, undecided int
	var asked string
	err := t.first(noTicket, func(r row) error { return r.Scan(&turns, &undecided, &asked) },
		`SELECT (SELECT count(*) FROM turns WHERE ticket = k.key AND state IN ('queued', 'running')),
			(SELECT count(*) FROM suggestions WHERE ticket = k.key AND state = 'proposed'),
			coalesce((SELECT kind FROM events WHERE ticket = k.key AND kind IN ('QuestionAsked', 'TurnSent') ORDER BY seq DESC LIMIT 1), '')
		FROM tickets k WHERE k.key = ? AND k.tenant = ?`, string(key), string(t.tenant))
	if err != nil {
		return err
	}
	a := helpdesk.ActivityIdle
	switch {
	case turns > 0:
		a = helpdesk.ActivityWorking
	case undecided > 0, asked == "QuestionAsked":
		a = helpdesk.ActivityWaiting
	}
	return t.one(noTicket, `UPDATE tickets SET activity = ? WHERE key = ? AND tenant = ?`, string(a), string(key), string(t.tenant))
}

// TicketFilter selects tickets for a list, newest change first.
type TicketFilter struct {
	Words    string                // all of them, as beginnings of words in title or messages; or a key
	Status   helpdesk.TicketStatus // "" any
	Activity helpdesk.Activity     // "" any
	Tenant   helpdesk.TenantID     // "" any within reach
	Before   TicketCursor          // the zero cursor starts at the newest
	Limit    int
}

// TicketCursor is the place of a ticket in a list.
type TicketCursor struct {
	ChangedAt time.Time
	Key       helpdesk.TicketKey
}

// Tickets reads a page of tickets. Its cost does not grow with the number of tickets.
func (t *Tx) Tickets(f TicketFilter) ([]helpdesk.Ticket, error) {
	where, args := t.within("tenant")
	query := `SELECT ` + ticketColumns + ` FROM tickets WHERE deleted_at = 0 AND ` + where
	if f.Tenant != "" {
		query, args = query+` AND tenant = ?`, append(args, string(f.Tenant))
	}
	if f.Status != "" {
		query, args = query+` AND status = ?`, append(args, string(f.Status))
	}
	if f.Activity != "" {
		query, args = query+` AND activity = ?`, append(args, string(f.Activity))
	}
	if words := strings.Fields(f.Words); len(words) > 0 {
		if key, err := helpdesk.ParseTicketKey(f.Words); err == nil {
			query, args = query+` AND key = ?`, append(args, string(key))
		} else {
			match, a := t.matches(words)
			query, args = query+` AND key IN (`+match+`)`, append(args, a...)
		}
	}
	if f.Before.Key != "" {
		query += ` AND (changed_at, key) < (?, ?)`
		args = append(args, micros(f.Before.ChangedAt), string(f.Before.Key))
	}
	var page []helpdesk.Ticket
	err := t.each(func(r row) error {
		x, err := scanTicket(r)
		page = append(page, x)
		return err
	}, query+` ORDER BY changed_at DESC, key DESC LIMIT ?`, append(args, f.Limit)...)
	return page, err
}

// AgentState is what an instance last left for itself in a ticket; nil where nothing.
func (t *Tx) AgentState(key helpdesk.TicketKey, i helpdesk.InstanceID) (state json.RawMessage, err error) {
	where, args := t.within("tenant")
	err = t.each(func(r row) error {
		var s string
		err := r.Scan(&s)
		state = json.RawMessage(s)
		return err
	}, `SELECT state FROM agent_states WHERE ticket = ? AND instance = ? AND `+where, append([]any{string(key), string(i)}, args...)...)
	return state, err
}

// SaveAgentState keeps what an instance wants back with its next request.
func (t *Tx) SaveAgentState(key helpdesk.TicketKey, i helpdesk.InstanceID, state json.RawMessage) error {
	_, err := t.exec(`INSERT INTO agent_states (ticket, instance, tenant, state) VALUES (?, ?, ?, ?)
		ON CONFLICT (ticket, instance) DO UPDATE SET state = excluded.state`, string(key), string(i), string(t.tenant), string(state))
	return err
}

// EraseTicket deletes everything there is of a ticket but its audit.
func (t *Tx) EraseTicket(key helpdesk.TicketKey) error {
	for _, table := range []string{"events", "turns", "agent_states", "suggestions", "decisions", "runs", "terminals", "search"} {
		if _, err := t.exec(`DELETE FROM `+table+` WHERE ticket = ? AND tenant = ?`, string(key), string(t.tenant)); err != nil {
			return err
		}
	}
	return t.one(noTicket, `DELETE FROM tickets WHERE key = ? AND tenant = ?`, string(key), string(t.tenant))
}
