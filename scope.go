package helpdesk

import "strings"

// Scope is what a Terminal or a Run may touch. The zero Scope touches nothing.
type Scope struct {
	kind   string
	target string // the container, for scope container
}

// The scopes without a target.
var (
	ScopeTenant = Scope{kind: "tenant"}
	ScopeAdmin  = Scope{kind: "admin"}
)

// ParseScope reads "admin", "tenant" or "container:<name>", a name being printable ASCII without blanks.
func ParseScope(s string) (Scope, error) {
	switch kind, target, has := strings.Cut(s, ":"); {
	case s == "tenant":
		return ScopeTenant, nil
	case s == "admin":
		return ScopeAdmin, nil
	case kind == "container" && has && target != "" && len(target) <= 253 && !strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return Scope{kind: kind, target: target}, nil
	}
	return Scope{}, Errorf(Invalid, "A scope is tenant, admin or container:<name>, not %q.", clip(s))
}

// String is the scope as ParseScope reads it; "" for the zero Scope.
func (s Scope) String() string {
	if s.target != "" {
		return s.kind + ":" + s.target
	}
	return s.kind
}

// Admin says whether the scope is the whole environment.
func (s Scope) Admin() bool { return s.kind == "admin" }

// Container is the container's name, "" for other scopes.
func (s Scope) Container() string { return s.target }
