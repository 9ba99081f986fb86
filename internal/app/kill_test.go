package app_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"helpdesk/internal/live"
	"helpdesk/internal/store/storetest"
	"helpdesk/internal/testkit"
)

// The kill rounds: people work in a whole HelpDesk as fast as they can, and the server, the launcher with all that it
// holds, or PostgreSQL is killed in the middle. Whoever gets no answer asks again, as clients do. Afterwards
// everything that was answered or shown must be there, once, and what is half done must have come to an end.

// killSeed is the variable that makes the rounds choose as another run did, which prints its seed when it fails.
const killSeed = "HELPDESK_KILL_SEED"

func killRounds() int {
	switch {
	case os.Getenv("HELPDESK_SOAK") != "":
		return 100
	case testing.Short():
		return 2
	}
	return 10
}

// The ways to be killed.
const (
	killServer = iota
	killAll
	killDatabase
	killServerTwice
)

func TestKillRoundsOnSQLite(t *testing.T) {
	rounds(t, "", nil, []int{killServer, killAll, killServer, killServerTwice})
}

func TestKillRoundsOnPostgreSQL(t *testing.T) {
	c := storetest.StartCluster(t)
	rounds(t, c.URL("postgres"), c, []int{killServer, killDatabase, killAll, killServer})
}

// killing is a HelpDesk that is being killed.
type killing struct {
	*testkit.HelpDesk
	t      *testing.T
	tenant string
	before map[string]int64 // how long each ticket's log was when its round ended
	kills  int              // of servers alone
	sums   sums
}

// sums are counted to show that the rounds had something to lose.
type sums struct {
	messages, decisions, runs, unknown, interrupted, typed, cuts int
	shown                                                        int64
}

func rounds(t *testing.T, database string, cluster *storetest.Cluster, ways []int) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv(killSeed); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", killSeed, err)
		}
	}
	t.Logf("%s=%d makes the same choices again", killSeed, seed)
	k := &killing{t: t, before: map[string]int64{}, HelpDesk: testkit.Start(t, testkit.Config{Database: database, Env: []string{
		"HELPDESK_LIMITS_LEASE=3s", "HELPDESK_LIMITS_TURNS_PER_DAY=1000000", "HELPDESK_LIMITS_QUEUED_MESSAGES=1000", "HELPDESK_LIMITS_STREAMS=1000",
	}})}
	k.tenant = k.NewTenant("blue")
	for n := range killRounds() {
		r := k.prepare(n, rand.New(rand.NewPCG(seed, uint64(n))))
		r.storm(ways[(n+int(seed%uint64(len(ways))))%len(ways)], cluster)
		r.check()
		if deaths := strings.Count(k.Said(), "the server has died"); deaths != k.kills {
			t.Errorf("the server was killed %d times, and died %d times", k.kills, deaths)
		}
		if t.Failed() {
			t.Fatalf("round %d of seed %d failed", n, seed)
		}
	}
	for ticket, length := range k.before {
		if log := k.Timeline(ticket); int64(len(log)) < length {
			t.Errorf("%s had %d events when its round ended, and has %d now", ticket, length, len(log))
		}
	}
	k.Stop()
	t.Logf("%+v", k.sums)
}

// round is one storm and what is to be found after it.
type round struct {
	*killing
	n    int
	rand *rand.Rand
	done chan struct{} // closed when nobody is to begin anything new

	talk, decide, shell, end string // tickets: of messages, of decisions, of terminals, and one that is closed
	typing, counting         *testkit.Tab
	terminals                map[string]*testkit.Tab
	watchers                 []*testkit.Watcher

	mu       sync.Mutex
	messages []posted
	tickets  []opened
	changes  []change
	answers  []answer // of decisions, in the order of each suggestion
	typed    map[int]bool
	closed   bool
}

// posted is a message that was accepted.
type posted struct {
	ticket, key, content string
	id, turn             string
}

// opened is a ticket that was accepted.
type opened struct{ key, title, ticket string }

// change is a change of a ticket that somebody asked for.
type change struct {
	ticket, field, to string
	accepted          bool
}

// answer is what somebody was told of a decision.
type answer struct {
	suggestion, choice string
	accepted           bool
	unanswered         int // how often it had to be asked again
}

// suggestion is one as the API shows it.
type suggestion struct {
	ID, State, Digest, Command, Run string
	Outcome                         *struct {
		ExitCode *int `json:"exit_code"`
		Unknown  bool
		Output   string
	}
}

const perTicket = 9 // suggestions

// prepare makes what the round works on.
func (k *killing) prepare(n int, rng *rand.Rand) *round {
	k.t.Helper()
	r := &round{killing: k, n: n, rand: rng, done: make(chan struct{}), typed: map[int]bool{}, terminals: map[string]*testkit.Tab{}}
	var script strings.Builder
	for i := range perTicket {
		token := fmt.Sprintf("r%d-%d", n, i)
		fmt.Fprintf(&script, "file in-%[1]s.txt of %[1]s\nsuggest cat in-%[1]s.txt; echo '%[1]s begins' >> runs.txt; sleep 0.%[2]d; echo '%[1]s ends' >> runs.txt; echo out %[1]s ## try\n", token, rng.IntN(4))
	}
	r.talk, r.decide, r.shell, r.end = k.answered("say Hello."), k.answered(script.String()), k.answered("say Hello."), k.answered("say Hello.")
	open := func(ticket string) (string, *testkit.Tab) {
		var terminal struct{ ID string }
		k.Do("POST", "/tickets/"+ticket+"/terminals", struct{}{}, &terminal)
		tab := k.Attach(terminal.ID)
		r.terminals[ticket+"/"+terminal.ID] = tab
		return terminal.ID, tab
	}
	_, r.typing = open(r.shell)
	_, r.counting = open(r.shell)
	_, ending := open(r.end)
	for _, tab := range []*testkit.Tab{r.typing, r.counting, ending} {
		tab.Sees("$")
	}
	if !r.counting.Type("i=0; while :; do i=$((i+1)); echo num-$i; sleep 0.01; done\r") {
		k.t.Error("the counting terminal does not take what is typed")
	}
	r.counting.Sees("num-3\r\n")
	r.watchers = append(r.watchers, k.Watch(r.talk, r.decide, r.shell, r.end), k.Watch(r.decide))
	return r
}

// answered opens a ticket whose first message is answered. On a machine so busy that a lease of three seconds is lost
// an answer may be interrupted; then it is another ticket.
func (k *killing) answered(script string) (ticket string) {
	k.t.Helper()
	k.Wait("a whole answer", func() (bool, string) {
		ticket = k.NewTicket(k.tenant, script)
		var end struct{ State string }
		k.Wait("the first answer in "+ticket, func() (bool, string) {
			ended := facts(k.Timeline(ticket), "TurnEnded")
			if len(ended) == 0 {
				return false, "it goes on"
			}
			decode(k.t, ended[0], &end)
			return true, ""
		})
		return end.State == "done", end.State
	})
	return ticket
}

// storm lets everybody work and kills.
func (r *round) storm(way int, cluster *storetest.Cluster) {
	r.t.Helper()
	var list struct{ Items []suggestion }
	r.Do("GET", "/tickets/"+r.decide+"/suggestions", nil, &list)
	if len(list.Items) != perTicket {
		r.t.Fatalf("%d of %d suggestions came", len(list.Items), perTicket)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	stop := sync.OnceFunc(func() { close(r.done) })
	defer stop()
	work := func(seed uint64, f func(rng *rand.Rand)) { wg.Go(func() { f(rand.New(rand.NewPCG(seed, 1))) }) }
	for i := range 2 {
		work(r.rand.Uint64(), func(rng *rand.Rand) { r.post(rng, i) })
	}
	for i := range 3 {
		work(r.rand.Uint64(), func(rng *rand.Rand) { r.decideOn(rng, list.Items[i*perTicket/3:(i+1)*perTicket/3]) })
	}
	work(r.rand.Uint64(), r.rename)
	work(r.rand.Uint64(), r.open)
	work(r.rand.Uint64(), func(*rand.Rand) { r.type_() })
	closing := r.moment(1500)
	wg.Go(func() {
		<-closing
		err := r.insist(func() error {
			return r.API("PATCH", "/tickets/"+r.end, map[string]any{"status": "closed", "solved": true}, nil)
		})
		r.mu.Lock()
		r.closed = err == nil
		r.mu.Unlock()
	})
	<-r.moment(1200)
	switch way {
	case killServer:
		r.KillServer()
		r.kills++
	case killServerTwice:
		r.KillServer()
		<-r.moment(600)
		r.KillServer()
		r.kills += 2
	case killAll:
		r.KillAll()
		r.Restart()
	case killDatabase:
		cluster.Kill(r.t)
		<-r.moment(300)
		cluster.Restart(r.t)
	}
	r.WaitReady()
	<-r.moment(500)
	stop()
	wg.Wait()
	r.WaitReady()
}

// moment gives a channel on which something comes after up to so many milliseconds: when a kill falls is left to
// chance, and never what a test waits for.
func (r *round) moment(most int) <-chan time.Time {
	return time.After(time.Duration(1+r.rand.IntN(most)) * time.Millisecond)
}

// insist repeats what got no answer, or one that the server cannot do it now, until there is another.
func (r *round) insist(f func() error) error {
	pause := time.NewTicker(25 * time.Millisecond)
	defer pause.Stop()
	for late := time.Now().Add(2 * time.Minute); ; <-pause.C {
		err := f()
		var p *testkit.Problem
		if err == nil || errors.As(err, &p) && p.Status < 500 {
			return err
		}
		if time.Now().After(late) {
			r.t.Errorf("no answer in two minutes: %v", err)
			return err
		}
	}
}

func (r *round) over() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// post sends messages.
func (r *round) post(rng *rand.Rand, who int) {
	for i := 0; !r.over(); i++ {
		name := fmt.Sprintf("r%d-%d-%d", r.n, who, i)
		content := fmt.Sprintf("think about %s\nsay I am %[1]s.\nwords %d", name, rng.IntN(400))
		p := posted{ticket: r.talk, key: "message-" + name, content: content}
		if r.send(&p) {
			r.mu.Lock()
			r.messages = append(r.messages, p)
			r.mu.Unlock()
		}
		if i > 8 {
			<-time.After(30 * time.Millisecond) // what waits must be answered before the round ends
		}
	}
}

func (r *round) send(p *posted) bool {
	var was struct{ Message, Turn string }
	err := r.insist(func() error {
		return r.Keyed(p.key, "POST", "/tickets/"+p.ticket+"/messages", map[string]string{"content": p.content}, &was)
	})
	if err != nil {
		r.t.Errorf("message %s: %v", p.key, err)
		return false
	}
	p.id, p.turn = was.Message, was.Turn
	return true
}

// decideOn makes decisions on suggestions, and sends what is approved.
func (r *round) decideOn(rng *rand.Rand, all []suggestion) {
	ways := [][]string{{"execute"}, {"execute"}, {"approve"}, {"approve", "undo", "reject"}, {"reject", "undo", "execute"}, {"ignore", "undo", "approve"}, {"reject"}, {"ignore"}}
	for i, s := range all {
		for _, choice := range ways[rng.IntN(len(ways))] {
			if r.over() {
				return
			}
			a := answer{suggestion: s.ID, choice: choice, unanswered: -1}
			err := r.insist(func() error {
				a.unanswered++
				return r.API("POST", "/tickets/"+r.decide+"/suggestions/"+s.ID+"/decision", map[string]string{"decision": choice, "digest": s.Digest}, nil)
			})
			a.accepted = err == nil
			r.mu.Lock()
			r.answers = append(r.answers, a)
			r.mu.Unlock()
			var p *testkit.Problem
			if errors.As(err, &p) && p.Status != http.StatusConflict {
				r.t.Errorf("%s of %s: %v", choice, s.ID, err)
			}
			<-time.After(time.Duration(rng.IntN(60)) * time.Millisecond)
		}
		if rng.IntN(2) == 0 {
			p := posted{ticket: r.decide, key: fmt.Sprintf("send-%d-%s-%d", r.n, s.ID, i), content: "heard"}
			if r.send(&p) {
				r.mu.Lock()
				r.messages = append(r.messages, p)
				r.mu.Unlock()
			}
		}
	}
}

// rename changes a ticket's title and status.
func (r *round) rename(rng *rand.Rand) {
	for i := 0; !r.over(); i++ {
		c := change{ticket: r.talk, field: "title", to: fmt.Sprintf("Title r%d-%d", r.n, i)}
		if i%4 == 3 {
			c.field, c.to = "status", []string{"in_progress", "open"}[i/4%2]
		}
		c.accepted = r.insist(func() error {
			return r.API("PATCH", "/tickets/"+c.ticket, map[string]string{c.field: c.to}, nil)
		}) == nil
		r.mu.Lock()
		r.changes = append(r.changes, c)
		r.mu.Unlock()
		<-time.After(time.Duration(rng.IntN(40)) * time.Millisecond)
	}
}

// open opens tickets.
func (r *round) open(rng *rand.Rand) {
	for i := 0; !r.over(); i++ {
		o := opened{key: fmt.Sprintf("ticket-r%d-%d", r.n, i), title: fmt.Sprintf("say New r%d-%d.", r.n, i)}
		if r.create(&o) {
			r.mu.Lock()
			r.tickets = append(r.tickets, o)
			r.mu.Unlock()
		}
		<-time.After(time.Duration(20+rng.IntN(100)) * time.Millisecond)
	}
}

func (r *round) create(o *opened) bool {
	var was struct{ Key string }
	err := r.insist(func() error {
		return r.Keyed(o.key, "POST", "/tickets", map[string]string{"tenant": r.tenant, "agent": "script", "message": o.title}, &was)
	})
	if err != nil {
		r.t.Errorf("ticket %s: %v", o.key, err)
		return false
	}
	o.ticket = was.Key
	return true
}

// type_ types commands into a terminal. In what the shell echoes of them the number does not stand before the word.
func (r *round) type_() {
	for i := 0; !r.over() && !r.typing.Exited(); i++ {
		taken := r.typing.Type(fmt.Sprintf("echo %d-''typed\r", i))
		r.mu.Lock()
		r.typed[i] = taken
		r.mu.Unlock()
		<-time.After(5 * time.Millisecond)
	}
}

// facts gives the data of a ticket's events of one kind.
func facts(log []live.Event, kind string) []live.Event {
	var all []live.Event
	for _, e := range log {
		if e.Kind == kind {
			all = append(all, e)
		}
	}
	return all
}
