package runbook

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helpdesk"
)

const ownBook = `id: nfs
title: A network file share that hangs
about: |
  I look at the mounts.
words:
  - nfs share hangs, network share frozen, stale file handle
steps:
  - id: mounts
    title: See what is mounted
    command: cat /proc/mounts
    purpose: Lists all mounts.
    expected: One line per mount.
    read:
      - name: rows
        match: ^(?P<device>\S+) (?P<mount>\S+) (?P<type>nfs4?) 
        optional: true
      - name: all
        lines: true
findings:
  - id: shares
    each: mounts.rows
    severity: info
    title: "{{ code(it.mount) }} comes from {{ code(it.device) }}"
    evidence: it
healthy: Nothing speaks against the shares.
`

func TestOwnRunbooksStandBesideTheBuiltIn(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nfs.yaml"), []byte(ownBook), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := New(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, agent: a, place: "host_view"}
	d.execute = func(string) helpdesk.Outcome {
		return printed(0, "/dev/sda1 / ext4 rw 0 0\nsrv:/x /mnt/x nfs4 rw 0 0\n")
	}
	_, all := d.examine("our nfs share is frozen")
	wantText(t, all, "`/mnt/x` comes from `srv:/x`", "srv:/x /mnt/x nfs4 rw 0 0")
	d = &desk{t: t, agent: a, place: "host_view"}
	if r := d.say("the disk is full"); len(r.proposals) != 2 {
		t.Errorf("the built-in runbook is gone: %s", r.commands())
	}
}

func TestFaultsAreReportedWithTheirLine(t *testing.T) {
	dir := t.TempDir()
	for name, x := range map[string]struct {
		old, new string
		line     int
		text     string
	}{
		"unknown field":          {"    purpose: Lists", "    porpose: Lists", 11, "porpose"},
		"unknown name":           {"each: mounts.rows", "each: mountz.rows", 21, "unknown name mountz"},
		"unknown column":         {"code(it.device)", "code(it.devise)", 23, "devise"},
		"no yes or no":           {"    severity: info", "    severity: info\n    when: mounts.rows", 23, "expected bool"},
		"syntax":                 {"each: mounts.rows", "each: filter(mounts.rows, ", 21, "unexpected token"},
		"bad regular expression": {`(?P<device>\S+)`, `(?P<device>\S+`, 15, "regular expression"},
		"bad severity":           {"severity: info", "severity: dire", 20, "dire"},
		"no evidence":            {"    evidence: it\n", "", 20, "needs title and evidence"},
		"bad id":                 {"id: nfs", "id: N F S", 1, "N F S"},
		"bad yaml":               {"words:", "words: [", 5, ""},
		"not closed":             {"{{ code(it.mount) }}", "{{ code(it.mount)", 23, "{{"},
	} {
		text := strings.Replace(ownBook, x.old, x.new, 1)
		if text == ownBook {
			t.Fatalf("%s: nothing was replaced", name)
		}
		ps := Check("nfs.yaml", []byte(text))
		if len(ps) == 0 {
			t.Errorf("%s: no fault is found", name)
			continue
		}
		if ps[0].Line != x.line || !strings.Contains(ps[0].Text, x.text) {
			t.Errorf("%s: %v, want line %d and %q", name, ps[0], x.line, x.text)
		}
		if err := os.WriteFile(filepath.Join(dir, "nfs.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Config{Dir: dir}); helpdesk.KindOf(err) != helpdesk.Invalid {
			t.Errorf("%s: New says %v", name, err)
		}
	}
	if ps := Check("nfs.yaml", []byte(ownBook)); len(ps) > 0 {
		t.Errorf("a good runbook has faults: %v", ps)
	}
}
