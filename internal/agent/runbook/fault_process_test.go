package runbook

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestZombiesAreFoundWithTheirParent(t *testing.T) {
	parent := started(t, "bash", "-c", `for i in $(seq 24); do sleep 0.2 & done; echo ready; exec sleep 600`) // sleep never asks how they ended
	for _, without := range []string{"", "ps"} {
		d := newDesk(t)
		d.admin = true
		d.execute = bash(t, "env", "PATH="+withoutTools(t, strings.Fields(without)...))
		r, all := d.examine("there are zombie processes, defunct")
		wantText(t, all, "zombie", "process "+strconv.Itoa(parent.Process.Pid), "pid "+strconv.Itoa(parent.Process.Pid)+" sleep 600")
		wantText(t, r.commands(), "kill -CHLD "+strconv.Itoa(parent.Process.Pid))
	}
}

// vfork waits in the kernel, where no signal reaches it, as long as its child neither ends nor starts a program.
const vforkSource = `
#include <unistd.h>
int main(void) { write(1, "r", 1); if (vfork() == 0) { pause(); _exit(0); } return 0; }
`

func TestAProcessThatHangsInTheKernelIsFound(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("making this fault for real needs gcc")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hang.c"), []byte(vforkSource), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-w", "-o", filepath.Join(dir, "hang"), filepath.Join(dir, "hang.c")).CombinedOutput(); err != nil {
		t.Skipf("the program that hangs cannot be made here: %v %s", err, out)
	}
	hang := started(t, filepath.Join(dir, "hang"))
	t.Cleanup(func() { // its child keeps it, and gets no signal of its own
		_ = exec.Command("pkill", "-KILL", "-P", strconv.Itoa(hang.Process.Pid)).Run()
	})
	for _, without := range []string{"", "ps"} {
		d := newDesk(t)
		d.admin = true
		d.execute = bash(t, "env", "PATH="+withoutTools(t, strings.Fields(without)...))
		_, all := d.examine("a process hangs and cannot be killed, uninterruptible sleep")
		wantText(t, all, "Warning: Process "+strconv.Itoa(hang.Process.Pid)+" hangs in the kernel")
	}
}

func TestABusyProcessorIsFoundWithItsProcess(t *testing.T) {
	spin := started(t, "bash", "-c", `echo ready; while :; do :; done`)
	for _, without := range []string{"", "top"} {
		d := newDesk(t)
		d.admin = true
		d.execute = bash(t, "env", "PATH="+withoutTools(t, strings.Fields(without)...))
		_, all := d.examine("the cpu is at 100 percent, which process uses the cpu?")
		if !strings.Contains(all, "process "+strconv.Itoa(spin.Process.Pid)+", uses") {
			o := d.execute("nproc; cat /proc/loadavg; ps -o pid,pcpu,args -p " + strconv.Itoa(spin.Process.Pid))
			if !strings.Contains(all, "Warning: The processors are busy") {
				t.Errorf("neither the process nor busy processors are found (%s):\n%s", o.Output, all)
			}
		}
	}
}

func TestAProcessNearItsLimitOfOpenFilesIsFoundAndHelped(t *testing.T) {
	needRoot(t)
	leak := started(t, "bash", "-c", `ulimit -S -n 120; for i in $(seq 10 118); do eval "exec $i</dev/null" 2>/dev/null; done; echo ready; exec sleep 600`)
	pid := strconv.Itoa(leak.Process.Pid)
	d := newDesk(t)
	d.admin = true
	r, all := d.examine("too many open files")
	wantText(t, all, "process "+pid+", has", "of 120 possible descriptors open", "lead to `/dev/null`", "never closed")
	if len(r.proposals) != 1 || r.proposals[0].Command != "prlimit --pid "+pid+" --nofile=480" {
		t.Skipf("another process of this machine is nearer to its limit: %s", r.commands())
	}
	d.run(allOf)
	wantText(t, d.run(reads).text, "may have 480 open now")
}

func TestAUserNearItsLimitOfProcessesIsFound(t *testing.T) {
	needRoot(t)
	const uid = "64123"
	crowd := started(t, "setpriv", "--reuid="+uid, "--regid="+uid, "--clear-groups", "--", "bash", "-c", `ulimit -u 40; for i in $(seq 1 36); do sleep 600 & done; echo ready; wait`)
	t.Cleanup(func() { _ = exec.Command("pkill", "-KILL", "-u", uid).Run() })
	_ = crowd
	d := newDesk(t)
	d.admin = true
	r, all := d.examine("fork: Resource temporarily unavailable")
	wantText(t, all, "Warning: `"+uid+"` has 37 of 40 possible processes and threads", "Most of them are `sleep`")
	wantText(t, r.commands(), "pkill -TERM -x -u "+uid+" sleep")
	d.run(allOf)
	r = d.run(reads)
	if strings.Contains(r.text, "has 37 now") {
		t.Errorf("the remedy brought nothing: %s", r.text)
	}
}
