package approval

import (
	"context"
	"slices"
	"time"

	"helpdesk"
	"helpdesk/internal/launch"
	"helpdesk/internal/store"
)

// Notice is told of every process of the launcher; those that are no runs are none of its business. It never
// blocks: what it has no room for is found by the next look.
func (s *Service) Notice(st launch.Status) {
	if st.Exit == nil {
		return
	}
	select {
	case s.exits <- st:
	default:
		s.look()
	}
}

func (s *Service) look() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run carries out decisions until ctx ends, and returns when what it had begun is written. Runs live on.
func (s *Service) Run(ctx context.Context) error {
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
	defer s.work.Wait()
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		if err := s.reconcile(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("looking after runs", "error", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		case <-s.wake:
		case st := <-s.exits:
			if err := s.exited(ctx, st); err != nil && ctx.Err() == nil {
				s.cfg.Log.Error("writing an outcome; it will be tried again", "run", st.ID, "error", err)
			}
		}
	}
}

// exited writes the outcome of a process that is a run.
func (s *Service) exited(ctx context.Context, st launch.Status) error {
	open, err := s.openRuns(ctx)
	if err != nil {
		return err
	}
	for _, r := range open {
		if string(r.ID) == st.ID {
			return s.settle(ctx, r, st)
		}
	}
	return nil
}

func (s *Service) settle(ctx context.Context, r helpdesk.Run, st launch.Status) error {
	o, err := s.outcome(ctx, r, *st.Exit)
	if err != nil {
		return err
	}
	if err := s.finish(ctx, r, o); err != nil {
		return err
	}
	return s.cfg.Launcher.Forget(ctx, st.ID)
}

// reconcile compares what is recorded with what the launcher knows, and moves both on.
func (s *Service) reconcile(ctx context.Context) error {
	hello, err := s.greet(ctx)
	if err != nil {
		return err
	}
	open, err := s.openRuns(ctx)
	if err != nil {
		return err
	}
	// What is asked after the runs were read knows every node that claimed one, and every one that ever started.
	foreign := slices.ContainsFunc(open, func(r helpdesk.Run) bool { return r.State == helpdesk.RunClaimed && r.Epoch != hello.Epoch })
	live, err := s.nodes(ctx, hello.Epoch, foreign)
	if err != nil {
		return err
	}
	if len(open) > 0 {
		known, err := s.cfg.Launcher.List(ctx)
		if err != nil {
			return err
		}
		busy := map[helpdesk.TicketKey]bool{}
		for _, r := range open {
			if err := s.advance(ctx, r, hello.Epoch, live, known, busy); err != nil {
				return err
			}
		}
	}
	return s.lapseOld(ctx)
}

// nodes says that this node lives, and which others do. While nobody asks for those, it is said no oftener than
// it must be: each time is a commit.
func (s *Service) nodes(ctx context.Context, epoch string, ask bool) (live map[string]bool, err error) {
	if !ask && time.Since(s.touched) < nodeLife/6 {
		return nil, nil
	}
	err = s.cfg.Store.SystemUpdate(ctx, store.Sweeps, func(sys *store.System) error {
		live, err = sys.TouchNode(epoch, nodeLife)
		return err
	})
	if err == nil {
		s.touched = time.Now()
	}
	return live, err
}

func (s *Service) advance(ctx context.Context, r helpdesk.Run, epoch string, live map[string]bool, known []launch.Status, busy map[helpdesk.TicketKey]bool) error {
	s.mu.Lock()
	starting := s.starting[r.ID]
	s.mu.Unlock()
	st, listed := find(known, r.ID)
	switch {
	case starting:
	case r.State == helpdesk.RunWaiting:
		if !busy[r.Ticket] {
			s.begin(r.ID, r.Tenant)
		}
	case r.Epoch != epoch && live[r.Epoch]: // another node's
	case r.Epoch != epoch:
		return s.finish(ctx, r, helpdesk.Outcome{Unknown: true})
	case !listed:
		return s.drop(ctx, r, "The server stopped before it began.")
	case st.Exit != nil:
		return s.settle(ctx, r, st)
	}
	busy[r.Ticket] = true
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
	for _, o := range old {
		if err := s.cfg.Store.Update(ctx, o.Tenant, func(tx *store.Tx) error {
			if _, err := tx.LockTicket(o.Ticket); err != nil {
				return err
			}
			now, err := tx.Now()
			if err != nil {
				return err
			}
			if err := lapse(tx, o.Ticket, helpdesk.SuggestionApproved, system(), "Approved more than "+s.cfg.Lapse.String()+" ago and never sent.", now, before); err != nil {
				return err
			}
			return tx.Refresh(o.Ticket)
		}); err != nil {
			return err
		}
	}
	return nil
}

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

// StopRun stops a run: one that waits never starts, one that runs is asked to end and then ended.
func (s *Service) StopRun(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, id helpdesk.RunID) error {
	r, err := s.run(ctx, by, key, id)
	if err != nil {
		return err
	}
	switch r.State {
	case helpdesk.RunWaiting:
		return s.drop(ctx, r, "Stopped by "+by.Name+".")
	case helpdesk.RunClaimed:
		return s.cfg.Launcher.Stop(ctx, string(id))
	}
	return nil
}

// StopRuns ends every run of a ticket and returns when their outcomes are written.
func (s *Service) StopRuns(ctx context.Context, tenant helpdesk.TenantID, key helpdesk.TicketKey) error {
	var open []helpdesk.Run
	if err := s.cfg.Store.View(ctx, reachOf(tenant), func(tx *store.Tx) (err error) {
		open, err = tx.OpenRuns(key)
		return err
	}); err != nil {
		return err
	}
	for _, r := range open {
		done := s.awaitOpen(ctx, r)
		if r.State == helpdesk.RunWaiting {
			if err := s.drop(ctx, r, "The ticket was closed."); err != nil {
				return err
			}
		} else if err := s.cfg.Launcher.Stop(ctx, string(r.ID)); err != nil && helpdesk.KindOf(err) != helpdesk.NotFound {
			return err
		}
		wait, cancel := context.WithTimeout(ctx, 15*time.Second)
		select {
		case <-done:
		case <-wait.Done():
		}
		cancel()
		if wait.Err() != nil {
			return helpdesk.Errorf(helpdesk.Unavailable, "A command of %s does not end.", key)
		}
	}
	return nil
}
