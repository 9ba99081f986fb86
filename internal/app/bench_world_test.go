package app_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/event"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
	"helpdesk/internal/testkit"
)

// bench is a HelpDesk with much in it, and what is measured in it.
type bench struct {
	*testkit.HelpDesk
	db      *sql.DB
	client  *http.Client
	tenants []string // ids
	people  []string // tokens of members of all tenants
	long    string   // a ticket with 5,000 events
	held    atomic.Int64
}

const (
	benchPeople = 60
	benchHeld   = 512 // tickets whose messages wait
	benchEach   = 25_000
)

// eachEngine runs a benchmark on both databases. PostgreSQL syncs to disk, as SQLite does.
func eachEngine(b *testing.B, run func(b *testing.B, database string)) {
	b.Run("sqlite", func(b *testing.B) { run(b, "") })
	b.Run("postgres", func(b *testing.B) { run(b, storetest.StartCluster(b).URL("postgres")) })
}

// openBench starts a HelpDesk and puts four tenants, their people and 100,000 tickets into its store.
func openBench(b *testing.B, database string) *bench {
	d := &bench{
		HelpDesk: testkit.Start(b, testkit.Config{Database: database, Env: []string{"HELPDESK_LIMITS_TURNS_PER_DAY=1000"}}),
		client:   &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: time.Minute},
	}
	b.Cleanup(d.client.CloseIdleConnections)
	driver, source := "pgx", database
	if database == "" {
		driver, source = "sqlite", "file:"+filepath.Join(d.Data, "helpdesk.db")+"?_pragma=busy_timeout(20000)"
	}
	var err error
	if d.db, err = sql.Open(driver, source); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.db.Close() })
	for _, key := range []string{"ba", "bb", "bc", "bd"} {
		d.tenants = append(d.tenants, d.NewTenant(key))
	}
	d.addPeople(b, database)
	kind, data, err := event.Encode(event.MessagePosted{ID: "m", Role: "user", Content: benchMessage})
	if err != nil {
		b.Fatal(err)
	}
	const by, numbers = `'{"kind":"user","id":"bench-0","name":"Ann"}'`, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)`
	began := time.Now().Add(-benchEach * time.Second).UnixMicro()
	for i, tenant := range d.tenants {
		prefix := "B" + string(rune('A'+i)) + "-"
		d.sql(b, fmt.Sprintf(`INSERT INTO tickets (key, tenant, title, status, activity, agent, instance, workspace, held, seq, created_by, created_at, changed_at)
			`+numbers+` SELECT '%s' || i, '%s', 'Ticket about word' || (i %% 1000) || ' on host' || i,
				CASE WHEN i %% 1000 = 0 THEN 'in_progress' WHEN i %% 100 = 0 OR i <= %d THEN 'open' ELSE 'closed' END,
				'idle', 'script', 'script', 1, i <= %d, 0, %s, %d + i * CAST(1000000 AS BIGINT), %d + i * CAST(1000000 AS BIGINT) FROM n`,
			benchEach, prefix, tenant, benchHeld, benchHeld, by, began, began))
		d.sql(b, fmt.Sprintf(`UPDATE tenants SET tickets = %d WHERE id = '%s'`, benchEach, tenant))
	}
	d.long = fmt.Sprintf("BB-%d", benchEach)
	d.sql(b, fmt.Sprintf(`INSERT INTO events (ticket, seq, tenant, kind, at, actor, data) `+numbers+` SELECT '%s', i, '%s', '%s', %d, %s, '%s' FROM n`,
		5000, d.long, d.tenants[1], kind, began, by, data))
	d.sql(b, fmt.Sprintf(`UPDATE tickets SET seq = 5000 WHERE key = '%s'`, d.long))
	if database == "" { // both do the like by themselves after a while
		d.sql(b, `PRAGMA wal_checkpoint(TRUNCATE)`)
	} else {
		d.sql(b, `VACUUM ANALYZE`)
		d.sql(b, `CHECKPOINT`)
	}
	return d
}

// addPeople makes people with a token each: how many messages one may send in a day is counted.
func (d *bench) addPeople(b *testing.B, database string) {
	s, err := store.Open(b.Context(), store.Config{URL: database, Dir: d.Data})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.SystemUpdate(b.Context(), store.Directory, func(tx *store.System) error {
		for i := range benchPeople {
			id, token := fmt.Sprint("bench-", i), "hd_bench-"+strconv.Itoa(i)
			d.people = append(d.people, token)
			sum := sha256.Sum256([]byte(token))
			u := store.User{ID: helpdesk.UserID(id), Email: id + "@example.org", Name: id, CreatedAt: time.Now()}
			if err := tx.SaveUser(u); err != nil {
				return err
			}
			if err := tx.InsertToken(store.Token{ID: id, Hash: hex.EncodeToString(sum[:]), User: u.ID, Name: "bench", CreatedAt: time.Now()}); err != nil {
				return err
			}
			for _, t := range d.tenants {
				if err := tx.AddMember(helpdesk.TenantID(t), u.ID); err != nil {
					return err
				}
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}

func (d *bench) sql(b *testing.B, text string) {
	b.Helper()
	if _, err := d.db.ExecContext(b.Context(), text); err != nil {
		b.Fatalf("%v: %.200s", err, text)
	}
}

// do is one request of the i-th person, which must succeed.
func (d *bench) do(b *testing.B, i int, method, path string, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		b.Error(err)
		return
	}
	req, err := http.NewRequestWithContext(b.Context(), method, d.URL+"/api/v1"+path, bytes.NewReader(text))
	if err != nil {
		b.Error(err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+d.people[i%len(d.people)])
	req.Header.Set("Content-Type", "application/json")
	res, err := d.client.Do(req)
	if err != nil {
		b.Error(err)
		return
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		b.Errorf("%s %s: %d %s %v", method, path, res.StatusCode, answer, err)
	}
}

// heldTicket is a ticket whose messages wait until somebody releases them.
func (d *bench) heldTicket() string { return fmt.Sprint("BA-", 1+d.held.Add(1)%benchHeld) }

// idle waits until no agent works on a ticket.
func (d *bench) idle(b *testing.B, key string) {
	b.Helper()
	d.Wait("the agent to end", func() (bool, string) {
		var t struct{ Activity string }
		err := d.API("GET", "/tickets/"+key, nil, &t)
		return err == nil && t.Activity != "agent_working", fmt.Sprint(t.Activity, err)
	})
}

// occupyAgents keeps all turns that are worked on at once waiting.
func (d *bench) occupyAgents(b *testing.B) {
	const atOnce = 64
	for range atOnce {
		d.NewTicket(d.tenants[3], "wait for-ever")
	}
	d.Wait("all agents to wait", func() (bool, string) {
		n := 0
		err := d.db.QueryRowContext(b.Context(), `SELECT count(*) FROM turns WHERE state = 'running'`).Scan(&n)
		return n >= atOnce, fmt.Sprint(n, err)
	})
}

// processor is what launcher and server have used of the processors.
func (d *bench) processor(b *testing.B) (used time.Duration) {
	server := d.ServerPID()
	for _, pid := range []int{server, parent(b, server)} {
		f := statOf(b, pid)
		for _, x := range f[11:13] {
			ticks, err := strconv.ParseInt(x, 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			used += time.Duration(ticks) * 10 * time.Millisecond // the kernel's unit for programs is always a hundredth of a second
		}
	}
	return used
}

// statOf gives what /proc says of a process, from its state on.
func statOf(b *testing.B, pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	return strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
}

func parent(b *testing.B, pid int) int {
	n, err := strconv.Atoi(statOf(b, pid)[1])
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// family lists a process and all that come from it.
func family(b *testing.B, pid int) []int {
	all := []int{pid}
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range lists {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // that thread has ended
		}
		for word := range strings.FieldsSeq(string(text)) {
			child, err := strconv.Atoi(word)
			if err != nil {
				b.Fatal(err)
			}
			all = append(all, family(b, child)...)
		}
	}
	return all
}

// viewer is a page that watches a ticket.
type viewer struct {
	b        *testing.B
	cancel   context.CancelFunc
	messages chan message
	seq      int64 // of the newest event
}

type message struct{ id, name, data string }

func (d *bench) watch(b *testing.B, token, key string) *viewer {
	ctx, cancel := context.WithCancel(b.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.URL+"/api/v1/events?ticket="+key, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := (&http.Client{Transport: d.client.Transport}).Do(req)
	if err != nil {
		b.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		b.Fatalf("watch %s: %d", key, res.StatusCode)
	}
	v := &viewer{b: b, cancel: cancel, messages: make(chan message, 1024)}
	go func() {
		defer close(v.messages)
		defer res.Body.Close()
		var m message
		for lines := bufio.NewReader(res.Body); ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			switch field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); field {
			case "id":
				m.id = value
			case "event":
				m.name = value
			case "data":
				m.data = value
			case "":
				v.messages <- m
				m = message{}
			}
		}
	}()
	return v
}

// until reads up to a message of a name.
func (v *viewer) until(name string) message {
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	for {
		select {
		case m, open := <-v.messages:
			if !open {
				v.b.Fatal("the stream ended")
			}
			if _, seq, ok := strings.Cut(m.id, ":"); ok {
				n, err := strconv.ParseInt(seq, 10, 64)
				if err != nil {
					v.b.Fatal(err)
				}
				v.seq = n
			}
			if m.name == name {
				return m
			}
		case <-late.C:
			v.b.Fatalf("no %s within a minute", name)
		}
	}
}

// close ends the watching, and returns when that is done.
func (v *viewer) close() {
	v.cancel()
	for range v.messages { //nolint:revive // until it is closed
	}
}

// report gives the median and the slowest hundredth of what was measured, and how many times the limit's median it is.
func report(b *testing.B, took, limit []time.Duration) {
	median := func(all []time.Duration, of int) float64 {
		slices.Sort(all)
		return float64(all[len(all)*of/100].Nanoseconds()) / 1e6
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(took, 50), "p50-ms")
	b.ReportMetric(median(took, 99), "p99-ms")
	b.ReportMetric(median(limit, 50), "limit-ms")
	b.ReportMetric(median(took, 50)/median(limit, 50), "x-limit")
}

// simultaneously does something n times from so many goroutines, and gives how long each time took, and all.
func simultaneously(clients, n int, act func(i int)) (took []time.Duration, all time.Duration) {
	took = make([]time.Duration, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range clients {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				at := time.Now()
				act(i)
				took[i] = time.Since(at)
			}
		})
	}
	wg.Wait()
	return took, time.Since(began)
}

// appendFile appends records of a message's size to a file, with one fsync for all who wait.
func appendFile(b *testing.B, clients, n int) (took []time.Duration, all time.Duration) {
	f, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	record := []byte(strings.Repeat("x", 1024))
	var mu sync.Mutex
	var waiting []chan struct{}
	kick, done := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(done)
		for range kick {
			mu.Lock()
			all := waiting
			waiting = nil
			mu.Unlock()
			if err := f.Sync(); err != nil {
				b.Error(err)
			}
			for _, c := range all {
				close(c)
			}
		}
	}()
	took, all = simultaneously(clients, n, func(int) {
		c := make(chan struct{})
		mu.Lock()
		if _, err := f.Write(record); err != nil {
			b.Error(err)
		}
		waiting = append(waiting, c)
		mu.Unlock()
		select {
		case kick <- struct{}{}:
		default:
		}
		<-c
	})
	close(kick)
	<-done
	return took, all
}

// answering is the URL of a server that answers everything with the same bytes.
func answering(b *testing.B, body []byte) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
	b.Cleanup(s.Close)
	return s.URL
}

// bareFanOut writes the same bytes to so many connections, n times, each time until all have them.
func bareFanOut(b *testing.B, viewers, n int, body []byte) (took []time.Duration) {
	l, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	got := make(chan struct{}, viewers)
	var to []net.Conn
	for range viewers {
		in, err := new(net.Dialer).DialContext(b.Context(), "tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		out, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		defer out.Close()
		to = append(to, out)
		go func() {
			defer in.Close()
			for buf := make([]byte, len(body)); ; {
				if _, err := io.ReadFull(in, buf); err != nil {
					return
				}
				got <- struct{}{}
			}
		}()
	}
	for range n {
		began := time.Now()
		for _, c := range to {
			if _, err := c.Write(body); err != nil {
				b.Fatal(err)
			}
		}
		for range viewers {
			<-got
		}
		took = append(took, time.Since(began))
	}
	return took
}

// readable is a new directory that the server's own user can reach.
func readable(b *testing.B) string {
	dir, err := os.MkdirTemp("", "helpdesk-bench")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			b.Error(err)
		}
	})
	return filepath.Join(dir, "data")
}

// freeAddress is an address of its own, with a port below those that the kernel gives out.
func freeAddress() string {
	return fmt.Sprintf("127.%d.%d.%d:%d", 1+rand.IntN(250), rand.IntN(256), 1+rand.IntN(250), 10000+rand.IntN(20000))
}

// withoutSettings is this process's environment without what would configure a HelpDesk.
func withoutSettings() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "HELPDESK_") })
}

// ready asks whether a server is ready; between two answers that it is not, a moment passes.
func ready(ctx context.Context, listen string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listen+"/readyz", nil)
	if err != nil {
		return false
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err == nil {
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return true
		}
	}
	pause := time.NewTimer(time.Millisecond)
	<-pause.C
	return false
}
