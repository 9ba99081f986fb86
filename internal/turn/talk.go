package turn

import (
	"sync"
	"time"

	"helpdesk"
	"helpdesk/event"
)

// talk is the conversation of a ticket up to an event. It puts messages in the order in which agents got to see
// them: a person's message stands where its turn was sent, with what was delivered with it, and not at all if it
// never was. What an agent proposed in a turn that has no message of its own, because it said nothing or was
// interrupted, stands as one without text.
type talk struct {
	seq      int64 // of the newest event that is in it
	messages []helpdesk.Message
	asked    map[string]helpdesk.Message // by turn: messages not yet sent
	sent     string                      // the turn that was sent last
	said     helpdesk.Message            // what that turn has proposed so far

	size int       // bytes of text, about
	used time.Time // when it was last put back
}

func newTalk() *talk { return &talk{asked: map[string]helpdesk.Message{}} }

// add takes the next event.
func (t *talk) add(e event.Event) error {
	f, err := event.Decode(e.Kind, e.Data)
	if err != nil {
		return err
	}
	t.seq = e.Seq
	t.size += len(e.Data)
	switch f := f.(type) {
	case event.MessagePosted:
		m := helpdesk.Message{ID: helpdesk.MessageID(f.ID), Role: helpdesk.Role(f.Role), Author: e.Actor.By(), Content: f.Content, At: e.At}
		if m.Role == helpdesk.RoleUser {
			t.asked[f.Turn] = m
			return nil
		}
		if f.Turn == t.sent {
			m.Proposed, t.said = t.said.Proposed, helpdesk.Message{}
		}
		t.messages = append(t.messages, m)
	case event.TurnSent:
		m, ok := t.asked[f.Turn]
		if !ok {
			return nil
		}
		if len(t.said.Proposed) > 0 {
			t.messages = append(t.messages, t.said)
		}
		t.sent, t.said = f.Turn, helpdesk.Message{}
		for _, d := range f.Delivered {
			m.Delivered = append(m.Delivered, d.Delivery())
		}
		delete(t.asked, f.Turn)
		t.messages = append(t.messages, m)
	case event.SuggestionProposed:
		p, err := proposal(f)
		if err != nil {
			return err
		}
		if f.Turn == t.sent {
			t.said.Role, t.said.Author, t.said.At = helpdesk.RoleAssistant, e.Actor.By(), e.At
			t.said.Proposed = append(t.said.Proposed, p)
		}
	}
	return nil
}

func proposal(f event.SuggestionProposed) (helpdesk.Proposal, error) {
	scope, err := helpdesk.ParseScope(f.Scope)
	p := helpdesk.Proposal{Command: f.Command, Purpose: f.Purpose, Expected: f.Expected, Scope: scope, Risk: helpdesk.Risk(f.Risk)}
	for _, x := range f.Files {
		p.Files = append(p.Files, helpdesk.ProposedFile(x))
	}
	return p, err
}

// What a node remembers of conversations. They are read from the log again where they are not remembered, so this is
// a matter of time only: a ticket with thousands of messages is answered as fast as a new one.
const (
	talksSize = 64 << 20         // bytes of text, about
	talksFor  = 10 * time.Minute // after it was last used
)

// talks remembers conversations. The log only grows, so what was read of it stays true.
type talks struct {
	mu   sync.Mutex
	all  map[helpdesk.TicketKey]*talk
	size int
}

// take gives a ticket's conversation to whoever works on its turn; it is nobody else's until it is put back.
func (ts *talks) take(key helpdesk.TicketKey) *talk {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t := ts.all[key]
	if t == nil {
		return newTalk()
	}
	ts.drop(key)
	return t
}

func (ts *talks) put(key helpdesk.TicketKey, t *talk, now time.Time) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.drop(key)
	if t.size > talksSize/4 {
		return // it would push out all others
	}
	t.used = now
	for ts.size+t.size > talksSize {
		oldest := helpdesk.TicketKey("")
		for k, x := range ts.all {
			if oldest == "" || x.used.Before(ts.all[oldest].used) {
				oldest = k
			}
		}
		ts.drop(oldest)
	}
	if ts.all == nil {
		ts.all = map[helpdesk.TicketKey]*talk{}
	}
	ts.all[key] = t
	ts.size += t.size
}

// forget drops what was not used for a while.
func (ts *talks) forget(now time.Time) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for k, t := range ts.all {
		if now.Sub(t.used) > talksFor {
			ts.drop(k)
		}
	}
}

func (ts *talks) drop(key helpdesk.TicketKey) {
	if t := ts.all[key]; t != nil {
		ts.size -= t.size
		delete(ts.all, key)
	}
}
