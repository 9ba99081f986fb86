package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"helpdesk/internal/launch"
	"helpdesk/internal/store/storetest"
	"helpdesk/internal/testkit"
)

// What keeps a HelpDesk from starting ends it at once, with one sentence that says what to do, and an exit code by which
// a supervisor knows that starting it again is no use. What else there is of this kind is in cmd/helpdesk/testdata.
func TestWhatKeepsAHelpDeskFromStarting(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	files := t.TempDir()
	for dir := files; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cert, key := certificate(t, files, "one")
	_, other := certificate(t, files, "two")
	file := func(name, text string, perm os.FileMode) string {
		path := filepath.Join(files, name)
		if err := os.WriteFile(path, []byte(text), perm); err != nil {
			t.Fatal(err)
		}
		return path
	}
	private := file("private.pem", "secret", 0o600)
	nonsense := file("nonsense.pem", "This is not PEM.", 0o644)
	tls := func(cert, key string) []string {
		return []string{"HELPDESK_TLS_CERT=" + cert, "HELPDESK_TLS_KEY=" + key}
	}
	for _, c := range []struct {
		name     string
		env      []string
		database string
		root     bool // only root starts the server as another user
		say      []string
		notSay   string
	}{
		{name: "port in use", env: []string{"HELPDESK_LISTEN=" + taken.Addr().String()}, say: []string{taken.Addr().String(), "another program", "HELPDESK_LISTEN"}},
		{name: "certificate without its key", env: tls(cert, other), say: []string{cert, other, "belong to each other"}},
		{name: "certificate that is none", env: tls(nonsense, key), say: []string{nonsense, "must be PEM"}},
		{name: "certificate that is not there", env: tls(cert+"x", key), say: []string{"HELPDESK_TLS_CERT", cert + "x", "no such file"}},
		{name: "key of somebody else", env: tls(cert, private), root: true, say: []string{"HELPDESK_TLS_KEY", private, "cannot be read by user 600000"}},
		{name: "database that does not answer", database: "postgres://desk:hunter2@127.0.0.1:1/desk", say: []string{"PostgreSQL"}, notSay: "hunter2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.root && os.Geteuid() != 0 {
				t.Skip("needs root, to have two users")
			}
			h := testkit.Start(t, testkit.Config{Env: c.env, Database: c.database, Failing: true, Bare: true})
			fails(t, h, c.say...)
			if c.notSay != "" && strings.Contains(h.Said(), c.notSay) {
				t.Errorf("it says %q: %s", c.notSay, h.Said())
			}
		})
	}
}

// fails checks that a HelpDesk ends by itself, and says why.
func fails(t *testing.T, h *testkit.HelpDesk, say ...string) {
	t.Helper()
	if code := h.Ended(); code != launch.ExitConfig {
		t.Errorf("it ended with %d, want %d", code, launch.ExitConfig)
	}
	for _, words := range say {
		if !strings.Contains(h.Said(), words) {
			t.Errorf("it does not say %q but: %s", words, h.Said())
		}
	}
	if strings.Contains(h.Said(), "started again") || strings.Count(h.Said(), "helpdesk: ") != 1 {
		t.Errorf("it tried more than once: %s", h.Said())
	}
}

func certificate(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	signed, err := x509.CreateCertificate(rand.Reader, about, about, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(kind, suffix string, content []byte) string {
		path := filepath.Join(dir, name+suffix)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("CERTIFICATE", ".crt", signed), write("PRIVATE KEY", ".key", secret)
}

// A damaged database is left as it is, for whoever can mend it.
func TestADamagedDatabaseIsNotTouched(t *testing.T) {
	h := testkit.Start(t, testkit.Config{Bare: true})
	h.NewTicket("this-machine", "say Hello.")
	h.Stop()
	path := filepath.Join(h.Data, "helpdesk.db")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := append([]byte("This is no database."), content[20:]...)
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	before := strings.Count(h.Said(), "helpdesk: ")
	h.Launch()
	if code := h.Ended(); code != launch.ExitConfig {
		t.Errorf("it ended with %d, want %d", code, launch.ExitConfig)
	}
	said := h.Said()
	if strings.Count(said, "helpdesk: ") != before+1 || !strings.Contains(said, "database file is damaged") || !strings.Contains(said, "backup") {
		t.Errorf("of a damaged database it says: %s", said)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(damaged) {
		t.Errorf("the damaged database was changed (%v)", err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	h.Restart() // as after a restored backup
	h.Do("GET", "/tickets/HD-1", nil, nil)
}

// Without bubblewrap a HelpDesk starts and says so, and refuses to run anything, without a fallback.
func TestWithoutBubblewrap(t *testing.T) {
	h := testkit.Start(t, testkit.Config{Bare: true, Env: []string{"PATH=" + t.TempDir()}})
	if said := h.Said(); !strings.Contains(said, "nothing can be run on this host") || !strings.Contains(said, "Bubblewrap is not installed") {
		t.Errorf("at its start it says: %s", said)
	}
	for _, tenant := range []string{"this-machine", h.NewTenant("blue")} {
		ticket := h.NewTicket(tenant, "suggest echo ran > mark ## try\nsuggest echo ran > mark ## try")
		h.Wait("the suggestions", func() (bool, string) { return len(facts(h.Timeline(ticket), "TurnEnded")) > 0, "" })
		refused := func(what string, err error) {
			t.Helper()
			var p *testkit.Problem
			if !errors.As(err, &p) || p.Status != 503 || !strings.Contains(p.Detail, "ubblewrap") {
				t.Errorf("%s is answered with %v", what, err)
			}
		}
		refused("opening a terminal", h.API("POST", "/tickets/"+ticket+"/terminals", struct{}{}, nil))
		if tenant == "this-machine" {
			var terminal struct{ ID string } // of scope admin: that one has no walls that could be missing
			h.Do("POST", "/tickets/"+ticket+"/terminals", map[string]string{"scope": "admin"}, &terminal)
		}
		var list struct{ Items []suggestion }
		h.Do("GET", "/tickets/"+ticket+"/suggestions", nil, &list)
		execute, approve := list.Items[0], list.Items[1]
		decide := func(s suggestion, choice string) error {
			return h.API("POST", "/tickets/"+ticket+"/suggestions/"+s.ID+"/decision", map[string]string{"decision": choice, "digest": s.Digest}, nil)
		}
		refused("executing", decide(execute, "execute"))
		refused("approving", decide(approve, "approve"))
		h.Do("GET", "/tickets/"+ticket+"/suggestions", nil, &list)
		for _, s := range list.Items {
			if s.State != "proposed" {
				t.Errorf("%s is %s, though nothing can run", s.Command, s.State)
			}
		}
		if ran, _ := filepath.Glob(filepath.Join(h.Data, "workspaces", "*", ticket, "mark")); len(ran) > 0 {
			t.Errorf("a command ran without a sandbox: %v", ran)
		}
	}
}

// A server that crashes while the database is away is started again until that is back, and nobody loses their shell.
func TestShellsOutliveADatabaseThatIsAway(t *testing.T) {
	cluster := storetest.StartCluster(t)
	h := testkit.Start(t, testkit.Config{Database: cluster.URL("postgres")})
	ticket := h.NewTicket(h.NewTenant("blue"), "say Hello.")
	var terminal struct{ ID string }
	h.Do("POST", "/tickets/"+ticket+"/terminals", struct{}{}, &terminal)
	tab := h.Attach(terminal.ID)
	tab.Sees("$")
	if !tab.Type("name=Ann\r") {
		t.Error("what is typed is not taken")
	}
	cluster.Kill(t)
	h.KillServer()
	h.Wait("a server to say that the database is away", func() (bool, string) {
		return strings.Contains(h.Said(), "helpdesk: The PostgreSQL server"), h.Said()
	})
	cluster.Restart(t)
	h.WaitReady()
	h.Wait("the shell to go on", func() (bool, string) { return tab.Type("echo still-$name\r"), "what is typed is not taken" })
	tab.Sees("still-Ann\r\n")
	h.Stop()
}
