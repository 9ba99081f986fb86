package transcript

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

// Config configures a Writer.
type Config struct {
	Limit   int64       // bytes of output that are kept; default 256 MiB
	Segment int64       // bytes of a segment file; default 4 MiB
	Perm    fs.FileMode // of the files; default 0600
	Group   int         // group of the files where it is above 0, so that another user may read them
}

// ErrLimit is what Writer.Output returns when the limit is reached.
var ErrLimit = errors.New("transcript: the limit is reached")

const journalName = "journal"

// segmentName is the name of the segment that begins at an offset. Names sort as offsets do.
func segmentName(offset int64) string { return fmt.Sprintf("%020d", offset) }

// Writer writes one record. Its methods may be called by several goroutines.
type Writer struct {
	dir *os.Root
	cfg Config

	mu      sync.Mutex
	journal *os.File
	pending []byte // of the journal, not written yet: the disk was full
	segment *os.File
	start   int64 // offset at which segment begins
	size    int64
	limit   int64
	cut     bool
	closed  bool
	dirty   bool // there are bytes that Sync has not made safe

	syncing sync.Mutex // held by Sync, so that Close does not close what is being synced
}

// Create begins a record in dir, which must be empty: there is one record a directory, and it is begun once.
// The Writer closes dir.
func Create(dir *os.Root, at time.Time, start Start, cfg Config) (*Writer, error) {
	if cfg.Limit <= 0 {
		cfg.Limit = 256 << 20
	}
	if cfg.Segment <= 0 {
		cfg.Segment = 4 << 20
	}
	if cfg.Perm == 0 {
		cfg.Perm = 0o600
	}
	w := &Writer{dir: dir, cfg: cfg, limit: cfg.Limit}
	var err error
	if w.journal, err = w.create(journalName); err != nil {
		return nil, fmt.Errorf("begin a transcript: %w", err)
	}
	w.pending = appendRecord([]byte(magic), Record{Kind: KindStart, At: at, Start: &start})
	if err := w.flush(); err != nil {
		w.journal.Close()
		return nil, fmt.Errorf("begin a transcript: %w", err)
	}
	return w, nil
}

// create makes a file that must not be there yet.
func (w *Writer) create(name string) (*os.File, error) {
	f, err := w.dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, w.cfg.Perm)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(w.cfg.Perm); err != nil { // whatever the umask
		f.Close()
		return nil, err
	}
	if w.cfg.Group > 0 {
		if err := f.Chown(-1, w.cfg.Group); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

// Output appends p. It returns how many of its bytes were kept: fewer than len(p) only with an error, ErrLimit at the
// limit or the disk's. The rest may be given again once there is room. The bytes are in their file then; the journal's
// line about them is with the next Flush, Output or Sync, so that whoever waits for the bytes need not wait for it.
func (w *Writer) Output(p []byte, at time.Time) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, os.ErrClosed
	}
	if err := w.flush(); err != nil { // what the full disk left of the journal comes first
		return 0, err
	}
	for n < len(p) && err == nil {
		var m int
		m, err = w.append(p[n:])
		n += m
	}
	if n > 0 {
		w.dirty = true
		w.pending = appendRecord(w.pending, Record{Kind: KindOutput, At: at, End: w.size})
	}
	return n, err
}

// Flush brings the journal's lines into their file. What does not fit on a full disk is tried again by the next call
// of any kind.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	return w.flush()
}

// append writes what of p fits into the present segment, or begins the next one.
func (w *Writer) append(p []byte) (int, error) {
	if w.segment == nil || w.size-w.start >= w.cfg.Segment {
		if w.size >= w.limit {
			return 0, ErrLimit
		}
		if err := w.rotate(); err != nil {
			return 0, err
		}
	}
	room := min(w.cfg.Segment-(w.size-w.start), w.limit-w.size)
	if room <= 0 {
		return 0, ErrLimit
	}
	n, err := w.segment.Write(p[:min(room, int64(len(p)))])
	w.size += int64(n)
	return n, err
}

// rotate makes the present segment safe before it begins the next, so that no power cut can leave a hole.
func (w *Writer) rotate() error {
	if w.segment != nil {
		if err := syncData(w.segment); err != nil {
			return err
		}
	}
	next, err := w.create(segmentName(w.size))
	if errors.Is(err, fs.ErrExist) && w.segment == nil {
		return fmt.Errorf("the directory holds a transcript already: %w", err)
	}
	if err != nil {
		return err
	}
	if w.segment != nil {
		w.segment.Close()
	}
	w.segment, w.start = next, w.size
	return nil
}

// Resize records a new size.
func (w *Writer) Resize(cols, rows int, at time.Time) error {
	return w.note(Record{Kind: KindResize, At: at, Cols: cols, Rows: rows})
}

// Input records what was typed, at most 64 KiB at once. As with Output, it is in the journal with the next Flush, Output
// or Sync.
func (w *Writer) Input(data []byte, at time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return os.ErrClosed
	}
	if len(w.pending) > 1<<20 { // the disk has been full for long, see note
		return w.flush()
	}
	w.pending = appendRecord(w.pending, Record{Kind: KindInput, At: at, End: w.size, Data: data})
	w.dirty = true
	return nil
}

// Cut records, once, that output is not kept from here on.
func (w *Writer) Cut(at time.Time) error {
	w.mu.Lock()
	done := w.cut
	w.cut = true
	w.mu.Unlock()
	if done {
		return nil
	}
	return w.note(Record{Kind: KindCut, At: at})
}

func (w *Writer) note(r Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return os.ErrClosed
	}
	r.End = w.size
	if len(w.pending) > 1<<20 { // the disk has been full for long: notes are dropped rather than kept in memory
		return w.flush()
	}
	w.pending = appendRecord(w.pending, r)
	w.dirty = true
	return w.flush()
}

// flush writes what is pending of the journal, and keeps what could not be written.
func (w *Writer) flush() error {
	if len(w.pending) == 0 {
		return nil
	}
	n, err := w.journal.Write(w.pending)
	if err != nil {
		w.pending = append([]byte(nil), w.pending[n:]...)
		return err
	}
	w.pending = w.pending[:0]
	return nil
}

// Size is how many bytes of output are kept: a Reader can have them now.
func (w *Writer) Size() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.size
}

// SetLimit changes the limit; output that is kept stays.
func (w *Writer) SetLimit(limit int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limit = limit
}

// Room is how many bytes may still be kept.
func (w *Writer) Room() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(0, w.limit-w.size)
}

// Sync makes safe against a power cut what has been written. It does nothing when nothing was, and does not hold up
// Output while the disk works. Whoever owns the Writer calls it about once a second.
func (w *Writer) Sync() error {
	w.syncing.Lock()
	defer w.syncing.Unlock()
	w.mu.Lock()
	if w.closed || !w.dirty {
		w.mu.Unlock()
		return nil
	}
	w.dirty = false
	err := w.flush()
	segment, journal := w.segment, w.journal
	w.mu.Unlock()
	if segment != nil {
		// A rotation closes the segment under us only after it has made it safe itself.
		if serr := syncData(segment); !errors.Is(serr, os.ErrClosed) {
			err = errors.Join(err, serr)
		}
	}
	if err = errors.Join(err, syncData(journal)); err != nil {
		w.mu.Lock()
		w.dirty = true
		w.mu.Unlock()
	}
	return err
}

// Close ends the record and makes it safe. Without a finish nothing is said of an end.
func (w *Writer) Close(finish *Finish, at time.Time) error {
	var err error
	if finish != nil {
		err = w.note(Record{Kind: KindEnd, At: at, Finish: finish})
	}
	err = errors.Join(err, w.Sync())
	w.syncing.Lock()
	defer w.syncing.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	err = errors.Join(err, w.journal.Close(), w.dir.Close())
	if w.segment != nil {
		err = errors.Join(err, w.segment.Close())
	}
	return err
}
