// Package place says where a Terminal or a Run of a tenant lives. There is one answer for both, so that what a card
// shows, what the digest binds and what is started cannot differ.
package place

import (
	"maps"
	"path"
	"slices"
	"strconv"

	"helpdesk"
	"helpdesk/internal/launch"
	"helpdesk/internal/place/sandbox"
)

// Place is what does the running.
type Place struct {
	Name string // as stored and shown: "sandbox", "host_view" or "host"
	Kind launch.Kind
}

// For chooses the place for a scope of a tenant. It does not decide who may use it.
func For(t helpdesk.Tenant, s helpdesk.Scope) (Place, error) {
	switch {
	case s.Admin():
		return Place{"host", launch.Host}, nil
	case s.Container() != "":
		return Place{}, helpdesk.Errorf(helpdesk.Unavailable, "Scope %s is not available yet on this server. Use scope tenant.", s)
	case s != helpdesk.ScopeTenant:
		return Place{}, helpdesk.Errorf(helpdesk.Invalid, "A scope is tenant, admin or container:<name>.")
	case t.Place == helpdesk.PlaceHostView:
		return Place{string(helpdesk.PlaceHostView), launch.HostView}, nil
	}
	return Place{string(helpdesk.PlaceSandbox), launch.Private}, nil
}

// Usable says whether this host can start the place; where not, the error says what to do.
func (p Place) Usable(c launch.Capabilities) error {
	switch {
	case p.Kind == launch.Host && !c.Host:
		return helpdesk.Errorf(helpdesk.Unavailable, "Scope admin is switched off on this server. Its operator can switch it on with HELPDESK_ADMIN_TERMINAL=on.")
	case p.Kind == launch.HostView && !c.HostView, p.Kind == launch.Private && !c.Private:
		if c.Why != "" {
			return helpdesk.Errorf(helpdesk.Unavailable, "Nothing can be run on this host: %s", c.Why)
		}
		return helpdesk.Errorf(helpdesk.Unavailable, "Nothing can be run on this host. The server's log says why.")
	}
	return nil
}

// Shown is the working directory as a suggestion shows it and its digest binds it: the ticket's Workspace. On the
// host its path would tell where this server keeps its data, so it is named instead.
func (p Place) Shown() string {
	if p.Kind == launch.Host {
		return "the ticket's workspace"
	}
	return "/workspace"
}

// Cwd is the working directory as the program inside sees it; below is a path below the Workspace, "" for itself.
func (p Place) Cwd(h launch.Hello, slot int, ticket helpdesk.TicketKey, below string) string {
	if p.Kind == launch.Host {
		return path.Join(h.Data, "workspaces", strconv.Itoa(slot), string(ticket), below)
	}
	return path.Join("/workspace", below)
}

// Outbound is what programs in the place may connect to by the tenant's list. The other places have their host's
// network, and no list.
func (p Place) Outbound(t helpdesk.Tenant) []string {
	if p.Kind != launch.Private {
		return nil
	}
	list := make([]string, len(t.Outbound))
	for i, d := range t.Outbound {
		list[i] = string(d)
	}
	return list
}

// EnvNames are the names of the variables that are set for a tenant's programs in the place, sorted: its own, and with
// a list of destinations those that tell of the way out.
func (p Place) EnvNames(t helpdesk.Tenant) []string {
	names := slices.Clone(t.Variables)
	if len(p.Outbound(t)) > 0 {
		names = append(names, sandbox.ProxyNames()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Env is a tenant's variables in the form of a launch.Spec, sorted by name, after which come more, as NAME=value.
func Env(variables map[string]string, more ...string) []string {
	env := make([]string, 0, len(variables)+len(more))
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		env = append(env, name+"="+variables[name])
	}
	return append(env, more...)
}
