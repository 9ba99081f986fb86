package launch

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"helpdesk/internal/place/sandbox"
)

// A door is this program again, as the first thing that runs inside a private sandbox whose tenant has destinations
// outside. It makes the socket that listens on the sandbox's own loopback, hands it to the launcher and becomes the
// command. So nothing of ours stays inside, and nobody needs to enter the sandbox's network namespace, which only root
// could.

const roleDoor = "door" // followed by the numbers of two descriptors: this program, and the socket to the launcher

// door becomes the command. It returns only when that fails.
func door(role string) int {
	var program, launcher int
	if _, err := fmt.Sscanf(role, roleDoor+" %d %d", &program, &launcher); err != nil {
		return ExitConfig
	}
	unix.CloseOnExec(program)
	unix.CloseOnExec(launcher)
	if err := handListener(launcher); err != nil {
		_ = unix.Sendto(launcher, []byte(reason(err)), 0, nil)
		return ExitConfig
	}
	argv := os.Args[1:]
	env := slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, roleVariable+"=") })
	path, err := lookPath(argv[0], env)
	if err == nil {
		err = syscall.Exec(path, argv, env)
	}
	fmt.Fprintf(os.Stderr, "helpdesk: %s: %s\n", argv[0], reason(err))
	return 127
}

// handListener makes the socket and sends it.
func handListener(launcher int) error {
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	if err := unix.Bind(l, &unix.SockaddrInet4{Port: sandbox.ProxyPort, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	if err := unix.Listen(l, 128); err != nil {
		return err
	}
	return unix.Sendmsg(launcher, nil, unix.UnixRights(l), nil, 0)
}
