// Command helpdesktest is the helpdesk of the browser tests: the same program, which also offers the scripted agent. It
// is built by web/e2e/run.mjs only and never shipped.
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
)

// The environment says which directory holds the gates of the scripts, and which version the server is to be of.
const (
	gates   = "BROWSERTEST_GATES"
	version = "BROWSERTEST_VERSION"
)

func main() {
	if code, done := launch.Reexec(); done {
		os.Exit(code)
	}
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return cli.Program{
		Version: os.Getenv(version),
		Env:     slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, launch.Variables) }),
		Root:    os.Geteuid() == 0,
		Out:     os.Stdout,
		Err:     os.Stderr,
		Serve:   app.Program{Version: os.Getenv(version), Args: []string{"serve"}, Script: true, Gates: os.Getenv(gates)}.Serve,
	}.Run(ctx, os.Args[1:])
}
