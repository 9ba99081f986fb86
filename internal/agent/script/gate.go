package script

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"helpdesk"
)

// Gates are the places where a script stops until a test lets it go on. A gate opens once and stays open.
// The zero value works within one process; with Dir, another process opens gate NAME by creating the file
// Dir/NAME, and finds Dir/NAME.waiting from the moment the script stands before it.
type Gates struct {
	Dir string

	mu    sync.Mutex
	gates map[string]*gate
}

type gate struct {
	open, reached         chan struct{}
	looks                 chan struct{} // holds a token while somebody looks for the file, for all who wait
	openOnce, reachedOnce sync.Once
}

var gateName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Open lets every script pass that waits, or will wait, at the gate.
func (g *Gates) Open(name string) {
	t := g.gate(name)
	t.openOnce.Do(func() { close(t.open) })
}

// Reached is closed as soon as a script stands before the gate.
func (g *Gates) Reached(name string) <-chan struct{} { return g.gate(name).reached }

func (g *Gates) gate(name string) *gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gates == nil {
		g.gates = map[string]*gate{}
	}
	t := g.gates[name]
	if t == nil {
		t = &gate{open: make(chan struct{}), reached: make(chan struct{}), looks: make(chan struct{}, 1)}
		g.gates[name] = t
	}
	return t
}

// wait returns when the gate is open, or with the cause of the context's end.
func (g *Gates) wait(ctx context.Context, name string) error {
	if !gateName.MatchString(name) {
		return helpdesk.Errorf(helpdesk.Invalid, "A gate's name is 1 to 64 letters, digits, - or _, not %q.", name)
	}
	t := g.gate(name)
	var looks chan<- struct{} // nil without Dir
	if g.Dir != "" {
		if err := os.WriteFile(filepath.Join(g.Dir, name+".waiting"), nil, 0o600); err != nil {
			return helpdesk.WithCause(helpdesk.Unavailable, err, "The script cannot write into its directory of gates.")
		}
		looks = t.looks
	}
	t.reachedOnce.Do(func() { close(t.reached) })
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.open:
		return nil
	case looks <- struct{}{}:
		defer func() { <-t.looks }()
		return g.look(ctx, name, t)
	}
}

// look waits for the file that opens a gate, and opens it for all.
func (g *Gates) look(ctx context.Context, name string, t *gate) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.open:
			return nil
		case <-tick.C:
			_, err := os.Stat(filepath.Join(g.Dir, name))
			if err == nil {
				g.Open(name)
				return nil
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return helpdesk.WithCause(helpdesk.Unavailable, err, "The script cannot look into its directory of gates.")
			}
		}
	}
}
