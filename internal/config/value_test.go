package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// Whatever is done with a Config, what is secret in it is not shown.
func TestSecretsAreNotShown(t *testing.T) {
	key := strings.Repeat("5e", KeySize)
	c, err := Load(Source{Root: true, Env: []string{
		"HELPDESK_ADMIN_TOKEN=hunter2-hunter2-hunter2", "HELPDESK_DATABASE=postgres://desk:hunter2@db/desk?sslpassword=hunter2", "HELPDESK_KEY=" + key,
	}})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "config", c, "token", c.Admin.Token)
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "config", c, "token", c.Admin.Token)
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	shown := log.String() + string(encoded) + fmt.Sprintf("%v %+v %#v %s %q %v", c, c, c, c.Admin.Token, c.Database, c.Settings())
	for _, secret := range []string{"hunter2", key} {
		if strings.Contains(shown, secret) {
			t.Errorf("%s is shown in\n%s", secret, shown)
		}
	}
	if !strings.Contains(shown, "postgres://desk:xxxxx@db/desk") {
		t.Error("the address of the database, which helps to find a fault, is not shown")
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "4096": 4096, "1KiB": 1024, " 1 kib ": 1024, "10MB": 10e6, "3 GiB": 3 << 30, "1PiB": 1 << 50, "7B": 7,
	} {
		got, err := ParseSize(text)
		if err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", text, got, err, want)
			continue
		}
		if again, err := ParseSize(got.String()); err != nil || again != got {
			t.Errorf("%q is shown as %s, which is read as %d, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "MB", "-1", "1.5MB", "9999999999999GB", "1XB", "1e3"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d; want an error", text, got)
		}
	}
}

func FuzzSize(f *testing.F) {
	f.Add("256KiB")
	f.Add("10 MB")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseSize(text)
		if err != nil {
			return
		}
		if again, err := ParseSize(got.String()); err != nil || again != got || got < 0 {
			t.Errorf("%q is %d, shown as %s, read again as %d, %v", text, got, got, again, err)
		}
	})
}
