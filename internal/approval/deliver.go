package approval

import (
	"context"
	"slices"
	"time"

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
// transaction that claims a Run or takes an approval back, so that a node which lost the turn does neither; it holds
// the ticket's row too.
func (s *Service) RunApproved(ctx context.Context, t helpdesk.Turn, hold func(*store.Tx) error) error {
	for {
		x, found, err := s.nextApproved(ctx, t)
		if err != nil || !found {
			return err
		}
		select {
		case <-s.ready:
			err = s.untilFree(ctx, t)
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		goOn := false
		if err == nil {
			goOn, err = s.runApproved(ctx, t, x, hold)
		}
		if ctx.Err() != nil {
			s.interrupted(ctx, t, hold)
			return context.Cause(ctx)
		}
		if err != nil || !goOn {
			return err
		}
	}
}

func (s *Service) nextApproved(ctx context.Context, t helpdesk.Turn) (x helpdesk.Suggestion, found bool, err error) {
	err = s.cfg.Store.View(ctx, reachOf(t.Tenant), func(tx *store.Tx) error {
		list, err := tx.InState(t.Ticket, helpdesk.SuggestionApproved)
		i := slices.IndexFunc(list, func(x helpdesk.Suggestion) bool { return x.Instance == t.Instance })
		if found = i >= 0; found {
			x = list[i]
		}
		return err
	})
	return x, found, err
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
		if err := s.waitFor(ctx, open[0]); err != nil {
			return err
		}
	}
}

// runApproved claims and runs one approved suggestion and waits for its end. goOn says whether the next may follow:
// it ended with exit code 0, or went another way before it was claimed.
func (s *Service) runApproved(ctx context.Context, t helpdesk.Turn, x helpdesk.Suggestion, hold func(*store.Tx) error) (goOn bool, err error) {
	run := helpdesk.Run{
		ID: helpdesk.RunID(newID()), Suggestion: x.ID, Ticket: x.Ticket, Tenant: x.Tenant, Turn: t.ID, State: helpdesk.RunClaimed, By: x.Decided.By,
	}
	own, ok := s.enter(run.ID)
	if !ok { // this server ends, and with it the turn's context
		select {
		case <-ctx.Done():
		case <-time.After(recheck):
		}
		return false, helpdesk.Errorf(helpdesk.Unavailable, "The server is shutting down.")
	}
	spec, epoch, err := s.plan(ctx, run, x)
	if err != nil {
		s.leave(run.ID)
		if ctx.Err() != nil {
			return false, err
		}
		return false, s.refuseApproved(ctx, t, x, err, hold)
	}
	run.Epoch = epoch
	done := s.await(run.ID)
	if ok, err = s.claimApproved(ctx, &run, x, hold); err != nil || !ok {
		s.ended(run.ID) // nobody else knows of it
		s.leave(run.ID)
		return err == nil, err
	}
	go func() { // s.work waits for it
		defer s.leave(run.ID)
		if err := s.hand(own, run, x, spec); err != nil && own.Err() == nil {
			s.cfg.Log.Error("starting an approved run", "run", run.ID, "error", err)
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	err = s.cfg.Store.View(ctx, reachOf(t.Tenant), func(tx *store.Tx) error {
		r, err := tx.Run(run.ID)
		goOn = r.Outcome != nil && r.Outcome.OK()
		return err
	})
	return goOn, err
}

// claimApproved writes the run of an approved suggestion, claimed. ok is false where the approval is not the same any
// more or another run came first.
func (s *Service) claimApproved(ctx context.Context, run *helpdesk.Run, shown helpdesk.Suggestion, hold func(*store.Tx) error) (ok bool, err error) {
	err = s.cfg.Store.Update(ctx, run.Tenant, func(tx *store.Tx) error {
		ok = false
		if err := hold(tx); err != nil {
			return err
		}
		if err := openTicket(tx, run.Ticket); err != nil {
			return err
		}
		x, err := tx.Suggestion(shown.ID)
		if err != nil || x.State != helpdesk.SuggestionApproved || *x.Decided != *shown.Decided {
			return err
		}
		open, err := tx.OpenRuns(run.Ticket)
		if err != nil || len(open) > 0 {
			return err
		}
		if run.ClaimedAt, err = tx.Now(); err != nil {
			return err
		}
		if err := x.Move(helpdesk.SuggestionRunning); err != nil {
			return err
		}
		x.Run = run.ID
		if err := tx.SaveSuggestion(x, helpdesk.SuggestionApproved); err != nil {
			return err
		}
		// An approval's run needs a decision id of its own: taken back and given again, it may have a second run.
		if err := tx.InsertRun(*run, string(run.ID)); err != nil {
			return err
		}
		ok = true
		return started(tx, *run, x)
	})
	return ok, err
}

// refuseApproved puts an approved suggestion that may not run, and those behind it, back to proposed.
func (s *Service) refuseApproved(ctx context.Context, t helpdesk.Turn, shown helpdesk.Suggestion, why error, hold func(*store.Tx) error) error {
	if helpdesk.KindOf(why) == helpdesk.Internal {
		s.cfg.Log.Error("an approved run cannot be started", "suggestion", shown.ID, "error", why)
	}
	return s.cfg.Store.Update(ctx, t.Tenant, func(tx *store.Tx) error {
		if err := hold(tx); err != nil {
			return err
		}
		x, err := tx.Suggestion(shown.ID)
		if err != nil || x.State != helpdesk.SuggestionApproved {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		if err := moved(tx, &x, helpdesk.SuggestionProposed, "Not started: "+sentence(why), system(), now); err != nil {
			return err
		}
		if err := returnApproved(tx, t.Ticket, t.Instance, "The command before it did not start.", now); err != nil {
			return err
		}
		return tx.Refresh(t.Ticket)
	})
}

// interrupted puts back to proposed what a turn that a person stopped did not come to. What is approved stays so
// where the turn goes on: another node has it, or this server ends and the next one takes it.
func (s *Service) interrupted(ctx context.Context, t helpdesk.Turn, hold func(*store.Tx) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := s.cfg.Store.Update(ctx, t.Tenant, func(tx *store.Tx) error {
		if _, err := tx.LockTicket(t.Ticket); err != nil {
			return err
		}
		turn, err := tx.Turn(t.ID)
		if err != nil {
			return err
		}
		if turn.State != helpdesk.TurnCancelled {
			if err := hold(tx); err != nil {
				return nil //nolint:nilerr // it is another node's
			}
			if s.ending() {
				return nil
			}
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		if err := returnApproved(tx, t.Ticket, t.Instance, "The turn was stopped before it ran.", now); err != nil {
			return err
		}
		return tx.Refresh(t.Ticket)
	})
	if err != nil {
		s.cfg.Log.Error("taking approvals back", "ticket", t.Ticket, "error", err)
	}
}
