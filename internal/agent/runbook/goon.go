package runbook

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"helpdesk"
)

func (p *Param) valid(v string) bool {
	if p.Type != "int" {
		return len(v) <= 200
	}
	n, err := strconv.Atoi(v)
	return err == nil && n >= p.Min && (p.Max == 0 || n <= p.Max)
}

// goOn answers in a case that is under way.
func (t *turn) goOn(c *caseFile, b *Runbook, news learned, said string) {
	if c.Phase == asking {
		t.hearAnswer(c, b, said)
		return
	}
	for _, d := range news.strange {
		t.sayStrange(d)
	}
	intent := t.agent.words.intent(said)
	best, _ := t.agent.index.choose(said)
	other := best.book != nil && best.book.ID != c.Runbook
	switch {
	case intent == "stop":
		t.leave(c, b)
		c.Phase = finished
		t.plan(c, b)
		t.say("I stop here. Nothing more is proposed; what was found so far stays in the conversation.\n")
	case other && (intent == "" || best.share > 0.5 && len(best.words) > 1) && (len(news.ran) == 0 || best.share > 0.5):
		if len(c.pending(b)) > 0 {
			t.say("This is another matter, so I leave the commands that still wait. ")
		}
		t.leave(c, b)
		t.memory.Queue = nil
		t.begin(said)
	case t.newValue(c, b, said):
		t.leave(c, b)
		t.open(b, said, "you named another "+t.changed(c, b, said), "")
	case intent == "help" && !news.anything():
		t.capabilities()
	case intent == "why" && len(c.pending(b)) > 0 && !news.anything():
		t.explain(c, b)
	case intent == "skip":
		t.leave(c, b)
		t.say("I go on without the commands that were not run.\n\n")
		t.advance(c, b, news)
	case news.anything():
		t.advance(c, b, news)
	case intent == "again" || best.book != nil && best.book.ID == c.Runbook && (len(c.pending(b)) == 0 || c.otherwise(b, said)):
		t.leave(c, b)
		t.open(b, said, "you asked for it again", "")
	case len(c.pending(b)) > 0:
		t.remind(c, b, intent)
	default:
		t.afterwards(intent, said)
	}
}

// hearAnswer takes what was asked for out of the person's words.
func (t *turn) hearAnswer(c *caseFile, b *Runbook, said string) {
	for i := range b.Params {
		p := &b.Params[i]
		if p.Name != c.Asking {
			continue
		}
		if v, ok := p.answered(said); ok {
			c.value(p.Name, v)
			for k := range b.Params { // the answer may say more than was asked for
				if v, ok := b.Params[k].find(said); ok {
					c.value(b.Params[k].Name, v)
				}
			}
			c.Phase, c.Asking = examining, ""
			if !t.ask(c, b) {
				t.say(fmt.Sprintf("I follow the runbook **%s** for %s %s.\n\n", escapeMarkdown(b.Title), p.Name, codeSpan(v)))
				t.advance(c, b, learned{})
			}
			return
		}
		if best, _ := t.agent.index.choose(said); best.book != nil && best.book.ID != b.ID {
			c.Phase = finished
			t.begin(said)
			return
		}
		if t.agent.words.intent(said) == "stop" {
			c.Phase = finished
			t.say("I stop here.\n")
			return
		}
		t.say("I could not take that from your words.\n\n")
		t.emit(helpdesk.Part{Kind: helpdesk.PartAsk, Text: p.Ask, Choices: p.Choices})
		return
	}
	c.Phase = examining
	t.advance(c, b, learned{})
}

// newValue says whether the words name another value of a param that has to be known.
func (t *turn) newValue(c *caseFile, b *Runbook, said string) bool {
	return t.changed(c, b, said) != ""
}

func (t *turn) changed(c *caseFile, b *Runbook, said string) string {
	for i := range b.Params {
		p := &b.Params[i]
		if v, ok := p.find(said); ok && p.Ask != "" && v != c.Values[p.Name] {
			return p.Name
		}
	}
	return ""
}

// otherwise says whether the words put the same trouble in another way: silent instead of taken.
func (c *caseFile) otherwise(b *Runbook, said string) bool {
	for i := range b.Params {
		if v, ok := b.Params[i].find(said); ok && v != c.Values[b.Params[i].Name] {
			return true
		}
	}
	return false
}

// leave gives up on what waits.
func (t *turn) leave(c *caseFile, b *Runbook) {
	for _, id := range c.pending(b) {
		it := *c.item(id)
		it.State = leftOut
		c.set(id, it)
	}
}

func (t *turn) sayStrange(d helpdesk.Delivery) {
	if d.Outcome == nil {
		return
	}
	t.say(fmt.Sprintf("%s ran too. I did not propose it in this examination, so I do not read its output.\n\n", codeSpan(oneLine(d.Command, 120))))
}

// explain says what the waiting commands are for.
func (t *turn) explain(c *caseFile, b *Runbook) {
	f := t.facts(c, b)
	t.say("These commands wait for you:\n\n")
	for _, id := range c.pending(b) {
		purpose, expected, risk := b.texts(id, f.env)
		t.say(fmt.Sprintf("- %s: %s %s %s\n", codeSpan(oneLine(c.item(id).Command, 120)), purpose, expected, riskText(risk)))
	}
	t.say("\nReject one with a reason, and I look for another way.\n")
}

func riskText(r helpdesk.Risk) string {
	switch r {
	case helpdesk.RiskReads:
		return "It only reads."
	case helpdesk.RiskDestructive:
		return "It cannot be undone."
	}
	return "It changes the machine."
}

// remind says what the agent waits for.
func (t *turn) remind(c *caseFile, b *Runbook, intent string) {
	ids := c.pending(b)
	if intent == "thanks" {
		t.say("You are welcome. ")
	}
	verb := "wait"
	if len(ids) == 1 {
		verb = "waits"
	}
	t.say(fmt.Sprintf("Without an output I know no more than before. %s still %s for your decision:\n\n", capital(count(len(ids), "command")), verb))
	for _, id := range ids {
		t.say(fmt.Sprintf("- %s\n", codeSpan(oneLine(c.item(id).Command, 120))))
	}
	t.say("\nExecute or approve what you want to have run, or reject it with a reason. Say “go on without it” and I conclude from what I have; ask “why” and I explain.\n")
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// afterwards answers when the examination is over and the words fit nothing.
func (t *turn) afterwards(intent, said string) {
	switch {
	case intent == "thanks":
		t.say("You are welcome. Tell me when something else is wrong.\n")
	case intent == "help" || said == "":
		t.capabilities()
	default:
		best, _ := t.agent.index.choose(said)
		t.nothingFits(said, best.topic)
	}
}

// texts are the purpose, expectation and risk of an item.
func (b *Runbook) texts(id string, env map[string]any) (purpose, expected string, risk helpdesk.Risk) {
	var p, e *Text
	r := ""
	if s := b.step(id); s != nil {
		p, e, r = &s.Purpose, &s.Expected, s.Risk
		if r == "" {
			r = string(helpdesk.RiskReads)
		}
	} else if m := b.remedy(strings.TrimPrefix(id, "remedy:")); m != nil {
		p, e, r = &m.Purpose, &m.Expected, m.Risk
	} else {
		return "", "", helpdesk.RiskChanges
	}
	purpose, _ = p.render(env)
	expected, _ = e.render(env)
	return strings.TrimSpace(purpose), strings.TrimSpace(expected), helpdesk.ParseRisk(r)
}

// commonWords are words of a reason that are also words of a command without meaning the program.
var (
	programWord = regexp.MustCompile("[a-z][a-z0-9_.-]*")
	asAdmin     = regexp.MustCompile(`(?i)\b(root|admin|administrator|sudo)\b`)
)

// heed takes a rejection's reason into account: a program that it names is not used again in this case.
func (t *turn) heed(c *caseFile, id string) {
	it := c.item(id)
	if it.Reason == "" {
		return
	}
	programs := programsOf(it.Command)
	for _, w := range programWord.FindAllString(strings.ToLower(it.Reason), 40) {
		if slices.Contains(programs, w) && !slices.Contains(c.Barred, w) {
			c.Barred = append(c.Barred, w)
		}
	}
	if it.Admin && asAdmin.MatchString(it.Reason) && !slices.Contains(c.Barred, barAdmin) {
		c.Barred = append(c.Barred, barAdmin)
	}
}

// barAdmin among the barred programs stands for the scope admin.
const barAdmin = "scope:admin"

// programsOf are the words of a command that stand where a program's name stands: first, or after a sign or a
// program that starts another.
func programsOf(command string) []string {
	var programs []string
	start := true
	for w := range strings.FieldsSeq(command) {
		switch {
		case strings.Contains(w, "=") && start, w == "do", w == "then", w == "else", w == "!", w == "{", w == "(":
			continue
		case start && (w == "timeout" || w == "xargs" || w == "nice" || w == "env" || w == "sudo"):
			programs = append(programs, w)
			continue
		case start && (strings.HasPrefix(w, "-") || strings.Trim(w, "0123456789") == ""):
			continue
		case start:
			programs = append(programs, strings.Trim(w, "();'\""))
		}
		start = strings.HasSuffix(w, ";") || w == "|" || w == "||" || w == "&&" || w == "&"
		if w == "-exec" {
			start = true
		}
	}
	return programs
}
