package turn_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/internal/turn"
)

// acts are agents by the word with which a message asks for them.
type acts struct {
	mu   sync.Mutex
	play map[string]func(ctx context.Context, emit func(helpdesk.Part) bool) error
}

func (a *acts) answer(ctx context.Context, req helpdesk.Request, emit func(helpdesk.Part) bool) error {
	a.mu.Lock()
	play := a.play[req.Messages[len(req.Messages)-1].Content]
	a.mu.Unlock()
	emit(helpdesk.Part{Kind: helpdesk.PartText, Text: "Kept."})
	return play(ctx, emit)
}

func many[T any](n int, x T) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = x
	}
	return all
}

func proposal(p helpdesk.Proposal) helpdesk.Part {
	return helpdesk.Part{Kind: helpdesk.PartProposal, Proposal: &p}
}

func file(paths ...string) helpdesk.Part {
	p := helpdesk.Proposal{Command: "true"}
	for _, x := range paths {
		p.Files = append(p.Files, helpdesk.ProposedFile{Path: x, Content: "x"})
	}
	return proposal(p)
}

// Whatever an agent sends is bounded: the turn fails with a sentence that says why, and what had arrived is kept.
func TestWhatAnAgentSendsIsBounded(t *testing.T) {
	const suggestion, files, reply = 1000, 2000, 3 << 20
	link := &helpdesk.Link{URL: "https://example.org/"}
	did := &helpdesk.AgentActivity{Name: "x"}
	cases := []struct {
		name  string
		parts []helpdesk.Part
		kept  int    // facts that are kept
		why   string // part of the reason
	}{
		{"text too large", many(40, helpdesk.Part{Kind: helpdesk.PartText, Text: strings.Repeat("x", 100_000)}), -1, "larger than 3145728 bytes. What had arrived is kept."},
		{"reasoning too large", many(40, helpdesk.Part{Kind: helpdesk.PartReasoning, Text: strings.Repeat("x", 100_000)}), -1, "larger than"},
		{"activity too large", many(40, helpdesk.Part{Kind: helpdesk.PartActivity, Activity: &helpdesk.AgentActivity{Result: strings.Repeat("x", 100_000)}}), 31, "larger than"},
		{"links too large", many(40, helpdesk.Part{Kind: helpdesk.PartLink, Link: &helpdesk.Link{URL: link.URL, Description: strings.Repeat("x", 100_000)}}), 31, "larger than"},
		{"status too large", many(40, helpdesk.Part{Kind: helpdesk.PartStatus, Text: strings.Repeat("x", 100_000)}), 0, "larger than"},
		{"plans too large", many(400, helpdesk.Part{Kind: helpdesk.PartPlan, Plan: many(100, helpdesk.PlanStep{Title: strings.Repeat("x", 400)})}), 75, "larger than"},
		{"empty parts without end", many(200_000, helpdesk.Part{Kind: "nonsense"}), 0, "larger than"},
		{"too many facts", many(101, helpdesk.Part{Kind: helpdesk.PartActivity, Activity: did}), 100, "more than 100 steps, links and questions"},
		{"plan too long", []helpdesk.Part{{Kind: helpdesk.PartPlan, Plan: many(10_000, helpdesk.PlanStep{Title: "x"})}}, 0, "plan has 10000 steps; the limit is 200"},
		{"too many choices", []helpdesk.Part{{Kind: helpdesk.PartAsk, Text: "Which?", Choices: many(51, "x")}}, 0, "51 answers to its question; the limit is 50"},
		{"state too large", []helpdesk.Part{{Kind: helpdesk.PartState, State: json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`)}}, 0, "1048578 bytes kept for its next turn; the limit is 1048576"},
		{"state not JSON", []helpdesk.Part{{Kind: helpdesk.PartState, State: json.RawMessage(`{`)}}, 0, "is not JSON"},
		{"state not UTF-8", []helpdesk.Part{{Kind: helpdesk.PartState, State: json.RawMessage("\"\xff\"")}}, 0, "is not JSON"},
		{"too many suggestions", many(4, proposal(helpdesk.Proposal{Command: "true"})), 3, "more than 3 commands in one reply. The first 3 are kept"},
		{"command too long", []helpdesk.Part{proposal(helpdesk.Proposal{Command: strings.Repeat("x", suggestion+1)})}, 0, "1001 bytes long; the limit is 1000"},
		{"explanation too long", []helpdesk.Part{proposal(helpdesk.Proposal{Command: "true", Expected: strings.Repeat("x", suggestion)})}, 0, "The explanation of a command"},
		{"empty command", []helpdesk.Part{proposal(helpdesk.Proposal{Command: " \n"})}, 0, "empty command"},
		{"command with NUL", []helpdesk.Part{proposal(helpdesk.Proposal{Command: "a\x00b"})}, 0, "NUL byte"},
		{"command not UTF-8", []helpdesk.Part{proposal(helpdesk.Proposal{Command: "a\xffb"})}, 0, "not valid UTF-8"},
		{"purpose with NUL", []helpdesk.Part{proposal(helpdesk.Proposal{Command: "true", Purpose: "a\x00b"})}, 0, "NUL byte"},
		{"expectation not UTF-8", []helpdesk.Part{proposal(helpdesk.Proposal{Command: "true", Expected: "\xff"})}, 0, "not valid UTF-8"},
		{"file too large", []helpdesk.Part{proposal(helpdesk.Proposal{Command: "true", Files: []helpdesk.ProposedFile{{Path: "a", Content: strings.Repeat("x", files+1)}}})}, 0, "A file that the agent proposed is 2001 bytes"},
		{"file with NUL", []helpdesk.Part{proposal(helpdesk.Proposal{Command: "true", Files: []helpdesk.ProposedFile{{Path: "a", Content: "\x00"}}})}, 0, "NUL byte"},
		{"too many files", []helpdesk.Part{file(many(101, "a")...)}, 0, "101 files; the limit is 100"},
		{"file outside", []helpdesk.Part{file("../a")}, 0, "cannot be in the ticket's workspace"},
		{"file outside, hidden", []helpdesk.Part{file("a/../../b")}, 0, "cannot be in the ticket's workspace"},
		{"the workspace itself", []helpdesk.Part{file(".")}, 0, "cannot be in the ticket's workspace"},
		{"file without a name", []helpdesk.Part{file("")}, 0, "cannot be in the ticket's workspace"},
		{"file at an absolute path", []helpdesk.Part{file("/etc/passwd")}, 0, "cannot be in the ticket's workspace"},
		{"file's path with NUL", []helpdesk.Part{file("a\x00b")}, 0, "cannot be in the ticket's workspace"},
		{"file's path not UTF-8", []helpdesk.Part{file("a\xffb")}, 0, "cannot be in the ticket's workspace"},
		{"file's path with a line end", []helpdesk.Part{file("a\nb")}, 0, "cannot be in the ticket's workspace"},
		{"file's path too long", []helpdesk.Part{file(strings.Repeat("a/", 700) + "a")}, 0, "cannot be in the ticket's workspace"},
		{"file twice", []helpdesk.Part{file("a", "b", "a")}, 0, `needs "a" twice`},
		{"file and directory", []helpdesk.Part{file("a/b", "a")}, 0, `needs "a" twice`},
		{"directory and file", []helpdesk.Part{file("a", "a/b")}, 0, `needs "a" twice`},
		{"hollow activity", []helpdesk.Part{{Kind: helpdesk.PartActivity}}, 0, `part of kind "activity" with nothing in it`},
		{"hollow link", []helpdesk.Part{{Kind: helpdesk.PartLink}}, 0, `part of kind "link" with nothing in it`},
		{"hollow proposal", []helpdesk.Part{{Kind: helpdesk.PartProposal}}, 0, `part of kind "proposal" with nothing in it`},
		{"hollow state", []helpdesk.Part{{Kind: helpdesk.PartState}}, 0, "is not JSON"},
	}
	each(t, func(t *testing.T, h *house) {
		a := &acts{play: map[string]func(context.Context, func(helpdesk.Part) bool) error{}}
		for _, c := range cases {
			a.play[c.name] = func(_ context.Context, emit func(helpdesk.Part) bool) error {
				for _, p := range c.parts {
					if !emit(p) {
						return nil
					}
				}
				return nil
			}
		}
		h.start("node-1", agent(a.answer), func(c *turn.Config) {
			c.Reply, c.Suggestion, c.Suggestions, c.Facts, c.Files = reply, suggestion, 3, 100, files
		})
		keys := make([]helpdesk.TicketKey, len(cases))
		for i, c := range cases {
			keys[i] = h.says(c.name)
		}
		for i, c := range cases {
			h.settles(keys[i])
			log := h.log(keys[i])
			x := h.turns(keys[i])[0]
			if x.State != helpdesk.TurnFailed || !strings.Contains(x.Reason, c.why) {
				t.Errorf("%s: the turn is %s: %s", c.name, x.State, x.Reason)
			}
			if end := log[len(log)-1]; !strings.Contains(end, "[Kept.") {
				t.Errorf("%s: the text is not kept: %.200s", c.name, end)
			}
			if facts := len(log) - 4; c.kept >= 0 && facts != c.kept {
				t.Errorf("%s: %d facts are kept, want %d", c.name, facts, c.kept)
			}
		}
	})
}

// What can be mended is mended, and the turn goes on: characters that no database keeps, lines that are too long,
// addresses that are no links.
func TestWhatAnAgentSendsIsCleaned(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		n := h.start("node-1", agent(func(_ context.Context, _ helpdesk.Request, emit func(helpdesk.Part) bool) error {
			bad := "a\x00b\xffc"
			for _, p := range []helpdesk.Part{
				{Kind: helpdesk.PartReasoning, Text: bad},
				{Kind: helpdesk.PartStatus, Text: bad + "\n" + strings.Repeat("é", 300)},
				{Kind: helpdesk.PartActivity, Activity: &helpdesk.AgentActivity{Name: bad, Detail: "one\ntwo", Result: bad, Took: -time.Second}},
				{Kind: helpdesk.PartActivity, Activity: &helpdesk.AgentActivity{Name: strings.Repeat("é", 300), Result: strings.Repeat("x", 70_000)}},
				{Kind: helpdesk.PartPlan, Plan: []helpdesk.PlanStep{{Title: bad, State: "melted"}, {Title: "b", State: helpdesk.StepFailed}}},
				{Kind: helpdesk.PartLink, Link: &helpdesk.Link{URL: " https://example.org/\x00a ", Description: bad}},
				{Kind: helpdesk.PartLink, Link: &helpdesk.Link{URL: "javascript:alert(1)"}},
				{Kind: helpdesk.PartLink, Link: &helpdesk.Link{URL: "http://"}},
				{Kind: helpdesk.PartLink, Link: &helpdesk.Link{URL: "https://example.org/" + strings.Repeat("x", 10_000)}},
				{Kind: helpdesk.PartLink, Link: &helpdesk.Link{URL: "mailto:help@example.org"}},
				{Kind: helpdesk.PartAsk, Text: bad, Choices: []string{bad, strings.Repeat("x", 600)}},
				{Kind: helpdesk.PartText, Text: bad},
			} {
				emit(p)
			}
			return nil
		}))
		key := h.says("help")
		h.settles(key)
		long := strings.Repeat("é", 250) + "…"
		want := []string{
			"Ann: help", "started 1", "sent 1", "thought: ab\uFFFDc", "did: ab\uFFFDc (one two) ab\uFFFDc",
			"did: " + long + " () " + strings.Repeat("x", 32736) + "\n[… 4528 bytes left out …]\n" + strings.Repeat("x", 32736),
			"plan: ab\uFFFDc=pending b=failed", "link: https://example.org/a ab\uFFFDc",
			"did: Left out a link (It is not a web or mail address: javascript:alert(1)) ",
			"did: Left out a link (It is not a web or mail address: http://) ",
			"did: Left out a link (It is not a web or mail address: https://example.org/" + strings.Repeat("x", 480) + "…) ",
			"link: mailto:help@example.org ", "asks: ab\uFFFDc ab\uFFFDc|" + strings.Repeat("x", 500) + "…", "The script: ab\uFFFDc", "done 1",
		}
		if diff := cmp.Diff(want, h.log(key)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		status := ""
		for _, p := range n.parts.all() {
			if text, ok := strings.CutPrefix(p, "status: "); ok {
				status = text
			}
		}
		if len(status) > 510 || !strings.HasPrefix(status, "ab\uFFFDc é") {
			t.Errorf("the status: %q", status)
		}
	})
}

// An agent that breaks harms its own turn only.
func TestAnAgentBreaks(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		never := make(chan struct{})
		t.Cleanup(func() { close(never) })
		a := &acts{play: map[string]func(context.Context, func(helpdesk.Part) bool) error{
			"panics": func(context.Context, func(helpdesk.Part) bool) error { panic("a fault") },
			"exits": func(context.Context, func(helpdesk.Part) bool) error {
				runtime.Goexit()
				return nil
			},
			"fails": func(_ context.Context, emit func(helpdesk.Part) bool) error {
				emit(helpdesk.Part{Kind: helpdesk.PartActivity, Activity: &helpdesk.AgentActivity{Name: "Read"}})
				return helpdesk.Errorf(helpdesk.Unavailable, "The model is gone.")
			},
			"fails inside": func(context.Context, func(helpdesk.Part) bool) error { return fmt.Errorf("secret detail") },
			"never ends": func(ctx context.Context, _ func(helpdesk.Part) bool) error {
				<-ctx.Done()
				return context.Cause(ctx)
			},
			"is deaf": func(context.Context, func(helpdesk.Part) bool) error {
				<-never
				return nil
			},
			"is well": func(context.Context, func(helpdesk.Part) bool) error { return nil },
		}}
		n := h.start("node-1", agent(a.answer), func(c *turn.Config) { c.Turn, c.Grace = 5*time.Second, 10*time.Millisecond })
		keys := map[string]helpdesk.TicketKey{}
		for name := range a.play {
			keys[name] = h.says(name)
		}
		const long = "The agent took longer than a turn may take. What had arrived is kept."
		for name, want := range map[string]string{
			"panics":       "failed 1 by HelpDesk: The agent failed by a fault of its own. What had arrived is kept; the server's log has the details. [Kept.]",
			"exits":        "failed 1 by HelpDesk: " + helpdesk.PublicText(nil) + " [Kept.]",
			"fails":        "failed 1 by HelpDesk: The model is gone. [Kept.]",
			"fails inside": "failed 1 by HelpDesk: " + helpdesk.PublicText(nil) + " [Kept.]",
			"never ends":   "failed 1 by HelpDesk: " + long + " [Kept.]",
			"is deaf":      "failed 1 by HelpDesk: " + long + " [Kept.]",
			"is well":      "done 1",
		} {
			h.settles(keys[name])
			if got := last(h.log(keys[name]), 1)[0]; got != want {
				t.Errorf("%s:\n got %s\nwant %s", name, got, want)
			}
		}
		h.adds(keys["is deaf"], "", "is well")
		h.settles(keys["is deaf"])
		if got := last(h.log(keys["is deaf"]), 1)[0]; got != "done 2" {
			t.Errorf("an agent that does not end holds its ticket: %s", got)
		}
		n.leave() // returns although one agent never does
	})
}

// A turn that cannot be asked at all fails with a reason that says what to do.
func TestATurnCannotBeAsked(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.system(func(tx *storeSystem) error {
			if err := tx.SaveAgent(helpdesk.Agent{ID: "alien", Name: "Alien", Kind: "alien", Domain: "Tests"}); err != nil {
				return err
			}
			return tx.SaveInstance(helpdesk.Instance{ID: "alien-1", Agent: "alien", Name: "One", AllTenants: true})
		})
		key := h.says("say first")
		h.adds(key, "other-1", "say second")
		h.adds(key, "alien-1", "say third")
		h.system(func(tx *storeSystem) error {
			return tx.SaveInstance(helpdesk.Instance{ID: "other-1", Agent: "other", Name: "Other one", AllTenants: false})
		})
		h.start("node-1")
		h.settles(key)
		want := []string{
			"started 1", "sent 1", "The script: first", "done 1",
			"started 2", "failed 2 by HelpDesk: This tenant may no longer use Other one. Choose another agent.",
			"started 3", `failed 3 by HelpDesk: This server cannot reach agents of kind "alien". Choose another agent.`,
		}
		if diff := cmp.Diff(want, h.log(key)[3:]); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// What another node has just set up is found, though this node read who there is a moment ago.
func TestANewInstanceIsFound(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start("node-1")
		for i := range 3 {
			h.settles(h.says("say first")) // the node knows who there is
			id := helpdesk.InstanceID(fmt.Sprintf("new-%d", i))
			h.system(func(tx *storeSystem) error {
				return tx.SaveInstance(helpdesk.Instance{ID: id, Agent: "other", Name: "New", AllTenants: true})
			})
			key := h.says("say one")
			h.adds(key, id, "say two")
			h.settles(key)
			if got := last(h.log(key), 1)[0]; got != "done 2" {
				t.Errorf("the new instance: %s", got)
			}
		}
	})
}

// A bus that does not answer costs people the text as it comes, and nothing else.
func TestTheBusIsAway(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start("node-1", func(c *turn.Config) { c.Parts = noParts{c.Parts} })
		key := h.says("say hello")
		h.settles(key)
		if got := last(h.log(key), 2); !cmp.Equal(got, []string{"The script: hello", "done 1"}) {
			t.Errorf("the end: %q", got)
		}
	})
}

type noParts struct{ turn.Parts }

func (noParts) Begin(helpdesk.Turn) error { return fmt.Errorf("the bus is away") }
