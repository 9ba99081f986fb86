package terminal

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/launch"
	"helpdesk/internal/place"
	"helpdesk/internal/store"
)

// List gives a ticket's Terminals, oldest first, those that have ended too.
func (s *Service) List(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) (all []helpdesk.Terminal, err error) {
	err = s.store.View(ctx, by.Reach(), func(tx *store.Tx) error {
		if _, err := tx.Ticket(key); err != nil {
			return err
		}
		all, err = tx.Terminals(key)
		return err
	})
	for i := range all {
		s.refresh(&all[i])
	}
	return all, err
}

// refresh gives a live Terminal the size that it has now.
func (s *Service) refresh(t *helpdesk.Terminal) {
	s.mu.Lock()
	p := s.processes[string(t.ID)]
	s.mu.Unlock()
	if p != nil && t.State == helpdesk.TerminalLive {
		st := p.snapshot()
		t.Cols, t.Rows = int(st.Cols), int(st.Rows)
	}
}

// opened is what is remembered of a request that opened a Terminal.
type opened struct {
	ID helpdesk.TerminalID `json:"id"`
}

// Opening is a Terminal to open.
type Opening struct {
	Scope helpdesk.Scope
	Cols  int
	Rows  int
}

// Open opens a Terminal: an interactive bash in the tenant's place, in the ticket's Workspace. The Terminal is in the
// ticket's log before its shell starts, so that no shell is without one; where the shell cannot start, the log says so.
func (s *Service) Open(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, o Opening, once store.Once) (helpdesk.Terminal, error) {
	if !validSize(o.Cols, o.Rows) {
		return helpdesk.Terminal{}, errSize
	}
	if err := s.awaitReady(ctx); err != nil {
		return helpdesk.Terminal{}, err
	}
	// While this is held nobody ends the ticket's Terminals, so none is opened behind the back of a closing ticket.
	defer s.tickets.Lock(key)()
	ticket, tenant, done, err := s.prepare(ctx, by, key, o.Scope, once)
	if err != nil || done.ID != "" {
		return done, err
	}
	where, err := place.For(tenant, o.Scope)
	if err == nil {
		err = where.Usable(s.hello.Capabilities)
	}
	if err != nil {
		return helpdesk.Terminal{}, err
	}
	variables, err := s.variables.Environment(ctx, tenant.ID)
	if err != nil {
		return helpdesk.Terminal{}, err
	}
	if err := s.workspaces.Ensure(ctx, by, key); err != nil {
		return helpdesk.Terminal{}, err
	}
	t := helpdesk.Terminal{
		ID: newID(), Ticket: key, Tenant: ticket.Tenant, Scope: o.Scope, Place: where.Name, State: helpdesk.TerminalLive,
		Epoch: s.hello.Epoch, Cols: o.Cols, Rows: o.Rows, OpenedBy: by.By(), OpenedAt: s.cfg.Now().UTC().Truncate(time.Microsecond),
	}
	if err := s.insert(ctx, by, &t, tenant, once); err != nil {
		return helpdesk.Terminal{}, err
	}
	return t, s.start(ctx, t, tenant, where, variables)
}

var errSize = helpdesk.Errorf(helpdesk.Invalid, "A terminal has 2 to 1000 columns and 1 to 1000 rows.")

func newID() helpdesk.TerminalID { return helpdesk.TerminalID(uuid.Must(uuid.NewV7()).String()) }

// prepare reads what an opening depends on; done is the result of the same request, carried out before.
func (s *Service) prepare(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, scope helpdesk.Scope, once store.Once) (ticket helpdesk.Ticket, tenant helpdesk.Tenant, done helpdesk.Terminal, err error) {
	err = s.store.View(ctx, by.Reach(), func(tx *store.Tx) (err error) {
		if ticket, err = tx.Ticket(key); err != nil {
			return err
		}
		var o opened
		if found, err := tx.Recall(once, &o); err != nil || found {
			if err == nil {
				done, err = tx.Terminal(o.ID)
			}
			return err
		}
		return mayOpen(by, ticket, scope)
	})
	if err != nil || done.ID != "" {
		return ticket, tenant, done, err
	}
	err = s.store.SystemView(ctx, store.Directory, func(tx *store.System) error {
		tenants, err := tx.Tenants(helpdesk.System("terminals").Reach().Only(ticket.Tenant))
		if err == nil && len(tenants) != 1 {
			err = helpdesk.Errorf(helpdesk.NotFound, "The ticket's tenant is not there any more.")
		}
		if err == nil {
			tenant = tenants[0]
		}
		return err
	})
	return ticket, tenant, done, err
}

func mayOpen(by helpdesk.Actor, ticket helpdesk.Ticket, scope helpdesk.Scope) error {
	needs := helpdesk.PermTerminal
	if scope.Admin() {
		needs = helpdesk.PermAdminTerminal
	}
	if err := helpdesk.May(by, needs, ticket.Tenant); err != nil {
		return err
	}
	if ticket.Status == helpdesk.TicketClosed || ticket.Closing {
		return helpdesk.Errorf(helpdesk.Conflict, "%s is closed. Reopen it to open a terminal.", ticket.Key)
	}
	return nil
}

// insert stores a Terminal where the ticket may have one more.
func (s *Service) insert(ctx context.Context, by helpdesk.Actor, t *helpdesk.Terminal, tenant helpdesk.Tenant, once store.Once) error {
	return s.store.Update(ctx, t.Tenant, func(tx *store.Tx) error {
		ticket, err := tx.LockTicket(t.Ticket)
		if err != nil {
			return err
		}
		if err := mayOpen(by, ticket, t.Scope); err != nil {
			return err
		}
		all, err := tx.Terminals(t.Ticket)
		if err != nil {
			return err
		}
		live, same := 0, 1
		for _, o := range all {
			if o.State == helpdesk.TerminalLive {
				live++
			}
			if o.Scope == t.Scope {
				same++
			}
		}
		if live >= s.cfg.PerTicket {
			return helpdesk.Errorf(helpdesk.Conflict, "%s has %d terminals open, which is the limit. Close one first.", t.Ticket, live)
		}
		t.Title = title(t.Scope, tenant, same)
		if err := tx.InsertTerminal(*t); err != nil {
			return err
		}
		if _, err := tx.Emit(t.Ticket, by.By(), event.TerminalOpened{Terminal: string(t.ID), Scope: t.Scope.String(), Place: t.Place, Title: t.Title}, t.OpenedAt); err != nil {
			return err
		}
		if err := tx.Audit(store.Entry{At: t.OpenedAt, By: by.By(), Action: "terminal.open", Tenant: t.Tenant, Target: string(t.Ticket),
			Detail: map[string]string{"terminal": string(t.ID), "scope": t.Scope.String(), "place": t.Place}}); err != nil {
			return err
		}
		return tx.Remember(once, opened{t.ID}, t.OpenedAt)
	})
}

// title names a Terminal on its tab: "Admin", "This machine 2".
func title(scope helpdesk.Scope, tenant helpdesk.Tenant, n int) string {
	name := tenant.Name
	if scope.Admin() {
		name = "Admin"
	}
	if n > 1 {
		return fmt.Sprintf("%s %d", name, n)
	}
	return name
}

// start starts the shell of a stored Terminal. What was begun is finished though whoever asked has gone.
func (s *Service) start(ctx context.Context, t helpdesk.Terminal, tenant helpdesk.Tenant, where place.Place, variables map[string]string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	// Known before it starts: its first notice may come before Start returns.
	p := s.adopt(t, launch.Status{ID: string(t.ID), Ticket: string(t.Ticket), Cols: uint16(t.Cols), Rows: uint16(t.Rows)})
	argv, more := shell(t, where)
	st, err := s.launcher.Start(ctx, launch.Spec{
		ID: string(t.ID), Kind: where.Kind, Slot: tenant.Slot, Ticket: string(t.Ticket), Argv: argv, Env: place.Env(variables, more...), Outbound: where.Outbound(tenant),
		Cols: uint16(t.Cols), Rows: uint16(t.Rows), Limit: s.cfg.Recording, Overflow: launch.PauseAtLimit, CaptureInput: true,
	})
	if err == nil {
		p.begun(st)
		return nil
	}
	p.failed("It could not be started: " + helpdesk.PublicText(err))
	s.ended(p)
	return err
}

// shell is the command of a Terminal. In a place of ours nothing of the host's start-up files is read, and the prompt
// says where one is; on the host itself it is the shell that its user knows.
func shell(t helpdesk.Terminal, where place.Place) (argv, env []string) {
	if where.Kind == launch.Host {
		return []string{"bash"}, nil
	}
	return []string{"bash", "--noprofile", "--norc", "-i"},
		[]string{`PS1=\[\e[1;36m\]` + string(t.Ticket) + `\[\e[0m\]:\[\e[1;34m\]\w\[\e[0m\]\$ `, "HISTCONTROL=ignoredups", "HISTFILE="}
}

// adopt puts a Terminal among what lives, or names one that the launcher told of already.
func (s *Service) adopt(t helpdesk.Terminal, st launch.Status) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.processes[st.ID]
	if p == nil {
		p = s.newProcess(st)
		s.processes[st.ID] = p
	}
	p.mu.Lock()
	p.terminal = &t
	p.mu.Unlock()
	return p
}

// begun takes the first status, unless a notice was faster.
func (p *process) begun(st launch.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.status.Started.IsZero() && !p.over {
		p.status = st
		p.wakeAll()
	}
}

// failed ends a process that the launcher does not have.
func (p *process) failed(reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over, p.reason = true, reason
	p.wakeAll()
}

// find reads a Terminal for whoever wants to do something to it.
func (s *Service) find(ctx context.Context, by helpdesk.Actor, id helpdesk.TerminalID) (t helpdesk.Terminal, p *process, err error) {
	if err := s.awaitReady(ctx); err != nil {
		return t, nil, err
	}
	if err = s.store.View(ctx, by.Reach(), func(tx *store.Tx) (err error) {
		if t, err = tx.Terminal(id); err != nil {
			return err
		}
		_, err = tx.Ticket(t.Ticket)
		return err
	}); err != nil {
		return t, nil, err
	}
	needs := helpdesk.PermTerminal
	if t.Scope.Admin() {
		needs = helpdesk.PermAdminTerminal
	}
	s.mu.Lock()
	p = s.processes[string(id)]
	s.mu.Unlock()
	return t, p, helpdesk.May(by, needs, t.Tenant)
}

var errEnded = helpdesk.Errorf(helpdesk.Conflict, "This terminal has ended. Open a new one.")

// Changes is what to change of a Terminal; nil leaves a thing as it is.
type Changes struct {
	Cols *int
	Rows *int
	More bool // record on, with as much room again, where the limit of the recording was reached
}

// Change sets a Terminal's size, unless another person's window owns it, or lets it record on.
func (s *Service) Change(ctx context.Context, by helpdesk.Actor, id helpdesk.TerminalID, c Changes) (helpdesk.Terminal, error) {
	t, p, err := s.find(ctx, by, id)
	if err != nil {
		return helpdesk.Terminal{}, err
	}
	if p == nil || t.State != helpdesk.TerminalLive {
		return helpdesk.Terminal{}, errEnded
	}
	s.refresh(&t)
	if c.Cols != nil {
		t.Cols = *c.Cols
	}
	if c.Rows != nil {
		t.Rows = *c.Rows
	}
	if c.Cols != nil || c.Rows != nil {
		if err := s.resize(ctx, by, p, t.Cols, t.Rows); err != nil {
			return helpdesk.Terminal{}, err
		}
	}
	if c.More {
		err = s.launcher.Resume(ctx, string(id), p.snapshot().End+s.cfg.Recording)
	}
	return t, err
}

func (s *Service) resize(ctx context.Context, by helpdesk.Actor, p *process, cols, rows int) error {
	if !validSize(cols, rows) {
		return errSize
	}
	p.mu.Lock()
	owner := p.controller
	p.mu.Unlock()
	if owner != nil && owner.actor.ID != by.ID {
		return helpdesk.Errorf(helpdesk.Conflict, "The window of %s sets the size of this terminal. Take control of it first.", owner.actor.Name)
	}
	return s.launcher.Resize(ctx, p.id, uint16(cols), uint16(rows))
}
