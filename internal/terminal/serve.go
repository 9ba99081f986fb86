package terminal

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/coder/websocket"

	"helpdesk"
	"helpdesk/internal/store"
)

// Close codes, as docs/api/terminal.md has them.
const (
	closeToken   websocket.StatusCode = 4401
	closeRights  websocket.StatusCode = 4403
	closeGone    websocket.StatusCode = 4404
	closeSilence websocket.StatusCode = 4408
)

const (
	helloTime = 10 * time.Second // for the first message
	helloSize = 4 << 10
	pingEvery = 15 * time.Second
	pongTime  = 30 * time.Second
	writeTime = 30 * time.Second // for one frame; longer means that nobody is there
	closeTime = 3 * time.Second  // for the closing handshake
)

// hello is the first message of a client.
type hello struct {
	Token  string `json:"token"`
	Viewer string `json:"viewer"`
	From   *int64 `json:"from"`
	Cols   int    `json:"cols"`
	Rows   int    `json:"rows"`
}

var viewerPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)

func parseHello(p []byte) (hello, error) {
	var h hello
	if err := json.Unmarshal(p, &h); err != nil {
		return h, helpdesk.WithCause(helpdesk.Invalid, err, "The first message must be JSON with token, viewer, from, cols and rows.")
	}
	switch {
	case !viewerPattern.MatchString(h.Viewer):
		return h, helpdesk.Errorf(helpdesk.Invalid, "A viewer is 8 to 64 letters, digits, _ and -.")
	case h.From != nil && *h.From < 0:
		return h, helpdesk.Errorf(helpdesk.Invalid, "An offset is not negative.")
	case !validSize(h.Cols, h.Rows):
		return h, helpdesk.Errorf(helpdesk.Invalid, "A terminal has 2 to 1000 columns and 1 to 1000 rows.")
	}
	return h, nil
}

var (
	errReplaced = errors.New("the same viewer attached anew")
	errSilence  = errors.New("no sign of life")
	errRights   = errors.New("no longer signed in or allowed")
	errGone     = errors.New("the ticket is deleted")
	errLeft     = errors.New("the viewer left")
)

// ServeAttach serves the WebSocket of an attachment for the Terminal or Run named id. Who may attach is in the token
// of the first message, and the request must be signed in as the same person.
func (s *Service) ServeAttach(w http.ResponseWriter, r *http.Request, id string) {
	served := make(chan struct{})
	if !s.spawn(func() { <-served }) { // so that Run waits for us
		http.Error(w, helpdesk.PublicText(errStopping), http.StatusServiceUnavailable)
		return
	}
	defer close(served)
	if err := s.awaitReady(r.Context()); err != nil {
		http.Error(w, helpdesk.PublicText(err), http.StatusServiceUnavailable)
		return
	}
	login := Login{}
	if s.cfg.Login != nil {
		var err error
		if login, err = s.cfg.Login(r); err != nil || login.Cookie && r.Header.Get("Origin") == "" {
			http.Error(w, "Sign in first. A browser must say from which page it comes.", http.StatusForbidden)
			return
		}
	}
	// Accept refuses a page of another origin by itself.
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{OriginPatterns: s.cfg.Origins, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		s.cfg.Log.Info("refuse a terminal's WebSocket", "err", err)
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(MaxData + outputHead)
	ctx, end := context.WithCancelCause(context.WithoutCancel(r.Context()))
	defer end(nil)
	defer context.AfterFunc(s.stop, func() { end(errStopping) })()

	err = s.serve(ctx, end, conn, id, login)
	code, reason := closing(err)
	if code == websocket.StatusInternalError {
		s.cfg.Log.Error("serve a terminal", "id", id, "err", err)
	} else {
		s.cfg.Log.Debug("a viewer leaves", "id", id, "code", int(code), "why", err)
	}
	_ = conn.Close(code, cut(reason, 120)) // it may have gone already
}

func (s *Service) serve(ctx context.Context, end context.CancelCauseFunc, conn *websocket.Conn, id string, login Login) error {
	h, err := readHello(ctx, conn)
	if err != nil {
		return err
	}
	a, err := s.tokens.redeem(h.Token)
	if err != nil {
		return err
	}
	if a.id != id {
		return errToken
	}
	v := &viewer{id: h.Viewer, actor: a.actor, wake: make(chan struct{}, 1), end: end, cols: uint16(h.Cols), rows: uint16(h.Rows)}
	if err := s.allowed(ctx, a, login, &v.actor); err != nil {
		return err
	}
	if v.p, v.record, err = s.open(ctx, a); err != nil {
		return err
	}
	v.mayType = a.mayType(v.actor)
	if err := v.p.join(v); err != nil {
		return err
	}
	defer v.p.keepSource(v)
	defer v.p.leave(v)

	var wg sync.WaitGroup
	defer wg.Wait()
	closed := make(chan struct{})
	defer close(closed)
	defer end(errLeft)
	wg.Go(func() { end(s.readAll(ctx, conn, v)) })
	wg.Go(func() { s.watch(ctx, end, conn, v, a, login) })
	wg.Go(func() { cutOff(ctx, conn, closed) })
	err = v.write(ctx, func(frame []byte) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		// The end of ctx does not tear the frame: a reason can still be sent after it. That a frame is taken is watched, see
		// watch; a context for each would cost more than the frame.
		v.writing.Store(time.Now().UnixNano())
		defer v.writing.Store(0)
		err := conn.Write(context.WithoutCancel(ctx), websocket.MessageBinary, frame)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		return errLeft
	}, h.From)
	end(err)
	code, reason := closing(err)
	_ = conn.Close(code, cut(reason, 120))
	return err
}

// cutOff ends a connection whose other side does not take the news that it is over.
func cutOff(ctx context.Context, conn *websocket.Conn, closed <-chan struct{}) {
	<-ctx.Done()
	t := time.NewTimer(closeTime)
	defer t.Stop()
	select {
	case <-closed:
	case <-t.C:
		conn.CloseNow()
	}
}

func readHello(ctx context.Context, conn *websocket.Conn) (hello, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, helloTime, errSilence)
	defer cancel()
	// The end of ctx closes the connection with the reason; a read that it ended itself would tear it without one.
	defer context.AfterFunc(ctx, func() {
		code, reason := closing(context.Cause(ctx))
		_ = conn.Close(code, reason)
	})()
	typ, p, err := conn.Read(context.WithoutCancel(ctx))
	switch {
	case ctx.Err() != nil:
		return hello{}, context.Cause(ctx)
	case err != nil:
		return hello{}, errLeft
	case typ != websocket.MessageText || len(p) > helloSize:
		return hello{}, helpdesk.Errorf(helpdesk.Invalid, "The first message must be text of at most 4 KiB.")
	}
	return parseHello(p)
}

// readAll takes what the client sends until it leaves or sends what cannot be right.
func (s *Service) readAll(ctx context.Context, conn *websocket.Conn, v *viewer) error {
	for {
		// Not ctx: its end would tear the connection down before a reason can be sent. Closing ends this read.
		typ, p, err := conn.Read(context.WithoutCancel(ctx))
		if err != nil {
			if websocket.CloseStatus(err) == websocket.StatusMessageTooBig {
				return helpdesk.WithCause(helpdesk.TooLarge, err, "A message is over the limit.")
			}
			return errLeft
		}
		if typ != websocket.MessageBinary {
			return helpdesk.Errorf(helpdesk.Invalid, "After the first message all are binary.")
		}
		if ctx.Err() != nil {
			return nil // it is over: nothing is typed any more
		}
		if err := v.read(p); err != nil {
			return err
		}
	}
}

// watch looks now and then whether the viewer is still there and still allowed.
func (s *Service) watch(ctx context.Context, end context.CancelCauseFunc, conn *websocket.Conn, v *viewer, a attachment, login Login) {
	recheck, ping := time.NewTicker(s.cfg.Recheck), time.NewTicker(pingEvery)
	defer recheck.Stop()
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-recheck.C:
			if since := v.writing.Load(); since != 0 && time.Since(time.Unix(0, since)) > writeTime {
				end(errSilence)
				return
			}
			actor := a.actor
			if err := s.allowed(ctx, a, login, &actor); err != nil && ctx.Err() == nil {
				end(err)
				return
			}
		case <-ping.C:
			ctx, cancel := context.WithTimeout(ctx, pongTime)
			err := conn.Ping(ctx)
			cancel()
			if err != nil {
				end(errSilence)
				return
			}
		}
	}
}

// allowed finds out who the attached person is now, and whether they may still see this.
func (s *Service) allowed(ctx context.Context, a attachment, login Login, actor *helpdesk.Actor) error {
	typed := a.mayType(*actor)
	if login.Actor != nil {
		now, err := login.Actor(ctx)
		switch kind := helpdesk.KindOf(err); {
		case err != nil && kind != helpdesk.Unauthorized && kind != helpdesk.Forbidden && kind != helpdesk.NotFound:
			s.cfg.Log.Warn("check who looks at a terminal", "err", err)
			return nil // a database that does not answer revokes nothing
		case err != nil || now.ID != a.actor.ID:
			return errRights
		}
		*actor = now
	}
	if helpdesk.May(*actor, helpdesk.PermTicketRead, a.tenant) != nil || typed && !a.mayType(*actor) {
		return errRights
	}
	err := s.store.View(ctx, actor.Reach(), func(tx *store.Tx) error {
		_, err := tx.Ticket(a.ticket)
		return err
	})
	if helpdesk.KindOf(err) == helpdesk.NotFound {
		return errGone
	}
	return nil
}

// closing says with which code and sentence a connection is closed.
func closing(err error) (websocket.StatusCode, string) {
	switch {
	case err == nil:
		return websocket.StatusNormalClosure, "the process has ended"
	case errors.Is(err, errStopping):
		return websocket.StatusGoingAway, "the server stops"
	case errors.Is(err, errLeft), errors.Is(err, errReplaced):
		return websocket.StatusNormalClosure, err.Error()
	case errors.Is(err, errSilence):
		return closeSilence, err.Error()
	case errors.Is(err, errRights):
		return closeRights, err.Error()
	case errors.Is(err, errGone):
		return closeGone, err.Error()
	case errors.Is(err, errToken):
		return closeToken, helpdesk.PublicText(err)
	}
	switch helpdesk.KindOf(err) {
	case helpdesk.Invalid:
		return websocket.StatusPolicyViolation, helpdesk.PublicText(err)
	case helpdesk.TooLarge:
		return websocket.StatusMessageTooBig, helpdesk.PublicText(err)
	case helpdesk.NotFound:
		return closeGone, helpdesk.PublicText(err)
	case helpdesk.Unavailable, helpdesk.TooMany:
		return websocket.StatusTryAgainLater, helpdesk.PublicText(err)
	}
	return websocket.StatusInternalError, "Something went wrong on the server."
}
