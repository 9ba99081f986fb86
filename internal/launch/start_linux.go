package launch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"helpdesk"
	"helpdesk/internal/place/sandbox"
	"helpdesk/internal/transcript"
)

// start starts a process. What it makes on the way it takes back when it fails; the id stays used.
func (l *Launcher) start(spec Spec) (st Status, err error) {
	if err := checkSpec(&spec); err != nil {
		return Status{}, err
	}
	<-l.ready
	if err := l.allowed(spec.Kind); err != nil {
		return Status{}, err
	}
	if err := l.records.room(spec.Ticket); err != nil {
		return Status{}, err
	}
	uid, err := l.uid(spec.Slot)
	if err != nil {
		return Status{}, err
	}
	if spec.Kind == Host {
		uid = os.Geteuid()
	}
	if err := l.claim(spec.ID); err != nil {
		return Status{}, err
	}
	defer l.starting.Done()
	if err := l.createWorkspace(spec.Slot, spec.Ticket); err != nil {
		return Status{}, err
	}

	p := &process{l: l, spec: spec, uid: uid, insideFD: -1, ended: make(chan struct{})}
	p.changed = sync.NewCond(&p.mu)
	now := time.Now()
	p.status = Status{ID: spec.ID, Kind: spec.Kind, Slot: spec.Slot, Ticket: spec.Ticket, Started: now, Cols: spec.Cols, Rows: spec.Rows}
	if p.log, err = l.beginTranscript(spec, now); err != nil {
		return Status{}, err
	}
	master, slave, err := openPTY(uid, spec.Cols, spec.Rows)
	if err == nil {
		p.master = master
		p.raw, err = master.SyscallConn()
	}
	if err == nil {
		if spec.Kind == Host {
			err = p.spawnHost(slave)
		} else {
			err = p.spawnConfined(slave)
		}
		slave.Close()
	}
	p.input.readers = readers{root: p.inside, own: []int{p.inside}}
	if spec.Kind == Host && err == nil {
		p.input.readers = readers{root: p.child.Pid}
	}
	if err != nil {
		if master != nil {
			master.Close()
		}
		p.group.close()
		p.log.Close(&transcript.Finish{Code: 255}, time.Now())
		if helpdesk.KindOf(err) == helpdesk.Internal {
			err = helpdesk.WithCause(helpdesk.Unavailable, err, "The program could not be started on this host: %s.", reason(err))
		}
		return Status{}, err
	}
	l.mu.Lock()
	l.procs[spec.ID] = p
	l.order = append(l.order, spec.ID)
	l.mu.Unlock()
	st = p.snapshot()
	if spec.Timeout > 0 {
		p.timer = time.AfterFunc(spec.Timeout, func() { p.stop(stoppedByTime) })
	}
	l.running.Go(p.run)
	return st, nil
}

// allowed refuses a kind of place that cannot be had here, with the reason.
func (l *Launcher) allowed(kind Kind) error {
	switch {
	case kind == Host && !l.caps.Host:
		return helpdesk.Errorf(helpdesk.Forbidden, "The unconfined shell of this host is switched off in the configuration.")
	case kind == Private && !l.caps.Private, kind == HostView && !l.caps.HostView:
		return helpdesk.Errorf(helpdesk.Unavailable, "Nothing can be run on this host. %s", l.caps.Why)
	}
	return nil
}

// beginTranscript makes the directory of a record and begins it. One that is there from an earlier life of the
// launcher means that the id was started then.
func (l *Launcher) beginTranscript(spec Spec, now time.Time) (*transcript.Writer, error) {
	fail := func(err error) (*transcript.Writer, error) {
		return nil, helpdesk.WithCause(helpdesk.Unavailable, err, "The recording cannot be begun (%s), so nothing was started.", reason(err))
	}
	group := 0
	if l.root {
		group = l.serverGID
	}
	path := filepath.Join(spec.Ticket, spec.ID)
	for _, dir := range []string{spec.Ticket, path} {
		err := l.transcripts.Mkdir(dir, 0o750)
		if errors.Is(err, os.ErrExist) && dir != path {
			continue
		}
		if errors.Is(err, os.ErrExist) {
			return nil, helpdesk.Errorf(helpdesk.Conflict, "That was started already; nothing is started twice.")
		}
		if err == nil {
			err = l.transcripts.Chmod(dir, 0o750)
		}
		if err == nil && l.root {
			err = l.transcripts.Chown(dir, 0, group)
		}
		if err != nil {
			return fail(err)
		}
	}
	dir, err := l.transcripts.OpenRoot(path)
	if err != nil {
		return fail(err)
	}
	w, err := transcript.Create(dir, now, transcript.Start{
		ID: spec.ID, Ticket: spec.Ticket, Place: string(spec.Kind), Cols: int(spec.Cols), Rows: int(spec.Rows), Term: "xterm-256color", Input: spec.CaptureInput,
	}, transcript.Config{Limit: spec.Limit, Perm: 0o640, Group: group})
	if err != nil {
		dir.Close()
		return fail(err)
	}
	return w, nil
}

// spawnHost starts the program as the launcher's own user, in the Workspace.
func (p *process) spawnHost(slave *os.File) error {
	dir, err := p.l.openWorkspace(p.spec.Slot, p.spec.Ticket, p.spec.Cwd)
	if err != nil {
		return err
	}
	defer dir.Close()
	home, name := "/", "root"
	if u, err := user.Current(); err == nil {
		home, name = u.HomeDir, u.Username
	}
	env := sandbox.Environ(p.spec.Env, home, name)
	path, err := lookPath(p.spec.Argv[0], env)
	if err != nil {
		return helpdesk.Errorf(helpdesk.Invalid, "There is no program %q on this host.", p.spec.Argv[0])
	}
	p.child, err = p.l.spawn.plain.start(path, p.spec.Argv, &os.ProcAttr{
		Dir: "/proc/self/fd/" + strconv.Itoa(int(dir.Fd())), Env: env, Files: []*os.File{slave, slave, slave},
		Sys: &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0, Pdeathsig: syscall.SIGKILL},
	})
	return err
}

// lookPath finds a program by the PATH that it will have.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, pair := range env {
		if dirs, ok := strings.CutPrefix(pair, "PATH="); ok {
			for _, dir := range filepath.SplitList(dirs) {
				if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
					return filepath.Join(dir, name), nil
				}
			}
		}
	}
	return "", exec.ErrNotFound
}

// spawnConfined starts bubblewrap under the tenant's uid. Bubblewrap waits, when it has made the sandbox, until its
// first process has its limits.
func (p *process) spawnConfined(slave *os.File) error {
	l := p.l
	job := sandbox.Job{
		UID: p.uid, GID: p.uid, Cwd: p.spec.Cwd, Env: p.spec.Env, Argv: p.spec.Argv, Hostname: p.spec.Ticket,
		Workspace: filepath.Join(l.cfg.Data, workspacesDir, strconv.Itoa(p.spec.Slot), p.spec.Ticket),
	}
	if !l.root {
		job.GID = os.Getegid()
	}
	var at *doorAt
	var extra []*os.File
	if len(p.spec.Outbound) > 0 {
		var program, theirs *os.File
		var err error
		if at, program, theirs, err = newDoor(); err != nil {
			return err
		}
		defer at.close()
		extra = []*os.File{program, theirs}
		job.Env = sandbox.WithProxy(job.Env)
	}
	plan := l.plan(p.spec.Kind, job)
	b, err := l.bubblewrap(p.spec.Kind, plan, p.uid, slave, true, extra...)
	if err != nil {
		return err
	}
	defer b.close()
	p.child = b.child
	abandon := func(err error) error {
		b.child.Kill()
		b.child.Wait()
		return err
	}
	if p.inside, err = b.firstProcess(); err != nil {
		return abandon(err)
	}
	if p.insideFD, err = unix.PidfdOpen(p.inside, 0); err != nil {
		return abandon(err)
	}
	if p.group, err = l.limits.group(p.spec.ID); err == nil {
		err = p.group.add(p.child.Pid, p.inside)
	}
	if err == nil {
		err = l.limits.inside(p.inside, l.root)
	}
	if err == nil {
		err = b.release()
	}
	if err == nil && at != nil {
		b.close() // so that it is heard when the door dies
		var listener *os.File
		if listener, err = at.listener(); err == nil {
			p.out, err = l.openOutbound(p.spec.ID, p.uid, p.spec.Outbound, listener)
		}
	}
	if err != nil {
		unix.Close(p.insideFD)
		p.insideFD = -1
		return abandon(err)
	}
	return nil
}

func (l *Launcher) plan(kind Kind, job sandbox.Job) sandbox.Plan {
	if kind == HostView {
		return sandbox.HostView(job, sandbox.View{
			Data: l.cfg.Data, Masks: l.cfg.Masks, Sockets: l.cfg.Sockets, Homes: l.cfg.ShowHomes, PrivateProc: !l.root,
		})
	}
	return sandbox.Private(job)
}

// bubble is a bubblewrap that was started and waits.
type bubble struct {
	child *os.Process
	info  *os.File // what it says of itself
	gate  *os.File // it goes on when this is written
	files []*os.File
}

func (b *bubble) close() {
	for _, f := range b.files {
		f.Close()
	}
}

// bubblewrap starts a plan. The options go through a file: they hold the tenant's variables, and a command line can
// be read by everybody.
// A door's two descriptors, where there is one, are the program that goes through it and its socket.
func (l *Launcher) bubblewrap(kind Kind, plan sandbox.Plan, uid int, out *os.File, tty bool, door ...*os.File) (*bubble, error) {
	path, err := exec.LookPath("bwrap")
	if err != nil {
		return nil, helpdesk.Errorf(helpdesk.Unavailable, "Bubblewrap is not installed. Install it (Debian, Ubuntu: apt install bubblewrap) and start HelpDesk again.")
	}
	filter := sandbox.Filter{KernelLog: kind == HostView, NoUnixSock: kind == HostView && !sandbox.CanScope()}.Program()
	if filter == nil {
		return nil, helpdesk.Errorf(helpdesk.Unavailable, "There is no filter of system calls for this processor, so nothing is run on this host.")
	}
	b := &bubble{files: door}
	ok := false
	defer func() {
		if !ok {
			b.close()
		}
	}()
	inherit := []*os.File{out, out, out}
	pass := func(f *os.File) string {
		b.files = append(b.files, f)
		inherit = append(inherit, f)
		return strconv.Itoa(len(inherit) - 1)
	}
	data := func(content string) string {
		var f *os.File
		if err == nil {
			f, err = memfile(content)
		}
		if err != nil {
			return ""
		}
		return pass(f)
	}
	options, command := plan.Options, plan.Command
	if len(door) == 2 {
		inherit = append(inherit, door...)
		program, launcher := strconv.Itoa(len(inherit)-2), strconv.Itoa(len(inherit)-1)
		options = append(options, "--setenv", roleVariable, roleDoor+" "+program+" "+launcher)
		command = append([]string{"/proc/self/fd/" + program}, command...)
	}
	var early []string // files must be there before / becomes read-only
	for _, f := range plan.Files {
		early = append(early, "--perms", "0444", "--file", data(f.Content), f.Path)
	}
	options = append(early, options...)
	options = append(options, "--seccomp", data(string(filter)))
	if err != nil {
		return nil, err
	}
	infoR, infoW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	gateR, gateW, err := os.Pipe()
	if err != nil {
		infoR.Close()
		infoW.Close()
		return nil, err
	}
	b.info, b.gate = infoR, gateW
	b.files = append(b.files, infoR, gateW)
	options = append(options, "--info-fd", pass(infoW), "--block-fd", pass(gateR))
	args := data(strings.Join(options, "\x00") + "\x00")
	if err != nil {
		return nil, err
	}
	from, groups := l.spawn.confined, []uint32(nil)
	if kind == HostView {
		from, groups = l.spawn.scoped, sandbox.Groups()
	}
	sys := &syscall.SysProcAttr{Credential: l.credential(uid, groups...), Pdeathsig: syscall.SIGKILL, Setsid: true, Setctty: tty}
	argv := append(append(l.limits.shell(l.root), path, "--args", args, "--"), command...)
	b.child, err = from.start(argv[0], argv, &os.ProcAttr{
		Dir: "/", Env: []string{}, Files: inherit, Sys: sys,
	})
	infoW.Close()
	gateR.Close()
	if err != nil {
		return nil, err
	}
	ok = true
	return b, nil
}

// firstProcess reads which process is the first one in the sandbox.
func (b *bubble) firstProcess() (int, error) {
	b.info.SetReadDeadline(time.Now().Add(30 * time.Second))
	var info struct {
		Child int `json:"child-pid"`
	}
	if err := json.NewDecoder(io.LimitReader(b.info, 4096)).Decode(&info); err != nil || info.Child <= 0 {
		return 0, helpdesk.WithCause(helpdesk.Unavailable, err, "The sandbox could not be made.")
	}
	return info.Child, nil
}

func (b *bubble) release() error {
	_, err := b.gate.Write([]byte{1})
	return err
}

// try makes a sandbox of the kind that does nothing, to learn whether it can be made and if not, why.
func (l *Launcher) try(kind Kind) error {
	uid, err := l.uid(l.cfg.LastUID - l.cfg.FirstUID)
	if err != nil {
		return err
	}
	job := sandbox.Job{UID: uid, GID: uid, Workspace: filepath.Join(l.cfg.Data, workspacesDir), Argv: []string{"true"}}
	if !l.root {
		job.GID = os.Getegid()
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		return err
	}
	defer outR.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) //nolint:forbidigo // asked once, at the start, before there is anything to end it
	defer cancel()
	b, err := l.bubblewrap(kind, l.plan(kind, job), uid, outW, false)
	outW.Close()
	if err != nil {
		return err
	}
	defer b.close()
	stop := context.AfterFunc(ctx, func() { b.child.Kill() })
	defer stop()
	_ = b.release() // what was said tells what failed
	said, _ := io.ReadAll(io.LimitReader(outR, 4096))
	state, err := b.child.Wait()
	if err == nil && state.Success() {
		return nil
	}
	if ctx.Err() != nil {
		return helpdesk.Errorf(helpdesk.Unavailable, "Bubblewrap has not made a sandbox within a minute. This machine is too busy or too slow; start HelpDesk again later.")
	}
	why := strings.TrimSpace(string(bytes.ToValidUTF8(said, nil)))
	return helpdesk.Errorf(helpdesk.Unavailable, "Bubblewrap cannot make a sandbox here (%s). User namespaces must be allowed for user %d: see docs/guide/places.md.", why, uid)
}
