package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"helpdesk/internal/terminal"
)

// BenchmarkHelpDesk measures the whole program, launcher and server as processes of their own, over HTTP, with
// 100,000 tickets in the store. A limit is what the machine itself takes for the least that has to be done, measured in
// the same minute; x-limit is how many times that we take.
//
// Each figure is measured with a fixed number of samples, so run it with -benchtime 1x.
func BenchmarkHelpDesk(b *testing.B) {
	eachEngine(b, func(b *testing.B, database string) {
		d := openBench(b, database)
		b.Run("list", d.list)
		b.Run("screen", d.screen)
		b.Run("first-part", d.firstPart)
		b.Run("execute", d.execute)
		b.Run("fan-out", d.fanOut)
		// Now the agents are all kept waiting, so that this is about taking messages and not about answering them.
		d.occupyAgents(b)
		for _, clients := range []int{1, 16} {
			b.Run(fmt.Sprintf("create/clients=%d", clients), func(b *testing.B) { d.takes(b, clients, d.create) })
			b.Run(fmt.Sprintf("append/clients=%d", clients), func(b *testing.B) { d.takes(b, clients, d.appendTo) })
		}
	})
}

const benchMessage = "The disk of db-07 is full since noon, and postgres complains about inodes. I looked at /var/log and " +
	"found many small files from the exporter; is it safe to delete those older than a week? Please check first."

// takes measures an act that must be on disk before it is answered. The limit is a file to which as many clients append
// as much, with one fsync for all who wait.
func (d *bench) takes(b *testing.B, clients int, act func(b *testing.B, i int)) {
	n := 400
	if clients > 1 {
		n = 3000
	}
	limit, least := appendFile(b, clients, n)
	before := d.processor(b)
	took, all := simultaneously(clients, n, func(i int) { act(b, i) })
	report(b, took, limit)
	b.ReportMetric(float64(n)/all.Seconds(), "per-s")
	b.ReportMetric(float64(n)/least.Seconds(), "limit-per-s")
	b.ReportMetric(least.Seconds()/all.Seconds(), "of-limit")
	b.ReportMetric((d.processor(b)-before).Seconds()*1000/float64(n), "cpu-s/1000")
}

func (d *bench) create(b *testing.B, i int) {
	d.do(b, i, "POST", "/tickets", map[string]string{"tenant": d.tenants[i%len(d.tenants)], "agent": "script", "message": benchMessage})
}

func (d *bench) appendTo(b *testing.B, i int) {
	d.do(b, i, "POST", "/tickets/"+d.heldTicket()+"/messages", map[string]string{"content": benchMessage})
}

// list reads the newest 50 of 100,000 tickets of four tenants, once as an admin and once as a member of all four. The
// limit is a server that answers with the same bytes.
func (d *bench) list(b *testing.B) {
	for _, who := range []struct{ name, token string }{{"admin", d.Token}, {"member", d.people[0]}} {
		b.Run(who.name, func(b *testing.B) { d.reads(b, who.token, "/tickets?limit=50", 50) })
	}
}

// screen reads what the page shows first of a ticket with 5,000 events.
func (d *bench) screen(b *testing.B) {
	d.reads(b, d.people[0], "/tickets/"+d.long+"/timeline?limit=100", 100)
}

func (d *bench) reads(b *testing.B, token, path string, items int) {
	const n = 600
	get := func(url string) []byte {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := d.client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			b.Fatalf("GET %s: %d %s %v", path, res.StatusCode, body, err)
		}
		return body
	}
	var page struct{ Items []json.RawMessage }
	same := get(d.URL + "/api/v1" + path)
	if err := json.Unmarshal(same, &page); err != nil || len(page.Items) != items {
		b.Fatalf("GET %s gives %d items, want %d: %v", path, len(page.Items), items, err)
	}
	bare := answering(b, same)
	limit, _ := simultaneously(1, n, func(int) { get(bare) })
	took, _ := simultaneously(1, n, func(int) { get(d.URL + "/api/v1" + path) })
	report(b, took, limit)
}

// firstPart is from sending a message to the built-in agent until a viewer sees the first of its answer. The limit is the
// fsync before the message counts as taken.
func (d *bench) firstPart(b *testing.B) {
	const n = 60
	limit, _ := appendFile(b, 1, n)
	var took []time.Duration
	for range n {
		key := d.NewTicket(d.tenants[0], "say hello")
		d.idle(b, key)
		viewer := d.watch(b, d.Token, key)
		viewer.until("head")
		began := time.Now()
		if err := d.API("POST", "/tickets/"+key+"/messages", map[string]string{"content": "The disk is full. Which files are to blame?", "to": "machine-doctor"}, nil); err != nil {
			b.Fatal(err)
		}
		viewer.until("part")
		took = append(took, time.Since(began))
		viewer.close()
		d.idle(b, key)
	}
	report(b, took, limit)
}

// execute is from a person's decision until an attached viewer sees the first byte of the command's output. The limit is
// bubblewrap alone, from its start to the first byte.
func (d *bench) execute(b *testing.B) {
	const n = 40
	tenant := d.NewTenant("exec")
	var limit, took []time.Duration
	for range n {
		key := d.NewTicket(tenant, "suggest echo begun; sleep 3")
		d.idle(b, key)
		var all struct {
			Items []struct{ ID, Digest, Run string }
		}
		d.Do("GET", "/tickets/"+key+"/suggestions", nil, &all)
		s := all.Items[0]
		limit = append(limit, bareSandbox(b))
		page := d.watch(b, d.Token, key)
		page.until("head")
		began := time.Now()
		var decided struct{ Run string }
		d.Do("POST", "/tickets/"+key+"/suggestions/"+s.ID+"/decision", map[string]string{"decision": "execute", "digest": s.Digest}, &decided)
		for !strings.Contains(page.until("event").data, "RunStarted") {
			continue // the page attaches when it hears that the command runs
		}
		d.firstOutput(b, "/tickets/"+key+"/runs/"+decided.Run)
		took = append(took, time.Since(began))
		page.close()
	}
	report(b, took, limit)
}

// bareSandbox starts bubblewrap with a shell and gives the time to the shell's first byte.
func bareSandbox(b *testing.B) time.Duration {
	began := time.Now()
	cmd := exec.CommandContext(b.Context(), "bwrap", "--unshare-all", "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib",
		"--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--die-with-parent", "--clearenv",
		"bash", "--noprofile", "--norc", "-c", "echo begun")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	_, err = io.ReadFull(out, make([]byte, 1))
	took := time.Since(began)
	if e := cmd.Wait(); err != nil || e != nil {
		b.Fatal("bubblewrap: ", err, e)
	}
	return took
}

// firstOutput attaches to a Run and returns with its first output.
func (d *bench) firstOutput(b *testing.B, path string) {
	var at struct{ Token, URL string }
	d.Do("POST", path+"/attachments", struct{}{}, &at)
	conn, _, err := websocket.Dial(b.Context(), d.URL+at.URL, &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + d.Token}}})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.CloseNow()
	hello, err := json.Marshal(map[string]any{"token": at.Token, "viewer": "bench-viewer", "from": 0, "cols": 80, "rows": 24})
	if err == nil {
		err = conn.Write(b.Context(), websocket.MessageText, hello)
	}
	for err == nil {
		var p []byte
		if _, p, err = conn.Read(b.Context()); err != nil {
			break
		}
		var frame any
		if frame, err = terminal.DecodeServer(p); err != nil {
			break
		}
		if out, ok := frame.(terminal.Output); ok && len(out.Data) > 0 {
			return
		}
	}
	var said []byte
	d.Do("GET", path[:strings.Index(path, "/runs/")]+"/suggestions", nil, &said)
	b.Fatalf("a viewer sees no output: %v; the command: %s", err, said)
}

// fanOut is from the moment at which a change is sent until the last of 200 viewers of its ticket has seen its event. The
// limit is 200 bare connections that the same bytes are written to. That an event is encoded once for all is held by
// a test of internal/live.
func (d *bench) fanOut(b *testing.B) {
	const viewers, n = 200, 60
	key := d.NewTicket(d.tenants[0], "say hello")
	d.idle(b, key)
	var all []*viewer
	for i := range viewers {
		v := d.watch(b, d.people[i%len(d.people)], key)
		defer v.close()
		v.until("head")
		all = append(all, v)
	}
	var took []time.Duration
	var last message
	next := all[0].seq + 1
	for i := range n {
		began := time.Now()
		d.Do("PATCH", "/tickets/"+key, map[string]string{"title": "Title " + strconv.Itoa(i)}, nil)
		for _, v := range all {
			last = v.until("event")
			if v.seq != next {
				b.Fatalf("a viewer sees event %d, and %d is next: one was lost", v.seq, next)
			}
		}
		took = append(took, time.Since(began))
		next++
	}
	report(b, took, bareFanOut(b, viewers, n, []byte(last.data)))
}

// BenchmarkProgram measures the program as it is delivered.
func BenchmarkProgram(b *testing.B) {
	program := b.TempDir() + "/helpdesk"
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "helpdesk/cmd/helpdesk")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build: %v %s", err, out)
	}
	info, err := os.Stat(program)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("size", func(b *testing.B) {
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(info.Size())/1e6, "MB")
	})
	b.Run("start", func(b *testing.B) { starts(b, program) })
}

// starts starts the program on data that is there already, from its execution to the first request that it says it is
// ready for. The limit is a start of the same file that only prints its version. Then it looks at the memory of all its
// processes.
func starts(b *testing.B, program string) {
	const n = 9
	p := delivered{b: b, program: program, data: readable(b)}
	p.run(nil) // makes the data
	var took, limit []time.Duration
	for range n {
		began := time.Now()
		if out, err := exec.CommandContext(b.Context(), program, "version").CombinedOutput(); err != nil {
			b.Fatalf("version: %v %s", err, bytes.TrimSpace(out))
		}
		limit = append(limit, time.Since(began))
		took = append(took, p.run(nil))
	}
	report(b, took, limit)
	p.run(func(launcher int) {
		settle := time.NewTimer(5 * time.Second) // what starting needed is given back
		<-settle.C
		rss, pss := 0.0, 0.0
		for _, pid := range family(b, launcher) {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
			if err != nil {
				b.Fatal(err)
			}
			rss, pss = rss+kilobytes(b, string(text), "Rss:")/1000, pss+kilobytes(b, string(text), "Pss:")/1000
		}
		b.ReportMetric(rss, "rss-MB")
		b.ReportMetric(pss, "pss-MB")
	})
}

func kilobytes(b *testing.B, text, name string) float64 {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			n, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				b.Fatal(err)
			}
			return n * 1.024
		}
	}
	b.Fatalf("there is no %s", name)
	return 0
}

// delivered is the program as it is delivered, on one data directory.
type delivered struct {
	b             *testing.B
	program, data string
}

// run starts the program, waits until it is ready, calls fn, where there is one, with its process, and ends it. It gives how
// long the start took.
func (p delivered) run(fn func(launcher int)) time.Duration {
	ctx, cancel := context.WithTimeout(p.b.Context(), 2*time.Minute)
	defer cancel()
	listen := freeAddress()
	cmd := exec.CommandContext(ctx, p.program, "serve")
	cmd.Env = append(withoutSettings(), "HELPDESK_CONFIG="+os.DevNull, "HELPDESK_DATA="+p.data, "HELPDESK_LISTEN="+listen, "HELPDESK_LOG_LEVEL=warn")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	began := time.Now()
	if err := cmd.Start(); err != nil {
		p.b.Fatal(err)
	}
	for !ready(ctx, listen) {
		if ctx.Err() != nil {
			_ = cmd.Wait()
			p.b.Fatalf("it is not ready in time: %s", said.String())
		}
	}
	took := time.Since(began)
	if fn != nil {
		fn(cmd.Process.Pid)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		p.b.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		p.b.Fatalf("it ends with %v: %s", err, said.String())
	}
	return took
}
