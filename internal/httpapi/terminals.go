package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"helpdesk"
	"helpdesk/event"
)

// TerminalView is a shared shell.
type TerminalView struct {
	ID       string     `json:"id"`
	Ticket   string     `json:"ticket"`
	Scope    string     `json:"scope"`
	Place    string     `json:"place"`
	Title    string     `json:"title"`
	State    string     `json:"state" enum:"live,ended"`
	Cols     int        `json:"cols"`
	Rows     int        `json:"rows"`
	OpenedBy event.By   `json:"opened_by"`
	OpenedAt time.Time  `json:"opened_at"`
	EndedAt  *time.Time `json:"ended_at,omitempty"`
	Reason   string     `json:"reason,omitempty" doc:"Why it ended."`
}

// AttachmentView opens a terminal once.
type AttachmentView struct {
	Token     string    `json:"token" doc:"Sent in the first message of the WebSocket."`
	Path      string    `json:"path" doc:"Of the WebSocket."`
	ExpiresAt time.Time `json:"expires_at"`
}

const (
	roleWrite = "write"
	roleWatch = "watch"
)

type attachBody struct {
	Role string `json:"role,omitempty" enum:"write,watch" default:"write" doc:"Whether one may type."`
}

func (s *Server) terminals() {
	const tag = "Terminals"
	register(s, operation{
		Method: "GET", Path: "/tickets/{key}/terminals", ID: "list-terminals", Permission: helpdesk.PermTicketRead, In: inTicket, Tag: tag, Summary: "List a ticket's terminals",
	}, func(ctx context.Context, by caller, in *byKey) (*list[TerminalView], error) {
		terminals, err := s.Terminals.List(ctx, by.Actor, in.key())
		all := make([]TerminalView, 0, len(terminals))
		for _, t := range terminals {
			all = append(all, terminalView(t))
		}
		return whole(all), err
	})
	register(s, operation{
		Method: "POST", Path: "/tickets/{key}/terminals", ID: "open-terminal", Permission: helpdesk.PermTerminal, In: inTicket, Tag: tag, Status: http.StatusCreated,
		Summary: "Open a terminal", About: "Scope admin is for platform admins.",
	}, func(ctx context.Context, by caller, in *struct {
		Idempotent
		byKey
		Body struct {
			Scope string `json:"scope,omitempty" default:"tenant" maxLength:"300"`
			Cols  int    `json:"cols,omitempty" minimum:"2" maximum:"1000" default:"80"`
			Rows  int    `json:"rows,omitempty" minimum:"2" maximum:"1000" default:"24"`
		}
	}) (*one[TerminalView], error) {
		scope, err := helpdesk.ParseScope(in.Body.Scope)
		if err != nil {
			return nil, err
		}
		if scope.Admin() {
			if _, err := s.mayTicket(ctx, by.Actor, helpdesk.PermAdminTerminal, in.Key); err != nil {
				return nil, err
			}
			if !s.cfg.AdminTerminal {
				return nil, helpdesk.Errorf(helpdesk.Forbidden, "Terminals of scope admin are switched off on this server. Set HELPDESK_ADMIN_TERMINAL=on to have them.")
			}
		}
		t, err := s.Terminals.Open(ctx, by.Actor, in.key(), OpenTerminal{scope, in.Body.Cols, in.Body.Rows}, in.once(by, "open-terminal", in.key(), in.Body))
		return &one[TerminalView]{terminalView(t)}, err
	})
	register(s, operation{
		Method: "PATCH", Path: "/terminals/{id}", ID: "change-terminal", Permission: helpdesk.PermTerminal, In: inTerminal, Tag: tag, Summary: "Change a terminal's title or size",
	}, func(ctx context.Context, by caller, in *struct {
		byID
		Body struct {
			Title *string `json:"title,omitempty" maxLength:"400"`
			Cols  *int    `json:"cols,omitempty" minimum:"2" maximum:"1000"`
			Rows  *int    `json:"rows,omitempty" minimum:"2" maximum:"1000"`
		}
	}) (*one[TerminalView], error) {
		t, err := s.Terminals.Change(ctx, by.Actor, helpdesk.TerminalID(in.ID), ChangeTerminal(in.Body))
		return &one[TerminalView]{terminalView(t)}, err
	})
	register(s, operation{
		Method: "DELETE", Path: "/terminals/{id}", ID: "close-terminal", Permission: helpdesk.PermTerminal, In: inTerminal, Tag: tag, Status: http.StatusNoContent,
		Summary: "Close a terminal", About: "Its recording stays.",
	}, func(ctx context.Context, by caller, in *byID) (*nothing, error) {
		return nil, s.Terminals.Close(ctx, by.Actor, helpdesk.TerminalID(in.ID))
	})
	register(s, operation{
		Method: "POST", Path: "/terminals/{id}/attachments", ID: "attach-terminal", Permission: helpdesk.PermTerminal, In: inTerminal, Tag: tag, Status: http.StatusCreated,
		Summary: "Get a single-use token to attach to a terminal", About: "It is good for 30 seconds, once.",
	}, func(ctx context.Context, by caller, in *struct {
		byID
		Body attachBody
	}) (*one[AttachmentView], error) {
		a, err := s.Terminals.AttachTerminal(ctx, by.Actor, helpdesk.TerminalID(in.ID), in.Body.Role == roleWrite)
		return &one[AttachmentView]{attachmentView(a, in.ID)}, err
	})
	register(s, operation{
		Method: "GET", Path: "/terminals/{id}/attach", ID: "attach", Permission: helpdesk.PermPublic, Tag: tag, Status: http.StatusSwitchingProtocols,
		Summary: "Attach to a terminal by WebSocket", About: "The first message carries the attachment token, which is the permission. The frames are described in docs/api/terminal.md.",
		Answer: "application/octet-stream", AnswerSays: "A WebSocket.",
	}, func(context.Context, caller, *byID) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			r, w := humago.Unwrap(ctx)
			if s.Attach == nil {
				s.noOperation(w, r)
				return
			}
			s.Attach.ServeHTTP(w, r)
		}}, nil
	})
	register(s, operation{
		Method: "GET", Path: "/terminals/{id}/recording", ID: "get-recording", Permission: helpdesk.PermTicketRead, In: inTerminal, Tag: tag,
		Summary: "Download a terminal's recording", Answer: "application/x-asciicast", AnswerSays: "An asciicast v3 file.",
	}, func(ctx context.Context, by caller, in *byID) (*huma.StreamResponse, error) {
		body, err := s.Terminals.Recording(ctx, by.Actor, helpdesk.TerminalID(in.ID))
		if err != nil {
			return nil, err
		}
		return stream("application/x-asciicast", http.Header{"Content-Disposition": {attachmentNamed(in.ID + ".cast")}}, body), nil
	})
}

func attachmentView(a Attachment, id string) AttachmentView {
	return AttachmentView{Token: a.Token, Path: Prefix + "/terminals/" + id + "/attach", ExpiresAt: a.ExpiresAt}
}

func terminalView(t helpdesk.Terminal) TerminalView {
	v := TerminalView{
		ID: string(t.ID), Ticket: string(t.Ticket), Scope: t.Scope.String(), Place: t.Place, Title: t.Title, State: string(t.State),
		Cols: t.Cols, Rows: t.Rows, OpenedBy: event.Who(t.OpenedBy), OpenedAt: t.OpenedAt, Reason: t.Reason,
	}
	if !t.EndedAt.IsZero() {
		v.EndedAt = &t.EndedAt
	}
	return v
}
