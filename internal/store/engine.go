package store

import (
	"context"
	"errors"
	"io"
	"net"
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
	lock     string // what makes a SELECT hold its rows; SQLite's one writer needs nothing
	numbered bool   // parameters are $1, $2 …
	bound    *sync.Map
}

func sqliteEngine() engine {
	return engine{name: "sqlite", now: `CAST(unixepoch('subsec') * 1000000 AS INTEGER)`, bound: new(sync.Map)}
}

func postgresEngine() engine {
	return engine{
		name: "postgres", now: `CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)`, lock: "FOR NO KEY UPDATE",
		numbered: true, bound: new(sync.Map),
	}
}

// bind turns our one SQL text into the engine's: {now} becomes its clock, {lock} its row lock, and ? its
// parameters. Our texts hold no question mark inside quotes; a test looks.
func (e engine) bind(query string) string {
	if q, ok := e.bound.Load(query); ok {
		return q.(string)
	}
	q := strings.NewReplacer("{now}", e.now, "{lock}", e.lock).Replace(query)
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
	sentence, kind := "", helpdesk.Unavailable
	var lite *sqlite.Error
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &lite):
		sentence = explainSQLite(lite.Code())
		if lite.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY {
			kind = helpdesk.NotFound
		}
	case errors.As(err, &connect) && errors.As(err, &pg) && !strings.HasPrefix(pg.Code, "57"):
		sentence = "The PostgreSQL server refuses the connection. Check user, password and database in HELPDESK_DATABASE."
	case errors.As(err, &connect):
		sentence = "The PostgreSQL server does not answer. Nothing was changed; try again when it runs."
	case errors.As(err, &pg):
		sentence = explainPostgres(pg.Code)
		if pg.Code == pgForeignKey {
			kind = helpdesk.NotFound
		}
	case e.name == "postgres" && lost(err):
		sentence = "The connection to the PostgreSQL server was lost. Nothing was changed; try again."
	}
	if sentence == "" {
		return err
	}
	return helpdesk.WithCause(kind, err, "%s", sentence)
}

// notThere is what a statement hears that refers to what is not there or belongs to another tenant.
const notThere = "There is no such thing here, or it is not yours to see."

func explainSQLite(code int) string {
	if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY {
		return notThere
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return "The disk that holds HelpDesk's data is full. Nothing was changed; free some space and try again."
	case sqlite3.SQLITE_READONLY:
		return "HelpDesk's data directory is read-only. Nothing was changed; make it writable and try again."
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return "HelpDesk's database file is damaged. Stop the server, keep a copy of the file and restore a backup."
	case sqlite3.SQLITE_IOERR:
		return "HelpDesk's database cannot be read or written: the disk is failing or full. Nothing was changed; look at the disk and try again."
	case sqlite3.SQLITE_CANTOPEN:
		return "HelpDesk's database file cannot be opened. Check that its directory exists, is writable and has space."
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return "Another program holds HelpDesk's database locked. Nothing was changed; end that program, or wait for it, and try again."
	}
	return ""
}

// The PostgreSQL codes that mean something to us.
const (
	pgForeignKey    = "23503"
	pgUnique        = "23505"
	pgReadOnly      = "25006"
	pgSerialization = "40001"
	pgDeadlock      = "40P01"
	pgDiskFull      = "53100"
	pgTooMany       = "53300"
)

func explainPostgres(code string) string {
	switch code {
	case pgForeignKey:
		return notThere
	case pgDiskFull:
		return "The PostgreSQL server's disk is full. Nothing was changed; free some space there and try again."
	case pgTooMany:
		return "The PostgreSQL server has no connection left for HelpDesk. Nothing was changed; try again, or raise its max_connections."
	case pgReadOnly:
		return "The PostgreSQL server takes no changes; it may be a standby. Nothing was changed; check HELPDESK_DATABASE."
	}
	if strings.HasPrefix(code, "57P") { // it is starting, stopping or has crashed
		return "The PostgreSQL server is not ready. Nothing was changed; try again when it runs."
	}
	return ""
}

// lost says whether a connection broke.
func lost(err error) bool {
	var net net.Error
	return errors.As(err, &net) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || pgconn.SafeToRetry(err) || strings.Contains(err.Error(), "conn closed")
}

// lostRace says whether PostgreSQL gave a transaction up for another's sake, so that it may be run again.
func lostRace(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case pgSerialization, pgDeadlock:
		return true
	case pgUnique: // both looked before either wrote
		return pg.ConstraintName == "tenants_slot_key" || pg.ConstraintName == "idempotency_pkey"
	}
	return false
}

// taken says whether a statement failed because something must be unique, and is there already.
func taken(err error) bool {
	var lite *sqlite.Error
	var pg *pgconn.PgError
	return errors.As(err, &lite) && (lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY) ||
		errors.As(err, &pg) && pg.Code == pgUnique
}

// unlessTaken gives err, or a Conflict with the sentence where it says that something is taken.
func unlessTaken(err error, sentence string) error {
	if taken(err) && !lostRace(err) {
		return helpdesk.WithCause(helpdesk.Conflict, err, "%s", sentence)
	}
	return err
}
