//go:build unix

package launch

import (
	"net"
	"os"
	"strconv"
	"syscall"

	"helpdesk"
)

const fdVariable = "HELPDESK_LAUNCHER_FD" // in the server's environment: the socket to the launcher

// Inherited gives the socket to the launcher when this process is a server that a launcher started, else nil.
// It is to be called once.
func Inherited() (net.Conn, error) {
	text := os.Getenv(fdVariable)
	if text == "" {
		return nil, nil
	}
	os.Unsetenv(fdVariable)
	fd, err := strconv.Atoi(text)
	if err != nil || fd < 3 {
		return nil, helpdesk.Errorf(helpdesk.Invalid, "The variable %s is for the launcher's use only.", fdVariable)
	}
	syscall.CloseOnExec(fd)
	file := os.NewFile(uintptr(fd), "launcher")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, helpdesk.WithCause(helpdesk.Invalid, err, "The variable %s is for the launcher's use only.", fdVariable)
	}
	return conn, nil
}
