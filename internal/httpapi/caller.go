package httpapi

import (
	"context"
	"net/http"

	"helpdesk"
)

// Caller recognises who makes a request, for those that serve a connection by themselves. cookie says that it is a
// browser's; who asks again, for connections that live long.
func (s *Server) Caller(r *http.Request) (cookie bool, who func(context.Context) (helpdesk.Actor, error), err error) {
	by, err := s.identify(r)
	if err != nil {
		return false, nil, err
	}
	return by.who.Login != "", func(ctx context.Context) (helpdesk.Actor, error) {
		again, err := s.identify(r.WithContext(ctx))
		return again.Actor, err
	}, nil
}
