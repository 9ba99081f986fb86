package launch

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"helpdesk"
	"helpdesk/internal/transcript"
)

// process is one program on its pseudo-terminal. One goroutine, read, is the only reader of the master; another, wait,
// learns how it ended. Status is made only under mu and published in that order.
type process struct {
	l    *Launcher
	spec Spec
	uid  int

	master *os.File
	raw    syscall.RawConn
	log    *transcript.Writer
	group  *group
	out    *outbound // nil where there is no way out

	child    *os.Process // bubblewrap, or in Host the program itself
	inside   int         // process id of the sandbox's first process; 0 in Host
	insideFD int         // pidfd of it; -1 in Host
	timer    *time.Timer

	ended chan struct{} // closed when all is over and published
	input inputQueue

	mu       sync.Mutex
	changed  *sync.Cond // of what pauses reading
	status   Status
	asked    bool        // Pause was called
	block    PauseReason // why nothing can be kept: PausedByLimit, PausedByDisk or PausedByQuota
	tries    int         // how often the disk was tried again after the program's end
	retry    bool        // it is worth trying again
	gone     bool        // the program has ended
	stopBy   stopCause
	tail     []byte      // the last line of output, where secret prompts are looked for
	tailSeen bool        // secret is about this tail
	secret   bool        // tail is a prompt for one
	late     *time.Timer // sends SIGHUP
	kills    *time.Timer // sends SIGKILL
}

type stopCause int

const (
	notStopped stopCause = iota
	stoppedByAsk
	stoppedByTime
	stoppedByEnd   // of the launcher
	stoppedByQuota // of the Workspace
)

func (p *process) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status.Exit != nil
}

func (p *process) snapshot() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// change changes the status and publishes it.
func (p *process) change(f func(*Status)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.status)
	p.l.publish(p.status)
}

// introduce tells a server that has just come of the process, in order with all else that it is told of it.
func (p *process) introduce(lk *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	lk.tell(p.status)
}

// read reads the terminal until its last program has closed it, into the transcript first and then into the status.
func (p *process) read() {
	buf := make([]byte, 64<<10)
	for {
		p.awaitRoom()
		n, err := readBatch(p.raw, buf, p.held)
		if n > 0 {
			p.keep(buf[:n])
			_ = p.log.Flush() // a full disk shows at the next output, which then pauses
		}
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				p.drain(buf)
			}
			return // the last program has left, or has had its time after the end
		}
	}
}

// drain takes what is in the terminal when its time is over.
func (p *process) drain(buf []byte) {
	for {
		n := 0
		_ = p.raw.Control(func(fd uintptr) { n, _ = unix.Read(int(fd), buf) })
		if n <= 0 {
			return
		}
		p.keep(buf[:n])
	}
}

// held says whether output must wait. After the program's end only what cannot be kept waits.
func (p *process) held() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked && !p.gone
}

// awaitRoom waits while reading is paused.
func (p *process) awaitRoom() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.asked && !p.gone {
		p.changed.Wait()
	}
}

// keep brings output into the transcript, and waits for room where that is what the Spec wants.
func (p *process) keep(out []byte) {
	for len(out) > 0 {
		room, filling := p.l.records.take(p.spec.Ticket, len(out))
		n, err := p.log.Output(out[:room], time.Now())
		p.l.records.free(p.spec.Ticket, int64(room-n))
		if err == nil && n < len(out) {
			err = errQuota
		}
		if n > 0 {
			p.mu.Lock()
			p.status.Filling = filling
			p.remember(out[:n])
			p.status.End = p.log.Size()
			if p.block != "" && err == nil {
				p.block, p.status.Detail = "", ""
				p.status.Paused = p.pausedNow()
			}
			now := p.status
			if n <= maxTail {
				now.Tail = bytes.Clone(out[:n])
			}
			p.l.publish(now)
			p.mu.Unlock()
			out = out[n:]
		}
		if err == nil {
			continue
		}
		if !p.blocked(err) {
			return
		}
	}
}

// blocked is told that output cannot be kept, and says whether to try again: after a Resume, or for a full disk after
// a second. The limit of a Run, and a process that was ended, drop it.
func (p *process) blocked(err error) (again bool) {
	why, detail := PausedByDisk, "The recording cannot be written ("+reason(err)+"), so the terminal waits."
	if errors.Is(err, transcript.ErrLimit) {
		why, detail = PausedByLimit, "The recording is as long as it may be, so the terminal waits."
	}
	if errors.Is(err, errQuota) {
		why, detail = PausedByQuota, "The tenant's recordings have reached their limit, so the terminal waits. It goes on when tickets that are not needed are deleted."
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		p.tries++
	}
	if p.stopBy != notStopped || why != PausedByDisk && (p.gone || p.spec.Overflow == CutAtLimit) || p.tries > maxTries {
		p.cut()
		return false
	}
	if p.block != why {
		p.block, p.status.Detail = why, detail
		p.status.Paused = p.pausedNow()
		p.l.publish(p.status)
	}
	p.retry = false
	for !p.retry && p.stopBy == notStopped && !(p.gone && why != PausedByDisk) {
		p.changed.Wait()
	}
	return true
}

var errQuota = errors.New("launch: the tenant's recordings have reached their limit")

// maxTries is how often, once a second, the last output of a program that has ended is tried on a full disk.
const maxTries = 30

// cut notes, once, that output is dropped. It is called with mu held.
func (p *process) cut() {
	if !p.status.Cut {
		p.status.Cut = true
		_ = p.log.Cut(time.Now()) // Cut in the status says it as well
		p.l.publish(p.status)
	}
}

// pausedNow is called with mu held.
func (p *process) pausedNow() PauseReason {
	if p.block != "" {
		return p.block
	}
	if p.asked {
		return PausedByAsk
	}
	return NotPaused
}

func (p *process) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked || p.gone {
		return
	}
	p.asked = true
	p.status.Paused = p.pausedNow()
	p.l.publish(p.status)
}

func (p *process) resume(limit int64) error {
	if limit < 0 || limit > maxLimit {
		return helpdesk.Errorf(helpdesk.Invalid, "A transcript has at most %d GiB.", maxLimit>>30)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if limit > 0 {
		p.log.SetLimit(limit)
	}
	p.asked, p.retry = false, true
	p.status.Paused = p.pausedNow()
	p.l.publish(p.status)
	p.changed.Broadcast()
	return nil
}

// keepSafe is called once a second.
func (p *process) keepSafe() {
	if p.over() {
		return
	}
	if err := p.log.Sync(); err != nil {
		p.l.log.Error("a transcript could not be made safe", "id", p.spec.ID, "err", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.block == PausedByDisk || p.block == PausedByQuota {
		p.retry = true
		p.changed.Broadcast()
	}
}

func (p *process) resize(cols, rows uint16) error {
	if cols == 0 || rows == 0 || cols > maxSize || rows > maxSize {
		return helpdesk.Errorf(helpdesk.Invalid, "A terminal has between 1 and %d columns and rows.", maxSize)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.status.Exit != nil {
		return errEnded
	}
	if p.status.Cols == cols && p.status.Rows == rows {
		return nil
	}
	if err := setSize(p.raw, cols, rows); err != nil {
		return helpdesk.WithCause(helpdesk.Conflict, err, "The terminal cannot be resized now.")
	}
	p.status.Cols, p.status.Rows = cols, rows
	_ = p.log.Resize(int(cols), int(rows), time.Now())
	p.l.publish(p.status)
	return nil
}

var errEnded = helpdesk.Errorf(helpdesk.Conflict, "It has ended.")

// drainTime is how long after a program's end its terminal is read on. In a sandbox all that could hold it open dies
// with it; on the host a program in the background may hold it for ever.
const drainTime = 5 * time.Second

const drainTimeHost = 250 * time.Millisecond

// run lives as long as the process does.
func (p *process) run() {
	defer close(p.ended)
	read := make(chan struct{})
	go func() { defer close(read); p.read() }()

	state, err := p.child.Wait()
	if p.spec.Kind != Host {
		p.kill() // what is left of a sandbox; its first process dies with bubblewrap anyway
	}
	p.out.close()
	if p.timer != nil {
		p.timer.Stop()
	}
	grace := drainTime
	if p.spec.Kind == Host {
		grace = drainTimeHost
	}
	p.mu.Lock()
	p.gone = true
	if p.late != nil {
		p.late.Stop()
		p.kills.Stop()
	}
	p.changed.Broadcast()
	p.mu.Unlock()
	p.master.SetReadDeadline(time.Now().Add(grace))
	<-read

	exit := exitOf(state, err, p.spec.Kind != Host)
	p.mu.Lock()
	exit.TimedOut, exit.Stopped = p.stopBy == stoppedByTime, p.stopBy != notStopped && p.stopBy != stoppedByTime
	quota := p.stopBy == stoppedByQuota
	p.mu.Unlock()
	detail := p.group.verdict()
	if quota {
		detail = fmt.Sprintf("It was ended because the Workspace holds more than twice what it may: %d MiB in %d files.", quotaBytes>>20, quotaFiles)
	}
	p.input.close()
	p.master.Close()
	if p.insideFD >= 0 {
		unix.Close(p.insideFD)
	}
	finish := transcript.Finish{Code: exit.Code, Signal: exit.Signal, TimedOut: exit.TimedOut, Stopped: exit.Stopped}
	if err := p.log.Close(&finish, exit.At); err != nil {
		p.l.log.Error("a transcript could not be closed", "id", p.spec.ID, "err", err)
	}
	p.change(func(st *Status) {
		st.Exit, st.Paused, st.End = &exit, NotPaused, p.log.Size()
		st.Detail = detail
	})
	p.group.close()
}

// exitOf reads a wait status. Bubblewrap says 128+n when signal n ended the program in it.
func exitOf(state *os.ProcessState, err error, sandboxed bool) Exit {
	exit := Exit{Code: 255, At: time.Now()}
	if err != nil || state == nil {
		return exit
	}
	ws := state.Sys().(syscall.WaitStatus)
	switch {
	case ws.Signaled():
		exit.Signal = int(ws.Signal())
		exit.Code = 128 + exit.Signal
	default:
		exit.Code = ws.ExitStatus()
		if sandboxed && exit.Code > 128 && exit.Code <= 128+64 {
			exit.Signal = exit.Code - 128
		}
	}
	return exit
}
