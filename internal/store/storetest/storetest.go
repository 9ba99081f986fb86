// Package storetest gives tests real databases: SQLite in a directory of the test's own, and a PostgreSQL that
// is started once per test binary and has a fresh database for each test. There is no fake store.
//
// PostgreSQL runs as nobody where the tests run as root, listens on a unix socket only, and ends with the test
// binary in whatever way that ends: a guard process holds the other end of a pipe, stops it and removes its
// directory. Where PostgreSQL is not installed its half of a test is skipped with that reason.
//
// With HELPDESK_REHEARSE=1 every transaction of a store opened here runs twice, see store.Config.Rehearse.
package storetest

import (
	"os"
	"testing"

	"helpdesk/internal/store"
)

// Each runs a story on every engine, each time on an empty store.
func Each(t *testing.T, story func(t *testing.T, s *store.Store)) {
	t.Helper()
	EachConfig(t, func(t *testing.T, cfg store.Config) { story(t, Open(t, cfg)) })
}

// EachConfig runs a story on every engine with the configuration of an empty database, for those who open the
// store themselves.
func EachConfig(t *testing.T, story func(t *testing.T, cfg store.Config)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { story(t, store.Config{Dir: SQLite(t)}) })
	t.Run("postgres", func(t *testing.T) { story(t, store.Config{URL: Postgres(t)}) })
}

// SQLite gives an empty directory for a database file.
func SQLite(t testing.TB) string { return t.TempDir() }

// Open opens a store that is closed with the test.
func Open(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	cfg.Rehearse = cfg.Rehearse || os.Getenv("HELPDESK_REHEARSE") != ""
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return s
}
