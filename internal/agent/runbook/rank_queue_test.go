package runbook

import "testing"

// TestOneTroubleIsNotTakenForTwo: a message about one thing queues nothing else.
func TestOneTroubleIsNotTakenForTwo(t *testing.T) {
	for _, said := range append(About().PromptSuggestions, "is the disk of this machine full?", "which process holds port 80 on this server", "how much memory does this host have left") {
		d := newDesk(t)
		d.say(said)
		if q := recall(d.state).Queue; len(q) > 0 {
			t.Errorf("%q also queues %v", said, q)
		}
	}
}

func TestPromptSuggestionsFindTheirRunbook(t *testing.T) {
	want := []string{"disk-space", "port", "port", "memory", "oom-kills", "overview"}
	a := newAgent(t)
	for i, said := range About().PromptSuggestions {
		best, _ := a.index.choose(said)
		if best.book == nil || best.book.ID != want[i] {
			t.Errorf("%q leads to %+v, want %s", said, best, want[i])
		}
	}
}
