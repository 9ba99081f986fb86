package launch_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
	"helpdesk/internal/place/sandbox"
)

// outside is a service on the host's loopback that greets whoever connects, and notes that somebody did.
type outside struct {
	host string // host:port
	port string
	mu   sync.Mutex
	met  int
	gone chan struct{} // one for each connection that has ended
}

func serveOutside(t *testing.T) *outside {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &outside{host: l.Addr().String(), gone: make(chan struct{}, 1000)}
	_, o.port, _ = net.SplitHostPort(o.host)
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			o.mu.Lock()
			o.met++
			o.mu.Unlock()
			all.Go(func() {
				defer c.Close()
				fmt.Fprint(c, "greetings\n")
				_, _ = io.Copy(c, c)
				o.gone <- struct{}{}
			})
		}
	})
	return o
}

func (o *outside) visits() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.met
}

// through asks the proxy inside for a connection and prints what comes.
func through(to string) string {
	return `exec 3<>/dev/tcp/127.0.0.1/3128 && printf 'CONNECT ` + to + ` HTTP/1.1\r\n\r\nhello\n' >&3 && timeout 20 head -n `
}

func TestOutboundOfTheList(t *testing.T) {
	takesLong(t)
	there := serveOutside(t)
	for name, uid := range map[string]int{"with root": 0, "without root": 64000} {
		t.Run(name, func(t *testing.T) {
			if os.Getuid() != 0 && uid > 0 {
				t.Skip("needs root, to be somebody else")
			}
			l := launchtest.Start(t, launchtest.Config{UID: uid})
			out, st := run(t, l, launch.Spec{Outbound: []string{there.host}}, through(there.host)+`4 <&3; echo "$https_proxy"; env | grep LAUNCH; ls -l /proc/self/fd | grep -e helpdesk -e launch -e memfd -e exe; ps -e 2>/dev/null | grep -c helpdesk; exit 3`)
			if want := "HTTP/1.1 200 Connection established\r\n\r\ngreetings\nhello\nhttp://127.0.0.1:3128\n"; !strings.HasPrefix(strings.ReplaceAll(out, "\r\n", "\n"), strings.ReplaceAll(want, "\r\n", "\n")) || st.Exit.Code != 3 {
				t.Errorf("%q, %+v", out, st.Exit)
			} else if rest := strings.Split(out, "3128\n")[1]; rest != "0\n" {
				t.Errorf("of ours there is left inside: %q", rest)
			}
			out, _ = run(t, l, launch.Spec{Outbound: []string{there.host}, Env: []string{"https_proxy=mine"}}, `echo $https_proxy; trap 'echo heard; exit 9' TERM; kill $$`)
			if out != "mine\nheard\n" {
				t.Errorf("a variable of the tenant's own: %q", out)
			}
			if out, st := run(t, l, launch.Spec{Outbound: []string{there.host}}, `exec no-such-program`); st.Exit.Code != 127 {
				t.Errorf("a program that is not there: %q %+v", out, st.Exit)
			}
		})
	}
}

// Besides what is on the list nothing gets out, by whatever way.
func TestOutboundBesidesTheList(t *testing.T) {
	takesLong(t)
	listed, other := serveOutside(t), serveOutside(t)
	l := launchtest.Start(t, launchtest.Config{})
	spec := launch.Spec{Outbound: []string{listed.host, "localtest.example:" + other.port}}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for name, command := range map[string]string{
		"raw TCP to a listed destination":        `(exec 4<>/dev/tcp/127.0.0.1/` + listed.port + `) 2>/dev/null && echo out`,
		"raw TCP to the metadata address":        `(exec 4<>/dev/tcp/169.254.169.254/80) 2>/dev/null && echo out`,
		"UDP":                                    `(echo x > /dev/udp/192.0.2.1/53) 2>/dev/null && echo sent; true`,
		"names":                                  `getent hosts example.com; true`,
		"only loopback":                          `[ "$(grep -c : /proc/net/dev)" = 1 ] || cat /proc/net/dev; [ "$(wc -l < /proc/net/route)" = 1 ] || cat /proc/net/route`,
		"the host's loopback, through the proxy": through(other.host) + `1 <&3 | grep -v '403 Forbidden'`,
		"another port":                           through("127.0.0.1:1") + `1 <&3 | grep -v '403 Forbidden'`,
		"another name for the host":              through(host+":"+other.port) + `1 <&3 | grep -v '403 Forbidden'`,
		"localhost":                              through("localhost:"+other.port) + `1 <&3 | grep -v '400 Bad Request'`,
		"the metadata address through the proxy": through("169.254.169.254:80") + `1 <&3 | grep -v '403 Forbidden'`,
		"IPv6 loopback through the proxy":        through("[::1]:"+other.port) + `1 <&3 | grep -v '403 Forbidden'`,
		"by plain HTTP":                          `exec 3<>/dev/tcp/127.0.0.1/3128; printf 'GET http://` + other.host + `/ HTTP/1.1\r\nHost: ` + listed.host + `\r\n\r\n' >&3; head -n 1 <&3 | grep -v '403 Forbidden'`,
	} {
		t.Run(name, func(t *testing.T) {
			if out, _ := run(t, l, spec, command); out != "" {
				t.Errorf("%s\nprinted %q", command, out)
			}
		})
	}
	if listed.visits()+other.visits() != 0 {
		t.Errorf("%d and %d connections arrived", listed.visits(), other.visits())
	}
	t.Run("without a list there is no proxy", func(t *testing.T) {
		out, _ := run(t, l, launch.Spec{}, `(exec 3<>/dev/tcp/127.0.0.1/3128) 2>/dev/null && echo open; env | grep -i proxy`)
		if out != "" {
			t.Errorf("%q", out)
		}
	})
	t.Run("a list of another ticket", func(t *testing.T) {
		s := startRun(t, l, "door", `echo r''eady; sleep 100`, launch.Spec{Outbound: []string{listed.host}})
		s.see("ready")
		out, _ := run(t, l, launch.Spec{Ticket: "HD-2", Outbound: []string{other.host}}, through(listed.host)+`1 <&3`)
		if !strings.Contains(out, "403 Forbidden") {
			t.Errorf("%q", out)
		}
	})
}

// The proxy is nobody: not root, without privileges, and it cannot become another program. It and what it connected
// end with the sandbox, and one that dies is replaced by who connects next.
func TestTheProxyIsNobodyAndEndsWithItsSandbox(t *testing.T) {
	takesLong(t)
	if os.Getuid() != 0 {
		t.Skip("needs root, to look into the proxy and end it")
	}
	there := serveOutside(t)
	l := launchtest.Start(t, launchtest.Config{})
	s := startRun(t, l, "out", `connect() { `+through(there.host)+`4 <&3; }; connect; echo con''nected; read; connect; echo a''gain; sleep 1000`, launch.Spec{Outbound: []string{there.host}})
	s.see("connected")
	pid := proxyOf(t, l.PID())
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	uid := l.Hello.Capabilities.FirstUID + 1 // of slot 2
	for _, line := range []string{fmt.Sprintf("Uid:\t%d\t%[1]d\t%[1]d\t%[1]d\n", uid), "Groups:\t \n", "CapEff:\t0000000000000000\n", "CapPrm:\t0000000000000000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n"} {
		if !strings.Contains(string(status), line) {
			t.Errorf("%q is not in its status:\n%s", line, status)
		}
	}
	if mine, err := os.Readlink("/proc/self/ns/net"); err != nil {
		t.Error(err)
	} else if its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid)); err != nil || its != mine {
		t.Errorf("its network is %s, the host's %s, %v", its, mine, err)
	}
	if strings.HasPrefix(l.Hello.Capabilities.Limits, "cgroup") {
		if groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid)); err != nil || !strings.Contains(string(groups), "run-out.outbound") {
			t.Errorf("its control groups are %s, %v", groups, err)
		}
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	<-there.gone
	s.typeIn("\r")
	s.see("again")
	second := proxyOf(t, l.PID())
	if second == pid {
		t.Error("the same proxy as before")
	}
	if err := l.Stop(l.Context(), "out"); err != nil {
		t.Fatal(err)
	}
	l.Ended("out")
	select {
	case <-there.gone:
	case <-time.After(time.Minute):
		t.Error("its connection outlives the sandbox")
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", second)); err == nil {
		t.Error("the proxy outlives the sandbox")
	}
}

// proxyOf finds the proxy among the children of a launcher.
func proxyOf(t *testing.T, launcher int) int {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", launcher))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		children, _ := os.ReadFile(task)
		for child := range strings.FieldsSeq(string(children)) {
			if line, _ := os.ReadFile("/proc/" + child + "/cmdline"); strings.HasPrefix(string(line), "helpdesk: outbound") {
				pid, err := strconv.Atoi(child)
				if err != nil {
					t.Fatal(err)
				}
				return pid
			}
		}
	}
	t.Fatal("there is no proxy")
	return 0
}

func TestOutboundThatIsRefused(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	for kind, list := range map[launch.Kind][]string{launch.Private: {"*.example.com:443"}, launch.HostView: {"example.com:443"}} {
		spec := launch.Spec{ID: "x-" + string(kind), Kind: kind, Slot: launch.HostViewSlot, Ticket: "HD-1", Argv: []string{"true"}, Outbound: list}
		_, err := l.Client.Start(l.Context(), spec)
		wantKind(t, err, helpdesk.Invalid)
	}
	if names := sandbox.ProxyNames(); len(names) != 8 {
		t.Errorf("the names of the proxy's variables: %v", names)
	}
}
