package workspace_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
	"helpdesk/internal/workspace"
)

func TestMain(m *testing.M) { launchtest.Main(m) }

const tenant helpdesk.TenantID = "tenant-blue"

var (
	ann = helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "ann", Name: "Ann", Tenants: []helpdesk.TenantID{tenant}}
	eve = helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "eve", Name: "Eve", Tenants: []helpdesk.TenantID{"tenant-red"}}
)

type house struct {
	*workspace.Service
	t        *testing.T
	store    *store.Store
	launcher *launchtest.Launcher
	ticket   helpdesk.TicketKey
}

func open(t *testing.T) *house {
	h := &house{t: t, launcher: launchtest.Start(t, launchtest.Config{})}
	h.store = storetest.Open(t, store.Config{Dir: storetest.SQLite(t)})
	h.must(h.store.SystemUpdate(h.ctx(), store.Directory, func(tx *store.System) error {
		_, err := tx.InsertTenant(helpdesk.Tenant{ID: tenant, Key: "blue", Name: "Blue", Prefix: "BL", Place: helpdesk.PlaceSandbox, CreatedAt: time.Now()})
		return err
	}))
	h.ticket = h.newTicket()
	h.again()
	return h
}

// again makes a new Service, as a server that is started again does.
func (h *house) again() { h.Service = workspace.New(workspace.Config{}, h.store, h.launcher.Client) }

func (h *house) ctx() context.Context { return h.launcher.Context() }

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) newTicket() (key helpdesk.TicketKey) {
	h.must(h.store.Update(h.ctx(), tenant, func(tx *store.Tx) error {
		prefix, n, err := tx.NextTicketNumber()
		if err != nil {
			return err
		}
		key = helpdesk.MakeTicketKey(prefix, n)
		return tx.InsertTicket(helpdesk.Ticket{Key: key, Tenant: tenant, Status: helpdesk.TicketOpen, Activity: helpdesk.ActivityIdle, CreatedBy: ann.By(), CreatedAt: time.Now(), ChangedAt: time.Now()})
	}))
	return key
}

func (h *house) setStatus(s helpdesk.TicketStatus) {
	h.t.Helper()
	h.must(h.store.Update(h.ctx(), tenant, func(tx *store.Tx) error {
		x, err := tx.LockTicket(h.ticket)
		if err != nil {
			return err
		}
		x.Status = s
		return tx.SaveTicket(x)
	}))
}

// log tells the ticket's log in short.
func (h *house) log() (lines []string) {
	h.t.Helper()
	h.must(h.store.View(h.ctx(), ann.Reach(), func(tx *store.Tx) error {
		events, err := tx.Timeline(h.ticket, store.Span{Limit: 1000})
		for _, e := range events {
			f, err := event.Decode(e.Kind, e.Data)
			if err != nil {
				return err
			}
			switch f := f.(type) {
			case event.WorkspaceOpened:
				lines = append(lines, fmt.Sprintf("%s opened %d", e.Actor.Name, f.Number))
			case event.WorkspaceRemoved:
				lines = append(lines, fmt.Sprintf("%s removed %d with %d files", e.Actor.Name, f.Number, f.Files))
			case event.FileChanged:
				lines = append(lines, fmt.Sprintf("%s %s %s, %d %.8s", e.Actor.Name, f.Change, f.Path, f.Size, f.SHA256))
			}
		}
		return err
	}))
	return lines
}

func (h *house) onDisk() string {
	return filepath.Join(h.launcher.Data, "workspaces", "1", string(h.ticket))
}

func TestTheFilesOfATicketFromItsFirstToItsReopening(t *testing.T) {
	h := open(t)
	if files, err := h.List(h.ctx(), ann, h.ticket, "", true); err != nil || len(files) != 0 {
		t.Errorf("a new ticket has files %v, %v", files, err)
	}
	f, err := h.Write(h.ctx(), ann, h.ticket, "notes/plan.md", []byte("hello\n"), false)
	h.must(err)
	if f.Path != "notes/plan.md" || f.Size != 6 || f.Executable {
		t.Errorf("wrote %+v", f)
	}
	h.must(h.WriteProposed(h.ctx(), ann, h.ticket, []helpdesk.ProposedFile{{Path: "fix.sh", Content: "echo fixed\n"}, {Path: "notes/plan.md", Content: "hi\n"}}))
	content, _, err := h.Read(h.ctx(), ann, h.ticket, "notes/plan.md")
	if string(content) != "hi\n" || err != nil {
		t.Errorf("read %q, %v", content, err)
	}
	files, err := h.List(h.ctx(), ann, h.ticket, "", true)
	h.must(err)
	want := []workspace.File{{Path: "fix.sh", Size: 11}, {Path: "notes", Dir: true}, {Path: "notes/plan.md", Size: 3}}
	if diff := cmp.Diff(want, files, cmpopts.IgnoreFields(workspace.File{}, "ModTime"), cmpopts.SortSlices(func(a, b workspace.File) bool { return a.Path < b.Path }),
		cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Size" }, cmp.Comparer(func(a, b int64) bool { return a == b || a == 0 || b == 0 }))); diff != "" {
		t.Error(diff)
	}
	h.must(h.Delete(h.ctx(), ann, h.ticket, "fix.sh"))

	h.setStatus(helpdesk.TicketClosed)
	for name, err := range map[string]error{
		"write":    second(h.Write(h.ctx(), ann, h.ticket, "late", nil, false)),
		"delete":   h.Delete(h.ctx(), ann, h.ticket, "notes"),
		"ensure":   h.Ensure(h.ctx(), ann, h.ticket),
		"proposed": h.WriteProposed(h.ctx(), ann, h.ticket, []helpdesk.ProposedFile{{Path: "late"}}),
	} {
		if helpdesk.KindOf(err) != helpdesk.Conflict {
			t.Errorf("%s on a closed ticket: %v", name, err)
		}
	}
	h.must(h.Remove(h.ctx(), tenant, h.ticket))
	h.must(h.Remove(h.ctx(), tenant, h.ticket))
	if _, err := os.Stat(h.onDisk()); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}

	h.setStatus(helpdesk.TicketOpen)
	h.must(h.Ensure(h.ctx(), ann, h.ticket))
	h.must(h.Ensure(h.ctx(), ann, h.ticket))
	h.again() // knows nothing, and says nothing twice
	h.must(h.Ensure(h.ctx(), ann, h.ticket))
	if files, err := h.List(h.ctx(), ann, h.ticket, "", true); err != nil || len(files) != 0 {
		t.Errorf("a reopened ticket has files %v, %v", files, err)
	}
	if diff := cmp.Diff([]string{
		"Ann opened 1", "Ann written notes/plan.md, 6 5891b5b5", "Ann written fix.sh, 11 8ea33ba5", "Ann written notes/plan.md, 3 98ea6e4f",
		"Ann deleted fix.sh, 0 ", "HelpDesk removed 1 with 2 files", "Ann opened 2",
	}, h.log(), cmp.Comparer(func(a, b string) bool { // of the hash only that it is there, of the count only that there is one
		return a == b || strings.HasPrefix(a, "Ann written") && a[:len(a)-8] == b[:max(0, len(b)-8)] || strings.Contains(a, "removed 1") && strings.Contains(b, "removed 1")
	})); diff != "" {
		t.Error(diff)
	}
}

func second[T any](_ T, err error) error { return err }

func TestWhatIsNotYoursIsNotThere(t *testing.T) {
	h := open(t)
	second(h.Write(h.ctx(), ann, h.ticket, "a", []byte("secret"), false))
	_, _, readErr := h.Read(h.ctx(), eve, h.ticket, "a")
	for name, err := range map[string]error{
		"list": second(h.List(h.ctx(), eve, h.ticket, "", false)), "read": readErr,
		"write":  second(h.Write(h.ctx(), eve, h.ticket, "a", nil, false)),
		"delete": h.Delete(h.ctx(), eve, h.ticket, "a"), "ensure": h.Ensure(h.ctx(), eve, h.ticket),
	} {
		if helpdesk.KindOf(err) != helpdesk.NotFound {
			t.Errorf("%s by a stranger: %v", name, err)
		}
	}
	if _, err := h.Write(h.ctx(), ann, h.ticket, "big", make([]byte, workspace.MaxFile+1), false); helpdesk.KindOf(err) != helpdesk.TooLarge {
		t.Errorf("a file over the limit: %v", err)
	}
	if _, err := h.Write(h.ctx(), ann, h.ticket, "big", make([]byte, workspace.MaxFile), false); err != nil {
		t.Errorf("a file at the limit: %v", err)
	}
}

func TestAStartSweepsWhatNoOpenTicketHas(t *testing.T) {
	h := open(t)
	open := h.ticket
	h.must(h.Ensure(h.ctx(), ann, open))
	h.ticket = h.newTicket()
	second(h.Write(h.ctx(), ann, h.ticket, "a", []byte("a"), false))
	closed := h.ticket
	h.setStatus(helpdesk.TicketClosed)
	h.must(h.launcher.CreateWorkspace(h.ctx(), 1, "BL-999")) // of a ticket that is erased
	// A ticket that was being closed when the server ended: its shell still lives.
	ending := h.newTicket()
	h.must(second(h.launcher.Start(h.ctx(), launch.Spec{ID: "lives", Kind: launch.Private, Slot: 1, Ticket: string(ending), Argv: []string{"sleep", "3600"}})))
	h.ticket = ending
	h.setStatus(helpdesk.TicketClosed)
	h.again()
	h.must(h.Run(h.ctx()))
	h.must(h.Run(h.ctx()))
	left, err := h.launcher.Tickets(h.ctx(), 1)
	slices.Sort(left)
	if diff := cmp.Diff([]string{string(open), string(ending)}, left); diff != "" || err != nil {
		t.Errorf("left are %v, %v", left, err)
	}
	h.ticket = closed
	if got := h.log(); len(got) != 3 || got[2] != "HelpDesk removed 1 with 1 files" {
		t.Errorf("the log says %q", got)
	}
}

func TestPaths(t *testing.T) {
	for _, good := range []string{"a", "a/b.c", ".hidden", "ünï/☃", "a b", strings.Repeat("x", 255), "-rf", "...", "a..b/c"} {
		if err := workspace.CheckPath(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "/", "/etc/passwd", "..", "../a", "a/../b", "a/..", "./a", "a//b", "a/", strings.Repeat("x", 256), "a\x00b", "a\nb", "\xff", "a\u0085b", strings.Repeat("a/", 40) + "a", strings.Repeat("abcdefgh/", 200)} {
		if err := workspace.CheckPath(bad); err == nil || helpdesk.KindOf(err) == helpdesk.Internal {
			t.Errorf("%.60q: %v", bad, err)
		}
	}
}

func FuzzCheckPath(f *testing.F) {
	f.Add("notes/plan.md")
	f.Add("../x")
	f.Fuzz(func(t *testing.T, path string) {
		if workspace.CheckPath(path) == nil && (!filepath.IsLocal(path) || filepath.Clean(path) != path) {
			t.Errorf("%q is taken, and is not a plain local path", path)
		}
	})
}
