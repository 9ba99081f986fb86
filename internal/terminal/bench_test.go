package terminal_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sys/unix"

	"helpdesk"
	"helpdesk/internal/terminal"
)

// The benches measure a bare pseudo-terminal and the whole way of a byte (WebSocket, server, launcher, sandbox,
// record on disk and back) in the same run, and report how many times more the way takes.

// barePTY is a program on a pseudo-terminal of its own, as near to it as anybody can be.
func barePTY(b *testing.B, argv ...string) *os.File {
	b.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	must(b, err)
	must(b, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	must(b, err)
	slave, err := os.OpenFile("/dev/pts/"+itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
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

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// expect reads until the wanted bytes have come.
func expect(b *testing.B, f *os.File, want string) {
	b.Helper()
	var got []byte
	buf := make([]byte, 64<<10)
	for !bytes.Contains(got, []byte(want)) {
		n, err := f.Read(buf)
		must(b, err)
		got = append(got, buf[:n]...)
	}
}

// line is a viewer that does nothing but acknowledge.
type line struct {
	b    *testing.B
	conn *websocket.Conn
	seq  uint64
}

func (h *house) line(b *testing.B, who helpdesk.Actor, id helpdesk.TerminalID) *line {
	t := h.attach(who, id, attaching{silent: true})
	t.drop()
	att, err := h.service.AttachTerminal(h.ctx(), who, id)
	must(b, err)
	conn, _, err := websocket.Dial(h.ctx(), h.web.URL+"/attach/"+string(id), &websocket.DialOptions{HTTPHeader: map[string][]string{"Authorization": {who.ID}}})
	must(b, err)
	b.Cleanup(func() { conn.CloseNow() })
	conn.SetReadLimit(2 << 20)
	must(b, conn.Write(h.ctx(), websocket.MessageText, []byte(`{"token":"`+att.Token+`","viewer":"bench-line","from":null,"cols":80,"rows":24}`)))
	return &line{b: b, conn: conn}
}

func (l *line) typed(text string) {
	l.seq++
	must(l.b, l.conn.Write(context.Background(), websocket.MessageBinary, terminal.Encode(nil, terminal.Input{Seq: l.seq, Data: []byte(text)})))
}

// expect reads until the wanted bytes have come, and gives how many there were.
func (l *line) expect(want string) (n int) {
	l.b.Helper()
	var tail []byte
	var acked int64
	for {
		_, p, err := l.conn.Read(context.Background())
		must(l.b, err)
		f, err := terminal.DecodeServer(p)
		must(l.b, err)
		out, ok := f.(terminal.Output)
		if !ok {
			continue
		}
		n += len(out.Data)
		if at := out.Offset + int64(len(out.Data)); at-acked >= 16<<10 || len(out.Data) < 16<<10 {
			must(l.b, l.conn.Write(context.Background(), websocket.MessageBinary, terminal.Encode(nil, terminal.Ack{Offset: at})))
			acked = at
		}
		tail = append(tail, out.Data...)
		if bytes.Contains(tail, []byte(want)) {
			return n
		}
		tail = tail[max(0, len(tail)-len(want)):]
	}
}

func BenchmarkEcho(b *testing.B) {
	h := open(b, terminal.Config{})
	l := h.line(b, h.ann, h.openTerminal().ID)
	l.expect("$ ")
	l.typed("stty raw -echo; echo rea''dy; cat\r")
	l.expect("ready")
	bare := barePTY(b, "bash", "--noprofile", "--norc", "-i")
	expect(b, bare, "$ ")
	_, err := bare.WriteString("stty raw -echo; echo rea''dy; cat\r")
	must(b, err)
	expect(b, bare, "ready")

	var way, near []time.Duration
	buf := make([]byte, 1)
	for b.Loop() { // one after the other, so that both meet the same machine
		at := time.Now()
		l.typed("x")
		l.expect("x")
		way = append(way, time.Since(at))
		at = time.Now()
		_, _ = bare.WriteString("x")
		_, _ = bare.Read(buf)
		near = append(near, time.Since(at))
	}
	slices.Sort(way)
	slices.Sort(near)
	b.ReportMetric(float64(way[len(way)/2].Microseconds()), "µs-p50")
	b.ReportMetric(float64(way[len(way)*99/100].Microseconds()), "µs-p99")
	b.ReportMetric(float64(near[len(near)/2].Microseconds()), "µs-bare-p50")
	b.ReportMetric(float64(way[len(way)/2])/float64(near[len(near)/2]), "×bare")
}

func BenchmarkThroughput(b *testing.B) {
	const size = 32 << 20
	const command = "head -c 33554432 /dev/zero | tr '\\0' x; echo fin''ished\r"
	h := open(b, terminal.Config{Recording: 16 << 30})
	l := h.line(b, h.ann, h.openTerminal().ID)
	l.expect("$ ")
	bare := barePTY(b, "bash", "--noprofile", "--norc", "-i")
	expect(b, bare, "$ ")
	b.SetBytes(size)
	var way, near time.Duration
	buf := make([]byte, 64<<10)
	for b.Loop() {
		at := time.Now()
		l.typed(command)
		l.expect("finished")
		way += time.Since(at)
		at = time.Now()
		_, err := bare.WriteString(command)
		must(b, err)
		var tail []byte
		for !bytes.Contains(tail, []byte("finished")) {
			n, err := bare.Read(buf)
			must(b, err)
			tail = append(tail[max(0, len(tail)-8):], buf[:n]...)
		}
		near += time.Since(at)
	}
	mbs := func(d time.Duration) float64 { return size / 1e6 * float64(b.N) / d.Seconds() }
	b.ReportMetric(mbs(way), "MB/s-way")
	b.ReportMetric(mbs(near), "MB/s-bare")
	b.ReportMetric(near.Seconds()/way.Seconds(), "of-bare")
}
