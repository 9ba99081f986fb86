package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"helpdesk"
)

// At is a ticket to watch. The caller has made sure that the viewer may.
type At struct {
	Key    helpdesk.TicketKey
	Tenant helpdesk.TenantID
}

// Watch says what a stream is to show.
type Watch struct {
	Tickets []At
	From    Cursor // of tickets that are not in it, only what is new is shown
	List    bool   // changes of all tickets within the viewer's reach
}

// Stream is one viewer's connection. It is used by one goroutine.
type Stream struct {
	hub     *Hub
	user    string
	reach   helpdesk.Reach
	list    bool
	tickets map[helpdesk.TicketKey]*place
	frames  chan frame    // what waits for the viewer; a frame that finds it full is dropped, and lagged is told
	lagged  chan struct{} // holds one token while something was dropped
	missed  atomic.Bool   // a dropped frame was of the list
	out     bytes.Buffer
	w       Writer
}

// place is how far a viewer is in a ticket.
type place struct {
	watcher *watcher
	last    int64 // event
	turn    helpdesk.TurnID
	fence   int64
	part    int
}

// Open makes a stream. Close must follow.
func (h *Hub) Open(ctx context.Context, by helpdesk.Actor, w Watch) (_ *Stream, err error) {
	if len(w.Tickets) > mostTickets {
		return nil, helpdesk.Errorf(helpdesk.Invalid, "One stream can watch %d tickets at most. Open another for more.", mostTickets)
	}
	if len(w.Tickets) == 0 && !w.List {
		return nil, helpdesk.Errorf(helpdesk.Invalid, "Say what to watch: ticket=<key>, as often as needed, or list=true.")
	}
	if err := h.admit(by.ID); err != nil {
		return nil, err
	}
	s := &Stream{
		hub: h, user: by.ID, reach: by.Reach(), tickets: map[helpdesk.TicketKey]*place{},
		frames: make(chan frame, h.cfg.Buffer), lagged: make(chan struct{}, 1),
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	for _, at := range w.Tickets {
		if s.tickets[at.Key] != nil {
			continue
		}
		watcher, head, err := h.join(ctx, s, at.Tenant, at.Key)
		if err != nil {
			return nil, err
		}
		p := &place{watcher: watcher, last: head}
		if from, ok := w.From[at.Key]; ok {
			p.last = min(from, head) // a cursor from a future that was never committed starts at the head
		}
		s.tickets[at.Key] = p
	}
	if w.List {
		if err := h.list.join(ctx, s); err != nil {
			return nil, err
		}
		s.list = true
	}
	return s, nil
}

// admit counts a user's streams.
func (h *Hub) admit(user string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return helpdesk.Errorf(helpdesk.Unavailable, "The server is stopping. Try again in a moment.")
	}
	if h.streams[user] >= h.cfg.Streams {
		return helpdesk.Errorf(helpdesk.TooMany, "You have %d event streams open, which is the most. Close a tab that shows HelpDesk.", h.cfg.Streams)
	}
	h.streams[user]++
	h.open.Add(1)
	return nil
}

// Close ends the stream.
func (s *Stream) Close() {
	for _, p := range s.tickets {
		p.watcher.leave(s)
	}
	if s.list {
		s.hub.list.leave(s)
	}
	s.hub.mu.Lock()
	if s.hub.streams[s.user]--; s.hub.streams[s.user] == 0 {
		delete(s.hub.streams, s.user)
	}
	s.hub.mu.Unlock()
	s.hub.open.Done()
}

// offer hands a frame over without waiting.
func (s *Stream) offer(f frame) {
	select {
	case s.frames <- f:
	default:
		if f.seq == 0 && f.part.N == 0 {
			s.missed.Store(true)
		}
		select {
		case s.lagged <- struct{}{}:
		default:
		}
	}
}

// Writer is the way to the viewer. Flush sends what was written.
type Writer interface {
	Write(p []byte) (int, error)
	Flush() error
}

// batch is how much is gathered before it is sent.
const batch = 64 << 10

// Serve writes to the viewer until ctx ends, the hub stops, the viewer is gone, or still says that the viewer may
// no longer see all this; still gives the viewer as it is now. It is nil for the first two.
func (s *Stream) Serve(ctx context.Context, w Writer, still func(context.Context) (helpdesk.Actor, error)) error {
	s.w = w
	if err := s.begin(ctx); err != nil {
		return err
	}
	beat := time.NewTicker(s.hub.cfg.Heartbeat)
	defer beat.Stop()
	checked := time.Now()
	for {
		if err := s.send(); err != nil {
			return err
		}
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-s.hub.done:
			return nil
		case f := <-s.frames:
			err = s.drain(ctx, f)
		case <-s.lagged:
			err = s.recover(ctx)
		case now := <-beat.C:
			if now.Sub(checked) >= s.hub.cfg.Recheck {
				checked = now
				actor, err := still(ctx)
				if err != nil {
					return err
				}
				s.reach = actor.Reach()
			}
			if err = s.catchUp(ctx); err == nil {
				err = s.heads(false)
			}
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// begin sends what the viewer has missed, where everything stands, and the parts so far.
func (s *Stream) begin(ctx context.Context) error {
	s.out.WriteString("retry: 1000\n\n")
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	if err := s.heads(true); err != nil {
		return err
	}
	for key := range s.tickets {
		if err := s.moreParts(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stream) send() error {
	if s.out.Len() == 0 {
		return nil
	}
	if _, err := s.w.Write(s.out.Bytes()); err != nil {
		return err
	}
	s.out.Reset()
	if s.out.Cap() > 4*batch {
		s.out = bytes.Buffer{}
	}
	return s.w.Flush()
}

// drain takes a frame and whatever else waits, up to a batch.
func (s *Stream) drain(ctx context.Context, f frame) error {
	for {
		if err := s.take(ctx, f); err != nil {
			return err
		}
		if s.out.Len() >= batch {
			return nil
		}
		select {
		case f = <-s.frames:
		default:
			return nil
		}
	}
}

// take writes a frame where it is the next, skips it where the viewer has it, and reads what lies between where
// there is a gap.
func (s *Stream) take(ctx context.Context, f frame) error {
	if f.seq == 0 && f.part.N == 0 {
		if s.reach.Has(f.tenant) {
			s.out.Write(f.body)
		}
		return nil
	}
	p := s.tickets[f.ticket]
	if f.seq > 0 {
		switch {
		case f.seq <= p.last:
		case f.seq == p.last+1:
			s.event(p, f)
		default:
			return s.readUpTo(ctx, f.ticket, p, f.seq)
		}
		return nil
	}
	if !s.part(p, f) {
		return s.moreParts(ctx, f.ticket)
	}
	return nil
}

// event writes an event with the cursor after it.
func (s *Stream) event(p *place, f frame) {
	p.last = f.seq
	s.out.WriteString("id: " + s.cursor().String() + "\n")
	s.out.Write(f.body)
}

// part writes a part where it is the next, skips it where it is old, and returns false where parts before it are missing. A
// frame without body only says how far the turn is.
func (s *Stream) part(p *place, f frame) bool {
	h := f.part
	if h.Turn == p.turn && h.Fence < p.fence {
		return true // of a node that no longer has the turn
	}
	if h.Turn != p.turn || h.Fence > p.fence {
		if h.From > 1 || f.body == nil {
			return false
		}
		p.turn, p.fence, p.part = h.Turn, h.Fence, 0
	}
	switch {
	case h.N <= p.part:
		return true
	case h.From > p.part+1 || f.body == nil:
		return false
	}
	p.part = h.N
	s.out.Write(f.body)
	return true
}

// partsWait is how long another node may take to give parts: less than the silence after which a page reconnects.
const partsWait = 2 * time.Second

// moreParts asks for the parts that the viewer does not have.
func (s *Stream) moreParts(ctx context.Context, key helpdesk.TicketKey) error {
	p := s.tickets[key]
	ctx, cancel := context.WithTimeout(ctx, partsWait)
	defer cancel()
	frames, err := s.hub.parts.since(ctx, p.watcher.tenant, key, question{p.turn, p.fence, p.part})
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		s.hub.cfg.Log.Warn("live: parts", "ticket", key, "error", err) // the next heartbeat tries again
	}
	for _, f := range frames {
		s.part(p, f)
	}
	return nil
}

// recover makes good for dropped frames.
func (s *Stream) recover(ctx context.Context) error {
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	if s.missed.Swap(false) {
		s.out.WriteString("event: list\ndata: {\"stale\":true}\n\n")
	}
	for key := range s.tickets {
		if err := s.moreParts(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// catchUp takes what waits and then reads from the store what was dropped. The heads are looked at first: what was handed
// on up to there waits already or was dropped, so nothing is read that will come by itself.
func (s *Stream) catchUp(ctx context.Context) error {
	heads := make(map[helpdesk.TicketKey]int64, len(s.tickets))
	for key, p := range s.tickets {
		heads[key] = p.watcher.head()
	}
	for {
		select {
		case f := <-s.frames:
			if err := s.take(ctx, f); err != nil {
				return err
			}
			if err := s.sendBatch(); err != nil {
				return err
			}
			continue
		default:
		}
		break
	}
	for key, p := range s.tickets {
		if err := s.readUpTo(ctx, key, p, heads[key]); err != nil {
			return err
		}
	}
	return nil
}

// readUpTo reads the events from the viewer's own last one up to a head.
func (s *Stream) readUpTo(ctx context.Context, key helpdesk.TicketKey, p *place, head int64) error {
	for p.last < head {
		frames, err := s.hub.timeline(ctx, p.watcher.tenant, key, p.last)
		if err != nil {
			return err
		}
		if len(frames) == 0 {
			return nil // erased
		}
		for _, f := range frames {
			s.event(p, f)
		}
		if err := s.sendBatch(); err != nil {
			return err
		}
	}
	return nil
}

// sendBatch sends what was gathered, if it is much.
func (s *Stream) sendBatch() error {
	if s.out.Len() < batch {
		return nil
	}
	return s.send()
}

func (s *Stream) cursor() Cursor {
	c := make(Cursor, len(s.tickets))
	for k, p := range s.tickets {
		c[k] = p.last
	}
	return c
}

// heads writes how far each ticket is; the first of a stream with an id, so that one that breaks at once resumes there.
func (s *Stream) heads(first bool) error {
	heads := s.cursor()
	data, err := json.Marshal(struct {
		Heads Cursor `json:"heads"`
	}{heads})
	if err != nil {
		return err
	}
	if first && len(heads) > 0 {
		s.out.WriteString("id: " + heads.String() + "\n")
	}
	s.out.Write(message("head", data))
	return nil
}
