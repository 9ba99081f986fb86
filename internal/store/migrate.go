package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"helpdesk"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrationLock is the key of PostgreSQL's advisory lock that a node holds while it migrates.
const migrationLock = 0x68656c706465736b

// searchMigration is the number of the one step that the two engines need different texts for.
const searchMigration = 2

// Words are found by a table of documents, each a text of a ticket. SQLite keeps the words in a full-text table
// beside it, without the text, whose rows are named by the document's id; PostgreSQL in the document's row.
var searchSchema = map[string][]string{
	"sqlite": {
		`CREATE TABLE search_docs (id INTEGER PRIMARY KEY, ticket TEXT NOT NULL, tenant TEXT NOT NULL,
			FOREIGN KEY (ticket, tenant) REFERENCES tickets (key, tenant))`,
		`CREATE INDEX search_ticket ON search_docs (ticket)`,
		`CREATE VIRTUAL TABLE search_words USING fts5(words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii')`,
	},
	"postgres": {
		`CREATE TABLE search_docs (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ticket TEXT NOT NULL, tenant TEXT NOT NULL, words TSVECTOR NOT NULL,
			FOREIGN KEY (ticket, tenant) REFERENCES tickets (key, tenant))`,
		`CREATE INDEX search_ticket ON search_docs (ticket)`,
		`CREATE INDEX search_words ON search_docs USING GIN (words)`,
	},
}

// migrate brings the schema forward to this program's version. It refuses a schema that is newer.
func migrate(ctx context.Context, db *sql.DB, eng engine) error {
	if eng.name == "postgres" { // nodes that start together must not migrate together
		alone, err := db.Conn(ctx)
		if err != nil {
			return fmt.Errorf("store: migrations: %w", err)
		}
		defer alone.Close()
		if _, err := alone.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, migrationLock); err != nil {
			return fmt.Errorf("store: migrations: %w", err)
		}
		defer alone.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, migrationLock) //nolint:errcheck // it ends with the connection anyway
	}
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
	p, err := goose.NewProvider(dialect, db, files, goose.WithGoMigrations(search))
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
