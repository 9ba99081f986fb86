package launch

import (
	"context"
	"errors"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"helpdesk"
)

const (
	dataVariable = "HELPDESK_LAUNCH_DATA" // where the data directory can be reached, when that is not where it was configured
	namesVar     = "HELPDESK_LAUNCH_NAME" // and its name before
)

// stopServer is how long the server has to stop in order.
const stopServer = 15 * time.Second

// DataDir gives the path by which this process reaches the data directory that the configuration names.
func DataDir(configured string) string {
	if at := os.Getenv(dataVariable); at != "" {
		return at
	}
	return configured
}

// Run is the whole life of a launcher: it makes the data directory reachable for the server's user, starts this
// program again with args as the server, starts it anew when it crashes, and ends everything when ctx is done.
// It returns the exit code for the process, and an error to print when there is one: the server's own code when it
// ends with 0, or with ExitConfig before any has served.
func Run(ctx context.Context, cfg Config, args []string) (int, error) {
	if err := reach(&cfg); err != nil {
		return ExitConfig, err
	}
	defer leave(cfg.Data)
	l, err := New(cfg)
	if err != nil {
		return ExitConfig, err
	}
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	var own sync.WaitGroup
	own.Go(func() { err = l.Run(running) })
	code := l.supervise(ctx, args)
	end()
	own.Wait()
	return code, err
}

// supervise keeps a server running until it ends in order or ctx is done.
func (l *Launcher) supervise(ctx context.Context, args []string) int {
	<-l.started
	wait := 100 * time.Millisecond
	for {
		began := time.Now()
		code, err := l.serveOnce(ctx, args)
		switch {
		case ctx.Err() != nil:
			return 0
		case err == nil && (code == 0 || code == ExitConfig && !l.greeted.Load()):
			// Once one has served, what keeps the next from it may pass, as a database that is started anew, and the
			// shells that live here wait for it.
			return code
		}
		if time.Since(began) > time.Minute {
			wait = 100 * time.Millisecond
		}
		l.log.Error("the server has died and is started again", "code", code, "err", err, "in", wait)
		select {
		case <-ctx.Done():
			return 0
		case <-time.After(wait):
		}
		wait = min(2*wait, 10*time.Second)
	}
}

// serveOnce starts a server and serves it until it has ended.
func (l *Launcher) serveOnce(ctx context.Context, args []string) (code int, err error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return 0, err
	}
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		theirs.Close()
		return 0, err
	}
	defer conn.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		theirs.Close()
		return 0, err
	}
	defer null.Close()
	env := append(os.Environ(), fdVariable+"=3", dataVariable+"="+l.cfg.Data)
	server, err := l.spawn.confined.start("/proc/self/exe", append([]string{os.Args[0]}, args...), &os.ProcAttr{
		Env: env, Files: []*os.File{null, os.Stdout, os.Stderr, theirs},
		Sys: &syscall.SysProcAttr{Credential: l.credential(l.serverUID), Pdeathsig: syscall.SIGKILL, Setpgid: true},
	})
	theirs.Close()
	if err != nil {
		return 0, helpdesk.WithCause(helpdesk.Unavailable, err, "The server cannot be started as user %d: the program must be readable and executable for everybody.", l.serverUID)
	}
	serving, leave := context.WithCancel(context.WithoutCancel(ctx))
	var own sync.WaitGroup
	defer own.Wait()
	defer leave()
	own.Go(func() {
		if err := l.Serve(serving, conn); err != nil && serving.Err() == nil {
			l.log.Error("the server broke the launcher's protocol and is ended", "err", err)
			server.Kill()
		}
	})
	ended := make(chan struct{})
	own.Go(func() {
		select {
		case <-ended:
			return
		case <-ctx.Done():
		}
		server.Signal(syscall.SIGTERM)
		again, stop := signal.NotifyContext(serving, syscall.SIGTERM, os.Interrupt) // who asks twice means now
		defer stop()
		late := time.NewTimer(stopServer)
		defer late.Stop()
		select {
		case <-ended:
			return
		case <-late.C:
		case <-again.Done():
		}
		server.Kill()
	})
	state, err := server.Wait()
	close(ended)
	if err != nil {
		return 0, err
	}
	if code = state.ExitCode(); code < 0 {
		return code, errors.New("ended by a signal")
	}
	return code, nil
}
