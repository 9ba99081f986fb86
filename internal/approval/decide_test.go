package approval_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/internal/approval"
	"helpdesk/internal/store"
)

// Ensure that of many people who decide at once on one suggestion one decides, it runs once, and the others hear who
// it was.
func TestManyDecideAtOnce(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		id := h.propose("echo once >> count")
		digest := h.suggestion(id).Digest
		const people = 20
		errs := make([]error, people)
		var all sync.WaitGroup
		ready := make(chan struct{})
		for n := range people {
			who := helpdesk.Actor{Kind: helpdesk.ActorUser, ID: fmt.Sprint("person-", n), Name: fmt.Sprint("Person ", n), Tenants: []helpdesk.TenantID{blue}}
			h.may(who.ID, who)
			all.Go(func() {
				<-ready
				_, errs[n] = h.Decide(h.ctx(), who, h.ticket, id, helpdesk.Execute, digest, "")
			})
		}
		close(ready)
		all.Wait()
		winner := slices.Index(errs, nil)
		if winner < 0 {
			t.Fatal("nobody decided: ", errs)
		}
		for n, err := range errs {
			if n != winner {
				says(t, err, helpdesk.Conflict, fmt.Sprintf("Person %d decided on this command already", winner))
			}
		}
		if o := h.outcome(id); !o.OK() || o.By.ID != fmt.Sprint("person-", winner) {
			t.Errorf("it ended %+v", o)
		}
		if got := h.file("count"); got != "once\n" {
			t.Errorf("it ran %d times", strings.Count(got, "\n"))
		}
		for _, words := range []string{" decides ", " queues ", " starts ", " ends "} {
			if n := h.counts(words); n != 1 {
				t.Errorf("the log says%s%d times", words, n)
			}
		}
	})
}

// Ensure that of a ticket one run goes at a time, the others wait where people can see it, and go in the order in which
// they were decided; another ticket does not wait.
func TestOneRunAtATime(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		const n = 4
		var ids []helpdesk.SuggestionID
		for i := range n {
			ids = append(ids, h.propose(fmt.Sprintf("%s [ -e busy ] && echo together >> order; touch busy; echo %d >> order; rm busy", waitFor("go"), i)))
		}
		slices.Reverse(ids) // decided in another order than proposed
		for _, id := range ids {
			h.decide(ann, id, helpdesk.Execute)
		}
		h.begun(ids[0])
		for i, id := range ids {
			want := helpdesk.RunWaiting
			if i == 0 {
				want = helpdesk.RunClaimed
			}
			if r := h.runOf(id); r.State != want || h.suggestion(id).State != helpdesk.SuggestionRunning {
				t.Errorf("the run decided as number %d is %s", i, r.State)
			}
		}
		if got := h.counts(" queues "); got != n {
			t.Errorf("%d of %d are shown as queued", got, n)
		}
		first := h.ticket
		h.ticket = h.newTicket(blue)
		if o := h.executed("true"); !o.OK() {
			t.Errorf("a run of another ticket ended %+v", o)
		}
		h.ticket = first
		h.write("go")
		for _, id := range ids {
			if o := h.outcome(id); !o.OK() {
				t.Errorf("%s ended %+v", id, o)
			}
		}
		if got := h.file("order"); got != "3\n2\n1\n0\n" {
			t.Errorf("they ran in the order %q", got)
		}
		var started []string
		for _, line := range h.log() {
			if _, after, ok := strings.Cut(line, " starts "); ok {
				id, _, _ := strings.Cut(after, ":")
				started = append(started, id)
			}
		}
		var want []string
		for _, id := range ids {
			want = append(want, string(id))
		}
		if diff := cmp.Diff(want, started); diff != "" {
			t.Error("the log's order:", diff)
		}
	})
}

// Ensure that a decision holds only for what was shown: where the digest, the place or the environment is another,
// nothing is decided.
func TestChangedSinceShown(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		id := h.propose("echo ran > ran")
		decide := func(c helpdesk.Choice, digest string) error {
			_, err := h.Decide(h.ctx(), ann, h.ticket, id, c, digest, "")
			return err
		}
		tenant := func(fn func(*store.System) error) { h.system(fn); h.roster.Forget() }
		place := func(p helpdesk.TenantPlace) func(*store.System) error {
			return func(tx *store.System) error {
				all, err := tx.Tenants(admin.Reach().Only(blue))
				if err != nil {
					return err
				}
				all[0].Place = p
				return tx.SaveTenant(all[0])
			}
		}
		variable := func(name, value string) func(*store.System) error {
			return func(tx *store.System) error { return tx.SaveVariable(blue, name, value) }
		}
		right := h.suggestion(id).Digest
		wrong := strings.Repeat("0", 64)
		for _, c := range []helpdesk.Choice{helpdesk.Execute, helpdesk.Approve} {
			says(t, decide(c, ""), helpdesk.Invalid, "digest")
			says(t, decide(c, wrong), helpdesk.Conflict, "changed since you read it")
			tenant(variable("MORE", "x"))
			says(t, decide(c, right), helpdesk.Conflict, "changed since you read it")
			tenant(variable("MORE", ""))
			tenant(place(helpdesk.PlaceHostView))
			says(t, decide(c, right), helpdesk.Conflict, "changed since you read it")
			tenant(place(helpdesk.PlaceSandbox))
		}
		says(t, decide(helpdesk.Reject, wrong), helpdesk.Conflict, "changed since you read it")
		if x := h.suggestion(id); x.State != helpdesk.SuggestionProposed || x.Decided != nil || x.Run != "" {
			t.Errorf("after all refusals it is %+v", x)
		}
		if got := h.log(); len(got) != 1 {
			t.Errorf("something was written: %q", got)
		}
		h.view(func(tx *store.Tx) error {
			runs, err := tx.OpenRuns(h.ticket)
			entries, err2 := tx.AuditOf(string(h.ticket))
			if len(runs)+len(entries) > 0 || err2 != nil {
				t.Errorf("there are runs %v and entries %v", runs, entries)
			}
			return err
		})
		// A value that changes is not shown, and changes nothing.
		tenant(variable("FAVOURITE", "brie"))
		h.must(decide(helpdesk.Execute, right))
		if o := h.outcome(id); !o.OK() {
			t.Errorf("it ended %+v", o)
		}
	})
}

// Ensure that what changes between the decision and the run is seen: a variable that the roster has not read yet too.
func TestChangedBeforeItRuns(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		busy := h.propose(waitFor("go"))
		id := h.propose("echo ran > ran")
		h.decide(ann, busy, helpdesk.Execute)
		h.begun(busy)
		h.decide(ann, id, helpdesk.Execute)
		h.mu.Lock()
		h.newer = map[string]string{"LD_PRELOAD": "/workspace/x.so"}
		h.mu.Unlock()
		h.write("go")
		if x := h.becomes(id, helpdesk.SuggestionProposed); x.Note != "Not started: The command changed since you read it. Review it again." {
			t.Errorf("its card says %q", x.Note)
		}
		if h.file("ran") != "" {
			t.Error("it ran with a variable that nobody was shown")
		}
	})
}

// Ensure that only who may decides, and only where it is not too late.
func TestWhoMayDecide(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		id := h.propose("echo ran > ran")
		for name, who := range map[string]helpdesk.Actor{
			"of another tenant": eve,
			"an agent":          {Kind: helpdesk.ActorAgent, ID: "built-in", Name: "Runbook", Tenants: []helpdesk.TenantID{blue}},
			"nobody":            {},
		} {
			for _, c := range []helpdesk.Choice{helpdesk.Execute, helpdesk.Approve, helpdesk.Reject, helpdesk.Ignore, helpdesk.Undo} {
				if err := h.try(who, id, c); helpdesk.KindOf(err) != helpdesk.NotFound && helpdesk.KindOf(err) != helpdesk.Unauthorized {
					t.Errorf("%s who decides to %s hears %v", name, c, err)
				}
			}
			if _, err := h.Suggestions(h.ctx(), who, h.ticket); name != "an agent" && helpdesk.KindOf(err) != helpdesk.NotFound {
				t.Errorf("%s reads the suggestions: %v", name, err)
			}
		}
		// What is not there and what is another ticket's or tenant's is the same.
		other := h.ticket
		h.ticket = h.newTicket(blue)
		says(t, h.try(ann, id, helpdesk.Execute), helpdesk.NotFound, "no such suggestion")
		if _, err := h.Decide(h.ctx(), ann, h.ticket, "nothing", helpdesk.Reject, "", ""); helpdesk.KindOf(err) != helpdesk.NotFound {
			t.Errorf("a suggestion that is not there: %v", err)
		}
		if _, err := h.Decide(h.ctx(), ann, "BL-999", id, helpdesk.Reject, "", ""); helpdesk.KindOf(err) != helpdesk.NotFound {
			t.Errorf("a ticket that is not there: %v", err)
		}
		h.ticket = other
		if _, err := h.Decide(h.ctx(), ann, h.ticket, id, helpdesk.Reject, "", strings.Repeat("x", 5000)); helpdesk.KindOf(err) != helpdesk.TooLarge {
			t.Errorf("a reason without end: %v", err)
		}
		h.change(func(x *helpdesk.Ticket) { x.Status = helpdesk.TicketClosed })
		says(t, h.try(ann, id, helpdesk.Execute), helpdesk.Conflict, "is closed")
		says(t, h.try(ann, id, helpdesk.Reject), helpdesk.Conflict, "is closed")
		now := time.Now()
		h.change(func(x *helpdesk.Ticket) { x.Status, x.DeletedAt = helpdesk.TicketOpen, &now })
		says(t, h.try(ann, id, helpdesk.Execute), helpdesk.NotFound, "no")
		h.change(func(x *helpdesk.Ticket) { x.DeletedAt = nil })
		if x := h.suggestion(id); x.State != helpdesk.SuggestionProposed || len(h.log()) != 1 || h.file("ran") != "" {
			t.Errorf("after all refusals it is %+v, with the log %q", x, h.log())
		}
	})
}

// Ensure that scope admin is for those who may go there, and that a place which is not open says so.
func TestScopes(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		id := h.propose("true", inScope(helpdesk.ScopeAdmin))
		says(t, h.try(ann, id, helpdesk.Execute), helpdesk.Forbidden, "platform admin")
		says(t, h.try(ann, id, helpdesk.Approve), helpdesk.Forbidden, "platform admin")
		h.decide(ann, id, helpdesk.Reject) // to say no everybody may
		h.decide(ann, id, helpdesk.Undo)
		h.decide(admin, id, helpdesk.Execute)
		if o := h.outcome(id); !o.OK() {
			t.Errorf("it ended %+v", o)
		}

		web, err := helpdesk.ParseScope("container:web")
		h.must(err)
		id = h.propose("true", inScope(web))
		for _, c := range []helpdesk.Choice{helpdesk.Execute, helpdesk.Approve} {
			says(t, h.try(admin, id, c), helpdesk.Conflict, "Scope container:web is not open on this server")
		}
		h.decide(ann, id, helpdesk.Reject)
	})
}

// Ensure that whose right was taken away between deciding and running does not run anything any more, and the card says
// why.
func TestRightsAreLookedAtAgain(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		busy := h.propose(waitFor("go"))
		h.decide(admin, busy, helpdesk.Execute)
		h.begun(busy)
		left, gone, demoted := h.propose("echo left >> ran"), h.propose("echo gone >> ran"), h.propose("echo admin >> ran", inScope(helpdesk.ScopeAdmin))
		h.decide(ann, left, helpdesk.Execute)
		h.decide(bob, gone, helpdesk.Execute)
		carl := helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "carl", Name: "Carl", Admin: true}
		h.may("carl", carl)
		h.decide(carl, demoted, helpdesk.Execute)
		h.may("ann", helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "ann", Name: "Ann"})
		h.may("bob", helpdesk.Actor{})
		carl.Admin, carl.Tenants = false, []helpdesk.TenantID{blue}
		h.may("carl", carl)
		h.write("go")
		for id, note := range map[helpdesk.SuggestionID]string{
			left:    "Not started: Ann may no longer decide on commands here.",
			gone:    "Not started: Bob may no longer decide on commands here.",
			demoted: "Not started: Carl may no longer use scope admin.",
		} {
			if x := h.becomes(id, helpdesk.SuggestionProposed); x.Note != note || x.Run != "" {
				t.Errorf("the card says %q; want %q", x.Note, note)
			}
		}
		if got := h.file("ran"); got != "" {
			t.Errorf("they ran: %q", got)
		}
		if n := h.counts(" starts "); n != 1 {
			t.Errorf("%d runs were claimed", n)
		}
	})
}

// Ensure that a rejection and an ignore can be taken back, and an approval too, and that what is decided is told with
// its reason.
func TestUndo(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		id := h.propose("true")
		says(t, h.try(ann, id, helpdesk.Undo), helpdesk.Conflict, "proposed already")
		for _, c := range []helpdesk.Choice{helpdesk.Approve, helpdesk.Reject, helpdesk.Ignore} {
			h.decide(ann, id, c)
			if x := h.suggestion(id); x.State != c.Target() || x.Decided.By != ann.By() {
				t.Errorf("after %s it is %+v", c, x)
			}
			says(t, h.try(bob, id, helpdesk.Reject), helpdesk.Conflict, "Ann decided on this command already")
			h.decide(bob, id, helpdesk.Undo)
			if x := h.suggestion(id); x.State != helpdesk.SuggestionProposed || x.Decided != nil {
				t.Errorf("after undo it is %+v", x)
			}
		}
		// Who approved may execute at once instead.
		h.decide(ann, id, helpdesk.Approve)
		h.decide(bob, id, helpdesk.Execute)
		if o := h.outcome(id); !o.OK() || o.By != bob.By() {
			t.Errorf("it ended %+v", o)
		}
		says(t, h.try(ann, id, helpdesk.Undo), helpdesk.Conflict, "ran already")
		busy := h.propose(waitFor("go"))
		h.decide(ann, busy, helpdesk.Execute)
		says(t, h.try(ann, busy, helpdesk.Undo), helpdesk.Conflict, "Stop it instead")
		h.write("go")
		h.outcome(busy)
	})
}
