package helpdesk

import "time"

// TicketStatus is set by people; any status may follow any other.
type TicketStatus string

// The statuses of a ticket.
const (
	TicketOpen       TicketStatus = "open"
	TicketInProgress TicketStatus = "in_progress"
	TicketClosed     TicketStatus = "closed"
)

// ParseTicketStatus reads a status; anything unknown is Invalid.
func ParseTicketStatus(s string) (TicketStatus, error) {
	switch st := TicketStatus(s); st {
	case TicketOpen, TicketInProgress, TicketClosed:
		return st, nil
	}
	return "", Errorf(Invalid, "A ticket's status is open, in_progress or closed, not %q.", clip(s))
}

// Activity is derived from a ticket's turns and suggestions, never set.
type Activity string

// The activities of a ticket.
const (
	ActivityIdle    Activity = "idle"
	ActivityWorking Activity = "agent_working"
	ActivityWaiting Activity = "waiting_for_you" // an undecided suggestion or a question
)

// Ticket is one task or trouble, with its people, agents and whole history.
type Ticket struct {
	Key       TicketKey
	Tenant    TenantID
	Title     string
	Status    TicketStatus
	Solved    *bool // the answer to "Solved?" at the last closing; nil where nobody answered
	Activity  Activity
	Agent     AgentID
	Instance  InstanceID
	Workspace int   // the number of the ticket's present workspace; a reopened ticket has the next one
	Closing   bool  // closed, and its places are still being cleared; resumed after a crash
	Held      bool  // queued turns wait until a person sends or discards them
	Seq       int64 // of the newest event
	CreatedBy By
	CreatedAt time.Time
	ChangedAt time.Time
	DeletedAt *time.Time // set while a deletion can be undone
}

// Tenant is the wall: every row, subject and file belongs to exactly one.
type Tenant struct {
	ID        TenantID
	Key       string // short and stable, for people and scripts: "this-machine"
	Name      string
	Prefix    string // of its ticket keys; fixed by its first ticket
	Tickets   int64  // how many were ever made
	Place     TenantPlace
	Slot      int // which uid of the configured range its processes have
	Variables []string
	Outbound  []Destination // what its private sandboxes may connect to; none: they have no network
	CreatedAt time.Time
}

// TenantPlace is where a tenant's Runs and tenant Terminals live.
type TenantPlace string

// The places of a tenant.
const (
	PlaceSandbox  TenantPlace = "sandbox"   // a private sandbox
	PlaceHostView TenantPlace = "host_view" // this machine, read-only, unprivileged; only for the tenant This machine
)

// TitleFrom makes a ticket's first title from the message that opens it: its first line, shortened at a word.
func TitleFrom(message string) string {
	const limit = 80
	line := ""
	for l := range splitLines(message) {
		if line = collapse(l); line != "" {
			break
		}
	}
	if line == "" {
		return "Untitled ticket"
	}
	r := []rune(line)
	if len(r) <= limit {
		return line
	}
	cut := limit
	for i := limit; i > limit-20; i-- {
		if r[i] == ' ' {
			cut = i
			break
		}
	}
	return string(r[:cut]) + "…"
}
