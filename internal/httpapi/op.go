package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"helpdesk"
	"helpdesk/internal/auth"
	"helpdesk/internal/store"
)

// in says where the tenant stands that an operation concerns.
type in string

const (
	nowhere    in = ""         // none
	inTicket   in = "ticket"   // of the ticket in the path, {key}
	inTerminal in = "terminal" // of the terminal in the path, {id}
	inBody     in = "body"     // named in the body: the input has the method tenantName
)

// operation is the one declaration of an operation: route, schema, documentation and permission.
type operation struct {
	Method     string
	Path       string
	ID         string
	Permission helpdesk.Permission
	In         in
	Summary    string
	About      string // more, for the reference
	Tag        string
	Status     int           // of success; default 200
	MaxBody    int64         // default 64 KiB
	MayBeEmpty bool          // the body may have no bytes; otherwise there must be one
	Read       time.Duration // for the body; default 30 s
	Answer     string        // content type, where the answer is not JSON
	AnswerSays string
}

const (
	metaPermission = "permission"
	metaIn         = "in"
)

// op turns a declaration into the framework's. It refuses one without a permission that there is.
func op(o operation) huma.Operation {
	if o.Permission == "" || !o.Permission.Known() {
		panic(fmt.Sprintf("httpapi: %s %s needs a permission, and has %q", o.Method, o.Path, o.Permission))
	}
	if o.In == nowhere && !platformOrOwn(o.Permission) {
		panic(fmt.Sprintf("httpapi: %s %s: %s needs to know the tenant", o.Method, o.Path, o.Permission))
	}
	if o.MaxBody == 0 {
		o.MaxBody = 64 << 10
	}
	if o.Read == 0 {
		o.Read = 30 * time.Second
	}
	h := huma.Operation{
		OperationID: o.ID, Method: o.Method, Path: o.Path, Summary: o.Summary, Description: o.About, Tags: []string{o.Tag},
		DefaultStatus: o.Status, MaxBodyBytes: o.MaxBody + 1, BodyReadTimeout: o.Read, // the framework refuses what reaches its limit, we what is beyond ours
		Metadata: map[string]any{metaPermission: o.Permission, metaIn: o.In},
		Extensions: map[string]any{
			"x-permission": string(o.Permission),
		},
		Responses: map[string]*huma.Response{},
	}
	if o.Permission != helpdesk.PermPublic {
		h.Security = []map[string][]string{{"token": {}}, {"cookie": {}}}
	}
	if o.MayBeEmpty {
		h.RequestBody = &huma.RequestBody{} // the framework fills it in; register then says that it is optional
	}
	if o.Answer != "" {
		status := o.Status
		if status == 0 {
			status = http.StatusOK
		}
		h.Responses[fmt.Sprint(status)] = &huma.Response{
			Description: o.AnswerSays, Content: map[string]*huma.MediaType{o.Answer: {Schema: &huma.Schema{Type: "string"}}},
		}
	}
	return h
}

// platformOrOwn says whether a permission can be decided without a tenant: those of the platform, those about
// oneself, and reading whatever is within reach.
func platformOrOwn(p helpdesk.Permission) bool {
	return p.Platform() || p == helpdesk.PermPublic || p == helpdesk.PermSelf || p == helpdesk.PermTicketRead
}

// caller is who asks. The zero caller is nobody.
type caller struct {
	helpdesk.Actor
	who    auth.Who
	client auth.Client
	tenant helpdesk.Tenant // of an operation with inBody
}

type callerKey struct{}

// namesTenant is an input whose body says which tenant it is about, by id or key.
type namesTenant interface{ tenantName() string }

// register makes an operation answer. The handler gets who asks; its errors become problems. Types embedded in an input
// must be exported: the framework does not see others.
func register[I, O any](s *Server, o operation, handle func(ctx context.Context, by caller, in *I) (*O, error)) {
	if _, ok := any(new(I)).(namesTenant); ok != (o.In == inBody) {
		panic(fmt.Sprintf("httpapi: %s %s: the input must name the tenant where it is in the body, and nowhere else", o.Method, o.Path))
	}
	s.declared = append(s.declared, o)
	if !slices.Contains(s.tags, o.Tag) {
		s.tags = append(s.tags, o.Tag)
	}
	answer := func(ctx context.Context, input *I) (*O, error) {
		by, _ := ctx.Value(callerKey{}).(caller)
		if named, ok := any(input).(namesTenant); ok {
			t, err := s.Directory.Tenant(ctx, by.Actor, named.tenantName())
			if err == nil {
				err = helpdesk.May(by.Actor, o.Permission, t.ID)
			}
			if err != nil {
				return nil, s.fail(ctx, o, err)
			}
			by.tenant = t
		}
		out, err := handle(ctx, by, input)
		if err != nil {
			return nil, s.fail(ctx, o, err)
		}
		return out, nil
	}
	declared := op(o)
	huma.Register(s.api, declared, answer)
	if o.MayBeEmpty {
		declared.RequestBody.Required = false
	}
}

// fail logs what is our fault and makes a problem of any error.
func (s *Server) fail(ctx context.Context, o operation, err error) error {
	if k := helpdesk.KindOf(err); (k == helpdesk.Internal || k == helpdesk.Unavailable) && ctx.Err() == nil {
		s.cfg.Log.Error("operation failed", "id", requestID(ctx), "operation", o.ID, "error", err)
	}
	return problemOf(err, requestID(ctx))
}

// Idempotent is part of the input of POSTs that create something.
type Idempotent struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"200" doc:"Any text that is new for each new request. The same request repeated with it within 24 hours has its effect once."`
}

// once binds the key to who asks, the operation and what was asked.
func (i Idempotent) once(by caller, operation string, about ...any) store.Once {
	if i.IdempotencyKey == "" {
		return store.Once{}
	}
	h := sha256.New()
	_ = json.NewEncoder(h).Encode(append([]any{operation}, about...)) // inputs that were decoded can be encoded
	return store.Once{Actor: by.ID, Key: i.IdempotencyKey, Hash: hex.EncodeToString(h.Sum(nil))}
}

// list is a list that is always whole.
type list[T any] struct {
	Body struct {
		Items []T `json:"items"`
	}
}

func whole[T any](items []T) *list[T] {
	l := &list[T]{}
	l.Body.Items = items
	if items == nil {
		l.Body.Items = []T{}
	}
	return l
}

// page is a list that goes on.
type page[T any] struct {
	Body struct {
		Items []T    `json:"items"`
		Next  string `json:"next,omitempty" doc:"Where the list goes on; absent at its end."`
	}
}

type one[T any] struct{ Body T }

type created[T any] struct {
	Location string `header:"Location"`
	Body     T
}

type nothing struct{}
