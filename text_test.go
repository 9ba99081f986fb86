package helpdesk_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"helpdesk"
)

func TestTitleFrom(t *testing.T) {
	for message, want := range map[string]string{
		"":                              "Untitled ticket",
		" \n\t\r\n ":                    "Untitled ticket",
		"The disk is full":              "The disk is full",
		"\n\n  The   disk\tis full \nx": "The disk is full",
		"The disk\r\nis full":           "The disk",
		"bell\a and \x1b[31mred":        "bell and [31mred",
		strings.Repeat("x", 80):         strings.Repeat("x", 80),
		strings.Repeat("x", 81):         strings.Repeat("x", 80) + "…",
		strings.Repeat("☃", 200):        strings.Repeat("☃", 80) + "…",
		strings.Repeat("word ", 40):     strings.TrimSpace(strings.Repeat("word ", 16)) + "…",
	} {
		if got := helpdesk.TitleFrom(message); got != want {
			t.Errorf("the title of %q is %q, want %q", message, got, want)
		}
	}
}

func TestCheckText(t *testing.T) {
	for text, want := range map[string]error{
		"":                       nil,
		"fine ☃\n":               nil,
		strings.Repeat("x", 100): nil,
		strings.Repeat("x", 101): &helpdesk.Error{Kind: helpdesk.TooLarge},
		"\xff":                   &helpdesk.Error{Kind: helpdesk.Invalid},
		"a\x00b":                 &helpdesk.Error{Kind: helpdesk.Invalid},
	} {
		err := helpdesk.CheckText("The message", text, 100)
		if (err == nil) != (want == nil) || err != nil && helpdesk.KindOf(err) != helpdesk.KindOf(want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
		if err != nil && !strings.HasPrefix(helpdesk.PublicText(err), "The message ") {
			t.Errorf("%q: the sentence does not say what: %q", text, helpdesk.PublicText(err))
		}
	}
}

func TestClipOutput(t *testing.T) {
	long := strings.Repeat("a", 1000) + strings.Repeat("z", 1000)
	for _, limit := range []int{2000, 2001} {
		if got, cut := helpdesk.ClipOutput(long, limit); cut || got != long {
			t.Errorf("what fits into %d was cut", limit)
		}
	}
	got, cut := helpdesk.ClipOutput(long, 264)
	if want := strings.Repeat("a", 100) + "\n[… 1800 bytes left out …]\n" + strings.Repeat("z", 100); !cut || got != want {
		t.Errorf("clipped to %q", got)
	}
}

// FuzzClipOutput: what is clipped fits, is UTF-8 if it was, begins and ends as the whole, and says what is missing.
func FuzzClipOutput(f *testing.F) {
	f.Add("short", 100)
	f.Add(strings.Repeat("☃", 100), 120)
	f.Add(strings.Repeat("\xff\x80", 100), 70)
	f.Add("x", 0)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if limit < 64 || limit > 1<<20 {
			return
		}
		got, cut := helpdesk.ClipOutput(text, limit)
		if len(got) > limit || cut != (len(text) > limit) || !cut && got != text {
			t.Fatalf("%d bytes of %d for a limit of %d, cut: %v", len(got), len(text), limit, cut)
		}
		if utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Fatalf("a character was cut in two: %q", got)
		}
		if !cut {
			return
		}
		head, rest, _ := strings.Cut(got, "\n[… ")
		if utf8.ValidString(text) && !strings.Contains(text, "[… ") {
			_, tail, ok := strings.Cut(rest, " bytes left out …]\n")
			if !ok || !strings.HasPrefix(text, head) || !strings.HasSuffix(text, tail) {
				t.Fatalf("%q is not the ends of %q", got, text)
			}
		}
	})
}

func TestTicketKeys(t *testing.T) {
	for text, want := range map[string]helpdesk.TicketKey{
		"HD-12": "HD-12", " hd-12\n": "HD-12", "A-1": "A-1", "A1B2-999999999999999999": "A1B2-999999999999999999",
		"": "", "HD": "", "HD-": "", "HD-0": "", "HD-01": "", "-1": "", "1A-1": "", "HD--1": "", "HD-1x": "", "HD 1": "", "ÄB-1": "", "HD-１": "",
		"ABCDEFGHIJK-1": "", "HD-1234567890123456789": "", "HD-1\nHD-2": "", "../HD-1": "",
	} {
		got, err := helpdesk.ParseTicketKey(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q is read as %q, %v; want %q", text, got, err, want)
		}
		if err != nil && helpdesk.KindOf(err) != helpdesk.NotFound {
			t.Errorf("%q: %v", text, err)
		}
	}
	if got := helpdesk.MakeTicketKey("HD", 7); got != "HD-7" {
		t.Errorf("made %s", got)
	}
	for p, want := range map[string]bool{"A": true, "HD2": true, "ABCDEFGHIJ": true, "": false, "hd": false, "2A": false, "A-B": false, "ABCDEFGHIJK": false, "A\n": false} {
		if helpdesk.ValidPrefix(p) != want {
			t.Errorf("prefix %q: %v", p, !want)
		}
	}
}

func FuzzParseTicketKey(f *testing.F) {
	for _, s := range []string{"HD-12", " a-1 ", "HD-0", "ı-1", "HD-18446744073709551616", "\xff-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := helpdesk.ParseTicketKey(text)
		if err != nil {
			if !utf8.ValidString(helpdesk.PublicText(err)) || len(helpdesk.PublicText(err)) > 300 {
				t.Fatalf("the sentence is %q", helpdesk.PublicText(err))
			}
			return
		}
		if again, err := helpdesk.ParseTicketKey(string(key)); again != key || err != nil {
			t.Fatalf("%q is read as %q, and that as %q, %v", text, key, again, err)
		}
		prefix, _, _ := strings.Cut(string(key), "-")
		if !helpdesk.ValidPrefix(prefix) || len(key) > 29 {
			t.Fatalf("%q is read as %q", text, key)
		}
	})
}

func TestScopes(t *testing.T) {
	for text, admin := range map[string]bool{"tenant": false, "admin": true, "container:web-1": false, "container:ns/pod/app:8080": false} {
		got, err := helpdesk.ParseScope(text)
		if err != nil || got.String() != text || got.Admin() != admin {
			t.Errorf("%q is read as %q, admin %v, %v", text, got, got.Admin(), err)
		}
		if want := strings.TrimPrefix(text, "container:"); got.Container() != "" && got.Container() != want {
			t.Errorf("%q names container %q", text, got.Container())
		}
	}
	for _, text := range []string{"", "Tenant", "admin:", "admin:x", "tenant:acme", "container", "container:", "container:a b", "container:a\nb", "container:a\x7f", "container:\xff", "container:\u202e", "container:" + strings.Repeat("x", 254), " admin", "host"} {
		got, err := helpdesk.ParseScope(text)
		if helpdesk.KindOf(err) != helpdesk.Invalid || err == nil || got != (helpdesk.Scope{}) {
			t.Errorf("%q is read as %q, %v", text, got, err)
		}
	}
	if z := (helpdesk.Scope{}); z.String() != "" || z.Admin() || z.Container() != "" {
		t.Errorf("the zero scope is %q", z)
	}
}

func FuzzParseScope(f *testing.F) {
	for _, s := range []string{"admin", "tenant", "container:web-1", "container:", "container::", "admin:x", "\xff", "container:\u0085"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := helpdesk.ParseScope(text)
		if err != nil {
			if s != (helpdesk.Scope{}) || !utf8.ValidString(helpdesk.PublicText(err)) {
				t.Fatalf("%q gives %q and %q", text, s, helpdesk.PublicText(err))
			}
			return
		}
		if s.String() != text || s.Admin() != (text == "admin") {
			t.Fatalf("%q is read as %q", text, s)
		}
	})
}

func TestStatusesAndRisks(t *testing.T) {
	for _, s := range []helpdesk.TicketStatus{helpdesk.TicketOpen, helpdesk.TicketInProgress, helpdesk.TicketClosed} {
		if got, err := helpdesk.ParseTicketStatus(string(s)); got != s || err != nil {
			t.Errorf("%s is read as %s, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "Open", "resolved"} {
		if _, err := helpdesk.ParseTicketStatus(s); helpdesk.KindOf(err) != helpdesk.Invalid {
			t.Errorf("%q was read as a status", s)
		}
	}
	for s, want := range map[string]helpdesk.Risk{"reads": helpdesk.RiskReads, "destructive": helpdesk.RiskDestructive, "changes": helpdesk.RiskChanges, "": helpdesk.RiskChanges, "READS": helpdesk.RiskChanges} {
		if got := helpdesk.ParseRisk(s); got != want {
			t.Errorf("risk %q is read as %s", s, got)
		}
	}
	zero, one := 0, 1
	for want, outcomes := range map[bool][]helpdesk.Outcome{
		true:  {{ExitCode: &zero}},
		false: {{}, {ExitCode: &one}, {ExitCode: &zero, Unknown: true}, {Signal: "KILL"}},
	} {
		for _, o := range outcomes {
			if o.OK() != want {
				t.Errorf("%+v is OK: %v", o, !want)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	secret := errors.New("dial tcp 10.0.0.7: password=hunter2")
	for _, err := range []error{secret, helpdesk.WithCause(helpdesk.Internal, secret, "It broke at 10.0.0.7."), io.EOF} {
		if text := helpdesk.PublicText(err); helpdesk.KindOf(err) != helpdesk.Internal || strings.Contains(text, "10.0.0.7") || text == "" {
			t.Errorf("of %v is shown %q", err, text)
		}
	}
	err := helpdesk.WithCause(helpdesk.Unavailable, secret, "The %s is away.", "database")
	if helpdesk.PublicText(err) != "The database is away." || !errors.Is(err, secret) || !strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v is shown as %q", err, helpdesk.PublicText(err))
	}
	wrapped := errors.Join(errors.New("close ticket HD-1"), helpdesk.Errorf(helpdesk.Conflict, "The ticket is deleted."))
	if helpdesk.KindOf(wrapped) != helpdesk.Conflict || helpdesk.PublicText(wrapped) != "The ticket is deleted." {
		t.Errorf("wrapped, it is %v: %q", helpdesk.KindOf(wrapped), helpdesk.PublicText(wrapped))
	}
	seen := map[string]bool{}
	for k := helpdesk.Internal; k <= helpdesk.Unavailable; k++ {
		seen[k.String()] = true
	}
	if len(seen) != 9 || helpdesk.Kind(-1).String() != "internal" || helpdesk.Kind(99).String() != "internal" {
		t.Errorf("the kinds are called %v", seen)
	}
}
