package launch_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
)

func TestWorkspace(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	ctx := l.Context()
	_, err := l.ListFiles(ctx, 2, "HD-1", "", true)
	wantKind(t, err, helpdesk.NotFound)
	for range 2 {
		if err := l.CreateWorkspace(ctx, 2, "HD-1"); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(l.Data, "workspaces/2/HD-1"))
	if err != nil || info.Mode().Perm() != 0o700 || int(info.Sys().(*syscall.Stat_t).Uid) != l.Hello.Capabilities.FirstUID+1 {
		t.Errorf("the directory is %v, %v", info, err)
	}
	for path, content := range map[string]string{"b.txt": "bee", "a/deep/er.sh": "#!/bin/sh\necho hi\n", "a/ü.txt": ""} {
		f, err := l.WriteFile(ctx, 2, "HD-1", path, []byte(content), strings.HasSuffix(path, ".sh"))
		if err != nil || f.Path != path || f.Size != int64(len(content)) {
			t.Fatalf("write %s: %+v, %v", path, f, err)
		}
		got, _, err := l.ReadFile(ctx, 2, "HD-1", path)
		if err != nil || string(got) != content {
			t.Fatalf("read %s: %q, %v", path, got, err)
		}
	}
	names := func(dir string, deep bool) (names []string) {
		t.Helper()
		files, err := l.ListFiles(ctx, 2, "HD-1", dir, deep)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			names = append(names, fmt.Sprintf("%s %o", f.Path, f.Mode))
		}
		return names
	}
	if diff := cmp.Diff([]string{"a 700", "a/deep 700", "a/deep/er.sh 700", "a/ü.txt 600", "b.txt 600"}, names("", true)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a/deep 700", "a/ü.txt 600"}, names("a", false)); diff != "" {
		t.Error(diff)
	}
	if out, _ := run(t, l, launch.Spec{}, "./a/deep/er.sh"); out != "hi\n" {
		t.Errorf("the script said %q", out)
	}
	if _, err := l.WriteFile(ctx, 2, "HD-1", "b.txt", []byte("new"), false); err != nil {
		t.Fatal(err)
	}
	if u, err := l.WorkspaceUsage(ctx, 2, "HD-1"); err != nil || u.Files != 5 || u.Bytes != 3+18 {
		t.Errorf("usage %+v, %v", u, err)
	}
	_, err = l.WriteFile(ctx, 2, "HD-1", "a", nil, false)
	wantKind(t, err, helpdesk.Conflict)
	_, err = l.WriteFile(ctx, 2, "HD-1", "b.txt/c", nil, false)
	wantKind(t, err, helpdesk.Conflict)
	if err := l.DeleteFile(ctx, 2, "HD-1", "a"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, l.DeleteFile(ctx, 2, "HD-1", "a"), helpdesk.NotFound)
	if keys, err := l.Tickets(ctx, 2); err != nil || len(keys) != 1 || keys[0] != "HD-1" {
		t.Errorf("tickets %v, %v", keys, err)
	}
	// What a tenant can leave behind to be in the way.
	run(t, l, launch.Spec{}, `mkdir -p closed/inner; touch closed/inner/x; ln -s / root; ln -s missing dangling; mkfifo fifo; chmod 0 closed/inner closed; for i in $(seq 1 1500); do : > f$i; done; printf x > "$(printf 'a\377b')"; chmod 500 .`)
	for range 2 {
		if err := l.RemoveWorkspace(ctx, 2, "HD-1"); err != nil {
			t.Fatal(err)
		}
	}
	if keys, err := l.Tickets(ctx, 2); err != nil || len(keys) != 0 {
		t.Errorf("after the removal: tickets %v, %v", keys, err)
	}
}

// Only regular files inside are ever opened, whatever a shell put there.
func TestWorkspaceTraps(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	ctx := l.Context()
	if _, st := run(t, l, launch.Spec{}, `ln -s /etc/passwd link; ln -s .. up; ln -s /etc etc; mkfifo fifo; mkdir dir; ln -s ../dir dir/self; echo x > file; ln file hard; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("sock")'`); st.Exit.Code != 0 {
		t.Fatalf("%+v", st.Exit)
	}
	for path, kind := range map[string]helpdesk.Kind{
		"link": helpdesk.Forbidden, "up/HD-1/file": helpdesk.Forbidden, "etc/passwd": helpdesk.Forbidden, "dir/self/self": helpdesk.Forbidden,
		"fifo": helpdesk.Forbidden, "sock": helpdesk.Forbidden, "dir": helpdesk.Forbidden, "none": helpdesk.NotFound, "file/x": helpdesk.NotFound,
		"../HD-1/file": helpdesk.Invalid, "/etc/passwd": helpdesk.Invalid, "": helpdesk.Invalid, "a//b": helpdesk.Invalid, "./file": helpdesk.Invalid,
		"a\x00b": helpdesk.Invalid, "a\nb": helpdesk.Invalid, strings.Repeat("a", 300): helpdesk.Invalid, strings.Repeat("a/", 40) + "a": helpdesk.Invalid,
	} {
		_, _, err := l.ReadFile(ctx, 2, "HD-1", path)
		wantKind(t, err, kind)
	}
	for _, path := range []string{"up/x", "etc/x", "dir/self/x"} {
		if _, err := l.WriteFile(ctx, 2, "HD-1", path, []byte("x"), false); err == nil {
			t.Errorf("%s was written", path)
		}
		if err := l.DeleteFile(ctx, 2, "HD-1", path); err == nil {
			t.Errorf("%s was deleted", path)
		}
	}
	// Writing to a link replaces it, and does not write through it.
	if _, err := l.WriteFile(ctx, 2, "HD-1", "link", []byte("mine"), false); err != nil {
		t.Fatal(err)
	}
	if got, _, err := l.ReadFile(ctx, 2, "HD-1", "link"); err != nil || string(got) != "mine" {
		t.Errorf("%q, %v", got, err)
	}
	// Deleting a link deletes the link.
	if err := l.DeleteFile(ctx, 2, "HD-1", "etc"); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"../HD-1", "HD-1/../HD-1", "", "hd-1", "HD-1\x00", "."} {
		if err := l.CreateWorkspace(ctx, 2, bad); err == nil {
			t.Errorf("a workspace %q was made", bad)
		}
		if err := l.DeleteTranscripts(ctx, bad); err == nil {
			t.Errorf("transcripts of %q were deleted", bad)
		}
	}
}

func TestWorkspaceLimits(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	ctx := l.Context()
	if err := l.CreateWorkspace(ctx, 2, "HD-1"); err != nil {
		t.Fatal(err)
	}
	big := bytes.Repeat([]byte("x"), launch.MaxFile)
	if _, err := l.WriteFile(ctx, 2, "HD-1", "big", big, false); err != nil {
		t.Fatalf("a file of exactly the limit: %v", err)
	}
	if got, _, err := l.ReadFile(ctx, 2, "HD-1", "big"); err != nil || !bytes.Equal(got, big) {
		t.Fatalf("reading it: %d bytes, %v", len(got), err)
	}
	_, err := l.WriteFile(ctx, 2, "HD-1", "bigger", append(big, 'x'), false)
	wantKind(t, err, helpdesk.TooLarge)
	run(t, l, launch.Spec{}, fmt.Sprintf(`head -c %d /dev/zero > more; truncate -s %d almost`, launch.MaxFile+1, 256<<20-2*launch.MaxFile-1-10))
	_, _, err = l.ReadFile(ctx, 2, "HD-1", "more")
	wantKind(t, err, helpdesk.TooLarge)
	if _, err := l.WriteFile(ctx, 2, "HD-1", "last", []byte("0123456789"), false); err != nil {
		t.Errorf("the last bytes of the quota: %v", err)
	}
	_, err = l.WriteFile(ctx, 2, "HD-1", "last", []byte("0123456789a"), false)
	wantKind(t, err, helpdesk.TooLarge)
	if _, err := l.WriteFile(ctx, 2, "HD-1", "big", []byte("smaller"), false); err != nil {
		t.Errorf("replacing by less: %v", err)
	}
	run(t, l, launch.Spec{}, `rm -f *; mkdir d; cd d; seq 1 9998 | xargs touch`)
	if _, err := l.WriteFile(ctx, 2, "HD-1", "one", nil, false); err != nil {
		t.Errorf("the last file of the quota: %v", err)
	}
	_, err = l.WriteFile(ctx, 2, "HD-1", "two", nil, false)
	wantKind(t, err, helpdesk.TooMany)
	if files, err := l.ListFiles(ctx, 2, "HD-1", "", true); err != nil || len(files) != 10_000 {
		t.Errorf("%d files are listed, %v", len(files), err)
	}
}

func TestAWorkspaceInUseIsNotRemoved(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	s := startRun(t, l, "run", `echo st''art; sleep 1000`, launch.Spec{})
	s.see("start")
	wantKind(t, l.RemoveWorkspace(l.Context(), 2, "HD-1"), helpdesk.Conflict)
	wantKind(t, l.DeleteTranscripts(l.Context(), "HD-1"), helpdesk.Conflict)
	wantKind(t, l.Forget(l.Context(), "run"), helpdesk.Conflict)
	if err := l.Stop(l.Context(), "run"); err != nil {
		t.Fatal(err)
	}
	l.Ended("run")
	for _, err := range []error{l.RemoveWorkspace(l.Context(), 2, "HD-1"), l.DeleteTranscripts(l.Context(), "HD-1"), l.DeleteTranscripts(l.Context(), "HD-1")} {
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(l.Data, "transcripts/HD-1")); !os.IsNotExist(err) {
		t.Errorf("the recordings are still there: %v", err)
	}
}

// What root's shell left in a Workspace does not keep it from being removed.
func TestRemovalAfterTheHostShell(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{Launch: launch.Config{AllowHost: true}})
	run(t, l, launch.Spec{Kind: launch.Host, Slot: 2}, `mkdir -p of/root && echo x > of/root/file && chmod 700 of of/root`)
	if err := l.RemoveWorkspace(l.Context(), 2, "HD-1"); err != nil {
		t.Fatal(err)
	}
}

// A shell that fills the disk is ended before it has filled it.
func TestAShellThatFillsTheDisk(t *testing.T) {
	takesLong(t)
	l := launchtest.Start(t, launchtest.Config{})
	other := startRun(t, l, "other", `echo st''art; sleep 1000`, launch.Spec{Slot: 3})
	other.see("start")
	startRun(t, l, "greedy", `for i in 1 2 3; do fallocate -l 200M f$i; done; sleep 1000`, launch.Spec{})
	st := l.Ended("greedy")
	if !st.Exit.Stopped || !strings.Contains(st.Detail, "Workspace") {
		t.Errorf("%+v %+v", st, st.Exit)
	}
	if l.WaitFor("other", func(launch.Status) bool { return true }).Exit != nil {
		t.Error("a well-behaved one was ended too")
	}
}
