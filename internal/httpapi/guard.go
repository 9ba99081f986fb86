package httpapi

import (
	"context"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"helpdesk"
	"helpdesk/internal/store"
)

// cookieName is the cookie of a session.
const cookieName = "helpdesk_session"

// guard is the one choke point: it finds out who asks, which tenant that concerns, and whether they may.
func (s *Server) guard(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	by, err := s.identify(r)
	permission, _ := ctx.Operation().Metadata[metaPermission].(helpdesk.Permission)
	if permission == helpdesk.PermPublic && helpdesk.KindOf(err) == helpdesk.Unauthorized {
		err = nil // whoever is nobody any more may still sign in
	}
	if err == nil {
		err = s.authorise(ctx, &by, permission)
	}
	if err != nil {
		s.problem(w, r, err)
		return
	}
	note(r.Context(), by.ID)
	plainContentType(r)
	next(huma.WithValue(ctx, callerKey{}, by))
}

// plainContentType makes the type of a body what the framework compares it with: small letters, no parameters. What is no
// type is nothing that an operation takes for JSON.
func plainContentType(r *http.Request) {
	given := r.Header.Get("Content-Type")
	if given == "" {
		return
	}
	kind, _, err := mime.ParseMediaType(given)
	if err != nil {
		kind = "application/octet-stream"
	}
	r.Header.Set("Content-Type", kind)
}

// identify recognises who asks, by token or by cookie. Nobody is no error.
func (s *Server) identify(r *http.Request) (by caller, err error) {
	by.client.Address, by.client.Name = s.clientAddress(r), r.UserAgent()
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, token, _ := strings.Cut(h, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return by, helpdesk.Errorf(helpdesk.Unauthorized, "Send an API token as Authorization: Bearer hd_…")
		}
		by.who, err = s.Auth.ByToken(r.Context(), strings.TrimSpace(token))
	} else if c, e := r.Cookie(cookieName); e == nil {
		by.who, err = s.Auth.BySession(r.Context(), c.Value)
	}
	by.Actor = by.who.Actor
	return by, err
}

// authorise asks helpdesk.May, and nothing else decides.
func (s *Server) authorise(ctx huma.Context, by *caller, permission helpdesk.Permission) error {
	if permission == helpdesk.PermPublic {
		return nil
	}
	if by.Kind == "" {
		return helpdesk.Errorf(helpdesk.Unauthorized, "Sign in first.")
	}
	where, _ := ctx.Operation().Metadata[metaIn].(in)
	switch where {
	case inBody: // decided by register, once the body is read
		return nil
	case inTicket:
		_, err := s.mayTicket(ctx.Context(), by.Actor, permission, ctx.Param("key"))
		return err
	case inTerminal:
		p, err := s.where.terminal(ctx.Context(), s.Store, helpdesk.TerminalID(ctx.Param("id")))
		if err != nil {
			return err
		}
		if err := helpdesk.May(by.Actor, permission, p.tenant); err != nil {
			return asNotThere(err, noTerminal)
		}
		if p.admin && permission == helpdesk.PermTerminal {
			return helpdesk.May(by.Actor, helpdesk.PermAdminTerminal, p.tenant)
		}
		return nil
	}
	return helpdesk.May(by.Actor, permission, "")
}

// mayTicket decides about a ticket and gives its tenant. A ticket of others and none at all are the same answer.
func (s *Server) mayTicket(ctx context.Context, by helpdesk.Actor, permission helpdesk.Permission, text string) (helpdesk.TenantID, error) {
	key, err := helpdesk.ParseTicketKey(text)
	if err != nil {
		return "", err
	}
	p, err := s.where.ticket(ctx, s.Store, key)
	if err != nil {
		return "", asNotThere(err, noTicket)
	}
	return p.tenant, asNotThere(helpdesk.May(by, permission, p.tenant), noTicket)
}

const (
	noTicket   = "There is no such ticket, or it is not yours to see."
	noTerminal = "There is no such terminal, or it is not yours to see."
)

// asNotThere gives every NotFound the same sentence.
func asNotThere(err error, sentence string) error {
	if helpdesk.KindOf(err) == helpdesk.NotFound {
		return helpdesk.Errorf(helpdesk.NotFound, "%s", sentence)
	}
	return err
}

// place is to whom something belongs. It never changes.
type place struct {
	tenant helpdesk.TenantID
	admin  bool // a terminal of scope admin
}

// where remembers to whom things belong.
type where struct {
	mu      sync.Mutex
	tenants map[string]place
}

const whereMost = 50_000

func (w *where) ticket(ctx context.Context, s Store, key helpdesk.TicketKey) (place, error) {
	return w.find("ticket "+string(key), func() (p place, err error) {
		err = s.View(ctx, everything(), func(tx *store.Tx) error {
			t, err := tx.AnyTicket(key)
			p.tenant = t.Tenant
			return err
		})
		return p, err
	})
}

func (w *where) terminal(ctx context.Context, s Store, id helpdesk.TerminalID) (place, error) {
	p, err := w.find("terminal "+string(id), func() (p place, err error) {
		err = s.View(ctx, everything(), func(tx *store.Tx) error {
			t, err := tx.Terminal(id)
			p.tenant, p.admin = t.Tenant, t.Scope.Admin()
			return err
		})
		return p, err
	})
	return p, asNotThere(err, noTerminal)
}

func (w *where) find(key string, read func() (place, error)) (place, error) {
	w.mu.Lock()
	p, ok := w.tenants[key]
	w.mu.Unlock()
	if ok {
		return p, nil
	}
	p, err := read()
	if err != nil {
		return place{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.tenants) >= whereMost {
		clear(w.tenants)
	}
	w.tenants[key] = p
	return p, nil
}

// everything is the reach for finding out to whom something belongs, before it is decided who may.
func everything() helpdesk.Reach { return helpdesk.System("httpapi").Reach() }
