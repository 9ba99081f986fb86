//go:build linux && (amd64 || arm64)

package sandbox

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Filter says which system calls a confinement refuses besides those that both refuse.
type Filter struct {
	KernelLog  bool // allow reading the kernel's log; the host view
	NoUnixSock bool // refuse new Unix sockets: they cannot be kept from the host's abstract ones otherwise
	NoExec     bool // refuse to become another program; the proxy of a private sandbox
}

// refused are the system calls that a shell never needs and that have been ways out of sandboxes: mounting, other
// namespaces, kernel keys, BPF, tracing, modules, io_uring, and what concerns the whole machine.
var refused = append([]uint32{
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_OPEN_TREE_ATTR,
	unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
	unix.SYS_UNSHARE, unix.SYS_SETNS,
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_KCMP, unix.SYS_PIDFD_GETFD,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD,
	unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_REBOOT, unix.SYS_ACCT, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD,
	unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_VHANGUP,
	unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_FANOTIFY_INIT, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_NFSSERVCTL,
}, refusedHere...)

// terminalTricks are the ioctls by which a program could type into its terminal, or load kernel code for it.
var terminalTricks = []uint32{unix.TIOCSTI, unix.TIOCLINUX, unix.TIOCSETD}

// sockets are the families that remain; the others (vsock, packet, crypto …) do not follow network namespaces or
// are kernel code that nobody needs here.
var families = []uint32{unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK}

const (
	offNr   = 0
	offArch = 4
	offArg0 = 16
	offArg1 = 24
)

const socketType = 0xf // what of a socket's type is not a flag

const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER |
	unix.CLONE_NEWPID | unix.CLONE_NEWNET

// Program compiles the filter into what bubblewrap's --seccomp reads.
func (f Filter) Program() []byte {
	deny := unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	absent := unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS) // programs then take an older way
	a := &assembler{}
	a.load(offArch)
	a.unlessEqual(auditArch, unix.SECCOMP_RET_KILL_PROCESS)
	a.load(offNr)
	if foreignCalls != 0 {
		a.ifAtLeast(foreignCalls, absent)
	}
	for _, nr := range refused {
		a.ifEqual(nr, deny)
	}
	if !f.KernelLog {
		a.ifEqual(unix.SYS_SYSLOG, deny)
	}
	if f.NoExec {
		a.ifEqual(unix.SYS_EXECVE, deny)
		a.ifEqual(unix.SYS_EXECVEAT, deny)
	}
	a.ifEqual(unix.SYS_CLONE3, absent) // its flags are in memory, where a filter cannot look
	a.when(unix.SYS_CLONE, func(a *assembler) {
		a.load(offArg0)
		a.ifAny(namespaces, deny)
	})
	a.when(unix.SYS_IOCTL, func(a *assembler) {
		a.load(offArg1)
		for _, cmd := range terminalTricks {
			a.ifEqual(cmd, deny)
		}
	})
	// A pair is made of one family only, and asking for another loads that one's code into the kernel. A pair for
	// datagrams can still be sent elsewhere, so it is a new socket.
	a.when(unix.SYS_SOCKETPAIR, func(a *assembler) {
		a.load(offArg0)
		a.unlessEqual(unix.AF_UNIX, unix.SECCOMP_RET_ERRNO|uint32(unix.EAFNOSUPPORT))
		if f.NoUnixSock {
			a.load(offArg1)
			a.and(socketType)
			a.ifEqual(unix.SOCK_DGRAM, deny)
		}
	})
	a.when(unix.SYS_SOCKET, func(a *assembler) {
		a.load(offArg0)
		for _, family := range families {
			a.ifEqual(family, unix.SECCOMP_RET_ALLOW)
		}
		if !f.NoUnixSock {
			a.ifEqual(unix.AF_UNIX, unix.SECCOMP_RET_ALLOW)
		}
		a.give(unix.SECCOMP_RET_ERRNO | uint32(unix.EAFNOSUPPORT))
	})
	a.give(unix.SECCOMP_RET_ALLOW)
	return a.bytes()
}

// assembler builds a classic BPF program. Each test returns at once or falls through to the next instruction, so that
// there are no distances to count.
type assembler struct {
	code []unix.SockFilter
}

func (a *assembler) load(off uint32) {
	a.code = append(a.code, unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: off})
}

func (a *assembler) give(value uint32) {
	a.code = append(a.code, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: value})
}

func (a *assembler) and(bits uint32) {
	a.code = append(a.code, unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: bits})
}

func (a *assembler) ifEqual(k, value uint32)     { a.jump(unix.BPF_JEQ, k, 0, 1, value) }
func (a *assembler) unlessEqual(k, value uint32) { a.jump(unix.BPF_JEQ, k, 1, 0, value) }
func (a *assembler) ifAtLeast(k, value uint32)   { a.jump(unix.BPF_JGE, k, 0, 1, value) }
func (a *assembler) ifAny(bits, value uint32)    { a.jump(unix.BPF_JSET, bits, 0, 1, value) }

func (a *assembler) jump(op uint16, k uint32, yes, no uint8, value uint32) {
	a.code = append(a.code, unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, K: k, Jt: yes, Jf: no})
	a.give(value)
}

// when runs the instructions of then for one system call; what they let through is allowed.
func (a *assembler) when(nr uint32, then func(*assembler)) {
	inner := &assembler{}
	then(inner)
	inner.give(unix.SECCOMP_RET_ALLOW)
	a.code = append(a.code, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: nr, Jf: uint8(len(inner.code))})
	a.code = append(a.code, inner.code...)
}

// Confine puts the filter on all threads of this process, for good. The process must have no_new_privs.
func (f Filter) Confine() error {
	const setModeFilter, threadSync = 1, 1
	program := f.Program()
	filters := make([]unix.SockFilter, len(program)/8)
	for i := range filters {
		p := program[8*i:]
		filters[i] = unix.SockFilter{Code: binary.NativeEndian.Uint16(p), Jt: p[2], Jf: p[3], K: binary.NativeEndian.Uint32(p[4:])}
	}
	prog := unix.SockFprog{Len: uint16(len(filters)), Filter: &filters[0]}
	if r, _, errno := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, threadSync, uintptr(unsafe.Pointer(&prog))); errno != 0 || r != 0 {
		return fmt.Errorf("a filter of system calls cannot be set: thread %d, %w", r, errno)
	}
	return nil
}

func (a *assembler) bytes() []byte {
	var p []byte
	for _, i := range a.code {
		p = binary.NativeEndian.AppendUint16(p, i.Code)
		p = append(p, i.Jt, i.Jf)
		p = binary.NativeEndian.AppendUint32(p, i.K)
	}
	return p
}
