package store_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
)

// The kill harness: a child process proposes and decides as fast as it can and prints what it was told to be
// saved; it, or PostgreSQL, is killed in the middle; then everything it printed must be there, and nothing half.

const (
	killURL = "HELPDESK_TEST_KILL_URL"
	killDir = "HELPDESK_TEST_KILL_DIR"
)

// killRounds is how often each story kills.
func killRounds() int {
	switch {
	case os.Getenv("HELPDESK_SOAK") != "":
		return 100
	case testing.Short():
		return 1
	}
	return 10
}

var killed = []struct {
	tenant helpdesk.TenantID
	key    helpdesk.TicketKey
}{{"t-A", "A-1"}, {"t-A", "A-2"}, {"t-B", "B-1"}}

// TestKillChild is not a test but the child.
func TestKillChild(t *testing.T) {
	cfg := store.Config{URL: os.Getenv(killURL), Dir: os.Getenv(killDir)}
	if cfg.URL == "" && cfg.Dir == "" {
		t.Skip("this is the process that the kill tests kill")
	}
	s := storetest.Open(t, cfg)
	w := &world{t: t, s: s}
	life := fmt.Sprint(os.Getpid(), "-", time.Now().UnixNano())
	var wg sync.WaitGroup
	for n := range 6 {
		wg.Go(func() {
			k := killed[n%len(killed)]
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s-%d-%d", life, n, i)
				x := helpdesk.Suggestion{ID: helpdesk.SuggestionID(id), Ticket: k.key, State: helpdesk.SuggestionProposed, Command: "true", Scope: helpdesk.ScopeTenant, At: start}
				for !acknowledged(t, s, k.tenant, "proposed "+id, func(tx *store.Tx) error {
					if _, err := tx.LockTicket(k.key); err != nil {
						return err
					}
					if _, err := tx.Suggestion(x.ID); err == nil {
						return nil // an answer was lost, and it was saved all the same
					}
					if err := tx.InsertSuggestion(x); err != nil {
						return err
					}
					if _, err := tx.Emit(k.key, w.by(), event.Proposed(x), start); err != nil {
						return err
					}
					return tx.Refresh(k.key)
				}) {
				}
				d := helpdesk.Decision{Choice: helpdesk.Reject, By: w.by(), At: start}
				for !acknowledged(t, s, k.tenant, "decided "+id, func(tx *store.Tx) error {
					x, err := tx.Suggestion(x.ID)
					if err != nil || x.State == helpdesk.SuggestionRejected {
						return err
					}
					x.State, x.Decided = helpdesk.SuggestionRejected, &d
					if err := tx.SaveSuggestion(x, helpdesk.SuggestionProposed); err != nil {
						return err
					}
					if err := tx.InsertDecision("d-"+id, x, d); err != nil {
						return err
					}
					if _, err := tx.Emit(k.key, w.by(), event.SuggestionDecided{ID: id, Choice: string(d.Choice), State: string(x.State)}, start); err != nil {
						return err
					}
					return tx.Refresh(k.key)
				}) {
				}
			}
		})
	}
	wg.Wait()
}

// acknowledged does an act and prints it once it is saved. It says false while the database is away.
func acknowledged(t *testing.T, s *store.Store, tenant helpdesk.TenantID, what string, act func(*store.Tx) error) bool {
	switch err := s.Update(t.Context(), tenant, act); {
	case err == nil:
		fmt.Println("ack", what)
		return true
	case helpdesk.KindOf(err) == helpdesk.Unavailable:
		<-time.After(20 * time.Millisecond) // leave the processor to the database that is coming back
		return false
	default:
		fmt.Println("wrong", what, err)
		os.Exit(1)
		return false
	}
}

// child is the running child and what it was told.
type child struct {
	cmd   *exec.Cmd
	mu    sync.Mutex
	acks  []string
	wrong []string
	moved chan struct{} // an acknowledgement came; drops when nobody looks
	ended chan struct{} // all output is read
}

func startChild(t *testing.T, cfg store.Config) *child {
	t.Helper()
	c := &child{moved: make(chan struct{}, 1), ended: make(chan struct{})}
	c.cmd = exec.Command(os.Args[0], "-test.run=^TestKillChild$", "-test.timeout=10m")
	c.cmd.Env = append(os.Environ(), killURL+"="+cfg.URL, killDir+"="+cfg.Dir)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill() }) // where the test ends early
	go func() {
		defer close(c.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			c.mu.Lock()
			if text, ok := strings.CutPrefix(lines.Text(), "ack "); ok {
				c.acks = append(c.acks, text)
			} else {
				c.wrong = append(c.wrong, lines.Text())
			}
			c.mu.Unlock()
			select {
			case c.moved <- struct{}{}:
			default:
			}
		}
	}()
	return c
}

// await waits until n acknowledgements have come in all.
func (c *child) await(t *testing.T, n int) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for c.count() < n {
		select {
		case <-c.moved:
		case <-c.ended:
			t.Fatalf("the child ended by itself: %q", c.wrong)
		case <-deadline:
			t.Fatalf("the child is stuck at %d acknowledgements", c.count())
		}
	}
}

func (c *child) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.acks)
}

// kill ends the child as the kernel does, and gives all that it was told to be saved.
func (c *child) kill(t *testing.T) []string {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-c.ended
	_ = c.cmd.Wait() // killed
	if len(c.wrong) > 0 {
		t.Errorf("the child says: %q", c.wrong)
	}
	return c.acks
}

// aMoment is a random time within which a few hundred things happen.
func aMoment() <-chan time.Time {
	return time.After(time.Duration(rand.IntN(120_000)) * time.Microsecond)
}

// prepareKill makes the tenants and tickets of the story.
func prepareKill(t *testing.T, cfg store.Config) {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, s)
	w.tenant("A")
	w.tenant("B")
	for _, k := range killed {
		w.ticket(k.tenant, "Under fire", start)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// checkKilled opens the database after a crash: all that was acknowledged is there, state and events tell the same,
// and the logs have no gaps.
func checkKilled(t *testing.T, cfg store.Config, acks []string) {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before := writtenDecisions(t, cfg) // a child may still be writing
	proposed, decided := map[string]bool{}, map[string]bool{}
	state := map[string]helpdesk.SuggestionState{}
	for _, k := range killed {
		if err := s.View(t.Context(), reach(k.tenant), func(tx *store.Tx) error {
			x, err := tx.Ticket(k.key)
			if err != nil {
				return err
			}
			log, err := tx.Timeline(k.key, store.Span{Limit: 1 << 30})
			if err != nil {
				return err
			}
			for i, e := range log {
				if e.Seq != int64(i+1) {
					t.Fatalf("%s has a gap: event %d has sequence number %d", k.key, i+1, e.Seq)
				}
				var fact struct{ ID string }
				decode(t, e, &fact)
				switch e.Kind {
				case "SuggestionProposed":
					proposed[fact.ID] = true
				case "SuggestionDecided":
					decided[fact.ID] = true
				}
			}
			if x.Seq != int64(len(log)) {
				t.Errorf("%s stands at %d, and its log has %d events", k.key, x.Seq, len(log))
			}
			all, err := tx.Suggestions(k.key, 1<<30)
			for _, x := range all {
				state[string(x.ID)] = x.State
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	after := writtenDecisions(t, cfg)
	for id := range proposed {
		if state[id] == "" {
			t.Errorf("%s: an event without its state", id)
		}
	}
	for id, st := range state {
		if !proposed[id] {
			t.Errorf("%s: a state without its event", id)
		}
		if is := st == helpdesk.SuggestionRejected; is != decided[id] || is && !after[id] || !is && before[id] {
			t.Errorf("%s is %s, with decision: %v, with event: %v", id, st, after[id], decided[id])
		}
	}
	for _, ack := range acks {
		what, id, _ := strings.Cut(ack, " ")
		if what == "proposed" && !proposed[id] || what == "decided" && !decided[id] {
			t.Errorf("acknowledged, and lost: %s", ack)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

func writtenDecisions(t *testing.T, cfg store.Config) map[string]bool {
	t.Helper()
	written := map[string]bool{}
	db := raw(t, cfg)
	defer db.Close() // there are many rounds
	for _, row := range texts(t, db, `SELECT suggestion FROM decisions`) {
		written[row[0]] = true
	}
	return written
}

// Ensure that a server killed at any moment loses nothing that it said was saved.
func TestKillServer(t *testing.T) {
	storetest.EachConfig(t, func(t *testing.T, cfg store.Config) {
		prepareKill(t, cfg)
		var acks []string
		for range killRounds() {
			c := startChild(t, cfg)
			c.await(t, 1)
			<-aMoment()
			acks = append(acks, c.kill(t)...)
			checkKilled(t, cfg, acks)
		}
		t.Logf("%d acknowledged in %d lives", len(acks), killRounds())
	})
}

// Ensure that PostgreSQL killed at any moment loses nothing, and that a server goes on by itself when it is back.
func TestKillPostgres(t *testing.T) {
	cluster := storetest.StartCluster(t)
	cfg := store.Config{URL: cluster.URL("postgres")}
	prepareKill(t, cfg)
	c := startChild(t, cfg)
	for range killRounds() {
		c.await(t, c.count()+1)
		<-aMoment()
		cluster.Kill(t)
		cluster.Restart(t)
		c.mu.Lock()
		acks := append([]string(nil), c.acks...)
		c.mu.Unlock()
		checkKilled(t, cfg, acks)
	}
	c.await(t, c.count()+1)
	acks := c.kill(t)
	checkKilled(t, cfg, acks)
	t.Logf("%d acknowledged in %d lives of PostgreSQL", len(acks), killRounds()+1)
}
