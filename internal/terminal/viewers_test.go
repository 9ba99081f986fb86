package terminal_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"helpdesk"
	"helpdesk/internal/launch"
	"helpdesk/internal/terminal"
)

func TestTwoPeopleSeeAndTypeTheSame(t *testing.T) {
	h := open(t, terminal.Config{})
	x := h.openTerminal()
	b, c := h.attach(h.ann, x.ID, attaching{}), h.attach(h.bob, x.ID, attaching{})
	b.type_("stty -echo; PS1=\r")
	b.type_("echo rea''dy; while read l; do echo \"<$l>\"; done\r")
	b.sees("ready\r\n")
	const each = 50
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range each {
			c.type_(fmt.Sprintf("bob %d\r", i))
		}
	}()
	for i := range each {
		b.type_(fmt.Sprintf("ann %d\r", i))
	}
	<-done
	for _, v := range []*tab{b, c} {
		v.until("everything", func() bool {
			return bytes.Count(v.got, []byte("<ann ")) == each && bytes.Count(v.got, []byte("<bob ")) == each
		})
	}
	_, got := b.output()
	for _, who := range []string{"ann", "bob"} { // each in the order in which it was typed
		at := -1
		for i := range each {
			next := bytes.Index(got, fmt.Appendf(nil, "<%s %d>", who, i))
			if next <= at {
				t.Fatalf("%s's input %d is at %d, after %d", who, i, next, at)
			}
			at = next
		}
	}
	from, fromBob := int64(0), []byte(nil)
	from, fromBob = c.output()
	fromAnn, all := b.output()
	if tail := all[max(0, from-fromAnn):]; !bytes.HasPrefix(fromBob, tail[:min(len(tail), len(fromBob))]) {
		t.Error("the two saw different bytes")
	}
}

func TestASlowViewerSlowsNobodyAndSkipsTheBacklog(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{Behind: 1 << 20})
	x := h.openTerminal()
	fast := h.attach(h.ann, x.ID, attaching{})
	slow := h.attach(h.bob, x.ID, attaching{silent: true})
	fast.type_("head -c 6000000 /dev/zero | tr '\\0' x | fold -w 79; echo fin''ished\r")
	fast.sees("finished\r\n")
	_, got := slow.output()
	if len(got) > 512<<10 {
		t.Errorf("a viewer that rendered nothing was sent %d bytes", len(got))
	}
	// It wakes up: it is sent a screen and the end, not the backlog.
	slow.mu.Lock()
	slow.acks = true
	at := slow.from + int64(len(slow.got))
	slow.mu.Unlock()
	slow.write(terminal.Ack{Offset: at})
	slow.sees("finished\r\n")
	if len(slow.screens) != 2 || slow.screens[1].Offset < 5_000_000 {
		t.Errorf("it was sent %d screens", len(slow.screens))
	}
}

func TestTheProgramWaitsForItsController(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{})
	x := h.openTerminal()
	b := h.attach(h.ann, x.ID, attaching{silent: true})
	b.type_("yes | head -c 20000000; echo fin''ished\r")
	// The controller renders nothing. The program waits at first, and not for ever.
	h.launcher.WaitFor(string(x.ID), func(st launch.Status) bool { return st.End > 20_000_000 })
	if !h.paused.Load() {
		t.Error("the program did not wait")
	}
	if _, got := b.output(); len(got) > 512<<10 {
		t.Errorf("%d bytes were sent that nobody rendered", len(got))
	}
	b.mu.Lock()
	b.acks = true
	at := b.from + int64(len(b.got))
	b.mu.Unlock()
	b.write(terminal.Ack{Offset: at})
	b.sees("finished\r\n")
}

func TestInputIsNeverDropped(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{})
	x := h.openTerminal()
	b := h.attach(h.ann, x.ID, attaching{})
	b.type_("stty raw -echo; echo rea''dy; sleep 1; head -c 200000 | sha256sum; stty sane\r")
	b.sees("ready")
	// The program sleeps first: the pseudo-terminal takes a few KiB, the rest waits in the queue.
	text := strings.Repeat("0123456789abcdefghij", 10_000)
	var last uint64
	for i := 0; i < len(text); i += 20_000 {
		last = b.type_(text[i : i+20_000])
	}
	b.until("the acknowledgement of all", func() bool { return b.taken == last })
	b.sees(sha256Of(text))
}

func TestTooMuchInputAheadEndsTheConnection(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{})
	x := h.openTerminal()
	b := h.attach(h.ann, x.ID, attaching{})
	b.type_("stty raw -echo; echo rea''dy; sleep 1000\r")
	b.sees("ready")
	for range 10 {
		b.type_(strings.Repeat("x", 60_000))
	}
	if code := b.closes(); code != 1009 {
		t.Errorf("it closed with %d", code)
	}
}

func TestWhoMayOnlyLookCannotType(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{})
	x, err := h.service.Open(h.ctx(), h.admin, h.ticket, terminal.Opening{Scope: helpdesk.ScopeAdmin, Cols: 80, Rows: 24}, once())
	must(t, err)
	if x.Title != "Admin" || x.Place != "host" {
		t.Errorf("opened %+v", x)
	}
	b := h.attach(h.ann, x.ID, attaching{cols: 50, rows: 10})
	b.until("presence", func() bool { return b.presence != "" })
	if b.start.MayType || b.start.Controller {
		t.Errorf("a member starts with %+v", b.start)
	}
	b.type_("id\r")
	b.until("the refusal", func() bool {
		return len(b.notices) == 1 && b.notices[0].Code == terminal.NoticeRefused
	})
	b.write(terminal.TakeControl{})
	a := h.attach(h.admin, x.ID, attaching{})
	a.type_("echo $((20+3))\r")
	a.sees("23\r\n")
	if _, got := a.output(); bytes.Contains(got, []byte("uid=")) {
		t.Errorf("what the member typed ran: %q", got)
	}
	for _, err := range []error{h.service.Close(h.ctx(), h.ann, x.ID), second(h.service.Change(h.ctx(), h.ann, x.ID, terminal.Changes{More: true}))} {
		if helpdesk.KindOf(err) != helpdesk.Forbidden {
			t.Errorf("a member changes an admin's terminal: %v", err)
		}
	}
}

func TestOneViewerTooMany(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{Viewers: 2})
	x := h.openTerminal()
	a, b := h.attach(h.ann, x.ID, attaching{viewer: "ann-s-tab"}), h.attach(h.bob, x.ID, attaching{})
	att, err := h.service.AttachTerminal(h.ctx(), h.ann, x.ID)
	must(t, err)
	if code := h.connect(h.ann, string(x.ID), att.Token, attaching{}).closes(); code != 1013 {
		t.Errorf("one too many is closed with %d", code)
	}
	again := h.attach(h.ann, x.ID, attaching{viewer: "ann-s-tab"}) // takes its own place
	if code := a.closes(); code != 1000 {
		t.Errorf("the connection it replaces is closed with %d", code)
	}
	again.type_("echo $((50+5))\r")
	b.sees("55\r\n")
}
