package approval

import (
	"time"

	"helpdesk"
	"helpdesk/internal/store"
)

// TakeBack proposes again what is approved for an instance and has not begun: the ticket no longer works with it.
func (s *Service) TakeBack(tx *store.Tx, key helpdesk.TicketKey, i helpdesk.InstanceID, note string, now time.Time) error {
	return returnApproved(tx, key, i, note, now)
}
