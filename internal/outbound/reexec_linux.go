package outbound

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"helpdesk"
	"helpdesk/internal/place/sandbox"
)

// Reexec must be among the first things that main does: when this process is the proxy of a sandbox, started by the
// launcher, it is that until nobody needs it and returns true with the exit code.
func Reexec() (code int, done bool) {
	list, is := os.LookupEnv(sandbox.ProxyList)
	if !is {
		return 0, false
	}
	if err := run(list); err != nil {
		println("helpdesk: the proxy of a sandbox has ended:", err.Error())
		return 1, true
	}
	return 0, true
}

// listenerFD is where the launcher puts the socket that listens in the sandbox.
const listenerFD = 3

// memory is what the proxy may hold before it looks for what it no longer needs.
const memory = 64 << 20

func run(list string) error {
	unix.CloseOnExec(listenerFD)
	debug.SetMemoryLimit(memory)
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	var texts []string
	if err := json.Unmarshal([]byte(list), &texts); err != nil {
		return err
	}
	allow, err := helpdesk.ParseDestinations(texts)
	if err != nil {
		return err
	}
	file := os.NewFile(listenerFD, "sandbox")
	l, err := net.FileListener(file)
	file.Close()
	if err != nil {
		return err
	}
	if err := (sandbox.Filter{NoExec: true, NoUnixSock: true}).Confine(); err != nil {
		return err
	}
	return New(Config{Allow: allow}).Serve(context.Background(), l.(*net.TCPListener)) //nolint:forbidigo // it is a whole process; the launcher ends it
}
