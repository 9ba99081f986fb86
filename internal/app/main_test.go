package app_test

import (
	"testing"

	"helpdesk/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
