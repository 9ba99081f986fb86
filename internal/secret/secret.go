// Package secret seals what must stay unreadable at rest: the values of tenants' variables, and whatever else a
// copy of the database must not give away.
//
// It promises that a sealed value can be opened only with the same key and in the same context (so that a value moved to
// another row does not open), that a changed one does not open at all, and that no error says anything of key or
// plaintext. The form begins with its version, so that another can follow.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"helpdesk"
)

// KeySize is the size of a Key in bytes.
const KeySize = 32

// version is the prefix of what Seal makes. v1: a random salt of 32 bytes; from key and salt, by HKDF-SHA-256, a
// key for this value alone; AES-256-GCM under that with a nonce of zeros, the context as additional data.
const version = "v1."

const saltSize = 32

// Key seals and opens. The zero Key does neither.
type Key struct{ master []byte }

// NewKey makes a Key of 32 secret bytes.
func NewKey(master []byte) (Key, error) {
	if len(master) != KeySize {
		return Key{}, fmt.Errorf("secret: a key has %d bytes, not %d", KeySize, len(master))
	}
	return Key{master: append([]byte(nil), master...)}, nil
}

// String keeps a Key out of logs.
func (k Key) String() string { return "(secret)" }

// GoString keeps a Key out of logs.
func (k Key) GoString() string { return "(secret)" }

// Seal encrypts a text for a context, such as "variable/<tenant>/<name>".
func (k Key) Seal(plaintext, context string) (string, error) {
	salt := make([]byte, saltSize, saltSize+len(plaintext)+16)
	rand.Read(salt) // never fails: it ends the program instead
	aead, err := k.aead(salt)
	if err != nil {
		return "", err
	}
	sealed := aead.Seal(salt, make([]byte, aead.NonceSize()), []byte(plaintext), []byte(context))
	return version + base64.RawStdEncoding.EncodeToString(sealed), nil
}

var errUnreadable = errors.New("secret: the value was not sealed with this key and in this context, or it was changed")

// Open gives back the text that was sealed with this key for this context.
func (k Key) Open(sealed, context string) (string, error) {
	rest, ok := strings.CutPrefix(sealed, version)
	if !ok || strings.ContainsAny(rest, "\r\n") { // a decoder of base64 passes over line ends: one value has one form
		return "", unreadable(errors.New("secret: unknown form"))
	}
	raw, err := base64.RawStdEncoding.Strict().DecodeString(rest)
	if err != nil || len(raw) < saltSize+16 {
		return "", unreadable(errUnreadable)
	}
	aead, err := k.aead(raw[:saltSize])
	if err != nil {
		return "", err
	}
	plaintext, err := aead.Open(nil, make([]byte, aead.NonceSize()), raw[saltSize:], []byte(context))
	if err != nil {
		return "", unreadable(errUnreadable)
	}
	return string(plaintext), nil
}

func unreadable(cause error) error {
	return helpdesk.WithCause(helpdesk.Unavailable, cause, "A stored secret cannot be read with this server's key. Start the server with the key it was stored with, or set the secret again.")
}

func (k Key) aead(salt []byte) (cipher.AEAD, error) {
	if len(k.master) != KeySize {
		return nil, errors.New("secret: no key")
	}
	one, err := hkdf.Key(sha256.New, k.master, salt, "helpdesk secret v1", KeySize)
	if err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	block, err := aes.NewCipher(one)
	if err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	return cipher.NewGCM(block)
}
