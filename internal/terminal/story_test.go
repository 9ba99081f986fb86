package terminal_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/screen"
	"helpdesk/internal/store"
	"helpdesk/internal/terminal"
)

func TestAPersonOpensATerminalAndWorksInIt(t *testing.T) {
	h := open(t, terminal.Config{})
	x := h.openTerminal()
	b := h.attach(h.ann, x.ID, attaching{})
	b.type_("echo $((6*7))-$FAVOURITE; pwd; id -u\r")
	b.sees("42-blue cheese\r\n/workspace\r\n")
	n := b.type_("echo done\r")
	b.until("the acknowledgement", func() bool { return b.taken == n })

	list, err := h.service.List(h.ctx(), h.ann, h.ticket)
	must(t, err)
	if len(list) != 1 || list[0].State != helpdesk.TerminalLive || list[0].Title != "Blue" || list[0].Place != "sandbox" {
		t.Errorf("the list is %+v", list)
	}
	if diff := cmp.Diff([]event.TerminalOpened{{Terminal: string(x.ID), Scope: "tenant", Place: "sandbox", Title: "Blue"}}, facts[event.TerminalOpened](h)); diff != "" {
		t.Error(diff)
	}
	if got := facts[event.WorkspaceOpened](h); len(got) != 1 {
		t.Errorf("the Workspace was opened %d times", len(got))
	}

	b.type_("exit 7\r")
	b.until("the exit", func() bool { return b.exit != nil })
	if e := b.exit; !e.Known || e.Code != 7 || e.Signal != 0 || e.Stopped {
		t.Errorf("the exit is %+v", e)
	}
	if code := b.closes(); code != 1000 {
		t.Errorf("the connection closed with %d", code)
	}
	must(t, h.service.Close(h.ctx(), h.ann, x.ID)) // it has ended: that is no error, and it waits for the record
	ended := h.awaitEnded(x.ID)
	if len(ended) != 1 || ended[0].ExitCode == nil || *ended[0].ExitCode != 7 {
		t.Errorf("the log says %+v", ended)
	}

	// Who comes later still sees all of it.
	late := h.attach(h.bob, x.ID, attaching{})
	late.until("the exit", func() bool { return late.exit != nil })
	_, seen := late.output()
	_, first := b.output()
	if !bytes.Equal(seen, first) || late.exit.Code != 7 {
		t.Errorf("the late viewer saw %q, the first one %q", seen, first)
	}
	cast, err := h.service.Recording(h.ctx(), h.ann, x.ID)
	must(t, err)
	text, err := io.ReadAll(cast)
	must(t, err)
	if lines := strings.Split(string(text), "\n"); !strings.Contains(lines[0], `"version":3`) || !strings.Contains(string(text), "blue cheese") || !strings.Contains(string(text), `"x","7"`) {
		t.Errorf("the recording is\n%.2000s", text)
	}
}

// awaitEnded waits until the end of a Terminal is in the log.
func (h *house) awaitEnded(id helpdesk.TerminalID) []event.TerminalEnded {
	h.t.Helper()
	must(h.t, h.service.EndAll(h.ctx(), h.ticket)) // returns when all ends are recorded
	var mine []event.TerminalEnded
	for _, e := range facts[event.TerminalEnded](h) {
		if e.Terminal == string(id) {
			mine = append(mine, e)
		}
	}
	return mine
}

func TestAFullScreenProgramAndAResize(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{})
	x := h.openTerminal()
	b := h.attach(h.ann, x.ID, attaching{cols: 100, rows: 30})
	b.until("its size", func() bool { return b.size == terminal.Resized{Cols: 100, Rows: 30} })
	// A program that takes the whole screen, as editors do, and draws itself anew at each new size.
	b.type_(`draw() { printf '\e[2J\e[H<%s>' "$(stty size)"; }; trap draw WINCH; printf '\e[?1049h\e[?25l\e[?2004h'; draw; while read -rsn1 k; do [ "$k" = q ] && break; draw; done; printf '\e[?1049l\e[?25h'; trap - WINCH; echo ba''ck` + "\r")
	b.sees("<30 100>")
	b.write(terminal.Resize{Cols: 120, Rows: 40})
	b.until("the new size", func() bool { return b.size == terminal.Resized{Cols: 120, Rows: 40} })
	b.type_("r")
	b.sees("<40 120>")

	// Somebody who comes now begins on the same screen: in the alternate buffer and without a cursor.
	_, err := h.service.Change(h.ctx(), h.bob, x.ID, terminal.Changes{Cols: new(90)})
	if helpdesk.KindOf(err) != helpdesk.Conflict || !strings.Contains(helpdesk.PublicText(err), "Ann") {
		t.Errorf("a second owner of the size: %v", err)
	}
	c := h.attach(h.bob, x.ID, attaching{cols: 60, rows: 20})
	c.sees("<40 120>")
	if c.start.Controller || !c.start.MayType || c.size != (terminal.Resized{Cols: 120, Rows: 40}) {
		t.Errorf("the second viewer starts with %+v", c.start)
	}
	c.write(terminal.TakeControl{})
	b.until("the second viewer's size", func() bool { return b.size == terminal.Resized{Cols: 60, Rows: 20} })
	b.until("presence", func() bool {
		return strings.Contains(b.presence, `"name":"Bob","may_type":true,"controller":true,"you":false`)
	})
	c.drop()
	b.until("its own size again", func() bool { return b.size == terminal.Resized{Cols: 120, Rows: 40} })
	b.type_("q")
	b.sees("back\r\n")
}

func TestALateViewerBeginsNearTheEndAndInTheSameModes(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{Scrollback: 8 << 10})
	x := h.openTerminal()
	b := h.attach(h.ann, x.ID, attaching{})
	b.type_(`printf '\e[?1h\e[?1049h\e[?25l'; for i in $(seq 4000); do printf '\e[3%dmline %d\e[0m\n' $((i%7)) $i; done; echo end''ed` + "\r")
	b.sees("ended\r\n")
	c := h.attach(h.bob, x.ID, attaching{})
	c.sees("ended\r\n")
	_, got := c.output()
	if n := c.start.End - c.start.From; n > 8<<10 || c.start.From == 0 {
		t.Errorf("the scrollback has %d bytes from %d", n, c.start.From)
	}
	if !bytes.HasPrefix(got, []byte("\x1b[3")) {
		t.Errorf("it begins with %q, not at a line's beginning", got[:20])
	}
	c.looks("what the other sees", func(text string, m *screen.Screen) bool {
		whole := screen.New(80, 24)
		_, all := b.output()
		whole.Write(all)
		return m.Alternate() && m.Mode(1) && !m.Mode(25) && text == shown(whole)
	})
}

func TestReconnectingAtAnOffsetHasNoHoleAndTypesNothingTwice(t *testing.T) {
	h := open(t, terminal.Config{})
	x := h.openTerminal()
	b := h.attach(h.ann, x.ID, attaching{viewer: "ann-s-tab"})
	b.type_("stty -echo; PS1=\r")
	b.type_("i=0; echo rea''dy; while read l; do i=$((i+1)); echo \"$i:$l\"; done\r")
	b.sees("ready\r\n") // the shell has left its line editor, which would take what is typed otherwise
	var first []byte
	for round := range 5 {
		last := b.type_(fmt.Sprintf("word%d\r", round))
		b.until("the acknowledgement", func() bool { return b.taken == last })
		from, got := b.output()
		at := from + int64(len(got))
		first = append(first, got...)
		b.drop() // without a word, perhaps before the answer came
		b = h.attach(h.ann, x.ID, attaching{viewer: "ann-s-tab", from: &at})
		b.until("the start", func() bool { return b.start != nil })
		if !b.start.Resumed || b.start.Input != last || b.start.From != at || len(b.screens) > 0 {
			t.Fatalf("it resumed with %+v, input %d at %d was expected", b.start, last, at)
		}
		// What was perhaps taken is sent again, and is not typed again.
		b.write(terminal.Input{Seq: last, Data: []byte("again\r")})
	}
	b.type_("last\r")
	b.sees("6:last\r\n")
	_, got := b.output()
	all := append(first, got...)
	for i := range 5 {
		if want := fmt.Sprintf("%d:word%d\r\n", i+1, i); bytes.Count(all, []byte(want)) != 1 {
			t.Errorf("%q is not there once: %q", want, all)
		}
	}
	if bytes.Contains(all, []byte("again")) {
		t.Errorf("something was typed twice: %q", all)
	}
}

func TestShellsOutliveTheServer(t *testing.T) {
	h := open(t, terminal.Config{})
	x, y := h.openTerminal(), h.openTerminal()
	b := h.attach(h.ann, x.ID, attaching{viewer: "ann-s-tab"})
	b.type_("secret=kept; echo rea''dy\r")
	b.sees("ready\r\n")
	from, got := b.output()
	at := from + int64(len(got))

	h.leave()
	if code := b.closes(); code != 1001 {
		t.Errorf("the server's end closed with %d", code)
	}
	// One shell ends while there is no server.
	must(t, h.launcher.Stop(h.ctx(), string(y.ID)))
	h.launcher.Ended(string(y.ID))
	h.restart()
	list, err := h.service.List(h.ctx(), h.ann, h.ticket)
	must(t, err)
	if len(list) != 2 || list[0].State != helpdesk.TerminalLive {
		t.Errorf("after the restart there is %+v", list)
	}
	b = h.attach(h.ann, x.ID, attaching{viewer: "ann-s-tab", from: &at})
	b.type_("echo $secret-$secret\r")
	b.sees("kept-kept\r\n")
	if b.start.Resumed || b.start.From > at {
		t.Errorf("it started with %+v after a restart, from %d", b.start, at)
	}
	if got := h.awaitEnded(y.ID); len(got) != 1 || got[0].ExitCode == nil {
		t.Errorf("the end without a server is recorded as %+v", got)
	}
}

func TestAKilledShellAndALauncherThatIsGone(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{})
	x := h.openTerminal()
	b := h.attach(h.ann, x.ID, attaching{})
	b.type_("kill -9 $$\r")
	b.until("the exit", func() bool { return b.exit != nil })
	if e := b.exit; !e.Known || e.Code != 137 || e.Signal != 9 {
		t.Errorf("the exit is %+v", e)
	}
	if code := b.closes(); code != 1000 {
		t.Errorf("the connection closed with %d", code)
	}

	// A Terminal of a launcher's life that is over.
	gone := helpdesk.Terminal{ID: "0192-gone", Ticket: h.ticket, Tenant: h.tenant, Scope: helpdesk.ScopeTenant, Place: "sandbox", Title: "Blue", State: helpdesk.TerminalLive, Epoch: "another", Cols: 80, Rows: 24, OpenedBy: h.ann.By()}
	must(t, h.store.Update(h.ctx(), h.tenant, func(tx *store.Tx) error { return tx.InsertTerminal(gone) }))
	h.restart()
	if got := h.awaitEnded(gone.ID); len(got) != 1 || got[0].ExitCode != nil || got[0].Reason != "The launcher was restarted." {
		t.Errorf("recorded is %+v", got)
	}
}

func TestClosingTheTicketEndsItsTerminals(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{})
	x := h.openTerminal()
	b := h.attach(h.ann, x.ID, attaching{})
	b.type_("trap '' HUP TERM; echo stubborn; sleep 1000\r") // it must go all the same
	b.sees("stubborn\r\n")
	h.setStatus(helpdesk.TicketClosed)
	must(t, h.service.EndAll(h.ctx(), h.ticket))
	b.until("the exit", func() bool { return b.exit != nil })
	if b.exit.Reason != "The ticket was closed." || !b.exit.Stopped {
		t.Errorf("the exit is %+v", b.exit)
	}
	if got := facts[event.TerminalEnded](h); len(got) != 1 || got[0].Reason != "The ticket was closed." {
		t.Errorf("recorded is %+v", got)
	}
	_, err := h.service.Open(h.ctx(), h.ann, h.ticket, terminal.Opening{Scope: helpdesk.ScopeTenant, Cols: 80, Rows: 24}, store.Once{})
	if helpdesk.KindOf(err) != helpdesk.Conflict {
		t.Errorf("a terminal of a closed ticket: %v", err)
	}
	must(t, h.files.Remove(h.ctx(), h.tenant, h.ticket))
	if got := facts[event.WorkspaceRemoved](h); len(got) != 1 {
		t.Errorf("the Workspace was removed %d times", len(got))
	}
}

func TestPresenceNamesWhoIsThere(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{})
	x := h.openTerminal()
	b := h.attach(h.ann, x.ID, attaching{})
	h.attach(h.bob, x.ID, attaching{})
	b.until("both", func() bool { return strings.Contains(b.presence, "Ann") && strings.Contains(b.presence, "Bob") })
	var who struct {
		Viewers []struct {
			Name, ID        string
			Controller, You bool
		}
	}
	must(t, json.Unmarshal([]byte(b.presence), &who))
	if len(who.Viewers) != 2 || !who.Viewers[0].Controller || !who.Viewers[0].You || who.Viewers[1].Controller {
		t.Errorf("present: %+v", who)
	}
	b.write(terminal.Ping{Data: []byte("there?")})
	b.until("the pong", func() bool { return b.pongs == 1 })
}
