package runbook

import (
	"sync"
	"testing"
)

// builtIn is made once: to read and compile the runbooks takes longer than most stories, and an Agent keeps nothing.
var builtIn = sync.OnceValues(func() (*Agent, error) { return New(Config{}) })

func newAgent(tb testing.TB) *Agent {
	tb.Helper()
	a, err := builtIn()
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func TestBuiltInRunbooksHaveNoFault(t *testing.T) {
	for _, p := range newAgent(t).Problems() {
		t.Error(p)
	}
}
