// Package config is the one documented place where everything that an operator can set is named, with its
// default and its limits.
//
// A setting comes from a flag, else from the environment, else from helpdesk.yaml, else from its default; Load
// asks all four and remembers which one answered. It promises that every fault is reported at once, each with the place it
// was found and what to do about it; that a name nobody knows is a fault and never ignored; and that no
// secret is ever printed by formatting, logging or encoding a Config.
//
// The comment above each field is the reference that operators read: docs/guide/configuration.md and the
// command's help are made from it by `make gen`.
package config

import (
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"
)

// Config is the whole configuration of a HelpDesk server. The tag "key" is a setting's name in helpdesk.yaml;
// HELPDESK_ and the same in capitals, with dots as underscores, is its environment variable.
type Config struct {
	// Address and port to listen on. Anything beyond loopback needs tls.cert and tls.key, or the proxy that
	// does TLS named in trusted_proxies; without either the server refuses to start.
	Listen string `key:"listen" default:"127.0.0.1:8080"`

	// Directory that holds everything the server keeps: database, recordings, files, keys. One server at a time
	// may use it. The default is for root /var/lib/helpdesk, for others $XDG_DATA_HOME/helpdesk or
	// ~/.local/share/helpdesk.
	Data string `key:"data"`

	// PostgreSQL to use in place of the built-in SQLite, as postgres://user:password@host/name. Needed when
	// several nodes share the work.
	Database Secret `key:"database" secret:"url"`

	// NATS cluster to use in place of the built-in one, as nats://host:4222. Needed when several nodes share the
	// work.
	NATS Secret `key:"nats" secret:"url"`

	// Address at which people reach the server, such as https://help.example.com. Links in invitations are made
	// from it, and its host name is accepted. The default is the address of listen; beyond loopback it must be set.
	PublicURL string `key:"public_url"`

	// Further host names under which requests are accepted. Requests for any other host are answered 421, which
	// stops web pages that point their own name at this server.
	Hosts []string `key:"hosts"`

	// Networks (such as 10.0.0.0/8) or addresses of the reverse proxies whose X-Forwarded-For and
	// X-Forwarded-Proto are believed.
	TrustedProxies []netip.Prefix `key:"trusted_proxies"`

	// Key that encrypts the stored secrets: 32 bytes, as 64 hexadecimal digits or in base64. Prefer key_file.
	Key Secret `key:"key" secret:"yes"`

	// File that holds the key. The default is secret.key in the data directory, made at the first start.
	// Without this key the stored secrets cannot be read: keep a copy apart from the backups of the data.
	KeyFile string `key:"key_file"`

	// Users of this system from which tenants get theirs, when the server is started by root: first-last. They
	// must not belong to anybody else.
	UIDs UIDRange `key:"uids" default:"600000-665535"`

	TLS      TLS      `key:"tls"`
	Admin    Admin    `key:"admin"`
	HostView HostView `key:"host_view"`
	Log      Log      `key:"log"`
	Limits   Limits   `key:"limits"`

	origin map[string]string // key → where its value came from
}

// TLS names the certificate for listening beyond loopback.
type TLS struct {
	// File with the certificate chain, in PEM.
	Cert string `key:"cert"`

	// File with the certificate's private key, in PEM.
	Key string `key:"key"`
}

// Admin is what only a platform admin is concerned with.
type Admin struct {
	// API token of a platform admin, for automation that must work before anybody has signed in. Any text of at
	// least 20 characters without spaces. Empty: no such token.
	Token Secret `key:"token" secret:"yes"`

	// Whether platform admins may open a Terminal as the user who runs the server, unconfined: on, off, or
	// auto, which is on while the server listens on loopback only.
	Terminal Switch `key:"terminal" default:"auto"`
}

// HostView is what the tenant This machine sees of this machine.
type HostView struct {
	// Sockets that are let in, each by its full path. A program that listens on one does what it is asked to by whoever may
	// connect: name only what answers questions and changes nothing.
	Sockets []string `key:"sockets" default:"/run/dbus/system_bus_socket"`

	// Whether the home directories of people are to be seen: yes or no.
	Homes bool `key:"homes" default:"no"`
}

// Log is how the server logs, on standard error.
type Log struct {
	// Least level that is logged: debug, info, warn or error.
	Level slog.Level `key:"level" default:"info"`

	// Form of the log: text, or json, one object a line.
	Format LogFormat `key:"format" default:"text"`
}

// Limits hold each limit of the server. Whoever meets one is told which it is, by its name here.
type Limits struct {
	// Size of one message to an agent.
	Message Size `key:"message" default:"256KiB" min:"1KiB" max:"16MiB"`

	// Size of one suggested command together with its purpose and expected outcome.
	Suggestion Size `key:"suggestion" default:"64KiB" min:"1KiB" max:"4MiB"`

	// Suggestions in one reply of an agent.
	SuggestionsPerReply int `key:"suggestions_per_reply" default:"50" min:"1" max:"1000"`

	// Size of one file of a ticket.
	File Size `key:"file" default:"10MiB" min:"1KiB" max:"10MiB"`

	// Size of everything in one reply of an agent.
	Reply Size `key:"reply" default:"50MiB" min:"64KiB" max:"1GiB"`

	// Time an agent may take for one turn.
	Turn time.Duration `key:"turn" default:"30m" min:"10s" max:"24h"`

	// Time after which the turn of a node that has gone silent is taken over by another.
	Lease time.Duration `key:"lease" default:"15s" min:"3s" max:"10m"`

	// Messages of one ticket that may wait for their turn.
	QueuedMessages int `key:"queued_messages" default:"20" min:"1" max:"1000"`

	// Turns that one person may start in a day.
	TurnsPerDay int `key:"turns_per_day" default:"200" min:"1" max:"1000000"`

	// Terminals of one ticket.
	Terminals int `key:"terminals" default:"20" min:"1" max:"200"`

	// Event streams that one user may hold open, over all tabs and devices.
	Streams int `key:"streams" default:"16" min:"1" max:"1000"`

	// Output of one command as it is sent to an agent: its head and its tail, with a note between. All of it is
	// kept and shown to people.
	OutputToAgent Size `key:"output_to_agent" default:"32KiB" min:"1KiB" max:"4MiB"`

	// Time one command may run before it is stopped.
	Run time.Duration `key:"run" default:"10m" min:"1s" max:"24h"`

	// Time after which an approval that nobody sent lapses.
	Approval time.Duration `key:"approval" default:"24h" min:"1m" max:"720h"`

	// Recorded output of one Terminal. At the limit the Terminal pauses and asks.
	RecordingPerTerminal Size `key:"recording_per_terminal" default:"256MB" min:"1MiB" max:"1TiB"`

	// Recorded output of one run of a command. What it writes beyond the limit is not kept; it runs on.
	RecordingPerRun Size `key:"recording_per_run" default:"64MB" min:"1MiB" max:"1TiB"`

	// Recorded output of one tenant. From 80 % on there is a notice; at the limit Terminals pause and ask.
	RecordingPerTenant Size `key:"recording_per_tenant" default:"10GB" min:"16MiB" max:"1PiB"`

	// Memory that one sandbox may take.
	Memory Size `key:"memory" default:"1GiB" min:"32MiB" max:"1TiB"`

	// Processes and threads that one sandbox may have.
	Processes int `key:"processes" default:"512" min:"16" max:"100000"`

	// Size of all files in one ticket's workspace.
	Workspace Size `key:"workspace" default:"256MB" min:"1MiB" max:"1TiB"`

	// Number of files in one ticket's workspace.
	WorkspaceFiles int `key:"workspace_files" default:"10000" min:"10" max:"10000000"`
}

// Loopback says whether the server is reachable from this machine only.
func (c Config) Loopback() bool {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// AdminTerminal says whether platform admins may open Terminals of scope admin: as set, or, left to us, on
// loopback only.
func (c Config) AdminTerminal() bool {
	if c.Admin.Terminal == SwitchAuto {
		return c.Loopback()
	}
	return c.Admin.Terminal == SwitchOn
}

// Secure says whether people come by https, here or at a proxy, so that cookies need never travel otherwise. Beyond
// loopback there is no other way.
func (c Config) Secure() bool {
	return c.TLS.Cert != "" || !c.Loopback() || strings.HasPrefix(c.PublicURL, "https://")
}

// BaseURL is what links begin with: PublicURL, or the address on which the server came to listen.
func (c Config) BaseURL(listening string) string {
	if c.PublicURL != "" {
		return strings.TrimSuffix(c.PublicURL, "/")
	}
	return c.LocalURL(listening)
}

// LocalURL is the address of a server that listens on listening, for programs on this machine.
func (c Config) LocalURL(listening string) string {
	scheme := "http"
	if c.TLS.Cert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(listening)
	if err != nil {
		return scheme + "://" + listening
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// HostNames are the names, besides loopback's, under which requests are accepted: that of PublicURL and Hosts.
func (c Config) HostNames() []string {
	names := append([]string(nil), c.Hosts...)
	if u, err := parsePublicURL(c.PublicURL); err == nil && u != nil {
		names = append(names, u.Hostname())
	}
	return names
}

// Origin says where the value of a setting came from, such as "HELPDESK_LISTEN" or "default".
func (c Config) Origin(key string) string { return c.origin[key] }

// SecretFiles are the files outside the data directory that hold this configuration's secrets.
func (c Config) SecretFiles() []string {
	return slices.DeleteFunc([]string{c.origin[originFile], c.KeyFile, c.TLS.Key}, func(path string) bool { return path == "" })
}

// Environ is an environment from which Load makes this very Config without reading a file. The launcher gives it to
// the server, who runs as a user that may read neither the file nor the keys of others.
func (c Config) Environ() []string {
	env := []string{"HELPDESK_CONFIG=" + os.DevNull}
	for _, f := range fieldsOf(&c) {
		text := f.show()
		if s, ok := f.value.Interface().(Secret); ok {
			text = s.Reveal()
		}
		if c.origin[f.key] != originDefault || f.key == "data" {
			env = append(env, EnvName(f.key)+"="+text)
		}
	}
	return env
}
