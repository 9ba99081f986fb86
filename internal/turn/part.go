package turn

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"helpdesk"
	"helpdesk/event"
)

// What one reply may hold besides text. Config.Reply bounds all of it together; these keep each fact such that a
// page can show it and a log can carry it. Where clipping loses nothing that anybody depends on, what is longer is
// clipped; else the turn ends with a sentence that says so, and what had arrived is kept.
const (
	mostSteps   = 200 // of a plan
	mostChoices = 50  // of a question
	lineLimit   = 500 // bytes of a title, a name, a choice, a status
	detailLimit = 4 << 10
	resultLimit = 64 << 10 // of an activity; also bytes of a question
	linkLimit   = 8 << 10
	stateLimit  = 1 << 20 // of what an Instance is given back with its next request
	perPart     = 16      // what a part costs even if it is empty
)

// part takes one part of the answer.
func (r *round) part(ctx context.Context, p helpdesk.Part) error {
	if p.Kind != helpdesk.PartReasoning {
		if err := r.endReasoning(ctx); err != nil {
			return err
		}
	}
	if r.size += size(p); r.size > r.engine.cfg.Reply {
		return helpdesk.Errorf(helpdesk.TooLarge, "The agent's reply is larger than %d bytes. What had arrived is kept.", r.engine.cfg.Reply)
	}
	switch p.Kind {
	case helpdesk.PartText:
		text := clean(p.Text)
		r.text.WriteString(text)
		r.engine.cfg.Parts.Append(r.turn.ID, p.Kind, text)
	case helpdesk.PartReasoning:
		if r.reasoning.Len() == 0 {
			r.thinking = time.Now()
		}
		text := clean(p.Text)
		r.reasoning.WriteString(text)
		r.engine.cfg.Parts.Append(r.turn.ID, p.Kind, text)
	case helpdesk.PartStatus:
		r.engine.cfg.Parts.Append(r.turn.ID, p.Kind, line(p.Text, lineLimit))
	case helpdesk.PartState:
		return r.keep(p.State)
	case helpdesk.PartProposal:
		if p.Proposal == nil {
			return errHollow(p.Kind)
		}
		return r.propose(ctx, *p.Proposal)
	case helpdesk.PartActivity, helpdesk.PartPlan, helpdesk.PartLink, helpdesk.PartAsk:
		if r.facts++; r.facts > r.engine.cfg.Facts {
			return helpdesk.Errorf(helpdesk.TooMany, "The agent reported more than %d steps, links and questions in one reply. What had arrived is kept.", r.engine.cfg.Facts)
		}
		f, err := r.factOf(p)
		if err != nil {
			return err
		}
		return r.fact(ctx, f)
	}
	return nil
}

// factOf is a part in the form in which it is kept.
func (r *round) factOf(p helpdesk.Part) (event.Fact, error) {
	turn := string(r.turn.ID)
	switch {
	case p.Kind == helpdesk.PartActivity && p.Activity != nil:
		a := p.Activity
		result, _ := helpdesk.ClipOutput(clean(a.Result), resultLimit)
		return event.ActivityRecorded{
			Turn: turn, Name: line(a.Name, lineLimit), Detail: line(a.Detail, detailLimit), Result: result,
			Took: max(0, a.Took.Milliseconds()), Failure: a.Failure,
		}, nil
	case p.Kind == helpdesk.PartLink && p.Link != nil:
		address := strings.TrimSpace(clean(p.Link.URL))
		if !leads(address) {
			return event.ActivityRecorded{Turn: turn, Name: "Left out a link", Detail: "It is not a web or mail address: " + line(address, lineLimit), Failure: true}, nil
		}
		return event.LinkOffered{Turn: turn, URL: address, Description: line(p.Link.Description, detailLimit)}, nil
	case p.Kind == helpdesk.PartPlan:
		if len(p.Plan) > mostSteps {
			return nil, helpdesk.Errorf(helpdesk.TooMany, "The agent's plan has %d steps; the limit is %d. What had arrived is kept.", len(p.Plan), mostSteps)
		}
		plan := event.PlanStated{Turn: turn}
		for _, s := range p.Plan {
			plan.Steps = append(plan.Steps, event.PlanStep{Title: line(s.Title, lineLimit), State: string(stateOf(s))})
		}
		return plan, nil
	case p.Kind == helpdesk.PartAsk:
		if len(p.Choices) > mostChoices {
			return nil, helpdesk.Errorf(helpdesk.TooMany, "The agent offered %d answers to its question; the limit is %d. What had arrived is kept.", len(p.Choices), mostChoices)
		}
		text, _ := helpdesk.ClipOutput(clean(p.Text), resultLimit)
		ask := event.QuestionAsked{Turn: turn, Text: text}
		for _, c := range p.Choices {
			ask.Choices = append(ask.Choices, line(c, lineLimit))
		}
		return ask, nil
	}
	return nil, errHollow(p.Kind)
}

// keep holds what the Instance wants back with its next request, until the turn is done.
func (r *round) keep(state json.RawMessage) error {
	if len(state) > stateLimit {
		return helpdesk.Errorf(helpdesk.TooLarge, "The agent wants %d bytes kept for its next turn; the limit is %d. What had arrived is kept.", len(state), stateLimit)
	}
	if !json.Valid(state) || !utf8.Valid(state) {
		return helpdesk.Errorf(helpdesk.Invalid, "What the agent wants kept for its next turn is not JSON. What had arrived is kept.")
	}
	r.state = append(json.RawMessage(nil), state...) // the agent may use its buffer again
	return nil
}

func errHollow(k helpdesk.PartKind) error {
	return helpdesk.Errorf(helpdesk.Invalid, "The agent sent a part of kind %q with nothing in it. What had arrived is kept.", line(string(k), 40))
}

// size is what a part costs of the reply's limit.
func size(p helpdesk.Part) int {
	n := perPart + len(p.Text) + len(p.State)
	for _, c := range p.Choices {
		n += perPart + len(c)
	}
	for _, s := range p.Plan {
		n += perPart + len(s.Title)
	}
	if a := p.Activity; a != nil {
		n += len(a.Name) + len(a.Detail) + len(a.Result)
	}
	if l := p.Link; l != nil {
		n += len(l.URL) + len(l.Description)
	}
	if s := p.Proposal; s != nil {
		n += len(s.Command) + len(s.Purpose) + len(s.Expected)
		for _, f := range s.Files {
			n += perPart + len(f.Path) + len(f.Content)
		}
	}
	return n
}

// clean makes a text such that every database keeps it.
func clean(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
}

// line is a text as one line of at most limit bytes.
func line(s string, limit int) string {
	s = strings.Join(strings.Fields(clean(s)), " ")
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}

// leads says whether an address may be offered to people as a link.
func leads(address string) bool {
	u, err := url.Parse(address)
	if err != nil || len(address) > linkLimit {
		return false
	}
	switch u.Scheme {
	case "http", "https":
		return u.Host != ""
	case "mailto":
		return u.Opaque != ""
	}
	return false
}

func stateOf(s helpdesk.PlanStep) helpdesk.StepState {
	switch s.State {
	case helpdesk.StepActive, helpdesk.StepDone, helpdesk.StepSkipped, helpdesk.StepFailed:
		return s.State
	}
	return helpdesk.StepPending
}
