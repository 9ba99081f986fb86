package turn

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"time"

	"helpdesk"
)

// answer is an agent at work. It has a goroutine of its own, so that an agent that panics ends only its turn, and
// one that does not heed the end of its context keeps nobody waiting.
type answer struct {
	parts chan helpdesk.Part // never closed; nothing is sent after the end of its context
	done  chan struct{}      // closed when the agent has returned and err is set
	err   error              // why it ended; nil where it said all
}

// ask begins an answer. Its goroutine is waited for by Run.
func (e *Engine) ask(ctx context.Context, agent Agent, req helpdesk.Request) *answer {
	a := &answer{parts: make(chan helpdesk.Part), done: make(chan struct{})}
	e.mu.Lock()
	e.answers[a] = req.Turn
	e.mu.Unlock()
	go func() {
		defer func() {
			e.mu.Lock()
			delete(e.answers, a)
			e.mu.Unlock()
			close(a.done)
		}()
		a.err = errors.New("turn: the agent left its goroutine") // unless it returns
		a.err = listen(ctx, agent, req, a.parts)
	}()
	return a
}

// listen passes on what an agent sends, until it ends, fails, or nobody listens any more.
func listen(ctx context.Context, agent Agent, req helpdesk.Request, parts chan<- helpdesk.Part) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = helpdesk.WithCause(helpdesk.Unavailable, fmt.Errorf("panic: %v\n%s", p, debug.Stack()),
				"The agent failed by a fault of its own. What had arrived is kept; the server's log has the details.")
		}
	}()
	for p, err := range agent.Answer(ctx, req) {
		if err != nil {
			return err
		}
		select {
		case parts <- p:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// outlast waits, for as long as the grace lasts, until every agent has returned. Whoever has not is left behind:
// what it sends is heard by nobody.
func (e *Engine) outlast() {
	e.mu.Lock()
	left := maps.Clone(e.answers)
	e.mu.Unlock()
	over := make(chan struct{})
	late := time.AfterFunc(e.cfg.Grace, func() { close(over) })
	defer late.Stop()
	for a, id := range left {
		select {
		case <-a.done:
		case <-over:
			e.cfg.Log.Error("an agent did not end when it was told to, and is left behind", "turn", id)
		}
	}
}
