package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"helpdesk"
)

// Both ways to start keep the same promises.
func TestBothWaysToStart(t *testing.T) {
	cluster, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	cluster.Start()
	t.Cleanup(cluster.Shutdown)
	if !cluster.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server of the test does not start")
	}
	for name, cfg := range map[string]Config{"inside": {}, "cluster": {URL: cluster.ClientURL()}} {
		t.Run(name, func(t *testing.T) {
			b, err := Start(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if !b.Connected() {
				t.Error("not connected after the start")
			}
			messagesComeInOrder(t, b)
			requestsAreAnswered(t, b)
		})
	}
}

func messagesComeInOrder(t *testing.T, b *Bus) {
	t.Helper()
	const n = 1000
	got := make(chan string, n)
	off, err := b.Subscribe(TicketSubject("t", "HD-1"), func(m []byte) { got <- string(m) })
	if err != nil {
		t.Fatal(err)
	}
	every := make(chan string, n)
	offEvery, err := b.Subscribe(EveryTicketSubject, func(m []byte) { every <- string(m) })
	if err != nil {
		t.Fatal(err)
	}
	defer offEvery()
	for i := range n {
		if err := b.Publish(TicketSubject("t", "HD-1"), fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		for _, c := range []chan string{got, every} {
			select {
			case m := <-c:
				if m != fmt.Sprint(i) {
					t.Fatalf("message %d is %q", i, m)
				}
			case <-time.After(30 * time.Second):
				t.Fatalf("message %d does not come", i)
			}
		}
	}
	off()
	if err := b.Publish(TicketSubject("t", "HD-1"), []byte("late")); err != nil {
		t.Fatal(err)
	}
	<-every // so that the other would have come, too
	select {
	case m := <-got:
		t.Errorf("%q came after unsubscribing", m)
	default:
	}
}

func requestsAreAnswered(t *testing.T, b *Bus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	subject := SnapshotSubject("t", "HD-1")
	if _, err := b.Request(ctx, subject, nil); !errors.Is(err, ErrNobody) {
		t.Errorf("where nobody answers: %v", err)
	}
	off, err := b.Respond(subject, func(m []byte) []byte { return bytes.ToUpper(m) })
	if err != nil {
		t.Fatal(err)
	}
	defer off()
	got, err := b.Request(ctx, subject, []byte("question"))
	if err != nil || string(got) != "QUESTION" {
		t.Errorf("the answer is %q, %v", got, err)
	}
}

func TestAServerThatIsNotThere(t *testing.T) {
	_, err := Start(Config{URL: "nats://somebody:hush@127.0.0.1:1"})
	if helpdesk.KindOf(err) != helpdesk.Unavailable || strings.Contains(err.Error(), "hush") {
		t.Errorf("the error is %v", err)
	}
}

func TestTokens(t *testing.T) {
	for id, want := range map[string]string{
		"0190-ab": "0190-ab", "HD-1": "HD-1", "": "_", "a.b": "_YS5i", "*": "_Kg", ">": "_Pg", "_x": "_X3g", "ü": "_w7w", "a b": "_YSBi",
	} {
		if got := Token(id); got != want {
			t.Errorf("Token(%q) is %q, want %q", id, got, want)
		}
	}
}

// No id can reach beyond its place in a subject, and each keeps one place of its own.
func FuzzSubject(f *testing.F) {
	for _, id := range []string{"", "HD-1", "a.b", "*", ">", "a.*", " ", "_", "\x00", "\xff", "_YS5i", strings.Repeat("x", 300)} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		token := Token(id)
		if token == "" || strings.ContainsAny(token, ".*> \t\r\n\x00") {
			t.Errorf("Token(%q) is %q", id, token)
		}
		back, err := ParseToken(token)
		if err != nil || back != id {
			t.Errorf("ParseToken(Token(%q)) is %q, %v", id, back, err)
		}
		if n := strings.Count(TicketSubject(helpdesk.TenantID(id), helpdesk.TicketKey(id)), "."); n != 2 {
			t.Errorf("the subject of %q has %d dots", id, n)
		}
		if text, err := ParseToken(id); err == nil && Token(text) != id {
			t.Errorf("%q is read as %q, whose token is %q", id, text, Token(text))
		}
	})
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		x, err := Start(Config{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		x.Close()
		b.StartTimer()
	}
}
