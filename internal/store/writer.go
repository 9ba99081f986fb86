package store

import (
	"context"
	"database/sql"
	"sync/atomic"
	"time"
)

// The most that one commit gathers: so that the first who waits is not kept waiting for the last who came.
const (
	gatherMost = 256
	gatherTime = 4 * time.Millisecond
)

// writer is SQLite's one connection for writing. Whoever wants to write queues for it and then runs his own
// function on it, so that a panic is his own too. Functions that follow each other without a gap share one
// transaction, each inside a savepoint: the last in the queue commits, and one fsync answers them all.
type writer struct {
	db   *sql.DB
	conn *conn
	eng  engine

	turn  chan struct{} // holds one token: the right to use conn and all below
	queue atomic.Int32  // how many wait for the token; whoever counts himself in takes it

	batch    *batch    // the transaction that is open; nil where none is
	failed   error     // why no transaction could be begun
	failedAt time.Time // whoever came before is told so at once, instead of each waiting for it again
}

// batch is one transaction and all who wait for its commit.
type batch struct {
	began time.Time
	size  int
	done  chan struct{} // closed after err is set
	err   error
}

func newWriter(db *sql.DB, c *conn, eng engine) *writer {
	w := &writer{db: db, conn: c, eng: eng, turn: make(chan struct{}, 1)}
	w.turn <- struct{}{}
	return w
}

// close ends the connection; nobody uses the writer any more.
func (w *writer) close() error {
	w.conn.close()
	return w.db.Close()
}

// take waits for the connection. It cannot be given up: whoever is counted in the queue may be the one whom the
// others expect to commit.
func (w *writer) take() {
	w.queue.Add(1)
	<-w.turn
	w.queue.Add(-1)
}

// give passes the connection on, or, where nobody waits or the first has waited long enough, commits before.
func (w *writer) give() {
	if b := w.batch; b != nil && (w.queue.Load() == 0 || b.size >= gatherMost || time.Since(b.began) > gatherTime) {
		w.commit()
	}
	w.turn <- struct{}{}
}

// do runs fn and waits until its effect is on disk. Once begun it is not given up: a caller whose context ends
// in the meantime still hears the true result.
func (w *writer) do(ctx context.Context, fn func(*Tx) error) ([]Notice, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	came := time.Now()
	notices, b, err := w.join(ctx, came, fn)
	if err != nil {
		return nil, err
	}
	<-b.done
	if b.err != nil {
		return nil, b.err
	}
	return notices, nil
}

// join runs fn in the open batch, or in a new one, and gives the batch whose commit its effect awaits.
func (w *writer) join(ctx context.Context, came time.Time, fn func(*Tx) error) (notices []Notice, b *batch, err error) {
	w.take()
	defer w.give()
	switch {
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	case came.Before(w.failedAt):
		return nil, nil, w.failed
	}
	quiet := context.WithoutCancel(ctx)
	if err := w.begin(quiet); err != nil {
		return nil, nil, err
	}
	b = w.batch
	kept := false
	defer func() { // also when fn panics
		if !kept {
			w.undo(quiet, err)
		}
	}()
	tx := &Tx{ctx: quiet, eng: w.eng, q: w.conn}
	if err = tx.run(fn); err != nil {
		return nil, nil, err
	}
	if b.size > 0 {
		if _, err = w.conn.ExecContext(quiet, "RELEASE job"); err != nil {
			return nil, nil, err
		}
	}
	kept = true
	b.size++
	return tx.notices, b, nil
}

// begin opens a transaction, or a savepoint in the one that is open.
func (w *writer) begin(ctx context.Context) error {
	if w.batch == nil {
		if _, err := w.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
			w.failed, w.failedAt = err, time.Now()
			return err
		}
		w.batch = &batch{began: time.Now(), done: make(chan struct{})}
		return nil
	}
	_, err := w.conn.ExecContext(ctx, "SAVEPOINT job")
	if err != nil {
		w.abandon(ctx, err)
	}
	return err
}

// undo takes back what the last function did and nothing else. Where SQLite has given up the whole transaction
// (the disk is full), or cannot undo, nobody's effect is left, and all are told why.
func (w *writer) undo(ctx context.Context, why error) {
	if w.batch.size == 0 {
		w.abandon(ctx, why)
		return
	}
	_, err := w.conn.ExecContext(ctx, "ROLLBACK TO job")
	if err == nil {
		_, err = w.conn.ExecContext(ctx, "RELEASE job")
	}
	if err != nil {
		if why == nil {
			why = err
		}
		w.abandon(ctx, why)
	}
}

// commit makes the batch's effects last and answers all who wait.
func (w *writer) commit() {
	ctx := context.Background() // others depend on it
	if _, err := w.conn.ExecContext(ctx, "COMMIT"); err != nil {
		w.abandon(ctx, err)
		return
	}
	w.settle(nil)
}

// abandon rolls the batch back and tells all who wait.
func (w *writer) abandon(ctx context.Context, why error) {
	_, _ = w.conn.ExecContext(ctx, "ROLLBACK") // fails where SQLite has rolled back already
	w.settle(why)
}

func (w *writer) settle(err error) {
	w.batch.err = err
	close(w.batch.done)
	w.batch = nil
}
