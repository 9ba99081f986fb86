package store

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"helpdesk"
)

// rosterAge is how old what a Roster says may be.
const rosterAge = time.Second

// Roster answers who and what there is: tenants, agents and instances. It reads them together and at most
// once a second, so what another node changed is seen within that time; Forget makes a change of this node
// seen at once. Its methods may be called from any number of goroutines.
type Roster struct {
	store *Store

	mu   sync.Mutex
	read time.Time
	all  rosterData
}

type rosterData struct {
	tenants   map[helpdesk.TenantID]helpdesk.Tenant
	agents    map[helpdesk.AgentID]helpdesk.Agent
	instances []helpdesk.Instance
	names     Names
}

// NewRoster makes a roster of a store.
func NewRoster(s *Store) *Roster { return &Roster{store: s} }

// Forget drops what was read.
func (r *Roster) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = time.Time{}
}

func (r *Roster) get(ctx context.Context) (rosterData, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.read) < rosterAge {
		return r.all, nil
	}
	d := rosterData{tenants: map[helpdesk.TenantID]helpdesk.Tenant{}, agents: map[helpdesk.AgentID]helpdesk.Agent{}}
	at := time.Now()
	err := r.store.SystemView(context.WithoutCancel(ctx), Directory, func(s *System) error {
		tenants, err := s.Tenants(helpdesk.System("roster").Reach())
		if err != nil {
			return err
		}
		agents, err := s.Agents()
		if err != nil {
			return err
		}
		for _, t := range tenants {
			d.tenants[t.ID] = t
		}
		for _, a := range agents {
			d.agents[a.ID] = a
		}
		d.instances, err = s.Instances()
		return err
	})
	if err != nil {
		return rosterData{}, err
	}
	d.names = Names{Tenants: map[helpdesk.TenantID]string{}, Agents: map[helpdesk.AgentID]string{}, Instances: map[helpdesk.InstanceID]string{}}
	for id, t := range d.tenants {
		d.names.Tenants[id] = t.Name
	}
	for id, a := range d.agents {
		d.names.Agents[id] = a.Name
	}
	for _, i := range d.instances {
		d.names.Instances[i.ID] = i.Name
	}
	r.all, r.read = d, at
	return d, nil
}

// Tenant reads a tenant.
func (r *Roster) Tenant(ctx context.Context, id helpdesk.TenantID) (helpdesk.Tenant, error) {
	d, err := r.get(ctx)
	if err != nil {
		return helpdesk.Tenant{}, err
	}
	t, ok := d.tenants[id]
	if !ok {
		return t, helpdesk.Errorf(helpdesk.NotFound, noTenant)
	}
	return t, nil
}

// TenantNamed finds a tenant by its id or key.
func (r *Roster) TenantNamed(ctx context.Context, idOrKey string) (helpdesk.Tenant, error) {
	d, err := r.get(ctx)
	if err != nil {
		return helpdesk.Tenant{}, err
	}
	if t, ok := d.tenants[helpdesk.TenantID(idOrKey)]; ok {
		return t, nil
	}
	for _, t := range d.tenants {
		if t.Key == idOrKey {
			return t, nil
		}
	}
	return helpdesk.Tenant{}, helpdesk.Errorf(helpdesk.NotFound, noTenant)
}

// Names say what ids are called, for showing.
type Names struct {
	Tenants   map[helpdesk.TenantID]string
	Agents    map[helpdesk.AgentID]string
	Instances map[helpdesk.InstanceID]string
}

// Names gives what everything is called. The maps are shared: read only.
func (r *Roster) Names(ctx context.Context) (Names, error) {
	d, err := r.get(ctx)
	return d.names, err
}

// Instance reads an instance and its agent.
func (r *Roster) Instance(ctx context.Context, id helpdesk.InstanceID) (helpdesk.Instance, helpdesk.Agent, error) {
	d, err := r.get(ctx)
	if err != nil {
		return helpdesk.Instance{}, helpdesk.Agent{}, err
	}
	i := slices.IndexFunc(d.instances, func(i helpdesk.Instance) bool { return i.ID == id })
	if i < 0 {
		return helpdesk.Instance{}, helpdesk.Agent{}, helpdesk.Errorf(helpdesk.NotFound, "There is no such instance.")
	}
	return d.instances[i], d.agents[d.instances[i].Agent], nil
}

// Choose settles which instance of an agent a tenant works with: the one named, if the tenant may use it, or,
// where none is named, the only one it may use. Anything else is Invalid, and the sentence lists the choices.
func (r *Roster) Choose(ctx context.Context, tenant helpdesk.TenantID, agent helpdesk.AgentID, named helpdesk.InstanceID) (helpdesk.Instance, helpdesk.Agent, error) {
	d, err := r.get(ctx)
	if err != nil {
		return helpdesk.Instance{}, helpdesk.Agent{}, err
	}
	var may []helpdesk.Instance
	for _, i := range d.instances {
		if (agent == "" || i.Agent == agent) && i.Allowed(tenant) {
			if i.ID == named {
				return i, d.agents[i.Agent], nil
			}
			may = append(may, i)
		}
	}
	if named == "" && agent != "" && len(may) == 1 {
		return may[0], d.agents[may[0].Agent], nil
	}
	if len(may) == 0 {
		return helpdesk.Instance{}, helpdesk.Agent{}, helpdesk.Errorf(helpdesk.Invalid, "This tenant may not use that agent. Choose another agent, or ask a platform admin to allow one of its instances for the tenant.")
	}
	names := make([]string, len(may))
	for i, x := range may {
		names[i] = x.Name + " (" + string(x.ID) + ")"
	}
	return helpdesk.Instance{}, helpdesk.Agent{}, helpdesk.Errorf(helpdesk.Invalid, "Name the instance to work with, one of: %s.", strings.Join(names, ", "))
}
