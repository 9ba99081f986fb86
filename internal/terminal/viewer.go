package terminal

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"helpdesk"
	"helpdesk/internal/launch"
	"helpdesk/internal/transcript"
)

// viewer is one attachment: a cursor on a record, and what it may do.
type viewer struct {
	p       *process
	id      string // made up by the client; the same when it comes again
	actor   helpdesk.Actor
	mayType bool
	record  *transcript.Reader
	wake    chan struct{} // holds one; says that something changed
	end     context.CancelCauseFunc
	writing atomic.Int64 // since when a frame is being written, 0: none is

	// Guarded by p.mu.
	cols, rows    uint16 // of its window
	source        *source
	resumed       bool // its source was known
	wasController bool
	credit

	pongs   [][]byte // to be sent; at most maxPongs
	refused bool     // it typed and may not
}

const maxPongs = 8

// key tells the viewers of different people apart, whatever ids their clients make up.
func (v *viewer) key() string { return string(v.actor.Kind) + "/" + v.actor.ID + "/" + v.id }

func (v *viewer) wakeUp() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// write sends frames until the process has ended, the connection fails, or ctx is done. Each round sends what has
// gathered since the last one; there is no timer in it.
func (v *viewer) write(ctx context.Context, send func([]byte) error, from *int64) error {
	st, first := v.begin(from)
	if err := send(Encode(nil, first)); err != nil {
		return err
	}
	if from == nil || first.From != *from {
		if err := v.sendScreen(send, st); err != nil {
			return err
		}
	}
	said := saidBefore{size: size{first.Cols, first.Rows}, input: first.Input}
	buf := make([]byte, outputHead+MaxData)
	for {
		st, now := v.look(said.presence)
		for _, f := range said.news(now) {
			if err := send(Encode(nil, f)); err != nil {
				return err
			}
		}
		more, err := v.sendOutput(send, buf, st)
		if err == nil && now.input > said.input { // after its echo, which somebody waits for
			said.input = now.input
			err = send(Encode(nil, InputAck{now.input}))
		}
		if err != nil {
			return err
		}
		if more {
			continue
		}
		if exit, over := v.exit(); over {
			return send(Encode(nil, exit))
		}
		select {
		case <-v.wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// begin decides where output begins.
func (v *viewer) begin(from *int64) (launch.Status, Start) {
	st := v.p.snapshot()
	at := int64(0)
	if from != nil && *from <= st.End && st.End-*from <= v.p.s.cfg.Behind {
		at = *from
	} else {
		at = v.safeStart(st.End)
	}
	v.p.mu.Lock()
	defer v.p.mu.Unlock()
	v.credit.begin(at)
	return st, Start{
		Version: frameVersion, MayType: v.mayType, Controller: v.p.controller == v, Ended: st.Exit != nil, Resumed: v.resumed,
		Cols: st.Cols, Rows: st.Rows, From: at, End: st.End, Input: v.source.received,
	}
}

// safeStart is where the output of a new screen begins.
func (v *viewer) safeStart(end int64) int64 {
	return safeStart(v.record, end, v.p.s.cfg.Scrollback)
}

// sendScreen sends what a fresh screen needs before output goes on at the viewer's offset.
func (v *viewer) sendScreen(send func([]byte) error, st launch.Status) error {
	v.p.mu.Lock()
	at := v.sent
	v.p.mu.Unlock()
	return send(Encode(nil, Screen{Offset: at, Cols: st.Cols, Rows: st.Rows, Data: screenAt(v.record, at, int(st.Cols), int(st.Rows))}))
}

// sendOutput sends one frame of output, if there is some and the viewer has room for it.
func (v *viewer) sendOutput(send func([]byte) error, buf []byte, st launch.Status) (sent bool, err error) {
	v.p.mu.Lock()
	at, room := v.sent, v.room()
	skip := st.End-at > v.p.s.cfg.Behind && room > 0 && v.caughtUp()
	v.p.mu.Unlock()
	if skip {
		at = v.safeStart(st.End)
		v.p.mu.Lock()
		v.skip(at)
		v.p.pace()
		v.p.mu.Unlock()
		return true, v.sendScreen(send, st)
	}
	n := min(st.End-at, room, MaxData)
	if n <= 0 {
		return false, nil
	}
	v.p.mu.Lock()
	got := v.p.readRecent(buf[outputHead:outputHead+n], at)
	v.p.mu.Unlock()
	if got == 0 {
		got, err = v.record.ReadAt(buf[outputHead:outputHead+n], at)
	}
	if got == 0 {
		if err == nil || errors.Is(err, io.EOF) {
			err = errors.New("the record ends before its end")
		}
		return false, err
	}
	Encode(buf[:0], Output{Offset: at})
	v.p.mu.Lock()
	v.spend(int64(got), v.p.s.cfg.Now())
	v.p.mu.Unlock()
	return true, send(buf[:outputHead+got])
}

// exit gives the last frame once the process is over and all output is sent.
func (v *viewer) exit() (Exit, bool) {
	v.p.mu.Lock()
	defer v.p.mu.Unlock()
	st := v.p.status
	if !v.p.over || v.sent < st.End {
		return Exit{}, false
	}
	f := Exit{End: st.End, Reason: v.p.reason}
	if c := v.p.cause; f.Reason == "" && c != nil {
		f.Reason = c.reason
	}
	if x := st.Exit; x != nil {
		f.Known, f.TimedOut, f.Stopped = true, x.TimedOut, x.Stopped
		f.Code, f.Signal = uint16(x.Code), uint16(x.Signal)
		if f.Reason == "" {
			f.Reason = st.Detail
		}
	}
	f.Reason = cut(f.Reason, maxText)
	return f, true
}

// news is what a viewer is told of besides output.
type news struct {
	size     size
	presence int
	viewers  []byte // as JSON, where presence is new
	input    uint64
	paused   launch.PauseReason
	detail   string
	filling  bool // its own recording
	tenant   bool // all recordings of its tenant
	refused  bool
	pongs    [][]byte
}

// saidBefore is what it was told already.
type saidBefore news

// look takes a snapshot of what the viewer should know, which knows of who is there what it was told before.
func (v *viewer) look(presence int) (launch.Status, news) {
	p := v.p
	p.mu.Lock()
	defer p.mu.Unlock()
	st := p.status
	n := news{
		size: size{st.Cols, st.Rows}, presence: p.presence, input: v.source.taken,
		paused: st.Paused, detail: st.Detail, refused: v.refused, pongs: v.pongs,
		tenant: st.Filling, filling: p.terminal != nil && st.End >= p.s.cfg.Recording/5*4,
	}
	if presence != n.presence {
		n.viewers = p.presenceFor(v)
	}
	v.refused, v.pongs = false, nil
	return st, n
}

// news gives the frames that tell what is new.
func (s *saidBefore) news(n news) (frames []Frame) {
	if n.size != s.size {
		frames = append(frames, Resized{n.size.cols, n.size.rows})
	}
	if n.presence != s.presence {
		frames = append(frames, Presence{n.viewers})
	}
	if n.filling && !s.filling {
		frames = append(frames, Notice{NoticeFilling, "The recording stands at 80 % of its limit. At the limit the terminal waits and asks."})
	}
	if n.tenant && !s.tenant {
		frames = append(frames, Notice{NoticeFilling, "The tenant's recordings stand at 80 % of their limit. At the limit its terminals wait. Delete tickets that are not needed."})
	}
	if n.paused != s.paused {
		switch n.paused {
		case launch.PausedByLimit:
			frames = append(frames, Notice{NoticeFull, "The recording has reached its limit, so the terminal waits. Go on recording, or close it."})
		case launch.PausedByDisk:
			frames = append(frames, Notice{NoticeDisk, "The disk is full, so the terminal waits: nothing is shown that is not recorded. It goes on when there is space."})
		case launch.PausedByQuota:
			frames = append(frames, Notice{NoticeDisk, "The tenant's recordings have reached their limit, so the terminal waits: nothing is shown that is not recorded. It goes on when tickets that are not needed are deleted."})
		default:
			if s.paused != launch.NotPaused && s.paused != launch.PausedByAsk {
				frames = append(frames, Notice{NoticeGoesOn, "The terminal goes on."})
			}
		}
	}
	if n.refused {
		frames = append(frames, Notice{NoticeRefused, "You may look at this terminal, and not type into it."})
	}
	for _, p := range n.pongs {
		frames = append(frames, Pong{p})
	}
	n.input = s.input
	*s = saidBefore(n)
	return frames
}

type presenceEntry struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	MayType    bool   `json:"may_type"`
	Controller bool   `json:"controller"`
	You        bool   `json:"you"`
}

// presenceFor tells a viewer who is there.
func (p *process) presenceFor(v *viewer) []byte {
	list := make([]presenceEntry, 0, len(p.viewers))
	for _, o := range p.viewers {
		list = append(list, presenceEntry{ID: o.id, Name: cut(o.actor.Name, 100), MayType: o.mayType, Controller: p.controller == o, You: o == v})
	}
	data, _ := json.Marshal(map[string]any{"viewers": list}) // strings and booleans always encode
	return data
}

// read takes a frame of the client.
func (v *viewer) read(p []byte) error {
	f, err := DecodeClient(p)
	if errors.Is(err, ErrUnknownFrame) {
		return nil
	}
	if err != nil {
		return helpdesk.WithCause(helpdesk.Invalid, err, "A frame cannot be right.")
	}
	if err := v.take(f); err != nil {
		return err
	}
	if _, is := f.(Input); is {
		v.p.typeQueue()
	}
	return nil
}

func (v *viewer) take(f Frame) error {
	v.p.mu.Lock()
	defer v.p.mu.Unlock()
	switch f := f.(type) {
	case Ack:
		now := v.p.s.cfg.Now()
		if err := v.acknowledge(f.Offset, now); err != nil {
			return err
		}
		if v.p.controller == v {
			v.p.rendering = now
			v.p.pace()
		}
		if v.sent == v.p.status.End && !v.p.over {
			return nil // nothing waited for it
		}
	case Input:
		if !v.mayType {
			v.refused = true
			break
		}
		return v.p.enqueue(v, f.Seq, f.Data)
	case Resize:
		v.cols, v.rows = f.Cols, f.Rows
		if v.p.controller == v {
			v.p.resize(f.Cols, f.Rows)
		}
		return nil
	case TakeControl:
		if v.mayType && v.p.controller != v {
			v.p.control(v)
		}
		return nil
	case Ping:
		if len(v.pongs) < maxPongs {
			v.pongs = append(v.pongs, append([]byte(nil), f.Data...))
		}
	}
	v.wakeUp()
	return nil
}

// cut shortens s to at most n bytes at a character's border.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}

// The window of a viewer.
const (
	firstWindow = 128 << 10
	leastWindow = 64 << 10
	mostWindow  = 512 << 10
	windowTime  = 250 * time.Millisecond
)

// credit is how far output may run ahead of what a viewer has rendered.
type credit struct {
	start    int64 // where the present stretch of output began
	sent     int64 // output before this is sent
	rendered int64 // and before this rendered
	older    int64 // bytes of the stretch before, skipped from, that may not be rendered yet
	window   int64
	rate     float64   // rendered bytes a second
	since    time.Time // from when on the rate is measured next
}

func (c *credit) begin(at int64) { *c = credit{start: at, sent: at, rendered: at, window: firstWindow} }

// outstanding is what was sent and is not rendered.
func (c *credit) outstanding() int64 { return c.older + c.sent - c.rendered }

func (c *credit) room() int64 { return c.window - c.outstanding() }

// caughtUp says whether something of the present stretch is rendered, or nothing is outstanding from the one before.
func (c *credit) caughtUp() bool { return c.older == 0 }

func (c *credit) spend(n int64, now time.Time) {
	if c.outstanding() == 0 {
		c.since = now
	}
	c.sent += n
}

// skip begins a new stretch.
func (c *credit) skip(at int64) {
	c.older = c.outstanding()
	c.start, c.sent, c.rendered = at, at, at
}

// behind is how far the viewer's rendering is behind the end.
func (c *credit) behind(end int64) int64 { return end - c.rendered }

// acknowledge takes the offset before which all is rendered. One from a stretch that was left says nothing new.
func (c *credit) acknowledge(offset int64, now time.Time) error {
	switch {
	case offset > c.sent:
		return helpdesk.Errorf(helpdesk.Invalid, "Output was acknowledged that was not sent.")
	case offset < c.start, offset <= c.rendered && c.older == 0:
		return nil
	}
	n := c.older + max(0, offset-c.rendered)
	if dt := now.Sub(c.since).Seconds(); dt > 0 {
		c.rate += (float64(n)/dt - c.rate) / 4
		c.window = min(max(int64(c.rate*windowTime.Seconds()), leastWindow), mostWindow)
	}
	c.older, c.rendered, c.since = 0, max(c.rendered, offset), now
	return nil
}
