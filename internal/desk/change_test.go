package desk_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/desk"
	"helpdesk/internal/store"
)

func sorted(lines []string) []string {
	lines = slices.Clone(lines)
	slices.Sort(lines)
	return lines
}

func TestATicketIsChanged(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.ticket("help")
		h.changes(key, desk.Change{Title: new("  A better\n\x1b[1m title ")})
		h.changes(key, desk.Change{Title: new("A better [1m title")}) // the same: nothing happens
		h.changes(key, desk.Change{Status: new(helpdesk.TicketInProgress), Agent: new(helpdesk.AgentID("other"))})
		h.changes(key, desk.Change{Status: new(helpdesk.TicketInProgress), Agent: new(helpdesk.AgentID("other"))})
		x := h.changes(key, desk.Change{Agent: new(helpdesk.AgentID("twin")), Instance: new(helpdesk.InstanceID("twin-2"))})
		if x.Title != "A better [1m title" || x.Status != helpdesk.TicketInProgress || x.Agent != "twin" || x.Instance != "twin-2" {
			t.Errorf("the ticket: %+v", x)
		}
		want := []string{
			`Ann renamed "help" to "A better [1m title"`, "Ann assigned The other, Other one", "Ann changed open to in_progress", "Ann assigned The twin, West",
		}
		if diff := cmp.Diff(want, h.log(key)[3:]); diff != "" {
			t.Errorf("its log (-want +got):\n%s", diff)
		}
		found, err := h.Tickets(t.Context(), ann, store.TicketFilter{Words: "better", Limit: 10})
		if err != nil || len(found) != 1 {
			t.Errorf("it is not found by its new title: %v, %v", found, err)
		}
		if diff := cmp.Diff([]string{"Ann ticket.create", "Ann ticket.status"}, h.audit(key)); diff != "" {
			t.Errorf("its audit (-want +got):\n%s", diff)
		}
		seq := h.stored(key).Seq
		for _, c := range []struct {
			name string
			c    desk.Change
			kind helpdesk.Kind
			text string
		}{
			{"no title", desk.Change{Title: new(" \x07 ")}, helpdesk.Invalid, "needs a title"},
			{"a long title", desk.Change{Title: new(strings.Repeat("x", 301))}, helpdesk.TooLarge, "the limit is 300"},
			{"a title with NUL", desk.Change{Title: new("a\x00b")}, helpdesk.Invalid, "NUL byte"},
			{"a title not UTF-8", desk.Change{Title: new("a\xffb")}, helpdesk.Invalid, "not valid UTF-8"},
			{"two instances", desk.Change{Agent: new(helpdesk.AgentID("twin"))}, helpdesk.Invalid, "one of: East (twin-1), West (twin-2)"},
			{"nobody", desk.Change{Instance: new(helpdesk.InstanceID("nobody"))}, helpdesk.Invalid, "Name the instance"},
			{"half of it wrong", desk.Change{Status: new(helpdesk.TicketClosed), Title: new("")}, helpdesk.Invalid, "needs a title"},
		} {
			_, err := h.Change(t.Context(), ann, key, c.c)
			wants(t, c.name, c.kind, c.text, err)
		}
		if got := h.stored(key); got.Seq != seq || got.Status != helpdesk.TicketInProgress {
			t.Errorf("what was refused changed the ticket: %+v", got)
		}
	})
}

// Switching the agent proposes again what was approved for the one before, since its next message may never come.
func TestSwitchingTheAgentTakesApprovalsBack(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.work()
		key := h.ticket("suggest one", "suggest two", "suggest three")
		h.posts(key, "other-1", "suggest four")
		h.settles(key)
		list := h.suggestions(key)
		h.decides(list[0], helpdesk.Approve)
		h.decides(list[1], helpdesk.Reject)
		h.decides(list[3], helpdesk.Approve)
		h.changes(key, desk.Change{Instance: new(helpdesk.InstanceID("twin-1"))})
		var got []string
		for _, s := range h.suggestions(key) {
			got = append(got, fmt.Sprintf("%s %s %v %s", s.Command, s.State, s.Decided != nil, s.Note))
		}
		want := []string{"one proposed false The ticket went to The twin before it ran.", "two rejected true ", "three proposed false ", "four approved true "}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		log := h.log(key)
		if got := log[len(log)-2:]; !slices.Equal(got, []string{"HelpDesk moved a suggestion to proposed: The ticket went to The twin before it ran.", "Ann assigned The twin, East"}) {
			t.Errorf("the log: %q", got)
		}
		// It can be approved again, and is then taken back by the next switch.
		h.decides(h.suggestions(key)[0], helpdesk.Approve)
		h.changes(key, desk.Change{Instance: new(helpdesk.InstanceID("script-1"))})
		if s := h.suggestions(key)[0]; s.State != helpdesk.SuggestionApproved {
			t.Errorf("coming back to the agent that it is for: %s", s.State)
		}
		h.changes(key, desk.Change{Instance: new(helpdesk.InstanceID("other-1"))})
		if s := h.suggestions(key)[0]; s.State != helpdesk.SuggestionProposed {
			t.Errorf("leaving it again: %s", s.State)
		}
	})
}

// Several people change a ticket at once: every change is in the log, and the last one is how the ticket stands.
func TestPeopleChangeATicketAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.ticket("help")
		var all sync.WaitGroup
		for i := range 12 {
			by := []helpdesk.Actor{ann, bob, admin}[i%3]
			all.Go(func() {
				c := desk.Change{Title: new(fmt.Sprint("title ", i)), Status: new([]helpdesk.TicketStatus{helpdesk.TicketOpen, helpdesk.TicketInProgress}[i%2])}
				if _, err := h.Change(context.Background(), by, key, c); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		events, err := h.Timeline(t.Context(), ann, key, store.Span{Limit: 1000})
		must(t, err)
		title, status, renamed := "help", string(helpdesk.TicketOpen), 0
		for _, e := range events {
			f, err := event.Decode(e.Kind, e.Data)
			must(t, err)
			switch f := f.(type) {
			case event.TicketRenamed:
				renamed++
				if f.From != title {
					t.Errorf("event %d renames %q, and the title was %q", e.Seq, f.From, title)
				}
				title = f.To
			case event.TicketStatusChanged:
				if f.From != status {
					t.Errorf("event %d changes %s, and the status was %s", e.Seq, f.From, status)
				}
				status = f.To
			}
		}
		if x := h.stored(key); x.Title != title || string(x.Status) != status || renamed != 12 {
			t.Errorf("the ticket is %q, %s; after %d changes of title the log says %q, %s", x.Title, x.Status, renamed, title, status)
		}
	})
}

// Stopping an agent that works on another node ends its turn here, with the text to the last checkpoint.
func TestStopping(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.ticket("one")
		must(t, h.Stop(t.Context(), ann, key)) // nobody has begun: the message is not sent
		want := []string{`Ann created "one" for script-1`, `Ann said "one"`, "Ann queued 1 to script-1", "Ann ended 1, cancelled: Stopped by Ann."}
		if diff := cmp.Diff(want, h.log(key)); diff != "" {
			t.Errorf("a lone message (-want +got):\n%s", diff)
		}
		must(t, h.Stop(t.Context(), ann, key)) // nothing to stop
		if n := len(h.log(key)); n != 4 {
			t.Errorf("stopping nothing is %d events", n-4)
		}
		if x := h.stored(key); x.Held || x.Activity != helpdesk.ActivityIdle {
			t.Errorf("the ticket: %+v", x)
		}

		running := h.elsewhere(key, "two", "It is")
		h.posts(key, "", "three")
		h.posts(key, "", "four")
		must(t, h.Stop(t.Context(), bob, key))
		want = append(want, `Ann said "two"`, "Ann queued 2 to script-1", `Ann said "three"`, "Ann queued 3 to script-1", `Ann said "four"`, "Ann queued 4 to script-1",
			"Bob held 3, 4", "Bob ended 2, cancelled: Stopped by Bob. [It is]")
		if diff := cmp.Diff(want, h.log(key)); diff != "" {
			t.Errorf("a turn elsewhere (-want +got):\n%s", diff)
		}
		if err := h.store.Update(t.Context(), blue, func(tx *store.Tx) error { return tx.HoldsTurn(running) }); helpdesk.KindOf(err) != helpdesk.Conflict {
			t.Errorf("the other node may go on: %v", err)
		}
		if x := h.stored(key); !x.Held {
			t.Error("the messages behind it are not held")
		}
		h.posts(key, "", "five") // waits with the others
		must(t, h.Stop(t.Context(), ann, key))
		if n := len(h.openTurns(key)); n != 3 {
			t.Errorf("%d messages are held, want 3", n)
		}
		must(t, h.Release(t.Context(), ann, key, true))
		must(t, h.Release(t.Context(), ann, key, false)) // nothing is held any more
		want = append(want, `Ann said "five"`, "Ann queued 5 to script-1", "Ann ended 3, cancelled: Discarded by Ann.", "Ann ended 4, cancelled: Discarded by Ann.",
			"Ann ended 5, cancelled: Discarded by Ann.", "Ann released")
		if diff := cmp.Diff(want, h.log(key)); diff != "" {
			t.Errorf("discarded (-want +got):\n%s", diff)
		}
		if x := h.stored(key); x.Held || x.Activity != helpdesk.ActivityIdle {
			t.Errorf("the ticket: %+v", x)
		}
	})
}

// elsewhere posts a message that another node works on and has so much text of.
func (h *house) elsewhere(key helpdesk.TicketKey, message, text string) (x helpdesk.Turn) {
	h.t.Helper()
	id := h.posts(key, "", message)
	must(h.t, h.store.Update(context.Background(), blue, func(tx *store.Tx) (err error) {
		if x, err = tx.LeaseTurn(id, "node-9", patience); err != nil {
			return err
		}
		if err := x.Move(helpdesk.TurnRunning); err != nil {
			return err
		}
		x.Draft = text
		return tx.SaveTurn(x)
	}))
	return x
}

// A node begins with a message at the very moment when it is stopped, between the desk's two looks. The turn ends all
// the same, and the agent with it: the lease is so long that the node would not find out by itself.
func TestStoppingWhatHasJustBegun(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.ticket("wait never")
		d := h.with(func(c *desk.Config) {
			c.Store = &between{Store: h.store, second: func() {
				h.work()
				h.reach("never")
			}}
		})
		must(t, d.Stop(t.Context(), ann, key))
		if got := h.log(key); got[len(got)-1] != "Ann ended 1, cancelled: Stopped by Ann." {
			t.Errorf("the log: %q", got)
		}
		h.until("the end of the agent", func() bool { return h.busy.Load() == 0 })
	})
}

// between is a store where something happens before the second transaction.
type between struct {
	*store.Store
	updates int
	second  func()
}

func (b *between) Update(ctx context.Context, tenant helpdesk.TenantID, fn func(*store.Tx) error) error {
	if b.updates++; b.updates == 2 {
		b.second()
	}
	return b.Store.Update(ctx, tenant, fn)
}

// Nobody outside of a ticket's tenant sees or changes it; the answer is that of a ticket that is not there.
func TestATenantIsAWall(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.ticket("a secret")
		gone := helpdesk.TicketKey("BL-99")
		before := h.stored(key)
		for name, act := range map[string]func(by helpdesk.Actor, key helpdesk.TicketKey) error{
			"read": func(by helpdesk.Actor, key helpdesk.TicketKey) error {
				_, err := h.Ticket(t.Context(), by, key)
				return err
			},
			"timeline": func(by helpdesk.Actor, key helpdesk.TicketKey) error {
				_, err := h.Timeline(t.Context(), by, key, store.Span{Limit: 9})
				return err
			},
			"post": func(by helpdesk.Actor, key helpdesk.TicketKey) error {
				_, _, err := h.Post(t.Context(), by, key, "x", "", store.Once{})
				return err
			},
			"change": func(by helpdesk.Actor, key helpdesk.TicketKey) error {
				_, err := h.Change(t.Context(), by, key, desk.Change{Title: new("x")})
				return err
			},
			"close": func(by helpdesk.Actor, key helpdesk.TicketKey) error {
				_, err := h.Change(t.Context(), by, key, desk.Change{Status: new(helpdesk.TicketClosed)})
				return err
			},
			"stop":    func(by helpdesk.Actor, key helpdesk.TicketKey) error { return h.Stop(t.Context(), by, key) },
			"release": func(by helpdesk.Actor, key helpdesk.TicketKey) error { return h.Release(t.Context(), by, key, true) },
			"delete":  func(by helpdesk.Actor, key helpdesk.TicketKey) error { return h.Delete(t.Context(), by, key) },
			"restore": func(by helpdesk.Actor, key helpdesk.TicketKey) error {
				_, err := h.Restore(t.Context(), by, key)
				return err
			},
		} {
			theirs, none := act(eve, key), act(eve, gone)
			wants(t, name+" by one of another tenant", helpdesk.NotFound, "", theirs)
			if theirs.Error() != none.Error() {
				t.Errorf("%s: another's ticket is %q, and none is %q", name, theirs, none)
			}
			for who, by := range map[string]helpdesk.Actor{"nobody": {}, "an agent": {Kind: helpdesk.ActorAgent, ID: "x", Tenants: []helpdesk.TenantID{blue}}} {
				if name == "read" || name == "timeline" {
					continue // agents are given what they may read; the door lets nobody else in
				}
				if err := act(by, key); err == nil {
					t.Errorf("%s by %s went through", name, who)
				}
			}
		}
		if diff := cmp.Diff(before, h.stored(key)); diff != "" {
			t.Errorf("the ticket was changed (-was +is):\n%s", diff)
		}
		for _, c := range []struct {
			by   helpdesk.Actor
			want int
		}{{ann, 1}, {bob, 1}, {admin, 1}, {eve, 0}, {helpdesk.Actor{}, 0}} {
			for _, f := range []store.TicketFilter{{Limit: 9}, {Limit: 9, Words: "secret"}, {Limit: 9, Words: string(key)}, {Limit: 9, Tenant: blue}} {
				if all, err := h.Tickets(t.Context(), c.by, f); err != nil || len(all) != c.want {
					t.Errorf("%s finds %d tickets by %+v, want %d: %v", c.by.Name, len(all), f, c.want, err)
				}
			}
		}
	})
}
