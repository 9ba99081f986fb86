package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"helpdesk/internal/config"
	"helpdesk/internal/datadir"
)

const onLinux = runtime.GOOS == "linux"

func checkPlatform(context.Context, config.Config) finding {
	const what = "platform"
	if !onLinux {
		return warn(what, "Run the server on Linux to use this machine itself.", "%s/%s: commands can only run on other machines", runtime.GOOS, runtime.GOARCH)
	}
	var uts unix.Utsname
	release := "unknown"
	if err := unix.Uname(&uts); err == nil {
		release = unix.ByteSliceToString(uts.Release[:])
	}
	return ok(what, "%s/%s, kernel %s", runtime.GOOS, runtime.GOARCH, release)
}

// checkSandbox starts a sandbox, as the server would: by root for a tenant's user, by others for themselves.
func (p Program) checkSandbox(ctx context.Context, cfg config.Config) finding {
	const what = "sandbox"
	if !onLinux {
		return warn(what, "Run the server on Linux.", "there are no sandboxes on %s", runtime.GOOS)
	}
	bwrap, err := exec.LookPath("bwrap")
	if err != nil {
		return fail(what, "Install it: apt-get install bubblewrap (Debian, Ubuntu), dnf install bubblewrap (Fedora), apk add bubblewrap (Alpine).", "bubblewrap is missing, and without it no command runs on this machine")
	}
	version, err := exec.CommandContext(ctx, bwrap, "--version").Output()
	if err != nil {
		return fail(what, "Install bubblewrap anew.", "%s does not start: %v", bwrap, err)
	}
	cmd := exec.CommandContext(ctx, bwrap, "--unshare-all", "--ro-bind", "/", "/", "true")
	if p.Root {
		tenant := cfg.UIDs.First + 1
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: tenant, Gid: tenant}}
		cmd.Dir = "/"
	}
	said, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, unix.EINVAL) && p.Root:
		return fail(what, "Set HELPDESK_UIDS to a range that exists here, or give this container more users.", "the users %s are not available here: %v", cfg.UIDs, err)
	case err != nil:
		return fail(what, namespaceRemedy(os.ReadFile), "%s cannot start a sandbox: %s", strings.TrimSpace(string(version)), firstLine(said, err))
	}
	return ok(what, "%s starts sandboxes", strings.TrimSpace(string(version)))
}

// readableBy asks the kernel whether another user may read a file; root asks.
func readableBy(ctx context.Context, user uint32, path string) bool {
	cmd := exec.CommandContext(ctx, "test", "-r", path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	cmd.Dir = "/"
	return cmd.Run() == nil
}

// namespaceRemedy finds out which of the usual switches keeps users from having namespaces of their own.
func namespaceRemedy(read func(string) ([]byte, error)) string {
	is := func(name, value string) bool {
		text, err := read("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
		return err == nil && strings.TrimSpace(string(text)) == value
	}
	switch {
	case is("kernel.unprivileged_userns_clone", "0"):
		return "Allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1 (and the same in /etc/sysctl.d)."
	case is("user.max_user_namespaces", "0"):
		return "Allow user namespaces: sysctl -w user.max_user_namespaces=15000 (and the same in /etc/sysctl.d)."
	case is("kernel.apparmor_restrict_unprivileged_userns", "1"):
		return "Give bubblewrap an AppArmor profile that allows user namespaces, or: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0."
	}
	return "Allow user namespaces. In Docker, start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined and systempaths=unconfined, or run the server outside a container."
}

func firstLine(said []byte, err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(said)), "\n")
	if line == "" {
		return err.Error()
	}
	return printable(line)
}

// checkLimits says by what the memory and the number of processes of a sandbox are limited.
func checkLimits(context.Context, config.Config) finding {
	const what = "limits"
	const remedy = "Nothing must be done. For exact limits run the server as root on a machine, or in a container, with a writable cgroup tree."
	if !onLinux {
		return warn(what, "Run the server on Linux.", "there are no cgroups on %s", runtime.GOOS)
	}
	for _, kind := range []struct{ name, probe, dir string }{
		{"cgroup v2", "/sys/fs/cgroup/cgroup.controllers", "/sys/fs/cgroup"},
		{"cgroup v1", "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory"},
		{"cgroup v1", "/sys/fs/cgroup/memory/cgroup.procs", "/sys/fs/cgroup/memory"},
	} {
		if _, err := os.Stat(kind.probe); err != nil {
			continue
		}
		if unix.Access(kind.dir, unix.W_OK) != nil {
			return warn(what, remedy, "%s cannot be written; sandboxes are limited by rlimits, process by process", kind.name)
		}
		return ok(what, "%s can be written", kind.name)
	}
	return warn(what, remedy, "there is no cgroup tree; sandboxes are limited by rlimits, process by process")
}

// enoughFiles is what a server with a thousand terminals and viewers keeps open.
const enoughFiles = 8192

func checkOpenFiles(context.Context, config.Config) finding {
	const what = "open files"
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return warn(what, "Try again.", "the limit cannot be read: %v", err)
	}
	if r.Max < enoughFiles {
		return warn(what, fmt.Sprintf("Raise it: ulimit -n %d, or LimitNOFILE=%d in the systemd unit.", enoughFiles, enoughFiles), "at most %d, which is few for a large team", r.Max)
	}
	return ok(what, "up to %d", r.Max)
}

// checkData says whether the data directory is there, can be written, and who uses it.
func checkData(_ context.Context, cfg config.Config) finding {
	const what = "data"
	const other = "Give it to the user who runs the server, or set HELPDESK_DATA to another directory."
	dir := nearestDir(cfg.Data)
	err := unix.Access(dir, unix.W_OK|unix.X_OK)
	if dir != cfg.Data {
		if info, err := os.Stat(cfg.Data); err == nil && !info.IsDir() {
			return fail(what, "Remove it, or set HELPDESK_DATA to another directory.", "%s is not a directory", cfg.Data)
		}
		if err != nil {
			return fail(what, "Make it and give it to the user who runs the server, or set HELPDESK_DATA to another directory.", "%s cannot be made, because %s cannot be written: %v", cfg.Data, dir, err)
		}
		return ok(what, "%s will be made at the first start", cfg.Data)
	}
	if err != nil {
		return fail(what, other, "%s cannot be written: %v", dir, err)
	}
	holder, held, err := datadir.HeldBy(cfg.Data)
	switch {
	case err != nil:
		return fail(what, other, "%s: the lock cannot be read: %v", cfg.Data, err)
	case held:
		return ok(what, "%s is in use by %s", cfg.Data, holder)
	}
	return ok(what, "%s can be written, and no server runs on it", cfg.Data)
}

// The free space below which there is a warning, and below which a server should not start.
const (
	littleSpace    = 2 << 30
	tooLittleSpace = 64 << 20
)

func checkSpace(_ context.Context, cfg config.Config) finding {
	const what = "disk"
	const remedy = "Free some space there, or set HELPDESK_DATA to a directory on another disk."
	dir := nearestDir(cfg.Data)
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return warn(what, "Try again.", "the free space of %s cannot be read: %v", dir, err)
	}
	free := st.Bavail * uint64(st.Bsize)
	text := fmt.Sprintf("%.1f GB free for %s", float64(free)/1e9, cfg.Data)
	switch {
	case onNetwork(st):
		return warn(what, "Put it on a local disk, or use PostgreSQL (HELPDESK_DATABASE).", "%s is on a network file system, on which SQLite is not safe", cfg.Data)
	case free < tooLittleSpace:
		return fail(what, remedy, "%s", text)
	case free < littleSpace:
		return warn(what, remedy, "%s; recordings will soon pause", text)
	}
	return ok(what, "%s", text)
}

// nearestDir is path, or the nearest directory above it that exists.
func nearestDir(path string) string {
	for {
		info, err := os.Stat(path)
		if err == nil && info.IsDir() || path == "/" {
			return path
		}
		if err != nil && errors.Is(err, fs.ErrPermission) {
			return filepath.Dir(path)
		}
		path = filepath.Dir(path)
	}
}
