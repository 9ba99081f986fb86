package httpapi

import (
	"context"
	"net/http"
	"strings"
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
	URL       string    `json:"url" doc:"Path of the WebSocket."`
	ExpiresAt time.Time `json:"expires_at"`
	MayType   bool      `json:"may_type" doc:"Whether whoever attaches may type; otherwise they watch."`
}

func (s *Server) terminals() {
	const tag = "Terminals"
	register(s, operation{
		Method: "GET", Path: "/tickets/{key}/terminals", ID: "listTerminals", Permission: helpdesk.PermTicketRead, In: inTicket, Tag: tag, Summary: "List a ticket's terminals",
	}, func(ctx context.Context, by caller, in *TicketPath) (*list[TerminalView], error) {
		terminals, err := s.Terminals.List(ctx, by.Actor, in.key())
		all := make([]TerminalView, 0, len(terminals))
		for _, t := range terminals {
			all = append(all, terminalView(t))
		}
		return whole(all), err
	})
	register(s, operation{
		Method: "POST", Path: "/tickets/{key}/terminals", ID: "openTerminal", Permission: helpdesk.PermTerminal, In: inTicket, Tag: tag, Status: http.StatusCreated,
		Summary: "Open a terminal", About: "Scope admin is for platform admins.",
	}, func(ctx context.Context, by caller, in *struct {
		Idempotent
		TicketPath
		Body struct {
			Scope string `json:"scope,omitempty" default:"tenant" maxLength:"300"`
			Cols  int    `json:"cols,omitempty" minimum:"2" maximum:"1000" default:"80"`
			Rows  int    `json:"rows,omitempty" minimum:"1" maximum:"1000" default:"24"`
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
		t, err := s.Terminals.Open(ctx, by.Actor, in.key(), OpenTerminal{scope, in.Body.Cols, in.Body.Rows}, in.once(by, "openTerminal", in.key(), in.Body))
		return &one[TerminalView]{terminalView(t)}, err
	})
	register(s, operation{
		Method: "PATCH", Path: "/terminals/{id}", ID: "changeTerminal", Permission: helpdesk.PermTerminal, In: inTerminal, Tag: tag,
		Summary: "Change a terminal's size, or record on",
	}, func(ctx context.Context, by caller, in *struct {
		IDPath
		Body struct {
			Cols *int `json:"cols,omitempty" minimum:"2" maximum:"1000"`
			Rows *int `json:"rows,omitempty" minimum:"1" maximum:"1000"`
			More bool `json:"more,omitempty" doc:"Record on after the limit of the recording was reached."`
		}
	}) (*one[TerminalView], error) {
		t, err := s.Terminals.Change(ctx, by.Actor, helpdesk.TerminalID(in.ID), ChangeTerminal(in.Body))
		return &one[TerminalView]{terminalView(t)}, err
	})
	register(s, operation{
		Method: "DELETE", Path: "/terminals/{id}", ID: "closeTerminal", Permission: helpdesk.PermTerminal, In: inTerminal, Tag: tag, Status: http.StatusNoContent,
		Summary: "Close a terminal", About: "Its recording stays.",
	}, func(ctx context.Context, by caller, in *IDPath) (*nothing, error) {
		return nil, s.Terminals.Close(ctx, by.Actor, helpdesk.TerminalID(in.ID))
	})
	register(s, operation{
		Method: "POST", Path: "/terminals/{id}/attachments", ID: "attachTerminal", Permission: helpdesk.PermTicketRead, In: inTerminal, Tag: tag, Status: http.StatusCreated,
		Summary: "Get a single-use token to attach to a terminal", About: "It is good for 30 seconds, once. Whoever may see the ticket may watch; typing needs the right to open such a terminal.",
	}, func(ctx context.Context, by caller, in *IDPath) (*one[AttachmentView], error) {
		a, err := s.Terminals.AttachTerminal(ctx, by.Actor, helpdesk.TerminalID(in.ID))
		return &one[AttachmentView]{attachmentView(a, "/terminals/"+in.ID)}, err
	})
	register(s, operation{
		Method: "GET", Path: "/terminals/{id}/attach", ID: "terminalSocket", Permission: helpdesk.PermPublic, Tag: tag, Status: http.StatusSwitchingProtocols,
		Summary: "Attach to a terminal by WebSocket", About: aboutSocket, Answer: "application/octet-stream", AnswerSays: "A WebSocket.",
	}, func(context.Context, caller, *IDPath) (*huma.StreamResponse, error) { return s.socket(), nil })
	register(s, operation{
		Method: "GET", Path: "/terminals/{id}/recording", ID: "getRecording", Permission: helpdesk.PermTicketRead, In: inTerminal, Tag: tag,
		Summary: "Download a terminal's recording", Answer: "application/x-asciicast", AnswerSays: "An asciicast v3 file.",
	}, func(ctx context.Context, by caller, in *IDPath) (*huma.StreamResponse, error) {
		body, err := s.Terminals.Recording(ctx, by.Actor, helpdesk.TerminalID(in.ID))
		if err != nil {
			return nil, err
		}
		return stream("application/x-asciicast", http.Header{"Content-Disposition": {attachmentNamed(in.ID + ".cast")}}, body), nil
	})
}

const aboutSocket = "The first message carries the attachment token, which is the permission. The frames are described in docs/api/terminal.md."

// socket hands the connection to whoever serves terminals.
func (s *Server) socket() *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		switch {
		case s.Attach == nil:
			s.noOperation(w, r)
			return
		case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Connection", "Upgrade")
			s.problem(w, r, &Problem{
				Title: http.StatusText(http.StatusUpgradeRequired), Status: http.StatusUpgradeRequired, RequestID: requestID(r.Context()),
				Detail: "This address speaks WebSocket only. Connect to it with a WebSocket client; docs/api/terminal.md describes the frames.",
			})
			return
		}
		s.Attach.ServeHTTP(w, r)
	}}
}

func attachmentView(a Attachment, path string) AttachmentView {
	return AttachmentView{Token: a.Token, URL: Prefix + path + "/attach", ExpiresAt: a.ExpiresAt, MayType: a.MayType}
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
