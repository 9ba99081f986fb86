package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"helpdesk"
)

// raceTries is how often a transaction is run that PostgreSQL gives up for another's sake.
const raceTries = 10

func (s *Store) openPostgres(ctx context.Context, cfg Config) error {
	s.eng = postgresEngine()
	pc, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return helpdesk.WithCause(helpdesk.Invalid, err, "HELPDESK_DATABASE is not a PostgreSQL URL that can be read. It looks like postgres://user:password@host/database.")
	}
	s.read = stdlib.OpenDB(*pc)
	s.read.SetMaxOpenConns(2 * cfg.Conn)
	s.read.SetMaxIdleConns(cfg.Conn)
	if err := migrate(ctx, s.read, s.eng); err != nil {
		s.read.Close()
		return s.eng.explain(err)
	}
	return nil
}

func (s *Store) commitPostgres(ctx context.Context, fn func(*Tx) error) (notices []Notice, err error) {
	for range raceTries {
		notices, err = s.tryPostgres(ctx, fn)
		if !lostRace(err) {
			return notices, err
		}
	}
	return nil, helpdesk.WithCause(helpdesk.Unavailable, err, "Too many people changed the same thing at once. Nothing was changed; try again.")
}

func (s *Store) tryPostgres(ctx context.Context, fn func(*Tx) error) ([]Notice, error) {
	t, err := s.read.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return nil, err
	}
	defer t.Rollback() //nolint:errcheck // without effect after a commit
	tx := &Tx{ctx: ctx, eng: s.eng, q: t}
	if err := fn(tx); err != nil {
		return nil, err
	}
	if err := t.Commit(); err != nil {
		return nil, fmt.Errorf("store: commit: %w", err)
	}
	return tx.notices, nil
}
