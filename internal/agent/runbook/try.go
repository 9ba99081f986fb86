package runbook

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"helpdesk"
)

// Trial is what a runbook is tried with: a person's words, and what its commands are to have printed.
type Trial struct {
	Message string
	Place   string // host_view (the default) or sandbox
	Admin   bool   // whether commands of scope admin can run

	// Outputs are the outcomes of steps and, as "remedy:ID", of remedies. What has none is proposed and not run.
	Outputs map[string]helpdesk.Outcome
}

// Try plays a runbook without running anything, and writes what the agent would say. It ends when nothing that is
// proposed has an output.
func Try(ctx context.Context, file string, text []byte, x Trial, w io.Writer) error {
	b, problems := parse(file, text)
	if b != nil {
		problems = b.compile()
	}
	if len(problems) > 0 {
		return problemsError(problems)
	}
	for id := range x.Outputs {
		if !slices.Contains(b.order(), id) {
			return helpdesk.Errorf(helpdesk.Invalid, "The runbook %s has no step %q. It has: %s.", b.ID, id, strings.Join(b.order(), ", "))
		}
	}
	a, err := New(Config{})
	if err != nil {
		return err
	}
	if a.books, err = replace(a.books, []*Runbook{b}); err != nil {
		return err
	}
	a.prepare()
	p := trial{agent: a, book: b, Trial: x, w: w}
	if p.Place == "" {
		p.Place = "host_view"
	}
	p.tell(x.Message, nil)
	for used := map[string]bool{}; ctx.Err() == nil; {
		due := p.deliver(used)
		if len(due) == 0 {
			return p.err
		}
		p.tell("", due)
	}
	return context.Cause(ctx)
}

// trial is a conversation with the agent in which commands have their outputs beforehand.
type trial struct {
	Trial
	agent    *Agent
	book     *Runbook
	w        io.Writer
	err      error
	memory   *memory
	messages []helpdesk.Message
}

func (p *trial) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// deliver gives the outcomes of what is proposed and was not delivered before.
func (p *trial) deliver(used map[string]bool) []helpdesk.Delivery {
	var due []helpdesk.Delivery
	c := p.memory.active()
	if c == nil || c.Runbook != p.book.ID {
		return nil
	}
	for _, id := range p.book.order() {
		o, given := p.Outputs[id]
		if it := c.item(id); given && !used[id] && it.State == proposed {
			used[id] = true
			due = append(due, helpdesk.Delivery{Command: it.Command, Choice: helpdesk.Execute, Outcome: &o})
		}
	}
	return due
}

// tell sends one message and writes the answer.
func (p *trial) tell(said string, due []helpdesk.Delivery) {
	p.messages = append(p.messages, helpdesk.Message{Role: helpdesk.RoleUser, Content: said, Delivered: due})
	var answer strings.Builder
	var proposals []helpdesk.Proposal
	t := &turn{agent: p.agent, req: helpdesk.Request{Messages: p.messages, Place: p.Place, AdminScope: p.Admin}, memory: p.memory}
	t.emit = func(part helpdesk.Part) {
		switch part.Kind {
		case helpdesk.PartText:
			answer.WriteString(part.Text)
		case helpdesk.PartProposal:
			proposals = append(proposals, *part.Proposal)
		case helpdesk.PartAsk:
			fmt.Fprintf(&answer, "? %s %s\n", part.Text, strings.Join(part.Choices, " / "))
		}
	}
	if p.memory == nil { // it is this runbook that is tried, whatever the words
		p.memory = recall(nil)
		t.memory = p.memory
		t.memory.Seen = len(p.messages)
		t.open(p.book, said, "you try it", "")
	} else if err := t.play(); err != nil && p.err == nil {
		p.err = err
	}
	p.printf("%s\n", strings.TrimSpace(answer.String()))
	for _, x := range proposals {
		p.printf("\n$ %s\n  scope %s, %s. %s Expected: %s\n", x.Command, x.Scope, x.Risk, x.Purpose, x.Expected)
	}
	p.printf("\n")
	p.messages = append(p.messages, helpdesk.Message{Role: helpdesk.RoleAssistant, Content: answer.String(), Proposed: proposals})
}
