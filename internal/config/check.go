package config

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// KeySize is the size of the key that encrypts stored secrets, in bytes.
const KeySize = 32

// check finds what is wrong with settings that are readable one by one. A rule over several of them says nothing true
// while one of them is unreadable, and is left out.
func (c Config) check(unread map[string]bool) Faults {
	var faults Faults
	bad := func(key, format string, args ...any) {
		where := c.origin[key]
		if where == originDefault {
			where = EnvName(key) // where it can be set
		}
		faults = append(faults, Fault{where, key + ": " + fmt.Sprintf(format, args...)})
	}
	read := func(keys ...string) bool {
		return !slices.ContainsFunc(keys, func(key string) bool { return unread[key] })
	}
	if err := checkListen(c.Listen); err != nil {
		bad("listen", "%v", err)
	} else if !c.Loopback() && c.TLS.Cert == "" && len(c.TrustedProxies) == 0 && read("trusted_proxies") {
		bad("listen", "%s is reachable from other machines, and passwords would cross the network unencrypted; "+
			"set tls.cert and tls.key, or name the proxy that does TLS in trusted_proxies, or listen on 127.0.0.1", c.Listen)
	}
	if c.Data == "" {
		bad("data", "there is neither a home directory nor XDG_DATA_HOME; set HELPDESK_DATA to a directory")
	} else if !filepath.IsAbs(c.Data) {
		bad("data", "%q is not a full path; begin it with /", c.Data)
	}
	if err := checkURL(c.Database, "postgres", "postgresql"); err != nil {
		bad("database", "%v", err)
	}
	if err := checkURL(c.NATS, "nats", "tls", "ws", "wss"); err != nil {
		bad("nats", "%v", err)
	}
	if _, err := parsePublicURL(c.PublicURL); err != nil {
		bad("public_url", "%v", err)
	}
	if checkListen(c.Listen) == nil && !c.Loopback() && !strings.HasPrefix(c.PublicURL, "https://") {
		bad("public_url", "people reach this server from other machines, and it answers only under a name it knows; set it to the address they use, such as https://help.example.com")
	}
	for _, h := range c.Hosts {
		if !isHostName(h) {
			bad("hosts", "%q is not a host name; write the name only, without scheme, port or path", h)
		}
	}
	switch {
	case (c.TLS.Cert == "") != (c.TLS.Key == ""):
		bad("tls.cert", "tls.cert and tls.key belong together; set both or neither")
	case c.TLS.Cert != "":
		for key, path := range map[string]string{"tls.cert": c.TLS.Cert, "tls.key": c.TLS.Key} {
			if f, err := os.Open(path); err != nil {
				bad(key, "the file cannot be read by user %d (%v); correct the path or its permissions", os.Getuid(), err)
			} else {
				_ = f.Close() // nothing was written
			}
		}
	}
	if t := c.Admin.Token.Reveal(); t != "" && (len(t) < 20 || strings.ContainsFunc(t, unicode.IsSpace)) {
		bad("admin.token", "the token has %d characters; give at least 20, without spaces (openssl rand -hex 24 makes one)", len(t))
	}
	if c.Key != "" && c.KeyFile != "" {
		bad("key", "key and key_file are both set; keep one of them")
	} else if c.Key != "" {
		if _, err := ParseKey(c.Key.Reveal()); err != nil {
			bad("key", "%v", err)
		}
	}
	for _, path := range c.HostView.Sockets {
		if !filepath.IsAbs(path) || filepath.Clean(path) != path {
			bad("host_view.sockets", "%q is not a full path; begin it with /", path)
		}
	}
	if read("limits.suggestion", "limits.file", "limits.reply") && (c.Limits.Suggestion > c.Limits.Reply || c.Limits.File > c.Limits.Reply) {
		bad("limits.reply", "a reply of %s has no room for one suggestion (%s) or file (%s); raise limits.reply or lower the others",
			c.Limits.Reply, c.Limits.Suggestion, c.Limits.File)
	}
	if read("limits.file", "limits.workspace") && c.Limits.File > c.Limits.Workspace {
		bad("limits.workspace", "a workspace of %s has no room for one file of %s; raise limits.workspace or lower limits.file",
			c.Limits.Workspace, c.Limits.File)
	}
	if read("limits.recording_per_terminal", "limits.recording_per_run", "limits.recording_per_tenant") &&
		(c.Limits.RecordingPerTerminal > c.Limits.RecordingPerTenant || c.Limits.RecordingPerRun > c.Limits.RecordingPerTenant) {
		bad("limits.recording_per_tenant", "%s is less than one Terminal (%s) or run (%s) may record; raise it or lower the others",
			c.Limits.RecordingPerTenant, c.Limits.RecordingPerTerminal, c.Limits.RecordingPerRun)
	}
	return faults
}

func checkListen(listen string) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("%q is not an address; write host:port, such as 127.0.0.1:8080", listen)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q is not a port; write a number from 0 (any free one) to 65535", port)
	} else if host != "" && net.ParseIP(host) == nil && !isHostName(host) {
		return fmt.Errorf("%q is not a host; write an address, or a name, before :%d", host, n)
	}
	return nil
}

// checkURL never repeats what it was given: a URL to a database holds a password.
func checkURL(s Secret, schemes ...string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s.Reveal())
	if err == nil {
		for _, scheme := range schemes {
			if u.Scheme == scheme && (u.Host != "" || u.RawQuery != "") {
				return nil
			}
		}
	}
	return fmt.Errorf("this is not an address of a kind that is possible here; write %s://host/…, with special characters in a password as %%XX", schemes[0])
}

// parsePublicURL returns nil and no error for the empty text.
func parsePublicURL(s string) (*url.URL, error) {
	if s == "" {
		return nil, nil
	}
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.User != nil:
		return nil, fmt.Errorf("%q is not an address; write https://name, with a port if it is not 443", s)
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return nil, fmt.Errorf("%q has a path; HelpDesk needs a host name of its own, write %s://%s", s, u.Scheme, u.Host)
	}
	return u, nil
}

func isHostName(s string) bool {
	if net.ParseIP(s) != nil {
		return true
	}
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return false
		}
		for _, r := range label {
			if r != '-' && r != '_' && (r > 127 || !unicode.IsLetter(r) && !unicode.IsDigit(r)) {
				return false
			}
		}
	}
	return true
}

// ParseKey reads the key that encrypts stored secrets: 32 bytes as 64 hexadecimal digits or in base64. It never
// repeats what it was given.
func ParseKey(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if key, err := decode(text); err == nil && len(key) == KeySize {
			return key, nil
		}
	}
	return nil, errors.New("this is not a key; give 32 random bytes as 64 hexadecimal digits or in base64 (openssl rand -hex 32 makes one)")
}
