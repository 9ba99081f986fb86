// Package script is an agent that plays a script: for tests, which decide when each part is released, and for
// demonstrations. It knows nothing and looks at nothing.
//
// Promises: parts leave in the order the script makes them, one at a time, on the caller's goroutine; when the
// reader stops or its context ends, the script learns of it at its next emit and nothing more is sent; an agent
// made by New refuses to exist unless its Config enables it, so that no production server offers one by accident.
package script

import (
	"context"
	"iter"

	"helpdesk"
)

// Agent plays a script written in Go.
type Agent struct {
	// Play sends the parts of one turn through emit, which reports false when nobody listens any more; Play
	// then returns. Its error becomes the end of the turn.
	Play func(ctx context.Context, req helpdesk.Request, emit func(helpdesk.Part) bool) error
}

// Answer plays the script for one turn. An agent without a script says nothing.
func (a Agent) Answer(ctx context.Context, req helpdesk.Request) iter.Seq2[helpdesk.Part, error] {
	return func(yield func(helpdesk.Part, error) bool) {
		if a.Play == nil {
			return
		}
		left := false
		emit := func(p helpdesk.Part) bool {
			if left || ctx.Err() != nil {
				return false
			}
			left = !yield(p, nil)
			return !left
		}
		err := a.Play(ctx, req, emit)
		if left {
			return
		}
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			yield(helpdesk.Part{}, err)
		}
	}
}
