package desk_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/internal/desk"
	"helpdesk/internal/store"
)

// Closing a ticket ends its turns, lapses what is undecided, and clears its places in one order.
func TestClosing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.work()
		key := h.ticket("suggest one", "suggest two", "suggest three")
		h.settles(key)
		list := h.suggestions(key)
		h.decides(list[0], helpdesk.Approve)
		h.decides(list[1], helpdesk.Reject)
		h.posts(key, "other-1", "say It is", "wait never")
		h.reach("never")
		h.posts(key, "other-1", "say not any more")
		x := h.changes(key, desk.Change{Status: new(helpdesk.TicketClosed), Solved: new(true)})
		if x.Status != helpdesk.TicketClosed || x.Solved == nil || !*x.Solved || !x.Closing || x.Activity != helpdesk.ActivityIdle {
			t.Errorf("the ticket: %+v", x)
		}
		h.settles(key)
		var got []string
		for _, s := range h.suggestions(key) {
			got = append(got, fmt.Sprintf("%s %s %s", s.Command, s.State, s.Note))
		}
		if diff := cmp.Diff([]string{"one lapsed The ticket was closed.", "two rejected ", "three lapsed The ticket was closed."}, got); diff != "" {
			t.Errorf("what was suggested (-want +got):\n%s", diff)
		}
		log := strings.Join(h.log(key), "\n")
		for _, want := range []string{"Ann ended 2, cancelled: The ticket was closed.", "Ann ended 3, cancelled: The ticket was closed.", "Ann changed open to closed, solved: true"} {
			if !strings.Contains(log, want) {
				t.Errorf("the log does not say %q:\n%s", want, log)
			}
		}
		_, _, err := h.Post(t.Context(), ann, key, "x", "", store.Once{})
		wants(t, "a message to a closed ticket", helpdesk.Conflict, "Set its status to open", err)
		_, err = h.Change(t.Context(), ann, key, desk.Change{Status: new(helpdesk.TicketOpen)})
		wants(t, "reopening it before it is cleared", helpdesk.Conflict, "still being closed", err)
		if cleared := h.clearing.took(); len(cleared) != 0 {
			t.Errorf("before a desk runs these were cleared: %q", cleared)
		}
		run(t, h.Run)
		h.clears(key)
		if diff := cmp.Diff([]string{"runs BL-1", "terminals BL-1", "workspace BL-1"}, h.clearing.took()); diff != "" {
			t.Errorf("cleared (-want +got):\n%s", diff)
		}
		// Closed again: nothing happens, but the answer can be given later.
		h.changes(key, desk.Change{Status: new(helpdesk.TicketClosed)})
		x = h.changes(key, desk.Change{Status: new(helpdesk.TicketClosed), Solved: new(false)})
		if x.Closing || x.Solved == nil || *x.Solved {
			t.Errorf("closed again: %+v", x)
		}
		x = h.changes(key, desk.Change{Status: new(helpdesk.TicketInProgress)})
		if x.Workspace != 2 || x.Solved != nil || x.Status != helpdesk.TicketInProgress {
			t.Errorf("reopened: %+v", x)
		}
		h.posts(key, "", "say hello again")
		h.settles(key)
		if got := h.log(key); got[len(got)-1] != "The script ended 4, done" {
			t.Errorf("the log ends with %q", got[len(got)-1])
		}
	})
}

// The clearing of a closed ticket goes on after a crash at each of its steps, also on another desk.
func TestClearingGoesOnAfterACrash(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		steps := []string{"runs", "terminals", "workspace"}
		for i, step := range steps {
			key := h.ticket("help")
			h.clearing.fail(step)
			h.changes(key, desk.Change{Status: new(helpdesk.TicketClosed)})
			stop := run(t, h.with(func(*desk.Config) {}).Run)
			h.until("the crash at "+step, h.clearing.crashed)
			stop()
			if !h.stored(key).Closing {
				t.Errorf("%s failed, and the ticket counts as cleared", step)
			}
			for _, s := range h.clearing.took() {
				if name, _, _ := strings.Cut(s, " "); slices.Index(steps, name) >= i {
					t.Errorf("%s failed, and yet %s was done", step, s)
				}
			}
			h.clearing.fail("")
			stop = run(t, h.with(func(*desk.Config) {}).Run)
			h.clears(key)
			stop()
			if diff := cmp.Diff([]string{"runs " + string(key), "terminals " + string(key), "workspace " + string(key)}, h.clearing.took()); diff != "" {
				t.Errorf("after a crash at %s (-want +got):\n%s", step, diff)
			}
		}
	})
}

// A deleted ticket is nowhere to be seen, and can be restored as it was while the time lasts.
func TestDeletingAndRestoring(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.work()
		key := h.ticket("say It is", "wait never")
		h.reach("never")
		h.posts(key, "", "next")
		must(t, h.Stop(t.Context(), ann, key))
		h.posts(key, "", "held")
		must(t, h.Delete(t.Context(), ann, key))
		for name, err := range map[string]error{
			"read":         func() error { _, err := h.Ticket(t.Context(), ann, key); return err }(),
			"timeline":     func() error { _, err := h.Timeline(t.Context(), ann, key, store.Span{Limit: 9}); return err }(),
			"post":         func() error { _, _, err := h.Post(t.Context(), ann, key, "x", "", store.Once{}); return err }(),
			"change":       func() error { _, err := h.Change(t.Context(), ann, key, desk.Change{Title: new("x")}); return err }(),
			"stop":         h.Stop(t.Context(), ann, key),
			"release":      h.Release(t.Context(), ann, key, false),
			"delete again": h.Delete(t.Context(), ann, key),
		} {
			wants(t, name, helpdesk.NotFound, "", err)
		}
		if all, err := h.Tickets(t.Context(), ann, store.TicketFilter{Limit: 9}); err != nil || len(all) != 0 {
			t.Errorf("it is still listed: %v, %v", all, err)
		}
		if len(h.openTurns(key)) != 0 {
			t.Error("its turns are still open")
		}
		x, err := h.Restore(t.Context(), bob, key)
		if err != nil || x.Key != key || x.DeletedAt != nil || x.Held || x.Activity != helpdesk.ActivityIdle {
			t.Errorf("restored: %+v, %v", x, err)
		}
		seq := x.Seq
		if x, err = h.Restore(t.Context(), bob, key); err != nil || x.Seq != seq {
			t.Errorf("restored twice: %+v, %v", x, err)
		}
		log := h.log(key)
		if diff := cmp.Diff([]string{"Ann ended 2, cancelled: The ticket was deleted.", "Ann ended 3, cancelled: The ticket was deleted.", "Ann deleted", "Bob restored"}, log[len(log)-4:]); diff != "" {
			t.Errorf("its log (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"Ann ticket.create", "Ann ticket.delete", "Bob ticket.restore"}, h.audit(key)); diff != "" {
			t.Errorf("its audit (-want +got):\n%s", diff)
		}
		h.posts(key, "", "say back")
		h.settles(key)

		// When the time is over it cannot be restored: its files may be gone.
		must(t, h.Delete(t.Context(), ann, key))
		_, err = h.with(func(c *desk.Config) { c.UndoDelete = time.Nanosecond }).Restore(t.Context(), ann, key)
		wants(t, "restoring too late", helpdesk.Conflict, "was deleted too long ago", err)
		_, err = h.Restore(t.Context(), ann, "BL-77")
		wants(t, "restoring what never was", helpdesk.NotFound, "", err)
	})
}

// When the time to undo a deletion is over, all there is of the ticket is erased but the audit, also after a crash at
// each step.
func TestErasing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.work()
		steps := []string{"runs", "terminals", "workspace", "recordings"}
		soon := func(c *desk.Config) { c.UndoDelete = time.Nanosecond }
		kept := h.ticket("say keep me")
		h.settles(kept)
		for i, step := range append(slices.Clone(steps), "") {
			key := h.ticket("suggest true", "say hello")
			h.settles(key)
			if i%2 == 1 {
				h.changes(key, desk.Change{Status: new(helpdesk.TicketClosed)}) // not cleared yet
			}
			must(t, h.Delete(t.Context(), ann, key))
			stop := run(t, h.Run) // a desk whose time is not over
			if step != "" {
				h.clearing.fail(step)
				stop()
				stop = run(t, h.with(soon).Run)
				h.until("the crash at "+step, h.clearing.crashed)
			}
			stop()
			if h.stored(key).Key != key {
				t.Errorf("%s failed, and the ticket is gone", step)
			}
			h.clearing.fail("")
			h.clearing.took()
			stop = run(t, h.with(soon).Run)
			h.until("the erasing", func() bool { return h.gone(key) })
			stop()
			got := h.clearing.took()
			for j, s := range steps {
				if !slices.Contains(got, s+" "+string(key)) || slices.Index(got, s+" "+string(key)) < j {
					t.Errorf("after a crash at %q: cleared %q", step, got)
				}
			}
			audit := []string{"Ann ticket.create", "Ann ticket.status", "Ann ticket.delete", "HelpDesk ticket.erase"}
			if i%2 == 0 {
				audit = slices.Delete(audit, 1, 2)
			}
			if diff := cmp.Diff(audit, h.audit(key)); diff != "" {
				t.Errorf("its audit (-want +got):\n%s", diff)
			}
			h.view(func(tx *store.Tx) error {
				events, err := tx.Timeline(key, store.Span{Limit: 9})
				if len(events) != 0 {
					t.Errorf("%d events are left", len(events))
				}
				return err
			})
			if left := h.suggestions(key); len(left) != 0 {
				t.Errorf("suggestions are left: %+v", left)
			}
			_, err := h.Restore(t.Context(), ann, key)
			wants(t, "restoring what is erased", helpdesk.NotFound, "", err)
		}
		if next := h.ticket("x"); next != "BL-7" {
			t.Errorf("the number of an erased ticket was used again: %s", next)
		}
		if len(h.log(kept)) == 0 {
			t.Error("another ticket is gone too")
		}
	})
}

func (h *house) gone(key helpdesk.TicketKey) bool {
	err := h.store.View(context.Background(), admin.Reach(), func(tx *store.Tx) error {
		_, err := tx.AnyTicket(key)
		return err
	})
	return helpdesk.KindOf(err) == helpdesk.NotFound && err != nil
}

// A desk forgets requests that nobody can repeat any more.
func TestOldRequestsAreForgotten(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		old, young := store.Once{Actor: "x", Key: "old", Hash: "h"}, store.Once{Actor: "x", Key: "young", Hash: "h"}
		must(t, h.store.Update(t.Context(), blue, func(tx *store.Tx) error {
			now, err := tx.Now()
			if err != nil {
				return err
			}
			if err := tx.Remember(old, "a", now.Add(-25*time.Hour)); err != nil {
				return err
			}
			return tx.Remember(young, "b", now)
		}))
		run(t, h.Run)
		recall := func(o store.Once) (found bool) {
			h.view(func(tx *store.Tx) (err error) {
				found, err = tx.Recall(o, new(string))
				return err
			})
			return found
		}
		h.until("the forgetting", func() bool { return !recall(old) })
		if !recall(young) {
			t.Error("a young request was forgotten")
		}
	})
}
