package transcript

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"time"
)

// magic begins each journal; its digit is the version of the framing, not of the kinds.
const magic = "HDTJ1\n"

const (
	maxRecord  = 128 << 10 // bytes of a record's payload; a longer length is damage
	recordHead = 8         // uint32 length of the payload, uint32 CRC-32C of it, big endian
)

// Kind is the kind of a Record. Its number is on disk.
type Kind uint8

const (
	KindStart  Kind = 1 // the first record: Start
	KindOutput Kind = 2 // output up to End has arrived
	KindResize Kind = 3 // the size is now Cols × Rows
	KindInput  Kind = 4 // Data was typed
	KindCut    Kind = 5 // output after this is not kept: the limit was reached
	KindEnd    Kind = 6 // the last record: Finish
)

// Record is one line of the journal. End says how much output there was when it was written, so that output, input and
// sizes have one order.
type Record struct {
	Kind   Kind
	At     time.Time
	End    int64
	Cols   int     // KindResize
	Rows   int     // KindResize
	Data   []byte  // KindInput
	Start  *Start  // KindStart
	Finish *Finish // KindEnd
}

// Start is what is known when a record begins.
type Start struct {
	ID     string `json:"id"`
	Ticket string `json:"ticket"`
	Place  string `json:"place"` // as private, hostview, host
	Cols   int    `json:"cols"`
	Rows   int    `json:"rows"`
	Term   string `json:"term,omitempty"`
	Input  bool   `json:"input,omitempty"` // whether input is recorded
}

// Finish is how the process ended.
type Finish struct {
	Code     int  `json:"code"`
	Signal   int  `json:"signal,omitempty"`
	TimedOut bool `json:"timed_out,omitempty"`
	Stopped  bool `json:"stopped,omitempty"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendRecord appends r, framed, to dst. The payload is the kind, the time in microseconds since 1970, the end of the
// output, and what the kind adds.
func appendRecord(dst []byte, r Record) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, recordHead)...)
	dst = append(dst, byte(r.Kind))
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.At.UnixMicro()))
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.End))
	switch r.Kind {
	case KindStart:
		dst = appendJSON(dst, r.Start)
	case KindEnd:
		dst = appendJSON(dst, r.Finish)
	case KindResize:
		dst = binary.BigEndian.AppendUint16(dst, uint16(r.Cols))
		dst = binary.BigEndian.AppendUint16(dst, uint16(r.Rows))
	case KindInput:
		dst = append(dst, r.Data...)
	}
	payload := dst[at+recordHead:]
	binary.BigEndian.PutUint32(dst[at:], uint32(len(payload)))
	binary.BigEndian.PutUint32(dst[at+4:], crc32.Checksum(payload, castagnoli))
	return dst
}

func appendJSON(dst []byte, v any) []byte {
	p, err := json.Marshal(v)
	if err != nil { // Start and Finish hold nothing that JSON cannot
		panic(err)
	}
	return append(dst, p...)
}

var (
	errShort   = errors.New("transcript: the record is not whole")
	errDamaged = errors.New("transcript: the record is damaged")
)

// decodeRecord reads the first record of p and says how many bytes it took. errShort means that p ends in the middle
// of it: a journal being written, or torn.
func decodeRecord(p []byte) (r Record, n int, err error) {
	if len(p) < recordHead {
		return Record{}, 0, errShort
	}
	size := binary.BigEndian.Uint32(p)
	if size < 17 || size > maxRecord {
		return Record{}, 0, errDamaged
	}
	n = recordHead + int(size)
	if len(p) < n {
		return Record{}, 0, errShort
	}
	payload := p[recordHead:n]
	if crc32.Checksum(payload, castagnoli) != binary.BigEndian.Uint32(p[4:]) {
		return Record{}, 0, errDamaged
	}
	r = Record{
		Kind: Kind(payload[0]),
		At:   time.UnixMicro(int64(binary.BigEndian.Uint64(payload[1:]))).UTC(),
		End:  int64(binary.BigEndian.Uint64(payload[9:])),
	}
	if r.End < 0 {
		return Record{}, 0, errDamaged
	}
	rest := payload[17:]
	switch r.Kind {
	case KindStart:
		err = json.Unmarshal(rest, &r.Start)
	case KindEnd:
		err = json.Unmarshal(rest, &r.Finish)
	case KindResize:
		if len(rest) != 4 {
			return Record{}, 0, errDamaged
		}
		r.Cols, r.Rows = int(binary.BigEndian.Uint16(rest)), int(binary.BigEndian.Uint16(rest[2:]))
	case KindInput:
		r.Data = append([]byte(nil), rest...)
	}
	if err != nil || r.Kind == KindStart && r.Start == nil || r.Kind == KindEnd && r.Finish == nil {
		return Record{}, 0, errDamaged
	}
	return r, n, nil
}
