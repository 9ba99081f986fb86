package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"helpdesk"
)

// raceTries is how often a transaction is run that PostgreSQL gives up for another's sake.
const raceTries = 10

// pgDB is PostgreSQL: a few connections that read and write, and one for what must not wait for a commit.
type pgDB struct {
	cfg   *pgx.ConnConfig
	eng   engine
	slots chan struct{} // a token for each connection that may be in use
	apart chan *pgx.Conn

	mu   sync.Mutex
	idle []idleConn // the last one used is the next: its statements are prepared

	ending sync.WaitGroup // views whose callers have what they wanted
}

// idleConn is a connection that nobody uses, and since when.
type idleConn struct {
	conn  *pgx.Conn
	since time.Time
}

func openPostgres(ctx context.Context, eng engine, cfg Config) (database, error) {
	pc, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, helpdesk.WithCause(helpdesk.Invalid, err, "HELPDESK_DATABASE is not a PostgreSQL URL that can be read. It looks like postgres://user:password@host/database.")
	}
	pool := stdlib.OpenDB(*pc)
	defer pool.Close()
	if err := migrate(ctx, pool, eng); err != nil { // which needs two connections at once
		return nil, err
	}
	var commit string
	if err := pool.QueryRowContext(ctx, "SHOW synchronous_commit").Scan(&commit); err != nil {
		return nil, err
	}
	if commit == "off" { // as the server is set up, a commit would not mean that anything is on disk
		pc.RuntimeParams["synchronous_commit"] = "on"
	}
	d := &pgDB{cfg: pc, eng: eng, slots: make(chan struct{}, cfg.Conn), apart: make(chan *pgx.Conn, 1)}
	for range cfg.Conn {
		d.slots <- struct{}{}
	}
	d.apart <- nil
	return d, nil
}

func (d *pgDB) close() error {
	d.ending.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second) //nolint:forbidigo // nobody waits for more than this
	defer cancel()
	for _, i := range d.idle {
		i.conn.Close(ctx)
	}
	if c := <-d.apart; c != nil {
		c.Close(ctx)
	}
	return nil
}

// connSettings suit statements that are short, always the same, and have an index for what they look for: what the
// just-in-time compiler spends on one it never gains; a plan made once serves every later use; and it must not be one
// that reads whole tables because they were empty when it was made.
const connSettings = "SET jit = off; SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off"

// connect makes a connection.
func (d *pgDB) connect(ctx context.Context) (*pgx.Conn, error) {
	c, err := pgx.ConnectConfig(ctx, d.cfg.Copy())
	if err == nil {
		if _, err = c.Exec(ctx, connSettings, pgx.QueryExecModeSimpleProtocol); err != nil {
			c.Close(ctx)
		}
	}
	return c, err
}

// take gives a connection that is free, or a new one; used says that it is not new.
func (d *pgDB) take(ctx context.Context) (c *pgx.Conn, used bool, err error) {
	select {
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	case <-d.slots:
	}
	if ctx.Err() != nil { // of two that are ready, select chose either
		d.slots <- struct{}{}
		return nil, false, context.Cause(ctx)
	}
	if c := d.free(); c != nil {
		return c, true, nil
	}
	if c, err = d.connect(ctx); err != nil {
		d.slots <- struct{}{}
	}
	return c, false, err
}

// free gives the connection used last, or nil where there is none.
func (d *pgDB) free() *pgx.Conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.idle)
	if n == 0 {
		return nil
	}
	c := d.idle[n-1].conn
	d.idle = d.idle[:n-1]
	return c
}

// give takes a connection back; one that broke, or that is in the middle of something, is ended.
func (d *pgDB) give(c *pgx.Conn) {
	defer func() { d.slots <- struct{}{} }()
	if c.IsClosed() {
		return
	}
	if c.PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second) //nolint:forbidigo // its user has gone
		defer cancel()
		c.Close(ctx)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.idle = append(d.idle, idleConn{c, time.Now()})
}

func (d *pgDB) view(ctx context.Context, fn func(link) error) error {
	c, used, err := d.take(ctx)
	if err != nil {
		return err
	}
	l := &pgLink{db: d, conn: c, used: used, begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}
	defer d.ending.Go(func() { // the caller need not wait
		l.rollback()
		d.give(l.conn)
	})
	return fn(l)
}

func (d *pgDB) update(ctx context.Context, fn func(*Tx) error) (notices []Notice, err error) {
	for range raceTries {
		notices, err = d.try(ctx, fn)
		if err == nil || !lostRace(err) {
			return notices, err
		}
	}
	return nil, helpdesk.WithCause(helpdesk.Unavailable, err, "Too many people changed the same thing at once. Nothing was changed; try again.")
}

// try runs fn once. Its statements can be cancelled; its commit, once asked for, cannot, so that the caller
// hears the true result.
func (d *pgDB) try(ctx context.Context, fn func(*Tx) error) ([]Notice, error) {
	c, used, err := d.take(ctx)
	if err != nil {
		return nil, err
	}
	l := &pgLink{db: d, conn: c, used: used, begin: "BEGIN ISOLATION LEVEL READ COMMITTED"}
	defer func() {
		l.rollback()
		d.give(l.conn)
	}()
	tx := &Tx{ctx: ctx, eng: d.eng, q: l}
	if err := tx.run(fn); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if !l.begun && len(l.waiting) == 0 {
		return nil, nil // there was nothing to do
	}
	// What is still to be written travels with the commit.
	var refused *pgconn.PgError
	switch _, err := l.run(context.WithoutCancel(ctx), nil, "COMMIT"); {
	case err == nil:
		return tx.notices(), nil
	case errors.As(err, &refused):
		return nil, d.eng.explain(fmt.Errorf("store: commit: %w", err))
	default:
		return nil, helpdesk.WithCause(helpdesk.Unavailable, err, "The connection to the PostgreSQL server was lost while saving. It may or may not have been saved; look before you try again.")
	}
}
