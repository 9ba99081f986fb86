package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"helpdesk"
)

const lockFile = "lock"

// Holder is the server that uses a data directory.
type Holder struct {
	PID     int
	Host    string
	Since   time.Time
	Version string
}

func (h Holder) String() string {
	if h.PID == 0 {
		return "another process"
	}
	return fmt.Sprintf("helpdesk %s (process %d on %s, since %s)", h.Version, h.PID, h.Host, h.Since.Format(time.RFC3339))
}

// takeLock locks the directory for as long as the file stays open. The file is not inherited by what we start, so the
// lock never outlives us.
func takeLock(cfg Config) (*os.File, error) {
	path := filepath.Join(cfg.Path, lockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, unusable(cfg.Name, err)
	}
	if err := flock(f); err != nil {
		holder := readHolder(f)
		_ = f.Close() // only read from
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, helpdesk.Errorf(helpdesk.Conflict, "The data directory %s is in use by %s. Stop that one first, or set HELPDESK_DATA to another directory.", cfg.Name, holder)
		}
		return nil, unusable(cfg.Name, err)
	}
	return f, nil
}

// flock takes the lock, or gives up after a second: HeldBy holds it for a moment, and so does a server on its way out.
func flock(f *os.File) error {
	for deadline := time.Now().Add(time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		again := errors.Is(err, unix.EINTR) || errors.Is(err, unix.EWOULDBLOCK)
		if !again || time.Now().After(deadline) {
			return err
		}
	}
}

// sayWho writes into the lock file who holds it, for whoever comes second.
func (d *Dir) sayWho(cfg Config) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	text := fmt.Sprintf("%d %s %s %s\n", os.Getpid(), oneWord(host), now(), oneWord(cfg.Version))
	if err := errors.Join(d.lock.Truncate(0), writeAt(d.lock, text), d.lock.Sync()); err != nil {
		return unusable(d.name, err)
	}
	return nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// readHolder reads who holds the lock. The holder may be in the middle of writing it: then nothing is known.
func readHolder(f *os.File) Holder {
	var h Holder
	var since string
	buf := make([]byte, 512)
	n, _ := f.ReadAt(buf, 0) // a short file ends in io.EOF
	if _, err := fmt.Sscanf(string(buf[:n]), "%d %s %s %s\n", &h.PID, &h.Host, &since, &h.Version); err != nil {
		return Holder{}
	}
	h.Since, _ = time.Parse(time.RFC3339, since) // a wrong time is shown as such
	return h
}

// HeldBy tells who holds the directory, without disturbing them. ok is false if nobody does.
func HeldBy(path string) (h Holder, ok bool, err error) {
	f, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return Holder{}, false, nil
	}
	if err != nil {
		return Holder{}, false, err
	}
	defer func() { _ = f.Close() }() // only read from
	// A shared lock, so that two who ask at once do not take each other for a server.
	err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return readHolder(f), true, nil
	}
	return Holder{}, false, err
}

func oneWord(s string) string {
	if s = strings.Join(strings.Fields(s), "-"); s == "" {
		return "unknown"
	}
	return s
}
