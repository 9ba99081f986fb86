package transcript

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sort"
	"sync"
)

// Reader reads one record, also while it is written. It opens files only while it reads them, so a Reader costs
// nothing while it rests. Its methods may be called by several goroutines.
type Reader struct {
	dir string

	mu     sync.Mutex
	starts []int64 // of the segments known to be contiguous, ascending
	size   int64   // of all output known
}

// Open makes a Reader of the record in dir. One that is not there is fs.ErrNotExist.
func Open(dir string) (*Reader, error) {
	if _, err := os.Stat(filepath.Join(dir, journalName)); err != nil {
		return nil, err
	}
	r := &Reader{dir: dir}
	_, err := r.Size()
	return r, err
}

// Size looks how many bytes of output there are now.
func (r *Reader) Size() (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.scan()
}

// scan looks for bytes and segments that are new. A segment that does not begin where the one before it ends is not
// part of the record: what came before is.
func (r *Reader) scan() (int64, error) {
	if len(r.starts) == 0 {
		if _, err := os.Stat(r.path(0)); errors.Is(err, fs.ErrNotExist) {
			return 0, nil
		} else if err != nil {
			return 0, err
		}
		r.starts = []int64{0}
	}
	for {
		last := r.starts[len(r.starts)-1]
		info, err := os.Stat(r.path(last))
		if err != nil {
			return 0, err
		}
		end := last + info.Size()
		r.size = max(r.size, end)
		if end == last {
			return r.size, nil
		}
		if _, err := os.Stat(r.path(end)); err != nil {
			return r.size, nil
		}
		r.starts = append(r.starts, end)
	}
}

func (r *Reader) path(start int64) string { return filepath.Join(r.dir, segmentName(start)) }

// ReadAt reads output from offset off on, as io.ReaderAt does; it looks for new output itself.
func (r *Reader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("transcript: negative offset")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if off+int64(len(p)) > r.size {
		if _, err := r.scan(); err != nil {
			return 0, err
		}
	}
	for n < len(p) {
		m, err := r.readSegment(p[n:], off+int64(n))
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// readSegment reads from the one segment that holds off.
func (r *Reader) readSegment(p []byte, off int64) (int, error) {
	if off >= r.size {
		return 0, io.EOF
	}
	i := sort.Search(len(r.starts), func(i int) bool { return r.starts[i] > off }) - 1
	end := r.size
	if i+1 < len(r.starts) {
		end = r.starts[i+1]
	}
	f, err := os.Open(r.path(r.starts[i]))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.ReadAt(p[:min(int64(len(p)), end-off)], off-r.starts[i])
}

// Output reads output from an offset to the end there is now.
func (r *Reader) Output(from int64) io.Reader {
	return &outputReader{r, from}
}

type outputReader struct {
	r   *Reader
	off int64
}

func (o *outputReader) Read(p []byte) (int, error) {
	n, err := o.r.ReadAt(p, o.off)
	o.off += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// Records gives the journal in order, up to its end or to the first record that is torn or damaged.
// Records of a kind that this version does not know are passed over. The error of reading comes last.
func (r *Reader) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		f, err := os.Open(filepath.Join(r.dir, journalName))
		if err != nil {
			yield(Record{}, err)
			return
		}
		defer f.Close()
		in := bufio.NewReaderSize(f, maxRecord+recordHead)
		if head, err := in.Peek(len(magic)); err != nil || string(head) != magic {
			return
		}
		in.Discard(len(magic))
		for {
			p, _ := in.Peek(recordHead)
			if len(p) == recordHead {
				p, _ = in.Peek(min(recordHead+int(beSize(p)), in.Size()))
			}
			rec, n, err := decodeRecord(p)
			if err != nil {
				return
			}
			in.Discard(n)
			if rec.Kind >= KindStart && rec.Kind <= KindEnd && !yield(rec, nil) {
				return
			}
		}
	}
}

func beSize(p []byte) uint32 {
	return min(uint32(p[0])<<24|uint32(p[1])<<16|uint32(p[2])<<8|uint32(p[3]), maxRecord)
}

// Info is the frame of a record.
type Info struct {
	Start  Record  // of KindStart
	Finish *Record // of KindEnd; nil while the process lives, and for ever when its launcher died first
	Size   int64
	Cut    bool
}

// Info reads the whole journal for what frames the record.
func (r *Reader) Info() (Info, error) {
	var info Info
	for rec, err := range r.Records() {
		if err != nil {
			return Info{}, err
		}
		switch rec.Kind {
		case KindStart:
			info.Start = rec
		case KindEnd:
			info.Finish = &rec
		case KindCut:
			info.Cut = true
		}
	}
	if info.Start.Start == nil {
		return Info{}, errDamaged
	}
	var err error
	info.Size, err = r.Size()
	return info, err
}

// Clip is output shortened to its first and last bytes.
type Clip struct {
	Head    []byte
	Tail    []byte // empty when nothing was left out
	Omitted int64  // bytes between them
	Size    int64  // of the whole
}

// Clip gives the output, or where it is longer than limit a quarter of limit from its beginning and the rest from its
// end, cut at line ends where there is one near.
func (r *Reader) Clip(limit int) (Clip, error) {
	size, err := r.Size()
	if err != nil {
		return Clip{}, err
	}
	if size <= int64(limit) {
		p := make([]byte, size)
		n, err := r.ReadAt(p, 0)
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return Clip{Head: p[:n], Size: size}, err
	}
	head, tail := make([]byte, limit/4), make([]byte, limit-limit/4)
	n, err := r.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Clip{}, err
	}
	m, err := r.ReadAt(tail, size-int64(len(tail)))
	if err != nil && !errors.Is(err, io.EOF) {
		return Clip{}, err
	}
	head, tail = wholeLines(head[:n], tail[:m])
	return Clip{Head: head, Tail: tail, Omitted: size - int64(len(head)) - int64(len(tail)), Size: size}, nil
}

// near is how far from a cut a line end is looked for.
const near = 1024

// wholeLines moves the two sides of a gap to line ends, or at least to the borders of characters.
func wholeLines(head, tail []byte) ([]byte, []byte) {
	cut := len(head)
	for i := len(head); i > 0 && i > len(head)-near; i-- {
		if head[i-1] == '\n' {
			cut = i
			break
		}
	}
	if cut == len(head) {
		cut = len(head) - len(tornRune(head))
	}
	from := 0
	for from < len(tail) && from < 4 && tail[from]&0xC0 == 0x80 {
		from++
	}
	for i := 0; i < len(tail)-1 && i < near; i++ {
		if tail[i] == '\n' {
			from = i + 1
			break
		}
	}
	return head[:cut], tail[from:]
}
