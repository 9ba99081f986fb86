package screen

import (
	"strings"
	"unicode/utf8"
)

// parser tells text from control sequences.
type parser struct {
	state  state
	torn   []byte // the beginning of a character
	prefix byte   // < = > ? of the sequence
	middle []byte // its intermediate bytes
	params []param
}

// param is a number of a sequence, -1 where there is none, and what follows it after colons.
type param struct {
	n   int
	sub []int
}

type state uint8

const (
	ground state = iota
	afterEscape
	inSequence // CSI
	ignored    // a sequence that cannot be right, up to its end
	inString   // OSC, DCS, SOS, PM, APC
)

const (
	mostParams = 32
	mostNumber = 1<<31 - 1
)

// Write takes output. It never fails.
func (s *Screen) Write(p []byte) (int, error) {
	n := len(p)
	if len(s.torn) > 0 {
		p = append(s.torn, p...)
		s.torn = nil
	}
	for len(p) > 0 {
		if p[0] < utf8.RuneSelf {
			s.next(rune(p[0]))
			p = p[1:]
			continue
		}
		if !utf8.FullRune(p) {
			s.torn = append([]byte(nil), p...)
			break
		}
		r, size := utf8.DecodeRune(p)
		p = p[size:]
		if r != utf8.RuneError || size > 1 { // what is no character is passed over
			s.next(r)
		}
	}
	return n, nil
}

func (s *Screen) next(r rune) {
	switch {
	case s.state == inString:
		s.string(r)
		return
	case r == 0x1b:
		s.repeated = s.last
		s.begin(afterEscape)
		return
	case r == 0x18 || r == 0x1a: // CAN and SUB end any sequence
		s.state, s.last = ground, 0
		return
	case r < 0x20:
		s.last, s.repeated = 0, 0
		s.control(r)
		return
	case r >= 0x80 && r < 0xa0:
		s.last = 0
		s.state = ground
		s.control8(r)
		return
	}
	switch s.state {
	case afterEscape:
		s.esc(r)
	case inSequence, ignored:
		s.csi(r)
	default:
		if r != 0x7f {
			s.print(r)
		}
	}
}

func (s *Screen) begin(to state) {
	s.state, s.prefix, s.middle, s.params, s.last = to, 0, s.middle[:0], s.params[:0], 0
}

// string passes over a string, up to its end.
func (s *Screen) string(r rune) {
	switch r {
	case 0x1b:
		s.begin(afterEscape) // ESC \ ends it, and so does any other
	case 0x07, 0x18, 0x1a, 0x9c:
		s.state = ground
	}
}

func (s *Screen) esc(r rune) {
	switch {
	case r == '[':
		s.begin(inSequence)
	case strings.ContainsRune("]PX^_", r) && len(s.middle) == 0:
		s.state = inString
	case r >= 0x20 && r < 0x30:
		s.middle = append(s.middle[:min(len(s.middle), 3)], byte(r))
	case r < 0x7f:
		s.state = ground
		s.escaped(string(s.middle), byte(r))
	}
}

// csi takes the next character of a sequence.
func (s *Screen) csi(r rune) {
	switch {
	case r >= 0x40 && r < 0x7f:
		known := s.state == inSequence
		s.state = ground
		if known {
			if len(s.params) == 0 {
				s.params = append(s.params, param{n: 0})
			}
			s.sequence(s.prefix, string(s.middle), byte(r))
		}
	case s.state == ignored || r == 0x7f:
	case r >= 0x3c && r <= 0x3f && len(s.params) == 0 && len(s.middle) == 0 && s.prefix == 0:
		s.prefix = byte(r)
	case r >= 0x20 && r < 0x30:
		s.middle = append(s.middle[:min(len(s.middle), 3)], byte(r))
	case r > 0x7f || len(s.middle) > 0 || r >= 0x3c:
		s.state = ignored
	default:
		s.number(r)
	}
}

// number takes a digit, a semicolon or a colon.
func (s *Screen) number(r rune) {
	if len(s.params) == 0 {
		s.params = append(s.params, param{n: 0})
	}
	last := &s.params[len(s.params)-1]
	at := &last.n
	if len(last.sub) > 0 {
		at = &last.sub[len(last.sub)-1]
	}
	switch r {
	case ';':
		if len(s.params) < mostParams {
			s.params = append(s.params, param{n: 0})
		}
	case ':':
		if len(last.sub) < mostParams {
			last.sub = append(last.sub, -1)
		}
	default:
		*at = min(max(*at, 0)*10+int(r-'0'), mostNumber)
	}
}

// arg is the number at a place, or what it is where it is missing or 0.
func (s *Screen) arg(i, missing int) int {
	if i >= len(s.params) || s.params[i].n <= 0 {
		return missing
	}
	return s.params[i].n
}
