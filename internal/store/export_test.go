package store

import (
	"context"
	"database/sql"
	"strings"

	"helpdesk"
)

// Queued is how many wait for SQLite's one connection for writing.
func Queued(s *Store) int { return int(s.db.(*liteDB).writer.queue.Load()) }

// Bind is the engine's form of a text.
func Bind(s *Store, query string) string { return s.eng.bind(query) }

// Setting reads one setting of the connection that writes.
func Setting(ctx context.Context, s *Store, query string) (value string, err error) {
	err = s.commit(ctx, func(tx *Tx) error {
		return tx.first("", func(r row) error { return r.Scan(&value) }, query)
	})
	return value, err
}

// Fold is what the words of a text are compared as.
func Fold(text string) []string { return fold(text) }

// Plans gives how the database goes about each statement of fn, which runs in a transaction that is undone. What
// PostgreSQL could do without an index it does not do here, so that small tables show what large ones need.
func Plans(ctx context.Context, s *Store, tenant helpdesk.TenantID, reach helpdesk.Reach, fn func(*Tx, *System) error) (plans []string, err error) {
	undone := &helpdesk.Error{Public: "undone"}
	err = s.commit(ctx, func(tx *Tx) error {
		tx.tenant, tx.reach = tenant, reach
		if s.eng.name == "postgres" {
			if _, err := tx.exec(`SET LOCAL enable_seqscan = off`); err != nil {
				return err
			}
		}
		tx.q = explaining{tx.q, &plans, s.eng.name}
		if err := fn(tx, &System{tx: tx}); err != nil {
			return err
		}
		return undone
	})
	if err == undone { //nolint:errorlint // it comes back as it is
		err = nil
	}
	return plans, err
}

type explaining struct {
	querier
	plans  *[]string
	engine string
}

func (e explaining) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := e.explain(ctx, query, args...); err != nil {
		return nil, err
	}
	return e.querier.ExecContext(ctx, query, args...)
}

func (e explaining) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := e.explain(ctx, query, args...); err != nil {
		return nil, err
	}
	return e.querier.QueryContext(ctx, query, args...)
}

func (e explaining) explain(ctx context.Context, query string, args ...any) error {
	how := "EXPLAIN "
	if e.engine == "sqlite" {
		how = "EXPLAIN QUERY PLAN "
	}
	rows, err := e.querier.QueryContext(ctx, how+query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		into := []any{&line}
		if e.engine == "sqlite" {
			into = []any{new(int), new(int), new(int), &line}
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		lines = append(lines, line)
	}
	*e.plans = append(*e.plans, query+"\n\t"+strings.Join(lines, "\n\t"))
	return rows.Err()
}
