package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/danielgtaylor/huma/v2/validation"

	"helpdesk"
)

// Problem is an error as RFC 9457 writes it.
type Problem struct {
	Title     string  `json:"title" doc:"The status in words."`
	Status    int     `json:"status"`
	Detail    string  `json:"detail" doc:"One sentence that says what is wrong and what to do."`
	Errors    []Fault `json:"errors,omitempty" doc:"Faults of single fields."`
	RequestID string  `json:"request_id" doc:"Under this id the server's log has the details."`
}

// Fault is what is wrong with one field of a request.
type Fault struct {
	Location string `json:"location" doc:"Such as body.message."`
	Message  string `json:"message"`
}

// Error is the problem's sentence.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the problem's status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of problems, whatever was asked for.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// statuses is the one place where a kind of error becomes a status.
var statuses = map[helpdesk.Kind]int{
	helpdesk.Internal:     http.StatusInternalServerError,
	helpdesk.Invalid:      http.StatusUnprocessableEntity,
	helpdesk.Unauthorized: http.StatusUnauthorized,
	helpdesk.Forbidden:    http.StatusForbidden,
	helpdesk.NotFound:     http.StatusNotFound,
	helpdesk.Conflict:     http.StatusConflict,
	helpdesk.TooLarge:     http.StatusRequestEntityTooLarge,
	helpdesk.TooMany:      http.StatusTooManyRequests,
	helpdesk.Unavailable:  http.StatusServiceUnavailable,
}

// problemOf makes of any error what may be shown of it.
func problemOf(err error, requestID string) *Problem {
	var known *Problem
	if errors.As(err, &known) {
		return known
	}
	status := statuses[helpdesk.KindOf(err)]
	return &Problem{Title: http.StatusText(status), Status: status, Detail: helpdesk.PublicText(err), RequestID: requestID}
}

// problem answers a request with an error.
func (s *Server) problem(w http.ResponseWriter, r *http.Request, err error) {
	s.logFault(r, err)
	p := problemOf(err, requestID(r.Context()))
	w.Header().Set("Content-Type", p.ContentType(""))
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(p.Status)
	_ = marshal(w, p) // whoever asked may be gone
}

// logFault logs what was our fault, whole; what was the caller's is in the access log.
func (s *Server) logFault(r *http.Request, err error) {
	if k := helpdesk.KindOf(err); (k == helpdesk.Internal || k == helpdesk.Unavailable) && r.Context().Err() == nil {
		var known *Problem
		if !errors.As(err, &known) {
			s.cfg.Log.Error("request failed", "id", requestID(r.Context()), "method", r.Method, "path", r.URL.Path, "error", err)
		}
	}
}

// transformProblem gives the framework's own errors our form.
func transformProblem(ctx huma.Context, _ string, v any) (any, error) {
	switch e := v.(type) {
	case *Problem:
		return e, nil
	case *huma.ErrorModel:
		r, _ := humago.Unwrap(ctx)
		return frameworkProblem(e, ctx.Operation(), requestID(r.Context())), nil
	}
	return v, nil
}

func frameworkProblem(e *huma.ErrorModel, op *huma.Operation, id string) *Problem {
	p := &Problem{Title: http.StatusText(e.Status), Status: e.Status, Detail: e.Detail, RequestID: id}
	for _, d := range e.Errors {
		if d.Location != "" {
			p.Errors = append(p.Errors, faultOf(d.Location, d.Message))
		}
	}
	switch {
	case e.Status == http.StatusUnprocessableEntity && len(p.Errors) > 0:
		p.Detail = "The request is not as it should be: " + faults(p.Errors) + "."
	case e.Status == http.StatusRequestEntityTooLarge:
		p.Detail = fmt.Sprintf("The request's body is too large: at most %d bytes are taken here.", op.MaxBodyBytes-1)
	case e.Status == http.StatusUnsupportedMediaType:
		p.Detail = "Send the body as application/json."
	case e.Status == http.StatusBadRequest && len(p.Errors) == 0:
		p.Detail = "This request needs a body. Send it as JSON."
	case e.Status == http.StatusBadRequest:
		p.Errors = nil // they repeat what was sent
		p.Detail = "The request's body cannot be read. Send it as JSON."
	case e.Status >= http.StatusInternalServerError:
		p.Detail = helpdesk.PublicText(nil)
	default:
		p.Detail = sentence(e.Detail)
	}
	return p
}

// faultOf says in our words what the framework found at a place of the request.
func faultOf(location, message string) Fault {
	if name, ok := strings.CutPrefix(message, "expected required property "); ok {
		return Fault{location + "." + strings.TrimSuffix(name, " to be present"), "is missing"}
	}
	switch {
	case message == validation.MsgUnexpectedProperty:
		message = "there is no such field"
	case strings.HasSuffix(message, " parameter is missing"):
		message = "is missing"
	}
	return Fault{location, message}
}

// faults names the first few faults in one clause.
func faults(all []Fault) string {
	var parts []string
	for i, f := range all {
		if i == 3 {
			parts = append(parts, fmt.Sprintf("and %d more", len(all)-i))
			break
		}
		parts = append(parts, f.Location+": "+f.Message)
	}
	return strings.Join(parts, "; ")
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

// marshal writes JSON as it is: < and > stay readable, since the content type says that it is no page.
func marshal(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
