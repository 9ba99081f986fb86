package launch

import (
	"log/slog"
	"os"
	"testing"
)

// A launcher of another process-id namespace takes this one for dead and removes its empty groups. The next sandbox has
// its limits nevertheless.
func TestGroupsThatWereSweptAreMadeAgain(t *testing.T) {
	l := findLimits(Config{Memory: 64 << 20, Processes: 20}, slog.New(slog.DiscardHandler))
	defer l.close()
	if len(l.dirs) == 0 {
		t.Skip("no control groups can be made here: " + l.missing)
	}
	for _, dir := range l.dirs {
		if err := os.Remove(dir); err != nil {
			t.Skip("the launcher's groups are in use by another test: ", err)
		}
	}
	g, err := l.group("swept")
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	for controller, dir := range g.dirs {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("no group of the controller %q: %v", controller, err)
		}
	}
}
