package launch

import (
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"helpdesk"
)

// A helper is this program again, under a tenant's uid, with no privileges to gain: it reads and writes the tenant's
// Workspaces. So whatever a tenant does to its directories while they are walked, it can only reach what that uid may
// anyway. It serves one request at a time and is let go when there is nothing to do.
type helper struct {
	child *os.Process
	conn  net.Conn

	mu   sync.Mutex
	used time.Time
	seq  uint64
}

const (
	roleVariable = "HELPDESK_LAUNCH_ROLE"
	roleFiles    = "files"
)

// help lets the helper of the request's slot do it. A helper that died is replaced and the request tried once more:
// each of them may be repeated.
func (l *Launcher) help(q request, body []byte) (reply, []byte, error) {
	var err error
	for range 2 {
		var h *helper
		if h, err = l.helper(q.Slot); err != nil {
			break
		}
		r, out, herr := h.ask(q, body)
		if herr == nil {
			return r, out, r.Error.err()
		}
		err = herr
		l.helping.Lock()
		if l.helpers[q.Slot] == h {
			delete(l.helpers, q.Slot)
		}
		l.helping.Unlock()
		h.close()
	}
	return reply{}, nil, helpdesk.WithCause(helpdesk.Unavailable, err, "The Workspace cannot be reached now.")
}

func (l *Launcher) helper(slot int) (*helper, error) {
	l.helping.Lock()
	defer l.helping.Unlock()
	if h := l.helpers[slot]; h != nil {
		return h, nil
	}
	l.mu.Lock()
	closing := l.closing
	l.mu.Unlock()
	if closing {
		return nil, helpdesk.Errorf(helpdesk.Unavailable, "HelpDesk is being stopped.")
	}
	uid, err := l.uid(slot)
	if err != nil {
		return nil, err
	}
	dir, err := l.workspaces.Open(strconv.Itoa(slot))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	h := &helper{used: time.Now()}
	if h.conn, err = net.FileConn(ours); err == nil {
		null, nerr := os.Open(os.DevNull)
		if nerr != nil {
			err = nerr
		} else {
			defer null.Close()
			h.child, err = l.spawn.confined.start("/proc/self/exe", []string{"helpdesk: files"}, &os.ProcAttr{
				Dir: "/", Env: []string{roleVariable + "=" + roleFiles, "GOMAXPROCS=1"}, Files: []*os.File{null, null, os.Stderr, theirs, dir},
				Sys: &syscall.SysProcAttr{Credential: l.credential(uid), Pdeathsig: syscall.SIGKILL, Setsid: true},
			})
		}
	}
	ours.Close()
	if err != nil {
		if h.conn != nil {
			h.conn.Close()
		}
		return nil, err
	}
	l.helpers[slot] = h
	return h, nil
}

func (h *helper) ask(q request, body []byte) (reply, []byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer func() { h.used = time.Now() }()
	h.seq++
	q.Seq = h.seq
	h.conn.SetDeadline(time.Now().Add(2 * time.Minute))
	if err := writeFrame(h.conn, q, body); err != nil {
		return reply{}, nil, err
	}
	var r reply
	out, err := readFrame(h.conn, &r)
	if err == nil && r.Seq != q.Seq {
		err = errShape
	}
	return r, out, err
}

func (h *helper) idle(d time.Duration) bool {
	if !h.mu.TryLock() {
		return false
	}
	defer h.mu.Unlock()
	return time.Since(h.used) > d
}

// close ends the helper. One that is at work finishes first.
func (h *helper) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conn.Close()
	h.child.Kill()
	h.child.Wait()
}

// socketPair makes two connected sockets that are not inherited by accident.
func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "launcher"), os.NewFile(uintptr(fds[1]), "peer"), nil
}

// Reexec must be the first thing main does, and TestMain in a test that starts a launcher: when this process is a
// helper of a launcher, or a door into a sandbox, it does that work and returns true with the exit code.
func Reexec() (code int, done bool) {
	role := os.Getenv(roleVariable)
	if strings.HasPrefix(role, roleDoor) {
		return door(role), true
	}
	if role != roleFiles {
		return 0, false
	}
	conn, err := net.FileConn(os.NewFile(3, "launcher"))
	if err != nil {
		return ExitConfig, true
	}
	unix.CloseOnExec(3)
	unix.CloseOnExec(4)
	unix.Umask(0o077)
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	serveFiles(conn, 4)
	return 0, true
}

// serveFiles answers the launcher until it leaves.
func serveFiles(conn net.Conn, slotDir int) {
	for {
		var q request
		body, err := readFrame(conn, &q)
		if err != nil {
			return
		}
		r, out, err := doFiles(slotDir, q, body)
		if err != nil {
			r, out = reply{Error: toWire(err)}, nil
		}
		r.Seq = q.Seq
		if err := writeFrame(conn, r, out); err != nil {
			if helpdesk.KindOf(err) != helpdesk.TooLarge {
				return
			}
			r = reply{Seq: q.Seq, Error: toWire(helpdesk.Errorf(helpdesk.TooLarge, "There are too many files to list at once; list a directory of it."))}
			if writeFrame(conn, r, nil) != nil {
				return
			}
		}
	}
}
