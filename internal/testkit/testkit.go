// Package testkit runs a whole HelpDesk for the tests of other packages: launcher and server as real processes, a
// real database, real sandboxes, and the scripted agent, who plays each message as a script.
//
// Both processes are the test binary started again, so TestMain must be
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
//
// They end with the test, and with the test binary whatever happens to that.
package testkit

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"helpdesk/internal/datadir"
	"helpdesk/internal/live"
)

// patience is how long anything may take before the test fails.
const patience = 3 * time.Minute

// Config says which HelpDesk to start; the zero Config is a good one.
type Config struct {
	Data     string   // the data directory; default: a new one that goes with the test
	Database string   // URL of a PostgreSQL; default: SQLite
	Env      []string // further settings, as HELPDESK_NAME=value
	Bare     bool     // go on where there are no sandboxes, instead of skipping the test
	Failing  bool     // Start does not wait until it is ready; see Ended
}

// HelpDesk is a launcher and its server.
type HelpDesk struct {
	URL   string // where it listens, the same after every restart
	Token string // of a platform admin
	Data  string
	Gates string // a file NAME in it opens the scripted agent's gate NAME; NAME.waiting is there once a script waits

	t    testing.TB
	env  []string
	http *http.Client

	cmd   *exec.Cmd
	leash io.Closer // the launcher ends when it is closed
	said  said
	ended chan struct{} // closed when the launcher has ended
}

// The processes read from their environment what the test wants of them.
const (
	gatesVariable = "TESTKIT_GATES"
	settings      = "HELPDESK_"
)

// Start starts a HelpDesk and waits until it is ready. It skips the test where there are no sandboxes.
func Start(t testing.TB, cfg Config) *HelpDesk {
	t.Helper()
	if _, err := exec.LookPath("bwrap"); err != nil && !cfg.Bare {
		t.Skip("bubblewrap is not installed, so no sandbox can be made")
	}
	// Not t.TempDir: that lies below a directory which is closed to other users, and the server is one.
	dir, err := os.MkdirTemp("", "testkit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the test's data: %v", err)
		}
	})
	h := &HelpDesk{t: t, Token: "testkit-" + rand.Text(), Data: cfg.Data, Gates: filepath.Join(dir, "gates"), http: &http.Client{Timeout: patience}}
	if h.Data == "" {
		h.Data = filepath.Join(dir, "data")
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(h.Gates, 0o700), os.Chmod(h.Gates, 0o777)); err != nil {
		t.Fatal(err)
	}
	// An address of its own, which stays free while the server is down: ports that the kernel gives out lie higher.
	n := mathrand.Uint32()
	listen := fmt.Sprintf("127.%d.%d.%d:%d", 1+n%250, n>>8%256, 1+n>>16%250, 10000+mathrand.IntN(20000))
	h.URL = "http://" + listen
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, settings) {
			h.env = append(h.env, v)
		}
	}
	h.env = append(h.env, gatesVariable+"="+h.Gates,
		"HELPDESK_CONFIG="+os.DevNull, "HELPDESK_DATA="+h.Data, "HELPDESK_LISTEN="+listen, "HELPDESK_ADMIN_TOKEN="+h.Token, "HELPDESK_LOG_LEVEL=warn")
	if cfg.Database != "" {
		h.env = append(h.env, "HELPDESK_DATABASE="+cfg.Database)
	}
	h.env = append(h.env, cfg.Env...)
	t.Cleanup(h.end)
	h.Launch()
	if !cfg.Failing {
		h.WaitReady()
	}
	return h
}

// end ends everything and shows what it said if the test failed.
func (h *HelpDesk) end() {
	h.leash.Close()
	select {
	case <-h.ended:
	case <-time.After(patience):
		h.t.Error("the HelpDesk does not end")
		h.cmd.Process.Kill()
		<-h.ended
	}
	h.http.CloseIdleConnections()
	if h.t.Failed() {
		said := h.Said()
		h.t.Logf("the HelpDesk said at last: %s", said[max(0, len(said)-32<<10):])
	}
}

// Launch starts the launcher, which starts the server, after KillAll, Stop or Ended. It waits for nothing.
func (h *HelpDesk) Launch() {
	h.t.Helper()
	h.cmd = exec.Command("/proc/self/exe")
	h.cmd.Env = h.env
	h.cmd.Stdout, h.cmd.Stderr = &h.said, &h.said
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	h.cmd.WaitDelay = patience
	leash, err := h.cmd.StdinPipe()
	if err == nil {
		err = h.cmd.Start()
	}
	if err != nil {
		h.t.Fatal(err)
	}
	cmd, ended := h.cmd, make(chan struct{})
	h.leash, h.ended = leash, ended
	go func() {
		_ = cmd.Wait() // how it ended is in its state
		close(ended)
	}()
}

// WaitReady waits until the server answers that it is ready.
func (h *HelpDesk) WaitReady() {
	h.t.Helper()
	h.Wait("the server to be ready", func() (bool, string) {
		select {
		case <-h.ended:
			h.t.Fatalf("the HelpDesk has ended (%v) and said: %s", h.cmd.ProcessState, h.Said())
		default:
		}
		res, err := h.http.Get(h.URL + "/readyz")
		if err != nil {
			return false, err.Error()
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK, res.Status
	})
}

// Wait waits until ok, and fails the test with what ok said last when that takes too long.
func (h *HelpDesk) Wait(what string, ok func() (bool, string)) {
	h.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(patience); ; <-tick.C {
		yes, said := ok()
		if yes {
			return
		}
		if time.Now().After(late) {
			h.t.Fatalf("waited in vain for %s: %s", what, said)
		}
	}
}

// ServerPID is the process id of the running server, 0 where none runs.
func (h *HelpDesk) ServerPID() int {
	holder, held, err := datadir.HeldBy(h.Data)
	if err != nil || !held {
		return 0
	}
	// Only ever a child of our launcher, whatever stands in the file.
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", holder.PID))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	if fields := strings.Fields(after); len(fields) < 2 || fields[0] == "Z" || fields[1] != strconv.Itoa(h.cmd.Process.Pid) {
		return 0
	}
	return holder.PID
}

// KillServer kills the server, as a crash does, and returns when it is gone. The launcher starts another one.
func (h *HelpDesk) KillServer() {
	h.t.Helper()
	var pid int
	h.Wait("a server to kill", func() (bool, string) { pid = h.ServerPID(); return pid != 0, h.Said() })
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		h.t.Fatalf("kill the server: %v", err)
	}
	h.Wait("the server to be gone", func() (bool, string) { return !running(pid), strconv.Itoa(pid) })
}

// KillAll kills the launcher, and so everything, as a power cut does, and returns when all is gone. Restart starts
// it again.
func (h *HelpDesk) KillAll() {
	h.t.Helper()
	server := h.ServerPID()
	h.cmd.Process.Kill()
	<-h.ended
	h.leash.Close()
	if server != 0 {
		h.Wait("the server to be gone", func() (bool, string) { return !running(server), strconv.Itoa(server) })
	}
}

// running says whether there is a process, and not only what is left of one.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}

// Restart starts the HelpDesk again after KillAll or Stop and waits until it is ready.
func (h *HelpDesk) Restart() {
	h.t.Helper()
	h.Launch()
	h.WaitReady()
}

// Stop ends the HelpDesk in order, by SIGTERM, and fails the test unless it ends well.
func (h *HelpDesk) Stop() {
	h.t.Helper()
	h.cmd.Process.Signal(syscall.SIGTERM)
	if code := h.Ended(); code != 0 {
		h.t.Errorf("told to stop, the HelpDesk ended with %d and said: %s", code, h.Said())
	}
}

// Ended waits until the HelpDesk has ended and gives its exit code, -1 where a signal ended it.
func (h *HelpDesk) Ended() int {
	h.t.Helper()
	select {
	case <-h.ended:
	case <-time.After(patience):
		h.t.Fatalf("the HelpDesk does not end; it said: %s", h.Said())
	}
	h.leash.Close()
	return h.cmd.ProcessState.ExitCode()
}

// Said is everything that launcher and servers have printed.
func (h *HelpDesk) Said() string { return h.said.String() }

// OpenGate lets the script go on that waits, or will wait, at a gate.
func (h *HelpDesk) OpenGate(name string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.Gates, name), nil, 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// AtGate waits until a script stands at a gate.
func (h *HelpDesk) AtGate(name string) {
	h.t.Helper()
	h.Wait("a script at gate "+name, func() (bool, string) {
		_, err := os.Stat(filepath.Join(h.Gates, name+".waiting"))
		return err == nil, fmt.Sprint(err)
	})
}

// Problem is an error that the server answered. Any other error of a call means that it is unknown what became of it.
type Problem struct {
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func (p *Problem) Error() string { return strconv.Itoa(p.Status) + ": " + p.Detail }

// API calls an operation, path being what follows /api/v1, as the platform admin. body and into may be nil; into may
// be a *[]byte, for the answer as it is.
func (h *HelpDesk) API(method, path string, body, into any) error {
	return h.Keyed("", method, path, body, into)
}

// Keyed is API with an idempotency key.
func (h *HelpDesk) Keyed(key, method, path string, body, into any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequest(method, h.URL+"/api/v1"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+h.Token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := h.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		p := &Problem{Status: res.StatusCode}
		if json.Unmarshal(answer, p) != nil {
			p.Detail = string(answer)
		}
		return p
	}
	if raw, ok := into.(*[]byte); ok {
		*raw = answer
		return nil
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// Do is API for what must succeed.
func (h *HelpDesk) Do(method, path string, body, into any) {
	h.t.Helper()
	if err := h.API(method, path, body, into); err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// NewTicket opens a ticket for the scripted agent, who plays the message, and gives its key.
func (h *HelpDesk) NewTicket(tenant, message string) string {
	h.t.Helper()
	var ticket struct{ Key string }
	h.Do("POST", "/tickets", map[string]string{"tenant": tenant, "agent": "script", "message": message}, &ticket)
	return ticket.Key
}

// NewTenant makes a tenant whose commands run in private sandboxes, and gives its id.
func (h *HelpDesk) NewTenant(key string) string {
	h.t.Helper()
	var tenant struct{ ID string }
	h.Do("POST", "/tenants", map[string]string{"key": key, "name": key, "prefix": strings.ToUpper(key)}, &tenant)
	return tenant.ID
}

// Timeline gives all events of a ticket.
func (h *HelpDesk) Timeline(ticket string) []live.Event {
	h.t.Helper()
	var all []live.Event
	for after := "0"; ; {
		var page struct {
			Items []live.Event
			Next  string
		}
		h.Do("GET", "/tickets/"+ticket+"/timeline?limit=1000&after="+after, nil, &page)
		all = append(all, page.Items...)
		if page.Next == "" {
			return all
		}
		after = page.Next
	}
}

// said gathers what processes print.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
