package datadir

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"helpdesk"
)

const localFile = "local.json"

// Local is how a command on this machine reaches the running server: being able to read this file, which is private to the user
// who runs the server, is what makes the reader its admin.
type Local struct {
	URL         string `json:"url"`
	Token       string `json:"token"`
	Certificate string `json:"certificate,omitempty"` // by which it is known where it does TLS: SHA-256, hexadecimal
}

// Announce writes where the server listens, and with which certificate if it does TLS, together with a new token. The token is good until this server ends;
// the server must accept it as that of a platform admin.
func (d *Dir) Announce(url, certificate string) (Local, error) {
	var raw [32]byte
	rand.Read(raw[:]) // never fails: it ends the program instead
	l := Local{URL: url, Token: "hd_" + base64.RawURLEncoding.EncodeToString(raw[:]), Certificate: certificate}
	text, err := json.Marshal(l)
	if err != nil {
		return Local{}, fmt.Errorf("encode %s: %w", localFile, err)
	}
	if err := writeWhole(d.Join(localFile), append(text, '\n')); err != nil {
		return Local{}, unusable(d.name, err)
	}
	return l, nil
}

// ReadLocal finds the server that runs on the data directory at path.
func ReadLocal(path string) (Local, error) {
	text, err := os.ReadFile(filepath.Join(path, localFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Local{}, helpdesk.WithCause(helpdesk.Unavailable, err, "No server is running on %s. Start one with helpdesk serve, or set HELPDESK_DATA to the directory of the one that runs.", path)
	case errors.Is(err, fs.ErrPermission):
		return Local{}, helpdesk.WithCause(helpdesk.Forbidden, err, "Only the user who runs the server may do this, because %s is theirs. Become that user, or set HELPDESK_URL and HELPDESK_TOKEN.", path)
	case err != nil:
		return Local{}, unusable(path, err)
	}
	var l Local
	if err := json.Unmarshal(text, &l); err != nil || l.URL == "" || l.Token == "" {
		return Local{}, helpdesk.WithCause(helpdesk.Unavailable, err, "The file %s is damaged. Restart the server, which writes it anew.", filepath.Join(path, localFile))
	}
	return l, nil
}

// SecretKey reads a key of size bytes from the file at path, or, if there is none, makes one there. decode turns the file's text
// into the key, and refuses what is not one.
func SecretKey(path string, size int, decode func(string) ([]byte, error)) ([]byte, error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		key := make([]byte, size)
		rand.Read(key)
		if err := writeWhole(path, fmt.Appendf(nil, "%x\n", key)); err != nil {
			return nil, unusable(path, err)
		}
		return key, nil
	}
	return ReadKey(path, decode)
}

// ReadKey reads a key from a file that must be there: a key made in the place of one that is only not mounted, or misspelt,
// would lock the stored secrets away.
func ReadKey(path string, decode func(string) ([]byte, error)) ([]byte, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, helpdesk.WithCause(helpdesk.Unavailable, err, "There is no key file %s. Correct the name, or make one for a new server: openssl rand -hex 32 > %[1]s", path)
	case err != nil:
		return nil, helpdesk.WithCause(helpdesk.Unavailable, err, "The key file %s cannot be read by user %d. Correct its owner or its permissions.", path, os.Getuid())
	}
	key, err := decode(string(text))
	if err != nil {
		return nil, helpdesk.WithCause(helpdesk.Unavailable, err, "The file %s does not hold a key, and without it the stored secrets cannot be read. Restore it from a backup.", path)
	}
	return key, nil
}
