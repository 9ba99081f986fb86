package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"helpdesk/internal/store"
)

// template is the database that every test's database is copied from: empty, with the schema of now.
const template = "helpdesk_template"

// shared is the one cluster of a test binary.
var shared struct {
	once    sync.Once
	cluster *Cluster
	why     string // there is none
	err     error
}

// Postgres gives the URL of an empty, migrated database of the test's own in this binary's PostgreSQL cluster,
// starting the cluster where it does not run yet. It skips the test where PostgreSQL is not installed.
func Postgres(t testing.TB) string {
	t.Helper()
	shared.once.Do(func() {
		shared.cluster, shared.why, shared.err = startCluster(false)
		if shared.cluster != nil {
			shared.err = shared.cluster.prepare(t.Context())
		}
	})
	if shared.err != nil {
		t.Fatalf("PostgreSQL for tests: %v", shared.err)
	}
	if shared.cluster == nil {
		t.Skip(shared.why)
	}
	c := shared.cluster
	name := "t_" + strings.ToLower(rand.Text())
	c.sql(t, "CREATE DATABASE "+name+" TEMPLATE "+template)
	t.Cleanup(func() { c.sql(t, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	return c.URL(name)
}

// Cluster is a running PostgreSQL with a data directory of its own, reached by a unix socket only. It ends,
// and its directory goes, with the process that started it, however that process ends.
type Cluster struct {
	dir    string
	guard  *exec.Cmd
	leash  *os.File
	synced bool
}

// StartCluster starts a cluster for one test that syncs to disk as a real one does, so that it can be killed.
// It skips the test where PostgreSQL is not installed.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	c, why, err := startCluster(true)
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	if c == nil {
		t.Skip(why)
	}
	t.Cleanup(c.stop)
	return c
}

// URL is the address of a database of the cluster.
func (c *Cluster) URL(database string) string {
	v := url.Values{"host": {c.dir}, "user": {"helpdesk"}}
	return "postgres:///" + database + "?" + v.Encode()
}

// Kill ends the postmaster and all of its processes as a crash of the machine would, and returns when they are
// gone.
func (c *Cluster) Kill(t testing.TB) {
	t.Helper()
	pid := c.postmaster(t)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil { // it makes no more children
		t.Fatalf("stop the postmaster: %v", err)
	}
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for _, state, _ := process(stat(pid)); state != "T" && time.Now().Before(deadline); _, state, _ = process(stat(pid)) {
		<-tick.C
	}
	// With the children, for the next postmaster refuses to start while one of them holds the shared memory.
	all := append([]int{pid}, children(pid)...)
	for _, p := range all {
		if err := syscall.Kill(p, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatalf("kill process %d of PostgreSQL: %v", p, err)
		}
	}
	for _, p := range all {
		for running(p) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d of PostgreSQL does not end", p)
			}
			<-tick.C
		}
	}
}

// children lists the processes whose parent is pid.
func children(pid int) (all []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, path := range stats {
		if p, state, parent := process(path); parent == pid && state != "Z" {
			all = append(all, p)
		}
	}
	return all
}

func stat(pid int) string { return fmt.Sprintf("/proc/%d/stat", pid) }

func running(pid int) bool {
	p, state, _ := process(stat(pid))
	return p == pid && state != "Z"
}

// process reads pid, state and parent from a stat file of /proc; zeros where the process is gone.
func process(path string) (pid int, state string, parent int) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, "", 0
	}
	before, after, _ := strings.Cut(string(text), "(")
	after = after[strings.LastIndexByte(after, ')')+1:]
	if _, err := fmt.Sscan(after, &state, &parent); err != nil {
		return 0, "", 0
	}
	pid, _ = strconv.Atoi(strings.TrimSpace(before)) // 0 is no process
	return pid, state, parent
}

// Restart starts the killed cluster again and waits until it answers.
func (c *Cluster) Restart(t testing.TB) {
	t.Helper()
	c.release()
	if err := c.start(); err != nil {
		t.Fatalf("restart PostgreSQL: %v", err)
	}
}

// guardScript keeps one postmaster for as long as somebody holds the other end of its standard input, restarts
// nothing, and removes the directory at the end unless told to keep it.
const guardScript = `
"$1/postgres" -D "$2/data" >>"$2/log" 2>&1 </dev/null &
pg=$!
echo "$pg"
read -r word
kill -QUIT "$pg" 2>/dev/null
wait "$pg"
[ "$word" = keep ] || rm -rf "$2"
`

// startCluster makes a cluster in a new directory; where PostgreSQL is missing it says why instead.
func startCluster(synced bool) (c *Cluster, why string, err error) {
	bin := binaries()
	if bin == "" {
		return nil, "PostgreSQL is not installed (no initdb under /usr/lib/postgresql or in PATH): the PostgreSQL half of this test did not run", nil
	}
	parent := os.TempDir()
	if len(parent) > 40 { // a socket's path has at most 107 bytes
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "helpdesk-pg-")
	if err != nil {
		return nil, "", err
	}
	who, err := account()
	if err == nil && who != nil {
		err = os.Chown(dir, int(who.Credential.Uid), int(who.Credential.Gid))
	}
	if err == nil {
		err = os.Chmod(dir, 0o711) // who connects may be another user, as a whole server is
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil, "", err
	}
	c = &Cluster{dir: dir, synced: synced}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "helpdesk", "-A", "trust",
		"--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions")
	initdb.SysProcAttr, initdb.Dir, initdb.Env = who, dir, []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	if out, err := initdb.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return nil, "", fmt.Errorf("initdb: %w: %s", err, out)
	}
	settings := fmt.Sprintf("listen_addresses = ''\nunix_socket_directories = '%s'\nmax_connections = 200\nshared_buffers = '64MB'\nautovacuum = off\n", dir)
	if !synced {
		settings += "fsync = off\nfull_page_writes = off\nsynchronous_commit = off\n"
	}
	f, err := os.OpenFile(filepath.Join(dir, "data", "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(settings)
		err = firstError(err, f.Close())
	}
	if err == nil {
		err = c.start()
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil, "", err
	}
	return c, "", nil
}

func firstError(errs ...error) error {
	if i := slices.IndexFunc(errs, func(e error) bool { return e != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}

// start runs the guard and its postmaster, and waits until the postmaster answers.
func (c *Cluster) start() error {
	in, leash, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	who, err := account()
	if err != nil {
		leash.Close()
		return err
	}
	guard := exec.Command("/bin/sh", "-c", guardScript, "guard", binaries(), c.dir)
	guard.Stdin, guard.Dir, guard.SysProcAttr, guard.Env = in, c.dir, detached(who), []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	said, err := guard.StdoutPipe()
	if err == nil {
		err = guard.Start()
	}
	if err != nil {
		leash.Close()
		return err
	}
	c.guard, c.leash = guard, leash
	if _, err := fmt.Fscan(said, new(int)); err != nil {
		return fmt.Errorf("the guard of PostgreSQL said nothing: %w", err)
	}
	db, err := sql.Open("pgx", c.URL("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(c.dir, "log")) // for the message only
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, log)
		case <-tick.C:
		}
	}
}

// prepare makes the template database.
func (c *Cluster) prepare(ctx context.Context) error {
	if err := c.run(ctx, "CREATE DATABASE "+template); err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Config{URL: c.URL(template), Conn: 1})
	if err != nil {
		return err
	}
	return s.Close()
}

// release ends the guard but keeps the directory.
func (c *Cluster) release() {
	_, _ = c.leash.WriteString("keep\n") // the guard may be gone
	c.leash.Close()
	_ = c.guard.Wait() // how it ended tells nothing
}

// stop ends the cluster and removes its directory.
func (c *Cluster) stop() {
	c.leash.Close()
	_ = c.guard.Wait() // how it ended tells nothing
}

func (c *Cluster) run(ctx context.Context, text string) error {
	db, err := sql.Open("pgx", c.URL("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, text)
	return err
}

func (c *Cluster) sql(t testing.TB, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	defer cancel()
	if err := c.run(ctx, text); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}

// postmaster is the process id of the running postmaster.
func (c *Cluster) postmaster(t testing.TB) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatalf("find the postmaster: %v", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatalf("find the postmaster: %v", err)
	}
	return pid
}

// binaries is the directory of the newest installed PostgreSQL's programs, "" where there is none.
func binaries() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is well-formed
	slices.SortFunc(found, func(a, b string) int { return major(a) - major(b) })
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			return filepath.Dir(p)
		}
	}
	return ""
}

func major(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 sorts first
	return n
}
