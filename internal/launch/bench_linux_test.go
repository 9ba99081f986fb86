package launch_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"helpdesk/internal/launch"
	"helpdesk/internal/launch/launchtest"
)

// BenchmarkStart is from the request to the end of a program that does nothing, as the server sees it.
func BenchmarkStart(b *testing.B) {
	for _, kind := range []launch.Kind{launch.Private, launch.HostView} {
		b.Run(string(kind), func(b *testing.B) {
			l := launchtest.Start(b, launchtest.Config{})
			slot := 2
			if kind == launch.HostView {
				slot = launch.HostViewSlot
			}
			for i := 0; b.Loop(); i++ {
				id := fmt.Sprintf("run-%d", i)
				if _, err := l.Client.Start(l.Context(), launch.Spec{ID: id, Kind: kind, Slot: slot, Ticket: "HD-1", Argv: []string{"true"}}); err != nil {
					b.Fatal(err)
				}
				l.Ended(id)
				if err := l.Forget(l.Context(), id); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

const outputBytes = 32 << 20

// BenchmarkThroughput compares a program's output through sandbox, launcher and transcript with a pseudo-terminal that
// is only read, one after the other.
func BenchmarkThroughput(b *testing.B) {
	command := fmt.Sprintf("yes 0123456789012345678901234567890123456789012345678901234567890 | head -c %d", outputBytes)
	l := launchtest.Start(b, launchtest.Config{Launch: launch.Config{Recordings: 1 << 40}})
	buf := make([]byte, 64<<10)
	var way, near time.Duration
	b.SetBytes(outputBytes)
	for i := 0; b.Loop(); i++ {
		at := time.Now()
		id := fmt.Sprintf("run-%d", i)
		if _, err := l.Client.Start(l.Context(), launch.Spec{ID: id, Kind: launch.Private, Slot: 2, Ticket: "HD-1", Argv: []string{"sh", "-c", command}}); err != nil {
			b.Fatal(err)
		}
		l.Ended(id)
		way += time.Since(at)

		at = time.Now()
		master, slave := barePTY(b)
		cmd := bareCommand(slave, "sh", "-c", command)
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		slave.Close()
		for {
			if _, err := master.Read(buf); err != nil {
				break
			}
		}
		cmd.Wait()
		master.Close()
		near += time.Since(at)
	}
	mbs := func(d time.Duration) float64 { return outputBytes / 1e6 * float64(b.N) / d.Seconds() }
	b.ReportMetric(0, "ns/op") // of both, which says nothing
	b.ReportMetric(mbs(way), "MB/s-recorded")
	b.ReportMetric(mbs(near), "MB/s-bare")
	b.ReportMetric(near.Seconds()/way.Seconds(), "of-bare")
}

// BenchmarkEcho compares the time from a key to its echo, as the server learns of it, with that of a bare
// pseudo-terminal, one after the other. The key is recorded as well.
func BenchmarkEcho(b *testing.B) {
	const program = "stty raw -echo; echo ready; exec cat"
	var end atomic.Int64
	came := make(chan struct{}, 1)
	l := launchtest.Start(b, launchtest.Config{Notify: func(st launch.Status) {
		end.Store(st.End)
		select {
		case came <- struct{}{}:
		default:
		}
	}})
	await := func(want int64) {
		for end.Load() < want {
			<-came
		}
	}
	if _, err := l.Client.Start(l.Context(), launch.Spec{ID: "cat", Kind: launch.Private, Slot: 2, Ticket: "HD-1", CaptureInput: true, Argv: []string{"sh", "-c", program}}); err != nil {
		b.Fatal(err)
	}
	await(int64(len("ready\n")))
	master, slave := barePTY(b)
	cmd := bareCommand(slave, "sh", "-c", program)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer cmd.Wait()
	defer master.Close()
	slave.Close()
	buf := make([]byte, 64)
	if _, err := io.ReadFull(master, buf[:len("ready\n")]); err != nil {
		b.Fatal(err)
	}
	ctx := l.Context()
	var way, near []time.Duration
	typed := make(chan error, 1)
	for b.Loop() {
		at, want := time.Now(), end.Load()+1
		l.Type("cat", []byte("x"), func(err error) { typed <- err })
		await(want)
		way = append(way, time.Since(at))
		select {
		case err := <-typed:
			if err != nil {
				b.Fatal(err)
			}
		case <-ctx.Done():
			b.Fatal(context.Cause(ctx))
		}
		at = time.Now()
		if _, err := master.Write([]byte("x")); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(master, buf[:1]); err != nil {
			b.Fatal(err)
		}
		near = append(near, time.Since(at))
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

func barePTY(b *testing.B) (master, slave *os.File) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		b.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		b.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		b.Fatal(err)
	}
	if slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		b.Fatal(err)
	}
	return master, slave
}

func bareCommand(slave *os.File, argv ...string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	return cmd
}
