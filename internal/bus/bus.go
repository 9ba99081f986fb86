// Package bus tells every node that something happened. It is NATS, started in one of two ways: a server inside
// this process that listens nowhere, or a connection to a cluster.
//
// It promises speed and nothing else: a message may be lost, when a connection breaks or a reader is too slow.
// Whoever reads it must therefore find what was lost some other way, as live does by asking the store for its
// head once a second. Nothing is ever true because the bus said so.
package bus

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"helpdesk"
)

// maxPayload is the most one message carries; a cluster's own limit is 1 MiB by default, so stay under it.
const maxPayload = 1 << 20

// ErrNobody is returned by Request where nobody answers the subject.
var ErrNobody = errors.New("bus: nobody answers")

// Config says how to start.
type Config struct {
	URL string // of a NATS server or cluster; empty: a server inside this process
}

// Bus is a connection. Its methods may be called from any number of goroutines.
type Bus struct {
	conn   *nats.Conn
	inside *server.Server // nil where the bus is a cluster's
	closed sync.Once
}

// Start connects to the cluster, or starts the server inside this process and connects to that.
func Start(cfg Config) (*Bus, error) {
	options := []nats.Option{nats.Name("helpdesk"), nats.MaxReconnects(-1)}
	if cfg.URL != "" {
		conn, err := nats.Connect(cfg.URL, append(options, nats.Timeout(5*time.Second))...)
		if err != nil {
			return nil, helpdesk.WithCause(helpdesk.Unavailable, err, "The NATS server %s does not answer. Check HELPDESK_NATS.", withoutSecret(cfg.URL))
		}
		return &Bus{conn: conn}, nil
	}
	inside, err := server.NewServer(&server.Options{
		ServerName: "helpdesk", DontListen: true, NoSigs: true, NoLog: true, MaxPayload: maxPayload,
	})
	if err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	inside.Start()
	if !inside.ReadyForConnections(10 * time.Second) {
		inside.Shutdown()
		return nil, errors.New("bus: the server inside this process did not become ready")
	}
	conn, err := nats.Connect("", append(options, nats.InProcessServer(inside))...)
	if err != nil {
		inside.Shutdown()
		return nil, fmt.Errorf("bus: %w", err)
	}
	return &Bus{conn: conn, inside: inside}, nil
}

// withoutSecret is the URL without user and password.
func withoutSecret(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(unreadable)"
	}
	u.User = nil
	return u.String()
}

// Close ends the connection, and the server inside this process where there is one. No function of a subscriber
// runs after it returned, unless it is running already.
func (b *Bus) Close() {
	b.closed.Do(func() {
		b.conn.Close()
		if b.inside != nil {
			b.inside.Shutdown()
			b.inside.WaitForShutdown()
		}
	})
}

// Connected says whether the bus can be used now.
func (b *Bus) Connected() bool { return b.conn.IsConnected() }

// Publish sends a message to whoever subscribes now.
func (b *Bus) Publish(subject string, data []byte) error {
	if err := b.conn.Publish(subject, data); err != nil {
		return fmt.Errorf("bus: publish %s: %w", subject, err)
	}
	return nil
}

// Subscribe calls fn with every message of a subject, one after another, until unsubscribe is called. A wildcard *
// stands for one token. When Subscribe returns, messages that this process publishes from now on are heard.
func (b *Bus) Subscribe(subject string, fn func([]byte)) (unsubscribe func(), err error) {
	sub, err := b.conn.Subscribe(subject, func(m *nats.Msg) { fn(m.Data) })
	return b.ready(sub, subject, err)
}

// Respond answers requests on a subject with what fn makes of them, until unsubscribe is called.
func (b *Bus) Respond(subject string, fn func([]byte) []byte) (unsubscribe func(), err error) {
	sub, err := b.conn.Subscribe(subject, func(m *nats.Msg) {
		_ = m.Respond(fn(m.Data)) // whoever asked has a timeout
	})
	return b.ready(sub, subject, err)
}

func (b *Bus) ready(sub *nats.Subscription, subject string, err error) (func(), error) {
	if err != nil {
		return nil, fmt.Errorf("bus: subscribe %s: %w", subject, err)
	}
	if err := sub.SetPendingLimits(1<<16, 64<<20); err != nil {
		return nil, fmt.Errorf("bus: subscribe %s: %w", subject, err)
	}
	// Only after a round trip has the server taken the subscription in.
	if err := b.conn.FlushTimeout(5 * time.Second); err != nil {
		_ = sub.Unsubscribe()
		return nil, fmt.Errorf("bus: subscribe %s: %w", subject, err)
	}
	return func() { _ = sub.Unsubscribe() }, nil // it fails only on a closed connection
}

// Request asks a subject and waits for the first answer, until ctx ends. Where nobody listens it is ErrNobody at once.
func (b *Bus) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	m, err := b.conn.RequestWithContext(ctx, subject, data)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, ErrNobody
	}
	if err != nil {
		return nil, fmt.Errorf("bus: request %s: %w", subject, err)
	}
	return m.Data, nil
}
