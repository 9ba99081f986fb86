package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Source is everything that a configuration is read from.
type Source struct {
	Flags map[string]string // settings given as flags, by key; "config" names the file
	Env   []string          // the environment, each entry name=value
	Root  bool              // whether the server is started by root; chooses the default places
}

// Fault is one thing that is wrong with a configuration.
type Fault struct {
	Where string // HELPDESK_LISTEN, --listen, /etc/helpdesk/helpdesk.yaml:3
	What  string // a sentence without its end, that says what to do
}

// Faults are all that is wrong with a configuration.
type Faults []Fault

func (f Faults) Error() string {
	var b strings.Builder
	b.WriteString("The configuration cannot be used:")
	for _, one := range f {
		fmt.Fprintf(&b, "\n  %s: %s", one.Where, one.What)
		if !strings.HasSuffix(one.What, "?") {
			b.WriteByte('.')
		}
	}
	return b.String()
}

// entry is the value that one source gives to a setting.
type entry struct {
	key, text string
	where     string // for a fault and as the origin
}

// Load reads a Config from the flags, the environment and the file, in this order of precedence. What it returns
// is complete and valid. The error, if there is one, is Faults.
func Load(src Source) (Config, error) {
	var c Config
	var faults Faults
	env := environment(src.Env)

	fromFile := readFile(src, env)
	fields := fieldsOf(&c)
	known := make(map[string]field, len(fields))
	for _, f := range fields {
		known[f.key] = f
	}
	layers := [][]entry{defaults(fields, src.Root, env), fromFile.entries, fromEnv(known, env, &faults), fromFlags(src.Flags)}
	faults = append(faults, fromFile.faults...)

	c.origin = make(map[string]string, len(fields))
	chosen := make(map[string]entry, len(fields))
	for _, layer := range layers {
		for _, e := range layer {
			_, ok := known[e.key]
			switch {
			case !ok && !(e.text == "" && isGroupName(e.key, fields)): // an empty group says nothing
				faults = append(faults, Fault{e.where, unknown(e.key, known, fields)})
			case ok && (e.text != "" || e.where == originDefault):
				chosen[e.key] = e
			}
		}
	}
	c.origin[originFile] = fromFile.path
	unread := make(map[string]bool)
	for _, f := range fields {
		e := chosen[f.key]
		c.origin[f.key] = e.where
		if e.text == "" && f.fallback == "" {
			continue
		}
		if err := f.set(e.text); err != nil {
			faults = append(faults, Fault{e.where, f.key + ": " + err.Error()})
			unread[f.key] = true
		}
	}
	faults = append(faults, c.check(unread)...)
	if len(faults) > 0 {
		return Config{}, faults
	}
	return c, nil
}

const (
	originDefault = "default"
	originFile    = "config" // of no setting: the path of helpdesk.yaml
)

func defaults(fields []field, root bool, env map[string]string) []entry {
	var list []entry
	for _, f := range fields {
		text := f.fallback
		if f.key == "data" {
			text = defaultData(root, env)
		}
		list = append(list, entry{f.key, text, originDefault})
	}
	return list
}

func defaultData(root bool, env map[string]string) string {
	switch {
	case root:
		return "/var/lib/helpdesk"
	case filepath.IsAbs(env["XDG_DATA_HOME"]):
		return filepath.Join(env["XDG_DATA_HOME"], "helpdesk")
	case env["HOME"] != "":
		return filepath.Join(env["HOME"], ".local/share/helpdesk")
	}
	return ""
}

func defaultFile(root bool, env map[string]string) string {
	switch {
	case root:
		return "/etc/helpdesk/helpdesk.yaml"
	case filepath.IsAbs(env["XDG_CONFIG_HOME"]):
		return filepath.Join(env["XDG_CONFIG_HOME"], "helpdesk/helpdesk.yaml")
	case env["HOME"] != "":
		return filepath.Join(env["HOME"], ".config/helpdesk/helpdesk.yaml")
	}
	return ""
}

func environment(list []string) map[string]string {
	env := make(map[string]string, len(list))
	for _, kv := range list {
		if name, value, ok := strings.Cut(kv, "="); ok {
			env[name] = value
		}
	}
	return env
}

// fromEnv takes the HELPDESK_ variables. One that no setting has is a fault, because it is nearly always a slip of
// the pen; an empty one counts as not set.
func fromEnv(known map[string]field, env map[string]string, faults *Faults) []entry {
	byName := make(map[string]string, len(known))
	for key := range known {
		byName[EnvName(key)] = key
	}
	var list []entry
	for name, value := range env {
		if !strings.HasPrefix(name, "HELPDESK_") || value == "" || notASetting(name) {
			continue
		}
		key, ok := byName[name]
		if !ok {
			hint := "remove it, or see `helpdesk config reference` for the names there are"
			if near := nearest(name, byName); near != "" {
				hint = "did you mean " + near + "?"
			}
			*faults = append(*faults, Fault{name, "there is no such setting; " + hint})
			continue
		}
		list = append(list, entry{key, value, name})
	}
	slices.SortFunc(*faults, func(a, b Fault) int { return cmp.Compare(a.Where, b.Where) })
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	return list
}

// notASetting says whether a HELPDESK_ variable has another meaning than a setting of the server.
func notASetting(name string) bool {
	switch name {
	case "HELPDESK_CONFIG": // the file itself
		return true
	case "HELPDESK_URL", "HELPDESK_TOKEN": // of the command line's client
		return true
	case "HELPDESK_SOAK", "HELPDESK_DEV_API", "HELPDESK_PORT": // of the tests; of make dev; of Kubernetes, see below
		return true
	}
	// Kubernetes gives every container the address of each service in such variables; ours is called helpdesk.
	return strings.HasPrefix(name, "HELPDESK_PORT_") || strings.HasPrefix(name, "HELPDESK_SERVICE_") ||
		strings.HasPrefix(name, "HELPDESK_TEST_")
}

func fromFlags(flags map[string]string) []entry {
	var list []entry
	for key, text := range flags {
		if key != "config" {
			list = append(list, entry{key, text, "--" + key})
		}
	}
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	return list
}

// readFile reads the file that was named, or the one at the default place if it is there.
func readFile(src Source, env map[string]string) fileContent {
	path, where := src.Flags["config"], "--config"
	if path == "" {
		path, where = env["HELPDESK_CONFIG"], "HELPDESK_CONFIG"
	}
	named := path != ""
	if !named {
		path = defaultFile(src.Root, env)
	}
	if path == "" {
		return fileContent{}
	}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		return fileContent{}
	case err != nil && named:
		return fileContent{faults: Faults{{where, fmt.Sprintf("the file cannot be read (%v); correct the name or its permissions", err)}}}
	case err != nil:
		return fileContent{faults: Faults{{path, fmt.Sprintf("the file cannot be read (%v); correct its permissions or remove it", err)}}}
	}
	return parseFile(path, text)
}

func isGroupName(name string, fields []field) bool {
	return slices.ContainsFunc(fields, func(f field) bool { return strings.HasPrefix(f.key, name+".") })
}

// unknown is the fault of a name that no setting has.
func unknown(key string, known map[string]field, fields []field) string {
	if isGroupName(key, fields) {
		return fmt.Sprintf("%q is a group of settings; write each of them as name: value below it", key)
	}
	if near := nearest(key, known); near != "" {
		return fmt.Sprintf("there is no setting %q; did you mean %s?", key, near)
	}
	return fmt.Sprintf("there is no setting %q; see `helpdesk config reference` for the names there are", key)
}

// nearest finds the name that name is most likely a slip of, or "".
func nearest[V any](name string, known map[string]V) string {
	best, bestAt := "", max(1, min(len(strings.TrimPrefix(name, "HELPDESK_"))/3, 3))+1
	for k := range known {
		if d := distance(name, k); d < bestAt || d == bestAt && best != "" && k < best {
			best, bestAt = k, d
		}
	}
	return best
}

// distance counts the insertions, deletions and replacements that turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
