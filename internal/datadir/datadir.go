// Package datadir owns the directory in which a server keeps everything that is its own.
//
// It promises that one server at a time uses the directory, by a lock that the kernel lets go of when its holder dies, and
// that a second one is told who holds it; that a program older than what it finds there touches nothing and
// names both versions; and that a directory that cannot be written is found out at the start, with a sentence that says what
// to do, and not at the first message of a user. What it writes itself is whole or not there, and private.
package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"helpdesk"
)

// Config says which directory to open, and for whom.
type Config struct {
	Path    string // the directory; made if it is missing
	Name    string // what people call it, where Path is another way to it; default Path
	Version string // of this program, for people
	Format  int    // of the data, as this program writes it; grows when an older program could no longer read them
}

// Dir is the data directory, held by this process until Close.
type Dir struct {
	path string
	name string
	lock *os.File
}

// Open makes the directory if needed, takes the lock, checks the format and proves that a file can be written.
func Open(cfg Config) (*Dir, error) {
	if cfg.Name == "" {
		cfg.Name = cfg.Path
	}
	if err := os.MkdirAll(cfg.Path, 0o700); err != nil {
		return nil, unusable(cfg.Name, err)
	}
	lock, err := takeLock(cfg)
	if err != nil {
		return nil, err
	}
	d := &Dir{path: cfg.Path, name: cfg.Name, lock: lock}
	for _, step := range []func(Config) error{d.probe, d.stamp, d.sayWho} {
		if err := step(cfg); err != nil {
			_ = lock.Close() // the first error is the one that matters
			return nil, err
		}
	}
	return d, nil
}

// Close lets another server have the directory.
func (d *Dir) Close() error {
	_ = os.Remove(d.Join(localFile)) // its token has ended with this server; a left one is refused anyway
	return d.lock.Close()
}

// Join is the path of something in the directory.
func (d *Dir) Join(elem ...string) string {
	return filepath.Join(append([]string{d.path}, elem...)...)
}

// Subdir makes a private directory in the directory, if it is missing, and gives its path.
func (d *Dir) Subdir(elem ...string) (string, error) {
	path := d.Join(elem...)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", unusable(path, err)
	}
	return path, nil
}

// probe writes a block to the disk and takes it away again.
func (d *Dir) probe(Config) error {
	path := d.Join(".probe")
	err := writeWhole(path, make([]byte, 4096))
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		return unusable(d.name, err)
	}
	return nil
}

// writeWhole replaces a file by a private one with the given content, which is on the disk when it returns.
func writeWhole(path string, content []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = tmp.Close()
			_ = os.Remove(tmp.Name())
		}
	}()
	if _, err = tmp.Write(content); err != nil {
		return err
	}
	if err = tmp.Sync(); err != nil {
		return err
	}
	if err = tmp.Close(); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// unusable tells in the operator's words why the directory cannot be used.
func unusable(path string, err error) error {
	const otherDir = "set HELPDESK_DATA to a directory that can"
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return helpdesk.WithCause(helpdesk.Unavailable, err, "The disk that holds %s is full. Free some space there and start again; nothing was changed.", path)
	case errors.Is(err, syscall.EROFS):
		return helpdesk.WithCause(helpdesk.Unavailable, err, "The data directory %s cannot be written, because its disk is mounted read-only. Mount it read-write, or %s be.", path, otherDir)
	case errors.Is(err, fs.ErrPermission):
		return helpdesk.WithCause(helpdesk.Unavailable, err, "The data directory %s cannot be written by user %d. Give it to that user, or %s be.", path, os.Getuid(), otherDir)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return helpdesk.WithCause(helpdesk.Unavailable, err, "The data directory %s is not a directory. Remove what is in its place, or set HELPDESK_DATA to another one.", path)
	}
	return helpdesk.WithCause(helpdesk.Unavailable, err, "The data directory %s cannot be used (%v). Mend that, or set HELPDESK_DATA to another directory.", path, err)
}

// now is the time as it is written into files here.
func now() string { return time.Now().UTC().Format(time.RFC3339) }

// stamp refuses data of a newer program, and notes our format before anything is changed to it.
func (d *Dir) stamp(cfg Config) error {
	path := d.Join("format")
	have, version, err := readStamp(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return helpdesk.WithCause(helpdesk.Unavailable, err, "The file %s is damaged, so it is unknown whether this program can read the data. Restore it from a backup.", path)
	case have > cfg.Format:
		return helpdesk.Errorf(helpdesk.Unavailable, "The data in %s were written by helpdesk %s (format %d), and this is helpdesk %s (format %d), which cannot read them. "+
			"Start helpdesk %[2]s or newer, or restore a backup from before the upgrade.", d.name, version, have, cfg.Version, cfg.Format)
	case have == cfg.Format:
		return nil
	}
	text := fmt.Sprintf("format %d\nhelpdesk %s\nsince %s\n", cfg.Format, oneWord(cfg.Version), now())
	if err := writeWhole(path, []byte(text)); err != nil {
		return unusable(d.name, err)
	}
	return nil
}

func readStamp(path string) (format int, version string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, "", err
	}
	if _, err := fmt.Sscanf(string(text), "format %d\nhelpdesk %s\n", &format, &version); err != nil {
		return 0, "", fmt.Errorf("read %q: %w", text, err)
	}
	return format, version, nil
}
