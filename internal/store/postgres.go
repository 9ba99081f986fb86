package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"helpdesk"
)

// raceTries is how often a transaction is run that PostgreSQL gives up for another's sake.
const raceTries = 10

// pgDB is PostgreSQL: a pool of connections that read and write. It keeps prepared statements itself.
type pgDB struct {
	pool *sql.DB
	eng  engine
}

func openPostgres(ctx context.Context, eng engine, cfg Config) (database, error) {
	pc, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, helpdesk.WithCause(helpdesk.Invalid, err, "HELPDESK_DATABASE is not a PostgreSQL URL that can be read. It looks like postgres://user:password@host/database.")
	}
	pool := stdlib.OpenDB(*pc)
	if err := migrate(ctx, pool, eng); err != nil { // which needs two connections at once
		pool.Close()
		return nil, err
	}
	var commit string
	if err := pool.QueryRowContext(ctx, "SHOW synchronous_commit").Scan(&commit); err != nil {
		pool.Close()
		return nil, err
	}
	if commit == "off" { // as the server is set up, a commit would not mean that anything is on disk
		pool.Close()
		pc.RuntimeParams["synchronous_commit"] = "on"
		pool = stdlib.OpenDB(*pc)
	}
	pool.SetMaxOpenConns(cfg.Conn)
	pool.SetMaxIdleConns(cfg.Conn)
	return &pgDB{pool: pool, eng: eng}, nil
}

func (d *pgDB) close() error { return d.pool.Close() }

func (d *pgDB) view(ctx context.Context, fn func(querier) error) error {
	t, err := d.pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer t.Rollback()
	return fn(t)
}

func (d *pgDB) update(ctx context.Context, fn func(*Tx) error) (notices []Notice, err error) {
	for range raceTries {
		notices, err = d.try(ctx, fn)
		var unsure *helpdesk.Error
		if err == nil || errors.As(err, &unsure) || !lostRace(err) && !errors.Is(err, driver.ErrBadConn) {
			return notices, err
		}
	}
	if lostRace(err) {
		err = helpdesk.WithCause(helpdesk.Unavailable, err, "Too many people changed the same thing at once. Nothing was changed; try again.")
	}
	return nil, err
}

// try runs fn once. Its statements can be cancelled; its commit, once asked for, cannot, so that the caller
// hears the true result.
func (d *pgDB) try(ctx context.Context, fn func(*Tx) error) ([]Notice, error) {
	c, err := d.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	t, err := c.BeginTx(context.WithoutCancel(ctx), &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return nil, err
	}
	defer t.Rollback()
	tx := &Tx{ctx: ctx, eng: d.eng, q: t}
	if err := tx.run(fn); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var refused *pgconn.PgError
	switch err := t.Commit(); {
	case err == nil:
		return tx.notices, nil
	case errors.As(err, &refused):
		return nil, fmt.Errorf("store: commit: %w", err)
	default:
		return nil, helpdesk.WithCause(helpdesk.Unavailable, err, "The connection to the PostgreSQL server was lost while saving. It may or may not have been saved; look before you try again.")
	}
}
