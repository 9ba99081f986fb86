package helpdesk

import "time"

// TerminalState is where a Terminal stands.
type TerminalState string

// The states of a terminal.
const (
	TerminalLive  TerminalState = "live"
	TerminalEnded TerminalState = "ended"
)

// Terminal is a live shared shell of one Ticket, in one Scope. Its output is a Transcript on disk, and
// everybody who looks at it is a cursor on that.
type Terminal struct {
	ID       TerminalID
	Ticket   TicketKey
	Tenant   TenantID
	Scope    Scope
	Place    string
	Title    string
	State    TerminalState
	Epoch    string // of the launcher's life that holds it
	Cols     int
	Rows     int
	OpenedBy By
	OpenedAt time.Time
	EndedAt  time.Time
	Reason   string // why it ended
}
