package turn_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/event"
)

// Nodes are killed and frozen at random commits while tickets come in; others take their place. In the end no turn
// is stuck and none is doubled. 10 rounds, 100 with HELPDESK_SOAK=1, 2 with -short.
func TestNodesAreLostAtRandom(t *testing.T) {
	rounds := 10
	switch {
	case os.Getenv("HELPDESK_SOAK") != "":
		rounds = 100
	case testing.Short():
		rounds = 2
	}
	seed := uint64(time.Now().UnixNano())
	each(t, func(t *testing.T, h *house) {
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 1))
		states := map[helpdesk.TurnState]int{}
		for round := range rounds {
			h.round(round, random, states)
			if t.Failed() {
				t.Fatalf("round %d, seed %d", round, seed)
			}
		}
		t.Logf("%d rounds: %v", rounds, states)
		if states[helpdesk.TurnDone] == 0 {
			t.Errorf("no turn was ever done: %v", states)
		}
	})
}

// round lets three nodes work on some tickets while each is lost at some commit and then another comes.
func (h *house) round(round int, random *rand.Rand, states map[helpdesk.TurnState]int) {
	h.t.Helper()
	var victims []*node
	for i := range 3 {
		n := h.start(fmt.Sprintf("victim-%d-%d", round, i), lease(time.Second))
		at := 1 + random.IntN(25)
		n.line.mu.Lock()
		switch random.IntN(3) {
		case 0:
			n.line.before = at
		case 1:
			n.line.after = at
		case 2:
			n.line.stops = at
		}
		n.line.mu.Unlock()
		victims = append(victims, n)
	}
	keys := make([]helpdesk.TicketKey, 5)
	var asking sync.WaitGroup
	for i := range keys {
		asking.Go(func() {
			keys[i] = h.says("say It", "did Read: a page", "suggest true", "say is", "think hm", "say full.")
			h.adds(keys[i], "", "say Then", "suggest false", "did it: well", "say go on.")
		})
	}
	asking.Wait()
	h.until("the loss of every node, or the end of all work", func() bool {
		lost := true
		for _, v := range victims {
			lost = lost && (v.line.isDead() || v.line.isFrozen())
		}
		for _, k := range keys {
			if h.open(k) && !lost {
				return false
			}
		}
		return true
	})
	h.start(fmt.Sprintf("rescuer-%d", round))
	for _, k := range keys {
		h.settles(k)
	}
	before := make([]string, len(keys))
	for i, k := range keys {
		before[i] = strings.Join(h.log(k), "\n")
	}
	for _, v := range victims {
		if v.line.isDead() {
			v.kill()
		}
		v.leave() // those that were frozen thaw, and find that they have lost everything
	}
	for i, k := range keys {
		if after := strings.Join(h.log(k), "\n"); after != before[i] {
			h.t.Errorf("what had thawed wrote to %s:\n%s\n\nit was:\n%s", k, after, before[i])
		}
		h.checkTurns(k, states)
	}
	h.mu.Lock()
	gone := h.nodes
	h.nodes = nil
	h.mu.Unlock()
	for _, n := range gone {
		n.leave()
	}
}

// checkTurns holds the promise: each turn of a ticket ended once, in order, and nothing of it is there twice.
func (h *house) checkTurns(key helpdesk.TicketKey, states map[helpdesk.TurnState]int) {
	h.t.Helper()
	type count struct{ sent, ended, messages, proposed, did int }
	counts := map[string]*count{}
	of := func(turn string) *count {
		if counts[turn] == nil {
			counts[turn] = &count{}
		}
		return counts[turn]
	}
	running := ""
	for _, e := range h.events(key) {
		switch f := decode(h.t, e).(type) {
		case event.TurnSent:
			of(f.Turn).sent++
			if running != "" {
				h.t.Errorf("%s: a turn was sent before the one before it had ended", key)
			}
			running = f.Turn
		case event.TurnEnded:
			of(f.Turn).ended++
			if running == f.Turn {
				running = ""
			}
		case event.MessagePosted:
			if f.Role == string(helpdesk.RoleAssistant) {
				of(f.Turn).messages++
			}
		case event.SuggestionProposed:
			of(f.Turn).proposed++
		case event.ActivityRecorded:
			of(f.Turn).did++
		}
	}
	asked := map[helpdesk.TurnID]int{}
	for _, r := range h.requests() {
		asked[r.Turn]++
	}
	for _, x := range h.turns(key) {
		c := of(string(x.ID))
		states[x.State]++
		whole := x.State == helpdesk.TurnDone
		if whole && (c.messages != 1 || c.proposed != 1 || c.did != 1) || c.messages > 1 || c.proposed > 1 || c.did > 1 ||
			c.ended != 1 || c.sent != 1 || asked[x.ID] > 1 || x.State != helpdesk.TurnDone && x.State != helpdesk.TurnInterrupted || x.Draft != "" {
			h.t.Errorf("%s: turn %s is %s: sent %d times, ended %d, asked %d, %+v\n%s", key, x.ID, x.State, c.sent, c.ended, asked[x.ID], *c, strings.Join(h.log(key), "\n"))
		}
	}
	if got := h.ticket(key).Activity; got == helpdesk.ActivityWorking {
		h.t.Errorf("%s is still being worked on", key)
	}
}
