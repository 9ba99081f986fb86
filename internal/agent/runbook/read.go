package runbook

import (
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// columnTypes turn a field's text into a value. A field that does not parse makes its row unreadable.
var columnTypes = map[string]func(string) (any, bool){
	"":      func(s string) (any, bool) { return s, true },
	"text":  func(s string) (any, bool) { return s, true },
	"int":   parseInt,
	"float": parseFloat,
	"kib": func(s string) (any, bool) {
		return scaled(strings.TrimSuffix(strings.TrimSuffix(s, "kB"), "KiB"), 1024)
	},
	"bytes":   parseBytes,
	"percent": func(s string) (any, bool) { return parseFloat(strings.TrimSuffix(s, "%")) },
	"hexaddr": parseHexAddr,
	"hex":     parseHex,
}

func typeNames() []string { return slices.Sorted(maps.Keys(columnTypes))[1:] }

func parseInt(s string) (any, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	return n, err == nil
}

func parseFloat(s string) (any, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

func parseHex(s string) (any, bool) {
	n, err := strconv.ParseInt(s, 16, 64)
	return int(n), err == nil
}

func scaled(s string, by float64) (any, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || math.IsNaN(f) || math.Abs(f*by) > 1<<62 {
		return 0, false
	}
	return int(f * by), true
}

// parseBytes reads a size with a unit of 1024: 512, 4K, 1.5M, 3Gi, 7 kB.
func parseBytes(s string) (any, bool) {
	s = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(s), "B"), "i")
	by := 1.0
	if n := len(s); n > 0 {
		if i := strings.IndexByte("KMGTPE", s[n-1]&^0x20); i >= 0 {
			by, s = math.Pow(1024, float64(i+1)), s[:n-1]
		}
	}
	return scaled(s, by)
}

// parseHexAddr reads an address of /proc/net/tcp and its like, "0100007F:1F90".
func parseHexAddr(s string) (any, bool) {
	host, port, ok := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	n, err2 := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || err2 != nil || len(raw) != 4 && len(raw) != 16 {
		return "", false
	}
	for i := 0; i+4 <= len(raw); i += 4 { // the kernel prints each word of four bytes in the host's order
		slices.Reverse(raw[i : i+4])
	}
	addr, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr, uint16(n)).String(), true
}

// escapes are the sequences a terminal acts on: colours, titles, cursor moves, and what is left of control bytes.
var escapes = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|\x1b[@-Z\\\\-_=>]")

// cleanLines are the lines of an output as a reader sees them, without what only a terminal acts on.
func cleanLines(output string) []string {
	output = escapes.ReplaceAllString(strings.ToValidUTF8(output, "\uFFFD"), "")
	var lines []string
	for l := range strings.SplitSeq(output, "\n") {
		l = strings.TrimRight(l, "\r")
		if i := strings.LastIndexByte(l, '\r'); i >= 0 { // a progress line drawn over itself
			l = l[i+1:]
		}
		lines = append(lines, strings.Map(func(r rune) rune {
			if r == '\t' || r >= ' ' && r != 0x7f {
				return r
			}
			return -1
		}, l))
	}
	for len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// section gives the lines after "== name" up to the next such line; all lines where name is "".
func section(lines []string, name string) ([]string, bool) {
	if name == "" {
		return lines, true
	}
	for i, l := range lines {
		if l != "== "+name {
			continue
		}
		rest := lines[i+1:]
		for k, m := range rest {
			if strings.HasPrefix(m, "== ") {
				return rest[:k], true
			}
		}
		return rest, true
	}
	return nil, false
}

// read gives the reading's value, and whether the output held what the reading looks for.
func (r *Reading) read(lines []string) (any, bool) {
	lines, ok := section(lines, r.Section)
	if !ok {
		return r.nothing(), false
	}
	switch {
	case r.Table != nil:
		return r.readTable(lines)
	case r.Match.Regexp != nil:
		rows := r.readMatches(lines)
		return rows, len(rows) > 0
	case r.Pairs != nil:
		return r.readPairs(lines)
	}
	rows := []any{}
	for _, l := range lines {
		if strings.TrimSpace(l) != "" {
			rows = append(rows, map[string]any{"line": l})
		}
	}
	return rows, len(rows) > 0
}

// nothing is the value before anything was read.
func (r *Reading) nothing() any {
	if r.Pairs != nil {
		return map[string]any{"line": map[string]any{}}
	}
	return []any{}
}

func (r *Reading) readTable(lines []string) (any, bool) {
	rows := []any{}
	start := slices.IndexFunc(lines, func(l string) bool { return r.Table.Header.MatchString(l) })
	if start < 0 {
		return rows, false
	}
	bad := 0
	for _, l := range lines[start+1:] {
		if strings.TrimSpace(l) == "" {
			break
		}
		if row, ok := r.row(l); ok {
			rows = append(rows, row)
		} else {
			bad++
		}
	}
	return rows, bad == 0 || len(rows) > 0
}

// row parts a line into the table's columns.
func (r *Reading) row(line string) (map[string]any, bool) {
	row := map[string]any{"line": line}
	rest := strings.TrimLeft(line, " \t")
	for i, c := range r.Table.Columns {
		name, typ, _ := strings.Cut(c, ":")
		field := strings.TrimRight(rest, " \t")
		if i < len(r.Table.Columns)-1 {
			end := strings.IndexAny(rest, " \t")
			if end < 0 {
				// A last column may be empty; any other that is missing spoils the row.
				if rest == "" || i < len(r.Table.Columns)-2 {
					return nil, false
				}
				end = len(rest)
			}
			field, rest = rest[:end], strings.TrimLeft(rest[end:], " \t")
		}
		v, ok := columnTypes[typ](field)
		if !ok {
			return nil, false
		}
		row[name] = v
	}
	return row, true
}

func (r *Reading) readMatches(lines []string) []any {
	rows := []any{}
	for _, l := range lines {
		m := r.Match.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		row := map[string]any{"line": l}
		good := true
		for i, name := range r.Match.SubexpNames() {
			if name == "" {
				continue
			}
			v, ok := columnTypes[r.Types[name]](m[i])
			good = good && ok
			row[name] = v
		}
		if good {
			rows = append(rows, row)
		}
	}
	return rows
}

// readPairs gives key → value and, under "line", key → the line it stood in.
func (r *Reading) readPairs(lines []string) (any, bool) {
	values, at := map[string]any{}, map[string]any{}
	for _, l := range lines {
		var key, text string
		if sep := r.Pairs.Separator; strings.TrimSpace(sep) == "" && sep != "" {
			key, text, _ = strings.Cut(strings.TrimSpace(l), sep)
		} else {
			var ok bool
			if sep == "" {
				sep = ":"
			}
			if key, text, ok = strings.Cut(l, sep); !ok {
				continue
			}
		}
		key = strings.TrimSpace(key)
		v, ok := columnTypes[r.Pairs.Type](strings.TrimSpace(text))
		if _, twice := at[key]; !ok || key == "" || key == "line" || twice {
			continue
		}
		values[key], at[key] = v, l
	}
	good := len(values) > 0
	values["line"] = at
	return values, good
}

// bytesText is a size for people.
func bytesText(n float64) string {
	for i, unit := range []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"} {
		if math.Abs(n) < 1024 || i == 5 {
			if i == 0 || math.Abs(n) >= 100 {
				return fmt.Sprintf("%.0f %s", n, unit)
			}
			return fmt.Sprintf("%.1f %s", n, unit)
		}
		n /= 1024
	}
	return ""
}
