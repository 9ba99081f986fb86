package launch

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"helpdesk"
)

// The wire: frames in both directions, each
//
//	uint32 big endian  length of the head
//	uint32 big endian  length of the body
//	head               JSON, a request from the server, a reply from the launcher
//	body               raw bytes: what was typed, or a file's content
//
// A reply carries the Seq of its request. A reply with Seq 0 is a notice: it carries a Status, and as its body perhaps
// the output just before the Status's End. The helper that works
// on Workspaces under a tenant's uid speaks the same frames with the launcher.
const (
	maxHead = 8 << 20
	maxBody = MaxFile
)

type op string

const (
	opHello             op = "hello"
	opStart             op = "start"
	opList              op = "list"
	opForget            op = "forget"
	opInput             op = "input"
	opResize            op = "resize"
	opStop              op = "stop"
	opPause             op = "pause"
	opResume            op = "resume"
	opDeleteTranscripts op = "delete-transcripts"
	opTickets           op = "tickets"
	opCreateWorkspace   op = "create-workspace"
	opRemoveWorkspace   op = "remove-workspace"
	opListFiles         op = "list-files"
	opReadFile          op = "read-file"
	opWriteFile         op = "write-file"
	opDeleteFile        op = "delete-file"
	opUsage             op = "usage"
)

// request is what the server may ask: an operation and its few arguments, of which each operation uses some.
type request struct {
	Seq    uint64 `json:"seq"`
	Op     op     `json:"op"`
	ID     string `json:"id,omitempty"`
	Slot   int    `json:"slot,omitempty"`
	Ticket string `json:"ticket,omitempty"`
	Path   string `json:"path,omitempty"`
	Deep   bool   `json:"deep,omitempty"`
	Exec   bool   `json:"exec,omitempty"`
	Cols   uint16 `json:"cols,omitempty"`
	Rows   uint16 `json:"rows,omitempty"`
	Limit  int64  `json:"limit,omitempty"`
	Spec   *Spec  `json:"spec,omitempty"`
}

type reply struct {
	Seq     uint64     `json:"seq"`
	Error   *wireError `json:"error,omitempty"`
	Hello   *Hello     `json:"hello,omitempty"`
	Status  *Status    `json:"status,omitempty"`
	List    []Status   `json:"list,omitempty"`
	Tickets []string   `json:"tickets,omitempty"`
	Files   []File     `json:"files,omitempty"`
	File    *File      `json:"file,omitempty"`
	Usage   *Usage     `json:"usage,omitempty"`
}

// wireError is a helpdesk.Error on the wire. The cause goes along as text: launcher and server are one program, and
// the server's log is where it is looked for.
type wireError struct {
	Kind   helpdesk.Kind `json:"kind"`
	Public string        `json:"public"`
	Cause  string        `json:"cause,omitempty"`
}

func toWire(err error) *wireError {
	if err == nil {
		return nil
	}
	var e *helpdesk.Error
	if !errors.As(err, &e) {
		return &wireError{Kind: helpdesk.Internal, Public: "The launcher could not do that; the log says why.", Cause: err.Error()}
	}
	w := &wireError{Kind: e.Kind, Public: e.Public}
	if e.Cause != nil {
		w.Cause = e.Cause.Error()
	}
	return w
}

func (w *wireError) err() error {
	switch {
	case w == nil:
		return nil
	case w.Cause != "":
		return helpdesk.WithCause(w.Kind, errors.New(w.Cause), "%s", w.Public)
	}
	return helpdesk.Errorf(w.Kind, "%s", w.Public)
}

// writeFrame writes one frame with one Write.
func writeFrame(w io.Writer, head any, body []byte) error {
	buf, err := appendFrame(nil, head, body)
	if err == nil {
		_, err = w.Write(buf)
	}
	return err
}

// appendFrame appends a frame to dst.
func appendFrame(dst []byte, head any, body []byte) ([]byte, error) {
	h, err := json.Marshal(head)
	if err != nil {
		return dst, err
	}
	if len(h) > maxHead || len(body) > maxBody {
		return dst, helpdesk.Errorf(helpdesk.TooLarge, "That is more than fits into one request to the launcher.")
	}
	dst = slices.Grow(dst, 8+len(h)+len(body))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(h)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(body)))
	return append(append(dst, h...), body...), nil
}

// readFrame reads one frame and decodes its head strictly: an unknown field or anything after the value is an error.
// A body that is not there is nil.
func readFrame(r io.Reader, head any) (body []byte, err error) {
	var lengths [8]byte
	if _, err := io.ReadFull(r, lengths[:]); err != nil {
		return nil, err
	}
	n, m := binary.BigEndian.Uint32(lengths[:]), binary.BigEndian.Uint32(lengths[4:])
	if n > maxHead || m > maxBody {
		return nil, fmt.Errorf("frame of %d and %d bytes is over the limit", n, m)
	}
	h, err := readN(r, int(n))
	if err != nil {
		return nil, err
	}
	if m > 0 {
		if body, err = readN(r, int(m)); err != nil {
			return nil, err
		}
	}
	d := json.NewDecoder(bytes.NewReader(h))
	d.DisallowUnknownFields()
	if err := d.Decode(head); err != nil {
		return nil, fmt.Errorf("head of a frame: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("head of a frame: more than one value")
	}
	return body, nil
}

// readN reads n bytes. It takes memory as the bytes arrive, so a length alone costs nothing.
func readN(r io.Reader, n int) ([]byte, error) {
	if n <= 64<<10 {
		p := make([]byte, n)
		_, err := io.ReadFull(r, p)
		return p, noEOF(err)
	}
	var buf bytes.Buffer
	if _, err := io.CopyN(&buf, r, int64(n)); err != nil {
		return nil, noEOF(err)
	}
	return buf.Bytes(), nil
}

// noEOF makes an end in the middle of a frame an error of its own: io.EOF means that the other side left in order.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
