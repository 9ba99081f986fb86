package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
)

// benchEngines runs a benchmark on both engines; PostgreSQL syncs to disk, as SQLite does.
func benchEngines(b *testing.B, bench func(b *testing.B, s *store.Store, cfg store.Config)) {
	b.Run("sqlite", func(b *testing.B) {
		cfg := store.Config{Dir: b.TempDir()}
		bench(b, storetest.Open(b, cfg), cfg)
	})
	b.Run("postgres", func(b *testing.B) {
		cfg := store.Config{URL: storetest.StartCluster(b).URL("postgres"), Conn: 16}
		bench(b, storetest.Open(b, cfg), cfg)
	})
}

// analyze does what PostgreSQL's autovacuum does after a while.
func analyze(tb testing.TB, cfg store.Config) {
	if cfg.URL == "" {
		return
	}
	if _, err := raw(tb, cfg).ExecContext(tb.Context(), "VACUUM ANALYZE"); err != nil {
		tb.Fatal(err)
	}
}

// clients runs an act b.N times from so many goroutines, and reports the median time of an act, acts a second and
// processor seconds of this process for a thousand.
func clients(b *testing.B, n int, act func(i int)) (median time.Duration) {
	b.Helper()
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	var wg sync.WaitGroup
	cpu := processor(b)
	b.ResetTimer()
	began := time.Now()
	for range n {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < b.N; i = int(next.Add(1)) - 1 {
				at := time.Now()
				act(i)
				took[i] = time.Since(at)
			}
		})
	}
	wg.Wait()
	all := time.Since(began)
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[b.N/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[b.N*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(b.N)/all.Seconds(), "ops/s")
	b.ReportMetric((processor(b)-cpu).Seconds()*1000/float64(b.N), "cpu-s/1000")
	b.ReportMetric(0, "ns/op")
	return took[b.N/2]
}

func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

const benchMessage = "The disk of db-07 is full since noon, and postgres complains about inodes. I looked at /var/log and " +
	"found many small files from the exporter; is it safe to delete those older than a week? Please check first."

// BenchmarkAppend is a message as it is submitted: what was asked before, message, queued turn, their events, search.
func BenchmarkAppend(b *testing.B) {
	limit := map[int]time.Duration{} // the file's median time, by the number of clients
	for _, n := range []int{1, 16} {
		b.Run(fmt.Sprintf("file/clients=%d", n), func(b *testing.B) { limit[n] = benchFile(b, n) })
	}
	benchEngines(b, func(b *testing.B, s *store.Store, _ store.Config) {
		w := newWorld(b, s)
		a := w.tenant("A")
		var tickets []helpdesk.TicketKey
		for i := range 64 {
			tickets = append(tickets, w.ticket(a, fmt.Sprint("Ticket ", i), start))
		}
		for _, n := range []int{1, 16} {
			b.Run(fmt.Sprintf("clients=%d", n), func(b *testing.B) {
				run := w.id("run")
				median := clients(b, n, func(i int) {
					if err := s.Update(context.Background(), a, func(tx *store.Tx) error {
						return submit(w, tx, tickets[i%len(tickets)], fmt.Sprint(run, "-", i))
					}); err != nil {
						b.Error(err)
					}
				})
				if limit[n] > 0 {
					b.ReportMetric(float64(median)/float64(limit[n]), "x-file")
				}
			})
		}
	})
}

func submit(w *world, tx *store.Tx, key helpdesk.TicketKey, id string) error {
	once := store.Once{Actor: "u-ann", Key: id, Hash: "hash"}
	if found, err := tx.Recall(once, new(string)); err != nil || found {
		return err
	}
	x, err := tx.LockTicket(key)
	if err != nil {
		return err
	}
	now := start
	if _, err := tx.Emit(key, w.by(), event.MessagePosted{ID: "m-" + id, Role: "user", Content: benchMessage, Turn: "t-" + id, Instance: string(x.Instance)}, now); err != nil {
		return err
	}
	turn := helpdesk.Turn{ID: helpdesk.TurnID("t-" + id), Ticket: key, Message: helpdesk.MessageID("m-" + id), Agent: x.Agent, Instance: x.Instance,
		State: helpdesk.TurnQueued, By: w.by(), QueuedAt: now}
	if err := tx.InsertTurn(turn); err != nil {
		return err
	}
	if _, err := tx.Emit(key, w.by(), event.TurnQueued{Turn: "t-" + id, Message: "m-" + id, Agent: string(x.Agent), Instance: string(x.Instance)}, now); err != nil {
		return err
	}
	if err := tx.Index(key, benchMessage); err != nil {
		return err
	}
	if err := tx.Refresh(key); err != nil {
		return err
	}
	return tx.Remember(once, id, now)
}

// benchFile is the limit: an append-only file with one fsync for all who wait.
func benchFile(b *testing.B, n int) (median time.Duration) {
	f, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	record := []byte(strings.Repeat("x", 1024))
	var mu sync.Mutex
	var waiting []chan struct{}
	kick, done := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(done)
		for range kick {
			mu.Lock()
			all := waiting
			waiting = nil
			mu.Unlock()
			if err := f.Sync(); err != nil {
				b.Error(err)
			}
			for _, c := range all {
				close(c)
			}
		}
	}()
	median = clients(b, n, func(int) {
		c := make(chan struct{})
		mu.Lock()
		if _, err := f.Write(record); err != nil {
			b.Error(err)
		}
		waiting = append(waiting, c)
		mu.Unlock()
		select {
		case kick <- struct{}{}:
		default:
		}
		<-c
	})
	close(kick)
	<-done
	return median
}

// BenchmarkList reads pages of 50 of 100,000 tickets of four tenants.
func BenchmarkList(b *testing.B) {
	benchEngines(b, func(b *testing.B, s *store.Store, cfg store.Config) {
		w := newWorld(b, s)
		fill(b, w, cfg)
		analyze(b, cfg)
		three := reach("t-A", "t-B", "t-C")
		for _, x := range []struct {
			name   string
			reach  helpdesk.Reach
			filter store.TicketFilter
		}{
			{"admin", everywhere(), store.TicketFilter{}},
			{"three-tenants", three, store.TicketFilter{}},
			{"three-tenants-closed", three, store.TicketFilter{Status: helpdesk.TicketClosed}},
			{"three-tenants-rare-status", three, store.TicketFilter{Status: helpdesk.TicketInProgress}},
			{"three-tenants-deep", three, store.TicketFilter{Before: store.TicketCursor{ChangedAt: start.Add(50_000 * time.Second), Key: "A-1"}}},
			{"one-tenant", reach("t-D"), store.TicketFilter{}},
			{"key", three, store.TicketFilter{Words: "A-77"}},
			{"rare-word", three, store.TicketFilter{Words: "word77"}},
			{"common-word", three, store.TicketFilter{Words: "ticket"}},
			{"common-and-rare-word", three, store.TicketFilter{Words: "ticket about word77 host77"}},
		} {
			b.Run(x.name, func(b *testing.B) {
				x.filter.Limit = 50
				clients(b, 1, func(int) {
					if err := s.View(context.Background(), x.reach, func(tx *store.Tx) error {
						_, err := tx.Tickets(x.filter)
						return err
					}); err != nil {
						b.Error(err)
					}
				})
			})
		}
		n := 0 // the tickets erased so far
		b.Run("erase", func(b *testing.B) {
			clients(b, 1, func(int) {
				n++
				if err := s.Update(context.Background(), "t-A", func(tx *store.Tx) error {
					return tx.EraseTicket(helpdesk.MakeTicketKey("A", int64(n)))
				}); err != nil && n <= 25_000 { // all of the tenant's
					b.Error(err)
				}
			})
		})
	})
}

// fill makes 100,000 tickets of four tenants, one a second; one of a thousand is in progress, one of a hundred open.
func fill(tb testing.TB, w *world, cfg store.Config) {
	db := raw(tb, cfg)
	do := func(text string) {
		if _, err := db.ExecContext(tb.Context(), text); err != nil {
			tb.Fatalf("%v: %.200s", err, text)
		}
	}
	const each, words = 25_000, `'about host' || i || ' on ticket word' || (i % 1000)`
	for n, prefix := range []string{"A", "B", "C", "D"} {
		tenant := w.tenant(prefix)
		numbers := fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + 4 FROM n WHERE i < %d)`, n+4, 4*each+n)
		do(fmt.Sprintf(`INSERT INTO tickets (key, tenant, title, status, activity, agent, instance, workspace, seq, created_by, created_at, changed_at) %s
			SELECT '%s-' || (i / 4), '%s', 'Ticket about word' || (i %% 1000) || ' on host' || i,
				CASE WHEN i %% 1000 = 0 THEN 'in_progress' WHEN i %% 100 = 0 THEN 'open' ELSE 'closed' END, 'idle', 'runbook', 'runbook-1', 1, 0,
				'{"kind":"user","id":"u-ann","name":"Ann"}', %[4]d + i * CAST(1000000 AS BIGINT), %[4]d + i * CAST(1000000 AS BIGINT) FROM n`,
			numbers, prefix, tenant, start.UnixMicro()))
		if cfg.URL == "" {
			do(fmt.Sprintf(`INSERT INTO search_docs (id, ticket, tenant) %s SELECT i, '%s-' || (i / 4), '%s' FROM n`, numbers, prefix, tenant))
			do(fmt.Sprintf(`INSERT INTO search_words (rowid, words) %s SELECT i, %s FROM n`, numbers, words))
			continue
		}
		do(fmt.Sprintf(`INSERT INTO search_docs (ticket, tenant, words) %s SELECT '%s-' || (i / 4), '%s', array_to_tsvector(string_to_array(%s, ' ')) FROM n`,
			numbers, prefix, tenant, words))
	}
}

// BenchmarkNewestScreen reads what the page shows first of a ticket with 5,000 events.
func BenchmarkNewestScreen(b *testing.B) {
	benchEngines(b, func(b *testing.B, s *store.Store, _ store.Config) {
		w := newWorld(b, s)
		a := w.tenant("A")
		key := w.ticket(a, "A long story", start)
		w.update(a, func(tx *store.Tx) error {
			for i := range 5000 {
				if _, err := tx.Emit(key, w.by(), event.MessagePosted{ID: fmt.Sprint(i), Role: "user", Content: benchMessage}, start); err != nil {
					return err
				}
			}
			return nil
		})
		clients(b, 1, func(int) {
			if err := s.View(context.Background(), reach(a), func(tx *store.Tx) error {
				if _, err := tx.Ticket(key); err != nil {
					return err
				}
				all, err := tx.Timeline(key, store.Span{Limit: 100, Newest: true})
				if len(all) != 100 {
					b.Errorf("%d events", len(all))
				}
				return err
			}); err != nil {
				b.Error(err)
			}
		})
	})
}

// BenchmarkOpen opens a database that is there already, as at every start but the first.
func BenchmarkOpen(b *testing.B) {
	benchEngines(b, func(b *testing.B, _ *store.Store, cfg store.Config) {
		clients(b, 1, func(int) {
			s, err := store.Open(context.Background(), cfg)
			if err == nil {
				err = s.Close()
			}
			if err != nil {
				b.Error(err)
			}
		})
	})
}
