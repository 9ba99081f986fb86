package runbook

import (
	"fmt"
	"slices"
	"strings"

	"helpdesk"
)

// maxProposed bounds the commands of one reply.
const maxProposed = 8

// advance says what was learned, proposes what is to be run next, or concludes.
func (t *turn) advance(c *caseFile, b *Runbook, news learned) {
	for _, id := range news.rejected {
		t.heed(c, id)
	}
	f := t.facts(c, b)
	t.sayRead(c, b, f, news)
	t.sayRejected(c, b, news)
	examined, remedied := false, false
	for _, id := range news.ran {
		examined = examined || slices.ContainsFunc(b.Steps, func(s Step) bool { return s.ID == id })
		remedied = remedied || b.step(id) == nil
	}
	switch {
	case remedied:
		t.afterRemedy(c, b, news)
	case c.Phase != examining && !examined:
		t.afterVerify(c, b)
	default: // an output that comes late opens the examination again
		c.Phase = examining
		if !t.propose(c, b, f, b.Steps) && len(c.pending(b)) == 0 {
			t.conclude(c, b, t.facts(c, b))
			return
		}
		t.plan(c, b)
		t.sayWaiting(c, b)
	}
}

// sayWaiting names what was proposed before and is still not decided on, lest the person wait for the agent.
func (t *turn) sayWaiting(c *caseFile, b *Runbook) {
	var old []string
	for _, id := range c.pending(b) {
		if !slices.Contains(t.asked, id) {
			old = append(old, string(codeSpan(oneLine(c.item(id).Command, 80))))
		}
	}
	if len(old) > 0 && len(t.asked) == 0 {
		t.say("I still wait for " + joinWords(old) + ". Say “go on without it” if it is not to be run.\n")
	}
}

// sayRead says what each new output told.
func (t *turn) sayRead(c *caseFile, b *Runbook, f *facts, news learned) {
	for _, id := range news.ran {
		it := c.item(id)
		s := b.step(id)
		if s == nil {
			continue // a remedy; it is spoken of by itself
		}
		r := f.results[id]
		if it.Edited != "" {
			t.think("You changed the command for “" + s.Title + "”; I read its output the same way.\n")
		}
		if !r.ok() {
			t.did("Read an output", it.Command, plain(r.why), true)
			t.say(fmt.Sprintf("**%s**: I could not read it; %s.\n\n", escapeMarkdown(s.Title), r.why))
			continue
		}
		t.did("Read an output", it.Command, count(len(r.lines), "line"), false)
		var notes []string
		if r.partly != "" {
			notes = append(notes, r.partly)
		}
		for i := range s.Notes {
			if s.Notes[i].When.holds(f.env) {
				if text, ok := s.Notes[i].Text.render(f.env); ok {
					notes = append(notes, strings.TrimSpace(text))
				}
			}
		}
		if len(notes) > 0 {
			t.say(fmt.Sprintf("**%s**: %s\n\n", escapeMarkdown(s.Title), strings.Join(notes, " ")))
		}
	}
}

// plain takes the marks of Markdown out of a sentence of ours.
func plain(s string) string { return strings.ReplaceAll(s, "`", "") }

func (t *turn) sayRejected(c *caseFile, b *Runbook, news learned) {
	for _, id := range news.rejected {
		s := b.step(id)
		if s == nil {
			t.say("I leave that remedy out.\n\n")
			continue
		}
		text := fmt.Sprintf("**%s**: you rejected it", escapeMarkdown(s.Title))
		if reason := c.item(id).Reason; reason != "" {
			text += " (“" + escapeMarkdown(reason) + "”)"
		}
		text += "."
		var without []string
		for _, p := range c.Barred {
			if p != barAdmin && slices.Contains(programsOf(c.item(id).Command), p) {
				without = append(without, string(codeSpan(p)))
			}
		}
		if len(without) > 0 {
			text += " From here on I do without " + joinWords(without) + "."
		}
		switch alt := b.alternative(id); {
		case alt != nil && !c.item(alt.ID).State.started():
			text += " I look for another way."
		case s.Blind.Source != "":
			text += " I go on without it."
		}
		t.say(text + "\n\n")
	}
}

func (s itemState) started() bool { return s == proposed || s == ran || s == rejected }

// propose proposes every step that is due and reports whether there was one.
func (t *turn) propose(c *caseFile, b *Runbook, f *facts, steps []Step) bool {
	var due []*Step
	for changed := true; changed; { // a step that is settled without a command may make another one due
		changed = false
		for i := range steps {
			s := &steps[i]
			if c.item(s.ID).State != "" || slices.Contains(due, s) {
				continue
			}
			it, ready := t.prepare(c, b, f, s)
			if !ready || it.State == proposed && len(due) >= maxProposed {
				continue
			}
			c.set(s.ID, it)
			if it.State == proposed {
				due = append(due, s)
			}
			changed = true
		}
	}
	for k, s := range due {
		if k == 0 {
			t.sayProposals(due)
			t.plan(c, b)
		}
		purpose, expected, risk := b.texts(s.ID, f.env)
		t.proposal(c.item(s.ID), plain(purpose), plain(expected), risk)
		t.asked = append(t.asked, s.ID)
	}
	return len(due) > 0
}

func (t *turn) proposal(it *item, purpose, expected string, risk helpdesk.Risk) {
	scope := helpdesk.ScopeTenant
	if it.Admin {
		scope = helpdesk.ScopeAdmin
	}
	t.emit(helpdesk.Part{Kind: helpdesk.PartProposal, Proposal: &helpdesk.Proposal{
		Command: it.Command, Purpose: purpose, Expected: expected, Scope: scope, Risk: risk,
	}})
}

func (t *turn) sayProposals(due []*Step) {
	if len(due) == 1 {
		t.say("Next I would run one command. It only reads; you decide.\n")
	} else {
		t.say(fmt.Sprintf("Next I would run %d commands. They only read; you decide on each.\n", len(due)))
	}
}

// prepare decides what becomes of a step; ready is false while it has to wait for others.
func (t *turn) prepare(c *caseFile, b *Runbook, f *facts, s *Step) (it item, ready bool) {
	for _, id := range s.After {
		if !c.settled(b, f, id) {
			return item{}, false
		}
	}
	if s.InsteadOf != "" {
		first := c.item(s.InsteadOf)
		switch {
		case first.State == unneeded || first.State == leftOut:
			return item{State: unneeded}, true
		case first.State == "" || first.State == proposed:
			return item{}, false
		case f.results[s.InsteadOf].ok():
			return item{State: unneeded}, true
		}
	}
	if !s.When.holds(f.env) {
		return item{State: unneeded}, true
	}
	command, ok := s.Command.command(f.env)
	if !ok {
		return item{State: unmade}, true
	}
	command = strings.TrimSpace(command)
	admin, open := t.scope(s.Scope)
	switch {
	case !open:
		return item{State: adminOnly, Command: command}, true
	case c.bars(command, admin):
		return item{State: barred, Command: command}, true
	}
	return item{State: proposed, Command: command, Admin: admin}, true
}

// scope is where a step's command would run; open is false where it may not run at all.
func (t *turn) scope(want string) (admin, open bool) {
	switch want {
	case "admin":
		return true, t.req.AdminScope
	case "tenant":
		return false, true
	}
	return !t.seesMachine() && t.req.AdminScope, true
}

func (c *caseFile) bars(command string, admin bool) bool {
	if admin && slices.Contains(c.Barred, barAdmin) {
		return true
	}
	return slices.ContainsFunc(programsOf(command), func(p string) bool { return slices.Contains(c.Barred, p) })
}

// settled says whether a step, or what stands in for it, is decided on and done.
func (c *caseFile) settled(b *Runbook, f *facts, id string) bool {
	it := c.item(id)
	if it.State == "" || !it.State.final() {
		return false
	}
	if f.results[id].ok() || it.State == unneeded || it.State == leftOut {
		return true
	}
	alt := b.alternative(id)
	return alt == nil || c.settled(b, f, alt.ID)
}

// plan shows the steps and where they stand.
func (t *turn) plan(c *caseFile, b *Runbook) {
	f := t.facts(c, b)
	var plan []helpdesk.PlanStep
	add := func(s *Step) {
		it := c.item(s.ID)
		if s.InsteadOf != "" && !it.State.started() {
			return
		}
		state := helpdesk.StepPending
		switch it.State {
		case proposed:
			state = helpdesk.StepActive
		case ran:
			state = helpdesk.StepFailed
			if f.results[s.ID].ok() {
				state = helpdesk.StepDone
			}
		case rejected, leftOut, barred, adminOnly, unneeded, unmade:
			state = helpdesk.StepSkipped
		default:
			if c.Phase == finished {
				state = helpdesk.StepSkipped
			}
		}
		plan = append(plan, helpdesk.PlanStep{Title: s.Title, State: state})
	}
	for i := range b.Steps {
		add(&b.Steps[i])
	}
	conclusion := helpdesk.PlanStep{Title: "Conclude, with the evidence", State: helpdesk.StepPending}
	if c.Phase == concluded || c.Phase == verifying || c.Phase == finished {
		conclusion.State = helpdesk.StepDone
	}
	plan = append(plan, conclusion)
	for i := range b.Verify {
		if c.item(b.Verify[i].ID).State != "" {
			add(&b.Verify[i])
		}
	}
	t.emit(helpdesk.Part{Kind: helpdesk.PartPlan, Plan: plan})
}
