package approval

import (
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
)

// TakeBack proposes again what is approved for an instance and has not begun: the ticket no longer works with it.
func (s *Service) TakeBack(tx *store.Tx, key helpdesk.TicketKey, i helpdesk.InstanceID, note string, now time.Time) error {
	list, err := tx.InState(key, helpdesk.SuggestionApproved)
	if err != nil {
		return err
	}
	for _, x := range list {
		if x.Instance != i {
			continue
		}
		if err := x.Move(helpdesk.SuggestionProposed); err != nil {
			return err
		}
		x.Decided, x.Note = nil, note
		if err := tx.SaveSuggestion(x, helpdesk.SuggestionApproved); err != nil {
			return err
		}
		if _, err := tx.Emit(key, system(), event.SuggestionMoved{ID: string(x.ID), State: string(x.State), Note: note}, now); err != nil {
			return err
		}
	}
	return nil
}
