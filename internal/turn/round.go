package turn

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
)

// checkpoint is how old the text on disk may be.
const checkpoint = time.Second

// round is one turn at work.
type round struct {
	engine *Engine
	turn   helpdesk.Turn
	log    *slog.Logger

	tenant   helpdesk.Tenant
	instance helpdesk.Instance
	agent    helpdesk.Agent

	text      strings.Builder
	saved     int       // how much of the text is on disk
	savedAt   time.Time // when that was looked at last
	reasoning strings.Builder
	thinking  time.Time // when the stretch of reasoning began
	proposed  int
	facts     int
	size      int
	state     json.RawMessage
}

// carryOut gathers, asks and commits. Its error means that the turn's end could not be written.
func (r *round) carryOut(ctx context.Context) error {
	err := r.ask(ctx)
	// The end is written even though the turn's context is over.
	fin, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), 10*time.Second, errors.New("turn: writing the end took too long"))
	defer cancel()
	defer r.engine.cfg.Parts.End(r.turn.ID)
	var by stopped
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errLost):
		return nil // whoever took it over writes its end
	case errors.As(cause, &by):
		return r.close(fin, by.by, helpdesk.TurnCancelled, "Stopped by "+by.by.Name+".")
	case errors.Is(cause, errLong) && r.turn.SentAt.IsZero():
		return r.close(fin, system, helpdesk.TurnFailed, "The commands that were to run before the message took longer than a turn may take. The message was not sent.")
	case errors.Is(cause, errLong):
		return r.close(fin, system, helpdesk.TurnFailed, "The agent took longer than a turn may take. What had arrived is kept.")
	case ctx.Err() != nil:
		return r.handBack(fin)
	case err != nil:
		r.log.Warn("a turn failed", "error", err)
		return r.close(fin, system, helpdesk.TurnFailed, helpdesk.PublicText(err))
	}
	return r.finish(fin)
}

// commit runs fn in a transaction that holds ticket and lease.
func (r *round) commit(ctx context.Context, fn func(tx *store.Tx, now time.Time) error) error {
	return r.engine.cfg.Store.Update(ctx, r.turn.Tenant, func(tx *store.Tx) error {
		if err := r.hold(tx); err != nil {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		return fn(tx, now)
	})
}

func (r *round) hold(tx *store.Tx) error {
	if _, err := tx.LockTicket(r.turn.Ticket); err != nil {
		return err
	}
	return tx.HoldsTurn(r.turn)
}

func (r *round) by() helpdesk.By { return by(r.turn, r.agent.Name) }

// ask does all up to the last part of the answer.
func (r *round) ask(ctx context.Context) error {
	agent, err := r.know(ctx)
	if err != nil {
		return err
	}
	cfg := r.engine.cfg
	if err := cfg.Parts.Begin(r.turn); err != nil {
		r.log.Warn("nobody can watch this turn as it runs", "error", err)
	}
	if err := cfg.Approval.RunApproved(ctx, r.turn, r.hold); err != nil {
		return err
	}
	if err := r.send(ctx); err != nil {
		return err
	}
	req, err := r.request(ctx)
	if err != nil {
		return err
	}
	heard, stop := context.WithCancel(ctx)
	defer stop()
	return r.listen(ctx, r.engine.ask(heard, agent, req))
}

// know finds out who is asked, for whom. What another node changed within the last second may be missing from the
// roster, so a turn fails for want of it only after a second look.
func (r *round) know(ctx context.Context) (agent Agent, err error) {
	for range 2 {
		if agent, err = r.look(ctx); err == nil {
			return agent, nil
		}
		r.engine.cfg.Roster.Forget()
	}
	return nil, err
}

func (r *round) look(ctx context.Context) (agent Agent, err error) {
	cfg := r.engine.cfg
	if r.instance, r.agent, err = cfg.Roster.Instance(ctx, r.turn.Instance); err != nil {
		return nil, err
	}
	if r.tenant, err = cfg.Roster.Tenant(ctx, r.turn.Tenant); err != nil {
		return nil, err
	}
	agent, ok := cfg.Agents[r.agent.Kind]
	switch {
	case !ok:
		return nil, helpdesk.Errorf(helpdesk.Unavailable, "This server cannot reach agents of kind %q. Choose another agent.", r.agent.Kind)
	case !r.instance.Allowed(r.turn.Tenant):
		return nil, helpdesk.Errorf(helpdesk.Forbidden, "This tenant may no longer use %s. Choose another agent.", r.instance.Name)
	}
	return agent, nil
}

// listen takes the parts of an answer as they come, and sees to it that the text on disk does not grow old
// while the agent is silent.
func (r *round) listen(ctx context.Context, a *answer) error {
	r.savedAt = time.Now()
	old := time.NewTicker(checkpoint)
	defer old.Stop()
	for {
		select {
		case p := <-a.parts:
			if err := r.part(ctx, p); err != nil {
				return err
			}
		case <-old.C:
		case <-a.done:
			if a.err != nil {
				return a.err
			}
			return r.endReasoning(ctx)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		before := r.savedAt
		if err := r.checkpoint(ctx); err != nil {
			return err
		}
		if r.savedAt != before {
			old.Reset(checkpoint)
		}
	}
}

// send notes, before the first byte goes to the Instance, that it may have, and what it is told.
func (r *round) send(ctx context.Context) error {
	t := r.turn
	err := r.commit(ctx, func(tx *store.Tx, now time.Time) error {
		t = r.turn
		due, err := r.engine.cfg.Approval.Deliveries(tx, t)
		if err != nil {
			return err
		}
		t.SentAt = now
		if err := tx.SaveTurn(t); err != nil {
			return err
		}
		sent := event.TurnSent{Turn: string(t.ID)}
		for _, d := range due {
			sent.Delivered = append(sent.Delivered, event.DeliveryOf(d))
		}
		_, err = tx.Emit(t.Ticket, r.by(), sent, now)
		return err
	})
	if err == nil {
		r.turn = t
	}
	return err
}

// fact commits what came.
func (r *round) fact(ctx context.Context, f event.Fact) error {
	return r.commit(ctx, func(tx *store.Tx, now time.Time) error {
		_, err := tx.Emit(r.turn.Ticket, r.by(), f, now)
		return err
	})
}

// checkpoint puts the text so far on disk, if some of it is not there and the last look is long ago.
func (r *round) checkpoint(ctx context.Context) error {
	if r.saved == r.text.Len() || time.Since(r.savedAt) < checkpoint {
		return nil
	}
	t := r.turn
	t.Draft = r.text.String()
	err := r.engine.cfg.Store.Update(ctx, t.Tenant, func(tx *store.Tx) error { return tx.SaveTurn(t) })
	r.saved, r.savedAt = len(t.Draft), time.Now()
	return err
}

// endReasoning commits the stretch of reasoning that has come to its end.
func (r *round) endReasoning(ctx context.Context) error {
	f, ok := r.thought()
	if !ok {
		return nil
	}
	r.reasoning.Reset()
	return r.fact(ctx, f)
}

func (r *round) thought() (f event.ReasoningRecorded, ok bool) {
	if r.reasoning.Len() == 0 {
		return f, false
	}
	return event.ReasoningRecorded{Turn: string(r.turn.ID), Text: r.reasoning.String(), Took: time.Since(r.thinking).Milliseconds()}, true
}

// finish commits the whole answer.
func (r *round) finish(ctx context.Context) error {
	return unlessOver(r.commit(ctx, func(tx *store.Tx, now time.Time) error {
		t := r.turn
		if err := t.Move(helpdesk.TurnDone); err != nil {
			return err
		}
		t.EndedAt, t.Draft = now, ""
		done := event.TurnEnded{Turn: string(t.ID), State: string(t.State)}
		if text := r.text.String(); strings.TrimSpace(text) != "" {
			done.Message = uuid.Must(uuid.NewV7()).String()
			if _, err := tx.Emit(t.Ticket, r.by(), event.MessagePosted{ID: done.Message, Role: string(helpdesk.RoleAssistant), Content: text, Turn: string(t.ID), Instance: string(t.Instance)}, now); err != nil {
				return err
			}
			if err := tx.Index(t.Ticket, text); err != nil {
				return err
			}
		}
		if r.state != nil {
			if err := tx.SaveAgentState(t.Ticket, t.Instance, r.state); err != nil {
				return err
			}
		}
		if err := tx.SaveTurn(t); err != nil {
			return err
		}
		if _, err := tx.Emit(t.Ticket, r.by(), done, now); err != nil {
			return err
		}
		return tx.Refresh(t.Ticket)
	}))
}

// close commits an end without an answer, with the text and the reasoning that had arrived.
func (r *round) close(ctx context.Context, by helpdesk.By, state helpdesk.TurnState, reason string) error {
	return unlessOver(r.commit(ctx, func(tx *store.Tx, now time.Time) error {
		if f, ok := r.thought(); ok {
			if _, err := tx.Emit(r.turn.Ticket, r.by(), f, now); err != nil {
				return err
			}
		}
		return end(tx, r.turn, by, state, reason, r.text.String(), now)
	}))
}

// handBack leaves a turn behind when this node stops: queued again if nothing was sent, else interrupted.
func (r *round) handBack(ctx context.Context) error {
	if !r.turn.SentAt.IsZero() {
		return r.close(ctx, system, helpdesk.TurnInterrupted, "The server was stopped while the agent answered. What had arrived is kept; send a message to go on.")
	}
	return unlessOver(r.commit(ctx, func(tx *store.Tx, _ time.Time) error {
		t := r.turn
		if err := t.Move(helpdesk.TurnQueued); err != nil {
			return err
		}
		return tx.SaveTurn(t)
	}))
}

// unlessOver is nil where a turn's end cannot be written because a person has ended it, or another node has taken
// it over: then there is nothing to write.
func unlessOver(err error) error {
	if helpdesk.KindOf(err) == helpdesk.Conflict {
		return nil
	}
	return err
}
