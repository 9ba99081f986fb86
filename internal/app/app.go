// Package app builds a HelpDesk from its Config, starts it, stops it in reverse and waits.
//
// A running HelpDesk is two processes of one program. The launcher starts first, holds every shell and command,
// and starts the server, which parses everything else and is never root. Serve is both: which one this process is
// to be is told by how it was started.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"helpdesk/internal/config"
	"helpdesk/internal/launch"
)

// Program says what is to be run besides what the configuration says.
type Program struct {
	Version string
	Args    []string // with which the launcher starts this program again as the server
	Script  bool     // offer the scripted agent, for tests and demonstrations
	Gates   string   // directory whose files open the scripted agent's gates
}

// Exit is how a process that has said everything ends.
type Exit struct{ Code int }

func (e Exit) Error() string { return fmt.Sprintf("the server has ended with code %d", e.Code) }

// ExitCode is the code to end the process with; what is to be said has been said.
func (e Exit) ExitCode() int { return e.Code }

// Serve runs the launcher, or in the process that the launcher started the server, until ctx ends.
func (p Program) Serve(ctx context.Context, cfg config.Config, out io.Writer) error {
	log := logger(cfg, os.Stderr)
	conn, err := launch.Inherited()
	if err != nil {
		return err
	}
	if conn != nil {
		return p.server(ctx, cfg, conn, out, log)
	}
	for _, v := range cfg.Environ() {
		name, value, _ := strings.Cut(v, "=")
		os.Setenv(name, value)
	}
	code, err := launch.Run(ctx, launch.Config{
		Data: cfg.Data, FirstUID: int(cfg.UIDs.First), LastUID: int(cfg.UIDs.Last), AllowHost: cfg.AdminTerminal(),
		Masks: cfg.SecretFiles(), Sockets: cfg.HostView.Sockets, ShowHomes: cfg.HostView.Homes,
		Memory: int64(cfg.Limits.Memory), Processes: cfg.Limits.Processes, Recordings: int64(cfg.Limits.RecordingPerTenant), Log: log.With("process", "launcher"),
	}, p.Args)
	switch {
	case err != nil && code == launch.ExitConfig:
		return final(err)
	case err == nil && code != 0:
		return Exit{code}
	}
	return err
}

func logger(cfg config.Config, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.Log.Level}
	if cfg.Log.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// ended says whether a service ended because it was told to.
func ended(err error) bool { return err == nil || errors.Is(err, context.Canceled) }
