package store_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
)

func TestSuggestion(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		key := w.ticket(a, "Help", start)
		second, first := w.suggestion(a, key, 2), w.suggestion(a, key, 1)
		read := func(id helpdesk.SuggestionID) (x helpdesk.Suggestion) {
			t.Helper()
			w.view(a, func(tx *store.Tx) (err error) { x, err = tx.Suggestion(id); return err })
			return x
		}
		if diff := cmp.Diff(first, read(first.ID), cmp.AllowUnexported(helpdesk.Scope{})); diff != "" {
			t.Errorf("a suggestion (-want +got):\n%s", diff)
		}
		ids := func(xs []helpdesk.Suggestion, err error) string {
			if err != nil {
				t.Error(err)
			}
			var text strings.Builder
			for _, x := range xs {
				text.WriteString(string(x.ID) + " ")
			}
			return text.String()
		}
		listed := func(what, want string, list func(*store.Tx) ([]helpdesk.Suggestion, error)) {
			t.Helper()
			w.view(a, func(tx *store.Tx) error {
				if got := ids(list(tx)); got != want {
					t.Errorf("%s: %q, want %q", what, got, want)
				}
				return nil
			})
		}
		both := fmt.Sprintf("%s %s ", first.ID, second.ID)
		listed("suggestions", both, func(tx *store.Tx) ([]helpdesk.Suggestion, error) { return tx.Suggestions(key, 9) })
		listed("one suggestion", string(first.ID)+" ", func(tx *store.Tx) ([]helpdesk.Suggestion, error) { return tx.Suggestions(key, 1) })
		listed("proposed", both, func(tx *store.Tx) ([]helpdesk.Suggestion, error) {
			return tx.InState(key, helpdesk.SuggestionProposed)
		})
		listed("due", "", func(tx *store.Tx) ([]helpdesk.Suggestion, error) { return tx.Due(key, "runbook-1") })

		first.State, first.Note = helpdesk.SuggestionApproved, "Soon"
		first.Decided = &helpdesk.Decision{Choice: helpdesk.Approve, Reason: "Looks right", Digest: first.Digest, By: w.by(), At: start.Add(time.Hour)}
		w.update(a, func(tx *store.Tx) error {
			if err := tx.InsertDecision("decision-1", first, *first.Decided); err != nil {
				return err
			}
			return tx.SaveSuggestion(first, helpdesk.SuggestionProposed)
		})
		if diff := cmp.Diff(first, read(first.ID), cmp.AllowUnexported(helpdesk.Scope{})); diff != "" {
			t.Errorf("an approved suggestion (-want +got):\n%s", diff)
		}
		w.refused(a, "decide from a state that is past", func(tx *store.Tx) error { return tx.SaveSuggestion(first, helpdesk.SuggestionProposed) })
		if err := s.Update(t.Context(), a, func(tx *store.Tx) error { return tx.InsertDecision("decision-1", first, *first.Decided) }); err == nil {
			t.Error("a decision was written twice")
		}
		due := func(tx *store.Tx) ([]helpdesk.Suggestion, error) { return tx.Due(key, "runbook-1") }
		listed("due", string(first.ID)+" ", due)
		listed("due to another instance", "", func(tx *store.Tx) ([]helpdesk.Suggestion, error) { return tx.Due(key, "other-1") })
		for before, want := range map[time.Time]int{start.Add(time.Hour): 0, start.Add(time.Hour + 1000): 1} {
			w.system(func(tx *store.System) error {
				lapsed, err := tx.LapsedApprovals(before, 9)
				if len(lapsed) != want {
					t.Errorf("before %v %d tickets have lapsed approvals, want %d", before, len(lapsed), want)
				}
				return err
			})
		}
		first.State, first.Run, first.Delivered, first.Decided = helpdesk.SuggestionRan, "run-1", true, nil
		w.update(a, func(tx *store.Tx) error { return tx.SaveSuggestion(first, helpdesk.SuggestionApproved) })
		if diff := cmp.Diff(first, read(first.ID), cmp.AllowUnexported(helpdesk.Scope{})); diff != "" {
			t.Errorf("a suggestion that ran (-want +got):\n%s", diff)
		}
		listed("due once delivered", "", due)

		bare := helpdesk.Suggestion{ID: "bare", Ticket: key, Tenant: a, State: helpdesk.SuggestionProposed, Scope: helpdesk.ScopeAdmin, At: start}
		w.update(a, func(tx *store.Tx) error { return tx.InsertSuggestion(bare) })
		got := read("bare")
		got.EnvNames = nil // an empty list may come back as one
		if diff := cmp.Diff(bare, got, cmp.AllowUnexported(helpdesk.Scope{})); diff != "" {
			t.Errorf("a bare suggestion (-want +got):\n%s", diff)
		}
		err := s.View(t.Context(), reach(a), func(tx *store.Tx) error { _, err := tx.Suggestion("nobody"); return err })
		wants(t, "read a suggestion that is not there", helpdesk.NotFound, err)
	})
}

// Ensure that of two people who decide at once, one is told so.
func TestSuggestionIsDecidedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		x := w.suggestion(a, w.ticket(a, "Help", start), 1)
		var wg sync.WaitGroup
		got := make(chan int, 8)
		for n := range 8 {
			wg.Go(func() {
				err := s.Update(t.Context(), a, func(tx *store.Tx) error {
					x, err := tx.Suggestion(x.ID)
					if err != nil {
						return err
					}
					was := x.State
					if err := x.Move(helpdesk.SuggestionRejected); err != nil {
						return err
					}
					x.Note = fmt.Sprint(n)
					return tx.SaveSuggestion(x, was)
				})
				if err == nil {
					got <- n
				} else if helpdesk.KindOf(err) != helpdesk.Conflict {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(got) != 1 {
			t.Errorf("%d people decided", len(got))
		}
	})
}

func TestRun(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a, b := w.tenant("A"), w.tenant("B")
		key, other := w.ticket(a, "Help", start), w.ticket(b, "Help", start)
		first, second := w.run(a, key, helpdesk.RunWaiting), w.run(a, key, helpdesk.RunWaiting)
		elsewhere := w.run(b, other, helpdesk.RunClaimed)
		read := func(id helpdesk.RunID) (x helpdesk.Run) {
			t.Helper()
			w.view(a, func(tx *store.Tx) (err error) { x, err = tx.Run(id); return err })
			return x
		}
		if diff := cmp.Diff(first, read(first.ID)); diff != "" {
			t.Errorf("a run (-want +got):\n%s", diff)
		}
		open := func(want ...helpdesk.RunID) {
			t.Helper()
			w.system(func(tx *store.System) error {
				all, err := tx.OpenRuns(9)
				var got []helpdesk.RunID
				for _, x := range all {
					got = append(got, x.ID)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("open runs (-want +got):\n%s", diff)
				}
				return err
			})
		}
		open(first.ID, second.ID, elsewhere.ID)
		claim := func(x helpdesk.Run) error {
			x.State, x.Epoch, x.ClaimedAt = helpdesk.RunClaimed, "epoch-1", start.Add(time.Minute)
			return s.Update(t.Context(), a, func(tx *store.Tx) error { return tx.SaveRun(x, helpdesk.RunWaiting) })
		}
		if err := claim(first); err != nil {
			t.Fatal(err)
		}
		wants(t, "claim a second run of the ticket", helpdesk.Conflict, claim(second))
		wants(t, "claim a run again", helpdesk.Conflict, claim(first))
		w.refused(a, "insert a claimed run beside another", func(tx *store.Tx) error {
			return tx.InsertRun(helpdesk.Run{ID: "third", Ticket: key, State: helpdesk.RunClaimed, By: w.by()}, "decision-x")
		})
		w.view(a, func(tx *store.Tx) error {
			all, err := tx.OpenRuns(key)
			if len(all) != 2 || all[0].ID != first.ID || all[0].State != helpdesk.RunClaimed {
				t.Errorf("the ticket's open runs: %+v", all)
			}
			return err
		})
		code := 3
		ended := read(first.ID)
		ended.State = helpdesk.RunEnded
		ended.Outcome = &helpdesk.Outcome{ExitCode: &code, Signal: "TERM", TimedOut: true, Stopped: true, Unknown: true, Output: "\x1b[31mred ☃\n", Truncated: true,
			StartedAt: start, EndedAt: start.Add(time.Second), By: w.by()}
		w.update(a, func(tx *store.Tx) error { return tx.SaveRun(ended, helpdesk.RunClaimed) })
		if diff := cmp.Diff(ended, read(first.ID)); diff != "" {
			t.Errorf("a run that ended (-want +got):\n%s", diff)
		}
		if err := claim(second); err != nil {
			t.Errorf("claim after the end of the first: %v", err)
		}
		open(second.ID, elsewhere.ID)
		x := helpdesk.Run{ID: "again", Ticket: key, State: helpdesk.RunWaiting, By: w.by()}
		w.update(a, func(tx *store.Tx) error { return tx.InsertRun(x, "decision-once") })
		x.ID = "twice"
		w.refused(a, "a second run of one decision", func(tx *store.Tx) error { return tx.InsertRun(x, "decision-once") })
		err := s.View(t.Context(), reach(a), func(tx *store.Tx) error { _, err := tx.Run("nobody"); return err })
		wants(t, "read a run that is not there", helpdesk.NotFound, err)
	})
}

func TestTerminals(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		key := w.ticket(a, "Help", start)
		x := helpdesk.Terminal{ID: "terminal-1", Ticket: key, Tenant: a, Scope: helpdesk.ScopeTenant, Place: "sandbox", Title: "bash", State: helpdesk.TerminalLive,
			Epoch: "e-1", Cols: 80, Rows: 24, OpenedBy: w.by(), OpenedAt: start}
		later := x
		later.ID, later.OpenedAt, later.Scope = "terminal-0", start.Add(time.Second), helpdesk.ScopeAdmin
		w.update(a, func(tx *store.Tx) error {
			if err := tx.InsertTerminal(later); err != nil {
				return err
			}
			return tx.InsertTerminal(x)
		})
		check := func(live ...helpdesk.Terminal) {
			t.Helper()
			w.view(a, func(tx *store.Tx) error {
				got, err := tx.Terminal(x.ID)
				if diff := cmp.Diff(x, got, cmp.AllowUnexported(helpdesk.Scope{})); diff != "" || err != nil {
					t.Errorf("terminal (-want +got):\n%s%v", diff, err)
				}
				all, err := tx.Terminals(key)
				if diff := cmp.Diff([]helpdesk.Terminal{x, later}, all, cmp.AllowUnexported(helpdesk.Scope{})); diff != "" {
					t.Errorf("terminals (-want +got):\n%s", diff)
				}
				return err
			})
			w.system(func(tx *store.System) error {
				got, err := tx.LiveTerminals()
				if diff := cmp.Diff(live, got, cmp.AllowUnexported(helpdesk.Scope{})); diff != "" {
					t.Errorf("live terminals (-want +got):\n%s", diff)
				}
				return err
			})
		}
		check(x, later)
		x.Title, x.State, x.Epoch, x.Cols, x.Rows, x.EndedAt, x.Reason = "vim", helpdesk.TerminalEnded, "e-2", 100, 30, start.Add(time.Hour), "exit"
		w.update(a, func(tx *store.Tx) error { return tx.SaveTerminal(x) })
		check(later)
		for what, act := range map[string]func(*store.Tx) error{
			"read": func(tx *store.Tx) error { _, err := tx.Terminal("nobody"); return err },
			"save": func(tx *store.Tx) error { return tx.SaveTerminal(helpdesk.Terminal{ID: "nobody"}) },
		} {
			wants(t, what+" a terminal that is not there", helpdesk.NotFound, s.Update(t.Context(), a, act))
		}
	})
}
