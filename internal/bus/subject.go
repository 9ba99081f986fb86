package bus

import (
	"encoding/base64"
	"errors"
	"strings"

	"helpdesk"
)

// WorkSubject wakes whoever takes turns from the queue.
const WorkSubject = "work"

// TicketSubject carries notices {ticket, seq}: the ticket has events up to seq.
func TicketSubject(t helpdesk.TenantID, k helpdesk.TicketKey) string { return subject("ticket", t, k) }

// EveryTicketSubject carries the notices of all tickets of all tenants.
const EveryTicketSubject = "ticket.*.*"

// PartSubject carries the parts of a ticket's running turns.
func PartSubject(t helpdesk.TenantID, k helpdesk.TicketKey) string { return subject("part", t, k) }

// SnapshotSubject is where the node that runs a turn of the ticket gives the parts so far.
func SnapshotSubject(t helpdesk.TenantID, k helpdesk.TicketKey) string {
	return subject("snapshot", t, k)
}

func subject(kind string, t helpdesk.TenantID, k helpdesk.TicketKey) string {
	return kind + "." + Token(string(t)) + "." + Token(string(k))
}

// Token makes one token of a subject from any text, so that no id can reach beyond its place in a subject. Letters,
// digits and - stand for themselves; a text with anything else is written whole in base64 behind an underscore.
func Token(id string) string {
	if id == "" || strings.ContainsFunc(id, func(r rune) bool { return !plain(r) }) {
		return "_" + base64.RawURLEncoding.EncodeToString([]byte(id))
	}
	return id
}

// ParseToken is the text that Token made the token from. What Token cannot have made is refused.
func ParseToken(token string) (string, error) {
	if rest, ok := strings.CutPrefix(token, "_"); ok {
		b, err := base64.RawURLEncoding.Strict().DecodeString(rest)
		if err != nil {
			return "", err
		}
		if Token(string(b)) != token {
			return "", errors.New("bus: not the shortest form of a token")
		}
		return string(b), nil
	}
	if token == "" || Token(token) != token {
		return "", errors.New("bus: not a token")
	}
	return token, nil
}

func plain(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-'
}
