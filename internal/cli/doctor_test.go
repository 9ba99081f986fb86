package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helpdesk/internal/config"
	"helpdesk/internal/datadir"
	"helpdesk/internal/store/storetest"
)

// Of the switches that keep users from having namespaces the one that is off is named.
func TestTheRemedyNamesTheSwitch(t *testing.T) {
	for file, want := range map[string]string{
		"/proc/sys/kernel/unprivileged_userns_clone 0":             "kernel.unprivileged_userns_clone=1",
		"/proc/sys/user/max_user_namespaces 0":                     "user.max_user_namespaces=15000",
		"/proc/sys/kernel/apparmor_restrict_unprivileged_userns 1": "AppArmor profile",
		"/proc/sys/kernel/apparmor_restrict_unprivileged_userns 0": "In Docker",
		"/proc/sys/kernel/unprivileged_userns_clone 1":             "In Docker",
	} {
		name, value, _ := strings.Cut(file, " ")
		got := namespaceRemedy(func(path string) ([]byte, error) {
			if path != name {
				return nil, fs.ErrNotExist
			}
			return []byte(value + "\n"), nil
		})
		if !strings.Contains(got, want) {
			t.Errorf("%s: %q; want %q", file, got, want)
		}
	}
}

func TestTheDoctorAsksTheRunningServer(t *testing.T) {
	ready, url := serve(t, map[string]string{"GET /readyz": "200 {}"})
	cfg := config.Config{Data: t.TempDir(), Listen: "127.0.0.1:0"}
	d, err := datadir.Open(datadir.Config{Path: cfg.Data, Version: "1.2", Format: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if f := checkAddress(t.Context(), cfg); f.verdict != verdictWarn {
		t.Errorf("before it said where it listens: %+v", f)
	}
	if _, err := d.Announce(url, ""); err != nil {
		t.Fatal(err)
	}
	if f := checkAddress(t.Context(), cfg); f.verdict != verdictOK || !strings.Contains(f.text, "is ready") {
		t.Errorf("ready: %+v", f)
	}
	ready.give["GET /readyz"] = "500 {}"
	if f := checkAddress(t.Context(), cfg); f.verdict != verdictFail || f.remedy == "" {
		t.Errorf("not ready: %+v", f)
	}
	if f := checkData(t.Context(), cfg); f.verdict != verdictOK || !strings.Contains(f.text, "is in use by helpdesk 1.2 (process") {
		t.Errorf("held: %+v", f)
	}
}

// What root can read and the server, another user, cannot is told before the server fails over it.
func TestTheDoctorReadsAsTheServerWould(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root starts the server as another user")
	}
	dir, err := os.MkdirTemp("", "doctor") // t.TempDir lies below a directory that is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	key := filepath.Join(dir, "tls-key.pem")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(key, []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	p, cfg := Program{Root: true}, config.Config{UIDs: config.UIDRange{First: 600000, Last: 600010}, KeyFile: key}
	if f := p.checkConfig(t.Context(), cfg); f.verdict != verdictFail || !strings.Contains(f.text, key+" cannot be read by user 600000") || !strings.Contains(f.remedy, "chown 600000 "+key) {
		t.Errorf("root's alone: %+v", f)
	}
	if err := os.Chown(key, 600000, 0); err != nil {
		t.Skip("this user is not available here: ", err)
	}
	if f := p.checkConfig(t.Context(), cfg); f.verdict != verdictOK {
		t.Errorf("the server's: %+v", f)
	}
}

func TestTheDoctorAsksPostgreSQL(t *testing.T) {
	dsn := storetest.Postgres(t)
	if f := checkPostgres(t.Context(), dsn); f.verdict != verdictOK || !strings.Contains(f.text, "answers") {
		t.Errorf("got %+v", f)
	}
}

func TestErrorsDoNotShowThePassword(t *testing.T) {
	got := withoutPassword(errors.New("dial postgres://u:p%40ss@h: p@ss refused\n"), "postgres://u:p%40ss@h/d")
	if strings.Contains(got, "p@ss") || strings.Contains(got, "p%40ss") || strings.ContainsAny(got, "\n") {
		t.Errorf("got %q", got)
	}
}
