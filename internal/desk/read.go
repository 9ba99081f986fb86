package desk

import (
	"context"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
)

// Ticket reads a ticket. One that is deleted, not there or not the actor's is NotFound.
func (d *Desk) Ticket(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) (t helpdesk.Ticket, err error) {
	err = d.cfg.Store.View(ctx, by.Reach(), func(tx *store.Tx) error {
		t, err = tx.Ticket(key)
		return err
	})
	return t, err
}

// Tickets reads a page of the actor's tickets, newest change first.
func (d *Desk) Tickets(ctx context.Context, by helpdesk.Actor, f store.TicketFilter) (all []helpdesk.Ticket, err error) {
	err = d.cfg.Store.View(ctx, by.Reach(), func(tx *store.Tx) error {
		all, err = tx.Tickets(f)
		return err
	})
	return all, err
}

// Timeline reads events of a ticket.
func (d *Desk) Timeline(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, s store.Span) (all []event.Event, err error) {
	err = d.cfg.Store.View(ctx, by.Reach(), func(tx *store.Tx) error {
		if _, err := tx.Ticket(key); err != nil {
			return err
		}
		all, err = tx.Timeline(key, s)
		return err
	})
	return all, err
}
