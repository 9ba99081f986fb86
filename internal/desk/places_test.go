package desk_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/approval"
	"helpdesk/internal/desk"
	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
	"helpdesk/internal/terminal"
	"helpdesk/internal/workspace"
)

// places is the real clearing: what a server joins its desk to.
type places struct {
	runs      *approval.Service
	terminals *terminal.Service
	files     *workspace.Service
	launcher  *launchtest.Launcher
}

func (p places) StopRuns(ctx context.Context, t helpdesk.TenantID, key helpdesk.TicketKey) error {
	return p.runs.StopRuns(ctx, t, key)
}

func (p places) EndTerminals(ctx context.Context, _ helpdesk.TenantID, key helpdesk.TicketKey) error {
	return p.terminals.EndAll(ctx, key)
}

func (p places) RemoveWorkspace(ctx context.Context, t helpdesk.TenantID, key helpdesk.TicketKey) error {
	return p.files.Remove(ctx, t, key)
}

func (p places) DeleteRecordings(ctx context.Context, key helpdesk.TicketKey) error {
	return p.launcher.DeleteTranscripts(ctx, string(key))
}

type noVariables struct{}

func (noVariables) Environment(context.Context, helpdesk.TenantID) (map[string]string, error) {
	return map[string]string{}, nil
}

// A ticket is closed while a command runs and a terminal is open: both end, in that order, before the workspace goes.
// Reopened it has a new, empty one. Erased it leaves nothing on disk.
func TestClosingWhatReallyRuns(t *testing.T) {
	h := open(t, storetest.Open(t, store.Config{Dir: storetest.SQLite(t)}))
	var p places
	var joined atomic.Bool
	p.launcher = launchtest.Start(t, launchtest.Config{Notify: func(st launch.Status) {
		if joined.Load() {
			p.runs.Notice(st)
			p.terminals.Notice(st)
		}
	}})
	p.files = workspace.New(workspace.Config{}, h.store, p.launcher.Client)
	p.terminals = terminal.New(terminal.Config{}, h.store, p.launcher.Client, noVariables{}, p.files)
	p.runs = approval.New(approval.Config{
		Store: h.store, Roster: h.roster, Launcher: p.launcher.Client, Workspace: p.files, Variables: noVariables{}.Environment,
		Rights: func(context.Context, helpdesk.UserID) (helpdesk.Actor, error) { return ann, nil },
	})
	joined.Store(true)
	h.approval = p.runs
	h.cfg.Approval, h.cfg.Clearing = p.runs, p
	h.Desk = desk.New(h.cfg)
	run(t, p.runs.Run)
	run(t, p.terminals.Run)
	h.work()

	key := h.ticket("file notes.txt hi", "suggest cat notes.txt && sleep 1000")
	h.settles(key)
	h.decides(h.suggestions(key)[0], helpdesk.Execute)
	h.until("the run", func() bool {
		id := string(h.suggestions(key)[0].Run)
		return slices.ContainsFunc(p.list(t), func(st launch.Status) bool { return st.ID == id && st.Exit == nil && st.End > 0 })
	})
	if _, err := p.terminals.Open(t.Context(), ann, key, terminal.Opening{Scope: helpdesk.ScopeTenant, Cols: 80, Rows: 24}, store.Once{}); err != nil {
		t.Fatal(err)
	}
	h.changes(key, desk.Change{Status: new(helpdesk.TicketClosed)})
	run(t, h.Run)
	h.clears(key)

	s := h.suggestions(key)[0]
	if s.State != helpdesk.SuggestionRan {
		t.Errorf("what ran is %s: %s", s.State, s.Note)
	}
	var ends []string
	events, err := h.Timeline(t.Context(), ann, key, store.Span{Limit: 1000})
	must(t, err)
	for _, e := range events {
		f, err := event.Decode(e.Kind, e.Data)
		must(t, err)
		switch f := f.(type) {
		case event.RunEnded:
			ends = append(ends, fmt.Sprintf("run, stopped: %v, %s", f.Outcome.Stopped, f.Outcome.Output))
		case event.TerminalEnded:
			ends = append(ends, "terminal")
		case event.WorkspaceRemoved:
			ends = append(ends, "workspace")
		}
	}
	if diff := cmp.Diff([]string{"run, stopped: true, hi", "terminal", "workspace"}, ends); diff != "" {
		t.Errorf("what ended (-want +got):\n%s", diff)
	}
	for _, st := range p.list(t) {
		if st.Exit == nil {
			t.Errorf("still running: %+v", st)
		}
	}
	h.changes(key, desk.Change{Status: new(helpdesk.TicketOpen)})
	must(t, p.files.Ensure(t.Context(), ann, key))
	if list, err := p.files.List(t.Context(), ann, key, "", true); err != nil || len(list) != 0 {
		t.Errorf("the new workspace holds %v, %v", list, err)
	}

	record := filepath.Join(p.launcher.Data, "transcripts", string(key))
	if _, err := os.Stat(record); err != nil {
		t.Errorf("the recordings of a ticket that is still there: %v", err)
	}
	must(t, h.Delete(t.Context(), ann, key))
	run(t, h.with(func(c *desk.Config) { c.UndoDelete = time.Nanosecond }).Run)
	h.until("the erasing", func() bool { return h.gone(key) })
	if _, err := os.Stat(record); !os.IsNotExist(err) {
		t.Errorf("recordings are left: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(p.launcher.Data, "workspaces", "*", string(key)))
	if err != nil || len(left) != 0 {
		t.Errorf("workspaces are left: %v, %v", left, err)
	}
}

func (p places) list(t testing.TB) []launch.Status {
	t.Helper()
	all, err := p.launcher.List(t.Context())
	must(t, err)
	return all
}
