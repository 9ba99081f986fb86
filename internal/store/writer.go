package store

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"time"

	"helpdesk"
)

// The most that one commit gathers: so that the first who waits is not kept waiting for the last who came.
const (
	gatherMost = 256
	gatherTime = 4 * time.Millisecond
)

// writer is SQLite's one connection for writing. Whoever wants to write queues for it and then runs his own
// function on it, so that a panic is his own too. Functions that follow each other without a gap share one
// transaction: the last in the queue commits, and one fsync answers them all.
//
// A function that fails must take back only its own. One that has written nothing has nothing to take back. For
// the others a savepoint before each function would do, but it costs a third of a commit's work, and failing after
// writing is rare; so there is none, and when it does happen the transaction is rolled back and all who share it
// run again, this time each inside a savepoint.
type writer struct {
	db   *sql.DB
	conn *conn
	eng  engine

	turn  chan struct{} // holds one token: the right to use conn and all below
	queue atomic.Int32  // how many wait for the token

	batch    *batch    // the transaction that is open; nil where none is
	careful  int       // how many more functions get a savepoint
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

// errAgain tells those who share a transaction that it was rolled back for another's sake.
var errAgain = errors.New("store: run again")

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

// take waits for the connection, until ctx ends.
func (w *writer) take(ctx context.Context) error {
	w.queue.Add(1)
	select {
	case <-w.turn:
		w.queue.Add(-1)
		return nil
	case <-ctx.Done():
		w.queue.Add(-1)
		w.tend() // somebody may have left his commit to me
		return context.Cause(ctx)
	}
}

// give passes the connection on, or, where nobody waits or the first has waited long enough, commits before.
func (w *writer) give() {
	if b := w.batch; b != nil && (w.queue.Load() == 0 || b.size >= gatherMost || time.Since(b.began) > gatherTime) {
		w.commit()
	}
	w.turn <- struct{}{}
	w.tend() // those who waited may have gone away meanwhile
}

// tend commits what is open if nobody else will: nobody waits for the connection, and nobody has it.
func (w *writer) tend() {
	if w.queue.Load() > 0 {
		return
	}
	select {
	case <-w.turn:
		if w.batch != nil {
			w.commit()
		}
		w.turn <- struct{}{}
	default: // whoever has it comes by here
	}
}

// do runs fn and waits until its effect is on disk. Once begun it is not given up: a caller whose context ends
// in the meantime still hears the true result.
func (w *writer) do(ctx context.Context, fn func(*Tx) error) ([]Notice, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	came := time.Now()
	for {
		notices, b, err := w.join(ctx, came, fn)
		if err == nil {
			<-b.done
			err = b.err
		}
		switch {
		case err == nil:
			return notices, nil
		case err != errAgain: //nolint:errorlint // it is never wrapped
			return nil, err
		}
		ctx = context.WithoutCancel(ctx) // it has begun
	}
}

// join runs fn in the open batch, or in a new one, and gives the batch whose commit its effect awaits.
func (w *writer) join(ctx context.Context, came time.Time, fn func(*Tx) error) (notices []Notice, b *batch, err error) {
	if err := w.take(ctx); err != nil {
		return nil, nil, err
	}
	defer w.give()
	switch {
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	case came.Before(w.failedAt):
		return nil, nil, w.failed
	}
	quiet := context.WithoutCancel(ctx)
	saved, err := w.begin(quiet)
	if err != nil {
		return nil, nil, err
	}
	b = w.batch
	tx := &Tx{ctx: quiet, eng: w.eng, q: w.conn}
	kept := false
	defer func() { // also when fn panics
		if !kept {
			err = w.undo(quiet, tx, saved, err)
		}
	}()
	if err = tx.run(fn); err != nil {
		return nil, nil, err
	}
	if saved {
		if _, err = w.conn.run(quiet, nil, "RELEASE job"); err != nil {
			tx.broken = err
			return nil, nil, err
		}
	}
	kept = true
	b.size++
	return tx.notices(), b, nil
}

// begin opens a transaction, or joins the one that is open, where need be with a savepoint.
func (w *writer) begin(ctx context.Context) (saved bool, err error) {
	if w.batch == nil {
		if _, err := w.conn.run(ctx, nil, "BEGIN IMMEDIATE"); err != nil {
			w.failed, w.failedAt = err, time.Now()
			return false, err
		}
		w.batch = &batch{began: time.Now(), done: make(chan struct{})}
	}
	if w.careful == 0 {
		return false, nil
	}
	w.careful--
	if w.batch.size == 0 {
		return false, nil // the transaction itself is the savepoint
	}
	if _, err = w.conn.run(ctx, nil, "SAVEPOINT job"); err != nil {
		w.abandon(ctx, err)
	}
	return err == nil, err
}

// undo takes back what a function did that failed for the given reason, and nothing else, and gives what its caller
// is told. Where SQLite has given up the whole transaction (the disk is full), or cannot undo, nobody's effect is
// left, and all are told why.
func (w *writer) undo(ctx context.Context, tx *Tx, saved bool, why error) error {
	switch {
	case w.batch.size == 0:
		w.abandon(ctx, why)
	case saved:
		_, err := w.conn.run(ctx, nil, "ROLLBACK TO job")
		if err == nil {
			_, err = w.conn.run(ctx, nil, "RELEASE job")
		}
		if err != nil {
			w.abandon(ctx, errors.Join(why, err))
		}
	case tx.broken != nil && !taken(tx.broken) && helpdesk.KindOf(tx.broken) != helpdesk.NotFound:
		w.abandon(ctx, tx.broken) // not a constraint: the database is in trouble
	case tx.wrote || tx.broken != nil:
		w.careful = w.batch.size + 1
		w.abandon(ctx, errAgain)
		if why != nil { // else it panicked
			return errAgain
		}
	}
	return why
}

// commit makes the batch's effects last and answers all who wait.
func (w *writer) commit() {
	ctx := context.Background() //nolint:forbidigo // others than the caller depend on it
	if _, err := w.conn.run(ctx, nil, "COMMIT"); err != nil {
		w.abandon(ctx, err)
		return
	}
	w.settle(nil)
}

// abandon rolls the batch back and tells all who wait.
func (w *writer) abandon(ctx context.Context, why error) {
	_, _ = w.conn.run(ctx, nil, "ROLLBACK") // fails where SQLite has rolled back already
	w.settle(why)
}

func (w *writer) settle(err error) {
	w.batch.err = err
	close(w.batch.done)
	w.batch = nil
}
