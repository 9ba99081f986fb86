package helpdesk

// Permission is what an operation asks of an Actor. Every operation names exactly one.
type Permission string

// The permissions. Platform permissions are for platform admins, the others for members of the tenant
// concerned (and for platform admins, who are members everywhere).
const (
	PermPublic         Permission = "public"          // nobody need be signed in
	PermSelf           Permission = "self"            // anyone signed in, about themselves
	PermTicketRead     Permission = "ticket.read"     // see tickets, their timeline, files and recordings
	PermTicketWrite    Permission = "ticket.write"    // create, message, change, close, delete
	PermDecide         Permission = "ticket.decide"   // decide on suggestions, stop Runs
	PermTerminal       Permission = "terminal.open"   // open, type into and close tenant terminals
	PermAdminTerminal  Permission = "terminal.admin"  // the same in scope admin
	PermPlatformManage Permission = "platform.manage" // tenants, people, places
)

// Platform says whether the permission is one of platform admins only.
func (p Permission) Platform() bool { return p == PermPlatformManage || p == PermAdminTerminal }

// Known says whether p is a permission there is.
func (p Permission) Known() bool {
	switch p {
	case PermPublic, PermSelf, PermTicketRead, PermTicketWrite, PermDecide, PermTerminal, PermAdminTerminal, PermPlatformManage:
		return true
	}
	return false
}

// May decides whether an actor may do something in a tenant; tenant is "" for operations that concern none.
// It is the one place where that is decided. Only people and HelpDesk itself hold permissions: an agent's
// actor has none, so nothing an agent does can pass here.
func May(a Actor, p Permission, tenant TenantID) error {
	switch {
	case p == PermPublic:
		return nil
	case !p.Known() || (a.Kind != ActorUser && a.Kind != ActorSystem):
		return Errorf(Unauthorized, "Sign in first.")
	case a.Kind == ActorSystem, a.Admin, p == PermSelf:
		return nil
	case p.Platform():
		return Errorf(Forbidden, "Only a platform admin may do this.")
	case tenant == "" && p == PermTicketRead:
		return nil // a list over whatever the actor's Reach holds
	case !a.Member(tenant):
		return Errorf(NotFound, "There is no such thing here, or it is not yours to see.")
	}
	return nil
}
