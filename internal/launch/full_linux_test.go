package launch_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"helpdesk"
	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
)

// When the disk is full the terminal waits and says so; nothing is shown that is not recorded, and when there is room
// again nothing is missing.
func TestAFullDiskPausesATerminal(t *testing.T) {
	takesLong(t)
	if os.Getuid() != 0 {
		t.Skip("needs root, to mount a small file system")
	}
	data := filepath.Join(t.TempDir(), "data")
	for _, dir := range []string{filepath.Dir(data), filepath.Dir(filepath.Dir(data))} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", data, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(data, unix.MNT_DETACH) })
	l := launchtest.Start(t, launchtest.Config{Launch: launch.Config{Data: data}})
	s := openShell(t, l, launch.Spec{ID: "term"})
	ballast := filepath.Join(data, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 600<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	s.typeIn("seq 1 80000; echo e''nd\r")
	st := l.WaitFor("term", func(st launch.Status) bool { return st.Paused == launch.PausedByDisk })
	if st.Detail == "" || st.Exit != nil || st.End != int64(len(record(t, l, "HD-1", "term"))) {
		t.Errorf("on a full disk: %+v", st)
	}
	_, err := l.Client.Start(l.Context(), launch.Spec{ID: "other", Kind: launch.Private, Slot: 2, Ticket: "HD-1", Argv: []string{"true"}})
	if err == nil || helpdesk.KindOf(err) != helpdesk.Unavailable {
		t.Errorf("a start that cannot be recorded: %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s.see("80000\r\nend")
	var want bytes.Buffer
	for i := 1; i <= 80000; i++ {
		fmt.Fprintf(&want, "%d\r\n", i)
	}
	if !bytes.Contains(record(t, l, "HD-1", "term"), want.Bytes()) {
		t.Error("something is missing or doubled")
	}
	l.WaitFor("term", func(st launch.Status) bool { return st.Paused == launch.NotPaused && st.Detail == "" })
}
