package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Job is one program to confine.
type Job struct {
	UID, GID  int      // under which bubblewrap runs
	Workspace string   // directory on the host that becomes /workspace
	Cwd       string   // below /workspace
	Env       []string // NAME=value
	Argv      []string
	Hostname  string // in the private sandbox
}

// Data is the content of a small file that bubblewrap reads from an inherited descriptor.
type Data struct {
	Path    string // inside the sandbox
	Content string
}

// Plan is what to run: bubblewrap with Options (which may hold secrets, so they are given by --args, not on the command
// line), the files to be made in the sandbox, and the command.
type Plan struct {
	Options []string
	Files   []Data
	Command []string
}

// Where things are inside a sandbox.
const (
	WorkspaceDir = "/workspace"
	homeDir      = "/home/user"
	userName     = "user"
)

// Sizes of what a sandbox may write besides its Workspace. It is memory, and counts against the memory limit.
const (
	tmpBytes  = 256 << 20
	homeBytes = 64 << 20
	shmBytes  = 64 << 20
)

// etcFiles are what of the host's /etc a private sandbox has, where they exist. None holds a secret or a name of the
// host's users. Each costs a little at every start, so there are few.
var etcFiles = []string{
	"/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs", "/etc/pki/ca-trust",
	"/etc/localtime", "/etc/os-release", "/etc/inputrc", "/etc/vim", "/etc/mime.types",
}

// Private plans a private sandbox.
func Private(job Job) Plan {
	p := newPlan(job)
	p.add("--unshare-net", "--unshare-uts", "--hostname", job.hostname())
	p.add("--ro-bind", "/usr", "/usr")
	for _, dir := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"} {
		if target, err := os.Readlink(dir); err == nil {
			p.add("--symlink", target, dir)
		} else if isDir(dir) {
			p.add("--ro-bind", dir, dir)
		}
	}
	for _, path := range etcFiles {
		real, err := filepath.EvalSymlinks(path)
		switch {
		case err != nil:
		case real != path && strings.HasPrefix(real, "/usr/"):
			p.add("--symlink", real, path) // cheaper than a mount, and /usr is there
		default:
			p.add("--ro-bind", path, path)
		}
	}
	p.files(
		Data{"/etc/passwd", fmt.Sprintf("root:x:0:0:root:/root:/bin/sh\n%s:x:%d:%d::%s:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n", userName, job.UID, job.GID, homeDir)},
		Data{"/etc/group", fmt.Sprintf("root:x:0:\ntty:x:5:\n%s:x:%d:\nnogroup:x:65534:\n", userName, job.GID)},
		Data{"/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"},
		Data{"/etc/hosts", "127.0.0.1 localhost " + job.hostname() + "\n::1 localhost\n"},
		Data{"/etc/hostname", job.hostname() + "\n"},
		Data{"/etc/resolv.conf", ""},
	)
	p.add("--proc", "/proc")
	p.scratch(homeDir)
	p.add("--tmpfs", "/run", "--dir", "/var/tmp", "--dir", "/var/log", "--symlink", "/run", "/var/run", "--dir", "/opt", "--dir", "/root")
	p.workspace(job)
	p.add("--remount-ro", "/run", "--remount-ro", "/dev", "--remount-ro", "/")
	p.env(job, homeDir)
	return p.Plan
}

func (j Job) hostname() string {
	if j.Hostname == "" {
		return "sandbox"
	}
	return strings.ToLower(j.Hostname)
}

// planner gathers a Plan.
type planner struct {
	Plan
}

// newPlan begins with what both confinements have in common.
func newPlan(job Job) *planner {
	p := &planner{Plan{Command: job.Argv}}
	p.add("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-cgroup-try",
		"--uid", strconv.Itoa(job.UID), "--gid", strconv.Itoa(job.GID),
		"--disable-userns", "--cap-drop", "ALL", "--die-with-parent")
	return p
}

func (p *planner) add(options ...string) { p.Options = append(p.Options, options...) }

func (p *planner) files(files ...Data) { p.Files = append(p.Files, files...) }

// scratch makes what may be written and is gone with the sandbox: devices without hardware, /tmp and a home.
func (p *planner) scratch(home string) {
	p.add("--dev", "/dev", "--size", strconv.Itoa(shmBytes), "--perms", "1777", "--tmpfs", "/dev/shm",
		"--size", strconv.Itoa(tmpBytes), "--perms", "1777", "--tmpfs", "/tmp",
		"--size", strconv.Itoa(homeBytes), "--perms", "0700", "--tmpfs", home)
}

func (p *planner) workspace(job Job) {
	p.add("--bind", job.Workspace, WorkspaceDir, "--chdir", strings.TrimSuffix(WorkspaceDir+"/"+job.Cwd, "/"))
}

// env gives the command exactly the job's variables, and where they do not name them those without which a shell is
// no use.
func (p *planner) env(job Job, home string) {
	p.add("--clearenv")
	for _, pair := range Environ(job.Env, home, userName) {
		name, value, _ := strings.Cut(pair, "=")
		p.add("--setenv", name, value)
	}
}

// Environ completes the variables of a program with those it needs and env does not have.
func Environ(env []string, home, user string) []string {
	have := names(env)
	for _, pair := range []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + home, "USER=" + user, "LOGNAME=" + user, "SHELL=/bin/bash", "LANG=C.UTF-8", "TERM=xterm-256color", "COLORTERM=truecolor",
	} {
		if name, _, _ := strings.Cut(pair, "="); !slices.Contains(have, name) {
			env = append(env, pair)
		}
	}
	return env
}

// names gives the names of NAME=value pairs.
func names(env []string) []string {
	all := make([]string, len(env))
	for i, pair := range env {
		all[i], _, _ = strings.Cut(pair, "=")
	}
	return all
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
