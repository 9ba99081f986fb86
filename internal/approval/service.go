package approval

import (
	"context"
	"errors"
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
	defer s.work.Wait()
	defer s.disallow() // before the waiting, so that nothing is begun behind it
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

// allow lets Runs begin, with the context of Run.
func (s *Service) allow(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx = ctx
	select {
	case <-s.ready:
	default:
		close(s.ready)
	}
}

// disallow ends that.
func (s *Service) disallow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx = nil
}

// ending says whether Run ends or has ended.
func (s *Service) ending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ctx == nil || s.ctx.Err() != nil
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

// openRuns reads every run that waits or may be running.
func (s *Service) openRuns(ctx context.Context) (open []helpdesk.Run, err error) {
	err = s.cfg.Store.SystemView(ctx, store.Sweeps, func(sys *store.System) error {
		open, err = sys.OpenRuns(10_000)
		return err
	})
	return open, err
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
	s.allow(ctx)
	// In this order: a run that was claimed when they were read and is not on its way now has been with the launcher
	// before it is asked, or never will be. What an earlier server asked for is done as well: the launcher serves the
	// next one only then.
	underway := s.underway()
	var known []launch.Status
	if len(open) > 0 || !s.tidied {
		if known, err = s.cfg.Launcher.List(ctx); err != nil {
			return err
		}
	}
	var errs []error // what is wrong with one run does not hold up the others
	busy := map[helpdesk.TicketKey]bool{}
	for _, r := range open {
		if r.State == helpdesk.RunClaimed {
			settled, err := false, error(nil)
			if underway[r.ID] == nil {
				settled, err = s.advance(ctx, r, hello.Epoch, live, known)
				errs = append(errs, err)
			}
			busy[r.Ticket] = busy[r.Ticket] || !settled
		}
	}
	for _, r := range open {
		if r.State == helpdesk.RunWaiting && !busy[r.Ticket] {
			busy[r.Ticket] = true
			s.begin(r.ID, r.Tenant)
		}
	}
	errs = append(errs, s.tidy(ctx, open, known), s.lapseOld(ctx))
	return errors.Join(errs...)
}

// nodes says that this node lives, and which others do. While nobody asks for those, it is said no oftener than
// it must be: each time is a commit.
func (s *Service) nodes(ctx context.Context, epoch string, ask bool) (live map[string]bool, err error) {
	if !ask && time.Since(s.touched) < s.cfg.NodeLife/6 {
		return nil, nil
	}
	err = s.cfg.Store.SystemUpdate(ctx, store.Sweeps, func(sys *store.System) error {
		live, err = sys.TouchNode(epoch, s.cfg.NodeLife)
		return err
	})
	if err == nil {
		s.touched = time.Now()
	}
	return live, err
}

// advance moves a claimed run on by what the launcher knows of it. settled says that it is over.
func (s *Service) advance(ctx context.Context, r helpdesk.Run, epoch string, live map[string]bool, known []launch.Status) (settled bool, err error) {
	i := slices.IndexFunc(known, func(st launch.Status) bool { return st.ID == string(r.ID) })
	switch {
	case r.Epoch != epoch && live[r.Epoch]: // another node's
		return false, nil
	case r.Epoch != epoch:
		err = s.finish(ctx, r, helpdesk.Outcome{Unknown: true})
	case i < 0:
		_, err = s.drop(ctx, r, helpdesk.RunClaimed, "The server stopped before it began.")
	case known[i].Exit != nil:
		err = s.settle(ctx, r, known[i])
	default:
		return false, nil
	}
	return err == nil, err
}

// tidy, once, lets the launcher forget runs whose outcome was written just before a crash. Other processes that it
// knows are Terminals, which are looked after elsewhere.
func (s *Service) tidy(ctx context.Context, open []helpdesk.Run, known []launch.Status) error {
	if s.tidied {
		return nil
	}
	for _, st := range known {
		if st.Exit == nil || slices.ContainsFunc(open, func(r helpdesk.Run) bool { return string(r.ID) == st.ID }) {
			continue
		}
		done := false
		if err := s.cfg.Store.View(ctx, helpdesk.System("approval").Reach(), func(tx *store.Tx) error {
			r, err := tx.Run(helpdesk.RunID(st.ID))
			if done = err == nil && over(r); helpdesk.KindOf(err) == helpdesk.NotFound {
				return nil
			}
			return err
		}); err != nil {
			return err
		}
		if done {
			if err := s.forget(ctx, st.ID); err != nil {
				return err
			}
		}
	}
	s.tidied = true
	return nil
}
