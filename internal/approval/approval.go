// Package approval keeps what people decide on suggestions, and carries it out.
//
// It promises:
//
//   - Nothing runs without a Decision of a person, bound by a digest to the exact bytes that were shown. Digest,
//     place, variables, the person's rights and the ticket's status are looked at when it is decided and once more
//     just before it runs.
//   - A decided command runs at most once. Its Run is claimed on disk before anything starts, by one node and only
//     once; the launcher takes an id only once; what cannot be known after a crash is recorded as unknown and never
//     run again by itself.
//   - Of a ticket one Run at a time is claimed, in whatever place, and the others wait in the order in which they
//     were decided. All places of a ticket share its Workspace, and what was approved goes in the order shown and
//     stops at the first that fails, so two places are no reason for two at once.
//   - What was approved for a turn is claimed only while the turn is held, in the same transaction. When one of them
//     does not end with exit code 0, or does not start, those behind it are proposed again in the same transaction
//     that says so: no crash lets one slip through.
package approval

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"helpdesk"
	"helpdesk/internal/launch"
	"helpdesk/internal/store"
)

// Config joins a Service to its surroundings. Store, Roster, Launcher, Workspace, Variables and Rights are required.
type Config struct {
	Store     *store.Store
	Roster    *store.Roster
	Launcher  Launcher
	Workspace Workspace
	Variables func(ctx context.Context, t helpdesk.TenantID) (map[string]string, error)
	Rights    func(ctx context.Context, u helpdesk.UserID) (helpdesk.Actor, error) // what a person may do now
	Log       *slog.Logger

	OutputToAgent int           // bytes of an outcome's output; default 32 KiB
	RunTime       time.Duration // the longest a Run may take; default 10 min
	Recording     int64         // bytes of a Run's recorded output; default 64 MB
	Lapse         time.Duration // how long an approval holds; default 24 h
	NodeLife      time.Duration // how long a launcher counts as alive after it was last seen; default 30 s
}

// Launcher starts processes on this host.
type Launcher interface {
	Hello(ctx context.Context) (launch.Hello, error)
	Start(ctx context.Context, s launch.Spec) (launch.Status, error)
	List(ctx context.Context) ([]launch.Status, error)
	Stop(ctx context.Context, id string) error
	Forget(ctx context.Context, id string) error
}

// Workspace writes the files that a command needs, just before it runs.
type Workspace interface {
	WriteProposed(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, files []helpdesk.ProposedFile) error
}

// Service keeps decisions and Runs. Its methods may be called from any number of goroutines.
type Service struct {
	cfg   Config
	wake  chan struct{}
	exits chan launch.Status
	ready chan struct{} // closed when this node is known to live and Runs may begin

	mu       sync.Mutex
	starting map[helpdesk.RunID]*way            // on their way from the claim to the launcher
	waiting  map[helpdesk.RunID][]chan struct{} // who waits for a run's end
	hello    launch.Hello
	ctx      context.Context // of Run: started work outlives a request; nil before ready and after the end

	work    sync.WaitGroup
	touched time.Time // when this node last said that it lives; of Run alone, as is the next
	tidied  bool      // what an earlier life left with the launcher is forgotten
}

// way is a run on its way to the launcher.
type way struct {
	stop string // why it should not start; "" nobody asked for that
}

// New makes a Service; it starts nothing.
func New(cfg Config) *Service {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.OutputToAgent == 0 {
		cfg.OutputToAgent = 32 << 10
	}
	if cfg.RunTime == 0 {
		cfg.RunTime = 10 * time.Minute
	}
	if cfg.Recording == 0 {
		cfg.Recording = 64_000_000
	}
	if cfg.Lapse == 0 {
		cfg.Lapse = 24 * time.Hour
	}
	if cfg.NodeLife == 0 {
		cfg.NodeLife = 30 * time.Second
	}
	return &Service{
		cfg: cfg, wake: make(chan struct{}, 1), exits: make(chan launch.Status, 64), ready: make(chan struct{}),
		starting: map[helpdesk.RunID]*way{}, waiting: map[helpdesk.RunID][]chan struct{}{},
	}
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func system() helpdesk.By { return helpdesk.System("approval").By() }

func reachOf(t helpdesk.TenantID) helpdesk.Reach { return helpdesk.System("approval").Reach().Only(t) }

// View is a suggestion with what came of it.
type View struct {
	helpdesk.Suggestion
	Outcome *helpdesk.Outcome // nil until its Run ended
}

// most is how many suggestions of one ticket are listed.
const most = 10_000

// Suggestions reads a ticket's suggestions in the order in which they were proposed.
func (s *Service) Suggestions(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) (all []View, err error) {
	err = s.cfg.Store.View(ctx, by.Reach(), func(tx *store.Tx) error {
		all = nil
		if _, err := tx.Ticket(key); err != nil {
			return err
		}
		list, err := tx.Suggestions(key, most)
		if err != nil {
			return err
		}
		for _, x := range list {
			v, err := view(tx, x)
			if err != nil {
				return err
			}
			all = append(all, v)
		}
		return nil
	})
	return all, err
}

func view(tx *store.Tx, x helpdesk.Suggestion) (View, error) {
	v := View{Suggestion: x}
	if x.Run == "" {
		return v, nil
	}
	r, err := tx.Run(x.Run)
	v.Outcome = r.Outcome
	return v, err
}

// greet asks the launcher once who it is.
func (s *Service) greet(ctx context.Context) (launch.Hello, error) {
	s.mu.Lock()
	h := s.hello
	s.mu.Unlock()
	if h.Epoch != "" {
		return h, nil
	}
	h, err := s.cfg.Launcher.Hello(ctx)
	if err == nil {
		s.mu.Lock()
		s.hello = h
		s.mu.Unlock()
	}
	return h, err
}
