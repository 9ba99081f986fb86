package terminal

import (
	"bytes"
	"strings"
	"testing"
	"time"
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

func TestModesBeforeAPlaceAreSetAgain(t *testing.T) {
	for _, c := range []struct{ record, want string }{
		{"plain", ""},
		{"\x1b[?1049h\x1b[?25l\x1b[?1000;1006h", "\x1b[?1049h\x1b[?25l\x1b[?1000h\x1b[?1006h"},
		{"\x1b[?1049h vim \x1b[?1049l", ""},
		{"\x1b[?7l\x1b[?25l\x1b[?25h\x1b=", "\x1b[?7l\x1b="},
		{"\x1b[?2004h\x1bc", ""},                   // a full reset
		{"\x1b[?1049h\x1b[!p", ""},                 // a soft one
		{"\x1b]0;\x1b[?1h", "\x1b[?1h"},            // ESC ends a string
		{"\x1b]0;[?1h title\x07", ""},              // a title is no sequence
		{"\x1b[?99999999999999999999h", ""},        // no number
		{"\x1b[?" + strings.Repeat("1;", 100), ""}, // never ends
	} {
		if got := string(modesAt(strings.NewReader(c.record), int64(len(c.record)))); got != c.want {
			t.Errorf("after %q: %q, want %q", c.record, got, c.want)
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
		// What sets the modes again leaves them as they were.
		once := modesAt(r, end)
		if twice := modesAt(bytes.NewReader(once), int64(len(once))); !bytes.Equal(once, twice) {
			t.Errorf("%q sets the modes of %q", once, twice)
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
