package approval_test

import (
	"strings"
	"testing"

	"helpdesk"
	"helpdesk/internal/approval"
	"helpdesk/internal/store"
)

// Ensure that whoever may decides can stop a run: one that goes ends, one that waits never starts.
func TestStop(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		going, waits, last := h.propose("echo begun; trap 'echo bye; exit 5' TERM; while :; do sleep 0.05; done"), h.propose("echo 2 >> ran"), h.propose("echo 3 >> ran")
		for _, id := range []helpdesk.SuggestionID{going, waits, last} {
			h.decide(ann, id, helpdesk.Execute)
		}
		r := h.begun(going)
		says(t, h.StopRun(h.ctx(), eve, h.ticket, r.ID), helpdesk.NotFound, "not yours")
		says(t, h.StopRun(h.ctx(), bob, h.ticket, "nothing"), helpdesk.NotFound, "")
		other := h.newTicket(blue)
		says(t, h.StopRun(h.ctx(), bob, other, r.ID), helpdesk.NotFound, "no such run")
		if h.runOf(going).State != helpdesk.RunClaimed {
			t.Fatal("somebody stopped it who may not")
		}

		h.must(h.StopRun(h.ctx(), bob, h.ticket, h.runOf(waits).ID))
		if x := h.suggestion(waits); x.State != helpdesk.SuggestionProposed || x.Note != "Not started: Stopped by Bob." {
			t.Errorf("the one that waited is %+v", x)
		}
		h.until("the first words", func() bool { return strings.Contains(recorded(t, h, r.ID), "begun") })
		h.must(h.StopRun(h.ctx(), bob, h.ticket, r.ID))
		o := h.outcome(going)
		if !o.Stopped || o.TimedOut || o.OK() && !o.Stopped || o.By != ann.By() || !strings.HasPrefix(o.Output, "begun\n") {
			t.Errorf("stopped, it ended %+v", o)
		}
		if o := h.outcome(last); !o.OK() || h.file("ran") != "3\n" {
			t.Errorf("the one behind ended %+v, and %q ran", o, h.file("ran"))
		}
		h.must(h.StopRun(h.ctx(), bob, h.ticket, r.ID)) // what is over stays so
		h.view(func(tx *store.Tx) error {
			entries, err := tx.AuditOf(string(h.ticket))
			n := 0
			for _, e := range entries {
				if e.Action == "run.stop" {
					n++
					if e.By != bob.By() {
						t.Errorf("the audit says that %+v stopped it", e.By)
					}
				}
			}
			if n != 2 {
				t.Errorf("the audit has %d stops", n)
			}
			return err
		})
		h.decide(ann, waits, helpdesk.Execute) // it may be decided on again
		if o := h.outcome(waits); !o.OK() {
			t.Errorf("executed again it ended %+v", o)
		}
	})
}

// Ensure that a stop is not lost that comes while the run is on its way to the launcher, who does not know of it yet.
func TestStopOnTheWay(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		asked, goOn := make(chan string), make(chan struct{})
		h.wire.set(func(op, id string) error {
			if op == "start" {
				asked <- id
				<-goOn
			}
			return nil
		}, nil)
		id := h.propose("echo ran > ran; sleep 600")
		h.decide(ann, id, helpdesk.Execute)
		run := helpdesk.RunID(<-asked)
		h.must(h.StopRun(h.ctx(), bob, h.ticket, run))
		close(goOn)
		if o := h.outcome(id); !o.Stopped {
			t.Errorf("it ended %+v", o)
		}
		// Before the launcher is asked it is not asked any more.
		asked2, goOn2 := make(chan struct{}), make(chan struct{})
		h.leave()
		h.hear(nil)
		h.wire = &wire{Launcher: h.launcher.Client}
		h.slow = func() { close(asked2); <-goOn2 }
		h.Service = h.service(h.wire, nil)
		h.hear(h.Service)
		h.leave = h.run(h.Service)
		id = h.propose("echo again > ran", withFiles(helpdesk.ProposedFile{Path: "f", Content: "x"}))
		h.decide(ann, id, helpdesk.Execute)
		<-asked2
		h.must(h.StopRun(h.ctx(), bob, h.ticket, h.runOf(id).ID))
		close(goOn2)
		if x := h.becomes(id, helpdesk.SuggestionProposed); x.Note != "Not started: Stopped by Bob." || h.file("ran") == "again\n" {
			t.Errorf("it is %+v", x)
		}
	})
}

// Ensure that a stop that finds a run waiting which was claimed in that moment stops it, and does not call it never
// started.
func TestStopWhileItIsClaimed(t *testing.T) {
	h := one(t, approval.Config{})
	for range 10 {
		id := h.propose("sleep 600")
		h.decide(ann, id, helpdesk.Execute)
		run := h.suggestion(id).Run
		h.must(h.StopRun(h.ctx(), bob, h.ticket, run))
		h.until("an end", func() bool {
			x := h.suggestion(id)
			return x.State == helpdesk.SuggestionRan || x.State == helpdesk.SuggestionProposed
		})
		h.until("nothing that runs", func() bool { list, err := h.launcher.List(h.ctx()); return err == nil && len(list) == 0 })
		var r helpdesk.Run
		h.view(func(tx *store.Tx) (err error) { r, err = tx.Run(run); return err })
		if x := h.suggestion(id); (x.State == helpdesk.SuggestionRan) != (r.State == helpdesk.RunEnded && r.Outcome.Stopped) {
			t.Errorf("the card says %s, and the run is %+v", x.State, r)
		}
	}
}

// Ensure that closing a ticket ends what runs for it, starts nothing more, and leaves no command to decide on.
func TestClosingStopsRuns(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		h.must(h.StopRuns(h.ctx(), blue, h.ticket)) // where nothing runs nothing is stopped
		going, waits := h.propose("trap '' TERM HUP; echo begun > ran; sleep 600"), h.propose("echo waited >> ran")
		h.decide(ann, going, helpdesk.Execute)
		h.decide(ann, waits, helpdesk.Execute)
		h.until("the first", func() bool { return h.file("ran") == "begun\n" })
		h.change(func(x *helpdesk.Ticket) { x.Status, x.Closing = helpdesk.TicketClosed, true })
		h.must(h.StopRuns(h.ctx(), blue, h.ticket))
		if r := h.runOf(going); r.State != helpdesk.RunEnded || !r.Outcome.Stopped {
			t.Errorf("the one that ran is %+v", r)
		}
		x := h.suggestion(waits)
		if x.State != helpdesk.SuggestionLapsed || x.Note != "Not started: The ticket was closed." {
			t.Errorf("the one that waited is %+v", x)
		}
		h.view(func(tx *store.Tx) error {
			k, err := tx.Ticket(h.ticket)
			if k.Activity != helpdesk.ActivityIdle {
				t.Errorf("the closed ticket is %s", k.Activity)
			}
			return err
		})
		if h.counts("starts "+string(waits)) != 0 {
			t.Error("a run of a closed ticket was claimed")
		}
	})
}

// Ensure that a run that waits when its ticket is closed or deleted is not started.
func TestNothingStartsForAClosedTicket(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		going, waits := h.propose(waitFor("go")), h.propose("echo waited >> ran")
		h.decide(ann, going, helpdesk.Execute)
		h.begun(going)
		h.decide(ann, waits, helpdesk.Execute)
		h.write("go.not")
		h.change(func(x *helpdesk.Ticket) { x.Status = helpdesk.TicketClosed })
		h.must(h.launcher.Stop(h.ctx(), string(h.runOf(going).ID)))
		if x := h.becomes(waits, helpdesk.SuggestionLapsed); x.Note != "Not started: The ticket was closed before it ran." {
			t.Errorf("the card says %q", x.Note)
		}
		if h.counts("starts "+string(waits)) != 0 || h.file("ran") != "" {
			t.Error("it started")
		}
	})
}
