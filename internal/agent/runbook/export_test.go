package runbook

import "helpdesk"

// Sample is a command of a runbook with plain values in place of its expressions.
type Sample struct {
	Where   string
	Command string
	Risk    helpdesk.Risk
}

// Commands are all commands of the agent's runbooks.
func (a *Agent) Commands() []Sample {
	var all []Sample
	add := func(b *Runbook, id string, t Text, risk string, otherwise helpdesk.Risk) {
		s := Sample{Where: b.ID + "/" + id, Risk: otherwise}
		if risk != "" {
			s.Risk = helpdesk.ParseRisk(risk)
		}
		for _, p := range t.parts {
			if p.expr == nil {
				s.Command += p.literal
			} else {
				s.Command += "127"
			}
		}
		all = append(all, s)
	}
	for _, b := range a.books {
		a.ready[b]()
		for _, steps := range [][]Step{b.Steps, b.Verify} {
			for _, s := range steps {
				add(b, s.ID, s.Command, s.Risk, helpdesk.RiskReads)
			}
		}
		for _, r := range b.Remedy {
			add(b, r.ID, r.Command, r.Risk, helpdesk.RiskChanges)
		}
	}
	return all
}
