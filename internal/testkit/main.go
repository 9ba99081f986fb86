package testkit

import (
	"context"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"

	"helpdesk/internal/app"
	"helpdesk/internal/cli"
	"helpdesk/internal/launch"
	"helpdesk/internal/outbound"
)

// Main runs the tests, or what this process is instead: a HelpDesk's launcher, its helper, or its server.
func Main(m *testing.M) {
	if code, done := launch.Reexec(); done {
		os.Exit(code)
	}
	if code, done := outbound.Reexec(); done {
		os.Exit(code)
	}
	if gates := os.Getenv(gatesVariable); gates != "" {
		os.Exit(serve(gates))
	}
	os.Exit(m.Run())
}

// serve is the life of a launcher or server, as that of the real program.
func serve(gates string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if in, err := os.Stdin.Stat(); err == nil && in.Mode()&fs.ModeNamedPipe != 0 { // the launcher; the server has none
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // until the test lets go
			cancel()
		}()
	}
	return cli.Program{
		Version: "testkit",
		Env:     slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, launch.Variables) }),
		Root:    os.Geteuid() == 0,
		Out:     os.Stdout,
		Err:     os.Stderr,
		Serve:   app.Program{Version: "testkit", Script: true, Gates: gates}.Serve,
	}.Run(ctx, []string{"serve"})
}
