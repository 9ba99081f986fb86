package approval_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/internal/approval"
	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
)

// node is a second server on the same database, with a launcher of its own.
type node struct {
	*approval.Service
	h        *house
	launcher *launchtest.Launcher
	wire     *wire
	leave    func()
}

// join starts a second server; before is called each time that it looks up what a person may do.
func (h *house) join(before func()) *node {
	h.t.Helper()
	n := &node{h: h}
	var mu sync.Mutex
	n.launcher = launchtest.Start(h.t, launchtest.Config{Launch: launch.Config{AllowHost: true}, Notify: func(st launch.Status) {
		mu.Lock()
		defer mu.Unlock()
		if n.Service != nil {
			n.Notice(st)
		}
	}})
	n.wire = &wire{Launcher: n.launcher.Client}
	mu.Lock()
	n.Service = h.service(n.wire, before)
	mu.Unlock()
	n.leave = h.run(n.Service)
	h.t.Cleanup(n.leave)
	return n
}

// Ensure that a node leaves alone what another one runs, as long as that one lives, and calls it unknown when it does
// not.
func TestAnotherNodesRuns(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		id := h.propose(waitFor("go") + "echo x >> count")
		h.decide(ann, id, helpdesk.Execute)
		r := h.begun(id)
		n := h.join(nil)
		h.ticket, id = h.elsewhere(id)
		here := h.Service
		h.Service = n.Service
		if o := h.executed("true"); !o.OK() { // whichever of both ran it
			t.Errorf("on two nodes: %+v", o)
		}
		h.ticket, id = h.elsewhere(id)
		if s := h.suggestion(id); s.State != helpdesk.SuggestionRunning {
			t.Errorf("the other node's run is %s", s.State)
		}
		if err := n.StopRun(h.ctx(), ann, h.ticket, r.ID); helpdesk.KindOf(err) != helpdesk.Unavailable {
			t.Errorf("stopped from the other node: %v", err)
		}
		// An approval that waits for it notices its end, which happens elsewhere.
		second := h.propose("echo y >> count2")
		h.decide(ann, second, helpdesk.Approve)
		x, hold := h.turn("built-in")
		done := make(chan error, 1)
		go func() { done <- n.RunApproved(h.ctx(), x, hold) }()
		h.write("go")
		h.must(<-done)
		if o := h.outcome(id); !o.OK() || h.file("count") != "x\n" {
			t.Errorf("it ended %+v", o)
		}
		h.outcome(second)

		// Now the first node is lost for good.
		h.Service = here
		third := h.propose("sleep 600")
		h.wire.set(nil, nil)
		n.leave()
		h.decide(ann, third, helpdesk.Execute)
		h.begun(third)
		h.crash()
		h.leave()
		h.cfg.NodeLife = time.Millisecond
		n.Service = h.service(n.wire, nil)
		n.leave = h.run(n.Service)
		t.Cleanup(n.leave)
		if o := h.outcome(third); !o.Unknown {
			t.Errorf("a lost node's run ended %+v", o)
		}
	})
}

// Ensure that a run which two nodes want to begin in the same moment is begun by one.
func TestTwoNodesBeginOneRun(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		looked, goOn := make(chan struct{}, 100), make(chan struct{})
		n := h.join(func() { looked <- struct{}{}; <-goOn })
		id := h.propose(waitFor("go") + "echo x >> count")
		h.crash() // the first node does not hear of it before the second has looked
		h.leave()
		h.decide(ann, id, helpdesk.Execute)
		<-looked // it has read that the run waits
		h.restart()
		r := h.begun(id)
		started := make(chan string, 2)
		n.wire.set(func(op, id string) error {
			if op == "start" {
				started <- id
			}
			return nil
		}, nil)
		h.crash()
		h.leave()
		here := h.Service
		h.Service = n.Service
		close(goOn)
		h.ticket, id = h.elsewhere(id)
		if o := h.executed("true"); !o.OK() { // by then the second has done what it began
			t.Errorf("elsewhere: %+v", o)
		}
		h.ticket, id = h.elsewhere(id)
		n.leave()
		h.Service = here
		h.restart()
		h.write("go")
		if o := h.outcome(id); !o.OK() || h.file("count") != "x\n" || h.counts(" starts ") != 1 {
			t.Errorf("it ended %+v, claimed %d times", o, h.counts(" starts "))
		}
		if id := <-started; id == string(r.ID) {
			t.Errorf("the second node started %s too", id)
		}
		list, err := n.launcher.List(h.ctx())
		if err != nil || slices.ContainsFunc(list, func(st launch.Status) bool { return st.ID == string(r.ID) }) {
			t.Errorf("the second launcher has %+v, %v", list, err)
		}
	})
}

// Ensure that a run is not taken for one that never began because the launcher was asked just before it was told.
func TestListedJustBeforeItStarts(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		onTheWay, listed, begun := make(chan struct{}), make(chan struct{}), make(chan struct{})
		var way, list sync.Once
		h.wire.set(func(op, _ string) error {
			if op == "start" {
				way.Do(func() { close(onTheWay); <-listed })
			}
			return nil
		}, func(op, _ string) error {
			if op == "list" {
				select {
				case <-onTheWay:
					list.Do(func() { close(listed); <-begun })
				default:
				}
			}
			return nil
		})
		id := h.propose(waitFor("go") + "echo x >> count")
		h.decide(ann, id, helpdesk.Execute)
		h.begun(id)
		close(begun)
		h.ticket, id = h.elsewhere(id)
		if o := h.executed("true"); !o.OK() { // the answer of that list has been used by now
			t.Errorf("elsewhere: %+v", o)
		}
		h.ticket, id = h.elsewhere(id)
		if s := h.suggestion(id); s.State != helpdesk.SuggestionRunning {
			t.Fatalf("a run that goes is %+v", s)
		}
		h.write("go")
		if o := h.outcome(id); !o.OK() || h.file("count") != "x\n" {
			t.Errorf("it ended %+v", o)
		}
	})
}

// Ensure that a run that is over before the launcher's answer came is told like any other.
func TestOverBeforeTheAnswer(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		var over sync.Once
		h.wire.set(nil, func(op, id string) error {
			if op == "start" {
				over.Do(func() { h.settled(helpdesk.RunID(id)) })
			}
			return nil
		})
		if o := h.executed("exit 2"); *o.ExitCode != 2 {
			t.Errorf("it ended %+v", o)
		}
		h.forgotten()
		if o := h.executed("true"); !o.OK() {
			t.Errorf("the next: %+v", o)
		}
	})
}
