package live

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"helpdesk"
)

// Whoever comes late to an answer gets all of it, wherever the turn runs.
func TestALateViewerHasEveryPart(t *testing.T) {
	w := newWorld(t)
	here, there := w.hub(Config{Streams: 100}), w.hub(Config{Streams: 100})
	key := w.ticket()
	turn := helpdesk.Turn{ID: "turn-1", Ticket: key, Tenant: tenant, Fence: 3}
	if err := here.Parts().Begin(turn); err != nil {
		t.Fatal(err)
	}
	const n = 2000
	var want strings.Builder
	var writing sync.WaitGroup
	started := make(chan struct{})
	for i := range n {
		fmt.Fprintf(&want, "%d ", i)
	}
	writing.Go(func() {
		for i := range n {
			if i == 100 {
				close(started)
			}
			if i%7 == 0 {
				here.Parts().Append(turn.ID, helpdesk.PartReasoning, "hm")
				here.Parts().Append(turn.ID, helpdesk.PartStatus, "Looking")
			}
			here.Parts().Append(turn.ID, helpdesk.PartText, fmt.Sprintf("%d ", i))
		}
	})
	<-started
	var viewers []*viewer
	for i := range 20 { // while it is written
		h := here
		if i%2 == 1 {
			h = there
		}
		viewers = append(viewers, w.watch(h, member(), Watch{Tickets: []At{{key, tenant}}}))
	}
	writing.Wait()
	for _, h := range []*Hub{here, there} { // and after all was written
		viewers = append(viewers, w.watch(h, member(), Watch{Tickets: []At{{key, tenant}}}))
	}
	for i, v := range viewers {
		v.await(fmt.Sprintf("the text of viewer %d", i), func() bool { return v.text[turn.ID] == want.String() })
		v.sound()
	}
	here.Parts().End(turn.ID)
	late := w.watch(there, member(), Watch{Tickets: []At{{key, tenant}}})
	late.begun(key)
	late.mu.Lock()
	defer late.mu.Unlock()
	if len(late.text) > 0 {
		t.Error("there are parts of a turn that has ended")
	}
}

// A turn that another node took over begins anew, and what its first node still sends is nothing.
func TestATurnThatWasTakenOver(t *testing.T) {
	w := newWorld(t)
	frozen, next := w.hub(Config{}), w.hub(Config{})
	key := w.ticket()
	turn := helpdesk.Turn{ID: "turn-1", Ticket: key, Tenant: tenant, Fence: 1}
	if err := frozen.Parts().Begin(turn); err != nil {
		t.Fatal(err)
	}
	frozen.Parts().Append(turn.ID, helpdesk.PartText, "old")
	frozen.Parts().Append(turn.ID, helpdesk.PartText, " words")
	v := w.watch(next, member(), Watch{Tickets: []At{{key, tenant}}})
	v.await("the first words", func() bool { return v.text[turn.ID] == "old words" })
	turn.Fence = 2
	if err := next.Parts().Begin(turn); err != nil {
		t.Fatal(err)
	}
	next.Parts().Append(turn.ID, helpdesk.PartText, "new")
	v.await("the new word", func() bool { return v.text[turn.ID] == "new" })
	frozen.Parts().Append(turn.ID, helpdesk.PartText, " ghost")
	next.Parts().Append(turn.ID, helpdesk.PartText, " words")
	v.await("the new words", func() bool { return v.text[turn.ID] == "new words" })
	v.sound()
}

// A reset voids what was streamed, for those who saw it and those who come after.
func TestAReset(t *testing.T) {
	w := newWorld(t)
	h := w.hub(Config{})
	key := w.ticket()
	turn := helpdesk.Turn{ID: "turn-1", Ticket: key, Tenant: tenant, Fence: 1}
	if err := h.Parts().Begin(turn); err != nil {
		t.Fatal(err)
	}
	early := w.watch(h, member(), Watch{Tickets: []At{{key, tenant}}})
	early.begun(key)
	for _, text := range []string{"wrong", " way"} {
		h.Parts().Append(turn.ID, helpdesk.PartText, text)
	}
	h.Parts().Append(turn.ID, PartReset, "")
	h.Parts().Append(turn.ID, helpdesk.PartText, "right")
	late := w.watch(h, member(), Watch{Tickets: []At{{key, tenant}}})
	for _, v := range []*viewer{early, late} {
		v.await("the right text", func() bool { return v.text[turn.ID] == "right" && v.next[turn.ID] == 5 })
		v.sound()
	}
}

// From any part on, what a turn has kept continues what the viewer has.
func TestEveryCutOfALogFits(t *testing.T) {
	p := newParts(silentBus{}, slog.New(slog.DiscardHandler))
	turn := helpdesk.Turn{ID: "t", Ticket: "HD-1", Tenant: tenant, Fence: 1}
	if err := p.Begin(turn); err != nil {
		t.Fatal(err)
	}
	type piece struct {
		kind helpdesk.PartKind
		text string
	}
	var all []piece
	for i := range 60 {
		kind := []helpdesk.PartKind{helpdesk.PartText, helpdesk.PartText, helpdesk.PartReasoning, helpdesk.PartStatus}[i/3%4]
		all = append(all, piece{kind, fmt.Sprintf("<%d ü>", i)})
		p.Append("t", kind, all[i].text)
	}
	for after := 0; after <= len(all); after++ {
		parts, ok := p.local("HD-1", question{Turn: "t", Fence: 1, After: after})
		if !ok {
			t.Fatal("the turn is not here")
		}
		next := after + 1
		for _, part := range parts {
			if part.From != next {
				t.Fatalf("after %d: part %d where %d is due", after, part.From, next)
			}
			want := ""
			for n := part.From; n <= part.N; n++ {
				if all[n-1].kind != part.Kind {
					t.Fatalf("after %d: part %d is of kind %s", after, n, part.Kind)
				}
				if part.Kind == helpdesk.PartStatus {
					want = ""
				}
				want += all[n-1].text
			}
			if part.Text != want {
				t.Fatalf("after %d: %q, want %q", after, part.Text, want)
			}
			next = part.N + 1
		}
		if next != len(all)+1 {
			t.Fatalf("after %d: it ends before part %d", after, next)
		}
	}
}

// What is long is cut at characters into messages that the bus carries.
func TestALongText(t *testing.T) {
	w := newWorld(t)
	here, there := w.hub(Config{}), w.hub(Config{})
	key := w.ticket()
	turn := helpdesk.Turn{ID: "turn-1", Ticket: key, Tenant: tenant, Fence: 1}
	if err := here.Parts().Begin(turn); err != nil {
		t.Fatal(err)
	}
	early := w.watch(there, member(), Watch{Tickets: []At{{key, tenant}}})
	early.begun(key)
	long := strings.Repeat("a\x01ü€", 60_000) // encoded it is several times as long
	here.Parts().Append(turn.ID, helpdesk.PartText, long)
	late := w.watch(there, member(), Watch{Tickets: []At{{key, tenant}}})
	for _, v := range []*viewer{early, late} {
		v.await("the long text", func() bool { return v.text[turn.ID] == long })
		v.sound()
	}
	if piece := firstPiece(long); !utf8.ValidString(piece) || len(piece) > largestPart {
		t.Error("a piece is cut within a character")
	}
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{"", "{}", `{"turn":"t","fence":1,"after":1}`, `{"after":-5}`, `{"after":1e9}`, "[]", `{"turn":"t","fence":1,"after":-1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, req []byte) {
		p := newParts(silentBus{}, slog.New(slog.DiscardHandler))
		if err := p.Begin(helpdesk.Turn{ID: "t", Ticket: "HD-1", Fence: 1}); err != nil {
			t.Fatal(err)
		}
		p.Append("t", helpdesk.PartText, "one")
		p.Append("t", helpdesk.PartText, "two")
		data := p.answer("HD-1", req)
		var a answer
		if data != nil && json.Unmarshal(data, &a) != nil {
			t.Errorf("the answer to %q is %q", req, data)
		}
	})
}

type silentBus struct{ Bus }

func (silentBus) Publish(string, []byte) error { return nil }

func (silentBus) Respond(string, func([]byte) []byte) (func(), error) { return func() {}, nil }
