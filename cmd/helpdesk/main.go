// Command helpdesk is the server of AI HelpDesk and the command line to it. Everything it does is in packages below
// internal; here are only the signals, the exit code, and what is joined to what.
package main

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"helpdesk/internal/app"
	"helpdesk/internal/cli"
	"helpdesk/internal/launch"
	"helpdesk/internal/outbound"
)

// version is set by the linker; see the Makefile.
var version = "development"

func main() {
	if code, done := launch.Reexec(); done {
		os.Exit(code)
	}
	if code, done := outbound.Reexec(); done {
		os.Exit(code)
	}
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return cli.Program{
		Version: version,
		Env:     slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, launch.Variables) }),
		Root:    os.Geteuid() == 0,
		Out:     os.Stdout,
		Err:     os.Stderr,
		Serve:   app.Program{Version: version, Args: []string{"serve"}}.Serve,
	}.Run(ctx, os.Args[1:])
}
