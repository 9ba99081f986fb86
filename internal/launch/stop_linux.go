package launch

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hangUp is how long after SIGTERM, which interactive shells ignore, SIGHUP follows, which would cut short what a
// program does in order at SIGTERM.
const hangUp = 500 * time.Millisecond

// stop asks the process to end and makes it end after a grace. Only the first cause counts.
func (p *process) stop(cause stopCause) {
	p.mu.Lock()
	if p.stopBy != notStopped || p.gone {
		p.mu.Unlock()
		return
	}
	p.stopBy = cause
	p.asked = false // what it says at its end is read
	p.changed.Broadcast()
	p.mu.Unlock()
	p.signal(unix.SIGTERM)
	p.signal(unix.SIGCONT) // what is stopped must be able to hear
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gone {
		p.late = time.AfterFunc(hangUp, func() { p.signal(unix.SIGHUP) })
		p.kills = time.AfterFunc(stopGrace, p.kill)
	}
}

// signal signals all that the process has started, but not the sandbox around it: when that ends, all ends at once.
func (p *process) signal(sig unix.Signal) {
	if p.spec.Kind == Host {
		if pgrp := foreground(p.raw); pgrp > 1 && pgrp != p.child.Pid {
			unix.Kill(-pgrp, sig)
		}
		unix.Kill(-p.child.Pid, sig)
		return
	}
	for _, pid := range descendants(p.inside) {
		if pid != p.inside {
			p.signalOne(pid, sig)
		}
	}
}

// signalOne signals a process of this sandbox's uid and of no other: a process id may have been given to somebody
// else by now, and a pidfd holds on to whom we looked at.
func (p *process) signalOne(pid int, sig unix.Signal) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	info, err := os.Stat("/proc/" + strconv.Itoa(pid))
	if err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != p.uid {
		return
	}
	unix.PidfdSendSignal(fd, sig, nil, 0)
}

// kill ends all of it at once. In a sandbox the end of the first process is the end of its process-id namespace; on
// the host it is the session that is ended.
func (p *process) kill() {
	if p.spec.Kind == Host {
		p.mu.Lock()
		gone := p.gone
		p.mu.Unlock()
		if !gone {
			for _, pid := range sessionOf(p.child.Pid) {
				unix.Kill(pid, unix.SIGKILL)
			}
			p.child.Kill()
		}
		return
	}
	if p.insideFD >= 0 {
		unix.PidfdSendSignal(p.insideFD, unix.SIGKILL, nil, 0)
	}
	p.child.Kill()
}

// descendants gives pid and all below it, at most a few thousand.
func descendants(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all) && len(all) < 4096; i++ {
		tasks, _ := filepath.Glob("/proc/" + strconv.Itoa(all[i]) + "/task/*/children")
		for _, task := range tasks {
			children, _ := os.ReadFile(task)
			for f := range strings.FieldsSeq(string(children)) {
				if child, err := strconv.Atoi(f); err == nil {
					all = append(all, child)
				}
			}
		}
	}
	return all
}

// sessionOf gives the processes of a session other than its leader.
func sessionOf(leader int) []int {
	entries, _ := os.ReadDir("/proc")
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid != leader {
			if sid, err := unix.Getsid(pid); err == nil && sid == leader {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
