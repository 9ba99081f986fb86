package cli

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"helpdesk/internal/config"
)

// checkClock asks the kernel whether somebody keeps the clock right. Turns are leased by it, and links end by it.
func checkClock(context.Context, config.Config) finding {
	const what = "clock"
	const remedy = "Start a time service: systemctl enable --now systemd-timesyncd, or chrony."
	now := time.Now()
	text := now.Format(time.RFC3339)
	if now.Year() < 2026 {
		return fail(what, remedy, "%s is in the past", text)
	}
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil {
		return ok(what, "%s (whether it is kept right cannot be seen here)", text)
	}
	if t.Status&unix.STA_UNSYNC != 0 {
		return warn(what, remedy, "%s, and no time service keeps it right", text)
	}
	return ok(what, "%s, kept right by a time service", text)
}

// onNetwork says whether a file system is on another machine.
func onNetwork(st unix.Statfs_t) bool {
	switch int64(st.Type) { // of another type on each architecture
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC:
		return true
	}
	return false
}
