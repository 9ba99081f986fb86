package testkit_test

import (
	"testing"

	"helpdesk/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestAHelpDeskIsKilledAndComesBack(t *testing.T) {
	h := testkit.Start(t, testkit.Config{})
	ticket := h.NewTicket("this-machine", "say Hello.\nwait g1\nsay Bye.")
	h.AtGate("g1")
	before := h.ServerPID()
	h.KillServer()
	h.WaitReady()
	if after := h.ServerPID(); before == after {
		t.Errorf("the killed server %d is still there", after)
	}
	h.KillAll()
	h.Restart()
	if e := h.Timeline(ticket); len(e) == 0 || e[0].Kind != "TicketCreated" {
		t.Errorf("the ticket's timeline after two crashes: %v", e)
	}
	h.Stop()
	h.Restart()
	h.Do("GET", "/tickets/"+ticket, nil, nil)
}
