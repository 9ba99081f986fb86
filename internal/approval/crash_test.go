package approval_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/internal/approval"
	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
	"helpdesk/internal/store"
)

// crash is the end of a server without a word: from here on it hears nothing from the launcher and reaches it no more.
func (h *house) crash() {
	h.t.Helper()
	h.hear(nil)
	h.wire.set(func(string, string) error { return noAnswer() }, nil)
}

// settled waits until a run is over.
func (h *house) settled(id helpdesk.RunID) (r helpdesk.Run) {
	h.t.Helper()
	h.until("the end of "+string(id), func() bool {
		h.view(func(tx *store.Tx) (err error) { r, err = tx.Run(id); return err })
		return r.State == helpdesk.RunEnded || r.State == helpdesk.RunDropped
	})
	return r
}

func (h *house) forgotten() {
	h.t.Helper()
	h.until("the launcher to forget", func() bool { list, err := h.launcher.List(h.ctx()); return err == nil && len(list) == 0 })
}

// Ensure that a server that is lost in the middle of a run loses nothing of it: the next one writes what came of it,
// once, with all that it said while nobody listened.
func TestServerLostInMidRun(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		id := h.propose("echo before; " + waitFor("go") + "echo x >> count; seq 1 3000; exit 6")
		h.decide(ann, id, helpdesk.Execute)
		r := h.begun(id)
		h.crash()
		h.write("go")
		h.launcher.Ended(string(r.ID))
		h.restart()
		o := h.outcome(id)
		if *o.ExitCode != 6 || o.Output != "before\n"+numbers(3000) || o.Unknown || o.Truncated {
			t.Errorf("it ended with %d, unknown %t, and %d bytes", *o.ExitCode, o.Unknown, len(o.Output))
		}
		h.forgotten()
		h.restart()
		if o := h.executed("true"); !o.OK() {
			t.Errorf("the next: %+v", o)
		}
		if got := h.file("count"); got != "x\n" || h.counts("ends "+string(id)) != 1 {
			t.Errorf("it ran %d times and ended %d times", strings.Count(got, "\n"), h.counts("ends "+string(id)))
		}
	})
}

// arrows are the places at which a server is lost in the stories of crashes.
var arrows = []string{"after the claim", "after the start", "before the outcome", "after the outcome", "any time"}

// lose brings an execution or an approval up to an arrow, and loses the server there.
func (h *house) lose(arrow string, decided func()) {
	h.t.Helper()
	at := make(chan struct{})
	var once sync.Once
	here := func() error { once.Do(func() { close(at) }); return noAnswer() }
	cut := func(op string) func(string, string) error {
		return func(asked, _ string) error {
			if asked == op {
				return here()
			}
			select {
			case <-at:
				return noAnswer()
			default:
				return nil
			}
		}
	}
	switch arrow {
	case "after the claim":
		h.wire.set(cut("start"), nil)
	case "after the start":
		h.wire.set(nil, cut("start"))
	case "before the outcome":
		h.executed("true") // the server has begun its work: without lists it could not
		h.forgotten()
		h.hear(nil)
		h.wire.set(func(op, _ string) error {
			if op == "list" {
				return noAnswer()
			}
			return nil
		}, cut("start"))
	case "after the outcome":
		h.wire.set(cut("forget"), nil)
	default:
		go func() {
			<-time.After(rand.N(400 * time.Millisecond))
			_ = here()
		}()
	}
	decided()
	select {
	case <-at:
	case <-time.After(patience):
		h.t.Fatalf("%s: it did not come to this", arrow)
	}
	h.crash()
}

// Ensure that wherever a server is lost between a decision and its outcome, the command runs at most once; that it runs
// exactly once where its card says that it ran, and not at all where its card says that it did not start.
func TestServerLostAtEveryArrow(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		for n := range rounds() {
			arrow := arrows[n%len(arrows)]
			approve := rand.N(2) == 0
			name := fmt.Sprintf("round %d, %s, approved %t", n, arrow, approve)
			count := fmt.Sprintf("count-%d", n)
			id := h.propose(fmt.Sprintf("echo x >> %s; seq 1 1500", count))
			behind := h.propose("echo behind >> " + count)
			if !approve {
				h.lose(arrow, func() { h.decide(ann, id, helpdesk.Execute) })
			} else {
				h.decide(ann, id, helpdesk.Approve)
				h.decide(ann, behind, helpdesk.Approve)
				x, hold := h.turn("built-in")
				ctx, stop := context.WithCancel(h.ctx())
				done := make(chan error, 1)
				h.lose(arrow, func() {
					go func() { done <- h.RunApproved(ctx, x, hold) }()
				})
				h.leave()
				stop()
				<-done
				h.restart()
				h.must(h.RunApproved(h.ctx(), x, hold)) // as whoever has the turn next does
				h.end(x)
			}
			h.restart()
			h.until(name+" to settle", func() bool {
				s := h.suggestion(id).State
				return s == helpdesk.SuggestionRan || s == helpdesk.SuggestionProposed
			})
			x := h.suggestion(id)
			if x.State == helpdesk.SuggestionProposed {
				if got := h.file(count); got != "" || !strings.HasPrefix(x.Note, "Not started: ") {
					t.Errorf("%s: its card says %q, and it ran %q", name, x.Note, got)
				}
				if y := h.suggestion(behind); y.State != helpdesk.SuggestionProposed {
					t.Errorf("%s: what was behind it is %s", name, y.State)
				}
				h.decide(ann, id, helpdesk.Execute)
			} else if arrow == "after the claim" {
				t.Errorf("%s: it is %s", name, x.State)
			}
			if o := h.outcome(id); !o.OK() || o.Output != numbers(1500) {
				t.Errorf("%s: it ended %+v", name, o)
			}
			// What was approved behind one that ran ran too, whichever server it was.
			h.until(name+" to settle behind it", func() bool { return h.suggestion(behind).State != helpdesk.SuggestionRunning })
			want := "x\n"
			if h.suggestion(behind).State == helpdesk.SuggestionRan {
				want += "behind\n"
			}
			if got := h.file(count); got != want {
				t.Errorf("%s: the counter is %q; want %q", name, got, want)
			}
			if n := h.counts("ends " + string(id)); n != 1 {
				t.Errorf("%s: it ended %d times", name, n)
			}
			h.forgotten()
			if t.Failed() {
				return
			}
		}
	})
}

// Ensure that approvals behind one that fails while no server is there do not slip through.
func TestFailureWhileNoServerIsThere(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		first, second := h.propose(waitFor("go")+"exit 9"), h.propose("echo ran > ran")
		h.decide(ann, first, helpdesk.Approve)
		h.decide(ann, second, helpdesk.Approve)
		x, hold := h.turn("built-in")
		ctx, stop := context.WithCancel(h.ctx())
		done := make(chan error, 1)
		go func() { done <- h.RunApproved(ctx, x, hold) }()
		r := h.begunApproved(first)
		h.crash()
		h.leave()
		stop()
		<-done
		h.write("go")
		h.launcher.Ended(string(r.ID))
		h.restart()
		h.must(h.RunApproved(h.ctx(), x, hold)) // before or after the outcome is written
		if o := h.outcome(first); *o.ExitCode != 9 {
			t.Errorf("the first ended %+v", o)
		}
		if s := h.suggestion(second); s.State != helpdesk.SuggestionProposed || s.Note != "The command before it ended with exit code 9." || h.file("ran") != "" {
			t.Errorf("the second is %+v", s)
		}
	})
}

// Ensure that what a launcher was running when it was killed is unknown, and is never run again by itself nor by
// deciding again.
func TestLauncherKilled(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		id, behind := h.propose("echo x >> count; sleep 600"), h.propose("echo behind >> count2")
		h.decide(ann, id, helpdesk.Execute)
		h.until("its first step", func() bool { return h.file("count") == "x\n" })
		h.decide(ann, behind, helpdesk.Execute)
		h.crash()
		h.leave()
		h.launcher.Kill()
		h.launcher = launchtest.Start(t, launchtest.Config{Launch: launch.Config{Data: h.launcher.Data, AllowHost: true}, Notify: h.notice})
		// The killed one was seen a moment ago: as long as it may live, it is not called lost.
		h.serve()
		h.ticket, id = h.elsewhere(id)
		if o := h.executed("true"); !o.OK() {
			t.Errorf("elsewhere: %+v", o)
		}
		h.ticket, id = h.elsewhere(id)
		if s := h.suggestion(id).State; s != helpdesk.SuggestionRunning {
			t.Errorf("too early it is %s", s)
		}
		h.cfg.NodeLife = time.Millisecond
		h.restart()
		o := h.outcome(id)
		if !o.Unknown || o.OK() || o.ExitCode != nil || h.suggestion(id).State != helpdesk.SuggestionUnknown {
			t.Errorf("it is %+v", o)
		}
		if o := h.outcome(behind); !o.OK() || h.file("count2") != "behind\n" {
			t.Errorf("the one behind it ended %+v", o)
		}
		for _, c := range []helpdesk.Choice{helpdesk.Execute, helpdesk.Approve, helpdesk.Undo} {
			if err := h.try(ann, id, c); helpdesk.KindOf(err) != helpdesk.Conflict {
				t.Errorf("%s of what is unknown: %v", c, err)
			}
		}
		if got := h.file("count"); got != "x\n" || h.counts("ends "+string(id)) != 1 {
			t.Errorf("it ran %q, ended %d times", got, h.counts("ends "+string(id)))
		}
		if due := h.send("built-in"); len(due) != 2 || !due[0].Outcome.Unknown {
			t.Errorf("the instance is told %+v", due)
		}
	})
}

// elsewhere changes to another ticket and back, keeping a suggestion in mind.
func (h *house) elsewhere(id helpdesk.SuggestionID) (helpdesk.TicketKey, helpdesk.SuggestionID) {
	h.t.Helper()
	if h.other == "" {
		h.other = h.newTicket(blue)
	}
	next := h.other
	h.other = h.ticket
	return next, id
}

// Ensure that a claimed run of which the launcher never heard is proposed again, also by the server that claimed it.
func TestLauncherNeverTold(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		var asked sync.Once
		h.wire.set(func(op, _ string) (err error) {
			if op == "start" {
				asked.Do(func() { err = noAnswer() })
			}
			return err
		}, nil)
		id := h.propose("echo x >> count")
		h.decide(ann, id, helpdesk.Execute)
		first := h.suggestion(id).Run
		if x := h.becomes(id, helpdesk.SuggestionProposed); x.Note != "Not started: The server stopped before it began." || h.settled(first).State != helpdesk.RunDropped {
			t.Errorf("it is %+v", x)
		}
		h.decide(ann, id, helpdesk.Execute)
		if o := h.outcome(id); !o.OK() || h.file("count") != "x\n" {
			t.Errorf("executed again it ended %+v", o)
		}
	})
}

// Ensure that a launcher's definite no is told on the card.
func TestLauncherRefuses(t *testing.T) {
	h := one(t, approval.Config{})
	for err, words := range map[error]string{
		helpdesk.Errorf(helpdesk.TooMany, "There are 2000 processes on this host; end some first."): "2000 processes",
		errDown: "Something went wrong on the server",
	} {
		h.wire.set(func(op, _ string) error {
			if op == "start" {
				return err
			}
			return nil
		}, nil)
		id := h.propose("echo x >> count")
		h.decide(ann, id, helpdesk.Execute)
		if x := h.becomes(id, helpdesk.SuggestionProposed); !strings.Contains(x.Note, "Not started: ") || !strings.Contains(x.Note, words) {
			t.Errorf("the card says %q", x.Note)
		}
	}
	if h.file("count") != "" {
		t.Error("it ran")
	}
}
