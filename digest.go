package helpdesk

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"
)

// digestVersion is the first field of every digest; it changes when the list of fields does.
const digestVersion = "helpdesk-suggestion-1"

// Interpreter is what reads a command: a shell without anybody's start-up files.
const Interpreter = "bash --noprofile --norc -c"

// ComputeDigest is the SHA-256, in hex, over everything that a decision binds: version, ticket, suggestion,
// tenant, place, scope, container identity, working directory, command, interpreter, each file's path and
// content hash, and the names of the environment variables set. Every field is UTF-8 preceded by its length
// in bytes as 8 bytes big endian; lists are preceded by their count the same way. docs/api/digest.md has test
// vectors.
func (s *Suggestion) ComputeDigest() string {
	h := sha256.New()
	for _, f := range []string{
		digestVersion, string(s.Ticket), string(s.ID), string(s.Tenant), s.Place, s.Scope.String(),
		s.Scope.Container(), s.Cwd, s.Command, Interpreter,
	} {
		digestField(h, f)
	}
	digestLen(h, len(s.Files))
	for _, f := range s.Files {
		sum := sha256.Sum256([]byte(f.Content))
		digestField(h, f.Path)
		digestField(h, hex.EncodeToString(sum[:]))
	}
	names := slices.Sorted(slices.Values(s.EnvNames))
	digestLen(h, len(names))
	for _, n := range names {
		digestField(h, n)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func digestField(h hash.Hash, s string) {
	digestLen(h, len(s))
	h.Write([]byte(s))
}

func digestLen(h hash.Hash, n int) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	h.Write(b[:])
}
