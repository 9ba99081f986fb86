package store

import (
	"context"
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

// Plans gives how the database goes about each statement of fn, which runs in a transaction that is undone.
func Plans(ctx context.Context, s *Store, tenant helpdesk.TenantID, reach helpdesk.Reach, fn func(*Tx, *System) error) (plans []string, err error) {
	undone := &helpdesk.Error{Public: "undone"}
	err = s.commit(ctx, func(tx *Tx) error {
		tx.tenant, tx.reach = tenant, reach
		tx.q = explaining{tx.q, &plans, s.eng.name}
		if err := fn(tx, &System{tx: tx}); err != nil {
			return err
		}
		tx.settle()
		return undone
	})
	if err == undone { //nolint:errorlint // it comes back as it is
		err = nil
	}
	return plans, err
}

type explaining struct {
	link
	plans  *[]string
	engine string
}

func (e explaining) run(ctx context.Context, scan func(row) error, query string, args ...any) (int64, error) {
	if err := e.explain(ctx, query, args...); err != nil {
		return 0, err
	}
	return e.link.run(ctx, scan, query, args...)
}

func (e explaining) later(ctx context.Context, scan func(row) error, query string, args ...any) (int64, error) {
	return e.run(ctx, scan, query, args...)
}

func (e explaining) explain(ctx context.Context, query string, args ...any) error {
	how := "EXPLAIN "
	if e.engine == "sqlite" {
		how = "EXPLAIN QUERY PLAN "
	}
	var lines []string
	_, err := e.link.run(ctx, func(r row) error {
		var line string
		into := []any{&line}
		if e.engine == "sqlite" {
			into = []any{new(int), new(int), new(int), &line}
		}
		err := r.Scan(into...)
		lines = append(lines, line)
		return err
	}, how+query, args...)
	*e.plans = append(*e.plans, query+"\n\t"+strings.Join(lines, "\n\t"))
	return err
}
