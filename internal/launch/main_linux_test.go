package launch_test

import (
	"os"
	"testing"

	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
)

// TestMain is the tests, or one of the processes that they start: see server_linux_test.go.
func TestMain(m *testing.M) {
	if code, done := launch.Reexec(); done {
		os.Exit(code)
	}
	if os.Getenv(roleVariable) != "" {
		os.Exit(launcherOrServer())
	}
	launchtest.Main(m)
}

// takesLong keeps a test out of the quick ones. What -short runs still starts sandboxes, and takes seconds.
func takesLong(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("not with -short: it waits for processes to end, fills something, or starts many sandboxes")
	}
}
