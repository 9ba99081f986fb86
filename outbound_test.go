package helpdesk_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"helpdesk"
)

func TestDestinationsHaveOneSpelling(t *testing.T) {
	for text, want := range map[string]helpdesk.Destination{
		"API.Example.com:443":         "api.example.com:443",
		" git.example.com.:22 ":       "git.example.com:22",
		"git:22":                      "git:22",
		"_x.xn--bcher-kva.de:80":      "_x.xn--bcher-kva.de:80",
		"192.0.2.7:8080":              "192.0.2.7:8080",
		"[2001:DB8:0::1]:443":         "[2001:db8::1]:443",
		"[::ffff:192.0.2.7]:443":      "192.0.2.7:443",
		"127.0.0.1:5432":              "127.0.0.1:5432",
		"169.254.169.254:80":          "169.254.169.254:80", // by its address, so it is meant
		"[fe80::1]:80":                "[fe80::1]:80",
		"1password.com:443":           "1password.com:443",
		"a.b.c.d.e.example.com:65535": "a.b.c.d.e.example.com:65535",
	} {
		got, err := helpdesk.ParseDestination(text)
		if got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
		if again, err := helpdesk.ParseDestination(string(got)); again != got || err != nil {
			t.Errorf("%q read again: %q, %v", got, again, err)
		}
	}
	d := helpdesk.Destination("[2001:db8::1]:443")
	if a, ok := d.Address(); d.Host() != "2001:db8::1" || d.Port() != 443 || !ok || a.Port() != 443 {
		t.Errorf("the parts of %s: %s, %d, %v", d, d.Host(), d.Port(), a)
	}
	if _, ok := helpdesk.Destination("git:22").Address(); ok {
		t.Error("a name has an address")
	}
}

func TestWhatIsNoDestination(t *testing.T) {
	for _, text := range []string{
		"", ":443", "example.com", "example.com:", "example.com:0", "example.com:65536", "example.com:+80", "example.com:080", "example.com:http",
		"*.example.com:443", "https://example.com:443", "example.com/x:443", "user@example.com:443", "ex ample.com:443", "exa\x00mple.com:443",
		"-a.com:1", "a-.com:1", "a..com:1", ".a.com:1", strings.Repeat("a", 64) + ".com:1", strings.Repeat("a.", 130) + "com:1", "bücher.de:443",
		"localhost:80", "LOCALHOST.:80", "x.localhost:80", "0.0.0.0:80", "[::]:80", "224.0.0.1:80", "[ff02::1]:80", "255.255.255.255:80",
		"[fe80::1%eth0]:80", "2130706433:80", "0x7f000001:80", "127.1:80", "0177.0.0.1:80", "1.2.3.0x4:80", "2001:db8::1:443", "[example.com]x:80",
		strings.Repeat("x", 301),
	} {
		if got, err := helpdesk.ParseDestination(text); err == nil || helpdesk.KindOf(err) == helpdesk.Internal {
			t.Errorf("%q was read as %q, %v", text, got, err)
		}
	}
}

func TestAListOfDestinations(t *testing.T) {
	got, err := helpdesk.ParseDestinations([]string{"b.example:1", "a.example:1", "B.example:1"})
	if err != nil || !slices.Equal(got, []helpdesk.Destination{"b.example:1", "a.example:1"}) {
		t.Errorf("%v, %v", got, err)
	}
	var many []string
	for n := range helpdesk.MostDestinations {
		many = append(many, fmt.Sprintf("h%d.example:443", n))
	}
	if got, err := helpdesk.ParseDestinations(many); err != nil || len(got) != helpdesk.MostDestinations {
		t.Errorf("the limit itself: %d, %v", len(got), err)
	}
	if _, err := helpdesk.ParseDestinations(append(many, "one.more:443")); helpdesk.KindOf(err) != helpdesk.TooMany {
		t.Errorf("one more: %v", err)
	}
}

func FuzzParseDestination(f *testing.F) {
	for _, seed := range []string{"a.example:443", "[::1]:80", "0x7f.1:80", "[::ffff:1.2.3.4]:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := helpdesk.ParseDestination(text)
		if err != nil {
			return
		}
		if again, err := helpdesk.ParseDestination(string(d)); again != d || err != nil {
			t.Errorf("%q became %q, and that %q, %v", text, d, again, err)
		}
		if d.Host() == "" || d.Port() == 0 {
			t.Errorf("%q has the host %q and the port %d", d, d.Host(), d.Port())
		}
	})
}
