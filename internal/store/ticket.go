package store

import (
	"encoding/json"
	"slices"
	"strconv"
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

// NextTicketNumber takes the tenant's next ticket number; it is never given to another ticket. On PostgreSQL it stays
// taken when the transaction fails: else all who open tickets in a tenant would wait for each other's commits.
func (t *Tx) NextTicketNumber() (prefix string, n int64, err error) {
	found := false
	_, err = t.do(t.q.aside, once(&found, func(r row) error { return r.Scan(&prefix, &n) }),
		`UPDATE tenants SET tickets = tickets + 1 WHERE id = ? RETURNING prefix, tickets`, string(t.tenant))
	if err == nil && !found {
		err = helpdesk.Errorf(helpdesk.NotFound, "There is no such tenant, or it is not yours to see.")
	}
	return prefix, n, err
}

// InsertTicket stores a new ticket.
func (t *Tx) InsertTicket(x helpdesk.Ticket) error {
	err := t.later(nil, `INSERT INTO tickets (`+ticketColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(x.Key), string(t.tenant), x.Title, string(x.Status), packSolved(x.Solved), string(x.Activity), string(x.Agent),
		string(x.Instance), x.Workspace, x.Closing, x.Held, x.Seq, packBy(x.CreatedBy), micros(x.CreatedAt), micros(x.ChangedAt), 0)
	if err == nil {
		t.hold(x.Key, x.Seq)
	}
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
	found := false
	if err = t.later(once(&found, func(r row) (err error) { x, err = scanTicket(r); return err }),
		`SELECT `+ticketColumns+` FROM tickets WHERE key = ? AND tenant = ? {lock}`, string(key), string(t.tenant)); err != nil {
		return x, err
	}
	if _, err = t.clock(); err == nil && !found {
		err = helpdesk.Errorf(helpdesk.NotFound, noTicket)
	}
	if err == nil {
		t.hold(key, x.Seq)
	}
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

// Refresh derives a ticket's activity from its open turns, undecided suggestions and unanswered question, as they are
// at the end of the transaction, and stores it.
func (t *Tx) Refresh(key helpdesk.TicketKey) error {
	h, err := t.head(key)
	if err == nil {
		h.refresh = true
	}
	return err
}

const deriveActivity = `activity = CASE
	WHEN EXISTS (SELECT 1 FROM turns WHERE ticket = tickets.key AND state IN ('queued', 'running')) THEN 'agent_working'
	WHEN EXISTS (SELECT 1 FROM suggestions WHERE ticket = tickets.key AND state = 'proposed') THEN 'waiting_for_you'
	WHEN (SELECT kind FROM events WHERE ticket = tickets.key AND kind IN ('QuestionAsked', 'TurnSent') ORDER BY seq DESC LIMIT 1) = 'QuestionAsked' THEN 'waiting_for_you'
	ELSE 'idle' END`

// TicketFilter selects tickets for a list, newest change first.
type TicketFilter struct {
	Words    string                // a ticket's key; else each begins a word of the title or the messages
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

// mergedTenants is the most tenants for which a list is merged from a branch of its own for each; beyond it the
// branches walk all tickets in order and leave out those of other tenants.
const mergedTenants = 32

// Tickets reads a page of tickets. Without words and activity its cost does not grow with the number of tickets:
// it is merged from branches, one for each tenant and status, each the head of an index.
func (t *Tx) Tickets(f TicketFilter) ([]helpdesk.Ticket, error) {
	reach := t.reach
	if f.Tenant != "" {
		reach = reach.Only(f.Tenant)
	}
	var q clause
	q.add(`deleted_at = 0`)
	if f.Before.Key != "" {
		q.add(`(changed_at, key) < (?, ?)`, micros(f.Before.ChangedAt), string(f.Before.Key))
	}
	if f.Activity != "" {
		q.add(`activity = ?`, string(f.Activity))
	}
	newest := ` ORDER BY changed_at DESC, key DESC` + limit(f.Limit)
	if strings.TrimSpace(f.Words) == "" && (f.Activity == "" || f.Activity == helpdesk.ActivityIdle) {
		query, args := branches(q, reach, f, newest)
		return t.tickets(`SELECT `+ticketColumns+` FROM tickets WHERE key IN (SELECT key FROM (`+query+`) merged`+newest+`) ORDER BY changed_at DESC, key DESC`, args...)
	}
	where, args := within(reach, "tenant")
	q.add(where, args...)
	if f.Status != "" {
		q.add(`status = ?`, string(f.Status))
	}
	if f.Activity != "" && f.Activity != helpdesk.ActivityIdle {
		q.add(`activity <> 'idle'`) // names the index that holds only those
	}
	if strings.TrimSpace(f.Words) != "" {
		if err := t.search(&q, f.Words); err != nil {
			return nil, err
		}
	}
	return t.tickets(`SELECT `+ticketColumns+` FROM tickets WHERE `+q.text+newest, q.args...)
}

// branches joins, for each tenant and status, the query for its newest tickets.
func branches(q clause, reach helpdesk.Reach, f TicketFilter, newest string) (string, []any) {
	statuses := []helpdesk.TicketStatus{f.Status}
	if f.Status == "" {
		statuses = []helpdesk.TicketStatus{helpdesk.TicketOpen, helpdesk.TicketInProgress, helpdesk.TicketClosed}
	}
	reaches := []helpdesk.Reach{reach}
	if tenants := reach.List(); len(tenants) > 0 && len(tenants) <= mergedTenants {
		reaches = reaches[:0]
		for _, x := range tenants {
			reaches = append(reaches, reach.Only(x))
		}
	}
	var texts []string
	var args []any
	for _, r := range reaches {
		for _, status := range statuses {
			b := clause{text: q.text, args: slices.Clone(q.args)}
			where, tenants := within(r, "tenant")
			b.add(where, tenants...)
			b.add(`status = ?`, string(status))
			texts = append(texts, `SELECT key, changed_at FROM (SELECT key, changed_at FROM tickets WHERE `+b.text+newest+`) branch`)
			args = append(args, b.args...)
		}
	}
	return strings.Join(texts, ` UNION ALL `), args
}

// limit is in the text and not an argument: PostgreSQL makes one plan for all arguments, and it must know that few rows
// are wanted.
func limit(n int) string { return ` LIMIT ` + strconv.Itoa(n) }

// clause gathers conditions and their arguments.
type clause struct {
	text string
	args []any
}

func (c *clause) add(text string, args ...any) {
	if c.text != "" {
		c.text += ` AND `
	}
	c.text += text
	c.args = append(c.args, args...)
}

func (t *Tx) tickets(query string, args ...any) ([]helpdesk.Ticket, error) {
	var all []helpdesk.Ticket
	err := t.each(func(r row) error {
		x, err := scanTicket(r)
		all = append(all, x)
		return err
	}, query, args...)
	return all, err
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
	return t.one(noTicket, `INSERT INTO agent_states (ticket, instance, tenant, state) VALUES (?, ?, ?, ?)
		ON CONFLICT (ticket, instance) DO UPDATE SET state = excluded.state WHERE agent_states.tenant = excluded.tenant`,
		string(key), string(i), string(t.tenant), string(state))
}

// EraseTicket deletes everything there is of a ticket but its audit.
func (t *Tx) EraseTicket(key helpdesk.TicketKey) error {
	if err := t.unindex(key); err != nil {
		return err
	}
	for _, table := range []string{"events", "turns", "agent_states", "suggestions", "decisions", "runs", "terminals"} {
		if _, err := t.exec(`DELETE FROM `+table+` WHERE ticket = ? AND tenant = ?`, string(key), string(t.tenant)); err != nil {
			return err
		}
	}
	return t.one(noTicket, `DELETE FROM tickets WHERE key = ? AND tenant = ?`, string(key), string(t.tenant))
}
