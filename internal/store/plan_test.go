package store_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
)

// TestPlans holds that nothing that is done often reads a whole table: each statement finds its rows by an index, and
// those that have an index made for them use it.
func TestPlans(t *testing.T) {
	storetest.EachConfig(t, func(t *testing.T, cfg store.Config) {
		s := storetest.Open(t, cfg)
		w := newWorld(t, s)
		a, b := w.tenant("A"), w.tenant("B")
		key := w.ticket(a, "The disk is full", start)
		turn := w.turn(a, key, start)
		list := func(f store.TicketFilter) func(*store.Tx, *store.System) error {
			f.Limit = 50
			return func(tx *store.Tx, _ *store.System) error { _, err := tx.Tickets(f); return err }
		}
		for _, x := range []struct {
			name  string
			reach helpdesk.Reach
			index string // that it must use; "" any
			do    func(tx *store.Tx, system *store.System) error
		}{
			{"list", reach(a, b), "tickets_tenant", list(store.TicketFilter{})},
			{"list with a status", reach(a, b), "tickets_tenant", list(store.TicketFilter{Status: helpdesk.TicketOpen})},
			{"list from a place", reach(a, b), "tickets_tenant", list(store.TicketFilter{Before: store.TicketCursor{ChangedAt: start, Key: key}})},
			{"list of everything", everywhere(), "tickets_status", list(store.TicketFilter{})},
			{"list by activity", everywhere(), "tickets_active", list(store.TicketFilter{Activity: helpdesk.ActivityWorking})},
			{"search", reach(a, b), "", list(store.TicketFilter{Words: "disk full"})},
			{"search for a key", reach(a, b), "", list(store.TicketFilter{Words: string(key)})},
			{"ticket", reach(a), "", func(tx *store.Tx, _ *store.System) error { _, err := tx.LockTicket(key); return err }},
			{"heads", reach(a), "", func(tx *store.Tx, _ *store.System) error {
				_, err := tx.Heads([]helpdesk.TicketKey{key, "B-1"})
				return err
			}},
			{"newest screen", reach(a), "", func(tx *store.Tx, _ *store.System) error {
				_, err := tx.Timeline(key, store.Span{Limit: 100, Newest: true})
				return err
			}},
			{"conversation", reach(a), "events_conversation", func(tx *store.Tx, _ *store.System) error { _, err := tx.Conversation(key, 0); return err }},
			{"workspace", reach(a), "events_workspace", func(tx *store.Tx, _ *store.System) error { _, _, err := tx.Workspace(key); return err }},
			{"emit", reach(a), "", func(tx *store.Tx, _ *store.System) error {
				_, err := tx.Emit(key, w.by(), event.TicketRestored{}, start)
				return err
			}},
			{"refresh", reach(a), "events_asked", func(tx *store.Tx, _ *store.System) error { return tx.Refresh(key) }},
			{"open turns", reach(a), "turns_waiting", func(tx *store.Tx, _ *store.System) error { _, err := tx.OpenTurns(key); return err }},
			{"waiting", reach(a), "turns_day", func(tx *store.Tx, _ *store.System) error { _, _, err := tx.Waiting(key, "u-ann", start); return err }},
			{"lease", reach(a), "", func(tx *store.Tx, _ *store.System) error {
				_, err := tx.LeaseTurn(turn.ID, "n", time.Hour)
				return err
			}},
			{"waiting turns", everywhere(), "turns_open", func(_ *store.Tx, system *store.System) error { _, err := system.WaitingTurns(9); return err }},
			{"suggestions", reach(a), "suggestions_ticket", func(tx *store.Tx, _ *store.System) error { _, err := tx.Suggestions(key, 99); return err }},
			{"due", reach(a), "suggestions_due", func(tx *store.Tx, _ *store.System) error { _, err := tx.Due(key, "runbook-1"); return err }},
			{"in a state", reach(a), "suggestions_", func(tx *store.Tx, _ *store.System) error {
				_, err := tx.InState(key, helpdesk.SuggestionApproved)
				return err
			}},
			{"runs", reach(a), "runs_ticket", func(tx *store.Tx, _ *store.System) error { _, err := tx.OpenRuns(key); return err }},
			{"terminals", reach(a), "terminals_ticket", func(tx *store.Tx, _ *store.System) error { _, err := tx.Terminals(key); return err }},
			{"agent state", reach(a), "", func(tx *store.Tx, _ *store.System) error {
				return tx.SaveAgentState(key, "i", json.RawMessage(`1`))
			}},
			{"asked before", reach(a), "", func(tx *store.Tx, _ *store.System) error {
				_, err := tx.Recall(store.Once{Actor: "a", Key: "k"}, nil)
				return err
			}},
			{"audit", reach(a), "audit_target", func(tx *store.Tx, _ *store.System) error { _, err := tx.AuditOf(string(key)); return err }},
			{"open runs", everywhere(), "runs_open", func(_ *store.Tx, system *store.System) error { _, err := system.OpenRuns(9); return err }},
			{"live terminals", everywhere(), "terminals_live", func(_ *store.Tx, system *store.System) error { _, err := system.LiveTerminals(); return err }},
			{"lapsed", everywhere(), "suggestions_approved", func(_ *store.Tx, system *store.System) error { _, err := system.LapsedApprovals(start, 9); return err }},
			{"closing", everywhere(), "tickets_closing", func(_ *store.Tx, system *store.System) error { _, err := system.ClosingTickets(9); return err }},
			{"purgeable", everywhere(), "tickets_purge", func(_ *store.Tx, system *store.System) error { _, err := system.PurgeableTickets(start, 9); return err }},
			{"session", everywhere(), "", func(_ *store.Tx, system *store.System) error {
				if _, err := system.Login("x"); helpdesk.KindOf(err) != helpdesk.Unauthorized {
					return err
				}
				_, err := system.Memberships("u-ann")
				return err
			}},
			{"erase", reach(a), "", func(tx *store.Tx, _ *store.System) error { return tx.EraseTicket(key) }},
		} {
			plans, err := store.Plans(t.Context(), s, a, x.reach, x.do)
			if err != nil || len(plans) == 0 {
				t.Errorf("%s: %v", x.name, err)
				continue
			}
			all := strings.Join(plans, "\n")
			if !strings.Contains(all, x.index) {
				t.Errorf("%s does not use %s:\n%s", x.name, x.index, all)
			}
			for line := range strings.SplitSeq(all, "\n\t") {
				if readsAll(strings.TrimSpace(line)) {
					t.Errorf("%s reads a whole table (%s):\n%s", x.name, line, all)
				}
			}
		}
	})
}

// readsAll says whether a line of a plan walks a table without an index.
func readsAll(line string) bool {
	for _, made := range []string{"(subquery", "CONSTANT ROW", "VIRTUAL TABLE", "USING", "SCAN branch", "SCAN merged", "SCAN newest", "SCAN counted"} {
		if strings.Contains(line, made) {
			return false
		}
	}
	return strings.HasPrefix(line, "SCAN ") || strings.Contains(line, "Seq Scan on")
}

func TestBind(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		got := store.Bind(s, `SELECT a FROM b WHERE c = ? AND d > {now} - ? {lock}`)
		if strings.Contains(got, "{") || s.Engine() == "postgres" != strings.Contains(got, "$2 FOR NO KEY UPDATE") {
			t.Errorf("bound to %s", got)
		}
	})
}

// Ensure that no SQL text holds what bind would take for something else: a question mark inside quotes.
func TestTextsCanBeBound(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err != nil || !strings.Contains(text, "?") || !strings.Contains(lit.Value, "`") {
				return true
			}
			seen++
			for i, part := range strings.Split(text, "'") {
				if i%2 == 1 && strings.ContainsAny(part, "?{") {
					t.Errorf("%v: a question mark or brace inside quotes: %q", set.Position(lit.Pos()), part)
				}
			}
			return true
		})
	}
	if seen < 50 {
		t.Errorf("only %d texts were looked at", seen)
	}
}

// FuzzFold: the words of any text are such as both engines take apart no further, and folding them again changes
// nothing.
func FuzzFold(f *testing.F) {
	for _, text := range []string{"The disk", "Café ＡＢＣ ﬁ", "東京都", "\xff\xfe", "İstanbul ẞ", "a\u0301\u0345", "x²½", "\u1e9b\u0323"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words := store.Fold(text)
		for _, w := range words {
			if w == "" || strings.ContainsAny(w, " '\"*:&|!()\\\x00") || len([]rune(w)) > 40 {
				t.Fatalf("%q holds the word %q", text, w)
			}
		}
		again := store.Fold(strings.Join(words, " "))
		if strings.Join(again, " ") != strings.Join(words, " ") {
			t.Fatalf("%q folds to %q, and that to %q", text, words, again)
		}
	})
}
