package terminal

import (
	"io"
	"slices"
	"strconv"
	"strings"
)

// A viewer that begins in the middle of a record needs a place where it may begin, and the modes that were set
// before it. Both come from reading the record with the parser below, which knows just enough of ECMA-48 to tell text
// from sequences.

// settle is how many bytes before a place the parser starts, to be in step when it gets there; within it programs
// long since end whatever string they began.
const settle = 64 << 10

// modesBack is how far back modes are looked for.
const modesBack = 4 << 20

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

// modes are those that make a difference to what follows, in the order in which they are set again.
var modes = []int{
	1049, 1047, 47, // the alternate screen: editors, pagers
	1, 66, // cursor keys and keypad
	7, 6, // wrapping, origin
	12, 25, // the cursor
	9, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, // mouse and focus
	2004, // bracketed paste
}

// modesAt gives the sequences that set the modes which differ, at an offset, from those of a fresh screen.
func modesAt(r io.ReaderAt, at int64) []byte {
	p := parser{modes: map[int]bool{}}
	scan(r, max(0, at-modesBack), at, func(_ int64, b byte) bool {
		p.next(b)
		return true
	})
	var out []byte
	for _, m := range modes {
		on, known := p.modes[m]
		if fresh := m == 7 || m == 25; known && on != fresh {
			end := byte('l')
			if on {
				end = 'h'
			}
			out = append(strconv.AppendInt(append(out, "\x1b[?"...), int64(m), 10), end)
		}
	}
	if p.modes[keypad] {
		out = append(out, "\x1b="...)
	}
	return out
}

// keypad stands for the keypad's application mode, which has sequences of its own.
const keypad = -1

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

// parser tells text from control sequences, and keeps the modes that they set.
type parser struct {
	state  parserState
	params []byte // of the sequence, with its private marker
	modes  map[int]bool
}

type parserState uint8

const (
	inText    parserState = iota
	inEscape              // after ESC
	inCSI                 // after ESC [
	inString              // after ESC ] P X ^ _ up to BEL or ESC \
	inCharset             // after ESC and an intermediate byte
)

const maxParams = 64

// next takes a byte and says whether it is text, which control characters outside sequences are too.
func (p *parser) next(b byte) (text bool) {
	switch b {
	case 0x1b:
		p.state, p.params = inEscape, p.params[:0]
		return false
	case 0x18, 0x1a: // CAN and SUB end any sequence
		p.state = inText
		return true
	}
	switch p.state {
	case inEscape:
		p.escape(b)
		return false
	case inCSI:
		if b >= 0x40 && b <= 0x7e {
			p.csi(b)
			p.state = inText
		} else if b >= 0x20 && len(p.params) < maxParams {
			p.params = append(p.params, b)
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

func (p *parser) escape(b byte) {
	switch {
	case b == '[':
		p.state = inCSI
	case strings.IndexByte("]PX^_", b) >= 0:
		p.state = inString
	case b >= 0x20 && b <= 0x2f:
		p.state = inCharset
	default:
		p.state = inText
		if p.modes == nil {
			return
		}
		switch b {
		case 'c': // a reset
			clear(p.modes)
		case '=', '>':
			p.modes[keypad] = b == '='
		}
	}
}

func (p *parser) csi(final byte) {
	if p.modes == nil {
		return
	}
	switch {
	case final == 'p' && string(p.params) == "!": // a soft reset
		clear(p.modes)
	case (final == 'h' || final == 'l') && len(p.params) > 1 && p.params[0] == '?':
		for text := range strings.SplitSeq(string(p.params[1:]), ";") {
			if m, err := strconv.Atoi(text); err == nil && slices.Contains(modes, m) {
				p.modes[m] = final == 'h'
			}
		}
	}
}
