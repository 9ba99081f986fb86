package terminal

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"helpdesk"
	"helpdesk/internal/keyed"
	"helpdesk/internal/launch"
	"helpdesk/internal/store"
)

// Launcher is what this package needs of a launch.Client.
type Launcher interface {
	Hello(ctx context.Context) (launch.Hello, error)
	Start(ctx context.Context, spec launch.Spec) (launch.Status, error)
	List(ctx context.Context) ([]launch.Status, error)
	Forget(ctx context.Context, id string) error
	Type(id string, data []byte, done func(error))
	Resize(ctx context.Context, id string, cols, rows uint16) error
	Stop(ctx context.Context, id string) error
	Pause(ctx context.Context, id string) error
	Resume(ctx context.Context, id string, limit int64) error
}

// Store is what this package needs of a store.Store.
type Store interface {
	View(ctx context.Context, reach helpdesk.Reach, fn func(*store.Tx) error) error
	Update(ctx context.Context, tenant helpdesk.TenantID, fn func(*store.Tx) error) error
	SystemView(ctx context.Context, p store.Purpose, fn func(*store.System) error) error
}

// Variables opens a tenant's variables, for its own processes and nothing else.
type Variables interface {
	Environment(ctx context.Context, t helpdesk.TenantID) (map[string]string, error)
}

// Workspaces makes the directory that a Terminal begins in.
type Workspaces interface {
	Ensure(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) error
}

// Login is how the request for a WebSocket is signed in.
type Login struct {
	// Cookie says that it is a browser's, which must then show its Origin.
	Cookie bool
	// Actor says who that is now; an error when the sign-in was revoked. It is called every few seconds while attached.
	Actor func(context.Context) (helpdesk.Actor, error)
}

// Config configures a Service.
type Config struct {
	PerTicket int   // live Terminals of one ticket; default 20
	Viewers   int   // who may look at one Terminal or Run at once; default 100
	Recording int64 // bytes of output recorded of a Terminal before it pauses and asks; default 256 MB

	TokenLife  time.Duration // an attachment token is good for this long; default 30 s
	Recheck    time.Duration // how often an attached person's rights are looked at again; default 2 s
	Scrollback int64         // most bytes replayed to a viewer that begins; default 256 KiB
	Behind     int64         // a viewer further behind than this gets a screen in place of the backlog; default 4 MiB
	Origins    []string      // host names, besides the one asked, whose pages may attach; default none

	// Login recognises a WebSocket's request; it must be signed in as whoever asked for its token. Nil: the token is
	// enough, and nobody notices a sign-out.
	Login func(*http.Request) (Login, error)

	Now func() time.Time // default time.Now
	Log *slog.Logger     // default: discard
}

func (c *Config) setDefaults() {
	if c.PerTicket == 0 {
		c.PerTicket = 20
	}
	if c.Viewers == 0 {
		c.Viewers = 100
	}
	if c.Recording == 0 {
		c.Recording = 256_000_000
	}
	if c.TokenLife == 0 {
		c.TokenLife = 30 * time.Second
	}
	if c.Recheck == 0 {
		c.Recheck = 2 * time.Second
	}
	if c.Scrollback == 0 {
		c.Scrollback = 256 << 10
	}
	if c.Behind == 0 {
		c.Behind = 4 << 20
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Service keeps the Terminals of this node. Its methods may be called from any number of goroutines, but those that
// need the launcher wait until Run has found again what lives.
type Service struct {
	cfg        Config
	store      Store
	launcher   Launcher
	variables  Variables
	workspaces Workspaces

	tokens  tokens
	tickets keyed.Mutex[helpdesk.TicketKey] // held while a ticket's Terminals come or go

	hello launch.Hello    // set before ready is closed
	stop  context.Context // ends when Run ends; what works in the background stops then. Set before ready is closed
	ready chan struct{}   // closed by Run when the launcher's processes are known
	over  chan struct{}   // closed when Run ends

	working sync.Mutex     // guards closed; held after any other lock
	closed  bool           // nothing new is begun
	work    sync.WaitGroup // everything in the background, and all viewers

	mu        sync.Mutex          // held before a process's
	processes map[string]*process // of the launcher, Runs too
	finished  []*process          // exits that are not recorded yet
	wake      chan struct{}       // says that finished has grown; nothing is lost when it is full
}

// New makes the service. It starts nothing.
func New(cfg Config, s Store, l Launcher, v Variables, w Workspaces) *Service {
	cfg.setDefaults()
	return &Service{
		cfg: cfg, store: s, launcher: l, variables: v, workspaces: w,
		tokens: tokens{life: cfg.TokenLife, now: cfg.Now, open: map[[32]byte]attachment{}},
		ready:  make(chan struct{}), over: make(chan struct{}),
		processes: map[string]*process{}, wake: make(chan struct{}, 1),
	}
}

// Run finds the shells that live, keeps the records of those that end, and returns when ctx is done and all viewers
// and whatever else it started have ended. Shells live on. The launcher's Client must be running, with Notice told
// of its statuses; Notice never waits.
func (s *Service) Run(ctx context.Context) error {
	defer s.work.Wait()
	var endWork context.CancelFunc
	s.stop, endWork = context.WithCancel(context.WithoutCancel(ctx)) // ours to end, after nothing new can begin
	defer endWork()
	defer close(s.over)
	defer func() {
		s.working.Lock()
		s.closed = true
		s.working.Unlock()
	}()
	if err := s.restore(ctx); err != nil {
		return err
	}
	close(s.ready)
	s.record(ctx)
	return context.Cause(ctx)
}

// spawn runs fn in the background, owned by Run; false when the service is over.
func (s *Service) spawn(fn func()) bool {
	s.working.Lock()
	defer s.working.Unlock()
	if s.closed {
		return false
	}
	s.work.Go(fn)
	return true
}

// awaitReady waits until Run knows what lives.
func (s *Service) awaitReady(ctx context.Context) error {
	select {
	case <-s.ready:
		return nil
	case <-ctx.Done():
		return helpdesk.WithCause(helpdesk.Unavailable, context.Cause(ctx), "Terminals are not ready yet. Try again in a moment.")
	case <-s.over:
		return errStopping
	}
}

var errStopping = helpdesk.Errorf(helpdesk.Unavailable, "The server is stopping. Try again in a moment.")

// Notice takes a status of the launcher. It never waits.
func (s *Service) Notice(st launch.Status) {
	s.mu.Lock()
	p := s.processes[st.ID]
	if p == nil {
		p = s.newProcess(st)
		s.processes[st.ID] = p
	}
	s.mu.Unlock()
	if p.notice(st) {
		s.ended(p)
	}
}

// ended takes note that a process is over: a Terminal's end is to be recorded, a Run's is not ours.
func (s *Service) ended(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !p.isTerminal() {
		s.dropIfIdle(p)
		return
	}
	s.finished = append(s.finished, p)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// dropIfIdle lets go of a process that is over and that nobody looks at; s.mu is held.
func (s *Service) dropIfIdle(p *process) {
	if p.idle() && s.processes[p.id] == p {
		delete(s.processes, p.id)
	}
}

// transcript is the directory of a record.
func (s *Service) transcript(ticket helpdesk.TicketKey, id string) string {
	return filepath.Join(s.hello.Transcripts, string(ticket), id)
}
