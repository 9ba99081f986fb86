package transcript

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"
)

// WriteAsciicast writes the record as asciicast v3, with the output that is there now. Bytes that are not UTF-8 become
// U+FFFD, since the format is JSON; ReadAt gives them as they were. It holds no more than one batch in memory.
func (r *Reader) WriteAsciicast(w io.Writer) error {
	size, err := r.Size()
	if err != nil {
		return err
	}
	out := &caster{w: bufio.NewWriterSize(w, 64<<10), r: r, size: size}
	for rec, err := range r.Records() {
		if err != nil {
			return err
		}
		if err := out.record(rec); err != nil {
			return err
		}
		if rec.Kind == KindEnd {
			break
		}
	}
	if err := out.finish(); err != nil {
		return err
	}
	return out.w.Flush()
}

// caster turns records into the lines of an asciicast.
type caster struct {
	w     *bufio.Writer
	r     *Reader
	size  int64
	off   int64 // output written so far
	last  time.Time
	torn  []byte // the beginning of a character whose rest has not come
	begun bool
	exit  *Record
}

func (c *caster) record(rec Record) error {
	if rec.Kind == KindStart && !c.begun {
		c.begun, c.last = true, rec.At
		return c.line(map[string]any{
			"version":   3,
			"term":      map[string]any{"cols": rec.Start.Cols, "rows": rec.Start.Rows, "type": rec.Start.Term},
			"timestamp": rec.At.Unix(),
			"title":     rec.Start.Ticket + " " + rec.Start.ID,
		})
	}
	if !c.begun {
		return errDamaged
	}
	if err := c.output(rec.End, rec.At); err != nil {
		return err
	}
	switch rec.Kind {
	case KindResize:
		return c.event(rec.At, "r", strconv.Itoa(rec.Cols)+"x"+strconv.Itoa(rec.Rows))
	case KindInput:
		return c.event(rec.At, "i", string(rec.Data))
	case KindCut:
		return c.event(rec.At, "m", "output from here on is not kept: the limit was reached")
	case KindEnd:
		c.exit = &rec
	}
	return nil
}

// output writes what there is up to end.
func (c *caster) output(end int64, at time.Time) error {
	buf := make([]byte, min(max(0, min(end, c.size)-c.off), 64<<10))
	for c.off < min(end, c.size) {
		n, err := c.r.ReadAt(buf[:min(int64(len(buf)), min(end, c.size)-c.off)], c.off)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n == 0 {
			return nil
		}
		c.off += int64(n)
		text := append(c.torn, buf[:n]...)
		rest := tornRune(text)
		c.torn = append([]byte(nil), rest...)
		if text = text[:len(text)-len(rest)]; len(text) > 0 {
			if err := c.event(at, "o", string(text)); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish writes what follows the last record: output whose record was not written yet, and the exit.
func (c *caster) finish() error {
	if !c.begun {
		return errDamaged
	}
	if err := c.output(c.size, c.last); err != nil {
		return err
	}
	if len(c.torn) > 0 {
		if err := c.event(c.last, "o", string(c.torn)); err != nil {
			return err
		}
	}
	if c.exit != nil {
		return c.event(c.exit.At, "x", strconv.Itoa(c.exit.Finish.Code))
	}
	return nil
}

// event writes one event. Its time is the distance from the one before; a clock that was set back counts as none.
func (c *caster) event(at time.Time, code, data string) error {
	since := max(0, at.Sub(c.last))
	if at.After(c.last) {
		c.last = at
	}
	return c.line([]any{json.RawMessage(fmt.Sprintf("%.6f", since.Seconds())), code, data})
}

func (c *caster) line(v any) error {
	p, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if _, err := c.w.Write(p); err != nil {
		return err
	}
	return c.w.WriteByte('\n')
}

// tornRune gives the bytes at the end of p that may be the beginning of a character.
func tornRune(p []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(p); i++ {
		b := p[len(p)-i]
		if b&0xC0 == 0x80 {
			continue
		}
		if b >= 0xC0 && !utf8.FullRune(p[len(p)-i:]) {
			return p[len(p)-i:]
		}
		break
	}
	return nil
}
