package launch

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"helpdesk"
)

// maxAsked is how many slow requests of one server are worked on at once; further ones wait unread.
const maxAsked = 64

// link is one connected server.
type link struct {
	l       *Launcher
	conn    net.Conn
	raw     syscall.RawConn // of conn, nil where it has none
	notices noticeQueue

	write sync.Mutex
	out   []byte      // frames that are to be written, the first perhaps in part
	late  *time.Timer // writes the answers that wait for company
	armed bool        // and will
}

// The answers to typing wait a moment for the output that it brings, so that both go with one write and wake the server
// once. What waits is little: beyond mostLate it is written.
const (
	answerLate = 5 * time.Millisecond
	mostLate   = 16 << 10
)

// Serve serves a server on conn until it leaves, breaks the protocol, or ctx is done. It closes conn. Processes live
// on. Run must have been called; Serve waits until it has begun.
func (l *Launcher) Serve(ctx context.Context, conn net.Conn) error {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	select {
	case <-l.started:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	lk := &link{l: l, conn: conn, notices: newNoticeQueue()}
	if socket, ok := conn.(syscall.Conn); ok {
		lk.raw, _ = socket.SyscallConn()
	}
	lk.late = time.AfterFunc(answerLate, func() {
		lk.write.Lock()
		lk.armed = false
		lk.write.Unlock()
		lk.notices.wake()
	})
	defer lk.late.Stop()
	l.connected.Lock()
	l.links[lk] = struct{}{}
	l.connected.Unlock()
	for _, p := range l.processes() {
		p.introduce(lk)
	}
	var own sync.WaitGroup
	defer own.Wait()
	defer lk.notices.close()
	defer conn.Close()
	defer func() {
		l.connected.Lock()
		delete(l.links, lk)
		l.connected.Unlock()
	}()
	own.Go(func() {
		for lk.notices.wait() {
			lk.write.Lock()
			lk.gather()
			lk.flush()
			lk.write.Unlock()
		}
	})
	slow := make(chan struct{}, maxAsked)
	in := bufio.NewReaderSize(conn, 64<<10)
	for {
		var q request
		body, err := readFrame(in, &q)
		if err != nil {
			// A server that is killed may leave what it was sent unread, which is a reset.
			if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) {
				return nil
			}
			return err
		}
		if lk.quick(q, body) {
			continue
		}
		slow <- struct{}{}
		own.Go(func() {
			r, out := l.answer(q, body)
			r.Seq = q.Seq
			lk.send(r, out)
			<-slow
		})
	}
}

// send sends a frame, and waits until the server takes it. When that fails the server is gone, which the reading side
// sees.
func (lk *link) send(r reply, body []byte) {
	lk.write.Lock()
	defer lk.write.Unlock()
	lk.add(r, body)
	lk.flush()
}

// sendLate sends a frame with the next notice, or in a moment.
func (lk *link) sendLate(r reply) {
	lk.write.Lock()
	defer lk.write.Unlock()
	lk.add(r, nil)
	switch {
	case len(lk.out) > mostLate:
		lk.flush()
	case !lk.armed:
		lk.armed = true
		lk.late.Reset(answerLate)
	}
}

// tell sends the newest status of a process. It never waits: what the server does not take at once, or while somebody
// else is writing, is left to the link's own goroutine.
func (lk *link) tell(st Status) {
	lk.notices.put(st)
	if !lk.write.TryLock() {
		lk.notices.wake()
		return
	}
	defer lk.write.Unlock()
	if len(lk.out) <= mostLate { // else the server is slow, and statuses are to replace each other
		lk.gather()
		lk.flushNow()
	}
	if len(lk.out) > 0 {
		lk.notices.wake()
	}
}

// gather makes frames of what is to be told; write is held, as in all that follow.
func (lk *link) gather() {
	for st, ok := lk.notices.take(); ok; st, ok = lk.notices.take() {
		lk.add(reply{Status: &st}, st.Tail)
	}
}

func (lk *link) add(r reply, body []byte) {
	var err error
	if lk.out, err = appendFrame(lk.out, r, body); helpdesk.KindOf(err) == helpdesk.TooLarge && r.Seq != 0 {
		lk.out, _ = appendFrame(lk.out, reply{Seq: r.Seq, Error: toWire(helpdesk.Errorf(helpdesk.TooLarge, "The answer is too long; ask for a part of it."))}, nil)
	}
}

// flush writes all that is to be written.
func (lk *link) flush() {
	if len(lk.out) == 0 {
		return
	}
	_, _ = lk.conn.Write(lk.out) // when that fails nobody is there
	lk.written(len(lk.out))
}

// flushNow writes what the socket takes at once.
func (lk *link) flushNow() {
	if lk.raw == nil {
		return
	}
	_ = lk.raw.Write(func(fd uintptr) bool {
		if n, err := unix.Write(int(fd), lk.out); err == nil {
			lk.written(n)
		}
		return true
	})
}

// written takes note that the first n bytes are gone.
func (lk *link) written(n int) {
	lk.out = lk.out[:copy(lk.out, lk.out[n:])]
	if len(lk.out) == 0 && cap(lk.out) > 4*mostLate {
		lk.out = nil
	}
}

// quick answers at once, in the order of asking, what touches only a process's own state.
func (lk *link) quick(q request, body []byte) bool {
	switch q.Op {
	case opInput:
		answer := func(err error) { lk.sendLate(reply{Seq: q.Seq, Error: toWire(err)}) }
		if p, err := lk.l.process(q.ID); err != nil {
			answer(err)
		} else {
			p.typeIn(body, answer)
		}
		return true
	case opResize, opPause, opResume:
		p, err := lk.l.process(q.ID)
		if err == nil {
			switch q.Op {
			case opResize:
				err = p.resize(q.Cols, q.Rows)
			case opPause:
				p.pause()
			default:
				err = p.resume(q.Limit)
			}
		}
		lk.send(reply{Seq: q.Seq, Error: toWire(err)}, nil)
		return true
	}
	return false
}

// answer does what may take a while.
func (l *Launcher) answer(q request, body []byte) (r reply, out []byte) {
	var err error
	switch q.Op {
	case opHello:
		h := l.hello()
		r.Hello = &h
	case opStart:
		if q.Spec == nil {
			err = helpdesk.Errorf(helpdesk.Invalid, "There is nothing to start.")
			break
		}
		var st Status
		if st, err = l.start(*q.Spec); err == nil {
			r.Status = &st
		}
	case opList:
		r.List = []Status{}
		for _, p := range l.processes() {
			r.List = append(r.List, p.snapshot())
		}
	case opForget:
		err = l.forget(q.ID)
	case opStop:
		var p *process
		if p, err = l.process(q.ID); err == nil {
			p.stop(stoppedByAsk)
		}
	case opDeleteTranscripts:
		err = l.deleteTranscripts(q.Ticket)
	case opTickets:
		r.Tickets, err = l.tickets(q.Slot)
	case opCreateWorkspace:
		err = l.createWorkspace(q.Slot, q.Ticket)
	case opRemoveWorkspace:
		err = l.removeWorkspace(q.Slot, q.Ticket)
	case opListFiles, opReadFile, opWriteFile, opDeleteFile, opUsage:
		r, out, err = l.files(q, body)
	default:
		err = helpdesk.Errorf(helpdesk.Invalid, "The launcher does not know that request.")
	}
	if err != nil {
		return reply{Error: toWire(err)}, nil
	}
	return r, out
}
