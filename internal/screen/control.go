package screen

// control does what a character below the blank asks for.
func (s *Screen) control(r rune) {
	b := s.now
	switch r {
	case '\n', '\v', '\f':
		if s.newline {
			b.x = 0
		}
		b.y++
		if b.y == b.bottom+1 {
			b.y--
			s.scroll()
		} else {
			b.y = min(b.y, s.rows-1)
		}
		if b.x >= s.cols {
			b.x--
		}
	case '\r':
		b.x = 0
	case '\b':
		s.restrict(s.cols - 1)
		b.x = max(0, b.x-1)
	case '\t':
		s.tab(1)
	case 0x0e, 0x0f:
		s.setLevel(int(0x0f - r))
	}
}

// control8 does what a control character above 0x7f asks for, each of which is also ESC and a letter.
func (s *Screen) control8(r rune) {
	switch r {
	case 0x90, 0x98, 0x9d, 0x9e, 0x9f:
		s.begin(inString)
	case 0x9b:
		s.begin(inSequence)
	case 0x84, 0x85, 0x88:
		s.escaped("", byte(r-0x40))
	}
}

func (s *Screen) tab(n int) {
	b := s.now
	if b.x >= s.cols {
		return
	}
	for ; n > 0; n-- {
		b.x++
		for b.x < s.cols && !b.tabs[b.x] {
			b.x++
		}
		if b.x >= s.cols {
			b.x = s.cols - 1
			return
		}
	}
}

func (s *Screen) tabBack(n int) {
	b := s.now
	if b.x >= s.cols {
		return
	}
	for ; n > 0 && b.x > 0; n-- {
		b.x--
		for b.x > 0 && !b.tabs[b.x] {
			b.x--
		}
	}
}

// escaped does what ESC and a letter ask for.
func (s *Screen) escaped(middle string, final byte) {
	b := s.now
	if len(middle) == 1 {
		s.designate(middle[0], final)
		return
	} else if middle != "" {
		return
	}
	switch final {
	case '7':
		s.save()
	case '8':
		s.restore()
	case 'D', 'E':
		if final == 'E' {
			b.x = 0
		}
		s.restrict(s.cols - 1)
		b.y++
		if b.y == b.bottom+1 {
			b.y--
			s.scroll()
		}
		s.restrict(s.cols - 1)
	case 'M':
		s.restrict(s.cols - 1)
		if b.y == b.top {
			s.shift(b.y, b.bottom, -1, s.style)
		} else {
			b.y--
			s.restrict(s.cols - 1)
		}
	case 'H':
		b.tabs[b.x] = true
	case '=', '>':
		s.modes[66] = final == '='
	case 'c':
		s.reset()
	case 'n', '}':
		s.setLevel(2)
	case 'o', '|':
		s.setLevel(3)
	case '~':
		s.setLevel(1)
	}
}

func (s *Screen) save() {
	b := s.now
	b.saved = saved{b.x, b.base + b.y, s.style, s.charset}
}

func (s *Screen) restore() {
	b := s.now
	b.x, b.y = b.saved.x, max(0, b.saved.y-b.base)
	line, color := s.style.Line, s.style.LineColor
	s.style, s.charset = b.saved.style, b.saved.charset
	s.style.Line, s.style.LineColor = line, color
	s.restrict(s.cols - 1)
}

func (s *Screen) softReset() {
	b := s.now
	b.top, b.bottom = 0, s.rows-1
	s.style, s.charsets, s.level, s.charset = Style{}, [4]charset{}, 0, ascii
	s.insert = false
	b.saved = saved{y: b.base}
	for _, m := range []int{1, 6, 7, 45, 66, 1004, 2004, 2026, 25} {
		delete(s.modes, m)
	}
}

// sequence does what CSI asks for.
func (s *Screen) sequence(prefix byte, middle string, final byte) {
	switch {
	case prefix == '?' && middle == "" && (final == 'h' || final == 'l'):
		for _, p := range s.params {
			s.setMode(p.n, final == 'h')
		}
	case prefix == '?' && middle == "" && final == 'J':
		s.eraseScreen(s.params[0].n)
	case prefix == '?' && middle == "" && final == 'K':
		s.eraseLine(s.params[0].n)
	case prefix == 0 && middle == "!" && final == 'p':
		s.softReset()
	case prefix == 0 && middle == "":
		s.plain(final)
	}
}

func (s *Screen) plain(final byte) {
	b, n := s.now, s.arg(0, 1)
	many := min(n, max(s.cols, s.rows)) // more makes no difference
	switch final {
	case 'A', 'F':
		if up := b.y - b.top; up >= 0 {
			many = min(many, up)
		}
		s.moveCursor(0, -many)
		if final == 'F' {
			b.x = 0
		}
	case 'B', 'E':
		if down := b.bottom - b.y; down >= 0 {
			many = min(many, down)
		}
		s.moveCursor(0, many)
		if final == 'E' {
			b.x = 0
		}
	case 'C', 'a':
		s.moveCursor(many, 0)
	case 'D':
		s.moveCursor(-many, 0)
	case 'e':
		s.moveCursor(0, many)
	case 'G', '`':
		s.setCursor(many-1, b.y)
	case 'd':
		s.setCursor(b.x, many-1)
	case 'H', 'f':
		s.setCursor(min(s.arg(1, 1), s.cols)-1, many-1)
	case 'I':
		s.tab(many)
	case 'Z':
		s.tabBack(many)
	case 'J':
		s.eraseScreen(s.params[0].n)
	case 'K':
		s.eraseLine(s.params[0].n)
	case 'L', 'M':
		s.restrict(s.cols - 1)
		if b.y > b.bottom || b.y < b.top {
			return
		}
		if final == 'L' {
			many = -many
		}
		s.shift(b.y, b.bottom, many, s.style)
		b.x = 0
	case '@':
		s.restrict(s.cols - 1)
		s.insertCells(s.line(b.y), b.x, n, s.empty())
	case 'P':
		s.restrict(s.cols - 1)
		s.deleteCells(s.line(b.y), b.x, n, s.empty())
	case 'X':
		s.restrict(s.cols - 1)
		s.replaceCells(s.line(b.y), b.x, b.x+many, s.empty())
	case 'S':
		s.shift(b.top, b.bottom, many, s.style)
	case 'T':
		s.shift(b.top, b.bottom, -many, Style{})
	case 'b':
		s.repeat(n)
	case 'g':
		switch s.params[0].n {
		case 0:
			delete(b.tabs, b.x)
		case 3:
			clear(b.tabs)
		}
	case 'm':
		s.attributes()
	case 'r':
		bottom := min(s.arg(1, s.rows), s.rows)
		if bottom > n {
			b.top, b.bottom = n-1, bottom-1
			s.setCursor(0, 0)
		}
	case 's':
		s.save()
	case 'u':
		s.restore()
	case 'h', 'l':
		for _, p := range s.params {
			switch p.n {
			case 4:
				s.insert = final == 'h'
			case 20:
				s.newline = final == 'h'
			}
		}
	}
}

// repeat prints the character just printed again.
func (s *Screen) repeat(n int) {
	b := s.now
	if s.repeated == 0 || b.x < s.repeated {
		return
	}
	text := s.line(b.y)[b.x-s.repeated].Text
	for range min(n, s.cols*s.rows) {
		for _, r := range text {
			s.print(r)
		}
	}
	s.last = 0
}

func (s *Screen) eraseScreen(which int) {
	b := s.now
	s.restrict(s.cols)
	switch which {
	case 0:
		s.replaceCells(s.line(b.y), b.x, s.cols, s.empty())
		for y := b.y + 1; y < s.rows; y++ {
			b.lines[b.base+y] = s.blank(s.style)
		}
	case 1:
		s.replaceCells(s.line(b.y), 0, b.x+1, s.empty())
		for y := range b.y {
			b.lines[b.base+y] = s.blank(s.style)
		}
	case 2:
		for y := range s.rows {
			b.lines[b.base+y] = s.blank(s.style)
		}
	case 3:
		b.lines, b.base = b.lines[b.base:], 0
	}
}

func (s *Screen) eraseLine(which int) {
	b := s.now
	s.restrict(s.cols)
	from, to := 0, s.cols
	switch which {
	case 0:
		from = b.x
	case 1:
		to = b.x + 1
	case 2:
	default:
		return
	}
	s.replaceCells(s.line(b.y), from, to, s.empty())
}

func (s *Screen) wraps() bool {
	off, set := s.modes[7]
	return !set || off
}

// setMode switches a private mode.
func (s *Screen) setMode(m int, on bool) {
	switch m {
	case 47, 1047, 1048, 1049:
		s.switchScreen(m, on)
		return
	}
	s.modes[m] = on
	if m == 6 {
		s.setCursor(0, 0)
	}
}

func (s *Screen) switchScreen(m int, on bool) {
	if on && m >= 1048 {
		s.save()
	}
	switch from := s.now; {
	case m == 1048:
	case on && from != &s.alt:
		s.alt.lines = s.alt.lines[:0]
		for range s.rows {
			s.alt.lines = append(s.alt.lines, s.blank(s.style))
		}
		s.alt.x, s.alt.y = from.x, from.y
		s.now = &s.alt
	case !on && from == &s.alt:
		s.normal.x, s.normal.y = from.x, from.y
		old := s.alt.saved
		s.alt = s.newBuffer()
		s.alt.saved = old
		s.now = &s.normal
	}
	if !on && m >= 1048 {
		s.restore()
	}
}
