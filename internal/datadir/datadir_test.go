package datadir

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"helpdesk"
)

// TestMain lets this test program play another server: it holds the directory until its standard input ends.
func TestMain(m *testing.M) {
	if path := os.Getenv("HELPDESK_TEST_HOLD"); path != "" {
		d, err := Open(Config{Path: path, Version: "7.7", Format: 1})
		if err != nil {
			os.Stdout.WriteString(err.Error())
			os.Exit(1)
		}
		os.Stdout.WriteString("held\n")
		_, _ = os.Stdin.Read(make([]byte, 1))
		_ = d.Close()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestASecondServerIsToldWhoHoldsTheDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "data")
	other := exec.CommandContext(t.Context(), os.Args[0])
	other.Env = append(os.Environ(), "HELPDESK_TEST_HOLD="+path)
	stdin, err1 := other.StdinPipe()
	stdout, err2 := other.StdoutPipe()
	if err := errors.Join(err1, err2, other.Start()); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 64)
	if n, err := stdout.Read(line); err != nil || string(line[:n]) != "held\n" {
		t.Fatalf("the first server says %q, %v", line[:n], err)
	}

	_, err := Open(Config{Path: path, Version: "8.0", Format: 1})
	if err == nil || helpdesk.KindOf(err) != helpdesk.Conflict {
		t.Fatalf("the second server: %v; want a Conflict", err)
	}
	for _, want := range []string{path, "helpdesk 7.7", "process ", "Stop that one first"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
	if _, err := Open(Config{Path: path, Name: "/what/people/say", Version: "8.0", Format: 1}); err == nil || !strings.Contains(err.Error(), "The data directory /what/people/say is in use") {
		t.Errorf("by another name: %v", err)
	}
	holder, held, err := HeldBy(path)
	if err != nil || !held || holder.PID != other.Process.Pid || holder.Since.IsZero() {
		t.Errorf("held by %v, %v, %v; want process %d", holder, held, err, other.Process.Pid)
	}

	// Killed, it can clean nothing up, and the kernel lets go of the lock.
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait() // killed
	_ = stdin.Close()
	if _, held, err := HeldBy(path); held || err != nil {
		t.Errorf("after its end: held %v, %v", held, err)
	}
	d := open(t, Config{Path: path, Version: "8.0", Format: 1})
	if info, err := os.Stat(d.path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory is %v, %v; want it private", info.Mode(), err)
	}
}

func TestAnOldProgramLeavesNewerDataAlone(t *testing.T) {
	path := t.TempDir()
	closeIt(t, open(t, Config{Path: path, Version: "0.9.0", Format: 1}))
	closeIt(t, open(t, Config{Path: path, Version: "2.0.0", Format: 5}))
	closeIt(t, open(t, Config{Path: path, Version: "2.0.1", Format: 5})) // the same format, whatever the version
	before := read(t, filepath.Join(path, "format"))

	_, err := Open(Config{Path: path, Version: "1.0.0", Format: 4})
	if err == nil {
		t.Fatal("an old program opened newer data")
	}
	for _, want := range []string{"helpdesk 2.0.0 (format 5)", "helpdesk 1.0.0 (format 4)", "Start helpdesk 2.0.0 or newer"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
	if after := read(t, filepath.Join(path, "format")); after != before {
		t.Errorf("the format file was changed from %q to %q", before, after)
	}
	closeIt(t, open(t, Config{Path: path, Version: "2.0.0", Format: 5})) // and the lock is free again

	if err := os.WriteFile(filepath.Join(path, "format"), []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Path: path, Version: "2.0.0", Format: 5}); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged format file: %v", err)
	}
}

func TestTheLocalFileLeadsToTheServerAndEndsWithIt(t *testing.T) {
	path := t.TempDir()
	if _, err := ReadLocal(path); err == nil || !strings.Contains(err.Error(), "No server is running") {
		t.Errorf("without a server: %v", err)
	}
	d := open(t, Config{Path: path, Version: "1", Format: 1})
	said, err := d.Announce("http://127.0.0.1:8080", "")
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadLocal(path)
	if err != nil || got != said || !strings.HasPrefix(got.Token, "hd_") || len(got.Token) < 40 {
		t.Errorf("read %v, %v; want %v", got, err, said)
	}
	if info, err := os.Stat(d.Join(localFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v; want it private", info.Mode(), err)
	}
	if again, err := d.Announce("http://127.0.0.1:8080", ""); err != nil || again.Token == said.Token {
		t.Errorf("a second start announces the same token (%v)", err)
	}
	closeIt(t, d)
	if _, err := ReadLocal(path); err == nil {
		t.Error("the token is still there after the end")
	}
}

func TestTheSecretKeyIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret.key")
	decode := func(s string) ([]byte, error) { return hex.DecodeString(strings.TrimSpace(s)) }
	if _, err := ReadKey(path, decode); err == nil || !strings.Contains(helpdesk.PublicText(err), "There is no key file "+path) {
		t.Errorf("a key file that is not there: %v", err)
	}
	first, err := SecretKey(path, 32, decode)
	if err != nil || len(first) != 32 {
		t.Fatalf("got %d bytes, %v", len(first), err)
	}
	if second, err := SecretKey(path, 32, decode); err != nil || !bytes.Equal(first, second) {
		t.Errorf("the second start has another key (%v)", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v; want it private", info.Mode(), err)
	}
	if err := os.WriteFile(path, []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := SecretKey(path, 32, decode); err == nil || strings.Contains(helpdesk.PublicText(err), "not a key") {
		t.Errorf("a damaged key: %v; want an error that does not show it", err)
	}
	if read(t, path) != "not a key" {
		t.Error("a damaged key was overwritten")
	}
}

func open(t *testing.T, cfg Config) *Dir {
	t.Helper()
	d, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() }) // the second time if the test closed it
	return d
}

func closeIt(t *testing.T, d *Dir) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
