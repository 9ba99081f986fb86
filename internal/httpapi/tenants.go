package httpapi

import (
	"context"
	"net/http"

	"helpdesk"
	"helpdesk/internal/directory"
)

// Tenant is a tenant with its people, and the names of its variables but never their values.
type Tenant struct {
	ID        string   `json:"id"`
	Key       string   `json:"key"`
	Name      string   `json:"name"`
	Prefix    string   `json:"prefix" doc:"Of its ticket keys."`
	Place     string   `json:"place" enum:"sandbox,host_view" doc:"Where its commands and terminals run."`
	Tickets   int64    `json:"tickets" doc:"How many it ever had."`
	Variables []string `json:"variables"`
	Outbound  []string `json:"outbound" doc:"What its private sandboxes may connect to, as host:port. Empty: they have no network."`
	Members   []Member `json:"members"`
}

// Member is a person who belongs to a tenant.
type Member struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Agent is a kind of helper.
type Agent struct {
	ID                string   `json:"id"`
	Name              string   `json:"name"`
	Kind              string   `json:"kind"`
	Domain            string   `json:"domain"`
	Description       string   `json:"description"`
	PromptSuggestions []string `json:"prompt_suggestions"`
}

// Instance is a reachable place of an agent.
type Instance struct {
	ID         string   `json:"id"`
	Agent      string   `json:"agent"`
	Name       string   `json:"name"`
	AllTenants bool     `json:"all_tenants"`
	Tenants    []string `json:"tenants" doc:"Ids of the tenants that may use it, of those within your reach."`
}

func (s *Server) tenants() {
	const tag = "Tenants and agents"
	register(s, operation{
		Method: "GET", Path: "/tenants", ID: "listTenants", Permission: helpdesk.PermSelf, Tag: tag, Summary: "List the tenants within reach",
	}, func(ctx context.Context, by caller, _ *struct{}) (*list[Tenant], error) {
		all, err := s.Directory.Tenants(ctx, by.Actor)
		return whole(tenantsOf(all)), err
	})
	register(s, operation{
		Method: "POST", Path: "/tenants", ID: "createTenant", Permission: helpdesk.PermPlatformManage, Tag: tag, Status: http.StatusCreated,
		Summary: "Make a tenant",
	}, func(ctx context.Context, by caller, in *struct {
		Idempotent
		Body struct {
			Name    string   `json:"name" maxLength:"240"`
			Key     string   `json:"key,omitempty" maxLength:"40" doc:"Short and stable, for scripts. Default: made from the name."`
			Prefix  string   `json:"prefix,omitempty" maxLength:"10" doc:"A capital letter and at most nine more capitals or digits. Default: made from the key."`
			Place   string   `json:"place,omitempty" enum:"sandbox,host_view"`
			Members []string `json:"members,omitempty" maxItems:"10000" doc:"Ids of people."`
		}
	}) (*one[Tenant], error) {
		t, err := s.Directory.CreateTenant(ctx, by.Actor, directory.NewTenant{
			Name: in.Body.Name, Key: in.Body.Key, Prefix: in.Body.Prefix, Place: helpdesk.TenantPlace(in.Body.Place), Members: userIDs(in.Body.Members),
		}, in.once(by, "createTenant", in.Body))
		return &one[Tenant]{tenantOf(t)}, err
	})
	register(s, operation{
		Method: "PATCH", Path: "/tenants/{id}", ID: "changeTenant", Permission: helpdesk.PermPlatformManage, Tag: tag, MaxBody: 2 << 20,
		Summary: "Change a tenant", About: "The prefix can be changed until the first ticket. members and outbound replace all of them. In variables, null deletes one, and those not named stay.",
	}, func(ctx context.Context, by caller, in *struct {
		IDPath
		Body struct {
			Name      *string            `json:"name,omitempty" maxLength:"240"`
			Prefix    *string            `json:"prefix,omitempty" maxLength:"10"`
			Place     *string            `json:"place,omitempty" enum:"sandbox,host_view"`
			Members   *[]string          `json:"members,omitempty" maxItems:"10000" doc:"Ids of people."`
			Outbound  *[]string          `json:"outbound,omitempty" maxItems:"50" doc:"What its private sandboxes may connect to: host:port each, a full name or an address. It holds for what is started from now on."`
			Variables map[string]*string `json:"variables,omitempty" doc:"Values are never shown again."`
		}
	}) (*one[Tenant], error) {
		t, err := s.Directory.Tenant(ctx, by.Actor, in.ID)
		if err != nil {
			return nil, err
		}
		c := directory.ChangeTenant{Name: in.Body.Name, Prefix: in.Body.Prefix, Outbound: in.Body.Outbound, Variables: in.Body.Variables}
		if in.Body.Place != nil {
			p := helpdesk.TenantPlace(*in.Body.Place)
			c.Place = &p
		}
		if in.Body.Members != nil {
			m := userIDs(*in.Body.Members)
			c.Members = &m
		}
		x, err := s.Directory.ChangeTenant(ctx, by.Actor, t.ID, c)
		return &one[Tenant]{tenantOf(x)}, err
	})
	register(s, operation{
		Method: "GET", Path: "/agents", ID: "listAgents", Permission: helpdesk.PermSelf, Tag: tag, Summary: "List the agents that you may use",
	}, func(ctx context.Context, by caller, _ *struct{}) (*list[Agent], error) {
		agents, err := s.Directory.Agents(ctx, by.Actor)
		all := make([]Agent, 0, len(agents))
		for _, a := range agents {
			all = append(all, Agent{string(a.ID), a.Name, string(a.Kind), a.Domain, a.Description, append([]string{}, a.PromptSuggestions...)})
		}
		return whole(all), err
	})
	register(s, operation{
		Method: "GET", Path: "/instances", ID: "listInstances", Permission: helpdesk.PermSelf, Tag: tag, Summary: "List the instances that you may use",
	}, func(ctx context.Context, by caller, in *struct {
		Tenant string `query:"tenant" maxLength:"100" doc:"Only those that this tenant may use; its id or key."`
	}) (*list[Instance], error) {
		var tenant helpdesk.TenantID
		if in.Tenant != "" {
			t, err := s.Directory.Tenant(ctx, by.Actor, in.Tenant)
			if err != nil {
				return nil, err
			}
			tenant = t.ID
		}
		instances, err := s.Directory.Instances(ctx, by.Actor, tenant)
		all := make([]Instance, 0, len(instances))
		for _, i := range instances {
			x := Instance{ID: string(i.ID), Agent: string(i.Agent), Name: i.Name, AllTenants: i.AllTenants, Tenants: []string{}}
			for _, t := range i.Tenants {
				x.Tenants = append(x.Tenants, string(t))
			}
			all = append(all, x)
		}
		return whole(all), err
	})
}

func userIDs(ids []string) []helpdesk.UserID {
	all := make([]helpdesk.UserID, len(ids))
	for i, id := range ids {
		all[i] = helpdesk.UserID(id)
	}
	return all
}

func tenantOf(t directory.Tenant) Tenant {
	x := Tenant{
		ID: string(t.ID), Key: t.Key, Name: t.Name, Prefix: t.Prefix, Place: string(t.Place), Tickets: t.Tickets,
		Variables: append([]string{}, t.Variables...), Outbound: []string{}, Members: []Member{},
	}
	for _, d := range t.Outbound {
		x.Outbound = append(x.Outbound, string(d))
	}
	for _, m := range t.Members {
		x.Members = append(x.Members, Member{string(m.ID), m.Name, m.Email})
	}
	return x
}

func tenantsOf(tenants []directory.Tenant) []Tenant {
	all := make([]Tenant, 0, len(tenants))
	for _, t := range tenants {
		all = append(all, tenantOf(t))
	}
	return all
}
