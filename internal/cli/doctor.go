package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"helpdesk/internal/config"
)

// verdict is how a check ended.
type verdict string

const (
	verdictOK   verdict = "ok"
	verdictWarn verdict = "warn" // HelpDesk runs, and something is less than it could be
	verdictFail verdict = "fail" // HelpDesk does not run, or not with what it is made for
)

// finding is the result of one check. A verdict other than ok comes with a remedy.
type finding struct {
	what    string
	verdict verdict
	text    string
	remedy  string
}

func ok(what, format string, args ...any) finding {
	return finding{what: what, verdict: verdictOK, text: fmt.Sprintf(format, args...)}
}

func warn(what, remedy, format string, args ...any) finding {
	return finding{what, verdictWarn, fmt.Sprintf(format, args...), remedy}
}

func fail(what, remedy, format string, args ...any) finding {
	return finding{what, verdictFail, fmt.Sprintf(format, args...), remedy}
}

func (f finding) write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%-5s %-14s %s\n", f.verdict, f.what, f.text)
	if err == nil && f.remedy != "" {
		_, err = fmt.Fprintf(w, "%20s → %s\n", "", f.remedy)
	}
	return err
}

// checkTime is how long one check may take.
const checkTime = 15 * time.Second

func (p Program) doctorCommand() *cobra.Command {
	var flags settingFlags
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check that this machine can run a server, and say what to do if not",
		Long: "Checks the configuration, the sandbox, the limits of the kernel, the data directory, the address, the clock and the\n" +
			"database. It changes nothing, and may be called while a server runs. It ends with 1 if a check failed.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			out := c.OutOrStdout()
			cfg, err := flags.load(p)
			if err != nil {
				return err
			}
			worst := verdictOK
			for _, check := range p.checks() {
				ctx, cancel := context.WithTimeout(c.Context(), checkTime)
				f := check(ctx, cfg)
				cancel()
				if err := f.write(out); err != nil {
					return err
				}
				if f.verdict == verdictFail || worst == verdictOK {
					worst = f.verdict
				}
			}
			switch worst {
			case verdictFail:
				fmt.Fprintln(out, "\nSomething is missing; the lines that begin with fail say what to do.")
				return errSaidAlready
			case verdictWarn:
				fmt.Fprintln(out, "\nHelpDesk can run here, with the restrictions named above.")
			default:
				fmt.Fprintln(out, "\nHelpDesk can run here.")
			}
			return nil
		},
	}
	flags.register(c)
	flags.registerListen(c)
	return c
}

func (p Program) checks() []func(context.Context, config.Config) finding {
	return []func(context.Context, config.Config) finding{
		p.checkConfig, checkPlatform, p.checkSandbox, checkLimits, checkOpenFiles, checkData, checkSpace, checkAddress, checkClock, checkDatabase,
	}
}

// checkConfig comes after the configuration was loaded, which is what it reports. Root can read every file that it names;
// the server, which root starts as another user, must be able to as well.
func (p Program) checkConfig(ctx context.Context, cfg config.Config) finding {
	const what = "configuration"
	set := 0
	for _, s := range cfg.Settings() {
		if s.Origin != "default" {
			set++
		}
	}
	for _, path := range []string{cfg.TLS.Cert, cfg.TLS.Key, cfg.KeyFile} {
		if user := cfg.UIDs.First; p.Root && path != "" && !readableBy(ctx, user, path) {
			return fail(what, fmt.Sprintf("Give it to that user, if nobody else needs it: chown %d %s. The directories above need the permission o+x.", user, path),
				"%s cannot be read by user %d, as whom the server runs", path, user)
		}
	}
	return ok(what, "%d settings differ from their defaults (helpdesk config shows them)", set)
}
