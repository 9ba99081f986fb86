package turn

import (
	"fmt"
	"testing"
	"time"

	"helpdesk"
)

// What a node remembers of conversations is bounded by size and time, and the oldest goes first.
func TestTalksAreForgotten(t *testing.T) {
	var ts talks
	start := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	key := func(i int) helpdesk.TicketKey { return helpdesk.MakeTicketKey("HD", int64(i+1)) }
	known := func() (all string) {
		for i := range 10 {
			if ts.all[key(i)] != nil {
				all += fmt.Sprint(i)
			}
		}
		return all
	}
	put := func(i, size int, at time.Duration) {
		x := ts.take(key(i))
		x.size = size
		ts.put(key(i), x, start.Add(at))
	}
	const fifth = talksSize / 5
	for i := range 5 {
		put(i, fifth, time.Duration(i)*time.Second)
	}
	if got := known(); got != "01234" {
		t.Errorf("five that fit: %s", got)
	}
	put(0, fifth, 10*time.Second) // used again
	put(5, 2*fifth/2, 11*time.Second)
	if got := known(); got != "02345" {
		t.Errorf("after a sixth: %s", got)
	}
	put(6, talksSize/4+1, 12*time.Second)
	if got := known(); got != "02345" {
		t.Errorf("after one that is too large: %s", got)
	}
	taken := ts.take(key(5))
	if again := ts.take(key(5)); again == taken || len(again.messages) != 0 {
		t.Error("two have the same conversation at once")
	}
	ts.forget(start.Add(talksFor + 4*time.Second))
	if got := known(); got != "04" {
		t.Errorf("after a while: %s", got)
	}
	if want := 2 * fifth; ts.size != want {
		t.Errorf("it counts %d bytes, want %d", ts.size, want)
	}
}
