// Package workspace keeps each ticket's directory of files.
//
// It promises:
//
//   - A Workspace is made when it is first needed and removed when its ticket is closed or deleted; each of both
//     is in the ticket's log exactly once, also after a crash in the middle. A reopened ticket has a new, empty one.
//   - Files are reached by the tenant's own uid through the launcher, never by this process: only regular files, by
//     relative paths without "..", no links followed.
//   - Whoever asks must be within reach of the ticket; what is not theirs is not there. Nothing is written for a
//     closed ticket.
//   - What was written through HelpDesk is in the log with its size and hash, after it is on disk.
package workspace

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/keyed"
	"helpdesk/internal/launch"
	"helpdesk/internal/store"
)

// MaxFile is the most bytes a file may have that goes through HelpDesk.
const MaxFile = launch.MaxFile

// Launcher is what this package needs of a launch.Client.
type Launcher interface {
	Tickets(ctx context.Context, slot int) ([]string, error)
	CreateWorkspace(ctx context.Context, slot int, ticket string) error
	RemoveWorkspace(ctx context.Context, slot int, ticket string) error
	ListFiles(ctx context.Context, slot int, ticket, dir string, deep bool) ([]launch.File, error)
	ReadFile(ctx context.Context, slot int, ticket, path string) ([]byte, launch.File, error)
	WriteFile(ctx context.Context, slot int, ticket, path string, content []byte, executable bool) (launch.File, error)
	DeleteFile(ctx context.Context, slot int, ticket, path string) error
	WorkspaceUsage(ctx context.Context, slot int, ticket string) (launch.Usage, error)
}

// Store is what this package needs of a store.Store.
type Store interface {
	View(ctx context.Context, reach helpdesk.Reach, fn func(*store.Tx) error) error
	Update(ctx context.Context, tenant helpdesk.TenantID, fn func(*store.Tx) error) error
	SystemView(ctx context.Context, p store.Purpose, fn func(*store.System) error) error
}

// Config configures a Service.
type Config struct {
	Now func() time.Time // default time.Now
	Log *slog.Logger     // default: discard
}

// Service keeps the Workspaces. Its methods may be called from any number of goroutines.
type Service struct {
	cfg      Config
	store    Store
	launcher Launcher
	locks    keyed.Mutex[helpdesk.TicketKey] // held while a Workspace comes or goes

	mu   sync.Mutex
	open map[helpdesk.TicketKey]bool // those known to be there; a shortcut, the log is the truth
}

// New makes the service. It starts nothing.
func New(cfg Config, s Store, l Launcher) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg: cfg, store: s, launcher: l, open: map[helpdesk.TicketKey]bool{}}
}

// File is one entry of a Workspace.
type File struct {
	Path       string
	Dir        bool
	Other      bool // a link, a FIFO or the like: listed, and never opened
	Size       int64
	Executable bool
	ModTime    time.Time
}

func fileOf(f launch.File) File {
	return File{Path: f.Path, Dir: f.Dir, Other: f.Other, Size: f.Size, Executable: !f.Dir && f.Mode&0o100 != 0, ModTime: f.ModTime}
}

// Ensure makes the ticket's Workspace where there is none.
func (s *Service) Ensure(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) error {
	_, _, err := s.ensure(ctx, by, key)
	return err
}

func (s *Service) ensure(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) (helpdesk.Ticket, helpdesk.Tenant, error) {
	defer s.locks.Lock(key)()
	ticket, tenant, err := s.find(ctx, by, key)
	if err == nil && (ticket.Status == helpdesk.TicketClosed || ticket.Closing) {
		err = errClosed(key)
	}
	if err != nil || s.known(key) {
		return ticket, tenant, err
	}
	if err := s.launcher.CreateWorkspace(ctx, tenant.Slot, string(key)); err != nil {
		return ticket, tenant, err
	}
	err = s.store.Update(ctx, ticket.Tenant, func(tx *store.Tx) error {
		ticket, err := tx.LockTicket(key)
		if err != nil {
			return err
		}
		number, open, err := tx.Workspace(key)
		if err != nil || open {
			return err
		}
		ticket.Workspace = number + 1
		if err := tx.SaveTicket(ticket); err != nil {
			return err
		}
		_, err = tx.Emit(key, by.By(), event.WorkspaceOpened{Number: ticket.Workspace}, s.cfg.Now())
		return err
	})
	if err == nil {
		s.mark(key, true)
	}
	return ticket, tenant, err
}

func errClosed(key helpdesk.TicketKey) error {
	return helpdesk.Errorf(helpdesk.Conflict, "%s is closed, so it has no Workspace. Reopen it to get a new one.", key)
}

// find reads a ticket and its tenant. The tenant is read once more, as the system, since a member's reach is over
// tickets, and the slot is nobody's business but ours.
func (s *Service) find(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey) (ticket helpdesk.Ticket, tenant helpdesk.Tenant, err error) {
	if err = s.store.View(ctx, by.Reach(), func(tx *store.Tx) (err error) {
		ticket, err = tx.Ticket(key)
		return err
	}); err != nil {
		return ticket, tenant, err
	}
	tenant, err = s.tenant(ctx, ticket.Tenant)
	return ticket, tenant, err
}

func (s *Service) tenant(ctx context.Context, id helpdesk.TenantID) (tenant helpdesk.Tenant, err error) {
	err = s.store.SystemView(ctx, store.Directory, func(tx *store.System) error {
		tenants, err := tx.Tenants(helpdesk.System("workspace").Reach().Only(id))
		if err == nil && len(tenants) != 1 {
			err = helpdesk.Errorf(helpdesk.NotFound, "The ticket's tenant is not there any more.")
		}
		if err == nil {
			tenant = tenants[0]
		}
		return err
	})
	return tenant, err
}

func (s *Service) known(key helpdesk.TicketKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[key]
}

func (s *Service) mark(key helpdesk.TicketKey, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if open {
		s.open[key] = true
	} else {
		delete(s.open, key)
	}
}

// List lists a directory of the Workspace, "" for its root, by name; with deep, all that is below it. Where there
// is no Workspace there are no files.
func (s *Service) List(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, dir string, deep bool) ([]File, error) {
	if dir != "" {
		if err := CheckPath(dir); err != nil {
			return nil, err
		}
	}
	_, tenant, err := s.find(ctx, by, key)
	if err != nil {
		return nil, err
	}
	list, err := s.launcher.ListFiles(ctx, tenant.Slot, string(key), dir, deep)
	if dir == "" && helpdesk.KindOf(err) == helpdesk.NotFound {
		err = nil
	}
	files := make([]File, len(list))
	for i, f := range list {
		files[i] = fileOf(f)
	}
	return files, err
}

// Read reads a file.
func (s *Service) Read(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, path string) ([]byte, File, error) {
	if err := CheckPath(path); err != nil {
		return nil, File{}, err
	}
	_, tenant, err := s.find(ctx, by, key)
	if err != nil {
		return nil, File{}, err
	}
	content, f, err := s.launcher.ReadFile(ctx, tenant.Slot, string(key), path)
	return content, fileOf(f), err
}

// Write makes or replaces a file, whole or not at all.
func (s *Service) Write(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, path string, content []byte, executable bool) (File, error) {
	if err := CheckPath(path); err != nil {
		return File{}, err
	}
	if len(content) > MaxFile {
		return File{}, helpdesk.Errorf(helpdesk.TooLarge, "The file is %d bytes long; the limit is %d.", len(content), MaxFile)
	}
	ticket, tenant, err := s.ensure(ctx, by, key)
	if err != nil {
		return File{}, err
	}
	f, err := s.launcher.WriteFile(ctx, tenant.Slot, string(key), path, content, executable)
	if err != nil {
		return File{}, err
	}
	return fileOf(f), s.emit(ctx, ticket.Tenant, key, by.By(), written(path, content))
}

func written(path string, content []byte) event.FileChanged {
	sum := sha256.Sum256(content)
	return event.FileChanged{Path: path, Change: "written", Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
}

// Delete deletes a file, or a directory with all that is in it.
func (s *Service) Delete(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, path string) error {
	if err := CheckPath(path); err != nil {
		return err
	}
	ticket, tenant, err := s.find(ctx, by, key)
	if err == nil && ticket.Status == helpdesk.TicketClosed {
		err = errClosed(key)
	}
	if err != nil {
		return err
	}
	if err := s.launcher.DeleteFile(ctx, tenant.Slot, string(key), path); err != nil {
		return err
	}
	return s.emit(ctx, ticket.Tenant, key, by.By(), event.FileChanged{Path: path, Change: "deleted"})
}

// WriteProposed writes the files that a decided command needs, just before its Run. Either all are there when it
// returns without an error, or the Run must not begin.
func (s *Service) WriteProposed(ctx context.Context, by helpdesk.Actor, key helpdesk.TicketKey, files []helpdesk.ProposedFile) error {
	for _, f := range files {
		if err := CheckPath(f.Path); err != nil {
			return err
		}
	}
	ticket, tenant, err := s.ensure(ctx, by, key)
	if err != nil {
		return err
	}
	facts := make([]event.Fact, 0, len(files))
	for _, f := range files {
		if _, err = s.launcher.WriteFile(ctx, tenant.Slot, string(key), f.Path, []byte(f.Content), false); err != nil {
			break
		}
		facts = append(facts, written(f.Path, []byte(f.Content)))
	}
	return errors.Join(err, s.emit(ctx, ticket.Tenant, key, by.By(), facts...))
}

func (s *Service) emit(ctx context.Context, tenant helpdesk.TenantID, key helpdesk.TicketKey, by helpdesk.By, facts ...event.Fact) error {
	if len(facts) == 0 {
		return nil
	}
	// The file is there whether or not whoever asked still listens.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return s.store.Update(ctx, tenant, func(tx *store.Tx) error {
		for _, f := range facts {
			if _, err := tx.Emit(key, by, f, s.cfg.Now()); err != nil {
				return err
			}
		}
		return nil
	})
}
