package launch_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"
)

func sha(p []byte) string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:])
}

// until waits for a condition of the outside world that nobody announces.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for late := time.Now().Add(time.Minute); !ok(); runtime.Gosched() {
		if time.Now().After(late) {
			t.Fatalf("not within a minute: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// processes gives the ids of the processes whose command line holds text.
func processes(text string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if line, err := os.ReadFile(f); err == nil && bytes.Contains(line, []byte(text)) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil && pid != os.Getpid() {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func waitGone(t testing.TB, text string) {
	t.Helper()
	until(t, "processes with "+text+" are gone", func() bool { return len(processes(text)) == 0 })
}
