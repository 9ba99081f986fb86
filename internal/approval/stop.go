package approval

import (
	"context"
	"slices"
	"time"

	"helpdesk"
	"helpdesk/internal/store"
)

// endTime is how long the commands of a ticket that is closed have to end.
const endTime = 15 * time.Second

// run reads a run of a ticket for an actor who may decide.
func (s *Service) run(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, id helpdesk.RunID) (r helpdesk.Run, err error) {
	err = s.cfg.Store.View(ctx, by.Reach(), func(tx *store.Tx) error {
		if _, err := tx.Ticket(key); err != nil {
			return err
		}
		r, err = tx.Run(id)
		if err == nil && r.Ticket != key {
			err = helpdesk.Errorf(helpdesk.NotFound, "There is no such run in %s.", key)
		}
		return err
	})
	if err == nil {
		err = helpdesk.May(by, helpdesk.PermDecide, r.Tenant)
	}
	return r, err
}

// StopRun stops a run: one that waits never starts, one that runs is asked to end and then ended. Stopping one that is
// over is no error.
func (s *Service) StopRun(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, id helpdesk.RunID) error {
	r, err := s.run(ctx, by, key, id)
	if err != nil || over(r) {
		return err
	}
	if err := s.cfg.Store.Update(ctx, r.Tenant, func(tx *store.Tx) error {
		now, err := tx.Now()
		if err != nil {
			return err
		}
		return tx.Audit(store.Entry{At: now, By: by.By(), Action: "run.stop", Target: string(key), Detail: map[string]string{"run": string(id), "suggestion": string(r.Suggestion)}})
	}); err != nil {
		return err
	}
	return s.stop(ctx, r, "Stopped by "+by.Name+".")
}

// stop ends a run; where it never started, the note says why on its card.
func (s *Service) stop(ctx context.Context, r helpdesk.Run, note string) error {
	if r.State == helpdesk.RunWaiting {
		if dropped, err := s.drop(ctx, r, helpdesk.RunWaiting, note); err != nil || dropped {
			return err
		}
		// It was claimed in the meantime.
	}
	s.mu.Lock()
	w := s.starting[r.ID]
	if w != nil {
		w.stop = note // for one of which the launcher does not know yet
	}
	s.mu.Unlock()
	err := s.cfg.Launcher.Stop(ctx, string(r.ID))
	if helpdesk.KindOf(err) != helpdesk.NotFound || w != nil {
		return ignore(err, helpdesk.NotFound)
	}
	return s.notHere(ctx, r)
}

// notHere tells why a claimed run is not known to this launcher: it is over, or it is another's.
func (s *Service) notHere(ctx context.Context, r helpdesk.Run) error {
	h, err := s.greet(ctx)
	if err != nil {
		return err
	}
	if err := s.cfg.Store.View(ctx, reachOf(r.Tenant), func(tx *store.Tx) (err error) {
		r, err = tx.Run(r.ID)
		return err
	}); err != nil {
		return err
	}
	s.look()
	if r.State == helpdesk.RunClaimed && r.Epoch != h.Epoch {
		return helpdesk.Errorf(helpdesk.Unavailable, "This command was started by another HelpDesk server, which does not answer here. Its card will say what came of it.")
	}
	return nil
}

// StopRuns ends every run of a ticket and returns when their outcomes are written.
func (s *Service) StopRuns(ctx context.Context, tenant helpdesk.TenantID, key helpdesk.TicketKey) error {
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	asked := map[helpdesk.RunID]bool{}
	for {
		var open []helpdesk.Run
		if err := s.cfg.Store.View(ctx, reachOf(tenant), func(tx *store.Tx) (err error) {
			open, err = tx.OpenRuns(key)
			return err
		}); err != nil || len(open) == 0 {
			return err
		}
		// Those that wait first, so that none begins when the one before it ends.
		for _, r := range slices.Backward(open) {
			if r.State == helpdesk.RunClaimed && asked[r.ID] {
				continue
			}
			asked[r.ID] = r.State == helpdesk.RunClaimed
			if err := s.stop(ctx, r, "The ticket was closed."); err != nil && helpdesk.KindOf(err) != helpdesk.Unavailable {
				return err
			}
		}
		if err := s.waitFor(ctx, open[0]); ctx.Err() != nil {
			return helpdesk.WithCause(helpdesk.Unavailable, err, "A command of %s does not end.", key)
		} else if err != nil {
			return err
		}
	}
}
