package directory

import (
	"context"
	"sync"
	"time"

	"helpdesk"
	"helpdesk/internal/store"
)

// Names say what ids are called, for showing.
type Names struct {
	Tenants   map[helpdesk.TenantID]string
	Agents    map[helpdesk.AgentID]string
	Instances map[helpdesk.InstanceID]string
}

// known is all of the directory that nearly every request needs, as it was at most keepKnown ago.
type known struct {
	tenants []helpdesk.Tenant
	names   Names
	at      time.Time
}

const keepKnown = 5 * time.Second

type memory struct {
	mu  sync.Mutex
	now *known
	age uint64
}

// recall gives what is known, reading it where it is too old.
func (s *Service) recall(ctx context.Context) (*known, error) {
	s.memory.mu.Lock()
	k, age := s.memory.now, s.memory.age
	s.memory.mu.Unlock()
	if k != nil && time.Since(k.at) < keepKnown {
		return k, nil
	}
	k = &known{at: time.Now(), names: Names{
		Tenants: map[helpdesk.TenantID]string{}, Agents: map[helpdesk.AgentID]string{}, Instances: map[helpdesk.InstanceID]string{},
	}}
	err := s.store.SystemView(ctx, store.Directory, func(tx *store.System) (err error) {
		if k.tenants, err = tx.Tenants(helpdesk.System("directory").Reach()); err != nil {
			return err
		}
		agents, err := tx.Agents()
		if err != nil {
			return err
		}
		for _, a := range agents {
			k.names.Agents[a.ID] = a.Name
		}
		instances, err := tx.Instances()
		for _, i := range instances {
			k.names.Instances[i.ID] = i.Name
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, t := range k.tenants {
		k.names.Tenants[t.ID] = t.Name
	}
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	if s.memory.age == age {
		s.memory.now = k
	}
	return k, nil
}

// changed forgets what was known and tells whoever wants to hear of it.
func (s *Service) changed() {
	s.memory.mu.Lock()
	s.memory.now = nil
	s.memory.age++
	s.memory.mu.Unlock()
	s.cfg.Changed()
}

// Names gives what ids are called. The maps are shared: read only.
func (s *Service) Names(ctx context.Context) (Names, error) {
	k, err := s.recall(ctx)
	if err != nil {
		return Names{}, err
	}
	return k.names, nil
}

// Tenant finds a tenant within an actor's reach by its id or key.
func (s *Service) Tenant(ctx context.Context, by helpdesk.Actor, idOrKey string) (helpdesk.Tenant, error) {
	k, err := s.recall(ctx)
	if err != nil {
		return helpdesk.Tenant{}, err
	}
	reach := by.Reach()
	for _, t := range k.tenants {
		if (string(t.ID) == idOrKey || t.Key == idOrKey) && reach.Has(t.ID) {
			return t, nil
		}
	}
	return helpdesk.Tenant{}, noTenant()
}

func noTenant() error {
	return helpdesk.Errorf(helpdesk.NotFound, "There is no such tenant, or it is not yours to see.")
}
