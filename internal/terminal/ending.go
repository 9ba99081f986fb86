package terminal

import (
	"context"
	"errors"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/launch"
	"helpdesk/internal/store"
	"helpdesk/internal/transcript"
)

// Close ends a Terminal's shell, and returns when its end is recorded.
func (s *Service) Close(ctx context.Context, by helpdesk.Actor, id helpdesk.TerminalID) error {
	t, p, err := s.find(ctx, by, id)
	if err != nil || p == nil || t.State != helpdesk.TerminalLive {
		return err // it has ended already
	}
	return s.endOne(ctx, p, cause{by.By(), "Closed by " + by.Name + "."})
}

func (s *Service) endOne(ctx context.Context, p *process, c cause) error {
	p.mu.Lock()
	if p.cause == nil {
		p.cause = &c
	}
	p.mu.Unlock()
	if err := s.launcher.Stop(ctx, p.id); err != nil && helpdesk.KindOf(err) != helpdesk.NotFound {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return helpdesk.WithCause(helpdesk.Unavailable, context.Cause(ctx), "The terminal is ending, and that takes long. Look again in a moment.")
	case <-s.stop.Done():
		return errStopping
	}
}

// EndAll ends all Terminals of a ticket that is closed or deleted, and returns when their ends are recorded. It may be
// called again. After it none is opened unless the ticket is reopened.
func (s *Service) EndAll(ctx context.Context, key helpdesk.TicketKey) error {
	if err := s.awaitReady(ctx); err != nil {
		return err
	}
	defer s.tickets.Lock(key)()
	s.mu.Lock()
	var live []*process
	for _, p := range s.processes {
		p.mu.Lock()
		if p.terminal != nil && p.terminal.Ticket == key {
			live = append(live, p)
		}
		p.mu.Unlock()
	}
	s.mu.Unlock()
	var failed error
	errs := make(chan error, len(live))
	for _, p := range live {
		go func() { errs <- s.endOne(ctx, p, cause{helpdesk.System("terminals").By(), "The ticket was closed."}) }()
	}
	for range live {
		failed = errors.Join(failed, <-errs)
	}
	return failed
}

// restore compares what is recorded as live with what the launcher has.
func (s *Service) restore(ctx context.Context) error {
	hello, err := s.launcher.Hello(ctx)
	if err != nil {
		return err
	}
	s.hello = hello
	list, err := s.launcher.List(ctx)
	if err != nil {
		return err
	}
	var live []helpdesk.Terminal
	if err := s.store.SystemView(ctx, store.Sweeps, func(tx *store.System) (err error) {
		live, err = tx.LiveTerminals()
		return err
	}); err != nil {
		return err
	}
	has := make(map[string]launch.Status, len(list))
	for _, st := range list {
		has[st.ID] = st
	}
	for _, t := range live {
		st, there := has[string(t.ID)]
		if !there {
			p := s.adopt(t, launch.Status{ID: string(t.ID), Ticket: string(t.Ticket), Cols: uint16(t.Cols), Rows: uint16(t.Rows)})
			p.failed(s.whatHappened(t, p))
			s.ended(p)
			continue
		}
		p := s.adopt(t, st)
		if st.Paused == launch.PausedByAsk { // by a server that is gone
			if err := s.launcher.Resume(ctx, st.ID, 0); err != nil {
				s.cfg.Log.Warn("let a terminal go on", "id", st.ID, "err", err)
			}
		}
		// A notice may have told of its end before it was known to be a Terminal.
		if p.notice(st) || p.isOver() {
			s.ended(p)
		}
	}
	return nil
}

func (p *process) isOver() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.over
}

// whatHappened says why a Terminal is not among the launcher's processes, and gives p the exit where it was recorded.
func (s *Service) whatHappened(t helpdesk.Terminal, p *process) string {
	if record, err := transcript.Open(s.transcript(t.Ticket, string(t.ID))); err == nil {
		if info, err := record.Info(); err == nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.status.End, p.recent = info.Size, nil // what was shown can be looked at, also where nobody wrote the record's end
			if info.Finish != nil {
				f := info.Finish.Finish
				p.status.Exit = &launch.Exit{Code: f.Code, Signal: f.Signal, TimedOut: f.TimedOut, Stopped: f.Stopped, At: info.Finish.At}
				return ""
			}
		}
	}
	if t.Epoch == s.hello.Epoch {
		return "It was not started: the server ended before."
	}
	return "The launcher was restarted."
}

// record records the ends of Terminals until ctx is done. An end that cannot be recorded now is tried again.
func (s *Service) record(ctx context.Context) {
	retry := time.NewTicker(time.Second)
	defer retry.Stop()
	for {
		s.mu.Lock()
		finished := s.finished
		s.finished = nil
		s.mu.Unlock()
		for _, p := range finished {
			if err := s.recordEnd(ctx, p); err != nil {
				if ctx.Err() == nil {
					s.cfg.Log.Error("record the end of a terminal; it is tried again", "id", p.id, "err", err)
				}
				s.mu.Lock()
				s.finished = append(s.finished, p)
				s.mu.Unlock()
			}
		}
		again := retry.C
		if len(finished) == 0 {
			again = nil
		}
		select {
		case <-s.wake:
		case <-again:
		case <-ctx.Done():
			return
		}
	}
}

// recordEnd records one end, once, whoever tries and however often.
func (s *Service) recordEnd(ctx context.Context, p *process) error {
	p.mu.Lock()
	if p.recorded {
		p.mu.Unlock()
		return nil
	}
	id, key, tenant := p.terminal.ID, p.terminal.Ticket, p.terminal.Tenant
	st := p.status
	by, reason := helpdesk.System("terminals").By(), p.reason
	if c := p.cause; c != nil {
		by = c.by
		if reason == "" {
			reason = c.reason
		}
	}
	p.mu.Unlock()
	end := event.TerminalEnded{Terminal: string(id), Reason: reason}
	at := s.cfg.Now()
	if x := st.Exit; x != nil {
		end.ExitCode, at = &x.Code, x.At
	}
	err := s.store.Update(ctx, tenant, func(tx *store.Tx) error {
		t, err := tx.Terminal(id)
		if err != nil || t.State != helpdesk.TerminalLive {
			return err
		}
		t.State, t.EndedAt, t.Reason = helpdesk.TerminalEnded, at, reason
		if st.Cols > 0 {
			t.Cols, t.Rows = int(st.Cols), int(st.Rows)
		}
		if err := tx.SaveTerminal(t); err != nil {
			return err
		}
		_, err = tx.Emit(key, by, end, at)
		return err
	})
	if err != nil && helpdesk.KindOf(err) != helpdesk.NotFound { // not found: the ticket was erased
		return err
	}
	if err := s.launcher.Forget(ctx, p.id); err != nil && helpdesk.KindOf(err) != helpdesk.NotFound {
		s.cfg.Log.Warn("let the launcher forget a terminal", "id", p.id, "err", err)
	}
	p.mu.Lock()
	p.recorded = true
	p.mu.Unlock()
	close(p.done)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropIfIdle(p)
	return nil
}
