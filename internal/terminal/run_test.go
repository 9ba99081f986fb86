package terminal_test

import (
	"io"
	"testing"

	"helpdesk"
	"helpdesk/internal/launch"
	"helpdesk/internal/store"
	"helpdesk/internal/terminal"
)

// startRun starts what a decision would, in the words that approval uses.
func (h *house) startRun(id helpdesk.RunID, command string) {
	h.t.Helper()
	s := helpdesk.Suggestion{ID: helpdesk.SuggestionID("of-" + id), Ticket: h.ticket, Tenant: h.tenant, State: helpdesk.SuggestionRunning, Command: command, Scope: helpdesk.ScopeTenant, Place: "sandbox", Risk: helpdesk.RiskReads}
	must(h.t, h.store.Update(h.ctx(), h.tenant, func(tx *store.Tx) error {
		if err := tx.InsertSuggestion(s); err != nil {
			return err
		}
		return tx.InsertRun(helpdesk.Run{ID: id, Suggestion: s.ID, Ticket: h.ticket, Tenant: h.tenant, State: helpdesk.RunClaimed, By: h.ann.By()}, "decision-"+string(id))
	}))
	_, err := h.launcher.Start(h.ctx(), launch.Spec{ID: string(id), Kind: launch.Private, Slot: 2, Ticket: string(h.ticket), Argv: []string{"bash", "--noprofile", "--norc", "-c", command}, Overflow: launch.CutAtLimit})
	must(h.t, err)
}

func (h *house) attachRun(who helpdesk.Actor, id helpdesk.RunID, from *int64) *tab {
	h.t.Helper()
	att, err := h.service.AttachRun(h.ctx(), who, h.ticket, id)
	must(h.t, err)
	b := h.connect(who, string(id), att.Token, attaching{from: from})
	b.until("the start", func() bool { return b.start != nil })
	return b
}

func TestARunIsWatchedAndTypedIntoLikeATerminal(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{})
	h.startRun("run-1", `read -p 'Go on? ' a; echo "<$a>"; exit 3`)
	b := h.attachRun(h.ann, "run-1", nil)
	c := h.attachRun(h.bob, "run-1", nil)
	b.sees("Go on? ")
	b.type_("yes\r")
	for _, v := range []*tab{b, c} {
		v.until("the exit", func() bool { return v.exit != nil })
		if _, got := v.output(); string(got) != "Go on? yes\r\n<yes>\r\n" || v.exit.Code != 3 {
			t.Errorf("saw %q, exit %+v", got, v.exit)
		}
	}
	out, size, err := h.service.RunOutput(h.ctx(), h.ann, h.ticket, "run-1", 7)
	must(t, err)
	text, err := io.ReadAll(out)
	must(t, err)
	if string(text) != "yes\r\n<yes>\r\n" || size != int64(len(text))+7 {
		t.Errorf("the output from 7 on is %q of %d", text, size)
	}
	// A Run is not ours to record: no Terminal appears, and the launcher still knows it.
	if list, err := h.service.List(h.ctx(), h.ann, h.ticket); err != nil || len(list) != 0 {
		t.Errorf("terminals: %v, %v", list, err)
	}
	if st := h.launcher.Ended("run-1"); st.Exit.Code != 3 {
		t.Errorf("the launcher says %+v", st)
	}
	// Long after, and after a restart, its record is looked at the same way.
	must(t, h.launcher.Forget(h.ctx(), "run-1"))
	h.restart()
	d := h.attachRun(h.bob, "run-1", nil)
	d.until("the exit", func() bool { return d.exit != nil })
	if _, got := d.output(); string(got) != "Go on? yes\r\n<yes>\r\n" || !d.start.Ended || d.exit.Code != 3 {
		t.Errorf("later: %q, start %+v, exit %+v", got, d.start, d.exit)
	}
	for name, err := range map[string]error{
		"a stranger":            second(h.service.AttachRun(h.ctx(), h.eve, h.ticket, "run-1")),
		"of another ticket":     second(h.service.AttachRun(h.ctx(), h.ann, h.newTicket(h.tenant), "run-1")),
		"one that is not there": second(h.service.AttachRun(h.ctx(), h.ann, h.ticket, "run-2")),
	} {
		if helpdesk.KindOf(err) != helpdesk.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestATerminalOfThisMachineSeesTheHost(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{})
	if !h.launcher.Hello.Capabilities.HostView {
		t.Skip("no host view here: ", h.launcher.Hello.Capabilities.Why)
	}
	h.ticket = h.newTicket("tenant-this")
	x := h.openTerminal()
	if x.Place != "host_view" || x.Title != "This machine" {
		t.Errorf("opened %+v", x)
	}
	b := h.attach(h.ann, x.ID, attaching{})
	b.type_("test -e /etc/hostname && ! touch /etc/mine 2>/dev/null && touch mine && echo rea''donly\r")
	b.sees("readonly\r\n")
	files, err := h.files.List(h.ctx(), h.ann, h.ticket, "", false)
	if err != nil || len(files) != 1 || files[0].Path != "mine" {
		t.Errorf("the Workspace has %v, %v", files, err)
	}
}
