package turn_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
	"helpdesk/internal/turn"
)

// A conversation is what agents got to see, in the order in which they did.
func TestAConversation(t *testing.T) {
	var events []event.Event
	add := func(by string, f event.Fact) {
		kind, data, err := event.Encode(f)
		must(t, err)
		events = append(events, event.Event{Seq: int64(len(events) + 1), Kind: kind, Data: data, Actor: event.By{Kind: "agent", ID: by, Name: by}})
	}
	says := func(turn, text string) {
		add("Ann", event.MessagePosted{ID: "m-" + turn, Role: "user", Content: text, Turn: turn})
	}
	answers := func(by, turn, text string) {
		add(by, event.MessagePosted{ID: "a-" + turn, Role: "assistant", Content: text, Turn: turn})
	}
	proposes := func(by, turn, command string) {
		add(by, event.SuggestionProposed{ID: "s-" + command, Turn: turn, Command: command, Scope: "tenant", Files: []event.File{{Path: "a", Content: "b"}}})
	}
	says("1", "one")
	says("2", "two")
	says("3", "three, which is discarded")
	add("bot", event.TurnSent{Turn: "1"})
	proposes("bot", "1", "ls")
	says("4", "four, while the first is answered")
	proposes("bot", "1", "df")
	answers("bot", "1", "answer one")
	add("bot", event.TurnSent{Turn: "2"})
	proposes("bot", "2", "du") // and then it was interrupted
	add("other", event.TurnSent{Turn: "4", Delivered: []event.Delivery{{Suggestion: "s-df", Command: "df", Choice: "reject", Reason: "no"}}})
	answers("other", "4", "answer four")
	add("other", event.TurnSent{Turn: "gone"}) // whose message is not there
	says("5", "five, not yet sent")

	got, err := turn.Conversation(events)
	must(t, err)
	var lines []string
	for _, m := range got {
		words := []string{fmt.Sprintf("%s %s %q", m.Role, m.Author.Name, m.Content)}
		for _, p := range m.Proposed {
			words = append(words, fmt.Sprintf("proposes %s in %s with %d files", p.Command, p.Scope, len(p.Files)))
		}
		for _, d := range m.Delivered {
			words = append(words, fmt.Sprintf("told %s %s %s", d.Choice, d.Command, d.Reason))
		}
		lines = append(lines, strings.Join(words, " "))
	}
	want := []string{
		`user Ann "one"`, `assistant bot "answer one" proposes ls in tenant with 1 files proposes df in tenant with 1 files`,
		`user Ann "two"`, `assistant bot "" proposes du in tenant with 1 files`, `user Ann "four, while the first is answered" told reject df no`, `assistant other "answer four"`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, broken := range []event.Event{
		{Kind: "MessagePosted", Data: []byte(`{`)}, {Kind: "SuggestionProposed", Data: []byte(`{"scope":"moon"}`)},
	} {
		if _, err := turn.Conversation([]event.Event{broken}); err == nil {
			t.Errorf("%s was read", broken.Data)
		}
	}
}

// BenchmarkARequest measures what a message costs until the agent is asked, in a ticket with a long history.
func BenchmarkARequest(b *testing.B) {
	for _, messages := range []int{0, 500, 5000} {
		b.Run(fmt.Sprint(messages), func(b *testing.B) {
			h := open(b, storetest.Open(b, store.Config{Dir: storetest.SQLite(b)}))
			arrived := make(chan int, 1)
			h.start("node-1", agent(func(_ context.Context, req helpdesk.Request, _ func(helpdesk.Part) bool) error {
				arrived <- len(req.Messages)
				return nil
			}))
			key := h.says("start")
			<-arrived
			h.settles(key)
			h.history(key, messages)
			b.ResetTimer()
			for b.Loop() {
				h.adds(key, "", "go on")
				if n := <-arrived; n < messages {
					b.Fatalf("the agent was given %d messages", n)
				}
				b.StopTimer()
				h.settles(key)
				b.StartTimer()
			}
		})
	}
}

// history gives a ticket a past of that many messages, each second one an answer with a suggestion.
func (h *house) history(key helpdesk.TicketKey, messages int) {
	h.t.Helper()
	now := time.Now()
	for from := 0; from < messages; from += 500 {
		must(h.t, h.store.Update(context.Background(), h.tenant, func(tx *store.Tx) error {
			for i := from; i < min(from+500, messages); i += 2 {
				id := fmt.Sprintf("old-%d", i)
				for _, f := range []event.Fact{
					event.MessagePosted{ID: "m-" + id, Role: "user", Content: "It is slow again, and the log says that the disk is full.", Turn: id, Instance: "script-1"},
					event.TurnSent{Turn: id},
					event.ActivityRecorded{Turn: id, Name: "Chose a runbook"},
					event.SuggestionProposed{ID: "s-" + id, Turn: id, Command: "df -h", Purpose: "See how full it is.", Scope: "tenant", Place: "sandbox", Cwd: "/workspace", Risk: "reads"},
					event.MessagePosted{ID: "a-" + id, Role: "assistant", Content: "The file system / is full: 98 % of it is used, most of it by /var/log.", Turn: id, Instance: "script-1"},
				} {
					if _, err := tx.Emit(key, h.ann.By(), f, now); err != nil {
						return err
					}
				}
			}
			return nil
		}))
	}
}
