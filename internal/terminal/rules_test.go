package terminal_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
	"helpdesk/internal/terminal"
)

func once() store.Once { return store.Once{} }

func second[T any](_ T, err error) error { return err }

func sha256Of(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestWhatIsNotYoursIsNotThere(t *testing.T) {
	h := open(t, terminal.Config{})
	x := h.openTerminal()
	for name, err := range map[string]error{
		"list":      second(h.service.List(h.ctx(), h.eve, h.ticket)),
		"open":      second(h.service.Open(h.ctx(), h.eve, h.ticket, terminal.Opening{Scope: helpdesk.ScopeTenant, Cols: 80, Rows: 24}, once())),
		"attach":    second(h.service.AttachTerminal(h.ctx(), h.eve, x.ID)),
		"change":    second(h.service.Change(h.ctx(), h.eve, x.ID, terminal.Changes{More: true})),
		"close":     h.service.Close(h.ctx(), h.eve, x.ID),
		"recording": second(h.service.Recording(h.ctx(), h.eve, x.ID)),
		"files":     second(h.files.List(h.ctx(), h.eve, h.ticket, "", true)),
	} {
		if helpdesk.KindOf(err) != helpdesk.NotFound {
			t.Errorf("%s by a stranger: %v", name, err)
		}
	}
}

func TestWhatCannotBeOpenedIsRefusedWithAReason(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{PerTicket: 2})
	container, err := helpdesk.ParseScope("container:web")
	must(t, err)
	tenant := helpdesk.ScopeTenant
	for _, c := range []struct {
		by   helpdesk.Actor
		o    terminal.Opening
		kind helpdesk.Kind
	}{
		{h.ann, terminal.Opening{Scope: container, Cols: 80, Rows: 24}, helpdesk.Unavailable},
		{h.ann, terminal.Opening{Scope: helpdesk.ScopeAdmin, Cols: 80, Rows: 24}, helpdesk.Forbidden},
		{h.ann, terminal.Opening{Scope: tenant, Cols: 1, Rows: 24}, helpdesk.Invalid},
		{h.ann, terminal.Opening{Scope: tenant, Cols: 80, Rows: 1001}, helpdesk.Invalid},
		{h.ann, terminal.Opening{Cols: 80, Rows: 24}, helpdesk.Invalid},
		{helpdesk.Actor{Kind: helpdesk.ActorAgent, ID: "agent", Tenants: h.ann.Tenants}, terminal.Opening{Scope: tenant, Cols: 80, Rows: 24}, helpdesk.Unauthorized},
	} {
		if _, err := h.service.Open(h.ctx(), c.by, h.ticket, c.o, once()); err == nil || helpdesk.KindOf(err) != c.kind {
			t.Errorf("%s opens %+v: %v", c.by.ID, c.o, err)
		}
	}
	if got := facts[event.TerminalOpened](h); len(got) != 0 {
		t.Errorf("the log says %+v", got)
	}
	// The same request twice opens one; one more than the limit opens none.
	key := store.Once{Actor: "ann", Key: "k1", Hash: "h"}
	a, err := h.service.Open(h.ctx(), h.ann, h.ticket, terminal.Opening{Scope: tenant, Cols: 80, Rows: 24}, key)
	must(t, err)
	again, err := h.service.Open(h.ctx(), h.ann, h.ticket, terminal.Opening{Scope: tenant, Cols: 80, Rows: 24}, key)
	must(t, err)
	b := h.openTerminal()
	if a.ID != again.ID || b.Title != "Blue 2" {
		t.Errorf("opened %v, %v and %q", a.ID, again.ID, b.Title)
	}
	_, err = h.service.Open(h.ctx(), h.bob, h.ticket, terminal.Opening{Scope: tenant, Cols: 80, Rows: 24}, once())
	if helpdesk.KindOf(err) != helpdesk.Conflict {
		t.Errorf("one too many: %v", err)
	}
	must(t, h.service.Close(h.ctx(), h.bob, b.ID))
	must(t, h.service.Close(h.ctx(), h.bob, b.ID)) // again is no error
	if got := facts[event.TerminalEnded](h); len(got) != 1 || got[0].Reason != "Closed by Bob." {
		t.Errorf("the log says %+v", got)
	}
	h.openTerminal() // there is room again
}

func TestATokenIsGoodOnceForOnePersonAndOneTerminal(t *testing.T) {
	var later atomic.Int64 // than the clock
	began := time.Now()
	clock := func() time.Time { return began.Add(time.Duration(later.Load())) }
	h := open(t, terminal.Config{Now: clock})
	x, y := h.openTerminal(), h.openTerminal()
	issue := func() string {
		a, err := h.service.AttachTerminal(h.ctx(), h.ann, x.ID)
		must(t, err)
		if !a.MayType || !a.ExpiresAt.Equal(clock().Add(30*time.Second)) {
			t.Errorf("the attachment is %+v", a)
		}
		return a.Token
	}
	used := issue()
	h.connect(h.ann, string(x.ID), used, attaching{}).sees("$ ")
	stolen, other := issue(), issue()
	for name, b := range map[string]*tab{
		"used":                  h.connect(h.ann, string(x.ID), used, attaching{}),
		"unknown":               h.connect(h.ann, string(x.ID), "hda_nothing", attaching{}),
		"for another terminal":  h.connect(h.ann, string(y.ID), other, attaching{}),
		"of another who's here": h.connect(h.ann, string(x.ID), stolen, attaching{header: http.Header{"Authorization": {"bob"}}}),
	} {
		code := b.closes()
		if want := websocket.StatusCode(4401); name != "of another who's here" && code != want || code != 4401 && code != 4403 {
			t.Errorf("a token that is %s: %d", name, code)
		}
		if b.start != nil {
			t.Errorf("a token that is %s let somebody in", name)
		}
	}
	old := issue()
	later.Store(int64(31 * time.Second))
	if code := h.connect(h.ann, string(x.ID), old, attaching{}).closes(); code != 4401 {
		t.Errorf("a token that is over: %d", code)
	}
}

func TestOnlyOurOwnPagesAttach(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{})
	x := h.openTerminal()
	att, err := h.service.AttachTerminal(h.ctx(), h.ann, x.ID)
	must(t, err)
	for name, header := range map[string]http.Header{
		"of another page":          {"Cookie": {"who=ann"}, "Origin": {"https://evil.example"}},
		"with a cookie, of no one": {"Cookie": {"who=ann"}},
		"of a null origin":         {"Cookie": {"who=ann"}, "Origin": {"null"}},
	} {
		_, answer, err := websocket.Dial(h.ctx(), h.web.URL+"/attach/"+string(x.ID), &websocket.DialOptions{HTTPHeader: header})
		if err == nil || answer == nil || answer.StatusCode != http.StatusForbidden {
			t.Errorf("a request %s: %v", name, err)
		}
	}
	h.connect(h.ann, string(x.ID), att.Token, attaching{header: http.Header{"Cookie": {"who=ann"}, "Origin": {h.web.URL}}}).sees("$ ")
}

func TestWhoIsSignedOutIsDisconnected(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{Recheck: 20 * time.Millisecond})
	x := h.openTerminal()
	b, c := h.attach(h.ann, x.ID, attaching{}), h.attach(h.bob, x.ID, attaching{})
	h.signOut("bob")
	if code := c.closes(); code != 4403 {
		t.Errorf("who is signed out is disconnected with %d", code)
	}
	b.type_("echo $((40+4))\r")
	b.sees("44\r\n")
	must(t, h.store.Update(h.ctx(), h.tenant, func(tx *store.Tx) error {
		x, err := tx.LockTicket(h.ticket)
		now := time.Now()
		x.DeletedAt = &now
		if err == nil {
			err = tx.SaveTicket(x)
		}
		return err
	}))
	if code := b.closes(); code != 4404 {
		t.Errorf("viewers of a deleted ticket are disconnected with %d", code)
	}
}

func TestAFullRecordingWaitsAndAsks(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{Recording: 100_000})
	x := h.openTerminal()
	b := h.attach(h.ann, x.ID, attaching{})
	b.type_("head -c 150000 /dev/zero | tr '\\0' x | fold -w 79; echo fin''ished\r")
	b.until("the question", func() bool {
		return len(b.notices) >= 2 && b.notices[len(b.notices)-1].Code == terminal.NoticeFull
	})
	_, err := h.service.Change(h.ctx(), h.ann, x.ID, terminal.Changes{More: true})
	must(t, err)
	b.sees("finished\r\n")
	b.until("the news", func() bool { return b.notices[len(b.notices)-1].Code == terminal.NoticeGoesOn })
}

func TestBadFirstMessagesAreRefused(t *testing.T) {
	takesLong(t)
	h := open(t, terminal.Config{})
	x := h.openTerminal()
	for _, text := range []string{"", "{}", `{"token":"x","viewer":"short","cols":80,"rows":24}`, `{"token":"x","viewer":"long enough","cols":80,"rows":24}`,
		`{"token":"x","viewer":"123456789","from":-1,"cols":80,"rows":24}`, `{"token":"x","viewer":"123456789","cols":0,"rows":24}`} {
		conn, _, err := websocket.Dial(h.ctx(), h.web.URL+"/attach/"+string(x.ID), &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"ann"}}})
		must(t, err)
		must(t, conn.Write(h.ctx(), websocket.MessageText, []byte(text)))
		_, _, err = conn.Read(h.ctx())
		if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			t.Errorf("%s: %v", text, err)
		}
		conn.CloseNow()
	}
}
