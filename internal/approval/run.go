package approval

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/launch"
	"helpdesk/internal/place"
	"helpdesk/internal/store"
	"helpdesk/internal/transcript"
)

// claimApproved makes and claims the run of an approved suggestion. ok is false where it went another way.
func (s *Service) claimApproved(ctx context.Context, t helpdesk.Turn, id helpdesk.SuggestionID, hold func(*store.Tx) error) (run helpdesk.Run, ok bool, err error) {
	err = s.cfg.Store.Update(ctx, t.Tenant, func(tx *store.Tx) error {
		ok = false
		if err := hold(tx); err != nil {
			return err
		}
		x, err := tx.Suggestion(id)
		if err != nil {
			return err
		}
		open, err := tx.OpenRuns(t.Ticket)
		if err != nil || len(open) > 0 || x.State != helpdesk.SuggestionApproved {
			return err
		}
		run = helpdesk.Run{ID: helpdesk.RunID(newID()), Suggestion: x.ID, Ticket: x.Ticket, Tenant: x.Tenant, Turn: t.ID, State: helpdesk.RunWaiting, By: x.Decided.By}
		if err := x.Move(helpdesk.SuggestionRunning); err != nil {
			return err
		}
		x.Run = run.ID
		if err := tx.SaveSuggestion(x, helpdesk.SuggestionApproved); err != nil {
			return err
		}
		// An approval's run needs a decision id of its own: taken back and given again, it may have a second run.
		if err := tx.InsertRun(run, string(run.ID)); err != nil {
			return err
		}
		ok = true
		return nil
	})
	return run, ok, err
}

// await gives a channel that closes when the run has ended or was dropped.
func (s *Service) await(id helpdesk.RunID) <-chan struct{} {
	c := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[id] = append(s.waiting[id], c)
	return c
}

// awaitOpen is await for a run that may have ended in the meantime.
func (s *Service) awaitOpen(ctx context.Context, run helpdesk.Run) <-chan struct{} {
	c := s.await(run.ID)
	_ = s.cfg.Store.View(ctx, reachOf(run.Tenant), func(tx *store.Tx) error {
		if r, err := tx.Run(run.ID); err != nil || r.State == helpdesk.RunEnded || r.State == helpdesk.RunDropped {
			s.ended(run.ID)
		}
		return nil
	}) // an error leaves the caller waiting for the end itself
	return c
}

func (s *Service) ended(id helpdesk.RunID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.waiting[id] {
		close(c)
	}
	delete(s.waiting, id)
}

// begin claims and starts a waiting run in the background.
func (s *Service) begin(id helpdesk.RunID, tenant helpdesk.TenantID) {
	s.mu.Lock()
	ctx := s.ctx
	if s.starting[id] || ctx == nil || ctx.Err() != nil { // Run begins it
		s.mu.Unlock()
		return
	}
	s.starting[id] = true
	s.work.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.work.Done()
		defer func() {
			s.mu.Lock()
			delete(s.starting, id)
			s.mu.Unlock()
			s.look() // an exit may have come before the launcher's answer
		}()
		if err := s.start(ctx, id, tenant); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("starting a run", "run", id, "error", err)
		}
	}()
}

// start claims a run and hands it to the launcher. A definite no drops it; without an answer it stays claimed, and
// reconciling finds out.
func (s *Service) start(ctx context.Context, id helpdesk.RunID, tenant helpdesk.TenantID) error {
	run, x, err := s.claim(ctx, id, tenant)
	if err != nil {
		if helpdesk.KindOf(err) != helpdesk.Internal && ctx.Err() == nil {
			return s.drop(ctx, run, helpdesk.PublicText(err))
		}
		return err
	}
	if run.State != helpdesk.RunClaimed {
		return nil
	}
	spec, err := s.spec(ctx, run, x)
	if err == nil {
		by := helpdesk.System("approval")
		if len(x.Files) > 0 {
			err = s.cfg.Workspace.WriteProposed(ctx, by, x.Ticket, x.Files)
		}
	}
	if err != nil {
		return s.drop(ctx, run, helpdesk.PublicText(err))
	}
	if _, err := s.cfg.Launcher.Start(ctx, spec); err != nil {
		if helpdesk.KindOf(err) == helpdesk.Conflict || launch.NoAnswer(err) {
			return err // it may have started
		}
		return s.drop(ctx, run, helpdesk.PublicText(err))
	}
	return nil
}

// claim moves a waiting run to claimed, after looking once more at everything that must hold.
func (s *Service) claim(ctx context.Context, id helpdesk.RunID, tenantID helpdesk.TenantID) (run helpdesk.Run, x helpdesk.Suggestion, err error) {
	if err := s.cfg.Store.View(ctx, reachOf(tenantID), func(tx *store.Tx) (err error) {
		if run, err = tx.Run(id); err != nil {
			return err
		}
		x, err = tx.Suggestion(run.Suggestion)
		return err
	}); err != nil {
		return run, x, err
	}
	who := helpdesk.System("approval")
	if run.By.Kind == helpdesk.ActorUser {
		if who, err = s.cfg.Rights(ctx, helpdesk.UserID(run.By.ID)); err != nil {
			return run, x, err
		}
	}
	if err := helpdesk.May(who, helpdesk.PermDecide, tenantID); err != nil {
		return run, x, helpdesk.Errorf(helpdesk.Forbidden, "%s may no longer decide here, so it was not run.", run.By.Name)
	}
	if x.Scope.Admin() {
		if err := helpdesk.May(who, helpdesk.PermAdminTerminal, tenantID); err != nil {
			return run, x, err
		}
	}
	tenant, err := s.cfg.Roster.Tenant(ctx, tenantID)
	if err != nil {
		return run, x, err
	}
	hello, err := s.greet(ctx)
	if err != nil {
		return run, x, err
	}
	if s.digestNow(tenant, x) != x.Digest {
		return run, x, errChanged()
	}
	err = s.cfg.Store.Update(ctx, tenantID, func(tx *store.Tx) error {
		t, err := tx.LockTicket(run.Ticket)
		if err != nil {
			return err
		}
		if t.Status == helpdesk.TicketClosed || t.DeletedAt != nil {
			return helpdesk.Errorf(helpdesk.Conflict, "The ticket was closed before it ran.")
		}
		if run, err = tx.Run(id); err != nil || run.State != helpdesk.RunWaiting {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		if err := run.Move(helpdesk.RunClaimed); err != nil {
			return err
		}
		run.Epoch, run.ClaimedAt = hello.Epoch, now
		if err := tx.SaveRun(run, helpdesk.RunWaiting); err != nil {
			return err
		}
		_, err = tx.Emit(run.Ticket, run.By, event.RunStarted{Run: string(run.ID), Suggestion: string(x.ID), Command: x.Command, Scope: x.Scope.String()}, now)
		return err
	})
	return run, x, err
}

func (s *Service) spec(ctx context.Context, run helpdesk.Run, x helpdesk.Suggestion) (launch.Spec, error) {
	tenant, err := s.cfg.Roster.Tenant(ctx, run.Tenant)
	if err != nil {
		return launch.Spec{}, err
	}
	p, err := place.For(tenant, x.Scope)
	if err != nil {
		return launch.Spec{}, err
	}
	variables, err := s.cfg.Variables(ctx, run.Tenant)
	if err != nil {
		return launch.Spec{}, err
	}
	return launch.Spec{
		ID: string(run.ID), Kind: p.Kind, Slot: tenant.Slot, Ticket: string(run.Ticket),
		Argv: append(strings.Fields(helpdesk.Interpreter), x.Command), Env: place.Env(variables), Cols: 120, Rows: 30,
		Timeout: s.cfg.RunTime, Limit: s.cfg.Recording, Overflow: launch.CutAtLimit,
	}, nil
}

// drop ends a run that never started: its suggestion can be decided on again.
func (s *Service) drop(ctx context.Context, run helpdesk.Run, note string) error {
	defer s.ended(run.ID)
	err := s.cfg.Store.Update(context.WithoutCancel(ctx), run.Tenant, func(tx *store.Tx) error {
		if _, err := tx.LockTicket(run.Ticket); err != nil {
			return err
		}
		r, err := tx.Run(run.ID)
		if err != nil {
			return err
		}
		was := r.State
		if err := r.Move(helpdesk.RunDropped); err != nil {
			return err
		}
		if err := tx.SaveRun(r, was); err != nil {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		x, err := tx.Suggestion(r.Suggestion)
		if err != nil {
			return err
		}
		if err := moved(tx, x, helpdesk.SuggestionProposed, "Not started: "+note, system(), now); err != nil {
			return err
		}
		return tx.Refresh(run.Ticket)
	})
	s.look()
	if helpdesk.KindOf(err) == helpdesk.Conflict {
		return nil
	}
	return err
}

// finish writes a run's outcome.
func (s *Service) finish(ctx context.Context, run helpdesk.Run, o helpdesk.Outcome) error {
	err := s.cfg.Store.Update(ctx, run.Tenant, func(tx *store.Tx) error {
		if _, err := tx.LockTicket(run.Ticket); err != nil {
			return err
		}
		r, err := tx.Run(run.ID)
		if err != nil {
			return err
		}
		was := r.State
		if err := r.Move(helpdesk.RunEnded); err != nil {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		if o.EndedAt.IsZero() {
			o.EndedAt = now
		}
		o.StartedAt, o.By = r.ClaimedAt, r.By
		r.Outcome = &o
		if err := tx.SaveRun(r, was); err != nil {
			return err
		}
		x, err := tx.Suggestion(r.Suggestion)
		if err != nil {
			return err
		}
		to := helpdesk.SuggestionRan
		if o.Unknown {
			to = helpdesk.SuggestionUnknown
		}
		from := x.State
		if err := x.Move(to); err != nil {
			return err
		}
		if err := tx.SaveSuggestion(x, from); err != nil {
			return err
		}
		if _, err := tx.Emit(run.Ticket, r.By, event.RunEnded{Run: string(r.ID), Suggestion: string(x.ID), State: string(to), Outcome: event.OutcomeOf(o)}, now); err != nil {
			return err
		}
		return tx.Refresh(run.Ticket)
	})
	if helpdesk.KindOf(err) == helpdesk.Conflict {
		err = nil // it had ended already
	}
	if err == nil {
		s.ended(run.ID)
		s.look()
	}
	return err
}

// outcome reads what came of a process from its exit and its recording.
func (s *Service) outcome(ctx context.Context, run helpdesk.Run, exit launch.Exit) (helpdesk.Outcome, error) {
	o := helpdesk.Outcome{TimedOut: exit.TimedOut, Stopped: exit.Stopped, EndedAt: exit.At}
	if exit.Signal != 0 {
		o.Signal = strings.TrimPrefix(unix.SignalName(syscall.Signal(exit.Signal)), "SIG")
	} else {
		code := exit.Code
		o.ExitCode = &code
	}
	dir, err := s.dir(ctx, run)
	if err != nil {
		return o, err
	}
	r, err := transcript.Open(dir)
	if err != nil {
		return o, err
	}
	c, err := r.Clip(s.cfg.OutputToAgent)
	if err != nil {
		return o, err
	}
	o.Output = plain(c.Head)
	if c.Omitted > 0 {
		o.Truncated = true
		o.Output += fmt.Sprintf("\n[… %d bytes left out …]\n", c.Omitted) + plain(c.Tail)
	}
	return o, nil
}

// plain is recorded output as text: a terminal's line ends become plain ones, and what is not UTF-8 is replaced.
func plain(p []byte) string {
	text := strings.ReplaceAll(string(p), "\r\n", "\n")
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
}

func (s *Service) dir(ctx context.Context, run helpdesk.Run) (string, error) {
	h, err := s.greet(ctx)
	return filepath.Join(h.Transcripts, string(run.Ticket), string(run.ID)), err
}

// greet asks the launcher once who it is.
func (s *Service) greet(ctx context.Context) (launch.Hello, error) {
	s.mu.Lock()
	h := s.hello
	s.mu.Unlock()
	if h.Epoch != "" {
		return h, nil
	}
	h, err := s.cfg.Launcher.Hello(ctx)
	if err == nil {
		s.mu.Lock()
		s.hello = h
		s.mu.Unlock()
	}
	return h, err
}

// openRuns reads every run that waits or may be running.
func (s *Service) openRuns(ctx context.Context) (open []helpdesk.Run, err error) {
	err = s.cfg.Store.SystemView(ctx, store.Sweeps, func(sys *store.System) error {
		open, err = sys.OpenRuns(10_000)
		return err
	})
	return open, err
}

func find(list []launch.Status, id helpdesk.RunID) (launch.Status, bool) {
	i := slices.IndexFunc(list, func(st launch.Status) bool { return st.ID == string(id) })
	if i < 0 {
		return launch.Status{}, false
	}
	return list[i], true
}

// nodeLife is how long a launcher counts as alive after it was last seen.
const nodeLife = 30 * time.Second
