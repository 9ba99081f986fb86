package launch_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"helpdesk"
	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
)

// The server dies in the middle of output. The process goes on, the next server finds it, and no byte is missing.
func TestAServerThatDiesLosesNothing(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	for round := range 5 {
		id := fmt.Sprintf("run-%d", round)
		s := startRun(t, l, id, `i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo $i; done; read x; echo got $x`, launch.Spec{})
		s.see("100\r\n")
		l.Disconnect()
		l.Connect()
		list, err := l.List(l.Context())
		if err != nil || len(list) != round+1 || list[round].ID != id || list[round].Exit != nil {
			t.Fatalf("the next server finds %+v, %v", list, err)
		}
		s.see("\r\n20000\r\n")
		s.typeIn("back\r")
		st := l.Ended(id)
		var want bytes.Buffer
		for i := 1; i <= 20000; i++ {
			fmt.Fprintln(&want, i)
		}
		want.WriteString("back\ngot back\n")
		if got := output(t, l, "HD-1", id); got != want.String() || st.Exit.Code != 0 {
			t.Fatalf("the record has %d bytes, want %d; %+v", len(got), want.Len(), st.Exit)
		}
	}
}

// What ended while no server was there is not forgotten.
func TestAnEndWithoutAServer(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	startRun(t, l, "run", `read x; exit 9`, launch.Spec{})
	if err := l.Input(l.Context(), "run", []byte("\r")); err != nil {
		t.Fatal(err)
	}
	l.Disconnect()
	l.Connect()
	if st := l.Ended("run"); st.Exit.Code != 9 {
		t.Errorf("%+v", st.Exit)
	}
}

func TestALauncherThatIsKilledTakesAllWithIt(t *testing.T) {
	takesLong(t)
	for _, kind := range []launch.Kind{launch.Private, launch.HostView} {
		t.Run(string(kind), func(t *testing.T) {
			l := launchtest.Start(t, launchtest.Config{})
			slot := 2
			if kind == launch.HostView {
				slot = launch.HostViewSlot
			}
			mark := "88" + strconv.Itoa(os.Getpid()) + strconv.Itoa(slot)
			s := startRun(t, l, "run", `setsid sh -c 'trap "" HUP TERM; sleep `+mark+`' & (sh -c 'sleep `+mark+` & exec sleep `+mark+`' &); echo st''art; sleep `+mark, launch.Spec{Kind: kind, Slot: slot})
			s.see("start")
			until(t, "they run", func() bool { return len(processes(mark)) >= 5 })
			if _, _, err := l.ReadFile(l.Context(), slot, "HD-1", "none"); helpdesk.KindOf(err) != helpdesk.NotFound { // a helper lives too
				t.Fatal(err)
			}
			l.Kill()
			waitGone(t, mark)
			waitGone(t, "helpdesk: files")
		})
	}
}

func TestALauncherThatIsStoppedEndsAll(t *testing.T) {
	l := launchtest.Start(t, launchtest.Config{})
	mark := "99" + strconv.Itoa(os.Getpid())
	s := startRun(t, l, "run", `trap 'echo by''e; exit' TERM; echo st''art; sleep `+mark+` & wait`, launch.Spec{})
	s.see("start")
	l.Stop(l.Context(), "none")
	l.Terminate()
	if out := output(t, l, "HD-1", "run"); !strings.Contains(out, "bye") {
		t.Errorf("it could not end in order: %q", out)
	}
	waitGone(t, mark)
}

// An id that was used in an earlier life of the launcher is recognised by its record.
func TestAtMostOnceAcrossLives(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	spec := launch.Spec{ID: "run", Kind: launch.Private, Slot: 2, Ticket: "HD-1", Argv: []string{"true"}}
	if _, err := l.Client.Start(l.Context(), spec); err != nil {
		t.Fatal(err)
	}
	l.Ended("run")
	l.Terminate()
	again := launchtest.Start(t, launchtest.Config{Launch: launch.Config{Data: l.Data}})
	_, err := again.Client.Start(again.Context(), spec)
	wantKind(t, err, helpdesk.Conflict)
	if again.Hello.Epoch == l.Hello.Epoch {
		t.Error("two lives have one epoch")
	}
}

func TestTheHostShellIsOffUnlessAllowed(t *testing.T) {
	takesLong(t)
	spec := launch.Spec{ID: "shell", Kind: launch.Host, Slot: 1, Ticket: "HD-1", Argv: []string{"sh", "-c", `echo "$(id -u)" "$PWD"; exec 2>/dev/null; : < /dev/tty && echo tty`}}
	l := launchtest.Start(t, launchtest.Config{})
	_, err := l.Client.Start(l.Context(), spec)
	wantKind(t, err, helpdesk.Forbidden)
	l = launchtest.Start(t, launchtest.Config{Launch: launch.Config{AllowHost: true}})
	if _, err := l.Client.Start(l.Context(), spec); err != nil {
		t.Fatal(err)
	}
	l.Ended("shell")
	if got, want := output(t, l, "HD-1", "shell"), fmt.Sprintf("%d %s/workspaces/1/HD-1\ntty\n", os.Getuid(), l.Data); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Without root everything has one uid: the walls still stand, and the capabilities say what is missing.
func TestWithoutRoot(t *testing.T) {
	takesLong(t)
	if os.Getuid() != 0 {
		t.Skip("needs root, to become somebody else")
	}
	l := launchtest.Start(t, launchtest.Config{UID: 12345})
	c := l.Hello.Capabilities
	if c.Root || !c.OneUID || !c.Private || !c.HostView || c.Processes || c.Host {
		t.Fatalf("capabilities %+v", c)
	}
	s := openShell(t, l, launch.Spec{ID: "term"})
	s.typeIn("echo $((40+2))\r")
	s.see("\r\n42")
	if err := l.CreateWorkspace(l.Context(), 3, "OTHER-1"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.WriteFile(l.Context(), 3, "OTHER-1", "secret", []byte("x"), false); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []launch.Kind{launch.Private, launch.HostView} {
		t.Run(string(kind), func(t *testing.T) {
			probe(t, l, kind, `find / -name secret -path '*OTHER*' 2>/dev/null; ls -d `+l.Data+`/* 2>/dev/null; true`)
			probe(t, l, kind, fmt.Sprintf(`[ -d /proc/%d ] && echo process; n=$(ls -d /proc/[0-9]* | wc -l); [ $n -le 6 ] || echo $n; kill -9 -1 2>/dev/null; true`, l.PID()))
			probe(t, l, kind, `mount -t tmpfs none /tmp 2>/dev/null && echo mounted; unshare -Ur true 2>/dev/null && echo userns; for d in / /usr /etc /var /run; do (: > $d/probe) 2>/dev/null && echo $d; done; true`)
		})
	}
	if l.WaitFor("term", func(launch.Status) bool { return true }).Exit != nil {
		t.Error("the first shell was ended by another place")
	}
	if _, _, err := l.ReadFile(l.Context(), 3, "OTHER-1", "secret"); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeStarted(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	good := launch.Spec{ID: "run", Kind: launch.Private, Slot: 2, Ticket: "HD-1", Argv: []string{"true"}}
	for name, spoil := range map[string]func(*launch.Spec){
		"an id that is a path":       func(s *launch.Spec) { s.ID = "../x" },
		"no id":                      func(s *launch.Spec) { s.ID = "" },
		"a ticket that is a path":    func(s *launch.Spec) { s.Ticket = "../../etc" },
		"a ticket in small letters":  func(s *launch.Spec) { s.Ticket = "hd-1" },
		"slot 0, the server's uid":   func(s *launch.Spec) { s.Slot = 0 },
		"a negative slot":            func(s *launch.Spec) { s.Slot = -600000 },
		"a slot out of the range":    func(s *launch.Spec) { s.Slot = 65536 },
		"another kind":               func(s *launch.Spec) { s.Kind = "root" },
		"host view of another slot":  func(s *launch.Spec) { s.Kind = launch.HostView },
		"nothing to run":             func(s *launch.Spec) { s.Argv = nil },
		"a NUL in the command":       func(s *launch.Spec) { s.Argv = []string{"a\x00b"} },
		"what is not UTF-8":          func(s *launch.Spec) { s.Argv = []string{"echo", "\xff"} },
		"a variable without a name":  func(s *launch.Spec) { s.Env = []string{"=x"} },
		"a variable with an odd one": func(s *launch.Spec) { s.Env = []string{"A B=x"} },
		"a directory outside":        func(s *launch.Spec) { s.Cwd = "../.." },
		"an absolute directory":      func(s *launch.Spec) { s.Cwd = "/etc" },
		"a huge terminal":            func(s *launch.Spec) { s.Cols = 5000 },
		"a negative time":            func(s *launch.Spec) { s.Timeout = -1 },
		"an argument too long":       func(s *launch.Spec) { s.Argv = []string{"echo", strings.Repeat("x", 128<<10)} },
	} {
		spec := good
		spoil(&spec)
		if _, err := l.Client.Start(l.Context(), spec); err == nil || helpdesk.KindOf(err) == helpdesk.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := l.List(l.Context()); err != nil || len(list) != 0 {
		t.Errorf("started: %+v, %v", list, err)
	}
	if _, err := l.Client.Start(l.Context(), good); err != nil {
		t.Errorf("the good one: %v", err)
	}
	l.Ended("run")
	_, st := run(t, l, launch.Spec{Cwd: "missing"}, "true")
	if st.Exit.Code == 0 {
		t.Error("it ran in a directory that is not there")
	}
}
