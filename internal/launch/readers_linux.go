package launch

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// relays are programs that pass typing on to another terminal, whose echo cannot be seen from here.
var relays = []string{
	"ssh", "mosh", "mosh-client", "telnet", "rlogin", "sudo", "su", "doas", "run0", "pkexec", "runuser", "script",
	"screen", "tmux", "tmux: client", "docker", "podman", "nerdctl", "kubectl", "oc", "crictl", "lxc", "incus", "nsenter",
	"machinectl", "systemd-run", "expect", "socat", "picocom", "minicom", "cu", "virsh", "bwrap", "dtach", "abduco", "zellij",
}

// The most that is looked at to tell who reads a terminal. Of a terminal with more than that nobody can say.
const (
	mostMembers = 64
	mostKept    = 32 // open files
)

// readers tells whether one of the relays reads the terminal: a member of its foreground process group, or what one of
// these started. It is asked before and after each key, so it keeps the files of /proc open that showed who is there,
// and goes through all of them again only when one shows something else than it did. It is for one goroutine at a time.
type readers struct {
	root int     // the process that all of the terminal's descend from
	own  []int   // processes of the sandbox itself, which are no relays
	pgrp int     // whom kept is about
	kept []shown // what must be as it was for the last answer, which was no, to hold
	buf  [4096]byte
}

// shown is a file of /proc and what it showed.
type shown struct {
	fd    int
	text  string // of a file
	links uint64 // of the directory of threads, else 0: it grows and shrinks with them
}

// relayed says whether a relay reads, or may: whoever cannot be named or counted may be one.
func (r *readers) relayed(pgrp int) bool {
	if pgrp <= 0 {
		return true
	}
	if pgrp == r.pgrp && r.same() {
		return false
	}
	r.forget()
	if r.look(pgrp) {
		r.forget()
		return true
	}
	r.pgrp = pgrp
	return false
}

// knows says whether the last answer, a no, was about this group.
func (r *readers) knows(pgrp int) bool { return pgrp > 0 && pgrp == r.pgrp }

// same says whether all that was seen last is as it was.
func (r *readers) same() bool {
	for _, s := range r.kept {
		if s.links > 0 {
			var st unix.Stat_t
			if unix.Fstat(s.fd, &st) != nil || st.Nlink != s.links {
				return false
			}
			continue
		}
		n, err := unix.Pread(s.fd, r.buf[:], 0)
		if err != nil || string(r.buf[:n]) != s.text {
			return false
		}
	}
	return len(r.kept) > 0
}

func (r *readers) forget() {
	for _, s := range r.kept {
		unix.Close(s.fd)
	}
	r.kept, r.pgrp = r.kept[:0], 0
}

// member is a process of the terminal.
type member struct {
	pid   int
	reads bool // it, or what it descends from, is in the foreground
}

// look goes through all of the terminal's processes, and keeps what it saw if that is not too much.
func (r *readers) look(pgrp int) (relayed bool) {
	found, keep := false, true
	all := []member{{pid: r.root}}
	for i := 0; i < len(all); i++ {
		if len(all) > mostMembers {
			return true
		}
		m := all[i]
		dir := "/proc/" + strconv.Itoa(m.pid)
		stat, err := r.read(dir + "/stat")
		if err != nil {
			if ended(err) {
				keep = false // it has just ended
				continue
			}
			return true
		}
		in := processGroup(stat) == pgrp
		found = found || in
		m.reads = m.reads || in
		var threads []string
		if threads, keep = r.threads(dir, keep); len(threads) > mostMembers {
			return true
		}
		for _, t := range threads {
			text, err := r.keepFile(dir+"/task/"+t+"/children", &keep)
			if err != nil && !ended(err) {
				return true
			}
			for word := range strings.FieldsSeq(text) {
				if pid, err := strconv.Atoi(word); err == nil {
					all = append(all, member{pid, m.reads})
				}
			}
		}
		if !m.reads {
			continue
		}
		comm, err := r.keepFile(dir+"/comm", &keep)
		if err != nil && !ended(err) {
			return true
		}
		if !slices.Contains(r.own, m.pid) && slices.Contains(relays, strings.TrimSuffix(comm, "\n")) {
			return true
		}
	}
	if !keep {
		r.forget()
	}
	return !found
}

// ended says whether a file of /proc is not there because its process is not.
func ended(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) }

// threads lists the threads of a process, and keeps their number.
func (r *readers) threads(dir string, keep bool) ([]string, bool) {
	fd, err := unix.Open(dir+"/task", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, false
	}
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || !keep || len(r.kept) >= mostKept {
		keep = false
	}
	names, _ := readNames(fd)
	if int(st.Nlink) != len(names)+2 {
		keep = false // they come and go
	}
	if !keep {
		unix.Close(fd)
		return names, false
	}
	r.kept = append(r.kept, shown{fd: fd, links: st.Nlink})
	return names, true
}

func readNames(fd int) (names []string, err error) {
	buf := make([]byte, 4096)
	for {
		n, err := unix.ReadDirent(fd, buf)
		if n <= 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}

// keepFile reads a file, and keeps it open with what it showed.
func (r *readers) keepFile(path string, keep *bool) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		*keep = false
		return "", err
	}
	n, err := unix.Pread(fd, r.buf[:], 0)
	if err != nil || n == len(r.buf) || len(r.kept) >= mostKept || !*keep {
		*keep = false
		unix.Close(fd)
		if n == len(r.buf) {
			err = syscall.E2BIG
		}
		return string(r.buf[:max(n, 0)]), err
	}
	text := string(r.buf[:n])
	r.kept = append(r.kept, shown{fd: fd, text: text})
	return text, nil
}

func (r *readers) read(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	n, err := unix.Pread(fd, r.buf[:], 0)
	return r.buf[:max(n, 0)], err
}

// processGroup reads the group out of /proc/<pid>/stat. What comes before it is a name in parentheses, which may hold
// any character.
func processGroup(stat []byte) int {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 3 {
		return 0
	}
	pgrp, _ := strconv.Atoi(string(fields[2]))
	return pgrp
}
