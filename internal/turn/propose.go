package turn

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/shell"
	"helpdesk/internal/store"
)

// propose commits a command that the agent proposes, with everything that a decision will bind.
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
		Command: p.Command, Purpose: p.Purpose, Expected: p.Expected, Scope: p.Scope, Cwd: "/workspace", Place: string(r.tenant.Place),
		Files: p.Files, Risk: shell.Worse(p.Risk, shell.Rate(p.Command)), EnvNames: slices.Sorted(slices.Values(r.tenant.Variables)),
	}
	if s.Scope == (helpdesk.Scope{}) {
		s.Scope = helpdesk.ScopeTenant
	}
	if s.Scope.Admin() {
		s.Place, s.Cwd = "host", "the ticket's workspace"
	}
	s.Digest = s.ComputeDigest()
	return r.commit(ctx, func(tx *store.Tx, now time.Time) error {
		s.At = now
		if err := tx.InsertSuggestion(s); err != nil {
			return err
		}
		_, err := tx.Emit(s.Ticket, r.by(), event.Proposed(s), now)
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
	if len(p.Command)+len(p.Purpose)+len(p.Expected) > limit || !utf8.ValidString(p.Purpose+p.Expected) {
		return helpdesk.Errorf(helpdesk.TooLarge, "The agent proposed a command whose explanation is longer than %d bytes or is not text.", limit)
	}
	for _, f := range p.Files {
		if err := helpdesk.CheckText("A file that the agent proposed", f.Content, fileLimit); err != nil {
			return err
		}
		if f.Path == "" || path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path || f.Path == ".." || strings.HasPrefix(f.Path, "../") {
			return helpdesk.Errorf(helpdesk.Invalid, "The agent proposed a file outside the ticket's workspace. Nothing of that command is offered.")
		}
	}
	return nil
}
