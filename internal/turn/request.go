package turn

import (
	"context"
	"slices"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
)

// request gathers all that the Instance is given. Of the conversation it reads what is new since this node asked
// about the ticket last.
func (r *round) request(ctx context.Context) (req helpdesk.Request, err error) {
	req = helpdesk.Request{
		Ticket: r.turn.Ticket, Turn: r.turn.ID, Tenant: r.tenant, Instance: r.instance,
		Place: string(r.tenant.Place), AdminScope: r.engine.cfg.AdminScope,
	}
	talk := r.engine.talks.take(r.turn.Ticket)
	var news []event.Event
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
		news, err = tx.Conversation(r.turn.Ticket, talk.seq)
		return err
	})
	if err != nil {
		return req, err
	}
	for _, e := range news {
		if err := talk.add(e); err != nil {
			return req, err
		}
	}
	req.Messages = slices.Clone(talk.messages)
	r.engine.talks.put(r.turn.Ticket, talk, time.Now())
	return req, nil
}
