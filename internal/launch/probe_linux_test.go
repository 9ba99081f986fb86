package launch_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
)

// Each probe is what somebody would try from inside, with a real shell.

// probe runs a command that prints nothing when the wall holds.
func probe(t *testing.T, l *launchtest.Launcher, kind launch.Kind, command string) {
	t.Helper()
	out, st := run(t, l, launch.Spec{Kind: kind}, command)
	if out != "" || st.Exit.Code != 0 {
		t.Errorf("%s\nprinted %q and ended with %+v", command, out, st.Exit)
	}
}

func TestPrivateSandbox(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	if err := l.CreateWorkspace(l.Context(), 3, "OTHER-1"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.WriteFile(l.Context(), 3, "OTHER-1", "secret", []byte("of another tenant"), false); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.Data, "helpdesk.db"), []byte("all secrets"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := func(name, command string) {
		t.Run(name, func(t *testing.T) { probe(t, l, launch.Private, command) })
	}
	p("no other tenant's files", `find / -xdev -name secret 2>/dev/null; find / -name 'OTHER-*' 2>/dev/null | head; ls -d `+l.Data+` 2>/dev/null; true`)
	p("no server data", `find / -name helpdesk.db 2>/dev/null; grep -s launchtest /proc/self/mountinfo | grep -v ' /workspace '; for d in /home /root /var /opt /srv /mnt /media /boot; do find $d -type f 2>/dev/null | head -3; done; true`)
	p("no host processes", `n=$(ls -d /proc/[0-9]* | wc -l); [ $n -le 6 ] || ls -d /proc/[0-9]*; grep -l launch /proc/[0-9]*/comm 2>/dev/null; true`)
	p("no network", `n=$(grep -c : /proc/net/dev); [ "$n" = 1 ] || cat /proc/net/dev; ip route 2>/dev/null; (exec 3<>/dev/tcp/169.254.169.254/80) 2>/dev/null && echo metadata; (exec 3<>/dev/tcp/1.1.1.1/53) 2>/dev/null && echo out; true`)
	p("no signal out", fmt.Sprintf(`for pid in %d %d $PPID; do [ $pid -gt 1 ] && kill -0 $pid 2>/dev/null && [ ! -d /proc/$pid ] && echo $pid; done; true`, os.Getpid(), l.PID()))
	p("no device", `ls -l /dev | grep '^b'; for d in mem kmem kvm fuse sda vda loop0 tun input dri; do [ -e /dev/$d ] && echo $d; done; mknod /tmp/d b 7 0 2>/dev/null && echo mknod; mknod /workspace/d c 1 1 2>/dev/null && echo mknod; true`)
	p("no mount", `mount -t tmpfs none /tmp 2>/dev/null && echo mounted; unshare -m true 2>/dev/null && echo unshare; unshare -Ur true 2>/dev/null && echo userns; mount -o remount,rw / 2>/dev/null && echo remount; umount /workspace 2>/dev/null && echo umount; true`)
	p("no setuid gain", `grep -q '^NoNewPrivs:.1' /proc/self/status || echo privileges; grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb):' /proc/self/status | grep -v 0000000000000000; su -c id root </dev/null 2>/dev/null; find /usr -perm -4000 -exec sh -c '[ "$(id -u)" = 0 ] && echo root' \; 2>/dev/null; true`)
	p("nothing writable but what is its own", `for d in / /usr /usr/bin /etc /var /run /dev /proc/sys /home /root /opt /sys; do (: > $d/probe) 2>/dev/null && echo $d; done; for d in /workspace /tmp /home/user /dev/shm; do (: > $d/probe) 2>/dev/null || echo not $d; done; true`)
	p("no variables of the server", `env | grep -i '[h]elpdesk'; tr '\0' '\n' < /proc/1/environ 2>/dev/null | grep -i '[h]elpdesk'; tr '\0' '\n' < /proc/1/cmdline | grep -e '[-]-setenv' -e '[P]ATH='; true`)
	p("no descriptor of the server", `for f in /proc/$$/fd/*; do case $(readlink $f) in /dev/*|/proc/*|"") ;; *) readlink $f;; esac; done; true`)
}

func TestBombs(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{Launch: launch.Config{Memory: 96 << 20, Processes: 64}})
	t.Run("a fork bomb is contained", func(t *testing.T) {
		run(t, l, launch.Spec{Timeout: 3e9}, `bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 1`)
		if out, st := run(t, l, launch.Spec{}, `echo alive`); out != "alive\n" {
			t.Errorf("afterwards: %q %+v", out, st.Exit)
		}
	})
	t.Run("a memory bomb is contained", func(t *testing.T) {
		_, st := run(t, l, launch.Spec{}, `head -c 1000000000 /dev/zero | tail; exit ${PIPESTATUS[1]}`)
		if st.Exit.Code == 0 {
			t.Errorf("a gigabyte of memory was had: %+v", st.Exit)
		}
		if strings.HasPrefix(l.Hello.Capabilities.Limits, "cgroup") && !strings.Contains(st.Detail, "memory") {
			t.Errorf("nothing is said of the reason: %q", st.Detail)
		}
	})
	t.Run("a fork bomb in the host view is contained", func(t *testing.T) {
		run(t, l, launch.Spec{Kind: launch.HostView, Timeout: 3e9}, `bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 1`)
		if out, st := run(t, l, launch.Spec{Kind: launch.HostView}, `echo alive`); out != "alive\n" {
			t.Errorf("afterwards: %q %+v", out, st.Exit)
		}
	})
	t.Run("files in memory and on disk are contained", func(t *testing.T) {
		out, _ := run(t, l, launch.Spec{}, `exec 2>/dev/null; for d in /tmp /dev/shm /home/user /workspace; do (head -c 400000000 /dev/zero > $d/x) && echo $d; rm -f $d/x; done; true`)
		if out != "" {
			t.Errorf("400 MB were written to %s", out)
		}
	})
}

// Two tickets of one tenant do not see each other either.
func TestTicketsOfOneTenantAreApart(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	s := startRun(t, l, "first", `echo mine > /tmp/x; echo st''art; exec -a first-ticket sleep 1000`, launch.Spec{})
	s.see("start")
	out, _ := run(t, l, launch.Spec{Ticket: "HD-2"}, `ls /tmp /workspace; grep -l 'first-[t]icket' /proc/*/cmdline 2>/dev/null; kill -9 -1 2>/dev/null; echo end`)
	if out != "/tmp:\n\n/workspace:\nend\n" {
		t.Errorf("the second ticket sees %q", out)
	}
	if l.WaitFor("first", func(launch.Status) bool { return true }).Exit != nil {
		t.Error("the first one was ended by the second")
	}
}

func TestHostView(t *testing.T) {
	takesLong(t)
	sockets := t.TempDir()
	if err := os.Chmod(filepath.Dir(sockets), 0o755); err != nil {
		t.Fatal(err)
	}
	l := launchtest.Start(t, launchtest.Config{})
	if err := os.WriteFile(filepath.Join(l.Data, "helpdesk.db"), []byte("all secrets"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := func(name, command string) {
		t.Run(name, func(t *testing.T) { probe(t, l, launch.HostView, command) })
	}
	p("it sees the machine", fmt.Sprintf(`[ -d /proc/%d ] || echo no process; [ -r /etc/passwd ] || echo no passwd; [ -d /sys/class ] || echo no sys; ls /var/log >/dev/null || echo no logs; ps -e >/dev/null || echo no ps; df / >/dev/null || echo no df; [ "$(readlink /proc/self/exe)" ] || echo no self; true`, l.PID()))
	t.Run("it sees the host's ports", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		probe(t, l, launch.HostView, `(exec 3<>/dev/tcp/127.0.0.1/`+port+`) || echo not connected`)
	})
	p("masked paths are unreadable", `cat `+l.Data+`/helpdesk.db 2>/dev/null; ls -A `+filepath.Dir(l.Data)+` 2>/dev/null; ls -A /root /home /etc/ssl/private /var/tmp /var/lib/postgresql 2>/dev/null | grep -v :$ | grep .; cat /etc/shadow /etc/gshadow /etc/ssh/*_key 2>/dev/null; ls /run/postgresql /run/docker.sock /run/user/0 2>/dev/null; true`)
	p("nothing is writable but the Workspace", `for d in / /usr /etc /var /var/log /var/tmp /run /sys /proc/sys /proc/sys/kernel /dev /mnt /srv /opt /boot; do (: > $d/probe) 2>/dev/null && echo $d; done; find / -xdev \( -path /workspace -o -path /tmp -o -path /proc -o -path /run/user \) -prune -o -type d -writable -print 2>/dev/null | grep -v ^/dev/shm; (: > /workspace/probe) || echo not the Workspace; for f in /proc/*/oom_score_adj /proc/sysrq-trigger; do (echo 0 > $f) 2>/dev/null && echo $f; done; true`)
	p("no setuid gain", `grep -q '^NoNewPrivs:.1' /proc/self/status || echo privileges; grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb):' /proc/self/status | grep -v 0000000000000000; unshare -Ur true 2>/dev/null && echo userns; mount -t tmpfs none /tmp 2>/dev/null && echo mount; umount /root 2>/dev/null && echo umount; true`)
	t.Run("no host socket is reachable", func(t *testing.T) {
		if !l.Hello.Capabilities.Root {
			t.Skip("needs root")
		}
		python := func(address string) string {
			return `command -v python3 >/dev/null || exit 0; python3 -c '
import socket
s = socket.socket(socket.AF_UNIX)
try:
    s.connect(` + address + `); print("connected")
except OSError: pass'`
		}
		for _, path := range []string{"/var/helpdesk-probe.socket", "/srv/helpdesk-probe.socket", "/run/helpdesk-probe.socket", filepath.Join(sockets, "s")} {
			listener, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			if err := os.Chmod(path, 0o777); err != nil {
				t.Fatal(err)
			}
			probe(t, l, launch.HostView, python(strconv.Quote(path)))
		}
		abstract, err := net.Listen("unix", "@helpdesk-probe")
		if err != nil {
			t.Fatal(err)
		}
		defer abstract.Close()
		probe(t, l, launch.HostView, python(`"\0helpdesk-probe"`))
	})
	p("the launcher cannot be killed or looked into", attack(l.PID()))
}

// attack tries on a process what its user must not be able to do.
func attack(pid int) string {
	return strings.ReplaceAll(`kill -9 PID 2>/dev/null && echo killed; kill -0 PID 2>/dev/null && echo signalled; cat /proc/PID/environ 2>/dev/null; ls /proc/PID/root/ /proc/PID/cwd/ 2>/dev/null; for f in /proc/PID/fd/*; do readlink $f; (head -c 1 $f) 2>/dev/null; done; cat /proc/PID/maps 2>/dev/null; dd if=/proc/PID/mem bs=1 count=1 2>/dev/null; (echo 900 > /proc/PID/oom_score_adj) 2>/dev/null && echo oom; gdb -p PID -batch -ex quit 2>/dev/null | grep -i 'attaching\|thread'; true`, "PID", strconv.Itoa(pid))
}

// A socket that is let in by name can be reached, in a directory that is otherwise masked.
func TestASocketLetInByName(t *testing.T) {
	takesLong(t)
	if os.Getuid() != 0 {
		t.Skip("needs root, to make a socket in /run")
	}
	const path = "/run/helpdesk-named.socket"
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	l := launchtest.Start(t, launchtest.Config{Launch: launch.Config{Sockets: []string{path}}})
	out, _ := run(t, l, launch.Spec{Kind: launch.HostView}, `python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("`+path+`"); print("connected")'`)
	if out != "connected\n" {
		t.Errorf("%q; %s", out, l.Hello.Capabilities.HostNotes)
	}
}
