// Package approval keeps what people decide on suggestions, and carries it out.
//
// It promises that nothing runs without a Decision of a person, bound by a digest to the exact bytes that were
// shown; that a decided command runs at most once, because its Run is claimed on disk before anything starts and
// the launcher takes an id only once; and that what cannot be known after a crash is recorded as unknown and never
// run again by itself.
package approval

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/launch"
	"helpdesk/internal/place"
	"helpdesk/internal/store"
)

// reasonLimit is how long the reason of a rejection may be, in bytes.
const reasonLimit = 4 << 10

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

	mu       sync.Mutex
	starting map[helpdesk.RunID]bool            // claimed by this process, not yet known to the launcher
	waiting  map[helpdesk.RunID][]chan struct{} // who waits for a run's end
	hello    launch.Hello
	work     sync.WaitGroup
	touched  time.Time       // when this node last said that it lives; of Run alone
	ctx      context.Context // of Run: started work outlives a request; nil before
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
	return &Service{
		cfg: cfg, wake: make(chan struct{}, 1), exits: make(chan launch.Status, 64),
		starting: map[helpdesk.RunID]bool{}, waiting: map[helpdesk.RunID][]chan struct{}{},
	}
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

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

// Decide records a person's answer to a suggestion and, for an execution, starts its Run. The digest is that of
// what the person was shown; if anything changed since, nothing is decided.
func (s *Service) Decide(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, id helpdesk.SuggestionID, choice helpdesk.Choice, digest, reason string) (v View, err error) {
	if err := helpdesk.CheckText("The reason", reason, reasonLimit); err != nil {
		return v, err
	}
	var ticket helpdesk.Ticket
	if err := s.cfg.Store.View(ctx, by.Reach(), func(tx *store.Tx) (err error) {
		ticket, err = tx.Ticket(key)
		return err
	}); err != nil {
		return v, err
	}
	if err := helpdesk.May(by, helpdesk.PermDecide, ticket.Tenant); err != nil {
		return v, err
	}
	tenant, err := s.cfg.Roster.Tenant(ctx, ticket.Tenant)
	if err != nil {
		return v, err
	}
	var start helpdesk.RunID
	err = s.cfg.Store.Update(ctx, ticket.Tenant, func(tx *store.Tx) error {
		start = ""
		t, err := tx.LockTicket(key)
		if err != nil {
			return err
		}
		if t.DeletedAt != nil {
			return helpdesk.Errorf(helpdesk.NotFound, "There is no ticket %s, or it is not yours to see.", key)
		}
		if t.Status == helpdesk.TicketClosed {
			return helpdesk.Errorf(helpdesk.Conflict, "%s is closed. Set its status to open to decide on its commands.", key)
		}
		x, err := tx.Suggestion(id)
		if err != nil {
			return err
		}
		if x.Ticket != key {
			return helpdesk.Errorf(helpdesk.NotFound, "There is no such suggestion in %s.", key)
		}
		if err := s.mayDecide(by, tenant, x, choice, digest); err != nil {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		d := helpdesk.Decision{Choice: choice, Reason: reason, Digest: x.Digest, By: by.By(), At: now}
		if start, err = s.decide(tx, by, &x, d); err != nil {
			return err
		}
		v, err = view(tx, x)
		return err
	})
	if err == nil && start != "" {
		s.begin(start, ticket.Tenant)
	}
	return v, err
}

// mayDecide checks what binds a decision: the digest that was shown, the place as it is now, and for what reaches
// beyond the tenant the right to go there.
func (s *Service) mayDecide(by helpdesk.Actor, tenant helpdesk.Tenant, x helpdesk.Suggestion, choice helpdesk.Choice, digest string) error {
	if x.Decided != nil && x.State != helpdesk.SuggestionProposed && choice != helpdesk.Undo && !slices.Contains(helpdesk.SuggestionMoves[x.State], choice.Target()) {
		return helpdesk.Errorf(helpdesk.Conflict, "%s decided on this command already: it is %s. Look at its card again.", x.Decided.By.Name, x.State)
	}
	if choice != helpdesk.Approve && choice != helpdesk.Execute {
		if digest != "" && digest != x.Digest {
			return errChanged()
		}
		return nil
	}
	if digest == "" {
		return helpdesk.Errorf(helpdesk.Invalid, "Send the digest of the command as it was shown, so that nothing else is run.")
	}
	if digest != x.Digest || s.digestNow(tenant, x) != x.Digest {
		return errChanged()
	}
	if x.Scope.Admin() {
		return helpdesk.May(by, helpdesk.PermAdminTerminal, x.Tenant)
	}
	return nil
}

func errChanged() error {
	return helpdesk.Errorf(helpdesk.Conflict, "The command changed since you read it. Review it again.")
}

// digestNow is the digest over the suggestion as it would be carried out now.
func (s *Service) digestNow(tenant helpdesk.Tenant, x helpdesk.Suggestion) string {
	p, err := place.For(tenant, x.Scope)
	if err != nil {
		return ""
	}
	x.Place, x.EnvNames = p.Name, tenant.Variables
	return x.ComputeDigest()
}

// decide writes the decision and gives the run to start now, if any.
func (s *Service) decide(tx *store.Tx, by helpdesk.Actor, x *helpdesk.Suggestion, d helpdesk.Decision) (start helpdesk.RunID, err error) {
	was := x.State
	if d.Choice == helpdesk.Undo {
		if was == helpdesk.SuggestionRunning {
			return "", helpdesk.Errorf(helpdesk.Conflict, "The command is running. Stop it instead.")
		}
		if x.Delivered {
			return "", helpdesk.Errorf(helpdesk.Conflict, "The agent has heard of this decision already, so it stays.")
		}
	}
	if err := x.Move(d.Choice.Target()); err != nil {
		return "", err
	}
	x.Decided, x.Note = &d, ""
	if d.Choice == helpdesk.Undo {
		x.Decided = nil
	}
	id := newID()
	var run helpdesk.Run
	if d.Choice == helpdesk.Execute {
		open, err := tx.OpenRuns(x.Ticket)
		if err != nil {
			return "", err
		}
		run = helpdesk.Run{ID: helpdesk.RunID(newID()), Suggestion: x.ID, Ticket: x.Ticket, Tenant: x.Tenant, State: helpdesk.RunWaiting, By: d.By}
		x.Run = run.ID
		if len(open) == 0 {
			start = run.ID
		}
	}
	if err := tx.SaveSuggestion(*x, was); err != nil {
		return "", err
	}
	if err := tx.InsertDecision(id, *x, d); err != nil {
		return "", err
	}
	if _, err := tx.Emit(x.Ticket, by.By(), event.SuggestionDecided{ID: string(x.ID), Choice: string(d.Choice), State: string(x.State), Reason: d.Reason, Digest: d.Digest}, d.At); err != nil {
		return "", err
	}
	if run.ID != "" {
		if err := tx.InsertRun(run, id); err != nil {
			return "", err
		}
		if _, err := tx.Emit(x.Ticket, by.By(), event.RunQueued{Run: string(run.ID), Suggestion: string(x.ID)}, d.At); err != nil {
			return "", err
		}
	}
	if err := tx.Audit(store.Entry{At: d.At, By: by.By(), Action: "suggestion." + string(d.Choice), Target: string(x.Ticket), Detail: map[string]string{"suggestion": string(x.ID), "digest": d.Digest}}); err != nil {
		return "", err
	}
	return start, tx.Refresh(x.Ticket)
}

// moved writes a change of a suggestion's state that was nobody's answer.
func moved(tx *store.Tx, x helpdesk.Suggestion, to helpdesk.SuggestionState, note string, by helpdesk.By, now time.Time) error {
	was := x.State
	if err := x.Move(to); err != nil {
		return err
	}
	x.Note = note
	if to == helpdesk.SuggestionProposed {
		x.Decided, x.Run = nil, ""
	}
	if err := tx.SaveSuggestion(x, was); err != nil {
		return err
	}
	_, err := tx.Emit(x.Ticket, by, event.SuggestionMoved{ID: string(x.ID), State: string(to), Note: note}, now)
	return err
}

// LapseAll makes it too late to decide on a ticket's open suggestions and takes approvals back.
func (s *Service) LapseAll(tx *store.Tx, key helpdesk.TicketKey, by helpdesk.By, note string, now time.Time) error {
	for _, state := range []helpdesk.SuggestionState{helpdesk.SuggestionProposed, helpdesk.SuggestionApproved} {
		if err := lapse(tx, key, state, by, note, now, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

// lapse lapses a ticket's suggestions in a state; with before, only those decided before it.
func lapse(tx *store.Tx, key helpdesk.TicketKey, state helpdesk.SuggestionState, by helpdesk.By, note string, now, before time.Time) error {
	list, err := tx.InState(key, state)
	if err != nil {
		return err
	}
	for _, x := range list {
		if !before.IsZero() && (x.Decided == nil || !x.Decided.At.Before(before)) {
			continue
		}
		if err := moved(tx, x, helpdesk.SuggestionLapsed, note, by, now); err != nil {
			return err
		}
	}
	return nil
}
