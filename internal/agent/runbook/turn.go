package runbook

import (
	"fmt"
	"slices"
	"strings"

	"helpdesk"
)

// turn is the agent's answer to one request.
type turn struct {
	agent  *Agent
	req    helpdesk.Request
	memory *memory
	emit   func(helpdesk.Part)
	asked  []string // ids proposed in this turn
	opened int      // cases opened in this turn; bounds the way from runbook to runbook
}

// learned is what the last messages brought for one case.
type learned struct {
	ran      []string // items with a new outcome
	rejected []string
	strange  []helpdesk.Delivery // commands that are none of ours
}

func (l learned) anything() bool { return len(l.ran)+len(l.rejected)+len(l.strange) > 0 }

func (t *turn) play() error {
	said := ""
	if n := len(t.req.Messages); n > 0 {
		said = strings.TrimSpace(t.req.Messages[n-1].Content)
	}
	c := t.memory.active()
	var b *Runbook
	if c != nil {
		if b = t.agent.book(c.Runbook); b == nil {
			t.say("The runbook " + string(codeSpan(c.Runbook)) + " that I followed is no longer there, so I start anew.\n\n")
			c = nil
		}
	}
	var news learned
	if c != nil {
		news = t.take(c, b)
	}
	t.memory.Seen = len(t.req.Messages)
	if c == nil {
		t.begin(said)
	} else {
		t.goOn(c, b, news, said)
	}
	state, err := t.memory.keep()
	if err != nil {
		return err
	}
	t.emit(helpdesk.Part{Kind: helpdesk.PartState, State: state})
	return nil
}

// take brings the outcomes and rejections of the messages since the last turn into the case.
func (t *turn) take(c *caseFile, b *Runbook) learned {
	var news learned
	for m := max(t.memory.Seen, 0); m < len(t.req.Messages); m++ {
		for k, d := range t.req.Messages[m].Delivered {
			id, edited := c.which(b, d.Command)
			if id == "" {
				news.strange = append(news.strange, d)
				continue
			}
			it := *c.item(id)
			if d.Outcome == nil {
				it.State, it.Reason = rejected, strings.TrimSpace(d.Reason)
				news.rejected = append(news.rejected, id)
			} else {
				it.State, it.Message, it.Place = ran, m, k
				if edited {
					it.Edited = d.Command
				}
				if !slices.Contains(news.ran, id) {
					news.ran = append(news.ran, id)
				}
			}
			c.set(id, it)
		}
	}
	return news
}

// which finds the item that a delivered command belongs to. A command that a person changed belongs to the
// waiting item with which it has most words in common, if these are at least half of all.
func (c *caseFile) which(b *Runbook, command string) (id string, edited bool) {
	ids := b.order()
	for _, id := range ids {
		if it := c.item(id); it.Command == command && it.State == proposed {
			return id, false
		}
	}
	for _, id := range ids {
		if c.item(id).Command == command && command != "" {
			return id, false
		}
	}
	best := 0.5
	for _, x := range ids {
		if it := c.item(x); it.State == proposed {
			if l := likeness(it.Command, command); l >= best {
				id, best = x, l
			}
		}
	}
	return id, id != ""
}

// likeness is the share of words that two commands have in common.
func likeness(a, b string) float64 {
	words := map[string]int{}
	for w := range strings.FieldsSeq(a) {
		words[w] |= 1
	}
	for w := range strings.FieldsSeq(b) {
		words[w] |= 2
	}
	both := 0
	for _, in := range words {
		if in == 3 {
			both++
		}
	}
	return float64(both) / float64(max(len(words), 1))
}

// seesMachine says whether commands of scope tenant see the machine and not only a sandbox of their own.
func (t *turn) seesMachine() bool { return t.req.Place != "sandbox" }

func (t *turn) say(text string) { t.emit(helpdesk.Part{Kind: helpdesk.PartText, Text: text}) }

func (t *turn) think(text string) { t.emit(helpdesk.Part{Kind: helpdesk.PartReasoning, Text: text}) }

func (t *turn) did(name, detail, result string, failure bool) {
	t.emit(helpdesk.Part{Kind: helpdesk.PartActivity, Activity: &helpdesk.AgentActivity{
		Name: name, Detail: oneLine(detail, 200), Result: oneLine(result, 200), Failure: failure,
	}})
}

// begin chooses a runbook for the person's words.
func (t *turn) begin(said string) {
	best, others := t.agent.index.choose(said)
	if best.book == nil {
		t.nothingFits(said, best.topic)
		return
	}
	t.memory.Queue = nil
	apart := t.agent.index.apart(said)
	for _, o := range others {
		if apart[o.book] {
			t.memory.Queue = append(t.memory.Queue, o.book.ID)
		}
	}
	t.open(best.book, said, "you spoke of "+quoted(best.words), "")
}

func quoted(words []string) string {
	list := make([]string, 0, len(words))
	for i, w := range words {
		if i == 6 {
			break
		}
		list = append(list, "“"+w+"”")
	}
	return joinWords(list)
}

// open takes up a runbook.
func (t *turn) open(b *Runbook, said, because, from string) {
	t.did("Chose a runbook", b.ID+": "+b.Title, because, false)
	ready := t.agent.book(b.ID) // compiled at its first use, so said before
	if t.opened++; ready == nil || t.opened > 4 {
		t.say("I cannot follow the runbook " + string(codeSpan(b.ID)) + ".\n")
		return
	}
	if len(said) > 1000 {
		said = strings.ToValidUTF8(said[:1000], "")
	}
	c := &caseFile{Runbook: ready.ID, Message: said, Phase: examining, From: from}
	t.memory.Cases = append(t.memory.Cases, c)
	for i := range ready.Params {
		if v, ok := ready.Params[i].find(said); ok {
			c.value(ready.Params[i].Name, v)
		}
	}
	t.think(strings.TrimSpace(ready.About) + "\n")
	if t.ask(c, ready) {
		return
	}
	intro := fmt.Sprintf("I follow the runbook **%s**, because %s.", escapeMarkdown(ready.Title), escapeMarkdown(because))
	if n := len(t.memory.Queue); n > 0 && from == "" {
		var titles []string
		for _, id := range t.memory.Queue {
			if q := t.agent.book(id); q != nil {
				titles = append(titles, "**"+escapeMarkdown(q.Title)+"**")
			}
		}
		intro += " After that I take up " + joinWords(titles) + "."
	}
	t.say(intro + "\n\n")
	t.advance(c, ready, learned{})
}

func (c *caseFile) value(name, v string) {
	if c.Values == nil {
		c.Values = map[string]string{}
	}
	c.Values[name] = v
}

// ask asks for the first param that is needed and not known, and reports whether it did.
func (t *turn) ask(c *caseFile, b *Runbook) bool {
	for i := range b.Params {
		p := &b.Params[i]
		if _, known := c.Values[p.Name]; known || p.Ask == "" {
			continue
		}
		c.Phase, c.Asking = asking, p.Name
		t.plan(c, b)
		t.emit(helpdesk.Part{Kind: helpdesk.PartAsk, Text: p.Ask, Choices: p.Choices})
		return true
	}
	return false
}

// nothingFits says what the agent can help with.
func (t *turn) nothingFits(said, topic string) {
	t.did("Looked for a runbook", "none fits the message", "", false)
	switch {
	case said == "":
		t.say("Tell me what is wrong, in your own words.\n\n")
	case topic != "":
		t.say(fmt.Sprintf("This sounds like a question about %s. I examine one machine by runbooks and know none for that.\n\n", topic))
	default:
		t.say("I know no runbook for that, and I do not guess.\n\n")
	}
	t.capabilities()
}

func (t *turn) capabilities() {
	var list strings.Builder
	list.WriteString("I can help with:\n\n")
	for _, b := range t.agent.books {
		fmt.Fprintf(&list, "- %s\n", escapeMarkdown(b.Title))
	}
	t.say(list.String() + "\nIf none of these is it, an overview of the machine often shows where to look.\n")
	t.emit(helpdesk.Part{Kind: helpdesk.PartAsk, Text: "Shall I look into one of these?", Choices: About().PromptSuggestions})
}

// find takes the param's value out of the person's words.
func (p *Param) find(said string) (string, bool) {
	for _, c := range p.Is {
		if c.Find.MatchString(said) {
			return c.Value, true
		}
	}
	for _, re := range p.Find {
		for _, m := range re.FindAllStringSubmatch(said, 8) {
			for _, v := range m[1:] {
				if v != "" && p.valid(v) {
					return v, true
				}
			}
		}
	}
	return "", false
}

// answered takes the value out of an answer to the param's question.
func (p *Param) answered(said string) (string, bool) {
	if v, ok := p.find(said); ok {
		return v, true
	}
	if m := p.Answer.FindStringSubmatch(said); m != nil {
		if v := m[len(m)-1]; p.valid(v) {
			return v, true
		}
	}
	return "", false
}
