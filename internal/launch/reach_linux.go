package launch

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"helpdesk"
)

// shortcuts is where data directories are mounted that the server's user could not reach by their own paths.
const shortcuts = "/run/helpdesk"

// reach makes the data directory reachable for other users where the way to it is closed to them, as below /root: in
// a mount namespace of the launcher's own it is mounted once more, and this program runs again there. Nobody outside
// sees the mount, and what the directories above it keep closed stays closed.
func reach(cfg *Config) error {
	if at := os.Getenv(dataVariable); at != "" {
		cfg.Masks = append(cfg.Masks, os.Getenv(namesVar)) // the name that the data directory has besides
		cfg.Data = at
		return nil
	}
	if os.Geteuid() != 0 {
		return nil
	}
	dir, err := filepath.Abs(cfg.Data)
	if err == nil {
		err = os.MkdirAll(dir, 0o711)
	}
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return helpdesk.WithCause(helpdesk.Unavailable, err, "The data directory %s cannot be used: %s.", cfg.Data, reason(err))
	}
	if passable(dir) {
		return nil
	}
	sum := sha256.Sum256([]byte(dir))
	// Each launcher has a name of its own: to remove a directory takes away what is mounted there in every namespace.
	at := filepath.Join(shortcuts, hex.EncodeToString(sum[:6])+"-"+strconv.Itoa(os.Getpid()))
	runtime.LockOSThread() // the namespace is the thread's; Exec takes it over to the new program
	err = mountAt(dir, at)
	if err == nil {
		env := append(os.Environ(), dataVariable+"="+at, namesVar+"="+dir)
		err = syscall.Exec("/proc/self/exe", os.Args, env)
	}
	return helpdesk.WithCause(helpdesk.Unavailable, err, "The data directory %s lies where other users may not go, the server is another user, and it cannot be mounted elsewhere (%s). Choose one whose parents have the permission o+x, as /var/lib/helpdesk.", dir, reason(err))
}

// leave takes the mount away again. Where the launcher was killed the empty directory stays until the machine starts
// anew.
func leave(at string) {
	if filepath.Dir(at) == shortcuts && at == os.Getenv(dataVariable) {
		_ = unix.Unmount(at, unix.MNT_DETACH) // it goes with the namespace anyway
		unix.Rmdir(at)
	}
}

func mountAt(dir, at string) error {
	if err := os.MkdirAll(at, 0o711); err != nil {
		return err
	}
	for _, d := range []string{shortcuts, at} {
		if err := os.Chmod(d, 0o711); err != nil {
			return err
		}
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return err
	}
	return unix.Mount(dir, at, "", unix.MS_BIND, "")
}
