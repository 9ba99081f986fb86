package script

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
)

func message(lines ...string) helpdesk.Request {
	return helpdesk.Request{Messages: []helpdesk.Message{{Role: helpdesk.RoleUser, Content: strings.Join(lines, "\n")}}}
}

func play(t *testing.T, req helpdesk.Request) ([]helpdesk.Part, error) {
	t.Helper()
	a, err := New(Config{Enable: true})
	if err != nil {
		t.Fatal(err)
	}
	var parts []helpdesk.Part
	for p, err := range a.Answer(t.Context(), req) {
		if err != nil {
			return parts, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}

func TestRefusesUnlessEnabled(t *testing.T) {
	if _, err := New(Config{}); helpdesk.KindOf(err) != helpdesk.Forbidden {
		t.Errorf("New without Enable: %v, want Forbidden", err)
	}
}

func TestMessageIsTheScript(t *testing.T) {
	req := message("think Look.", "plan See+; Read!; Tell", "say Hello.", "file a.sh echo 1", "suggest sh a.sh ## run it ## prints 1",
		"admin reboot", "link https://example.org/x The docs", "ask Which one? a; b", "did Read: a page", `state {"n":1}`, "status busy", "and an echo", "")
	got, err := play(t, req)
	if err != nil {
		t.Fatal(err)
	}
	want := []helpdesk.Part{
		{Kind: helpdesk.PartReasoning, Text: "Look.\n"},
		{Kind: helpdesk.PartPlan, Plan: []helpdesk.PlanStep{{Title: "See", State: helpdesk.StepDone}, {Title: "Read", State: helpdesk.StepActive}, {Title: "Tell", State: helpdesk.StepPending}}},
		{Kind: helpdesk.PartText, Text: "Hello.\n"},
		{Kind: helpdesk.PartProposal, Proposal: &helpdesk.Proposal{Command: "sh a.sh", Purpose: "run it", Expected: "prints 1", Scope: helpdesk.ScopeTenant, Risk: helpdesk.RiskChanges,
			Files: []helpdesk.ProposedFile{{Path: "a.sh", Content: "echo 1"}}}},
		{Kind: helpdesk.PartProposal, Proposal: &helpdesk.Proposal{Command: "reboot", Scope: helpdesk.ScopeAdmin, Risk: helpdesk.RiskChanges}},
		{Kind: helpdesk.PartLink, Link: &helpdesk.Link{URL: "https://example.org/x", Description: "The docs"}},
		{Kind: helpdesk.PartAsk, Text: "Which one?", Choices: []string{"a", "b"}},
		{Kind: helpdesk.PartActivity, Activity: &helpdesk.AgentActivity{Name: "Read", Detail: "a page"}},
		{Kind: helpdesk.PartState, State: json.RawMessage(`{"n":1}`)},
		{Kind: helpdesk.PartStatus, Text: "busy"},
		{Kind: helpdesk.PartText, Text: "and an echo\n"},
	}
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b helpdesk.Scope) bool { return a == b })); d != "" {
		t.Errorf("parts (-want +got):\n%s", d)
	}
}

func TestHearsWhatWasDelivered(t *testing.T) {
	zero := 0
	req := message("")
	req.Messages[0].Delivered = []helpdesk.Delivery{
		{Command: "df", Outcome: &helpdesk.Outcome{ExitCode: &zero, Output: "fine\n"}},
		{Command: "rm x", Choice: helpdesk.Reject, Reason: "no"},
		{Command: "sleep 9", Outcome: &helpdesk.Outcome{Signal: "KILL"}},
	}
	got, err := play(t, req)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, p := range got {
		text.WriteString(p.Text)
	}
	if want := "Ran: df exit 0\nfine\nRejected: rm x (no)\nEnded: sleep 9 signal KILL\n\n"; text.String() != want {
		t.Errorf("heard %q, want %q", text.String(), want)
	}
}

func TestErrorsEndTheTurn(t *testing.T) {
	for _, line := range []string{"fail The model is gone.", "wait x", "words many", "words 999999999", "state {"} {
		parts, err := play(t, message("say first", line, "say never"))
		if err == nil || len(parts) != 1 {
			t.Errorf("%q: %d parts and error %v, want 1 part and an error", line, len(parts), err)
		}
	}
}

func TestStopsWhenTheReaderLeaves(t *testing.T) {
	a, _ := New(Config{Enable: true})
	n := 0
	for range a.Answer(t.Context(), message("words 1000")) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("read %d parts, want 3", n)
	}
}

func TestAGateHoldsTheAnswerInTheMiddle(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		gates := &Gates{Dir: dir}
		a, _ := New(Config{Enable: true, Gates: gates})
		texts := make(chan string)
		go func() {
			defer close(texts)
			for p := range a.Answer(context.Background(), message("say before", "wait g1", "say after")) {
				texts <- p.Text
			}
		}()
		if got := <-texts; got != "before\n" {
			t.Fatalf("first part %q", got)
		}
		<-gates.Reached("g1")
		select {
		case got := <-texts:
			t.Fatalf("%q came through a closed gate", got)
		default:
		}
		if dir == "" {
			gates.Open("g1")
		} else {
			if _, err := os.Stat(filepath.Join(dir, "g1.waiting")); err != nil {
				t.Error(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "g1"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := <-texts; got != "after\n" {
			t.Fatalf("last part %q", got)
		}
		<-texts // closed: the goroutine has ended
	}
}

func TestAStopReachesAWaitingScript(t *testing.T) {
	stopped := errors.New("stopped by a person")
	ctx, cancel := context.WithCancelCause(context.Background())
	gates := &Gates{}
	a, _ := New(Config{Enable: true, Gates: gates})
	end := make(chan error, 1)
	go func() {
		for _, err := range a.Answer(ctx, message("wait g1")) {
			end <- err
		}
	}()
	<-gates.Reached("g1")
	cancel(stopped)
	select {
	case err := <-end:
		if !errors.Is(err, stopped) {
			t.Errorf("ended with %v, want %v", err, stopped)
		}
	case <-time.After(time.Minute):
		t.Fatal("the script still waits")
	}
}

func FuzzScript(f *testing.F) {
	f.Add("say a\nplan a; b\nsuggest x ## y\nwords 3\nwait ../x\nfail")
	f.Fuzz(func(t *testing.T, text string) {
		a, _ := New(Config{Enable: true, Words: 10})
		for range a.Answer(t.Context(), message(text)) {
		}
	})
}
