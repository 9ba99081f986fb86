package store_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
)

// onOwnDisk runs the test again in a process that has a small disk of its own (a tmpfs in its own mount namespace),
// where it gives the disk's directory; in this process it gives "" once that is done.
func onOwnDisk(t *testing.T, options string) string {
	t.Helper()
	const variable = "HELPDESK_TEST_DISK"
	if dir := os.Getenv(variable); dir != "" {
		if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
			t.Fatalf("a mount namespace of its own: %v", err)
		}
		flags := uintptr(0)
		if options == "size=1m,ro" {
			options, flags = "size=1m", syscall.MS_RDONLY
		}
		if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
			t.Fatalf("mount a small disk: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }) // it goes with the process anyway
		return dir
	}
	again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), variable+"="+t.TempDir())
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		again.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		again.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		again.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	if err := again.Err; err != nil {
		t.Fatal(err)
	}
	out, err := again.CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Skipf("no mount namespace here (%v): the test of a full or read-only disk did not run", err)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return ""
}

// Ensure that on a full disk everybody hears so, that what was told to be saved is, and that all goes on when there
// is space again.
func TestFullDisk(t *testing.T) {
	dir := onOwnDisk(t, "size=3m")
	if dir == "" {
		return
	}
	cfg := store.Config{Dir: dir}
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, s)
	a := w.tenant("A")
	key := w.ticket(a, "Help", start)
	saved := map[string]bool{}
	var mu sync.Mutex
	full := 0
	round := func(size int) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				id := w.id("message")
				err := s.Update(t.Context(), a, func(tx *store.Tx) error {
					_, err := tx.Emit(key, w.by(), event.MessagePosted{ID: id, Content: strings.Repeat("x", size)}, start)
					return err
				})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					saved[id] = true
					return
				}
				full++
				says(t, err, helpdesk.Unavailable, "full")
			})
		}
		wg.Wait()
	}
	check := func(s *store.Store) {
		t.Helper()
		if err := s.View(t.Context(), reach(a), func(tx *store.Tx) error {
			all, err := tx.Timeline(key, store.Span{After: 1, Limit: 100000})
			for i, e := range all {
				var m event.MessagePosted
				decode(t, e, &m)
				if e.Seq != int64(i+2) || !saved[m.ID] {
					t.Errorf("message %s/%d is there, though nobody was told so", m.ID, e.Seq)
				}
			}
			if len(all) != len(saved) {
				t.Errorf("%d messages are there, and %d were told to be saved", len(all), len(saved))
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
	ballast := filepath.Join(dir, "ballast")
	for range 3 {
		round(100)
		if err := os.WriteFile(ballast, make([]byte, 3<<20), 0o600); err == nil {
			t.Fatal("the disk does not fill up")
		}
		for i := 0; full < 20 && i < 200; i++ {
			round(60000)
			round(1)
		}
		if full < 20 {
			t.Fatalf("the disk is full, and only %d were told so", full)
		}
		check(s)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		before := full
		round(100)
		if full != before {
			t.Error("there is space again, and not everybody can save")
		}
		check(s)
		full = 0
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	check(storetest.Open(t, cfg))
}

func TestReadOnlyDisk(t *testing.T) {
	dir := onOwnDisk(t, "size=1m,ro")
	if dir == "" {
		return
	}
	_, err := store.Open(t.Context(), store.Config{Dir: dir})
	says(t, err, helpdesk.Unavailable, "is writable")
	if err != nil && !strings.Contains(err.Error(), "read-only") {
		t.Errorf("the log does not hear why: %v", err)
	}
}
