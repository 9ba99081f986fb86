package transcript

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var t0 = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func begin(t testing.TB, dir string, cfg Config) *Writer {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	w, err := Create(root, t0, Start{ID: "run-1", Ticket: "HD-1", Place: "private", Cols: 80, Rows: 24, Term: "xterm-256color"}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func open(t testing.TB, dir string) *Reader {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func whole(t testing.TB, r *Reader) []byte {
	t.Helper()
	p, err := io.ReadAll(r.Output(0))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A viewer who follows sees each byte as soon as Output has returned, across segments.
func TestAReaderFollowsTheWriter(t *testing.T) {
	dir := t.TempDir()
	w := begin(t, dir, Config{Segment: 10})
	r := open(t, dir)
	var want []byte
	for i, s := range []string{"one ", "two ", "three, which is longer than a segment is ", "four"} {
		if n, err := w.Output([]byte(s), t0.Add(time.Duration(i)*time.Second)); n != len(s) || err != nil {
			t.Fatalf("Output = %d, %v", n, err)
		}
		want = append(want, s...)
		if got := whole(t, r); !bytes.Equal(got, want) {
			t.Fatalf("after %q the reader sees %q", s, got)
		}
	}
	got := make([]byte, 7)
	if n, err := r.ReadAt(got, 5); n != 7 || err != nil || string(got) != string(want[5:12]) {
		t.Errorf("ReadAt(5) = %d, %v, %q", n, err, got)
	}
	if err := w.Close(&Finish{Code: 3}, t0.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	info, err := r.Info()
	if err != nil {
		t.Fatal(err)
	}
	if info.Size != int64(len(want)) || info.Finish == nil || info.Finish.Finish.Code != 3 || info.Start.Start.Ticket != "HD-1" {
		t.Errorf("Info = %+v", info)
	}
}

// At the limit the writer says so, keeps what fits, and goes on where it stopped when it is given more.
func TestTheLimit(t *testing.T) {
	dir := t.TempDir()
	w := begin(t, dir, Config{Limit: 5})
	if n, err := w.Output([]byte("1234567"), t0); n != 5 || !errors.Is(err, ErrLimit) {
		t.Fatalf("Output at the limit = %d, %v", n, err)
	}
	if n, err := w.Output([]byte("67"), t0); n != 0 || !errors.Is(err, ErrLimit) {
		t.Fatalf("Output beyond the limit = %d, %v", n, err)
	}
	w.SetLimit(7)
	if n, err := w.Output([]byte("67"), t0); n != 2 || err != nil {
		t.Fatalf("Output with more room = %d, %v", n, err)
	}
	if err := errors.Join(w.Cut(t0), w.Cut(t0), w.Close(nil, t0)); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir)
	if got := string(whole(t, r)); got != "1234567" {
		t.Errorf("kept %q", got)
	}
	if info, err := r.Info(); err != nil || !info.Cut || info.Finish != nil {
		t.Errorf("Info = %+v, %v", info, err)
	}
}

func TestARecordIsBegunOnce(t *testing.T) {
	dir := t.TempDir()
	w := begin(t, dir, Config{})
	defer w.Close(nil, t0)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := Create(root, t0, Start{}, Config{}); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second record in one directory: %v", err)
	}
}

func TestAsciicast(t *testing.T) {
	dir := t.TempDir()
	w := begin(t, dir, Config{Segment: 4})
	at := func(ms int) time.Time { return t0.Add(time.Duration(ms) * time.Millisecond) }
	steps := []error{
		second(w.Output([]byte("h\xc3"), at(100))), // a character torn between two reads
		second(w.Output([]byte("\xa9llo\r\n"), at(250))),
		w.Resize(100, 30, at(300)),
		w.Input([]byte("ls\r"), at(200)), // the clock went back
		second(w.Output([]byte("bad \xff byte \xe2\x82"), at(400))),
		w.Close(&Finish{Code: 130, Signal: 2}, at(1500)),
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := open(t, dir).WriteAsciicast(&out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	want := []string{
		`{"term":{"cols":80,"rows":24,"type":"xterm-256color"},"timestamp":1777636800,"title":"HD-1 run-1","version":3}`,
		`[0.100000,"o","h"]`,
		`[0.150000,"o","éllo\r\n"]`,
		`[0.050000,"r","100x30"]`,
		`[0.000000,"i","ls\r"]`,
		`[0.100000,"o","bad \ufffd byte "]`,
		`[0.000000,"o","\ufffd\ufffd"]`,
		`[1.100000,"x","130"]`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	for _, l := range lines {
		if !json.Valid([]byte(l)) {
			t.Errorf("not JSON: %s", l)
		}
	}
}

func second(_ int, err error) error { return err }

func TestClipKeepsHeadAndTail(t *testing.T) {
	dir := t.TempDir()
	w := begin(t, dir, Config{Segment: 1000})
	for i := range 1000 {
		if _, err := w.Output([]byte(strings.Repeat("x", i%50)+"\n"), t0); err != nil {
			t.Fatal(err)
		}
	}
	all := whole(t, open(t, dir))
	c, err := open(t, dir).Clip(4096)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(all, c.Head) || !bytes.HasSuffix(all, c.Tail) || c.Omitted != int64(len(all)-len(c.Head)-len(c.Tail)) {
		t.Errorf("head and tail are not those of the output")
	}
	if len(c.Head)+len(c.Tail) > 4096 || len(c.Tail) < 2*len(c.Head) || c.Head[len(c.Head)-1] != '\n' || all[len(all)-len(c.Tail)-1] != '\n' {
		t.Errorf("head %d, tail %d bytes, not at line ends", len(c.Head), len(c.Tail))
	}
	if c, err := open(t, dir).Clip(1 << 20); err != nil || !bytes.Equal(c.Head, all) || c.Tail != nil || c.Omitted != 0 {
		t.Errorf("short output was clipped")
	}
	if err := w.Close(nil, t0); err != nil {
		t.Fatal(err)
	}
}

// Whatever is written and wherever the files are torn, a reader sees a prefix of what was written.
func TestATornRecordIsAPrefix(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "torn")
		if err != nil {
			t.Fatal(err)
		}
		w := begin(t, dir, Config{Segment: rapid.Int64Range(1, 40).Draw(rt, "segment"), Limit: rapid.Int64Range(1, 400).Draw(rt, "limit")})
		var output []byte
		var notes []Record
		for range rapid.IntRange(0, 30).Draw(rt, "steps") {
			switch rapid.IntRange(0, 3).Draw(rt, "step") {
			case 0:
				p := []byte(rapid.String().Draw(rt, "input"))
				w.Input(p, t0)
				notes = append(notes, Record{Kind: KindInput, Data: p})
			case 1:
				w.Resize(7, 9, t0)
				notes = append(notes, Record{Kind: KindResize})
			default:
				p := rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(rt, "output")
				n, err := w.Output(p, t0)
				if err != nil && !errors.Is(err, ErrLimit) {
					t.Fatal(err)
				}
				output = append(output, p[:n]...)
			}
		}
		if rapid.Bool().Draw(rt, "closed") {
			w.Close(&Finish{}, t0)
		} else {
			defer w.Close(nil, t0)
		}
		if got := whole(t, open(t, dir)); !bytes.Equal(got, output) {
			rt.Fatalf("before tearing the reader sees %q, want %q", got, output)
		}
		// A power cut: some files end early.
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			info, err := e.Info()
			if err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(rt, "tear") {
				if err := os.Truncate(filepath.Join(dir, e.Name()), rapid.Int64Range(0, info.Size()).Draw(rt, "size")); err != nil {
					t.Fatal(err)
				}
			}
		}
		r := open(t, dir)
		if got := whole(t, r); !bytes.HasPrefix(output, got) {
			rt.Fatalf("after tearing the reader sees %q, no prefix of %q", got, output)
		}
		i := 0
		for rec, err := range r.Records() {
			if err != nil {
				rt.Fatal(err)
			}
			if rec.Kind == KindInput || rec.Kind == KindResize {
				if i >= len(notes) || rec.Kind != notes[i].Kind || !bytes.Equal(rec.Data, notes[i].Data) {
					rt.Fatalf("note %d is %+v", i, rec)
				}
				i++
			}
		}
		var cast bytes.Buffer
		if err := r.WriteAsciicast(&cast); err != nil && !errors.Is(err, errDamaged) {
			rt.Fatal(err)
		}
	})
}

func FuzzDecodeRecord(f *testing.F) {
	for _, r := range []Record{
		{Kind: KindStart, At: t0, Start: &Start{ID: "a", Ticket: "HD-1"}},
		{Kind: KindOutput, At: t0, End: 12},
		{Kind: KindResize, At: t0, Cols: 80, Rows: 24},
		{Kind: KindInput, At: t0, End: 3, Data: []byte("ls\r")},
		{Kind: KindEnd, At: t0, Finish: &Finish{Code: 1}},
		{Kind: 200, At: t0},
	} {
		f.Add(appendRecord(nil, r))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		r, n, err := decodeRecord(p)
		if err != nil {
			return
		}
		if n < recordHead || n > len(p) {
			t.Fatalf("took %d of %d bytes", n, len(p))
		}
		if r.Kind < KindStart || r.Kind > KindEnd {
			return
		}
		again, _, err := decodeRecord(appendRecord(nil, r))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, again); diff != "" {
			t.Error(diff)
		}
	})
}

func BenchmarkOutput(b *testing.B) {
	for _, size := range []int{1, 4096, 64 << 10} {
		b.Run(byteSize(size), func(b *testing.B) {
			w := begin(b, b.TempDir(), Config{Limit: 1 << 50})
			p := bytes.Repeat([]byte("x"), size)
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := w.Output(p, t0); err != nil {
					b.Fatal(err)
				}
			}
			if err := w.Close(nil, t0); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func byteSize(n int) string {
	if n >= 1024 {
		return string(rune('0'+n/1024/10)) + string(rune('0'+n/1024%10)) + "KiB"
	}
	return "1B"
}
