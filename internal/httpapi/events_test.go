package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/auth"
	"helpdesk/internal/live"
	"helpdesk/internal/store"
)

// sse is a client of an event stream.
type sse struct {
	t     testing.TB
	body  io.ReadCloser
	lines *bufio.Reader
	id    string
}

type sseMessage struct{ id, event, data string }

// stream opens a stream that ends with the test.
func (h *house) stream(query string, header http.Header) *sse {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	h.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", h.url+Prefix+"/events?"+query, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		h.t.Fatalf("the stream answers %d %v", res.StatusCode, res.Header)
	}
	return &sse{t: h.t, body: res.Body, lines: bufio.NewReader(res.Body)}
}

// read gives the next message; io.EOF is the stream's end.
func (s *sse) read() (m sseMessage, err error) {
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return m, err
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			if m.event != "" {
				if m.id != "" {
					s.id = m.id
				}
				return m, nil
			}
			m = sseMessage{}
			continue
		}
		field, value, _ := strings.Cut(line, ": ")
		switch field {
		case "id":
			m.id = value
		case "event":
			m.event = value
		case "data":
			m.data = value
		}
	}
}

// until reads up to the next message of a kind.
func (s *sse) until(event string) sseMessage {
	s.t.Helper()
	for {
		m, err := s.read()
		if err != nil {
			s.t.Fatalf("no %s: %v", event, err)
		}
		if m.event == event {
			return m
		}
	}
}

// emit adds an event to a ticket.
func (h *house) emit(tenant helpdesk.TenantID, key helpdesk.TicketKey, title string) {
	h.t.Helper()
	if err := h.store.Update(h.t.Context(), tenant, func(tx *store.Tx) error {
		_, err := tx.Emit(key, helpdesk.System("test").By(), event.TicketRenamed{To: title}, time.Now())
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// What happens in a ticket reaches a page, and a page that reconnects has no hole.
func TestTheEventStream(t *testing.T) {
	h := newHouse(t)
	id, _, token := h.person("member", false)
	blue := h.tenant("Blue", id)
	key := h.ticket(blue)
	s := h.stream("list=true&ticket="+string(key), bearer(token))
	if m := s.until("head"); m.data != `{"heads":{"BLUE-1":1}}` || m.id != "BLUE-1:1" {
		t.Errorf("it begins with %+v", m)
	}
	h.emit(blue, key, "Two")
	m := s.until("event")
	var e live.Event
	if err := json.Unmarshal([]byte(m.data), &e); err != nil || e.Ticket != key || e.Seq != 2 || e.Kind != "TicketRenamed" || string(e.Data) != `{"from":"","to":"Two"}` {
		t.Errorf("the event is %s, %v", m.data, err)
	}
	if m.id != "BLUE-1:2" {
		t.Errorf("its id is %q", m.id)
	}
	_ = s.body.Close()
	for i := range 5 {
		h.emit(blue, key, fmt.Sprint(i))
	}
	for _, query := range []string{"", "&last_event_id=" + m.id} {
		header := bearer(token)
		if query == "" {
			header.Set("Last-Event-ID", m.id)
		}
		again := h.stream("ticket="+string(key)+query, header)
		for seq := int64(3); seq <= 7; seq++ {
			if err := json.Unmarshal([]byte(again.until("event").data), &e); err != nil || e.Seq != seq {
				t.Errorf("event %d where %d is due, %v", e.Seq, seq, err)
			}
		}
	}
	list := h.stream("list=true", bearer(token))
	list.until("head")
	h.emit(blue, key, "Last")
	var c live.Changed
	if err := json.Unmarshal([]byte(list.until("ticket").data), &c); err != nil || c.Key != key || c.Tenant != blue {
		t.Errorf("the list hears %+v, %v", c, err)
	}
}

// The parts of a turn that runs come to whoever is there and whoever comes late.
func TestPartsOverHTTP(t *testing.T) {
	h := newHouse(t)
	id, _, token := h.person("member", false)
	blue := h.tenant("Blue", id)
	key := h.ticket(blue)
	turn := helpdesk.Turn{ID: "turn-1", Ticket: key, Tenant: blue, Fence: 1}
	if err := h.hub.Parts().Begin(turn); err != nil {
		t.Fatal(err)
	}
	early := h.stream("ticket="+string(key), bearer(token))
	early.until("head")
	h.hub.Parts().Append(turn.ID, helpdesk.PartText, "Hello, ")
	h.hub.Parts().Append(turn.ID, helpdesk.PartText, "<b>world</b>")
	late := h.stream("ticket="+string(key), bearer(token))
	for name, s := range map[string]*sse{"early": early, "late": late} {
		text := ""
		for text != "Hello, <b>world</b>" {
			m := s.until("part")
			var p live.Part
			if err := json.Unmarshal([]byte(m.data), &p); err != nil || m.id != "" || p.Ticket != key || p.Turn != turn.ID {
				t.Fatalf("%s: %+v, %v", name, m, err)
			}
			text += p.Text
		}
	}
}

// A stream ends when the session, the token or the membership does.
func TestAStreamEndsWithTheSignIn(t *testing.T) {
	h := newHouse(t)
	id, cookie, token := h.person("member", false)
	blue := h.tenant("Blue", id)
	key := string(h.ticket(blue))
	root := helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "root", Admin: true}
	bySession := h.stream("ticket="+key, http.Header{"Cookie": {cookieName + "=" + cookie}})
	byToken := h.stream("ticket="+key, bearer(token))
	bySession.until("head")
	byToken.until("head")
	ended := func(s *sse) {
		t.Helper()
		for {
			if _, err := s.read(); err != nil {
				return
			}
		}
	}
	if got := h.do(ask{method: "POST", path: "/sign-out", cookie: cookie}); got.status != http.StatusNoContent {
		t.Fatalf("signing out: %d", got.status)
	}
	ended(bySession)
	byToken.until("head") // the other goes on
	if got := h.do(ask{method: "PATCH", path: "/tenants/" + string(blue), body: `{"members":[]}`, token: bootstrapToken}); got.status != http.StatusOK {
		t.Fatalf("changing members: %d %s", got.status, got.body)
	}
	ended(byToken)
	list := h.stream("list=true", bearer(token))
	list.until("head")
	yes := true
	if _, err := h.auth.Change(t.Context(), root, id, auth.ChangePerson{Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	ended(list)
}

func TestTooManyStreams(t *testing.T) {
	h := newHouse(t)
	_, _, token := h.person("member", false)
	for range 16 {
		h.stream("list=true", bearer(token)).until("head")
	}
	got := h.do(ask{method: "GET", path: "/events?list=true", token: token})
	if got.status != http.StatusTooManyRequests || !strings.Contains(got.problem(t).Detail, "16 event streams") {
		t.Errorf("the 17th: %d %s", got.status, got.body)
	}
}

// The events of 200 viewers of one ticket, over real connections; each wants a Ticket that changes now and then.
func BenchmarkFanOut200(b *testing.B) {
	const viewers = 200
	h := newHouseWith(b, live.Config{})
	b.StopTimer()
	blue := h.tenant("Blue")
	key := h.ticket(blue)
	streams := make([]*sse, viewers)
	for i := range streams {
		_, _, token := h.person(fmt.Sprintf("p%d", i), true)
		streams[i] = h.stream("ticket="+string(key), bearer(token))
		streams[i].until("head")
	}
	var took []time.Duration
	b.ResetTimer()
	b.StartTimer()
	for b.Loop() {
		start := time.Now()
		h.emit(blue, key, "x")
		var all sync.WaitGroup
		for _, s := range streams {
			all.Go(func() { s.until("event") })
		}
		all.Wait()
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
}
