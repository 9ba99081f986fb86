package datadir

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"helpdesk"
)

func TestDirectoriesThatCannotBeWritten(t *testing.T) {
	t.Run("a file in its place", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, path, "is not a directory")
	})
	t.Run("read-only disk", func(t *testing.T) {
		path := mountTmpfs(t, "size=1m")
		if err := unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
		refused(t, path, "mounted read-only")
	})
	t.Run("full disk", func(t *testing.T) {
		path := mountTmpfs(t, "size=64k")
		_ = os.WriteFile(filepath.Join(path, "filler"), make([]byte, 1<<20), 0o600) // until it is full
		refused(t, path, "is full")
		if err := os.Remove(filepath.Join(path, "filler")); err != nil {
			t.Fatal(err)
		}
		closeIt(t, open(t, Config{Path: path, Version: "1", Format: 1})) // nothing was broken
	})
	t.Run("somebody else's", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Skip("needs root, to become a user without rights")
		}
		path := filepath.Join(t.TempDir(), "data")
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		exe := filepath.Join(t.TempDir(), "server")
		if err := os.WriteFile(exe, []byte(read(t, os.Args[0])), 0o755); err != nil {
			t.Fatal(err)
		}
		for dir := filepath.Dir(exe); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), exe)
		cmd.Dir = "/"
		cmd.Env = []string{"HELPDESK_TEST_HOLD=" + path}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := cmd.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("cannot be written by user 65534")) {
			t.Errorf("said %q, %v", out, err)
		}
	})
}

func refused(t *testing.T, path, want string) {
	t.Helper()
	d, err := Open(Config{Path: path, Version: "1", Format: 1})
	if err == nil {
		_ = d.Close()
		t.Fatalf("opened; want it refused because it %s", want)
	}
	if text := helpdesk.PublicText(err); !strings.Contains(text, want) || !strings.Contains(text, path) {
		t.Errorf("said %q; want %q and the path", text, want)
	}
}

func mountTmpfs(t *testing.T, options string) string {
	t.Helper()
	path := t.TempDir()
	if err := unix.Mount("tmpfs", path, "tmpfs", 0, options); err != nil {
		t.Skipf("needs the right to mount a file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return path
}
