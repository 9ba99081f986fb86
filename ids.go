package helpdesk

import (
	"regexp"
	"strconv"
	"strings"
)

// Identifiers are opaque strings made by the service that creates the thing (UUIDv7, so that they sort by
// time), except a ticket's, which is its key.
type (
	TenantID     string
	UserID       string
	AgentID      string
	InstanceID   string
	MessageID    string
	TurnID       string
	SuggestionID string
	RunID        string
	TerminalID   string

	// TicketKey names a ticket everywhere: "<PREFIX>-<n>", the tenant's prefix and a number that is never
	// used again.
	TicketKey string
)

var (
	prefixPattern = regexp.MustCompile(`^[A-Z][A-Z0-9]{0,9}$`)
	keyPattern    = regexp.MustCompile(`^[A-Z][A-Z0-9]{0,9}-[1-9][0-9]{0,17}$`)
)

// ValidPrefix says whether a tenant may use p as the prefix of its ticket keys: a capital letter and at most
// nine more capitals or digits.
func ValidPrefix(p string) bool { return prefixPattern.MatchString(p) }

// MakeTicketKey joins a tenant's prefix and a ticket's number.
func MakeTicketKey(prefix string, n int64) TicketKey {
	return TicketKey(prefix + "-" + strconv.FormatInt(n, 10))
}

// ParseTicketKey reads a key as people type it: case and surrounding blanks do not matter.
// Anything else is NotFound, because no ticket can have that key.
func ParseTicketKey(s string) (TicketKey, error) {
	k := strings.ToUpper(strings.TrimSpace(s))
	if !keyPattern.MatchString(k) {
		return "", Errorf(NotFound, "There is no ticket %q. Ticket keys look like HD-12.", clip(s))
	}
	return TicketKey(k), nil
}

// clip shortens what somebody typed for use in a sentence, at a character boundary.
func clip(s string) string {
	n := 40
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
