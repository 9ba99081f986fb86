package terminal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
	"sync"
	"time"

	"helpdesk"
	"helpdesk/internal/launch"
	"helpdesk/internal/store"
	"helpdesk/internal/transcript"
)

// Attachment lets its bearer attach once.
type Attachment struct {
	Token     string
	ExpiresAt time.Time
	MayType   bool
}

// attachment is what a token stands for.
type attachment struct {
	id      string // of the Terminal or Run
	ticket  helpdesk.TicketKey
	tenant  helpdesk.TenantID
	types   helpdesk.Permission // what typing takes
	actor   helpdesk.Actor
	claimed bool // a Run that had begun and not ended
	expires time.Time
}

func (a attachment) mayType(now helpdesk.Actor) bool {
	return helpdesk.May(now, a.types, a.tenant) == nil
}

// AttachTerminal gives a token to look at a Terminal and, for whoever may, to type into it.
func (s *Service) AttachTerminal(ctx context.Context, by helpdesk.Actor, id helpdesk.TerminalID) (Attachment, error) {
	a := attachment{id: string(id), actor: by, types: helpdesk.PermTerminal}
	err := s.store.View(ctx, by.Reach(), func(tx *store.Tx) error {
		t, err := tx.Terminal(id)
		if err != nil {
			return err
		}
		if t.Scope.Admin() {
			a.types = helpdesk.PermAdminTerminal
		}
		a.ticket, a.tenant = t.Ticket, t.Tenant
		_, err = tx.Ticket(t.Ticket)
		return err
	})
	return s.attach(a, err)
}

// AttachRun gives a token to look at a Run and, for whoever may decide on it, to type into it.
func (s *Service) AttachRun(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, id helpdesk.RunID) (Attachment, error) {
	run, scope, err := s.run(ctx, by, key, id)
	if err == nil && (run.State == helpdesk.RunWaiting || run.State == helpdesk.RunDropped) {
		err = helpdesk.Errorf(helpdesk.Conflict, "This run has not started, so there is nothing to see yet.")
	}
	a := attachment{id: string(id), ticket: key, tenant: run.Tenant, actor: by, types: helpdesk.PermDecide, claimed: run.State == helpdesk.RunClaimed}
	if scope.Admin() {
		a.types = helpdesk.PermAdminTerminal
	}
	return s.attach(a, err)
}

func (s *Service) attach(a attachment, err error) (Attachment, error) {
	if err == nil {
		err = helpdesk.May(a.actor, helpdesk.PermTicketRead, a.tenant)
	}
	if err != nil {
		return Attachment{}, err
	}
	token, expires, err := s.tokens.issue(a)
	return Attachment{Token: token, ExpiresAt: expires, MayType: a.mayType(a.actor)}, err
}

// run reads a Run of a ticket and the scope that it has.
func (s *Service) run(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, id helpdesk.RunID) (run helpdesk.Run, scope helpdesk.Scope, err error) {
	err = s.store.View(ctx, by.Reach(), func(tx *store.Tx) (err error) {
		if _, err = tx.Ticket(key); err != nil {
			return err
		}
		if run, err = tx.Run(id); err != nil {
			return err
		}
		if run.Ticket != key {
			return helpdesk.Errorf(helpdesk.NotFound, "There is no such run, or it is not yours to see.")
		}
		suggestion, err := tx.Suggestion(run.Suggestion)
		scope = suggestion.Scope
		return err
	})
	return run, scope, err
}

// mostTokens is how many tokens may wait to be used.
const mostTokens = 10_000

// tokens are those that were given out and not used. They do not outlive the server.
type tokens struct {
	life time.Duration
	now  func() time.Time

	mu   sync.Mutex
	open map[[sha256.Size]byte]attachment
}

func (t *tokens) issue(a attachment) (string, time.Time, error) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails
	token := "hda_" + base64.RawURLEncoding.EncodeToString(secret)
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for k, old := range t.open {
		if now.After(old.expires) {
			delete(t.open, k)
		}
	}
	if len(t.open) >= mostTokens {
		return "", time.Time{}, helpdesk.Errorf(helpdesk.TooMany, "Too many attachments are waiting to be used. Try again in half a minute.")
	}
	a.expires = now.Add(t.life)
	t.open[sha256.Sum256([]byte(token))] = a
	return token, a.expires, nil
}

var errToken = helpdesk.Errorf(helpdesk.Unauthorized, "This attachment token is unknown, was used or is over. Ask for a new one.")

// redeem takes a token; from then on it is used.
func (t *tokens) redeem(token string) (attachment, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := sha256.Sum256([]byte(token))
	a, ok := t.open[key]
	delete(t.open, key)
	if !ok || t.now().After(a.expires) {
		return attachment{}, errToken
	}
	return a, nil
}

// open finds what a token is for: among what lives, else in the records.
func (s *Service) open(ctx context.Context, a attachment) (*process, *transcript.Reader, error) {
	s.mu.Lock()
	p := s.processes[a.id]
	s.mu.Unlock()
	if p == nil {
		var err error
		if p, err = s.look(ctx, a); err != nil {
			return nil, nil, err
		}
	}
	record, err := transcript.Open(s.transcript(a.ticket, a.id))
	if errors.Is(err, fs.ErrNotExist) {
		err = helpdesk.Errorf(helpdesk.NotFound, "Nothing was recorded of this, or its recording was deleted.")
	}
	return p, record, err
}

// startTime is how long a Run that was claimed may take until the launcher has its process.
const startTime = 5 * time.Second

// look finds a process that we were not told of: one that has just started, or a record of one that is over. A Run is
// announced when it is claimed, which is a moment before the launcher has it.
func (s *Service) look(ctx context.Context, a attachment) (*process, error) {
	late, again := time.NewTimer(startTime), time.NewTicker(5*time.Millisecond)
	defer late.Stop()
	defer again.Stop()
	for {
		if p, err := s.listed(ctx, a.id); p != nil || err != nil {
			return p, err
		}
		p, err := s.recorded(a)
		if !a.claimed || err == nil && p.status.Exit != nil {
			return p, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-late.C:
			a.claimed = false // whoever claimed it was lost
		case <-again.C:
		}
	}
}

// recorded makes a process of the record of one that is over.
func (s *Service) recorded(a attachment) (*process, error) {
	record, err := transcript.Open(s.transcript(a.ticket, a.id))
	if err != nil {
		return nil, helpdesk.WithCause(helpdesk.NotFound, err, "Nothing was recorded of this, or its recording was deleted.")
	}
	info, err := record.Info()
	if err != nil {
		return nil, err
	}
	st := launch.Status{ID: a.id, Ticket: string(a.ticket), Started: info.Start.At, End: info.Size, Cut: info.Cut}
	st.Cols, st.Rows = lastSize(record)
	p := s.newProcess(st)
	p.over = true
	p.reason = "What it ended with is not known: the launcher was restarted."
	if f := info.Finish; f != nil {
		p.reason = ""
		p.status.Exit = &launch.Exit{Code: f.Finish.Code, Signal: f.Finish.Signal, TimedOut: f.Finish.TimedOut, Stopped: f.Finish.Stopped, At: f.At}
	}
	return p, nil
}

// listed asks the launcher for a process that it has; nil where it has none.
func (s *Service) listed(ctx context.Context, id string) (*process, error) {
	list, err := s.launcher.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, st := range list {
		if st.ID == id {
			s.Notice(st)
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.processes[id], nil
		}
	}
	return nil, nil
}

func lastSize(r *transcript.Reader) (cols, rows uint16) {
	for rec, err := range r.Records() {
		switch {
		case err != nil:
			return cols, rows
		case rec.Kind == transcript.KindStart:
			cols, rows = uint16(rec.Start.Cols), uint16(rec.Start.Rows)
		case rec.Kind == transcript.KindResize:
			cols, rows = uint16(rec.Cols), uint16(rec.Rows)
		}
	}
	return cols, rows
}
