package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"helpdesk/internal/config"
	"helpdesk/internal/datadir"
)

// client calls the HTTP API of a server.
type client struct {
	base  string
	token string
	http  *http.Client
}

// How long a command waits for a server's answer, and how much of one it reads.
const (
	answerTime = 30 * time.Second
	answerSize = 64 << 20
)

// connect finds the server to talk to: the one named by HELPDESK_URL and HELPDESK_TOKEN, else the one that runs on
// the data directory, by the token it left there for whoever may read it.
func (p Program) connect(flags *settingFlags) (*client, error) {
	get := func(name string) string {
		for _, kv := range p.Env {
			if value, ok := strings.CutPrefix(kv, name+"="); ok {
				return value
			}
		}
		return ""
	}
	hc := &http.Client{Timeout: answerTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if base := get("HELPDESK_URL"); base != "" {
		token := get("HELPDESK_TOKEN")
		if token == "" {
			return nil, errors.New("HELPDESK_URL is set and HELPDESK_TOKEN is not; set it to an API token, which your page of tokens in HelpDesk makes")
		}
		return newClient(hc, base, token)
	}
	cfg, err := flags.load(p)
	if err != nil {
		return nil, err
	}
	local, err := datadir.ReadLocal(cfg.Data)
	if err != nil {
		return nil, err
	}
	if local.Certificate != "" {
		hc.Transport = &http.Transport{TLSClientConfig: knownBy(local.Certificate)}
	}
	return newClient(hc, local.URL, local.Token)
}

// knownBy trusts the one server whose certificate has this SHA-256. The certificate of the server on this machine is issued for
// the name that people use, or by nobody at all; what the server wrote into its own directory says more.
func knownBy(sum string) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection does
		VerifyConnection: func(s tls.ConnectionState) error {
			if got := sha256.Sum256(s.PeerCertificates[0].Raw); hex.EncodeToString(got[:]) != sum {
				return errors.New("it shows another certificate than the server that runs on this data directory")
			}
			return nil
		},
	}
}

func newClient(hc *http.Client, base, token string) (*client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not a server's address; write https://name", base)
	}
	loopback := config.Config{Listen: u.Hostname() + ":0"}
	if strings.Contains(u.Hostname(), ":") {
		loopback.Listen = "[" + u.Hostname() + "]:0"
	}
	if u.Scheme == "http" && !loopback.Loopback() {
		return nil, fmt.Errorf("%s would send the token over the network unencrypted; use https", base)
	}
	return &client{base: strings.TrimSuffix(base, "/"), token: token, http: hc}, nil
}

// problem is the body of an error answer (RFC 9457).
type problem struct {
	Detail string `json:"detail"`
	Errors []struct {
		Message  string `json:"message"`
		Location string `json:"location"`
	} `json:"errors"`
}

// call does one request; in and out may be nil.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+"/api/v1"+path, body)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("no server answers at %s (%w); is it running? See helpdesk doctor", c.base, errors.Unwrap(err))
	}
	defer func() { _ = res.Body.Close() }() // read to the end or given up
	text, err := io.ReadAll(io.LimitReader(res.Body, answerSize))
	if err != nil {
		return fmt.Errorf("the answer of %s broke off: %w", c.base, err)
	}
	if res.StatusCode >= 300 {
		return refusal(res.StatusCode, text)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("the answer of %s is not one of HelpDesk; is the address right? (%w)", c.base, err)
	}
	return nil
}

// refusal turns an error answer into the sentence it holds.
func refusal(status int, body []byte) error {
	var p problem
	if err := json.Unmarshal(body, &p); err != nil || p.Detail == "" && len(p.Errors) == 0 {
		return fmt.Errorf("the server answered %d %s; is the address right?", status, http.StatusText(status))
	}
	said := []string{p.Detail}
	for _, e := range p.Errors {
		said = append(said, strings.TrimSpace(e.Location+" "+e.Message))
	}
	return errors.New(printable(strings.Join(said, "; ")))
}

// printable keeps what a server says from steering the terminal it is printed on.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}
