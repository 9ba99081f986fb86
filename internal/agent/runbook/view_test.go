package runbook

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"helpdesk"
	"helpdesk/internal/place/sandbox"
)

// planVariable makes this binary print the host view's plan for the root in which it runs.
const planVariable = "RUNBOOK_TEST_PLAN"

func TestMain(m *testing.M) {
	if workspace := os.Getenv(planVariable); workspace != "" {
		plan := sandbox.HostView(sandbox.Job{UID: 65534, GID: 65534, Workspace: workspace}, sandbox.View{Data: workspace})
		fmt.Print(strings.Join(plan.Options, "\x00") + "\x00")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// inHostView gives the words before a command that run it in the host view of a small machine of its own, in a mount
// namespace: its root is a file system of 64 MiB (but for /usr), of which fill makes what it likes.
func inHostView(t *testing.T, fill string) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	enter := inMounts(t, `set -e
NEW=`+t.TempDir()+`
mount -t tmpfs -o size=64m,mode=755 machine "$NEW"
cd "$NEW"
mkdir -p etc srv opt var/lib/helpdesk var/log home root usr proc sys dev run tmp old
for d in bin sbin lib lib64; do [ ! -L /$d ] || cp -P /$d .; [ -L /$d ] || [ ! -d /$d ] || { mkdir $d; mount --rbind /$d $d; }; done
for d in usr proc sys dev; do mount --rbind /$d $d; done
: > helper; mount --bind `+self+` helper
cp -L /etc/passwd /etc/group /etc/os-release etc/
cp -a /etc/alternatives etc/
chmod 711 var/lib/helpdesk
mount --make-rprivate /
pivot_root . old
umount -l /old
`+planVariable+`=/var/lib/helpdesk /helper > /etc/plan
`+fill+`
cd /`)
	return append(enter, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", "bash", "-c", `exec 9< /etc/plan; exec bwrap --args 9 -- "$@"`, "view")
}

const viewUnusable = "the host view does not run here: "

// df names the root of a machine in the host view by one of its directories, and shows the view's own memory beside it. What
// is said is true of the machine.
func TestTheRootIsNamedInTheHostView(t *testing.T) {
	for name, c := range map[string]struct {
		fill string
		says []string
	}{
		"not full": {`head -c 55000000 /dev/zero > /srv/some`, []string{"None of 2 filesystems is above 90 %; the fullest is `/` at ", "no disk is full", "The host view does not show homes"}},
		"full": {
			`mkdir /srv/app; head -c 40000000 /dev/zero > "/srv/app/old debug.log"; head -c 90000000 /dev/zero > /opt/data 2>/dev/null || :`,
			[]string{"Critical: `/` is full", "In the host view df names it /", "largest file is `/srv/app/old debug.log`", "Most of it lies below `/srv", "directories of databases"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "not full" && percentUsed(t, "/usr") > 80 {
				t.Skip("/usr, which is this machine's own, is fuller")
			}
			d := newDesk(t)
			d.execute = bash(t, inHostView(t, c.fill)...)
			if o := d.execute("true"); !o.OK() {
				t.Skip(viewUnusable, o.Output)
			}
			_, all := d.examine("the disk is full")
			wantText(t, all, c.says...)
			if name == "not full" {
				wantNoTrouble(t, all)
			}
			if strings.Contains(all, "is `/etc` at") || strings.Contains(all, "`/etc` is full") || strings.Contains(all, "`/tmp`") {
				t.Errorf("it takes a part for the whole, or the view for the machine:\n%s", all)
			}

			d = newDesk(t)
			d.execute = bash(t, inHostView(t, c.fill)...)
			_, all = d.examine("What is this machine?")
			wantText(t, all, "2 filesystems")
			if name == "full" {
				wantText(t, all, "Warning: `/` is ")
			}
		})
	}
}

func percentUsed(t *testing.T, path string) uint64 {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		t.Fatal(err)
	}
	return 100 - 100*st.Bavail/max(st.Blocks, 1)
}

// Where it was not told what is mounted where, what has the name of a part of the root is the root all the same.
func TestTheRootIsNamedWithoutTheMounts(t *testing.T) {
	d := newDesk(t)
	d.execute = bash(t, inHostView(t, `head -c 90000000 /dev/zero > /opt/data 2>/dev/null || :`)...)
	if o := d.execute("true"); !o.OK() {
		t.Skip(viewUnusable, o.Output)
	}
	inner := d.execute
	d.execute = func(command string) helpdesk.Outcome {
		if strings.Contains(command, "mountinfo") {
			return printed(1, "bash: line 1: df: Permission denied\n")
		}
		return inner(command)
	}
	_, all := d.examine("the disk is full")
	wantText(t, all, "Critical: `/` is full", "largest file is `/opt/data`")
}
