package helpdesk

import (
	"errors"
	"fmt"
)

// Kind says what sort of trouble an Error is; the web edge turns it into a status.
type Kind int

// The kinds of error. The zero Kind is Internal: an error nobody classified is a fault of ours.
const (
	Internal     Kind = iota // our fault; logged whole, shown bare
	Invalid                  // the request cannot be right as it stands
	Unauthorized             // nobody is signed in
	Forbidden                // signed in, and not allowed
	NotFound                 // not there, or not yours: the answer is the same
	Conflict                 // right in itself, but not in the present state
	TooLarge                 // over a documented limit of size
	TooMany                  // over a documented limit of count or rate
	Unavailable              // something we need is not there now; trying later may help
)

var kindNames = [...]string{"internal", "invalid", "unauthorized", "forbidden", "not found", "conflict", "too large", "too many", "unavailable"}

func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "internal"
	}
	return kindNames[k]
}

// Error is an error with one public sentence and, perhaps, a private cause that is logged and never shown.
type Error struct {
	Kind   Kind
	Public string // one sentence, shown to whoever asked; says what to do
	Cause  error  // private
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Public + " (" + e.Cause.Error() + ")"
	}
	return e.Public
}

func (e *Error) Unwrap() error { return e.Cause }

// Errorf makes an Error whose public sentence is the formatted text. Everything in the sentence is public; a
// cause that is not goes through WithCause.
func Errorf(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Public: fmt.Sprintf(format, args...)}
}

// WithCause makes an Error with a public sentence and the private cause behind it.
func WithCause(kind Kind, cause error, format string, args ...any) error {
	return &Error{Kind: kind, Public: fmt.Sprintf(format, args...), Cause: cause}
}

// KindOf finds the kind of err: that of the first Error in its chain, else Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// PublicText is the sentence that err may show to whoever asked. Of unknown errors nothing is shown.
func PublicText(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Kind != Internal {
		return e.Public
	}
	return "Something went wrong on the server. Its log has the details under this request's id."
}
