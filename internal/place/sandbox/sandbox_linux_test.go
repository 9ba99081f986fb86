package sandbox

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// verdict runs a compiled filter on a system call, as the kernel would.
func verdict(t *testing.T, program []byte, arch, nr uint32, args ...uint64) uint32 {
	t.Helper()
	var raw []bpf.Instruction
	for p := program; len(p) > 0; p = p[8:] {
		raw = append(raw, bpf.RawInstruction{Op: binary.NativeEndian.Uint16(p), Jt: p[2], Jf: p[3], K: binary.NativeEndian.Uint32(p[4:])}.Disassemble())
	}
	vm, err := bpf.NewVM(raw)
	if err != nil {
		t.Fatal(err)
	}
	// The interpreter reads words in network order, the kernel in its own.
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data[offNr:], nr)
	binary.BigEndian.PutUint32(data[offArch:], arch)
	for i, a := range args {
		binary.BigEndian.PutUint32(data[offArg0+8*i:], uint32(a))
		binary.BigEndian.PutUint32(data[offArg0+8*i+4:], uint32(a>>32))
	}
	out, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(out)
}

func TestFilter(t *testing.T) {
	const (
		allow = uint32(unix.SECCOMP_RET_ALLOW)
		eperm = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
		nosys = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
		noaf  = unix.SECCOMP_RET_ERRNO | uint32(unix.EAFNOSUPPORT)
	)
	private, view, closed := Filter{}.Program(), Filter{KernelLog: true}.Program(), Filter{NoUnixSock: true}.Program()
	for _, c := range []struct {
		name    string
		program []byte
		want    uint32
		nr      uint32
		args    []uint64
	}{
		{"read", private, allow, unix.SYS_READ, nil},
		{"execve", private, allow, unix.SYS_EXECVE, nil},
		{"fork", private, allow, unix.SYS_CLONE, []uint64{uint64(unix.SIGCHLD)}},
		{"a new user namespace", private, eperm, unix.SYS_CLONE, []uint64{unix.CLONE_NEWUSER | uint64(unix.SIGCHLD)}},
		{"clone3", private, nosys, unix.SYS_CLONE3, nil},
		{"unshare", private, eperm, unix.SYS_UNSHARE, nil},
		{"mount", private, eperm, unix.SYS_MOUNT, nil},
		{"ptrace", private, eperm, unix.SYS_PTRACE, nil},
		{"keyctl", private, eperm, unix.SYS_KEYCTL, nil},
		{"io_uring", private, eperm, unix.SYS_IO_URING_SETUP, nil},
		{"TIOCSTI", private, eperm, unix.SYS_IOCTL, []uint64{0, unix.TIOCSTI}},
		{"TIOCSTI with high bits, which the kernel cuts off", private, eperm, unix.SYS_IOCTL, []uint64{0, unix.TIOCSTI | 1<<40}},
		{"TIOCLINUX", private, eperm, unix.SYS_IOCTL, []uint64{0, unix.TIOCLINUX}},
		{"TIOCGWINSZ", private, allow, unix.SYS_IOCTL, []uint64{0, unix.TIOCGWINSZ}},
		{"a Unix socket", private, allow, unix.SYS_SOCKET, []uint64{unix.AF_UNIX}},
		{"a Unix socket where it is not safe", closed, noaf, unix.SYS_SOCKET, []uint64{unix.AF_UNIX}},
		{"an internet socket", closed, allow, unix.SYS_SOCKET, []uint64{unix.AF_INET6}},
		{"a pair", private, allow, unix.SYS_SOCKETPAIR, []uint64{unix.AF_UNIX, unix.SOCK_DGRAM}},
		{"a pair of another family", private, noaf, unix.SYS_SOCKETPAIR, []uint64{unix.AF_TIPC, unix.SOCK_SEQPACKET}},
		{"a pair that could be sent elsewhere", closed, eperm, unix.SYS_SOCKETPAIR, []uint64{unix.AF_UNIX, unix.SOCK_DGRAM | unix.SOCK_CLOEXEC}},
		{"a pair that could not", closed, allow, unix.SYS_SOCKETPAIR, []uint64{unix.AF_UNIX, unix.SOCK_STREAM | unix.SOCK_NONBLOCK}},
		{"another program", private, allow, unix.SYS_EXECVEAT, nil},
		{"another program, in the proxy", Filter{NoExec: true}.Program(), eperm, unix.SYS_EXECVE, nil},
		{"another program by its descriptor, in the proxy", Filter{NoExec: true}.Program(), eperm, unix.SYS_EXECVEAT, nil},
		{"vsock", private, noaf, unix.SYS_SOCKET, []uint64{unix.AF_VSOCK}},
		{"packet", view, noaf, unix.SYS_SOCKET, []uint64{unix.AF_PACKET}},
		{"the kernel's log", private, eperm, unix.SYS_SYSLOG, nil},
		{"the kernel's log in the host view", view, allow, unix.SYS_SYSLOG, nil},
	} {
		if got := verdict(t, c.program, auditArch, c.nr, c.args...); got != c.want {
			t.Errorf("%s: %#x, want %#x", c.name, got, c.want)
		}
	}
	if got := verdict(t, private, unix.AUDIT_ARCH_I386, unix.SYS_READ); got != unix.SECCOMP_RET_KILL_PROCESS {
		t.Errorf("a call of another architecture: %#x", got)
	}
	if foreignCalls != 0 {
		if got := verdict(t, private, auditArch, foreignCalls|uint32(unix.SYS_READ)); got != nosys {
			t.Errorf("a call of the second interface: %#x", got)
		}
	}
	if n := len(private) / 8; n > 4096 {
		t.Errorf("%d instructions are more than the kernel takes", n)
	}
}

// after gives what follows each occurrence of an option.
func after(options []string, option string, n int) (found [][]string) {
	for i, o := range options {
		if o == option && i+n < len(options) {
			found = append(found, options[i+1:i+1+n])
		}
	}
	return found
}

func TestAPrivateSandboxWritesOnlyItsOwn(t *testing.T) {
	p := Private(Job{UID: 600002, GID: 600002, Workspace: "/data/w", Cwd: "sub", Env: []string{"A=b=c", "PATH=/x"}, Argv: []string{"true"}, Hostname: "HD-1"})
	if binds := after(p.Options, "--bind", 2); len(binds) != 1 || binds[0][0] != "/data/w" || binds[0][1] != WorkspaceDir {
		t.Errorf("writable binds: %v", binds)
	}
	for _, bad := range []string{"--dev-bind", "--share-net", "--new-session", "--bind-try"} {
		if slices.Contains(p.Options, bad) {
			t.Errorf("%s is used", bad)
		}
	}
	for _, must := range []string{"--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-net", "--unshare-uts", "--disable-userns", "--die-with-parent", "--clearenv"} {
		if !slices.Contains(p.Options, must) {
			t.Errorf("%s is missing", must)
		}
	}
	for _, b := range after(p.Options, "--ro-bind", 2) {
		if b[0] != "/usr" && !strings.HasPrefix(b[0], "/etc/") && !slices.Contains([]string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}, b[0]) {
			t.Errorf("%s of the host is in it", b[0])
		}
	}
	set := map[string]string{}
	for _, e := range after(p.Options, "--setenv", 2) {
		set[e[0]] = e[1]
	}
	if set["A"] != "b=c" || set["PATH"] != "/x" || set["HOME"] == "" || set["TERM"] == "" {
		t.Errorf("variables %v", set)
	}
}

func TestWhatTheHostViewMasks(t *testing.T) {
	dir := t.TempDir()
	for d := dir; d != "/"; d = filepath.Dir(d) {
		if info, err := os.Stat(d); err == nil && info.Mode().Perm()&1 == 0 {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Skip(err)
			}
		}
	}
	// /tmp is replaced whole, so the data has to be elsewhere for its mask to be seen.
	if strings.HasPrefix(dir, "/tmp/") {
		dir = "/usr/share"
	}
	masks := masked(View{Data: dir, Masks: []string{filepath.Join(dir, "doc")}})
	if !slices.Contains(masks, dir) {
		t.Errorf("the data is not masked: %v", masks)
	}
	for i, m := range masks {
		for j, n := range masks {
			if i != j && below(m, n) {
				t.Errorf("%s is masked below %s", m, n)
			}
		}
	}
	if _, err := os.Stat("/root"); err == nil && !slices.Contains(masks, "/root") {
		t.Error("/root is not masked")
	}
	listens := slices.ContainsFunc(boundSockets(), func(s string) bool { return below(s, "/root") }) // somebody on this machine
	if !listens && slices.Contains(masked(View{Homes: true}), "/root") {
		t.Error("/root is masked though homes are shown")
	}
}

func TestReachableStopsAtTheFirstClosedDirectory(t *testing.T) {
	dir := t.TempDir()
	for d := dir; d != "/tmp" && d != "/"; d = filepath.Dir(d) {
		os.Chmod(d, 0o755)
	}
	inner := filepath.Join(dir, "closed", "inner")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := reachable(inner); got != inner {
		t.Errorf("an open way: %s", got)
	}
	if err := os.Chmod(filepath.Dir(inner), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := reachable(inner); got != filepath.Dir(inner) {
		t.Errorf("behind a closed directory: %s", got)
	}
}
