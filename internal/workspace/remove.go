package workspace

import (
	"context"
	"errors"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
)

// Remove removes a ticket's Workspace and all that is in it. It may be called again at any time, and carries on what
// was interrupted. While a process of the ticket lives it is a Conflict.
func (s *Service) Remove(ctx context.Context, tenant helpdesk.TenantID, key helpdesk.TicketKey) error {
	t, err := s.tenant(ctx, tenant)
	if err != nil {
		return err
	}
	defer s.locks.Lock(key)()
	return s.remove(ctx, t, key)
}

// remove is Remove while the ticket's lock is held.
func (s *Service) remove(ctx context.Context, tenant helpdesk.Tenant, key helpdesk.TicketKey) error {
	s.mark(key, false)
	usage, err := s.launcher.WorkspaceUsage(ctx, tenant.Slot, string(key))
	if err != nil && helpdesk.KindOf(err) != helpdesk.NotFound {
		s.cfg.Log.Warn("count the files of a Workspace that is to be removed", "ticket", key, "err", err)
	}
	if err := s.launcher.RemoveWorkspace(ctx, tenant.Slot, string(key)); err != nil {
		return err
	}
	err = s.store.Update(ctx, tenant.ID, func(tx *store.Tx) error {
		if _, err := tx.LockTicket(key); err != nil {
			return err
		}
		number, open, err := tx.Workspace(key)
		if err != nil || !open {
			return err
		}
		_, err = tx.Emit(key, helpdesk.System("workspace").By(), event.WorkspaceRemoved{Number: number, Files: usage.Files}, s.cfg.Now())
		return err
	})
	if helpdesk.KindOf(err) == helpdesk.NotFound { // the ticket was erased; there is no log any more
		err = nil
	}
	return err
}

// sweepAgain is when a sweep is tried again that left something behind.
const sweepAgain = time.Minute

// Run removes the Workspaces that no open ticket has, which is what a crash may leave, and returns when that is done
// or ctx is over.
func (s *Service) Run(ctx context.Context) error {
	again := time.NewTicker(sweepAgain)
	defer again.Stop()
	for {
		err := s.Sweep(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			s.cfg.Log.Warn("Workspaces that no open ticket has are not all removed; it is tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-again.C:
		}
	}
}

// Sweep removes the Workspaces that no open ticket has. One in which something lives is left to whoever closes its
// ticket, and may be doing so now.
func (s *Service) Sweep(ctx context.Context) error {
	var tenants []helpdesk.Tenant
	if err := s.store.SystemView(ctx, store.Sweeps, func(tx *store.System) (err error) {
		tenants, err = tx.Tenants(helpdesk.System("workspace").Reach())
		return err
	}); err != nil {
		return err
	}
	var failed error
	for _, t := range tenants {
		keys, err := s.launcher.Tickets(ctx, t.Slot)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		for _, k := range keys {
			key := helpdesk.TicketKey(k)
			if err := s.sweepOne(ctx, t, key); helpdesk.KindOf(err) != helpdesk.Conflict {
				failed = errors.Join(failed, err)
			}
		}
	}
	return failed
}

// sweepOne looks at the ticket while no Workspace of it can come, so that one of a ticket that is reopened is safe.
func (s *Service) sweepOne(ctx context.Context, tenant helpdesk.Tenant, key helpdesk.TicketKey) error {
	defer s.locks.Lock(key)()
	live, err := s.live(ctx, tenant.ID, key)
	if err != nil || live {
		return err
	}
	s.cfg.Log.Info("remove the Workspace of a ticket that is not open", "ticket", key)
	return s.remove(ctx, tenant, key)
}

// live says whether the tenant has an open ticket of that key. In doubt it is an error, and nothing is removed.
func (s *Service) live(ctx context.Context, tenant helpdesk.TenantID, key helpdesk.TicketKey) (bool, error) {
	var ticket helpdesk.Ticket
	err := s.store.View(ctx, helpdesk.System("workspace").Reach().Only(tenant), func(tx *store.Tx) (err error) {
		ticket, err = tx.Ticket(key)
		return err
	})
	if helpdesk.KindOf(err) == helpdesk.NotFound {
		return false, nil
	}
	return err != nil || ticket.Status != helpdesk.TicketClosed, err
}
