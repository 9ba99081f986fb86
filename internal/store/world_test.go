package store_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
)

// start is when the stories begin; the database's own clock is another matter.
var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// world is a store with the people and things of a story.
type world struct {
	t     testing.TB
	s     *store.Store
	names atomic.Int64
}

func newWorld(t testing.TB, s *store.Store) *world {
	w := &world{t: t, s: s}
	w.system(func(tx *store.System) error {
		if err := tx.SaveAgent(helpdesk.Agent{ID: "runbook", Name: "Runbook", Kind: helpdesk.AgentRunbook, Domain: "This machine"}); err != nil {
			return err
		}
		return tx.SaveInstance(helpdesk.Instance{ID: "runbook-1", Agent: "runbook", Name: "Built in", AllTenants: true})
	})
	return w
}

func (w *world) id(kind string) string { return fmt.Sprintf("%s-%d", kind, w.names.Add(1)) }

func (w *world) by() helpdesk.By {
	return helpdesk.By{Kind: helpdesk.ActorUser, ID: "u-ann", Name: "Ann"}
}

func (w *world) system(fn func(*store.System) error) {
	w.t.Helper()
	if err := w.s.SystemUpdate(context.WithoutCancel(w.t.Context()), store.Directory, fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) update(tenant helpdesk.TenantID, fn func(*store.Tx) error) {
	w.t.Helper()
	if err := w.s.Update(w.t.Context(), tenant, fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) view(tenant helpdesk.TenantID, fn func(*store.Tx) error) {
	w.t.Helper()
	if err := w.s.View(w.t.Context(), reach(tenant), fn); err != nil {
		w.t.Fatal(err)
	}
}

func reach(tenants ...helpdesk.TenantID) helpdesk.Reach {
	return helpdesk.Actor{Kind: helpdesk.ActorUser, Tenants: tenants}.Reach()
}

func everywhere() helpdesk.Reach { return helpdesk.System("test").Reach() }

// tenant makes a tenant whose id is t-<prefix>.
func (w *world) tenant(prefix string) helpdesk.TenantID {
	w.t.Helper()
	id := helpdesk.TenantID("t-" + prefix)
	w.system(func(tx *store.System) error {
		_, err := tx.InsertTenant(helpdesk.Tenant{ID: id, Key: "key-" + prefix, Name: "Tenant " + prefix, Prefix: prefix, Place: helpdesk.PlaceSandbox, CreatedAt: start})
		return err
	})
	return id
}

// ticket opens a ticket with a message, as the desk does.
func (w *world) ticket(tenant helpdesk.TenantID, message string, at time.Time) (key helpdesk.TicketKey) {
	w.t.Helper()
	w.update(tenant, func(tx *store.Tx) (err error) {
		key, err = w.open(tx, message, at)
		return err
	})
	return key
}

func (w *world) open(tx *store.Tx, message string, at time.Time) (helpdesk.TicketKey, error) {
	prefix, n, err := tx.NextTicketNumber()
	if err != nil {
		return "", err
	}
	key := helpdesk.MakeTicketKey(prefix, n)
	err = tx.InsertTicket(helpdesk.Ticket{Key: key, Title: helpdesk.TitleFrom(message), Status: helpdesk.TicketOpen, Activity: helpdesk.ActivityIdle,
		Agent: "runbook", Instance: "runbook-1", Workspace: 1, CreatedBy: w.by(), CreatedAt: at, ChangedAt: at})
	if err != nil {
		return "", err
	}
	if _, err := tx.Emit(key, w.by(), event.TicketCreated{Title: helpdesk.TitleFrom(message), Agent: "runbook", Instance: "runbook-1"}, at); err != nil {
		return "", err
	}
	return key, tx.Index(key, message)
}

func (w *world) turn(tenant helpdesk.TenantID, key helpdesk.TicketKey, at time.Time) helpdesk.Turn {
	w.t.Helper()
	x := helpdesk.Turn{ID: helpdesk.TurnID(w.id("turn")), Ticket: key, Tenant: tenant, Message: helpdesk.MessageID(w.id("message")),
		Agent: "runbook", Instance: "runbook-1", State: helpdesk.TurnQueued, By: w.by(), QueuedAt: at}
	w.update(tenant, func(tx *store.Tx) error { return tx.InsertTurn(x) })
	return x
}

// running makes a turn that a node works on for the given time.
func (w *world) running(tenant helpdesk.TenantID, key helpdesk.TicketKey, at time.Time, lease time.Duration) (x helpdesk.Turn) {
	w.t.Helper()
	id := w.turn(tenant, key, at).ID
	w.update(tenant, func(tx *store.Tx) (err error) {
		if x, err = tx.LeaseTurn(id, "node-1", lease); err != nil {
			return err
		}
		if err := x.Move(helpdesk.TurnRunning); err != nil {
			return err
		}
		return tx.SaveTurn(x)
	})
	return x
}

func (w *world) suggestion(tenant helpdesk.TenantID, key helpdesk.TicketKey, position int) helpdesk.Suggestion {
	w.t.Helper()
	x := helpdesk.Suggestion{ID: helpdesk.SuggestionID(w.id("suggestion")), Ticket: key, Tenant: tenant, Turn: "turn-x", Agent: "runbook", Instance: "runbook-1",
		Position: position, State: helpdesk.SuggestionProposed, Command: "df -h", Purpose: "See how full it is.", Expected: "A table.", Scope: helpdesk.ScopeTenant,
		Place: "sandbox", Cwd: "/work", Files: []helpdesk.ProposedFile{{Path: "a.txt", Content: "a?"}}, Risk: helpdesk.RiskReads, EnvNames: []string{"A", "B"}, At: start}
	x.Digest = x.ComputeDigest()
	w.update(tenant, func(tx *store.Tx) error { return tx.InsertSuggestion(x) })
	return x
}

func (w *world) run(tenant helpdesk.TenantID, key helpdesk.TicketKey, state helpdesk.RunState) helpdesk.Run {
	w.t.Helper()
	x := helpdesk.Run{ID: helpdesk.RunID(w.id("run")), Suggestion: "suggestion-x", Ticket: key, Tenant: tenant, State: state, By: w.by()}
	w.update(tenant, func(tx *store.Tx) error { return tx.InsertRun(x, w.id("decision")) })
	return x
}

func (w *world) user(name string) store.User {
	w.t.Helper()
	u := store.User{ID: helpdesk.UserID("u-" + name), Email: name + "@example.org", Name: name, CreatedAt: start}
	w.system(func(tx *store.System) error { return tx.SaveUser(u) })
	return u
}

// wants checks that an error is of a kind.
func wants(t testing.TB, what string, kind helpdesk.Kind, err error) {
	t.Helper()
	if err == nil || helpdesk.KindOf(err) != kind {
		t.Errorf("%s: got %v, want an error of kind %v", what, err, kind)
	}
}
