package launch_test

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"helpdesk"
	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
	"helpdesk/internal/transcript"
)

// shell is an interactive shell in a test.
type shell struct {
	t    testing.TB
	l    *launchtest.Launcher
	id   string
	seen int64 // where the next look begins
}

func openShell(t testing.TB, l *launchtest.Launcher, spec launch.Spec) *shell {
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
	spec.Ticket = "HD-1"
	spec.Argv = []string{"bash", "--noprofile", "--norc", "-i"}
	spec.Env = append(spec.Env, "PS1=ready> ", "HISTFILE=")
	if _, err := l.Client.Start(l.Context(), spec); err != nil {
		t.Fatal(err)
	}
	s := &shell{t: t, l: l, id: spec.ID}
	s.see("ready> ")
	return s
}

func (s *shell) typeIn(text string) {
	s.t.Helper()
	if err := s.l.Input(s.l.Context(), s.id, []byte(text)); err != nil {
		s.t.Fatalf("type %q: %v", text, err)
	}
}

// see waits for text in what has come out since it last saw something, and gives what was up to its end.
func (s *shell) see(text string) string {
	s.t.Helper()
	var got string
	s.l.WaitFor(s.id, func(st launch.Status) bool {
		all := brackets.ReplaceAll(record(s.t, s.l, "HD-1", s.id), nil)
		got = string(all[s.seen:])
		if i := strings.Index(got, text); i >= 0 {
			got = got[:i+len(text)]
			s.seen += int64(len(got))
			return true
		}
		if st.Exit != nil {
			s.t.Fatalf("the shell ended without %q: %q", text, got)
		}
		return false
	})
	return got
}

// brackets is how bash switches bracketed paste on and off around each line.
var brackets = regexp.MustCompile("\x1b\\[\\?2004[hl]\r?")

// The shell's own markers are computed, so that the echo of what is typed is never taken for its effect.
func TestJobControl(t *testing.T) {
	for _, kind := range []launch.Kind{launch.Private, launch.HostView} {
		t.Run(string(kind), func(t *testing.T) {
			l := launchtest.Start(t, launchtest.Config{})
			s := openShell(t, l, launch.Spec{ID: "term", Kind: kind})
			s.typeIn("(echo g''o; cat)\r")
			s.see("\r\ngo\r\n")
			s.typeIn("li''ne\r")
			s.see("li''ne\r\nli''ne\r\n") // echo, and cat's copy
			s.typeIn("\x1a")
			s.see("Stopped")
			s.see("ready> ")
			s.typeIn("jobs; echo $((40+2))\r")
			s.see("\r\n42")
			s.typeIn("fg\r")
			s.see("cat )\r\n")
			s.typeIn("again\r")
			s.see("again\r\nagain\r\n")
			s.typeIn("\x03")
			s.see("ready> ")
			s.typeIn("echo $?\r")
			s.see("\r\n130\r\nready> ")
			s.typeIn("trap 'echo si''ze $(stty size)' WINCH\r")
			s.see("ready> ")
			if err := l.Resize(l.Context(), "term", 132, 43); err != nil {
				t.Fatal(err)
			}
			s.typeIn("\r") // some versions run the trap with the next line only
			s.see("size 43 132")
			s.typeIn("exit 5\r")
			if st := l.Ended("term"); st.Exit.Code != 5 || st.Cols != 132 {
				t.Errorf("ended %+v %+v", st, st.Exit)
			}
		})
	}
}

func TestFullScreenPrograms(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	s := openShell(t, l, launch.Spec{ID: "term"})
	for _, program := range []string{"vim", "less", "top"} {
		s.typeIn("type -P " + program + " || echo miss''ing\r")
		if got := s.see("ready> "); strings.Contains(got, "missing") {
			t.Skipf("%s is not installed", program)
		}
	}
	s.typeIn("vim -u NONE -n file\r")
	s.see("\x1b[?1049h")
	s.typeIn("ihello from vim\x1b:wq\r")
	s.see("\x1b[?1049l")
	s.see("ready> ")
	if got, _, err := l.ReadFile(l.Context(), 2, "HD-1", "file"); err != nil || string(got) != "hello from vim\n" {
		t.Errorf("vim wrote %q, %v", got, err)
	}
	s.typeIn("seq 1 500 | less\r")
	s.see("\x1b[?1049h")
	s.typeIn("G")
	s.see("500")
	s.typeIn("q")
	s.see("ready> ")
	s.typeIn("top\r")
	s.see("load average")
	s.typeIn("q")
	s.see("ready> ")
}

func TestAtMostOnce(t *testing.T) {
	l := launchtest.Start(t, launchtest.Config{})
	command := `echo ran >> log`
	spec := launch.Spec{ID: "run-1", Kind: launch.Private, Slot: 2, Ticket: "HD-1", Argv: []string{"sh", "-c", command}}
	const many = 8
	errs := make(chan error, many)
	for range many {
		go func() { _, err := l.Client.Start(l.Context(), spec); errs <- err }()
	}
	started := 0
	for range many {
		if err := <-errs; err == nil {
			started++
		} else {
			wantKind(t, err, helpdesk.Conflict)
		}
	}
	l.Ended("run-1")
	if err := l.Forget(l.Context(), "run-1"); err != nil {
		t.Fatal(err)
	}
	_, err := l.Client.Start(l.Context(), spec)
	wantKind(t, err, helpdesk.Conflict)
	if got, _, err := l.ReadFile(l.Context(), 2, "HD-1", "log"); started != 1 || string(got) != "ran\n" {
		t.Errorf("%d were started, the log is %q (%v)", started, got, err)
	}
}

func TestStopAndTimeout(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	t.Run("what listens ends in order", func(t *testing.T) {
		s := startRun(t, l, "polite", `trap '' HUP; trap 'echo good''bye; exit 3' TERM; echo st''art; while :; do sleep 1; done`, launch.Spec{})
		s.see("start")
		if err := l.Stop(l.Context(), "polite"); err != nil {
			t.Fatal(err)
		}
		s.see("goodbye")
		if st := l.Ended("polite"); !st.Exit.Stopped || st.Exit.Code != 3 || st.Exit.TimedOut {
			t.Errorf("exit %+v", st.Exit)
		}
		if err := l.Stop(l.Context(), "polite"); err != nil {
			t.Errorf("stopping what has ended: %v", err)
		}
	})
	t.Run("what does not listen is ended, with all it started", func(t *testing.T) {
		s := startRun(t, l, "deaf", `trap '' TERM HUP INT; setsid sh -c 'trap "" TERM HUP; exec sleep 654321' & echo st''art; while :; do sleep 1; done`, launch.Spec{})
		s.see("start")
		if err := l.Stop(l.Context(), "deaf"); err != nil {
			t.Fatal(err)
		}
		if st := l.Ended("deaf"); !st.Exit.Stopped || st.Exit.Signal != 9 || st.Exit.Code != 137 {
			t.Errorf("exit %+v", st.Exit)
		}
		waitGone(t, "654321")
	})
	t.Run("time runs out", func(t *testing.T) {
		st := l.Ended(startRun(t, l, "slow", `sleep 100`, launch.Spec{Timeout: 1}).id)
		if !st.Exit.TimedOut || st.Exit.Stopped {
			t.Errorf("exit %+v", st.Exit)
		}
	})
	t.Run("what runs in the background ends with the run", func(t *testing.T) {
		_, st := run(t, l, launch.Spec{}, `setsid sleep 765432 > /dev/null 2>&1 < /dev/null & exit 0`)
		if st.Exit.Code != 0 {
			t.Errorf("exit %+v", st.Exit)
		}
		waitGone(t, "765432")
	})
}

// startRun starts a command and gives it as a shell to look at.
func startRun(t testing.TB, l *launchtest.Launcher, id, command string, spec launch.Spec) *shell {
	t.Helper()
	spec.ID, spec.Ticket = id, "HD-1"
	if spec.Kind == "" {
		spec.Kind = launch.Private
	}
	if spec.Slot == 0 {
		spec.Slot = 2
	}
	spec.Argv = []string{"bash", "--noprofile", "--norc", "-c", command}
	if _, err := l.Client.Start(l.Context(), spec); err != nil {
		t.Fatal(err)
	}
	return &shell{t: t, l: l, id: id}
}

func TestALimitPausesATerminalAndCutsARun(t *testing.T) {
	l := launchtest.Start(t, launchtest.Config{})
	t.Run("terminal", func(t *testing.T) {
		s := startRun(t, l, "term", `seq 1 100000; echo do''ne; read x`, launch.Spec{Limit: 5000})
		st := l.WaitFor(s.id, func(st launch.Status) bool { return st.Paused == launch.PausedByLimit })
		if st.End != 5000 || st.Detail == "" || st.Exit != nil {
			t.Errorf("at the limit: %+v", st)
		}
		if err := l.Resume(l.Context(), s.id, 1<<30); err != nil {
			t.Fatal(err)
		}
		s.see("100000\r\ndone")
		if st := l.WaitFor(s.id, func(st launch.Status) bool { return st.Paused == launch.NotPaused }); st.Cut {
			t.Errorf("after it went on: %+v", st)
		}
	})
	t.Run("run", func(t *testing.T) {
		s := startRun(t, l, "run", `seq 1 100000; echo ok > finished`, launch.Spec{Limit: 5000, Overflow: launch.CutAtLimit})
		if st := l.Ended(s.id); st.Exit.Code != 0 || !st.Cut || st.End != 5000 {
			t.Errorf("a run beyond its limit: %+v %+v", st, st.Exit)
		}
		if _, _, err := l.ReadFile(l.Context(), 2, "HD-1", "finished"); err != nil {
			t.Errorf("the program did not go on: %v", err)
		}
	})
}

func TestPauseHoldsTheProgram(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	s := openShell(t, l, launch.Spec{ID: "term"})
	if err := l.Pause(l.Context(), "term"); err != nil {
		t.Fatal(err)
	}
	l.WaitFor("term", func(st launch.Status) bool { return st.Paused == launch.PausedByAsk })
	s.typeIn("seq 1 300000; echo e''nd\r")
	end := l.WaitFor("term", func(launch.Status) bool { return true }).End
	if err := l.Resume(l.Context(), "term", 0); err != nil {
		t.Fatal(err)
	}
	s.see("300000\r\nend")
	if now := l.WaitFor("term", func(launch.Status) bool { return true }).End; now < end+1_000_000 {
		t.Errorf("output while paused: %d bytes, after it %d", end, now)
	}
}

// A program that does not read holds up only itself: typing waits, other processes and requests do not.
func TestTypingToADeafProgram(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	deaf := startRun(t, l, "deaf", `stty raw -echo; echo st''art; sleep 1000`, launch.Spec{})
	deaf.see("start")
	blocked := make(chan error, 1)
	go func() { blocked <- l.Input(l.Context(), "deaf", bytes.Repeat([]byte("x"), 64<<10)) }()
	s := openShell(t, l, launch.Spec{ID: "term"})
	s.typeIn("echo $((6*7))\r")
	s.see("\r\n42")
	if err := l.Stop(l.Context(), "deaf"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, <-blocked, helpdesk.Conflict)
}

func TestALotOfTypingArrivesWholeAndInOrder(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	s := startRun(t, l, "cat", `stty raw -echo; echo st''art; head -c 400000 | sha256sum; echo e''nd`, launch.Spec{})
	s.see("start")
	var all []byte
	for i := 0; len(all) < 400000; i++ {
		all = append(all, strconv.Itoa(i)...)
	}
	all = all[:400000]
	for p := all; len(p) > 0; {
		n := min(len(p), 50000)
		if err := l.Input(l.Context(), "cat", p[:n]); err != nil {
			t.Fatal(err)
		}
		p = p[n:]
	}
	got := s.see("end")
	if want := sha(all); !strings.Contains(got, want) {
		t.Errorf("what arrived has another hash: %q, want %s", got, want)
	}
}

// Raw input is recorded where it is safe, and never what is typed to a hidden prompt or to a program that hands it on.
func TestWhichInputIsRecorded(t *testing.T) {
	l := launchtest.Start(t, launchtest.Config{})
	s := openShell(t, l, launch.Spec{ID: "term", CaptureInput: true})
	s.typeIn("echo vis''ible\r")
	s.see("\r\nvisible")
	s.see("ready> ")
	s.typeIn("read -s -p 'say: ' x; echo got $((1+1))\r")
	s.see("\r\nsay: ") // the prompt, and not the echo of the line that asks for it
	s.typeIn("hidden-secret\r")
	s.see("got 2")
	s.see("ready> ")
	s.typeIn("read -p 'Enter API token: ' x; echo got $((2+2))\r")
	s.see("\r\nEnter API token: ")
	s.typeIn("echoed-secret")
	s.typeIn("-more\r")
	s.see("got 4")
	s.see("ready> ")
	s.typeIn("cp /usr/bin/bash ssh; chmod +x ssh\r")
	s.see("ready> ")
	s.typeIn("stty raw -echo; ./ssh --norc -c 'echo con''nected; read -d! x; echo did $((1+2))'; stty sane\r")
	s.see("connected")
	s.typeIn("nested-secret\r!")
	s.see("did 3")
	s.see("ready> ")
	s.typeIn("stty raw -echo; true | ./ssh --norc -c 'echo jo''ined; read -d! x < /dev/tty; echo did $((2+2))'; stty sane\r")
	s.see("joined") // its group is named after a process that has ended
	s.typeIn("piped-secret\r!")
	s.see("did 4")
	s.see("ready> ")
	s.typeIn("stty raw -echo; bash --norc -c 'echo wai\"\"ting; read -d! x; exec ./ssh --norc -c \"echo be''came; read -d! x; echo did \\$((2+3))\"'; stty sane\r")
	s.see("waiting")
	s.typeIn("shown!")
	s.see("became") // what was no relay a moment ago
	s.typeIn("later-secret\r!")
	s.see("did 5")
	s.see("ready> ")
	s.typeIn("echo la''st\r")
	s.see("\r\nlast")
	if err := l.Stop(l.Context(), "term"); err != nil {
		t.Fatal(err)
	}
	l.Ended("term")
	r, err := transcript.Open(l.TranscriptDir("HD-1", "term"))
	if err != nil {
		t.Fatal(err)
	}
	var typed []byte
	for rec, err := range r.Records() {
		if err != nil {
			t.Fatal(err)
		}
		typed = append(typed, rec.Data...)
	}
	for _, want := range []string{"echo vis''ible\r", "read -p 'Enter", "echo la''st\r"} {
		if !bytes.Contains(typed, []byte(want)) {
			t.Errorf("%q was not recorded: %q", want, typed)
		}
	}
	if bytes.Contains(typed, []byte("secret")) || bytes.Contains(typed, []byte("-more")) {
		t.Errorf("a secret was recorded: %q", typed)
	}
}
