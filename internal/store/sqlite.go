package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"helpdesk"
)

// The most that one commit gathers: so that the first who waits is not kept waiting for the last who came.
const (
	gatherMost = 256
	gatherTime = 4 * time.Millisecond
)

func (s *Store) openSQLite(ctx context.Context, cfg Config) error {
	s.eng = sqliteEngine()
	path := filepath.Join(cfg.Dir, "helpdesk.db")
	if f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return helpdesk.WithCause(helpdesk.Unavailable, err, "The database file %s cannot be opened for writing.", path)
	} else if err := f.Close(); err != nil {
		return err
	}
	dsn := func(mode string) string {
		v := url.Values{}
		v.Set("_txlock", mode)
		for _, p := range []string{"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)", "foreign_keys(ON)", "cache_size(-16000)", "wal_autocheckpoint(2000)"} {
			v.Add("_pragma", p)
		}
		return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + v.Encode()
	}
	wdb, err := sql.Open("sqlite", dsn("immediate"))
	if err != nil {
		return err
	}
	wdb.SetMaxOpenConns(1)
	if err := migrate(ctx, wdb, s.eng); err != nil {
		wdb.Close()
		return s.eng.explain(err)
	}
	conn, err := wdb.Conn(ctx)
	if err != nil {
		wdb.Close()
		return s.eng.explain(err)
	}
	rdb, err := sql.Open("sqlite", dsn("deferred")+"&_pragma=query_only(ON)")
	if err != nil {
		wdb.Close()
		return err
	}
	rdb.SetMaxOpenConns(cfg.Conn)
	rdb.SetMaxIdleConns(cfg.Conn)
	s.read = rdb
	s.write = newWriter(wdb, conn, s.eng)
	return nil
}

// writer is SQLite's one writer. Transaction functions run on it one after another, each inside a savepoint of
// a transaction that all who wait share; one commit, so one fsync, answers them all.
type writer struct {
	db   *sql.DB
	conn *sql.Conn
	eng  engine
	jobs chan *job
	stmt map[string]*sql.Stmt

	mu     sync.RWMutex // closing against sending
	closed bool
	wg     sync.WaitGroup
}

type job struct {
	ctx     context.Context
	fn      func(*Tx) error
	notices []Notice
	err     error
	done    chan struct{}
}

var errClosed = errors.New("store: closed")

func newWriter(db *sql.DB, conn *sql.Conn, eng engine) *writer {
	w := &writer{db: db, conn: conn, eng: eng, jobs: make(chan *job, gatherMost), stmt: make(map[string]*sql.Stmt)}
	w.wg.Go(w.run)
	return w
}

func (w *writer) close() {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return
	}
	w.closed = true
	close(w.jobs)
	w.mu.Unlock()
	w.wg.Wait()
	w.conn.Close()
	w.db.Close()
}

// do hands fn to the writer and waits until its effect is on disk. Once begun it is not given up: a caller
// whose context ends in the meantime still hears the true result.
func (w *writer) do(ctx context.Context, fn func(*Tx) error) ([]Notice, error) {
	j := &job{ctx: ctx, fn: fn, done: make(chan struct{})}
	w.mu.RLock()
	if w.closed {
		w.mu.RUnlock()
		return nil, errClosed
	}
	select {
	case w.jobs <- j:
		w.mu.RUnlock()
	case <-ctx.Done():
		w.mu.RUnlock()
		return nil, context.Cause(ctx)
	}
	<-j.done
	return j.notices, j.err
}

func (w *writer) run() {
	for first := range w.jobs {
		w.gather(first)
	}
}

// gather runs the first job and whoever waits by then, commits once and answers all.
func (w *writer) gather(first *job) {
	ctx := context.WithoutCancel(first.ctx)
	if _, err := w.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		first.err = err
		close(first.done)
		return
	}
	var waiting []*job
	start := time.Now()
	for j, more := first, true; more; {
		if w.one(j) {
			waiting = append(waiting, j)
		} else {
			close(j.done)
		}
		if len(waiting) >= gatherMost || time.Since(start) > gatherTime {
			break
		}
		select {
		case j, more = <-w.jobs:
		default:
			more = false
		}
	}
	_, err := w.ExecContext(ctx, "COMMIT")
	if err != nil {
		_, _ = w.ExecContext(ctx, "ROLLBACK") // the commit's error is the one to tell
	}
	for _, j := range waiting {
		if err != nil {
			j.err, j.notices = err, nil
		}
		close(j.done)
	}
}

// one runs a job inside a savepoint and says whether its effect awaits the commit.
func (w *writer) one(j *job) (ok bool) {
	if j.ctx.Err() != nil {
		j.err = context.Cause(j.ctx)
		return false
	}
	ctx := context.WithoutCancel(j.ctx)
	if _, j.err = w.ExecContext(ctx, "SAVEPOINT job"); j.err != nil {
		return false
	}
	tx := &Tx{ctx: ctx, eng: w.eng, q: w}
	defer func() {
		if p := recover(); p != nil {
			j.err, ok = fmt.Errorf("store: panic in a transaction: %v", p), false
		}
		if !ok {
			_, _ = w.ExecContext(ctx, "ROLLBACK TO job") // j.err is the one to tell
		}
		if _, err := w.ExecContext(ctx, "RELEASE job"); err != nil && j.err == nil {
			j.err, ok = err, false
		}
	}()
	j.err = j.fn(tx)
	j.notices = tx.notices
	return j.err == nil
}

// prepared keeps one prepared statement per text: there is one connection, and texts are constants.
func (w *writer) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if st, ok := w.stmt[query]; ok {
		return st, nil
	}
	st, err := w.conn.PrepareContext(ctx, query)
	if err == nil {
		w.stmt[query] = st
	}
	return st, err
}

// ExecContext runs a statement on the one connection.
func (w *writer) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	st, err := w.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(ctx, args...)
}

// QueryContext runs a query on the one connection.
func (w *writer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := w.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}
