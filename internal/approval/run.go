package approval

import (
	"context"
	"maps"
	"slices"
	"strings"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/launch"
	"helpdesk/internal/place"
	"helpdesk/internal/store"
)

// enter notes that a run is on its way from its claim to the launcher, so that nobody takes it for one that a crash
// left behind, and gives the context of that way. ok is false where Run does not run or the run is on its way already.
func (s *Service) enter(id helpdesk.RunID) (ctx context.Context, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil || s.ctx.Err() != nil || s.starting[id] != nil {
		return nil, false
	}
	s.starting[id] = &way{}
	s.work.Add(1)
	return s.ctx, true
}

func (s *Service) leave(id helpdesk.RunID) {
	s.mu.Lock()
	delete(s.starting, id)
	s.mu.Unlock()
	s.look() // an exit may have come before the launcher's answer
	s.work.Done()
}

// underway gives the runs that are on their way.
func (s *Service) underway() map[helpdesk.RunID]*way {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.starting)
}

// stopAsked says why a run which is on its way should not start; "" nobody asked for that.
func (s *Service) stopAsked(id helpdesk.RunID) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.starting[id]; w != nil {
		return w.stop
	}
	return ""
}

// begin claims and starts a waiting run in the background.
func (s *Service) begin(id helpdesk.RunID, tenant helpdesk.TenantID) {
	ctx, ok := s.enter(id)
	if !ok {
		return // what is not begun here is begun by reconciling
	}
	go func() {
		defer s.leave(id)
		if err := s.start(ctx, id, tenant); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("starting a run", "run", id, "error", err)
		}
	}()
}

// start claims a waiting run and hands it to the launcher.
func (s *Service) start(ctx context.Context, id helpdesk.RunID, tenant helpdesk.TenantID) error {
	var run helpdesk.Run
	var x helpdesk.Suggestion
	if err := s.cfg.Store.View(ctx, reachOf(tenant), func(tx *store.Tx) (err error) {
		if run, err = tx.Run(id); err != nil {
			return err
		}
		x, err = tx.Suggestion(run.Suggestion)
		return err
	}); err != nil || run.State != helpdesk.RunWaiting {
		return err
	}
	spec, epoch, err := s.plan(ctx, run, x)
	ok := false
	if err == nil {
		ok, err = s.claim(ctx, run, x, epoch)
	}
	switch {
	case err != nil:
		return s.refuse(ctx, run, helpdesk.RunWaiting, err)
	case !ok:
		return nil
	}
	return s.hand(ctx, run, x, spec)
}

// plan looks up what a run will be, just before it is claimed, and whether it still may be.
func (s *Service) plan(ctx context.Context, run helpdesk.Run, x helpdesk.Suggestion) (spec launch.Spec, epoch string, err error) {
	if err := s.stillMay(ctx, run, x); err != nil {
		return spec, "", err
	}
	tenant, err := s.cfg.Roster.Tenant(ctx, run.Tenant)
	if err != nil {
		return spec, "", err
	}
	variables, err := s.cfg.Variables(ctx, run.Tenant)
	if err != nil {
		return spec, "", err
	}
	hello, err := s.greet(ctx)
	if err != nil {
		return spec, "", err
	}
	// The names of the very variables that will be set, not those that the roster has read up to a second ago.
	tenant.Variables = slices.Sorted(maps.Keys(variables))
	if err := unchanged(hello, tenant, x); err != nil {
		return spec, "", err
	}
	p, err := place.For(tenant, x.Scope)
	return launch.Spec{
		ID: string(run.ID), Kind: p.Kind, Slot: tenant.Slot, Ticket: string(run.Ticket),
		Argv: append(strings.Fields(helpdesk.Interpreter), x.Command), Env: place.Env(variables), Outbound: p.Outbound(tenant), Cols: 120, Rows: 30,
		Timeout: s.cfg.RunTime, Limit: s.cfg.Recording, Overflow: launch.CutAtLimit,
	}, hello.Epoch, err
}

// stillMay checks that whoever decided may still do so.
func (s *Service) stillMay(ctx context.Context, run helpdesk.Run, x helpdesk.Suggestion) (err error) {
	var who helpdesk.Actor // the zero Actor may do nothing
	switch run.By.Kind {
	case helpdesk.ActorUser:
		who, err = s.cfg.Rights(ctx, helpdesk.UserID(run.By.ID))
	case helpdesk.ActorSystem:
		who = helpdesk.System(run.By.ID)
	}
	if err == nil {
		err = helpdesk.May(who, helpdesk.PermDecide, run.Tenant)
	}
	what := "decide on commands here"
	if err == nil && x.Scope.Admin() {
		err, what = helpdesk.May(who, helpdesk.PermAdminTerminal, run.Tenant), "use scope admin"
	}
	switch helpdesk.KindOf(err) {
	case helpdesk.Unauthorized, helpdesk.Forbidden, helpdesk.NotFound:
		return helpdesk.WithCause(helpdesk.Forbidden, err, "%s may no longer %s.", run.By.Name, what)
	}
	return err
}

// claim moves a waiting run to claimed. ok is false where it must go on waiting, or somebody else has claimed it.
func (s *Service) claim(ctx context.Context, run helpdesk.Run, x helpdesk.Suggestion, epoch string) (ok bool, err error) {
	err = s.cfg.Store.Update(ctx, run.Tenant, func(tx *store.Tx) error {
		ok = false
		if err := openTicket(tx, run.Ticket); err != nil {
			return err
		}
		open, err := tx.OpenRuns(run.Ticket)
		if err != nil || len(open) == 0 || open[0].ID != run.ID || anyClaimed(open) {
			return err
		}
		r := open[0]
		if err := r.Move(helpdesk.RunClaimed); err != nil {
			return err
		}
		r.Epoch = epoch
		if r.ClaimedAt, err = tx.Now(); err != nil {
			return err
		}
		if err := tx.SaveRun(r, helpdesk.RunWaiting); err != nil {
			return err
		}
		ok = true
		return started(tx, r, x)
	})
	return ok, err
}

func anyClaimed(open []helpdesk.Run) bool {
	return slices.ContainsFunc(open, func(r helpdesk.Run) bool { return r.State == helpdesk.RunClaimed })
}

// openTicket holds the ticket's row and refuses one for which nothing may run any more.
func openTicket(tx *store.Tx, key helpdesk.TicketKey) error {
	t, err := tx.LockTicket(key)
	if err == nil && (t.Status == helpdesk.TicketClosed || t.DeletedAt != nil) {
		err = helpdesk.Errorf(helpdesk.Conflict, "The ticket was closed before it ran.")
	}
	return err
}

func started(tx *store.Tx, r helpdesk.Run, x helpdesk.Suggestion) error {
	_, err := tx.Emit(r.Ticket, r.By, event.RunStarted{Run: string(r.ID), Suggestion: string(x.ID), Command: x.Command, Scope: x.Scope.String()}, r.ClaimedAt)
	return err
}

// hand writes the files of a claimed run and hands it to the launcher. A definite no drops it; without an answer it
// stays claimed, and reconciling finds out.
func (s *Service) hand(ctx context.Context, run helpdesk.Run, x helpdesk.Suggestion, spec launch.Spec) error {
	if len(x.Files) > 0 {
		if err := s.cfg.Workspace.WriteProposed(ctx, helpdesk.System("approval"), x.Ticket, x.Files); err != nil {
			return s.refuse(ctx, run, helpdesk.RunClaimed, err)
		}
	}
	if note := s.stopAsked(run.ID); note != "" {
		_, err := s.drop(ctx, run, helpdesk.RunClaimed, note)
		return err
	}
	if _, err := s.cfg.Launcher.Start(ctx, spec); err != nil {
		if helpdesk.KindOf(err) == helpdesk.Conflict || launch.NoAnswer(err) {
			return err // it may have started
		}
		return s.refuse(ctx, run, helpdesk.RunClaimed, err)
	}
	if s.stopAsked(run.ID) != "" { // asked while the launcher did not know of it
		return ignore(s.cfg.Launcher.Stop(ctx, string(run.ID)), helpdesk.NotFound)
	}
	return nil
}

// refuse drops a run that could not be started, and says why on its card.
func (s *Service) refuse(ctx context.Context, run helpdesk.Run, from helpdesk.RunState, why error) error {
	if ctx.Err() != nil {
		return why // the server ends; the next one finds it as it is
	}
	if helpdesk.KindOf(why) == helpdesk.Internal {
		s.cfg.Log.Error("a run cannot be started", "run", run.ID, "error", why)
	}
	_, err := s.drop(ctx, run, from, sentence(why))
	return err
}

// sentence is what a card says of an error.
func sentence(err error) string {
	if helpdesk.KindOf(err) == helpdesk.Internal {
		return "Something went wrong on the server; its log has the details."
	}
	return helpdesk.PublicText(err)
}
