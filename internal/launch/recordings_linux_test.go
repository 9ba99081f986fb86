package launch_test

import (
	"strings"
	"testing"

	"helpdesk"
	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
)

// A tenant that has recorded as much as it may waits, hears why, and goes on when it has made room. Another tenant
// notices nothing.
func TestATenantsRecordingsHaveALimit(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{Launch: launch.Config{Recordings: 100_000}})
	start := func(ticket, id, command string, overflow launch.Overflow) error {
		_, err := l.Client.Start(l.Context(), launch.Spec{ID: id, Kind: launch.Private, Slot: 2, Ticket: ticket, Argv: []string{"sh", "-c", command}, Overflow: overflow})
		return err
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(start("HD-1", "old", `head -c 60000 /dev/zero | tr '\0' x`, launch.CutAtLimit))
	if st := l.Ended("old"); st.End != 60000 || st.Filling {
		t.Fatalf("the first run: %+v", st)
	}
	must(start("HD-2", "run", `read x; head -c 60000 /dev/zero | tr '\0' y; exit 7`, launch.CutAtLimit))
	must(start("HD-2", "term", `head -c 50000 /dev/zero | tr '\0' z; read x; echo la''st`, launch.PauseAtLimit))
	st := l.WaitFor("term", func(st launch.Status) bool { return st.Paused == launch.PausedByQuota })
	if st.End != 40000 || !st.Filling || !strings.Contains(st.Detail, "deleted") {
		t.Errorf("at the limit: %+v", st)
	}
	err := start("HD-3", "refused", "true", launch.CutAtLimit)
	wantKind(t, err, helpdesk.TooMany)
	if public := helpdesk.PublicText(err); !strings.Contains(public, "0.1 MB") || !strings.Contains(public, "limits.recording_per_tenant") {
		t.Errorf("the refusal says %q", public)
	}
	must(l.Input(l.Context(), "run", []byte("\r")))
	if st := l.Ended("run"); !st.Cut || st.Exit.Code != 7 {
		t.Errorf("a run at the limit: %+v %+v", st, st.Exit)
	}
	if _, err := l.Client.Start(l.Context(), launch.Spec{ID: "other", Kind: launch.Private, Slot: 3, Ticket: "RED-1", Argv: []string{"echo", "fine"}}); err != nil {
		t.Errorf("another tenant: %v", err)
	}
	l.Ended("other")

	must(l.DeleteTranscripts(l.Context(), "HD-1"))
	l.WaitFor("term", func(st launch.Status) bool { return st.End == 50000 && st.Paused == launch.NotPaused })
	must(l.Input(l.Context(), "term", []byte("\r")))
	if st := l.Ended("term"); st.Exit.Code != 0 {
		t.Errorf("the terminal: %+v", st)
	}

	l.Terminate()
	again := launchtest.Start(t, launchtest.Config{Launch: launch.Config{Data: l.Data, Recordings: 50_000}})
	_, err = again.Client.Start(again.Context(), launch.Spec{ID: "new", Kind: launch.Private, Slot: 2, Ticket: "HD-4", Argv: []string{"true"}})
	if helpdesk.KindOf(err) != helpdesk.TooMany {
		t.Errorf("a new launcher has forgotten what is recorded: %v", err)
	}
}
