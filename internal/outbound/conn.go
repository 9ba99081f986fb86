package outbound

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// errUnused ends a proxy that nobody uses.
var errUnused = errors.New("outbound: nobody has been connected for a while")

// door accepts what comes from the sandbox, up to a number, and gives up when nobody has been there for a while.
type door struct {
	*net.TCPListener
	most   int
	linger time.Duration
	open   atomic.Int64
}

func (d *door) Accept() (net.Conn, error) {
	for {
		if err := d.SetDeadline(time.Now().Add(d.linger)); err != nil {
			return nil, err
		}
		conn, err := d.AcceptTCP()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && d.open.Load() > 0:
			continue
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, errUnused
		case err != nil:
			return nil, err
		case d.open.Load() >= int64(d.most):
			conn.Close()
			continue
		}
		d.open.Add(1)
		return &counted{TCPConn: conn, open: &d.open}, nil
	}
}

// counted tells its door when it is closed.
type counted struct {
	*net.TCPConn
	open *atomic.Int64
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.TCPConn.Close()
}

// idleConn ends when nothing was read or written for a time.
type idleConn struct {
	net.Conn
	idle time.Duration
}

func newIdleConn(c net.Conn, idle time.Duration) *idleConn {
	_ = c.SetDeadline(time.Now().Add(idle))
	return &idleConn{c, idle}
}

func (c *idleConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		_ = c.SetDeadline(time.Now().Add(c.idle))
	}
	return n, err
}

func (c *idleConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if n > 0 {
		_ = c.SetDeadline(time.Now().Add(c.idle))
	}
	return n, err
}

// join copies both ways until both have said all, one breaks, or neither said anything for a time.
func join(a, b net.Conn, idle time.Duration) {
	touch := func() {
		late := time.Now().Add(idle)
		_ = a.SetDeadline(late)
		_ = b.SetDeadline(late)
	}
	touch()
	var both sync.WaitGroup
	carry := func(to, from net.Conn) {
		if _, err := io.CopyBuffer(writeOnly{to}, &touching{from, touch}, make([]byte, 16<<10)); err != nil {
			to.Close()
			from.Close()
			return
		}
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite() // there may be an answer still
		} else {
			to.Close()
		}
	}
	both.Go(func() { carry(a, b) })
	carry(b, a)
	both.Wait()
}

// touching tells when something came.
type touching struct {
	io.Reader
	touch func()
}

func (t *touching) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if n > 0 {
		t.touch()
	}
	return n, err
}

// writeOnly hides how a connection would copy by itself, past the reader that tells of activity.
type writeOnly struct{ io.Writer }
