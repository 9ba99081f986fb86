package store_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
)

// says checks that an error is one that people are told, of a kind, with the words that name its cause.
func says(t *testing.T, err error, kind helpdesk.Kind, words string) {
	t.Helper()
	if err == nil || helpdesk.KindOf(err) != kind || !strings.Contains(helpdesk.PublicText(err), words) {
		t.Errorf("got %v, %q; want a sentence with %q", err, helpdesk.PublicText(err), words)
	}
}

func TestOpenTells(t *testing.T) {
	open := func(cfg store.Config) error {
		s, err := store.Open(t.Context(), cfg)
		if err == nil {
			s.Close()
		}
		return err
	}
	says(t, open(store.Config{Dir: filepath.Join(t.TempDir(), "nowhere")}), helpdesk.Unavailable, "Check that its directory exists")
	says(t, open(store.Config{URL: "mysql://here"}), helpdesk.Invalid, "postgres://")
	says(t, open(store.Config{URL: "postgres://%"}), helpdesk.Invalid, "postgres://")
	says(t, open(store.Config{URL: "postgres:///x?host=" + t.TempDir()}), helpdesk.Unavailable, "does not answer")

	t.Run("not a database", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "helpdesk.db"), bytes.Repeat([]byte("nonsense"), 1000), 0o600); err != nil {
			t.Fatal(err)
		}
		says(t, open(store.Config{Dir: dir}), helpdesk.Unavailable, "damaged")
	})
	t.Run("no such database", func(t *testing.T) {
		says(t, open(store.Config{URL: strings.Replace(storetest.Postgres(t), "/t_", "/gone_", 1)}), helpdesk.Unavailable, "refuses")
	})
}

func TestDamagedPages(t *testing.T) {
	dir := storetest.SQLite(t)
	s, err := store.Open(t.Context(), store.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, s)
	a := w.tenant("A")
	for range 50 {
		w.ticket(a, strings.Repeat("Some text to fill pages with. ", 20), start)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "helpdesk.db")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096 * 3; i < len(data); i++ { // the schema stays readable
		data[i] = byte(i * 7)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err = store.Open(t.Context(), store.Config{Dir: dir})
	if err == nil {
		defer s.Close()
		err = s.View(t.Context(), reach(a), func(tx *store.Tx) error { _, err := tx.Tickets(store.TicketFilter{Limit: 50}); return err })
	}
	says(t, err, helpdesk.Unavailable, "damaged")
}

func TestNewerSchemaIsRefused(t *testing.T) {
	storetest.EachConfig(t, func(t *testing.T, cfg store.Config) {
		storetest.Open(t, cfg)
		db := raw(t, cfg)
		if _, err := db.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (4711, TRUE)`); err != nil {
			t.Fatal(err)
		}
		_, err := store.Open(t.Context(), cfg)
		says(t, err, helpdesk.Conflict, "version 4711")
		says(t, err, helpdesk.Conflict, "up to 2.")
	})
}

// Ensure that nodes that start together on an empty PostgreSQL all come up.
func TestNodesMigrateTogether(t *testing.T) {
	cfg := store.Config{URL: storetest.Postgres(t)}
	if _, err := raw(t, cfg).ExecContext(t.Context(), `DROP SCHEMA public CASCADE; CREATE SCHEMA public`); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			s, err := store.Open(t.Context(), cfg)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if err := s.View(t.Context(), everywhere(), func(tx *store.Tx) error {
				_, err := tx.Tickets(store.TicketFilter{Words: "x", Limit: 1})
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// Ensure that those who wait for a database that another program holds are told so together, not one after another.
func TestLockedDatabase(t *testing.T) {
	t.Parallel()
	cfg := store.Config{Dir: storetest.SQLite(t)}
	s := storetest.Open(t, cfg)
	w := newWorld(t, s)
	a := w.tenant("A")
	key := w.ticket(a, "Help", start)
	other, err := raw(t, cfg).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	do := func(text string) {
		t.Helper()
		if _, err := other.ExecContext(context.WithoutCancel(t.Context()), text); err != nil {
			t.Fatal(err)
		}
	}
	do("BEGIN IMMEDIATE")
	var wg sync.WaitGroup
	began := time.Now()
	for range 8 {
		wg.Go(func() {
			_, err := emit(t, s, a, key)
			says(t, err, helpdesk.Unavailable, "Another program holds")
		})
	}
	if err := s.Ping(t.Context()); err != nil { // readers go on
		t.Error(err)
	}
	wg.Wait()
	if took := time.Since(began); took > 35*time.Second {
		t.Errorf("eight who waited were told after %v: one after another", took)
	}
	do("ROLLBACK")
	if seq, err := emit(t, s, a, key); seq != 2 || err != nil {
		t.Errorf("after the lock is gone: %d, %v", seq, err)
	}
}

// Ensure that a commit means that it is on disk, however the database is set up.
func TestCommitsAreDurable(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		settings := map[string]string{`PRAGMA synchronous`: "2", `PRAGMA journal_mode`: "wal", `PRAGMA foreign_keys`: "1"}
		if s.Engine() == "postgres" { // the tests' own is set up with it off
			settings = map[string]string{`SHOW synchronous_commit`: "on"}
		}
		for query, want := range settings {
			if got, err := store.Setting(t.Context(), s, query); got != want || err != nil {
				t.Errorf("%s: %q, %v; want %q", query, got, err, want)
			}
		}
	})
}
