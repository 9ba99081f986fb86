package app

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"

	"helpdesk"
	"helpdesk/internal/config"
)

// certificateOf reads the certificate to serve with; without one it is nil.
func certificateOf(files config.TLS) (*tls.Config, error) {
	if files.Cert == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(files.Cert, files.Key) // that they can be read was checked with the configuration
	if err != nil {
		return nil, helpdesk.WithCause(helpdesk.Invalid, err, "The certificate in %s and the key in %s cannot be used. Both must be PEM, and belong to each other.", files.Cert, files.Key)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}, nil
}

// fingerprint is how the commands of this machine know the server's certificate; "" where there is none.
func fingerprint(c *tls.Config) string {
	if c == nil {
		return ""
	}
	sum := sha256.Sum256(c.Certificates[0].Certificate[0])
	return hex.EncodeToString(sum[:])
}
