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
	saved     time.Time // when the text was last checkpointed
	reasoning strings.Builder
	thinking  time.Time // when the stretch of reasoning began
	proposed  int
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
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errLost):
		return nil // whoever took it over writes its end
	case errors.Is(cause, errStopped):
		return r.close(fin, helpdesk.TurnCancelled, "Stopped.")
	case errors.Is(cause, errLong):
		return r.close(fin, helpdesk.TurnFailed, "The agent took longer than a turn may take.")
	case ctx.Err() != nil:
		return r.handBack(fin)
	case err != nil:
		r.log.Warn("a turn failed", "error", err)
		return r.close(fin, helpdesk.TurnFailed, helpdesk.PublicText(err))
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
func (r *round) ask(ctx context.Context) (err error) {
	cfg := r.engine.cfg
	if r.instance, r.agent, err = cfg.Roster.Instance(ctx, r.turn.Instance); err != nil {
		return err
	}
	if r.tenant, err = cfg.Roster.Tenant(ctx, r.turn.Tenant); err != nil {
		return err
	}
	agent, ok := cfg.Agents[r.agent.Kind]
	if !ok {
		return helpdesk.Errorf(helpdesk.Unavailable, "This server cannot reach agents of kind %q.", r.agent.Kind)
	}
	if !r.instance.Allowed(r.turn.Tenant) {
		return helpdesk.Errorf(helpdesk.Forbidden, "This tenant may no longer use %s. Choose another agent.", r.instance.Name)
	}
	if err := cfg.Parts.Begin(r.turn); err != nil {
		return err
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
	r.saved = time.Now()
	for p, err := range agent.Answer(ctx, req) {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := r.part(ctx, p); err != nil {
			return err
		}
	}
	return r.endReasoning(ctx)
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

// part takes one part of the answer.
func (r *round) part(ctx context.Context, p helpdesk.Part) error {
	if p.Kind != helpdesk.PartReasoning {
		if err := r.endReasoning(ctx); err != nil {
			return err
		}
	}
	if r.size += len(p.Text) + len(p.State); r.size > r.engine.cfg.Reply {
		return helpdesk.Errorf(helpdesk.TooLarge, "The agent's reply is larger than %d bytes. What had arrived is kept.", r.engine.cfg.Reply)
	}
	p.Text = strings.ToValidUTF8(strings.ReplaceAll(p.Text, "\x00", ""), "\uFFFD")
	switch p.Kind {
	case helpdesk.PartText:
		r.text.WriteString(p.Text)
		r.engine.cfg.Parts.Append(r.turn.ID, p.Kind, p.Text)
		return r.checkpoint(ctx)
	case helpdesk.PartReasoning:
		if r.reasoning.Len() == 0 {
			r.thinking = time.Now()
		}
		r.reasoning.WriteString(p.Text)
		r.engine.cfg.Parts.Append(r.turn.ID, p.Kind, p.Text)
	case helpdesk.PartStatus:
		r.engine.cfg.Parts.Append(r.turn.ID, p.Kind, p.Text)
	case helpdesk.PartState:
		r.state = p.State
	case helpdesk.PartActivity:
		a := p.Activity
		return r.fact(ctx, event.ActivityRecorded{Turn: string(r.turn.ID), Name: a.Name, Detail: a.Detail, Result: a.Result, Took: a.Took.Milliseconds(), Failure: a.Failure})
	case helpdesk.PartPlan:
		plan := event.PlanStated{Turn: string(r.turn.ID)}
		for _, s := range p.Plan {
			plan.Steps = append(plan.Steps, event.PlanStep{Title: s.Title, State: string(s.State)})
		}
		return r.fact(ctx, plan)
	case helpdesk.PartLink:
		return r.fact(ctx, event.LinkOffered{Turn: string(r.turn.ID), URL: p.Link.URL, Description: p.Link.Description})
	case helpdesk.PartAsk:
		return r.fact(ctx, event.QuestionAsked{Turn: string(r.turn.ID), Text: p.Text, Choices: p.Choices})
	case helpdesk.PartProposal:
		return r.propose(ctx, *p.Proposal)
	}
	return nil
}

func (r *round) fact(ctx context.Context, f event.Fact) error {
	return r.commit(ctx, func(tx *store.Tx, now time.Time) error {
		_, err := tx.Emit(r.turn.Ticket, r.by(), f, now)
		return err
	})
}

// checkpoint puts the text so far on disk, if what is there is old.
func (r *round) checkpoint(ctx context.Context) error {
	if time.Since(r.saved) < checkpoint {
		return nil
	}
	t := r.turn
	t.Draft = r.text.String()
	err := r.engine.cfg.Store.Update(ctx, t.Tenant, func(tx *store.Tx) error { return tx.SaveTurn(t) })
	r.saved = time.Now()
	return err
}

func (r *round) endReasoning(ctx context.Context) error {
	if r.reasoning.Len() == 0 {
		return nil
	}
	f := event.ReasoningRecorded{Turn: string(r.turn.ID), Text: r.reasoning.String(), Took: time.Since(r.thinking).Milliseconds()}
	r.reasoning.Reset()
	return r.fact(ctx, f)
}

// finish commits the whole answer.
func (r *round) finish(ctx context.Context) error {
	return r.commit(ctx, func(tx *store.Tx, now time.Time) error {
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
	})
}

// close commits an end without an answer, with the text that had arrived. Where a person has ended the turn
// already, there is nothing to write.
func (r *round) close(ctx context.Context, state helpdesk.TurnState, reason string) error {
	err := r.commit(ctx, func(tx *store.Tx, now time.Time) error {
		t := r.turn
		return end(tx, &t, state, reason, r.text.String(), now)
	})
	if helpdesk.KindOf(err) == helpdesk.Conflict {
		return nil
	}
	return err
}

// handBack leaves a turn behind when this node stops: queued again if nothing was sent, else interrupted.
func (r *round) handBack(ctx context.Context) error {
	if !r.turn.SentAt.IsZero() {
		return r.close(ctx, helpdesk.TurnInterrupted, "The server was stopped while the agent answered. What had arrived is kept; send a message to go on.")
	}
	err := r.commit(ctx, func(tx *store.Tx, _ time.Time) error {
		t := r.turn
		if err := t.Move(helpdesk.TurnQueued); err != nil {
			return err
		}
		return tx.SaveTurn(t)
	})
	if helpdesk.KindOf(err) == helpdesk.Conflict {
		return nil
	}
	return err
}
