package transcript

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// On a full disk the writer keeps what fits and says how much; when there is room again nothing is missing and
// nothing is doubled.
func TestAFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to mount a small file system")
	}
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=128k"); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	defer unix.Unmount(disk, unix.MNT_DETACH)
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(disk, "record")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w := begin(t, dir, Config{})
	data := bytes.Repeat([]byte("0123456789abcdef"), 5<<10) // 80 KiB, more than there is
	n, err := w.Output(data, t0)
	if !errors.Is(err, unix.ENOSPC) || n == 0 || n == len(data) {
		t.Fatalf("Output on a full disk = %d of %d, %v", n, len(data), err)
	}
	for range 3 {
		if m, err := w.Output(data[n:], t0); !errors.Is(err, unix.ENOSPC) || m != 0 {
			t.Fatalf("Output on a disk that is still full = %d, %v", m, err)
		}
	}
	w.Resize(100, 30, t0) // cannot be written now
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if m, err := w.Output(data[n:], t0); m != len(data)-n || err != nil {
		t.Fatalf("Output after there was room = %d, %v", m, err)
	}
	if err := w.Close(&Finish{}, t0); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir)
	if !bytes.Equal(whole(t, r), data) {
		t.Error("what is kept is not what came")
	}
	resized := false
	for rec := range r.Records() {
		resized = resized || rec.Kind == KindResize && rec.Cols == 100
	}
	if info, err := r.Info(); err != nil || info.Finish == nil || !resized {
		t.Errorf("the journal is not whole: %+v, %v, resized %t", info, err, resized)
	}
}
