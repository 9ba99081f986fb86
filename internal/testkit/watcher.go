package testkit

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"helpdesk/internal/live"
)

// Watcher is a page that watches tickets by the event stream from their beginning on. It connects again whenever it
// is cut off, as a page does, and fails the test on a gap or a double in what it is shown.
type Watcher struct {
	t      testing.TB
	h      *HelpDesk
	query  string
	cancel context.CancelFunc
	ended  chan struct{}

	mu     sync.Mutex
	cursor string
	events map[string][]live.Event
	answer map[string]*Answer
	cuts   int
}

// Answer is what a watcher was shown of a turn's text while it ran.
type Answer struct {
	Fence int64
	N     int // its last part
	Text  string
}

// Watch begins to watch tickets, until Close or the end of the test.
func (h *HelpDesk) Watch(tickets ...string) *Watcher {
	ctx, cancel := context.WithCancel(context.Background())
	w := &Watcher{
		t: h.t, h: h, query: url.Values{"ticket": tickets}.Encode(), cancel: cancel, ended: make(chan struct{}),
		events: map[string][]live.Event{}, answer: map[string]*Answer{},
	}
	var from []string
	for _, key := range tickets {
		from = append(from, key+":0")
	}
	w.cursor = strings.Join(from, ",")
	go func() {
		defer close(w.ended)
		pause := time.NewTicker(10 * time.Millisecond)
		defer pause.Stop()
		for ctx.Err() == nil {
			w.follow(ctx)
			<-pause.C
		}
	}()
	h.t.Cleanup(w.Close)
	return w
}

// Close ends the watching.
func (w *Watcher) Close() {
	w.cancel()
	<-w.ended
}

// follow reads one stream to its end, or to three seconds without anything.
func (w *Watcher) follow(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", w.h.URL+"/api/v1/events?"+w.query, nil)
	if err != nil {
		w.t.Error(err)
		return
	}
	w.mu.Lock()
	req.Header.Set("Last-Event-ID", w.cursor)
	w.mu.Unlock()
	req.Header.Set("Authorization", "Bearer "+w.h.Token)
	res, err := (&http.Client{Transport: w.h.http.Transport}).Do(req)
	if err != nil {
		return // the server is away
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		if said, err := io.ReadAll(res.Body); res.StatusCode < 500 && err == nil {
			w.t.Errorf("the stream answers %d: %s", res.StatusCode, said)
		}
		return
	}
	silence := time.AfterFunc(3*time.Second, cancel)
	defer silence.Stop()
	var id, name, data string
	for lines := bufio.NewReader(res.Body); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			w.mu.Lock()
			w.cuts++
			w.mu.Unlock()
			return
		}
		silence.Reset(3 * time.Second)
		switch field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); field {
		case "id":
			id = value
		case "event":
			name = value
		case "data":
			data = value
		case "":
			if err := w.take(id, name, data); err != nil {
				w.t.Errorf("what the stream shows: %v", err)
			}
			id, name, data = "", "", ""
		}
	}
}

// take takes one whole message.
func (w *Watcher) take(id, name, data string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if id != "" {
		w.cursor = id
	}
	switch name {
	case "event":
		var e live.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return err
		}
		all := w.events[string(e.Ticket)]
		w.events[string(e.Ticket)] = append(all, e)
		if e.Seq != int64(len(all)+1) {
			return fmt.Errorf("event %d of %s comes after %d", e.Seq, e.Ticket, len(all))
		}
	case "part":
		var p struct {
			Turn, Kind, Text string
			Fence            int64
			From, N          int
		}
		if err := json.Unmarshal([]byte(data), &p); err != nil {
			return err
		}
		a := w.answer[p.Turn]
		switch {
		case p.From == 1 && (a == nil || p.Fence >= a.Fence):
			a = &Answer{Fence: p.Fence}
			w.answer[p.Turn] = a
		case a == nil || p.Fence > a.Fence || p.Fence == a.Fence && p.From > a.N+1:
			return errors.New("parts are left out: " + data)
		case p.Fence < a.Fence || p.From <= a.N:
			return nil
		}
		a.N = p.N
		switch p.Kind {
		case "text":
			a.Text += p.Text
		case "reset":
			a.Text = ""
		}
	}
	return nil
}

// Events are the events of a ticket that it was shown.
func (w *Watcher) Events(ticket string) []live.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events[ticket])
}

// Answers are what it was shown of turns while they ran, by the turn.
func (w *Watcher) Answers() map[string]Answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[string]Answer{}
	for turn, a := range w.answer {
		all[turn] = *a
	}
	return all
}

// Cuts is how often it was cut off.
func (w *Watcher) Cuts() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cuts
}
