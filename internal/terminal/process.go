package terminal

import (
	"slices"
	"sync"
	"time"

	"helpdesk"
	"helpdesk/internal/launch"
)

// process is what is known here of one Terminal or Run: the launcher's newest status, and who looks at it.
type process struct {
	s  *Service
	id string

	mu         sync.Mutex
	terminal   *helpdesk.Terminal // nil for a Run
	status     launch.Status
	recent     []byte        // the last output before status.End, where the launcher sent it along
	reason     string        // why it ended, where we know more than the exit
	cause      *cause        // who ended it, where somebody did
	over       bool          // it was seen to have ended
	recorded   bool          // its end is, where it is a Terminal's
	done       chan struct{} // closed when its end is recorded
	viewers    []*viewer     // in the order in which they came
	controller *viewer
	presence   int // grows with every change of viewers or controller

	inputs
	pacing
}

// cause says who ended a Terminal, and why.
type cause struct {
	by     helpdesk.By
	reason string
}

func (s *Service) newProcess(st launch.Status) *process {
	p := &process{s: s, id: st.ID, status: st, done: make(chan struct{})}
	p.sources = map[string]*source{}
	return p
}

func (p *process) isTerminal() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.terminal != nil
}

// notice takes a newer status and wakes whoever waits for it. It says whether the process ended by it.
func (p *process) notice(st launch.Status) (ended bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return false
	}
	p.remember(st)
	st.Tail = nil // it would be kept for nothing
	p.status = st
	ended = st.Exit != nil
	p.over = ended
	p.pace()
	p.wakeAll()
	return ended
}

// mostRecent is how much of the last output is kept in memory, at most twice as much.
const mostRecent = 16 << 10

// remember keeps the output that came with a status, for all viewers at once.
func (p *process) remember(st launch.Status) {
	fresh := st.End - p.status.End
	switch {
	case fresh <= 0:
		return
	case fresh > int64(len(st.Tail)): // there is a gap
		p.recent = append(p.recent[:0], st.Tail...)
	default:
		p.recent = append(p.recent, st.Tail[int64(len(st.Tail))-fresh:]...)
	}
	if n := len(p.recent); n > 2*mostRecent {
		p.recent = p.recent[:copy(p.recent, p.recent[n-mostRecent:])]
	}
}

// readRecent reads output from an offset on if it is at hand; p.mu is held.
func (p *process) readRecent(buf []byte, at int64) int {
	if from := p.status.End - int64(len(p.recent)); at >= from && at < p.status.End {
		return copy(buf, p.recent[at-from:])
	}
	return 0
}

func (p *process) snapshot() launch.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

func (p *process) wakeAll() {
	for _, v := range p.viewers {
		v.wakeUp()
	}
}

// idle says whether the process is over, all about it is recorded, and nobody looks at it.
func (p *process) idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.over && len(p.viewers) == 0 && (p.terminal == nil || p.recorded)
}

// join lets a viewer look. The same viewer that comes again takes the place of its lost connection.
func (p *process) join(v *viewer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, old := range p.viewers {
		if old.key() == v.key() {
			old.end(errReplaced)
			v.wasController = p.controller == old
			p.remove(old)
			break
		}
	}
	if most := p.s.cfg.Viewers; len(p.viewers) >= most {
		return helpdesk.Errorf(helpdesk.TooMany, "%d viewers look at this already, which is the limit.", most)
	}
	p.viewers = append(p.viewers, v)
	v.source, v.resumed = p.sourceOf(v)
	if v.mayType && (p.controller == nil || v.wasController) {
		p.control(v)
	}
	p.presence++
	p.wakeAll()
	return nil
}

func (p *process) leave(v *viewer) {
	p.mu.Lock()
	p.remove(v)
	p.mu.Unlock()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.s.dropIfIdle(p)
}

func (p *process) remove(v *viewer) {
	i := slices.Index(p.viewers, v)
	if i < 0 {
		return
	}
	p.viewers = slices.Delete(p.viewers, i, i+1)
	if p.controller == v {
		p.controller = nil
		if i := slices.IndexFunc(p.viewers, func(v *viewer) bool { return v.mayType }); i >= 0 {
			p.control(p.viewers[i])
		}
		p.pace()
	}
	p.presence++
	p.wakeAll()
}

// control gives the size to a viewer.
func (p *process) control(v *viewer) {
	p.controller = v
	p.presence++
	p.resize(v.cols, v.rows)
	p.rendering = p.s.cfg.Now()
	p.pace()
	p.wakeAll()
}

// resize sets the size in the background. Sizes that come meanwhile replace each other; the newest wins.
func (p *process) resize(cols, rows uint16) {
	if p.over || !validSize(int(cols), int(rows)) {
		return
	}
	p.wanted = size{cols, rows}
	if p.resizing {
		return
	}
	p.resizing = p.s.spawn(func() {
		for {
			p.mu.Lock()
			want := p.wanted
			if p.over || want == (size{p.status.Cols, p.status.Rows}) || want == p.asked {
				p.resizing = false
				p.mu.Unlock()
				return
			}
			p.asked = want
			p.mu.Unlock()
			if err := p.s.launcher.Resize(p.s.stop, p.id, want.cols, want.rows); err != nil {
				p.s.cfg.Log.Debug("resize a terminal", "id", p.id, "err", err)
			}
			p.mu.Lock()
			p.asked = size{}
			p.mu.Unlock()
		}
	})
}

type size struct{ cols, rows uint16 }

// The pace of a Terminal's program.
const (
	paceHigh = 2 << 20         // the controller is this far behind: the program waits
	paceLow  = 512 << 10       // and goes on when it is this near again
	stalled  = 1 * time.Second // a controller that rendered nothing for this long counts no more
)

// pacing is the part of a process that makes its program wait for the controller.
type pacing struct {
	rendering time.Time // when the controller last rendered something
	wait      bool      // the program is to wait
	waits     bool      // the launcher was told so
	applying  bool      // somebody is telling it
	giveUp    *time.Timer

	wanted, asked size
	resizing      bool
}

// pace decides whether the program waits. It is called with every change of the record's end, of what the
// controller rendered, and of the controller.
func (p *process) pace() {
	if p.terminal == nil {
		return
	}
	behind := int64(0)
	if p.controller != nil {
		behind = p.controller.behind(p.status.End)
	}
	now := p.s.cfg.Now()
	if behind <= paceLow {
		p.rendering = now // it is as near as it need be
	}
	lost := now.Sub(p.rendering) >= stalled
	switch {
	case p.over, behind <= paceLow, lost:
		p.wait = false
	case behind >= paceHigh:
		p.wait = true
	}
	if p.wait != p.waits && !p.applying {
		p.applying = p.s.spawn(p.applyPace)
	}
	if p.giveUp != nil {
		p.giveUp.Stop()
		p.giveUp = nil
	}
	if p.wait {
		p.giveUp = time.AfterFunc(stalled, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.pace()
		})
	}
}

func (p *process) applyPace() {
	for {
		p.mu.Lock()
		wait := p.wait
		if wait == p.waits || p.over {
			p.applying = false
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		var err error
		if wait {
			err = p.s.launcher.Pause(p.s.stop, p.id)
		} else {
			err = p.s.launcher.Resume(p.s.stop, p.id, 0)
		}
		p.mu.Lock()
		p.waits = wait
		if err != nil {
			p.s.cfg.Log.Debug("pace a terminal", "id", p.id, "wait", wait, "err", err)
		}
		p.mu.Unlock()
	}
}
