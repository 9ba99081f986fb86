package helpdesk

import (
	"encoding/json"
	"slices"
	"time"
)

// AgentKind says how an agent works.
type AgentKind string

// The kinds of agent.
const (
	AgentRunbook AgentKind = "runbook" // built in, offline, deterministic
	AgentModel   AgentKind = "model"   // a prompt and a model of some provider
	AgentRemote  AgentKind = "remote"  // somebody else's, over the wire
	AgentScript  AgentKind = "script"  // plays a script; for demonstrations and tests
)

// Agent is a kind of helper: a definition, not a process.
type Agent struct {
	ID                AgentID
	Name              string
	Kind              AgentKind
	Domain            string // "This machine", "Kubernetes", "Observability" …
	Description       string
	PromptSuggestions []string
}

// Instance is a reachable place of an Agent, with the tenants that may use it.
type Instance struct {
	ID         InstanceID
	Agent      AgentID
	Name       string
	AllTenants bool
	Tenants    []TenantID
}

// Allowed says whether the tenant may use the instance.
func (i Instance) Allowed(t TenantID) bool {
	if i.AllTenants {
		return t != ""
	}
	return slices.Contains(i.Tenants, t)
}

// Request is all that an Instance is given for one Turn: the whole conversation, oldest message first, the
// last one being the person's that is to be answered. An agent keeps nothing between requests but State.
type Request struct {
	Ticket     TicketKey
	Title      string
	Turn       TurnID
	Tenant     Tenant
	Instance   Instance
	Messages   []Message
	State      json.RawMessage // what this Instance returned last for this ticket; nil at first
	Place      string          // where the tenant's commands run: "sandbox" or "host_view"
	AdminScope bool            // whether commands for scope admin can be run at all
}

// Role is who speaks in a conversation.
type Role string

// The roles.
const (
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
)

// Message is what a person or an agent said.
type Message struct {
	ID        MessageID
	Role      Role
	Author    By
	Content   string // may be empty where something is delivered
	At        time.Time
	Delivered []Delivery // for a person's message: what became known with it
	Proposed  []Proposal // for an agent's message: what it proposed
}

// Delivery tells an agent what became of a command it proposed: it ran, or a person rejected it.
type Delivery struct {
	Suggestion SuggestionID
	Command    string
	Choice     Choice // execute, approve or reject
	Reason     string
	Run        RunID
	Outcome    *Outcome // nil for a rejection
}

// Proposal is a command as an agent proposes it.
type Proposal struct {
	Command  string
	Purpose  string
	Expected string
	Scope    Scope // the zero Scope means tenant
	Risk     Risk
	Files    []ProposedFile
}

// Part is a streamed piece of a running Turn: exactly the field that belongs to its Kind is set.
type Part struct {
	Kind     PartKind
	Text     string // text, reasoning, status; the question of an ask
	Activity *AgentActivity
	Plan     []PlanStep
	Proposal *Proposal
	Link     *Link
	Choices  []string        // of an ask
	State    json.RawMessage // of a state: kept, and given back with the next request
}

// PartKind says what a Part is.
type PartKind string

// The kinds of part. Text and reasoning append; a plan replaces the plan before it; status is transient and
// never stored; the others are facts, committed when they arrive.
const (
	PartText      PartKind = "text"
	PartReasoning PartKind = "reasoning"
	PartStatus    PartKind = "status"
	PartActivity  PartKind = "activity"
	PartPlan      PartKind = "plan"
	PartProposal  PartKind = "proposal"
	PartLink      PartKind = "link"
	PartAsk       PartKind = "ask"
	PartState     PartKind = "state"
)

// AgentActivity is something the agent did itself: a tool it called, a document it read.
type AgentActivity struct {
	Name    string // "Chose a runbook"
	Detail  string // one line
	Result  string
	Took    time.Duration
	Failure bool
}

// PlanStep is one step of an agent's plan.
type PlanStep struct {
	Title string
	State StepState
}

// StepState is where a step of a plan stands.
type StepState string

// The states of a step.
const (
	StepPending StepState = "pending"
	StepActive  StepState = "active"
	StepDone    StepState = "done"
	StepSkipped StepState = "skipped"
	StepFailed  StepState = "failed"
)

// Link is a URL that an agent offers.
type Link struct {
	URL         string
	Description string
}
