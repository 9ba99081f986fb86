package launch

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"helpdesk"
	"helpdesk/internal/place/sandbox"
)

// outbound is the way out of one sandbox: a socket that listens inside, and when somebody connects to it, a proxy
// outside. The launcher reads nothing of what comes through; it only sees that something waits.
type outbound struct {
	l        *Launcher
	uid      int
	id       string
	list     string // JSON
	listener *os.File
	closed   chan struct{}
	own      sync.WaitGroup

	mu    sync.Mutex
	proxy *os.Process
}

// doorAt is the launcher's end of a door.
type doorAt struct {
	conn *net.UnixConn
}

// newDoor makes what a door needs: descriptors for the sandbox, and where its listener arrives.
func newDoor() (at *doorAt, program, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, nil, err
	}
	ours := os.NewFile(uintptr(fds[0]), "door")
	theirs = os.NewFile(uintptr(fds[1]), "launcher")
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		theirs.Close()
		return nil, nil, nil, err
	}
	fd, err := unix.Open("/proc/self/exe", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		conn.Close()
		theirs.Close()
		return nil, nil, nil, err
	}
	return &doorAt{conn.(*net.UnixConn)}, os.NewFile(uintptr(fd), "helpdesk"), theirs, nil
}

func (d *doorAt) close() {
	if d != nil {
		d.conn.Close()
	}
}

// listener waits for the socket that listens inside the sandbox.
func (d *doorAt) listener() (*os.File, error) {
	fail := func(err error) (*os.File, error) {
		return nil, helpdesk.WithCause(helpdesk.Unavailable, err, "The way out of the sandbox could not be made, so nothing was started.")
	}
	if err := d.conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return fail(err)
	}
	said, control := make([]byte, 512), make([]byte, unix.CmsgSpace(4))
	n, m, _, _, err := d.conn.ReadMsgUnix(said, control)
	if err != nil {
		return fail(err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:m])
	if err != nil || len(messages) != 1 {
		return fail(errors.Join(errors.New("the door said: "+string(said[:n])), err))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return fail(errors.Join(errShape, err))
	}
	unix.CloseOnExec(fds[0])
	if is, err := unix.GetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil || is != 1 {
		unix.Close(fds[0])
		return fail(errors.Join(errShape, err))
	}
	return os.NewFile(uintptr(fds[0]), "sandbox"), nil
}

// openOutbound begins to wait for somebody in the sandbox who wants out.
func (l *Launcher) openOutbound(id string, uid int, list []string, listener *os.File) (*outbound, error) {
	text, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	o := &outbound{l: l, uid: uid, id: id, list: string(text), listener: listener, closed: make(chan struct{})}
	raw, err := listener.SyscallConn()
	if err != nil {
		return nil, err
	}
	o.own.Go(func() { o.run(raw) })
	return o, nil
}

// proxyRest is the least time between two proxies of a sandbox: whoever inside makes one crash gains nothing.
const proxyRest = time.Second

// run starts a proxy whenever somebody connects and none is there. One that had nothing to do ends by itself.
func (o *outbound) run(raw syscall.RawConn) {
	for {
		if raw.Read(somebodyWaits) != nil {
			return // it is closed
		}
		began := time.Now()
		if err := o.serve(); err != nil {
			o.l.log.Error("the proxy of a sandbox has failed; who connects starts another", "id", o.id, "err", err)
		}
		select {
		case <-o.closed:
			return
		case <-time.After(proxyRest - time.Since(began)):
		}
	}
}

// somebodyWaits says whether a connection can be accepted.
func somebodyWaits(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n == 1
}

// serve is the life of one proxy.
func (o *outbound) serve() error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	// Its name is no id of a process, so no process's group can be in its way.
	group, err := o.l.limits.group(o.id + ".outbound")
	if err != nil {
		return err
	}
	defer group.close()
	o.mu.Lock()
	select {
	case <-o.closed:
		o.mu.Unlock()
		return nil
	default:
	}
	// From the thread that gave up signals and abstract sockets outside, where the kernel knows of that.
	child, err := o.l.spawn.scoped.start("/proc/self/exe", []string{"helpdesk: outbound"}, &os.ProcAttr{
		Dir: "/", Env: []string{sandbox.ProxyList + "=" + o.list, "GOMAXPROCS=1"}, Files: []*os.File{null, null, os.Stderr, o.listener},
		Sys: &syscall.SysProcAttr{Credential: o.l.credential(o.uid), Pdeathsig: syscall.SIGKILL, Setsid: true},
	})
	o.proxy = child
	o.mu.Unlock()
	if err != nil {
		return err
	}
	if err := group.add(child.Pid); err != nil {
		child.Kill()
		child.Wait()
		return err
	}
	state, err := child.Wait()
	o.mu.Lock()
	o.proxy = nil
	o.mu.Unlock()
	select {
	case <-o.closed:
		return nil
	default:
	}
	if err == nil && !state.Success() {
		err = errors.New(state.String())
	}
	return err
}

// close ends the way out, with all that is connected.
func (o *outbound) close() {
	if o == nil {
		return
	}
	o.mu.Lock()
	close(o.closed)
	if o.proxy != nil {
		o.proxy.Kill()
	}
	o.mu.Unlock()
	o.listener.Close()
	o.own.Wait()
}
