package shell

import (
	"os"
	"strings"
	"testing"

	"helpdesk"
)

// TestRate reads testdata/cases.txt: a heading line per risk, then one command a line.
func TestRate(t *testing.T) {
	text, err := os.ReadFile("testdata/cases.txt")
	if err != nil {
		t.Fatal(err)
	}
	var want helpdesk.Risk
	n := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if r, ok := strings.CutPrefix(line, "== "); ok {
			want = helpdesk.Risk(r)
			continue
		}
		if line == "" || strings.HasPrefix(line, "## ") {
			continue
		}
		command := strings.NewReplacer(`\n`, "\n", `\\`, `\`).Replace(line)
		n++
		if got := Judge(command); got.Risk != want {
			t.Errorf("%s\n\tis rated %s (%s), want %s", command, got.Risk, got.Because, want)
		} else if (got.Because == "") != (want == helpdesk.RiskReads) {
			t.Errorf("%s\n\tis rated %s with the reason %q", command, got.Risk, got.Because)
		}
	}
	if n < 200 {
		t.Errorf("%d cases; the list has shrunk", n)
	}
}

func TestWorse(t *testing.T) {
	r, c, d := helpdesk.RiskReads, helpdesk.RiskChanges, helpdesk.RiskDestructive
	for _, x := range []struct{ a, b, want helpdesk.Risk }{{r, r, r}, {r, c, c}, {c, r, c}, {d, r, d}, {r, d, d}, {"", r, c}, {r, "", c}, {"nonsense", d, d}} {
		if got := Worse(x.a, x.b); got != x.want {
			t.Errorf("Worse(%q, %q) = %q, want %q", x.a, x.b, got, x.want)
		}
	}
}

func TestTooLongIsAChange(t *testing.T) {
	if got := Rate("echo " + strings.Repeat("x", maxCommand)); got != helpdesk.RiskChanges {
		t.Errorf("a command over the limit is rated %s", got)
	}
	deep := "ls"
	for range maxNesting + 2 {
		deep = "bash -c '" + strings.ReplaceAll(deep, "'", `'\''`) + "'"
		if len(deep) > maxCommand {
			break
		}
	}
	if got := Rate(deep); got != helpdesk.RiskChanges {
		t.Errorf("a command nested too deep is rated %s", got)
	}
}

// FuzzRate holds the rules that need no table: no input stops the judge, and no surroundings make a
// destructive command look better.
func FuzzRate(f *testing.F) {
	text, err := os.ReadFile("testdata/cases.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f.Add(strings.TrimSuffix(line, "\n"))
	}
	f.Fuzz(func(t *testing.T, command string) {
		risk := Rate(command)
		if risk != helpdesk.ParseRisk(string(risk)) {
			t.Fatalf("%q is rated %q", command, risk)
		}
		for _, with := range []string{"rm -rf /srv\n" + command, "{ rm -rf /srv; }\n" + command} {
			if got := Rate(with); got == helpdesk.RiskReads {
				t.Fatalf("%q is rated %s", with, got)
			}
		}
	})
}

func BenchmarkRate(b *testing.B) {
	for b.Loop() {
		Rate("LC_ALL=C sudo du -x -k -d 2 -- /var 2>/dev/null | sort -rn | head -n 25")
	}
}
