package terminal

import (
	"slices"

	"helpdesk"
)

// mostUnacknowledged is how much a viewer may have typed that the pseudo-terminal has not taken yet.
const mostUnacknowledged = 256 << 10

// keptSources is how many viewers that have gone are remembered, so that they can resume exactly.
const keptSources = 64

// inputs is the part of a process that types what people send, in the order in which it came.
type inputs struct {
	sources map[string]*source
	gone    []string // keys of sources without a viewer, longest ago first
	queue   []typed
	typing  bool // somebody is typing the queue
}

// source is one viewer's input, over all its connections.
type source struct {
	received uint64 // the newest that is in the queue
	taken    uint64 // the newest that is typed
	waiting  int    // bytes between them
}

type typed struct {
	from *source
	seq  uint64
	data []byte
}

// sourceOf finds the viewer's source, and says whether it was known before.
func (p *process) sourceOf(v *viewer) (*source, bool) {
	key := v.key()
	p.gone = slices.DeleteFunc(p.gone, func(k string) bool { return k == key })
	if src := p.sources[key]; src != nil {
		return src, true
	}
	src := new(source)
	p.sources[key] = src
	return src, false
}

// keepSource remembers the source of a viewer that has gone, for a while.
func (p *process) keepSource(v *viewer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.ContainsFunc(p.viewers, func(o *viewer) bool { return o.source == v.source }) {
		return // it is back already
	}
	p.gone = append(p.gone, v.key())
	if len(p.gone) > keptSources {
		delete(p.sources, p.gone[0])
		p.gone = slices.Delete(p.gone, 0, 1)
	}
}

// enqueue queues what a viewer typed; p.mu is held. An input that came before is not typed again.
func (p *process) enqueue(v *viewer, seq uint64, data []byte) error {
	src := v.source
	switch {
	case seq <= src.received:
		v.wakeUp()
		return nil
	case seq != src.received+1:
		return errInputGap
	case src.waiting+len(data) > mostUnacknowledged:
		return errInputFlood
	}
	src.received = seq
	src.waiting += len(data)
	p.queue = append(p.queue, typed{src, seq, data})
	return nil
}

// typeQueue hands on what is queued. Of all who call it one does, so the order stands; it does not wait for the
// program, nor for another viewer.
func (p *process) typeQueue() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.typing {
		return
	}
	p.typing = true
	for len(p.queue) > 0 {
		n, data := p.gather()
		batch := p.queue[:n:n]
		if p.queue = p.queue[n:]; len(p.queue) == 0 {
			p.queue = nil
		}
		p.mu.Unlock()
		p.s.launcher.Type(p.id, data, func(err error) { p.typed(batch, err) })
		p.mu.Lock()
	}
	p.typing = false
}

// typed is told that a batch was taken, or never will be: then the process has ended, or the launcher, and nobody is
// there to type to.
func (p *process) typed(batch []typed, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range batch {
		t.from.waiting -= len(t.data)
		if err == nil {
			t.from.taken = t.seq
		}
	}
	if err != nil {
		p.s.cfg.Log.Debug("type into a terminal", "id", p.id, "err", err)
	}
	for _, v := range p.viewers {
		if slices.ContainsFunc(batch, func(t typed) bool { return t.from == v.source }) {
			v.wakeUp()
		}
	}
}

// gather joins the first inputs of the queue, at most MaxData bytes of them.
func (p *process) gather() (n int, data []byte) {
	if len(p.queue) > 0 {
		n, data = 1, p.queue[0].data
	}
	for n < len(p.queue) && len(data)+len(p.queue[n].data) <= MaxData {
		if n == 1 {
			data = slices.Clone(data)
		}
		data = append(data, p.queue[n].data...)
		n++
	}
	return n, data
}

var (
	errInputGap   = helpdesk.Errorf(helpdesk.Invalid, "An input is missing before this one.")
	errInputFlood = helpdesk.Errorf(helpdesk.TooLarge, "More than 256 KiB of input is waiting for the program.")
)
