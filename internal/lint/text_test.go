package lint

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Nothing in the repository depends on the machine it was written on.
func TestNoPathsOfAMachine(t *testing.T) {
	for _, name := range allFiles(t) {
		if path.Base(name) == "text_test.go" && within(path.Dir(name), "internal/lint") {
			continue
		}
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil || info.Size() > 4<<20 {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 {
			continue // not a text
		}
		for _, re := range []*regexp.Regexp{
			regexp.MustCompile(`(^|[\s"'(=:])/(work|builds|checkout)/`),
			regexp.MustCompile(`(^|[\s"'(=:])/home/(user|ubuntu|runner)/`),
			regexp.MustCompile(`/Users/[a-z]+/`),
		} {
			if at := re.Find(text); at != nil {
				t.Errorf("%s holds a path of a machine: %q", name, at)
			}
		}
	}
}

// A thing that is not done belongs into an issue, where somebody sees it.
func TestNothingIsLeftForLater(t *testing.T) {
	mark := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)
	for _, f := range allGo(t) {
		for _, g := range f.ast.Comments {
			if at := mark.FindString(g.Text()); at != "" {
				t.Errorf("%s: %s; finish it, or write an issue", f.line(g), at)
			}
		}
	}
}

// An ADR fits on a page and has the parts by which one reads it.
func TestADRsHaveTheirForm(t *testing.T) {
	fileName := regexp.MustCompile(`^docs/adr/\d{4}-[a-z0-9-]+\.md$`)
	numbers := make(map[string]string)
	for _, name := range allFiles(t) {
		if !within(path.Dir(name), "docs/adr") || path.Base(name) == "README.md" {
			continue
		}
		if !fileName.MatchString(name) {
			t.Errorf("%s: an ADR is called NNNN-what-it-decides.md", name)
			continue
		}
		number := path.Base(name)[:4]
		if numbers[number] != "" {
			t.Errorf("%s and %s have the same number", name, numbers[number])
		}
		numbers[number] = name
		raw, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		text := string(raw)
		if !regexp.MustCompile(`^# ` + number + `: \S`).MatchString(text) {
			t.Errorf("%s: the first line is not %q", name, "# "+number+": title")
		}
		if !regexp.MustCompile(`(?m)^Date: \d{4}-\d\d-\d\d\. Status: (accepted|superseded by \d{4})\.$`).MatchString(text) {
			t.Errorf("%s: there is no line like %q", name, "Date: 2026-11-24. Status: accepted.")
		}
		at := -1
		for _, part := range []string{"\n## Context\n", "\n## Decision\n", "\n## Consequences\n"} {
			next := strings.Index(text, part)
			if next <= at {
				t.Errorf("%s: the part %q is missing or not in its place", name, strings.TrimSpace(part))
			}
			at = next
		}
		if lines := strings.Count(text, "\n"); lines > 80 {
			t.Errorf("%s has %d lines; a page has 80", name, lines)
		}
	}
}

// CONTRIBUTING is read because it is short.
func TestContributingIsShort(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines >= 120 {
		t.Errorf("CONTRIBUTING.md has %d lines; stay below 120, and move what a test can hold to internal/lint", lines)
	}
}

// Links from one document to another lead somewhere.
func TestLinksBetweenDocumentsLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)
	for _, name := range allFiles(t) {
		if path.Ext(name) != ".md" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			target := path.Join(path.Dir(name), m[1])
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			}
		}
	}
}
