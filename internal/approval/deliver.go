package approval

import (
	"context"
	"fmt"

	"helpdesk"
	"helpdesk/internal/store"
)

// HasDue says whether a message to an instance would bring it something even if it is empty: an outcome, a
// rejection, or an approved command to run first.
func (s *Service) HasDue(tx *store.Tx, key helpdesk.TicketKey, i helpdesk.InstanceID) (bool, error) {
	due, err := tx.Due(key, i)
	for _, x := range due {
		switch x.State {
		case helpdesk.SuggestionApproved, helpdesk.SuggestionRejected, helpdesk.SuggestionRan, helpdesk.SuggestionUnknown:
			return true, nil
		}
	}
	return false, err
}

// Deliveries gives, in the order shown, what the turn's instance has not yet heard, and marks it heard. What was
// ignored or has lapsed is told to nobody, and can no longer be taken back.
func (s *Service) Deliveries(tx *store.Tx, t helpdesk.Turn) ([]helpdesk.Delivery, error) {
	due, err := tx.Due(t.Ticket, t.Instance)
	if err != nil {
		return nil, err
	}
	var all []helpdesk.Delivery
	for _, x := range due {
		d := helpdesk.Delivery{Suggestion: x.ID, Command: x.Command, Run: x.Run}
		if x.Decided != nil {
			d.Choice, d.Reason = x.Decided.Choice, x.Decided.Reason
		}
		switch x.State {
		case helpdesk.SuggestionRan, helpdesk.SuggestionUnknown:
			r, err := tx.Run(x.Run)
			if err != nil {
				return nil, err
			}
			d.Outcome = r.Outcome
			all = append(all, d)
		case helpdesk.SuggestionRejected:
			if d.Reason == "" {
				d.Reason = "Rejected without a reason."
			}
			all = append(all, d)
		case helpdesk.SuggestionIgnored, helpdesk.SuggestionLapsed:
		default:
			continue // not yet decided to its end
		}
		x.Delivered = true
		if err := tx.SaveSuggestion(x, x.State); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// RunApproved runs, one after the other and before a turn is sent, what was approved for the turn's instance.
// It stops at the first that does not end with exit code 0; the rest goes back to proposed. hold is called in each
// transaction that claims a Run, so that a node which lost the turn starts nothing.
func (s *Service) RunApproved(ctx context.Context, t helpdesk.Turn, hold func(*store.Tx) error) error {
	for {
		var next *helpdesk.Suggestion
		err := s.cfg.Store.View(ctx, reachOf(t.Tenant), func(tx *store.Tx) error {
			list, err := tx.InState(t.Ticket, helpdesk.SuggestionApproved)
			for _, x := range list {
				if x.Instance == t.Instance && next == nil {
					next = &x
				}
			}
			return err
		})
		if err != nil || next == nil {
			return err
		}
		if err := s.untilFree(ctx, t); err != nil {
			return err
		}
		run, ok, err := s.claimApproved(ctx, t, next.ID, hold)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		done := s.await(run.ID)
		s.begin(run.ID, t.Tenant)
		select {
		case <-done:
		case <-ctx.Done():
			s.returnApproved(context.WithoutCancel(ctx), t, "The turn was stopped before it ran.")
			return context.Cause(ctx)
		}
		if bad, err := s.failed(ctx, run); err != nil {
			return err
		} else if bad != "" {
			s.returnApproved(ctx, t, bad)
			return nil
		}
	}
}

// untilFree waits until no other run of the ticket is open.
func (s *Service) untilFree(ctx context.Context, t helpdesk.Turn) error {
	for {
		var open []helpdesk.Run
		if err := s.cfg.Store.View(ctx, reachOf(t.Tenant), func(tx *store.Tx) (err error) {
			open, err = tx.OpenRuns(t.Ticket)
			return err
		}); err != nil || len(open) == 0 {
			return err
		}
		select {
		case <-s.awaitOpen(ctx, open[0]):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// failed says in a sentence why a run of an approved command stops those behind it; "" where it does not.
func (s *Service) failed(ctx context.Context, run helpdesk.Run) (why string, err error) {
	err = s.cfg.Store.View(ctx, reachOf(run.Tenant), func(tx *store.Tx) error {
		r, err := tx.Run(run.ID)
		switch {
		case err != nil:
			return err
		case r.Outcome == nil:
			why = "The command before it did not start."
		case r.Outcome.OK():
		case r.Outcome.ExitCode != nil:
			why = fmt.Sprintf("The command before it ended with exit code %d.", *r.Outcome.ExitCode)
		default:
			why = "The command before it did not end well."
		}
		return nil
	})
	return why, err
}

// returnApproved puts what is still approved for a turn's instance back to proposed.
func (s *Service) returnApproved(ctx context.Context, t helpdesk.Turn, note string) {
	err := s.cfg.Store.Update(ctx, t.Tenant, func(tx *store.Tx) error {
		if _, err := tx.LockTicket(t.Ticket); err != nil {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		list, err := tx.InState(t.Ticket, helpdesk.SuggestionApproved)
		if err != nil {
			return err
		}
		for _, x := range list {
			if x.Instance != t.Instance {
				continue
			}
			if err := moved(tx, x, helpdesk.SuggestionProposed, note, system(), now); err != nil {
				return err
			}
		}
		return tx.Refresh(t.Ticket)
	})
	if err != nil {
		s.cfg.Log.Error("taking approvals back", "ticket", t.Ticket, "error", err)
	}
}

func system() helpdesk.By { return helpdesk.System("approval").By() }

func reachOf(t helpdesk.TenantID) helpdesk.Reach { return helpdesk.System("approval").Reach().Only(t) }
