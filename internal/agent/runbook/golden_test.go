package runbook

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"helpdesk"
)

var update = flag.Bool("update", false, "write the answers of the stories in testdata/talk anew")

// TestTalk plays the stories of testdata/talk. Each is a txtar archive: its comment tells the story, "person"
// says what the person does, other files are outputs, and "agent" is what the agent answers, whole. The person's
// lines are
//
//	place sandbox        where commands run; host_view at first
//	admin                commands of scope admin can run
//	run WORDS : FILE N   the open command with WORDS in it ran, printed FILE and ended with exit code N
//	edit WORDS : NEW     the open command with WORDS is changed to NEW, and runs as the next run says
//	reject WORDS : WHY   it was rejected
//	say TEXT             sends a message with what was decided; TEXT may be empty
func TestTalk(t *testing.T) {
	files, err := filepath.Glob("testdata/talk/*.txtar")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d stories: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			story, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := playStory(t, story)
			for i := range story.Files {
				if f := &story.Files[i]; f.Name == "agent" {
					if *update {
						f.Data = []byte(got)
						if err := os.WriteFile(file, txtar.Format(story), 0o644); err != nil {
							t.Fatal(err)
						}
					} else if d := cmp.Diff(string(f.Data), got); d != "" {
						t.Errorf("the answers differ (-want +got); -update writes them:\n%s", d)
					}
					return
				}
			}
			t.Fatal("the story has no file agent")
		})
	}
}

func playStory(t *testing.T, story *txtar.Archive) string {
	files := map[string]string{}
	for _, f := range story.Files {
		files[f.Name] = string(f.Data)
	}
	d := newDesk(t)
	var due []helpdesk.Delivery
	edited := map[string]string{}
	var out strings.Builder
	take := func(words string) string {
		for i, p := range d.open {
			if strings.Contains(p.Command, words) {
				d.open = append(d.open[:i:i], d.open[i+1:]...)
				if e, ok := edited[p.Command]; ok {
					return e
				}
				return p.Command
			}
		}
		t.Fatalf("no open command holds %q; open are %v", words, d.open)
		return ""
	}
	for line := range strings.Lines(files["person"]) {
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		words, what, _ := strings.Cut(rest, " : ")
		switch verb {
		case "", "#":
		case "place":
			d.place = rest
		case "admin":
			d.admin = true
		case "edit":
			for _, p := range d.open {
				if strings.Contains(p.Command, words) {
					edited[p.Command] = what
				}
			}
		case "run":
			f := strings.Fields(what)
			text, ok := files[f[0]]
			if !ok && f[0] != "nothing" {
				t.Fatalf("no file %q", f[0])
			}
			code := 0
			if len(f) > 1 {
				code, _ = strconv.Atoi(f[1])
			}
			o := printed(code, text)
			due = append(due, helpdesk.Delivery{Command: take(words), Choice: helpdesk.Execute, Outcome: &o})
		case "reject":
			due = append(due, helpdesk.Delivery{Command: take(words), Choice: helpdesk.Reject, Reason: what})
		case "say":
			fmt.Fprintf(&out, ">>> %s\n", rest)
			out.WriteString(transcript(d.say(rest, due...)))
			due = nil
		default:
			t.Fatalf("the person cannot %q", verb)
		}
	}
	return out.String()
}

// transcript is a reply as text, for golden files.
func transcript(r reply) string {
	var b strings.Builder
	for _, a := range r.activities {
		fmt.Fprintf(&b, "(%s: %s → %s)\n", a.Name, a.Detail, a.Result)
	}
	for l := range strings.Lines(strings.TrimSpace(r.reasoning)) {
		fmt.Fprintf(&b, "(thinks: %s)\n", strings.TrimSpace(l))
	}
	if text := strings.TrimSpace(r.text); text != "" {
		b.WriteString(text + "\n")
	}
	for _, p := range r.proposals {
		fmt.Fprintf(&b, "$ %s\n    %s, %s. %s Expected: %s\n", p.Command, p.Scope, p.Risk, p.Purpose, p.Expected)
	}
	for _, a := range r.asks {
		fmt.Fprintf(&b, "? %s %q\n", a.Text, a.Choices)
	}
	for _, l := range r.links {
		fmt.Fprintf(&b, "→ %s (%s)\n", l.Description, l.URL)
	}
	for _, s := range r.plan {
		fmt.Fprintf(&b, "- [%s] %s\n", s.State, s.Title)
	}
	return b.String() + "\n"
}
