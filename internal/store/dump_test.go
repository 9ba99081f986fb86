package store_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modernc.org/sqlite"

	"helpdesk/event"
	"helpdesk/internal/store"
)

// raw opens the database beside the store, for what the store has no method for.
func raw(t testing.TB, cfg store.Config) *sql.DB {
	t.Helper()
	driver, source := "pgx", cfg.URL
	if cfg.URL == "" {
		driver, source = "sqlite", "file:"+filepath.Join(cfg.Dir, "helpdesk.db")+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// dump reads every row of every table, as sorted text.
func dump(t testing.TB, db *sql.DB) map[string][]string {
	t.Helper()
	names := `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
	if _, lite := db.Driver().(*sqlite.Driver); !lite {
		names = `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`
	}
	all := map[string][]string{}
	for _, name := range texts(t, db, names) {
		all[name[0]] = nil
		for _, row := range texts(t, db, `SELECT * FROM `+name[0]) {
			all[name[0]] = append(all[name[0]], strings.Join(row, " | "))
		}
		slices.Sort(all[name[0]])
	}
	return all
}

// texts reads the rows of a query as text.
func texts(t testing.TB, db *sql.DB, query string, args ...any) (all [][]string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		row := make([]string, len(columns))
		for i, v := range values {
			row[i] = fmt.Sprint(v)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return all
}

func decode(t testing.TB, e event.Event, into any) {
	t.Helper()
	if err := json.Unmarshal(e.Data, into); err != nil {
		t.Fatal(err)
	}
}

// column reads the first column of a query's rows.
func column(t testing.TB, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var x string
		if err := rows.Scan(&x); err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
