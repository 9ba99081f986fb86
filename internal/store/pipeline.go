package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// pgLink is one transaction on a PostgreSQL connection. A round trip costs more than most statements, so nothing is
// sent before there is something to wait for: the transaction begins with its first statement, and what is only
// written travels with the next statement, or with the commit.
type pgLink struct {
	db      *pgDB
	conn    *pgx.Conn
	used    bool   // others used it before, so it may have broken without our knowing
	begin   string // how the transaction begins
	begun   bool
	waiting []pgStatement // not sent yet
}

type pgStatement struct {
	text string
	args []any
	scan func(row) error // nil where no rows come
}

// run sends what waits and a statement, calls scan for each of its rows, and gives how many rows it touched.
func (l *pgLink) run(ctx context.Context, scan func(row) error, query string, args ...any) (int64, error) {
	l.waiting = append(l.waiting, pgStatement{query, args, scan})
	all := l.waiting
	l.waiting = nil
	if l.begun {
		n, _, err := send(ctx, l.conn, all)
		return n, err
	}
	l.begun = true
	all = append([]pgStatement{{text: l.begin}}, all...)
	n, heard, err := send(ctx, l.conn, all)
	if l.used && !heard && broke(err) && query != "COMMIT" && ctx.Err() == nil {
		// It broke while nobody used it, as when the server was restarted: nothing was begun.
		fresh, e := l.db.connect(ctx)
		if e != nil {
			return 0, e
		}
		l.conn.Close(ctx)
		l.conn = fresh
		n, _, err = send(ctx, l.conn, all)
	}
	return n, err
}

// later keeps a statement until something is waited for. What scan is given it gets then.
func (l *pgLink) later(_ context.Context, scan func(row) error, query string, args ...any) (int64, error) {
	l.waiting = append(l.waiting, pgStatement{query, args, scan})
	return 1, nil
}

// aside runs a statement at once and for good, whatever becomes of this transaction, and without waiting for the
// disk: what is committed after it is on disk only together with it.
func (l *pgLink) aside(ctx context.Context, scan func(row) error, query string, args ...any) (n int64, err error) {
	var c *pgx.Conn
	select {
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case c = <-l.db.apart:
	}
	defer func() { l.db.apart <- c }()
	for used := c != nil && !c.IsClosed(); ; used = false {
		if !used {
			if c, err = l.db.connect(ctx); err != nil {
				return 0, err
			}
			if _, err = c.Exec(ctx, "SET synchronous_commit = off"); err != nil {
				c.Close(ctx)
				return 0, err
			}
		}
		var heard bool
		if n, heard, err = send(ctx, c, []pgStatement{{query, args, scan}}); !used || heard || !broke(err) {
			return n, err
		}
	}
}

// rollback ends the transaction if it is still open.
func (l *pgLink) rollback() {
	if l.conn.IsClosed() || l.conn.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second) //nolint:forbidigo // its user may have gone
	defer cancel()
	if _, _, err := send(ctx, l.conn, []pgStatement{{text: "ROLLBACK"}}); err != nil {
		l.conn.Close(ctx)
	}
}

// send sends statements in one round trip. It gives how many rows the last of them touched, and whether any row of any
// was scanned.
func send(ctx context.Context, c *pgx.Conn, all []pgStatement) (n int64, heard bool, err error) {
	var b pgx.Batch
	for _, s := range all {
		b.Queue(s.text, s.args...)
	}
	answers := c.SendBatch(ctx, &b)
	defer func() {
		if e := answers.Close(); err == nil {
			err = e
		}
	}()
	for _, s := range all {
		if s.scan == nil {
			tag, err := answers.Exec()
			if err != nil {
				return 0, heard, err
			}
			n = tag.RowsAffected()
			continue
		}
		rows, err := answers.Query()
		if err != nil {
			return 0, heard, err
		}
		for rows.Next() {
			heard = true
			if err := s.scan(rows); err != nil {
				rows.Close()
				return 0, heard, err
			}
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return 0, heard, err
		}
		n = rows.CommandTag().RowsAffected()
	}
	return n, heard, nil
}

// broke says whether a connection turned out to be broken: it did not answer, or said that its server ends.
func broke(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "57P01" || pg.Code == "57P02"
	}
	return err != nil && lost(err)
}
