package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/launch"
	"helpdesk/internal/place"
	"helpdesk/internal/store"
)

// reasonLimit is how long the reason of a rejection may be, in bytes.
const reasonLimit = 4 << 10

// Decide records a person's answer to a suggestion and, for an execution, starts its Run. The digest is that of
// what the person was shown; if anything changed since, nothing is decided.
func (s *Service) Decide(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, id helpdesk.SuggestionID, choice helpdesk.Choice, digest, reason string) (v View, err error) {
	if err := helpdesk.CheckText("The reason", reason, reasonLimit); err != nil {
		return v, err
	}
	var ticket helpdesk.Ticket
	if err := s.cfg.Store.View(ctx, by.Reach(), func(tx *store.Tx) (err error) {
		ticket, err = tx.Ticket(key)
		return err
	}); err != nil {
		return v, err
	}
	if err := helpdesk.May(by, helpdesk.PermDecide, ticket.Tenant); err != nil {
		return v, err
	}
	tenant, err := s.cfg.Roster.Tenant(ctx, ticket.Tenant)
	if err != nil {
		return v, err
	}
	var hello launch.Hello
	if runs(choice) {
		if hello, err = s.greet(ctx); err != nil {
			return v, err
		}
	}
	var start helpdesk.RunID
	err = s.cfg.Store.Update(ctx, ticket.Tenant, func(tx *store.Tx) error {
		start = ""
		t, err := tx.LockTicket(key)
		if err != nil {
			return err
		}
		if t.DeletedAt != nil {
			return helpdesk.Errorf(helpdesk.NotFound, "There is no ticket %s, or it is not yours to see.", key)
		}
		if t.Status == helpdesk.TicketClosed {
			return helpdesk.Errorf(helpdesk.Conflict, "%s is closed. Set its status to open to decide on its commands.", key)
		}
		x, err := tx.Suggestion(id)
		if err != nil {
			return err
		}
		if x.Ticket != key {
			return helpdesk.Errorf(helpdesk.NotFound, "There is no such suggestion in %s.", key)
		}
		if err := mayDecide(by, x, choice, digest); err != nil {
			return err
		}
		if runs(choice) {
			if err := unchanged(hello, tenant, x); err != nil {
				return err
			}
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		d := helpdesk.Decision{Choice: choice, Reason: reason, Digest: x.Digest, By: by.By(), At: now}
		if start, err = decide(tx, by, &x, d); err != nil {
			return err
		}
		v, err = view(tx, x)
		return err
	})
	if err == nil && start != "" {
		s.begin(start, ticket.Tenant)
	}
	return v, err
}

// runs says whether a choice leads to a Run.
func runs(c helpdesk.Choice) bool { return c == helpdesk.Approve || c == helpdesk.Execute }

// mayDecide checks what binds a decision: that nobody else decided, the digest that was shown, and for what reaches
// beyond the tenant the right to go there.
func mayDecide(by helpdesk.Actor, x helpdesk.Suggestion, choice helpdesk.Choice, digest string) error {
	if x.Decided != nil && x.State != helpdesk.SuggestionProposed && choice != helpdesk.Undo && !slices.Contains(helpdesk.SuggestionMoves[x.State], choice.Target()) {
		return helpdesk.Errorf(helpdesk.Conflict, "%s decided on this command already: it is %s. Look at its card again.", x.Decided.By.Name, x.State)
	}
	if runs(choice) && digest == "" {
		return helpdesk.Errorf(helpdesk.Invalid, "Send the digest of the command as it was shown, so that nothing else is run.")
	}
	if digest != "" && digest != x.Digest {
		return errChanged()
	}
	if runs(choice) && x.Scope.Admin() {
		return helpdesk.May(by, helpdesk.PermAdminTerminal, x.Tenant)
	}
	return nil
}

func errChanged() error {
	return helpdesk.Errorf(helpdesk.Conflict, "The command changed since you read it. Review it again.")
}

// unchanged checks that the suggestion would be carried out as it was shown: in the same place, directory and
// environment, and that the place is open.
func unchanged(hello launch.Hello, tenant helpdesk.Tenant, x helpdesk.Suggestion) error {
	p, err := place.For(tenant, x.Scope)
	if err != nil {
		return helpdesk.WithCause(helpdesk.Conflict, err, "Scope %s is not open on this server, so this command cannot be run here. Reject it with that reason, so that the agent can find another way.", x.Scope)
	}
	x.Place, x.Cwd, x.EnvNames = p.Name, p.Shown(), p.EnvNames(tenant)
	if x.ComputeDigest() != x.Digest {
		return errChanged()
	}
	return p.Usable(hello.Capabilities)
}

// decide writes the decision and gives the run to start now, if any.
func decide(tx *store.Tx, by helpdesk.Actor, x *helpdesk.Suggestion, d helpdesk.Decision) (start helpdesk.RunID, err error) {
	was := x.State
	if d.Choice == helpdesk.Undo {
		if was == helpdesk.SuggestionRunning {
			return "", helpdesk.Errorf(helpdesk.Conflict, "The command is running. Stop it instead.")
		}
		if x.Delivered {
			return "", helpdesk.Errorf(helpdesk.Conflict, "A message went to the agent since then, so this decision stays.")
		}
	}
	if err := x.Move(d.Choice.Target()); err != nil {
		return "", err
	}
	x.Decided, x.Note = &d, ""
	if d.Choice == helpdesk.Undo {
		x.Decided = nil
	}
	id := newID()
	var run helpdesk.Run
	if d.Choice == helpdesk.Execute {
		open, err := tx.OpenRuns(x.Ticket)
		if err != nil {
			return "", err
		}
		run = helpdesk.Run{ID: helpdesk.RunID(newID()), Suggestion: x.ID, Ticket: x.Ticket, Tenant: x.Tenant, State: helpdesk.RunWaiting, By: d.By}
		x.Run = run.ID
		if len(open) == 0 {
			start = run.ID
		}
	}
	if err := tx.SaveSuggestion(*x, was); err != nil {
		return "", err
	}
	if err := tx.InsertDecision(id, *x, d); err != nil {
		return "", err
	}
	if _, err := tx.Emit(x.Ticket, by.By(), event.SuggestionDecided{ID: string(x.ID), Choice: string(d.Choice), State: string(x.State), Reason: d.Reason, Digest: d.Digest}, d.At); err != nil {
		return "", err
	}
	if run.ID != "" {
		if err := tx.InsertRun(run, id); err != nil {
			return "", err
		}
		if _, err := tx.Emit(x.Ticket, by.By(), event.RunQueued{Run: string(run.ID), Suggestion: string(x.ID)}, d.At); err != nil {
			return "", err
		}
	}
	if err := tx.Audit(store.Entry{At: d.At, By: by.By(), Action: "suggestion." + string(d.Choice), Target: string(x.Ticket), Detail: map[string]string{"suggestion": string(x.ID), "digest": d.Digest}}); err != nil {
		return "", err
	}
	return start, tx.Refresh(x.Ticket)
}

// moved writes a change of a suggestion's state that was nobody's answer.
func moved(tx *store.Tx, x *helpdesk.Suggestion, to helpdesk.SuggestionState, note string, by helpdesk.By, now time.Time) error {
	was := x.State
	if err := x.Move(to); err != nil {
		return err
	}
	x.Note = note
	if to == helpdesk.SuggestionProposed {
		x.Decided, x.Run = nil, ""
	}
	if err := tx.SaveSuggestion(*x, was); err != nil {
		return err
	}
	_, err := tx.Emit(x.Ticket, by, event.SuggestionMoved{ID: string(x.ID), State: string(to), Note: note}, now)
	return err
}

// LapseAll makes it too late to decide on a ticket's open suggestions and takes approvals back.
func (s *Service) LapseAll(tx *store.Tx, key helpdesk.TicketKey, by helpdesk.By, note string, now time.Time) error {
	for _, state := range []helpdesk.SuggestionState{helpdesk.SuggestionProposed, helpdesk.SuggestionApproved} {
		if err := lapse(tx, key, state, by, note, now, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

// lapse lapses a ticket's suggestions in a state; with before, only those decided before it.
func lapse(tx *store.Tx, key helpdesk.TicketKey, state helpdesk.SuggestionState, by helpdesk.By, note string, now, before time.Time) error {
	list, err := tx.InState(key, state)
	if err != nil {
		return err
	}
	for _, x := range list {
		if !before.IsZero() && (x.Decided == nil || !x.Decided.At.Before(before)) {
			continue
		}
		if err := moved(tx, &x, helpdesk.SuggestionLapsed, note, by, now); err != nil {
			return err
		}
	}
	return nil
}

// lapseOld lapses approvals that nobody sent in time.
func (s *Service) lapseOld(ctx context.Context) error {
	var old []store.TenantTicket
	var before time.Time
	if err := s.cfg.Store.SystemView(ctx, store.Sweeps, func(sys *store.System) error {
		now, err := sys.Now()
		if err != nil {
			return err
		}
		before = now.Add(-s.cfg.Lapse)
		old, err = sys.LapsedApprovals(before, 100)
		return err
	}); err != nil {
		return err
	}
	note := fmt.Sprintf("It was approved and not sent within %s.", spell(s.cfg.Lapse))
	var errs []error
	for _, o := range old {
		errs = append(errs, s.cfg.Store.Update(ctx, o.Tenant, func(tx *store.Tx) error {
			if _, err := tx.LockTicket(o.Ticket); err != nil {
				return err
			}
			now, err := tx.Now()
			if err != nil {
				return err
			}
			if err := lapse(tx, o.Ticket, helpdesk.SuggestionApproved, system(), note, now, before); err != nil {
				return err
			}
			return tx.Refresh(o.Ticket)
		}))
	}
	return errors.Join(errs...)
}

// spell writes a time as people say it.
func spell(d time.Duration) string {
	if d >= 2*time.Hour && d%time.Hour == 0 {
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return d.String()
}
