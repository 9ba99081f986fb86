// Package cli is the command line: it reads arguments, asks others to do the work and prints what came of it.
//
// It promises that a command ends with 0 when it did what it was asked to, with 1 when it could not, with 2 when it was not
// understood, and with 78 when the configuration must be mended first; that results go to standard output and everything else to standard error; and that an error is one
// sentence that says what to do.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"helpdesk/internal/config"
	"helpdesk/internal/launch"
)

// The codes with which a command ends.
const (
	exitDone   = 0
	exitFault  = 1                 // the command could not do what it was asked to
	exitUsage  = 2                 // the command was not understood
	exitConfig = launch.ExitConfig // the configuration has faults
)

// Program is the helpdesk command and what it needs from the world.
type Program struct {
	Version string   // such as 0.1.0
	Env     []string // the environment, each entry name=value
	Root    bool     // whether root calls
	Out     io.Writer
	Err     io.Writer

	// Serve runs a server until ctx ends. It prints on out the address and, on a first start, a link to sign in.
	Serve func(ctx context.Context, cfg config.Config, out io.Writer) error
}

// Run runs the command with the given arguments, without the program's name, and returns the code to end with.
func (p Program) Run(ctx context.Context, args []string) int {
	root := p.command()
	root.SetArgs(args)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	err := root.ExecuteContext(ctx)
	var usage usageError
	var faults config.Faults
	var exit interface{ ExitCode() int }
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &exit):
		return exit.ExitCode() // whoever chose the code has said why
	case errors.Is(err, errSaidAlready):
		return exitFault
	case errors.As(err, &usage):
		fmt.Fprintf(p.Err, "helpdesk: %v\nSee helpdesk --help.\n", err)
		return exitUsage
	case errors.As(err, &faults):
		fmt.Fprintf(p.Err, "helpdesk: %v\n", err)
		return exitConfig
	default:
		fmt.Fprintf(p.Err, "helpdesk: %v\n", err)
		return exitFault
	}
}

// usageError is an error about how the command was called.
type usageError struct{ error }

// errSaidAlready ends a command whose output has told everything.
var errSaidAlready = errors.New("the output tells what is wrong")

func (p Program) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "helpdesk",
		Short: "Solve infrastructure problems together with AI agents",
		Long: "AI HelpDesk is a server on which engineers open tickets and work on them together with AI agents.\n" +
			"Agents suggest commands, people decide, commands run in sandboxes, and everything is recorded.",
		Version:       p.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          known,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(p.serveCommand(), p.versionCommand(), p.doctorCommand(), p.userCommand(), p.runbookCommand(), p.configCommand())
	root.SetVersionTemplate("helpdesk {{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	return root
}

// known refuses what is neither a subcommand nor an argument the command takes.
func known(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "; did you mean " + near[0] + "?"
	}
	return usageError{fmt.Errorf("there is no command %q of %s%s", args[0], c.CommandPath(), hint)}
}

// exactly demands the named arguments.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return usageError{fmt.Errorf("%s needs %s", c.CommandPath(), strings.Join(names, " and "))}
		}
		return nil
	}
}

func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no arguments, and was given %q", c.CommandPath(), args[0])}
	}
	return nil
}

func (p Program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(c.OutOrStdout(), "helpdesk %s\n", p.Version)
			return err
		},
	}
}
