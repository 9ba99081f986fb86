package config

import (
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWithoutAnythingSetTheDefaultsHold(t *testing.T) {
	c, err := Load(Source{Env: []string{"HOME=/home/ann"}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:8080" || c.Data != "/home/ann/.local/share/helpdesk" || c.Database != "" {
		t.Errorf("listen %q, data %q, database %q", c.Listen, c.Data, c.Database)
	}
	want := Limits{
		Message: 256 << 10, Suggestion: 64 << 10, SuggestionsPerReply: 50, File: 10 << 20, Reply: 50 << 20,
		Turn: 30 * time.Minute, Lease: 15 * time.Second, QueuedMessages: 20, TurnsPerDay: 200, Terminals: 20, Streams: 16,
		OutputToAgent: 32 << 10, Run: 10 * time.Minute, Approval: 24 * time.Hour,
		RecordingPerTerminal: 256e6, RecordingPerRun: 64e6, RecordingPerTenant: 10e9, Workspace: 256e6, WorkspaceFiles: 10_000,
		Memory: 1 << 30, Processes: 512,
	}
	if diff := cmp.Diff(want, c.Limits); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
	if want := (UIDRange{600_000, 665_535}); c.UIDs != want {
		t.Errorf("uids %v, want %v", c.UIDs, want)
	}
	if !c.Loopback() || !c.AdminTerminal() {
		t.Errorf("loopback %v, admin terminal %v; want both", c.Loopback(), c.AdminTerminal())
	}
}

func TestTheDataDirectoryDependsOnWhoStarts(t *testing.T) {
	for _, tt := range []struct {
		src  Source
		want string
	}{
		{Source{Root: true, Env: []string{"HOME=/root"}}, "/var/lib/helpdesk"},
		{Source{Env: []string{"HOME=/home/ann", "XDG_DATA_HOME=/srv/ann"}}, "/srv/ann/helpdesk"},
		{Source{Env: []string{"HOME=/home/ann", "XDG_DATA_HOME=not/absolute"}}, "/home/ann/.local/share/helpdesk"},
		{Source{Root: true, Env: []string{"HELPDESK_DATA=/data"}}, "/data"},
	} {
		c, err := Load(tt.src)
		if err != nil {
			t.Fatal(err)
		}
		if c.Data != tt.want {
			t.Errorf("%v: data %q, want %q", tt.src, c.Data, tt.want)
		}
	}
	if _, err := Load(Source{}); err == nil || !strings.Contains(err.Error(), "set HELPDESK_DATA") {
		t.Errorf("without a home: %v; want to be told to set HELPDESK_DATA", err)
	}
}

// A flag wins over the environment, that over the file, that over the default; and each value knows where it is from.
func TestPrecedence(t *testing.T) {
	file := write(t, "listen: 127.0.0.1:1\ndata: /from/file\nlog:\n  level: debug\nlimits:\n  run: 20m\n")
	c, err := Load(Source{
		Flags: map[string]string{"config": file, "listen": "127.0.0.1:3"},
		Env:   []string{"HELPDESK_LISTEN=127.0.0.1:2", "HELPDESK_DATA=/from/env", "HELPDESK_LOG_FORMAT="},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{"listen": c.Listen, "data": c.Data, "log.level": c.Log.Level.String(), "limits.run": c.Limits.Run.String(), "log.format": string(c.Log.Format)}
	want := map[string]string{"listen": "127.0.0.1:3", "data": "/from/env", "log.level": slog.LevelDebug.String(), "limits.run": "20m0s", "log.format": "text"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	for key := range got {
		got[key] = strings.TrimPrefix(c.Origin(key), file)
	}
	want = map[string]string{"listen": "--listen", "data": "HELPDESK_DATA", "log.level": ":4", "limits.run": ":6", "log.format": "default"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("origins (-want +got):\n%s", diff)
	}
}

func TestTheFileIsRead(t *testing.T) {
	file := write(t, `# how the team's desk is set up
listen: "0.0.0.0:8443"   # behind the proxy
public_url: https://help.example.com
trusted_proxies: [10.1.2.3/8, 192.0.2.7]
hosts:
  - helpdesk.internal
  - desk
admin:
  token: 12345678901234567890
  terminal: on
limits: {file: 5 MB, streams: 4}
tls:
`)
	c, err := Load(Source{Root: true, Env: []string{"HELPDESK_CONFIG=" + file}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "0.0.0.0:8443" || c.Admin.Token.Reveal() != "12345678901234567890" || c.Limits.File != 5e6 || c.Limits.Streams != 4 {
		t.Errorf("got %+v", c)
	}
	wantProxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32")}
	if diff := cmp.Diff(wantProxies, c.TrustedProxies, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"helpdesk.internal", "desk", "help.example.com"}, c.HostNames()); diff != "" {
		t.Error(diff)
	}
	if c.Loopback() || !c.AdminTerminal() {
		t.Errorf("loopback %v, admin terminal %v", c.Loopback(), c.AdminTerminal())
	}
}

func TestLinksLeadToTheServer(t *testing.T) {
	for _, tt := range []struct {
		set, listening, base, local string
		secure                      bool
	}{
		{"", "127.0.0.1:8080", "http://127.0.0.1:8080", "http://127.0.0.1:8080", false},
		{"HELPDESK_PUBLIC_URL=https://help.example.com/", "127.0.0.1:8080", "https://help.example.com", "http://127.0.0.1:8080", true},
		{"HELPDESK_LISTEN=0.0.0.0:80 HELPDESK_TRUSTED_PROXIES=10.0.0.1 HELPDESK_PUBLIC_URL=https://h.example", "[::]:80", "https://h.example", "http://localhost:80", true},
	} {
		c, err := Load(Source{Root: true, Env: strings.Fields(tt.set)})
		if err != nil {
			t.Fatal(err)
		}
		if base, local := c.BaseURL(tt.listening), c.LocalURL(tt.listening); base != tt.base || local != tt.local || c.Secure() != tt.secure {
			t.Errorf("%s: base %s, local %s, secure %v; want %s, %s, %v", tt.set, base, local, c.Secure(), tt.base, tt.local, tt.secure)
		}
	}
}

// The server is given what the launcher has read, every kind of setting, and reads no file.
func TestAnEnvironmentMakesTheSameConfig(t *testing.T) {
	cert := write(t, "")
	file := write(t, `
listen: 0.0.0.0:8443
public_url: https://help.example.com
trusted_proxies: [10.0.0.0/8, "::1"]
hosts: [a, b.example]
database: postgres://u:p%40ss@h/d?sslmode=require
tls: {cert: `+cert+`, key: `+cert+`}
admin: {token: 12345678901234567890, terminal: off}
host_view: {homes: yes, sockets: [/run/a, /run/b]}
log: {level: warn, format: json}
limits: {run: 90m, message: 1500, streams: 3}
uids: 700000-700100
`)
	first, err := Load(Source{Root: true, Flags: map[string]string{"config": file, "data": "/srv/data"}, Env: []string{"HELPDESK_LIMITS_LEASE=20s"}})
	if err != nil {
		t.Fatal(err)
	}
	second, err := Load(Source{Env: append([]string{"HOME=/nowhere"}, first.Environ()...)})
	if err != nil {
		t.Fatal(err)
	}
	if got := first.SecretFiles(); len(got) == 0 || !strings.HasSuffix(got[0], "/helpdesk.yaml") {
		t.Errorf("the files that hold its secrets: %q", got)
	}
	second.origin = first.origin
	if diff := cmp.Diff(first, second, cmp.AllowUnexported(Config{}), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("the second is another (-first +second):\n%s", diff)
	}
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	file := write(t, "lisen: 127.0.0.1:80\nlimits:\n  message: lots\n  nonsense: 1\nlog: [a, {b: c}]\n")
	_, err := Load(Source{
		Root: true, Flags: map[string]string{"config": file, "limits.run": "1000h"},
		Env: []string{"HELPDESK_DATABSE=x", "HELPDESK_LIMITS_STREAMS=many", "HELPDESK_SERVICE_HOST=10.0.0.1", "HELPDESK_PORT_8080_TCP=x", "HELPDESK_PORT=tcp://x"},
	})
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatalf("got %v, want Faults", err)
	}
	text := strings.ReplaceAll(err.Error(), file, "FILE")
	for _, want := range []string{
		`FILE:1: there is no setting "lisen"; did you mean listen?`,
		`FILE:3: limits.message: "lots" is not a size`,
		`FILE:4: there is no setting "limits.nonsense"; see`,
		`FILE:5: log: write one plain value`,
		`FILE:5: "log" is a group of settings`,
		`HELPDESK_DATABSE: there is no such setting; did you mean HELPDESK_DATABASE?`,
		`HELPDESK_LIMITS_STREAMS: limits.streams: "many" is not a whole number`,
		`--limits.run: limits.run: 1000h is out of range; give a value from 1s to 24h`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if strings.Contains(text, "PORT") || strings.Contains(text, "SERVICE") {
		t.Error("what Kubernetes sets was taken for a slip")
	}
	t.Log(text)
}

func TestRulesOverSeveralSettings(t *testing.T) {
	for _, tt := range []struct{ set, want string }{
		{"HELPDESK_LISTEN=0.0.0.0:80", "reachable from other machines"},
		{"HELPDESK_LISTEN=:80", "reachable from other machines"},
		{"HELPDESK_LISTEN=[::]:80", "reachable from other machines"},
		{"HELPDESK_LISTEN=desk.example.com:80", "reachable from other machines"},
		{"HELPDESK_LISTEN=0.0.0.0:80 HELPDESK_TRUSTED_PROXIES=10.0.0.0/8 HELPDESK_PUBLIC_URL=https://help.example.com", ""},
		{"HELPDESK_LISTEN=0.0.0.0:80 HELPDESK_TRUSTED_PROXIES=10.0.0.0/8", "only under a name it knows"},
		{"HELPDESK_LISTEN=0.0.0.0:80 HELPDESK_TRUSTED_PROXIES=10.0.0.0/8 HELPDESK_PUBLIC_URL=http://help.example.com", "only under a name it knows"},
		{"HELPDESK_LISTEN=[::1]:80", ""},
		{"HELPDESK_LISTEN=localhost:0", ""},
		{"HELPDESK_LISTEN=127.9.9.9:0", ""},
		{"HELPDESK_LISTEN=80", "is not an address"},
		{"HELPDESK_LISTEN=127.0.0.1:http", "is not a port"},
		{"HELPDESK_LISTEN=127.0.0.1:70000", "is not a port"},
		{"HELPDESK_DATA=here", "begin it with /"},
		{"HELPDESK_TLS_CERT=/c.pem", "belong together"},
		{"HELPDESK_TLS_CERT=/nowhere/c.pem HELPDESK_TLS_KEY=/nowhere/k.pem", "cannot be read"},
		{"HELPDESK_PUBLIC_URL=help.example.com", "write https://name"},
		{"HELPDESK_PUBLIC_URL=https://example.com/help", "needs a host name of its own"},
		{"HELPDESK_PUBLIC_URL=https://example.com/", ""},
		{"HELPDESK_HOSTS=a.example,b_c,x:80", `"x:80" is not a host name`},
		{"HELPDESK_ADMIN_TOKEN=short", "at least 20"},
		{"HELPDESK_ADMIN_TERMINAL=maybe", "write one of auto, on, off"},
		{"HELPDESK_KEY=abc", "32 random bytes"},
		{"HELPDESK_KEY=" + strings.Repeat("ab", 32), ""},
		{"HELPDESK_KEY=" + strings.Repeat("ab", 32) + " HELPDESK_KEY_FILE=/k", "keep one of them"},
		{"HELPDESK_DATABASE=mysql://u:hunter2@h/d", "postgres://host"},
		{"HELPDESK_DATABASE=postgres://u:hunter2@h/d", ""},
		{"HELPDESK_DATABASE=postgres:///d?host=/run/postgresql", ""},
		{"HELPDESK_NATS=nats://h:4222", ""},
		{"HELPDESK_UIDS=1-5", "reaches into the users of the system"},
		{"HELPDESK_UIDS=70000-60000", "write the smaller number first"},
		{"HELPDESK_LIMITS_REPLY=1MiB", "limits.reply"},
		{"HELPDESK_HOST_VIEW_SOCKETS=run/dbus", "host_view.sockets"},
		{"HELPDESK_HOST_VIEW_HOMES=perhaps", "neither yes nor no"},
		{"HELPDESK_LIMITS_WORKSPACE=5MiB", "limits.workspace"},
		{"HELPDESK_LIMITS_RECORDING_PER_TENANT=20MiB", "limits.recording_per_tenant"},
		{"HELPDESK_CONFIG=/nowhere/helpdesk.yaml", "cannot be read"},
	} {
		_, err := Load(Source{Root: true, Env: strings.Fields(tt.set)})
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v; want no fault", tt.set, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v; want a fault with %q", tt.set, err, tt.want)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: the fault shows the password: %v", tt.set, err)
		}
	}
}

// Every fault there is is told at once: a setting that cannot be read hides only the rules that need it.
func TestUnreadableSettingsHideNoOthers(t *testing.T) {
	_, err := Load(Source{Root: true, Env: []string{
		"HELPDESK_LISTEN=0.0.0.0:80", "HELPDESK_TRUSTED_PROXIES=x", "HELPDESK_LIMITS_RUN=soon", "HELPDESK_LIMITS_FILE=big", "HELPDESK_LIMITS_REPLY=64KiB",
		"HELPDESK_ADMIN_TOKEN=short", "HELPDESK_DATABASE=mysql://h", "HELPDESK_TLS_KEY=/k", "HELPDESK_FOO=bar",
	}})
	if err == nil {
		t.Fatal("no fault")
	}
	for _, want := range []string{
		"HELPDESK_TRUSTED_PROXIES: ", "HELPDESK_LIMITS_RUN: ", "HELPDESK_LIMITS_FILE: ", "HELPDESK_ADMIN_TOKEN: ", "HELPDESK_DATABASE: ", "belong together",
		"HELPDESK_PUBLIC_URL: public_url: people reach", // where it can be set, not where its default comes from
		"HELPDESK_FOO: there is no such setting; remove it",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
	for _, bad := range []string{"reachable from other machines, and passwords", "limits.reply: a reply"} {
		if strings.Contains(err.Error(), bad) {
			t.Errorf("%v\nsays %q, which needs a setting that cannot be read", err, bad)
		}
	}
}

func TestDamagedFilesAreRefused(t *testing.T) {
	for _, text := range []string{
		"listen: [", "- a\n", "just text", "listen: *x\n", "listen: !!binary aGk=\n", "listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n",
		"---\nlisten: 127.0.0.1:1\n---\ndata: /x\n", "limits:\n  - 3\n", "listen:\n\t127.0.0.1:80\n",
	} {
		if _, err := Load(Source{Root: true, Flags: map[string]string{"config": write(t, text)}}); err == nil {
			t.Errorf("%q was accepted", text)
		} else {
			t.Logf("%q: %v", text, err)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add("listen: 127.0.0.1:80\nlimits: {file: 1MB}\nhosts: [a, b]\n")
	f.Add("? [a]\n: b\n<<: *c\n")
	f.Add("a: |\n  b\nc: >-\n  d\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := parseFile("f", []byte(text))
		for _, e := range c.entries {
			if e.where == "" {
				t.Errorf("the value of %q does not know its place", e.key)
			}
		}
	})
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "helpdesk.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
