package turn

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/place"
	"helpdesk/internal/shell"
	"helpdesk/internal/store"
)

// mostFiles is how many files one command may need.
const mostFiles = 100

// propose commits a command that the agent proposes, with everything that a decision will bind. Where its scope has
// no place on this server the card says so from the start: it can be read, and rejected so that the agent hears of
// it, and approving it is refused.
func (r *round) propose(ctx context.Context, p helpdesk.Proposal) error {
	cfg := r.engine.cfg
	if r.proposed++; r.proposed > cfg.Suggestions {
		return helpdesk.Errorf(helpdesk.TooMany, "The agent proposed more than %d commands in one reply. The first %d are kept.", cfg.Suggestions, cfg.Suggestions)
	}
	if err := check(p, cfg.Suggestion, cfg.Files); err != nil {
		return err
	}
	s := helpdesk.Suggestion{
		ID: helpdesk.SuggestionID(uuid.Must(uuid.NewV7()).String()), Ticket: r.turn.Ticket, Tenant: r.turn.Tenant, Turn: r.turn.ID,
		Agent: r.turn.Agent, Instance: r.turn.Instance, Position: r.proposed, State: helpdesk.SuggestionProposed,
		Command: p.Command, Purpose: p.Purpose, Expected: p.Expected, Scope: p.Scope,
		Files: p.Files, Risk: shell.Worse(p.Risk, shell.Rate(p.Command)),
	}
	if s.Scope == (helpdesk.Scope{}) {
		s.Scope = helpdesk.ScopeTenant
	}
	at, none := place.For(r.tenant, s.Scope)
	s.Place, s.Cwd, s.EnvNames = at.Name, at.Shown(), at.EnvNames(r.tenant)
	s.Digest = s.ComputeDigest()
	return r.commit(ctx, func(tx *store.Tx, now time.Time) error {
		s := s
		s.At = now
		if err := tx.InsertSuggestion(s); err != nil {
			return err
		}
		if _, err := tx.Emit(s.Ticket, r.by(), event.Proposed(s), now); err != nil || none == nil {
			return err
		}
		s.Note = "It cannot be run here. " + helpdesk.PublicText(none)
		if err := tx.SaveSuggestion(s, s.State); err != nil {
			return err
		}
		_, err := tx.Emit(s.Ticket, system, event.SuggestionMoved{ID: string(s.ID), State: string(s.State), Note: s.Note}, now)
		return err
	})
}

// check refuses a proposal that could not be shown or carried out as it stands.
func check(p helpdesk.Proposal, limit, fileLimit int) error {
	if err := helpdesk.CheckText("The command that the agent proposed", p.Command, limit); err != nil {
		return err
	}
	if strings.TrimSpace(p.Command) == "" {
		return helpdesk.Errorf(helpdesk.Invalid, "The agent proposed an empty command.")
	}
	for _, text := range []string{p.Purpose, p.Expected} {
		if err := helpdesk.CheckText("The explanation of a command that the agent proposed", text, limit-len(p.Command)); err != nil {
			return err
		}
	}
	if len(p.Files) > mostFiles {
		return helpdesk.Errorf(helpdesk.TooMany, "The agent proposed a command with %d files; the limit is %d. Nothing of that command is offered.", len(p.Files), mostFiles)
	}
	names := map[string]bool{} // of files and of the directories they are in
	files := map[string]bool{}
	for _, f := range p.Files {
		if err := helpdesk.CheckText("A file that the agent proposed", f.Content, fileLimit); err != nil {
			return err
		}
		if err := helpdesk.CheckPath(f.Path); err != nil {
			return helpdesk.WithCause(helpdesk.Invalid, err, "The agent proposed a file that cannot be in the ticket's workspace. Nothing of that command is offered. %s", helpdesk.PublicText(err))
		}
		if names[f.Path] {
			return errTwice(f.Path)
		}
		files[f.Path] = true
		for dir := f.Path; dir != ""; {
			names[dir] = true
			dir = dir[:max(0, strings.LastIndexByte(dir, '/'))]
			if files[dir] {
				return errTwice(dir)
			}
		}
	}
	return nil
}

func errTwice(path string) error {
	return helpdesk.Errorf(helpdesk.Invalid, "The agent proposed a command that needs %q twice, as two files or as a file and a directory. Nothing of that command is offered.", line(path, lineLimit))
}
