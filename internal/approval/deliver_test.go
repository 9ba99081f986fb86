package approval_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/internal/approval"
	"helpdesk/internal/store"
)

// told is a delivery in short.
func told(due []helpdesk.Delivery) (lines []string) {
	for _, d := range due {
		line := fmt.Sprintf("%s %s", d.Suggestion, d.Choice)
		if d.Reason != "" {
			line += ": " + d.Reason
		}
		if d.Outcome != nil && d.Outcome.ExitCode != nil {
			line += fmt.Sprintf(", code %d, output %q", *d.Outcome.ExitCode, d.Outcome.Output)
		}
		lines = append(lines, line)
	}
	return lines
}

func (h *house) due(i helpdesk.InstanceID) (yes bool) {
	h.t.Helper()
	h.update(func(tx *store.Tx) (err error) { yes, err = h.HasDue(tx, h.ticket, i); return err })
	return yes
}

// Ensure that what was approved runs with the next message, in the order shown, up to the first that fails; that the
// rest is proposed again with that reason; and that the instance which proposed hears of all that was decided, once.
func TestApproved(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		var ids []helpdesk.SuggestionID
		for _, command := range []string{"echo 0 | tee -a order", "echo 1 | tee -a order; exit 7", "echo 2 | tee -a order", "echo 3 | tee -a order"} {
			ids = append(ids, h.propose(command))
		}
		rejected, ignored, open := h.propose("reject"), h.propose("ignore"), h.propose("open")
		others := h.propose("echo other | tee -a order", of("another"))
		if h.due("built-in") {
			t.Error("something is due before anything is decided")
		}
		for _, i := range []int{2, 0, 1, 3} {
			h.decide(ann, ids[i], helpdesk.Approve)
		}
		h.decide(bob, others, helpdesk.Approve)
		h.decide(ann, ignored, helpdesk.Ignore)
		_, err := h.Decide(h.ctx(), ann, h.ticket, rejected, helpdesk.Reject, h.suggestion(rejected).Digest, "use the staging cluster")
		h.must(err)
		if !h.due("built-in") || !h.due("another") || h.due("nobody") {
			t.Error("what is due is not due to those who proposed it")
		}
		if h.file("order") != "" {
			t.Error("an approval ran by itself")
		}

		due := h.send("built-in")
		if diff := cmp.Diff([]string{
			string(ids[0]) + ` approve, code 0, output "0\n"`,
			string(ids[1]) + ` approve, code 7, output "1\n"`,
			string(rejected) + " reject: use the staging cluster",
		}, told(due)); diff != "" {
			t.Error("the instance is told:", diff)
		}
		for _, id := range ids[2:] {
			if x := h.suggestion(id); x.State != helpdesk.SuggestionProposed || x.Note != "The command before it ended with exit code 7." || x.Decided != nil {
				t.Errorf("behind the failure there is %+v", x)
			}
		}
		if x := h.suggestion(others); x.State != helpdesk.SuggestionApproved {
			t.Errorf("another instance's suggestion is %s", x.State)
		}
		if got := h.file("order"); got != "0\n1\n" {
			t.Errorf("they ran as %q", got)
		}
		if x := h.suggestion(open); x.State != helpdesk.SuggestionProposed || x.Delivered {
			t.Errorf("what nobody decided is %+v", x)
		}

		// What was told stays, and is told once; what was not is still open.
		for _, id := range []helpdesk.SuggestionID{rejected, ignored} {
			says(t, h.try(ann, id, helpdesk.Undo), helpdesk.Conflict, "so this decision stays")
		}
		if due := h.send("built-in"); len(due) > 0 || h.due("built-in") {
			t.Errorf("told again: %q", told(due))
		}
		h.decide(ann, ids[2], helpdesk.Execute)
		h.outcome(ids[2])
		if diff := cmp.Diff([]string{string(ids[2]) + ` execute, code 0, output "2\n"`}, told(h.send("built-in"))); diff != "" {
			t.Error("then:", diff)
		}
		if diff := cmp.Diff([]string{string(others) + ` approve, code 0, output "other\n"`}, told(h.send("another"))); diff != "" {
			t.Error("the other instance is told:", diff)
		}
		for _, r := range []helpdesk.SuggestionID{ids[0], others} {
			if run := h.runOf(r); run.Turn == "" || run.State != helpdesk.RunEnded {
				t.Errorf("the run of an approval is %+v", run)
			}
		}
		if r := h.runOf(others); r.By != bob.By() || r.Outcome.By != bob.By() {
			t.Errorf("it was run by %+v", r.By)
		}
	})
}

// Ensure that a decision that was taken back in time is told to nobody, and one without a reason says so.
func TestUndoBeforeDelivery(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		id := h.propose("echo ran > ran")
		for _, c := range []helpdesk.Choice{helpdesk.Approve, helpdesk.Reject} {
			h.decide(ann, id, c)
			h.decide(ann, id, helpdesk.Undo)
			if due := h.send("built-in"); len(due) > 0 {
				t.Errorf("after undo of %s it is told %q", c, told(due))
			}
		}
		h.decide(ann, id, helpdesk.Reject)
		if diff := cmp.Diff([]string{string(id) + " reject: Rejected without a reason."}, told(h.send("built-in"))); diff != "" {
			t.Error(diff)
		}
		if h.file("ran") != "" {
			t.Error("it ran")
		}
	})
}

// Ensure that what is proposed again says how the command before it ended.
func TestWhyTheRestReturns(t *testing.T) {
	t.Parallel()
	h := one(t, approval.Config{RunTime: 3 * time.Second})
	for _, c := range []struct {
		command, note string
		stop          bool
	}{
		{"kill -KILL $$", "The command before it was ended by signal KILL.", false},
		{"exit 1", "The command before it ended with exit code 1.", false},
		{"sleep 600", "The command before it took too long.", false},
		{"sleep 601", "The command before it was stopped.", true},
	} {
		first, second := h.propose(c.command), h.propose("echo ran >> ran")
		h.decide(ann, first, helpdesk.Approve)
		h.decide(ann, second, helpdesk.Approve)
		x, hold := h.turn("built-in")
		done := make(chan error, 1)
		go func() { done <- h.RunApproved(h.ctx(), x, hold) }()
		if c.stop {
			h.must(h.StopRun(h.ctx(), ann, h.ticket, h.begunApproved(first).ID))
		}
		h.must(<-done)
		if s := h.suggestion(second); s.State != helpdesk.SuggestionProposed || s.Note != c.note {
			t.Errorf("behind %s it is %s: %s", c.command, s.State, s.Note)
		}
		h.end(x)
	}
	if h.file("ran") != "" {
		t.Error("the rest ran")
	}
}

// Ensure that approved runs wait for a run that somebody started at once, and that one waits for them.
func TestApprovedWaitsItsTurn(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		now := h.propose(waitFor("go") + "echo now >> order")
		first, second := h.propose("echo first >> order; "+waitFor("more")), h.propose("echo second >> order")
		between := h.propose("echo between >> order")
		h.decide(ann, now, helpdesk.Execute)
		h.begun(now)
		h.decide(ann, first, helpdesk.Approve)
		h.decide(ann, second, helpdesk.Approve)
		x, hold := h.turn("built-in")
		done := make(chan error, 1)
		go func() { done <- h.RunApproved(h.ctx(), x, hold) }()
		h.write("go")
		h.until("the first", func() bool { return h.suggestion(first).State == helpdesk.SuggestionRunning })
		h.decide(bob, between, helpdesk.Execute)
		h.write("more")
		h.must(<-done)
		if got := h.file("order"); got != "now\nfirst\nbetween\nsecond\n" {
			t.Errorf("they ran as %q", got)
		}
	})
}

// Ensure that what may not run any more when its turn comes is proposed again with the reason, and so is what is behind
// it.
func TestApprovedThatMayNotRun(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		first, second := h.propose("echo 1 >> ran"), h.propose("echo 2 >> ran")
		h.decide(ann, first, helpdesk.Approve)
		h.decide(bob, second, helpdesk.Approve)
		h.may("ann", helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "ann", Name: "Ann"})
		if due := h.send("built-in"); len(due) > 0 {
			t.Errorf("the instance is told %q", told(due))
		}
		if x := h.suggestion(first); x.State != helpdesk.SuggestionProposed || x.Note != "Not started: Ann may no longer decide on commands here." {
			t.Errorf("the first is %+v", x)
		}
		if x := h.suggestion(second); x.State != helpdesk.SuggestionProposed || x.Note != "The command before it did not start." {
			t.Errorf("the second is %+v", x)
		}
		if n := h.counts(" starts "); n != 0 || h.file("ran") != "" {
			t.Errorf("%d were claimed", n)
		}

		// So it is with files that cannot be written, which is seen after the claim.
		_, err := h.files.Write(h.ctx(), bob, h.ticket, "dir/file", nil, false)
		h.must(err)
		third := h.propose("echo 3 >> ran", withFiles(helpdesk.ProposedFile{Path: "dir", Content: "x"}))
		h.decide(bob, third, helpdesk.Approve)
		fourth := h.propose("echo 4 >> ran")
		h.decide(bob, fourth, helpdesk.Approve)
		h.send("built-in")
		if x, y := h.suggestion(third), h.suggestion(fourth); x.State != helpdesk.SuggestionProposed || y.State != helpdesk.SuggestionProposed || y.Note != "The command before it did not start." || h.file("ran") != "" {
			t.Errorf("the third is %+v, the fourth %+v", x, y)
		}
	})
}

// Ensure that who lost the turn claims nothing and takes nothing back.
func TestOnlyWhoHoldsTheTurn(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		id := h.propose("echo ran >> ran")
		h.decide(ann, id, helpdesk.Approve)
		x, hold := h.turn("built-in")
		lost := func(tx *store.Tx) error {
			if err := hold(tx); err != nil {
				return err
			}
			return helpdesk.Errorf(helpdesk.Conflict, "Another node has taken this turn over.")
		}
		says(t, h.RunApproved(h.ctx(), x, lost), helpdesk.Conflict, "taken this turn over")
		h.may("ann", helpdesk.Actor{})
		says(t, h.RunApproved(h.ctx(), x, lost), helpdesk.Conflict, "taken this turn over")
		ctx, cancel := context.WithCancelCause(h.ctx())
		cancel(errDown)
		if err := h.RunApproved(ctx, x, lost); err == nil {
			t.Error("a turn that ended ran")
		}
		if s := h.suggestion(id); s.State != helpdesk.SuggestionApproved || h.counts(" starts ") != 0 || h.file("ran") != "" {
			t.Errorf("it is %+v", s)
		}
		h.may("ann", ann)
		h.must(h.RunApproved(h.ctx(), x, hold))
		if h.outcome(id); h.file("ran") != "ran\n" {
			t.Errorf("who has the turn: %q", h.file("ran"))
		}
	})
}

// Ensure that a turn that a person stops puts back what it did not come to, while what had begun goes on to its end.
func TestStoppedTurn(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		first, second := h.propose(waitFor("go")+"echo 1 >> ran"), h.propose("echo 2 >> ran")
		h.decide(ann, first, helpdesk.Approve)
		h.decide(ann, second, helpdesk.Approve)
		x, hold := h.turn("built-in")
		ctx, stop := context.WithCancelCause(h.ctx())
		done := make(chan error, 1)
		go func() { done <- h.RunApproved(ctx, x, hold) }()
		h.until("the first", func() bool { return h.suggestion(first).State == helpdesk.SuggestionRunning })
		stop(errDown)
		if err := <-done; !errors.Is(err, errDown) {
			t.Errorf("it ended with %v", err)
		}
		if s := h.suggestion(second); s.State != helpdesk.SuggestionProposed || s.Note != "The turn was stopped before it ran." {
			t.Errorf("the second is %+v", s)
		}
		h.end(x)
		h.write("go")
		if o := h.outcome(first); !o.OK() || h.file("ran") != "1\n" {
			t.Errorf("the first ended %+v", o)
		}
	})
}

// Ensure that approvals outlive the end of a server: the turn goes on in the next one.
func TestApprovalsOutliveAServer(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		first, second := h.propose(waitFor("go")+"echo 1 >> ran"), h.propose("echo 2 >> ran")
		h.decide(ann, first, helpdesk.Approve)
		h.decide(ann, second, helpdesk.Approve)
		x, hold := h.turn("built-in")
		ctx, stop := context.WithCancel(h.ctx())
		done := make(chan error, 1)
		go func() { done <- h.RunApproved(ctx, x, hold) }()
		h.begunApproved(first)
		h.leave() // all parts of a server end at once
		stop()
		if err := <-done; err == nil {
			t.Error("a server that ends ran all")
		}
		if s := h.suggestion(second); s.State != helpdesk.SuggestionApproved {
			t.Errorf("the second is %+v", s)
		}
		h.restart()
		go func() { done <- h.RunApproved(h.ctx(), x, hold) }()
		h.write("go")
		h.must(<-done)
		h.outcome(first)
		h.outcome(second)
		if got := h.file("ran"); got != "1\n2\n" {
			t.Errorf("they ran as %q", got)
		}
	})
}

// begunApproved waits until the run of an approval is with the launcher.
func (h *house) begunApproved(id helpdesk.SuggestionID) helpdesk.Run {
	h.t.Helper()
	h.becomes(id, helpdesk.SuggestionRunning)
	return h.begun(id)
}

// Ensure that an approval that nobody sends lapses, and one that is younger does not.
func TestApprovalsLapse(t *testing.T) {
	each(t, approval.Config{Lapse: time.Nanosecond}, func(t *testing.T, h *house) {
		ids := []helpdesk.SuggestionID{h.propose("echo ran > ran"), h.propose("echo ran > ran")}
		for _, id := range ids {
			h.decide(ann, id, helpdesk.Approve)
		}
		for _, id := range ids {
			if x := h.becomes(id, helpdesk.SuggestionLapsed); x.Note != "It was approved and not sent within 1ns." {
				t.Errorf("the card says %q", x.Note)
			}
			says(t, h.try(ann, id, helpdesk.Execute), helpdesk.Conflict, "lapsed")
		}
		h.leave()
		h.cfg.Lapse = 0
		h.restart()
		id := h.propose("true")
		h.decide(ann, id, helpdesk.Approve)
		if o := h.executed("true"); !o.OK() { // the sweep looks after each run
			t.Errorf("%+v", o)
		}
		if x := h.suggestion(id); x.State != helpdesk.SuggestionApproved {
			t.Errorf("a young approval is %s", x.State)
		}
		if due := h.send("built-in"); slices.ContainsFunc(due, func(d helpdesk.Delivery) bool { return slices.Contains(ids, d.Suggestion) }) || h.file("ran") != "" {
			t.Errorf("what lapsed is told: %q", told(due))
		}
	})
}

// Ensure that what is approved for an instance can be taken back, and nothing else with it.
func TestTakeBack(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		mine, others, open := h.propose("a"), h.propose("b", of("another")), h.propose("c")
		h.decide(ann, mine, helpdesk.Approve)
		h.decide(ann, others, helpdesk.Approve)
		h.update(func(tx *store.Tx) error {
			return h.TakeBack(tx, h.ticket, "built-in", "The ticket went to another.", time.Now())
		})
		if x := h.suggestion(mine); x.State != helpdesk.SuggestionProposed || x.Decided != nil || x.Note != "The ticket went to another." {
			t.Errorf("it is %+v", x)
		}
		if x, y := h.suggestion(others), h.suggestion(open); x.State != helpdesk.SuggestionApproved || y.Note != "" {
			t.Errorf("the other instance's is %+v, the undecided one %+v", x, y)
		}
	})
}

// Ensure that closing a ticket makes it too late for everything that was open.
func TestClosingLapses(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		proposed, approved, rejected := h.propose("a"), h.propose("b"), h.propose("c")
		h.decide(ann, approved, helpdesk.Approve)
		h.decide(ann, rejected, helpdesk.Reject)
		h.update(func(tx *store.Tx) error {
			now, err := tx.Now()
			if err != nil {
				return err
			}
			return h.LapseAll(tx, h.ticket, ann.By(), "The ticket was closed.", now)
		})
		for _, id := range []helpdesk.SuggestionID{proposed, approved} {
			if x := h.suggestion(id); x.State != helpdesk.SuggestionLapsed || x.Note != "The ticket was closed." {
				t.Errorf("%s is %+v", id, x)
			}
			says(t, h.try(ann, id, helpdesk.Approve), helpdesk.Conflict, "lapsed")
		}
		if x := h.suggestion(rejected); x.State != helpdesk.SuggestionRejected {
			t.Errorf("the rejected one is %s", x.State)
		}
		if n := h.counts("Ann moves "); n != 2 {
			t.Errorf("the log says %q", h.log())
		}
	})
}
