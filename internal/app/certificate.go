package app

import (
	"crypto/tls"

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
