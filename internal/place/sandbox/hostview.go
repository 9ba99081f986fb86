package sandbox

import (
	"bufio"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// View is what the host view shows beyond the rule.
type View struct {
	Data        string   // HelpDesk's own directory, always masked
	Masks       []string // more paths to mask
	Sockets     []string // sockets that are let in; default: the system bus
	Homes       bool     // whether /home and /root are shown
	PrivateProc bool     // the host's processes are not shown: everything runs under one uid
}

// SystemBus is the socket that is let in by default, where it exists.
const SystemBus = "/run/dbus/system_bus_socket"

// socketDirs are directories where programs keep sockets: a read-only mount does not stop a connection, so they are
// masked whole. /run, /tmp and /dev/shm are replaced anyway.
var socketDirs = []string{
	"/var/tmp", "/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/var/lib/crio", "/var/lib/kubelet",
	"/var/lib/rancher", "/var/lib/lxd", "/var/lib/incus", "/var/snap", "/var/lib/libvirt", "/var/lib/mysql",
	"/var/lib/postgresql", "/var/lib/pgsql", "/var/lib/redis", "/var/lib/mongodb", "/var/lib/clickhouse",
	"/var/spool/postfix", "/var/lib/samba", "/var/lib/sss", "/var/lib/nfs", "/var/lib/gssproxy", "/var/lib/haproxy",
	"/var/lib/vault", "/var/lib/etcd", "/var/lib/private", "/var/cache/private", "/var/log/private",
}

// keyFiles are private keys and the like. Their permissions keep an unprivileged user out; this does so as well where
// somebody set them wrong.
var keyFiles = []string{
	"/etc/shadow*", "/etc/gshadow*", "/etc/sudoers", "/etc/sudoers.d", "/etc/ssh/*_key", "/etc/ssl/private",
	"/etc/helpdesk", "/etc/*/private", "/etc/*/*.key", "/etc/*/*/*.key", "/etc/pki/tls/private", "/etc/letsencrypt", "/etc/wireguard", "/etc/openvpn", "/etc/ipsec.secrets", "/etc/ipsec.d",
	"/etc/krb5.keytab", "/etc/kubernetes", "/etc/docker/key.json", "/etc/NetworkManager/system-connections",
	"/etc/netplan", "/etc/wpa_supplicant", "/etc/credstore*", "/etc/security/opasswd", "/etc/security/opasswd.old",
	"/etc/ppp/*-secrets", "/etc/mysql/debian.cnf", "/etc/msmtprc", "/etc/exim4/passwd.client", "/etc/postfix/sasl*",
	"/etc/rancher", "/etc/ceph", "/etc/cups/ssl", "/etc/machine-id.key", "/etc/.git", "/etc/cloud/cloud.cfg.d",
	"/var/lib/cloud", "/var/lib/systemd/credential.secret", "/var/lib/dhcp", "/var/backups", "/swapfile",
	"/var/lib/nagios*", "/var/lib/icinga*", // no keys, but FIFOs that take commands
}

// runEntries are what of /run is shown read-only, where it exists and holds no socket: the journal, the resolver's
// configuration, who is logged in.
var runEntries = []string{
	"/run/log", "/run/systemd/resolve/stub-resolv.conf", "/run/systemd/resolve/resolv.conf", "/run/resolvconf/resolv.conf",
	"/run/NetworkManager/resolv.conf", "/run/utmp", "/run/systemd/netif", "/run/mount/utab", "/run/reboot-required",
}

// HostView plans a look at this host.
func HostView(job Job, view View) Plan {
	p := newPlan(job)
	masks := masked(view)
	entries, _ := os.ReadDir("/")
	for _, e := range entries {
		dir := "/" + e.Name()
		switch {
		case slices.Contains([]string{"/proc", "/dev", "/run", "/tmp", "/sys", WorkspaceDir}, dir):
		case slices.Contains(masks, dir):
			p.add("--perms", "0555", "--tmpfs", dir, "--remount-ro", dir)
		case e.Type()&os.ModeSymlink != 0:
			if target, err := os.Readlink(dir); err == nil {
				p.add("--symlink", target, dir)
			}
		case e.IsDir():
			p.add("--ro-bind", dir, dir)
		case e.Type().IsRegular():
			p.add("--ro-bind", dir, dir)
		}
	}
	p.add("--ro-bind", "/sys", "/sys")
	if view.PrivateProc {
		p.add("--proc", "/proc")
	} else {
		p.add("--ro-bind", "/proc", "/proc")
	}
	p.add("--tmpfs", "/run")
	p.scratch("/run/user/" + strconv.Itoa(job.UID))
	p.showRun(view)
	for _, m := range masks {
		p.mask(m)
	}
	p.workspace(job)
	p.add("--remount-ro", "/run", "--remount-ro", "/dev", "--remount-ro", "/")
	p.env(job, "/run/user/"+strconv.Itoa(job.UID))
	return p.Plan
}

// showRun lets in the few entries of /run that are shown, and the sockets that are let in by name.
func (p *planner) showRun(view View) {
	if isDir("/run/systemd/system") {
		p.add("--dir", "/run/systemd/system") // programs ask by this whether systemd runs
	}
	for _, entry := range runEntries {
		if _, err := os.Lstat(entry); err == nil {
			p.add("--ro-bind-try", entry, entry)
		}
	}
	for _, s := range view.sockets() {
		if info, err := os.Stat(s); err == nil && info.Mode()&os.ModeSocket != 0 {
			p.add("--ro-bind-try", s, s)
		}
	}
}

func (v View) sockets() []string {
	if v.Sockets == nil {
		return []string{SystemBus}
	}
	return v.Sockets
}

// mask covers a path: a directory by an empty one, anything else by an empty file.
func (p *planner) mask(path string) {
	info, err := os.Lstat(path)
	switch {
	case err != nil || strings.Count(path, "/") == 1:
	case info.IsDir():
		p.add("--perms", "0555", "--tmpfs", path, "--remount-ro", path)
	case info.Mode()&os.ModeSymlink == 0:
		p.add("--ro-bind", "/dev/null", path)
	}
}

// masked finds what must be covered on this host now: by the lists, and every directory in which a socket is bound at
// this moment. Paths are resolved, so that covering them covers all names they have, and none is below another.
func masked(view View) []string {
	var all []string
	for _, pattern := range keyFiles {
		found, _ := filepath.Glob(pattern)
		all = append(all, found...)
	}
	all = append(all, socketDirs...)
	for _, m := range view.Masks {
		if abs, err := filepath.Abs(m); err == nil {
			all = append(all, abs)
		}
	}
	all = append(all, view.Data)
	if !view.Homes {
		all = append(append(all, "/root", "/home"), homes()...)
	}
	var sockets []string
	for _, s := range boundSockets() {
		if !slices.Contains(view.sockets(), s) {
			sockets = append(sockets, s)
		}
	}
	all = append(all, sockets...)
	var real []string
	for _, p := range all {
		if p == "" {
			continue
		}
		if r, err := filepath.EvalSymlinks(p); err == nil && r != "/" && !below(r, "/proc") && !below(r, "/dev") && !below(r, "/run") && !below(r, "/tmp") {
			real = append(real, reachable(r))
		}
	}
	slices.Sort(real)
	real = slices.Compact(real)
	var tops []string
	for _, p := range real {
		if !slices.ContainsFunc(tops, func(t string) bool { return below(p, t) }) {
			tops = append(tops, p)
		}
	}
	return tops
}

// reachable gives p, or the first directory above it that others may not pass: bubblewrap, which has the tenant's uid,
// can cover that and nothing below it.
func reachable(p string) string {
	for i := 1; i < len(p); i++ {
		if p[i] == '/' {
			if info, err := os.Stat(p[:i]); err != nil || info.Mode().Perm()&0o001 == 0 {
				return p[:i]
			}
		}
	}
	return p
}

// below says whether p is dir or inside it.
func below(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// systemDirs are where the home of an account may be without being a person's.
var systemDirs = []string{"/usr", "/var", "/bin", "/sbin", "/lib", "/etc", "/dev", "/proc", "/sys", "/run", "/opt", "/srv", "/nonexistent"}

// homes gives the homes of people that are elsewhere than in /home.
func homes() []string {
	f, err := os.Open("/etc/passwd")
	if err != nil {
		return nil
	}
	defer f.Close()
	var dirs []string
	for in := bufio.NewScanner(f); in.Scan(); {
		fields := strings.Split(in.Text(), ":")
		if len(fields) < 6 {
			continue
		}
		uid, err := strconv.Atoi(fields[2])
		dir := path.Clean(fields[5])
		if err == nil && uid >= 1000 && uid < 65534 && strings.HasPrefix(dir, "/") && dir != "/" &&
			!slices.ContainsFunc(systemDirs, func(s string) bool { return below(dir, s) }) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// boundSockets gives the paths of the Unix sockets that are bound in this network namespace.
func boundSockets() []string {
	f, err := os.Open("/proc/net/unix")
	if err != nil {
		return nil
	}
	defer f.Close()
	var paths []string
	for in := bufio.NewScanner(f); in.Scan(); {
		if fields := strings.Fields(in.Text()); len(fields) >= 8 && strings.HasPrefix(fields[7], "/") {
			paths = append(paths, fields[7])
		}
	}
	return paths
}

// Groups gives the ids of the groups that let the host view read logs, where they exist.
func Groups() []uint32 {
	var ids []uint32
	for _, name := range []string{"adm", "systemd-journal"} {
		if g, err := user.LookupGroup(name); err == nil {
			if id, err := strconv.ParseUint(g.Gid, 10, 32); err == nil {
				ids = append(ids, uint32(id))
			}
		}
	}
	return ids
}
