package approval_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"helpdesk"
	"helpdesk/internal/transcript"
)

// recorded gives all that a run said, as it is on disk.
func recorded(t *testing.T, h *house, id helpdesk.RunID) string {
	t.Helper()
	r, err := transcript.Open(h.launcher.TranscriptDir(string(h.ticket), string(id)))
	h.must(err)
	p, err := io.ReadAll(r.Output(0))
	h.must(err)
	return string(p)
}

// damage takes a run's recording away.
func damage(t *testing.T, h *house, id helpdesk.RunID) {
	t.Helper()
	h.must(os.RemoveAll(h.launcher.TranscriptDir(string(h.ticket), string(id))))
}

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, i+1)
	}
	return b.String()
}
