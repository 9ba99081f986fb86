//go:build unix && !linux

package launch

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"helpdesk"
)

// Places on this host need Linux. Elsewhere the launcher only starts the server and tells it so; what it asks for on
// this host is refused with that reason.

var errNotHere = helpdesk.Errorf(helpdesk.Unavailable, "Nothing is run on this host and no Workspace kept: that needs Linux, and this is %s.", runtime.GOOS)

// Reexec is of use on Linux only.
func Reexec() (code int, done bool) { return 0, false }

// DataDir gives the path by which this process reaches the data directory that the configuration names.
func DataDir(configured string) string { return configured }

// Run starts this program again with args as the server and ends with it.
func Run(ctx context.Context, cfg Config, args []string) (int, error) {
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return ExitConfig, helpdesk.WithCause(helpdesk.Unavailable, err, "The data directory %s cannot be made.", cfg.Data)
	}
	self, err := os.Executable()
	if err != nil {
		return 1, err
	}
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return 1, err
	}
	syscall.CloseOnExec(fds[0])
	ours, theirs := os.NewFile(uintptr(fds[0]), "launcher"), os.NewFile(uintptr(fds[1]), "server")
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		theirs.Close()
		return 1, err
	}
	defer conn.Close()
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 15 * time.Second
	cmd.Env = append(os.Environ(), fdVariable+"=3")
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = os.Stdout, os.Stderr, []*os.File{theirs}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return 1, err
	}
	refused := make(chan struct{})
	go func() { defer close(refused); refuse(conn, cfg.Data) }()
	err = cmd.Wait()
	conn.Close()
	<-refused
	var exit *exec.ExitError
	switch {
	case err == nil || ctx.Err() != nil:
		return 0, nil
	case errors.As(err, &exit):
		return exit.ExitCode(), nil
	}
	return 1, err
}

// refuse answers every request with the reason.
func refuse(conn io.ReadWriter, data string) {
	for {
		var q request
		if _, err := readFrame(conn, &q); err != nil {
			return
		}
		r := reply{Seq: q.Seq}
		switch q.Op {
		case opHello:
			r.Hello = &Hello{Epoch: strconv.Itoa(os.Getpid()), Data: data, Capabilities: Capabilities{
				Platform: runtime.GOOS + "/" + runtime.GOARCH, OneUID: true, Why: errNotHere.(*helpdesk.Error).Public, ServerUID: os.Getuid(),
			}}
		case opList:
			r.List = []Status{}
		case opTickets:
			r.Tickets = []string{}
		default:
			r.Error = toWire(errNotHere)
		}
		if writeFrame(conn, r, nil) != nil {
			return
		}
	}
}
