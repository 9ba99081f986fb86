package launch_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
	"helpdesk/internal/transcript"
)

// A whole HelpDesk in small: the test binary started as the launcher, which starts it again as the server. The server
// says on its standard output what it found, and then does what its role says.

const (
	roleVariable = "LAUNCH_TEST_ROLE" // what the server does: stay, broken
	dataVariable = "LAUNCH_TEST_DATA"
)

// report is what the server found.
type report struct {
	PID     int
	UID     int
	Groups  int
	Data    string
	Epoch   string
	Before  int    // processes that were there
	Caps    string // its capabilities
	Trouble string // what it could not do and should
	Attack  string // what a host view could do to it
	Output  string // of a private sandbox
}

func launcherOrServer() int {
	conn, err := launch.Inherited()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if conn == nil {
		code, err := launch.Run(ctx, launch.Config{Data: os.Getenv(dataVariable)}, []string{"-test.run=none"})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		return code
	}
	if os.Getenv(roleVariable) == "broken" {
		return launch.ExitConfig
	}
	if err := json.NewEncoder(os.Stdout).Encode(serve(ctx, conn)); err != nil {
		return 1
	}
	<-ctx.Done()
	return 0
}

func serve(ctx context.Context, conn net.Conn) report {
	ended := make(chan string, 10)
	client := launch.NewClient(conn, launch.ClientConfig{Notify: func(st launch.Status) {
		if st.Exit != nil {
			ended <- st.ID
		}
	}})
	go client.Run(ctx)
	r := report{PID: os.Getpid(), UID: os.Getuid(), Data: launch.DataDir(os.Getenv(dataVariable))}
	var trouble []error
	groups, err := os.Getgroups()
	trouble = append(trouble, err)
	r.Groups = len(groups)
	hello, err := client.Hello(ctx)
	trouble = append(trouble, err)
	r.Epoch = hello.Epoch
	list, err := client.List(ctx)
	trouble = append(trouble, err)
	r.Before = len(list)
	status, err := os.ReadFile("/proc/self/status")
	trouble = append(trouble, err)
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "CapEff") || strings.HasPrefix(line, "CapPrm") || strings.HasPrefix(line, "NoNewPrivs") {
			r.Caps += strings.Join(strings.Fields(line), "")
		}
	}
	trouble = append(trouble, os.WriteFile(filepath.Join(r.Data, "helpdesk.db"), []byte("mine"), 0o600))
	if err := os.WriteFile(filepath.Join(hello.Transcripts, "forged"), nil, 0o600); err == nil {
		trouble = append(trouble, errors.New("the server can write transcripts"))
	}
	if len(list) == 0 {
		do := func(id string, kind launch.Kind, slot int, command string) string {
			if _, err := client.Start(ctx, launch.Spec{ID: id, Kind: kind, Slot: slot, Ticket: "HD-1", Argv: []string{"bash", "-c", command}}); err != nil {
				trouble = append(trouble, err)
				return ""
			}
			for <-ended != id {
			}
			t, err := transcript.Open(filepath.Join(hello.Transcripts, "HD-1", id))
			if err != nil {
				trouble = append(trouble, err)
				return ""
			}
			p, err := io.ReadAll(t.Output(0))
			trouble = append(trouble, err)
			return string(p)
		}
		r.Output = do("run", launch.Private, 2, "echo from the sandbox")
		r.Attack = do("attack", launch.HostView, launch.HostViewSlot, attack(os.Getpid()))
		if _, err := client.Start(ctx, launch.Spec{ID: "stays", Kind: launch.Private, Slot: 2, Ticket: "HD-1", Argv: []string{"sleep", "77" + strconv.Itoa(os.Getppid())}}); err != nil {
			trouble = append(trouble, err)
		}
	}
	if err := errors.Join(trouble...); err != nil {
		r.Trouble = err.Error()
	}
	return r
}

type desk struct {
	t   *testing.T
	cmd *exec.Cmd
	out *json.Decoder
	err strings.Builder

	data string
}

// startDesk starts it with its data where nobody but root may go.
func startDesk(t *testing.T, role string) *desk {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to have two users")
	}
	d := &desk{t: t, cmd: exec.Command("/proc/self/exe")}
	closed := t.TempDir()
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	d.cmd.Env = append(os.Environ(), roleVariable+"="+role, dataVariable+"="+filepath.Join(closed, "data"))
	d.cmd.Stderr = &d.err
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	d.out = json.NewDecoder(bufio.NewReader(out))
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.cmd.Process.Kill()
		d.cmd.Wait()
		if strings.HasPrefix(d.data, "/run/helpdesk/") {
			os.Remove(d.data) // a launcher that was killed leaves it
		}
		if t.Failed() {
			t.Logf("it said: %s", d.err.String())
		}
	})
	return d
}

func (d *desk) report() report {
	d.t.Helper()
	var r report
	if err := d.out.Decode(&r); err != nil {
		d.t.Fatalf("no report from a server: %v\n%s", err, d.err.String())
	}
	d.data = r.Data
	return r
}

func TestTheServerIsNobody(t *testing.T) {
	takesLong(t)
	d := startDesk(t, "stay")
	r := d.report()
	if r.UID != 600000 || r.Groups > 1 || r.Caps != "CapPrm:0000000000000000CapEff:0000000000000000NoNewPrivs:1" {
		t.Errorf("the server is uid %d with %d groups and %s", r.UID, r.Groups, r.Caps)
	}
	if r.Trouble != "" {
		t.Errorf("it could not: %s", r.Trouble)
	}
	if r.Attack != "" {
		t.Errorf("from the host view, against the server: %q", r.Attack)
	}
	if r.Output != "from the sandbox\r\n" {
		t.Errorf("a sandbox said %q", r.Output)
	}
	if !strings.HasPrefix(r.Data, "/run/helpdesk/") {
		t.Errorf("the data directory below a closed one is reached as %s", r.Data)
	}
	mark := "77" + strconv.Itoa(d.cmd.Process.Pid)
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Wait(); err != nil {
		t.Errorf("stopped in order: %v", err)
	}
	waitGone(t, mark)
	if _, err := os.Stat(r.Data); !os.IsNotExist(err) {
		t.Errorf("the way to the data was left behind: %v", err)
	}
	if syscall.Kill(r.PID, 0) == nil {
		t.Error("the server outlived its launcher")
	}
}

func TestAServerThatCrashesIsStartedAgain(t *testing.T) {
	takesLong(t)
	d := startDesk(t, "stay")
	first := d.report()
	for round := range 3 {
		if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		next := d.report()
		if next.PID == first.PID || next.Epoch != first.Epoch || next.Before != 3 || next.Trouble != "" {
			t.Fatalf("round %d: after %+v came %+v", round, first, next)
		}
		first = next
	}
	mark := "77" + strconv.Itoa(d.cmd.Process.Pid)
	d.cmd.Process.Kill()
	waitGone(t, mark)
	until(t, "the server is gone", func() bool { return syscall.Kill(first.PID, 0) != nil })
}

func TestABrokenConfigurationIsNotTriedAgain(t *testing.T) {
	takesLong(t)
	d := startDesk(t, "broken")
	done := make(chan error, 1)
	go func() { done <- d.cmd.Wait() }()
	select {
	case err := <-done:
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != launch.ExitConfig {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("it did not end")
	}
}

// A server that speaks nonsense is cut off; the launcher and what runs live on.
func TestNonsenseOnTheSocket(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	s := openShell(t, l, launch.Spec{ID: "term"})
	for _, nonsense := range []string{"GET / HTTP/1.1\r\n\r\n", "\xff\xff\xff\xff\xff\xff\xff\xff", "\x00\x00\x00\x02\x00\x00\x00\x00{}", "\x00\x00\x00\x09\x00\x00\x00\x00{\"seq\":0}\x00\x00\x00\x01\x00\x00\x00\x00x"} {
		conn, err := net.Dial("unix", l.Socket())
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(time.Minute))
		if _, err := conn.Write([]byte(nonsense)); err != nil {
			t.Fatal(err)
		}
		conn.(*net.UnixConn).CloseWrite()
		if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after %q: %v", nonsense, err)
		}
		conn.Close()
	}
	s.typeIn("echo $((6*7))\r")
	s.see("\r\n42")
}
