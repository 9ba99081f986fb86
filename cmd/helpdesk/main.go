// Command helpdesk is the server of AI HelpDesk and the command line to it. Everything it does is in packages below
// internal; here are only the signals, the exit code, and what is joined to what.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"helpdesk/internal/cli"
)

// version is set by the linker; see the Makefile.
var version = "development"

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return cli.Program{
		Version: version,
		Env:     os.Environ(),
		Root:    os.Geteuid() == 0,
		Out:     os.Stdout,
		Err:     os.Stderr,
	}.Run(ctx, os.Args[1:])
}
