package launch

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"helpdesk"
)

// What the launcher keeps in the data directory. Both directories belong to it and not to the server: the server
// reads transcripts and cannot forge them, nor put a link where the launcher, perhaps root, would write.
const (
	transcriptsDir = "transcripts" // of the launcher, 0750 with the server's group: <ticket>/<id>/
	workspacesDir  = "workspaces"  // of the launcher, 0711: <slot>/ 0711, in it <ticket>/ of the tenant's uid, 0700
)

// openData makes the data directory what it must be: the server's own, with the launcher's two directories in it.
func (l *Launcher) openData() error {
	unusable := func(err error) error {
		return helpdesk.WithCause(helpdesk.Unavailable, err, "The data directory %s cannot be used: %s.", l.cfg.Data, reason(err))
	}
	dir, err := filepath.Abs(l.cfg.Data)
	if err != nil {
		return unusable(err)
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return unusable(err)
	}
	if l.cfg.Data, err = filepath.EvalSymlinks(dir); err != nil {
		return unusable(err)
	}
	root, err := os.OpenRoot(l.cfg.Data)
	if err != nil {
		return unusable(err)
	}
	defer root.Close()
	if l.root {
		if err := l.giveToServer(root); err != nil {
			return err
		}
		if !passable(l.cfg.Data) {
			return helpdesk.Errorf(helpdesk.Unavailable, "The data directory %s lies where other users may not go, and the server is another user. Choose one whose parents have the permission o+x, as /var/lib/helpdesk.", l.cfg.Data)
		}
	}
	if l.transcripts, err = l.ownDir(root, transcriptsDir, 0o750, l.serverGID); err != nil {
		return unusable(err)
	}
	if l.workspaces, err = l.ownDir(root, workspacesDir, 0o711, -1); err != nil {
		return unusable(err)
	}
	return nil
}

// giveToServer makes the directory the server's. It takes only one that is empty, or is HelpDesk's already: nobody's
// /etc changes hands because of a slip in a configuration.
func (l *Launcher) giveToServer(root *os.Root) error {
	info, err := root.Stat(".")
	if err != nil {
		return err
	}
	if owner := int(info.Sys().(*syscall.Stat_t).Uid); owner != l.serverUID {
		dir, err := root.Open(".")
		if err != nil {
			return err
		}
		names, err := dir.Readdirnames(1)
		dir.Close()
		if _, serr := root.Lstat(transcriptsDir); len(names) > 0 && serr != nil {
			return helpdesk.WithCause(helpdesk.Unavailable, err, "The data directory %s is not empty and not HelpDesk's. Choose an empty or a new one.", l.cfg.Data)
		}
	}
	if err := root.Chown(".", l.serverUID, l.serverGID); err != nil {
		return helpdesk.WithCause(helpdesk.Unavailable, err, "The data directory %s cannot be given to the server's user %d.", l.cfg.Data, l.serverUID)
	}
	return root.Chmod(".", 0o711)
}

// ownDir opens a directory of the launcher, and makes it if it is not there. One that somebody else made is refused.
func (l *Launcher) ownDir(root *os.Root, name string, perm fs.FileMode, gid int) (*os.Root, error) {
	if err := root.Mkdir(name, perm); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
		return nil, helpdesk.Errorf(helpdesk.Unavailable, "%s in it is not the launcher's own directory; remove it or restore it", name)
	}
	dir, err := root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	if l.root && gid >= 0 {
		err = dir.Chown(".", 0, gid)
	}
	if err = errors.Join(err, dir.Chmod(".", perm)); err != nil {
		dir.Close()
		return nil, err
	}
	return dir, nil
}

// reason is what of a system error may be shown.
func reason(err error) string {
	var public *helpdesk.Error
	if errors.As(err, &public) {
		return public.Public
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return "the log says why"
}

// passable says whether every user may go to the directory: all above it must be open to others.
func passable(dir string) bool {
	for d := filepath.Dir(dir); ; d = filepath.Dir(d) {
		var st unix.Stat_t
		if unix.Stat(d, &st) != nil || st.Mode&0o001 == 0 {
			return false
		}
		if d == "/" {
			return true
		}
	}
}

// checkUIDs refuses a range of uids in which somebody lives already.
func checkUIDs(first, last int) error {
	if first < 1000 || last <= first || last >= 1<<31 {
		return helpdesk.Errorf(helpdesk.Invalid, "The range of user ids %d-%d cannot be used: it must begin at 1000 or above and hold at least two.", first, last)
	}
	taken := func(file string, read func([]string) (from, count int, ok bool)) error {
		f, err := os.Open(file)
		if err != nil {
			return nil // there is nobody to collide with
		}
		defer f.Close()
		for in := bufio.NewScanner(f); in.Scan(); {
			fields := strings.Split(in.Text(), ":")
			if from, count, ok := read(fields); ok && from <= last && from+count > first {
				return helpdesk.Errorf(helpdesk.Conflict, "The user ids %d-%d for tenants collide with those of %q in %s. Choose another range.", first, last, fields[0], file)
			}
		}
		return nil
	}
	number := func(fields []string, i int) (int, bool) {
		if i >= len(fields) {
			return 0, false
		}
		n, err := strconv.Atoi(fields[i])
		return n, err == nil
	}
	account := func(fields []string) (int, int, bool) { id, ok := number(fields, 2); return id, 1, ok }
	subordinate := func(fields []string) (int, int, bool) {
		from, ok := number(fields, 1)
		count, ok2 := number(fields, 2)
		return from, count, ok && ok2
	}
	for _, err := range []error{
		taken("/etc/passwd", account), taken("/etc/group", account),
		taken("/etc/subuid", subordinate), taken("/etc/subgid", subordinate),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}
