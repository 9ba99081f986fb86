package launch_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
	"helpdesk/internal/transcript"
)

// run runs a shell command as a Run does and gives its output and end.
func run(t testing.TB, l *launchtest.Launcher, spec launch.Spec, command string) (string, launch.Status) {
	t.Helper()
	if spec.Kind == "" {
		spec.Kind = launch.Private
	}
	if spec.Slot == 0 {
		spec.Slot = 2
		if spec.Kind == launch.HostView {
			spec.Slot = launch.HostViewSlot
		}
	}
	if spec.Ticket == "" {
		spec.Ticket = "HD-1"
	}
	if spec.ID == "" {
		spec.ID = fmt.Sprintf("run-%d", time.Now().UnixNano())
	}
	spec.Argv = []string{"bash", "--noprofile", "--norc", "-c", command}
	spec.Overflow = launch.CutAtLimit
	if spec.Timeout == 0 {
		spec.Timeout = 50 * time.Second
	}
	if _, err := l.Client.Start(l.Context(), spec); err != nil {
		t.Fatalf("start %q: %v", command, err)
	}
	st := l.Ended(spec.ID)
	return output(t, l, spec.Ticket, spec.ID), st
}

// output is what the record of a process holds, with plain line ends.
func output(t testing.TB, l *launchtest.Launcher, ticket, id string) string {
	t.Helper()
	return strings.ReplaceAll(string(record(t, l, ticket, id)), "\r\n", "\n")
}

func record(t testing.TB, l *launchtest.Launcher, ticket, id string) []byte {
	t.Helper()
	r, err := transcript.Open(l.TranscriptDir(ticket, id))
	if err != nil {
		t.Fatal(err)
	}
	p, err := io.ReadAll(r.Output(0))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func wantKind(t testing.TB, err error, kind helpdesk.Kind) {
	t.Helper()
	if err == nil || helpdesk.KindOf(err) != kind {
		t.Errorf("error is %v, want one of kind %v", err, kind)
	}
}

// A Run has its directory, its variables, its own exit status and its whole output on disk.
func TestARunInASandbox(t *testing.T) {
	l := launchtest.Start(t, launchtest.Config{})
	if err := l.CreateWorkspace(l.Context(), 2, "HD-1"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.WriteFile(l.Context(), 2, "HD-1", "etc/app.conf", []byte("port=80\n"), false); err != nil {
		t.Fatal(err)
	}
	out, st := run(t, l, launch.Spec{Cwd: "etc", Env: []string{"GREETING=hello $(x) \u00e9"}},
		`pwd; cat app.conf; echo "$GREETING"; id -un; echo $HOME; test -t 0 && echo tty; echo made > new; exit 7`)
	if want := "/workspace/etc\nport=80\nhello $(x) \u00e9\nuser\n/home/user\ntty\n"; out != want {
		t.Errorf("output %q, want %q", out, want)
	}
	if st.Exit.Code != 7 || st.Exit.Signal != 0 || st.Exit.Stopped || st.Exit.TimedOut || st.End != int64(len(record(t, l, "HD-1", st.ID))) {
		t.Errorf("status %+v, exit %+v", st, st.Exit)
	}
	got, _, err := l.ReadFile(l.Context(), 2, "HD-1", "etc/new")
	if err != nil || string(got) != "made\n" {
		t.Errorf("the file it made: %q, %v", got, err)
	}
}

func TestLongOutputIsWhole(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	for range 3 {
		out, st := run(t, l, launch.Spec{}, `seq 1 200000`)
		var want bytes.Buffer
		for i := 1; i <= 200000; i++ {
			fmt.Fprintln(&want, i)
		}
		if st.Exit.Code != 0 || out != want.String() {
			t.Fatalf("output has %d bytes, want %d; exit %+v", len(out), want.Len(), st.Exit)
		}
	}
}
