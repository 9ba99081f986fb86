package httpapi

import (
	"context"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"helpdesk"
	"helpdesk/event"
)

// SuggestionView is a command that an agent proposed, with all that a decision binds and what came of it.
type SuggestionView struct {
	ID        string         `json:"id"`
	Ticket    string         `json:"ticket"`
	Turn      string         `json:"turn"`
	Agent     string         `json:"agent"`
	Instance  string         `json:"instance"`
	Position  int            `json:"position"`
	Digest    string         `json:"digest" doc:"What a decision must name; see docs/api/digest.md."`
	State     string         `json:"state" enum:"proposed,approved,running,rejected,ignored,lapsed,sent,ran,no_result,unknown"`
	Command   string         `json:"command"`
	Purpose   string         `json:"purpose"`
	Expected  string         `json:"expected"`
	Scope     string         `json:"scope"`
	Place     string         `json:"place"`
	Cwd       string         `json:"cwd"`
	Files     []ProposedFile `json:"files"`
	Risk      string         `json:"risk" enum:"reads,changes,destructive"`
	EnvNames  []string       `json:"env_names"`
	Decided   *Decided       `json:"decided,omitempty"`
	Run       string         `json:"run,omitempty" doc:"The id of its one execution."`
	Outcome   *event.Outcome `json:"outcome,omitempty"`
	Delivered bool           `json:"delivered" doc:"Whether the agent knows the decision or outcome."`
	Note      string         `json:"note,omitempty" doc:"Why it returned or lapsed."`
	At        time.Time      `json:"at"`
}

// ProposedFile is a file that is written before the command runs.
type ProposedFile struct {
	Path    string `json:"path"`
	Content string `json:"content"`
}

// Decided is a person's answer.
type Decided struct {
	Decision string    `json:"decision" enum:"approve,reject,ignore,execute,undo"`
	Reason   string    `json:"reason,omitempty"`
	By       event.By  `json:"by"`
	At       time.Time `json:"at"`
}

// RunPath is the path of a suggestion or Run of a ticket.
type RunPath struct {
	TicketPath
	ID string `path:"id" maxLength:"100"`
}

func (s *Server) suggestions() {
	const tag = "Suggestions and runs"
	register(s, operation{
		Method: "GET", Path: "/tickets/{key}/suggestions", ID: "listSuggestions", Permission: helpdesk.PermTicketRead, In: inTicket, Tag: tag,
		Summary: "List a ticket's suggested commands",
	}, func(ctx context.Context, by caller, in *TicketPath) (*list[SuggestionView], error) {
		suggestions, err := s.Approval.Suggestions(ctx, by.Actor, in.key())
		all := make([]SuggestionView, 0, len(suggestions))
		for _, x := range suggestions {
			all = append(all, suggestionView(x))
		}
		return whole(all), err
	})
	register(s, operation{
		Method: "POST", Path: "/tickets/{key}/suggestions/{id}/decision", ID: "decide", Permission: helpdesk.PermDecide, In: inTicket, Tag: tag,
		Summary: "Decide on a suggested command",
		About: "execute runs it now; approve runs it with the next message; reject tells the agent, with the reason; ignore tells nobody; undo takes the last decision back. " +
			"digest must be that of the suggestion as it was shown: if anything changed since, the decision is refused.",
	}, func(ctx context.Context, by caller, in *struct {
		RunPath
		Body struct {
			Decision string `json:"decision" enum:"approve,reject,ignore,execute,undo"`
			Digest   string `json:"digest" maxLength:"100"`
			Reason   string `json:"reason,omitempty" maxLength:"4000"`
		}
	}) (*one[SuggestionView], error) {
		choice, err := helpdesk.ParseChoice(in.Body.Decision)
		if err != nil {
			return nil, err
		}
		x, err := s.Approval.Decide(ctx, by.Actor, in.key(), helpdesk.SuggestionID(in.ID), choice, in.Body.Digest, in.Body.Reason)
		return &one[SuggestionView]{suggestionView(x)}, err
	})
	register(s, operation{
		Method: "POST", Path: "/tickets/{key}/runs/{id}/stop", ID: "stopRun", Permission: helpdesk.PermDecide, In: inTicket, Tag: tag, Status: http.StatusNoContent,
		Summary: "Stop a run",
	}, func(ctx context.Context, by caller, in *RunPath) (*nothing, error) {
		return nil, s.Approval.StopRun(ctx, by.Actor, in.key(), helpdesk.RunID(in.ID))
	})
	register(s, operation{
		Method: "GET", Path: "/tickets/{key}/runs/{id}/output", ID: "getRunOutput", Permission: helpdesk.PermTicketRead, In: inTicket, Tag: tag,
		Summary: "Read a run's whole output", Answer: "text/plain",
		AnswerSays: "The bytes that the command wrote, from the offset on. X-Output-Size is how many there are so far.",
	}, func(ctx context.Context, by caller, in *struct {
		RunPath
		From int64 `query:"from" minimum:"0" doc:"Offset in bytes."`
	}) (*huma.StreamResponse, error) {
		body, size, err := s.Approval.Output(ctx, by.Actor, in.key(), helpdesk.RunID(in.ID), in.From)
		if err != nil {
			return nil, err
		}
		return stream("text/plain; charset=utf-8", http.Header{"X-Output-Size": {strconv.FormatInt(size, 10)}}, body), nil
	})
	register(s, operation{
		Method: "POST", Path: "/tickets/{key}/runs/{id}/attachments", ID: "attachRun", Permission: helpdesk.PermTicketRead, In: inTicket, Tag: tag, Status: http.StatusCreated,
		Summary: "Get a single-use token to attach to a run", About: "It is good for 30 seconds, once. Whoever may see the ticket may watch; typing needs the permission to decide.",
	}, func(ctx context.Context, by caller, in *RunPath) (*one[AttachmentView], error) {
		a, err := s.Terminals.AttachRun(ctx, by.Actor, in.key(), helpdesk.RunID(in.ID))
		return &one[AttachmentView]{attachmentView(a, "/tickets/"+string(in.key())+"/runs/"+in.ID)}, err
	})
	register(s, operation{
		Method: "GET", Path: "/tickets/{key}/runs/{id}/attach", ID: "runSocket", Permission: helpdesk.PermPublic, Tag: tag, Status: http.StatusSwitchingProtocols,
		Summary: "Attach to a run by WebSocket", About: aboutSocket, Answer: "application/octet-stream", AnswerSays: "A WebSocket.",
	}, func(context.Context, caller, *RunPath) (*huma.StreamResponse, error) { return s.socket(), nil })
}

// stream answers with a body that is not JSON. It never takes the bytes for a page.
func stream(contentType string, header http.Header, body io.ReadCloser) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer func() { _ = body.Close() }() // only read from
		_, w := humago.Unwrap(ctx)
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
		maps.Copy(h, header)
		_, _ = io.Copy(w, body) // the status is out: what is left to do is to stop
	}}
}

func suggestionView(x Suggestion) SuggestionView {
	v := SuggestionView{
		ID: string(x.ID), Ticket: string(x.Ticket), Turn: string(x.Turn), Agent: string(x.Agent), Instance: string(x.Instance), Position: x.Position,
		Digest: x.Digest, State: string(x.State), Command: x.Command, Purpose: x.Purpose, Expected: x.Expected, Scope: x.Scope.String(),
		Place: x.Place, Cwd: x.Cwd, Files: []ProposedFile{}, Risk: string(x.Risk), EnvNames: append([]string{}, x.EnvNames...),
		Run: string(x.Run), Delivered: x.Delivered, Note: x.Note, At: x.At,
	}
	for _, f := range x.Files {
		v.Files = append(v.Files, ProposedFile(f))
	}
	if d := x.Decided; d != nil {
		v.Decided = &Decided{string(d.Choice), d.Reason, event.Who(d.By), d.At}
	}
	if x.Outcome != nil {
		o := event.OutcomeOf(*x.Outcome)
		v.Outcome = &o
	}
	return v
}
