package app_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"helpdesk/internal/testkit"
)

// A HelpDesk that is told to stop ends in order while an answer streams, a Run goes, and people look on.
func TestAnOrderlyEnd(t *testing.T) {
	h := testkit.Start(t, testkit.Config{Env: []string{"HELPDESK_LIMITS_LEASE=3s"}})
	tenant := h.NewTenant("blue")
	nap := fmt.Sprintf("3600.%d", os.Getpid())
	work := h.NewTicket(tenant, "suggest echo begun > mark; sleep "+nap+"; echo ended >> mark ## wait")
	talk := h.NewTicket(tenant, "say The first half.\nwait half\nsay The second half.")
	h.AtGate("half")
	watcher := h.Watch(work, talk)
	var terminal struct{ ID string }
	h.Do("POST", "/tickets/"+work+"/terminals", struct{}{}, &terminal)
	tab := h.Attach(terminal.ID)
	tab.Sees("$")
	run := begin(t, h, work)
	mark := filepath.Join(h.Data, "workspaces", "*", work, "mark")
	h.Wait("the command to begin", func() (bool, string) { return content(mark) == "begun\n", content(mark) })
	h.Wait("the first half to be seen", func() (bool, string) {
		for _, a := range watcher.Answers() {
			if a.Text == "The first half.\n" {
				return true, ""
			}
		}
		return false, fmt.Sprint(watcher.Answers())
	})

	// The Run and the shell outlive the server …
	var inside []int
	h.Wait("the command to sleep", func() (bool, string) {
		inside = processes(t, "sleep\x00"+nap+"\x00")
		return len(inside) == 1, fmt.Sprint(inside)
	})
	if !tab.Type("name=Ann\r") {
		t.Error("what is typed is not taken")
	}
	h.KillServer()
	h.WaitReady()
	h.Wait("the shell to go on", func() (bool, string) { return tab.Type("echo still-$name\r"), "what is typed is not taken" })
	tab.Sees("still-Ann\r\n")
	if state := suggestionOf(h, work).State; state != "running" || !alive(inside[0]) {
		t.Errorf("after the server was started again the command is %s, alive: %v", state, alive(inside[0]))
	}
	h.Wait("the crashed answer to be interrupted", func() (bool, string) {
		ended := facts(h.Timeline(talk), "TurnEnded")
		return len(ended) == 1, fmt.Sprint(ended)
	})

	// … and end with the launcher, in order.
	h.Do("POST", "/tickets/"+talk+"/messages", map[string]string{"content": "say Once more, the first half.\nwait more\nsay The second half."}, nil)
	h.AtGate("more")
	h.Stop()
	if alive(inside[0]) {
		t.Error("a command outlived the launcher")
	}
	h.Restart()
	h.OpenGate("more")
	log := h.Timeline(talk)
	var end struct{ State, Text, Reason string }
	ended := facts(log, "TurnEnded")
	decode(t, ended[len(ended)-1], &end)
	if len(ended) != 2 || end.State != "interrupted" || end.Text != "Once more, the first half.\n" || !strings.Contains(end.Reason, "stopped") {
		t.Errorf("of %d ends of turns the last is %+v", len(ended), end)
	}
	h.Wait("the command's end to be known", func() (bool, string) { return suggestionOf(h, work).State != "running", "running" })
	s := suggestionOf(h, work)
	if s.Run != run || s.State != "ran" && s.State != "unknown" || s.Outcome == nil || s.Outcome.ExitCode != nil && *s.Outcome.ExitCode == 0 {
		t.Errorf("the command that was ended is %s, with the outcome %+v", s.State, s.Outcome)
	}
	if got := content(mark); got != "begun\n" {
		t.Errorf("the command left %q", got)
	}
	if n := len(processes(t, "sleep\x00"+nap+"\x00")); n != 0 {
		t.Errorf("%d processes of the command live: it was run again", n)
	}
	h.Stop()
}

// begin executes the first suggestion of a ticket and gives the Run's id.
func begin(t *testing.T, h *testkit.HelpDesk, ticket string) string {
	t.Helper()
	h.Wait("the suggestion", func() (bool, string) { return len(facts(h.Timeline(ticket), "TurnEnded")) > 0, "" })
	s := suggestionOf(h, ticket)
	h.Do("POST", "/tickets/"+ticket+"/suggestions/"+s.ID+"/decision", map[string]string{"decision": "execute", "digest": s.Digest}, nil)
	return suggestionOf(h, ticket).Run
}

// suggestionOf gives the first suggestion of a ticket.
func suggestionOf(h *testkit.HelpDesk, ticket string) suggestion {
	var list struct{ Items []suggestion }
	h.Do("GET", "/tickets/"+ticket+"/suggestions", nil, &list)
	return list.Items[0]
}

// content is what is in the one file that the pattern names.
func content(pattern string) string {
	found, _ := filepath.Glob(pattern) // the pattern is well-formed
	if len(found) != 1 {
		return ""
	}
	text, err := os.ReadFile(found[0])
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// processes gives the ids of our processes with a command line.
func processes(t *testing.T, command string) (all []int) {
	t.Helper()
	found, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well-formed
	for _, path := range found {
		if text, err := os.ReadFile(path); err == nil && string(text) == command {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, pid)
		}
	}
	return all
}

func alive(pid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	return !errors.Is(err, os.ErrNotExist)
}

// What is said to be ready is: the server answers at once when it prints its address, on a second start too, and what
// was there before is there with its first answer.
func TestReadyMeansReady(t *testing.T) {
	h := testkit.Start(t, testkit.Config{})
	ticket := h.NewTicket(h.NewTenant("blue"), "say Hello.")
	h.Wait("the answer", func() (bool, string) { return len(facts(h.Timeline(ticket), "TurnEnded")) == 1, "" })
	log := h.Timeline(ticket)
	for range 2 {
		h.Stop()
		said := strings.Count(h.Said(), "is ready at")
		began := time.Now()
		h.Launch()
		h.Wait("the address to be printed", func() (bool, string) { return strings.Count(h.Said(), "is ready at") > said, h.Said() })
		printed := time.Since(began)
		if again := h.Timeline(ticket); len(again) < len(log) { // it fails at once where nobody answers
			t.Errorf("the timeline had %d events, and begins again with %d", len(log), len(again))
		}
		h.Do("POST", "/tickets/"+ticket+"/terminals", struct{}{}, nil)
		log = h.Timeline(ticket)
		t.Logf("ready after %v", printed.Round(time.Millisecond))
	}
	h.Stop()
}
