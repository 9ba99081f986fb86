// Package desk keeps tickets: it opens them, takes what people say, changes, closes, deletes and restores them.
//
// It promises that whatever a person was told is accepted is on disk together with the events that say so; that
// messages to one ticket are answered one after the other, in the order in which they were taken; that nobody
// reads or changes a ticket outside the tenants of theirs; and that a closed or deleted ticket's places are
// cleared in one order (turns, runs, terminals, workspace), which goes on after a crash where it stopped.
package desk

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
)

// Config joins a Desk to its surroundings. Store, Roster, Turns, Approval and Clearing are required.
type Config struct {
	Store    Store
	Roster   *store.Roster
	Turns    Turns
	Approval Approval
	Clearing Clearing
	Log      *slog.Logger

	Message     int           // bytes of a message; default 256 KiB
	Queue       int           // messages of one ticket that may wait; default 20
	TurnsPerDay int           // of one person; default 200
	UndoDelete  time.Duration // how long a deletion can be undone; default 10 minutes
}

// Store is what is kept and read: tickets, events, turns, the audit.
type Store interface {
	View(ctx context.Context, reach helpdesk.Reach, fn func(*store.Tx) error) error
	Update(ctx context.Context, tenant helpdesk.TenantID, fn func(*store.Tx) error) error
	SystemView(ctx context.Context, why store.Purpose, fn func(*store.System) error) error
	SystemUpdate(ctx context.Context, why store.Purpose, fn func(*store.System) error) error
}

// Turns is what a Desk needs of whoever works on turns.
type Turns interface {
	Wake()                                                             // there may be a turn to take
	Stop(ctx context.Context, by helpdesk.By, id helpdesk.TurnID) bool // end a turn that runs on this node, keeping its text; false: it does not
}

// Approval is what a Desk needs of whoever keeps decisions. All are called inside a transaction that holds the
// ticket's row.
type Approval interface {
	HasDue(tx *store.Tx, key helpdesk.TicketKey, i helpdesk.InstanceID) (bool, error)
	LapseAll(tx *store.Tx, key helpdesk.TicketKey, by helpdesk.By, note string, at time.Time) error
	TakeBack(tx *store.Tx, key helpdesk.TicketKey, i helpdesk.InstanceID, note string, at time.Time) error // what is approved for an instance is proposed again
}

// Clearing ends what a ticket has on this host. Each call returns once that is done; each may be repeated.
type Clearing interface {
	StopRuns(ctx context.Context, tenant helpdesk.TenantID, key helpdesk.TicketKey) error
	EndTerminals(ctx context.Context, tenant helpdesk.TenantID, key helpdesk.TicketKey) error
	RemoveWorkspace(ctx context.Context, tenant helpdesk.TenantID, key helpdesk.TicketKey) error
	DeleteRecordings(ctx context.Context, key helpdesk.TicketKey) error
}

// Desk keeps tickets. Its methods may be called from any number of goroutines.
type Desk struct {
	cfg  Config
	wake chan struct{} // there may be something to clear
}

// New makes a Desk; it starts nothing.
func New(cfg Config) *Desk {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Message == 0 {
		cfg.Message = 256 << 10
	}
	if cfg.Queue == 0 {
		cfg.Queue = 20
	}
	if cfg.TurnsPerDay == 0 {
		cfg.TurnsPerDay = 200
	}
	if cfg.UndoDelete == 0 {
		cfg.UndoDelete = 10 * time.Minute
	}
	return &Desk{cfg: cfg, wake: make(chan struct{}, 1)}
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// NewTicket is a ticket to open. Without an Instance it is the only one of the agent that the tenant may use.
type NewTicket struct {
	Tenant   helpdesk.TenantID
	Agent    helpdesk.AgentID
	Instance helpdesk.InstanceID
	Message  string
}

// Create opens a ticket with its first message; the agent is already at work when it returns.
func (d *Desk) Create(ctx context.Context, by helpdesk.Actor, n NewTicket, once store.Once) (t helpdesk.Ticket, err error) {
	if err := helpdesk.May(by, helpdesk.PermTicketWrite, n.Tenant); err != nil {
		return t, err
	}
	if err := d.checkMessage(n.Message, false); err != nil {
		return t, err
	}
	instance, agent, err := d.cfg.Roster.Choose(ctx, n.Tenant, n.Agent, n.Instance)
	if err != nil {
		return t, err
	}
	err = d.cfg.Store.Update(ctx, n.Tenant, func(tx *store.Tx) error {
		t = helpdesk.Ticket{}
		var key helpdesk.TicketKey
		if found, err := tx.Recall(once, &key); err != nil {
			return err
		} else if found {
			t, err = tx.Ticket(key)
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		prefix, number, err := tx.NextTicketNumber()
		if err != nil {
			return err
		}
		t = helpdesk.Ticket{
			Key: helpdesk.MakeTicketKey(prefix, number), Tenant: n.Tenant, Title: helpdesk.TitleFrom(n.Message),
			Status: helpdesk.TicketOpen, Activity: helpdesk.ActivityWorking, Agent: agent.ID, Instance: instance.ID,
			Workspace: 1, CreatedBy: by.By(), CreatedAt: now, ChangedAt: now,
		}
		if err := tx.InsertTicket(t); err != nil {
			return err
		}
		if t.Seq, err = tx.Emit(t.Key, by.By(), event.TicketCreated{Title: t.Title, Agent: string(agent.ID), Instance: string(instance.ID)}, now); err != nil {
			return err
		}
		if _, _, err := d.post(tx, by, &t, instance, n.Message, now); err != nil {
			return err
		}
		if err := tx.Audit(store.Entry{At: now, By: by.By(), Action: "ticket.create", Target: string(t.Key)}); err != nil {
			return err
		}
		return tx.Remember(once, t.Key, now)
	})
	if err == nil {
		d.cfg.Turns.Wake()
	}
	return t, err
}

// Post takes a message to a ticket and queues the turn that answers it. Without to it goes to the ticket's
// active instance. It may be empty where a decision or an outcome is due to that instance.
func (d *Desk) Post(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, content string, to helpdesk.InstanceID, once store.Once) (m helpdesk.MessageID, turn helpdesk.TurnID, err error) {
	if err := d.checkMessage(content, true); err != nil {
		return "", "", err
	}
	t, err := d.writable(ctx, by, key)
	if err != nil {
		return "", "", err
	}
	for {
		choice := to
		if choice == "" {
			choice = t.Instance
		}
		// Who is there is asked outside of the transaction, which must not wait for another.
		instance, _, unknown := d.cfg.Roster.Choose(ctx, t.Tenant, "", choice)
		switched := false
		err = d.update(ctx, t.Tenant, key, func(tx *store.Tx, x helpdesk.Ticket, now time.Time) error {
			var p posted
			if found, err := tx.Recall(once, &p); err != nil || found {
				m, turn = p.Message, p.Turn
				return err
			}
			if x.Status == helpdesk.TicketClosed {
				return helpdesk.Errorf(helpdesk.Conflict, "%s is closed. Set its status to open, then send the message again.", key)
			}
			if switched = to == "" && x.Instance != choice; switched {
				t = x
				return nil
			}
			if unknown != nil {
				return unknown
			}
			if p, err = d.answerable(tx, by, x, instance, content, now); err != nil {
				return err
			}
			m, turn = p.Message, p.Turn
			return tx.Remember(once, p, now)
		})
		if err != nil || !switched {
			break
		}
	}
	if err == nil {
		d.cfg.Turns.Wake()
	}
	return m, turn, err
}

// posted is what came of a message, as it is remembered for a request that is repeated.
type posted struct {
	Message helpdesk.MessageID
	Turn    helpdesk.TurnID
}

// answerable posts a message, which may be empty where something is due.
func (d *Desk) answerable(tx *store.Tx, by helpdesk.Actor, t helpdesk.Ticket, i helpdesk.Instance, content string, now time.Time) (p posted, err error) {
	if strings.TrimSpace(content) == "" {
		due, err := d.cfg.Approval.HasDue(tx, t.Key, i.ID)
		if err != nil {
			return p, err
		}
		if !due {
			return p, helpdesk.Errorf(helpdesk.Invalid, "The message is empty, and there is no decision or result to send. Write something first.")
		}
	}
	p.Message, p.Turn, err = d.post(tx, by, &t, i, content, now)
	return p, err
}

// post writes message, turn and their events; the caller holds the ticket's row or has just made it. The ticket's
// number is then that of the newest event.
func (d *Desk) post(tx *store.Tx, by helpdesk.Actor, t *helpdesk.Ticket, instance helpdesk.Instance, content string, now time.Time) (m helpdesk.MessageID, turn helpdesk.TurnID, err error) {
	waiting, today, err := tx.Waiting(t.Key, by.ID, now.Add(-24*time.Hour))
	switch {
	case err != nil:
		return "", "", err
	case waiting >= d.cfg.Queue:
		return "", "", helpdesk.Errorf(helpdesk.TooMany, "%d messages of this ticket wait for the agent already. Wait for an answer, or stop the agent.", waiting)
	case today >= d.cfg.TurnsPerDay && by.Kind == helpdesk.ActorUser:
		return "", "", helpdesk.Errorf(helpdesk.TooMany, "You have sent %d messages to agents in the last 24 hours, which is the limit. A platform admin can raise limits.turns_per_day.", today)
	}
	text := content
	if t.Seq == 1 { // only that it was created
		text = t.Title + "\n" + content
	}
	m, turn = helpdesk.MessageID(newID()), helpdesk.TurnID(newID())
	facts := []event.Fact{
		event.MessagePosted{ID: string(m), Role: string(helpdesk.RoleUser), Content: content, Turn: string(turn), Instance: string(instance.ID)},
		event.TurnQueued{Turn: string(turn), Message: string(m), Agent: string(instance.Agent), Instance: string(instance.ID)},
	}
	for _, f := range facts {
		if t.Seq, err = tx.Emit(t.Key, by.By(), f, now); err != nil {
			return "", "", err
		}
	}
	if err := tx.InsertTurn(helpdesk.Turn{
		ID: turn, Ticket: t.Key, Tenant: t.Tenant, Message: m, Agent: instance.Agent, Instance: instance.ID,
		State: helpdesk.TurnQueued, By: by.By(), QueuedAt: now,
	}); err != nil {
		return "", "", err
	}
	if strings.TrimSpace(text) != "" {
		if err := tx.Index(t.Key, text); err != nil {
			return "", "", err
		}
	}
	return m, turn, tx.Refresh(t.Key)
}

func (d *Desk) checkMessage(s string, mayBeEmpty bool) error {
	if err := helpdesk.CheckText("The message", s, d.cfg.Message); err != nil {
		return err
	}
	if !mayBeEmpty && strings.TrimSpace(s) == "" {
		return helpdesk.Errorf(helpdesk.Invalid, "The message is empty. Say what you need help with.")
	}
	return nil
}

// change runs fn in a transaction that holds the ticket's row, if the actor may. A deleted ticket is not found.
func (d *Desk) change(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, fn func(*store.Tx, helpdesk.Ticket, time.Time) error) error {
	t, err := d.writable(ctx, by, key)
	if err != nil {
		return err
	}
	return d.update(ctx, t.Tenant, key, fn)
}

// writable reads a ticket that the actor may change.
func (d *Desk) writable(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) (helpdesk.Ticket, error) {
	t, err := d.Ticket(ctx, by, key)
	if err != nil {
		return t, err
	}
	return t, helpdesk.May(by, helpdesk.PermTicketWrite, t.Tenant)
}

// update runs fn in a transaction that holds the ticket's row.
func (d *Desk) update(ctx context.Context, tenant helpdesk.TenantID, key helpdesk.TicketKey, fn func(*store.Tx, helpdesk.Ticket, time.Time) error) error {
	return d.cfg.Store.Update(ctx, tenant, func(tx *store.Tx) error {
		t, err := tx.LockTicket(key)
		if err != nil {
			return err
		}
		if t.DeletedAt != nil {
			return helpdesk.Errorf(helpdesk.NotFound, "There is no ticket %s, or it is not yours to see.", key)
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		return fn(tx, t, now)
	})
}
