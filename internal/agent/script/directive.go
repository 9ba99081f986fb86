package script

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"helpdesk"
)

// Config says how a text-driven agent is made.
type Config struct {
	Enable bool   // default false: New refuses
	Gates  *Gates // where "wait" waits; default: waiting is an error
	Words  int    // most parts that one "words" makes; default 100,000
}

// New makes an agent whose script is the message itself. Each line of the last message is a directive:
//
//	say TEXT         text, with a line end
//	think TEXT       reasoning
//	status TEXT      a passing status
//	did NAME: TEXT   an activity
//	plan A; B; C     a plan; "A!" is active, "A+" is done, "A-" is skipped
//	file PATH TEXT   a file for the next suggestion
//	suggest CMD      a command, scope tenant; " ## " separates its purpose, another its expected outcome
//	admin CMD        the same with scope admin
//	link URL TEXT    a link
//	ask TEXT? A; B   a question with choices
//	state JSON       what to keep for the next turn
//	recall           says what was kept
//	heard            says what was delivered with the message
//	words N          N words as N parts
//	wait NAME        stops until the gate NAME opens
//	fail TEXT        ends the turn with an error whose public sentence is TEXT
//
// Any other line is echoed. An empty message says what was delivered with it.
func New(cfg Config) (Agent, error) {
	if !cfg.Enable {
		return Agent{}, helpdesk.Errorf(helpdesk.Forbidden, "The scripted agent is for tests and demonstrations; it must be enabled in the configuration.")
	}
	if cfg.Words <= 0 {
		cfg.Words = 100_000
	}
	return Agent{Play: func(ctx context.Context, req helpdesk.Request, emit func(helpdesk.Part) bool) error {
		p := player{cfg: cfg, req: req, emit: emit}
		return p.play(ctx)
	}}, nil
}

// player plays one message.
type player struct {
	cfg   Config
	req   helpdesk.Request
	emit  func(helpdesk.Part) bool
	files []helpdesk.ProposedFile // of the next suggestion
}

func (p *player) play(ctx context.Context) error {
	var last helpdesk.Message
	if n := len(p.req.Messages); n > 0 {
		last = p.req.Messages[n-1]
	}
	if strings.TrimSpace(last.Content) == "" {
		p.heard(last)
		return nil
	}
	for line := range strings.Lines(last.Content) {
		more, err := p.line(ctx, strings.TrimRight(line, "\r\n"), last)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// line plays one line and reports whether somebody still listens.
func (p *player) line(ctx context.Context, line string, last helpdesk.Message) (bool, error) {
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "":
		return true, nil
	case "say":
		return p.say(rest + "\n"), nil
	case "think":
		return p.emit(helpdesk.Part{Kind: helpdesk.PartReasoning, Text: rest + "\n"}), nil
	case "status":
		return p.emit(helpdesk.Part{Kind: helpdesk.PartStatus, Text: rest}), nil
	case "did":
		name, detail, _ := strings.Cut(rest, ": ")
		return p.emit(helpdesk.Part{Kind: helpdesk.PartActivity, Activity: &helpdesk.AgentActivity{Name: name, Detail: detail}}), nil
	case "plan":
		return p.emit(helpdesk.Part{Kind: helpdesk.PartPlan, Plan: planOf(rest)}), nil
	case "file":
		path, content, _ := strings.Cut(rest, " ")
		p.files = append(p.files, helpdesk.ProposedFile{Path: path, Content: content})
		return true, nil
	case "suggest":
		return p.suggest(rest, helpdesk.ScopeTenant), nil
	case "admin":
		return p.suggest(rest, helpdesk.ScopeAdmin), nil
	case "link":
		url, text, _ := strings.Cut(rest, " ")
		return p.emit(helpdesk.Part{Kind: helpdesk.PartLink, Link: &helpdesk.Link{URL: url, Description: text}}), nil
	case "ask":
		question, choices, _ := strings.Cut(rest, "? ")
		return p.emit(helpdesk.Part{Kind: helpdesk.PartAsk, Text: strings.TrimSuffix(question, "?") + "?", Choices: listOf(choices)}), nil
	case "state":
		if !json.Valid([]byte(rest)) {
			return false, helpdesk.Errorf(helpdesk.Invalid, "The script's state is not JSON.")
		}
		return p.emit(helpdesk.Part{Kind: helpdesk.PartState, State: json.RawMessage(rest)}), nil
	case "recall":
		return p.say(string(p.req.State) + "\n"), nil
	case "heard":
		return p.heard(last), nil
	case "words":
		return p.words(rest)
	case "wait":
		if p.cfg.Gates == nil {
			return false, helpdesk.Errorf(helpdesk.Invalid, "The script waits for %q, and this agent has no gates.", rest)
		}
		if err := p.cfg.Gates.wait(ctx, rest); err != nil {
			return false, err
		}
		return true, nil
	case "fail":
		return false, helpdesk.Errorf(helpdesk.Unavailable, "%s", rest)
	}
	return p.say(line + "\n"), nil
}

func (p *player) say(text string) bool {
	return p.emit(helpdesk.Part{Kind: helpdesk.PartText, Text: text})
}

func (p *player) suggest(text string, scope helpdesk.Scope) bool {
	fields := strings.SplitN(text, " ## ", 3)
	pr := &helpdesk.Proposal{Command: fields[0], Scope: scope, Risk: helpdesk.RiskChanges, Files: p.files}
	if len(fields) > 1 {
		pr.Purpose = fields[1]
	}
	if len(fields) > 2 {
		pr.Expected = fields[2]
	}
	p.files = nil
	return p.emit(helpdesk.Part{Kind: helpdesk.PartProposal, Proposal: pr})
}

func (p *player) words(count string) (bool, error) {
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > p.cfg.Words {
		return false, helpdesk.Errorf(helpdesk.Invalid, "A script can stream from 0 to %d words, not %q.", p.cfg.Words, count)
	}
	for i := 1; i <= n; i++ {
		end := " "
		if i == n || i%12 == 0 {
			end = "\n"
		}
		if !p.say("word" + strconv.Itoa(i) + end) {
			return false, nil
		}
	}
	return true, nil
}

// heard says what was delivered with the message, one line each.
func (p *player) heard(last helpdesk.Message) bool {
	if len(last.Delivered) == 0 {
		return p.say("Nothing was delivered.\n")
	}
	for _, d := range last.Delivered {
		if !p.say(heardLine(d)) {
			return false
		}
	}
	return true
}

func heardLine(d helpdesk.Delivery) string {
	o := d.Outcome
	switch {
	case o == nil && d.Reason != "":
		return fmt.Sprintf("Rejected: %s (%s)\n", d.Command, d.Reason)
	case o == nil:
		return fmt.Sprintf("Rejected: %s\n", d.Command)
	case o.Unknown:
		return fmt.Sprintf("Unknown: %s\n", d.Command)
	case o.ExitCode != nil:
		return fmt.Sprintf("Ran: %s exit %d\n%s\n", d.Command, *o.ExitCode, strings.TrimRight(o.Output, "\n"))
	}
	return fmt.Sprintf("Ended: %s signal %s\n%s\n", d.Command, o.Signal, strings.TrimRight(o.Output, "\n"))
}

func planOf(text string) []helpdesk.PlanStep {
	var plan []helpdesk.PlanStep
	for _, s := range listOf(text) {
		step := helpdesk.PlanStep{Title: s, State: helpdesk.StepPending}
		for mark, state := range map[string]helpdesk.StepState{"!": helpdesk.StepActive, "+": helpdesk.StepDone, "-": helpdesk.StepSkipped} {
			if t, ok := strings.CutSuffix(s, mark); ok {
				step = helpdesk.PlanStep{Title: t, State: state}
			}
		}
		plan = append(plan, step)
	}
	return plan
}

func listOf(text string) []string {
	var list []string
	for s := range strings.SplitSeq(text, ";") {
		if s = strings.TrimSpace(s); s != "" {
			list = append(list, s)
		}
	}
	return list
}
