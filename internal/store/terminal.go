package store

import "helpdesk"

const terminalColumns = `id, ticket, tenant, scope, place, title, state, epoch, cols, rows, opened_by, opened_at, ended_at, reason`

const noTerminal = "There is no such terminal, or it is not yours to see."

func scanTerminal(r row) (helpdesk.Terminal, error) {
	var x helpdesk.Terminal
	var scope, by string
	var opened, ended int64
	if err := r.Scan(&x.ID, &x.Ticket, &x.Tenant, &scope, &x.Place, &x.Title, &x.State, &x.Epoch, &x.Cols, &x.Rows, &by, &opened, &ended, &x.Reason); err != nil {
		return x, err
	}
	x.OpenedAt, x.EndedAt = fromMicros(opened), fromMicros(ended)
	var err error
	if x.Scope, err = helpdesk.ParseScope(scope); err != nil {
		return x, err
	}
	x.OpenedBy, err = unpackBy(by)
	return x, err
}

// InsertTerminal stores a new terminal.
func (t *Tx) InsertTerminal(x helpdesk.Terminal) error {
	_, err := t.exec(`INSERT INTO terminals (id, ticket, tenant, scope, place, title, state, epoch, cols, rows, opened_by, opened_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(x.ID), string(x.Ticket), string(t.tenant), x.Scope.String(), x.Place, x.Title, string(x.State), x.Epoch, x.Cols, x.Rows, packBy(x.OpenedBy), micros(x.OpenedAt))
	return err
}

// Terminal reads a terminal.
func (t *Tx) Terminal(id helpdesk.TerminalID) (x helpdesk.Terminal, err error) {
	where, args := t.within("tenant")
	err = t.first(noTerminal, func(r row) error { x, err = scanTerminal(r); return err },
		`SELECT `+terminalColumns+` FROM terminals WHERE id = ? AND `+where, append([]any{string(id)}, args...)...)
	return x, err
}

// Terminals reads a ticket's terminals, oldest first.
func (t *Tx) Terminals(key helpdesk.TicketKey) ([]helpdesk.Terminal, error) {
	where, args := t.within("tenant")
	return t.terminals(`SELECT `+terminalColumns+` FROM terminals WHERE ticket = ? AND `+where+` ORDER BY opened_at, id`, append([]any{string(key)}, args...)...)
}

// SaveTerminal stores what can change of a terminal.
func (t *Tx) SaveTerminal(x helpdesk.Terminal) error {
	return t.one(noTerminal, `UPDATE terminals SET title = ?, state = ?, epoch = ?, cols = ?, rows = ?, ended_at = ?, reason = ? WHERE id = ? AND tenant = ?`,
		x.Title, string(x.State), x.Epoch, x.Cols, x.Rows, micros(x.EndedAt), x.Reason, string(x.ID), string(t.tenant))
}

// LiveTerminals reads every terminal that is recorded as live.
func (s *System) LiveTerminals() ([]helpdesk.Terminal, error) {
	return s.tx.terminals(`SELECT ` + terminalColumns + ` FROM terminals WHERE state = 'live' ORDER BY opened_at, id`)
}

func (t *Tx) terminals(query string, args ...any) ([]helpdesk.Terminal, error) {
	var all []helpdesk.Terminal
	err := t.each(func(r row) error {
		x, err := scanTerminal(r)
		all = append(all, x)
		return err
	}, query, args...)
	return all, err
}
