package launchtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"

	"helpdesk/internal/launch"
	"helpdesk/internal/outbound"
)

// Main runs the tests, or what this process is instead: a launcher, or its helper.
func Main(m *testing.M) {
	if code, done := launch.Reexec(); done {
		os.Exit(code)
	}
	if code, done := outbound.Reexec(); done {
		os.Exit(code)
	}
	if os.Getenv(variable) != "" {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serve is the life of a launcher that listens for servers.
func serve() error {
	var c child
	if err := json.Unmarshal([]byte(os.Getenv(variable)), &c); err != nil {
		return err
	}
	c.Config.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	l, err := launch.New(c.Config)
	if err != nil {
		return err
	}
	listener, err := net.Listen("unix", c.Socket)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	var own sync.WaitGroup
	own.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			own.Go(func() {
				if err := l.Serve(ctx, conn); err != nil && ctx.Err() == nil {
					fmt.Fprintln(os.Stderr, "serve:", err)
				}
			})
		}
	})
	fmt.Println("ready")
	err = l.Run(ctx)
	own.Wait()
	return err
}

// launch starts the launcher and waits until it listens.
func (l *Launcher) launch(cfg Config) {
	l.t.Helper()
	l.cmd = exec.Command("/proc/self/exe")
	l.cmd.Env = append(os.Environ(), encode(child{cfg.Launch, l.socket}))
	l.cmd.Stderr = &l.said
	// Whoever starts a launcher may have had something open, which must not get into sandboxes.
	left, other, err := os.Pipe()
	if err != nil {
		l.t.Fatal(err)
	}
	defer left.Close()
	defer other.Close()
	l.cmd.ExtraFiles = []*os.File{left}
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if cfg.UID > 0 {
		l.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(cfg.UID), Gid: uint32(cfg.UID)}
	}
	if cfg.Group != "" {
		group, err := os.Open(cfg.Group)
		if err != nil {
			l.t.Fatal(err)
		}
		defer group.Close()
		l.cmd.SysProcAttr.UseCgroupFD, l.cmd.SysProcAttr.CgroupFD = true, int(group.Fd())
	}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := l.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		l.cmd.Process.Signal(syscall.SIGTERM)
		l.cmd.Wait()
		os.Remove(l.socket)
		if l.t.Failed() {
			l.t.Logf("the launcher said: %s", l.said.String())
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		l.cmd.Wait()
		l.t.Fatalf("the launcher did not start: %v\n%s", err, l.said.String())
	}
}
