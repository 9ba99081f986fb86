// Package turn carries out turns: one round of gathering what is due, asking one Instance, and committing what
// comes of it.
//
// It promises that a turn is never silently lost or doubled. A node works on a turn only while it holds its
// lease; every commit of a turn is made in one transaction with the check that the lease still holds, by the
// database's clock. A turn whose node is lost is interrupted by whoever takes it over, with its text to the last
// checkpoint and every fact, unless nothing had been sent: then it is run again. Facts (activity, plan, commands,
// links, questions) are committed when they arrive; text is checkpointed at least once a second.
//
// Nothing that an agent sends or does reaches further than its own turn: what it sends is bounded and cleaned, and
// one that panics, or goes on after it was told to end, neither harms the node nor holds the ticket.
package turn

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"sync"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
)

// Agent answers a request with parts. It runs nothing.
type Agent interface {
	Answer(ctx context.Context, req helpdesk.Request) iter.Seq2[helpdesk.Part, error]
}

// Store is what is kept and read: turns, events, suggestions.
type Store interface {
	View(ctx context.Context, reach helpdesk.Reach, fn func(*store.Tx) error) error
	Update(ctx context.Context, tenant helpdesk.TenantID, fn func(*store.Tx) error) error
	SystemView(ctx context.Context, why store.Purpose, fn func(*store.System) error) error
}

// Parts shows people the text of a running turn as it comes.
type Parts interface {
	Begin(t helpdesk.Turn) error
	Append(id helpdesk.TurnID, kind helpdesk.PartKind, text string)
	End(id helpdesk.TurnID)
}

// Approval runs what was approved before a message is sent, and says what an Instance has not yet heard.
type Approval interface {
	RunApproved(ctx context.Context, t helpdesk.Turn, hold func(*store.Tx) error) error
	Deliveries(tx *store.Tx, t helpdesk.Turn) ([]helpdesk.Delivery, error)
}

// Config joins an Engine to its surroundings. All but the numbers and Log are required.
type Config struct {
	Store    Store
	Roster   *store.Roster
	Agents   map[helpdesk.AgentKind]Agent
	Parts    Parts
	Approval Approval
	Node     string // names this process among all that share the store

	AdminScope bool // whether commands of scope admin can be run here
	Log        *slog.Logger

	Lease       time.Duration // default 15 s
	Turn        time.Duration // the longest a turn may take; default 30 min
	AtOnce      int           // turns at work at the same time; default 64
	Reply       int           // bytes of everything in one reply; default 50 MiB
	Suggestion  int           // bytes of one suggestion; default 64 KiB
	Suggestions int           // in one reply; default 50
	Facts       int           // activities, plans, links and questions in one reply; default 2000
	Files       int           // bytes of one proposed file; default 10 MiB
	Grace       time.Duration // how long Run's end waits for agents that do not heed theirs; default 5 s
}

// Engine works on turns. Its methods may be called from any number of goroutines.
type Engine struct {
	cfg   Config
	wake  chan struct{}
	talks talks

	mu      sync.Mutex
	running map[helpdesk.TurnID]*job
	answers map[*answer]helpdesk.TurnID // that have not returned; where an agent heeds its end, no longer than its job
}

// job is a turn at work on this node.
type job struct {
	cancel context.CancelCauseFunc
	done   chan struct{}
}

// Why a turn's context ends.
var (
	errLost = errors.New("turn: the lease is lost")
	errLong = errors.New("turn: it took too long")
)

// stopped is the same where a person stopped it.
type stopped struct{ by helpdesk.By }

func (s stopped) Error() string { return "turn: stopped by " + s.by.Name }

// New makes an Engine; it starts nothing.
func New(cfg Config) *Engine {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Lease = or(cfg.Lease, 15*time.Second)
	cfg.Turn = or(cfg.Turn, 30*time.Minute)
	cfg.AtOnce = or(cfg.AtOnce, 64)
	cfg.Reply = or(cfg.Reply, 50<<20)
	cfg.Suggestion = or(cfg.Suggestion, 64<<10)
	cfg.Suggestions = or(cfg.Suggestions, 50)
	cfg.Facts = or(cfg.Facts, 2000)
	cfg.Files = or(cfg.Files, 10<<20)
	cfg.Grace = or(cfg.Grace, 5*time.Second)
	return &Engine{
		cfg: cfg, wake: make(chan struct{}, 1), running: map[helpdesk.TurnID]*job{}, answers: map[*answer]helpdesk.TurnID{},
	}
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Wake says that there may be a turn to take. It never blocks.
func (e *Engine) Wake() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// Stop ends a turn at work on this node for a person and returns when its end is written, text and all. It says
// false where the turn is not at work here.
func (e *Engine) Stop(ctx context.Context, by helpdesk.By, id helpdesk.TurnID) bool {
	e.mu.Lock()
	j := e.running[id]
	e.mu.Unlock()
	if j == nil {
		return false
	}
	j.cancel(stopped{by})
	select {
	case <-j.done:
	case <-ctx.Done():
	}
	return true
}

// Run works on turns until ctx ends, and returns when every turn at work here has been left in a state from
// which it goes on: sent ones interrupted, the others queued.
func (e *Engine) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer e.outlast()
	defer wg.Wait()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if err := e.take(ctx, &wg); err != nil && ctx.Err() == nil {
			e.cfg.Log.Error("looking for turns", "error", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case now := <-tick.C:
			e.talks.forget(now)
		case <-e.wake:
		}
	}
}

// take starts work on every waiting turn that there is room for.
func (e *Engine) take(ctx context.Context, wg *sync.WaitGroup) error {
	e.mu.Lock()
	room := e.cfg.AtOnce - len(e.running)
	e.mu.Unlock()
	if room <= 0 {
		return nil // whoever ends wakes us
	}
	var waiting []store.WaitingTurn
	err := e.cfg.Store.SystemView(ctx, store.TurnQueue, func(s *store.System) (err error) {
		waiting, err = s.WaitingTurns(e.cfg.AtOnce) // more than there is room for: some may be at work here already
		return err
	})
	if err != nil {
		return err
	}
	for _, w := range waiting {
		e.mu.Lock()
		_, busy := e.running[w.ID]
		if !busy && len(e.running) < e.cfg.AtOnce {
			jctx, cancel := context.WithCancelCause(ctx)
			j := &job{cancel: cancel, done: make(chan struct{})}
			e.running[w.ID] = j
			wg.Go(func() {
				defer func() {
					cancel(nil)
					e.mu.Lock()
					delete(e.running, w.ID)
					e.mu.Unlock()
					close(j.done)
					e.Wake()
				}()
				e.work(jctx, cancel, w)
			})
		}
		e.mu.Unlock()
	}
	return nil
}

// work takes a turn and carries it out.
func (e *Engine) work(ctx context.Context, cancel context.CancelCauseFunc, w store.WaitingTurn) {
	log := e.cfg.Log.With("ticket", w.Ticket, "turn", w.ID)
	since := time.Now()
	t, ok, err := e.lease(ctx, w)
	if err != nil && helpdesk.KindOf(err) != helpdesk.Conflict && ctx.Err() == nil {
		log.Error("taking a turn", "error", err)
	}
	if err != nil || !ok {
		return
	}
	held, release := context.WithCancel(ctx)
	var beat sync.WaitGroup
	beat.Go(func() { e.renew(held, cancel, t, since) })
	defer beat.Wait()
	defer release()
	late := time.AfterFunc(e.cfg.Turn, func() { cancel(errLong) })
	defer late.Stop()

	r := &round{engine: e, turn: t, log: log}
	if err := r.carryOut(ctx); err != nil {
		log.Error("a turn could not be ended; it will be taken over", "error", err)
	}
}

// lease takes the turn. ok is false where there is nothing to carry out: somebody else has it, the ticket waits,
// or it was interrupted here and now because its node was lost.
func (e *Engine) lease(ctx context.Context, w store.WaitingTurn) (t helpdesk.Turn, ok bool, err error) {
	_, agent, err := e.cfg.Roster.Instance(ctx, w.Instance)
	if err != nil && helpdesk.KindOf(err) != helpdesk.NotFound {
		return t, false, err
	}
	err = e.cfg.Store.Update(ctx, w.Tenant, func(tx *store.Tx) error {
		ok = false
		k, err := tx.LockTicket(w.Ticket)
		if err != nil {
			return err
		}
		open, err := tx.OpenTurns(w.Ticket)
		if err != nil {
			return err
		}
		for i, o := range open {
			if o.ID != w.ID && o.State == helpdesk.TurnRunning || i == 0 && o.ID != w.ID {
				return nil // one turn of a ticket at a time, in the order in which they were queued
			}
		}
		if t, err = tx.LeaseTurn(w.ID, e.cfg.Node, e.cfg.Lease); err != nil {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		if t.State == helpdesk.TurnRunning && !t.SentAt.IsZero() {
			return end(tx, t, system, helpdesk.TurnInterrupted, "The server was lost while the agent answered. What had arrived is kept; send a message to go on.", t.Draft, now)
		}
		if t.State == helpdesk.TurnQueued && (k.Held || k.Status == helpdesk.TicketClosed || k.DeletedAt != nil) {
			return helpdesk.Errorf(helpdesk.Conflict, "The ticket waits.")
		}
		if t.State == helpdesk.TurnQueued {
			if err := t.Move(helpdesk.TurnRunning); err != nil {
				return err
			}
		}
		ok = true
		if _, err := tx.Emit(t.Ticket, by(t, agent.Name), event.TurnStarted{Turn: string(t.ID), Agent: string(t.Agent), AgentName: agent.Name, Instance: string(t.Instance)}, now); err != nil {
			return err
		}
		return tx.SaveTurn(t)
	})
	return t, ok, err
}

// by is the agent as the actor of its turn's events.
func by(t helpdesk.Turn, name string) helpdesk.By {
	if name == "" {
		name = "Agent"
	}
	return helpdesk.By{Kind: helpdesk.ActorAgent, ID: string(t.Instance), Name: name}
}

// system is who ends a turn where no person does.
var system = helpdesk.System("turns").By()

// end writes the end of a turn that was not answered, with the text that had arrived.
func end(tx *store.Tx, t helpdesk.Turn, by helpdesk.By, state helpdesk.TurnState, reason, text string, now time.Time) error {
	if err := t.Move(state); err != nil {
		return err
	}
	t.Reason, t.EndedAt, t.Draft = reason, now, ""
	if err := tx.SaveTurn(t); err != nil {
		return err
	}
	if _, err := tx.Emit(t.Ticket, by, event.TurnEnded{Turn: string(t.ID), State: string(state), Reason: reason, Text: text}, now); err != nil {
		return err
	}
	return tx.Refresh(t.Ticket)
}

// renew holds the lease, taken after since, until ctx ends. When it is lost, or has run out while the database did
// not answer, the turn's work is given up at once.
func (e *Engine) renew(ctx context.Context, lost context.CancelCauseFunc, t helpdesk.Turn, since time.Time) {
	tick := time.NewTicker(e.cfg.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		at := time.Now()
		try, cancel := context.WithDeadlineCause(ctx, since.Add(e.cfg.Lease), errLost)
		err := e.cfg.Store.Update(try, t.Tenant, func(tx *store.Tx) error { return tx.RenewTurn(t, e.cfg.Lease) })
		cancel()
		switch {
		case err == nil:
			since = at
		case helpdesk.KindOf(err) == helpdesk.Conflict, time.Since(since) >= e.cfg.Lease:
			lost(errLost)
			return
		}
	}
}
