package launch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
)

func TestFramesArriveAsTheyWereSent(t *testing.T) {
	sent := []request{
		{Seq: 1, Op: opStart, Spec: &Spec{ID: "a", Kind: Private, Slot: 2, Ticket: "HD-1", Argv: []string{"bash", "-c", "echo <&> \u2028 é"}, Env: []string{"A=b"}}},
		{Seq: 2, Op: opInput, ID: "a"},
	}
	bodies := [][]byte{nil, bytes.Repeat([]byte{0, 0xff}, 200<<10)}
	var wire bytes.Buffer
	for i, q := range sent {
		if err := writeFrame(&wire, q, bodies[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range sent {
		var got request
		body, err := readFrame(&wire, &got)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" || !bytes.Equal(body, bodies[i]) {
			t.Errorf("frame %d: %s, body of %d bytes", i, diff, len(body))
		}
	}
	if _, err := readFrame(&wire, &request{}); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestBadFramesAreRefused(t *testing.T) {
	frame := func(head string, body ...byte) []byte {
		p := binary.BigEndian.AppendUint32(nil, uint32(len(head)))
		p = binary.BigEndian.AppendUint32(p, uint32(len(body)))
		return append(append(p, head...), body...)
	}
	for name, p := range map[string][]byte{
		"an unknown field":  frame(`{"seq":1,"op":"list","root":true}`),
		"two values":        frame(`{"seq":1}{"seq":2}`),
		"no JSON":           frame(`hello`),
		"a huge head":       {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
		"a huge body":       {0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, '{', '}'},
		"a torn length":     {0, 0},
		"a torn head":       frame(`{"seq":1}`)[:12],
		"a torn body":       frame(`{"seq":1}`, 'a', 'b')[:18],
		"a wrong type":      frame(`{"slot":"1"}`),
		"a size out of it":  frame(`{"cols":70000}`),
		"a negative number": frame(`{"seq":-1}`),
	} {
		if _, err := readFrame(bytes.NewReader(p), &request{}); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrorsKeepTheirKindAndSentence(t *testing.T) {
	for _, err := range []error{
		helpdesk.Errorf(helpdesk.Conflict, "100%% so."),
		helpdesk.WithCause(helpdesk.TooLarge, errors.New("private"), "Too large."),
	} {
		back := toWire(err).err()
		if helpdesk.KindOf(back) != helpdesk.KindOf(err) || helpdesk.PublicText(back) != helpdesk.PublicText(err) || back.Error() != err.Error() {
			t.Errorf("%v became %v", err, back)
		}
	}
	if back := toWire(errors.New("a secret path")).err(); helpdesk.KindOf(back) != helpdesk.Internal || strings.Contains(helpdesk.PublicText(back), "secret") {
		t.Errorf("an unknown error became %v", back)
	}
	if toWire(nil).err() != nil {
		t.Error("no error became one")
	}
}

func FuzzReadFrame(f *testing.F) {
	var wire bytes.Buffer
	for _, q := range []request{{Seq: 1, Op: opHello}, {Seq: 2, Op: opStart, Spec: &Spec{ID: "x"}}, {Seq: 3, Op: opWriteFile, Path: "a/b"}} {
		wire.Reset()
		if err := writeFrame(&wire, q, []byte("body")); err != nil {
			f.Fatal(err)
		}
		f.Add(wire.Bytes())
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		var q request
		body, err := readFrame(bytes.NewReader(p), &q)
		if err != nil {
			return
		}
		var wire bytes.Buffer
		if err := writeFrame(&wire, q, body); err != nil {
			t.Fatal(err)
		}
		var again request
		back, err := readFrame(&wire, &again)
		if err != nil || !bytes.Equal(back, body) {
			t.Fatalf("%v", err)
		}
		if q.Spec != nil {
			_ = checkSpec(q.Spec) // must not crash
		}
	})
}

// Whatever path is accepted names something strictly inside the directory it is joined to.
func FuzzPath(f *testing.F) {
	for _, p := range []string{"a", "a/b", "../a", "a/../b", "/a", "", ".", "a/", "a//b", "a\x00b", "a\nb", "..", "...", "a/...", "\xff", strings.Repeat("a/", 40)} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		names, err := splitPath(p)
		if err != nil {
			if helpdesk.KindOf(err) != helpdesk.Invalid {
				t.Fatalf("%q: %v", p, err)
			}
			return
		}
		if path.Clean(p) != p || strings.Join(names, "/") != p || path.Join("/w", p) != "/w/"+p {
			t.Fatalf("%q was accepted and is not what it seems", p)
		}
		for _, n := range names {
			if n == "" || n == "." || n == ".." || strings.ContainsAny(n, "/\x00\n") {
				t.Fatalf("%q was accepted with the element %q", p, n)
			}
		}
	})
}

func TestNoticesKeepTheNewestOfEach(t *testing.T) {
	q := newNoticeQueue()
	for i := range 10 {
		q.put(Status{ID: "a", End: int64(i)})
		q.put(Status{ID: "b", End: int64(i)})
	}
	q.put(Status{ID: "c"})
	q.close()
	var got []string
	for {
		st, ok := q.take()
		if !ok {
			break
		}
		got = append(got, st.ID)
		if st.ID != "c" && st.End != 9 {
			t.Errorf("%s is stale: %d", st.ID, st.End)
		}
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" {
		t.Error(diff)
	}
}
