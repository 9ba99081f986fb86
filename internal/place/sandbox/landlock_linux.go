package sandbox

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Landlock's scopes, from version 6 on (Linux 6.12).
const (
	scopeAbstractUnix = 1 << 0
	scopeSignal       = 1 << 1
)

// rulesetAttr is the kernel's struct landlock_ruleset_attr, version 6.
type rulesetAttr struct {
	fs, net, scoped uint64
}

// CanScope says whether the kernel can keep a thread's children from abstract Unix sockets and processes outside.
func CanScope() bool {
	const version = 1 // LANDLOCK_CREATE_RULESET_VERSION
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, version)
	return errno == 0 && abi >= 6
}

// ScopeThread keeps the calling thread and all that it starts from now on from connecting to abstract Unix sockets and
// from signalling processes that are not of its own making. It cannot be undone, so the caller must have locked its
// goroutine to the thread for good. The thread must have no_new_privs.
func ScopeThread() error {
	attr := rulesetAttr{scoped: scopeAbstractUnix | scopeSignal}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return errno
	}
	defer unix.Close(int(fd))
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
