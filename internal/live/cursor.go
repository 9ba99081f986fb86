package live

import (
	"slices"
	"strconv"
	"strings"

	"helpdesk"
)

// Cursor says up to which event a viewer has each ticket; its text is "HD-1:12,OPS-3:7".
type Cursor map[helpdesk.TicketKey]int64

// mostTickets is how many tickets one stream may watch.
const mostTickets = 50

// ParseCursor reads the id of an event as a stream gave it.
func ParseCursor(s string) (Cursor, error) {
	c := Cursor{}
	if s == "" {
		return c, nil
	}
	if len(s) > mostTickets*48 {
		return nil, badCursor()
	}
	for item := range strings.SplitSeq(s, ",") {
		text, number, ok := strings.Cut(item, ":")
		key, err := helpdesk.ParseTicketKey(text)
		if !ok || err != nil || string(key) != text || len(c) == mostTickets {
			return nil, badCursor()
		}
		seq, err := strconv.ParseInt(number, 10, 64)
		if err != nil || seq < 0 || strconv.FormatInt(seq, 10) != number {
			return nil, badCursor()
		}
		if _, twice := c[key]; twice {
			return nil, badCursor()
		}
		c[key] = seq
	}
	return c, nil
}

func badCursor() error {
	return helpdesk.Errorf(helpdesk.Invalid, "The stream's cursor cannot be read. Give the last id of the stream as it was, or none.")
}

// String is the cursor as ParseCursor reads it.
func (c Cursor) String() string {
	keys := make([]helpdesk.TicketKey, 0, len(c))
	for k := range c {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var b strings.Builder
	for i, k := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(string(k) + ":" + strconv.FormatInt(c[k], 10))
	}
	return b.String()
}
