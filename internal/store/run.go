package store

import (
	"encoding/json"

	"helpdesk"
	"helpdesk/event"
)

const runColumns = `id, suggestion, ticket, tenant, turn, epoch, state, run_by, claimed_at, outcome`

func scanRun(r row) (helpdesk.Run, error) {
	var x helpdesk.Run
	var by, outcome string
	var claimed int64
	if err := r.Scan(&x.ID, &x.Suggestion, &x.Ticket, &x.Tenant, &x.Turn, &x.Epoch, &x.State, &by, &claimed, &outcome); err != nil {
		return x, err
	}
	x.ClaimedAt = fromMicros(claimed)
	if outcome != "" {
		var o event.Outcome
		if err := json.Unmarshal([]byte(outcome), &o); err != nil {
			return x, err
		}
		d := o.Outcome()
		x.Outcome = &d
	}
	var err error
	x.By, err = unpackBy(by)
	return x, err
}

// oneRun is what a run hears that comes while another of its ticket is claimed.
const oneRun = "Another command of this ticket is running. This one waits for its end."

// InsertRun stores a new run for a decision. A decision has at most one, and a ticket at most one that is claimed:
// else Conflict.
func (t *Tx) InsertRun(x helpdesk.Run, decision string) error {
	_, err := t.exec(`INSERT INTO runs (id, suggestion, decision, ticket, tenant, turn, epoch, state, run_by, claimed_at, queued_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {now})`,
		string(x.ID), string(x.Suggestion), decision, string(x.Ticket), string(t.tenant), string(x.Turn), x.Epoch, string(x.State), packBy(x.By), micros(x.ClaimedAt))
	return unlessTaken(err, oneRun)
}

// Run reads a run.
func (t *Tx) Run(id helpdesk.RunID) (x helpdesk.Run, err error) {
	where, args := t.within("tenant")
	err = t.first("There is no such run, or it is not yours to see.", func(r row) error { x, err = scanRun(r); return err },
		`SELECT `+runColumns+` FROM runs WHERE id = ? AND `+where, append([]any{string(id)}, args...)...)
	return x, err
}

// OpenRuns reads a ticket's runs that wait or may be running, oldest first.
func (t *Tx) OpenRuns(key helpdesk.TicketKey) ([]helpdesk.Run, error) {
	where, args := t.within("tenant")
	return t.runs(`SELECT `+runColumns+` FROM runs WHERE ticket = ? AND state IN ('waiting', 'claimed') AND `+where+` ORDER BY queued_at, id`,
		append([]any{string(key)}, args...)...)
}

func (t *Tx) runs(query string, args ...any) ([]helpdesk.Run, error) {
	var all []helpdesk.Run
	err := t.each(func(r row) error {
		x, err := scanRun(r)
		all = append(all, x)
		return err
	}, query, args...)
	return all, err
}

// SaveRun stores what can change of a run, if it still is in the state it was read in. Claiming one while
// another of the ticket is claimed is a Conflict.
func (t *Tx) SaveRun(x helpdesk.Run, was helpdesk.RunState) error {
	outcome := ""
	if x.Outcome != nil {
		p, err := json.Marshal(event.OutcomeOf(*x.Outcome))
		if err != nil {
			return err
		}
		outcome = string(p)
	}
	n, err := t.exec(`UPDATE runs SET state = ?, epoch = ?, claimed_at = ?, outcome = ? WHERE id = ? AND tenant = ? AND state = ?`,
		string(x.State), x.Epoch, micros(x.ClaimedAt), outcome, string(x.ID), string(t.tenant), string(was))
	if err == nil && n == 0 {
		err = helpdesk.Errorf(helpdesk.Conflict, "This run is no longer %s.", was)
	}
	return unlessTaken(err, oneRun)
}

// OpenRuns reads every run that waits or may be running, oldest first.
func (s *System) OpenRuns(limit int) ([]helpdesk.Run, error) {
	return s.tx.runs(`SELECT `+runColumns+` FROM runs WHERE state IN ('waiting', 'claimed') ORDER BY queued_at, id LIMIT ?`, limit)
}
