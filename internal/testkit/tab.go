package testkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"helpdesk/internal/terminal"
)

// Tab is a browser's tab on a terminal. It has the terminal's output from its beginning on, acknowledges it, attaches
// again from where it was whenever it is cut off, and fails the test where output does not begin where the last ended.
type Tab struct {
	t      testing.TB
	h      *HelpDesk
	path   string // of the terminal or Run, below /api/v1
	viewer string
	cancel context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when something came
	conn    *websocket.Conn
	got     []byte
	seq     uint64 // of the newest input
	taken   uint64 // up to which inputs are known to be typed
	exit    *terminal.Exit
	starts  int
	last    error // why the connection before this one ended
}

// Attach attaches to a terminal, until Close or the end of the test.
func (h *HelpDesk) Attach(id string) *Tab { return h.attach("/terminals/" + id) }

// AttachRun attaches to a Run.
func (h *HelpDesk) AttachRun(ticket, id string) *Tab {
	return h.attach("/tickets/" + ticket + "/runs/" + id)
}

func (h *HelpDesk) attach(path string) *Tab {
	ctx, cancel := context.WithCancel(context.Background())
	b := &Tab{
		t: h.t, h: h, path: path, viewer: fmt.Sprintf("viewer-%d", time.Now().UnixNano()), cancel: cancel,
		ended: make(chan struct{}), changed: make(chan struct{}),
	}
	go func() {
		defer close(b.ended)
		pause := time.NewTicker(10 * time.Millisecond)
		defer pause.Stop()
		for ctx.Err() == nil && !b.Exited() {
			err := b.follow(ctx)
			b.mu.Lock()
			b.conn, b.last = nil, err
			b.mu.Unlock()
			<-pause.C
		}
	}()
	h.t.Cleanup(b.Close)
	return b
}

// Close detaches.
func (b *Tab) Close() {
	b.cancel()
	<-b.ended
}

// follow attaches once, and reads until the connection ends.
func (b *Tab) follow(ctx context.Context) error {
	var att struct{ Token, URL string }
	if err := b.h.API("POST", b.path+"/attachments", struct{}{}, &att); err != nil {
		return err
	}
	conn, _, err := websocket.Dial(ctx, b.h.URL+att.URL, &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + b.h.Token}}})
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	conn.SetReadLimit(2 << 20)
	hello, err := json.Marshal(map[string]any{"token": att.Token, "viewer": b.viewer, "from": len(b.Output()), "cols": 80, "rows": 24})
	if err == nil {
		err = conn.Write(ctx, websocket.MessageText, hello)
	}
	for err == nil {
		var p []byte
		if _, p, err = conn.Read(ctx); err == nil {
			err = b.take(ctx, conn, p)
		}
	}
	return err
}

func (b *Tab) take(ctx context.Context, conn *websocket.Conn, p []byte) error {
	frame, err := terminal.DecodeServer(p)
	if err != nil {
		b.t.Errorf("a frame from the server: %v", err)
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	defer func() {
		close(b.changed)
		b.changed = make(chan struct{})
	}()
	switch f := frame.(type) {
	case terminal.Start:
		b.conn, b.seq, b.taken = conn, f.Input, f.Input // what is not known to be typed is not sent again
		b.starts++
	case terminal.Screen:
		if f.Offset != int64(len(b.got)) {
			b.t.Errorf("%s: a screen at %d in place of output from %d on", b.path, f.Offset, len(b.got))
			return errMissed
		}
	case terminal.Output:
		if f.Offset != int64(len(b.got)) {
			b.t.Errorf("%s: output begins at %d, and %d was expected: there is a hole or an overlap", b.path, f.Offset, len(b.got))
			return errMissed
		}
		b.got = append(b.got, f.Data...)
		return conn.Write(ctx, websocket.MessageBinary, terminal.Encode(nil, terminal.Ack{Offset: int64(len(b.got))}))
	case terminal.InputAck:
		b.taken = f.Seq
	case terminal.Exit:
		b.exit = &f
	}
	return nil
}

var errMissed = errors.New("output is missing")

// Type types text, and waits until the terminal has taken it. It says false where the connection broke first: then it
// is unknown whether it was typed.
func (b *Tab) Type(text string) bool {
	b.mu.Lock()
	conn, starts := b.conn, b.starts
	if conn == nil || b.exit != nil {
		b.mu.Unlock()
		return false
	}
	b.seq++
	seq := b.seq
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if conn.Write(ctx, websocket.MessageBinary, terminal.Encode(nil, terminal.Input{Seq: seq, Data: []byte(text)})) != nil {
		return false
	}
	late := time.After(patience)
	for {
		b.mu.Lock()
		typed, cut, changed := b.taken >= seq, b.starts != starts || b.conn == nil || b.exit != nil, b.changed
		b.mu.Unlock()
		if typed || cut {
			return typed && !cut
		}
		select {
		case <-changed:
		case <-b.ended:
			return false
		case <-time.After(20 * time.Millisecond): // the connection may have broken
		case <-late:
			b.t.Errorf("%s: input %d is not taken", b.path, seq)
			return false
		}
	}
}

// Sees waits for text in the output.
func (b *Tab) Sees(text string) {
	b.t.Helper()
	b.h.Wait(fmt.Sprintf("%q in the output of %s", text, b.path), func() (bool, string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		return strings.Contains(string(b.got), text), fmt.Sprintf("%d bytes, last error %v, exit %+v: %.300q", len(b.got), b.last, b.exit, b.got[max(0, len(b.got)-300):])
	})
}

// Output is what it was shown, from the beginning on.
func (b *Tab) Output() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.got)
}

// Exited says whether it was told that the program has ended.
func (b *Tab) Exited() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.exit != nil
}
