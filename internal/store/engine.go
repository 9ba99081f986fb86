package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"helpdesk"
)

// engine is where the two databases differ.
type engine struct {
	name     string
	now      string // an expression: the database's clock in microseconds
	snapshot *sql.TxOptions
	numbered bool // parameters are $1, $2 …
	bound    *sync.Map
}

func sqliteEngine() engine {
	return engine{name: "sqlite", now: `CAST(unixepoch('subsec') * 1000000 AS INTEGER)`, bound: new(sync.Map)}
}

func postgresEngine() engine {
	return engine{
		name: "postgres", now: `CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)`,
		snapshot: &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		numbered: true, bound: new(sync.Map),
	}
}

// bind turns our one SQL text into the engine's: {now} becomes its clock, and ? its parameters. Our texts hold
// no question mark inside quotes; a test looks.
func (e engine) bind(query string) string {
	if q, ok := e.bound.Load(query); ok {
		return q.(string)
	}
	q := strings.ReplaceAll(query, "{now}", e.now)
	if e.numbered {
		var b strings.Builder
		n := 0
		for _, r := range q {
			if r == '?' {
				n++
				b.WriteString("$" + strconv.Itoa(n))
				continue
			}
			b.WriteRune(r)
		}
		q = b.String()
	}
	e.bound.Store(query, q)
	return q
}

// explain gives the database's troubles that a person can mend a sentence of their own.
func (e engine) explain(err error) error {
	var known *helpdesk.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_FULL:
			return helpdesk.WithCause(helpdesk.Unavailable, err, "The disk that holds HelpDesk's data is full. Nothing was changed; free some space and try again.")
		case sqlite3.SQLITE_READONLY:
			return helpdesk.WithCause(helpdesk.Unavailable, err, "HelpDesk's data directory is read-only. Nothing was changed; make it writable and try again.")
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return helpdesk.WithCause(helpdesk.Unavailable, err, "HelpDesk's database file is damaged. Stop the server, keep a copy of the file and restore a backup.")
		case sqlite3.SQLITE_IOERR:
			return helpdesk.WithCause(helpdesk.Unavailable, err, "HelpDesk's database cannot be read or written (disk error, or disk full). Nothing was changed.")
		case sqlite3.SQLITE_CANTOPEN:
			return helpdesk.WithCause(helpdesk.Unavailable, err, "HelpDesk's database file cannot be opened. Check that its directory exists and is writable.")
		}
	}
	var refused *pgconn.ConnectError
	if errors.As(err, &refused) {
		return helpdesk.WithCause(helpdesk.Unavailable, err, "The PostgreSQL server does not answer. Nothing was changed; try again.")
	}
	return err
}

// lostRace says whether PostgreSQL gave a transaction up for another's sake, so that it may be run again.
func lostRace(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}
