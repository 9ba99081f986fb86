package launch_test

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
)

// unified finds the root of a unified hierarchy that limits memory and processes, or skips.
func unified(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to make a control group as systemd does")
	}
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		if m := strings.Fields(in.Text()); len(m) > 2 && m[2] == "cgroup2" {
			has, _ := os.ReadFile(filepath.Join(m[1], "cgroup.controllers"))
			if have := strings.Fields(string(has)); slices.Contains(have, "memory") && slices.Contains(have, "pids") {
				return m[1]
			}
		}
	}
	t.Skip("memory and pids are in no unified hierarchy here")
	return ""
}

// A launcher in a group of its own, delegated to it as systemd does with Delegate=yes, limits each sandbox in a group
// below, as root and as anybody.
func TestControlGroupsOfVersion2(t *testing.T) {
	root := unified(t)
	if err := os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+memory +pids +cpu"), 0); err != nil {
		t.Skip("control groups cannot be made: ", err)
	}
	for name, uid := range map[string]int{"as root": 0, "as a user": 64000} {
		t.Run(name, func(t *testing.T) {
			service := filepath.Join(root, "helpdesk-test-"+strconv.Itoa(os.Getpid())+"-"+strconv.Itoa(uid))
			if err := os.Mkdir(service, 0o755); err != nil {
				t.Fatal(err)
			}
			for _, file := range []string{"", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"} {
				if err := os.Chown(filepath.Join(service, file), uid, uid); err != nil {
					t.Fatal(err)
				}
			}
			t.Cleanup(func() { // after the launcher
				if err := errors.Join(os.Remove(filepath.Join(service, "launcher")), os.Remove(service)); err != nil {
					t.Errorf("the launcher leaves groups: %v", err)
				}
			})
			l := launchtest.Start(t, launchtest.Config{UID: uid, Group: service, Launch: launch.Config{Memory: 96 << 20, Processes: 64}})
			if l.Hello.Capabilities.Limits != "cgroup v2" {
				t.Fatalf("limits are %q", l.Hello.Capabilities.Limits)
			}
			own, err := os.ReadFile("/proc/" + strconv.Itoa(l.PID()) + "/cgroup")
			if want := "/launcher\n"; err != nil || !strings.HasSuffix(string(own), want) {
				t.Errorf("the launcher is in %q, %v", own, err)
			}
			s := startRun(t, l, "lives", `echo st''art; sleep 1000`, launch.Spec{})
			s.see("start")
			groups, err := filepath.Glob(filepath.Join(service, "helpdesk-*", "run-lives"))
			if err != nil || len(groups) != 1 {
				t.Fatalf("its groups: %v, %v", groups, err)
			}
			for file, want := range map[string]string{"memory.max": "100663296\n", "pids.max": "64\n", "cpu.weight": "50\n"} {
				if got, err := os.ReadFile(filepath.Join(groups[0], file)); string(got) != want || err != nil {
					t.Errorf("%s is %q, %v", file, got, err)
				}
			}
			if got, err := os.ReadFile(filepath.Join(groups[0], "memory.swap.max")); err == nil && string(got) != "0\n" {
				t.Errorf("memory.swap.max is %q", got)
			}
			if got, err := os.ReadFile(filepath.Join(groups[0], "pids.current")); err != nil || string(got) == "0\n" {
				t.Errorf("%s processes in it, %v", got, err)
			}
			run(t, l, launch.Spec{Timeout: 3e9}, `bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 1`)
			out, st := run(t, l, launch.Spec{Timeout: 100e9}, `head -c 1000000000 /dev/zero | tail; echo ${PIPESTATUS[1]}`)
			if out == "0\n" || !strings.Contains(st.Detail, "memory") {
				t.Errorf("a memory bomb: %q %q %+v", out, st.Detail, st.Exit)
			}
			if err := l.Stop(l.Context(), "lives"); err != nil {
				t.Fatal(err)
			}
			l.Ended("lives")
			l.Terminate()
			if left, _ := filepath.Glob(filepath.Join(service, "helpdesk-*")); len(left) > 0 {
				t.Errorf("left are %v", left)
			}
		})
	}
}
