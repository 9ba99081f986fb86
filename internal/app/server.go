package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"helpdesk"
	"helpdesk/internal/agent/runbook"
	"helpdesk/internal/agent/script"
	"helpdesk/internal/approval"
	"helpdesk/internal/auth"
	"helpdesk/internal/bus"
	"helpdesk/internal/config"
	"helpdesk/internal/datadir"
	"helpdesk/internal/desk"
	"helpdesk/internal/directory"
	"helpdesk/internal/httpapi"
	"helpdesk/internal/launch"
	"helpdesk/internal/live"
	"helpdesk/internal/secret"
	"helpdesk/internal/store"
	"helpdesk/internal/terminal"
	"helpdesk/internal/turn"
	"helpdesk/internal/workspace"
	"helpdesk/web"
)

// format is the version of what the data directory holds.
const format = 1

// server is a HelpDesk's second process.
func (p Program) server(ctx context.Context, cfg config.Config, conn net.Conn, out io.Writer, log *slog.Logger) error {
	certificate, err := certificateOf(cfg.TLS)
	if err != nil {
		return final(err)
	}
	data := launch.DataDir(cfg.Data)
	dir, err := datadir.Open(datadir.Config{Path: data, Name: cfg.Data, Version: p.Version, Format: format})
	if err != nil {
		return final(err)
	}
	defer dir.Close()
	agents, err := p.agents(dir)
	if err != nil {
		return final(err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return final(helpdesk.WithCause(helpdesk.Unavailable, err, "Nothing can listen on %s: another program may hold the port. Choose another address with HELPDESK_LISTEN.", cfg.Listen))
	}
	defer listener.Close()
	key, err := masterKey(cfg, dir)
	if err != nil {
		return final(err)
	}
	messages, err := bus.Start(bus.Config{URL: string(cfg.NATS)})
	if err != nil {
		return final(err)
	}
	defer messages.Close()
	db, err := store.Open(ctx, store.Config{URL: string(cfg.Database), Dir: data, Committed: live.Announce(messages.Publish)})
	if err != nil {
		return final(err)
	}
	defer db.Close()
	local, err := dir.Announce(cfg.LocalURL(listener.Addr().String()), fingerprint(certificate))
	if err != nil {
		return final(err)
	}
	d := &helpDesk{cfg: cfg, log: log, db: db, agents: agents, built: make(chan struct{})}
	d.launcher = launch.NewClient(conn, launch.ClientConfig{Log: log, Notify: d.notice, Quick: true})
	base, stop := context.WithCancel(context.WithoutCancel(ctx)) // the client outlives the services that use it
	ctx, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { cancel(d.launcher.Run(base)) })
	hello, err := d.launcher.Hello(ctx)
	if err != nil {
		return err
	}
	if hello.Capabilities.Why != "" {
		log.Warn("nothing can be run on this host", "why", hello.Capabilities.Why)
	}
	if err := d.build(p, messages, key, local, listener.Addr().String(), hello.Capabilities); err != nil {
		return err
	}
	if err := d.seed(ctx, p); err != nil {
		return err
	}
	close(d.built)
	return d.run(ctx, listener, certificate, out)
}

// notice passes on what the launcher says of its processes. It waits for what is to hear it, and never again.
func (d *helpDesk) notice(st launch.Status) {
	<-d.built
	d.terminals.Notice(st)
	d.approval.Notice(st)
}

// final marks an error that starting again would not mend: the launcher gives up with it.
func final(err error) error {
	fmt.Fprintln(os.Stderr, "helpdesk:", err)
	return Exit{launch.ExitConfig}
}

func masterKey(cfg config.Config, dir *datadir.Dir) (secret.Key, error) {
	var raw []byte
	var err error
	switch {
	case cfg.Key != "":
		raw, err = config.ParseKey(string(cfg.Key))
	case cfg.KeyFile != "":
		raw, err = datadir.ReadKey(cfg.KeyFile, config.ParseKey)
	default:
		raw, err = datadir.SecretKey(dir.Join("secret.key"), secret.KeySize, config.ParseKey)
	}
	if err != nil {
		return secret.Key{}, err
	}
	return secret.NewKey(raw)
}

// helpDesk is everything that a server process runs.
type helpDesk struct {
	cfg       config.Config
	log       *slog.Logger
	db        *store.Store
	launcher  *launch.Client
	agents    map[helpdesk.AgentKind]turn.Agent
	auth      *auth.Service
	people    *directory.Service
	hub       *live.Hub
	files     *workspace.Service
	terminals *terminal.Service
	approval  *approval.Service
	turns     *turn.Engine
	desk      *desk.Desk
	api       *httpapi.Server
	baseURL   string
	built     chan struct{} // closed when all of these are there
}

// build makes every part; it starts none.
func (d *helpDesk) build(p Program, messages *bus.Bus, key secret.Key, local datadir.Local, listening string, can launch.Capabilities) error {
	cfg, limits := d.cfg, d.cfg.Limits
	d.baseURL = cfg.BaseURL(listening)
	roster := store.NewRoster(d.db)
	d.auth = auth.New(auth.Config{AdminToken: string(cfg.Admin.Token), LocalToken: local.Token, BaseURL: d.baseURL, Log: d.log}, d.db)
	d.hub = live.New(live.Config{Streams: limits.Streams, Log: d.log}, d.db, messages)
	alone := ""
	if can.OneUID {
		alone = "This server was not started by root, so it cannot keep a second tenant apart on this host."
	}
	d.people = directory.New(directory.Config{OneTenantOnly: alone, Changed: d.auth.Changed}, d.db, roster, key)
	d.files = workspace.New(workspace.Config{Log: d.log}, d.db, d.launcher)
	d.terminals = terminal.New(terminal.Config{
		PerTicket: limits.Terminals, Recording: int64(limits.RecordingPerTerminal), Origins: cfg.HostNames(), Log: d.log,
		Login: func(r *http.Request) (terminal.Login, error) { return d.login(r) },
	}, d.db, d.launcher, d.people, d.files)
	d.approval = approval.New(approval.Config{
		Store: d.db, Roster: roster, Launcher: d.launcher, Workspace: d.files, Variables: d.people.Environment, Rights: d.auth.Rights,
		OutputToAgent: int(limits.OutputToAgent), RunTime: limits.Run, NodeLife: 2 * limits.Lease, Recording: int64(limits.RecordingPerRun), Lapse: limits.Approval, Log: d.log,
	})
	d.turns = turn.New(turn.Config{
		Store: d.db, Roster: roster, Agents: d.agents, Parts: d.hub.Parts(), Approval: d.approval, Node: node(),
		AdminScope: cfg.AdminTerminal(), Lease: limits.Lease, Turn: limits.Turn,
		Reply: int(limits.Reply), Suggestion: int(limits.Suggestion), Suggestions: limits.SuggestionsPerReply, Files: int(limits.File), Log: d.log,
	})
	d.desk = desk.New(desk.Config{
		Store: d.db, Roster: roster, Turns: d.turns, Approval: d.approval, Log: d.log,
		Clearing: clearing{d.approval, d.terminals, d.files, d.launcher},
		Message:  int(limits.Message), Queue: limits.QueuedMessages, TurnsPerDay: limits.TurnsPerDay,
	})
	page, err := web.Handler()
	if err != nil {
		return err
	}
	d.api = httpapi.New(httpapi.Config{
		Version: p.Version, Hosts: cfg.HostNames(), Secure: cfg.Secure(), TrustedProxies: cfg.TrustedProxies,
		AdminTerminal: cfg.AdminTerminal(), Message: int64(limits.Message), File: int64(limits.File), Log: d.log,
	}, httpapi.Services{
		Auth: d.auth, Directory: d.people, Live: d.hub, Store: d.db, Desk: deskDoor{d.desk}, Approval: approvalDoor{d.approval, d.terminals},
		Terminals: terminalDoor{d.terminals}, Workspace: d.files, Page: page, Ready: d.db.Ping,
		Attach: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.terminals.ServeAttach(w, r, attachmentID(r.URL.Path)) }),
	})
	return nil
}

// attachmentID is the Terminal or Run in a path such as /api/v1/terminals/<id>/attach.
func attachmentID(path string) string {
	parts := strings.Split(strings.TrimSuffix(path, "/attach"), "/")
	return parts[len(parts)-1]
}

// node names this process among all that share a store.
func node() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + "/" + strconv.Itoa(os.Getpid()) + "/" + uuid.NewString()[:8]
}

const (
	doctor   = "machine-doctor"
	scripted = "script"
)

// agents are those that this program can be itself, with the user's own runbooks in the data directory.
func (p Program) agents(dir *datadir.Dir) (map[helpdesk.AgentKind]turn.Agent, error) {
	own := dir.Join("runbooks")
	if _, err := os.Stat(own); errors.Is(err, fs.ErrNotExist) {
		own = ""
	}
	book, err := runbook.New(runbook.Config{Dir: own})
	if err != nil {
		return nil, err
	}
	all := map[helpdesk.AgentKind]turn.Agent{helpdesk.AgentRunbook: book}
	if p.Script {
		play, err := script.New(script.Config{Enable: true, Gates: &script.Gates{Dir: p.Gates}})
		if err != nil {
			return nil, err
		}
		all[helpdesk.AgentScript] = play
	}
	return all, nil
}

// seed stores what every HelpDesk begins with.
func (d *helpDesk) seed(ctx context.Context, p Program) error {
	definition := runbook.About()
	definition.ID = doctor
	agents := []helpdesk.Agent{definition}
	instances := []helpdesk.Instance{{ID: doctor, Agent: doctor, Name: "Built in", AllTenants: true}}
	if p.Script {
		agents = append(agents, helpdesk.Agent{ID: scripted, Name: "Script", Kind: helpdesk.AgentScript, Domain: "Tests", Description: "Plays the message as a script."})
		instances = append(instances, helpdesk.Instance{ID: scripted, Agent: scripted, Name: "Script", AllTenants: true})
	}
	return d.people.Seed(ctx, agents, instances)
}

// login says who asks for a WebSocket.
func (d *helpDesk) login(r *http.Request) (terminal.Login, error) {
	cookie, who, err := d.api.Caller(r)
	return terminal.Login{Cookie: cookie, Actor: who}, err
}

// run serves until ctx ends or a part of it cannot go on, and returns when all parts have ended.
func (d *helpDesk) run(ctx context.Context, listener net.Listener, certificate *tls.Config, out io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	streams, stopStreams := context.WithCancel(context.WithoutCancel(ctx)) // they outlive those who write to them
	defer stopStreams()
	var wg, under sync.WaitGroup
	part := func(ctx context.Context, wg *sync.WaitGroup, name string, run func(context.Context) error) {
		wg.Go(func() {
			if err := run(ctx); !ended(err) && ctx.Err() == nil {
				cancel(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	part(streams, &under, "streams", d.hub.Run)
	part(ctx, &wg, "terminals", d.terminals.Run)
	part(ctx, &wg, "approval", d.approval.Run)
	part(ctx, &wg, "turns", d.turns.Run)
	part(ctx, &wg, "desk", d.desk.Run)
	part(ctx, &wg, "workspaces", d.files.Run)
	part(ctx, &wg, "sign-ins", d.auth.Run)

	web := &http.Server{Handler: d.api, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug)}
	web.RegisterOnShutdown(stopStreams) // a stream never becomes idle by itself
	serve := web.Serve
	if certificate != nil {
		web.TLSConfig = certificate
		serve = func(l net.Listener) error { return web.ServeTLS(l, "", "") }
	}
	part(ctx, &wg, "web", func(context.Context) error {
		if err := serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	if err := d.welcome(ctx, out); err != nil {
		cancel(err)
	}
	<-ctx.Done()
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	if web.Shutdown(end) != nil {
		web.Close() // streams and sockets never become idle
	}
	stop()
	wg.Wait()
	stopStreams()
	under.Wait()
	if err := context.Cause(ctx); !ended(err) {
		return err
	}
	return nil
}

// welcome prints the address and a link that signs the first admin in.
func (d *helpDesk) welcome(ctx context.Context, out io.Writer) error {
	admin, err := d.auth.EnsureAdmin(ctx)
	if err != nil {
		return err
	}
	l, err := d.auth.SignInLink(ctx, helpdesk.System("start"), admin.ID)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\n  AI HelpDesk is ready at %s\n\n  Sign in as %s, once, within 10 minutes:\n  %s\n\n", d.baseURL, admin.Name, l.URL)
	return err
}
