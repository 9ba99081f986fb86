package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
)

func TestTicket(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		key := w.ticket(a, "The disk is full\nsince noon", start)
		if key != "A-1" {
			t.Errorf("the first ticket is %s, want A-1", key)
		}
		if second := w.ticket(a, "Another", start); second != "A-2" {
			t.Errorf("the second ticket is %s, want A-2", second)
		}
		want := helpdesk.Ticket{Key: key, Tenant: a, Title: "The disk is full", Status: helpdesk.TicketOpen, Activity: helpdesk.ActivityIdle,
			Agent: "runbook", Instance: "runbook-1", Workspace: 1, Seq: 1, CreatedBy: w.by(), CreatedAt: start, ChangedAt: start}
		read := func(find func(*store.Tx) func(helpdesk.TicketKey) (helpdesk.Ticket, error)) (got helpdesk.Ticket) {
			t.Helper()
			w.update(a, func(tx *store.Tx) (err error) { got, err = find(tx)(key); return err })
			return got
		}
		for name, find := range map[string]func(*store.Tx) func(helpdesk.TicketKey) (helpdesk.Ticket, error){
			"Ticket":     func(tx *store.Tx) func(helpdesk.TicketKey) (helpdesk.Ticket, error) { return tx.Ticket },
			"AnyTicket":  func(tx *store.Tx) func(helpdesk.TicketKey) (helpdesk.Ticket, error) { return tx.AnyTicket },
			"LockTicket": func(tx *store.Tx) func(helpdesk.TicketKey) (helpdesk.Ticket, error) { return tx.LockTicket },
		} {
			if diff := cmp.Diff(want, read(find)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}

		// Everything that can change changes; the sequence number belongs to Emit.
		yes, gone := true, start.Add(time.Hour)
		want.Title, want.Status, want.Solved, want.Activity = "Renamed", helpdesk.TicketClosed, &yes, helpdesk.ActivityWaiting
		want.Agent, want.Instance, want.Workspace, want.Closing, want.Held, want.DeletedAt = "other", "other-1", 2, true, true, &gone
		changed := want
		changed.Seq = 99
		w.update(a, func(tx *store.Tx) error { return tx.SaveTicket(changed) })
		any := func(tx *store.Tx) func(helpdesk.TicketKey) (helpdesk.Ticket, error) { return tx.AnyTicket }
		if diff := cmp.Diff(want, read(any)); diff != "" {
			t.Errorf("a changed ticket (-want +got):\n%s", diff)
		}
		err := s.View(t.Context(), reach(a), func(tx *store.Tx) error { _, err := tx.Ticket(key); return err })
		wants(t, "read a deleted ticket", helpdesk.NotFound, err)

		// The sweeps see it: it is closing, and after an hour it can be purged.
		w.system(func(tx *store.System) error {
			closing, err := tx.ClosingTickets(10)
			if diff := cmp.Diff([]store.TenantTicket{{Tenant: a, Ticket: key}}, closing); diff != "" {
				t.Errorf("closing tickets (-want +got):\n%s", diff)
			}
			return err
		})
		for at, n := range map[time.Time]int{gone: 0, gone.Add(time.Microsecond): 1} {
			w.system(func(tx *store.System) error {
				purgeable, err := tx.PurgeableTickets(at, 10)
				if len(purgeable) != n {
					t.Errorf("at %v %d tickets can be purged, want %d", at, len(purgeable), n)
				}
				return err
			})
		}
		if err := s.Update(t.Context(), a, func(tx *store.Tx) error { return tx.InsertTicket(want) }); err == nil {
			t.Error("a second ticket with the same key was accepted")
		}
	})
}

func TestTicketNumbersAreNeverGivenTwice(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		lost := errors.New("changed my mind")
		if err := s.Update(t.Context(), a, func(tx *store.Tx) error {
			if _, _, err := tx.NextTicketNumber(); err != nil {
				return err
			}
			return lost
		}); !errors.Is(err, lost) {
			t.Fatalf("the function's own error does not come back: %v", err)
		}
		const n = 24
		keys := make(chan helpdesk.TicketKey, n)
		for range n {
			go func() {
				var key helpdesk.TicketKey
				err := s.Update(t.Context(), a, func(tx *store.Tx) (err error) { key, err = w.open(tx, "One of many", start); return err })
				if err != nil {
					t.Error(err)
				}
				keys <- key
			}()
		}
		seen := map[helpdesk.TicketKey]bool{}
		for range n {
			seen[<-keys] = true
		}
		if len(seen) != n {
			t.Errorf("%d tickets have %d keys", n, len(seen))
		}
		first := 1
		if s.Engine() == "postgres" && !seen["A-1"] {
			first = 2 // the transaction that failed may keep what it took
		}
		for i := range n {
			if key := helpdesk.MakeTicketKey("A", int64(first+i)); !seen[key] {
				t.Errorf("there is no ticket %s: a number was lost or given twice", key)
			}
		}
	})
}

func TestTicketLists(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a, b, c := w.tenant("A"), w.tenant("B"), w.tenant("C")
		statuses := []helpdesk.TicketStatus{helpdesk.TicketOpen, helpdesk.TicketInProgress, helpdesk.TicketClosed}
		// Twenty tickets of each tenant; each minute one changes, and every fourth at the same time as the one before.
		var all []helpdesk.Ticket
		for i := range 60 {
			tenant := []helpdesk.TenantID{a, b, c}[i%3]
			at := start.Add(time.Duration(i-i%4/3) * time.Minute)
			key := w.ticket(tenant, fmt.Sprintf("Ticket number %d", i), at)
			var x helpdesk.Ticket
			w.update(tenant, func(tx *store.Tx) (err error) {
				if x, err = tx.Ticket(key); err != nil {
					return err
				}
				x.Status = statuses[i/3%3]
				if i%5 == 0 {
					x.Activity = helpdesk.ActivityWaiting
				}
				if i == 59 {
					x.DeletedAt = &at
				}
				return tx.SaveTicket(x)
			})
			if x.DeletedAt == nil {
				all = append(all, x)
			}
		}
		for name, f := range map[string]struct {
			reach  helpdesk.Reach
			filter store.TicketFilter
			keep   func(helpdesk.Ticket) bool
		}{
			"everything":            {everywhere(), store.TicketFilter{}, func(helpdesk.Ticket) bool { return true }},
			"one tenant":            {reach(a), store.TicketFilter{}, func(x helpdesk.Ticket) bool { return x.Tenant == a }},
			"two tenants":           {reach(a, c), store.TicketFilter{}, func(x helpdesk.Ticket) bool { return x.Tenant != b }},
			"a status":              {reach(a, c), store.TicketFilter{Status: helpdesk.TicketClosed}, func(x helpdesk.Ticket) bool { return x.Tenant != b && x.Status == helpdesk.TicketClosed }},
			"a status everywhere":   {everywhere(), store.TicketFilter{Status: helpdesk.TicketOpen}, func(x helpdesk.Ticket) bool { return x.Status == helpdesk.TicketOpen }},
			"one tenant of two":     {reach(a, c), store.TicketFilter{Tenant: c}, func(x helpdesk.Ticket) bool { return x.Tenant == c }},
			"a tenant out of reach": {reach(a, c), store.TicketFilter{Tenant: b}, func(helpdesk.Ticket) bool { return false }},
			"no tenant":             {reach(), store.TicketFilter{}, func(helpdesk.Ticket) bool { return false }},
			"an activity":           {reach(a, b), store.TicketFilter{Activity: helpdesk.ActivityWaiting}, func(x helpdesk.Ticket) bool { return x.Tenant != c && x.Activity == helpdesk.ActivityWaiting }},
			"idle":                  {reach(a, b), store.TicketFilter{Activity: helpdesk.ActivityIdle}, func(x helpdesk.Ticket) bool { return x.Tenant != c && x.Activity == helpdesk.ActivityIdle }},
			"words":                 {reach(a, b), store.TicketFilter{Words: "number tick"}, func(x helpdesk.Ticket) bool { return x.Tenant != c }},
			"words and a status": {reach(a, b), store.TicketFilter{Words: "number", Status: helpdesk.TicketOpen, Activity: helpdesk.ActivityWaiting}, func(x helpdesk.Ticket) bool {
				return x.Tenant != c && x.Status == helpdesk.TicketOpen && x.Activity == helpdesk.ActivityWaiting
			}},
			"more tenants than are merged": {reach(manyTenants(a, b)...), store.TicketFilter{}, func(x helpdesk.Ticket) bool { return x.Tenant != c }},
		} {
			t.Run(name, func(t *testing.T) {
				var want, got []helpdesk.TicketKey
				for _, v := range slices.Backward(all) {
					if f.keep(v) {
						want = append(want, v.Key)
					}
				}
				for f.filter.Limit = 7; ; {
					var page []helpdesk.Ticket
					if err := s.View(t.Context(), f.reach, func(tx *store.Tx) (err error) { page, err = tx.Tickets(f.filter); return err }); err != nil {
						t.Fatal(err)
					}
					if len(page) == 0 {
						break
					}
					for i, x := range page {
						if i > 0 && (x.ChangedAt.After(page[i-1].ChangedAt) || x.ChangedAt.Equal(page[i-1].ChangedAt) && x.Key >= page[i-1].Key) {
							t.Errorf("%s comes after %s", x.Key, page[i-1].Key)
						}
						got = append(got, x.Key)
					}
					last := page[len(page)-1]
					f.filter.Before = store.TicketCursor{ChangedAt: last.ChangedAt, Key: last.Key}
				}
				count := map[helpdesk.TicketKey]int{}
				for _, k := range got {
					count[k]++
				}
				for _, k := range want {
					if count[k] != 1 {
						t.Errorf("%s is listed %d times", k, count[k])
					}
				}
				if len(got) != len(want) {
					t.Errorf("%d tickets are listed, want %d: %v", len(got), len(want), got)
				}
			})
		}
	})
}

func manyTenants(some ...helpdesk.TenantID) []helpdesk.TenantID {
	for i := range 40 {
		some = append(some, helpdesk.TenantID(fmt.Sprintf("t-nobody-%d", i)))
	}
	return some
}

func TestSearch(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a, b := w.tenant("A"), w.tenant("B")
		disk := w.ticket(a, "The disk of db-07.example.com is full", start)
		cafe := w.ticket(a, "Café Zürich: naïve ΑΒΓ Москва 東京都 ＡＢＣ", start.Add(1))
		odd := w.ticket(a, `AND OR NOT NEAR "quoted" * % _ \ ' ; DROP TABLE tickets`, start.Add(2))
		long := w.ticket(a, "begin "+fmt.Sprintf("%01000d", 7), start.Add(3))
		w.ticket(a, "", start.Add(4)) // nothing to find, and no trouble either
		w.update(a, func(tx *store.Tx) error {
			return tx.Index(disk, "postgres complains about inodes, see /var/log/messages, gpt-4")
		})
		w.ticket(b, "The disk of another tenant", start.Add(5))
		w.update(a, func(tx *store.Tx) error { return tx.Index(long, "\xff\xfe broken bytes") })
		for query, want := range map[string][]helpdesk.TicketKey{
			"disk":                    {disk},
			"DISK":                    {disk},
			"dis":                     {disk},
			"isk":                     nil,
			"disk full":               {disk},
			"full disk":               {disk},
			"disk inod":               {disk}, // one word from the title, one from a message
			"disk tenant":             nil,
			"db-07":                   {disk},
			"example.com":             {disk},
			"com":                     {disk},
			"/var/log":                {disk},
			"gpt-4":                   {disk}, // looks like a key, and is a word
			"cafe":                    {cafe},
			"CAFÉ":                    {cafe},
			"cafe\u0301":              {cafe},
			"zurich naive":            {cafe},
			"αβγ":                     {cafe},
			"москва":                  {cafe},
			"МОСК":                    {cafe},
			"東京":                      {cafe},
			"京":                       {cafe},
			"abc":                     {cafe},
			"AND":                     {odd},
			"and or not near":         {odd},
			`"`:                       nil,
			`"quoted"`:                {odd},
			`'`:                       nil,
			`*`:                       nil,
			`%`:                       nil,
			`_`:                       nil,
			`drop; --`:                {odd},
			`quoted"* OR "disk`:       nil,
			`:* | disk`:               {disk},
			"a:b & !c":                nil,
			"()":                      nil,
			string(disk):              {disk},
			" a-1 ":                   {disk},
			"A-999":                   nil,
			"B-1":                     nil,    // not yours
			fmt.Sprintf("%0900d", 7):  {long}, // as long as what is kept of a word
			"broken":                  {long},
			"\xff":                    nil,
			"d i s k":                 nil,
			"the the the the the the": {disk},
		} {
			var page []helpdesk.Ticket
			err := s.View(t.Context(), reach(a), func(tx *store.Tx) (err error) {
				page, err = tx.Tickets(store.TicketFilter{Words: query, Limit: 50})
				return err
			})
			if err != nil {
				t.Errorf("search for %q: %v", query, err)
				continue
			}
			var got []helpdesk.TicketKey
			for _, x := range page {
				got = append(got, x.Key)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("search for %q (-want +got):\n%s", query, diff)
			}
		}
	})
}

func TestActivity(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		key := w.ticket(a, "What is going on?", start)
		is := func(want helpdesk.Activity) {
			t.Helper()
			w.update(a, func(tx *store.Tx) error {
				if err := tx.Refresh(key); err != nil {
					return err
				}
				x, err := tx.Ticket(key)
				if x.Activity != want {
					t.Errorf("the activity is %s, want %s", x.Activity, want)
				}
				return err
			})
		}
		emit := func(f event.Fact) {
			t.Helper()
			w.update(a, func(tx *store.Tx) error { _, err := tx.Emit(key, w.by(), f, start); return err })
		}
		end := func(x helpdesk.Turn, to helpdesk.TurnState) {
			t.Helper()
			x.State = to
			w.update(a, func(tx *store.Tx) error { return tx.CancelTurn(x) })
		}
		is(helpdesk.ActivityIdle)
		first := w.turn(a, key, start)
		is(helpdesk.ActivityWorking)
		emit(event.TurnSent{Turn: string(first.ID)})
		emit(event.QuestionAsked{Turn: string(first.ID), Text: "Which one?"})
		is(helpdesk.ActivityWorking)
		end(first, helpdesk.TurnDone)
		is(helpdesk.ActivityWaiting) // for the answer
		emit(event.TurnSent{Turn: "next"})
		is(helpdesk.ActivityIdle)
		x := w.suggestion(a, key, 1)
		is(helpdesk.ActivityWaiting) // for the decision
		x.State = helpdesk.SuggestionIgnored
		w.update(a, func(tx *store.Tx) error { return tx.SaveSuggestion(x, helpdesk.SuggestionProposed) })
		is(helpdesk.ActivityIdle)
		err := s.Update(t.Context(), a, func(tx *store.Tx) error { return tx.Refresh("A-99") })
		wants(t, "refresh a ticket that is not there", helpdesk.NotFound, err)
	})
}

func TestAgentState(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		key := w.ticket(a, "Remember", start)
		for _, want := range []json.RawMessage{nil, json.RawMessage(`{"step":1}`), json.RawMessage(`{"step":2}`)} {
			w.update(a, func(tx *store.Tx) error {
				if want != nil {
					if err := tx.SaveAgentState(key, "runbook-1", want); err != nil {
						return err
					}
				}
				got, err := tx.AgentState(key, "runbook-1")
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("state (-want +got):\n%s", diff)
				}
				if other, err2 := tx.AgentState(key, "other-1"); other != nil || err2 != nil {
					t.Errorf("another instance reads %s, %v", other, err2)
				}
				return err
			})
		}
	})
}

func TestErase(t *testing.T) {
	storetest.EachConfig(t, func(t *testing.T, cfg store.Config) {
		s := storetest.Open(t, cfg)
		w := newWorld(t, s)
		a, b := w.tenant("A"), w.tenant("B")
		kept := w.ticket(b, "Stays", start)
		db := raw(t, cfg)
		withKept := dump(t, db)
		key := w.ticket(a, "Goes, with all of its secrets", start)
		w.turn(a, key, start)
		w.suggestion(a, key, 1)
		w.run(a, key, helpdesk.RunWaiting)
		w.update(a, func(tx *store.Tx) error {
			if err := tx.SaveAgentState(key, "runbook-1", json.RawMessage(`{}`)); err != nil {
				return err
			}
			if err := tx.InsertTerminal(helpdesk.Terminal{ID: "terminal-1", Ticket: key, Scope: helpdesk.ScopeTenant, State: helpdesk.TerminalLive, OpenedBy: w.by()}); err != nil {
				return err
			}
			return tx.InsertDecision("d-1", helpdesk.Suggestion{ID: "suggestion-x", Ticket: key}, helpdesk.Decision{Choice: helpdesk.Reject, By: w.by()})
		})
		w.update(a, func(tx *store.Tx) error {
			if err := tx.Audit(store.Entry{At: start, By: w.by(), Action: "ticket.erase", Target: string(key)}); err != nil {
				return err
			}
			return tx.EraseTicket(key)
		})
		after := dump(t, db)
		if len(after["audit"]) != 1 {
			t.Errorf("the audit has %d lines, want 1", len(after["audit"]))
		}
		delete(after, "audit")
		delete(withKept, "audit")
		for _, tables := range []map[string][]string{withKept, after} {
			delete(tables, "tenants") // the number is not given again
			for name := range tables {
				if len(name) > 13 && name[:13] == "search_words_" {
					delete(tables, name) // the full-text index's own pages
				}
			}
		}
		if diff := cmp.Diff(withKept, after); diff != "" {
			t.Errorf("erasing left or took something (-want +got):\n%s", diff)
		}
		var page []helpdesk.Ticket
		if err := s.View(t.Context(), everywhere(), func(tx *store.Tx) (err error) {
			page, err = tx.Tickets(store.TicketFilter{Words: "secrets", Limit: 5})
			return err
		}); err != nil || len(page) != 0 {
			t.Errorf("the erased words are still found: %v %v", page, err)
		}
		if err := s.View(t.Context(), everywhere(), func(tx *store.Tx) (err error) {
			page, err = tx.Tickets(store.TicketFilter{Words: "stays", Limit: 5})
			return err
		}); err != nil || len(page) != 1 || page[0].Key != kept {
			t.Errorf("the other ticket's words are not found: %v %v", page, err)
		}
		err := s.Update(t.Context(), a, func(tx *store.Tx) error { return tx.EraseTicket(key) })
		wants(t, "erase again", helpdesk.NotFound, err)
	})
}
