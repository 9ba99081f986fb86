package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"strconv"
	"strings"
)

// Secret is a text that no formatting, logging or encoding shows; only Reveal does.
type Secret string

// Reveal is the secret itself, for the one place that uses it.
func (s Secret) Reveal() string { return string(s) }

// String says whether there is a secret, and nothing of it.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(secret)"
}

// GoString keeps %#v from showing the secret.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// LogValue keeps slog from showing the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText keeps encoders from showing the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON keeps encoding/json from showing the secret.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// withoutPassword shows a URL kept as a Secret, save its password and its query.
func (s Secret) withoutPassword() string {
	u, err := url.Parse(string(s))
	if err != nil || u.Host == "" {
		return s.String()
	}
	u.RawQuery, u.Fragment = "", ""
	return u.Redacted()
}

// Size is a number of bytes. It is written as a number with one of B, kB, MB, GB, TB (powers of 1000) or KiB, MiB,
// GiB, TiB, PiB (powers of 1024).
type Size int64

// The table is in order of length, then size, so that a size is shown by the largest unit that divides it.
var sizeUnits = []struct {
	name string
	size Size
}{
	{"PiB", 1 << 50}, {"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9},
	{"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3}, {"B", 1},
}

// ParseSize reads a Size such as "256KiB", "10 MB" or "4096".
func ParseSize(s string) (Size, error) {
	s = strings.TrimSpace(s)
	digits := strings.TrimLeft(s, "0123456789")
	n, err := strconv.ParseInt(s[:len(s)-len(digits)], 10, 64)
	unit := strings.TrimSpace(digits)
	if unit == "" {
		unit = "B"
	}
	for _, u := range sizeUnits {
		if err == nil && strings.EqualFold(unit, u.name) && n <= math.MaxInt64/int64(u.size) {
			return Size(n) * u.size, nil
		}
	}
	return 0, fmt.Errorf("%q is not a size; write a number and a unit, such as 256KiB or 10MB", s)
}

// String writes the size with the largest unit that divides it.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && s%u.size == 0 {
			return strconv.FormatInt(int64(s/u.size), 10) + u.name
		}
	}
	return "0B"
}

// Switch is on, off, or left to the server to decide.
type Switch string

// The positions of a Switch.
const (
	SwitchAuto Switch = "auto"
	SwitchOn   Switch = "on"
	SwitchOff  Switch = "off"
)

// LogFormat is the form of the log.
type LogFormat string

// The forms of the log.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// UIDRange is a range of user ids, both ends in it.
type UIDRange struct{ First, Last uint32 }

// ParseUIDRange reads "first-last".
func ParseUIDRange(s string) (UIDRange, error) {
	first, last, ok := strings.Cut(s, "-")
	a, err1 := strconv.ParseUint(strings.TrimSpace(first), 10, 32)
	b, err2 := strconv.ParseUint(strings.TrimSpace(last), 10, 32)
	switch {
	case !ok || err1 != nil || err2 != nil:
		return UIDRange{}, fmt.Errorf("%q is not a range of users; write first-last, such as 600000-665535", s)
	case a > b || b >= math.MaxUint32-1:
		return UIDRange{}, fmt.Errorf("%q is an empty or impossible range of users; write the smaller number first, and stay below 4294967294", s)
	case a < 10_000:
		return UIDRange{}, fmt.Errorf("%q reaches into the users of the system; begin at 10000 or above", s)
	case b-a < 9:
		return UIDRange{}, fmt.Errorf("%q has room for %d tenants; give at least 10 users", s, b-a+1)
	}
	return UIDRange{First: uint32(a), Last: uint32(b)}, nil
}

func (r UIDRange) String() string { return fmt.Sprintf("%d-%d", r.First, r.Last) }
