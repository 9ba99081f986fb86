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
//   - A transaction function may run again (when PostgreSQL gave it up for another's sake), so it keeps what it
//     finds out only when it returns nil. It must not touch the outer store: on SQLite it holds the one
//     connection for writing and would wait for itself.
//   - A statement that fails ends its transaction on both engines: the function can only return.
package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
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

	// Rehearse is for tests: every function of an Update runs once more before it counts, and what it did is rolled
	// back, so that those are found which cannot run again.
	Rehearse bool
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
	db        database
	committed func([]Notice)
	rehearse  bool

	mu     sync.Mutex
	closed bool
	using  sync.WaitGroup // every transaction; none is added once closed
}

// database is one of the two engines, open.
type database interface {
	// view runs fn on one consistent snapshot that refuses to be written to.
	view(ctx context.Context, fn func(link) error) error
	// update runs fn in a transaction and returns once its effect is on disk, with what fn had to tell.
	update(ctx context.Context, fn func(*Tx) error) ([]Notice, error)
	close() error
}

// Open opens the database, making or migrating it where needed. A database newer than this program is refused
// with both versions named.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Conn == 0 {
		cfg.Conn = 8
	}
	s := &Store{committed: cfg.Committed, rehearse: cfg.Rehearse}
	if s.committed == nil {
		s.committed = func([]Notice) {}
	}
	var err error
	switch {
	case cfg.URL == "":
		s.eng = sqliteEngine()
		s.db, err = openSQLite(ctx, s.eng, cfg)
	case strings.HasPrefix(cfg.URL, "postgres://"), strings.HasPrefix(cfg.URL, "postgresql://"):
		s.eng = postgresEngine()
		s.db, err = openPostgres(ctx, s.eng, cfg)
	default:
		err = helpdesk.Errorf(helpdesk.Invalid, "HELPDESK_DATABASE must be empty (SQLite) or a postgres:// URL.")
	}
	if err != nil {
		return nil, s.eng.explain(err)
	}
	return s, nil
}

// Close waits for the transactions under way and ends all connections. What comes later is refused.
func (s *Store) Close() error {
	s.mu.Lock()
	was := s.closed
	s.closed = true
	s.mu.Unlock()
	s.using.Wait()
	if was {
		return nil
	}
	return s.db.close()
}

// enter counts a transaction in, which calls using.Done at its end.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	s.using.Add(1)
	return nil
}

// Engine is "sqlite" or "postgres".
func (s *Store) Engine() string { return s.eng.name }

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.snapshot(ctx, func(tx *Tx) error {
		_, err := tx.Now()
		return err
	})
}

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

var errClosed = helpdesk.Errorf(helpdesk.Unavailable, "The server is shutting down.")

func (s *Store) snapshot(ctx context.Context, fn func(*Tx) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.using.Done()
	return s.eng.explain(s.db.view(ctx, func(l link) error {
		return fn(&Tx{ctx: ctx, eng: s.eng, q: l})
	}))
}

func (s *Store) commit(ctx context.Context, fn func(*Tx) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.using.Done()
	if s.rehearse {
		if err := s.eng.explain(s.rehearsal(ctx, fn)); err != nil {
			return err
		}
	}
	notices, err := s.db.update(ctx, fn)
	if err != nil {
		return s.eng.explain(err)
	}
	if len(notices) > 0 {
		s.committed(notices)
	}
	return nil
}

// rehearsal runs fn and undoes it.
func (s *Store) rehearsal(ctx context.Context, fn func(*Tx) error) error {
	undone := errors.New("store: rehearsed")
	_, err := s.db.update(ctx, func(tx *Tx) error {
		tx.q = rehearsed{tx.q}
		if err := tx.run(fn); err != nil {
			return err
		}
		return undone
	})
	if errors.Is(err, undone) {
		return nil
	}
	return err
}

// Tx is one transaction. It is used by one goroutine, and not after its function returned.
type Tx struct {
	ctx    context.Context
	eng    engine
	q      link
	tenant helpdesk.TenantID // of writes; "" in a View
	reach  helpdesk.Reach    // of reads
	heads  []*head           // the tickets whose rows this transaction holds
	now    time.Time         // what Now gives; zero: not asked yet
	wrote  bool              // there is something to roll back
	broken error             // what ended it; PostgreSQL takes nothing more after an error, and so does SQLite here
}

// run runs the transaction's function. A function that goes on after a statement failed, and returns nothing,
// fails all the same.
func (t *Tx) run(fn func(*Tx) error) error {
	if err := fn(t); err != nil {
		return err
	}
	t.settle()
	return t.broken
}

// System is a transaction that crosses tenants.
type System struct{ tx *Tx }

// link is a connection inside a transaction.
type link interface {
	// run runs a statement, calls scan for each of its rows, and gives how many rows it touched. Without scan there
	// are no rows.
	run(ctx context.Context, scan func(row) error, query string, args ...any) (int64, error)
	// later runs a statement before the next one that is run, or before the commit, whose error its own may be; how
	// many rows it touched is not told.
	later(ctx context.Context, scan func(row) error, query string, args ...any) (int64, error)
	// aside runs a statement whose effect may last without this transaction's.
	aside(ctx context.Context, scan func(row) error, query string, args ...any) (int64, error)
}

// rehearsed is a link in a rehearsal: nothing lasts.
type rehearsed struct{ link }

func (r rehearsed) aside(ctx context.Context, scan func(row) error, query string, args ...any) (int64, error) {
	return r.run(ctx, scan, query, args...)
}

type row interface{ Scan(into ...any) error }

// do runs a statement by one of the link's ways.
func (t *Tx) do(way func(context.Context, func(row) error, string, ...any) (int64, error), scan func(row) error, query string, args ...any) (int64, error) {
	if t.broken == nil && len(t.heads) > 0 && strings.Contains(query, "tickets") {
		t.settle() // it may look
	}
	if t.broken != nil {
		return 0, t.broken
	}
	var bad error // what is wrong with a row is no trouble of the database
	read := scan
	if scan != nil {
		read = func(r row) error {
			bad = scan(r)
			return bad
		}
	}
	writes := !strings.HasPrefix(query, "SELECT")
	n, err := way(t.ctx, read, t.eng.bind(query), args...)
	t.wrote = t.wrote || writes && (n > 0 || err != nil)
	switch {
	case bad != nil:
		return 0, fmt.Errorf("store: %w", bad)
	case err != nil:
		return 0, t.fail(err)
	}
	return n, nil
}

func (t *Tx) exec(query string, args ...any) (int64, error) {
	return t.do(t.q.run, nil, query, args...)
}

// later runs a statement that need not be waited for: what scan is given is looked at only after the next statement,
// and a failure fails the whole transaction. On PostgreSQL it travels with the next statement or the commit.
func (t *Tx) later(scan func(row) error, query string, args ...any) error {
	_, err := t.do(t.q.later, scan, query, args...)
	return err
}

// fail ends the transaction: nothing more can be done in it.
func (t *Tx) fail(err error) error {
	t.broken = t.eng.explain(fmt.Errorf("store: %w", err))
	return t.broken
}

// one runs a statement that must touch exactly one row; none is NotFound with the given sentence.
func (t *Tx) one(missing, query string, args ...any) error {
	n, err := t.exec(query, args...)
	if err == nil && n == 0 {
		err = helpdesk.Errorf(helpdesk.NotFound, "%s", missing)
	}
	return err
}

// each calls scan for every row of a query. No other statement runs until it returns.
func (t *Tx) each(scan func(row) error, query string, args ...any) error {
	_, err := t.do(t.q.run, scan, query, args...)
	return err
}

// first scans the first row of a query; none is NotFound with the given sentence.
func (t *Tx) first(missing string, scan func(row) error, query string, args ...any) error {
	found := false
	err := t.each(once(&found, scan), query, args...)
	if err == nil && !found {
		err = helpdesk.Errorf(helpdesk.NotFound, "%s", missing)
	}
	return err
}

// once passes only the first row on.
func once(found *bool, scan func(row) error) func(row) error {
	return func(r row) error {
		if *found {
			return nil
		}
		*found = true
		return scan(r)
	}
}

// within is the condition that a row's tenant lies within reach, with its arguments.
func (t *Tx) within(column string) (string, []any) { return within(t.reach, column) }

func within(reach helpdesk.Reach, column string) (string, []any) {
	if reach.All() {
		return "TRUE", nil
	}
	tenants := reach.List()
	switch len(tenants) {
	case 0:
		return "FALSE", nil
	case 1:
		return column + " = ?", []any{string(tenants[0])}
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
