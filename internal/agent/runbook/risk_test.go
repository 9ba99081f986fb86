package runbook_test

import (
	"testing"

	"helpdesk/internal/agent/runbook"
	"helpdesk/internal/shell"
)

// TestCommandsAreAsHarmlessAsTheySay holds every built-in command, filled in with plain values, to the judgement
// of package shell: the card shows the worse of the two.
func TestCommandsAreAsHarmlessAsTheySay(t *testing.T) {
	a, err := runbook.New(runbook.Config{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range a.Commands() {
		n++
		if got := shell.Judge(c.Command); shell.Worse(got.Risk, c.Risk) != c.Risk {
			t.Errorf("%s says %s and is judged %s (%s): %s", c.Where, c.Risk, got.Risk, got.Because, c.Command)
		}
	}
	if n < 20 {
		t.Errorf("only %d commands", n)
	}
}
