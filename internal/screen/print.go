package screen

// print puts a character where the cursor is.
func (s *Screen) print(r rune) {
	b := s.now
	line := s.line(b.y)
	if b.x > 0 && line[b.x-1].Width == 2 { // the second half of a wide character is overwritten
		line[b.x-1] = Cell{Width: 1, Style: s.style}
	}
	r = s.charset.translate(r)
	width := runeWidth(r)
	joins := width == 0 && s.last > 0
	before := 0
	if joins {
		before, width = s.last, s.last
	}
	s.last = width

	if b.x+width-before > s.cols {
		if !s.wraps() {
			b.x = s.cols - 1
			if width == 2 {
				return
			}
		} else {
			s.wrap(line)
			line = s.line(b.y)
		}
	}
	if joins && b.x > 0 {
		at := b.x - 1
		if line[at].Width == 0 && at > 0 {
			at--
		}
		if len(line[at].Text) < maxCell {
			line[at].Text += string(r)
		}
		return
	}
	if width == 0 && b.x == s.cols { // nothing to join, and no cell to stand in
		return
	}
	if s.insert {
		s.insertCells(line, b.x, width, Cell{Width: 1, Style: s.style})
		if line[s.cols-1].Width == 2 {
			line[s.cols-1] = Cell{Width: 1, Style: s.style}
		}
	}
	line[b.x] = Cell{Text: string(r), Width: uint8(width), Style: s.style}
	b.x++
	for i := 1; i < width; i++ {
		line[b.x] = Cell{Style: s.style}
		b.x++
	}
	if b.x < s.cols && line[b.x].Width == 0 && line[b.x].Text == "" {
		line[b.x] = Cell{Width: 1, Style: s.style}
	}
}

// maxCell is the most bytes of a cell: a program may pile up combining characters without end.
const maxCell = 128

// wrap goes to the next line's beginning, because the next character does not fit into this one.
func (s *Screen) wrap(line []Cell) {
	b := s.now
	from := b.x
	b.x = 0
	b.y++
	if b.y == b.bottom+1 {
		b.y--
		s.scroll()
	} else {
		b.y = min(b.y, s.rows-1)
	}
	for ; from < s.cols; from++ {
		line[from] = Cell{Width: 1, Style: s.style}
	}
}

// scroll moves the part that scrolls up by a line. What leaves at the top of the normal screen is kept.
func (s *Screen) scroll() {
	b := s.now
	top, bottom := b.base+b.top, b.base+b.bottom
	if b.top > 0 || b == &s.alt {
		copy(b.lines[top:bottom], b.lines[top+1:bottom+1])
		b.lines[bottom] = s.blank(s.style)
		return
	}
	b.lines = append(b.lines, nil)
	copy(b.lines[bottom+2:], b.lines[bottom+1:])
	b.lines[bottom+1] = s.blank(s.style)
	if b.base++; b.base > maxScrollback {
		b.lines = b.lines[1:]
		b.base--
	}
}

// replaceCells fills part of a line, and leaves no half of a wide character at its ends.
func (s *Screen) replaceCells(line []Cell, from, to int, fill Cell) {
	to = min(to, s.cols)
	if from > 0 && line[from-1].Width == 2 {
		line[from-1] = fill
	}
	if to < s.cols && line[to].Width == 0 && line[to].Text == "" {
		line[to] = fill
	}
	for i := from; i < to; i++ {
		line[i] = fill
	}
}

func (s *Screen) insertCells(line []Cell, at, n int, fill Cell) {
	at %= s.cols
	if at > 0 && line[at-1].Width == 2 {
		line[at-1] = fill
	}
	if n = min(n, s.cols-at); n < s.cols-at {
		copy(line[at+n:], line[at:s.cols-n])
	}
	for i := at; i < at+n; i++ {
		line[i] = fill
	}
	if line[s.cols-1].Width == 2 {
		line[s.cols-1] = fill
	}
}

func (s *Screen) deleteCells(line []Cell, at, n int, fill Cell) {
	at %= s.cols
	if n = min(n, s.cols-at); n < s.cols-at {
		copy(line[at:], line[at+n:])
	}
	for i := s.cols - n; i < s.cols; i++ {
		line[i] = fill
	}
	if at > 0 && line[at-1].Width == 2 {
		line[at-1] = fill
	}
	if line[at].Width == 0 && line[at].Text == "" {
		line[at] = fill
	}
}

// shift moves the lines from a row to another up, or with a negative n down, and fills with what blank gives.
func (s *Screen) shift(from, to, n int, fill Style) {
	lines := s.now.lines[s.now.base+from : s.now.base+to+1]
	switch {
	case n > 0:
		n = min(n, len(lines))
		copy(lines, lines[n:])
		lines = lines[len(lines)-n:]
	default:
		n = min(-n, len(lines))
		copy(lines[n:], lines)
		lines = lines[:n]
	}
	for i := range lines {
		lines[i] = s.blank(fill)
	}
}

// restrict brings the cursor back to the screen; x at most to most.
func (s *Screen) restrict(most int) {
	b := s.now
	b.x = min(most, max(0, b.x))
	if s.modes[6] {
		b.y = min(b.bottom, max(b.top, b.y))
	} else {
		b.y = min(s.rows-1, max(0, b.y))
	}
}

func (s *Screen) setCursor(x, y int) {
	if s.modes[6] {
		y += s.now.top
	}
	s.now.x, s.now.y = x, y
	s.restrict(s.cols - 1)
}

func (s *Screen) moveCursor(dx, dy int) {
	s.restrict(s.cols - 1)
	s.setCursor(s.now.x+dx, s.now.y+dy)
}
