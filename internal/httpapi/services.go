package httpapi

import (
	"context"
	"io"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
	"helpdesk/internal/workspace"
)

// Desk keeps tickets and their conversations.
type Desk interface {
	Create(ctx context.Context, by helpdesk.Actor, n NewTicket, once store.Once) (helpdesk.Ticket, error)
	Ticket(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) (helpdesk.Ticket, error)
	Tickets(ctx context.Context, by helpdesk.Actor, f store.TicketFilter) ([]helpdesk.Ticket, error)
	Timeline(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, s store.Span) ([]event.Event, error)
	Change(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, c ChangeTicket) (helpdesk.Ticket, error)
	Delete(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) error
	Restore(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) (helpdesk.Ticket, error)
	Post(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, content string, to helpdesk.InstanceID, once store.Once) (helpdesk.MessageID, helpdesk.TurnID, error)
	Stop(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) error
	Release(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, discard bool) error
}

// NewTicket opens a ticket. Without an Instance it is the only one allowed.
type NewTicket struct {
	Tenant   helpdesk.TenantID
	Agent    helpdesk.AgentID
	Instance helpdesk.InstanceID
	Message  string
}

// ChangeTicket is what to change of a ticket; nil leaves a thing as it is.
type ChangeTicket struct {
	Status   *helpdesk.TicketStatus
	Solved   *bool
	Title    *string
	Agent    *helpdesk.AgentID
	Instance *helpdesk.InstanceID
}

// Approval keeps suggestions, decisions and Runs. It checks by itself who may decide on commands of scope admin.
type Approval interface {
	Suggestions(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) ([]Suggestion, error)
	Decide(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, id helpdesk.SuggestionID, choice helpdesk.Choice, digest, reason string) (Suggestion, error)
	StopRun(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, id helpdesk.RunID) error
	Output(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, id helpdesk.RunID, from int64) (io.ReadCloser, int64, error) // and how long all of it is
}

// Suggestion is a suggestion with what came of it.
type Suggestion struct {
	helpdesk.Suggestion
	Outcome *helpdesk.Outcome // nil until its Run ended
}

// Terminals keeps the shared shells.
type Terminals interface {
	List(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) ([]helpdesk.Terminal, error)
	Open(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, o OpenTerminal, once store.Once) (helpdesk.Terminal, error)
	Change(ctx context.Context, by helpdesk.Actor, id helpdesk.TerminalID, c ChangeTerminal) (helpdesk.Terminal, error)
	Close(ctx context.Context, by helpdesk.Actor, id helpdesk.TerminalID) error
	AttachTerminal(ctx context.Context, by helpdesk.Actor, id helpdesk.TerminalID) (Attachment, error)
	AttachRun(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, id helpdesk.RunID) (Attachment, error)
	Recording(ctx context.Context, by helpdesk.Actor, id helpdesk.TerminalID) (io.ReadCloser, error) // asciicast v3
}

// OpenTerminal is a terminal to open.
type OpenTerminal struct {
	Scope helpdesk.Scope
	Cols  int
	Rows  int
}

// ChangeTerminal is what to change of a terminal; nil leaves a thing as it is.
type ChangeTerminal struct {
	Cols *int
	Rows *int
	More bool // record on, after the limit
}

// Attachment opens a terminal, or a Run's, once.
type Attachment struct {
	Token     string
	ExpiresAt time.Time
	MayType   bool
}

// Workspace keeps a ticket's files.
type Workspace interface {
	List(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, dir string, deep bool) ([]workspace.File, error)
	Read(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, path string) ([]byte, workspace.File, error)
	Write(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, path string, content []byte, executable bool) (workspace.File, error)
	Delete(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, path string) error
}
