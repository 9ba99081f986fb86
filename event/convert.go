package event

import "helpdesk"

// OutcomeOf is the domain's outcome as the log records it.
func OutcomeOf(o helpdesk.Outcome) Outcome {
	return Outcome{
		ExitCode: o.ExitCode, Signal: o.Signal, TimedOut: o.TimedOut, Stopped: o.Stopped, Unknown: o.Unknown,
		Output: o.Output, Truncated: o.Truncated, StartedAt: o.StartedAt, EndedAt: o.EndedAt, By: Who(o.By),
	}
}

// Outcome is the recorded outcome in the domain's form.
func (o Outcome) Outcome() helpdesk.Outcome {
	return helpdesk.Outcome{
		ExitCode: o.ExitCode, Signal: o.Signal, TimedOut: o.TimedOut, Stopped: o.Stopped, Unknown: o.Unknown,
		Output: o.Output, Truncated: o.Truncated, StartedAt: o.StartedAt, EndedAt: o.EndedAt, By: o.By.By(),
	}
}

// DeliveryOf is what an agent was told, as the log records it.
func DeliveryOf(d helpdesk.Delivery) Delivery {
	r := Delivery{Suggestion: string(d.Suggestion), Command: d.Command, Choice: string(d.Choice), Reason: d.Reason, Run: string(d.Run)}
	if d.Outcome != nil {
		o := OutcomeOf(*d.Outcome)
		r.Outcome = &o
	}
	return r
}

// Delivery is the recorded delivery in the domain's form.
func (d Delivery) Delivery() helpdesk.Delivery {
	r := helpdesk.Delivery{
		Suggestion: helpdesk.SuggestionID(d.Suggestion), Command: d.Command, Choice: helpdesk.Choice(d.Choice),
		Reason: d.Reason, Run: helpdesk.RunID(d.Run),
	}
	if d.Outcome != nil {
		o := d.Outcome.Outcome()
		r.Outcome = &o
	}
	return r
}

// Proposed is the recorded form of a new suggestion.
func Proposed(s helpdesk.Suggestion) SuggestionProposed {
	p := SuggestionProposed{
		ID: string(s.ID), Turn: string(s.Turn), Agent: string(s.Agent), Instance: string(s.Instance), Position: s.Position,
		Command: s.Command, Purpose: s.Purpose, Expected: s.Expected, Scope: s.Scope.String(), Place: s.Place, Cwd: s.Cwd,
		Risk: string(s.Risk), EnvNames: s.EnvNames, Digest: s.Digest,
	}
	for _, f := range s.Files {
		p.Files = append(p.Files, File(f))
	}
	return p
}
