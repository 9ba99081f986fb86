package helpdesk_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helpdesk"
)

var update = flag.Bool("update", false, "write the generated files anew")

// machine is a transition table with what its diagram says.
type machine struct {
	name, about string
	first       []string
	moves       map[string][]string
	notes       map[string]string // of states
	move        func(from, to string) (string, error)
}

func table[S ~string](moves map[S][]S) map[string][]string {
	m := map[string][]string{}
	for from, to := range moves {
		m[string(from)] = []string{}
		for _, s := range to {
			m[string(from)] = append(m[string(from)], string(s))
		}
	}
	return m
}

func machines() []machine {
	return []machine{
		{
			name: "Turn", first: []string{"queued"}, moves: table(helpdesk.TurnMoves),
			about: "One round of an agent: input gathered, one Instance answers, the result is committed. A running turn goes back to\n`queued` only when its node was lost before the first byte went to the Instance.",
			notes: map[string]string{"interrupted": "its node was lost after the request may have been sent", "cancelled": "a person stopped it, or the ticket was closed"},
			move: func(from, to string) (string, error) {
				x := helpdesk.Turn{State: helpdesk.TurnState(from)}
				err := x.Move(helpdesk.TurnState(to))
				return string(x.State), err
			},
		},
		{
			name: "Suggestion", first: []string{"proposed"}, moves: table(helpdesk.SuggestionMoves),
			about: "A command that an agent proposed. It cannot run by itself. A rejection or an ignore can be undone until it was\ndelivered; an approval, until its Run is claimed or it is sent.",
			notes: map[string]string{"sent": "handed to an agent that runs commands itself", "unknown": "it may have run, and is never run again by itself", "lapsed": "too late to decide", "ran": "with an Outcome"},
			move: func(from, to string) (string, error) {
				x := helpdesk.Suggestion{State: helpdesk.SuggestionState(from)}
				err := x.Move(helpdesk.SuggestionState(to))
				return string(x.State), err
			},
		},
		{
			name: "Run", first: []string{"waiting", "claimed"}, moves: table(helpdesk.RunMoves),
			about: "The one execution of a decided command. It is claimed before its first byte, so that it never runs twice; a ticket\nhas at most one that is claimed, and the others wait.",
			notes: map[string]string{"claimed": "it may have started", "ended": "with an Outcome", "dropped": "it never started and never will"},
			move: func(from, to string) (string, error) {
				x := helpdesk.Run{State: helpdesk.RunState(from)}
				err := x.Move(helpdesk.RunState(to))
				return string(x.State), err
			},
		},
	}
}

// states orders a machine's states by their distance from the first, then by name.
func (m machine) states() []string {
	at := map[string]int{}
	next := m.first
	for depth := 1; len(next) > 0; depth++ {
		var found []string
		for _, s := range next {
			if at[s] == 0 {
				at[s] = depth
				found = append(found, m.moves[s]...)
			}
		}
		next = found
	}
	var all []string
	for s := range m.moves {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(at[a], at[b]), cmp.Compare(a, b)) })
	return all
}

// Ensure that every state can be reached, leads only to states there are, and is moved along the table and no other way.
func TestStatesMoveByTheirTables(t *testing.T) {
	for _, m := range machines() {
		reached := map[string]bool{}
		next := slices.Clone(m.first)
		for len(next) > 0 {
			s := next[0]
			next = next[1:]
			if !reached[s] {
				reached[s] = true
				next = append(next, m.moves[s]...)
			}
		}
		for from, to := range m.moves {
			if !reached[from] {
				t.Errorf("%s: nothing leads to %s", m.name, from)
			}
			for _, s := range to {
				if _, ok := m.moves[s]; !ok || s == from {
					t.Errorf("%s: %s leads to %q", m.name, from, s)
				}
			}
			for s := range m.moves {
				got, err := m.move(from, s)
				if slices.Contains(to, s) {
					if err != nil || got != s {
						t.Errorf("%s from %s to %s: %s, %v", m.name, from, s, got, err)
					}
				} else if helpdesk.KindOf(err) != helpdesk.Conflict || got != from {
					t.Errorf("%s from %s to %s, which is not in the table: %s, %v", m.name, from, s, got, err)
				}
			}
			if got, err := m.move(from, "nonsense"); err == nil || got != from {
				t.Errorf("%s from %s to nonsense: %s, %v", m.name, from, got, err)
			}
		}
		if _, err := m.move("nonsense", m.first[0]); err == nil {
			t.Errorf("%s: one in no known state was moved", m.name)
		}
	}
	for s, to := range helpdesk.TurnMoves {
		if s.Ended() != (len(to) == 0) {
			t.Errorf("turn: %s leads to %v, and Ended says %v", s, to, s.Ended())
		}
	}
}

// Ensure that every choice a person has leads somewhere from a proposed suggestion, and undo back to it.
func TestChoicesLeadSomewhere(t *testing.T) {
	for _, c := range []helpdesk.Choice{helpdesk.Approve, helpdesk.Reject, helpdesk.Ignore, helpdesk.Execute} {
		if !slices.Contains(helpdesk.SuggestionMoves[helpdesk.SuggestionProposed], c.Target()) {
			t.Errorf("%s leads to %s, which a proposed suggestion cannot become", c, c.Target())
		}
		if got, err := helpdesk.ParseChoice(string(c)); got != c || err != nil {
			t.Errorf("%s is read as %s, %v", c, got, err)
		}
	}
	for _, s := range []helpdesk.SuggestionState{helpdesk.SuggestionApproved, helpdesk.SuggestionRejected, helpdesk.SuggestionIgnored} {
		if !slices.Contains(helpdesk.SuggestionMoves[s], helpdesk.Undo.Target()) {
			t.Errorf("%s cannot be undone", s)
		}
	}
	for _, s := range []string{"", "Approve", "accept", "approve "} {
		if _, err := helpdesk.ParseChoice(s); helpdesk.KindOf(err) != helpdesk.Invalid {
			t.Errorf("%q was read as a choice", s)
		}
	}
}

// diagram is the machine for people to read, on a page of its own.
func (m machine) diagram() string {
	var b strings.Builder
	fmt.Fprintf(&b, "<!-- Made from the transition table of %s by `go test . -run Fresh -update`. Do not edit. -->\n\n# %s\n\n%s\n\n```mermaid\nstateDiagram-v2\n", m.name, m.name, m.about)
	for _, s := range m.first {
		fmt.Fprintf(&b, "    [*] --> %s\n", s)
	}
	for _, s := range m.states() {
		for _, to := range m.moves[s] {
			fmt.Fprintf(&b, "    %s --> %s\n", s, to)
		}
		if len(m.moves[s]) == 0 {
			fmt.Fprintf(&b, "    %s --> [*]\n", s)
		}
	}
	b.WriteString("```\n\n| state | | may become |\n| --- | --- | --- |\n")
	for _, s := range m.states() {
		to := "nothing more"
		if len(m.moves[s]) > 0 {
			to = "`" + strings.Join(m.moves[s], "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s, m.notes[s], to)
	}
	return b.String()
}

func TestDiagramsAreFresh(t *testing.T) {
	for _, m := range machines() {
		fresh(t, filepath.Join("docs", "state", strings.ToLower(m.name)+".md"), m.diagram())
	}
}

// fresh compares a generated file with what it should be, or with -update writes it.
func fresh(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile(path); err != nil || string(have) != want {
		t.Errorf("%s is not what the code says (%v); go test . -run Fresh -update writes it", path, err)
	}
}
