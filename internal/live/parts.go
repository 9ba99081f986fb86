package live

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"unicode/utf8"

	"helpdesk"
	"helpdesk/internal/bus"
)

// PartReset voids the text that a turn has streamed so far: its model began again.
const PartReset helpdesk.PartKind = "reset"

// partHead says which part it is.
type partHead struct {
	Turn  helpdesk.TurnID `json:"turn"`
	Fence int64           `json:"fence"`
	From  int             `json:"from"`
	N     int             `json:"n"`
	Head  bool            `json:"head,omitempty"` // only says how far the turn is; never shown to viewers
}

// Part is a piece of a running turn: the parts From to N in one.
type Part struct {
	Ticket helpdesk.TicketKey `json:"ticket"`
	partHead
	Kind helpdesk.PartKind `json:"kind"`
	Text string            `json:"text"`
}

// largestPart bounds the text of one message on the bus, whose encoding may be six times as long.
const largestPart = 64 << 10

// Parts keeps what the turns of this node have streamed, while they run.
type Parts struct {
	bus Bus
	log *slog.Logger

	mu    sync.Mutex
	turns map[helpdesk.TurnID]*turnLog
}

type turnLog struct {
	turn   helpdesk.Turn
	n      int
	blocks []block
	off    func()
}

// block is a run of parts of one kind.
type block struct {
	from int
	kind helpdesk.PartKind
	text []byte
	ends []int // the length of text after each part
}

func newParts(b Bus, log *slog.Logger) *Parts {
	return &Parts{bus: b, log: log, turns: map[helpdesk.TurnID]*turnLog{}}
}

// Begin makes this node the one that has the turn's parts.
func (p *Parts) Begin(t helpdesk.Turn) error {
	off, err := p.bus.Respond(bus.SnapshotSubject(t.Tenant, t.Ticket), func(req []byte) []byte { return p.answer(t.Ticket, req) })
	if err != nil {
		return err
	}
	p.mu.Lock()
	before := p.turns[t.ID]
	p.turns[t.ID] = &turnLog{turn: t, off: off}
	p.mu.Unlock()
	if before != nil {
		before.off()
	}
	return nil
}

// Append adds to a turn and tells all who watch. A turn that did not begin here is ignored.
func (p *Parts) Append(id helpdesk.TurnID, kind helpdesk.PartKind, text string) {
	p.mu.Lock()
	defer p.mu.Unlock() // until it is published, so that the order on the bus is that of the numbers
	l := p.turns[id]
	if l == nil {
		return
	}
	for {
		piece := firstPiece(text)
		text = text[len(piece):]
		l.n++
		l.add(kind, piece)
		data, err := json.Marshal(l.part(l.n, l.n, kind, piece))
		if err == nil {
			err = p.bus.Publish(bus.PartSubject(l.turn.Tenant, l.turn.Ticket), data)
		}
		if err != nil {
			p.log.Warn("live: part", "turn", id, "error", err) // viewers see the hole with the next part
		}
		if text == "" {
			return
		}
	}
}

// beat says how far each turn is, so that whoever missed its newest parts asks for them.
func (p *Parts) beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.turns {
		if l.n == 0 {
			continue
		}
		data, err := json.Marshal(partHead{Turn: l.turn.ID, Fence: l.turn.Fence, From: l.n, N: l.n, Head: true})
		if err == nil {
			_ = p.bus.Publish(bus.PartSubject(l.turn.Tenant, l.turn.Ticket), data) // the next beat says it again
		}
	}
}

// End forgets a turn; its result is committed.
func (p *Parts) End(id helpdesk.TurnID) {
	p.mu.Lock()
	l := p.turns[id]
	delete(p.turns, id)
	p.mu.Unlock()
	if l != nil {
		l.off()
	}
}

func (l *turnLog) part(from, n int, kind helpdesk.PartKind, text string) Part {
	return Part{Ticket: l.turn.Ticket, partHead: partHead{Turn: l.turn.ID, Fence: l.turn.Fence, From: from, N: n}, Kind: kind, Text: text}
}

// add keeps a part. What a reset voids is not kept, but its numbers are: the reset stands for them.
func (l *turnLog) add(kind helpdesk.PartKind, text string) {
	if kind == PartReset {
		l.blocks = []block{{from: 1, kind: kind, ends: make([]int, l.n)}}
		return
	}
	if len(l.blocks) > 0 {
		b := &l.blocks[len(l.blocks)-1]
		switch {
		case b.kind != kind || len(b.text)+len(text) > largestPart:
		case kind == helpdesk.PartStatus: // the newest replaces the one before
			b.text = []byte(text)
			b.ends = append(b.ends, 0)
			return
		default:
			b.text = append(b.text, text...)
			b.ends = append(b.ends, len(b.text))
			return
		}
	}
	b := block{from: l.n, kind: kind, text: []byte(text), ends: []int{len(text)}}
	if kind == helpdesk.PartStatus {
		b.ends[0] = 0
	}
	l.blocks = append(l.blocks, b)
}

// after gives what follows part n, in as few parts as may be.
func (l *turnLog) after(n int) []Part {
	var all []Part
	for _, b := range l.blocks {
		last := b.from + len(b.ends) - 1
		switch {
		case last <= n:
		case b.from > n:
			all = append(all, l.part(b.from, last, b.kind, string(b.text)))
		default:
			all = append(all, l.part(n+1, last, b.kind, string(b.text[b.ends[n-b.from]:])))
		}
	}
	return all
}

// firstPiece is the beginning of a text that fits into one message, cut at a character.
func firstPiece(text string) string {
	if len(text) <= largestPart {
		return text
	}
	cut := largestPart
	for cut > largestPart-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}

// question asks for the parts that follow those the viewer has.
type question struct {
	Turn  helpdesk.TurnID `json:"turn"`
	Fence int64           `json:"fence"`
	After int             `json:"after"`
}

type answer struct {
	Parts []json.RawMessage `json:"parts"`
	More  bool              `json:"more"`
}

// largestAnswer bounds the encoding of one answer, so that it fits into a message of the bus.
const largestAnswer = 512 << 10

// local gives the parts of a ticket's turn on this node that a viewer does not have; ok is false where none runs here.
func (p *Parts) local(key helpdesk.TicketKey, q question) (parts []Part, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.turns {
		if l.turn.Ticket != key {
			continue
		}
		ok = true
		after := 0
		if q.Turn == l.turn.ID && q.Fence == l.turn.Fence {
			after = q.After
		}
		parts = append(parts, l.after(after)...)
	}
	return parts, ok
}

// answer is local for another node, as much as fits.
func (p *Parts) answer(key helpdesk.TicketKey, req []byte) []byte {
	var q question
	if json.Unmarshal(req, &q) != nil {
		return nil
	}
	parts, _ := p.local(key, q)
	var a answer
	size := 0
	for _, part := range parts {
		data, err := json.Marshal(part)
		if err != nil {
			break
		}
		if size += len(data); size > largestAnswer && len(a.Parts) > 0 {
			a.More = true
			break
		}
		a.Parts = append(a.Parts, data)
	}
	data, err := json.Marshal(a)
	if err != nil {
		return nil
	}
	return data
}

// since gives, as frames, the parts that a viewer does not have, from wherever the turn runs.
func (p *Parts) since(ctx context.Context, tenant helpdesk.TenantID, key helpdesk.TicketKey, q question) ([]frame, error) {
	if parts, ok := p.local(key, q); ok {
		frames := make([]frame, 0, len(parts))
		for _, part := range parts {
			data, err := json.Marshal(part)
			if err != nil {
				return nil, err
			}
			frames = append(frames, frame{ticket: key, part: part.partHead, body: message("part", data)})
		}
		return frames, nil
	}
	req, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	var frames []frame
	for {
		data, err := p.bus.Request(ctx, bus.SnapshotSubject(tenant, key), req)
		if errors.Is(err, bus.ErrNobody) {
			return frames, nil
		}
		if err != nil {
			return frames, err
		}
		var a answer
		if err := json.Unmarshal(data, &a); err != nil {
			return frames, err
		}
		for _, raw := range a.Parts {
			var h partHead
			if err := json.Unmarshal(raw, &h); err != nil {
				return frames, err
			}
			frames = append(frames, frame{ticket: key, part: h, body: message("part", raw)})
			q = question{h.Turn, h.Fence, h.N}
		}
		if !a.More || len(a.Parts) == 0 {
			return frames, nil
		}
		if req, err = json.Marshal(q); err != nil {
			return frames, err
		}
	}
}
