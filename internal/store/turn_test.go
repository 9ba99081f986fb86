package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
)

const (
	long  = time.Hour
	short = -time.Second // a lease that has run out when it begins
)

func TestTurn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		key := w.ticket(a, "Help", start)
		queued := w.turn(a, key, start)
		second := w.turn(a, key, start.Add(time.Second))
		read := func() (x helpdesk.Turn) {
			t.Helper()
			w.view(a, func(tx *store.Tx) (err error) { x, err = tx.Turn(queued.ID); return err })
			return x
		}
		if diff := cmp.Diff(queued, read()); diff != "" {
			t.Errorf("a queued turn (-want +got):\n%s", diff)
		}
		w.view(a, func(tx *store.Tx) error {
			open, err := tx.OpenTurns(key)
			if diff := cmp.Diff([]helpdesk.Turn{queued, second}, open); diff != "" {
				t.Errorf("open turns (-want +got):\n%s", diff)
			}
			waiting, today, err2 := tx.Waiting(key, "u-ann", start.Add(-1))
			none, later, err3 := tx.Waiting("A-99", "u-ann", start)
			if waiting != 2 || today != 2 || none != 0 || later != 1 || err2 != nil || err3 != nil {
				t.Errorf("%d turns wait, %d of today; of another ticket %d, and %d later (%v, %v)", waiting, today, none, later, err2, err3)
			}
			return err
		})

		held := w.lease(a, queued.ID, "node-1", long)
		if held.State != helpdesk.TurnQueued || held.Fence != 1 {
			t.Errorf("the leased turn is %s with fence %d", held.State, held.Fence)
		}
		held.State = helpdesk.TurnRunning
		w.update(a, func(tx *store.Tx) error { return tx.SaveTurn(held) })
		held.SentAt, held.Draft, held.Reason = start.Add(time.Minute), "So far ☃", "because"
		w.update(a, func(tx *store.Tx) error { return tx.SaveTurn(held) })
		if diff := cmp.Diff(held, read()); diff != "" {
			t.Errorf("a running turn (-want +got):\n%s", diff)
		}
		w.update(a, func(tx *store.Tx) error {
			if err := tx.HoldsTurn(held); err != nil {
				return err
			}
			return tx.RenewTurn(held, long)
		})
		w.refused(a, "lease a turn that another node holds", func(tx *store.Tx) error {
			_, err := tx.LeaseTurn(held.ID, "node-2", long)
			return err
		})
		w.refused(a, "start a second turn of the ticket", func(tx *store.Tx) error {
			x, err := tx.LeaseTurn(second.ID, "node-2", long)
			if err != nil {
				t.Errorf("the second turn cannot be leased: %v", err)
			}
			x.State = helpdesk.TurnRunning
			return tx.SaveTurn(x)
		})
		held.State, held.EndedAt = helpdesk.TurnDone, start.Add(long)
		w.update(a, func(tx *store.Tx) error { return tx.SaveTurn(held) })
		if diff := cmp.Diff(held, read()); diff != "" {
			t.Errorf("a turn that is done (-want +got):\n%s", diff)
		}
		for what, act := range w.holding(held) {
			w.refused(a, what+" a turn that has ended", act)
		}
		w.refused(a, "cancel a turn that has ended", func(tx *store.Tx) error { return tx.CancelTurn(held) })
		err := s.View(t.Context(), reach(a), func(tx *store.Tx) error { _, err := tx.Turn("nobody"); return err })
		wants(t, "read a turn that is not there", helpdesk.NotFound, err)
	})
}

func (w *world) lease(tenant helpdesk.TenantID, id helpdesk.TurnID, node string, lease time.Duration) (x helpdesk.Turn) {
	w.t.Helper()
	w.update(tenant, func(tx *store.Tx) (err error) { x, err = tx.LeaseTurn(id, node, lease); return err })
	return x
}

// holding is all that only the holder of a turn may do.
func (w *world) holding(x helpdesk.Turn) map[string]func(*store.Tx) error {
	return map[string]func(*store.Tx) error{
		"save":  func(tx *store.Tx) error { return tx.SaveTurn(x) },
		"renew": func(tx *store.Tx) error { return tx.RenewTurn(x, long) },
		"hold":  func(tx *store.Tx) error { return tx.HoldsTurn(x) },
	}
}

// refused checks that an act is a Conflict and that nothing comes of its transaction.
func (w *world) refused(tenant helpdesk.TenantID, what string, act func(*store.Tx) error) {
	w.t.Helper()
	wants(w.t, what, helpdesk.Conflict, w.s.Update(w.t.Context(), tenant, act))
}

// Ensure that a node whose lease has run out, by the database's clock, can do nothing more, and that another can.
func TestTurnTakeover(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		key := w.ticket(a, "Help", start)
		lost := w.running(a, key, start, long)
		w.update(a, func(tx *store.Tx) error { return tx.RenewTurn(lost, short) })
		for what, act := range w.holding(lost) {
			w.refused(a, what+" after the lease has run out", act)
		}
		taken := w.lease(a, lost.ID, "node-2", long)
		if taken.State != helpdesk.TurnRunning || taken.Fence != lost.Fence+1 {
			t.Errorf("taken over, the turn is %s with fence %d", taken.State, taken.Fence)
		}
		for what, act := range w.holding(lost) {
			w.refused(a, what+" after the takeover", act)
		}
		for what, act := range w.holding(taken) {
			if err := s.Update(t.Context(), a, act); err != nil {
				t.Errorf("%s after taking it over: %v", what, err)
			}
		}
		// Nothing had been sent: it goes back, and whoever comes next starts it.
		taken.State = helpdesk.TurnQueued
		w.update(a, func(tx *store.Tx) error { return tx.SaveTurn(taken) })
		again := w.lease(a, lost.ID, "node-3", long)
		again.State = helpdesk.TurnRunning
		w.update(a, func(tx *store.Tx) error { return tx.SaveTurn(again) })
		// A person stops it whoever holds it.
		stopped := again
		stopped.State, stopped.Reason, stopped.EndedAt = helpdesk.TurnCancelled, "Stopped by Ann.", start.Add(long)
		w.update(a, func(tx *store.Tx) error { return tx.CancelTurn(stopped) })
		for what, act := range w.holding(again) {
			w.refused(a, what+" after it was cancelled", act)
		}
		w.view(a, func(tx *store.Tx) error {
			x, err := tx.Turn(lost.ID)
			if x.State != helpdesk.TurnCancelled || x.Reason != stopped.Reason || !x.EndedAt.Equal(stopped.EndedAt) || x.Fence != again.Fence+1 {
				t.Errorf("the cancelled turn is %+v", x)
			}
			return err
		})
	})
}

func TestTurnLeaseRunsOutByTheDatabasesClock(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		x := w.running(a, w.ticket(a, "Help", start), start, 50*time.Millisecond)
		var before, now time.Time
		w.view(a, func(tx *store.Tx) (err error) { before, err = tx.Now(); return err })
		if since := time.Since(before).Abs(); since > time.Hour {
			t.Errorf("the database's clock is %v off", since)
		}
		deadline := time.Now().Add(time.Minute)
		for now.Sub(before) < 200*time.Millisecond && time.Now().Before(deadline) {
			w.view(a, func(tx *store.Tx) (err error) { now, err = tx.Now(); return err })
		}
		for what, act := range w.holding(x) {
			w.refused(a, what+" 200 ms into a lease of 50 ms", act)
		}
		w.lease(a, x.ID, "node-2", long)
	})
}

// Ensure that of sixteen nodes that reach for a turn at once, one gets it.
func TestTurnIsLeasedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		key := w.ticket(a, "Help", start)
		x := w.turn(a, key, start)
		var wg sync.WaitGroup
		got := make(chan int, 16)
		for n := range 16 {
			wg.Go(func() {
				err := s.Update(t.Context(), a, func(tx *store.Tx) error {
					x, err := tx.LeaseTurn(x.ID, fmt.Sprint("node-", n), long)
					if err != nil {
						return err
					}
					x.State = helpdesk.TurnRunning
					return tx.SaveTurn(x)
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
			t.Errorf("%d nodes have the turn", len(got))
		}
	})
}

func TestWaitingTurns(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a, b := w.tenant("A"), w.tenant("B")
		at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }
		two := w.ticket(a, "Two in a row", start)
		first := w.turn(a, two, at(2))
		w.turn(a, two, at(3))
		busy := w.ticket(a, "One at work", start)
		w.running(a, busy, at(0), long)
		w.turn(a, busy, at(1))
		lost := w.ticket(b, "Its node is gone", start)
		gone := w.running(b, lost, at(4), long)
		w.turn(b, lost, at(5))
		w.update(b, func(tx *store.Tx) error { return tx.RenewTurn(gone, short) })
		for name, change := range map[string]func(*helpdesk.Ticket){
			"held":    func(x *helpdesk.Ticket) { x.Held = true },
			"closed":  func(x *helpdesk.Ticket) { x.Status = helpdesk.TicketClosed },
			"deleted": func(x *helpdesk.Ticket) { x.DeletedAt = &x.ChangedAt },
		} {
			key := w.ticket(a, name, start)
			w.turn(a, key, at(0))
			w.update(a, func(tx *store.Tx) error {
				x, err := tx.Ticket(key)
				change(&x)
				if err != nil {
					return err
				}
				return tx.SaveTicket(x)
			})
		}
		early := w.ticket(b, "Came first", start)
		top := w.turn(b, early, at(1))
		want := []store.WaitingTurn{{top.ID, b, early, top.Instance}, {first.ID, a, two, first.Instance}, {gone.ID, b, lost, gone.Instance}}
		for limit := 1; limit <= 4; limit++ {
			w.system(func(tx *store.System) error {
				got, err := tx.WaitingTurns(limit)
				if diff := cmp.Diff(want[:min(limit, 3)], got); diff != "" {
					t.Errorf("%d waiting turns (-want +got):\n%s", limit, diff)
				}
				return err
			})
		}
	})
}
