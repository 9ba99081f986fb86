package launch

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"helpdesk"
)

// maxAsked is how many slow requests of one server are worked on at once; further ones wait unread.
const maxAsked = 64

// link is one connected server.
type link struct {
	l       *Launcher
	conn    net.Conn
	notices noticeQueue
	write   sync.Mutex
}

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
	l.mu.Lock()
	l.links[lk] = struct{}{}
	l.mu.Unlock()
	for _, p := range l.processes() {
		lk.notices.put(p.snapshot())
	}
	var own sync.WaitGroup
	defer own.Wait()
	defer lk.notices.close()
	defer conn.Close()
	defer func() {
		l.mu.Lock()
		delete(l.links, lk)
		l.mu.Unlock()
	}()
	own.Go(func() {
		for {
			st, ok := lk.notices.take()
			if !ok {
				return
			}
			lk.send(reply{Status: &st}, nil)
		}
	})
	slow := make(chan struct{}, maxAsked)
	in := bufio.NewReaderSize(conn, 64<<10)
	for {
		var q request
		body, err := readFrame(in, &q)
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
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

// send sends a frame. When that fails the server is gone, which the reading side sees.
func (lk *link) send(r reply, body []byte) {
	lk.write.Lock()
	defer lk.write.Unlock()
	if err := writeFrame(lk.conn, r, body); helpdesk.KindOf(err) == helpdesk.TooLarge && r.Seq != 0 {
		_ = writeFrame(lk.conn, reply{Seq: r.Seq, Error: toWire(helpdesk.Errorf(helpdesk.TooLarge, "The answer is too long; ask for a part of it."))}, nil)
	}
}

// quick answers at once, in the order of asking, what touches only a process's own state.
func (lk *link) quick(q request, body []byte) bool {
	switch q.Op {
	case opInput:
		answer := func(err error) { lk.send(reply{Seq: q.Seq, Error: toWire(err)}, nil) }
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
