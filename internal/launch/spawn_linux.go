package launch

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"helpdesk/internal/place/sandbox"
)

// spawners start processes, each from one thread that lives as long as the launcher: a child's parent-death signal
// follows the thread that started it, and what a thread has given up its children never had.
type spawners struct {
	plain    spawner // for Host: nothing is given up
	confined spawner // no new privileges: the server, helpers, private sandboxes
	scoped   spawner // besides, no abstract sockets of the host and no signals to it: the host view
}

type spawner chan func()

func newSpawners(wg *sync.WaitGroup) *spawners {
	s := &spawners{plain: make(spawner), confined: make(spawner), scoped: make(spawner)}
	noPrivileges := func() error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }
	wg.Go(func() { s.plain.run(nil) })
	wg.Go(func() { s.confined.run(noPrivileges) })
	wg.Go(func() {
		s.scoped.run(func() error {
			if err := noPrivileges(); err != nil || !sandbox.CanScope() {
				return err
			}
			return sandbox.ScopeThread()
		})
	})
	return s
}

func (s *spawners) close() {
	close(s.plain)
	close(s.confined)
	close(s.scoped)
}

// run holds its thread until the spawner is closed. The goroutine never unlocks it, so the thread ends with it and
// nothing else ever runs on a thread that gave something up.
func (s spawner) run(giveUp func() error) {
	runtime.LockOSThread()
	if giveUp != nil {
		if err := giveUp(); err != nil {
			panic("launch: a thread could not give up its privileges: " + err.Error()) // must never start anything
		}
	}
	for f := range s {
		f()
	}
}

// start starts a process from the spawner's thread.
func (s spawner) start(name string, argv []string, attr *os.ProcAttr) (p *os.Process, err error) {
	done := make(chan struct{})
	s <- func() {
		defer close(done)
		p, err = os.StartProcess(name, argv, attr)
	}
	<-done
	return p, err
}

// keepDescriptors keeps from children what this process was started with besides its three standard descriptors, as a
// file that the shell which started HelpDesk had open: a sandbox could read and write it.
func keepDescriptors() {
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}

// noCrashDumps keeps what was in memory of this process, and of all that it starts, from being written down when they
// crash. With a limit of 1 the kernel does not even start the host's handler of crashes; with 0 it would, as root. Who
// was given 0 may not be able to ask for more.
func noCrashDumps() {
	if unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1}) != nil {
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	}
}

// credential makes a process drop to uid, with that as its only group besides groups. Without root there is nothing
// to drop.
func (l *Launcher) credential(uid int, groups ...uint32) *syscall.Credential {
	if !l.root {
		return nil
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid), Groups: groups}
}

// memfile makes an anonymous file with the given content, to be read by a child from its beginning.
func memfile(content string) (*os.File, error) {
	fd, err := unix.MemfdCreate("helpdesk", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "memfd")
	if _, err := f.WriteString(content); err == nil {
		_, err = f.Seek(0, 0)
		if err == nil {
			return f, nil
		}
	}
	f.Close()
	return nil, err
}
