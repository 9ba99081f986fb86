package launch_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
)

// needsPython skips where no Python is in reach of a sandbox: some attempts cannot be made by a shell.
func needsPython(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/usr/bin/python3", "/usr/local/bin/python3"} {
		if _, err := os.Stat(path); err == nil {
			return
		}
	}
	t.Skip("no python3 in /usr/bin")
}

// calls tries system calls that a shell never needs, and sockets that do not follow network namespaces or are rarely
// used kernel code. It prints what was not refused.
const calls = `python3 - <<'E'
import ctypes, errno, socket, platform, fcntl, termios
libc = ctypes.CDLL(None, use_errno=True)
numbers = {"ptrace": (101, 117), "mount": (165, 40), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280),
  "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "unshare": (272, 97), "setns": (308, 268),
  "kexec_load": (246, 104), "init_module": (175, 105), "open_by_handle_at": (304, 265), "chroot": (161, 51), "clone3": (435, 435), "process_vm_readv": (310, 270),
  "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438), "kcmp": (312, 272), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
  "mount_setattr": (442, 442), "open_tree_attr": (467, 467), "pivot_root": (155, 41), "umount2": (166, 39), "swapon": (167, 224), "reboot": (169, 142),
  "sethostname": (170, 161), "quotactl": (179, 60), "fanotify_init": (300, 262), "acct": (163, 89), "settimeofday": (164, 170)}
for name, both in numbers.items():
    ctypes.set_errno(0)
    r = libc.syscall(both[platform.machine() != "x86_64"], 0, 0, 0, 0, 0, 0)
    if r >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS): print(name, r, ctypes.get_errno())
if platform.machine() == "x86_64":
    for name, nr in {"x32 getpid": 0x40000000 + 39, "iopl": 172, "modify_ldt": 154}.items():
        if libc.syscall(nr, 0, 0, 0) >= 0: print(name)
for flags in (0x10000000, 0x00020000, 0x40000000, 0x20000000):
    r = libc.syscall({"x86_64": 56}.get(platform.machine(), 220), flags | 17, 0, 0, 0, 0)
    if r == 0: libc._exit(0)
    if r > 0: print("clone", hex(flags))
for family in range(2, 47):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        try:
            socket.socket(family, kind)
            if (family, kind) not in ((2, 2), (10, 2), (16, 2), (16, 3)): print("socket", family, kind)
        except OSError: pass
    try: socket.socketpair(family, socket.SOCK_SEQPACKET); print("pair", family)
    except OSError: pass
for cmd in (termios.TIOCSTI, 0x541C, 0x5423, 0x5412 | (1 << 40)):
    try:
        fcntl.ioctl(0, cmd & 0xffffffff, b"x"); print("ioctl", hex(cmd))
    except (OSError, OverflowError): pass
    if libc.ioctl(0, ctypes.c_ulong(cmd), b"x") == 0: print("ioctl", hex(cmd))
E`

func TestWhatAProgramMayAskOfTheKernel(t *testing.T) {
	takesLong(t)
	needsPython(t)
	l := launchtest.Start(t, launchtest.Config{})
	for _, kind := range []launch.Kind{launch.Private, launch.HostView} {
		t.Run(string(kind), func(t *testing.T) {
			probe(t, l, kind, calls)
			probe(t, l, kind, `grep -q '^Seccomp:.2' /proc/self/status || echo no filter; grep -q '^NoNewPrivs:.1' /proc/self/status || echo privileges to gain`)
		})
	}
}

// What crashes leaves nothing: no file, and nothing for a handler of the host's, which would be root.
func TestCrashesLeaveNothing(t *testing.T) {
	takesLong(t)
	want := "Max core file size 1 1 bytes \n"
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1}); err != nil {
		want = "Max core file size 0 0 bytes \n" // this test was given 0 and so was its launcher
	}
	l := launchtest.Start(t, launchtest.Config{})
	for _, kind := range []launch.Kind{launch.Private, launch.HostView} {
		out, _ := run(t, l, launch.Spec{Kind: kind}, `grep -i '^max core' /proc/self/limits | tr -s ' '; ulimit -c unlimited 2>/dev/null && echo raised; (sh -c 'kill -SEGV $$'; true) 2>/dev/null; ls`)
		if out != want {
			t.Errorf("%s: %q", kind, out)
		}
	}
}

// What root of the host has left in a Workspace, as files with the set-user-id bit or devices, is of no more use than
// any other file.
func TestNothingIsGainedByFiles(t *testing.T) {
	takesLong(t)
	if os.Getuid() != 0 {
		t.Skip("needs root, to make such files")
	}
	l := launchtest.Start(t, launchtest.Config{})
	id, err := os.ReadFile("/usr/bin/id")
	if err != nil {
		t.Skip(err)
	}
	plant := func(dir string) {
		t.Helper()
		path := filepath.Join(dir, "helpdesk-probe-id")
		t.Cleanup(func() { os.Remove(path) })
		if err := errors.Join(os.WriteFile(path, id, 0o755), os.Chown(path, 0, 0), os.Chmod(path, 0o755|os.ModeSetuid|os.ModeSetgid)); err != nil {
			t.Fatal(err)
		}
		device := filepath.Join(dir, "helpdesk-probe-zero")
		t.Cleanup(func() { os.Remove(device) })
		if err := errors.Join(unix.Mknod(device, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))), os.Chmod(device, 0o666)); err != nil {
			t.Skip(err)
		}
	}
	const try = `for dir in /workspace /srv; do [ -e $dir/helpdesk-probe-id ] || continue; $dir/helpdesk-probe-id -u; head -c 1 $dir/helpdesk-probe-zero 2>/dev/null | wc -c; done`
	plant("/srv")
	for kind, slot := range map[launch.Kind]int{launch.Private: 2, launch.HostView: launch.HostViewSlot} {
		if err := l.CreateWorkspace(l.Context(), slot, "HD-1"); err != nil {
			t.Fatal(err)
		}
		plant(filepath.Join(l.Data, "workspaces", strconv.Itoa(slot), "HD-1"))
		uid := strconv.Itoa(l.Hello.Capabilities.FirstUID + slot - 1)
		want := uid + "\n0\n"
		if kind == launch.HostView {
			want += want
		}
		if out, _ := run(t, l, launch.Spec{Kind: kind}, try); out != want {
			t.Errorf("%s: %q, want %q", kind, out, want)
		}
	}
}

// Two tickets of the tenant This machine have one user. They see each other's processes as they see all of the host,
// and neither they nor a look at another tenant's sandbox gives more than that.
func TestTicketsOfTheHostViewAreApart(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	if !l.Hello.Capabilities.Processes {
		t.Skip("the host's processes are not shown here")
	}
	here := strconv.Itoa(l.PID()) // of this launcher, whatever else runs on this machine
	first := startRun(t, l, "first", `echo mine > /tmp/x; echo kept > kept; echo st''art; exec sleep 100`+here, launch.Spec{Kind: launch.HostView, Slot: launch.HostViewSlot, Env: []string{"SECRET=of-the-first"}})
	first.see("start")
	other := startRun(t, l, "other", `echo st''art; exec sleep 200`+here, launch.Spec{Env: []string{"SECRET=of-another-tenant"}})
	other.see("start")
	for name, pid := range map[string]int{"another ticket": processNamed(t, "sleep\x00100"+here), "another tenant": processNamed(t, "sleep\x00200"+here)} {
		t.Run(name, func(t *testing.T) {
			out, _ := run(t, l, launch.Spec{Kind: launch.HostView, Ticket: "HD-2"}, attack(pid))
			if out != "" {
				t.Errorf("%q", out)
			}
			out, _ = run(t, l, launch.Spec{Kind: launch.HostView, Ticket: "HD-2"}, fmt.Sprintf(`tr '\0' ' ' < /proc/%d/cmdline`, pid))
			if !strings.HasPrefix(out, "sleep ") {
				t.Errorf("its command line is not seen: %q", out)
			}
		})
	}
	out, _ := run(t, l, launch.Spec{Kind: launch.HostView, Ticket: "HD-2"}, `ls -A /tmp /workspace; cat `+l.Data+`/workspaces/1/HD-1/kept 2>/dev/null; kill -9 -1 2>/dev/null; echo end`)
	if out != "/tmp:\n\n/workspace:\nend\n" {
		t.Errorf("the second ticket sees %q", out)
	}
	for _, id := range []string{"first", "other"} {
		if l.WaitFor(id, func(launch.Status) bool { return true }).Exit != nil {
			t.Errorf("%s was ended", id)
		}
	}
}

// processNamed finds the process with a command line that begins so.
func processNamed(t *testing.T, line string) int {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if text, _ := os.ReadFile(path); strings.HasPrefix(string(text), line+"\x00") {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatalf("no process %q", line)
	return 0
}

// Abstract sockets have no path and no permissions. A private sandbox is in another network; the host view is not, and
// must not reach them by any kind of socket.
func TestAbstractSocketsOfTheHost(t *testing.T) {
	takesLong(t)
	needsPython(t)
	stream, err := net.Listen("unix", "@helpdesk-probe-stream")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	datagram, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: "@helpdesk-probe-datagram", Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer datagram.Close()
	l := launchtest.Start(t, launchtest.Config{})
	for _, kind := range []launch.Kind{launch.Private, launch.HostView} {
		probe(t, l, kind, `python3 - <<'E'
import socket
def attempt(what, act):
    try:
        act(); print(what)
    except OSError: pass
attempt("stream", lambda: socket.socket(socket.AF_UNIX).connect("\0helpdesk-probe-stream"))
attempt("datagram", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", "\0helpdesk-probe-datagram"))
def pair():
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    b.close()
    a.connect("\0helpdesk-probe-datagram")
    a.send(b"x")
attempt("pair", pair)
E`)
	}
}

// The groups that may read logs are those of the host view, and of no private sandbox.
func TestLogsAreForTheHostView(t *testing.T) {
	takesLong(t)
	group, err := user.LookupGroup("adm")
	if err != nil || os.Getuid() != 0 {
		t.Skip("needs root and a group adm")
	}
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("/var/log", "helpdesk-probe.log")
	t.Cleanup(func() { os.Remove(path) })
	if err := errors.Join(os.WriteFile(path, []byte("a line\n"), 0o640), os.Chown(path, 0, gid)); err != nil {
		t.Fatal(err)
	}
	l := launchtest.Start(t, launchtest.Config{})
	if out, _ := run(t, l, launch.Spec{Kind: launch.HostView}, `cat `+path+`; (echo x >> `+path+`) 2>/dev/null && echo written`); out != "a line\n" {
		t.Errorf("in the host view: %q", out)
	}
	probe(t, l, launch.Private, `cat `+path+` 2>/dev/null; id -G | grep ' '; true`)
}

// A file that holds secrets of the configuration is masked wherever it is, and whatever its permissions.
func TestFilesThatTheConfigurationMasks(t *testing.T) {
	takesLong(t)
	if os.Getuid() != 0 {
		t.Skip("needs root, to put files where others may read them")
	}
	path := filepath.Join("/srv", "helpdesk-probe.key")
	t.Cleanup(func() { os.Remove(path) })
	if err := os.WriteFile(path, []byte("the key\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	seen := launchtest.Start(t, launchtest.Config{})
	if out, _ := run(t, seen, launch.Spec{Kind: launch.HostView}, "cat "+path); out != "the key\n" {
		t.Errorf("without a mask: %q", out)
	}
	masked := launchtest.Start(t, launchtest.Config{Launch: launch.Config{Masks: []string{path}}})
	probe(t, masked, launch.HostView, "cat "+path+" 2>/dev/null; true")
}

// Switches of the kernel are for reading.
func TestSwitchesOfTheKernel(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	for _, kind := range []launch.Kind{launch.Private, launch.HostView} {
		probe(t, l, kind, `for f in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/kernel/sysrq /proc/sys/kernel/hostname /proc/sys/vm/drop_caches /proc/sys/net/ipv4/ip_forward /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups /proc/bus/pci/* /proc/irq/default_smp_affinity /sys/power/state /sys/kernel/mm/transparent_hugepage/enabled /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/*/tasks /sys/fs/cgroup/*/notify_on_release /sys/fs/cgroup/*/release_agent; do [ -e $f ] && (echo 1 > $f) 2>/dev/null && echo $f; done; mkdir /sys/fs/cgroup/probe /sys/fs/cgroup/*/probe 2>/dev/null && echo made a group; (echo -1000 > /proc/self/oom_score_adj) 2>/dev/null && echo oom; for f in /proc/kcore /proc/kmsg /proc/kpageflags /sys/kernel/debug/* /sys/kernel/tracing/*; do [ -f $f ] && head -c 1 $f 2>/dev/null; done; true`)
	}
}
