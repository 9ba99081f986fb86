package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// field is one setting: where it is in a Config, and what its tags say of it.
type field struct {
	key      string
	fallback string // the default as text; empty is the zero value
	min, max string // limits as text; empty is none
	secret   string // "", "yes", or "url" where only the password is one
	value    reflect.Value
}

// fieldsOf lists the settings of c in the order of the struct. Setting a field's value changes c.
func fieldsOf(c *Config) []field {
	var list []field
	var walk func(v reflect.Value, prefix string)
	walk = func(v reflect.Value, prefix string) {
		for i := range v.NumField() {
			f := v.Type().Field(i)
			key, ok := f.Tag.Lookup("key")
			if !ok {
				continue
			}
			if isGroup(f.Type) {
				walk(v.Field(i), prefix+key+".")
				continue
			}
			list = append(list, field{
				key: prefix + key, fallback: f.Tag.Get("default"), min: f.Tag.Get("min"), max: f.Tag.Get("max"),
				secret: f.Tag.Get("secret"), value: v.Field(i),
			})
		}
	}
	walk(reflect.ValueOf(c).Elem(), "")
	return list
}

// isGroup says whether t is a struct of settings and not one setting.
func isGroup(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for f := range t.Fields() {
		if _, ok := f.Tag.Lookup("key"); ok {
			return true
		}
	}
	return false
}

// EnvName is the environment variable of a setting.
func EnvName(key string) string {
	return "HELPDESK_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// set parses text into the field and checks it against the field's limits.
func (f field) set(text string) error {
	v, err := parseAs(f.value.Type(), text)
	if err != nil {
		return err
	}
	if err := f.within(v); err != nil {
		return err
	}
	f.value.Set(v)
	return nil
}

// within refuses numbers, sizes and times outside the limits in the field's tags.
func (f field) within(v reflect.Value) error {
	if f.min == "" && f.max == "" {
		return nil
	}
	least, err1 := parseAs(v.Type(), f.min)
	most, err2 := parseAs(v.Type(), f.max)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("the limits of %s are wrong: %w", f.key, err)
	}
	if v.Int() < least.Int() || v.Int() > most.Int() {
		return fmt.Errorf("%s is out of range; give a value from %s to %s", showValue(v), f.min, f.max)
	}
	return nil
}

// parseAs reads text as a value of one of the types a setting may have.
func parseAs(t reflect.Type, text string) (reflect.Value, error) {
	text = strings.TrimSpace(text)
	var v any
	var err error
	switch reflect.Zero(t).Interface().(type) {
	case string:
		v = text
	case Secret:
		v = Secret(text)
	case int:
		if v, err = strconv.Atoi(text); err != nil {
			err = fmt.Errorf("%q is not a whole number; write digits only, such as 20", text)
		}
	case bool:
		v, err = parseBool(text)
	case Size:
		v, err = ParseSize(text)
	case time.Duration:
		if v, err = time.ParseDuration(text); err != nil {
			err = fmt.Errorf("%q is not a time; write a number and a unit, such as 30s, 10m or 24h", text)
		}
	case []string:
		v = splitList(text)
	case []netip.Prefix:
		v, err = parsePrefixes(splitList(text))
	case UIDRange:
		v, err = ParseUIDRange(text)
	case Switch:
		v, err = oneOf(text, SwitchAuto, SwitchOn, SwitchOff)
	case LogFormat:
		v, err = oneOf(text, LogText, LogJSON)
	case slog.Level:
		v, err = parseLevel(text)
	default:
		err = fmt.Errorf("a setting cannot have the type %s", t)
	}
	if err != nil {
		return reflect.Value{}, err
	}
	return reflect.ValueOf(v), nil
}

func parseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "yes", "true", "on", "1":
		return true, nil
	case "no", "false", "off", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither yes nor no; write one of them", text)
}

func splitList(text string) []string {
	var list []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

func parsePrefixes(items []string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, item := range items {
		p, err := netip.ParsePrefix(item)
		if err != nil {
			addr, err := netip.ParseAddr(item)
			if err != nil {
				return nil, fmt.Errorf("%q is neither an address nor a network; write 10.0.0.7 or 10.0.0.0/8", item)
			}
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		list = append(list, p.Masked())
	}
	return list, nil
}

func oneOf[T ~string](text string, allowed ...T) (T, error) {
	var names []string
	for _, a := range allowed {
		if strings.EqualFold(text, string(a)) {
			return a, nil
		}
		names = append(names, string(a))
	}
	return "", fmt.Errorf("%q is not possible here; write one of %s", text, strings.Join(names, ", "))
}

func parseLevel(text string) (slog.Level, error) {
	for _, l := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if strings.EqualFold(text, l.String()) {
			return l, nil
		}
	}
	return 0, fmt.Errorf("%q is no level; write one of debug, info, warn, error", text)
}

// show writes the field's value as its own setting would be written, without what is secret.
func (f field) show() string {
	if s, ok := f.value.Interface().(Secret); ok && f.secret == "url" {
		return s.withoutPassword()
	}
	return showValue(f.value)
}

func showValue(v reflect.Value) string {
	switch v := v.Interface().(type) {
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case []string:
		return strings.Join(v, ", ")
	case []netip.Prefix:
		var list []string
		for _, p := range v {
			list = append(list, p.String())
		}
		return strings.Join(list, ", ")
	case slog.Level:
		return strings.ToLower(v.String())
	case time.Duration:
		return shortDuration(v)
	default:
		return fmt.Sprint(v)
	}
}

// shortDuration drops the zero units that time.Duration writes: 24h, not 24h0m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
