package terminal

import (
	"io"
	"strings"

	"helpdesk/internal/screen"
	"helpdesk/internal/transcript"
)

// A viewer that begins in the middle of a record needs a place where it may begin, which a parser finds that knows just
// enough of ECMA-48 to tell text from sequences, and what the screen showed there, which package screen knows.

// settle is how many bytes before a place the parser starts, to be in step when it gets there; within it programs
// long since end whatever string they began.
const settle = 64 << 10

// screenBack is how far back the screen begins, empty, that a viewer begins with. What programs set before that and
// did not set again is not known.
const screenBack = 4 << 20

// safeStart finds where output may begin for a viewer that is to see about the last most bytes: after a line's end,
// outside any sequence. Where there is none it is the end less most bytes, at a character's beginning.
func safeStart(r io.ReaderAt, end, most int64) int64 {
	start := end - most
	if start <= 0 {
		return 0
	}
	var p parser
	found, fallback := int64(-1), int64(-1)
	scan(r, max(0, start-settle), min(end, start+settle), func(at int64, b byte) bool {
		text := p.next(b)
		if at < start {
			return true
		}
		if fallback < 0 && text && b&0xC0 != 0x80 {
			fallback = at
		}
		if text && b == '\n' {
			found = at + 1
			return false
		}
		return true
	})
	switch {
	case found >= 0:
		return found
	case fallback >= 0:
		return fallback
	}
	return start
}

// screenAt gives what brings a fresh terminal of a size to what it showed at an offset.
func screenAt(r *transcript.Reader, at int64, cols, rows int) []byte {
	if at <= 0 {
		return nil
	}
	from := safeStart(r, at, screenBack)
	var m *screen.Screen
	buf := make([]byte, 64<<10)
	write := func(to int64) {
		for from < to {
			n, _ := r.ReadAt(buf[:min(int64(len(buf)), to-from)], from)
			if n == 0 {
				return
			}
			_, _ = m.Write(buf[:n]) // never fails
			from += int64(n)
		}
	}
	for rec, err := range r.Records() {
		if err != nil || rec.End > at {
			break
		}
		switch rec.Kind {
		case transcript.KindStart:
			m = screen.New(rec.Start.Cols, rec.Start.Rows)
		case transcript.KindResize:
			if m != nil {
				write(rec.End)
				m.Resize(rec.Cols, rec.Rows)
			}
		}
	}
	if m == nil {
		return nil
	}
	write(at)
	m.Resize(cols, rows)
	if shot := m.Snapshot(); len(shot) <= maxScreen {
		return shot
	}
	return nil // of a terminal that no window can show
}

// scan reads the bytes from an offset up to another, while visit wants more.
func scan(r io.ReaderAt, from, to int64, visit func(at int64, b byte) bool) {
	buf := make([]byte, min(64<<10, max(0, to-from)))
	for from < to {
		n, _ := r.ReadAt(buf[:min(int64(len(buf)), to-from)], from)
		if n == 0 {
			return
		}
		for i, b := range buf[:n] {
			if !visit(from+int64(i), b) {
				return
			}
		}
		from += int64(n)
	}
}

// parser tells text from control sequences.
type parser struct{ state parserState }

type parserState uint8

const (
	inText    parserState = iota
	inEscape              // after ESC
	inCSI                 // after ESC [
	inString              // after ESC ] P X ^ _ up to BEL or ESC \
	inCharset             // after ESC and an intermediate byte
)

// next takes a byte and says whether it is text, which control characters outside sequences are too.
func (p *parser) next(b byte) (text bool) {
	switch b {
	case 0x1b:
		p.state = inEscape
		return false
	case 0x18, 0x1a: // CAN and SUB end any sequence
		p.state = inText
		return true
	}
	switch p.state {
	case inEscape:
		switch {
		case b == '[':
			p.state = inCSI
		case strings.IndexByte("]PX^_", b) >= 0:
			p.state = inString
		case b >= 0x20 && b <= 0x2f:
			p.state = inCharset
		default:
			p.state = inText
		}
		return false
	case inCSI:
		if b >= 0x40 && b <= 0x7e {
			p.state = inText
		}
		return false
	case inString:
		if b == 0x07 {
			p.state = inText
		}
		return false
	case inCharset:
		if b >= 0x30 {
			p.state = inText
		}
		return false
	}
	return true
}
