package secret

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"helpdesk"
)

func testKey(t testing.TB, b byte) Key {
	t.Helper()
	k, err := NewKey(bytes.Repeat([]byte{b}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestWhatIsSealedOpensOnlyWithItsKeyInItsPlace(t *testing.T) {
	k := testKey(t, 1)
	sealed, err := k.Seal("hush", "variable/a/TOKEN")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(sealed, "hush") || !strings.HasPrefix(sealed, version) {
		t.Errorf("sealed: %s", sealed)
	}
	if got, err := k.Open(sealed, "variable/a/TOKEN"); err != nil || got != "hush" {
		t.Errorf("opened: %q, %v", got, err)
	}
	again, err := k.Seal("hush", "variable/a/TOKEN")
	if err != nil || again == sealed {
		t.Errorf("the same text is sealed alike twice: %v", err)
	}
	for name, open := range map[string]func() (string, error){
		"another key":     func() (string, error) { return testKey(t, 2).Open(sealed, "variable/a/TOKEN") },
		"another place":   func() (string, error) { return k.Open(sealed, "variable/b/TOKEN") },
		"another version": func() (string, error) { return k.Open("v2."+sealed[len(version):], "variable/a/TOKEN") },
		"cut":             func() (string, error) { return k.Open(sealed[:len(sealed)-4], "variable/a/TOKEN") },
		"nothing":         func() (string, error) { return k.Open("", "variable/a/TOKEN") },
	} {
		got, err := open()
		if helpdesk.KindOf(err) != helpdesk.Unavailable || got != "" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// sealedOnce was sealed by the first version; it stays as it is.
const sealedOnce = "v1.F12sFlHsEwd3t537+3LOPu7fcWsz2dKCPI+2rxcEW/aLj9GhcSTXUtj6+Gd2RSGbgvTiYgWT6tPUG1aH15M+JfXNMVZW"

// What version 1 sealed opens for ever.
func TestVersion1(t *testing.T) {
	if got, err := testKey(t, 7).Open(sealedOnce, "golden"); err != nil || got != "It stays readable: ü" {
		t.Errorf("opened: %q, %v", got, err)
	}
}

func TestAKeyIsNeverShown(t *testing.T) {
	k := testKey(t, 'K')
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, k); strings.Contains(text, "75") || strings.Contains(text, "KK") || strings.Contains(text, "0x4b") {
			t.Errorf("%s shows %s", format, text)
		}
	}
	if _, err := NewKey(make([]byte, 16)); err == nil {
		t.Error("a short key is taken")
	}
	if _, err := (Key{}).Seal("x", ""); err == nil {
		t.Error("the zero key seals")
	}
}

func FuzzOpen(f *testing.F) {
	k := testKey(f, 7)
	for _, s := range []string{sealedOnce, "", "v1.", "v1.AAAA", sealedOnce[:20], sealedOnce + "A", sealedOnce[:20] + "\n" + sealedOnce[20:], strings.Repeat("A", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sealed string) {
		if text, err := k.Open(sealed, "golden"); err == nil && sealed != sealedOnce {
			t.Errorf("%q opens to %q", sealed, text)
		}
	})
}
