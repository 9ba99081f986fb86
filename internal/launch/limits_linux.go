package launch

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// limits bounds what a sandbox takes of the machine: by control groups where the launcher may make them, else by
// per-process limits, which are weaker.
type limits struct {
	memory    int64
	processes int
	kind      string            // "cgroup v1", "cgroup v2" or "rlimits"
	missing   string            // why not control groups, or which of them are missing
	dirs      map[string]string // by controller: the launcher's directory, below which each sandbox has one
}

// findLimits looks which control groups there are and makes the launcher's own.
func findLimits(cfg Config, log *slog.Logger) *limits {
	l := &limits{memory: cfg.Memory, processes: cfg.Processes, dirs: map[string]string{}}
	mounts := cgroupMounts()
	own := ownCgroups()
	name := groupPrefix + strconv.Itoa(os.Getpid())
	if err := l.useV2(mounts[""], own[""], name); err == nil {
		l.kind = "cgroup v2"
		return l
	} else if len(mounts) <= 1 {
		l.missing = "no control groups can be made: " + reason(err) + "; run HelpDesk as a systemd service with Delegate=yes"
	}
	for _, controller := range []string{"memory", "pids", "cpu"} {
		mount := mounts[controller]
		if mount == "" {
			continue
		}
		dir := filepath.Join(mount, own[controller], name)
		if err := makeBase(controller, dir); err != nil {
			dir = filepath.Join(mount, name)
			if err := makeBase(controller, dir); err != nil {
				l.missing = "no control group can be made: " + reason(err)
				continue
			}
		}
		sweep(filepath.Dir(dir))
		l.dirs[controller] = dir
	}
	if l.dirs["memory"] != "" && l.dirs["pids"] != "" {
		l.kind, l.missing = "cgroup v1", ""
		if l.dirs["cpu"] == "" {
			l.missing = "without shares of the processor"
		}
		return l
	}
	l.close()
	l.dirs = map[string]string{}
	l.kind = "rlimits"
	if l.missing == "" {
		l.missing = "there are no control groups for memory and processes"
	}
	log.Warn("sandboxes are limited per process only", "why", l.missing)
	return l
}

// useV2 makes the launcher's group in the unified hierarchy. The kernel wants a group's processes to be in its leaves,
// so a launcher that is alone in its group moves into a leaf of it.
func (l *limits) useV2(mount, own, name string) error {
	if mount == "" {
		return errors.New("there is no unified hierarchy")
	}
	base := filepath.Join(mount, own)
	has, err := os.ReadFile(filepath.Join(base, "cgroup.controllers"))
	if err != nil {
		return err
	}
	if have := strings.Fields(string(has)); !slices.Contains(have, "memory") || !slices.Contains(have, "pids") {
		return errors.New("memory and pids are not delegated to HelpDesk's group")
	}
	if err := enable(base); errors.Is(err, unix.EBUSY) {
		procs, rerr := os.ReadFile(filepath.Join(base, "cgroup.procs"))
		if rerr != nil || strings.TrimSpace(string(procs)) != strconv.Itoa(os.Getpid()) {
			return err
		}
		leaf := filepath.Join(base, "launcher")
		if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		if err := write(leaf, "cgroup.procs", "0"); err != nil {
			return err
		}
		if err := enable(base); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	dir := filepath.Join(base, name)
	if err := makeBase("", dir); err != nil {
		return err
	}
	sweep(base)
	l.dirs[""] = dir
	return nil
}

// enable lets the groups below dir be limited. The processor comes last: while there are processes in dir it would be
// taken, and make of dir a group for threads, in which memory cannot be limited any more.
func enable(dir string) error {
	if err := write(dir, "cgroup.subtree_control", "+memory +pids"); err != nil {
		return err
	}
	writeIfThere(dir, "cgroup.subtree_control", "+cpu")
	return nil
}

// makeBase makes the launcher's directory of a controller, or makes it again: a launcher in another process-id namespace
// (a container's, say) cannot see that this one lives, and sweeps its directory away while it is empty.
func makeBase(controller, dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if controller == "" {
		return enable(dir)
	}
	return nil
}

// sweep removes the groups of launchers that are no more.
func sweep(dir string) {
	old, _ := filepath.Glob(filepath.Join(dir, groupPrefix+"[0-9]*"))
	for _, d := range old {
		pid, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(d), groupPrefix))
		if err != nil || unix.Kill(pid, 0) != unix.ESRCH {
			continue
		}
		inner, _ := filepath.Glob(filepath.Join(d, "run-*"))
		for _, i := range inner {
			unix.Rmdir(i)
		}
		unix.Rmdir(d)
	}
}

// groupPrefix is followed by the launcher's process id.
const groupPrefix = "helpdesk-"

func (l *limits) describe() string {
	if l.missing != "" {
		return l.kind + ", " + l.missing
	}
	return l.kind
}

func (l *limits) close() {
	for _, dir := range l.dirs {
		unix.Rmdir(dir)
	}
}

// group is the control group of one sandbox; nil where there are none.
type group struct {
	dirs   map[string]string
	memory int64
}

func (l *limits) group(id string) (*group, error) {
	if len(l.dirs) == 0 {
		return nil, nil
	}
	g := &group{dirs: map[string]string{}, memory: l.memory}
	for controller, base := range l.dirs {
		dir := filepath.Join(base, "run-"+id)
		err := os.Mkdir(dir, 0o755)
		if errors.Is(err, os.ErrNotExist) {
			if err = makeBase(controller, base); err == nil {
				err = os.Mkdir(dir, 0o755)
			}
		}
		if err != nil {
			g.close()
			return nil, err
		}
		g.dirs[controller] = dir
		switch controller {
		case "":
			err = errors.Join(write(dir, "memory.max", l.memory), write(dir, "pids.max", l.processes))
			writeIfThere(dir, "memory.swap.max", 0)
			writeIfThere(dir, "memory.oom.group", 0)
			writeIfThere(dir, "cpu.weight", 50)
		case "memory":
			err = write(dir, "memory.limit_in_bytes", l.memory)
			writeIfThere(dir, "memory.memsw.limit_in_bytes", l.memory)
		case "pids":
			err = write(dir, "pids.max", l.processes)
		case "cpu":
			writeIfThere(dir, "cpu.shares", 512)
		}
		if err != nil {
			g.close()
			return nil, err
		}
	}
	return g, nil
}

func (g *group) add(pids ...int) error {
	if g == nil {
		return nil
	}
	for _, dir := range g.dirs {
		for _, pid := range pids {
			if err := write(dir, "cgroup.procs", pid); err != nil {
				return err
			}
		}
	}
	return nil
}

// verdict says what the kernel had to do in the group; empty when nothing.
func (g *group) verdict() string {
	if g == nil || !g.killed() {
		return ""
	}
	return fmt.Sprintf("The kernel ended a process in it, because it took more than the memory of %d MiB that it may have.", g.memory>>20)
}

// close removes the group. Processes that are dying still hold it for a moment.
func (g *group) close() {
	if g == nil {
		return
	}
	for _, dir := range g.dirs {
		wait := time.Millisecond
		for try := 0; try < 12 && errors.Is(unix.Rmdir(dir), unix.EBUSY); try++ {
			time.Sleep(wait)
			wait *= 2
		}
	}
}

// killed says whether the memory limit has ended a process.
func (g *group) killed() bool {
	for controller, file := range map[string]string{"": "memory.events", "memory": "memory.oom_control"} {
		if dir := g.dirs[controller]; dir != "" {
			text, _ := os.ReadFile(filepath.Join(dir, file))
			for line := range strings.Lines(string(text)) {
				if n, ok := strings.CutPrefix(line, "oom_kill "); ok && strings.TrimSpace(n) != "0" {
					return true
				}
			}
		}
	}
	return false
}

// shell gives the command by which a shell sets what the kernel limits per process and then becomes the program that
// follows. Only lowering is asked for, so the tenant's uid may do it itself.
func (l *limits) shell(root bool) []string {
	script := "ulimit -f " + strconv.Itoa(quotaBytes/512) + "; ulimit -n 4096 2>/dev/null; "
	if len(l.dirs) == 0 && root {
		script += fmt.Sprintf("ulimit -d %d && { ulimit -u %d 2>/dev/null || ulimit -p %[2]d; } || exit 1; ", l.memory>>10, l.processes)
	}
	return []string{"/bin/sh", "-c", script + `exec "$@"`, "sh"}
}

// inside sets the limits that stand for missing control groups on a sandbox's first process, from which all others
// have them. Where everything has one uid they cannot be set earlier: they would count what is outside.
func (l *limits) inside(pid int, root bool) error {
	// When the whole machine runs out of memory, sandboxes go before what people rely on.
	writeIfThere("/proc/"+strconv.Itoa(pid), "oom_score_adj", 500)
	if len(l.dirs) > 0 || root {
		return nil
	}
	for what, n := range map[int]int64{unix.RLIMIT_NPROC: int64(l.processes), unix.RLIMIT_DATA: l.memory} {
		if err := unix.Prlimit(pid, what, &unix.Rlimit{Cur: uint64(n), Max: uint64(n)}, nil); err != nil {
			return err
		}
	}
	return nil
}

func write(dir, file string, value any) error {
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(f, value)
	return errors.Join(err, f.Close())
}

func writeIfThere(dir, file string, value any) { _ = write(dir, file, value) }

// cgroupMounts finds where each hierarchy is mounted: by controller, the unified one under "".
func cgroupMounts() map[string]string {
	mounts := map[string]string{}
	text, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		switch {
		case len(f) < 4:
		case f[2] == "cgroup2":
			mounts[""] = f[1]
		case f[2] == "cgroup":
			for option := range strings.SplitSeq(f[3], ",") {
				if slices.Contains([]string{"memory", "pids", "cpu"}, option) {
					mounts[option] = f[1]
				}
			}
		}
	}
	return mounts
}

// ownCgroups finds in which group this process is, by controller.
func ownCgroups() map[string]string {
	own := map[string]string{}
	text, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) == 3 {
			for controller := range strings.SplitSeq(f[1], ",") {
				own[controller] = f[2]
			}
		}
	}
	return own
}
