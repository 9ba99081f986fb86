// Package launchtest starts a real launcher, with real sandboxes, for the tests of other packages.
//
// The launcher is the test binary started again, so TestMain must be
//
//	func TestMain(m *testing.M) { launchtest.Main(m) }
//
// The launcher ends with the test, and with the test binary whatever happens to that.
package launchtest

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"helpdesk/internal/launch"
)

// Launcher is a launcher that runs as a process of its own.
type Launcher struct {
	*launch.Client // connected
	Hello          launch.Hello
	Data           string

	t      testing.TB
	socket string
	cmd    *exec.Cmd
	conn   net.Conn
	said   strings.Builder

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when a status came
	latest  map[string]launch.Status
	notify  func(launch.Status)
}

// Config says which launcher to start; the zero Config is a good one.
type Config struct {
	Launch launch.Config       // Data is chosen by launchtest when it is empty; Log is not used
	Group  string              // the control group of version 2 that it starts in; default: that of the test
	UID    int                 // above 0: under this user instead of root
	Notify func(launch.Status) // told of statuses besides what WaitFor sees
}

// Start starts a launcher and connects to it. It skips the test where private sandboxes cannot be made, with the
// launcher's reason.
func Start(t testing.TB, cfg Config) *Launcher {
	t.Helper()
	l := &Launcher{t: t, Data: cfg.Launch.Data, notify: cfg.Notify}
	if l.Data == "" {
		// Not t.TempDir: that lies below a directory which is closed to other users.
		dir, err := os.MkdirTemp("", "launchtest")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.RemoveAll(dir); err != nil {
				t.Errorf("remove the test's data: %v", err)
			}
		})
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		l.Data = filepath.Join(dir, "data")
		if err := os.Mkdir(l.Data, 0o700); err != nil {
			t.Fatal(err)
		}
		if cfg.UID > 0 {
			if err := errors.Join(os.Chown(dir, cfg.UID, cfg.UID), os.Chown(l.Data, cfg.UID, cfg.UID)); err != nil {
				t.Fatal(err)
			}
		}
		l.socket = filepath.Join(dir, "socket")
	} else {
		l.socket = l.Data + ".socket"
	}
	cfg.Launch.Data = l.Data
	l.launch(cfg)
	l.Connect()
	if !l.Hello.Capabilities.Private {
		t.Skip("no sandbox can be made here: ", l.Hello.Capabilities.Why)
	}
	return l
}

// Connect connects a new Client in place of the present one, as a server does that was started again.
func (l *Launcher) Connect() {
	l.t.Helper()
	l.Disconnect()
	conn, err := net.Dial("unix", l.socket)
	if err != nil {
		l.t.Fatalf("connect to the launcher: %v\n%s", err, l.said.String())
	}
	l.conn = conn
	l.mu.Lock()
	l.latest, l.changed = map[string]launch.Status{}, make(chan struct{})
	l.mu.Unlock()
	l.Client = launch.NewClient(conn, launch.ClientConfig{Notify: l.note, Quick: true})
	ctx, cancel := context.WithCancel(context.Background())
	var own sync.WaitGroup
	client := l.Client
	own.Go(func() { client.Run(ctx) })
	l.t.Cleanup(func() { cancel(); own.Wait() })
	if l.Hello, err = l.Client.Hello(l.Context()); err != nil {
		l.t.Fatalf("hello: %v\n%s", err, l.said.String())
	}
}

// Disconnect leaves the launcher without a server.
func (l *Launcher) Disconnect() {
	if l.conn != nil {
		l.conn.Close()
	}
}

// Context gives a context that ends with the test, and long before the whole test run does.
func (l *Launcher) Context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	l.t.Cleanup(cancel)
	return ctx
}

// PID is the launcher's process id.
func (l *Launcher) PID() int { return l.cmd.Process.Pid }

// Socket is the path of the socket on which the launcher takes servers.
func (l *Launcher) Socket() string { return l.socket }

// Kill ends the launcher by SIGKILL.
func (l *Launcher) Kill() {
	l.cmd.Process.Kill()
	l.cmd.Wait()
}

func (l *Launcher) note(st launch.Status) {
	l.mu.Lock()
	l.latest[st.ID] = st
	close(l.changed)
	l.changed = make(chan struct{})
	l.mu.Unlock()
	if l.notify != nil {
		l.notify(st)
	}
}

// WaitFor waits until the newest Status of a process is as ok wants it, and gives it. After two minutes it fails the
// test.
func (l *Launcher) WaitFor(id string, ok func(launch.Status) bool) launch.Status {
	l.t.Helper()
	late := time.After(2 * time.Minute)
	for {
		l.mu.Lock()
		st, has := l.latest[id]
		changed := l.changed
		l.mu.Unlock()
		if has && ok(st) {
			return st
		}
		select {
		case <-changed:
		case <-late:
			l.t.Fatalf("process %s did not become what was waited for; it is %+v, exit %+v", id, st, st.Exit)
		}
	}
}

// Ended waits for the end of a process.
func (l *Launcher) Ended(id string) launch.Status {
	l.t.Helper()
	return l.WaitFor(id, func(st launch.Status) bool { return st.Exit != nil })
}

// TranscriptDir is where the record of a process is.
func (l *Launcher) TranscriptDir(ticket, id string) string {
	return filepath.Join(l.Data, "transcripts", ticket, id)
}

// child is what the launcher's process reads from its environment.
type child struct {
	Config launch.Config
	Socket string
}

const variable = "HELPDESK_LAUNCHTEST"

func encode(c child) string {
	c.Config.Log = nil
	p, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return variable + "=" + string(p)
}

// Terminate stops the launcher in order and waits for its end.
func (l *Launcher) Terminate() {
	l.Disconnect()
	l.cmd.Process.Signal(syscall.SIGTERM)
	l.cmd.Wait()
}
