package runbook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"helpdesk"
)

// desk plays the person and the server around one ticket: it keeps the conversation and the agent's state, and
// decides on what is proposed.
type desk struct {
	t        *testing.T
	agent    *Agent
	place    string
	admin    bool
	execute  func(command string) helpdesk.Outcome
	messages []helpdesk.Message
	state    json.RawMessage
	open     []helpdesk.Proposal // proposed and not yet decided
}

// reply is what the agent answered.
type reply struct {
	text, reasoning string
	activities      []helpdesk.AgentActivity
	plan            []helpdesk.PlanStep
	proposals       []helpdesk.Proposal
	asks            []helpdesk.Part
	links           []helpdesk.Link
}

func newDesk(t *testing.T) *desk {
	return &desk{t: t, agent: newAgent(t), place: "host_view", execute: bash(t)}
}

// say sends a message with what is to be delivered.
func (d *desk) say(content string, delivered ...helpdesk.Delivery) reply {
	d.t.Helper()
	d.messages = append(d.messages, helpdesk.Message{Role: helpdesk.RoleUser, Content: content, Delivered: delivered})
	var r reply
	var whole strings.Builder
	for p, err := range d.agent.Answer(context.Background(), helpdesk.Request{
		Messages: d.messages, State: d.state, Place: d.place, AdminScope: d.admin,
	}) {
		if err != nil {
			d.t.Fatal(err)
		}
		switch p.Kind {
		case helpdesk.PartText:
			whole.WriteString(p.Text)
		case helpdesk.PartReasoning:
			r.reasoning += p.Text
		case helpdesk.PartActivity:
			r.activities = append(r.activities, *p.Activity)
		case helpdesk.PartPlan:
			r.plan = p.Plan
		case helpdesk.PartProposal:
			r.proposals = append(r.proposals, *p.Proposal)
		case helpdesk.PartAsk:
			r.asks = append(r.asks, p)
		case helpdesk.PartLink:
			r.links = append(r.links, *p.Link)
		case helpdesk.PartState:
			d.state = p.State
		}
	}
	r.text = whole.String()
	d.messages = append(d.messages, helpdesk.Message{Role: helpdesk.RoleAssistant, Content: r.text, Proposed: r.proposals})
	d.open = append(d.open, r.proposals...)
	return r
}

// run executes every open proposal that accept allows, and sends the results.
func (d *desk) run(accept func(helpdesk.Proposal) bool) reply {
	d.t.Helper()
	var out []helpdesk.Delivery
	var rest []helpdesk.Proposal
	for _, p := range d.open {
		if !accept(p) {
			rest = append(rest, p)
			continue
		}
		o := d.execute(p.Command)
		out = append(out, helpdesk.Delivery{Command: p.Command, Choice: helpdesk.Execute, Outcome: &o})
	}
	d.open = rest
	return d.say("", out...)
}

func reads(p helpdesk.Proposal) bool { return p.Risk == helpdesk.RiskReads }

// examine runs all that only reads until the agent proposes no more of it; it gives the last reply and all text.
func (d *desk) examine(message string) (reply, string) {
	d.t.Helper()
	r := d.say(message)
	all := r.text
	for range 8 {
		more := false
		for _, p := range d.open {
			more = more || reads(p)
		}
		if !more {
			return r, all
		}
		r = d.run(reads)
		all += r.text
	}
	d.t.Fatal("the examination does not end")
	return r, all
}

// bash runs commands as a Run does: bash without start-up files, on a pseudo-terminal of its own, in front of
// which with may put another command, such as one that enters a namespace.
func bash(t *testing.T, with ...string) func(string) helpdesk.Outcome {
	return func(command string) helpdesk.Outcome {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		args := append(with[:len(with):len(with)], "bash", "--noprofile", "--norc", "-c", command)
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm-256color", "LANG=C.UTF-8", "HOME=/nonexistent"}
		master, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
		if err != nil {
			t.Fatal(err)
		}
		defer master.Close()
		var out bytes.Buffer
		if _, err := out.ReadFrom(master); err != nil && !errors.Is(err, syscall.EIO) { // EIO is how a pty ends
			t.Fatal(err)
		}
		err = cmd.Wait()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		code := cmd.ProcessState.ExitCode()
		text, cut := helpdesk.ClipOutput(out.String(), 32<<10)
		return helpdesk.Outcome{ExitCode: &code, Output: text, Truncated: cut}
	}
}

// printed is an outcome that a test writes by hand.
func printed(code int, output string) helpdesk.Outcome {
	return helpdesk.Outcome{ExitCode: &code, Output: output}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("making this fault for real needs root")
	}
}

func (r reply) commands() string {
	var b strings.Builder
	for _, p := range r.proposals {
		fmt.Fprintf(&b, "[%s %s] %s\n", p.Scope, p.Risk, p.Command)
	}
	return b.String()
}

func allOf(helpdesk.Proposal) bool { return true }
