package app_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"helpdesk/internal/launch"
	"helpdesk/internal/testkit"
)

// disk mounts a small disk and gives its directory.
func disk(t *testing.T, size string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to mount a small disk")
	}
	dir, err := os.MkdirTemp("", "helpdesk-disk") // not t.TempDir, which others cannot enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size+",mode=755"); err != nil {
		t.Skip("no disk can be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// On a full disk everybody hears so and what to do, what was accepted is there, reading goes on, and so does everything
// once there is space again.
func TestAFullDisk(t *testing.T) {
	dir := disk(t, "24m")
	h := testkit.Start(t, testkit.Config{Data: filepath.Join(dir, "data")})
	ticket := h.NewTicket(h.NewTenant("blue"), "say Hello.")
	watcher := h.Watch(ticket)
	var terminal struct{ ID string }
	h.Do("POST", "/tickets/"+ticket+"/terminals", struct{}{}, &terminal)
	tab := h.Attach(terminal.ID)
	tab.Sees("$")

	accepted := map[string]bool{}
	n := 0
	post := func(size int) error {
		n++
		content := fmt.Sprintf("say %d %s", n, strings.Repeat("x", size))
		var posted struct{ Message string }
		err := h.API("POST", "/tickets/"+ticket+"/messages", map[string]string{"content": content}, &posted)
		if err == nil {
			accepted[posted.Message] = true
		}
		return err
	}
	if err := post(10); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 24<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the disk does not fill up: %v", err)
	}
	refused := 0
	for i := 0; i < 300 && refused < 5; i++ {
		var p *testkit.Problem
		switch err := post(50_000); {
		case errors.As(err, &p) && p.Status == 503 && strings.Contains(p.Detail, "full") && strings.Contains(p.Detail, "space"):
			refused++
		case errors.As(err, &p) && p.Status == 409: // too many wait already
			refused++
			h.Wait("the queue to move", func() (bool, string) { return refused > 0, "" })
		case err != nil:
			t.Fatalf("a full disk is answered with %v", err)
		}
	}
	if refused < 5 {
		t.Fatalf("the disk is full, and only %d of %d heard so", refused, n)
	}
	h.Do("GET", "/tickets/"+ticket, nil, nil)
	if log := h.Timeline(ticket); len(log) < 3 {
		t.Errorf("on a full disk the timeline has %d events", len(log))
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	h.Wait("posting to work again", func() (bool, string) { err := post(10); return err == nil, fmt.Sprint(err) })
	h.Wait("the terminal to go on", func() (bool, string) { return tab.Type("echo still-''here\r"), "what is typed is not taken" })
	tab.Sees("still-here\r\n")
	check := func() {
		t.Helper()
		h.Wait("all turns to end", func() (bool, string) {
			log := h.Timeline(ticket)
			queued, ended := len(facts(log, "TurnQueued")), len(facts(log, "TurnEnded"))
			return queued == ended, fmt.Sprintf("%d of %d", ended, queued)
		})
		there := map[string]int{}
		for _, e := range facts(h.Timeline(ticket), "MessagePosted") {
			var f struct{ ID, Role string }
			decode(t, e, &f)
			if f.Role == "user" {
				there[f.ID]++
			}
		}
		for id := range accepted {
			if there[id] != 1 {
				t.Errorf("message %s was accepted, and is there %d times", id, there[id])
			}
		}
		if len(there) != len(accepted)+1 {
			t.Errorf("%d messages were accepted, and there are %d besides the first", len(accepted), len(there)-1)
		}
	}
	check()
	log := h.Timeline(ticket)
	h.Wait("the watcher to see all of it", func() (bool, string) {
		return len(watcher.Events(ticket)) >= len(log), fmt.Sprint(len(watcher.Events(ticket)))
	})
	h.Stop()
	h.Restart()
	check()
}

func TestADiskThatCannotBeWritten(t *testing.T) {
	t.Run("full", func(t *testing.T) {
		dir := disk(t, "1m")
		_ = os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 2<<20), 0o600) // until it is full
		h := testkit.Start(t, testkit.Config{Data: filepath.Join(dir, "data"), Failing: true, Bare: true})
		fails(t, h, dir, "full", "Free some space")
	})
	t.Run("read-only", func(t *testing.T) {
		dir := disk(t, "1m")
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
		h := testkit.Start(t, testkit.Config{Data: filepath.Join(dir, "data"), Failing: true, Bare: true})
		fails(t, h, dir, "read-only")
	})
	t.Run("read-only later", func(t *testing.T) {
		dir := disk(t, "24m")
		h := testkit.Start(t, testkit.Config{Data: filepath.Join(dir, "data"), Bare: true})
		h.NewTicket("this-machine", "say Hello.")
		h.Stop()
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
		h.Launch()
		if code := h.Ended(); code != launch.ExitConfig || !strings.Contains(h.Said(), "read-only") {
			t.Errorf("it ended with %d and said: %s", code, h.Said())
		}
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT, "size=24m"); err != nil {
			t.Fatal(err)
		}
		h.Restart()
		h.Do("GET", "/tickets/HD-1", nil, nil)
	})
}
