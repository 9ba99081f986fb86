package launch_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"

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
// is only read.
func BenchmarkThroughput(b *testing.B) {
	command := fmt.Sprintf("yes 0123456789012345678901234567890123456789012345678901234567890 | head -c %d", outputBytes)
	b.Run("bare", func(b *testing.B) {
		b.SetBytes(outputBytes)
		buf := make([]byte, 64<<10)
		for b.Loop() {
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
		}
	})
	b.Run("recorded", func(b *testing.B) {
		b.SetBytes(outputBytes)
		l := launchtest.Start(b, launchtest.Config{})
		for i := 0; b.Loop(); i++ {
			id := fmt.Sprintf("run-%d", i)
			if _, err := l.Client.Start(l.Context(), launch.Spec{ID: id, Kind: launch.Private, Slot: 2, Ticket: "HD-1", Argv: []string{"sh", "-c", command}}); err != nil {
				b.Fatal(err)
			}
			l.Ended(id)
		}
	})
}

// BenchmarkEcho compares the time from a key to its echo.
func BenchmarkEcho(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		master, slave := barePTY(b)
		cmd := bareCommand(slave, "cat")
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		defer cmd.Wait()
		defer master.Close()
		slave.Close()
		buf := make([]byte, 10)
		for b.Loop() {
			if _, err := master.Write([]byte("x\x7f")); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(master, buf[:4]); err != nil { // x, back, blank, back
				b.Fatal(err)
			}
		}
	})
	b.Run("recorded", func(b *testing.B) {
		var end atomic.Int64
		came := make(chan struct{}, 1)
		l := launchtest.Start(b, launchtest.Config{Notify: func(st launch.Status) {
			end.Store(st.End)
			select {
			case came <- struct{}{}:
			default:
			}
		}})
		if _, err := l.Client.Start(l.Context(), launch.Spec{ID: "cat", Kind: launch.Private, Slot: 2, Ticket: "HD-1", Argv: []string{"sh", "-c", "echo; exec cat"}}); err != nil {
			b.Fatal(err)
		}
		ctx := l.Context()
		for end.Load() < 2 {
			<-came
		}
		for want := int64(6); b.Loop(); want += 4 {
			if err := l.Input(ctx, "cat", []byte("x\x7f")); err != nil {
				b.Fatal(err)
			}
			for end.Load() < want {
				<-came
			}
		}
	})
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
