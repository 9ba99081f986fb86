package desk

import (
	"context"
	"strings"
	"time"
	"unicode"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
)

// titleLimit is how long a title may be, in bytes.
const titleLimit = 300

// Change is what to change of a ticket; nil leaves a thing as it is.
type Change struct {
	Status   *helpdesk.TicketStatus
	Solved   *bool // the answer to "Solved?", with a status of closed
	Title    *string
	Agent    *helpdesk.AgentID
	Instance *helpdesk.InstanceID
}

// Change changes status, title or the active agent of a ticket. Closing it ends everything that runs for it and
// deletes its workspace.
func (d *Desk) Change(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, c Change) (t helpdesk.Ticket, err error) {
	if t, err = d.writable(ctx, by, key); err != nil {
		return t, err
	}
	to, err := d.chosen(ctx, t.Tenant, c)
	if err != nil {
		return t, err
	}
	var running []helpdesk.TurnID
	err = d.update(ctx, t.Tenant, key, func(tx *store.Tx, x helpdesk.Ticket, now time.Time) error {
		running = nil
		if c.Title != nil {
			if err := d.rename(tx, by, &x, *c.Title, now); err != nil {
				return err
			}
		}
		if to.instance.ID != "" {
			if err := d.assign(tx, by, &x, to, now); err != nil {
				return err
			}
		}
		if c.Status != nil {
			if running, err = d.setStatus(tx, by, &x, *c.Status, c.Solved, now); err != nil {
				return err
			}
		}
		if err := tx.SaveTicket(x); err != nil {
			return err
		}
		if err := tx.Refresh(key); err != nil {
			return err
		}
		t, err = tx.Ticket(key)
		return err
	})
	if err == nil {
		d.stopLocal(ctx, by, running)
	}
	return t, err
}

func (d *Desk) rename(tx *store.Tx, by helpdesk.Actor, t *helpdesk.Ticket, title string, now time.Time) error {
	if err := helpdesk.CheckText("The title", title, d.cfg.Message); err != nil {
		return err
	}
	title = strings.Join(strings.Fields(strings.Map(printable, title)), " ")
	if err := helpdesk.CheckText("The title", title, titleLimit); err != nil {
		return err
	}
	if title == "" {
		return helpdesk.Errorf(helpdesk.Invalid, "A ticket needs a title.")
	}
	if title == t.Title {
		return nil
	}
	from := t.Title
	t.Title = title
	if err := tx.Index(t.Key, title); err != nil {
		return err
	}
	_, err := tx.Emit(t.Key, by.By(), event.TicketRenamed{From: from, To: title}, now)
	return err
}

// printable drops what a title has no use for and a terminal would obey.
func printable(r rune) rune {
	if unicode.IsControl(r) && !unicode.IsSpace(r) {
		return -1
	}
	return r
}

// assignee is an instance to work with, and its agent.
type assignee struct {
	instance helpdesk.Instance
	agent    helpdesk.Agent
}

// chosen settles whom a change assigns; nobody where it leaves that as it is. It is asked outside of the transaction,
// which must not wait for another.
func (d *Desk) chosen(ctx context.Context, tenant helpdesk.TenantID, c Change) (to assignee, err error) {
	if c.Agent == nil && c.Instance == nil {
		return to, nil
	}
	var agent helpdesk.AgentID
	var named helpdesk.InstanceID
	if c.Agent != nil {
		agent = *c.Agent
	}
	if c.Instance != nil {
		named = *c.Instance
	}
	to.instance, to.agent, err = d.cfg.Roster.Choose(ctx, tenant, agent, named)
	return to, err
}

// assign makes another instance the ticket's active one. What was approved for the one before is proposed again.
func (d *Desk) assign(tx *store.Tx, by helpdesk.Actor, t *helpdesk.Ticket, to assignee, now time.Time) error {
	i, a := to.instance, to.agent
	if i.ID == t.Instance {
		return nil
	}
	if err := d.cfg.Approval.TakeBack(tx, t.Key, t.Instance, "The ticket went to "+a.Name+" before it ran.", now); err != nil {
		return err
	}
	t.Agent, t.Instance = a.ID, i.ID
	_, err := tx.Emit(t.Key, by.By(), event.TicketAssigned{Agent: string(a.ID), AgentName: a.Name, Instance: string(i.ID), InstanceName: i.Name}, now)
	return err
}

func (d *Desk) setStatus(tx *store.Tx, by helpdesk.Actor, t *helpdesk.Ticket, to helpdesk.TicketStatus, solved *bool, now time.Time) (running []helpdesk.TurnID, err error) {
	if to == t.Status && (solved == nil || t.Solved != nil && *solved == *t.Solved) {
		return nil, nil
	}
	if t.Closing && to != helpdesk.TicketClosed {
		return nil, helpdesk.Errorf(helpdesk.Conflict, "%s is still being closed: its files and terminals are being removed. Reopen it in a moment.", t.Key)
	}
	from := t.Status
	t.Status = to
	switch {
	case to == helpdesk.TicketClosed:
		t.Solved = solved
		if from != helpdesk.TicketClosed {
			t.Closing, t.Held = true, false
			if running, err = d.endTurns(tx, by, t.Key, "The ticket was closed.", now); err != nil {
				return nil, err
			}
			if err := d.cfg.Approval.LapseAll(tx, t.Key, by.By(), "The ticket was closed.", now); err != nil {
				return nil, err
			}
		}
	case from == helpdesk.TicketClosed:
		t.Solved = nil
		t.Workspace++
	}
	if _, err = tx.Emit(t.Key, by.By(), event.TicketStatusChanged{From: string(from), To: string(to), Solved: t.Solved}, now); err != nil {
		return nil, err
	}
	return running, tx.Audit(store.Entry{At: now, By: by.By(), Action: "ticket.status", Target: string(t.Key), Detail: map[string]string{"from": string(from), "to": string(to)}})
}

// endTurns cancels every open turn of a ticket. Those that may be at work on this node are given back, so that
// they can be told.
func (d *Desk) endTurns(tx *store.Tx, by helpdesk.Actor, key helpdesk.TicketKey, reason string, now time.Time) (running []helpdesk.TurnID, err error) {
	open, err := tx.OpenTurns(key)
	if err != nil {
		return nil, err
	}
	for _, t := range open {
		if t.State == helpdesk.TurnRunning {
			running = append(running, t.ID)
		}
		if err := cancelTurn(tx, by, t, reason, now); err != nil {
			return nil, err
		}
	}
	return running, nil
}

func cancelTurn(tx *store.Tx, by helpdesk.Actor, t helpdesk.Turn, reason string, now time.Time) error {
	if err := t.Move(helpdesk.TurnCancelled); err != nil {
		return err
	}
	t.Reason, t.EndedAt = reason, now
	if err := tx.CancelTurn(t); err != nil {
		return err
	}
	_, err := tx.Emit(t.Ticket, by.By(), event.TurnEnded{Turn: string(t.ID), State: string(t.State), Reason: reason, Text: t.Draft}, now)
	return err
}

func (d *Desk) stopLocal(ctx context.Context, by helpdesk.Actor, turns []helpdesk.TurnID) {
	for _, t := range turns {
		d.cfg.Turns.Stop(ctx, by.By(), t)
	}
	d.clearSoon()
}

// Stop ends the running turn of a ticket, keeping its text, and holds the messages that wait behind it until a
// person releases them.
func (d *Desk) Stop(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) error {
	var open []helpdesk.Turn
	err := d.change(ctx, by, key, func(tx *store.Tx, t helpdesk.Ticket, now time.Time) (err error) {
		if open, err = tx.OpenTurns(key); err != nil || len(open) == 0 {
			return err
		}
		var held []string
		for _, o := range open {
			if o.State == helpdesk.TurnQueued {
				held = append(held, string(o.ID))
			}
		}
		if len(held) == 0 || t.Held || len(open) == 1 { // a lone turn ends below, and holds up nobody
			return nil
		}
		t.Held = true
		if err := tx.SaveTicket(t); err != nil {
			return err
		}
		_, err = tx.Emit(key, by.By(), event.TurnsHeld{Turns: held}, now)
		return err
	})
	if err != nil {
		return err
	}
	for _, o := range open {
		if o.State == helpdesk.TurnRunning {
			d.cfg.Turns.Stop(ctx, by.By(), o.ID)
		}
	}
	// Whoever worked on the turn here has written its end by now. If it ran elsewhere, or nowhere yet, it ends here.
	var ended []helpdesk.TurnID
	err = d.change(ctx, by, key, func(tx *store.Tx, t helpdesk.Ticket, now time.Time) error {
		ended = nil
		left, err := tx.OpenTurns(key)
		if err != nil {
			return err
		}
		for _, l := range left {
			if l.State == helpdesk.TurnRunning || len(open) == 1 && l.ID == open[0].ID {
				if err := cancelTurn(tx, by, l, "Stopped by "+by.Name+".", now); err != nil {
					return err
				}
				ended = append(ended, l.ID)
			}
		}
		return tx.Refresh(key)
	})
	if err == nil {
		d.stopLocal(ctx, by, ended) // one may have begun here in the meantime
	}
	return err
}

// Release lets held messages go on, or discards them.
func (d *Desk) Release(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, discard bool) error {
	err := d.change(ctx, by, key, func(tx *store.Tx, t helpdesk.Ticket, now time.Time) error {
		if !t.Held {
			return nil
		}
		t.Held = false
		if err := tx.SaveTicket(t); err != nil {
			return err
		}
		if discard {
			open, err := tx.OpenTurns(key)
			if err != nil {
				return err
			}
			for _, o := range open {
				if o.State != helpdesk.TurnQueued {
					continue
				}
				if err := cancelTurn(tx, by, o, "Discarded by "+by.Name+".", now); err != nil {
					return err
				}
			}
		}
		if _, err := tx.Emit(key, by.By(), event.TurnsReleased{}, now); err != nil {
			return err
		}
		return tx.Refresh(key)
	})
	if err == nil {
		d.cfg.Turns.Wake()
	}
	return err
}
