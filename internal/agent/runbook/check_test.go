package runbook

import "testing"

func newAgent(tb testing.TB) *Agent {
	tb.Helper()
	a, err := New(Config{})
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
