package launch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helpdesk"
)

func TestSecretPrompts(t *testing.T) {
	for _, tail := range []string{
		"[sudo] password for bob: ", "Password:", "bob@host's password: ", "Enter passphrase for key '/x': ", "Enter PIN: ",
		"Verification code: ", "One-time password (OATH) for `bob': ", "Vault token> ", "\x1b[1mAPI key\x1b[0m: ", "\x1b]0;title\aPasswort: ",
		"lines before\r\nClient secret = ", "Enter MFA code: ",
	} {
		if !asksForSecret([]byte(tail)) {
			t.Errorf("%q was not taken for a prompt", tail)
		}
	}
	for _, tail := range []string{"", "bob@host:~$ ", "password changed\r\n$ ", "Password: \r\n$ ", "spinning: ", "cat password.txt", "Continue? [y/N] "} {
		if asksForSecret([]byte(tail)) {
			t.Errorf("%q was taken for a prompt", tail)
		}
	}
}

func FuzzSecretPrompt(f *testing.F) {
	f.Add([]byte("\x1b[1m[sudo] password for bob: \x1b[0m"))
	f.Fuzz(func(_ *testing.T, tail []byte) { asksForSecret(tail) })
}

func TestUIDsThatAreTaken(t *testing.T) {
	if err := checkUIDs(600000, 665535); err != nil {
		t.Errorf("the default range: %v", err)
	}
	for name, uids := range map[string][2]int{"below 1000": {500, 2000}, "one only": {700000, 700000}, "nobody": {65000, 66000}, "beyond": {1 << 30, 1 << 32}} {
		if err := checkUIDs(uids[0], uids[1]); err == nil {
			t.Errorf("%s: %v was accepted", name, uids)
		}
	}
}

func TestDataDirectoriesThatAreRefused(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: only then does the directory change hands")
	}
	open := t.TempDir()
	if err := os.Chmod(filepath.Dir(open), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Run("somebody else's", func(t *testing.T) {
		if err := os.WriteFile(filepath.Join(open, "precious"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := New(Config{Data: open})
		if helpdesk.KindOf(err) != helpdesk.Unavailable || !strings.Contains(helpdesk.PublicText(err), open) {
			t.Errorf("%v", err)
		}
		if info, err := os.Stat(open); err != nil || passable(filepath.Join(open, "x")) == false && info.Mode().Perm()&1 == 0 {
			t.Errorf("it was changed: %v %v", info, err)
		}
	})
	t.Run("transcripts planted by the server", func(t *testing.T) {
		data := filepath.Join(open, "data")
		if err := os.Mkdir(data, 0o711); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(data, 600000, 600000); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/etc", filepath.Join(data, transcriptsDir)); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Config{Data: data}); helpdesk.KindOf(err) != helpdesk.Unavailable {
			t.Errorf("a link in its place: %v", err)
		}
		if err := os.Remove(filepath.Join(data, transcriptsDir)); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(data, transcriptsDir), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(filepath.Join(data, transcriptsDir), 600000, 600000); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Config{Data: data}); helpdesk.KindOf(err) != helpdesk.Unavailable {
			t.Errorf("the server's directory in its place: %v", err)
		}
	})
	t.Run("a file", func(t *testing.T) {
		file := filepath.Join(open, "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Config{Data: file}); helpdesk.KindOf(err) != helpdesk.Unavailable {
			t.Errorf("%v", err)
		}
	})
}
