package runbook

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"helpdesk"
)

// troubles are the labels of claims; a healthy machine gets none.
var troubles = []string{"Critical:", "Warning:", "Notice:"}

func wantText(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("the answer lacks %q:\n%s", p, text)
		}
	}
}

func wantNoTrouble(t *testing.T, text string) {
	t.Helper()
	for _, l := range troubles {
		if strings.Contains(text, l) {
			t.Errorf("the answer claims a trouble (%s):\n%s", l, text)
		}
	}
}

// inMounts starts a mount namespace of its own, runs the script there and keeps it; it gives the words in front
// of a command that enter it.
func inMounts(t *testing.T, script string) []string {
	t.Helper()
	needRoot(t)
	cmd := exec.Command("unshare", "--mount", "bash", "-c", script+"\necho ready\nread -r _")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skip("a mount namespace cannot be made here:", err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait() // its end is all that matters
	})
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "ready\n" {
		t.Skipf("the fault cannot be made here: %q", line)
	}
	return []string{"nsenter", "--mount=/proc/" + strconv.Itoa(cmd.Process.Pid) + "/ns/mnt", "--"}
}

const fullTmpfs = `mount -t tmpfs -o size=8m,nr_inodes=200 tmpfs "$DIR" && mkdir "$DIR/logs" && head -c 6000000 /dev/zero > "$DIR/logs/old app.log" && head -c 9000000 /dev/zero > "$DIR/data.bin" 2>/dev/null || :`

func TestAFullFilesystemIsFoundAndItsRemedyChecked(t *testing.T) {
	for _, tools := range []string{"all", "no df"} {
		t.Run(tools, func(t *testing.T) {
			dir := t.TempDir()
			d := newDesk(t)
			d.admin = true
			enter := inMounts(t, "DIR="+dir+"\n"+fullTmpfs)
			if tools == "no df" {
				enter = append(enter, "env", "PATH="+withoutTools(t, "df", "ps", "ss", "ip", "curl", "lsof"))
			}
			d.execute = bash(t, enter...)
			r, all := d.examine("No space left on device, what takes up the space?")
			wantText(t, all, "Critical: `"+dir+"` is full", "old app.log", "6000000", "largest file is `"+dir+"/logs/old app.log`")
			if tools == "no df" {
				wantText(t, all, "`df` is not installed here")
			}
			if len(r.proposals) != 1 || r.proposals[0].Command != "rm -- '"+dir+"/logs/old app.log'" || r.proposals[0].Risk != helpdesk.RiskDestructive || !r.proposals[0].Scope.Admin() {
				t.Fatalf("remedies: %s", r.commands())
			}
			r = d.run(func(helpdesk.Proposal) bool { return true })
			if tools == "no df" {
				return // how it is after a remedy is read with df
			}
			if len(r.proposals) != 1 || !reads(r.proposals[0]) {
				t.Fatalf("after the remedy it proposes: %s", r.commands())
			}
			r = d.run(reads)
			wantText(t, r.text, "There is space again", "examination is complete")
		})
	}
}

// withoutTools makes a directory of all programs of /usr/bin and /usr/sbin but some.
func withoutTools(t *testing.T, missing ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, from := range []string{"/usr/bin", "/usr/sbin"} {
		entries, err := os.ReadDir(from)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			skip := false
			for _, m := range missing {
				skip = skip || e.Name() == m
			}
			if !skip {
				_ = os.Symlink(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name())) // both may have it
			}
		}
	}
	return dir
}

func TestAnOccupiedPortIsFoundWithItsProcess(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port

	d := newDesk(t)
	d.admin = true
	r, all := d.examine(fmt.Sprintf("bind: address already in use on port %d", port))
	if haveSS() {
		wantText(t, all, fmt.Sprintf("Notice: Port %d is held by", port), fmt.Sprintf("process %d", os.Getpid()), fmt.Sprintf("127.0.0.1:%d", port))
		if len(r.proposals) == 1 && !strings.HasPrefix(r.proposals[0].Command, "systemctl stop") {
			wantText(t, r.proposals[0].Command, "kill -TERM "+strconv.Itoa(os.Getpid()))
		}
	}

	d = newDesk(t)
	d.execute = bash(t, "env", "PATH="+withoutTools(t, "ss", "ps", "curl"))
	_, all = d.examine(fmt.Sprintf("which process holds port %d?", port))
	wantText(t, all, "`ss` is not installed here", fmt.Sprintf("Notice: Port %d is in use", port), fmt.Sprintf("127.0.0.1:%d", port), "needs access to the whole machine", "See which process it is")
}

// haveSS says whether ss is installed, which a minimal Debian does not have.
func haveSS() bool {
	_, err := exec.LookPath("ss")
	return err == nil
}

func TestASilentPortIsFound(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port

	d := newDesk(t)
	_, all := d.examine(fmt.Sprintf("localhost:%d does not answer", port)) // accepted by the kernel, served by nobody
	wantText(t, all, fmt.Sprintf("Warning: Port %d is bound to the loopback address only", port), fmt.Sprintf("Warning: Port %d accepts connections and answers nothing", port))

	l.Close()
	d = newDesk(t)
	_, all = d.examine(fmt.Sprintf("connection refused on port %d", port))
	wantText(t, all, fmt.Sprintf("Warning: Nothing listens on port %d", port))
	if haveSS() {
		wantText(t, all, "Netid")
	}

	d = newDesk(t)
	_, all = d.examine(fmt.Sprintf("who uses port %d?", port))
	wantNoTrouble(t, all)
	wantText(t, all, fmt.Sprintf("Port %d is free", port))
}

func TestAKillForWantOfMemoryIsFound(t *testing.T) {
	needRoot(t)
	dir, limit := "", ""
	for root, file := range map[string]string{"/sys/fs/cgroup/memory": "memory.limit_in_bytes", "/sys/fs/cgroup": "memory.max"} {
		try := filepath.Join(root, "helpdesk-test-"+strconv.Itoa(os.Getpid()))
		if os.Mkdir(try, 0o755) != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(try, file)); err != nil {
			os.Remove(try)
			continue
		}
		dir, limit = try, file
		break
	}
	if dir == "" {
		t.Skip("no control group for memory can be made here")
	}
	t.Cleanup(func() { os.Remove(dir) })
	if err := os.WriteFile(filepath.Join(dir, limit), []byte("16777216"), 0o644); err != nil {
		t.Skip("no limit of memory can be set here:", err)
	}
	victim := exec.Command("bash", "-c", `echo $$ > "$1/cgroup.procs" && exec tail /dev/zero`, "_", dir)
	if err := victim.Run(); err == nil || victim.ProcessState.Exited() {
		t.Skipf("the process was not killed: %v", err)
	}

	d := newDesk(t)
	d.admin = true
	_, all := d.examine("A process was killed, exit code 137. OOM killer?")
	name := filepath.Base(dir)
	wantText(t, all, "Warning: The kernel killed for want of memory in the control group", name, ":oom_kill ", "16777216 ")

	d = newDesk(t) // without access to the kernel's log
	_, all = d.examine("A process was killed, exit code 137. OOM killer?")
	wantText(t, all, name, "Look for the kills in the kernel's own log: it needs access to the whole machine", "dmesg")
}

// TestAHealthyMachineGetsNoClaim runs every runbook on the machine as it is. What the machine itself shows to
// be true is no false claim, so each is compared with the plain facts.
func TestAHealthyMachineGetsNoClaim(t *testing.T) {
	d := newDesk(t)
	_, all := d.examine("is a disk full?")
	df := d.execute(`df -P | awk 'NR > 1 && $5 + 0 >= 90'; df -P -i | awk 'NR > 1 && $5 + 0 >= 95'`).Output
	if strings.TrimSpace(df) == "" {
		wantNoTrouble(t, all)
		wantText(t, all, "no disk is full")
	}

	d = newDesk(t)
	_, all = d.examine("is the memory short?")
	wantText(t, all, "See how much memory is available")
	kills := strings.TrimSpace(d.execute("grep '^oom_kill ' /proc/vmstat").Output)
	if kills == "oom_kill 0" {
		wantNoTrouble(t, all)
	} else if !strings.Contains(all, "The kernel killed") {
		t.Errorf("%s, and the answer does not speak of it:\n%s", kills, all)
	}

	d = newDesk(t)
	_, all = d.examine("What is this machine?")
	wantText(t, all, "What this machine is", "PRETTY_NAME=", "MemTotal:", "filesystem")
}

// hostView gives the words that run a command as host view does: an unprivileged user, without capabilities.
func hostView(t *testing.T) []string {
	t.Helper()
	needRoot(t)
	if _, err := exec.LookPath("bwrap"); err != nil {
		t.Skip("bubblewrap is not installed")
	}
	return []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", "bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/run", "--unshare-user", "--unshare-ipc", "--cap-drop", "ALL", "--"}
}

func TestHostViewSaysWhatItCannotSee(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	d := newDesk(t)
	d.execute = bash(t, hostView(t)...)
	if o := d.execute("true"); !o.OK() {
		t.Skip("bubblewrap does not run here:", o.Output)
	}
	_, all := d.examine(fmt.Sprintf("port %d is already in use", port))
	wantText(t, all, fmt.Sprintf("Notice: Port %d is in use", port), "which one could not be read", "See which process it is: it needs access to the whole machine", "```sh")
	if strings.Contains(all, "process "+strconv.Itoa(os.Getpid())) {
		t.Errorf("an unprivileged user cannot know the process:\n%s", all)
	}
}

func TestAPrivateSandboxSaysThatItSeesOnlyItself(t *testing.T) {
	d := newDesk(t)
	d.place = "sandbox"
	_, all := d.examine("the disk is full")
	wantText(t, all, "They saw the sandbox only, not the machine around it", "LC_ALL=C df -P -k -T")

	d = newDesk(t)
	d.place, d.admin = "sandbox", true
	r := d.say("the disk is full")
	for _, p := range r.proposals {
		if !p.Scope.Admin() {
			t.Errorf("%s is proposed for scope %s, where it sees only the sandbox", p.Command, p.Scope)
		}
	}
}
