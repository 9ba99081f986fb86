package store

import (
	"encoding/json"
	"fmt"

	"helpdesk"
	"helpdesk/event"
)

// Workspace says which Workspace of a ticket was opened last, 0 for none yet, and whether it is still there. The
// ticket's log is where that is known.
func (t *Tx) Workspace(key helpdesk.TicketKey) (number int, open bool, err error) {
	where, args := t.within("tenant")
	events, err := t.events(`SELECT ticket, seq, tenant, kind, at, actor, data FROM events
		WHERE ticket = ? AND kind IN ('WorkspaceOpened', 'WorkspaceRemoved') AND `+where+` ORDER BY seq DESC LIMIT 1`,
		append([]any{string(key)}, args...)...)
	if err != nil || len(events) == 0 {
		return 0, false, err
	}
	var last event.WorkspaceOpened // its number has the same name in both
	if err := json.Unmarshal(events[0].Data, &last); err != nil {
		return 0, false, fmt.Errorf("event %s/%d: %w", key, events[0].Seq, err)
	}
	return last.Number, events[0].Kind == event.Kind(event.WorkspaceOpened{}), nil
}
