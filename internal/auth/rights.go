package auth

import (
	"context"

	"helpdesk"
	"helpdesk/internal/store"
)

// Rights is what a person may do now; somebody disabled or unknown is Unauthorized.
func (s *Service) Rights(ctx context.Context, id helpdesk.UserID) (helpdesk.Actor, error) {
	w, err := s.cache.get("user "+string(id), func() (w Who, err error) {
		err = s.store.SystemView(ctx, store.Directory, func(tx *store.System) error {
			w, err = whoIs(tx, id)
			return err
		})
		return w, err
	})
	return w.Actor, err
}
