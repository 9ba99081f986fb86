package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"helpdesk"
	"helpdesk/internal/live"
)

// slowest is how long a viewer may take for one batch before its connection counts as dead.
const slowest = 30 * time.Second

func (s *Server) events() {
	register(s, operation{
		Method: "GET", Path: "/events", ID: "watchEvents", Permission: helpdesk.PermTicketRead, Tag: "Events",
		Summary: "Watch what happens", Answer: "text/event-stream", AnswerSays: "Server-sent events; see docs/api/events.md.",
		About: "One stream for all that a page shows: the events and streamed parts of up to 50 tickets, and, with list, which of all tickets changed. " +
			"With Last-Event-ID it goes on where another stream ended; without, it begins with what is new.",
	}, func(ctx context.Context, by caller, in *struct {
		Ticket []string `query:"ticket,explode" maxItems:"50" doc:"A ticket's key; may be repeated."`
		List   bool     `query:"list" doc:"Whether to tell which of all tickets within reach changed."`
		LastID string   `header:"Last-Event-ID" maxLength:"4096"`
		Last   string   `query:"last_event_id" maxLength:"4096" doc:"The same as the header, for clients that cannot set it."`
	}) (*huma.StreamResponse, error) {
		w := live.Watch{List: in.List}
		last := in.LastID
		if last == "" {
			last = in.Last
		}
		var err error
		if w.From, err = live.ParseCursor(last); err != nil {
			return nil, err
		}
		for _, text := range in.Ticket {
			tenant, err := s.mayTicket(ctx, by.Actor, helpdesk.PermTicketRead, text)
			if err != nil {
				return nil, err
			}
			key, _ := helpdesk.ParseTicketKey(text)
			w.Tickets = append(w.Tickets, live.At{Key: key, Tenant: tenant})
		}
		st, err := s.Live.Open(ctx, by.Actor, w)
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) { s.serveStream(ctx, st, w.Tickets) }}, nil
	})
}

func (s *Server) serveStream(ctx huma.Context, st *live.Stream, tickets []live.At) {
	defer st.Close()
	r, w := humago.Unwrap(ctx)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return // whoever asks for the head alone would wait for its end for ever
	}
	// Whoever may no longer see this is found out by asking the same questions as at the beginning.
	still := func(ctx context.Context) (helpdesk.Actor, error) {
		by, err := s.identify(r.WithContext(ctx))
		if err == nil {
			err = helpdesk.May(by.Actor, helpdesk.PermTicketRead, "")
		}
		for _, at := range tickets {
			if err == nil {
				err = helpdesk.May(by.Actor, helpdesk.PermTicketRead, at.Tenant)
			}
		}
		return by.Actor, err
	}
	err := st.Serve(r.Context(), &eventWriter{ResponseWriter: w, control: http.NewResponseController(w)}, still)
	if err != nil && helpdesk.KindOf(err) == helpdesk.Internal && r.Context().Err() == nil && !errors.Is(err, errViewerGone) {
		s.cfg.Log.Warn("event stream ended", "id", requestID(r.Context()), "error", err)
	}
}

var errViewerGone = errors.New("the viewer is gone")

// eventWriter sends each batch at once, and gives up on a viewer who does not take it.
type eventWriter struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (w *eventWriter) Write(p []byte) (int, error) {
	_ = w.control.SetWriteDeadline(time.Now().Add(slowest)) // without deadlines, TCP's own must do
	n, err := w.ResponseWriter.Write(p)
	if err != nil {
		err = errors.Join(errViewerGone, err)
	}
	return n, err
}

// Flush sends what was written.
func (w *eventWriter) Flush() error {
	if err := w.control.Flush(); err != nil {
		return errors.Join(errViewerGone, err)
	}
	return nil
}
