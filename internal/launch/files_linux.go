package launch

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"helpdesk"
)

// What follows runs in a helper, under the tenant's uid. Every file is reached by openat2 from the ticket's directory,
// which refuses all links and all ways out; a name is never resolved twice.

const resolveStrictly = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV

func doFiles(slotDir int, q request, body []byte) (reply, []byte, error) {
	fd, err := openBeneath(slotDir, q.Ticket, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return reply{}, nil, errNoWorkspace
	}
	w := workspace{os.NewFile(uintptr(fd), q.Ticket)}
	defer w.dir.Close()
	switch q.Op {
	case opListFiles:
		files, err := w.list(q.Path, q.Deep)
		return reply{Files: files}, nil, err
	case opReadFile:
		return w.read(q.Path)
	case opWriteFile:
		f, err := w.write(q.Path, body, q.Exec)
		return reply{File: &f}, nil, err
	case opDeleteFile:
		return reply{}, nil, w.delete(q.Path)
	case opUsage:
		u, err := w.usage()
		return reply{Usage: &u}, nil, err
	case opRemoveWorkspace:
		return reply{}, nil, removeInside(w.dir)
	}
	return reply{}, nil, errShape
}

// workspace is a ticket's directory, open.
type workspace struct {
	dir *os.File
}

func openBeneath(dir int, name string, flags int, mode uint32) (int, error) {
	flags |= unix.O_CLOEXEC | unix.O_NOFOLLOW
	if flags&unix.O_PATH == 0 {
		flags |= unix.O_NONBLOCK // a FIFO must not hold us up
	}
	for {
		fd, err := unix.Openat2(dir, name, &unix.OpenHow{
			Flags: uint64(flags), Mode: uint64(mode), Resolve: resolveStrictly,
		})
		if err != unix.EINTR && err != unix.EAGAIN {
			return fd, err
		}
	}
}

// explain makes of a system's error one that can be shown.
func explain(err error, name string) error {
	var public *helpdesk.Error
	switch {
	case err == nil || errors.As(err, &public):
		return err
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return helpdesk.Errorf(helpdesk.NotFound, "There is no file %q in the Workspace.", name)
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.EXDEV):
		return helpdesk.Errorf(helpdesk.Forbidden, "%q is a link or lies behind one, and links are not followed.", name)
	case errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV):
		return errNotRegular(name)
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return helpdesk.WithCause(helpdesk.Unavailable, err, "The disk is full, so the file was not written.")
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return helpdesk.WithCause(helpdesk.Forbidden, err, "The permissions of %q do not allow that.", name)
	}
	return helpdesk.WithCause(helpdesk.Unavailable, err, "That cannot be done with %q: %s.", name, reason(err))
}

func errNotRegular(name string) error {
	return helpdesk.Errorf(helpdesk.Forbidden, "%q is not a regular file, and only those are opened.", name)
}

// openDir opens a directory, the Workspace's own for "".
func (w workspace) openDir(name string) (*os.File, error) {
	if name == "" {
		name = "."
	}
	fd, err := openBeneath(int(w.dir.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, explain(err, name)
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (w workspace) list(dir string, deep bool) ([]File, error) {
	files := []File{}
	err := w.walk(dir, deep, func(f File) error {
		if len(files) >= quotaFiles {
			return helpdesk.Errorf(helpdesk.TooMany, "There are more than %d files in it.", quotaFiles)
		}
		files = append(files, f)
		return nil
	})
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	return files, err
}

// walk visits what is in dir, and with deep all below it. What vanishes meanwhile is passed over.
func (w workspace) walk(dir string, deep bool, visit func(File) error) error {
	d, err := w.openDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		names, err := d.Readdirnames(256)
		for _, name := range names {
			var st unix.Stat_t
			if unix.Fstatat(int(d.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
				continue
			}
			f := describe(path.Join(dir, name), st)
			if err := visit(f); err != nil {
				return err
			}
			if deep && f.Dir && strings.Count(f.Path, "/") < 4*maxDepth {
				if err := w.walk(f.Path, true, visit); err != nil && helpdesk.KindOf(err) == helpdesk.TooMany {
					return err
				}
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return explain(err, dir)
		}
	}
}

func describe(name string, st unix.Stat_t) File {
	kind := st.Mode & unix.S_IFMT
	return File{
		Path: strings.ToValidUTF8(name, "\uFFFD"), Dir: kind == unix.S_IFDIR, Size: st.Size, Mode: st.Mode & 0o777,
		ModTime: time.Unix(st.Mtim.Unix()).UTC(), Other: kind != unix.S_IFDIR && kind != unix.S_IFREG,
	}
}

func (f File) regular() bool { return !f.Dir && !f.Other }

func (w workspace) read(name string) (reply, []byte, error) {
	fd, err := openBeneath(int(w.dir.Fd()), name, unix.O_RDONLY, 0)
	if err != nil {
		return reply{}, nil, explain(err, name)
	}
	file := os.NewFile(uintptr(fd), name)
	defer file.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return reply{}, nil, explain(err, name)
	}
	f := describe(name, st)
	if !f.regular() {
		return reply{}, nil, errNotRegular(name)
	}
	content, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	if err != nil {
		return reply{}, nil, explain(err, name)
	}
	if len(content) > MaxFile {
		return reply{}, nil, errFileTooLarge
	}
	return reply{File: &f}, content, nil
}

// write makes the file beside its place and then puts it there, so that nobody ever sees a part of it.
func (w workspace) write(name string, content []byte, executable bool) (File, error) {
	if err := w.room(name, int64(len(content))); err != nil {
		return File{}, err
	}
	dirName, base := path.Split(name)
	dir, err := w.makeDirs(strings.TrimSuffix(dirName, "/"))
	if err != nil {
		return File{}, err
	}
	defer dir.Close()
	var st unix.Stat_t
	if err := unix.Fstatat(int(dir.Fd()), base, &st, unix.AT_SYMLINK_NOFOLLOW); err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return File{}, helpdesk.Errorf(helpdesk.Conflict, "%q is a directory.", name)
	}
	mode := uint32(0o600)
	if executable {
		mode = 0o700
	}
	temp := ".hd-" + rand.Text()
	fd, err := openBeneath(int(dir.Fd()), temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, mode)
	if err != nil {
		return File{}, explain(err, name)
	}
	file := os.NewFile(uintptr(fd), temp)
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(fs.FileMode(mode)), file.Sync())
	err = errors.Join(err, unix.Fstat(fd, &st), file.Close())
	if err == nil {
		err = unix.Renameat(int(dir.Fd()), temp, int(dir.Fd()), base)
	}
	if err != nil {
		unix.Unlinkat(int(dir.Fd()), temp, 0)
		return File{}, explain(err, name)
	}
	if err := dir.Sync(); err != nil {
		return File{}, explain(err, name)
	}
	return describe(name, st), nil
}

// makeDirs opens a directory and makes what of it is missing.
func (w workspace) makeDirs(name string) (*os.File, error) {
	dir, err := w.openDir("")
	if err != nil || name == "" {
		return dir, err
	}
	for part := range strings.SplitSeq(name, "/") {
		err := unix.Mkdirat(int(dir.Fd()), part, 0o700)
		if err == nil {
			err = dir.Sync()
		} else if errors.Is(err, unix.EEXIST) {
			err = nil
		}
		next := -1
		if err == nil {
			next, err = openBeneath(int(dir.Fd()), part, unix.O_RDONLY|unix.O_DIRECTORY, 0)
		}
		dir.Close()
		if errors.Is(err, unix.ENOTDIR) {
			return nil, helpdesk.Errorf(helpdesk.Conflict, "%q is not a directory, or is a link.", name)
		}
		if err != nil {
			return nil, explain(err, name)
		}
		dir = os.NewFile(uintptr(next), part)
	}
	return dir, nil
}

// room refuses a file for which the quota has no room.
func (w workspace) room(name string, size int64) error {
	u, err := w.usage()
	if err != nil {
		return err
	}
	more := 1 + strings.Count(name, "/")
	if fd, err := openBeneath(int(w.dir.Fd()), name, unix.O_PATH, 0); err == nil {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil {
			size, more = size-st.Size, 0
		}
		unix.Close(fd)
	}
	switch {
	case u.Bytes+size > quotaBytes && size > 0:
		return helpdesk.Errorf(helpdesk.TooLarge, "The Workspace is full: it may hold %d MiB. Delete files that are not needed.", quotaBytes>>20)
	case u.Files+more > quotaFiles && more > 0:
		return helpdesk.Errorf(helpdesk.TooMany, "The Workspace is full: it may hold %d files. Delete some that are not needed.", quotaFiles)
	}
	return nil
}

func (w workspace) usage() (Usage, error) {
	u := Usage{LimitBytes: quotaBytes, LimitFiles: quotaFiles}
	err := w.walk("", true, func(f File) error {
		u.Files++
		if !f.Dir {
			u.Bytes += f.Size
		}
		if u.Files > 10*quotaFiles { // a shell made them; they are too many by any count
			return helpdesk.Errorf(helpdesk.TooMany, "The Workspace is full.")
		}
		return nil
	})
	if helpdesk.KindOf(err) == helpdesk.TooMany {
		err = nil
	}
	return u, err
}

func (w workspace) delete(name string) error {
	dirName, base := path.Split(name)
	dir, err := w.openDir(strings.TrimSuffix(dirName, "/"))
	if err != nil {
		return explain(err, name)
	}
	defer dir.Close()
	return explain(removeAt(dir, base), name)
}

// removeAt removes one entry of a directory, whatever it is, without following it.
func removeAt(dir *os.File, name string) error {
	err := unix.Unlinkat(int(dir.Fd()), name, 0)
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) {
		return err
	}
	fd, err := openBeneath(int(dir.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if errors.Is(err, unix.EACCES) { // ours, but closed: open it
		if unix.Fchmodat(int(dir.Fd()), name, 0o700, unix.AT_SYMLINK_NOFOLLOW) == nil {
			fd, err = openBeneath(int(dir.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
		}
	}
	if err != nil {
		return err
	}
	sub := os.NewFile(uintptr(fd), name)
	err = removeInside(sub)
	sub.Close()
	return errors.Join(err, unix.Unlinkat(int(dir.Fd()), name, unix.AT_REMOVEDIR))
}

// removeInside empties a directory. It goes on after an error, so that as little as possible is left.
func removeInside(dir *os.File) error {
	if err := dir.Chmod(0o700); err != nil {
		return err
	}
	deadline := time.Now().Add(time.Minute)
	for {
		if _, err := dir.Seek(0, io.SeekStart); err != nil {
			return err
		}
		names, err := dir.Readdirnames(1000)
		if len(names) == 0 {
			if err == io.EOF {
				err = nil
			}
			return err
		}
		removed := 0
		var first error
		for _, name := range names {
			if err := removeAt(dir, name); err == nil || errors.Is(err, unix.ENOENT) {
				removed++
			} else if first == nil {
				first = err
			}
		}
		if removed == 0 || time.Now().After(deadline) {
			return errors.Join(first, errors.New("the directory could not be emptied"))
		}
	}
}
