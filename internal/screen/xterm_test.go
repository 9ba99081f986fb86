package screen_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"helpdesk/internal/screen"
)

// browser is the terminal of the browser, run by Node without a browser.
type browser struct {
	t   testing.TB
	in  io.WriteCloser
	out *bufio.Scanner
}

type step struct {
	Data []byte `json:"data,omitempty"`
	Cols int    `json:"cols,omitempty"`
	Rows int    `json:"rows,omitempty"`
}

type scene struct {
	Cols  int    `json:"cols"`
	Rows  int    `json:"rows"`
	Steps []step `json:"steps"`
}

// seen is what a terminal shows.
type seen struct {
	X         int       `json:"x"`
	Y         int       `json:"y"`
	Alternate bool      `json:"alternate"`
	Rows      [][]aCell `json:"rows"`
	Modes     [7]bool   `json:"modes"`
}

type aCell struct {
	text   string
	width  int
	fg, bg uint32
	flags  int
}

func (c *aCell) UnmarshalJSON(p []byte) error {
	return json.Unmarshal(p, &[]any{&c.text, &c.width, &c.fg, &c.bg, &c.flags})
}

func openBrowser(t testing.TB) *browser {
	t.Helper()
	web, err := filepath.Abs("../../web")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(web, "node_modules/@xterm/headless")); err != nil {
		t.Skip("the browser's terminal is not installed; npm --prefix web ci installs it")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("Node.js is not installed")
	}
	cmd := exec.Command(node, "testdata/xterm.mjs", web)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("node: %v", err)
		}
	})
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20)
	return &browser{t, in, lines}
}

// shows gives what the browser's terminal shows at the end of a scene.
func (b *browser) shows(s scene) (got seen) {
	b.t.Helper()
	p, err := json.Marshal(s)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(p, '\n')); err != nil {
		b.t.Fatal(err)
	}
	if !b.out.Scan() {
		b.t.Fatalf("the browser's terminal ended: %v", b.out.Err())
	}
	if err := json.Unmarshal(b.out.Bytes(), &got); err != nil {
		b.t.Fatal(err)
	}
	return got
}

// play runs a scene through the model.
func play(s scene) *screen.Screen {
	m := screen.New(s.Cols, s.Rows)
	for _, st := range s.Steps {
		if st.Cols > 0 {
			m.Resize(st.Cols, st.Rows)
		} else {
			m.Write(st.Data)
		}
	}
	return m
}

// look gives what the model shows.
func look(m *screen.Screen) (got seen) {
	got.X, got.Y = m.Cursor()
	got.Alternate = m.Alternate()
	cols, rows := m.Size()
	for y := range rows {
		row := make([]aCell, cols)
		for x := range row {
			c := m.Cell(x, y)
			row[x] = aCell{c.Text, int(c.Width), uint32(c.Style.Foreground), uint32(c.Style.Background), int(c.Style.Flags)}
		}
		got.Rows = append(got.Rows, row)
	}
	for i, mode := range []int{1, 66, 2004, screen.InsertMode, 6, 1004, 7} {
		got.Modes[i] = m.Mode(mode)
	}
	return got
}

// difference says in which place two screens differ; "" when they do not.
func difference(got, want seen) string {
	switch {
	case got.X != want.X || got.Y != want.Y:
		return fmt.Sprintf("the cursor is at %d,%d, want %d,%d", got.X, got.Y, want.X, want.Y)
	case got.Alternate != want.Alternate:
		return fmt.Sprintf("the alternate screen is shown: %v, want %v", got.Alternate, want.Alternate)
	case got.Modes != want.Modes:
		return fmt.Sprintf("the modes are %v, want %v", got.Modes, want.Modes)
	}
	for y := range want.Rows {
		for x, w := range want.Rows[y] {
			if g := got.Rows[y][x]; g != w {
				return fmt.Sprintf("at %d,%d is %+v, want %+v", x, y, g, w)
			}
		}
	}
	return ""
}
