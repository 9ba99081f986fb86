package launch

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"unicode/utf8"

	"helpdesk"
)

// clientState is the inside of a Client: calls that wait for their replies, and statuses that wait for Notify.
type clientState struct {
	conn   net.Conn
	notify func(Status)
	log    *slog.Logger

	write sync.Mutex // held while a frame is written

	mu      sync.Mutex
	seq     uint64
	waiting map[uint64]func(answer) // called once, with the answer or with what says that there is none
	gone    bool

	notices noticeQueue
	quick   bool
	telling sync.Mutex // held while notify is called
	told    bool       // it was, once
}

type answer struct {
	reply reply
	body  []byte
	err   error // there is none
}

func (a answer) failed() error {
	if a.err != nil {
		return a.err
	}
	return a.reply.Error.err()
}

func newClient(conn net.Conn, cfg ClientConfig) *Client {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Notify == nil {
		cfg.Notify = func(Status) {}
	}
	return &Client{clientState{conn: conn, notify: cfg.Notify, log: cfg.Log, waiting: map[uint64]func(answer){}, notices: newNoticeQueue(), quick: cfg.Quick}}
}

func (c *clientState) run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	defer c.notices.close()
	wg.Go(func() {
		for open := true; open; {
			open = c.notices.wait()
			c.telling.Lock()
			c.tell()
			c.telling.Unlock()
		}
	})
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	err := c.readReplies()
	c.conn.Close()
	c.mu.Lock()
	c.gone = true
	waiting := c.waiting
	c.waiting = nil
	c.mu.Unlock()
	for _, w := range waiting {
		w(answer{err: errGone})
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return helpdesk.WithCause(helpdesk.Unavailable, err, "The launcher is gone.")
}

func (c *clientState) readReplies() error {
	in := bufio.NewReaderSize(c.conn, 64<<10)
	for {
		var r reply
		body, err := readFrame(in, &r)
		if err != nil {
			return err
		}
		if r.Seq == 0 {
			if r.Status != nil {
				r.Status.Tail = body
				c.notices.put(*r.Status)
				c.pass()
			}
			continue
		}
		c.mu.Lock()
		w := c.waiting[r.Seq]
		delete(c.waiting, r.Seq)
		c.mu.Unlock()
		if w != nil {
			w(answer{reply: r, body: body})
		}
	}
}

// pass passes on what is in notices: here, if Notify is quick and nobody else is about it.
func (c *clientState) pass() {
	if !c.quick || !c.telling.TryLock() {
		c.notices.wake()
		return
	}
	defer c.telling.Unlock()
	if !c.told {
		c.notices.wake()
		return
	}
	c.tell()
}

// tell calls notify with what is in notices; telling is held.
func (c *clientState) tell() {
	for st, ok := c.notices.take(); ok; st, ok = c.notices.take() {
		c.notify(st)
		c.told = true
	}
}

// errNoAnswer is behind the errors of calls that got no answer: the launcher may have done what it was asked.
var errNoAnswer = errors.New("launch: no answer")

// NoAnswer says whether err comes of a call that got no answer, so that it is not known whether it was carried out.
// Any other error is the launcher's own no.
func NoAnswer(err error) bool { return errors.Is(err, errNoAnswer) }

var errGone = helpdesk.WithCause(helpdesk.Unavailable, errNoAnswer, "The launcher is gone, so nothing on this host can be reached. Start HelpDesk again.")

func (c *clientState) call(ctx context.Context, q request, body []byte) (reply, []byte, error) {
	w := make(chan answer, 1)
	seq, err := c.ask(q, body, func(a answer) { w <- a })
	if err != nil {
		return reply{}, nil, err
	}
	select {
	case a := <-w:
		return a.reply, a.body, a.failed()
	case <-ctx.Done():
		c.forgo(seq)
		return reply{}, nil, helpdesk.WithCause(helpdesk.Unavailable, errors.Join(errNoAnswer, context.Cause(ctx)), "The launcher did not answer in time.")
	}
}

// ask sends a request. With an error done is not called.
func (c *clientState) ask(q request, body []byte, done func(answer)) (seq uint64, err error) {
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		return 0, errGone
	}
	c.seq++
	q.Seq = c.seq
	c.waiting[q.Seq] = done
	c.mu.Unlock()

	c.write.Lock()
	err = writeFrame(c.conn, q, body)
	c.write.Unlock()
	switch {
	case err == nil:
		return q.Seq, nil
	case !c.forgo(q.Seq):
		return q.Seq, nil // it was told already that the launcher is gone
	case helpdesk.KindOf(err) == helpdesk.TooLarge:
		return 0, err
	}
	return 0, helpdesk.WithCause(helpdesk.Unavailable, errors.Join(errNoAnswer, err), "The launcher cannot be reached.")
}

// forgo waits no more for an answer; false when it has come.
func (c *clientState) forgo(seq uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, waits := c.waiting[seq]
	delete(c.waiting, seq)
	return waits
}

func (c *clientState) hello(ctx context.Context) (Hello, error) {
	r, _, err := c.call(ctx, request{Op: opHello}, nil)
	if err != nil {
		return Hello{}, err
	}
	if r.Hello == nil {
		return Hello{}, errShape
	}
	return *r.Hello, nil
}

var errShape = helpdesk.Errorf(helpdesk.Internal, "The launcher's answer is not of this version.")

func (c *clientState) start(ctx context.Context, spec Spec) (Status, error) {
	// JSON would replace what is not UTF-8, and a Decision binds exact bytes: refuse rather than change.
	for _, list := range [][]string{spec.Argv, spec.Env, {spec.Cwd}} {
		for _, s := range list {
			if !utf8.ValidString(s) {
				return Status{}, helpdesk.Errorf(helpdesk.Invalid, "A command, its variables and its directory must be valid UTF-8.")
			}
		}
	}
	r, _, err := c.call(ctx, request{Op: opStart, Spec: &spec}, nil)
	if err != nil {
		return Status{}, err
	}
	if r.Status == nil {
		return Status{}, errShape
	}
	return *r.Status, nil
}

func (c *clientState) list(ctx context.Context) ([]Status, error) {
	r, _, err := c.call(ctx, request{Op: opList}, nil)
	return r.List, err
}

// do makes a call whose reply says only yes or no.
func (c *clientState) do(ctx context.Context, q request) error {
	_, _, err := c.call(ctx, q, nil)
	return err
}

func (c *clientState) forget(ctx context.Context, id string) error {
	return c.do(ctx, request{Op: opForget, ID: id})
}

func (c *clientState) input(ctx context.Context, id string, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	_, _, err := c.call(ctx, request{Op: opInput, ID: id}, data)
	return err
}

func (c *clientState) typeIn(id string, data []byte, done func(error)) {
	if len(data) == 0 {
		done(nil)
		return
	}
	if _, err := c.ask(request{Op: opInput, ID: id}, data, func(a answer) { done(a.failed()) }); err != nil {
		done(err)
	}
}

func (c *clientState) resize(ctx context.Context, id string, cols, rows uint16) error {
	return c.do(ctx, request{Op: opResize, ID: id, Cols: cols, Rows: rows})
}

func (c *clientState) stop(ctx context.Context, id string) error {
	return c.do(ctx, request{Op: opStop, ID: id})
}

func (c *clientState) pause(ctx context.Context, id string) error {
	return c.do(ctx, request{Op: opPause, ID: id})
}

func (c *clientState) resume(ctx context.Context, id string, limit int64) error {
	return c.do(ctx, request{Op: opResume, ID: id, Limit: limit})
}

func (c *clientState) deleteTranscripts(ctx context.Context, ticket string) error {
	return c.do(ctx, request{Op: opDeleteTranscripts, Ticket: ticket})
}

func (c *clientState) tickets(ctx context.Context, slot int) ([]string, error) {
	r, _, err := c.call(ctx, request{Op: opTickets, Slot: slot}, nil)
	return r.Tickets, err
}

func (c *clientState) createWorkspace(ctx context.Context, slot int, ticket string) error {
	return c.do(ctx, request{Op: opCreateWorkspace, Slot: slot, Ticket: ticket})
}

func (c *clientState) removeWorkspace(ctx context.Context, slot int, ticket string) error {
	return c.do(ctx, request{Op: opRemoveWorkspace, Slot: slot, Ticket: ticket})
}

func (c *clientState) listFiles(ctx context.Context, slot int, ticket, dir string, deep bool) ([]File, error) {
	r, _, err := c.call(ctx, request{Op: opListFiles, Slot: slot, Ticket: ticket, Path: dir, Deep: deep}, nil)
	return r.Files, err
}

func (c *clientState) readFile(ctx context.Context, slot int, ticket, path string) ([]byte, File, error) {
	r, body, err := c.call(ctx, request{Op: opReadFile, Slot: slot, Ticket: ticket, Path: path}, nil)
	if err != nil {
		return nil, File{}, err
	}
	if r.File == nil {
		return nil, File{}, errShape
	}
	if body == nil {
		body = []byte{}
	}
	return body, *r.File, nil
}

func (c *clientState) writeFile(ctx context.Context, slot int, ticket, path string, content []byte, executable bool) (File, error) {
	if len(content) > MaxFile {
		return File{}, errFileTooLarge
	}
	r, _, err := c.call(ctx, request{Op: opWriteFile, Slot: slot, Ticket: ticket, Path: path, Exec: executable}, content)
	if err != nil {
		return File{}, err
	}
	if r.File == nil {
		return File{}, errShape
	}
	return *r.File, nil
}

var errFileTooLarge = helpdesk.Errorf(helpdesk.TooLarge, "A file may have at most %d MiB.", MaxFile>>20)

func (c *clientState) deleteFile(ctx context.Context, slot int, ticket, path string) error {
	return c.do(ctx, request{Op: opDeleteFile, Slot: slot, Ticket: ticket, Path: path})
}

func (c *clientState) usage(ctx context.Context, slot int, ticket string) (Usage, error) {
	r, _, err := c.call(ctx, request{Op: opUsage, Slot: slot, Ticket: ticket}, nil)
	if err != nil {
		return Usage{}, err
	}
	if r.Usage == nil {
		return Usage{}, errShape
	}
	return *r.Usage, nil
}
