package runbook

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"helpdesk"
)

// started starts a program that lives as long as the test, and waits until it has said a line.
func started(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	said := make([]byte, 1)
	if _, err := out.Read(said); err != nil {
		t.Fatalf("%s %q said nothing: %v", name, args, err)
	}
	return cmd
}

func TestExhaustedInodesAreFoundAndGivenBack(t *testing.T) {
	dir := t.TempDir()
	enter := inMounts(t, `mount -t tmpfs -o size=8m,nr_inodes=300 tmpfs `+dir+` && mkdir `+dir+`/sessions && cd `+dir+`/sessions && for i in $(seq 1 400); do touch -d '2020-01-02' "sess_$i" 2>/dev/null; done; :`)
	for _, without := range []string{"df find", ""} { // the remedy of the second ends the fault
		t.Run("without "+without, func(t *testing.T) {
			d := newDesk(t)
			d.admin = true
			d.execute = bash(t, append(enter, "env", "PATH="+withoutTools(t, strings.Fields(without)...))...)
			r, all := d.examine("no free inodes, cannot create a file although df shows free space")
			wantText(t, all, "Critical: `"+dir+"` has no inodes left", "Most files lie in `"+dir+"/sessions`", "No space left on device")
			if without != "" {
				wantText(t, all, "`df` is not installed here")
				return
			}
			wantText(t, all, "month 2020-01", "sess_")
			if len(r.proposals) != 1 || r.proposals[0].Risk != helpdesk.RiskDestructive {
				t.Fatalf("remedies: %s", r.commands())
			}
			d.run(allOf)
			wantText(t, d.run(reads).text, "There are inodes again")
		})
	}
}

func TestADeletedFileThatIsOpenIsFoundAndEmptied(t *testing.T) {
	needRoot(t)
	path := filepath.Join(t.TempDir(), "old app.log")
	holder := started(t, "bash", "-c", `exec 9>"$1" && head -c 5000000 /dev/zero >&9 && rm "$1" && echo ready && exec sleep 600`, "_", path)
	d := newDesk(t)
	d.admin = true
	r, all := d.examine("I deleted the log but the space is not free, deleted file still open")
	wantText(t, all, "still hold", path, "process `"+strconv.Itoa(holder.Process.Pid)+"`")
	emptied := false
	for _, p := range r.proposals {
		if strings.HasPrefix(p.Command, "truncate") && strings.Contains(p.Command, "/proc/"+strconv.Itoa(holder.Process.Pid)+"/fd/9") {
			emptied = p.Risk == helpdesk.RiskDestructive
		}
	}
	if !emptied {
		t.Skipf("another process of this machine holds a larger deleted file: %s", r.commands())
	}
	d.run(func(p helpdesk.Proposal) bool { return strings.HasPrefix(p.Command, "truncate") })
	wantText(t, d.run(reads).text, "holds no space any more")
}

func TestAFastGrowingLogIsFoundWithItsWriter(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "debug.log")
	if err := os.WriteFile(log, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	writer := started(t, "bash", "-c", `echo ready; exec >>"$1"; while :; do for i in $(seq 1 500); do echo "DEBUG loop $i: polling the queue of the worker, nothing to do"; done; read -t 0.05 _ < /dev/zero || :; done`, "_", log)
	_ = writer
	d := newDesk(t)
	d.admin = true
	_, all := d.examine("a log file grows fast below " + dir)
	wantText(t, all, "Warning: `"+log+"` grows by", "a day", "DEBUG loop #: polling", "debugging log", "Process "+strconv.Itoa(writer.Process.Pid)+" has it open", "logrotate knows nothing of")
}

func TestABurstOfErrorsIsFoundWithItsMinuteAndMessage(t *testing.T) {
	for name, stamp := range map[string]func(hour, minute, second int) string{
		"iso":    func(h, m, s int) string { return fmt.Sprintf("2026-11-25T%02d:%02d:%02d+00:00", h, m, s) },
		"syslog": func(h, m, s int) string { return fmt.Sprintf("Nov 25 %02d:%02d:%02d web01", h, m, s) },
		"apache": func(h, m, s int) string { return fmt.Sprintf("[25/Nov/2026:%02d:%02d:%02d +0000]", h, m, s) },
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			for h := range 6 {
				for m := range 60 {
					fmt.Fprintf(&b, "%s app: request %d served\n", stamp(h, m, 1), h*60+m)
					if m%10 == 0 {
						fmt.Fprintf(&b, "%s app: error: client %d went away\n", stamp(h, m, 2), m)
					}
					if h == 3 && m == 17 {
						for s := range 250 {
							fmt.Fprintf(&b, "%s app[%d]: ERROR cannot reach database db%d: timeout\n", stamp(h, m, s%60), 100+s, s)
						}
					}
				}
			}
			file := filepath.Join(t.TempDir(), "app.log")
			if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			d := newDesk(t)
			_, all := d.examine("many errors in the log " + file)
			wantText(t, all, "Warning: Errors came in a burst: 250 in the minute", "03:17", "came 250 times", "cannot reach database db#: timeout")
		})
	}
	t.Run("quiet", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "app.log")
		if err := os.WriteFile(file, []byte("2026-11-25T00:00:01 started\n2026-11-25T00:00:02 error: one small thing\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		d := newDesk(t)
		_, all := d.examine("errors in the log file " + file)
		wantNoTrouble(t, all)
		wantText(t, all, "no burst", "one small thing")
	})
	t.Run("unreadable", func(t *testing.T) {
		d := newDesk(t)
		_, all := d.examine("errors in the log file /nonexistent/app.log")
		wantNoTrouble(t, all)
		wantText(t, all, "No such file", "I claim nothing")
	})
}

func TestWhatForbidsAFileIsNamed(t *testing.T) {
	needRoot(t)
	dir, err := os.MkdirTemp("", "runbook")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	inner := filepath.Join(dir, "private", "conf")
	file := filepath.Join(inner, "app.ini")
	for _, err := range []error{os.Chmod(dir, 0o755), os.MkdirAll(inner, 0o755), os.WriteFile(file, []byte("x"), 0o644), os.Chmod(filepath.Join(dir, "private"), 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	say := "permission denied: user nobody cannot read " + file
	try := func(message string, want ...string) {
		t.Helper()
		d := newDesk(t)
		d.admin = true
		_, all := d.examine(message)
		wantText(t, all, want...)
	}
	try(say, "Warning: `nobody` may not pass through `"+dir+"/private`", "uid=65534")
	if err := os.Chmod(filepath.Join(dir, "private"), 0o711); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t)
	_, all := d.examine(say)
	wantNoTrouble(t, all)
	wantText(t, all, "By modes and owners `nobody` may read")
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	try(say, "Warning: `nobody` may not read `"+file+"`", "neither")
	try("user nobody cannot write to "+inner+": permission denied", "Warning: `nobody` may not write `"+inner+"`")
	try("permission denied: user nobody cannot read "+inner+"/gone.ini", "Notice: `"+inner+"/gone.ini` is not there")

	ro := inMounts(t, "mount -t tmpfs -o ro tmpfs "+inner)
	d = newDesk(t)
	d.execute = bash(t, ro...)
	_, all = d.examine("user root cannot write to " + inner + ", read-only file system, permission denied")
	wantText(t, all, "Warning: `"+inner+"` is mounted read-only")

	d = newDesk(t)
	r := d.say("permission denied when the program opens its file")
	if len(r.asks) != 1 || !strings.Contains(r.asks[0].Text, "full path") {
		t.Errorf("it does not ask for the file: %+v", r.asks)
	}
}

// TestAConfigurationErrorIsShownWithItsLine puts logs as daemons write them in the place of /var/log.
func TestAConfigurationErrorIsShownWithItsLine(t *testing.T) {
	etc := t.TempDir()
	conf := "worker_processes 1;\nevents {}\nhttp {\n  server {\n    lissten 80;\n  }\n}\n"
	for name, x := range map[string]struct{ log, line, say string }{
		"nginx":   {"nginx/error.log", `2026/11/25 01:02:03 [emerg] 77#77: unknown directive "lissten" in /etc/site/the.conf:5`, "nginx does not start, configuration error"},
		"apache2": {"apache2/error.log", `AH00526: Syntax error on line 5 of /etc/site/the.conf: Invalid command 'lissten', at /etc/site/the.conf:5`, "apache2 config syntax error"},
		"sshd":    {"daemon.log", `Nov 25 01:02:03 host sshd[77]: /etc/site/the.conf line 5: Bad configuration option: lissten`, "sshd bad configuration option"},
		"haproxy": {"haproxy.log", `Nov 25 01:02:03 host haproxy[7]: [ALERT] (7) : config : parsing [/etc/site/the.conf:5] : unknown keyword 'lissten' in 'http' section`, "haproxy config error"},
	} {
		t.Run(name, func(t *testing.T) {
			logs := t.TempDir()
			if err := os.MkdirAll(filepath.Dir(filepath.Join(logs, x.log)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(logs, x.log), []byte("something else\n"+x.line+"\nall is well again\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(etc, "the.conf"), []byte(conf), 0o644); err != nil {
				t.Fatal(err)
			}
			enter := inMounts(t, "mount --bind "+logs+" /var/log && mount -t tmpfs tmpfs /srv && cp -a /etc /srv/etc && cp -r "+etc+" /srv/etc/site && mount --bind /srv/etc /etc")
			d := newDesk(t)
			d.execute = bash(t, enter...)
			_, all := d.examine(x.say)
			wantText(t, all, "names `/etc/site/the.conf`, line 5", "lissten 80;", x.line)
		})
	}
	logs := t.TempDir()
	d := newDesk(t)
	d.execute = bash(t, inMounts(t, "mount --bind "+logs+" /var/log")...)
	_, all := d.examine("nginx has a configuration error")
	wantNoTrouble(t, all)
	wantText(t, all, "no complaint of `nginx`")
}
