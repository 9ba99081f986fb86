package launch

import (
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openPTY makes a pseudo-terminal whose slave belongs to uid. The slave is opened through the master, so no path is
// involved.
func openPTY(uid int, cols, rows uint16) (master, slave *os.File, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		unix.Close(fd)
		return nil, nil, err
	}
	peer, err := openPeer(fd)
	if err != nil {
		unix.Close(fd)
		return nil, nil, err
	}
	master, slave = os.NewFile(uintptr(fd), "ptmx"), os.NewFile(uintptr(peer), "pts")
	err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols})
	if err == nil {
		err = unix.Fchown(peer, uid, -1)
	}
	if err != nil {
		master.Close()
		slave.Close()
		return nil, nil, err
	}
	return master, slave, nil
}

// openPeer opens the slave of a master.
func openPeer(master int) (int, error) {
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

// wholeRead is less than what the kernel gives at once where there is more.
const wholeRead = 2 << 10

// readBatch waits for output and reads all there is, at most len(buf). It returns n = 0 without an error when hold
// says so at the moment output arrives, and io.EOF when the last program has closed the terminal.
func readBatch(raw syscall.RawConn, buf []byte, hold func() bool) (n int, err error) {
	rerr := raw.Read(func(fd uintptr) bool {
		if hold() {
			return true
		}
		for n < len(buf) {
			m, e := unix.Read(int(fd), buf[n:])
			switch {
			case m > 0:
				if n += m; m < wholeRead {
					return true // it is most likely all; whoever waits for an echo is not kept waiting to know
				}
				continue
			case e == unix.EINTR:
				continue
			case e == unix.EAGAIN:
				return n > 0
			case e == unix.EIO || e == nil:
				err = io.EOF
			default:
				err = e
			}
			return true
		}
		return true
	})
	if rerr != nil && err == nil {
		err = rerr
	}
	if n > 0 { // the error comes again
		return n, nil
	}
	return 0, err
}

// tryWrite writes what the terminal takes at once.
func tryWrite(raw syscall.RawConn, p []byte) (n int, err error) {
	cerr := raw.Control(func(fd uintptr) {
		for n < len(p) {
			m, e := unix.Write(int(fd), p[n:])
			if m > 0 {
				n += m
			}
			if e == unix.EINTR {
				continue
			}
			if e != nil {
				if e != unix.EAGAIN {
					err = e
				}
				break
			}
		}
	})
	return n, errors.Join(err, cerr)
}

// ttyFlags says how the terminal treats input now.
func ttyFlags(raw syscall.RawConn) (canonical, echo bool, err error) {
	cerr := raw.Control(func(fd uintptr) {
		var t *unix.Termios
		if t, err = unix.IoctlGetTermios(int(fd), unix.TCGETS); err == nil {
			canonical, echo = t.Lflag&unix.ICANON != 0, t.Lflag&unix.ECHO != 0
		}
	})
	return canonical, echo, errors.Join(err, cerr)
}

// foreground is the process group that reads the terminal now, 0 when there is none.
func foreground(raw syscall.RawConn) (pgrp int) {
	_ = raw.Control(func(fd uintptr) {
		if n, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP); err == nil {
			pgrp = n
		}
	})
	return pgrp
}

func setSize(raw syscall.RawConn, cols, rows uint16) (err error) {
	cerr := raw.Control(func(fd uintptr) {
		err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols})
	})
	return errors.Join(err, cerr)
}
