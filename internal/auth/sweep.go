package auth

import (
	"context"
	"time"

	"helpdesk/internal/store"
)

const sweepEvery = time.Hour

// Run deletes what has expired, now and once an hour, until ctx ends. Nothing depends on it: what has expired is refused
// whether it is there or not.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("delete expired sessions and links", "error", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// Sweep deletes what has expired.
func (s *Service) Sweep(ctx context.Context) error {
	return s.store.SystemUpdate(ctx, store.Directory, (*store.System).DropExpired)
}
