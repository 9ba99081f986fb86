package launch_test

import (
	"testing"

	"helpdesk/internal/launch/launchtest"
)

func TestMain(m *testing.M) { launchtest.Main(m) }
