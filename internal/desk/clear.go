package desk

import (
	"context"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
)

// Delete hides a ticket and stops its agent. For Config.UndoDelete it can be restored; then it is erased, and
// only the audit keeps that it was, and who deleted it.
func (d *Desk) Delete(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) error {
	var running []helpdesk.TurnID
	err := d.change(ctx, by, key, func(tx *store.Tx, t helpdesk.Ticket, now time.Time) (err error) {
		if running, err = d.endTurns(tx, by, key, "The ticket was deleted.", now); err != nil {
			return err
		}
		if _, err := tx.Emit(key, by.By(), event.TicketDeleted{PurgeAt: now.Add(d.cfg.UndoDelete)}, now); err != nil {
			return err
		}
		t.DeletedAt, t.Held = &now, false
		if err := tx.SaveTicket(t); err != nil {
			return err
		}
		return tx.Audit(store.Entry{At: now, By: by.By(), Action: "ticket.delete", Target: string(key)})
	})
	if err == nil {
		d.stopLocal(ctx, by, running)
	}
	return err
}

// Restore brings a deleted ticket back for as long as Config.UndoDelete says: afterwards its files may be gone already.
func (d *Desk) Restore(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) (t helpdesk.Ticket, err error) {
	err = d.cfg.Store.View(ctx, by.Reach(), func(tx *store.Tx) error {
		t, err = tx.AnyTicket(key)
		return err
	})
	if err != nil {
		return t, err
	}
	if err := helpdesk.May(by, helpdesk.PermTicketWrite, t.Tenant); err != nil {
		return t, err
	}
	err = d.cfg.Store.Update(ctx, t.Tenant, func(tx *store.Tx) error {
		if t, err = tx.LockTicket(key); err != nil || t.DeletedAt == nil {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		if now.Sub(*t.DeletedAt) >= d.cfg.UndoDelete {
			return helpdesk.Errorf(helpdesk.Conflict, "%s was deleted too long ago: it is being erased and cannot be restored.", key)
		}
		t.DeletedAt = nil
		if err := tx.SaveTicket(t); err != nil {
			return err
		}
		if _, err := tx.Emit(key, by.By(), event.TicketRestored{}, now); err != nil {
			return err
		}
		if err := tx.Refresh(key); err != nil {
			return err
		}
		if err := tx.Audit(store.Entry{At: now, By: by.By(), Action: "ticket.restore", Target: string(key)}); err != nil {
			return err
		}
		t, err = tx.Ticket(key)
		return err
	})
	return t, err
}

// Clearing goes on by itself this often, and at once when a ticket is closed.
const clearEvery = 2 * time.Second

func (d *Desk) clearSoon() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Run clears closed tickets, erases deleted ones and forgets old requests, until ctx ends.
func (d *Desk) Run(ctx context.Context) error {
	tick := time.NewTicker(clearEvery)
	defer tick.Stop()
	for {
		if err := d.clearAll(ctx); err != nil && ctx.Err() == nil {
			d.cfg.Log.Error("clearing tickets", "error", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		case <-d.wake:
		}
	}
}

func (d *Desk) clearAll(ctx context.Context) error {
	var closing, purge []store.TenantTicket
	var old time.Time // requests from before it are forgotten
	var some bool
	err := d.cfg.Store.SystemView(ctx, store.Sweeps, func(s *store.System) error {
		now, err := s.Now()
		if err != nil {
			return err
		}
		if closing, err = s.ClosingTickets(100); err != nil {
			return err
		}
		if purge, err = s.PurgeableTickets(now.Add(-d.cfg.UndoDelete), 100); err != nil {
			return err
		}
		old = now.Add(-24 * time.Hour)
		some, err = s.OldRequests(old)
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range closing {
		if err := d.clear(ctx, c); err != nil && ctx.Err() == nil {
			d.cfg.Log.Error("clearing a closed ticket; it will be tried again", "ticket", c.Ticket, "error", err)
		}
	}
	for _, p := range purge {
		if err := d.purge(ctx, p); err != nil && ctx.Err() == nil {
			d.cfg.Log.Error("erasing a deleted ticket; it will be tried again", "ticket", p.Ticket, "error", err)
		}
	}
	if !some {
		return nil
	}
	return d.cfg.Store.SystemUpdate(ctx, store.Sweeps, func(s *store.System) error { return s.ForgetRequests(old) })
}

// clear ends what a ticket has on this host, in the one order in which nothing can start again behind it.
func (d *Desk) clear(ctx context.Context, c store.TenantTicket) error {
	for _, step := range []func(context.Context, helpdesk.TenantID, helpdesk.TicketKey) error{
		d.cfg.Clearing.StopRuns, d.cfg.Clearing.EndTerminals, d.cfg.Clearing.RemoveWorkspace,
	} {
		if err := step(ctx, c.Tenant, c.Ticket); err != nil {
			return err
		}
	}
	return unlessErased(d.cfg.Store.Update(ctx, c.Tenant, func(tx *store.Tx) error {
		t, err := tx.LockTicket(c.Ticket)
		if err != nil || !t.Closing {
			return err
		}
		t.Closing = false
		return tx.SaveTicket(t)
	}))
}

func (d *Desk) purge(ctx context.Context, p store.TenantTicket) error {
	if err := d.clear(ctx, p); err != nil {
		return err
	}
	if err := d.cfg.Clearing.DeleteRecordings(ctx, p.Ticket); err != nil {
		return err
	}
	return unlessErased(d.cfg.Store.Update(ctx, p.Tenant, func(tx *store.Tx) error {
		t, err := tx.LockTicket(p.Ticket)
		if err != nil || t.DeletedAt == nil {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		if err := tx.Audit(store.Entry{At: now, By: helpdesk.System("sweep").By(), Action: "ticket.erase", Target: string(p.Ticket)}); err != nil {
			return err
		}
		return tx.EraseTicket(p.Ticket)
	}))
}

// unlessErased is nil where another node was faster and the ticket is not there any more.
func unlessErased(err error) error {
	if helpdesk.KindOf(err) == helpdesk.NotFound {
		return nil
	}
	return err
}
