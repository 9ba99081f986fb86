package httpapi

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/live"
	"helpdesk/internal/store"
)

// Ticket is one task or trouble.
type Ticket struct {
	Key          string     `json:"key"`
	Title        string     `json:"title"`
	Status       string     `json:"status" enum:"open,in_progress,closed"`
	Solved       *bool      `json:"solved,omitempty" doc:"The answer given on closing."`
	Activity     string     `json:"activity" enum:"idle,agent_working,waiting_for_you"`
	Agent        string     `json:"agent"`
	AgentName    string     `json:"agent_name"`
	Instance     string     `json:"instance"`
	InstanceName string     `json:"instance_name"`
	Tenant       string     `json:"tenant"`
	TenantName   string     `json:"tenant_name"`
	Seq          int64      `json:"seq" doc:"Of its newest event."`
	Held         bool       `json:"held" doc:"Whether messages wait until somebody releases or discards them."`
	CreatedBy    event.By   `json:"created_by"`
	CreatedAt    time.Time  `json:"created_at"`
	ChangedAt    time.Time  `json:"changed_at"`
	DeletedAt    *time.Time `json:"deleted_at,omitempty"`
}

// TicketPath is the path of what belongs to a ticket.
type TicketPath struct {
	Key string `path:"key" maxLength:"40" doc:"Such as HD-12." example:"HD-12"`
}

// key is the ticket's key, which the guard has read already.
func (k TicketPath) key() helpdesk.TicketKey {
	key, _ := helpdesk.ParseTicketKey(k.Key)
	return key
}

type createTicket struct {
	Idempotent
	Body struct {
		Tenant   string `json:"tenant" maxLength:"100" doc:"Its id or key."`
		Agent    string `json:"agent" maxLength:"100"`
		Instance string `json:"instance,omitempty" maxLength:"100" doc:"Default: the only one of the agent that the tenant may use."`
		Message  string `json:"message" minLength:"1"`
	}
}

func (c *createTicket) tenantName() string { return c.Body.Tenant }

func (s *Server) tickets() {
	const tag = "Tickets"
	messageBody := 4*s.cfg.Message + 64<<10 // as JSON, escapes included, it may be longer than the message
	register(s, operation{
		Method: "POST", Path: "/tickets", ID: "createTicket", Permission: helpdesk.PermTicketWrite, In: inBody, Tag: tag, Status: http.StatusCreated, MaxBody: messageBody,
		Summary: "Open a ticket",
	}, func(ctx context.Context, by caller, in *createTicket) (*created[Ticket], error) {
		t, err := s.Desk.Create(ctx, by.Actor, NewTicket{
			Tenant: by.tenant.ID, Agent: helpdesk.AgentID(in.Body.Agent), Instance: helpdesk.InstanceID(in.Body.Instance), Message: in.Body.Message,
		}, in.once(by, "createTicket", in.Body))
		if err != nil {
			return nil, err
		}
		x, err := s.ticketOf(ctx, t)
		return &created[Ticket]{Prefix + "/tickets/" + x.Key, x}, err
	})
	register(s, operation{
		Method: "GET", Path: "/tickets", ID: "listTickets", Permission: helpdesk.PermTicketRead, Tag: tag,
		Summary: "List tickets, the one changed last first",
	}, func(ctx context.Context, by caller, in *struct {
		Q        string `query:"q" maxLength:"200" doc:"Words that title or messages hold, or a key."`
		Status   string `query:"status" enum:"open,in_progress,closed"`
		Activity string `query:"activity" enum:"idle,agent_working,waiting_for_you"`
		Tenant   string `query:"tenant" maxLength:"100" doc:"Its id or key."`
		Cursor   string `query:"cursor" maxLength:"200"`
		Limit    int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}) (*page[Ticket], error) {
		f := store.TicketFilter{
			Words: in.Q, Status: helpdesk.TicketStatus(in.Status), Activity: helpdesk.Activity(in.Activity), Limit: in.Limit + 1,
		}
		var err error
		if f.Before, err = parseCursor(in.Cursor); err != nil {
			return nil, err
		}
		if in.Tenant != "" {
			t, err := s.Directory.Tenant(ctx, by.Actor, in.Tenant)
			if err != nil {
				return nil, err
			}
			f.Tenant = t.ID
		}
		tickets, err := s.Desk.Tickets(ctx, by.Actor, f)
		if err != nil {
			return nil, err
		}
		p := &page[Ticket]{}
		if len(tickets) > in.Limit {
			tickets = tickets[:in.Limit]
			last := tickets[in.Limit-1]
			p.Body.Next = cursorText(store.TicketCursor{ChangedAt: last.ChangedAt, Key: last.Key})
		}
		names, err := s.Directory.Names(ctx)
		if err != nil {
			return nil, err
		}
		p.Body.Items = make([]Ticket, 0, len(tickets))
		for _, t := range tickets {
			p.Body.Items = append(p.Body.Items, ticketView(t, names))
		}
		return p, nil
	})
	register(s, operation{
		Method: "GET", Path: "/tickets/{key}", ID: "getTicket", Permission: helpdesk.PermTicketRead, In: inTicket, Tag: tag, Summary: "Show a ticket",
	}, func(ctx context.Context, by caller, in *TicketPath) (*one[Ticket], error) {
		return s.oneTicket(ctx)(s.Desk.Ticket(ctx, by.Actor, in.key()))
	})
	register(s, operation{
		Method: "PATCH", Path: "/tickets/{key}", ID: "changeTicket", Permission: helpdesk.PermTicketWrite, In: inTicket, Tag: tag,
		Summary: "Change a ticket's status, title, agent or instance",
		About:   "Closing stops what runs in the ticket and deletes its files; a ticket that is opened again has new, empty ones.",
	}, func(ctx context.Context, by caller, in *struct {
		TicketPath
		Body struct {
			Status   *string `json:"status,omitempty" enum:"open,in_progress,closed"`
			Solved   *bool   `json:"solved,omitempty" doc:"On closing: whether the trouble is gone."`
			Title    *string `json:"title,omitempty" maxLength:"1000"`
			Agent    *string `json:"agent,omitempty" maxLength:"100"`
			Instance *string `json:"instance,omitempty" maxLength:"100"`
		}
	}) (*one[Ticket], error) {
		return s.oneTicket(ctx)(s.Desk.Change(ctx, by.Actor, in.key(), ChangeTicket{
			Status: (*helpdesk.TicketStatus)(in.Body.Status), Solved: in.Body.Solved, Title: in.Body.Title,
			Agent: (*helpdesk.AgentID)(in.Body.Agent), Instance: (*helpdesk.InstanceID)(in.Body.Instance),
		}))
	})
	register(s, operation{
		Method: "DELETE", Path: "/tickets/{key}", ID: "deleteTicket", Permission: helpdesk.PermTicketWrite, In: inTicket, Tag: tag, Status: http.StatusNoContent,
		Summary: "Delete a ticket", About: "For a while it can be restored.",
	}, func(ctx context.Context, by caller, in *TicketPath) (*nothing, error) {
		return nil, s.Desk.Delete(ctx, by.Actor, in.key())
	})
	register(s, operation{
		Method: "POST", Path: "/tickets/{key}/restore", ID: "restoreTicket", Permission: helpdesk.PermTicketWrite, In: inTicket, Tag: tag, Summary: "Undo the deletion of a ticket",
	}, func(ctx context.Context, by caller, in *TicketPath) (*one[Ticket], error) {
		return s.oneTicket(ctx)(s.Desk.Restore(ctx, by.Actor, in.key()))
	})
	s.conversation(tag, messageBody)
}

// Posted says what became of a message.
type Posted struct {
	Message string `json:"message" doc:"Its id."`
	Turn    string `json:"turn" doc:"The turn that answers it."`
}

func (s *Server) conversation(tag string, messageBody int64) {
	register(s, operation{
		Method: "POST", Path: "/tickets/{key}/messages", ID: "postMessage", Permission: helpdesk.PermTicketWrite, In: inTicket, Tag: tag,
		Status: http.StatusAccepted, MaxBody: messageBody,
		Summary: "Send a message to an agent", About: "What was decided since the last message is carried out and delivered with it. Without content it delivers results only.",
	}, func(ctx context.Context, by caller, in *struct {
		Idempotent
		TicketPath
		Body struct {
			Content string `json:"content"`
			To      string `json:"to,omitempty" maxLength:"100" doc:"An instance; default: the ticket's."`
		}
	}) (*one[Posted], error) {
		m, t, err := s.Desk.Post(ctx, by.Actor, in.key(), in.Body.Content, helpdesk.InstanceID(in.Body.To), in.once(by, "postMessage", in.key(), in.Body))
		return &one[Posted]{Posted{string(m), string(t)}}, err
	})
	register(s, operation{
		Method: "POST", Path: "/tickets/{key}/turns/stop", ID: "stopTurn", Permission: helpdesk.PermTicketWrite, In: inTicket, Tag: tag, Status: http.StatusNoContent,
		Summary: "Stop the running turn", About: "Messages that wait are held until they are released.",
	}, func(ctx context.Context, by caller, in *TicketPath) (*nothing, error) {
		return nil, s.Desk.Stop(ctx, by.Actor, in.key())
	})
	register(s, operation{
		Method: "POST", Path: "/tickets/{key}/turns/release", ID: "releaseTurns", Permission: helpdesk.PermTicketWrite, In: inTicket, Tag: tag, Status: http.StatusNoContent,
		Summary: "Send or discard the messages that are held",
	}, func(ctx context.Context, by caller, in *struct {
		TicketPath
		Body struct {
			Discard bool `json:"discard" doc:"Whether to discard them."`
		}
	}) (*nothing, error) {
		return nil, s.Desk.Release(ctx, by.Actor, in.key(), in.Body.Discard)
	})
	register(s, operation{
		Method: "GET", Path: "/tickets/{key}/timeline", ID: "getTimeline", Permission: helpdesk.PermTicketRead, In: inTicket, Tag: tag,
		Summary: "Read a ticket's events",
		About: "In ascending order. With after, the oldest after that; next is then what to give as after. Without, the newest, or with before the newest before that; " +
			"next is then what to give as before.",
	}, func(ctx context.Context, by caller, in *struct {
		TicketPath
		After  int64 `query:"after" minimum:"-1" default:"-1" doc:"A sequence number; 0 is before the first, -1 is as if not given."`
		Before int64 `query:"before" minimum:"0"`
		Limit  int   `query:"limit" minimum:"1" maximum:"1000" default:"200"`
	}) (*page[live.Event], error) {
		span := store.Span{After: max(0, in.After), Before: in.Before, Limit: in.Limit + 1, Newest: in.After < 0}
		events, err := s.Desk.Timeline(ctx, by.Actor, in.key(), span)
		if err != nil {
			return nil, err
		}
		p := &page[live.Event]{}
		if len(events) > in.Limit {
			if span.Newest {
				events = events[1:]
				p.Body.Next = strconv.FormatInt(events[0].Seq, 10)
			} else {
				events = events[:in.Limit]
				p.Body.Next = strconv.FormatInt(events[in.Limit-1].Seq, 10)
			}
		}
		p.Body.Items = make([]live.Event, 0, len(events))
		for _, e := range events {
			p.Body.Items = append(p.Body.Items, live.EventOf(e))
		}
		return p, nil
	})
}

// oneTicket makes an answer of what a service returns.
func (s *Server) oneTicket(ctx context.Context) func(helpdesk.Ticket, error) (*one[Ticket], error) {
	return func(t helpdesk.Ticket, err error) (*one[Ticket], error) {
		if err != nil {
			return nil, err
		}
		x, err := s.ticketOf(ctx, t)
		return &one[Ticket]{x}, err
	}
}

func (s *Server) ticketOf(ctx context.Context, t helpdesk.Ticket) (Ticket, error) {
	names, err := s.Directory.Names(ctx)
	return ticketView(t, names), err
}

func ticketView(t helpdesk.Ticket, names store.Names) Ticket {
	return Ticket{
		Key: string(t.Key), Title: t.Title, Status: string(t.Status), Solved: t.Solved, Activity: string(t.Activity),
		Agent: string(t.Agent), AgentName: names.Agents[t.Agent], Instance: string(t.Instance), InstanceName: names.Instances[t.Instance],
		Tenant: string(t.Tenant), TenantName: names.Tenants[t.Tenant], Seq: t.Seq, Held: t.Held, CreatedBy: event.Who(t.CreatedBy),
		CreatedAt: t.CreatedAt, ChangedAt: t.ChangedAt, DeletedAt: t.DeletedAt,
	}
}

// cursorText is a place in the list of tickets, as opaque text.
func cursorText(c store.TicketCursor) string {
	return base64.RawURLEncoding.EncodeToString([]byte("1 " + strconv.FormatInt(c.ChangedAt.UnixMicro(), 10) + " " + string(c.Key)))
}

// parseCursor reads what cursorText made; "" is the beginning.
func parseCursor(s string) (store.TicketCursor, error) {
	if s == "" {
		return store.TicketCursor{}, nil
	}
	bad := helpdesk.Errorf(helpdesk.Invalid, "The cursor cannot be read. Give next of the page before as it was, or none.")
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return store.TicketCursor{}, bad
	}
	parts := strings.Split(string(b), " ")
	if len(parts) != 3 || parts[0] != "1" {
		return store.TicketCursor{}, bad
	}
	micros, err := strconv.ParseInt(parts[1], 10, 64)
	key, keyErr := helpdesk.ParseTicketKey(parts[2])
	if err != nil || keyErr != nil || string(key) != parts[2] {
		return store.TicketCursor{}, bad
	}
	return store.TicketCursor{ChangedAt: time.UnixMicro(micros).UTC(), Key: key}, nil
}
