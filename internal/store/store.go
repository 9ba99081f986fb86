// Package store keeps everything that HelpDesk must not lose, in SQLite by default or in PostgreSQL, with one
// SQL text for both.
//
// It promises:
//
//   - What Update returned from without an error is on disk (SQLite with synchronous=FULL, or PostgreSQL's
//     commit). Those who wait at the same time share one commit and one fsync.
//   - A write is bound to one tenant and a read to a set of tenants computed from the Actor: every statement
//     carries them, and what is outside is not found. System transactions cross tenants; each has a Purpose
//     with its reason.
//   - An event and the state it describes are committed together, and Config.Committed hears of it only
//     afterwards.
//   - A transaction function may run twice (after a lost PostgreSQL serialisation), and must not touch the
//     outer store: on SQLite it runs on the one writer and would wait for itself.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"helpdesk"
)

// Config says where and how to keep things.
type Config struct {
	URL  string // postgres://… ; empty: SQLite in Dir
	Dir  string // the directory of helpdesk.db, for SQLite
	Conn int    // connections for reading (SQLite) or in all (PostgreSQL); default 8

	// Committed hears, after each commit, which tickets have new events. It must not block; nil: nobody does.
	Committed func([]Notice)
}

// Notice says that a ticket has events up to Seq.
type Notice struct {
	Tenant helpdesk.TenantID
	Ticket helpdesk.TicketKey
	Seq    int64
}

// Store is a database. Its methods may be called from any number of goroutines.
type Store struct {
	eng       engine
	read      *sql.DB
	write     *writer // SQLite only
	committed func([]Notice)
}

// Open opens the database, making or migrating it where needed. A database newer than this program is refused
// with both versions named.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Conn == 0 {
		cfg.Conn = 8
	}
	s := &Store{committed: cfg.Committed}
	if s.committed == nil {
		s.committed = func([]Notice) {}
	}
	var err error
	if cfg.URL == "" {
		err = s.openSQLite(ctx, cfg)
	} else if strings.HasPrefix(cfg.URL, "postgres://") || strings.HasPrefix(cfg.URL, "postgresql://") {
		err = s.openPostgres(ctx, cfg)
	} else {
		err = helpdesk.Errorf(helpdesk.Invalid, "HELPDESK_DATABASE must be empty (SQLite) or a postgres:// URL.")
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close ends all connections. Updates under way finish first.
func (s *Store) Close() error {
	if s.write != nil {
		s.write.close()
	}
	return s.read.Close()
}

// Engine is "sqlite" or "postgres".
func (s *Store) Engine() string { return s.eng.name }

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.read.PingContext(ctx) }

// View runs fn on one consistent snapshot of whatever lies within reach.
func (s *Store) View(ctx context.Context, reach helpdesk.Reach, fn func(*Tx) error) error {
	return s.snapshot(ctx, func(tx *Tx) error {
		tx.reach = reach
		return fn(tx)
	})
}

// Update runs fn in a transaction bound to one tenant. It returns once the result is on disk.
func (s *Store) Update(ctx context.Context, tenant helpdesk.TenantID, fn func(*Tx) error) error {
	if tenant == "" {
		return errors.New("store: an update needs a tenant")
	}
	reach := helpdesk.Actor{Kind: helpdesk.ActorUser, Tenants: []helpdesk.TenantID{tenant}}.Reach()
	return s.commit(ctx, func(tx *Tx) error {
		tx.tenant, tx.reach = tenant, reach
		return fn(tx)
	})
}

// Purpose is the reason for which a transaction may cross tenants.
type Purpose string

// The purposes; a test holds this list against its uses.
const (
	TurnQueue Purpose = "turn queue" // whose turn is next does not depend on the tenant
	Sweeps    Purpose = "sweeps"     // limits, lapses and clearing up concern every tenant
	Directory Purpose = "directory"  // tenants, people, agents and sign-in stand above tenants
)

// SystemView runs fn on a snapshot that crosses tenants.
func (s *Store) SystemView(ctx context.Context, _ Purpose, fn func(*System) error) error {
	return s.snapshot(ctx, func(tx *Tx) error { return fn(&System{tx: tx}) })
}

// SystemUpdate runs fn in a transaction that crosses tenants. It returns once the result is on disk.
func (s *Store) SystemUpdate(ctx context.Context, _ Purpose, fn func(*System) error) error {
	return s.commit(ctx, func(tx *Tx) error { return fn(&System{tx: tx}) })
}

func (s *Store) snapshot(ctx context.Context, fn func(*Tx) error) error {
	t, err := s.read.BeginTx(ctx, s.eng.snapshot)
	if err != nil {
		return s.eng.explain(err)
	}
	defer t.Rollback() //nolint:errcheck // it only read
	return s.eng.explain(fn(&Tx{ctx: ctx, eng: s.eng, q: t}))
}

func (s *Store) commit(ctx context.Context, fn func(*Tx) error) error {
	var notices []Notice
	var err error
	if s.write != nil {
		notices, err = s.write.do(ctx, fn)
	} else {
		notices, err = s.commitPostgres(ctx, fn)
	}
	if err != nil {
		return s.eng.explain(err)
	}
	if len(notices) > 0 {
		s.committed(notices)
	}
	return nil
}

// Tx is one transaction. It is used by one goroutine, and not after its function returned.
type Tx struct {
	ctx     context.Context
	eng     engine
	q       querier
	tenant  helpdesk.TenantID // of writes; "" in a View
	reach   helpdesk.Reach    // of reads
	notices []Notice
}

// System is a transaction that crosses tenants.
type System struct{ tx *Tx }

type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (t *Tx) exec(query string, args ...any) (int64, error) {
	r, err := t.q.ExecContext(t.ctx, t.eng.bind(query), args...)
	if err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	return r.RowsAffected()
}

// one runs a statement that must touch exactly one row; none is NotFound with the given sentence.
func (t *Tx) one(missing, query string, args ...any) error {
	n, err := t.exec(query, args...)
	if err == nil && n == 0 {
		err = helpdesk.Errorf(helpdesk.NotFound, "%s", missing)
	}
	return err
}

// each calls scan for every row of a query.
func (t *Tx) each(scan func(row) error, query string, args ...any) error {
	rows, err := t.q.QueryContext(t.ctx, t.eng.bind(query), args...)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	return rows.Err()
}

// first scans the first row of a query; none is NotFound with the given sentence.
func (t *Tx) first(missing string, scan func(row) error, query string, args ...any) error {
	found := false
	err := t.each(func(r row) error {
		if found {
			return nil
		}
		found = true
		return scan(r)
	}, query, args...)
	if err == nil && !found {
		err = helpdesk.Errorf(helpdesk.NotFound, "%s", missing)
	}
	return err
}

type row interface{ Scan(dest ...any) error }

// within is the condition that a row's tenant lies within reach, with its arguments.
func (t *Tx) within(column string) (string, []any) {
	if t.reach.All() {
		return "TRUE", nil
	}
	tenants := t.reach.List()
	if len(tenants) == 0 {
		return "FALSE", nil
	}
	args := make([]any, len(tenants))
	for i, x := range tenants {
		args[i] = string(x)
	}
	return column + " IN (?" + strings.Repeat(",?", len(args)-1) + ")", args
}

// micros is a time as the database keeps it; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
