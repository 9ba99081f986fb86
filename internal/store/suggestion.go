package store

import (
	"encoding/json"
	"time"

	"helpdesk"
	"helpdesk/event"
)

const suggestionColumns = `id, ticket, tenant, turn, agent, instance, position, state, command, purpose, expected, scope, place, cwd, files, risk, env_names, digest, decided, decided_at, run, delivered, note, at`

// decision is how a Decision is kept in one column.
type decision struct {
	Choice string   `json:"choice"`
	Reason string   `json:"reason,omitempty"`
	Digest string   `json:"digest"`
	By     event.By `json:"by"`
}

func packDecision(d *helpdesk.Decision) (string, int64) {
	if d == nil {
		return "", 0
	}
	p, _ := json.Marshal(decision{Choice: string(d.Choice), Reason: d.Reason, Digest: d.Digest, By: event.Who(d.By)}) // strings always encode
	return string(p), micros(d.At)
}

type fileColumn struct {
	Path    string `json:"path"`
	Content string `json:"content"`
}

func scanSuggestion(r row) (helpdesk.Suggestion, error) {
	var s helpdesk.Suggestion
	var scope, files, env, decided string
	var decidedAt, at int64
	if err := r.Scan(&s.ID, &s.Ticket, &s.Tenant, &s.Turn, &s.Agent, &s.Instance, &s.Position, &s.State, &s.Command, &s.Purpose, &s.Expected,
		&scope, &s.Place, &s.Cwd, &files, &s.Risk, &env, &s.Digest, &decided, &decidedAt, &s.Run, &s.Delivered, &s.Note, &at); err != nil {
		return s, err
	}
	var err error
	if s.Scope, err = helpdesk.ParseScope(scope); err != nil {
		return s, err
	}
	var fs []fileColumn
	if err := json.Unmarshal([]byte(files), &fs); err != nil {
		return s, err
	}
	for _, f := range fs {
		s.Files = append(s.Files, helpdesk.ProposedFile(f))
	}
	if err := json.Unmarshal([]byte(env), &s.EnvNames); err != nil {
		return s, err
	}
	if decided != "" {
		var d decision
		if err := json.Unmarshal([]byte(decided), &d); err != nil {
			return s, err
		}
		s.Decided = &helpdesk.Decision{Choice: helpdesk.Choice(d.Choice), Reason: d.Reason, Digest: d.Digest, By: d.By.By(), At: fromMicros(decidedAt)}
	}
	s.At = fromMicros(at)
	return s, nil
}

// InsertSuggestion stores a new suggestion.
func (t *Tx) InsertSuggestion(s helpdesk.Suggestion) error {
	fs := make([]fileColumn, len(s.Files))
	for i, f := range s.Files {
		fs[i] = fileColumn(f)
	}
	files, err := json.Marshal(fs)
	if err != nil {
		return err
	}
	env, err := json.Marshal(append([]string{}, s.EnvNames...))
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO suggestions (id, ticket, tenant, turn, agent, instance, position, state, command, purpose, expected, scope, place, cwd, files, risk, env_names, digest, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(s.ID), string(s.Ticket), string(t.tenant), string(s.Turn), string(s.Agent), string(s.Instance), s.Position, string(s.State),
		s.Command, s.Purpose, s.Expected, s.Scope.String(), s.Place, s.Cwd, string(files), string(s.Risk), string(env), s.Digest, micros(s.At))
	return err
}

// Suggestion reads a suggestion.
func (t *Tx) Suggestion(id helpdesk.SuggestionID) (s helpdesk.Suggestion, err error) {
	where, args := t.within("tenant")
	err = t.first("There is no such suggestion, or it is not yours to see.", func(r row) error { s, err = scanSuggestion(r); return err },
		`SELECT `+suggestionColumns+` FROM suggestions WHERE id = ? AND `+where, append([]any{string(id)}, args...)...)
	return s, err
}

// Suggestions reads a ticket's suggestions in the order in which they were proposed.
func (t *Tx) Suggestions(key helpdesk.TicketKey, limit int) ([]helpdesk.Suggestion, error) {
	where, args := t.within("tenant")
	return t.suggestions(`SELECT `+suggestionColumns+` FROM suggestions WHERE ticket = ? AND `+where+` ORDER BY at, position, id LIMIT ?`,
		append(append([]any{string(key)}, args...), limit)...)
}

// Due reads the suggestions whose decision or outcome an instance has not yet heard of, in the order shown.
func (t *Tx) Due(key helpdesk.TicketKey, i helpdesk.InstanceID) ([]helpdesk.Suggestion, error) {
	where, args := t.within("tenant")
	return t.suggestions(`SELECT `+suggestionColumns+` FROM suggestions WHERE ticket = ? AND instance = ? AND NOT delivered AND state <> 'proposed' AND `+where+` ORDER BY at, position, id`,
		append([]any{string(key), string(i)}, args...)...)
}

// InState reads a ticket's suggestions that are in a state, in the order shown.
func (t *Tx) InState(key helpdesk.TicketKey, state helpdesk.SuggestionState) ([]helpdesk.Suggestion, error) {
	where, args := t.within("tenant")
	return t.suggestions(`SELECT `+suggestionColumns+` FROM suggestions WHERE ticket = ? AND state = ? AND `+where+` ORDER BY at, position, id`,
		append([]any{string(key), string(state)}, args...)...)
}

func (t *Tx) suggestions(query string, args ...any) ([]helpdesk.Suggestion, error) {
	var all []helpdesk.Suggestion
	err := t.each(func(r row) error {
		s, err := scanSuggestion(r)
		all = append(all, s)
		return err
	}, query, args...)
	return all, err
}

// SaveSuggestion stores what can change of a suggestion, if it still is in the state it was read in: of two
// who decide at once, one is told Conflict.
func (t *Tx) SaveSuggestion(s helpdesk.Suggestion, was helpdesk.SuggestionState) error {
	decided, at := packDecision(s.Decided)
	n, err := t.exec(`UPDATE suggestions SET state = ?, decided = ?, decided_at = ?, run = ?, delivered = ?, note = ? WHERE id = ? AND tenant = ? AND state = ?`,
		string(s.State), decided, at, string(s.Run), s.Delivered, s.Note, string(s.ID), string(t.tenant), string(was))
	if err == nil && n == 0 {
		err = helpdesk.Errorf(helpdesk.Conflict, "Somebody else decided on this command at the same moment. Look at its card again.")
	}
	return err
}

// InsertDecision writes a decision down, once and for ever.
func (t *Tx) InsertDecision(id string, s helpdesk.Suggestion, d helpdesk.Decision) error {
	packed, at := packDecision(&d)
	_, err := t.exec(`INSERT INTO decisions (id, suggestion, ticket, tenant, decision, at) VALUES (?, ?, ?, ?, ?, ?)`,
		id, string(s.ID), string(s.Ticket), string(t.tenant), packed, at)
	return err
}

// TenantTicket names a ticket and its tenant.
type TenantTicket struct {
	Tenant helpdesk.TenantID
	Ticket helpdesk.TicketKey
}

// LapsedApprovals lists tickets with approvals given before the given time.
func (s *System) LapsedApprovals(before time.Time, limit int) ([]TenantTicket, error) {
	return s.tickets(`SELECT DISTINCT tenant, ticket FROM suggestions WHERE state = 'approved' AND decided_at < ? LIMIT ?`, micros(before), limit)
}

// ClosingTickets lists tickets whose places are still to be cleared.
func (s *System) ClosingTickets(limit int) ([]TenantTicket, error) {
	return s.tickets(`SELECT tenant, key FROM tickets WHERE closing LIMIT ?`, limit)
}

// PurgeableTickets lists tickets that were deleted before the given time.
func (s *System) PurgeableTickets(before time.Time, limit int) ([]TenantTicket, error) {
	return s.tickets(`SELECT tenant, key FROM tickets WHERE deleted_at > 0 AND deleted_at < ? LIMIT ?`, micros(before), limit)
}

func (s *System) tickets(query string, args ...any) ([]TenantTicket, error) {
	var all []TenantTicket
	err := s.tx.each(func(r row) error {
		var x TenantTicket
		err := r.Scan(&x.Tenant, &x.Ticket)
		all = append(all, x)
		return err
	}, query, args...)
	return all, err
}
