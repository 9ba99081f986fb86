package screen

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// Snapshot gives bytes that bring a fresh terminal of this size to what is shown now, with the cursor, the modes, and
// what of the normal screen waits behind the alternate one. What has scrolled away is not in it.
func (s *Screen) Snapshot() []byte {
	p := &painter{cols: s.cols}
	p.put("\x1b[?7l") // nothing wraps while it is drawn
	p.buffer(&s.normal)
	if s.Alternate() {
		p.goTo(s.normal.x, s.normal.y)
		p.style(Style{})
		p.put("\x1b[?47h")
		p.buffer(&s.alt)
	}
	p.modes(s)
	p.cursor(s)
	p.style(s.style)
	if s.insert {
		p.put("\x1b[4h")
	}
	if s.newline {
		p.put("\x1b[20h")
	}
	return p.out.Bytes()
}

// painter writes what draws a screen.
type painter struct {
	out  bytes.Buffer
	cols int
	x, y int // where the cursor is
	now  Style
}

func (p *painter) put(format string, args ...any) { fmt.Fprintf(&p.out, format, args...) }

func (p *painter) goTo(x, y int) {
	p.put("\x1b[%d;%dH", y+1, min(x, p.cols-1)+1)
	p.x, p.y = x, y
}

// buffer draws a screen, and what else belongs to it.
func (p *painter) buffer(b *buffer) {
	p.x, p.y = -1, -1 // unknown
	rows := b.bottom + 1
	for y := range len(b.lines) - b.base {
		p.row(y, b.lines[b.base+y])
		rows = y + 1
	}
	if !b.regularTabs(p.cols) {
		p.put("\x1b[3g")
		for _, x := range slices.Sorted(maps.Keys(b.tabs)) {
			p.goTo(x, 0)
			p.put("\x1bH")
		}
	}
	if k := b.saved; k != (saved{y: b.base}) && k != (saved{}) {
		p.goTo(k.x, max(0, k.y-b.base))
		p.style(k.style)
		p.put("\x1b(%c\x1b7\x1b(B", k.charset.final())
	}
	if b.top > 0 || b.bottom < rows-1 {
		p.put("\x1b[%d;%dr", b.top+1, b.bottom+1)
		p.x, p.y = 0, 0
	}
}

func (b *buffer) regularTabs(cols int) bool {
	n := 0
	for x := 0; x < cols; x += 8 {
		if !b.tabs[x] {
			return false
		}
		n++
	}
	return len(b.tabs) == n
}

func (p *painter) row(y int, line []Cell) {
	for x := 0; x < len(line); {
		c, n := line[x], 1
		switch {
		case c.Text == "" && c.Style == Style{}:
		case c.Text == "" && c.Style == Style{Background: c.Style.Background}:
			for x+n < len(line) && line[x+n] == c {
				n++
			}
			p.at(x, y)
			p.style(c.Style)
			p.put("\x1b[%dX", n)
		default:
			if c.Text == "" {
				c.Text = " " // a blank that is underlined, say
			}
			p.at(x, y)
			p.style(c.Style)
			p.put("%s", c.Text)
			n = max(1, int(c.Width))
			p.x += n
		}
		x += n
	}
}

// at goes to a place where the cursor is not already.
func (p *painter) at(x, y int) {
	if p.x != x || p.y != y {
		p.goTo(x, y)
	}
}

// style sets a style.
func (p *painter) style(st Style) {
	if st == p.now {
		return
	}
	p.now = st
	p.put("\x1b[0")
	for i, on := range []Flags{Bold, Dim, Italic, 0, Blink, Inverse, Invisible, Strikethrough, Overline} {
		if st.Flags&on != 0 {
			p.put(";%d", []int{1, 2, 3, 4, 5, 7, 8, 9, 53}[i])
		}
	}
	if st.Flags&Underline != 0 {
		p.put(";4:%d", max(1, st.Line))
	}
	p.color(30, 38, st.Foreground)
	p.color(40, 48, st.Background)
	if st.LineColor != 0 {
		p.color(0, 58, st.LineColor)
	}
	p.put("m")
}

func (p *painter) color(low, any int, c Color) {
	n := int(c &^ palettes)
	switch c & palettes {
	case palette16:
		if n >= 8 {
			n += 60 - 8
		}
		p.put(";%d", low+n)
	case palette256:
		p.put(";%d:5:%d", any, n)
	case direct:
		p.put(";%d:2::%d:%d:%d", any, n>>16, n>>8&0xff, n&0xff)
	}
}

// told are the private modes that a snapshot sets again.
var told = []int{1, 9, 45, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004}

func (p *painter) modes(s *Screen) {
	for _, m := range told {
		if s.Mode(m) {
			p.put("\x1b[?%dh", m)
		}
	}
	if s.Mode(66) {
		p.put("\x1b=")
	}
	if !s.Mode(25) {
		p.put("\x1b[?25l")
	}
}

// cursor puts the cursor where it is, and the sets of characters into use.
func (p *painter) cursor(s *Screen) {
	b := s.now
	odd := s.charset != s.charsets[s.level] // as after the return to a saved cursor, whose set it then is
	if odd {
		p.charsets(s)
		p.put("\x1b8")
	}
	x, y := b.x, b.y
	waits := x == s.cols // the next character wraps
	if waits {
		if x--; s.line(y)[x].Width == 0 && x > 0 && s.line(y)[x-1].Width == 2 {
			x--
		}
	}
	p.goTo(x, y)
	if waits {
		c := s.line(y)[x]
		if c.Text == "" {
			c.Text = " "
		}
		p.style(c.Style)
		p.put("%s", c.Text)
	}
	if s.Mode(7) {
		p.put("\x1b[?7h")
	}
	if s.Mode(6) { // it moves the cursor
		p.put("\x1b[?6h\x1b[%d;%dH", y-b.top+1, x+1)
	}
	if !odd {
		p.charsets(s)
	}
}

func (p *painter) charsets(s *Screen) {
	for i, c := range s.charsets {
		if c != ascii {
			p.put("\x1b%c%c", "()*+"[i], c.final())
		}
	}
	switch s.level {
	case 1:
		p.put("\x0e")
	case 2:
		p.put("\x1bn")
	case 3:
		p.put("\x1bo")
	}
}

// final is the letter that designates a set.
func (c charset) final() rune { return []rune("B0A")[c] }
