package terminal_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sys/unix"

	"helpdesk"
	"helpdesk/internal/terminal"
)

// The benches measure a bare pseudo-terminal and the whole way of a byte (WebSocket, server, launcher, sandbox,
// record on disk and back) in the same run, one after the other, so that both meet the same machine, and report how many
// times more the way takes. Both have the same programs at their ends. What is typed is recorded as well.

// barePTY is a program on a pseudo-terminal of its own, as near to it as anybody can be.
func barePTY(b *testing.B, argv ...string) *os.File {
	b.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	must(b, err)
	must(b, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	must(b, err)
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	must(b, err)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "PS1=$ ", "TERM=xterm-256color")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true}
	must(b, cmd.Start())
	slave.Close()
	master := os.NewFile(uintptr(fd), "pty")
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait(); master.Close() })
	return master
}

// expect reads until the wanted bytes have come.
func expect(b *testing.B, f *os.File, buf []byte, want string) {
	b.Helper()
	var tail []byte
	for !bytes.Contains(tail, []byte(want)) {
		n, err := f.Read(buf)
		must(b, err)
		tail = append(tail[max(0, len(tail)-len(want)):], buf[:n]...)
	}
}

// line is a viewer that does nothing but acknowledge.
type line struct {
	b    *testing.B
	conn *websocket.Conn
	seq  uint64
	tail []byte // the last output
	end  int64  // of what was read
	ack  int64  // what was acknowledged
	took uint64 // what was typed, as the server says
}

func (h *house) line(b *testing.B, name string, id helpdesk.TerminalID) *line {
	att, err := h.service.AttachTerminal(h.ctx(), h.ann, id)
	must(b, err)
	conn, _, err := websocket.Dial(h.ctx(), h.web.URL+"/attach/"+string(id), &websocket.DialOptions{HTTPHeader: map[string][]string{"Authorization": {h.ann.ID}}})
	must(b, err)
	b.Cleanup(func() { conn.CloseNow() })
	conn.SetReadLimit(2 << 20)
	must(b, conn.Write(h.ctx(), websocket.MessageText, []byte(`{"token":"`+att.Token+`","viewer":"`+name+`","from":null,"cols":80,"rows":24}`)))
	return &line{b: b, conn: conn}
}

func (l *line) typed(text string) {
	l.seq++
	must(l.b, l.conn.Write(context.Background(), websocket.MessageBinary, terminal.Encode(nil, terminal.Input{Seq: l.seq, Data: []byte(text)})))
}

// next reads a frame and acknowledges as a browser does: after 16 KiB, and when nothing is left.
func (l *line) next() error {
	_, p, err := l.conn.Read(context.Background())
	if err != nil {
		return err
	}
	f, err := terminal.DecodeServer(p)
	if err != nil {
		return err
	}
	switch f := f.(type) {
	case terminal.InputAck:
		l.took = f.Seq
	case terminal.Output:
		l.tail = append(l.tail[max(0, len(l.tail)-64):], f.Data...)
		l.end = f.Offset + int64(len(f.Data))
		if l.end-l.ack >= 16<<10 || len(f.Data) < 16<<10 {
			l.ack = l.end
			return l.conn.Write(context.Background(), websocket.MessageBinary, terminal.Encode(nil, terminal.Ack{Offset: l.end}))
		}
	}
	return nil
}

// expect reads until the wanted bytes have come, and forgets them.
func (l *line) expect(want string) {
	l.b.Helper()
	for !bytes.Contains(l.tail, []byte(want)) {
		must(l.b, l.next())
	}
	l.tail = l.tail[:0]
}

// settled reads until the server has nothing more to say of what was typed.
func (l *line) settled() {
	for l.took < l.seq {
		must(l.b, l.next())
	}
}

// watchers are viewers that only look on.
func (h *house) watchers(b *testing.B, n int, id helpdesk.TerminalID) {
	for i := range n {
		l := h.line(b, "bench-watcher-"+strconv.Itoa(i), id)
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			for l.next() == nil {
			}
		}()
		b.Cleanup(func() { l.conn.CloseNow(); <-gone })
	}
}

// stuck is a viewer that reads nothing at all.
func (h *house) stuck(b *testing.B, id helpdesk.TerminalID) { h.line(b, "bench-stuck", id) }

const shellPrompt = "$ "

// BenchmarkEcho is from a key to its echo: at bash's prompt, which edits its line, and from cat, which does nothing but
// give back what it gets.
func BenchmarkEcho(b *testing.B) {
	for _, program := range []string{"prompt", "cat"} {
		for _, viewers := range []int{1, 4} {
			b.Run(fmt.Sprintf("%s/viewers=%d", program, viewers), func(b *testing.B) { echo(b, program == "cat", viewers) })
		}
	}
}

func echo(b *testing.B, cat bool, viewers int) {
	h := open(b, terminal.Config{})
	id := h.openTerminal().ID
	l := h.line(b, "bench-typist", id)
	h.watchers(b, viewers-1, id)
	l.expect(shellPrompt)
	bare := barePTY(b, "bash", "--noprofile", "--norc", "-i")
	buf := make([]byte, 64<<10)
	expect(b, bare, buf, shellPrompt)
	if cat {
		const start = "stty raw -echo; echo rea''dy; cat\r"
		l.typed(start)
		l.expect("ready")
		_, err := bare.WriteString(start)
		must(b, err)
		expect(b, bare, buf, "ready")
	}
	var way, near []time.Duration
	for b.Loop() {
		at := time.Now()
		l.typed("x")
		l.expect("x")
		way = append(way, time.Since(at))
		l.settled()
		at = time.Now()
		_, err := bare.WriteString("x")
		must(b, err)
		expect(b, bare, buf, "x")
		near = append(near, time.Since(at))
		if !cat { // the line stays short
			l.typed("\x7f")
			l.expect("\b")
			l.settled()
			_, err = bare.WriteString("\x7f")
			must(b, err)
			expect(b, bare, buf, "\b")
		}
	}
	slices.Sort(way)
	slices.Sort(near)
	at := func(d []time.Duration, percent int) float64 {
		return float64(d[len(d)*percent/100].Nanoseconds()) / 1000
	}
	b.ReportMetric(0, "ns/op") // of both, which says nothing
	b.ReportMetric(at(way, 50), "µs-p50")
	b.ReportMetric(at(way, 99), "µs-p99")
	b.ReportMetric(at(near, 50), "µs-bare-p50")
	b.ReportMetric(at(near, 99), "µs-bare-p99")
	b.ReportMetric(at(way, 50)/at(near, 50), "×bare")
}

// BenchmarkThroughput is how fast a lot of output comes to the one who typed for it, alone, with others who look on,
// and with one who does not read.
func BenchmarkThroughput(b *testing.B) {
	for _, c := range []struct {
		name    string
		viewers int
		stuck   bool
	}{{"viewers=1", 1, false}, {"viewers=4", 4, false}, {"viewers=1+stuck", 1, true}} {
		b.Run(c.name, func(b *testing.B) { throughput(b, c.viewers, c.stuck) })
	}
}

func throughput(b *testing.B, viewers int, stuck bool) {
	const size = 32 << 20
	command := fmt.Sprintf("yes 0123456789012345678901234567890123456789012345678901234567890 | head -c %d; echo fin''ished\r", size)
	h := open(b, terminal.Config{Recording: 16 << 30})
	id := h.openTerminal().ID
	l := h.line(b, "bench-typist", id)
	h.watchers(b, viewers-1, id)
	if stuck {
		h.stuck(b, id)
	}
	l.expect(shellPrompt)
	bare := barePTY(b, "bash", "--noprofile", "--norc", "-i")
	buf := make([]byte, 64<<10)
	expect(b, bare, buf, shellPrompt)
	b.SetBytes(size)
	var way, near time.Duration
	for b.Loop() {
		at := time.Now()
		l.typed(command)
		l.expect("finished")
		way += time.Since(at)
		at = time.Now()
		_, err := bare.WriteString(command)
		must(b, err)
		expect(b, bare, buf, "finished")
		near += time.Since(at)
	}
	mbs := func(d time.Duration) float64 { return size / 1e6 * float64(b.N) / d.Seconds() }
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	b.ReportMetric(0, "ns/op") // of both, which says nothing
	b.ReportMetric(mbs(way), "MB/s-way")
	b.ReportMetric(mbs(near), "MB/s-bare")
	b.ReportMetric(near.Seconds()/way.Seconds(), "of-bare")
	b.ReportMetric(float64(memory.HeapInuse)/1e6, "MB-heap")
}
