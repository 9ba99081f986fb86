package launch

import (
	"log/slog"
	"time"
)

// Config configures a Launcher.
type Config struct {
	Data     string // the data directory; made if it is not there
	FirstUID int    // with root: the server's uid, and after it one for each tenant; default 600000
	LastUID  int    // default 665535

	AllowHost bool     // whether the unconfined shell (Host) may be started; default no
	Sockets   []string // host sockets that are let into the host view; nil: the system bus
	Masks     []string // files and directories that the host view does not show besides those that it never does
	ShowHomes bool     // whether the host view shows /home and /root; default no

	Memory       int64 // bytes a sandbox may take; default 1 GiB
	Processes    int   // processes and threads a sandbox may have; default 512
	Recordings   int64 // bytes of output recorded of all Terminals and Runs of one tenant; default 10 GB
	MaxProcesses int   // processes the launcher holds at once, ended ones that are not forgotten included; default 2000

	Log *slog.Logger // default: discard
}

func (c *Config) setDefaults() {
	if c.FirstUID == 0 {
		c.FirstUID = 600000
	}
	if c.LastUID == 0 {
		c.LastUID = c.FirstUID + 65535
	}
	if c.Memory == 0 {
		c.Memory = 1 << 30
	}
	if c.Processes == 0 {
		c.Processes = 512
	}
	if c.Recordings == 0 {
		c.Recordings = 10_000_000_000
	}
	if c.MaxProcesses == 0 {
		c.MaxProcesses = 2000
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// What a Workspace may hold.
const (
	quotaBytes = 256 << 20
	quotaFiles = 10_000
)

// stopGrace is how long a process that was asked to end has before it is made to.
const stopGrace = 2 * time.Second
