package cli

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"helpdesk"
	"helpdesk/internal/agent/runbook"
)

// runbookLimit is how much of a file is read: more than a runbook may have, so that the check says so.
const runbookLimit = 1 << 20

func (p Program) runbookCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "runbook",
		Short: "Check runbooks of your own, and try them without running anything",
		Long: "The built-in agent knows problems from runbooks. Your own are YAML files in the directory runbooks of the data\n" +
			"directory; docs/guide/runbooks.md says how they are written. These commands need no running server.",
		Args: known,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.runbookCheck(), p.runbookTry())
	return c
}

func (p Program) runbookCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Say every fault of a runbook, with its line",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("%s needs a FILE", c.CommandPath())}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			faults := 0
			for _, file := range args {
				text, err := readRunbook(file)
				if err != nil {
					return err
				}
				problems := runbook.Check(file, text)
				for _, x := range problems {
					fmt.Fprintln(c.OutOrStdout(), x.Error())
				}
				if faults += len(problems); len(problems) == 0 {
					fmt.Fprintf(c.OutOrStdout(), "%s: no faults\n", file)
				}
			}
			if faults > 0 {
				return errSaidAlready
			}
			return nil
		},
	}
}

func (p Program) runbookTry() *cobra.Command {
	var outputs []string
	var x runbook.Trial
	c := &cobra.Command{
		Use:   "try FILE",
		Short: "Play a runbook with outputs from files, and print what the agent would say",
		Long: "Nothing is run. Each --output gives what a step's command printed; a step without one is proposed and not run.\n" +
			"A number behind a second = is the exit code: --output sizes=du.txt=1. A remedy is named remedy:ID.",
		Example: "  helpdesk runbook try nfs.yaml --message 'the share hangs' --output mounts=mounts.txt",
		Args:    exactly("a FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			if x.Place != "host_view" && x.Place != "sandbox" {
				return usageError{fmt.Errorf("--place is host_view or sandbox, not %q", x.Place)}
			}
			text, err := readRunbook(args[0])
			if err != nil {
				return err
			}
			x.Outputs = map[string]helpdesk.Outcome{}
			for _, o := range outputs {
				step, outcome, err := outcomeOf(o)
				if err != nil {
					return err
				}
				x.Outputs[step] = outcome
			}
			return runbook.Try(c.Context(), args[0], text, x, c.OutOrStdout())
		},
	}
	c.Flags().StringArrayVar(&outputs, "output", nil, "what a step printed: STEP=FILE or STEP=FILE=EXITCODE; may be repeated")
	c.Flags().StringVar(&x.Message, "message", "", "the person's words, from which params are taken")
	c.Flags().StringVar(&x.Place, "place", "host_view", "where commands would run: host_view or sandbox")
	c.Flags().BoolVar(&x.Admin, "admin", false, "as where commands of scope admin can run")
	return c
}

// outcomeOf reads STEP=FILE or STEP=FILE=EXITCODE.
func outcomeOf(flag string) (step string, o helpdesk.Outcome, err error) {
	step, file, ok := strings.Cut(flag, "=")
	if !ok || step == "" || file == "" {
		return "", o, usageError{fmt.Errorf("--output is STEP=FILE, not %q", flag)}
	}
	code := 0
	if i := strings.LastIndexByte(file, '='); i > 0 {
		if n, err := strconv.Atoi(file[i+1:]); err == nil && n >= 0 && n < 256 {
			file, code = file[:i], n
		}
	}
	text, err := readRunbook(file)
	if err != nil {
		return "", o, err
	}
	o.ExitCode = &code
	o.Output, o.Truncated = helpdesk.ClipOutput(string(text), 32<<10)
	return step, o, nil
}

func readRunbook(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, runbookLimit))
	if err != nil {
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	}
	return text, nil
}
