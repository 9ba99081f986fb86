package terminal

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The bytes of each frame, as docs/api/terminal.md has them. They never change.
var serverFrames = []struct {
	name  string
	frame Frame
	bytes string
}{
	{"start", Start{Version: 1, MayType: true, Resumed: true, Cols: 120, Rows: 30, From: 258, End: 65536, Input: 7}, "\x01\x01\x09\x00\x78\x00\x1e\x00\x00\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07"},
	{"output", Output{Offset: 1, Data: []byte("hi")}, "\x02\x00\x00\x00\x00\x00\x00\x00\x01hi"},
	{"screen", Screen{Offset: 2, Cols: 80, Rows: 24, Data: []byte("\x1b[?1h")}, "\x03\x00\x00\x00\x00\x00\x00\x00\x02\x00\x50\x00\x18\x1b[?1h"},
	{"resized", Resized{80, 24}, "\x04\x00\x50\x00\x18"},
	{"exit", Exit{Known: true, Stopped: true, Code: 129, Signal: 1, End: 3, Reason: "Closed."}, "\x05\x05\x00\x81\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03Closed."},
	{"input-ack", InputAck{9}, "\x06\x00\x00\x00\x00\x00\x00\x00\x09"},
	{"notice", Notice{NoticeDisk, "Full."}, "\x07\x04Full."},
	{"presence", Presence{[]byte(`{"viewers":[]}`)}, "\x08" + `{"viewers":[]}`},
	{"pong", Pong{[]byte("x")}, "\x09x"},
}

var clientFrames = []struct {
	name  string
	frame Frame
	bytes string
}{
	{"ack", Ack{513}, "\x41\x00\x00\x00\x00\x00\x00\x02\x01"},
	{"input", Input{Seq: 1, Data: []byte("ls\r")}, "\x42\x00\x00\x00\x00\x00\x00\x00\x01ls\r"},
	{"resize", Resize{100, 40}, "\x43\x00\x64\x00\x28"},
	{"ping", Ping{[]byte("x")}, "\x44x"},
	{"take-control", TakeControl{}, "\x45"},
}

func TestFramesAreTheDocumentedBytes(t *testing.T) {
	for _, c := range serverFrames {
		check(t, c.name, c.frame, c.bytes, DecodeServer)
	}
	for _, c := range clientFrames {
		check(t, c.name, c.frame, c.bytes, DecodeClient)
	}
}

func check(t *testing.T, name string, f Frame, want string, decode func([]byte) (Frame, error)) {
	t.Helper()
	if got := string(Encode(nil, f)); got != want {
		t.Errorf("%s is %q, want %q", name, got, want)
	}
	got, err := decode([]byte(want))
	if diff := cmp.Diff(f, got); diff != "" || err != nil {
		t.Errorf("%s decodes with %v to %s", name, err, diff)
	}
	for n := range len(want) {
		if name == "output" || name == "input" || name == "screen" || name == "notice" || name == "presence" || name == "pong" || name == "ping" || name == "exit" {
			break // what is variable in them may be shorter
		}
		if f, err := decode([]byte(want)[:n]); err == nil {
			t.Errorf("%d bytes of %s decode to %v", n, name, f)
		}
	}
}

func TestFramesThatCannotBeRight(t *testing.T) {
	for _, p := range []string{
		"", "\x41", "\x41\xff\xff\xff\xff\xff\xff\xff\xff", "\x42\x00\x00\x00\x00\x00\x00\x00\x01", "\x43\x00\x00\x00\x00", "\x43\x03\xe9\x00\x18",
		"\x45x", "\x44" + strings.Repeat("x", 65), "\x42\x00\x00\x00\x00\x00\x00\x00\x01" + strings.Repeat("x", MaxData+1),
	} {
		if f, err := DecodeClient([]byte(p)); err == nil || errors.Is(err, ErrUnknownFrame) {
			t.Errorf("%.20q decodes to %v, %v", p, f, err)
		}
	}
	if _, err := DecodeClient([]byte("\x7fanything")); !errors.Is(err, ErrUnknownFrame) {
		t.Errorf("an unknown type: %v", err)
	}
}

func FuzzDecodeServer(f *testing.F) {
	for _, c := range serverFrames {
		f.Add([]byte(c.bytes))
	}
	f.Fuzz(func(t *testing.T, p []byte) { again(t, p, DecodeServer) })
}

func FuzzDecodeClient(f *testing.F) {
	for _, c := range clientFrames {
		f.Add([]byte(c.bytes))
	}
	f.Fuzz(func(t *testing.T, p []byte) { again(t, p, DecodeClient) })
}

// again checks that what decodes also encodes, to what decodes to the same.
func again(t *testing.T, p []byte, decode func([]byte) (Frame, error)) {
	f, err := decode(p)
	if err != nil {
		return
	}
	got, err := decode(Encode(nil, f))
	if diff := cmp.Diff(f, got); diff != "" || err != nil {
		t.Errorf("%q: %v %s", p, err, diff)
	}
}

func FuzzHello(f *testing.F) {
	f.Add([]byte(`{"token":"hda_x","viewer":"12345678","from":null,"cols":80,"rows":24}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		if h, err := parseHello(p); err == nil && (!validSize(h.Cols, h.Rows) || h.From != nil && *h.From < 0) {
			t.Errorf("%q is taken as %+v", p, h)
		}
	})
}
