package terminal_test

import (
	"os/exec"
	"strings"
	"testing"

	"helpdesk"
	"helpdesk/internal/screen"
	"helpdesk/internal/store"
	"helpdesk/internal/terminal"
)

// shown gives the text of a screen, a line each, without the blanks at their ends.
func shown(m *screen.Screen) string {
	var out strings.Builder
	cols, rows := m.Size()
	for y := range rows {
		var line strings.Builder
		for x := range cols {
			switch c := m.Cell(x, y); {
			case c.Text != "":
				line.WriteString(c.Text)
			case c.Width > 0:
				line.WriteByte(' ')
			}
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return out.String()
}

// looks waits until the screen of the tab is as wanted.
func (b *tab) looks(what string, as func(text string, m *screen.Screen) bool) {
	b.h.t.Helper()
	b.until(what, func() bool {
		m := screen.New(int(b.size.Cols), int(b.size.Rows))
		if len(b.screens) > 0 {
			m.Write(b.screens[len(b.screens)-1].Data)
		}
		m.Write(b.got)
		return as(shown(m), m)
	})
}

func (b *tab) shows(text string) {
	b.h.t.Helper()
	b.looks("the screen with "+text, func(all string, _ *screen.Screen) bool { return strings.Contains(all, text) })
}

// The programs that take the whole screen work in a Terminal, for the one who types and for one who comes later; and
// when they end, the shell's screen is there again.
func TestFullScreenProgramsWork(t *testing.T) {
	takesLong(t)
	for _, program := range []struct {
		name, start string
		use         func(t *testing.T, b, late *tab)
	}{
		{"vim", "vim -u NONE -n notes.txt", func(t *testing.T, b, late *tab) {
			b.shows("~\n~\n~")
			b.type_("ia first line\rthe second: 世界\x1b")
			b.looks("what was typed", func(all string, m *screen.Screen) bool {
				x, y := m.Cursor()
				return strings.HasPrefix(all, "a first line\nthe second: 世界\n~") && m.Alternate() && x == 14 && y == 1
			})
			late.shows("a first line\nthe second: 世界\n~")
			b.type_(":wq\r")
		}},
		{"less", "seq 1 500 | less", func(t *testing.T, b, late *tab) {
			b.shows("1\n2\n3\n")
			b.type_("G")
			b.shows("\n499\n500\n")
			b.type_("?250\r")
			b.looks("the line that was looked for", func(all string, _ *screen.Screen) bool { return strings.HasPrefix(all, "250\n") })
			late.looks("the same", func(all string, _ *screen.Screen) bool { return strings.HasPrefix(all, "250\n") })
			b.type_("q")
		}},
		{"top", "top -d 1", func(t *testing.T, b, late *tab) {
			b.shows("load average")
			late.shows("load average")
			b.type_("q")
		}},
		{"tmux", "tmux -L t -f /dev/null new-session", func(t *testing.T, b, late *tab) {
			b.shows("[0] 0:")
			b.type_("echo in''side\r")
			b.shows("\ninside\n")
			late.shows("\ninside\n")
			b.type_("exit\r")
		}},
	} {
		t.Run(program.name, func(t *testing.T) {
			if _, err := exec.LookPath(program.name); err != nil {
				t.Skipf("%s is not installed", program.name)
			}
			h := open(t, terminal.Config{})
			x, err := h.service.Open(h.ctx(), h.ann, h.ticket, terminal.Opening{Scope: helpdesk.ScopeTenant, Cols: 80, Rows: 24}, store.Once{})
			must(t, err)
			b := h.attach(h.ann, x.ID, attaching{})
			b.type_("PS1='ready> '; clear\r")
			b.looks("an empty screen", func(all string, _ *screen.Screen) bool { return strings.HasPrefix(all, "ready>\n\n") })
			b.type_(program.start + "\r")
			program.use(t, b, h.attach(h.bob, x.ID, attaching{}))
			b.looks("the shell", func(all string, m *screen.Screen) bool {
				again := strings.HasPrefix(all, "ready> "+program.start) || program.name == "top" // which draws over the shell's screen
				return !m.Alternate() && again && strings.HasSuffix(strings.TrimRight(all, "\n"), "ready>")
			})
		})
	}
}
