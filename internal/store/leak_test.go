package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
)

// secret stands in everything that the other tenant has.
const secret = "LEAK"

// victim is a tenant with one of everything.
type victim struct {
	tenant     helpdesk.TenantID
	ticket     helpdesk.Ticket
	turn       helpdesk.Turn
	suggestion helpdesk.Suggestion
	run        helpdesk.Run
	terminal   helpdesk.Terminal
}

func newVictim(w *world) (v victim) {
	v.tenant = w.tenant("B")
	key := w.ticket(v.tenant, secret+" title", start)
	v.turn = w.turn(v.tenant, key, start)
	v.suggestion = w.suggestion(v.tenant, key, 1)
	v.suggestion.Note = secret
	v.run = w.run(v.tenant, key, helpdesk.RunWaiting)
	v.terminal = helpdesk.Terminal{ID: "terminal-b", Ticket: key, Tenant: v.tenant, Scope: helpdesk.ScopeTenant, Title: secret, State: helpdesk.TerminalLive, OpenedBy: w.by(), OpenedAt: start}
	w.update(v.tenant, func(tx *store.Tx) (err error) {
		for _, f := range []event.Fact{event.MessagePosted{ID: secret}, event.WorkspaceOpened{Number: 7}} {
			if _, err := tx.Emit(key, w.by(), f, start); err != nil {
				return err
			}
		}
		if v.turn, err = tx.LeaseTurn(v.turn.ID, "node-b", time.Hour); err != nil {
			return err
		}
		v.turn.State, v.turn.Draft = helpdesk.TurnRunning, secret
		if err := tx.SaveTurn(v.turn); err != nil {
			return err
		}
		v.suggestion.State = helpdesk.SuggestionApproved
		if err := tx.SaveSuggestion(v.suggestion, helpdesk.SuggestionProposed); err != nil {
			return err
		}
		if err := tx.InsertTerminal(v.terminal); err != nil {
			return err
		}
		if err := tx.SaveAgentState(key, "runbook-1", json.RawMessage(`"`+secret+`"`)); err != nil {
			return err
		}
		if err := tx.Audit(store.Entry{At: start, By: w.by(), Action: secret, Target: string(key)}); err != nil {
			return err
		}
		if err := tx.Remember(store.Once{Actor: "u-bob", Key: "k", Hash: "h"}, secret, start); err != nil {
			return err
		}
		v.ticket, err = tx.Ticket(key)
		return err
	})
	return v
}

// probe tries one method with another tenant's ids.
type probe struct {
	try   func(*store.Tx) (any, error)
	read  bool // try gives what it found, else it must fail
	own   bool // it also does something right for the tenant that asks
	lasts bool // for its own tenant it may have an effect that is not undone
}

func reads[T any](try func(*store.Tx) (T, error)) probe {
	return probe{read: true, try: func(tx *store.Tx) (any, error) { return try(tx) }}
}

// ours is a read that may also find what the asking tenant has itself.
func ours[T any](try func(*store.Tx) (T, error)) probe {
	p := reads(try)
	p.own = true
	return p
}

func writes(try func(*store.Tx) error) probe {
	return probe{try: func(tx *store.Tx) (any, error) { return nil, try(tx) }}
}

// probes has an entry for every method of Tx. Those that touch nothing of a tenant say why.
func probes(w *world, v victim) map[string]any {
	key := v.ticket.Key
	fresh := func(id string) string { return id + "-new" }
	return map[string]any{
		"Now":      "the clock is nobody's",
		"Recall":   "what an actor asked before is the actor's; another actor's is tried in TestIdempotency",
		"Remember": "as Recall",

		"Waiting": reads(func(tx *store.Tx) (int, error) { // the number for a person counts in all tenants, and tells nothing of one
			n, _, err := tx.Waiting(key, "nobody", start)
			return n, err
		}),
		"AgentState": reads(func(tx *store.Tx) (json.RawMessage, error) { return tx.AgentState(key, "runbook-1") }),
		"AnyTicket":  reads(func(tx *store.Tx) (helpdesk.Ticket, error) { return tx.AnyTicket(key) }),
		"Ticket":     reads(func(tx *store.Tx) (helpdesk.Ticket, error) { return tx.Ticket(key) }),
		"LockTicket": reads(func(tx *store.Tx) (helpdesk.Ticket, error) { return tx.LockTicket(key) }),
		"Tickets": []probe{
			ours(func(tx *store.Tx) ([]helpdesk.Ticket, error) { return tx.Tickets(store.TicketFilter{Limit: 9}) }),
			reads(func(tx *store.Tx) ([]helpdesk.Ticket, error) {
				return tx.Tickets(store.TicketFilter{Tenant: v.tenant, Limit: 9})
			}),
			reads(func(tx *store.Tx) ([]helpdesk.Ticket, error) {
				return tx.Tickets(store.TicketFilter{Words: secret, Limit: 9})
			}),
			reads(func(tx *store.Tx) ([]helpdesk.Ticket, error) {
				return tx.Tickets(store.TicketFilter{Words: string(key), Limit: 9})
			}),
			ours(func(tx *store.Tx) ([]helpdesk.Ticket, error) {
				return tx.Tickets(store.TicketFilter{Activity: v.ticket.Activity, Status: v.ticket.Status, Limit: 9})
			}),
		},
		"Heads": reads(func(tx *store.Tx) (map[helpdesk.TicketKey]int64, error) { return tx.Heads([]helpdesk.TicketKey{key}) }),
		"Timeline": []probe{
			reads(func(tx *store.Tx) ([]event.Event, error) { return tx.Timeline(key, store.Span{Limit: 9}) }),
			reads(func(tx *store.Tx) ([]event.Event, error) {
				return tx.Timeline(key, store.Span{Before: 99, Limit: 9, Newest: true})
			}),
		},
		"Conversation": reads(func(tx *store.Tx) ([]event.Event, error) { return tx.Conversation(key, 0) }),
		"Workspace": reads(func(tx *store.Tx) (any, error) {
			n, open, err := tx.Workspace(key)
			if n == 0 && !open {
				return nil, err
			}
			return n, err
		}),
		"Turn":        reads(func(tx *store.Tx) (helpdesk.Turn, error) { return tx.Turn(v.turn.ID) }),
		"OpenTurns":   reads(func(tx *store.Tx) ([]helpdesk.Turn, error) { return tx.OpenTurns(key) }),
		"Suggestion":  reads(func(tx *store.Tx) (helpdesk.Suggestion, error) { return tx.Suggestion(v.suggestion.ID) }),
		"Suggestions": reads(func(tx *store.Tx) ([]helpdesk.Suggestion, error) { return tx.Suggestions(key, 9) }),
		"Due":         reads(func(tx *store.Tx) ([]helpdesk.Suggestion, error) { return tx.Due(key, "runbook-1") }),
		"InState":     reads(func(tx *store.Tx) ([]helpdesk.Suggestion, error) { return tx.InState(key, v.suggestion.State) }),
		"Run":         reads(func(tx *store.Tx) (helpdesk.Run, error) { return tx.Run(v.run.ID) }),
		"OpenRuns":    reads(func(tx *store.Tx) ([]helpdesk.Run, error) { return tx.OpenRuns(key) }),
		"Terminal":    reads(func(tx *store.Tx) (helpdesk.Terminal, error) { return tx.Terminal(v.terminal.ID) }),
		"Terminals":   reads(func(tx *store.Tx) ([]helpdesk.Terminal, error) { return tx.Terminals(key) }),
		"AuditOf":     ours(func(tx *store.Tx) ([]store.Entry, error) { return tx.AuditOf(string(key)) }),

		"NextTicketNumber": probe{own: true, lasts: true, try: func(tx *store.Tx) (any, error) {
			prefix, _, err := tx.NextTicketNumber()
			if err == nil && prefix != "A" && prefix != "B" {
				return prefix, err
			}
			return nil, err
		}},
		"InsertTicket": writes(func(tx *store.Tx) error { return tx.InsertTicket(v.ticket) }), // the key is taken
		"SaveTicket": writes(func(tx *store.Tx) error {
			x := v.ticket
			x.Title = "mine"
			return tx.SaveTicket(x)
		}),
		"Refresh":     writes(func(tx *store.Tx) error { return tx.Refresh(key) }),
		"EraseTicket": writes(func(tx *store.Tx) error { return tx.EraseTicket(key) }),
		"Index":       writes(func(tx *store.Tx) error { return tx.Index(key, "mine") }),
		"Emit": writes(func(tx *store.Tx) error {
			_, err := tx.Emit(key, w.by(), event.TicketRestored{}, start)
			return err
		}),
		"SaveAgentState": []probe{
			writes(func(tx *store.Tx) error { return tx.SaveAgentState(key, "runbook-1", json.RawMessage(`"mine"`)) }),
			writes(func(tx *store.Tx) error { return tx.SaveAgentState(key, "runbook-2", json.RawMessage(`"mine"`)) }),
		},
		"InsertTurn": writes(func(tx *store.Tx) error {
			x := v.turn
			x.ID, x.State = helpdesk.TurnID(fresh("turn")), helpdesk.TurnQueued
			return tx.InsertTurn(x)
		}),
		"LeaseTurn": writes(func(tx *store.Tx) error { // with one that can be leased
			if err := tx.RenewTurn(v.turn, -time.Hour); err != nil && helpdesk.KindOf(err) != helpdesk.Conflict {
				return err
			}
			_, err := tx.LeaseTurn(v.turn.ID, "node-a", time.Hour)
			return err
		}),
		"RenewTurn":  writes(func(tx *store.Tx) error { return tx.RenewTurn(v.turn, 9*time.Hour) }),
		"SaveTurn":   writes(func(tx *store.Tx) error { x := v.turn; x.Draft = "mine"; return tx.SaveTurn(x) }),
		"CancelTurn": writes(func(tx *store.Tx) error { x := v.turn; x.State = helpdesk.TurnCancelled; return tx.CancelTurn(x) }),
		"HoldsTurn":  writes(func(tx *store.Tx) error { return tx.HoldsTurn(v.turn) }),
		"InsertSuggestion": writes(func(tx *store.Tx) error {
			x := v.suggestion
			x.ID = helpdesk.SuggestionID(fresh("suggestion"))
			return tx.InsertSuggestion(x)
		}),
		"SaveSuggestion": writes(func(tx *store.Tx) error {
			x := v.suggestion
			x.State = helpdesk.SuggestionRunning
			return tx.SaveSuggestion(x, v.suggestion.State)
		}),
		"InsertDecision": writes(func(tx *store.Tx) error {
			return tx.InsertDecision(fresh("decision"), v.suggestion, helpdesk.Decision{Choice: helpdesk.Execute})
		}),
		"InsertRun": writes(func(tx *store.Tx) error {
			x := v.run
			x.ID = helpdesk.RunID(fresh("run"))
			return tx.InsertRun(x, fresh("decision"))
		}),
		"SaveRun": writes(func(tx *store.Tx) error { x := v.run; x.State = helpdesk.RunClaimed; return tx.SaveRun(x, v.run.State) }),
		"InsertTerminal": writes(func(tx *store.Tx) error {
			x := v.terminal
			x.ID = helpdesk.TerminalID(fresh("terminal"))
			return tx.InsertTerminal(x)
		}),
		"SaveTerminal": writes(func(tx *store.Tx) error { x := v.terminal; x.Title = "mine"; return tx.SaveTerminal(x) }),
		"Audit": probe{own: true, try: func(tx *store.Tx) (any, error) {
			return nil, tx.Audit(store.Entry{At: start, By: w.by(), Action: "mine", Tenant: v.tenant, Target: string(key)})
		}},
	}
}

// all gives the probes of an entry; a string is a reason to have none.
func all(entry any) []probe {
	switch x := entry.(type) {
	case probe:
		return []probe{x}
	case []probe:
		return x
	}
	return nil
}

// errUndone ends the transactions of this suite that would succeed.
var errUndone = errors.New("undone")

// TestTenantLeak tries every method of Tx with another tenant's ids: nothing is found and nothing affected.
func TestTenantLeak(t *testing.T) {
	storetest.EachConfig(t, func(t *testing.T, cfg store.Config) {
		s := storetest.Open(t, cfg)
		w := newWorld(t, s)
		a := w.tenant("A")
		w.ticket(a, "A ticket of ours", start)
		v := newVictim(w)
		table := probes(w, v)
		for _, name := range methods[*store.Tx]() {
			if _, ok := table[name]; !ok {
				t.Errorf("method %s of Tx is not tried with another tenant's ids: add it to probes", name)
			}
		}
		db := raw(t, cfg)
		before := theirs(dump(t, db))
		for _, name := range slices.Sorted(maps.Keys(table)) {
			for i, p := range all(table[name]) {
				what := fmt.Sprintf("%s, probe %d", name, i+1)
				// For its own tenant the probe finds or does something, or it would prove nothing.
				var found any
				err := s.Update(t.Context(), v.tenant, func(tx *store.Tx) (err error) {
					if found, err = p.try(tx); err != nil {
						return err
					}
					return errUndone
				})
				if name != "InsertTicket" && !errors.Is(err, errUndone) {
					t.Errorf("%s does not work for its own tenant: %v", what, err)
				}
				if p.read && empty(found) {
					t.Errorf("%s finds nothing for its own tenant", what)
				}
				if p.lasts {
					before = theirs(dump(t, db))
				}
				attempt := func(who string, err error, found any) {
					t.Helper()
					if text := fmt.Sprintf("%+v", found); strings.Contains(text, secret) || strings.Contains(text, string(v.tenant)) {
						t.Errorf("%s: %s sees %s", what, who, text)
					}
					if err == nil && !p.own && !empty(found) {
						t.Errorf("%s: %s finds %+v", what, who, found)
					}
					if err != nil && strings.Contains(helpdesk.PublicText(err), secret) {
						t.Errorf("%s: %s is told %q", what, who, helpdesk.PublicText(err))
					}
				}
				unchanged := func() {
					t.Helper()
					if diff := cmp.Diff(before, theirs(dump(t, db))); diff != "" {
						t.Fatalf("%s changed the other tenant (-before +after):\n%s", what, diff)
					}
				}
				err = s.Update(t.Context(), a, func(tx *store.Tx) (err error) { found, err = p.try(tx); return err })
				attempt("the other tenant's transaction", err, found)
				if !p.read {
					unchanged()
				}
				if err == nil && !p.own && !p.read {
					t.Errorf("%s: the other tenant's transaction is not told that it did nothing", what)
				}
				for who, reach := range map[string]helpdesk.Reach{"a member of the other tenant": reach(a), "a member of none": reach()} {
					found = nil
					err = s.View(t.Context(), reach, func(tx *store.Tx) (err error) { found, err = p.try(tx); return err })
					attempt(who, err, found)
				}
			}
		}
		if diff := cmp.Diff(before, theirs(dump(t, db))); diff != "" {
			t.Errorf("reading changed the other tenant (-before +after):\n%s", diff)
		}
	})
}

// empty says whether nothing was found.
func empty(x any) bool {
	if x == nil {
		return true
	}
	v := reflect.ValueOf(x)
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}

// theirs keeps the rows of tenant B and those that name its ticket.
func theirs(tables map[string][]string) map[string][]string {
	kept := map[string][]string{}
	for name, rows := range tables {
		for _, row := range rows {
			if strings.Contains(row, "t-B") || strings.Contains(row, "B-1") && name != "audit" {
				kept[name] = append(kept[name], row)
			}
		}
	}
	return kept
}

// methods lists the exported methods of a type.
func methods[T any]() (names []string) {
	typ := reflect.TypeFor[T]()
	for method := range typ.Methods() {
		names = append(names, method.Name)
	}
	return names
}
