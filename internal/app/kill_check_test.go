package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"helpdesk/internal/live"
	"helpdesk/internal/testkit"
	"helpdesk/internal/transcript"
)

// check looks after a storm whether all is there.
func (r *round) check() {
	r.t.Helper()
	tickets := []string{r.talk, r.decide, r.shell, r.end}
	for _, o := range r.tickets {
		tickets = append(tickets, o.ticket)
	}
	logs := map[string][]live.Event{}
	for _, ticket := range tickets {
		r.settles(ticket)
		logs[ticket] = r.Timeline(ticket)
		r.consistent(ticket, logs[ticket])
	}
	r.checkTerminals()
	r.checkMessages(logs)
	r.checkTickets()
	r.checkChanges(logs[r.talk])
	r.checkDecisions(logs[r.decide])
	r.checkClosed()
	r.checkShown(logs)
	for _, ticket := range []string{r.talk, r.decide, r.shell} {
		r.Do("PATCH", "/tickets/"+ticket, map[string]any{"status": "closed", "solved": false}, nil)
	}
	for _, tab := range r.terminals {
		tab.Close()
	}
	for _, w := range r.watchers {
		r.sums.cuts += w.Cuts()
		w.Close()
	}
	for ticket, log := range logs {
		r.before[ticket] = int64(len(log))
	}
}

// settles waits until nothing is under way in a ticket: every turn and Run has come to an end.
func (r *round) settles(ticket string) {
	r.t.Helper()
	r.Wait("everything in "+ticket+" to come to an end", func() (bool, string) {
		open := map[string]int64{}
		log := r.Timeline(ticket)
		for _, e := range log {
			var f struct{ ID, Turn, Suggestion string }
			decode(r.t, e, &f)
			switch e.Kind {
			case "TurnQueued":
				open["turn "+f.Turn] = e.Seq
			case "TurnEnded":
				delete(open, "turn "+f.Turn)
			case "RunQueued", "RunStarted":
				open["run of "+f.Suggestion] = e.Seq
			case "RunEnded":
				delete(open, "run of "+f.Suggestion)
			case "SuggestionMoved": // it could not run, and says why
				delete(open, "run of "+f.ID)
			}
		}
		return len(open) == 0, fmt.Sprintf("begun and not ended, by the number of the event: %v, in %s", open, text(log))
	})
}

// consistent compares a ticket with its log.
func (r *round) consistent(ticket string, log []live.Event) {
	r.t.Helper()
	var is struct {
		Title, Status, Activity string
		Seq                     int64
		Held                    bool
	}
	r.Do("GET", "/tickets/"+ticket, nil, &is)
	status, title := "open", ""
	states := map[string]string{}
	counts := map[string]int{}
	for i, e := range log {
		if e.Seq != int64(i+1) {
			r.t.Errorf("%s: event %d has the number %d", ticket, i+1, e.Seq)
		}
		var f struct{ ID, Title, To, State, Turn, Run, Suggestion string }
		decode(r.t, e, &f)
		switch e.Kind {
		case "TicketCreated":
			title = f.Title
		case "TicketRenamed":
			title = f.To
		case "TicketStatusChanged":
			status = f.To
		case "SuggestionProposed":
			states[f.ID] = "proposed"
		case "SuggestionDecided", "SuggestionMoved":
			states[f.ID] = f.State
		case "RunEnded":
			states[f.Suggestion] = f.State
			counts["ends of run "+f.Run]++
		case "RunStarted":
			counts["starts for suggestion "+f.Suggestion]++
		case "TurnQueued":
			counts["queueings of turn "+f.Turn]++
		case "TurnEnded":
			counts["ends of turn "+f.Turn]++
			if f.State == "interrupted" {
				r.sums.interrupted++
			}
		case "MessagePosted":
			counts["postings of message "+f.ID]++
		}
	}
	for what, n := range counts {
		if n != 1 {
			r.t.Errorf("%s: %d %s", ticket, n, what)
		}
	}
	if is.Seq != int64(len(log)) || is.Status != status || is.Title != title {
		r.t.Errorf("%s is %q, %s, at %d; by its log it is %q, %s, at %d", ticket, is.Title, is.Status, is.Seq, title, status, len(log))
	}
	activity := "idle"
	var list struct{ Items []suggestion }
	r.Do("GET", "/tickets/"+ticket+"/suggestions", nil, &list)
	for _, s := range list.Items {
		if s.State == "proposed" {
			activity = "waiting_for_you"
		}
		if s.State != states[s.ID] {
			r.t.Errorf("%s: suggestion %s is %s, and %s by the log", ticket, s.ID, s.State, states[s.ID])
		}
	}
	if is.Activity != activity || is.Held {
		r.t.Errorf("%s: activity %s (held: %v), want %s", ticket, is.Activity, is.Held, activity)
	}
}

// checkMessages: what was accepted is there once, its turn has ended, a whole answer is whole, and asking again with the
// same key gets the same answer.
func (r *round) checkMessages(logs map[string][]live.Event) {
	r.t.Helper()
	for _, p := range r.messages {
		again := p
		r.send(&again)
		if again != p {
			r.t.Errorf("message %s was %s in turn %s, and asked again it is %s in turn %s", p.key, p.id, p.turn, again.id, again.turn)
		}
		there, ended := 0, ""
		var text string
		for _, e := range logs[p.ticket] {
			var f struct{ ID, Role, Content, Turn, State, Text string }
			decode(r.t, e, &f)
			switch {
			case e.Kind == "MessagePosted" && f.ID == p.id && f.Content == p.content:
				there++
			case e.Kind == "MessagePosted" && f.Turn == p.turn && f.Role == "assistant":
				text = f.Content
			case e.Kind == "TurnEnded" && f.Turn == p.turn:
				ended = f.State
			}
		}
		if there != 1 {
			r.t.Errorf("message %s was accepted, and is there %d times", p.key, there)
		}
		if p.ticket == r.talk && ended == "done" && !whole(p.content, text) {
			r.t.Errorf("turn %s is done, and the answer to %q is %.200q", p.turn, p.content, text)
		}
	}
	r.sums.messages += len(r.messages)
}

// whole says whether an answer is all that the script says.
func whole(script, answer string) bool {
	var name string
	var n int
	lines := strings.Split(script, "\n")
	if _, err := fmt.Sscanf(lines[1]+" "+lines[2], "say I am %s words %d", &name, &n); err != nil {
		return false
	}
	words := strings.Fields(answer)
	if len(words) != n+3 || !strings.HasPrefix(answer, "I am "+name+"\n") {
		return false
	}
	for i, w := range words[3:] {
		if w != fmt.Sprintf("word%d", i+1) {
			return false
		}
	}
	return true
}

func (r *round) checkTickets() {
	r.t.Helper()
	for _, o := range r.tickets {
		again := o
		r.create(&again)
		if again != o {
			r.t.Errorf("ticket %s was %s, and asked again it is %s", o.key, o.ticket, again.ticket)
		}
	}
	var page struct{ Items []struct{ Key string } }
	r.Do("GET", fmt.Sprintf("/tickets?limit=200&q=%s", "New+r"+fmt.Sprint(r.n)), nil, &page)
	want := map[string]bool{}
	for _, o := range r.tickets {
		want[o.ticket] = true
	}
	for _, x := range page.Items {
		if log := r.Timeline(x.Key); !want[x.Key] && strings.Contains(string(log[0].Data), fmt.Sprintf("New r%d-", r.n)) {
			r.t.Errorf("%s is there, and nobody was told so: %s", x.Key, log[0].Data)
		}
	}
}

// checkChanges: accepted changes are in the log in their order, each once.
func (r *round) checkChanges(log []live.Event) {
	r.t.Helper()
	times := map[string]int{}
	var order []string
	for _, e := range facts(log, "TicketRenamed") {
		var f struct{ To string }
		decode(r.t, e, &f)
		times[f.To]++
		order = append(order, f.To)
	}
	var want []string
	for _, c := range r.changes {
		if !c.accepted {
			r.t.Errorf("a change was refused: %+v", c)
		}
		if c.field == "title" {
			want = append(want, c.to)
		}
	}
	if d := cmp.Diff(want, order); d != "" {
		r.t.Errorf("the titles that were accepted, and those in the log (-want +got):\n%s", d)
	}
}

// checkDecisions: what was accepted is there once; a command ran at most once, and exactly once where it is said that
// it ended well.
func (r *round) checkDecisions(log []live.Event) {
	r.t.Helper()
	type made struct{ suggestion, choice string }
	there := map[made]int{}
	for _, e := range facts(log, "SuggestionDecided") {
		var f struct{ ID, Choice string }
		decode(r.t, e, &f)
		there[made{f.ID, f.Choice}]++
	}
	for _, a := range r.answers {
		m := made{a.suggestion, a.choice}
		r.sums.decisions++
		// Without an answer it may have been made, and asking again is then refused, or answered as the first time.
		if n := there[m]; a.accepted && n != 1 || !a.accepted && a.unanswered == 0 && n != 0 || n > 1 {
			r.t.Errorf("decision %+v is there %d times", a, n)
		}
		delete(there, m)
	}
	for m, n := range there {
		r.t.Errorf("decision %v is there %d times, and nobody made it", m, n)
	}
	var ran []byte
	var p *testkit.Problem
	if err := r.API("GET", "/tickets/"+r.decide+"/files/runs.txt", nil, &ran); err != nil && !(errors.As(err, &p) && p.Status == http.StatusNotFound) {
		r.t.Error(err)
	}
	var list struct{ Items []suggestion }
	r.Do("GET", "/tickets/"+r.decide+"/suggestions", nil, &list)
	for i, s := range list.Items {
		token := fmt.Sprintf("r%d-%d", r.n, i)
		if !strings.Contains(s.Command, "'"+token+" begins'") {
			r.t.Errorf("suggestion %d is %q", i, s.Command)
		}
		begun, ended := strings.Count(string(ran), token+" begins\n"), strings.Count(string(ran), token+" ends\n")
		well := s.State == "ran" && s.Outcome != nil && s.Outcome.ExitCode != nil && *s.Outcome.ExitCode == 0
		switch {
		case begun > 1 || ended > 1:
			r.t.Errorf("command %s ran %d times", token, begun)
		case well && (begun != 1 || ended != 1 || !strings.Contains(s.Outcome.Output, "out "+token) || !strings.Contains(s.Outcome.Output, "of "+token)):
			r.t.Errorf("command %s is said to have ended well; it began %d times and ended %d times, with the output %q", token, begun, ended, s.Outcome.Output)
		case s.State != "ran" && s.State != "unknown" && begun != 0:
			r.t.Errorf("command %s is %s, and it ran", token, s.State)
		case s.State == "running" || s.State == "sent":
			r.t.Errorf("command %s is still %s", token, s.State)
		case s.State == "ran" && !well:
			r.t.Errorf("command %s ran, with the outcome %+v", token, s.Outcome)
		case s.State == "unknown":
			r.sums.unknown++
		case s.State == "ran":
			r.sums.runs++
		}
	}
}

// checkClosed: a ticket that was closed is closed in all its parts.
func (r *round) checkClosed() {
	r.t.Helper()
	if !r.closed {
		r.t.Error("closing a ticket was refused")
		return
	}
	r.Wait("the closed ticket to be cleared", func() (bool, string) {
		var list struct {
			Items []struct{ ID, State string }
		}
		r.Do("GET", "/tickets/"+r.end+"/terminals", nil, &list)
		for _, x := range list.Items {
			if x.State != "ended" {
				return false, "terminal " + x.ID + " is " + x.State
			}
		}
		left, err := filepath.Glob(filepath.Join(r.Data, "workspaces", "*", r.end))
		return err == nil && len(left) == 0, fmt.Sprint(left)
	})
}

// checkTerminals: what was shown is recorded at the same offsets, numbers without a gap, and what was typed was typed
// once. A shell that survived goes on.
func (r *round) checkTerminals() {
	r.t.Helper()
	var live struct {
		Items []struct{ ID, State string }
	}
	r.Do("GET", "/tickets/"+r.shell+"/terminals", nil, &live)
	alive := map[string]bool{}
	for _, x := range live.Items {
		alive[x.ID] = x.State == "live"
	}
	for name, tab := range r.terminals {
		ticket, id, _ := strings.Cut(name, "/")
		if tab == r.typing && alive[id] {
			r.Wait("the shell to go on", func() (bool, string) { return tab.Type("echo still-''here\r"), "what is typed is not taken" })
			tab.Sees("still-here\r\n")
		}
		if tab == r.counting && alive[id] {
			tab.Sees(fmt.Sprintf("num-%d\r\n", strings.Count(string(tab.Output()), "num-")+20))
		}
		shown := tab.Output()
		record, err := transcript.Open(filepath.Join(r.Data, "transcripts", ticket, id))
		var recorded []byte
		if err == nil {
			recorded, err = io.ReadAll(record.Output(0))
		}
		if err != nil || len(recorded) < len(shown) || string(recorded[:len(shown)]) != string(shown) {
			r.t.Errorf("terminal %s: %d bytes were shown, and they are not the first of the %d that are recorded (%v)", id, len(shown), len(recorded), err)
		}
		r.sums.shown += int64(len(shown))
		var cast []byte
		r.Do("GET", "/terminals/"+id+"/recording", nil, &cast)
		if !strings.HasPrefix(string(cast), "{") {
			r.t.Errorf("terminal %s: the recording is %.100q", id, cast)
		}
	}
	next := 1
	for _, m := range counted.FindAllStringSubmatch(string(r.counting.Output()), -1) {
		if m[1] != strconv.Itoa(next) {
			r.t.Fatalf("the counting terminal shows %s after %d", m[1], next-1)
		}
		next++
	}
	times := map[string]int{}
	for _, m := range typed.FindAllStringSubmatch(string(r.typing.Output()), -1) {
		times[m[1]]++
	}
	for i, taken := range r.typed {
		n := times[strconv.Itoa(i)]
		if n > 1 || n == 0 && taken && !r.typing.Exited() {
			r.t.Errorf("command %d was typed (acknowledged: %v), and ran %d times", i, taken, n)
		}
		r.sums.typed += n
	}
}

var (
	counted = regexp.MustCompile(`num-(\d+)\r\n`)
	typed   = regexp.MustCompile(`(\d+)-typed\r\n`)
)

// checkShown: what viewers were shown is in the timeline.
func (r *round) checkShown(logs map[string][]live.Event) {
	r.t.Helper()
	texts := map[string]string{} // of turns
	states := map[string]string{}
	for _, log := range logs {
		for _, e := range log {
			var f struct{ Role, Content, Turn, State, Text string }
			decode(r.t, e, &f)
			switch {
			case e.Kind == "MessagePosted" && f.Role == "assistant":
				texts[f.Turn] = f.Content
			case e.Kind == "TurnEnded":
				states[f.Turn] = f.State
				if f.Text != "" {
					texts[f.Turn] = f.Text
				}
			}
		}
	}
	for _, w := range r.watchers {
		for ticket, log := range logs {
			shown := w.Events(ticket)
			if len(shown) == 0 {
				continue
			}
			r.Wait("the watcher to see everything in "+ticket, func() (bool, string) {
				shown = w.Events(ticket)
				return len(shown) >= len(log), fmt.Sprintf("%d of %d events", len(shown), len(log))
			})
			if d := cmp.Diff(log, shown[:len(log)]); d != "" {
				r.t.Errorf("%s: the timeline, and what was shown of it (-timeline +shown):\n%s", ticket, d)
			}
		}
		for turn, a := range w.Answers() {
			text := texts[turn]
			if states[turn] == "done" && !strings.HasPrefix(text, a.Text) {
				r.t.Errorf("turn %s is done; shown was %.200q, and it is %.200q", turn, a.Text, text)
			}
			// Of an interrupted one up to a second of text may be lost.
			if !strings.HasPrefix(text, a.Text) && !strings.HasPrefix(a.Text, text) {
				r.t.Errorf("turn %s is %s; shown was %.200q, and kept is %.200q", turn, states[turn], a.Text, text)
			}
		}
	}
}

func decode(t testing.TB, e live.Event, into any) {
	t.Helper()
	if err := json.Unmarshal(e.Data, into); err != nil {
		t.Fatalf("%s of %s: %v", e.Kind, e.Ticket, err)
	}
}

// text is a log for people, without who and when.
func text(log []live.Event) string {
	var b strings.Builder
	for _, e := range log {
		fmt.Fprintf(&b, "\n  %d %s %.300s", e.Seq, e.Kind, e.Data)
	}
	return b.String()
}
