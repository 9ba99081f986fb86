package turn

import (
	"context"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
)

// request gathers all that the Instance is given.
func (r *round) request(ctx context.Context) (req helpdesk.Request, err error) {
	req = helpdesk.Request{
		Ticket: r.turn.Ticket, Turn: r.turn.ID, Tenant: r.tenant, Instance: r.instance,
		Place: string(r.tenant.Place), AdminScope: r.engine.cfg.AdminScope,
	}
	reach := helpdesk.System("turns").Reach().Only(r.turn.Tenant)
	err = r.engine.cfg.Store.View(ctx, reach, func(tx *store.Tx) error {
		t, err := tx.Ticket(r.turn.Ticket)
		if err != nil {
			return err
		}
		req.Title = t.Title
		if req.State, err = tx.AgentState(r.turn.Ticket, r.turn.Instance); err != nil {
			return err
		}
		events, err := tx.Conversation(r.turn.Ticket)
		if err != nil {
			return err
		}
		req.Messages, err = conversation(events)
		return err
	})
	return req, err
}

// conversation puts messages in the order in which agents got to see them: a person's message stands where its
// turn was sent, with what was delivered with it, and not at all if it never was. What an agent proposed in a turn
// that has no message of its own, because it said nothing or was interrupted, stands as one without text.
func conversation(events []event.Event) ([]helpdesk.Message, error) {
	var all []helpdesk.Message
	asked := map[string]helpdesk.Message{} // by turn: messages not yet sent
	var said helpdesk.Message              // what the turn that was sent last has proposed so far
	of := ""                               // that turn
	flush := func() {
		if len(said.Proposed) > 0 {
			all = append(all, said)
		}
		said = helpdesk.Message{}
	}
	for _, e := range events {
		f, err := event.Decode(e.Kind, e.Data)
		if err != nil {
			return nil, err
		}
		switch f := f.(type) {
		case event.MessagePosted:
			m := helpdesk.Message{ID: helpdesk.MessageID(f.ID), Role: helpdesk.Role(f.Role), Author: e.Actor.By(), Content: f.Content, At: e.At}
			if m.Role == helpdesk.RoleUser {
				asked[f.Turn] = m
				continue
			}
			if f.Turn == of {
				m.Proposed, said = said.Proposed, helpdesk.Message{}
			}
			all = append(all, m)
		case event.TurnSent:
			m, ok := asked[f.Turn]
			if !ok {
				continue
			}
			flush()
			of = f.Turn
			for _, d := range f.Delivered {
				m.Delivered = append(m.Delivered, d.Delivery())
			}
			delete(asked, f.Turn)
			all = append(all, m)
		case event.SuggestionProposed:
			p, err := proposal(f)
			if err != nil {
				return nil, err
			}
			if f.Turn == of {
				said.Role, said.Author, said.At = helpdesk.RoleAssistant, e.Actor.By(), e.At
				said.Proposed = append(said.Proposed, p)
			}
		}
	}
	flush()
	return all, nil
}

func proposal(f event.SuggestionProposed) (helpdesk.Proposal, error) {
	scope, err := helpdesk.ParseScope(f.Scope)
	p := helpdesk.Proposal{Command: f.Command, Purpose: f.Purpose, Expected: f.Expected, Scope: scope, Risk: helpdesk.Risk(f.Risk)}
	for _, x := range f.Files {
		p.Files = append(p.Files, helpdesk.ProposedFile(x))
	}
	return p, err
}
