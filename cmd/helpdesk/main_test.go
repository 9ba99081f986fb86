package main

import (
	"flag"
	"os"
	"strings"
	"testing"

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
			return nil
		},
		Condition: func(name string) (bool, error) {
			return name == "root" && os.Getuid() == 0, nil
		},
	})
}
