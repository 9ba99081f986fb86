package runbook

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// certificate makes a self-signed certificate for localhost with the given time.
func certificate(t *testing.T, from, to time.Time) (cert tls.Certificate, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost", "*.example.test"},
		NotBefore: from, NotAfter: to, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "site.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// serveTLS shakes hands on a local port until the test ends.
func serveTLS(t *testing.T, cert tls.Certificate) (port string) {
	t.Helper()
	l, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if err := c.(*tls.Conn).Handshake(); err == nil {
				_, _ = c.Read(make([]byte, 1)) // until the client leaves
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func TestACertificatesTimeIsReadFromItsFileAndFromItsPort(t *testing.T) {
	day := 24 * time.Hour
	now := time.Now()
	for name, x := range map[string]struct {
		from, to time.Time
		want     string
		healthy  bool
	}{
		"expired": {now.Add(-90 * day), now.Add(-10 * day), "Critical: The certificate expired 10 days ago", false},
		"soon":    {now.Add(-80 * day), now.Add(9*day + time.Hour), "Warning: The certificate expires in 9 days", false},
		"month":   {now.Add(-60 * day), now.Add(25*day + time.Hour), "Notice: The certificate expires in 25 days", false},
		"not yet": {now.Add(30 * time.Hour), now.Add(90 * day), "Critical: The certificate is not valid yet", false},
		"good":    {now.Add(-day), now.Add(80*day + time.Hour), "The certificate holds for 80 more days", true},
	} {
		t.Run(name, func(t *testing.T) {
			cert, file := certificate(t, x.from, x.to)
			port := serveTLS(t, cert)
			for _, say := range []string{"when does the certificate " + file + " expire", "the certificate of port " + port + " is not accepted"} {
				d := newDesk(t)
				d.execute = bash(t, "env", "PATH="+withoutTools(t, "timedatectl", "chronyc"))
				_, all := d.examine(say)
				wantText(t, all, x.want, "DNS:localhost", "CN")
				if x.healthy {
					wantNoTrouble(t, all)
				}
				if name == "not yet" {
					wantText(t, all, "The evidence speaks for something else", "The system clock says")
				}
			}
			if name != "expired" {
				return
			}
			d := newDesk(t) // without openssl
			d.execute = bash(t, "env", "PATH="+withoutTools(t, "openssl"))
			_, all := d.examine("the tls certificate of port " + port + " has expired")
			wantText(t, all, "`openssl` is not installed here", "Critical: The certificate expired 10 days ago")
			d = newDesk(t)
			_, all = d.examine("https://other.test:" + port + " has a certificate for the wrong host name")
			wantText(t, all, "Warning: The certificate is not for `other.test`")
			d = newDesk(t)
			_, all = d.examine("certificate of https://api.example.test:" + port + " expired")
			if strings.Contains(all, "is not for") {
				t.Errorf("a wildcard counts for nothing:\n%s", all)
			}
		})
	}
	t.Run("no TLS", func(t *testing.T) {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		d := newDesk(t)
		_, all := d.examine(fmt.Sprintf("the certificate on port %d expired", port))
		wantText(t, all, fmt.Sprintf("Warning: Port %d presents no certificate", port), "nothing listens there")
		d = newDesk(t)
		_, all = d.examine("certificate /nonexistent/x.pem expired")
		wantNoTrouble(t, all)
		wantText(t, all, "I claim nothing")
	})
}

func TestTheAddressThatAServiceListensOnIsSetBesideTheMachines(t *testing.T) {
	local, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	wide, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer wide.Close()
	narrow, open := local.Addr().(*net.TCPAddr).Port, wide.Addr().(*net.TCPAddr).Port
	for _, without := range []string{"", "ss ip"} {
		see := func(say string) string {
			d := newDesk(t)
			d.execute = bash(t, "env", "PATH="+withoutTools(t, strings.Fields(without)...))
			_, all := d.examine(say)
			return all
		}
		wantText(t, see(fmt.Sprintf("port %d is only reachable locally, not from other machines", narrow)), fmt.Sprintf("Warning: Port %d is bound to the loopback address only", narrow), "127.0.0.1:"+strconv.Itoa(narrow))
		wantText(t, see(fmt.Sprintf("port %d is exposed, it should only listen locally", open)), fmt.Sprintf("Warning: Port %d is listened on at every address", open))
		all := see(fmt.Sprintf("port %d listens on the wrong address, not reachable from other machines", open))
		wantNoTrouble(t, all)
		wantText(t, all, "something stands between")
	}
}

// nameServer answers every question on UDP port 53 of an address with a code.
func nameServer(t *testing.T, address string, rcode byte) {
	t.Helper()
	c, err := net.ListenPacket("udp4", address+":53")
	if err != nil {
		t.Skip("no name server can be made here:", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			if n < 12 {
				continue
			}
			answer := append([]byte{}, b[:n]...)
			answer[2], answer[3] = 0x81, 0x80|rcode
			answer[10], answer[11] = 0, 0 // it has no use for what follows the question
			_, _ = c.WriteTo(answer[:questionEnd(answer)], from)
		}
	}()
	t.Cleanup(func() { c.Close(); <-done })
}

// questionEnd is where the first question of a message ends.
func questionEnd(m []byte) int {
	i := 12
	for i < len(m) && m[i] != 0 {
		i += int(m[i]) + 1
	}
	return min(i+5, len(m))
}

func TestNameServersAreAskedOneByOne(t *testing.T) {
	needRoot(t)
	const good, broken, silent = "127.0.53.1", "127.0.53.2", "127.0.53.3"
	nameServer(t, good, 3) // it knows no name at all
	nameServer(t, broken, 2)
	ask := func(say, hosts string, servers ...any) string {
		dir := t.TempDir()
		conf := "options timeout:1 attempts:1\n" + strings.Repeat("nameserver %s\n", len(servers))
		conf = fmt.Sprintf(conf, servers...)
		for name, text := range map[string]string{"resolv.conf": conf, "hosts": "127.0.0.1 localhost\n" + hosts, "nsswitch.conf": "hosts: files dns\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		d := newDesk(t)
		d.execute = bash(t, inMounts(t, "for f in resolv.conf hosts nsswitch.conf; do mount --bind "+dir+"/$f /etc/$f; done")...)
		var all strings.Builder
		all.WriteString(d.say(say).text)
		for range 4 {
			if len(d.open) == 0 {
				break
			}
			all.WriteString(d.run(allOf).text) // where dig is missing, the question of bash itself counts as a change
		}
		return all.String()
	}
	wantText(t, ask("could not resolve host db.example.test", "", silent), "Critical: The name server does not answer", silent, "`db.example.test` could not be resolved")
	wantText(t, ask("could not resolve host db.example.test", "", good, silent), "Warning: The name server `"+silent+"` does not answer")
	wantText(t, ask("could not resolve host db.example.test", "", broken), "Warning: The name server `"+broken+"` answers with a failure")
	wantText(t, ask("could not resolve host db.example.test", "", good), "Notice: Nobody knows the name `db.example.test`")
	wantText(t, ask("db.example.test resolves to the wrong address, dns", "10.9.8.7 db.example.test db\n", good), "`/etc/hosts` gives `db.example.test` the address `10.9.8.7`")
	all := ask("name resolution is slow, dns", "", good)
	wantNoTrouble(t, all)
	wantText(t, all, "The name servers that this machine uses answer")
	wantText(t, ask("dns does not work", ""), "Warning: No name server is configured")
}
