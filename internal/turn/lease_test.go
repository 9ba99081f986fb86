package turn_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/internal/store"
	"helpdesk/internal/turn"
)

const lost = "The server was lost while the agent answered. What had arrived is kept; send a message to go on."

// deaf is an agent that does not heed its end: it goes on when the test lets it, and not before.
type deaf struct {
	waits chan struct{} // closed when it waits
	goOn  chan struct{}
	told  atomic.Bool // its context ended
	heard atomic.Int32
}

func newDeaf() *deaf { return &deaf{waits: make(chan struct{}), goOn: make(chan struct{})} }

func (d *deaf) play(ctx context.Context, _ helpdesk.Request, emit func(helpdesk.Part) bool) error {
	context.AfterFunc(ctx, func() { d.told.Store(true) })
	emit(helpdesk.Part{Kind: helpdesk.PartActivity, Activity: &helpdesk.AgentActivity{Name: "Read"}})
	emit(helpdesk.Part{Kind: helpdesk.PartText, Text: "It is "})
	close(d.waits)
	<-d.goOn
	for _, p := range []helpdesk.Part{
		{Kind: helpdesk.PartProposal, Proposal: &helpdesk.Proposal{Command: "reboot"}}, {Kind: helpdesk.PartText, Text: "never."},
	} {
		if emit(p) {
			d.heard.Add(1)
		}
	}
	return nil
}

// draft waits until the text so far is on disk, though the agent says nothing more.
func (h *house) draft(key helpdesk.TicketKey, text string) {
	h.t.Helper()
	h.until("the text "+text+" on disk", func() bool { return h.turns(key)[0].Draft == text })
}

// A node that is frozen past its lease loses its turn to another, which keeps the text and the facts. When it
// thaws, nothing that it writes counts, and its agent is told to end.
func TestAFrozenNodeIsTakenOver(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := newDeaf()
		frozen := h.start("node-1", agent(d.play))
		key := h.says("help")
		wait(t, d.waits)
		h.draft(key, "It is ")
		frozen.line.freeze()
		h.expire()
		h.start("node-2")
		h.settles(key)
		want := []string{"Ann: help", "started 1", "sent 1", "did: Read () ", "interrupted 1 by HelpDesk: " + lost + " [It is]"}
		if diff := cmp.Diff(want, h.log(key)); diff != "" {
			t.Errorf("taken over (-want +got):\n%s", diff)
		}
		close(d.goOn) // while it is frozen
		frozen.line.thaw()
		h.until("the end of the agent's context", d.told.Load)
		frozen.leave()
		if diff := cmp.Diff(want, h.log(key)); diff != "" {
			t.Errorf("after the thaw (-want +got):\n%s", diff)
		}
		if list := h.suggestions(key); len(list) != 0 {
			t.Errorf("a node that had lost its turn proposed %+v", list)
		}
		if x := h.turns(key)[0]; x.State != helpdesk.TurnInterrupted || x.Draft != "" || x.Reason != lost {
			t.Errorf("the turn: %+v", x)
		}
		if got := h.ticket(key).Activity; got != helpdesk.ActivityIdle {
			t.Errorf("the ticket is %s", got)
		}
		h.adds(key, "", "say on")
		h.settles(key)
		if got := last(h.log(key), 1)[0]; got != "done 2" {
			t.Errorf("the next message: %s", got)
		}
	})
}

// A node that is frozen before anything was sent loses its turn to another, which runs it again from the start.
func TestAFrozenNodeHadSentNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		frozen := h.start("node-1")
		frozen.line.mu.Lock()
		frozen.line.stops = 2 // the commit that says that it is sent
		frozen.line.mu.Unlock()
		key := h.says("say hello", "suggest true")
		h.until("the freeze", frozen.line.isFrozen)
		h.expire()
		h.start("node-2")
		h.settles(key)
		want := []string{"Ann: say hello suggest true", "started 1", "started 1", "sent 1", "proposes 1: true", "The script: hello", "done 1"}
		if diff := cmp.Diff(want, h.log(key)); diff != "" {
			t.Errorf("taken over (-want +got):\n%s", diff)
		}
		frozen.leave()
		if diff := cmp.Diff(want, h.log(key)); diff != "" {
			t.Errorf("after the thaw (-want +got):\n%s", diff)
		}
		if n := len(h.requests()); n != 1 {
			t.Errorf("the agent was asked %d times", n)
		}
	})
}

// A node whose database does not answer for longer than its lease gives its turn up by its own clock: its agent is
// told to end though nobody can say who has the turn now.
func TestTheDatabaseIsAwayForLongerThanTheLease(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		d := newDeaf()
		n := h.start("node-1", lease(10*time.Second), agent(d.play))
		key := h.says("help")
		wait(t, d.waits)
		h.draft(key, "It is ")
		n.line.lose(true)
		h.until("the end of the agent's context", d.told.Load)
		close(d.goOn)
		if x := h.turns(key)[0]; x.State != helpdesk.TurnRunning {
			t.Errorf("the turn is %s before the database answers again", x.State)
		}
		n.line.lose(false)
		h.settles(key)
		want := []string{"Ann: help", "started 1", "sent 1", "did: Read () ", "interrupted 1 by HelpDesk: " + lost + " [It is]"}
		if diff := cmp.Diff(want, h.log(key)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if d.heard.Load() != 0 {
			t.Error("somebody listened to the agent after the turn was given up")
		}
	})
}

// While a node renews its lease, nobody else takes its turn, however long the agent is silent.
func TestALeaseIsRenewed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		n := h.start("node-1", lease(9*time.Second))
		key := h.says("wait long", "say there")
		h.reach("long")
		h.start("node-2")
		before := n.line.count()
		h.until("three renewals, which are longer than a lease", func() bool { return n.line.count() >= before+3 })
		h.gates.Open("long")
		h.settles(key)
		if got := last(h.log(key), 2); !cmp.Equal(got, []string{"The script: there", "done 1"}) {
			t.Errorf("the end: %q", got)
		}
	})
}

// An orderly stop leaves every turn in a state from which it goes on: what was sent is interrupted with its text,
// the rest is queued again.
func TestAnOrderlyStop(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		blocked := make(chan struct{})
		first := h.start("node-1", func(c *turn.Config) { c.Approval = busy{c.Approval, blocked} })
		sent := h.says("say half", "think hm", "wait never")
		h.reach("never")
		unsent := h.says("busy", "say whole")
		wait(t, blocked)
		first.leave()
		want := []string{
			"Ann: say half think hm wait never", "started 1", "sent 1", "thought: hm",
			"interrupted 1 by HelpDesk: The server was stopped while the agent answered. What had arrived is kept; send a message to go on. [half]",
		}
		if diff := cmp.Diff(want, h.log(sent)); diff != "" {
			t.Errorf("the one that was sent (-want +got):\n%s", diff)
		}
		if x := h.turns(unsent)[0]; x.State != helpdesk.TurnQueued || !x.SentAt.IsZero() {
			t.Errorf("the one that was not: %+v", x)
		}
		h.start("node-2")
		h.settles(unsent)
		want = []string{"Ann: busy say whole", "started 1", "started 1", "sent 1", "The script: busy whole", "done 1"}
		if diff := cmp.Diff(want, h.log(unsent)); diff != "" {
			t.Errorf("the one that was not, on the next node (-want +got):\n%s", diff)
		}
	})
}

// busy has something to run before messages that begin with the word, which does not end.
type busy struct {
	turn.Approval
	blocked chan struct{}
}

func (b busy) RunApproved(ctx context.Context, x helpdesk.Turn, hold func(*store.Tx) error) error {
	if x.Ticket != "BL-2" {
		return b.Approval.RunApproved(ctx, x, hold)
	}
	close(b.blocked)
	<-ctx.Done()
	return context.Cause(ctx)
}

// A node is killed before and after each of its commits. The next one leaves no turn stuck and doubles nothing: a
// turn runs again if nothing was sent, and is interrupted with every fact if it was.
func TestANodeIsKilledAtEveryCommit(t *testing.T) {
	steps := []string{"started 1", "sent 1", "thought: hm", "did: Read (a page) ", "proposes 1: true", "link: https://example.org x", "The script: It is full.\ndone 1"}
	for k := range steps {
		if testing.Short() && k > 2 {
			break
		}
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d %v", k+1, after), func(t *testing.T) {
				t.Parallel()
				each(t, func(t *testing.T, h *house) {
					victim := h.start("victim", func(c *turn.Config) { c.AtOnce = 1 })
					victim.line.mu.Lock()
					if after {
						victim.line.after = k + 1
					} else {
						victim.line.before = k + 1
					}
					victim.line.mu.Unlock()
					key := h.says("say It is", "think hm", "did Read: a page", "suggest true", "link https://example.org x", `state {"n":1}`, "say full.")
					h.until("the kill", victim.line.isDead)
					victim.kill()
					h.expire()
					h.start("rescuer")
					h.settles(key)
					committed := steps[:k]
					if after {
						committed = steps[:k+1]
					}
					got := h.log(key)[1:]
					switch {
					case len(committed) < 2: // not sent: run again
						want := append(append([]string{}, committed...), steps...)
						if diff := cmp.Diff(strings.Join(want, "\n"), strings.Join(got, "\n")); diff != "" {
							t.Errorf("-want +got:\n%s", diff)
						}
					case len(committed) == len(steps):
						if diff := cmp.Diff(strings.Join(steps, "\n"), strings.Join(got, "\n")); diff != "" {
							t.Errorf("-want +got:\n%s", diff)
						}
					default:
						want := append(append([]string{}, committed...), "interrupted 1 by HelpDesk: "+lost)
						if diff := cmp.Diff(strings.Join(want, "\n"), strings.Join(got, "\n")); diff != "" {
							t.Errorf("-want +got:\n%s", diff)
						}
					}
					if n := len(h.requests()); n > 1 {
						t.Errorf("the agent was asked %d times", n)
					}
					if n := strings.Count(strings.Join(got, "\n"), "proposes"); n != len(h.suggestions(key)) || n > 1 {
						t.Errorf("%d commands were proposed, and %d are kept", n, len(h.suggestions(key)))
					}
					kept := ""
					h.view(func(tx *store.Tx) error {
						state, err := tx.AgentState(key, "script-1")
						kept = string(state)
						return err
					})
					if done := h.turns(key)[0].State == helpdesk.TurnDone; done != (kept == `{"n":1}`) {
						t.Errorf("the turn is done: %v, and the agent's state is %q", done, kept)
					}
				})
			})
		}
	}
}

func wait(t testing.TB, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatal("it did not come about")
	}
}
