package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
)

func TestTimeline(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		key := w.ticket(a, "A long story", start)
		other := w.ticket(a, "Another story", start)
		at := start.Add(time.Minute + time.Microsecond)
		by := helpdesk.By{Kind: helpdesk.ActorAgent, ID: "runbook-1", Name: `Run "book" ☃`}
		for i := 2; i <= 20; i++ {
			w.update(a, func(tx *store.Tx) error {
				seq, err := tx.Emit(key, by, event.MessagePosted{ID: fmt.Sprint(i), Role: "user", Content: "Text\n?{now}{lock}$1"}, at)
				if seq != int64(i) {
					t.Errorf("event %d has sequence number %d", i, seq)
				}
				return err
			})
		}
		read := func(span store.Span) (seqs []int64, all []event.Event) {
			t.Helper()
			w.view(a, func(tx *store.Tx) (err error) { all, err = tx.Timeline(key, span); return err })
			for _, e := range all {
				seqs = append(seqs, e.Seq)
			}
			return seqs, all
		}
		for name, x := range map[string]struct {
			span store.Span
			want []int64
		}{
			"the oldest":              {store.Span{Limit: 3}, []int64{1, 2, 3}},
			"the newest":              {store.Span{Limit: 3, Newest: true}, []int64{18, 19, 20}},
			"on from a place":         {store.Span{After: 5, Limit: 2}, []int64{6, 7}},
			"up to a place":           {store.Span{Before: 3, Limit: 9}, []int64{1, 2}},
			"the newest before":       {store.Span{Before: 10, Limit: 2, Newest: true}, []int64{8, 9}},
			"between":                 {store.Span{After: 4, Before: 7, Limit: 9}, []int64{5, 6}},
			"the newest between":      {store.Span{After: 4, Before: 9, Limit: 2, Newest: true}, []int64{7, 8}},
			"nothing after the end":   {store.Span{After: 20, Limit: 9}, nil},
			"nothing where none fits": {store.Span{After: 7, Before: 8, Limit: 9}, nil},
		} {
			if got, _ := read(x.span); !slices.Equal(got, x.want) {
				t.Errorf("%s: %v, want %v", name, got, x.want)
			}
		}
		_, all := read(store.Span{After: 19, Limit: 1})
		want := event.Event{Ticket: key, Tenant: a, Seq: 20, Kind: "MessagePosted", At: at, Actor: event.Who(by), Data: all[0].Data}
		if diff := cmp.Diff(want, all[0]); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
		fact, err := event.Decode(all[0].Kind, all[0].Data)
		if diff := cmp.Diff(event.Fact(event.MessagePosted{ID: "20", Role: "user", Content: "Text\n?{now}{lock}$1"}), fact); diff != "" || err != nil {
			t.Errorf("fact (-want +got):\n%s%v", diff, err)
		}
		w.view(a, func(tx *store.Tx) error {
			x, err := tx.Ticket(key)
			if x.Seq != 20 || !x.ChangedAt.Equal(at) {
				t.Errorf("the ticket stands at %d of %v, want 20 of %v", x.Seq, x.ChangedAt, at)
			}
			if err != nil {
				return err
			}
			heads, err := tx.Heads([]helpdesk.TicketKey{key, other, key, "A-99"})
			if diff := cmp.Diff(map[helpdesk.TicketKey]int64{key: 20, other: 1}, heads); diff != "" {
				t.Errorf("heads (-want +got):\n%s", diff)
			}
			none, err2 := tx.Heads(nil)
			if len(none) != 0 || err2 != nil {
				t.Errorf("heads of nothing: %v %v", none, err2)
			}
			return err
		})
		_, err = emit(t, s, a, "A-99")
		wants(t, "emit to a ticket that is not there", helpdesk.NotFound, err)
	})
}

// A page may ask for the heads of more tickets than one statement takes.
func TestHeadsOfMany(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a, b := w.tenant("A"), w.tenant("B")
		theirs := w.ticket(b, "Not ours", start)
		want := map[helpdesk.TicketKey]int64{}
		keys := []helpdesk.TicketKey{theirs}
		for range 3 {
			key := w.ticket(a, "Ours", start)
			keys = append(keys, key)
			want[key] = 1
			for i := range 700 {
				keys = append(keys, helpdesk.MakeTicketKey("A", int64(1000*len(want)+i)))
			}
		}
		w.view(a, func(tx *store.Tx) error {
			heads, err := tx.Heads(keys)
			if diff := cmp.Diff(want, heads); diff != "" {
				t.Errorf("heads (-want +got):\n%s", diff)
			}
			return err
		})
	})
}

func emit(t testing.TB, s *store.Store, tenant helpdesk.TenantID, key helpdesk.TicketKey) (seq int64, err error) {
	err = s.Update(t.Context(), tenant, func(tx *store.Tx) (err error) {
		seq, err = tx.Emit(key, helpdesk.System("test").By(), event.TicketRestored{}, start)
		return err
	})
	return seq, err
}

func TestConversation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		key := w.ticket(a, "Talk", start)
		facts := []event.Fact{
			event.MessagePosted{ID: "1"}, event.TurnQueued{Turn: "t"}, event.TurnStarted{Turn: "t"}, event.TurnSent{Turn: "t"},
			event.ActivityRecorded{Turn: "t"}, event.SuggestionProposed{ID: "s"}, event.MessagePosted{ID: "2"}, event.TurnEnded{Turn: "t"},
			event.WorkspaceOpened{Number: 1}, event.WorkspaceRemoved{Number: 1}, event.WorkspaceOpened{Number: 2}, event.TicketRenamed{},
		}
		for i, f := range facts {
			w.update(a, func(tx *store.Tx) error { _, err := tx.Emit(key, w.by(), f, start); return err })
			w.view(a, func(tx *store.Tx) error {
				number, open, err := tx.Workspace(key)
				want := map[int]int{8: 1, 9: 1, 10: 2, 11: 2}[i]
				if number != want || open != (i == 8 || i > 9) {
					t.Errorf("after fact %d the workspace is %d, open %v", i, number, open)
				}
				return err
			})
		}
		w.view(a, func(tx *store.Tx) error {
			all, err := tx.Conversation(key, 0)
			var kinds []string
			for _, e := range all {
				kinds = append(kinds, e.Kind)
			}
			if diff := cmp.Diff([]string{"MessagePosted", "TurnSent", "SuggestionProposed", "MessagePosted"}, kinds); diff != "" {
				t.Errorf("conversation (-want +got):\n%s", diff)
			}
			return err
		})
	})
}

// Ensure that sixteen who write to three tickets at once leave logs without gaps, that one transaction's events
// stay together, and that every notice comes after its commit.
func TestLogHasNoGaps(t *testing.T) {
	storetest.EachConfig(t, func(t *testing.T, cfg store.Config) {
		var s *store.Store
		var mu sync.Mutex
		heard := map[helpdesk.TicketKey]int64{}
		cfg.Committed = func(notices []store.Notice) {
			for _, n := range notices {
				var head int64
				if err := s.View(context.Background(), reach(n.Tenant), func(tx *store.Tx) error {
					heads, err := tx.Heads([]helpdesk.TicketKey{n.Ticket})
					head = heads[n.Ticket]
					return err
				}); err != nil || head < n.Seq {
					t.Errorf("a notice of %s/%d came when the log ended at %d (%v)", n.Ticket, n.Seq, head, err)
				}
				mu.Lock()
				heard[n.Ticket] = max(heard[n.Ticket], n.Seq)
				mu.Unlock()
			}
		}
		s = storetest.Open(t, cfg)
		w := newWorld(t, s)
		a, b := w.tenant("A"), w.tenant("B")
		tickets := []struct {
			tenant helpdesk.TenantID
			key    helpdesk.TicketKey
		}{{a, w.ticket(a, "One", start)}, {a, w.ticket(a, "Two", start)}, {b, w.ticket(b, "Three", start)}}
		const writers, rounds = 16, 15
		var wg sync.WaitGroup
		for n := range writers {
			wg.Go(func() {
				for i := range rounds {
					k := tickets[(n+i)%len(tickets)]
					err := s.Update(t.Context(), k.tenant, func(tx *store.Tx) error {
						if _, err := tx.LockTicket(k.key); err != nil {
							return err
						}
						for step := range 3 {
							if _, err := tx.Emit(k.key, w.by(), event.MessagePosted{ID: fmt.Sprintf("%d/%d/%d", n, i, step)}, start); err != nil {
								return err
							}
						}
						if (n+i)%5 == 0 {
							return helpdesk.Errorf(helpdesk.Conflict, "Not this time.")
						}
						return nil
					})
					if ((n+i)%5 == 0) != (err != nil) {
						t.Errorf("writer %d, round %d: %v", n, i, err)
					}
				}
			})
		}
		wg.Wait()
		messages := 0
		for _, k := range tickets {
			var all []event.Event
			w.view(k.tenant, func(tx *store.Tx) (err error) {
				all, err = tx.Timeline(k.key, store.Span{Limit: 10000})
				return err
			})
			for i, e := range all {
				if e.Seq != int64(i+1) {
					t.Fatalf("%s: event %d has sequence number %d", k.key, i+1, e.Seq)
				}
			}
			if heard[k.key] != int64(len(all)) {
				t.Errorf("%s has %d events, and notices came up to %d", k.key, len(all), heard[k.key])
			}
			all = all[1:]
			messages += len(all)
			for i := 0; i < len(all); i += 3 {
				var first, last event.MessagePosted
				decode(t, all[i], &first)
				decode(t, all[i+2], &last)
				if first.ID[:len(first.ID)-2] != last.ID[:len(last.ID)-2] {
					t.Errorf("%s: the events of one transaction are apart: %s … %s", k.key, first.ID, last.ID)
				}
			}
		}
		if want := writers * rounds * 3 * 4 / 5; messages != want {
			t.Errorf("%d events are there, want %d", messages, want)
		}
	})
}
