package screen

// attributes does what SGR asks for.
func (s *Screen) attributes() {
	st := &s.style
	for i := 0; i < len(s.params); i++ {
		p := s.params[i]
		switch n := p.n; {
		case n <= 0:
			*st = Style{}
		case n >= 30 && n <= 37:
			st.Foreground = palette16 | Color(n-30)
		case n >= 40 && n <= 47:
			st.Background = palette16 | Color(n-40)
		case n >= 90 && n <= 97:
			st.Foreground = palette16 | Color(n-90) | 8
		case n >= 100 && n <= 107:
			st.Background = palette16 | Color(n-100) | 8
		case n == 4:
			kind := 1
			if len(p.sub) > 0 {
				kind = p.sub[0]
			}
			st.underline(kind)
		case n == 21:
			st.underline(2)
		case n == 24:
			st.underline(0)
		case n == 22:
			st.Flags &^= Bold | Dim
		case n == 38 || n == 48 || n == 58:
			i += s.color(i)
		case n == 39:
			st.Foreground = 0
		case n == 49:
			st.Background = 0
		case n == 59:
			st.LineColor = 0
		default:
			if on, known := switches[n]; known {
				st.Flags |= on
			} else {
				st.Flags &^= switches[n-20] & (Italic | Blink | Inverse | Invisible | Strikethrough)
				if n == 55 {
					st.Flags &^= Overline
				}
			}
		}
	}
}

// switches are the attributes with a number of their own. Most go off by the number that is 20 more.
var switches = map[int]Flags{1: Bold, 2: Dim, 3: Italic, 5: Blink, 7: Inverse, 8: Invisible, 9: Strikethrough, 53: Overline}

func (st *Style) underline(kind int) {
	if kind < 0 || kind > 5 {
		kind = 1
	}
	st.Line = uint8(kind)
	st.Flags &^= Underline
	if kind > 0 {
		st.Flags |= Underline
	}
}

// color reads the colour that begins at a parameter, with semicolons or with colons, and says how many more it took.
func (s *Screen) color(i int) (more int) {
	target := s.params[i].n
	var v []int // the kind, then its numbers
	if sub := s.params[i].sub; len(sub) > 0 {
		v = sub
		if v[0] == 2 && len(v) > 4 { // a colour space comes first
			v = append([]int{2}, v[2:]...)
		}
	} else {
		wants := 1
		for more < wants && i+more+1 < len(s.params) {
			more++
			p := s.params[i+more]
			v = append(v, p.n)
			if len(v) == 1 {
				switch p.n {
				case 5:
					wants = 2
				case 2:
					wants = 4
				}
			}
		}
	}
	at := func(i int) Color {
		if i >= len(v) || v[i] < 0 {
			return 0
		}
		return Color(v[i] & 0xff)
	}
	var c Color
	switch at(0) {
	case 5:
		c = palette256 | at(1)
	case 2:
		c = direct | at(1)<<16 | at(2)<<8 | at(3)
	default:
		return more
	}
	switch target {
	case 38:
		s.style.Foreground = c
	case 48:
		s.style.Background = c
	default:
		s.style.LineColor = c
	}
	return more
}

// charset says how the characters of ASCII are shown.
type charset uint8

const (
	ascii charset = iota
	lines         // of DEC: line drawing
	pound         // of the United Kingdom
)

// drawing is what the characters from ` to ~ are in line drawing.
var drawing = []rune("◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·")

func (c charset) translate(r rune) rune {
	switch {
	case c == lines && r >= '`' && r <= '~':
		return drawing[r-'`']
	case c == pound && r == '#':
		return '£'
	}
	return r
}

// designate chooses what one of the four sets is.
func (s *Screen) designate(middle, final byte) {
	set := map[byte]int{'(': 0, ')': 1, '*': 2, '+': 3, '-': 1, '.': 2}
	at, known := set[middle]
	switch {
	case middle == '#' && final == '8':
		s.align()
	case middle == '%' && (final == '@' || final == 'G'):
		s.level = 0
		s.setCharset(0, ascii)
	case known && final == '0':
		s.setCharset(at, lines)
	case known && final == 'A':
		s.setCharset(at, pound)
	case known:
		s.setCharset(at, ascii)
	}
}

func (s *Screen) setCharset(at int, c charset) {
	s.charsets[at] = c
	if s.level == at {
		s.charset = c
	}
}

func (s *Screen) setLevel(at int) { s.level, s.charset = at, s.charsets[at] }

// align fills the screen with E.
func (s *Screen) align() {
	s.setCursor(0, 0)
	style := Style{Foreground: s.style.Foreground, Background: s.style.Background, Flags: s.style.Flags}
	for y := range s.rows {
		for x := range s.line(y) {
			s.line(y)[x] = Cell{Text: "E", Width: 1, Style: style}
		}
	}
	s.setCursor(0, 0)
}
