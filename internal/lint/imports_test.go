package lint

import (
	"slices"
	"strings"
	"testing"
)

// layers are the floors of the house. A package may import packages of floors below its own, never of its own or
// above; so what is low can be understood, tested and kept without what is high.
var layers = []struct {
	name     string
	why      string
	packages []string // a package, or with /... all below it
}{
	{"nouns", "the words and rules everybody shares; they know no plumbing", []string{"."}},
	{"facts", "what happened, in those words; read for ever, so they depend on nothing that changes", []string{"event"}},
	{"foundations", "one idea each, without knowledge of HelpDesk's state", []string{
		"internal/config", "internal/datadir", "internal/keyed", "internal/place/sandbox", "internal/redact", "internal/screen", "internal/secret",
		"internal/shell", "internal/transcript", "runbooks", "web",
	}},
	{"adapters", "one outside thing each: a database, a bus, a kernel, a kind of agent", []string{"internal/agent/...", "internal/bus", "internal/launch", "internal/outbound", "internal/store"}},
	{"places", "where programs run, whatever starts them there", []string{"internal/place/..."}},
	{"services", "what HelpDesk does; they meet in the store, not in each other", []string{
		"internal/approval", "internal/audit", "internal/auth", "internal/desk", "internal/directory", "internal/terminal", "internal/turn", "internal/workspace",
	}},
	{"doors", "how the outside comes in; each is replaceable", []string{"internal/cli", "internal/httpapi", "internal/live", "internal/mcp", "internal/slack", "internal/webhook"}},
	{"app", "joins everything, and nothing joins it", []string{"internal/app"}},
	{"programs", "signals and exit codes", []string{"cmd/..."}},
}

// neighbours are the imports within a floor that are meant.
var neighbours = map[string]string{
	"internal/httpapi → internal/live": "the event stream is one of the operations",
}

// forTests are the packages that only tests may import, and packages like them.
func forTests(dir string) bool {
	return strings.HasSuffix(dir, "test") || within(dir, "internal/testkit") || within(dir, "internal/lint") || within(dir, "internal/bench")
}

func TestImportsGoOneWay(t *testing.T) {
	used := make(map[string]bool)
	for _, f := range allGo(t) {
		if f.test() || forTests(f.dir) {
			continue
		}
		from := floor(f.dir)
		if from < 0 {
			t.Errorf("%s: the package has no floor yet; put it into layers, where it may import what it needs", f.path)
			continue
		}
		for _, to := range f.imports() {
			pair := f.dir + " → " + to
			switch at := floor(to); {
			case forTests(to):
				t.Errorf("%s imports %s, which is for tests only", f.path, to)
			case at < from:
			case neighbours[pair] != "":
				used[pair] = true
			default:
				t.Errorf("%s (%s) imports %s (%s): imports go down, because %s: %s", f.path, layers[from].name, to, layers[max(at, 0)].name,
					layers[from].name, layers[from].why)
			}
		}
	}
	for pair := range neighbours {
		if !used[pair] {
			t.Errorf("neighbours has %q, which nothing needs; remove it", pair)
		}
	}
}

// floor finds the layer of a package; an exact entry wins over one that ends in /...
func floor(dir string) int {
	for i, l := range layers {
		if slices.Contains(l.packages, dir) {
			return i
		}
	}
	for i, l := range layers {
		for _, p := range l.packages {
			if base, ok := strings.CutSuffix(p, "/..."); ok && within(dir, base) {
				return i
			}
		}
	}
	return -1
}

// The nouns and the facts import the standard library only: whoever reads a ticket's export needs no database driver.
func TestNounsImportTheStandardLibraryOnly(t *testing.T) {
	for _, f := range allGo(t) {
		if f.test() || f.dir != "." && f.dir != "event" {
			continue
		}
		for _, i := range f.ast.Imports {
			if first, _, _ := strings.Cut(strings.Trim(i.Path.Value, `"`), "/"); strings.Contains(first, ".") {
				t.Errorf("%s imports %s", f.path, i.Path.Value)
			}
		}
	}
}

// The launcher may run as root. What is in its process is kept to what it needs.
func TestTheLauncherParsesNothing(t *testing.T) {
	banned := map[string]string{
		"net/http":                "it has no web in it",
		"database/sql":            "it knows no database",
		"html/template":           "it shows nothing",
		"helpdesk/internal/store": "it knows no tickets",
		"helpdesk/internal/bus":   "the server tells others, not the launcher",
	}
	for _, f := range allGo(t) {
		if f.test() || !within(f.dir, "internal/launch") && !within(f.dir, "internal/place/sandbox") && !within(f.dir, "internal/transcript") {
			continue
		}
		for _, i := range f.ast.Imports {
			if why := banned[strings.Trim(i.Path.Value, `"`)]; why != "" {
				t.Errorf("%s imports %s: %s", f.path, i.Path.Value, why)
			}
		}
	}
}
