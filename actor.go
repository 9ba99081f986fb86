package helpdesk

import "slices"

// ActorKind says what sort of actor acts.
type ActorKind string

// The kinds of actor.
const (
	ActorUser   ActorKind = "user"
	ActorAgent  ActorKind = "agent"  // a Turn of an Instance
	ActorSystem ActorKind = "system" // HelpDesk itself: a sweep, a takeover, a limit
)

// Actor is who acts. It is a parameter of everything that changes or reads a ticket, made by package auth for
// people and by the services for the rest. The zero Actor may do nothing.
type Actor struct {
	Kind    ActorKind
	ID      string // a UserID, an InstanceID, or the name of the part of HelpDesk
	Name    string // as shown on screen
	Admin   bool   // platform admin
	Tenants []TenantID
}

// System makes the actor for a part of HelpDesk that acts by itself, such as "sweep" or "limits".
func System(part string) Actor { return Actor{Kind: ActorSystem, ID: part, Name: "HelpDesk"} }

// Member says whether the actor belongs to the tenant. A platform admin belongs to every tenant.
func (a Actor) Member(t TenantID) bool {
	return t != "" && a.Kind != "" && (a.Admin || a.Kind == ActorSystem || slices.Contains(a.Tenants, t))
}

// Reach is the set of tenants that a read may see.
func (a Actor) Reach() Reach {
	if a.Admin || a.Kind == ActorSystem {
		return Reach{all: true}
	}
	return Reach{tenants: slices.Clone(a.Tenants)}
}

// By is the actor as recorded with an event.
func (a Actor) By() By { return By{Kind: a.Kind, ID: a.ID, Name: a.Name} }

// By names, in the record, who did something.
type By struct {
	Kind ActorKind
	ID   string
	Name string
}

// Reach is a set of tenants; the zero Reach is empty. It is computed from an Actor and nowhere else.
type Reach struct {
	all     bool
	tenants []TenantID
}

// Only narrows a reach to one tenant: empty where the tenant was not in it.
func (r Reach) Only(t TenantID) Reach {
	if r.Has(t) {
		return Reach{tenants: []TenantID{t}}
	}
	return Reach{}
}

// Has says whether the tenant is in the set.
func (r Reach) Has(t TenantID) bool { return t != "" && (r.all || slices.Contains(r.tenants, t)) }

// All says whether the set holds every tenant.
func (r Reach) All() bool { return r.all }

// List gives the tenants of the set; it is nil where All is true.
func (r Reach) List() []TenantID { return slices.Clone(r.tenants) }
