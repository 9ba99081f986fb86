package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
)

// crowd holds the store's transactions up until n more wait behind the one that runs, so that on SQLite they
// share one commit, and then lets each do its act. It gives what each was told.
func crowd(t *testing.T, w *world, tenant helpdesk.TenantID, acts ...func(*store.Tx) error) []error {
	t.Helper()
	inside, release := make(chan struct{}), make(chan struct{})
	var begun sync.Once
	var wg sync.WaitGroup
	errs := make([]error, len(acts))
	wg.Go(func() {
		if err := w.s.Update(t.Context(), tenant, func(*store.Tx) error {
			begun.Do(func() { close(inside) }) // it may run again
			<-release
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
	<-inside
	for i, act := range acts {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					errs[i] = fmt.Errorf("panic: %v", p)
				}
			}()
			errs[i] = w.s.Update(context.WithoutCancel(t.Context()), tenant, act)
		})
	}
	if w.s.Engine() == "sqlite" {
		deadline := time.Now().Add(time.Minute)
		for store.Queued(w.s) < len(acts) && time.Now().Before(deadline) {
			runtime.Gosched()
		}
	}
	close(release)
	wg.Wait()
	return errs
}

// Ensure that of many who share a commit, one who fails or panics undoes only his own.
func TestOneFailsAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		key := w.ticket(a, "Help", start)
		say := func(text string, end func() error) func(*store.Tx) error {
			return func(tx *store.Tx) error {
				if _, err := tx.Emit(key, w.by(), event.MessagePosted{ID: text}, start); err != nil {
					return err
				}
				return end()
			}
		}
		fine := func() error { return nil }
		mine := errors.New("mine")
		var acts []func(*store.Tx) error
		for i := range 4 {
			acts = append(acts,
				say(fmt.Sprint("good-", i), fine),
				say("failed", func() error { return mine }),
				say("panicked", func() error { panic("in the middle") }),
				func(tx *store.Tx) error { // goes on after the database refused something
					_, _ = tx.Emit(key, w.by(), event.MessagePosted{ID: "swallowed"}, start)
					_ = tx.InsertTicket(helpdesk.Ticket{Key: key})
					_, _ = tx.Emit(key, w.by(), event.MessagePosted{ID: "swallowed"}, start)
					return nil
				})
		}
		errs := crowd(t, w, a, acts...)
		for i := 0; i < len(errs); i += 4 {
			if errs[i] != nil {
				t.Errorf("one who did nothing wrong: %v", errs[i])
			}
			if !errors.Is(errs[i+1], mine) {
				t.Errorf("one who failed hears %v", errs[i+1])
			}
			if errs[i+2] == nil || errs[i+2].Error() != "panic: in the middle" {
				t.Errorf("one who panicked: %v", errs[i+2])
			}
			if errs[i+3] == nil {
				t.Error("one who ignored an error of the database was told that all is well")
			}
		}
		w.view(a, func(tx *store.Tx) error {
			all, err := tx.Timeline(key, store.Span{After: 1, Limit: 99})
			if len(all) != 4 {
				t.Errorf("%d messages are there, want 4: %+v", len(all), all)
			}
			for i, e := range all {
				var m event.MessagePosted
				decode(t, e, &m)
				if e.Seq != int64(i+2) || m.ID[:4] != "good" {
					t.Errorf("message %d is %s/%d", i, m.ID, e.Seq)
				}
			}
			return err
		})
	})
}

// Ensure that a transaction is not begun for somebody who has gone, and that one who goes later hears the truth.
func TestWhoGoesAway(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		key := w.ticket(a, "Help", start)
		gone := errors.New("the browser is gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(gone)
		ran := false
		err := s.Update(ctx, a, func(*store.Tx) error { ran = true; return nil })
		if err == nil || ran {
			t.Errorf("begun for somebody who has gone: %v, ran %v", err, ran)
		}
		if err := s.View(ctx, reach(a), func(*store.Tx) error { ran = true; return nil }); err == nil || ran {
			t.Errorf("read for somebody who has gone: %v, ran %v", err, ran)
		}
		ctx, cancel = context.WithCancelCause(t.Context())
		err = s.Update(ctx, a, func(tx *store.Tx) error {
			_, err := tx.Emit(key, w.by(), event.TicketRestored{}, start)
			cancel(gone)
			return err
		})
		heads := func() (seq int64) {
			w.view(a, func(tx *store.Tx) error {
				m, err := tx.Heads([]helpdesk.TicketKey{key})
				seq = m[key]
				return err
			})
			return seq
		}
		if got := heads(); (err == nil) != (got == 2) {
			t.Errorf("told %v, and the log stands at %d", err, got)
		}
	})
}

// Ensure that closing waits for those at work and refuses whoever comes later.
func TestCloseWhileBusy(t *testing.T) {
	storetest.EachConfig(t, func(t *testing.T, cfg store.Config) {
		s, err := store.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, s)
		a := w.tenant("A")
		key := w.ticket(a, "Help", start)
		var wg sync.WaitGroup
		var mu sync.Mutex
		saved := 0
		busy := make(chan struct{}, 100)
		for range 8 {
			wg.Go(func() {
				for {
					_, err := emit(t, s, a, key)
					if err != nil {
						if helpdesk.KindOf(err) != helpdesk.Unavailable {
							t.Errorf("after the close: %v", err)
						}
						return
					}
					mu.Lock()
					saved++
					mu.Unlock()
					select {
					case busy <- struct{}{}:
					default:
					}
				}
			})
		}
		for range 30 {
			<-busy
		}
		for range 2 { // twice does no harm
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		wg.Wait()
		if err := s.View(t.Context(), reach(a), func(*store.Tx) error { return nil }); err == nil {
			t.Error("a closed store was read")
		}
		if err := s.Ping(t.Context()); err == nil {
			t.Error("a closed store answers")
		}
		again := storetest.Open(t, cfg)
		if err := again.View(t.Context(), reach(a), func(tx *store.Tx) error {
			x, err := tx.Ticket(key)
			if x.Seq != int64(saved+1) {
				t.Errorf("%d were told that their event is saved, and the log ends at %d", saved, x.Seq)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	})
}

// Ensure that a View is one snapshot, sees nothing of what comes later, and cannot write.
func TestViewIsASnapshot(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		key := w.ticket(a, "Help", start)
		err := s.View(t.Context(), reach(a), func(tx *store.Tx) error {
			before, err := tx.Ticket(key)
			if err != nil {
				return err
			}
			if _, err := emit(t, s, a, key); err != nil {
				return err
			}
			after, err := tx.Ticket(key)
			if after.Seq != before.Seq {
				t.Errorf("the snapshot moved from %d to %d", before.Seq, after.Seq)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if err := s.SystemView(t.Context(), store.Directory, func(tx *store.System) error {
			return tx.SaveUser(store.User{ID: "u-x", Email: "x"})
		}); err == nil {
			t.Error("a view wrote")
		}
		if err := s.Update(t.Context(), "", func(*store.Tx) error { return nil }); err == nil {
			t.Error("an update without a tenant began")
		}
	})
}

// Ensure that readers do not wait for a writer, nor the writer for readers, and that more readers than there are
// connections take turns.
func TestManyReaders(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		key := w.ticket(a, "Help", start)
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				for range 5 {
					if err := s.View(t.Context(), reach(a), func(tx *store.Tx) error { _, err := tx.Ticket(key); return err }); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for range 10 {
			if _, err := emit(t, s, a, key); err != nil {
				t.Error(err)
			}
		}
		wg.Wait()
	})
}

// Ensure that two who lock two tickets in opposite orders both come through: PostgreSQL gives one up, and it is
// run again.
func TestLostRaceIsRunAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		one, two := w.ticket(a, "One", start), w.ticket(a, "Two", start)
		var wg sync.WaitGroup
		for n := range 4 {
			wg.Go(func() {
				for range 5 {
					first, second := one, two
					if n%2 == 1 {
						first, second = two, one
					}
					if err := s.Update(t.Context(), a, func(tx *store.Tx) error {
						if _, err := tx.Emit(first, w.by(), event.TicketRestored{}, start); err != nil {
							return err
						}
						_, err := tx.Emit(second, w.by(), event.TicketRestored{}, start)
						return err
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		w.view(a, func(tx *store.Tx) error {
			heads, err := tx.Heads([]helpdesk.TicketKey{one, two})
			if heads[one] != 21 || heads[two] != 21 {
				t.Errorf("the logs end at %v", heads)
			}
			return err
		})
	})
}

// Ensure that a function which reads the store from within its transaction, though it should not, does not keep a
// store from closing: it is refused, and ends.
func TestCloseWhileReadingFromWithin(t *testing.T) {
	storetest.EachConfig(t, func(t *testing.T, cfg store.Config) {
		s, err := store.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		a := newWorld(t, s).tenant("A")
		inside, ended := make(chan struct{}), make(chan error, 1)
		go func() {
			ended <- s.Update(t.Context(), a, func(*store.Tx) error {
				close(inside)
				deadline := time.Now().Add(time.Minute)
				for time.Now().Before(deadline) {
					if err := s.Ping(t.Context()); err != nil {
						return err
					}
				}
				return nil
			})
		}()
		<-inside
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		says(t, <-ended, helpdesk.Unavailable, "shutting down")
	})
}

// Ensure that whoever waits for the database can go away, and that nobody who stays waits for one who went.
func TestWhoGoesAwayWhileWaiting(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		key := w.ticket(a, "Help", start)
		saved := make(chan int64, 16*40)
		var wg sync.WaitGroup
		for n := range 16 {
			wg.Go(func() {
				for i := range 40 {
					ctx, cancel := context.WithCancel(t.Context())
					if (n+i)%2 == 0 {
						timer := time.AfterFunc(time.Duration(n*i)*10*time.Microsecond, cancel)
						defer timer.Stop()
					}
					var seq int64
					err := s.Update(ctx, a, func(tx *store.Tx) (err error) {
						seq, err = tx.Emit(key, w.by(), event.TicketRestored{}, start)
						return err
					})
					switch {
					case err == nil:
						saved <- seq
					case ctx.Err() == nil:
						t.Errorf("one who stayed: %v", err)
					}
					cancel()
				}
			})
		}
		wg.Wait()
		close(saved)
		seen := map[int64]bool{}
		for seq := range saved {
			if seen[seq] {
				t.Errorf("two were told that theirs is event %d", seq)
			}
			seen[seq] = true
		}
		w.view(a, func(tx *store.Tx) error {
			all, err := tx.Timeline(key, store.Span{After: 1, Limit: 10000})
			if len(all) != len(seen) {
				t.Errorf("%d events are there, and %d were told so", len(all), len(seen))
			}
			return err
		})
	})
}
