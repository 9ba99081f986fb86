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
	"helpdesk/internal/store"
	"helpdesk/internal/transcript"
)

// await gives a channel that closes when the run has ended or was dropped.
func (s *Service) await(id helpdesk.RunID) <-chan struct{} {
	c := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[id] = append(s.waiting[id], c)
	return c
}

// forgo says that nobody waits at the channel any more.
func (s *Service) forgo(id helpdesk.RunID, c <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[id] = slices.DeleteFunc(s.waiting[id], func(x chan struct{}) bool { return x == c })
	if len(s.waiting[id]) == 0 {
		delete(s.waiting, id)
	}
}

// recheck is how often those who wait for a run look themselves: it may end on another node, which tells nobody here.
const recheck = 2 * time.Second

// waitFor waits until an open run is over, or a while has passed.
func (s *Service) waitFor(ctx context.Context, run helpdesk.Run) error {
	done := s.await(run.ID)
	defer s.forgo(run.ID, done)
	if err := s.cfg.Store.View(ctx, reachOf(run.Tenant), func(tx *store.Tx) (err error) {
		run, err = tx.Run(run.ID)
		return err
	}); err != nil || over(run) { // it may have ended before we waited
		return err
	}
	late := time.NewTimer(recheck)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

func (s *Service) ended(id helpdesk.RunID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.waiting[id] {
		close(c)
	}
	delete(s.waiting, id)
}

func over(r helpdesk.Run) bool { return len(helpdesk.RunMoves[r.State]) == 0 }

// drop ends a run that never started and still is in the given state: its suggestion can be decided on again. ok is
// false where the run has gone on from that state, or is over.
func (s *Service) drop(ctx context.Context, run helpdesk.Run, from helpdesk.RunState, note string) (ok bool, err error) {
	was := from
	err = s.cfg.Store.Update(context.WithoutCancel(ctx), run.Tenant, func(tx *store.Tx) error {
		ok = false
		t, err := tx.LockTicket(run.Ticket)
		if err != nil {
			return err
		}
		r, err := tx.Run(run.ID)
		if was = r.State; err != nil || was != from {
			return err
		}
		if err := r.Move(helpdesk.RunDropped); err != nil {
			return err
		}
		if err := tx.SaveRun(r, from); err != nil {
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
		note := "Not started: " + note
		if err := moved(tx, &x, helpdesk.SuggestionProposed, note, system(), now); err != nil {
			return err
		}
		if t.Status == helpdesk.TicketClosed { // closing has lapsed what was proposed until then
			if err := moved(tx, &x, helpdesk.SuggestionLapsed, note, system(), now); err != nil {
				return err
			}
		}
		if r.Turn != "" {
			if err := returnApproved(tx, x.Ticket, x.Instance, "The command before it did not start.", now); err != nil {
				return err
			}
		}
		ok = true
		return tx.Refresh(run.Ticket)
	})
	if err == nil && (ok || over(helpdesk.Run{State: was})) {
		s.ended(run.ID)
		s.look()
	}
	return ok, err
}

// finish writes a run's outcome, once.
func (s *Service) finish(ctx context.Context, run helpdesk.Run, o helpdesk.Outcome) error {
	err := s.cfg.Store.Update(ctx, run.Tenant, func(tx *store.Tx) error {
		if _, err := tx.LockTicket(run.Ticket); err != nil {
			return err
		}
		r, err := tx.Run(run.ID)
		if err != nil || over(r) {
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
		o := o
		o.StartedAt, o.By = r.ClaimedAt, r.By
		if o.EndedAt.IsZero() {
			o.EndedAt = now
		}
		if o.EndedAt.Before(o.StartedAt) {
			o.EndedAt = o.StartedAt // one is the launcher's clock, the other the database's
		}
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
		if r.Turn != "" && !o.OK() {
			if err := returnApproved(tx, x.Ticket, x.Instance, failure(o), now); err != nil {
				return err
			}
		}
		return tx.Refresh(run.Ticket)
	})
	if err == nil {
		s.ended(run.ID)
		s.look()
	}
	return err
}

// failure says why a run stops those behind it.
func failure(o helpdesk.Outcome) string {
	switch {
	case o.Unknown:
		return "It is not known what came of the command before it."
	case o.TimedOut:
		return "The command before it took too long."
	case o.Stopped:
		return "The command before it was stopped."
	case o.Signal != "":
		return fmt.Sprintf("The command before it was ended by signal %s.", o.Signal)
	case o.ExitCode != nil:
		return fmt.Sprintf("The command before it ended with exit code %d.", *o.ExitCode)
	}
	return "The command before it did not end well."
}

// returnApproved puts what is still approved for an instance back to proposed.
func returnApproved(tx *store.Tx, key helpdesk.TicketKey, i helpdesk.InstanceID, note string, now time.Time) error {
	list, err := tx.InState(key, helpdesk.SuggestionApproved)
	if err != nil {
		return err
	}
	for _, x := range list {
		if x.Instance != i {
			continue
		}
		if err := moved(tx, &x, helpdesk.SuggestionProposed, note, system(), now); err != nil {
			return err
		}
	}
	return nil
}

// settle writes the outcome of a process that has ended, and lets the launcher forget it.
func (s *Service) settle(ctx context.Context, r helpdesk.Run, st launch.Status) error {
	o, err := s.outcome(ctx, r, st)
	if err != nil {
		return err
	}
	if err := s.finish(ctx, r, o); err != nil {
		return err
	}
	return s.forget(ctx, st.ID)
}

func (s *Service) forget(ctx context.Context, id string) error {
	return ignore(s.cfg.Launcher.Forget(ctx, id), helpdesk.NotFound)
}

func ignore(err error, kind helpdesk.Kind) error {
	if err != nil && helpdesk.KindOf(err) == kind {
		return nil
	}
	return err
}

// outcome reads what came of a process from its exit and its recording.
func (s *Service) outcome(ctx context.Context, run helpdesk.Run, st launch.Status) (helpdesk.Outcome, error) {
	o := helpdesk.Outcome{TimedOut: st.Exit.TimedOut, Stopped: st.Exit.Stopped, EndedAt: st.Exit.At, Truncated: st.Cut}
	if st.Exit.Signal != 0 {
		o.Signal = strings.TrimPrefix(unix.SignalName(syscall.Signal(st.Exit.Signal)), "SIG")
	} else {
		code := st.Exit.Code
		o.ExitCode = &code
	}
	h, err := s.greet(ctx)
	if err != nil {
		return o, err
	}
	c, err := clip(filepath.Join(h.Transcripts, string(run.Ticket), string(run.ID)), s.cfg.OutputToAgent)
	if err != nil { // how it ended is known, and must not wait for a damaged recording
		s.cfg.Log.Error("reading what a run said", "run", run.ID, "error", err)
		o.Output, o.Truncated = "[The recorded output cannot be read.]\n", true
		return o, nil
	}
	o.Output = plain(c.Head)
	if c.Omitted > 0 {
		o.Truncated = true
		o.Output += fmt.Sprintf("\n[… %d bytes left out …]\n", c.Omitted) + plain(c.Tail)
	}
	if st.Cut {
		o.Output += fmt.Sprintf("\n[Output is kept up to %d bytes; what came after is lost.]\n", s.cfg.Recording)
	}
	if st.Detail != "" {
		o.Output += "\n[" + st.Detail + "]\n"
	}
	return o, nil
}

func clip(dir string, limit int) (transcript.Clip, error) {
	r, err := transcript.Open(dir)
	if err != nil {
		return transcript.Clip{}, err
	}
	return r.Clip(limit)
}

// plain is recorded output as text: a terminal's line ends become plain ones, and what is not UTF-8 is replaced.
func plain(p []byte) string {
	text := strings.ReplaceAll(string(p), "\r\n", "\n")
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
}
