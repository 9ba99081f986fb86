package launch

import (
	"context"

	"golang.org/x/sys/unix"
)

// A shell writes to its Workspace without asking. Counting all files all the time would cost more than it saves, so the
// launcher looks each second how much room the disk has, and counts only after that has changed by much: in either
// direction, since somebody else may have made more room than a tenant took.
const (
	watchBytes = 64 << 20
	watchFiles = 2000
)

// quotaWatch remembers how much room there was when files were last counted.
type quotaWatch struct {
	bytes, files uint64
	counting     chan struct{} // holds one token while files are counted
}

func newQuotaWatch() *quotaWatch { return &quotaWatch{counting: make(chan struct{}, 1)} }

func apart(a, b uint64) uint64 { return max(a, b) - min(a, b) }

// look counts the Workspaces in use if the room has changed by much, and ends what runs in those that hold more than twice what
// they may.
func (l *Launcher) look(ctx context.Context, w *quotaWatch) {
	var st unix.Statfs_t
	if unix.Statfs(l.cfg.Data, &st) != nil {
		return
	}
	bytes, files := st.Bavail*uint64(st.Bsize), st.Ffree
	if apart(bytes, w.bytes) < watchBytes && apart(files, w.files) < watchFiles {
		return
	}
	select {
	case w.counting <- struct{}{}:
	default:
		return // the last count is not done
	}
	w.bytes, w.files = bytes, files
	type place struct {
		slot   int
		ticket string
	}
	running := map[place][]*process{}
	for _, p := range l.processes() {
		if !p.over() && p.spec.Kind != Host {
			at := place{p.spec.Slot, p.spec.Ticket}
			running[at] = append(running[at], p)
		}
	}
	l.running.Go(func() {
		defer func() { <-w.counting }()
		for at, procs := range running {
			r, _, err := l.help(request{Op: opUsage, Slot: at.slot, Ticket: at.ticket}, nil)
			if ctx.Err() != nil {
				return
			}
			if err != nil || r.Usage == nil || r.Usage.Bytes <= 2*quotaBytes && r.Usage.Files <= 2*quotaFiles {
				continue
			}
			l.log.Warn("a Workspace holds more than twice its quota, what runs in it is ended", "ticket", at.ticket, "bytes", r.Usage.Bytes, "files", r.Usage.Files)
			for _, p := range procs {
				p.stop(stoppedByQuota)
			}
		}
	})
}
