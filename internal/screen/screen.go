// Package screen is a model of what a terminal shows: it takes a program's output and knows every cell, the cursor and
// the modes, as the terminal in the browser does after the same bytes.
//
// It promises:
//
//   - Cell by cell it agrees with xterm.js, the terminal that people look at. A test runs both on the same bytes.
//   - Any bytes are taken; none make it fail, wait, or grow beyond the screen and its scrollback.
//   - Snapshot gives bytes that bring a fresh terminal of the same size to the same state.
//
// Lines that were wrapped are not joined anew when the width changes; programs that care draw again.
package screen

// Color is a colour as SGR names it: 0 is the default, else its high byte says which palette it is of.
type Color uint32

// The palettes of a Color.
const (
	palette16  Color = 1 << 24
	palette256 Color = 2 << 24
	direct     Color = 3 << 24
	palettes   Color = 0xff << 24
)

// Flags are the attributes of a cell that are on or off.
type Flags uint16

// The attributes.
const (
	Bold Flags = 1 << iota
	Dim
	Italic
	Underline
	Blink
	Inverse
	Invisible
	Strikethrough
	Overline
)

// Style is how a cell looks.
type Style struct {
	Foreground, Background Color
	Flags                  Flags
	Line                   uint8 // the kind of underline: 1 single, 2 double, 3 curly, 4 dotted, 5 dashed
	LineColor              Color
}

// Cell is one place of the screen. A wide character has a Cell of width 2 and after it an empty one of width 0.
type Cell struct {
	Text  string // empty: nothing was written here
	Width uint8
	Style Style
}

// maxScrollback is how many lines above the screen are kept, for a screen that becomes taller.
const maxScrollback = 1000

// Screen is the model. It is for one goroutine at a time.
type Screen struct {
	parser
	cols, rows  int
	normal, alt buffer
	now         *buffer // one of them
	style       Style
	charsets    [4]charset
	level       int     // which of them is in use
	charset     charset // and what it was then
	modes       map[int]bool
	insert      bool
	newline     bool // a line feed also returns
	last        int  // width of the character just printed, 0: something else came since
	repeated    int  // what last was before the sequence
}

// buffer is one of the two screens: the normal one, which scrolls into the past, and the alternate one.
type buffer struct {
	lines       [][]Cell
	base        int // lines above the screen
	x, y        int // x may be the number of columns: the next character wraps
	top, bottom int // of the part that scrolls
	saved       saved
	tabs        map[int]bool
}

type saved struct {
	x, y    int // y counts from the first line that is kept
	style   Style
	charset charset
}

// New makes an empty screen.
func New(cols, rows int) *Screen {
	s := &Screen{cols: max(2, cols), rows: max(1, rows)}
	s.reset()
	return s
}

func (s *Screen) reset() {
	s.normal, s.alt = s.newBuffer(), s.newBuffer()
	s.now = &s.normal
	s.softReset()
	s.modes = map[int]bool{}
}

func (s *Screen) newBuffer() buffer {
	b := buffer{bottom: s.rows - 1, tabs: map[int]bool{}}
	for range s.rows {
		b.lines = append(b.lines, s.blank(Style{}))
	}
	for x := 0; x < s.cols; x += 8 {
		b.tabs[x] = true
	}
	return b
}

// blank makes an empty line. Of a style only the background is seen in it.
func (s *Screen) blank(style Style) []Cell {
	line := make([]Cell, s.cols)
	for i := range line {
		line[i] = Cell{Width: 1, Style: Style{Background: style.Background}}
	}
	return line
}

func (s *Screen) empty() Cell { return Cell{Width: 1, Style: Style{Background: s.style.Background}} }

// Size is the number of columns and rows.
func (s *Screen) Size() (cols, rows int) { return s.cols, s.rows }

// Cursor is where the cursor stands, from 0. x is the number of columns when the next character wraps.
func (s *Screen) Cursor() (x, y int) { return s.now.x, s.now.y }

// Alternate says whether the alternate screen is shown.
func (s *Screen) Alternate() bool { return s.now == &s.alt }

// Cell gives what is at a place of the screen.
func (s *Screen) Cell(x, y int) Cell { return s.line(y)[x] }

func (s *Screen) line(y int) []Cell { return s.now.lines[s.now.base+y] }

// Resize changes the size.
func (s *Screen) Resize(cols, rows int) {
	cols, rows = max(2, cols), max(1, rows)
	for _, b := range []*buffer{&s.normal, &s.alt} {
		for i, line := range b.lines {
			if cols < len(line) {
				b.lines[i] = line[:cols:cols]
				if b.lines[i][cols-1].Width == 2 {
					b.lines[i][cols-1] = Cell{Width: 1, Style: line[cols-1].Style}
				}
			}
			for len(b.lines[i]) < cols {
				b.lines[i] = append(b.lines[i], Cell{Width: 1})
			}
		}
		for x := range cols {
			if x >= s.cols && x%8 == 0 {
				b.tabs[x] = true
			}
		}
	}
	s.cols = cols
	for _, b := range []*buffer{&s.normal, &s.alt} {
		s.setRows(b, rows)
		b.x, b.y = min(b.x, cols-1), min(b.y, rows-1)
		b.saved.x = min(b.saved.x, cols-1)
		b.top, b.bottom = 0, rows-1
	}
	s.rows = rows
}

// setRows gives a buffer more or fewer rows. A taller screen shows again what had scrolled away; of a lower one first
// the rows below the cursor go.
func (s *Screen) setRows(b *buffer, rows int) {
	for have := s.rows; have < rows; have++ {
		if b.base > 0 && len(b.lines) <= b.base+b.y+1+have-s.rows {
			b.base--
			b.y++
		} else {
			b.lines = append(b.lines, s.blank(Style{}))
		}
	}
	for have := s.rows; have > rows; have-- {
		if len(b.lines) > b.base+b.y+1 {
			b.lines = b.lines[:len(b.lines)-1]
		} else {
			b.base++
			b.y--
		}
	}
	for len(b.lines) < b.base+rows {
		b.lines = append(b.lines, s.blank(Style{}))
	}
	if b == &s.alt && b.base > 0 {
		b.lines, b.base = b.lines[b.base:], 0
	}
}

// InsertMode is the number by which Mode tells of the one mode of interest that is not private.
const InsertMode = -4

// Mode says whether a private mode is on; that of the keypad has the number 66.
func (s *Screen) Mode(m int) bool {
	switch m {
	case InsertMode:
		return s.insert
	case 7:
		return s.wraps()
	case 25:
		on, set := s.modes[25]
		return !set || on
	}
	return s.modes[m]
}

// AtText says whether the output so far ended between characters and outside any sequence, where a snapshot is whole.
func (s *Screen) AtText() bool { return s.state == ground && len(s.torn) == 0 }
