package screen_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"helpdesk/internal/screen"
)

func scenes() map[string]scene {
	text := func(s string) scene { return scene{20, 6, []step{{Data: []byte(s)}}} }
	many := strings.Repeat("0123456789", 5)
	return map[string]scene{
		"words":                      text("hello\r\nworld"),
		"a line that wraps":          text(many + "\b\bX"),
		"the last column":            text("12345678901234567890\bX\r\n12345678901234567890\x1b[K\x1b[DY"),
		"without wrapping":           text("\x1b[?7l" + many + "世" + "\x1b[?7h"),
		"scrolling":                  text(strings.Repeat("a\r\nb\r\n", 10) + "end"),
		"a region":                   text("1\r\n2\r\n3\r\n4\r\n5\r\n6\x1b[2;4r\x1b[4;1H\nx\n\x1b[2;1H\x1bM\x1bMy\x1b[r"),
		"a region with wrapping":     text("\x1b[41m\x1b[1;3r\x1b[3;1H" + many + many),
		"origin":                     text("\x1b[2;5r\x1b[?6h\x1b[1;1Ha\x1b[9;9Hb\x1b[2Ac\x1b[5d!\x1b[?6l"),
		"wide":                       text("世界 ab世\x1b[1;2HX\x1b[1;4HY\x1b[1;7H\x1b[K\r\n1234567890123456789世界\x1b[3;1H\x1b[P\x1b[4;5H世\x1b[4;6H\x1b[X"),
		"emoji":                      text("😀x🚀 ✅ ☕\r\n1234567890123456789😀"),
		"combining":                  text("e\u0301 a\u0308\u0323x\r\n\u0301y 世\u0301z"),
		"colours":                    text("\x1b[1;31mr\x1b[42mg\x1b[38;5;208mo\x1b[48;2;1;2;3mt\x1b[38:2::9:8:7mc\x1b[38:5:99md\x1b[4:3mu\x1b[21mv\x1b[24mw\x1b[0;7;9;53mx\x1b[27;29;55;3;2my\x1b[22;23m\x1b[99;94;104mz\x1b[m."),
		"erasing with a colour":      text(many + "\x1b[44m\x1b[2;5H\x1b[K\x1b[1;9H\x1b[1K\x1b[3;3H\x1b[3X\x1b[J"),
		"insert and delete":          text(many + "\x1b[1;5H\x1b[3@abc\x1b[2;5H\x1b[4P\x1b[2;1H\x1b[2L\x1b[4;1H\x1b[M"),
		"insert mode":                text("abcdef世\x1b[1;3H\x1b[4hXY世\x1b[4lZ"),
		"the alternate screen":       text("before\x1b[?1049h\x1b[2J\x1b[3;3Hinside\x1b[?1049lafter"),
		"the alternate screen stays": text("before\x1b[?1049h\x1b[2J\x1b[3;3Hinside\n\n\n\n\nmore"),
		"saved cursors":              text("ab\x1b7\x1b[31m\x1b(0\x1b[5;5Hq\x1b8cd\x1b[?1048h\x1b[1;1H\x1b[?1048l!"),
		"line drawing":               text("\x1b(0lqqk\r\nx  x\x1b(B x\r\n\x1b)0a\x0eq\x0fq"),
		"tabs":                       text("a\tb\tc\td\te\r\n\x1b[3g\x1b[1;5H\x1bH\r\tX\x1b[ZY\x1b[2IZ"),
		"scrolling by command":       text("1\r\n2\r\n3\r\n4\r\n5\r\n6\x1b[43m\x1b[2S\x1b[T"),
		"reverse index":              text("1\r\n2\x1b[H\x1bM\x1bMtop"),
		"repeat":                     text("ab\x1b[5b\r\n世\x1b[2b"),
		"alignment":                  text("\x1b[31m\x1b#8\x1b[3;3H."),
		"a reset":                    text("\x1b[31m\x1b[?2004h\x1b[2;3r text\x1bcplain"),
		"a soft reset":               text("\x1b[31;4m\x1b[?2004h\x1b[?7l\x1b[2;3r text\x1b[!pplain"),
		"strings":                    text("\x1b]0;title\x07alink\x1bPq#0\x1b\\b\x1b_x\x1b\\c\x1b^y\x1b\\d"),
		"torn sequences":             text("a\x1b[3\x18b\x1b[1\x1b[2Cc\x1b[\r31md\x1b[?\x1ae"),
		"controls in a sequence":     text("abc\x1b[2\bCd"),
		"odd numbers":                text("\x1b[99999999999C.\x1b[;;5H,\x1b[0;0H;\x1b[-5Cx"),
		"a wider screen":             {20, 6, []step{{Data: []byte("ab\r\ncd")}, {Cols: 30, Rows: 6}, {Data: []byte(" ef\t.\t.\t.")}}},
		"a taller screen":            {20, 4, []step{{Data: []byte("1\r\n2\r\n3\r\n4\r\n5\r\n6")}, {Cols: 20, Rows: 7}, {Data: []byte("!")}}},
		"a lower screen":             {20, 6, []step{{Data: []byte("1\r\n2\r\n3\r\n4\r\n5\r\n6")}, {Cols: 20, Rows: 3}, {Data: []byte("!")}}},
		"a lower screen, from above": {20, 6, []step{{Data: []byte("1\r\n2\r\n3\x1b[2A")}, {Cols: 20, Rows: 3}, {Data: []byte("!")}}},
		"another size in an editor": {20, 6, []step{
			{Data: []byte("shell\x1b[?1049h\x1b[H\x1b[2J~\r\n~\r\n~")}, {Cols: 12, Rows: 9}, {Data: []byte("\x1b[H\x1b[2J~~\r\n\x1b[9;12Hx")},
		}},
	}
}

func TestTheModelShowsWhatTheBrowserShows(t *testing.T) {
	b := openBrowser(t)
	for name, s := range scenes() {
		if d := difference(look(play(s)), b.shows(s)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// babble makes output of everything that the model knows, in any order.
func babble(r *rand.Rand, n int) []byte {
	var out []byte
	words := []string{"a", "lorem ipsum ", "x\r\n", "\n", "\r", "\b", "\t", "世界", "é", "e\u0301", "😀", "│─", "0123456789abcdefghij"}
	finals := "@ABCDEFGHIJKLMPSTXZ`abdefgmrsuhl"
	for range n {
		switch r.IntN(8) {
		case 0, 1, 2, 3:
			out = append(out, words[r.IntN(len(words))]...)
		case 4, 5:
			out = append(out, "\x1b["...)
			for i := range r.IntN(4) {
				if i > 0 {
					out = append(out, ';')
				}
				out = fmt.Appendf(out, "%d", r.IntN([]int{3, 10, 30, 110}[r.IntN(4)]))
			}
			out = append(out, finals[r.IntN(len(finals))])
		case 6:
			out = append(out, []string{"\x1b7", "\x1b8", "\x1bD", "\x1bE", "\x1bM", "\x1bH", "\x1b(0", "\x1b(B", "\x0e", "\x0f", "\x1b)0", "\x1b[!p", "\x1b#8"}[r.IntN(13)]...)
		default:
			modes := []int{1, 6, 7, 25, 47, 66, 1004, 1047, 1048, 1049, 2004}
			out = fmt.Appendf(out, "\x1b[?%d%c", modes[r.IntN(len(modes))], "hl"[r.IntN(2)])
		}
	}
	return out
}

func TestTheModelFollowsAnyOutput(t *testing.T) {
	b := openBrowser(t)
	rounds := 400
	if testing.Short() {
		rounds = 60
	}
	for seed := range rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		s := scene{Cols: 5 + r.IntN(30), Rows: 2 + r.IntN(10)}
		whole := babble(r, 10+r.IntN(80))
		for p := whole; len(p) > 0; { // in pieces of any size, which changes nothing
			n := 1 + r.IntN(len(p))
			s.Steps = append(s.Steps, step{Data: p[:n]})
			p = p[n:]
		}
		want := b.shows(s)
		if d := difference(look(play(s)), want); d != "" {
			s.Steps = []step{{Data: shrink(b, s, whole)}}
			t.Fatalf("seed %d, %d×%d, after %q: %s", seed, s.Cols, s.Rows, s.Steps[0].Data, difference(look(play(s)), b.shows(s)))
		}
	}
}

// A terminal that begins with a snapshot and goes on with the output after it shows what one does that had all.
func TestASnapshotIsAsGoodAsAllOutputBefore(t *testing.T) {
	b := openBrowser(t)
	check := func(name string, cols, rows int, whole []byte, at int) {
		m := screen.New(cols, rows)
		m.Write(whole[:at])
		if !m.AtText() || joins.Match(whole[at:]) {
			return
		}
		shot := m.Snapshot()
		want := plain(b.shows(scene{cols, rows, []step{{Data: whole}}}))
		got := plain(b.shows(scene{cols, rows, []step{{Data: shot}, {Data: whole[at:]}}}))
		if d := difference(got, want); d != "" {
			t.Errorf("%s, %d×%d, after %q, shown again by %q, then %q: %s", name, cols, rows, whole[:at], shot, whole[at:], d)
		}
	}
	for name, s := range scenes() {
		if whole := s.Steps[0].Data; len(s.Steps) == 1 {
			for _, at := range []int{len(whole) / 3, len(whole) * 2 / 3, len(whole)} {
				check(name, s.Cols, s.Rows, whole, at)
			}
		}
	}
	rounds := 300
	if testing.Short() {
		rounds = 50
	}
	for seed := 0; seed < rounds && !t.Failed(); seed++ {
		r := rand.New(rand.NewPCG(uint64(seed), 8))
		whole := babble(r, 10+r.IntN(60))
		check(fmt.Sprint("seed ", seed), 5+r.IntN(30), 2+r.IntN(10), whole, r.IntN(len(whole)+1))
	}
}

// joins is what belongs to the character just before it.
var joins = regexp.MustCompile("^(\\p{Mn}|\x1b\\[[0-9;]*b)")

// plain takes blanks that were written for blanks that were not: they look the same.
func plain(s seen) seen {
	for _, row := range s.Rows {
		for x := range row {
			if row[x].text == "" && row[x].width == 1 {
				row[x].text = " "
			}
		}
	}
	return s
}

// shrink takes from the end and the beginning what makes no difference to there being one.
func shrink(b *browser, s scene, p []byte) []byte {
	differs := func(p []byte) bool {
		s.Steps = []step{{Data: p}}
		return difference(look(play(s)), b.shows(s)) != ""
	}
	for n := len(p) / 2; n > 0; {
		switch {
		case n < len(p) && differs(p[:len(p)-n]):
			p = p[:len(p)-n]
		case n < len(p) && differs(p[n:]):
			p = p[n:]
		default:
			n /= 2
		}
	}
	return p
}

func FuzzAnyBytesAreTaken(f *testing.F) {
	for _, s := range scenes() {
		f.Add(s.Steps[0].Data, 7, 3)
	}
	f.Add([]byte("123\x1b[m\u0301"), 3, 3) // nothing to join, at the end of a full line
	f.Fuzz(func(t *testing.T, p []byte, cols, rows int) {
		if cols > 200 || rows > 100 {
			return
		}
		m := screen.New(cols, rows)
		m.Write(p)
		m.Resize(rows, cols)
		m.Write(p)
		c, r := m.Size()
		for y := range r {
			for x := range c {
				_ = m.Cell(x, y)
			}
		}
	})
}

// What real programs wrote, 80 columns by 24 rows: at a prompt of bash, in vim, less, top and tmux.
func TestTheModelFollowsRealPrograms(t *testing.T) {
	b := openBrowser(t)
	files, err := filepath.Glob("testdata/*.rec")
	if err != nil || len(files) < 5 {
		t.Fatalf("there are %d recordings, %v", len(files), err)
	}
	for _, file := range files {
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		end := plain(b.shows(scene{80, 24, []step{{Data: whole}}}))
		looks := 25
		if testing.Short() {
			looks = 5
		}
		for i := range looks {
			at := len(whole) * (i + 1) / looks
			m := screen.New(80, 24)
			m.Write(whole[:at])
			if d := difference(look(m), b.shows(scene{80, 24, []step{{Data: whole[:at]}}})); d != "" {
				t.Fatalf("%s after %d bytes: %s", file, at, d)
			}
			if !m.AtText() || joins.Match(whole[at:]) {
				continue
			}
			again := plain(b.shows(scene{80, 24, []step{{Data: m.Snapshot()}, {Data: whole[at:]}}}))
			if d := difference(again, end); d != "" {
				t.Fatalf("%s, shown again after %d bytes: %s", file, at, d)
			}
		}
	}
}
