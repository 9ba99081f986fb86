package store

import (
	"encoding/json"
	"strings"
	"time"

	"helpdesk"
)

// Now is the database's clock.
func (s *System) Now() (time.Time, error) { return s.tx.Now() }

const (
	noTenant = "There is no such tenant, or it is not yours to see."
	noUser   = "There is no such person."
)

func scanTenant(r row) (helpdesk.Tenant, error) {
	var x helpdesk.Tenant
	var created int64
	var outbound string
	err := r.Scan(&x.ID, &x.Key, &x.Name, &x.Prefix, &x.Tickets, &x.Place, &x.Slot, &outbound, &created)
	x.CreatedAt = fromMicros(created)
	for d := range strings.FieldsSeq(outbound) {
		x.Outbound = append(x.Outbound, helpdesk.Destination(d))
	}
	return x, err
}

const tenantColumns = `id, key, name, prefix, tickets, place, slot, outbound, created_at`

// joined is the stored form of a list of destinations, none of which has a blank in it.
func joined(list []helpdesk.Destination) string {
	texts := make([]string, len(list))
	for i, d := range list {
		texts[i] = string(d)
	}
	return strings.Join(texts, " ")
}

// Tenants reads every tenant within reach, by name, with the names of its variables.
func (s *System) Tenants(reach helpdesk.Reach) ([]helpdesk.Tenant, error) {
	where, args := within(reach, "id")
	var all []helpdesk.Tenant
	if err := s.tx.each(func(r row) error {
		x, err := scanTenant(r)
		all = append(all, x)
		return err
	}, `SELECT `+tenantColumns+` FROM tenants WHERE `+where+` ORDER BY name, id`, args...); err != nil {
		return nil, err
	}
	at := make(map[helpdesk.TenantID]int, len(all))
	for i, x := range all {
		at[x.ID] = i
	}
	where, args = within(reach, "tenant")
	err := s.tx.each(func(r row) error {
		var t helpdesk.TenantID
		var n string
		err := r.Scan(&t, &n)
		if i, ok := at[t]; ok {
			all[i].Variables = append(all[i].Variables, n)
		}
		return err
	}, `SELECT tenant, name FROM variables WHERE `+where+` ORDER BY tenant, name`, args...)
	return all, err
}

// tenantTaken is what a tenant hears whose key or prefix another has.
const tenantTaken = "Another tenant has this key or this prefix already. Choose another."

// InsertTenant stores a new tenant and gives it the next free slot. A key or prefix that is taken is a Conflict.
func (s *System) InsertTenant(x helpdesk.Tenant) (helpdesk.Tenant, error) {
	err := s.tx.first("", func(r row) error { return r.Scan(&x.Slot) }, `INSERT INTO tenants (id, key, name, prefix, tickets, place, slot, outbound, created_at)
		VALUES (?, ?, ?, ?, 0, ?, (SELECT coalesce(max(slot), 0) + 1 FROM tenants), ?, ?) RETURNING slot`,
		string(x.ID), x.Key, x.Name, x.Prefix, string(x.Place), joined(x.Outbound), micros(x.CreatedAt))
	return x, unlessTaken(err, tenantTaken)
}

// SaveTenant stores what can change of a tenant; its prefix only while it has no ticket: else Conflict, as where
// another tenant has the prefix.
func (s *System) SaveTenant(x helpdesk.Tenant) error {
	n, err := s.tx.exec(`UPDATE tenants SET name = ?, place = ?, prefix = ?, outbound = ? WHERE id = ? AND (tickets = 0 OR prefix = ?)`,
		x.Name, string(x.Place), x.Prefix, joined(x.Outbound), string(x.ID), x.Prefix)
	if err != nil || n > 0 {
		return unlessTaken(err, tenantTaken)
	}
	err = s.tx.first(noTenant, func(r row) error { return r.Scan(new(string)) }, `SELECT id FROM tenants WHERE id = ?`, string(x.ID))
	if err == nil {
		err = helpdesk.Errorf(helpdesk.Conflict, "This tenant has tickets already, so its prefix stays.")
	}
	return err
}

// Variables reads a tenant's variables, sealed, by name.
func (s *System) Variables(t helpdesk.TenantID) (map[string]string, error) {
	m := map[string]string{}
	err := s.tx.each(func(r row) error {
		var name, sealed string
		err := r.Scan(&name, &sealed)
		m[name] = sealed
		return err
	}, `SELECT name, sealed FROM variables WHERE tenant = ?`, string(t))
	return m, err
}

// SaveVariable sets a tenant's variable to a sealed value; "" deletes it.
func (s *System) SaveVariable(t helpdesk.TenantID, name, sealed string) error {
	if sealed == "" {
		_, err := s.tx.exec(`DELETE FROM variables WHERE tenant = ? AND name = ?`, string(t), name)
		return err
	}
	_, err := s.tx.exec(`INSERT INTO variables (tenant, name, sealed) VALUES (?, ?, ?) ON CONFLICT (tenant, name) DO UPDATE SET sealed = excluded.sealed`, string(t), name, sealed)
	return err
}

// Members reads the people who belong to a tenant.
func (s *System) Members(t helpdesk.TenantID) ([]User, error) {
	return s.users(`SELECT `+userColumns+` FROM users WHERE id IN (SELECT user_id FROM members WHERE tenant = ?) ORDER BY name, id`, string(t))
}

// SetMembers replaces the people who belong to a tenant.
func (s *System) SetMembers(t helpdesk.TenantID, users []helpdesk.UserID) error {
	if _, err := s.tx.exec(`DELETE FROM members WHERE tenant = ?`, string(t)); err != nil {
		return err
	}
	for _, u := range users {
		if err := s.AddMember(t, u); err != nil {
			return err
		}
	}
	return nil
}

// AddMember makes a person a member of a tenant, if it is not one yet. A tenant or a person who is not there is
// NotFound.
func (s *System) AddMember(t helpdesk.TenantID, u helpdesk.UserID) error {
	_, err := s.tx.exec(`INSERT INTO members (tenant, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, string(t), string(u))
	if helpdesk.KindOf(err) == helpdesk.NotFound {
		err = helpdesk.WithCause(helpdesk.NotFound, err, noUser)
	}
	return err
}

// Agents reads every agent, by name.
func (s *System) Agents() ([]helpdesk.Agent, error) {
	var all []helpdesk.Agent
	err := s.tx.each(func(r row) error {
		var a helpdesk.Agent
		var prompts string
		if err := r.Scan(&a.ID, &a.Name, &a.Kind, &a.Domain, &a.Description, &prompts); err != nil {
			return err
		}
		all = append(all, a)
		return json.Unmarshal([]byte(prompts), &all[len(all)-1].PromptSuggestions)
	}, `SELECT id, name, kind, domain, description, prompt_suggestions FROM agents ORDER BY name, id`)
	return all, err
}

// Instances reads every instance, by name.
func (s *System) Instances() ([]helpdesk.Instance, error) {
	var all []helpdesk.Instance
	at := map[helpdesk.InstanceID]int{}
	if err := s.tx.each(func(r row) error {
		var x helpdesk.Instance
		err := r.Scan(&x.ID, &x.Agent, &x.Name, &x.AllTenants)
		at[x.ID] = len(all)
		all = append(all, x)
		return err
	}, `SELECT id, agent, name, all_tenants FROM instances ORDER BY name, id`); err != nil {
		return nil, err
	}
	err := s.tx.each(func(r row) error {
		var i helpdesk.InstanceID
		var t helpdesk.TenantID
		err := r.Scan(&i, &t)
		if n, ok := at[i]; ok {
			all[n].Tenants = append(all[n].Tenants, t)
		}
		return err
	}, `SELECT instance, tenant FROM instance_tenants ORDER BY instance, tenant`)
	return all, err
}

// SaveAgent stores an agent, new or changed.
func (s *System) SaveAgent(a helpdesk.Agent) error {
	prompts, err := json.Marshal(append([]string{}, a.PromptSuggestions...))
	if err != nil {
		return err
	}
	_, err = s.tx.exec(`INSERT INTO agents (id, name, kind, domain, description, prompt_suggestions) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind, domain = excluded.domain, description = excluded.description, prompt_suggestions = excluded.prompt_suggestions`,
		string(a.ID), a.Name, string(a.Kind), a.Domain, a.Description, string(prompts))
	return err
}

// SaveInstance stores an instance, new or changed.
func (s *System) SaveInstance(x helpdesk.Instance) error {
	if _, err := s.tx.exec(`INSERT INTO instances (id, agent, name, all_tenants) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET agent = excluded.agent, name = excluded.name, all_tenants = excluded.all_tenants`,
		string(x.ID), string(x.Agent), x.Name, x.AllTenants); err != nil {
		return err
	}
	if _, err := s.tx.exec(`DELETE FROM instance_tenants WHERE instance = ?`, string(x.ID)); err != nil {
		return err
	}
	for _, t := range x.Tenants {
		if _, err := s.tx.exec(`INSERT INTO instance_tenants (instance, tenant) VALUES (?, ?)`, string(x.ID), string(t)); err != nil {
			return err
		}
	}
	return nil
}
