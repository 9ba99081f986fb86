package transcript

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData makes the bytes of f safe, and of its metadata only what is needed to find them.
func syncData(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var serr error
	if err := raw.Control(func(fd uintptr) { serr = unix.Fdatasync(int(fd)) }); err != nil {
		return err
	}
	return serr
}
