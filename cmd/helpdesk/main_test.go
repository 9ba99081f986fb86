package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the golden texts in testdata/script anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"helpdesk": main})
}

// TestGoldenStories runs the program as people do, by the stories in testdata/script.
func TestGoldenStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			bin, _, _ := strings.Cut(env.Getenv("PATH"), string(os.PathListSeparator))
			env.Setenv("ONLY_HELPDESK", bin) // a PATH on which there is nothing else
			// The server is another user, who must be able to go where the data are.
			return errors.Join(os.Chmod(env.WorkDir, 0o711), os.Chmod(filepath.Dir(env.WorkDir), 0o711))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"waitfor": waitFor},
		Condition: func(name string) (bool, error) {
			return name == "root" && os.Getuid() == 0, nil
		},
	})
}

// waitFor waits until a file is there.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfor FILE")
	}
	path := ts.MkAbs(args[0])
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) { // poll
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s did not come", path)
		}
	}
}
