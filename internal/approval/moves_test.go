package approval_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"helpdesk"
	"helpdesk/internal/approval"
	"helpdesk/internal/store"
)

// card is what the model knows of one suggestion.
type card struct {
	state     helpdesk.SuggestionState
	delivered bool
	by        helpdesk.Actor // who decided; nobody while proposed
}

// decided gives the kind of error that a decision must meet, and what becomes of the card. It knows nothing but the
// table and the two rules about taking back.
func (c card) decided(choice helpdesk.Choice, by helpdesk.Actor) (card, helpdesk.Kind, bool) {
	undo := choice == helpdesk.Undo
	if !slices.Contains(helpdesk.SuggestionMoves[c.state], choice.Target()) || undo && (c.delivered || c.state == helpdesk.SuggestionRunning) {
		return c, helpdesk.Conflict, false
	}
	c.state, c.by = choice.Target(), by
	if undo {
		c.by = helpdesk.Actor{}
	}
	return c, 0, true
}

// Ensure that whatever people do in whatever order, suggestions move along helpdesk.SuggestionMoves and no other way:
// what is refused changes nothing, and what each card says is what was last decided.
func TestMoves(t *testing.T) {
	h := one(t, approval.Config{})
	h.leave() // nothing begins: a run waits until somebody stops it
	people := []helpdesk.Actor{ann, bob, admin}
	choices := []helpdesk.Choice{helpdesk.Approve, helpdesk.Reject, helpdesk.Ignore, helpdesk.Execute, helpdesk.Undo}
	rapid.Check(t, func(rt *rapid.T) {
		h.ticket = h.newTicket(blue)
		var ids []helpdesk.SuggestionID
		model := map[helpdesk.SuggestionID]card{}
		for range 3 {
			id := h.propose("true")
			ids = append(ids, id)
			model[id] = card{state: helpdesk.SuggestionProposed}
		}
		lapse := func(state helpdesk.SuggestionState) bool {
			return state == helpdesk.SuggestionProposed || state == helpdesk.SuggestionApproved
		}
		events := len(ids)
		for range rapid.IntRange(1, 10).Draw(rt, "steps") {
			was := h.states(ids)
			switch step := rapid.SampledFrom([]string{"decide", "decide", "decide", "decide", "stop", "deliver", "close"}).Draw(rt, "step"); step {
			case "decide":
				id, who, choice := rapid.SampledFrom(ids).Draw(rt, "id"), rapid.SampledFrom(people).Draw(rt, "who"), rapid.SampledFrom(choices).Draw(rt, "choice")
				next, kind, ok := model[id].decided(choice, who)
				err := h.try(who, id, choice)
				if (err == nil) != ok || !ok && helpdesk.KindOf(err) != kind {
					rt.Fatalf("%s of a card that is %+v: %v", choice, model[id], err)
				}
				model[id] = next
				if ok {
					events++
					if choice == helpdesk.Execute {
						events++
					}
				}
			case "stop":
				id := rapid.SampledFrom(ids).Draw(rt, "id")
				if c := model[id]; c.state == helpdesk.SuggestionRunning {
					h.must(h.StopRun(h.ctx(), ann, h.ticket, h.suggestion(id).Run))
					model[id] = card{state: helpdesk.SuggestionProposed}
					events++
				}
			case "deliver":
				x := helpdesk.Turn{Ticket: h.ticket, Tenant: blue, Instance: "built-in"}
				due := h.deliver(x)
				for id, c := range model {
					tell := c.state == helpdesk.SuggestionRejected && !c.delivered
					if got := slices.ContainsFunc(due, func(d helpdesk.Delivery) bool { return d.Suggestion == id }); got != tell {
						rt.Fatalf("a card that is %+v was told: %t", c, got)
					}
					switch c.state {
					case helpdesk.SuggestionRejected, helpdesk.SuggestionIgnored, helpdesk.SuggestionLapsed:
						c.delivered = true
						model[id] = c
					}
				}
			case "close":
				if rapid.IntRange(0, 3).Draw(rt, "really") > 0 {
					continue
				}
				h.update(func(tx *store.Tx) error {
					now, err := tx.Now()
					if err != nil {
						return err
					}
					return h.LapseAll(tx, h.ticket, ann.By(), "The ticket was closed.", now)
				})
				for id, c := range model {
					if lapse(c.state) {
						c.state = helpdesk.SuggestionLapsed
						model[id] = c
						events++
					}
				}
			}
			for i, x := range h.states(ids) {
				c := model[x.ID]
				if x.State != c.state || x.Delivered != c.delivered || (x.Run != "") != (c.state == helpdesk.SuggestionRunning) {
					rt.Fatalf("the card is %+v, and should be %+v", x, c)
				}
				if x.State != was[i].State && !slices.Contains(helpdesk.SuggestionMoves[was[i].State], x.State) {
					rt.Fatalf("a %s card became %s", was[i].State, x.State)
				}
				if c.state != helpdesk.SuggestionLapsed && (x.Decided == nil) != (c.by.ID == "") || x.Decided != nil && x.Decided.By != c.by.By() {
					rt.Fatalf("the card says that %+v decided, and it was %+v", x.Decided, c.by)
				}
			}
			if got := len(h.log()); got != events {
				rt.Fatalf("the log has %d lines for %d events", got, events)
			}
		}
	})
}

func (h *house) states(ids []helpdesk.SuggestionID) (all []helpdesk.Suggestion) {
	h.t.Helper()
	h.view(func(tx *store.Tx) error {
		all = nil
		for _, id := range ids {
			x, err := tx.Suggestion(id)
			if err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			all = append(all, x)
		}
		return nil
	})
	return all
}
