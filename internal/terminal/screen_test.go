package terminal

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"helpdesk/internal/screen"
	"helpdesk/internal/transcript"
)

func TestOutputBeginsWhereNothingIsTorn(t *testing.T) {
	for _, c := range []struct{ name, record, want string }{
		{"a line", "first\nsecond\nthird\n", "third\n"},
		{"inside a colour", strings.Repeat("a", 30) + "\x1b[38;5;123;48;5;99mb\nc", "c"},
		{"inside a title that has a line end", strings.Repeat("a", 30) + "\x1b]0;one\ntwo three\x07b\nc", "c"},
		{"inside a character, without a line end", strings.Repeat("ä", 40), strings.Repeat("ä", 5)},
		{"a short record", "abc", "abc"},
	} {
		if at := safeStart(strings.NewReader(c.record), int64(len(c.record)), 11); c.record[at:] != c.want {
			t.Errorf("%s: it begins with %q, want %q", c.name, c.record[at:], c.want)
		}
	}
}

// A viewer that begins late sees what the others see: what was drawn long ago, in its colours, with the modes.
func TestAScreenIsThereFromItsMiddle(t *testing.T) {
	at := time.Unix(0, 0)
	path := t.TempDir()
	dir, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := transcript.Create(dir, at, transcript.Start{ID: "t", Ticket: "HD-1", Cols: 40, Rows: 10}, transcript.Config{Segment: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close(nil, at)
	whole := screen.New(40, 10)
	write := func(text string) {
		t.Helper()
		whole.Write([]byte(text))
		if _, err := w.Output([]byte(text), at); err != nil {
			t.Fatal(err)
		}
	}
	write("shell\r\n$ vi\x1b7")
	whole.Resize(30, 8)
	if err := w.Resize(30, 8, at); err != nil {
		t.Fatal(err)
	}
	write("\x1b[?1049h\x1b[?2004h\x1b[2;6r\x1b[H\x1b[44m title \x1b[m\x1b[8;1H\x1b[7mstatus\x1b[m\x1b[2;1H")
	for range 6_000 { // more than is replayed
		write("a line of the text\r\n")
	}
	r, err := transcript.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	begin := safeStart(r, w.Size(), 64<<10)
	late := screen.New(30, 8)
	late.Write(screenAt(r, begin, 30, 8))
	rest, err := io.ReadAll(r.Output(begin))
	if err != nil {
		t.Fatal(err)
	}
	write("\x1b[?1049lback")
	late.Write(append(rest, "\x1b[?1049lback"...))
	if !late.Mode(2004) || late.Alternate() {
		t.Errorf("the modes are not those of the whole: %v, %v", late.Mode(2004), late.Alternate())
	}
	for y := range 8 {
		for x := range 30 {
			if got, want := late.Cell(x, y), whole.Cell(x, y); got != want {
				t.Fatalf("at %d,%d is %+v, want %+v", x, y, got, want)
			}
		}
	}
}

func FuzzScreen(f *testing.F) {
	f.Add([]byte("\x1b[?1049h\x1b]0;t\x07ä\n\x1b(B"), int64(5))
	f.Fuzz(func(t *testing.T, p []byte, most int64) {
		r, end := bytes.NewReader(p), int64(len(p))
		if most < 0 || most > 1<<20 {
			return
		}
		at := safeStart(r, end, most)
		if at < 0 || at > end || at < end-most {
			t.Errorf("of %d bytes the last %d begin at %d", end, most, at)
		}
	})
}

func TestCreditNeverRunsBeyondTheWindow(t *testing.T) {
	now := time.Unix(0, 0)
	var c credit
	c.begin(1000)
	if c.room() != firstWindow {
		t.Fatalf("it begins with %d", c.room())
	}
	c.spend(firstWindow, now)
	if c.room() != 0 {
		t.Errorf("a full window leaves %d", c.room())
	}
	if err := c.acknowledge(1000+firstWindow+1, now); err == nil {
		t.Error("what was not sent was acknowledged")
	}
	// A viewer that renders 1 GB/s has the largest window, one that renders 1 kB/s the smallest.
	at := int64(1000)
	for range 50 {
		at = c.sent
		now = now.Add(time.Millisecond)
		if err := c.acknowledge(at, now); err != nil {
			t.Fatal(err)
		}
		c.spend(1<<20, now)
	}
	if c.window != mostWindow {
		t.Errorf("a fast viewer's window is %d", c.window)
	}
	for range 50 {
		now = now.Add(time.Second)
		at += 1000
		if err := c.acknowledge(at, now); err != nil {
			t.Fatal(err)
		}
	}
	if c.window != leastWindow {
		t.Errorf("a slow viewer's window is %d", c.window)
	}
	// After a skip what was under way counts until something of the new stretch is rendered.
	under := c.outstanding()
	c.skip(99 << 20)
	if c.outstanding() != under || c.caughtUp() {
		t.Errorf("after the skip %d are outstanding, before %d", c.outstanding(), under)
	}
	if err := c.acknowledge(at+1, now); err != nil || c.outstanding() != under {
		t.Errorf("an old acknowledgement changed it to %d, %v", c.outstanding(), err)
	}
	c.spend(10, now)
	if err := c.acknowledge(99<<20+10, now); err != nil || c.outstanding() != 0 {
		t.Errorf("rendered all, and %d are outstanding, %v", c.outstanding(), err)
	}
}
