package launch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"helpdesk"
)

// The launcher makes a ticket's directory and takes the empty one away; what is inside is a helper's business, see
// helper_linux.go. The directories above it belong to the launcher, so no tenant and no server can put a link there.

func checkPlace(slot int, ticket string) error {
	if err := checkSlot(slot); err != nil {
		return err
	}
	return checkTicket(ticket)
}

var errNoWorkspace = helpdesk.Errorf(helpdesk.NotFound, "The ticket has no Workspace.")

// createWorkspace makes a ticket's directory, or completes one whose making was interrupted.
func (l *Launcher) createWorkspace(slot int, ticket string) error {
	if err := checkPlace(slot, ticket); err != nil {
		return err
	}
	uid, err := l.uid(slot)
	if err != nil {
		return err
	}
	fail := func(err error) error {
		return helpdesk.WithCause(helpdesk.Unavailable, err, "The Workspace cannot be made: %s.", reason(err))
	}
	slotDir := strconv.Itoa(slot)
	if err := l.workspaces.Mkdir(slotDir, 0o711); err == nil {
		err = l.workspaces.Chmod(slotDir, 0o711)
		if err != nil {
			return fail(err)
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return fail(err)
	}
	path := filepath.Join(slotDir, ticket)
	if err := l.workspaces.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fail(err)
	}
	info, err := l.workspaces.Lstat(path)
	if err != nil {
		return fail(err)
	}
	owner := int(info.Sys().(*syscall.Stat_t).Uid)
	if owner == uid {
		return nil
	}
	if owner != os.Geteuid() {
		return fail(errors.New("it belongs to somebody else"))
	}
	if err := l.workspaces.Lchown(path, uid, uid); err != nil {
		return fail(err)
	}
	return nil
}

// openWorkspace opens a directory in a Workspace without following a link on the way.
func (l *Launcher) openWorkspace(slot int, ticket, cwd string) (*os.File, error) {
	base, err := l.workspaces.Open(".")
	if err != nil {
		return nil, err
	}
	defer base.Close()
	path := filepath.Join(strconv.Itoa(slot), ticket, cwd)
	fd, err := unix.Openat2(int(base.Fd()), path, &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: resolveStrictly})
	if err != nil {
		return nil, helpdesk.WithCause(helpdesk.NotFound, err, "There is no directory %q in the Workspace.", cwd)
	}
	return os.NewFile(uintptr(fd), path), nil
}

func (l *Launcher) tickets(slot int) ([]string, error) {
	if err := checkSlot(slot); err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(l.workspaces.FS(), strconv.Itoa(slot))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, helpdesk.WithCause(helpdesk.Unavailable, err, "The Workspaces cannot be listed: %s.", reason(err))
	}
	keys := []string{}
	for _, e := range entries {
		if checkTicket(e.Name()) == nil {
			keys = append(keys, e.Name())
		}
	}
	slices.Sort(keys)
	return keys, nil
}

func (l *Launcher) removeWorkspace(slot int, ticket string) error {
	if err := checkPlace(slot, ticket); err != nil {
		return err
	}
	if l.busy(ticket) {
		return helpdesk.Errorf(helpdesk.Conflict, "Something of the ticket still runs; stop it first.")
	}
	path := filepath.Join(strconv.Itoa(slot), ticket)
	if _, err := l.workspaces.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	_, _, err := l.help(request{Op: opRemoveWorkspace, Slot: slot, Ticket: ticket}, nil)
	if err == nil {
		err = l.workspaces.Remove(path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && l.root {
		// The unconfined shell may have left what belongs to root. Nothing of the ticket runs any more, and
		// os.Root follows no link out of the directory.
		err = l.workspaces.RemoveAll(path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return helpdesk.WithCause(helpdesk.Unavailable, err, "The Workspace could not be removed whole; it is tried again later.")
	}
	return nil
}

func (l *Launcher) deleteTranscripts(ticket string) error {
	if err := checkTicket(ticket); err != nil {
		return err
	}
	if l.busy(ticket) {
		return helpdesk.Errorf(helpdesk.Conflict, "Something of the ticket still runs; stop it first.")
	}
	size, err := recorded(l.transcripts, ticket)
	if err == nil {
		err = l.transcripts.RemoveAll(ticket)
	}
	if err != nil {
		return helpdesk.WithCause(helpdesk.Unavailable, err, "The recordings could not be deleted: %s.", reason(err))
	}
	l.records.free(ticket, size)
	return nil
}

// files checks a request about files and lets the tenant's helper do it.
func (l *Launcher) files(q request, body []byte) (reply, []byte, error) {
	if err := checkPlace(q.Slot, q.Ticket); err != nil {
		return reply{}, nil, err
	}
	if q.Path != "" || q.Op != opListFiles && q.Op != opUsage {
		if _, err := splitPath(q.Path); err != nil {
			return reply{}, nil, err
		}
	}
	if _, err := l.workspaces.Lstat(filepath.Join(strconv.Itoa(q.Slot), q.Ticket)); err != nil {
		return reply{}, nil, errNoWorkspace
	}
	return l.help(q, body)
}
