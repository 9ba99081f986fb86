package config

import (
	"fmt"
	"io"
	"strings"
)

// Setting describes one setting for people.
type Setting struct {
	Key      string // limits.message
	Env      string // HELPDESK_LIMITS_MESSAGE
	Value    string // as it is now, without what is secret
	Origin   string // where the value came from
	Default  string
	Min, Max string
	Help     string // what it means, from the comment above its field
}

// Settings lists all settings in the order of the reference, with the values they have in c.
func (c Config) Settings() []Setting {
	var list []Setting
	for _, f := range fieldsOf(&c) {
		list = append(list, Setting{
			Key: f.key, Env: EnvName(f.key), Value: f.show(), Origin: c.origin[f.key],
			Default: f.fallback, Min: f.min, Max: f.max, Help: help(f.key),
		})
	}
	return list
}

// Help is the text that explains a setting, or "" where there is none of that name.
func Help(key string) string { return help(key) }

// WriteReference writes the reference of all settings, in Markdown.
func WriteReference(w io.Writer) error { return writeReference(w, help) }

func writeReference(w io.Writer, help func(string) string) error {
	var b strings.Builder
	b.WriteString(referenceHead)
	group := ""
	var zero Config
	for _, f := range fieldsOf(&zero) {
		if g, _, ok := strings.Cut(f.key, "."); ok && g != group {
			group = g
			fmt.Fprintf(&b, "\n## %s\n\n%s\n", g, help(g))
		}
		fmt.Fprintf(&b, "\n### `%s`\n\n%s\n\n", f.key, help(f.key))
		fmt.Fprintf(&b, "Environment: `%s`", EnvName(f.key))
		if f.fallback != "" {
			fmt.Fprintf(&b, " · Default: `%s`", f.fallback)
		}
		if f.min != "" || f.max != "" {
			fmt.Fprintf(&b, " · From `%s` to `%s`", f.min, f.max)
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

const referenceHead = `# Configuration

<!-- Made from internal/config by make gen. Do not edit. -->

The server runs without any configuration. A setting comes from the first of these that has it:

1. a flag of ` + "`helpdesk serve`" + `: ` + "`--listen`, `--data`" + `, or ` + "`--set name=value`" + ` for any setting that is not secret;
2. the environment variable named at each setting below;
3. ` + "`helpdesk.yaml`" + `, named by ` + "`--config` or `HELPDESK_CONFIG`" + `, else ` + "`/etc/helpdesk/helpdesk.yaml`" + ` for root and
   ` + "`$XDG_CONFIG_HOME/helpdesk/helpdesk.yaml`" + ` (by default under ` + "`~/.config`" + `) for others;
4. the default.

A name that does not exist, in the file or among the variables that begin with ` + "`HELPDESK_`" + `, stops the start: it is nearly
always a slip of the pen. (Excepted are ` + "`HELPDESK_URL` and `HELPDESK_TOKEN`" + `, which the other commands use to find a server, and
the ` + "`HELPDESK_PORT…` and `HELPDESK_SERVICE_…`" + ` that Kubernetes makes.) All faults are reported at once.
` + "`helpdesk config`" + ` shows every setting with its value and where that came from; secrets are not shown.

In the file a dot in a name is a group, and a list may be written as one:

` + "```yaml" + `
listen: 0.0.0.0:8443
public_url: https://help.example.com
tls:
  cert: /etc/helpdesk/tls.pem
  key: /etc/helpdesk/tls-key.pem
hosts:
  - helpdesk.internal
limits:
  file: 5MiB
  run: 30m
` + "```" + `

Sizes are written as ` + "`256KiB`, `10MB`" + ` or a number of bytes, times as ` + "`30s`, `10m`, `24h`" + `. In variables and flags the items of a
list are separated by commas. An empty variable counts as not set.

## General
`

// IsSecret says whether a setting must not be given where others can see it, as flags can be.
func IsSecret(key string) bool {
	for _, f := range fieldsOf(new(Config)) {
		if f.key == key {
			return f.secret != ""
		}
	}
	return false
}
