package launch

import (
	"time"
)

// Kind is the sort of place on this host in which a process runs.
type Kind string

const (
	Private  Kind = "private"  // the sandbox of an ordinary tenant: nothing of this host but /usr, and no network
	HostView Kind = "hostview" // this host, to be looked at and not touched; slot 1 only
	Host     Kind = "host"     // a plain process of the launcher's user, unconfined; where the launcher's Config allows it
)

// HostViewSlot is the slot of the one tenant that may look at this host.
const HostViewSlot = 1

// MaxFile is the size a Workspace file that goes through the launcher may have.
const MaxFile = 10 << 20

// MaxInput is the most bytes one Input may carry.
const MaxInput = 64 << 10

// Overflow says what happens when a transcript reaches its limit.
type Overflow string

const (
	PauseAtLimit Overflow = "pause" // reading stops, so the program waits, until Resume gives more room; for Terminals
	CutAtLimit   Overflow = "cut"   // the rest of the output is not kept, and the program goes on; for Runs
)

// Spec describes a process to start. Slot, Ticket and ID name its directories; there are no paths in it but Cwd.
type Spec struct {
	ID     string // of the Run or Terminal: letters, digits, _ and -, at most 64
	Kind   Kind
	Slot   int    // the tenant's slot, 1 and up: it decides the uid; HostViewSlot for HostView
	Ticket string // the ticket's key, as OPS-12

	Argv     []string // what to run, looked up in PATH inside the place
	Env      []string // NAME=value; the place adds PATH, HOME, USER, SHELL, LANG and TERM where they are missing
	Cwd      string   // relative to the Workspace, "" for the Workspace itself
	Outbound []string // host:port each: what a Private sandbox may connect to, through a proxy that its environment names
	Cols     uint16   // default 80
	Rows     uint16   // default 24

	Timeout      time.Duration // 0: none. At its end the process is stopped and its Exit says TimedOut
	Limit        int64         // of the transcript's output in bytes; 0: 256 MiB with PauseAtLimit, 64 MiB with CutAtLimit
	Overflow     Overflow      // default PauseAtLimit
	CaptureInput bool          // whether raw input is recorded, where that is safe; see docs/api/transcript.md
}

// PauseReason says why a process's output is not being read; the empty reason: it is.
type PauseReason string

const (
	NotPaused     PauseReason = ""
	PausedByAsk   PauseReason = "asked" // the server called Pause
	PausedByLimit PauseReason = "limit" // the transcript reached its limit with PauseAtLimit
	PausedByDisk  PauseReason = "disk"  // the transcript could not be written; Detail says why
	PausedByQuota PauseReason = "quota" // the tenant's recordings reached their limit; it goes on when there is room
)

// Status is what is known of a process at one moment. It is a snapshot: a later one replaces an earlier one.
type Status struct {
	ID      string
	Kind    Kind
	Slot    int
	Ticket  string
	Started time.Time
	Cols    uint16
	Rows    uint16

	End     int64       // bytes of output that are in the transcript: a reader may read up to here
	Tail    []byte      `json:"-"` // what came out just before End, where it is at hand; the transcript has it too
	Paused  PauseReason // why output is not being read now
	Detail  string      // a sentence about Paused or Exit, when there is more to say
	Filling bool        // the tenant's recordings stand at 80 % of their limit
	Cut     bool        // output beyond the limit was dropped
	Exit    *Exit       // nil while the process lives; when it is set, End is final
}

// Exit says how a process ended.
type Exit struct {
	Code     int       // 0-255; 128+Signal when a signal ended it
	Signal   int       // the signal that ended it, else 0. In a sandbox it is inferred from a code above 128, as shells report it
	TimedOut bool      // it was stopped because its Timeout was over
	Stopped  bool      // it was stopped: by Stop, with the launcher, or for what Status.Detail says
	At       time.Time // when it ended
}

// Hello is what a launcher says of itself.
type Hello struct {
	Epoch        string // random for each launcher's life: another epoch means that all earlier processes are gone
	Data         string // the data directory, as this process reaches it
	Transcripts  string // the directory of transcripts inside it: <Transcripts>/<ticket>/<id>; the server reads it, only the launcher writes
	Capabilities Capabilities
}

// Capabilities says what places on this host can do, and if not, why not.
type Capabilities struct {
	Platform  string // as linux/amd64
	Root      bool   // the launcher has root, so each tenant has a uid of its own
	OneUID    bool   // everything runs under the launcher's own uid: a second tenant on this host must be refused
	Private   bool   // private sandboxes can be started
	HostView  bool   // the host view can be started
	Host      bool   // the configuration allows the unconfined shell
	Why       string // why Private or HostView are not possible: one sentence with the remedy; empty when they are
	Limits    string // how memory, processes and CPU are limited: "cgroup v1", "cgroup v2" or "rlimits", with what is missing
	HostNotes string // what the host view cannot do here, or shows differently; empty when nothing
	Processes bool   // the host view shows the host's processes
	ServerUID int    // the uid of the server
	FirstUID  int    // the uid of slot 1, 0 with OneUID
	LastUID   int    // the last uid tenants may have, 0 with OneUID
}

// File is one entry of a Workspace.
type File struct {
	Path    string // relative to the Workspace, with slashes
	Dir     bool
	Size    int64
	Mode    uint32 // permission bits
	ModTime time.Time
	Other   bool // neither a regular file nor a directory: listed, and never opened
}

// Usage is how much of its quota a Workspace takes.
type Usage struct {
	Bytes      int64
	Files      int
	LimitBytes int64
	LimitFiles int
}
