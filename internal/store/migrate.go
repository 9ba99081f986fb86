package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"helpdesk"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// searchMigration is the number of the one step that the two engines need different texts for.
const searchMigration = 2

var searchSchema = map[string][]string{
	"sqlite": {
		`CREATE VIRTUAL TABLE search USING fts5(text, ticket UNINDEXED, tenant UNINDEXED, tokenize = "unicode61 remove_diacritics 2", prefix = '2 3')`,
	},
	"postgres": {
		`CREATE TABLE search (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text TEXT NOT NULL, ticket TEXT NOT NULL, tenant TEXT NOT NULL,
			words TSVECTOR GENERATED ALWAYS AS (to_tsvector('simple', text)) STORED)`,
		`CREATE INDEX search_words ON search USING GIN (words)`,
		`CREATE INDEX search_ticket ON search (ticket)`,
	},
}

// migrate brings the schema forward to this program's version. It refuses a schema that is newer.
func migrate(ctx context.Context, db *sql.DB, eng engine) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	dialect := goose.DialectSQLite3
	if eng.name == "postgres" {
		dialect = goose.DialectPostgres
	}
	search := goose.NewGoMigration(searchMigration, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		for _, text := range searchSchema[eng.name] {
			if _, err := tx.ExecContext(ctx, text); err != nil {
				return err
			}
		}
		return nil
	}}, nil)
	opts := []goose.ProviderOption{goose.WithGoMigrations(search)}
	if eng.name == "postgres" { // nodes that start together must not migrate together
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return fmt.Errorf("store: migrations: %w", err)
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(dialect, db, files, opts...)
	if err != nil {
		return fmt.Errorf("store: migrations: %w", err)
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("store: schema version: %w", err)
	}
	sources := p.ListSources()
	want := sources[len(sources)-1].Version
	if have > want {
		return helpdesk.Errorf(helpdesk.Conflict, "The database has schema version %d, and this program knows only up to %d. Start the newer program, or restore a backup made before the upgrade.", have, want)
	}
	if have == want {
		return nil
	}
	if _, err := p.Up(ctx); err != nil && !errors.Is(err, goose.ErrAlreadyApplied) {
		return fmt.Errorf("store: migrate from %d to %d: %w", have, want, err)
	}
	return nil
}
