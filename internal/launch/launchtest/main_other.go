//go:build !linux

package launchtest

import (
	"os"
	"testing"
)

// Main runs the tests.
func Main(m *testing.M) { os.Exit(m.Run()) }

func (l *Launcher) launch(Config) { l.t.Skip("launchers run on Linux only") }
