package helpdesk

import (
	"slices"
	"time"
)

// TurnState is where a Turn stands.
type TurnState string

// The states of a turn.
const (
	TurnQueued      TurnState = "queued"
	TurnRunning     TurnState = "running"
	TurnDone        TurnState = "done"
	TurnFailed      TurnState = "failed"
	TurnInterrupted TurnState = "interrupted" // its node was lost after the request may have been sent
	TurnCancelled   TurnState = "cancelled"
)

// TurnMoves is the whole life of a turn. A running turn goes back to queued only when its node was lost
// before the first byte went to the Instance.
var TurnMoves = map[TurnState][]TurnState{
	TurnQueued:      {TurnRunning, TurnCancelled},
	TurnRunning:     {TurnQueued, TurnDone, TurnFailed, TurnInterrupted, TurnCancelled},
	TurnDone:        {},
	TurnFailed:      {},
	TurnInterrupted: {},
	TurnCancelled:   {},
}

// Ended says whether nothing more will happen in the state.
func (s TurnState) Ended() bool { return s != TurnQueued && s != TurnRunning }

// Turn is one round: input gathered, one Instance answers, the result is committed.
type Turn struct {
	ID       TurnID
	Ticket   TicketKey
	Tenant   TenantID
	Message  MessageID // the message it answers
	Agent    AgentID
	Instance InstanceID
	State    TurnState
	By       By        // whose message it answers
	Fence    int64     // grows with every lease; a commit with an older one is refused
	SentAt   time.Time // zero until the request may have reached the Instance
	Draft    string    // the text so far, at the last checkpoint
	Reason   string    // why it failed, was interrupted or cancelled
	QueuedAt time.Time
	EndedAt  time.Time
}

// Move changes the state along TurnMoves; a move that is not there is a Conflict and changes nothing.
func (t *Turn) Move(to TurnState) error {
	if !slices.Contains(TurnMoves[t.State], to) {
		return Errorf(Conflict, "A %s turn cannot become %s.", t.State, to)
	}
	t.State = to
	return nil
}
