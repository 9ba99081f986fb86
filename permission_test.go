package helpdesk_test

import (
	"slices"
	"testing"

	"helpdesk"
)

var permissions = []helpdesk.Permission{helpdesk.PermPublic, helpdesk.PermSelf, helpdesk.PermTicketRead, helpdesk.PermTicketWrite, helpdesk.PermDecide,
	helpdesk.PermTerminal, helpdesk.PermAdminTerminal, helpdesk.PermPlatformManage}

// Ensure that the one place that decides who may do what decides so: y allowed, s sign in first, f forbidden, n not
// there. Columns are the permissions in the order above.
func TestMay(t *testing.T) {
	member := helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "u-1", Tenants: []helpdesk.TenantID{"a", "b"}}
	admin := helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "u-2", Admin: true}
	agent := helpdesk.Actor{Kind: helpdesk.ActorAgent, ID: "i-1", Admin: true, Tenants: []helpdesk.TenantID{"a"}} // even if somebody says it is admin
	answers := map[byte]helpdesk.Kind{'s': helpdesk.Unauthorized, 'f': helpdesk.Forbidden, 'n': helpdesk.NotFound}
	for _, x := range []struct {
		name   string
		actor  helpdesk.Actor
		tenant helpdesk.TenantID
		want   string
	}{
		{"nobody", helpdesk.Actor{}, "a", "ysssssss"},
		{"nobody, said to be admin", helpdesk.Actor{Admin: true}, "a", "ysssssss"},
		{"of an unknown kind", helpdesk.Actor{Kind: "robot", Admin: true}, "a", "ysssssss"},
		{"an agent", agent, "a", "ysssssss"},
		{"a member, in the tenant", member, "a", "yyyyyyff"},
		{"a member, elsewhere", member, "c", "yynnnnff"},
		{"a member, in no tenant", member, "", "yyynnnff"},
		{"a member of nothing", helpdesk.Actor{Kind: helpdesk.ActorUser}, "a", "yynnnnff"},
		{"an admin", admin, "c", "yyyyyyyy"},
		{"an admin, in no tenant", admin, "", "yyyyyyyy"},
		{"HelpDesk itself", helpdesk.System("sweep"), "c", "yyyyyyyy"},
	} {
		for i, p := range permissions {
			err := helpdesk.May(x.actor, p, x.tenant)
			if want, refused := answers[x.want[i]]; refused != (err != nil) || refused && helpdesk.KindOf(err) != want {
				t.Errorf("%s, %s: %v, want %q", x.name, p, err, x.want[i])
			}
		}
		if err := helpdesk.May(x.actor, "ticket.paint", x.tenant); err == nil {
			t.Errorf("%s may do what there is no permission for", x.name)
		}
		if err := helpdesk.May(x.actor, "", x.tenant); err == nil {
			t.Errorf("%s may do what names no permission", x.name)
		}
	}
	for _, p := range permissions {
		if !p.Known() || p.Platform() != (p == helpdesk.PermAdminTerminal || p == helpdesk.PermPlatformManage) {
			t.Errorf("%s: known %v, platform %v", p, p.Known(), p.Platform())
		}
	}
}

func TestReach(t *testing.T) {
	member := helpdesk.Actor{Kind: helpdesk.ActorUser, Tenants: []helpdesk.TenantID{"a", "b"}}
	for _, x := range []struct {
		name  string
		reach helpdesk.Reach
		has   []helpdesk.TenantID
	}{
		{"the zero reach", helpdesk.Reach{}, nil},
		{"nobody's", helpdesk.Actor{}.Reach(), nil},
		{"a member's", member.Reach(), []helpdesk.TenantID{"a", "b"}},
		{"a member's, narrowed", member.Reach().Only("b"), []helpdesk.TenantID{"b"}},
		{"a member's, narrowed to another's", member.Reach().Only("c"), nil},
		{"a member's, narrowed to none", member.Reach().Only(""), nil},
		{"an admin's", helpdesk.Actor{Kind: helpdesk.ActorUser, Admin: true}.Reach(), []helpdesk.TenantID{"a", "b", "c"}},
		{"an admin's, narrowed", helpdesk.System("x").Reach().Only("c"), []helpdesk.TenantID{"c"}},
		{"an agent's of a tenant", helpdesk.Actor{Kind: helpdesk.ActorAgent, Tenants: []helpdesk.TenantID{"a"}}.Reach(), []helpdesk.TenantID{"a"}},
	} {
		for _, tenant := range []helpdesk.TenantID{"a", "b", "c"} {
			if got, want := x.reach.Has(tenant), slices.Contains(x.has, tenant); got != want {
				t.Errorf("%s has %s: %v", x.name, tenant, got)
			}
		}
		if x.reach.Has("") {
			t.Errorf("%s has a tenant without a name", x.name)
		}
		if !x.reach.All() && !slices.Equal(x.reach.List(), x.has) {
			t.Errorf("%s is %v", x.name, x.reach.List())
		}
	}
	list := member.Reach().List()
	list[0] = "c"
	tenants := []helpdesk.TenantID{"a"}
	reach := helpdesk.Actor{Kind: helpdesk.ActorUser, Tenants: tenants}.Reach()
	tenants[0] = "c"
	if member.Tenants[0] != "a" || reach.Has("c") {
		t.Error("a reach can be changed from outside")
	}
}

func TestInstancesAllowTenants(t *testing.T) {
	every, some := helpdesk.Instance{AllTenants: true}, helpdesk.Instance{Tenants: []helpdesk.TenantID{"a"}}
	if !every.Allowed("a") || every.Allowed("") || !some.Allowed("a") || some.Allowed("b") || some.Allowed("") || (helpdesk.Instance{}).Allowed("a") {
		t.Error("an instance is allowed where it is not, or not where it is")
	}
}
