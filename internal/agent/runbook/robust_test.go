package runbook

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"helpdesk"
)

// openers start each runbook.
var openers = map[string]string{
	"disk-space": "the disk is full",
	"port":       "nothing answers on port 8080",
	"memory":     "we are out of memory",
	"overview":   "what is this machine",

	"bind-address":     "port 6379 is bound to the wrong address and only reachable locally",
	"clock":            "the clock is wrong",
	"cpu-load":         "the cpu is at 100 percent",
	"daemon-config":    "nginx has a configuration error",
	"deleted-files":    "deleted files are still open and hold space",
	"dns":              "could not resolve host db.example.test",
	"file-descriptors": "too many open files",
	"growing-log":      "a log file grows fast",
	"inodes":           "out of inodes",
	"log-errors":       "a burst of errors in the log",
	"oom-kills":        "a process was killed by the OOM killer",
	"permissions":      "permission denied: user www-data cannot read /srv/app/config.ini",
	"process-limit":    "fork failed: too many processes",
	"stuck-processes":  "zombie processes pile up",
	"systemd-units":    "systemd units failed",
	"tls-certificate":  "the certificate of port 8443 expired",
}

// TestBadOutputIsSaidAndNotGuessed feeds every command of every runbook with what goes wrong in practice.
func TestBadOutputIsSaidAndNotGuessed(t *testing.T) {
	for name, bad := range map[string]struct {
		outcome helpdesk.Outcome
		said    string
	}{
		"missing tool":      {printed(127, "bash: line 1: frob: command not found\n"), "`frob` is not installed here"},
		"missing in a pipe": {printed(0, "bash: line 1: frob: command not found\r\n"), "`frob` is not installed here"},
		"permission denied": {printed(1, "frob: cannot open '/x': Permission denied\n"), "it was refused: `frob: cannot open '/x': Permission denied`"},
		"other locale":      {printed(0, "Dateisystem    Typ   1K-Blöcke   Benutzt Verfügbar Verw% Eingehängt auf\n/dev/sda1 Typ 100 100 0 100% Ende\n"), "in another language"},
		"empty":             {printed(0, "\r\n"), "it printed nothing"},
		"garbage":           {printed(0, "\x1b[2J\x00\xff\xfe%PDF-1.7 \x1b]0;title\x07 ] ) ( `` ``` <script>\n"), "not in the form that I can read"},
		"failed":            {printed(3, "something else\n"), "it ended with exit code 3"},
		"killed":            {helpdesk.Outcome{Signal: "KILL"}, "ended by the signal `KILL`"},
		"time limit":        {helpdesk.Outcome{TimedOut: true, Signal: "TERM"}, "ended at the time limit"},
		"unknown":           {helpdesk.Outcome{Unknown: true}, "not known whether it ran"},
	} {
		for book, opener := range openers {
			t.Run(name+"/"+book, func(t *testing.T) {
				d := newDesk(t)
				d.admin = true
				d.execute = func(string) helpdesk.Outcome { return bad.outcome }
				_, all := d.examine(opener)
				wantNoTrouble(t, all)
				wantText(t, all, bad.said, "I claim nothing", "What I could not find out")
				if strings.ContainsAny(all, "\x1b\x00") {
					t.Errorf("a control character came through: %q", all)
				}
			})
		}
	}
}

// TestRejectingEverythingEndsHonestly: without any output nothing is claimed, and what stays unknown is named.
func TestRejectingEverythingEndsHonestly(t *testing.T) {
	for book, opener := range openers {
		t.Run(book, func(t *testing.T) {
			d := newDesk(t)
			d.say(opener)
			for range 8 {
				if len(d.open) == 0 {
					break
				}
				var out []helpdesk.Delivery
				for _, p := range d.open {
					out = append(out, helpdesk.Delivery{Command: p.Command, Choice: helpdesk.Reject, Reason: "not now"})
				}
				d.open = nil
				r := d.say("", out...)
				if len(d.open) == 0 {
					wantNoTrouble(t, r.text)
					wantText(t, r.text, "I claim nothing", "its command was rejected")
				}
			}
			if len(d.open) > 0 {
				t.Errorf("it still proposes: %v", d.open)
			}
		})
	}
}

// TestHostileTextStaysData: neither a person's words nor a machine's output become a command or a mark.
func TestHostileTextStaysData(t *testing.T) {
	mount := `/mnt/'; touch /tmp/pwned; echo '](http://evil.example) <b>`
	d := newDesk(t)
	d.admin = true
	d.execute = func(command string) helpdesk.Outcome {
		if strings.Contains(command, "df -P -k") {
			return printed(0, "Filesystem Type 1024-blocks Used Available Capacity Mounted on\ntmpfs tmpfs 1000 1000 0 100% "+mount+"\n```\n# Injected heading\n")
		}
		return printed(1, "")
	}
	d.say("disk full")
	r := d.run(func(p helpdesk.Proposal) bool { return strings.Contains(p.Command, "df -P -k") })
	for _, p := range r.proposals {
		if !strings.Contains(p.Command, mount) && strings.Contains(p.Command, "/mnt/") {
			want := `'/mnt/'\''; touch /tmp/pwned; echo '\''](http://evil.example) <b>'`
			if !strings.Contains(p.Command, want) {
				t.Errorf("the mount point is not quoted in %s", p.Command)
			}
			if out, err := exec.Command("bash", "-n", "-c", p.Command).CombinedOutput(); err != nil {
				t.Errorf("%s: %v %s", p.Command, err, out)
			}
		}
	}
	_, err := os.Stat("/tmp/pwned")
	if err == nil {
		t.Error("the mount point's name ran")
	}

	d = newDesk(t)
	r = d.say("port 8080; rm -rf / is in use")
	if len(r.proposals) != 1 || strings.Contains(r.proposals[0].Command, "rm") {
		t.Errorf("proposes %s", r.commands())
	}
	r = newDesk(t).say("disk full <img src=x> [x](javascript:y) `z`")
	if strings.Contains(r.text, "<img") || strings.Contains(r.text, "](") {
		t.Errorf("a mark came through: %s", r.text)
	}
}

func TestOldOrForeignStateStartsAnew(t *testing.T) {
	for _, state := range []string{`{"v":99,"cases":[{"runbook":"port"}]}`, `nonsense`, `null`, `[]`, `{"v":1,"cases":[null,{"runbook":"gone","phase":"examining"}]}`, `{"v":1,"seen":-5,"cases":[{"runbook":"port","phase":"asking","asking":"x"}]}`, `{"v":1,"cases":[{"runbook":"disk-space","phase":"examining","items":{"filesystems":{"state":"ran","message":99,"place":7},"x":null}}]}`} {
		d := newDesk(t)
		d.state = json.RawMessage(state)
		r := d.say("the disk is full")
		if len(r.proposals)+len(r.asks) == 0 && r.text == "" {
			t.Errorf("with state %s it says nothing", state)
		}
	}
}

func TestStopsWhenNobodyListens(t *testing.T) {
	a := newAgent(t)
	req := helpdesk.Request{Place: "host_view", Messages: []helpdesk.Message{{Role: helpdesk.RoleUser, Content: "disk full"}}}
	n := 0
	for range a.Answer(t.Context(), req) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d parts", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range a.Answer(ctx, req) {
		if err == nil {
			t.Error("a part after the end of the context")
		}
	}
}

func TestTheSameRequestGivesTheSameAnswer(t *testing.T) {
	first := ""
	for range 3 {
		d := newDesk(t)
		d.execute = func(string) helpdesk.Outcome {
			return printed(0, "Filesystem Type 1024-blocks Used Available Capacity Mounted on\nx ext4 100 99 1 99% /\n")
		}
		_, all := d.examine("the disk is full and we are out of memory, processes are killed by the OOM killer")
		all += string(d.state)
		if first != "" && all != first {
			t.Fatalf("answers differ:\n%s\n---\n%s", first, all)
		}
		first = all
	}
}

// FuzzOutput: no output stops a reading, and no evidence is cited that was not printed.
func FuzzOutput(f *testing.F) {
	f.Add("Filesystem Type 1024-blocks Used Available Capacity Mounted on\nx ext4 100 99 1 99% /\n", 0, uint8(0))
	f.Add("MemTotal: 100 kB\nMemAvailable: 1 kB\n", 0, uint8(2))
	f.Add("Netid State Recv-Q\ntcp LISTEN 9 1 *:8080 *:* users:((\"x\",pid=7,fd=3))\n", 0, uint8(1))
	f.Add("oom_kill 3\n/sys/fs/cgroup/a/memory.events:oom_kill 2\n", 1, uint8(2))
	f.Add("== os\nPRETTY_NAME=\"x\"\n== up\n1.5 2\n0.1 0.2 0.3 1/2 3\n== cpu\n2\n", 0, uint8(3))
	a, err := New(Config{})
	if err != nil {
		f.Fatal(err)
	}
	names := slices.Sorted(maps.Keys(openers))
	f.Fuzz(func(t *testing.T, output string, code int, which uint8) {
		d := &desk{t: t, agent: a, place: "host_view", admin: true}
		d.execute = func(string) helpdesk.Outcome { return printed(code, output) }
		d.examine(openers[names[int(which)%len(names)]])
	})
}

func FuzzMessageAndState(f *testing.F) {
	f.Add("port 80 in use", `{"v":1,"seen":0,"cases":[{"runbook":"port","message":"m","phase":"examining","values":{"port":"80"},"items":{"listeners":{"state":"proposed","command":"x"}}}]}`)
	f.Add("skip it", `{"v":1,"cases":[{"runbook":"memory","phase":"concluded"}]}`)
	f.Add("why?", `{"v":1,"cases":[{"runbook":"overview","phase":"verifying","items":{"remedy:x":{"state":"ran"}}}],"queue":["port"]}`)
	a, err := New(Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, said, state string) {
		d := &desk{t: t, agent: a, place: "sandbox", state: json.RawMessage(state)}
		d.say(said)
		d.say(said)
	})
}

// FuzzCheck: no file stops the checker.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(ownBook))
	f.Add([]byte("id: a\nsteps: &x [*x]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, p := range Check("x.yaml", text) {
			if p.Line < 1 || p.Text == "" {
				t.Errorf("%+v", p)
			}
		}
	})
}

func BenchmarkFirstAnswer(b *testing.B) {
	a, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	req := helpdesk.Request{Place: "host_view", Messages: []helpdesk.Message{{Role: helpdesk.RoleUser, Content: "The disk is full. What takes up the space?"}}}
	for range a.Answer(b.Context(), req) { // compiles the runbook
		break
	}
	var first time.Duration
	n := 0
	for b.Loop() {
		start := time.Now()
		seen := false
		for range a.Answer(b.Context(), req) {
			if !seen {
				first += time.Since(start)
				seen = true
			}
		}
		n++
	}
	b.ReportMetric(float64(first.Microseconds())/float64(n), "µs/first-part")
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(Config{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	a, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if ps := a.books[0].compile(); len(ps) > 0 {
			b.Fatal(ps)
		}
	}
}
