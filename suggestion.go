package helpdesk

import (
	"slices"
	"time"
)

// SuggestionState is where a Suggestion stands.
type SuggestionState string

// The states of a suggestion.
const (
	SuggestionProposed SuggestionState = "proposed"
	SuggestionApproved SuggestionState = "approved" // runs with the next message to its Instance
	SuggestionRunning  SuggestionState = "running"  // a Run is claimed
	SuggestionRejected SuggestionState = "rejected"
	SuggestionIgnored  SuggestionState = "ignored"
	SuggestionLapsed   SuggestionState = "lapsed"    // too late to decide
	SuggestionSent     SuggestionState = "sent"      // handed to an agent that runs commands itself
	SuggestionRan      SuggestionState = "ran"       // with an Outcome
	SuggestionNoResult SuggestionState = "no_result" // sent, and nothing came back
	SuggestionUnknown  SuggestionState = "unknown"   // it may have run; never run again by itself
)

// SuggestionMoves is the whole life of a suggestion; server, page and docs are made from or checked against it.
// Undo of a rejection or an ignore is open until it was delivered.
var SuggestionMoves = map[SuggestionState][]SuggestionState{
	SuggestionProposed: {SuggestionApproved, SuggestionRunning, SuggestionRejected, SuggestionIgnored, SuggestionLapsed},
	SuggestionApproved: {SuggestionRunning, SuggestionSent, SuggestionProposed, SuggestionLapsed},
	SuggestionRejected: {SuggestionProposed},
	SuggestionIgnored:  {SuggestionProposed},
	SuggestionRunning:  {SuggestionRan, SuggestionUnknown, SuggestionProposed},
	SuggestionSent:     {SuggestionRan, SuggestionNoResult, SuggestionUnknown},
	SuggestionLapsed:   {},
	SuggestionRan:      {},
	SuggestionNoResult: {},
	SuggestionUnknown:  {},
}

// Risk is what a command is expected to do to the machine. Unstated risk is RiskChanges.
type Risk string

// The risks, from harmless to harmful.
const (
	RiskReads       Risk = "reads"
	RiskChanges     Risk = "changes"
	RiskDestructive Risk = "destructive"
)

// ParseRisk reads a risk; what it does not know counts as a change of state.
func ParseRisk(s string) Risk {
	switch r := Risk(s); r {
	case RiskReads, RiskDestructive:
		return r
	}
	return RiskChanges
}

// ProposedFile is a file that must exist in the Workspace before a command runs.
type ProposedFile struct {
	Path    string
	Content string
}

// Suggestion is a command proposed by an agent, with all that will be done if a person says so. It cannot run
// by itself.
type Suggestion struct {
	ID        SuggestionID
	Ticket    TicketKey
	Tenant    TenantID
	Turn      TurnID
	Agent     AgentID
	Instance  InstanceID
	Position  int // within its turn's reply, from 1
	State     SuggestionState
	Command   string
	Purpose   string
	Expected  string
	Scope     Scope
	Place     string // what will run it: "sandbox", "host_view" or "host"
	Cwd       string // working directory inside the place
	Files     []ProposedFile
	Risk      Risk
	EnvNames  []string // of the variables that are set, sorted
	Digest    string
	Decided   *Decision // the newest decision; nil while proposed
	Run       RunID     // of its one execution; "" until claimed
	Delivered bool      // the decision or outcome has reached the agent
	Note      string    // why it returned or lapsed
	At        time.Time
}

// Move changes the state along SuggestionMoves; a move that is not there is a Conflict and changes nothing.
func (s *Suggestion) Move(to SuggestionState) error {
	if !slices.Contains(SuggestionMoves[s.State], to) {
		return Errorf(Conflict, "This command is %s already and cannot become %s. Look at its card again.", s.State, to)
	}
	s.State = to
	return nil
}

// Choice is what a person answers to a suggestion.
type Choice string

// The choices.
const (
	Approve Choice = "approve" // run it with the next message
	Reject  Choice = "reject"  // do not, and tell the agent
	Ignore  Choice = "ignore"  // do not, and tell nobody
	Execute Choice = "execute" // run it now
	Undo    Choice = "undo"    // take back an approval, a rejection or an ignore
)

// ParseChoice reads a choice; anything unknown is Invalid.
func ParseChoice(s string) (Choice, error) {
	switch c := Choice(s); c {
	case Approve, Reject, Ignore, Execute, Undo:
		return c, nil
	}
	return "", Errorf(Invalid, "A decision is approve, reject, ignore, execute or undo, not %q.", clip(s))
}

// Target is the state that a choice leads to.
func (c Choice) Target() SuggestionState {
	switch c {
	case Approve:
		return SuggestionApproved
	case Reject:
		return SuggestionRejected
	case Ignore:
		return SuggestionIgnored
	case Execute:
		return SuggestionRunning
	}
	return SuggestionProposed
}

// Decision is one person's answer to a suggestion, bound to the exact bytes by the digest that was shown.
type Decision struct {
	Choice Choice
	Reason string
	Digest string
	By     By
	At     time.Time
}

// Outcome is what happened when something ran.
type Outcome struct {
	ExitCode  *int   // nil where a signal ended it or nothing is known
	Signal    string // "KILL", "TERM" …; "" where none
	TimedOut  bool
	Stopped   bool   // a person or the closing of the ticket stopped it
	Unknown   bool   // it was claimed and what came of it is not known
	Output    string // clipped to what an agent is sent
	Truncated bool   // Output is not the whole
	StartedAt time.Time
	EndedAt   time.Time
	By        By
}

// OK says whether it ran and ended with exit code 0.
func (o Outcome) OK() bool { return o.ExitCode != nil && *o.ExitCode == 0 && !o.Unknown }

// Run is the one execution of a decided command, claimed before its first byte.
type Run struct {
	ID         RunID
	Suggestion SuggestionID
	Ticket     TicketKey
	Tenant     TenantID
	Turn       TurnID // the turn it runs before; "" where it was executed at once
	Epoch      string // of the launcher's life it was handed to
	State      RunState
	By         By
	ClaimedAt  time.Time
	Outcome    *Outcome
}

// RunState is where a Run stands.
type RunState string

// The states of a run.
const (
	RunWaiting RunState = "waiting" // another run holds the place
	RunClaimed RunState = "claimed" // it may have started
	RunEnded   RunState = "ended"   // with an Outcome
	RunDropped RunState = "dropped" // it never started and never will
)

// RunMoves is the whole life of a run.
var RunMoves = map[RunState][]RunState{
	RunWaiting: {RunClaimed, RunDropped},
	RunClaimed: {RunEnded, RunDropped},
	RunEnded:   {},
	RunDropped: {},
}

// Move changes the state along RunMoves; a move that is not there is a Conflict and changes nothing.
func (r *Run) Move(to RunState) error {
	if !slices.Contains(RunMoves[r.State], to) {
		return Errorf(Conflict, "A %s run cannot become %s.", r.State, to)
	}
	r.State = to
	return nil
}
