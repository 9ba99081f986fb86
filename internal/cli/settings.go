package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"helpdesk/internal/config"
)

// settingFlags are the flags by which a command takes settings of the server.
type settingFlags struct {
	file, listen, data string
	set                []string
}

func (f *settingFlags) register(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.file, "config", "", "the configuration file (HELPDESK_CONFIG)")
	fl.StringVar(&f.data, "data", "", "directory that holds everything the server keeps (HELPDESK_DATA)")
	fl.StringArrayVar(&f.set, "set", nil, "any other setting, as `name=value`, such as limits.run=30m; may be repeated")
}

// registerListen is for the commands that are about a server to start, and not about one that runs.
func (f *settingFlags) registerListen(c *cobra.Command) {
	c.Flags().StringVar(&f.listen, "listen", "", "address and port to listen on (HELPDESK_LISTEN)")
}

// load reads the configuration with these flags on top.
func (f *settingFlags) load(p Program) (config.Config, error) {
	flags := make(map[string]string)
	for key, text := range map[string]string{"config": f.file, "listen": f.listen, "data": f.data} {
		if text != "" {
			flags[key] = text
		}
	}
	for _, one := range f.set {
		key, text, ok := strings.Cut(one, "=")
		if !ok || key == "" || key == "config" {
			return config.Config{}, usageError{fmt.Errorf("--set %q is not name=value, such as limits.run=30m", one)}
		}
		if config.IsSecret(key) {
			return config.Config{}, usageError{fmt.Errorf("%s is secret, and flags can be seen by everybody on this machine; set %s or put it into the file", key, config.EnvName(key))}
		}
		flags[key] = text
	}
	return config.Load(config.Source{Flags: flags, Env: p.Env, Root: p.Root})
}

func (p Program) serveCommand() *cobra.Command {
	var flags settingFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the server until it is told to stop",
		Long: "Runs the server until it gets SIGINT or SIGTERM. Without any configuration it listens on 127.0.0.1:8080, keeps\n" +
			"its data in /var/lib/helpdesk (root) or ~/.local/share/helpdesk, and prints a link to sign in.\n\n" +
			"All settings: helpdesk config reference",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := flags.load(p)
			if err != nil {
				return err
			}
			if p.Serve == nil {
				return errors.New("this program was built without the server")
			}
			err = p.Serve(c.Context(), cfg, c.OutOrStdout())
			if c.Context().Err() != nil && errors.Is(err, context.Cause(c.Context())) {
				return nil // it ended because it was told to
			}
			return err
		},
	}
	flags.register(c)
	flags.registerListen(c)
	return c
}

func (p Program) configCommand() *cobra.Command {
	var flags settingFlags
	c := &cobra.Command{
		Use:   "config",
		Short: "Show every setting, its value and where that came from",
		Long:  "Shows every setting with its value and where that came from: a flag, the environment, the file or the default.\nSecrets are not shown.",
		Args:  known,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := flags.load(p)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "SETTING\tVALUE\tFROM")
			for _, s := range cfg.Settings() {
				value := s.Value
				if value == "" {
					value = "-"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", s.Key, value, s.Origin)
			}
			return w.Flush()
		},
	}
	flags.register(c)
	flags.registerListen(c)
	c.AddCommand(&cobra.Command{
		Use:   "reference",
		Short: "Explain every setting",
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return config.WriteReference(c.OutOrStdout()) },
	})
	return c
}
