package turn_test

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
	"helpdesk/internal/store"
)

// A message is answered: the facts are committed when they come, in order with the text before them, and the text
// becomes the message.
func TestAMessageIsAnswered(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		n := h.start("node-1")
		key := h.says("think I look at the disk.", "plan See+; Read!; Tell", "did Read: a page", "say It is", "wait middle",
			"file fix.sh echo 1", "suggest df -h ## see ## a table", "link https://example.org/df The manual", "status busy", `state {"n":1}`, "say full.", "ask Which one? a; b")
		h.reach("middle")
		want := []string{
			"Ann: " + oneLine(h.requests()[0].Messages[0].Content), "started 1", "sent 1",
			"thought: I look at the disk.", "plan: See=done Read=active Tell=pending", "did: Read (a page) ",
		}
		if diff := cmp.Diff(want, h.log(key)); diff != "" {
			t.Errorf("in the middle (-want +got):\n%s", diff)
		}
		if got := h.ticket(key).Activity; got != helpdesk.ActivityWorking {
			t.Errorf("in the middle the ticket is %s", got)
		}
		h.gates.Open("middle")
		h.settles(key)
		want = append(want, "proposes 1: df -h", "link: https://example.org/df The manual", "asks: Which one? a|b", "The script: It is full.", "done 1")
		if diff := cmp.Diff(want, h.log(key)); diff != "" {
			t.Errorf("at the end (-want +got):\n%s", diff)
		}
		wantParts := []string{"reasoning: I look at the disk.\n", "text: It is\n", "status: busy", "text: full.\n"}
		if diff := cmp.Diff(wantParts, n.parts.all()); diff != "" {
			t.Errorf("what people saw as it came (-want +got):\n%s", diff)
		}
		x := h.turns(key)[0]
		h.until("the end for those who watch", func() bool { _, ended := n.parts.times(x.ID); return ended > 0 })
		if began, ended := n.parts.times(x.ID); x.State != helpdesk.TurnDone || x.Draft != "" || x.SentAt.IsZero() || x.EndedAt.Before(x.SentAt) || began != 1 || ended != 1 {
			t.Errorf("the turn: %+v, begun %d and ended %d times for those who watch", x, began, ended)
		}
		if got := h.ticket(key).Activity; got != helpdesk.ActivityWaiting {
			t.Errorf("with a suggestion undecided the ticket is %s", got)
		}
		s := h.suggestions(key)[0]
		if s.Digest != s.ComputeDigest() || s.Place != "sandbox" || s.Cwd != "/workspace" || !slices.Equal(s.EnvNames, []string{"ZONE"}) || len(s.Files) != 1 || s.Position != 1 || s.Instance != "script-1" {
			t.Errorf("the suggestion: %+v", s)
		}
		// The next request has the conversation and what the instance left for itself.
		h.adds(key, "", "recall", "heard")
		h.settles(key)
		if got := last(h.log(key), 2)[0]; got != `The script: {"n":1} Nothing was delivered.` {
			t.Errorf("the second answer: %s", got)
		}
		req := h.requests()[1]
		if len(req.Messages) != 3 || req.Messages[1].Role != helpdesk.RoleAssistant || len(req.Messages[1].Proposed) != 1 || req.Title == "" || req.Place != "sandbox" || req.AdminScope {
			t.Errorf("the second request: %+v", req)
		}
	})
}

func last(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

// Two messages at once are answered one after the other, in the order in which they were taken.
func TestTwoMessagesAreAnsweredInOrder(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start("node-1")
		h.start("node-2")
		key := h.says("wait first", "say one")
		h.reach("first")
		h.adds(key, "", "say two")
		h.adds(key, "other-1", "say three")
		h.gates.Open("first")
		h.settles(key)
		want := []string{
			"Ann: wait first say one", "started 1", "sent 1", "Ann: say two", "Ann: say three", "The script: one", "done 1",
			"started 2", "sent 2", "The script: two", "done 2", "started 3", "sent 3", "The other: three", "done 3",
		}
		if diff := cmp.Diff(want, h.log(key)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		// What an agent is told is in the order in which agents got to see it.
		var said []string
		for _, m := range h.requests()[2].Messages {
			said = append(said, m.Author.Name+": "+oneLine(m.Content))
		}
		if diff := cmp.Diff([]string{"Ann: wait first say one", "The script: one", "Ann: say two", "The script: two", "Ann: say three"}, said); diff != "" {
			t.Errorf("the third request (-want +got):\n%s", diff)
		}
	})
}

// Twenty tickets at once, worked on by three nodes on one store: each turn happens once.
func TestManyTicketsOnManyNodes(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for i := range 3 {
			h.start(fmt.Sprintf("node-%d", i))
		}
		const tickets = 20
		keys := make([]helpdesk.TicketKey, tickets)
		var all sync.WaitGroup
		for i := range keys {
			all.Go(func() {
				keys[i] = h.says(fmt.Sprintf("say answer %d", i), "suggest true")
				h.adds(keys[i], "", fmt.Sprintf("say more %d", i))
			})
		}
		all.Wait()
		for i, key := range keys {
			h.settles(key)
			var got []string
			for _, l := range h.log(key) {
				if !strings.HasPrefix(l, "Ann: ") { // the second message may come at any time
					got = append(got, l)
				}
			}
			want := []string{
				"started 1", "sent 1", "proposes 1: true", fmt.Sprintf("The script: answer %d", i), "done 1",
				"started 2", "sent 2", fmt.Sprintf("The script: more %d", i), "done 2",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", key, diff)
			}
		}
		if n := len(h.requests()); n != 2*tickets {
			t.Errorf("the agents were asked %d times for %d turns", n, 2*tickets)
		}
	})
}

// A node with room for one turn works on one at a time and takes the next when there is room.
func TestRoomIsLimited(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start("node-1", func(c *turnConfig) { c.AtOnce = 1 })
		one := h.says("wait one", "say one")
		h.reach("one")
		two := h.says("say two")
		h.Wake()
		h.gates.Open("one")
		h.settles(one)
		h.settles(two)
		if first, second := h.turns(one)[0], h.turns(two)[0]; second.SentAt.Before(first.EndedAt) {
			t.Errorf("the second was sent at %v, before the first ended at %v", second.SentAt, first.EndedAt)
		}
	})
}

// A person stops an agent in the middle of its answer: what had arrived is kept, what waits behind is held, and
// goes on or not as the person says.
func TestAPersonStopsTheAgent(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start("node-1")
		for _, discard := range []bool{false, true} {
			gate := fmt.Sprintf("gate-%v", discard)
			key := h.says("did Read: a page", "say It is", "think hm", "wait "+gate, "say never")
			h.reach(gate)
			h.adds(key, "", "say next")
			must(t, h.desk.Stop(context.Background(), h.ann, key))
			want := []string{
				"Ann: did Read: a page say It is think hm wait " + gate + " say never", "started 1", "sent 1", "did: Read (a page) ",
				"Ann: say next", "held", "thought: hm", "cancelled 1 by Ann: Stopped by Ann. [It is]",
			}
			if diff := cmp.Diff(want, h.log(key)); diff != "" {
				t.Errorf("after the stop (-want +got):\n%s", diff)
			}
			h.Wake()
			must(t, h.desk.Release(context.Background(), h.ann, key, discard))
			h.settles(key)
			if discard {
				want = append(want, "cancelled 2 by Ann: Discarded by Ann.", "released")
			} else {
				want = append(want, "released", "started 2", "sent 2", "The script: next", "done 2")
			}
			if diff := cmp.Diff(want, h.log(key)); diff != "" {
				t.Errorf("after the release (-want +got):\n%s", diff)
			}
		}
	})
}

// What an instance has not heard goes with the next message to it, and to no other.
func TestARejectionIsDelivered(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start("node-1")
		key := h.says("suggest rm -rf /tmp/x")
		h.settles(key)
		s := h.suggestions(key)[0]
		_, err := h.approval().Decide(context.Background(), h.ann, key, s.ID, helpdesk.Reject, s.Digest, "not here")
		must(t, err)
		h.adds(key, "other-1", "heard")
		h.settles(key)
		h.adds(key, "script-1") // empty: something is due
		h.settles(key)
		h.adds(key, "script-1", "heard")
		h.settles(key)
		want := []string{
			"Ann: suggest rm -rf /tmp/x", "started 1", "sent 1", "proposes 1: rm -rf /tmp/x", "done 1",
			"Ann: heard", "started 2", "sent 2", "The other: Nothing was delivered.", "done 2",
			"Ann: ", "started 3", "told: reject rm -rf /tmp/x not here", "sent 3", "The script: Rejected: rm -rf /tmp/x (not here)", "done 3",
			"Ann: heard", "started 4", "sent 4", "The script: Nothing was delivered.", "done 4",
		}
		if diff := cmp.Diff(want, h.log(key)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		// The first turn proposed and said nothing; the agent still finds its proposal in the conversation.
		m := h.requests()[3].Messages
		if len(m) != 7 || len(m[1].Proposed) != 1 || m[1].Role != helpdesk.RoleAssistant || m[1].Author.ID != "script-1" || len(m[4].Delivered) != 1 {
			t.Errorf("the conversation: %+v", m)
		}
	})
}

// A scope that has no place on this server makes a card that says so, and that can only be refused.
func TestACommandWithoutAPlace(t *testing.T) {
	container, err := helpdesk.ParseScope("container:web")
	must(t, err)
	each(t, func(t *testing.T, h *house) {
		h.start("node-1", agent(func(_ context.Context, _ helpdesk.Request, emit func(helpdesk.Part) bool) error {
			emit(helpdesk.Part{Kind: helpdesk.PartProposal, Proposal: &helpdesk.Proposal{Command: "ls", Scope: container, Risk: helpdesk.RiskReads}})
			emit(helpdesk.Part{Kind: helpdesk.PartProposal, Proposal: &helpdesk.Proposal{Command: "id", Scope: helpdesk.ScopeAdmin}})
			return nil
		}))
		key := h.says("help")
		h.settles(key)
		list := h.suggestions(key)
		s := list[0]
		if s.State != helpdesk.SuggestionProposed || s.Place != "" || !strings.Contains(s.Note, "container:web is not available") {
			t.Errorf("the card: %+v", s)
		}
		if got := h.log(key)[4]; got != "moved: proposed "+s.Note {
			t.Errorf("the log does not say so: %s", got)
		}
		if _, err := h.approval().Decide(context.Background(), h.ann, key, s.ID, helpdesk.Execute, s.Digest, ""); err == nil {
			t.Error("it was executed")
		}
		if _, err := h.approval().Decide(context.Background(), h.ann, key, s.ID, helpdesk.Reject, s.Digest, s.Note); err != nil {
			t.Errorf("it cannot be rejected: %v", err)
		}
		if s := list[1]; s.Place != "host" || s.Cwd != "the ticket's workspace" || s.Note != "" || s.Risk != helpdesk.RiskChanges {
			t.Errorf("the card of scope admin: %+v", s)
		}
	})
}

// The log holds only what can be read for ever.
func TestWhatIsWrittenCanBeRead(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start("node-1")
		key := h.says("think a", "plan a; b", "did a: b", "suggest true", "link https://example.org x", "ask a? b", "say c")
		h.settles(key)
		kinds := map[string]bool{}
		for _, e := range h.events(key) {
			kinds[e.Kind] = true
			again, data, err := event.Encode(decode(t, e))
			if err != nil || again != e.Kind || string(data) != string(e.Data) {
				t.Errorf("%s: %s came back as %s, %v", e.Kind, e.Data, data, err)
			}
		}
		for _, k := range []string{"ReasoningRecorded", "PlanStated", "ActivityRecorded", "SuggestionProposed", "LinkOffered", "QuestionAsked", "MessagePosted", "TurnEnded"} {
			if !kinds[k] {
				t.Errorf("there is no %s", k)
			}
		}
		var found []helpdesk.Ticket
		h.view(func(tx *store.Tx) (err error) {
			found, err = tx.Tickets(store.TicketFilter{Words: "c", Limit: 10})
			return err
		})
		if len(found) != 1 {
			t.Errorf("the answer is not found by its words: %v", found)
		}
	})
}
