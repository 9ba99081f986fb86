package approval_test

import (
	"context"
	"net"
	"sync"

	"helpdesk/internal/approval"
	"helpdesk/internal/launch"
)

// wire is the way to the launcher, with places at which it can be cut.
type wire struct {
	approval.Launcher
	asked  sync.WaitGroup // starts that the launcher has not answered
	mu     sync.Mutex
	before func(op, id string) error // an error is what the caller hears, and nothing is asked
	after  func(op, id string) error // an error is what the caller hears, though it was done
}

func (w *wire) set(before, after func(op, id string) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before, w.after = before, after
}

func (w *wire) around(op, id string, do func() error) error {
	w.mu.Lock()
	before, after := w.before, w.after
	w.mu.Unlock()
	if before != nil {
		if err := before(op, id); err != nil {
			return err
		}
	}
	err := do()
	if err == nil && after != nil {
		err = after(op, id)
	}
	return err
}

func (w *wire) Start(ctx context.Context, s launch.Spec) (st launch.Status, err error) {
	err = w.around("start", s.ID, func() error {
		var answer launch.Status
		done := make(chan error, 1)
		w.asked.Go(func() {
			var err error
			answer, err = w.Launcher.Start(context.WithoutCancel(ctx), s)
			done <- err
		})
		select {
		case err := <-done:
			st = answer
			return err
		case <-ctx.Done():
			return noAnswer()
		}
	})
	return st, err
}

func (w *wire) List(ctx context.Context) (all []launch.Status, err error) {
	err = w.around("list", "", func() error { all, err = w.Launcher.List(ctx); return err })
	return all, err
}

func (w *wire) Stop(ctx context.Context, id string) error {
	return w.around("stop", id, func() error { return w.Launcher.Stop(ctx, id) })
}

func (w *wire) Forget(ctx context.Context, id string) error {
	return w.around("forget", id, func() error { return w.Launcher.Forget(ctx, id) })
}

// noAnswer is what is heard of a launcher that does not answer any more.
var noAnswer = sync.OnceValue(func() error {
	ours, theirs := net.Pipe()
	theirs.Close()
	c := launch.NewClient(ours, launch.ClientConfig{})
	_ = c.Run(context.Background())
	return c.Stop(context.Background(), "x")
})
