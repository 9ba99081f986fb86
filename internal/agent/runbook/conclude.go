package runbook

import (
	"fmt"
	"slices"
	"strings"

	"helpdesk"
)

// claim is a finding that holds, with the lines that show it.
type claim struct {
	finding  *Finding
	title    string
	text     string
	evidence []string
}

// claims evaluates the findings. One whose evidence was not really printed is not made.
func (f *facts) claims(b *Runbook) []claim {
	var all []claim
	for i := range b.Finds {
		fd := &b.Finds[i]
		items := []any{nil}
		if fd.Each.Source != "" {
			v, _ := fd.Each.value(f.env)
			items, _ = v.([]any)
		}
		for k, it := range items {
			if k == 8 {
				break
			}
			f.env["it"] = it
			if c, ok := f.claim(fd); ok {
				all = append(all, c)
			}
		}
		f.env["it"] = nil
	}
	rank := func(s string) int { return slices.Index([]string{"critical", "warning", "notice", "info"}, s) }
	slices.SortStableFunc(all, func(a, b claim) int { return rank(a.finding.Severity) - rank(b.finding.Severity) })
	return all
}

func (f *facts) claim(fd *Finding) (claim, bool) {
	if !fd.When.holds(f.env) {
		return claim{}, false
	}
	title, ok := fd.Title.render(f.env)
	text, ok2 := fd.Text.render(f.env)
	v, ok3 := fd.Evidence.value(f.env)
	if !ok || !ok2 || !ok3 {
		return claim{}, false
	}
	c := claim{finding: fd, title: strings.TrimSpace(title), text: strings.TrimSpace(text), evidence: f.evidence(v)}
	return c, len(c.evidence) > 0
}

// conclude says what was found, with evidence, what could not be known, and what may help.
func (t *turn) conclude(c *caseFile, b *Runbook, f *facts) {
	c.Phase = concluded
	claims := f.claims(b)
	gaps := t.gaps(c, b, f)
	t.plan(c, b)
	troubles := 0
	for _, x := range claims {
		if x.finding.Severity != "info" {
			troubles++
		}
	}
	read := 0
	for _, r := range f.results {
		if r.ok() {
			read++
		}
	}
	switch {
	case read == 0:
		t.say("I could read nothing, so I claim nothing.\n\n")
	case troubles == 0:
		text := "I found nothing wrong in what I could read."
		if healthy, ok := b.Healthy.render(f.env); ok && healthy != "" {
			text = strings.TrimSpace(healthy)
		}
		if len(gaps) > 0 {
			text += " What I could not read is listed below."
		}
		t.say(text + "\n\n")
	default:
		t.say("**What I found**\n\n")
	}
	for _, x := range claims {
		t.sayClaim(x, f)
	}
	if len(gaps) > 0 {
		t.say("**What I could not find out**\n\n" + strings.Join(gaps, "\n") + "\n\n")
	}
	if t.turnTo(c, b, f) {
		return
	}
	for i := range b.Links {
		if l := &b.Links[i]; l.When.holds(f.env) && troubles > 0 {
			t.emit(helpdesk.Part{Kind: helpdesk.PartLink, Link: &helpdesk.Link{URL: l.URL, Description: l.Description}})
		}
	}
	if !t.remedies(c, b, f, claims) {
		t.closeCase(c, b)
	}
}

func (t *turn) sayClaim(x claim, f *facts) {
	var text strings.Builder
	label := map[string]string{"critical": "Critical: ", "warning": "Warning: ", "notice": "Notice: "}[x.finding.Severity]
	fmt.Fprintf(&text, "**%s%s**\n\n", label, x.title)
	if x.text != "" {
		text.WriteString(x.text + "\n\n")
	}
	command, lines := "", []string(nil)
	flush := func() {
		if len(lines) > 0 {
			fmt.Fprintf(&text, "From %s:\n\n%s\n", codeSpan(oneLine(command, 100)), codeBlock("text", lines))
		}
		lines = nil
	}
	for _, l := range x.evidence {
		if f.lines[l] != command {
			flush()
			command = f.lines[l]
		}
		lines = append(lines, l)
	}
	flush()
	t.say(text.String())
}

// gaps are what could not be known, one item of a list each.
func (t *turn) gaps(c *caseFile, b *Runbook, f *facts) []string {
	var gaps []string
	add := func(text, command string) {
		g := "- " + strings.TrimSpace(text)
		if command != "" {
			g += "\n\n  Somebody with access to the whole machine could run:\n\n  " + strings.ReplaceAll(strings.TrimSuffix(codeBlock("sh", strings.Split(command, "\n")), "\n"), "\n", "\n  ") + "\n"
		}
		gaps = append(gaps, g)
	}
	inside := false
	for i := range b.Steps {
		s := &b.Steps[i]
		it := c.item(s.ID)
		if it.State == ran && !it.Admin && s.Scope != "tenant" {
			inside = true
		}
		if f.results[s.ID].ok() || b.replaced(f, s) {
			continue
		}
		blind, _ := s.Blind.render(f.env)
		why, command := "", ""
		switch it.State {
		case ran:
			why = f.results[s.ID].why
			if f.results[s.ID].denied && !it.Admin {
				command = it.Command
			}
		case rejected:
			why = "its command was rejected"
		case leftOut:
			why = "its command was not run"
		case barred:
			why = "you do not want what it needs"
		case adminOnly:
			why, command = "it needs access to the whole machine", it.Command
		case unmade:
			why = "what its command is made of was not read"
		default:
			continue
		}
		text := fmt.Sprintf("%s: %s.", escapeMarkdown(s.Title), why)
		if blind = strings.TrimSpace(blind); blind != "" {
			text += " " + blind
		}
		add(text, command)
	}
	if inside && !t.seesMachine() {
		command := ""
		for i := range b.Steps {
			if it := c.item(b.Steps[i].ID); it.State == ran && !it.Admin && b.Steps[i].Scope != "tenant" {
				command = it.Command
				break
			}
		}
		add("My commands ran in a private sandbox. They saw the sandbox only, not the machine around it.", command)
	}
	for i := range b.Gaps {
		if g := &b.Gaps[i]; g.When.holds(f.env) {
			if text, ok := g.Text.render(f.env); ok {
				command, _ := g.Command.command(f.env)
				add(text, command)
			}
		}
	}
	return gaps
}

// replaced says whether another step told what this one did not.
func (b *Runbook) replaced(f *facts, s *Step) bool {
	alt := b.alternative(s.ID)
	return alt != nil && (f.results[alt.ID].ok() || b.replaced(f, alt))
}

// turnTo goes on to another runbook where the evidence leads there.
func (t *turn) turnTo(c *caseFile, b *Runbook, f *facts) bool {
	for i := range b.Turns {
		w := &b.Turns[i]
		if !w.When.holds(f.env) || slices.ContainsFunc(t.memory.Cases, func(x *caseFile) bool { return x.Runbook == w.To && x.Message == c.Message }) {
			continue
		}
		because, ok := w.Because.render(f.env)
		next := t.agent.book(w.To)
		if !ok || next == nil {
			continue
		}
		c.Phase = finished
		t.say(fmt.Sprintf("The evidence speaks for something else: %s\n\n", strings.TrimSpace(because)))
		t.open(next, c.Message, "the evidence led from "+b.ID+" to it", b.ID)
		return true
	}
	return false
}

// remedies proposes what the claims name, and reports whether there was anything.
func (t *turn) remedies(c *caseFile, b *Runbook, f *facts, claims []claim) bool {
	var due []*Remedy
	for _, x := range claims {
		for _, id := range x.finding.Remedies {
			if r := b.remedy(id); r.When.holds(f.env) && !slices.Contains(due, r) && c.item(remedyID(id)).State == "" {
				due = append(due, r)
			}
		}
	}
	said, any := false, false
	for _, r := range due {
		command, ok := r.Command.command(f.env)
		if !ok {
			continue
		}
		command = strings.TrimSpace(command)
		admin, open := t.scope(r.Scope)
		purpose, expected, risk := b.texts(remedyID(r.ID), f.env)
		if !open {
			t.say(fmt.Sprintf("A remedy that needs access to the whole machine: %s\n\n%s\n", purpose, codeBlock("sh", strings.Split(command, "\n"))))
			continue
		}
		if c.bars(command, admin) {
			continue
		}
		if !said {
			t.say("**What may help**: I suggest what follows; each changes something, so decide with care. After a remedy I check what it brought.\n")
			said = true
		}
		c.set(remedyID(r.ID), item{State: proposed, Command: command, Admin: admin})
		t.proposal(c.item(remedyID(r.ID)), plain(purpose), plain(expected), risk)
		any = true
	}
	return any
}

// afterRemedy says what came of remedies and proposes to check it.
func (t *turn) afterRemedy(c *caseFile, b *Runbook, news learned) {
	worked := false
	for _, id := range news.ran {
		if b.step(id) != nil {
			continue
		}
		it := c.item(id)
		o := t.outcome(it)
		switch {
		case o == nil:
		case o.OK():
			t.did("Read an output", it.Command, "it ended well", false)
			t.say(fmt.Sprintf("%s ran and ended well.\n\n", codeSpan(oneLine(it.Command, 120))))
			worked = true
		default:
			t.did("Read an output", it.Command, "it did not end well", true)
			lines := cleanLines(o.Output)
			if len(lines) > 8 {
				lines = lines[len(lines)-8:]
			}
			t.say(fmt.Sprintf("%s %s.\n\n", codeSpan(oneLine(it.Command, 120)), ending(*o)))
			if len(lines) > 0 {
				t.say(codeBlock("text", lines) + "\n")
			}
		}
	}
	if worked && len(b.Verify) > 0 {
		c.Phase = verifying
		for i := range b.Verify { // each remedy is checked anew
			delete(c.Items, b.Verify[i].ID)
		}
		f := t.facts(c, b)
		if t.propose(c, b, f, b.Verify) {
			return
		}
	}
	if len(c.pending(b)) == 0 {
		t.closeCase(c, b)
		return
	}
	t.plan(c, b)
}

func ending(o helpdesk.Outcome) string {
	switch {
	case o.Unknown:
		return "may have run; nothing is known of its end"
	case o.TimedOut:
		return "was ended at the time limit"
	case o.Stopped:
		return "was stopped"
	case o.ExitCode != nil:
		return fmt.Sprintf("ended with exit code %d", *o.ExitCode)
	}
	return "was ended by a signal"
}

// afterVerify goes on when the check after a remedy was read.
func (t *turn) afterVerify(c *caseFile, b *Runbook) {
	if len(c.pending(b)) > 0 {
		t.plan(c, b)
		return
	}
	t.closeCase(c, b)
}

// closeCase ends a case and takes up what else the person spoke of.
func (t *turn) closeCase(c *caseFile, b *Runbook) {
	c.Phase = finished
	t.plan(c, b)
	for len(t.memory.Queue) > 0 {
		id := t.memory.Queue[0]
		t.memory.Queue = t.memory.Queue[1:]
		if next := t.agent.book(id); next != nil {
			t.say("Now the other matter that you spoke of.\n\n")
			t.open(next, c.Message, "you spoke of it too", "")
			return
		}
	}
	t.say("This examination is complete. Tell me if something changes, or what else is wrong.\n")
}
