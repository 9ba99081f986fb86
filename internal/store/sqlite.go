package store

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"helpdesk"
)

// liteDB is SQLite: one connection that writes and a few that read.
type liteDB struct {
	writer *writer
	read   *sql.DB
	idle   chan *conn // a place for each reader; nil where it has no connection yet
}

func openSQLite(ctx context.Context, eng engine, cfg Config) (database, error) {
	path := filepath.Join(cfg.Dir, "helpdesk.db")
	if f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, helpdesk.WithCause(helpdesk.Unavailable, err, "The database file %s cannot be opened for writing. Check that its directory exists, is writable and has space.", path)
	} else if err := f.Close(); err != nil {
		return nil, err
	}
	dsn := func(mode string) string {
		v := url.Values{}
		v.Set("_txlock", mode)
		for _, p := range []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "cache_size(-16000)", "wal_autocheckpoint(2000)"} {
			v.Add("_pragma", p)
		}
		return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + v.Encode()
	}
	wdb, err := sql.Open("sqlite", dsn("immediate"))
	if err != nil {
		return nil, err
	}
	wdb.SetMaxOpenConns(1)
	if err := migrate(ctx, wdb, eng); err != nil {
		wdb.Close()
		return nil, err
	}
	c, err := wdb.Conn(ctx)
	if err != nil {
		wdb.Close()
		return nil, err
	}
	rdb, err := sql.Open("sqlite", dsn("deferred")+"&_pragma=query_only(ON)")
	if err != nil {
		wdb.Close()
		return nil, err
	}
	d := &liteDB{writer: newWriter(wdb, newConn(c), eng), read: rdb, idle: make(chan *conn, cfg.Conn)}
	for range cfg.Conn {
		d.idle <- nil
	}
	return d, nil
}

func (d *liteDB) update(ctx context.Context, fn func(*Tx) error) ([]Notice, error) {
	return d.writer.do(ctx, fn)
}

func (d *liteDB) view(ctx context.Context, fn func(link) error) error {
	var c *conn
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case c = <-d.idle:
	}
	defer func() { d.idle <- c }()
	if c == nil {
		raw, err := d.read.Conn(ctx)
		if err != nil {
			return err
		}
		c = newConn(raw)
	}
	quiet := context.WithoutCancel(ctx) // a transaction is not left half begun or half ended
	if _, err := c.run(quiet, nil, "BEGIN"); err != nil {
		c.close()
		c = nil
		return err
	}
	defer func() {
		if _, err := c.run(quiet, nil, "ROLLBACK"); err != nil { // it only read, but it must not stay open
			c.close()
			c = nil
		}
	}()
	return fn(c)
}

func (d *liteDB) close() error {
	for range cap(d.idle) {
		if c := <-d.idle; c != nil {
			c.close()
		}
	}
	return errors.Join(d.read.Close(), d.writer.close())
}

// statements is how many texts a connection keeps prepared: ours are constants, but for the number of tenants
// and of words in a search.
const statements = 256

// conn is one SQLite connection with its prepared statements. It is used by one goroutine at a time.
type conn struct {
	raw  *sql.Conn
	kept map[string]*sql.Stmt
}

func newConn(raw *sql.Conn) *conn { return &conn{raw: raw, kept: make(map[string]*sql.Stmt)} }

func (c *conn) close() {
	c.forget()
	c.raw.Close()
}

func (c *conn) forget() {
	for _, st := range c.kept {
		st.Close()
	}
	clear(c.kept)
}

func (c *conn) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if st, ok := c.kept[query]; ok {
		return st, nil
	}
	if len(c.kept) >= statements {
		c.forget()
	}
	st, err := c.raw.PrepareContext(ctx, query)
	if err == nil {
		c.kept[query] = st
	}
	return st, err
}

// run runs a statement; see link.
func (c *conn) run(ctx context.Context, scan func(row) error, query string, args ...any) (int64, error) {
	st, err := c.prepared(ctx, query) //nolint:sqlclosecheck // kept for the connection's life
	if err != nil {
		return 0, err
	}
	if scan == nil {
		r, err := st.ExecContext(ctx, args...)
		if err != nil {
			return 0, err
		}
		return r.RowsAffected()
	}
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := int64(0)
	for rows.Next() {
		n++
		if err := scan(rows); err != nil {
			return n, err
		}
	}
	return n, rows.Err()
}

// later runs a statement at once: there is nothing to be gained by waiting.
func (c *conn) later(ctx context.Context, scan func(row) error, query string, args ...any) (int64, error) {
	return c.run(ctx, scan, query, args...)
}

// aside runs a statement as any other: who writes is alone.
func (c *conn) aside(ctx context.Context, scan func(row) error, query string, args ...any) (int64, error) {
	return c.run(ctx, scan, query, args...)
}
