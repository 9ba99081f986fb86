package launch

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"helpdesk"
	"helpdesk/internal/place/sandbox"
)

// Launcher owns the processes of one host. Make it with New, run it with Run, and connect servers with Serve.
type Launcher struct {
	cfg   Config
	epoch string
	log   *slog.Logger
	root  bool

	serverUID, serverGID int
	transcripts          *os.Root
	workspaces           *os.Root

	started chan struct{} // closed when Run has begun
	greeted atomic.Bool   // whether a server ever came so far as to say hello
	spawn   *spawners
	limits  *limits
	records recordings
	ready   chan struct{} // closed when caps is known
	caps    Capabilities

	starting sync.WaitGroup // calls of start that have a claim
	running  sync.WaitGroup // processes

	mu      sync.Mutex
	closing bool
	procs   map[string]*process
	order   []string            // of procs
	used    map[string]struct{} // ids that were ever started

	connected sync.RWMutex // guards links; held for reading while they are told something, which never waits
	links     map[*link]struct{}

	helping sync.Mutex // of helpers; held while one is started, so mu is not
	helpers map[int]*helper
}

// New prepares the data directory and starts nothing.
func New(cfg Config) (*Launcher, error) {
	cfg.setDefaults()
	keepDescriptors()
	noCrashDumps()
	l := &Launcher{
		cfg: cfg, log: cfg.Log, root: os.Geteuid() == 0,
		serverUID: os.Geteuid(), serverGID: os.Getegid(),
		started: make(chan struct{}), ready: make(chan struct{}), procs: map[string]*process{}, used: map[string]struct{}{},
		links: map[*link]struct{}{}, helpers: map[int]*helper{},
	}
	if l.root {
		if err := checkUIDs(cfg.FirstUID, cfg.LastUID); err != nil {
			return nil, err
		}
		l.serverUID, l.serverGID = cfg.FirstUID, cfg.FirstUID
	}
	var random [8]byte
	rand.Read(random[:]) // never fails
	l.epoch = hex.EncodeToString(random[:])
	if err := l.openData(); err != nil {
		return nil, err
	}
	l.limits = findLimits(cfg, l.log)
	l.records = recordings{limit: cfg.Recordings, used: map[string]int64{}}
	if err := l.records.count(l.transcripts); err != nil {
		return nil, helpdesk.WithCause(helpdesk.Unavailable, err, "The recordings in %s cannot be counted: %s.", cfg.Data, reason(err))
	}
	return l, nil
}

// Run runs the launcher until ctx is done, then ends all processes and returns when they have ended and their
// transcripts are closed.
func (l *Launcher) Run(ctx context.Context) error {
	var threads sync.WaitGroup
	defer threads.Wait()
	l.spawn = newSpawners(&threads)
	defer l.spawn.close()
	close(l.started)

	var own sync.WaitGroup
	own.Go(func() { l.probe(); close(l.ready) })
	own.Go(func() { l.keepSafe(ctx) })
	<-ctx.Done()

	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	l.starting.Wait()
	own.Wait() // nothing else is begun from here on
	for _, p := range l.processes() {
		l.running.Go(func() { p.stop(stoppedByEnd) })
	}
	l.running.Wait()
	l.connected.RLock()
	for lk := range l.links {
		lk.conn.Close()
	}
	l.connected.RUnlock()
	l.helping.Lock()
	defer l.helping.Unlock()
	for _, h := range l.helpers {
		h.close()
	}
	l.limits.close()
	return errors.Join(l.transcripts.Close(), l.workspaces.Close())
}

// keepSafe once a second makes transcripts safe against a power cut, tries full disks again, and lets helpers go
// that have nothing to do.
func (l *Launcher) keepSafe(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	quota := newQuotaWatch()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, p := range l.processes() {
			p.keepSafe()
		}
		l.look(ctx, quota)
		l.helping.Lock()
		for slot, h := range l.helpers {
			if h.idle(10 * time.Second) {
				delete(l.helpers, slot)
				l.running.Go(h.close)
			}
		}
		l.helping.Unlock()
	}
}

func (l *Launcher) processes() []*process {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*process, 0, len(l.order))
	for _, id := range l.order {
		all = append(all, l.procs[id])
	}
	return all
}

func (l *Launcher) process(id string) (*process, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.procs[id]; p != nil {
		return p, nil
	}
	return nil, helpdesk.Errorf(helpdesk.NotFound, "There is no such process.")
}

// busy says whether a process of the ticket lives.
func (l *Launcher) busy(ticket string) bool {
	return slices.ContainsFunc(l.processes(), func(p *process) bool { return p.spec.Ticket == ticket && !p.over() })
}

// claim takes an id for good.
func (l *Launcher) claim(id string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch _, has := l.used[id]; {
	case has:
		return helpdesk.Errorf(helpdesk.Conflict, "That was started already; nothing is started twice.")
	case l.closing:
		return helpdesk.Errorf(helpdesk.Unavailable, "HelpDesk is being stopped.")
	case len(l.procs) >= l.cfg.MaxProcesses:
		return helpdesk.Errorf(helpdesk.TooMany, "There are %d processes on this host; end some first.", len(l.procs))
	}
	l.used[id] = struct{}{}
	l.starting.Add(1)
	return nil
}

func (l *Launcher) forget(id string) error {
	p, err := l.process(id)
	if err != nil {
		return err
	}
	if !p.over() {
		return helpdesk.Errorf(helpdesk.Conflict, "It still runs; stop it first.")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, has := l.procs[id]; has {
		delete(l.procs, id)
		l.order = slices.DeleteFunc(l.order, func(x string) bool { return x == id })
	}
	return nil
}

// publish tells every connected server the newest status of a process.
func (l *Launcher) publish(st Status) {
	l.connected.RLock()
	defer l.connected.RUnlock()
	for lk := range l.links {
		lk.tell(st)
	}
}

// hello greets a server: one that has found nothing that would keep it from serving.
func (l *Launcher) hello() Hello {
	<-l.ready
	l.greeted.Store(true)
	return Hello{Epoch: l.epoch, Data: l.cfg.Data, Transcripts: filepath.Join(l.cfg.Data, transcriptsDir), Capabilities: l.caps}
}

// uid gives the uid of a tenant.
func (l *Launcher) uid(slot int) (int, error) {
	if !l.root {
		return os.Geteuid(), nil
	}
	uid := l.cfg.FirstUID + slot
	if uid > l.cfg.LastUID {
		return 0, helpdesk.Errorf(helpdesk.TooMany, "There are no more user ids for tenants; widen the range %d-%d.", l.cfg.FirstUID, l.cfg.LastUID)
	}
	return uid, nil
}

// probe finds out by trying what this host can do.
func (l *Launcher) probe() {
	c := Capabilities{
		Platform: runtime.GOOS + "/" + runtime.GOARCH, Root: l.root, OneUID: !l.root, Host: l.cfg.AllowHost,
		Limits: l.limits.describe(), ServerUID: l.serverUID, Processes: l.root,
	}
	if l.root {
		c.FirstUID, c.LastUID = l.cfg.FirstUID+1, l.cfg.LastUID
	}
	var notes []string
	if !l.root {
		notes = append(notes, "Other processes of this host are not shown, because HelpDesk runs without root.")
	}
	if !sandbox.CanScope() {
		notes = append(notes, "Unix sockets cannot be used, the system bus neither: this kernel (before 6.12) cannot keep a program from the host's abstract sockets.")
	}
	c.HostNotes = strings.Join(notes, " ")
	l.caps = c
	for kind, can := range map[Kind]*bool{Private: &l.caps.Private, HostView: &l.caps.HostView} {
		if err := l.try(kind); err != nil {
			l.caps.Why = helpdesk.PublicText(err)
			l.log.Warn("a place on this host cannot be used", "kind", kind, "err", err)
		} else {
			*can = true
		}
	}
}
