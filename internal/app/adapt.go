package app

import (
	"context"
	"io"

	"helpdesk"
	"helpdesk/internal/approval"
	"helpdesk/internal/desk"
	"helpdesk/internal/httpapi"
	"helpdesk/internal/launch"
	"helpdesk/internal/store"
	"helpdesk/internal/terminal"
	"helpdesk/internal/workspace"
)

// The doors and the services each declare what they need or take; here one is turned into the other.

type deskDoor struct{ *desk.Desk }

func (d deskDoor) Create(ctx context.Context, by helpdesk.Actor, n httpapi.NewTicket, once store.Once) (helpdesk.Ticket, error) {
	return d.Desk.Create(ctx, by, desk.NewTicket(n), once)
}

func (d deskDoor) Change(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, c httpapi.ChangeTicket) (helpdesk.Ticket, error) {
	return d.Desk.Change(ctx, by, key, desk.Change(c))
}

type approvalDoor struct {
	*approval.Service
	recordings *terminal.Service // Runs are recorded as Terminals are, and read in one place
}

func (a approvalDoor) Suggestions(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) ([]httpapi.Suggestion, error) {
	views, err := a.Service.Suggestions(ctx, by, key)
	all := make([]httpapi.Suggestion, len(views))
	for i, v := range views {
		all[i] = httpapi.Suggestion(v)
	}
	return all, err
}

func (a approvalDoor) Decide(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, id helpdesk.SuggestionID, c helpdesk.Choice, digest, reason string) (httpapi.Suggestion, error) {
	v, err := a.Service.Decide(ctx, by, key, id, c, digest, reason)
	return httpapi.Suggestion(v), err
}

func (a approvalDoor) Output(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, id helpdesk.RunID, from int64) (io.ReadCloser, int64, error) {
	return a.recordings.RunOutput(ctx, by, key, id, from)
}

type terminalDoor struct{ *terminal.Service }

func (t terminalDoor) Open(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, o httpapi.OpenTerminal, once store.Once) (helpdesk.Terminal, error) {
	return t.Service.Open(ctx, by, key, terminal.Opening(o), once)
}

func (t terminalDoor) Change(ctx context.Context, by helpdesk.Actor, id helpdesk.TerminalID, c httpapi.ChangeTerminal) (helpdesk.Terminal, error) {
	return t.Service.Change(ctx, by, id, terminal.Changes(c))
}

func (t terminalDoor) AttachTerminal(ctx context.Context, by helpdesk.Actor, id helpdesk.TerminalID) (httpapi.Attachment, error) {
	a, err := t.Service.AttachTerminal(ctx, by, id)
	return httpapi.Attachment(a), err
}

func (t terminalDoor) AttachRun(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, id helpdesk.RunID) (httpapi.Attachment, error) {
	a, err := t.Service.AttachRun(ctx, by, key, id)
	return httpapi.Attachment(a), err
}

func (t terminalDoor) Recording(ctx context.Context, by helpdesk.Actor, id helpdesk.TerminalID) (io.ReadCloser, error) {
	return t.Service.Recording(ctx, by, id)
}

// clearing ends what a ticket has on this host.
type clearing struct {
	approval  *approval.Service
	terminals *terminal.Service
	files     *workspace.Service
	launcher  *launch.Client
}

func (c clearing) StopRuns(ctx context.Context, t helpdesk.TenantID, key helpdesk.TicketKey) error {
	return c.approval.StopRuns(ctx, t, key)
}

func (c clearing) EndTerminals(ctx context.Context, _ helpdesk.TenantID, key helpdesk.TicketKey) error {
	return c.terminals.EndAll(ctx, key)
}

func (c clearing) RemoveWorkspace(ctx context.Context, t helpdesk.TenantID, key helpdesk.TicketKey) error {
	return c.files.Remove(ctx, t, key)
}

func (c clearing) DeleteRecordings(ctx context.Context, key helpdesk.TicketKey) error {
	return c.launcher.DeleteTranscripts(ctx, string(key))
}
