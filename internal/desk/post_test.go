package desk_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/desk"
	"helpdesk/internal/store"
)

// A person opens a ticket: number, title, agent, first message and its turn are there together.
func TestAPersonOpensATicket(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		x, err := h.Create(t.Context(), ann, desk.NewTicket{Tenant: blue, Agent: "script", Message: "\n  The disk   is full.\nHelp!"}, store.Once{})
		must(t, err)
		if x.Key != "BL-1" || x.Title != "The disk is full." || x.Status != helpdesk.TicketOpen || x.Activity != helpdesk.ActivityWorking ||
			x.Agent != "script" || x.Instance != "script-1" || x.Workspace != 1 || x.CreatedBy != ann.By() || x.Seq != 3 {
			t.Errorf("the ticket: %+v", x)
		}
		want := []string{`Ann created "The disk is full." for script-1`, `Ann said "\n  The disk   is full.\nHelp!"`, "Ann queued 1 to script-1"}
		if diff := cmp.Diff(want, h.log(x.Key)); diff != "" {
			t.Errorf("its log (-want +got):\n%s", diff)
		}
		if open := h.openTurns(x.Key); len(open) != 1 || open[0].State != helpdesk.TurnQueued || open[0].By != ann.By() || open[0].Instance != "script-1" {
			t.Errorf("its turn: %+v", open)
		}
		if diff := cmp.Diff([]string{"Ann ticket.create"}, h.audit(x.Key)); diff != "" {
			t.Errorf("its audit (-want +got):\n%s", diff)
		}
		found, err := h.Tickets(t.Context(), ann, store.TicketFilter{Words: "disk help", Limit: 10})
		if err != nil || len(found) != 1 {
			t.Errorf("it is not found by its words: %v, %v", found, err)
		}
		y, err := h.Create(t.Context(), bob, desk.NewTicket{Tenant: red, Agent: "twin", Message: "Help"}, store.Once{})
		if err != nil || y.Key != "RD-1" || y.Instance != "twin-1" {
			t.Errorf("the only instance that the tenant may use: %+v, %v", y, err)
		}
	})
}

func TestATicketThatCannotBeOpened(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, c := range []struct {
			name string
			by   helpdesk.Actor
			n    desk.NewTicket
			kind helpdesk.Kind
			text string
		}{
			{"two instances", ann, desk.NewTicket{Tenant: blue, Agent: "twin", Message: "x"}, helpdesk.Invalid, "one of: East (twin-1), West (twin-2)."},
			{"an instance of another agent", ann, desk.NewTicket{Tenant: blue, Agent: "script", Instance: "twin-1", Message: "x"}, helpdesk.Invalid, "one of: One (script-1)."},
			{"no instance allowed", bob, desk.NewTicket{Tenant: red, Agent: "other", Message: "x"}, helpdesk.Invalid, "may not use that agent"},
			{"an instance that is not allowed", bob, desk.NewTicket{Tenant: red, Agent: "twin", Instance: "twin-2", Message: "x"}, helpdesk.Invalid, "one of: East (twin-1)."},
			{"no such agent", ann, desk.NewTicket{Tenant: blue, Agent: "nobody", Message: "x"}, helpdesk.Invalid, "may not use that agent"},
			{"neither agent nor instance", ann, desk.NewTicket{Tenant: blue, Message: "x"}, helpdesk.Invalid, "Name the instance"},
			{"no message", ann, desk.NewTicket{Tenant: blue, Agent: "script", Message: " \n\t"}, helpdesk.Invalid, "The message is empty"},
			{"a message too long", ann, desk.NewTicket{Tenant: blue, Agent: "script", Message: strings.Repeat("x", 256<<10+1)}, helpdesk.TooLarge, "the limit is 262144"},
			{"a message with NUL", ann, desk.NewTicket{Tenant: blue, Agent: "script", Message: "a\x00"}, helpdesk.Invalid, "NUL byte"},
			{"a message not UTF-8", ann, desk.NewTicket{Tenant: blue, Agent: "script", Message: "a\xff"}, helpdesk.Invalid, "not valid UTF-8"},
			{"another tenant", eve, desk.NewTicket{Tenant: blue, Agent: "script", Message: "x"}, helpdesk.NotFound, "not yours to see"},
			{"no tenant", ann, desk.NewTicket{Agent: "script", Message: "x"}, helpdesk.NotFound, "not yours to see"},
			{"a tenant that is not there", admin, desk.NewTicket{Tenant: "t-green", Agent: "script", Message: "x"}, helpdesk.NotFound, "There is no such tenant"},
			{"nobody", helpdesk.Actor{}, desk.NewTicket{Tenant: blue, Agent: "script", Message: "x"}, helpdesk.Unauthorized, "Sign in"},
			{"an agent", helpdesk.Actor{Kind: helpdesk.ActorAgent, ID: "script-1", Tenants: []helpdesk.TenantID{blue}}, desk.NewTicket{Tenant: blue, Agent: "script", Message: "x"}, helpdesk.Unauthorized, "Sign in"},
		} {
			_, err := h.Create(t.Context(), c.by, c.n, store.Once{})
			wants(t, c.name, c.kind, c.text, err)
		}
		all, err := h.Tickets(t.Context(), admin, store.TicketFilter{Limit: 10})
		if err != nil || len(all) != 0 {
			t.Errorf("tickets were made: %v, %v", all, err)
		}
		if x := h.ticket("x"); x != "BL-1" {
			t.Errorf("a number was used up: the first ticket is %s", x)
		}
	})
}

// A request with a key of its own takes effect once, however often it is sent.
func TestARequestIsRepeated(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		once := store.Once{Actor: ann.ID, Key: "k1", Hash: "h1"}
		n := desk.NewTicket{Tenant: blue, Agent: "script", Message: "x"}
		keys := make([]helpdesk.TicketKey, 8)
		var all sync.WaitGroup
		for i := range keys {
			all.Go(func() {
				x, err := h.Create(context.Background(), ann, n, once)
				if err != nil {
					t.Error(err)
				}
				keys[i] = x.Key
			})
		}
		all.Wait()
		for _, k := range keys {
			if k != "BL-1" {
				t.Errorf("the same request made %s", keys)
				break
			}
		}
		_, err := h.Create(t.Context(), ann, n, store.Once{Actor: ann.ID, Key: "k1", Hash: "h2"})
		wants(t, "another request with its key", helpdesk.Invalid, "Idempotency-Key", err)

		post := store.Once{Actor: ann.ID, Key: "k2", Hash: "h"}
		m1, t1, err := h.Post(t.Context(), ann, "BL-1", "more", "", post)
		must(t, err)
		m2, t2, err := h.Post(t.Context(), ann, "BL-1", "more", "", post)
		if err != nil || m1 != m2 || t1 != t2 || m1 == "" || t1 == "" {
			t.Errorf("a message sent twice: %s %s, then %s %s, %v", m1, t1, m2, t2, err)
		}
		if open := h.openTurns("BL-1"); len(open) != 2 {
			t.Errorf("%d turns are queued, want 2", len(open))
		}
	})
}

func TestAMessageGoesToItsInstance(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.work()
		key := h.ticket("suggest true")
		h.settles(key)
		_, _, err := h.Post(t.Context(), ann, key, " \n", "", store.Once{})
		wants(t, "an empty message", helpdesk.Invalid, "there is no decision or result to send", err)
		h.decides(h.suggestions(key)[0], helpdesk.Reject)
		_, _, err = h.Post(t.Context(), ann, key, "", "other-1", store.Once{})
		wants(t, "an empty message to one who is owed nothing", helpdesk.Invalid, "there is no decision or result to send", err)
		h.posts(key, "other-1", "say I am the other.")
		h.posts(key, "")
		h.settles(key)
		_, _, err = h.Post(t.Context(), ann, key, "x", "nobody", store.Once{})
		wants(t, "a message to nobody", helpdesk.Invalid, "one of: ", err)
		_, _, err = h.Post(t.Context(), ann, key, strings.Repeat("x", 256<<10+1), "", store.Once{})
		wants(t, "a message too long", helpdesk.TooLarge, "the limit is 262144", err)
		_, _, err = h.Post(t.Context(), ann, "BL-99", "x", "", store.Once{})
		wants(t, "a message to a ticket that is not there", helpdesk.NotFound, "no such ticket", err)
		want := []string{
			`Ann created "suggest true" for script-1`, `Ann said "suggest true"`, "Ann queued 1 to script-1", "The script ended 1, done", "Ann decided reject",
			`Ann said "say I am the other."`, "Ann queued 2 to other-1", `Ann said ""`, "Ann queued 3 to script-1",
			`The other said "I am the other.\n"`, "The other ended 2, done", `The script said "Rejected: true (Rejected without a reason.)\n"`, "The script ended 3, done",
		}
		got := h.log(key)
		if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" { // the other may answer before the last message
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestLimitsOfMessages(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := h.with(func(c *desk.Config) { c.Message, c.Queue, c.TurnsPerDay = 100, 3, 6 })
		post := func(by helpdesk.Actor, key helpdesk.TicketKey, text string) error {
			_, _, err := d.Post(t.Context(), by, key, text, "", store.Once{})
			return err
		}
		key := h.ticket("one")
		must(t, post(ann, key, "two"))
		must(t, post(ann, key, strings.Repeat("x", 100)))
		wants(t, "the fourth", helpdesk.TooMany, "3 messages of this ticket wait for the agent already", post(ann, key, "four"))
		wants(t, "a long one", helpdesk.TooLarge, "101 bytes long; the limit is 100", post(ann, key, strings.Repeat("x", 101)))
		other := h.ticket("four")
		must(t, post(ann, other, "five"))
		must(t, post(ann, other, "six"))
		_, err := d.Create(t.Context(), ann, desk.NewTicket{Tenant: blue, Agent: "script", Message: "seven"}, store.Once{})
		wants(t, "the seventh of a day", helpdesk.TooMany, "You have sent 6 messages to agents in the last 24 hours", err)
		third, err := d.Create(t.Context(), bob, desk.NewTicket{Tenant: red, Agent: "script", Message: "mine"}, store.Once{})
		if err != nil {
			t.Errorf("another person's first: %v", err)
		}
		if err := post(helpdesk.System("schedule"), third.Key, "again"); err != nil {
			t.Errorf("HelpDesk's own: %v", err)
		}
		if n := len(h.openTurns(key)); n != 3 {
			t.Errorf("%d turns are queued, want 3", n)
		}
	})
}

// Many post to one ticket and many switch its agent at the same time, more than there are connections to the database.
// All get through, and each message goes to the one who was active when it was taken.
func TestManyPostAndSwitchAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := h.with(func(c *desk.Config) { c.Queue, c.TurnsPerDay = 1000, 1000 })
		key := h.ticket("start")
		var all sync.WaitGroup
		for i := range 30 {
			all.Go(func() {
				if _, _, err := d.Post(context.Background(), ann, key, fmt.Sprint("message ", i), "", store.Once{}); err != nil {
					t.Error(err)
				}
			})
			if i%3 == 0 {
				all.Go(func() {
					h.roster.Forget() // so that whoever asks who there is has to read it
					to := []helpdesk.InstanceID{"other-1", "twin-1", "twin-2"}[i/3%3]
					if _, err := d.Change(context.Background(), bob, key, desk.Change{Instance: &to}); err != nil {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		active, queued := "script-1", 0
		events, err := h.Timeline(t.Context(), ann, key, store.Span{Limit: 1000})
		must(t, err)
		for _, e := range events {
			f, err := event.Decode(e.Kind, e.Data)
			must(t, err)
			switch f := f.(type) {
			case event.TicketAssigned:
				active = f.Instance
			case event.TurnQueued:
				if queued++; f.Instance != active {
					t.Errorf("event %d: a message went to %s while %s was active", e.Seq, f.Instance, active)
				}
			}
		}
		if x := h.stored(key); queued != 31 || string(x.Instance) != active {
			t.Errorf("%d messages were queued; the ticket is with %s, and the log says %s", queued, x.Instance, active)
		}
	})
}
