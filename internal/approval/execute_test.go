package approval_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/internal/approval"
	"helpdesk/internal/store"
)

// Ensure that an execution runs the bytes that were shown, once, where and with what the card says, and that the log
// tells it in order.
func TestExecute(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		// Quotes, a glob, an exclamation mark and a line end: what a shell that somebody types into would change.
		command := "pwd; echo \"$FAVOURITE\" 'it''s !!' '*' \\\n  $#; cat run.d/fix.sh; stat -c %a run.d/fix.sh; tty >&2; exit 3"
		id := h.propose(command, withFiles(helpdesk.ProposedFile{Path: "run.d/fix.sh", Content: "echo fixed\n"}))
		before := h.suggestion(id)
		v, err := h.Decide(h.ctx(), ann, h.ticket, id, helpdesk.Execute, before.Digest, "")
		h.must(err)
		if v.State != helpdesk.SuggestionRunning || v.Run == "" || v.Outcome != nil || v.Decided.By != ann.By() {
			t.Errorf("an executed suggestion is shown as %+v", v)
		}
		o := h.outcome(id)
		want := "/workspace\nblue cheese its !! * 0\necho fixed\n600\n/dev/console\n"
		if o.Output != want || *o.ExitCode != 3 || o.Signal != "" || o.Truncated || o.Stopped || o.TimedOut || o.Unknown || o.By != ann.By() {
			t.Errorf("the outcome is %+v, with output %q; want %q and code 3", o, o.Output, want)
		}
		if o.StartedAt.IsZero() || o.EndedAt.Before(o.StartedAt) {
			t.Errorf("it ran from %s to %s", o.StartedAt, o.EndedAt)
		}
		if diff := cmp.Diff([]string{
			"Runbook proposes " + string(id),
			"Ann decides " + string(id) + " execute: running",
			"Ann queues " + string(id),
			"Ann starts " + string(id) + ": " + command,
			"Ann ends " + string(id) + ": ran",
		}, h.log()); diff != "" {
			t.Error("the log:", diff)
		}
		h.until("the launcher to forget", func() bool { list, err := h.launcher.List(h.ctx()); return err == nil && len(list) == 0 })
		views, err := h.Suggestions(h.ctx(), ann, h.ticket)
		h.must(err)
		if len(views) != 1 || views[0].Outcome == nil || *views[0].Outcome.ExitCode != 3 {
			t.Errorf("the list has %+v", views)
		}
		h.view(func(tx *store.Tx) error {
			entries, err := tx.AuditOf(string(h.ticket))
			if len(entries) != 1 || entries[0].Action != "suggestion.execute" || entries[0].Detail["digest"] != before.Digest {
				t.Errorf("the audit has %+v", entries)
			}
			return err
		})
	})
}

// Ensure that a run is claimed on disk before the launcher hears of it.
func TestClaimedBeforeItStarts(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		states := make(chan helpdesk.Run, 1)
		h.wire.set(func(op, id string) error {
			if op == "start" {
				h.view(func(tx *store.Tx) error {
					r, err := tx.Run(helpdesk.RunID(id))
					states <- r
					return err
				})
			}
			return nil
		}, nil)
		if o := h.executed("true"); !o.OK() {
			t.Errorf("it ended %+v", o)
		}
		if r := <-states; r.State != helpdesk.RunClaimed || r.Epoch != h.launcher.Hello.Epoch || r.ClaimedAt.IsZero() {
			t.Errorf("when the launcher was asked the run was %+v", r)
		}
	})
}

// Ensure that each scope runs in its place.
func TestPlaces(t *testing.T) {
	h := one(t, approval.Config{})
	in := func(scope helpdesk.Scope, command string) string {
		id := h.propose(command, inScope(scope))
		h.decide(admin, id, helpdesk.Execute)
		return strings.TrimSpace(h.outcome(id).Output)
	}
	if got := in(helpdesk.ScopeTenant, "id -u; hostname"); !strings.HasSuffix(got, "\n"+strings.ToLower(string(h.ticket))) || strings.HasPrefix(got, "0\n") {
		t.Errorf("the sandbox is %q", got)
	}
	if got := in(helpdesk.ScopeAdmin, "pwd; echo $PPID"); !strings.Contains(got, h.launcher.Data) {
		t.Errorf("the host's directory is %q", got)
	}
	if !h.launcher.Hello.Capabilities.HostView {
		t.Skip("no host view here: ", h.launcher.Hello.Capabilities.Why)
	}
	h.ticket = h.newTicket(machine)
	if got := in(helpdesk.ScopeTenant, "pwd; touch /usr/x || echo refused"); !strings.HasPrefix(got, "/workspace") || !strings.HasSuffix(got, "refused") {
		t.Errorf("the host view says %q", got)
	}
}

// Ensure that a command's end is told as it was: by itself, by a signal, by the time limit.
func TestEndings(t *testing.T) {
	h := one(t, approval.Config{RunTime: 2 * time.Second})
	if o := h.executed("kill -KILL $$"); o.Signal != "KILL" || o.ExitCode != nil || o.Stopped || o.TimedOut || o.OK() {
		t.Errorf("killed: %+v", o)
	}
	if o := h.executed("echo begun; sleep 600"); !o.TimedOut || o.Stopped || o.OK() || o.Output != "begun\n" {
		t.Errorf("after its time: %+v", o)
	}
	if o := h.executed("printf 'a\\000b\\377c'"); o.Output != "ab\uFFFDc" {
		t.Errorf("bytes that are no text: %q", o.Output)
	}
}

// Ensure that a long output is kept whole, and the agent is sent its head and tail with a note; and that what is over
// the limit of a recording is said to be lost.
func TestLongOutput(t *testing.T) {
	h := one(t, approval.Config{OutputToAgent: 1000, Recording: 50_000})
	id := h.propose("seq 1 5000")
	h.decide(ann, id, helpdesk.Execute)
	o := h.outcome(id)
	if !o.OK() || !o.Truncated || !strings.HasPrefix(o.Output, "1\n2\n") || !strings.HasSuffix(o.Output, "\n4999\n5000\n") || !strings.Contains(o.Output, "bytes left out …]") || len(o.Output) > 1100 {
		t.Errorf("the agent is sent %d bytes, truncated %t: %.40q … %q", len(o.Output), o.Truncated, o.Output, o.Output[max(0, len(o.Output)-40):])
	}
	if whole := recorded(t, h, h.runOf(id).ID); whole != strings.ReplaceAll(numbers(5000), "\n", "\r\n") {
		t.Errorf("%d bytes are kept", len(whole))
	}
	over := h.propose("seq 1 20000; echo done > done")
	h.decide(ann, over, helpdesk.Execute)
	if o = h.outcome(over); !o.OK() || !o.Truncated || !strings.Contains(o.Output, "kept up to 50000 bytes") || h.file("done") != "done\n" {
		t.Errorf("over the recording's limit: %+v", o)
	}
	if whole := recorded(t, h, h.runOf(over).ID); len(whole) != 50_000 {
		t.Errorf("%d bytes are kept of what is over the limit", len(whole))
	}
	// With a limit to the agent that is above the recording's it still is not the whole.
	h = one(t, approval.Config{Recording: 2000})
	if o := h.executed("seq 1 5000"); !o.Truncated || !strings.Contains(o.Output, "kept up to 2000 bytes") {
		t.Errorf("cut, and not left out: %+v", o)
	}
}

// Ensure that the outcome does not wait for a recording that is damaged, nor do other runs.
func TestLostRecording(t *testing.T) {
	h := one(t, approval.Config{})
	id := h.propose(waitFor("go") + "exit 4")
	h.decide(ann, id, helpdesk.Execute)
	r := h.begun(id)
	damage(t, h, r.ID)
	h.write("go")
	if o := h.outcome(id); *o.ExitCode != 4 || !o.Truncated || o.Output != "[The recorded output cannot be read.]\n" {
		t.Errorf("without its recording it ended %+v", o)
	}
	if o := h.executed("true"); !o.OK() {
		t.Errorf("the next: %+v", o)
	}
}

// Ensure that a run whose files cannot be written does not start, and its card says why.
func TestFilesThatCannotBeWritten(t *testing.T) {
	each(t, approval.Config{}, func(t *testing.T, h *house) {
		_, err := h.files.Write(h.ctx(), ann, h.ticket, "dir/file", []byte("x"), false)
		h.must(err)
		for name, c := range map[string]struct {
			files []helpdesk.ProposedFile
			words string
		}{
			"a directory":  {[]helpdesk.ProposedFile{{Path: "ok", Content: "1"}, {Path: "dir", Content: "2"}}, "dir"},
			"below a file": {[]helpdesk.ProposedFile{{Path: "dir/file/under", Content: "1"}}, "dir/file"},
		} {
			id := h.propose("echo ran > ran", withFiles(c.files...))
			h.decide(ann, id, helpdesk.Execute)
			x := h.becomes(id, helpdesk.SuggestionProposed)
			if !strings.HasPrefix(x.Note, "Not started: ") || !strings.Contains(x.Note, c.words) || x.Decided != nil || x.Run != "" {
				t.Errorf("%s: the card is %+v", name, x)
			}
			if h.counts("starts "+string(id)) != 1 || h.counts("ends "+string(id)) != 0 {
				t.Errorf("%s: the log says %q", name, h.log())
			}
		}
		if h.file("ran") != "" {
			t.Error("a command ran without its files")
		}
	})
}

// Ensure that a Workspace over its quota refuses a run's files.
func TestFilesOverQuota(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a Workspace")
	}
	h := one(t, approval.Config{})
	if o := h.executed("head -c 268435456 /dev/zero > big"); !o.OK() {
		t.Fatalf("filling the Workspace: %+v", o)
	}
	id := h.propose("echo ran > ran", withFiles(helpdesk.ProposedFile{Path: "more", Content: "x"}))
	h.decide(ann, id, helpdesk.Execute)
	if x := h.becomes(id, helpdesk.SuggestionProposed); !strings.Contains(x.Note, "The Workspace is full") {
		t.Errorf("the card says %q", x.Note)
	}
	if h.file("ran") != "" {
		t.Error("it ran")
	}
	// Tried again when there is room, it runs.
	h.must(h.files.Delete(h.ctx(), ann, h.ticket, "big"))
	h.decide(ann, id, helpdesk.Execute)
	if o := h.outcome(id); !o.OK() || h.file("more") != "x" {
		t.Errorf("with room: %+v", o)
	}
}
