package terminal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Frames are described in docs/api/terminal.md. Their numbers and fields never change; what comes new gets a new
// number, and both sides skip numbers that they do not know.
const (
	typeStart    = 0x01
	typeOutput   = 0x02
	typeScreen   = 0x03
	typeResized  = 0x04
	typeExit     = 0x05
	typeInputAck = 0x06
	typeNotice   = 0x07
	typePresence = 0x08
	typePong     = 0x09

	typeAck         = 0x41
	typeInput       = 0x42
	typeResize      = 0x43
	typePing        = 0x44
	typeTakeControl = 0x45
)

// The limits of frames, in bytes of what is variable in them.
const (
	MaxData   = 64 << 10 // of output and input
	maxScreen = 1 << 20
	maxPing   = 64
	maxText   = 4 << 10 // a sentence
	maxJSON   = 128 << 10

	outputHead = 9 // of an output frame: its type and offset
)

const frameVersion = 1

// Frame is one message of the terminal's WebSocket.
type Frame interface {
	append(dst []byte) []byte
}

// Encode appends a frame to dst.
func Encode(dst []byte, f Frame) []byte { return f.append(dst) }

// The frames that a server sends.
type (
	// Start is the first frame.
	Start struct {
		Version    uint8
		MayType    bool
		Controller bool
		Ended      bool
		Resumed    bool // what Input says is known
		Cols, Rows uint16
		From, End  int64
		Input      uint64
	}
	// Output is what came out at an offset.
	Output struct {
		Offset int64
		Data   []byte
	}
	// Screen brings a fresh screen to the state at an offset.
	Screen struct {
		Offset     int64
		Cols, Rows uint16
		Data       []byte
	}
	// Resized says which size the terminal has now.
	Resized struct{ Cols, Rows uint16 }
	// Exit is the last frame.
	Exit struct {
		Known    bool
		TimedOut bool
		Stopped  bool
		Code     uint16
		Signal   uint16
		End      int64
		Reason   string
	}
	// InputAck says that inputs up to Seq are typed.
	InputAck struct{ Seq uint64 }
	// Notice is a sentence for the person.
	Notice struct {
		Code NoticeCode
		Text string
	}
	// Presence holds, as JSON, who is there.
	Presence struct{ JSON []byte }
	// Pong answers a Ping.
	Pong struct{ Data []byte }
)

// NoticeCode says what a Notice is about.
type NoticeCode uint8

// The codes of notices.
const (
	NoticeInfo    NoticeCode = 1
	NoticeFilling NoticeCode = 2 // the recording stands at 80 % of its limit
	NoticeFull    NoticeCode = 3 // paused at the recording's limit
	NoticeDisk    NoticeCode = 4 // paused because the disk is full
	NoticeGoesOn  NoticeCode = 5
	NoticeRefused NoticeCode = 6 // input was refused
)

// The frames that a client sends.
type (
	// Ack says that everything before Offset is rendered.
	Ack struct{ Offset int64 }
	// Input is something typed.
	Input struct {
		Seq  uint64
		Data []byte
	}
	// Resize is the size of the client's window.
	Resize struct{ Cols, Rows uint16 }
	// Ping asks for a Pong.
	Ping struct{ Data []byte }
	// TakeControl makes the viewer the owner of the size.
	TakeControl struct{}
)

const (
	flagMayType    = 1
	flagController = 2
	flagEnded      = 4
	flagResumed    = 8

	flagKnown    = 1
	flagTimedOut = 2
	flagStopped  = 4
)

func flags(bits ...bool) (b byte) {
	for i, on := range bits {
		if on {
			b |= 1 << i
		}
	}
	return b
}

func u16(dst []byte, n uint16) []byte { return binary.BigEndian.AppendUint16(dst, n) }
func u64(dst []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(dst, n) }

func (f Start) append(dst []byte) []byte {
	dst = append(dst, typeStart, f.Version, flags(f.MayType, f.Controller, f.Ended, f.Resumed))
	return u64(u64(u64(u16(u16(dst, f.Cols), f.Rows), uint64(f.From)), uint64(f.End)), f.Input)
}

func (f Output) append(dst []byte) []byte {
	return append(u64(append(dst, typeOutput), uint64(f.Offset)), f.Data...)
}

func (f Screen) append(dst []byte) []byte {
	return append(u16(u16(u64(append(dst, typeScreen), uint64(f.Offset)), f.Cols), f.Rows), f.Data...)
}

func (f Resized) append(dst []byte) []byte { return u16(u16(append(dst, typeResized), f.Cols), f.Rows) }

func (f Exit) append(dst []byte) []byte {
	dst = append(dst, typeExit, flags(f.Known, f.TimedOut, f.Stopped))
	return append(u64(u16(u16(dst, f.Code), f.Signal), uint64(f.End)), f.Reason...)
}

func (f InputAck) append(dst []byte) []byte { return u64(append(dst, typeInputAck), f.Seq) }
func (f Notice) append(dst []byte) []byte {
	return append(append(dst, typeNotice, byte(f.Code)), f.Text...)
}
func (f Presence) append(dst []byte) []byte { return append(append(dst, typePresence), f.JSON...) }
func (f Pong) append(dst []byte) []byte     { return append(append(dst, typePong), f.Data...) }
func (f Ack) append(dst []byte) []byte      { return u64(append(dst, typeAck), uint64(f.Offset)) }
func (f Input) append(dst []byte) []byte {
	return append(u64(append(dst, typeInput), f.Seq), f.Data...)
}
func (f Resize) append(dst []byte) []byte    { return u16(u16(append(dst, typeResize), f.Cols), f.Rows) }
func (f Ping) append(dst []byte) []byte      { return append(append(dst, typePing), f.Data...) }
func (TakeControl) append(dst []byte) []byte { return append(dst, typeTakeControl) }

var (
	// ErrUnknownFrame is a frame of a type that this version does not know: skip it.
	ErrUnknownFrame = errors.New("terminal: a frame of unknown type")
	errNoFrame      = errors.New("terminal: an empty message")
)

// fields reads the fields of a frame, and remembers whether they were there.
type fields struct {
	p   []byte
	bad bool
}

func (r *fields) take(n int) []byte {
	if len(r.p) < n {
		r.bad = true
		return make([]byte, n)
	}
	head := r.p[:n]
	r.p = r.p[n:]
	return head
}

func (r *fields) u8() uint8   { return r.take(1)[0] }
func (r *fields) u16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *fields) u64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }

// offset is a u64 that must fit an int64.
func (r *fields) offset() int64 {
	n := int64(r.u64())
	r.bad = r.bad || n < 0
	return n
}

// rest takes what is left, of which there must be least to most bytes.
func (r *fields) rest(least, most int) []byte {
	p := r.p
	r.p = nil
	r.bad = r.bad || len(p) < least || len(p) > most
	return p
}

func (r *fields) text(most int) string {
	p := r.rest(0, most)
	r.bad = r.bad || !utf8.Valid(p)
	return string(p)
}

// DecodeServer reads a frame that a server sent. Data in it is p's.
func DecodeServer(p []byte) (Frame, error) {
	return decode(p, func(typ byte, r *fields) Frame {
		switch typ {
		case typeStart:
			f := Start{Version: r.u8()}
			b := r.u8()
			f.MayType, f.Controller, f.Ended, f.Resumed = b&flagMayType != 0, b&flagController != 0, b&flagEnded != 0, b&flagResumed != 0
			f.Cols, f.Rows, f.From, f.End, f.Input = r.u16(), r.u16(), r.offset(), r.offset(), r.u64()
			return f
		case typeOutput:
			return Output{r.offset(), r.rest(1, MaxData)}
		case typeScreen:
			return Screen{r.offset(), r.u16(), r.u16(), r.rest(0, maxScreen)}
		case typeResized:
			return Resized{r.u16(), r.u16()}
		case typeExit:
			b := r.u8()
			return Exit{b&flagKnown != 0, b&flagTimedOut != 0, b&flagStopped != 0, r.u16(), r.u16(), r.offset(), r.text(maxText)}
		case typeInputAck:
			return InputAck{r.u64()}
		case typeNotice:
			return Notice{NoticeCode(r.u8()), r.text(maxText)}
		case typePresence:
			return Presence{r.rest(2, maxJSON)}
		case typePong:
			return Pong{r.rest(0, maxPing)}
		}
		return nil
	})
}

// DecodeClient reads a frame that a client sent. Data in it is p's.
func DecodeClient(p []byte) (Frame, error) {
	return decode(p, func(typ byte, r *fields) Frame {
		switch typ {
		case typeAck:
			return Ack{r.offset()}
		case typeInput:
			return Input{r.u64(), r.rest(1, MaxData)}
		case typeResize:
			f := Resize{r.u16(), r.u16()}
			r.bad = r.bad || !validSize(int(f.Cols), int(f.Rows))
			return f
		case typePing:
			return Ping{r.rest(0, maxPing)}
		case typeTakeControl:
			return TakeControl{}
		}
		return nil
	})
}

func decode(p []byte, read func(typ byte, r *fields) Frame) (Frame, error) {
	if len(p) == 0 {
		return nil, errNoFrame
	}
	r := &fields{p: p[1:]}
	f := read(p[0], r)
	switch {
	case f == nil:
		return nil, ErrUnknownFrame
	case r.bad || len(r.p) > 0:
		return nil, fmt.Errorf("terminal: a frame of type %#02x and %d bytes that cannot be right", p[0], len(p))
	}
	return f, nil
}

func validSize(cols, rows int) bool { return cols >= 2 && cols <= 1000 && rows >= 1 && rows <= 1000 }
