// Package directory keeps what stands above tickets: the tenants, with their members, places and variables, and
// the agents and instances that they may use.
//
// It promises that a tenant's key and slot never change and its prefix not after its first ticket, that the values
// of variables are sealed before they are stored and come out again for a tenant's own processes only, and that a
// person sees the tenants and instances within reach and nobody else's.
package directory

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"helpdesk"
	"helpdesk/internal/store"
)

// Store is what this package needs to be kept.
type Store interface {
	SystemView(ctx context.Context, p store.Purpose, fn func(*store.System) error) error
	SystemUpdate(ctx context.Context, p store.Purpose, fn func(*store.System) error) error
}

// Sealer encrypts values at rest; package secret is one.
type Sealer interface {
	Seal(plaintext, context string) (string, error)
	Open(sealed, context string) (string, error)
}

// Config says what this server can do for tenants.
type Config struct {
	// OneTenantOnly is why this host cannot keep a second tenant apart, as a sentence; "" where it can.
	OneTenantOnly string

	// Changed hears that memberships may have changed; nil: nobody does.
	Changed func()
}

// Service is the directory. Its methods may be called from any number of goroutines.
type Service struct {
	cfg    Config
	store  Store
	roster *store.Roster
	key    Sealer
}

// New makes the service. It starts nothing.
func New(cfg Config, s Store, r *store.Roster, key Sealer) *Service {
	if cfg.Changed == nil {
		cfg.Changed = func() {}
	}
	return &Service{cfg: cfg, store: s, roster: r, key: key}
}

// Member is a person who belongs to a tenant.
type Member struct {
	ID    helpdesk.UserID
	Name  string
	Email string
}

// Tenant is a tenant with its people.
type Tenant struct {
	helpdesk.Tenant
	Members []Member
}

// NewTenant is a tenant to make.
type NewTenant struct {
	Name    string
	Key     string // default: made from the name
	Prefix  string // default: made from the key
	Place   helpdesk.TenantPlace
	Members []helpdesk.UserID
}

// ChangeTenant is what to change of a tenant; nil leaves a thing as it is. A variable whose value is nil is
// deleted; those not named stay.
type ChangeTenant struct {
	Name      *string
	Prefix    *string
	Place     *helpdesk.TenantPlace
	Members   *[]helpdesk.UserID
	Outbound  *[]string // what its private sandboxes may connect to, as host:port
	Variables map[string]*string
}

// The built-in tenant of a fresh server.
const (
	firstKey    = "this-machine"
	firstName   = "This machine"
	firstPrefix = "HD"
	firstSlot   = 1
)

// Seed makes the first tenant of a fresh server, and stores the built-in agents and instances as they are in this
// version of the program.
func (s *Service) Seed(ctx context.Context, agents []helpdesk.Agent, instances []helpdesk.Instance) error {
	defer s.changed()
	return s.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) error {
		tenants, err := tx.Tenants(helpdesk.System("directory").Reach())
		if err != nil {
			return err
		}
		for _, a := range agents {
			if err := tx.SaveAgent(a); err != nil {
				return err
			}
		}
		for _, i := range instances {
			if err := tx.SaveInstance(i); err != nil {
				return err
			}
		}
		if len(tenants) > 0 {
			return nil
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		t, err := tx.InsertTenant(helpdesk.Tenant{
			ID: newID(), Key: firstKey, Name: firstName, Prefix: firstPrefix, Place: helpdesk.PlaceHostView, CreatedAt: now,
		})
		if err != nil {
			return err
		}
		return tx.Audit(store.Entry{At: now, By: helpdesk.System("directory").By(), Action: "tenant.create", Tenant: t.ID, Target: string(t.ID)})
	})
}

// Tenants lists the tenants within an actor's reach, by name.
func (s *Service) Tenants(ctx context.Context, by helpdesk.Actor) (all []Tenant, err error) {
	err = s.store.SystemView(ctx, store.Directory, func(tx *store.System) error {
		tenants, err := tx.Tenants(by.Reach())
		if err != nil {
			return err
		}
		all = make([]Tenant, 0, len(tenants))
		for _, t := range tenants {
			x, err := withMembers(tx, t)
			if err != nil {
				return err
			}
			all = append(all, x)
		}
		return nil
	})
	return all, err
}

// Tenant finds a tenant within an actor's reach by its id or key.
func (s *Service) Tenant(ctx context.Context, by helpdesk.Actor, idOrKey string) (helpdesk.Tenant, error) {
	t, err := s.roster.TenantNamed(ctx, idOrKey)
	if err == nil && !by.Reach().Has(t.ID) {
		err = noTenant()
	}
	if err != nil {
		return helpdesk.Tenant{}, err
	}
	return t, nil
}

// Names gives what ids are called. The maps are shared: read only.
func (s *Service) Names(ctx context.Context) (store.Names, error) { return s.roster.Names(ctx) }

func noTenant() error {
	return helpdesk.Errorf(helpdesk.NotFound, "There is no such tenant, or it is not yours to see.")
}

// changed makes everybody read anew.
func (s *Service) changed() {
	s.roster.Forget()
	s.cfg.Changed()
}

func find(tx *store.System, by helpdesk.Actor, idOrKey string) (helpdesk.Tenant, error) {
	tenants, err := tx.Tenants(by.Reach())
	if err != nil {
		return helpdesk.Tenant{}, err
	}
	for _, t := range tenants {
		if string(t.ID) == idOrKey || t.Key == idOrKey {
			return t, nil
		}
	}
	return helpdesk.Tenant{}, noTenant()
}

func withMembers(tx *store.System, t helpdesk.Tenant) (Tenant, error) {
	users, err := tx.Members(t.ID)
	if err != nil {
		return Tenant{}, err
	}
	x := Tenant{Tenant: t, Members: []Member{}}
	for _, u := range users {
		x.Members = append(x.Members, Member{ID: u.ID, Name: u.Name, Email: u.Email})
	}
	return x, nil
}

// CreateTenant makes a tenant.
func (s *Service) CreateTenant(ctx context.Context, by helpdesk.Actor, n NewTenant, once store.Once) (x Tenant, err error) {
	if err := helpdesk.May(by, helpdesk.PermPlatformManage, ""); err != nil {
		return Tenant{}, err
	}
	if n.Name, err = checkName(n.Name); err != nil {
		return Tenant{}, err
	}
	if n.Key == "" {
		n.Key = keyFrom(n.Name)
	}
	if !keyPattern.MatchString(n.Key) {
		return Tenant{}, helpdesk.Errorf(helpdesk.Invalid, "A tenant's key begins with a small letter, followed by small letters, digits and hyphens, 40 at most.")
	}
	if n.Place == "" {
		n.Place = helpdesk.PlaceSandbox
	}
	defer s.changed()
	err = s.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) error {
		var before helpdesk.TenantID
		found, err := tx.Recall(once, &before)
		if err != nil {
			return err
		}
		if found {
			t, err := find(tx, by, string(before))
			if err != nil {
				return err
			}
			x, err = withMembers(tx, t)
			return err
		}
		others, err := tx.Tenants(helpdesk.System("directory").Reach())
		if err != nil {
			return err
		}
		if len(others) > 0 && s.cfg.OneTenantOnly != "" {
			return helpdesk.Errorf(helpdesk.Conflict, "%s", s.cfg.OneTenantOnly)
		}
		if n.Prefix == "" {
			n.Prefix = prefixFrom(n.Key, others)
		}
		if err := unique(n.Key, n.Prefix, "", others); err != nil {
			return err
		}
		if err := checkPlace(n.Place, len(others)+1); err != nil {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		t, err := tx.InsertTenant(helpdesk.Tenant{ID: newID(), Key: n.Key, Name: n.Name, Prefix: n.Prefix, Place: n.Place, CreatedAt: now})
		if err != nil {
			return err
		}
		if err := setMembers(tx, t.ID, n.Members); err != nil {
			return err
		}
		if x, err = withMembers(tx, t); err != nil {
			return err
		}
		if err := tx.Remember(once, t.ID, now); err != nil {
			return err
		}
		return tx.Audit(store.Entry{At: now, By: by.By(), Action: "tenant.create", Tenant: t.ID, Target: string(t.ID), Detail: map[string]string{"place": string(t.Place)}})
	})
	return x, err
}

// ChangeTenant changes a tenant.
func (s *Service) ChangeTenant(ctx context.Context, by helpdesk.Actor, id helpdesk.TenantID, c ChangeTenant) (x Tenant, err error) {
	if err := helpdesk.May(by, helpdesk.PermPlatformManage, ""); err != nil {
		return Tenant{}, err
	}
	sealed, err := s.seal(id, c.Variables)
	if err != nil {
		return Tenant{}, err
	}
	var outbound []helpdesk.Destination
	if c.Outbound != nil {
		if outbound, err = helpdesk.ParseDestinations(*c.Outbound); err != nil {
			return Tenant{}, err
		}
	}
	defer s.changed()
	err = s.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) error {
		t, err := find(tx, by, string(id))
		if err != nil {
			return err
		}
		others, err := tx.Tenants(helpdesk.System("directory").Reach())
		if err != nil {
			return err
		}
		var changed []string
		detail := map[string]string{}
		if c.Name != nil {
			if t.Name, err = checkName(*c.Name); err != nil {
				return err
			}
			changed = append(changed, "name")
		}
		if c.Prefix != nil && *c.Prefix != t.Prefix {
			if err := unique("", *c.Prefix, t.ID, others); err != nil {
				return err
			}
			t.Prefix = *c.Prefix
			changed = append(changed, "prefix")
		}
		if c.Place != nil && *c.Place != t.Place {
			if err := checkPlace(*c.Place, t.Slot); err != nil {
				return err
			}
			t.Place = *c.Place
			changed = append(changed, "place")
		}
		if c.Outbound != nil && !slices.Equal(t.Outbound, outbound) {
			detail = outboundChange(t.Outbound, outbound)
			t.Outbound = outbound
			changed = append(changed, "outbound")
		}
		if err := tx.SaveTenant(t); err != nil {
			return err
		}
		if c.Members != nil {
			if err := setMembers(tx, t.ID, *c.Members); err != nil {
				return err
			}
			changed = append(changed, "members")
		}
		for name, value := range sealed {
			if err := tx.SaveVariable(t.ID, name, value); err != nil {
				return err
			}
			changed = append(changed, "variable "+name)
		}
		if t, err = find(tx, by, string(t.ID)); err != nil { // with the names of its variables
			return err
		}
		if len(t.Variables) > mostVariables {
			return helpdesk.Errorf(helpdesk.TooMany, "A tenant has at most %d variables. Remove one that is no longer used.", mostVariables)
		}
		if x, err = withMembers(tx, t); err != nil {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		slices.Sort(changed)
		detail["changed"] = strings.Join(changed, ", ")
		return tx.Audit(store.Entry{At: now, By: by.By(), Action: "tenant.change", Tenant: t.ID, Target: string(t.ID), Detail: detail})
	})
	return x, err
}

// Agents lists the agents of which an actor may use an instance, by name.
func (s *Service) Agents(ctx context.Context, by helpdesk.Actor) (all []helpdesk.Agent, err error) {
	err = s.store.SystemView(ctx, store.Directory, func(tx *store.System) error {
		instances, err := tx.Instances()
		if err != nil {
			return err
		}
		agents, err := tx.Agents()
		all = slices.DeleteFunc(agents, func(a helpdesk.Agent) bool {
			return !slices.ContainsFunc(instances, func(i helpdesk.Instance) bool { return i.Agent == a.ID && visible(i, by) })
		})
		return err
	})
	return all, err
}

// Instances lists the instances that an actor may use, by name; with a tenant, only those it may use there. The
// tenants that each names are those within reach.
func (s *Service) Instances(ctx context.Context, by helpdesk.Actor, tenant helpdesk.TenantID) (all []helpdesk.Instance, err error) {
	err = s.store.SystemView(ctx, store.Directory, func(tx *store.System) error {
		instances, err := tx.Instances()
		for _, i := range instances {
			if !visible(i, by) || tenant != "" && !i.Allowed(tenant) {
				continue
			}
			i.Tenants = slices.DeleteFunc(i.Tenants, func(t helpdesk.TenantID) bool { return !by.Reach().Has(t) })
			all = append(all, i)
		}
		return err
	})
	return all, err
}

func visible(i helpdesk.Instance, by helpdesk.Actor) bool {
	return i.AllTenants || by.Reach().All() || slices.ContainsFunc(i.Tenants, by.Reach().Has)
}

// Environment opens a tenant's variables, for its own processes and nothing else.
func (s *Service) Environment(ctx context.Context, t helpdesk.TenantID) (map[string]string, error) {
	var sealed map[string]string
	if err := s.store.SystemView(ctx, store.Directory, func(tx *store.System) (err error) {
		sealed, err = tx.Variables(t)
		return err
	}); err != nil {
		return nil, err
	}
	for name, v := range sealed {
		value, err := s.key.Open(v, variableContext(t, name))
		if err != nil {
			return nil, fmt.Errorf("variable %s of tenant %s: %w", name, t, err)
		}
		sealed[name] = value
	}
	return sealed, nil
}

const (
	mostVariables   = 200
	longestVariable = 32 << 10
	longestTenant   = 60
	longestVarName  = 100
)

var (
	keyPattern      = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	variablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// reserved are variables that change what a shell or loader runs before the command that was decided on.
var reserved = []string{"BASH_ENV", "ENV", "SHELLOPTS", "BASHOPTS", "PS4", "PROMPT_COMMAND", "IFS", "PATH", "HOME", "SHELL", "TERM"}

// seal checks and encrypts variables; "" stands for one to delete.
func (s *Service) seal(t helpdesk.TenantID, variables map[string]*string) (map[string]string, error) {
	sealed := make(map[string]string, len(variables))
	for name, value := range variables {
		if !variablePattern.MatchString(name) || len(name) > longestVarName {
			return nil, helpdesk.Errorf(helpdesk.Invalid, "A variable's name is made of letters, digits and _, begins with no digit and has at most %d characters.", longestVarName)
		}
		if slices.Contains(reserved, name) || strings.HasPrefix(name, "LD_") || strings.HasPrefix(name, "BASH_FUNC_") {
			return nil, helpdesk.Errorf(helpdesk.Invalid, "The variable %s would change what runs instead of the command that was decided on. Use another name.", name)
		}
		if value == nil {
			sealed[name] = ""
			continue
		}
		if err := helpdesk.CheckText("The value of "+name, *value, longestVariable); err != nil {
			return nil, err
		}
		v, err := s.key.Seal(*value, variableContext(t, name))
		if err != nil {
			return nil, err
		}
		sealed[name] = v
	}
	return sealed, nil
}

func variableContext(t helpdesk.TenantID, name string) string {
	return "variable/" + string(t) + "/" + name
}

// outboundChange says for the audit what of this host's network was opened and closed.
func outboundChange(before, after []helpdesk.Destination) map[string]string {
	detail := map[string]string{}
	note := func(word string, list, others []helpdesk.Destination) {
		var new []string
		for _, d := range list {
			if !slices.Contains(others, d) {
				new = append(new, string(d))
			}
		}
		if len(new) > 0 {
			detail[word] = strings.Join(new, " ")
		}
	}
	note("outbound opened", after, before)
	note("outbound closed", before, after)
	return detail
}

func setMembers(tx *store.System, t helpdesk.TenantID, members []helpdesk.UserID) error {
	slices.Sort(members)
	return tx.SetMembers(t, slices.Compact(members))
}

func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > longestTenant || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return "", helpdesk.Errorf(helpdesk.Invalid, "A tenant's name has between 1 and %d characters, without control characters.", longestTenant)
	}
	return name, nil
}

func checkPlace(p helpdesk.TenantPlace, slot int) error {
	switch {
	case p == helpdesk.PlaceSandbox, p == helpdesk.PlaceHostView && slot == firstSlot:
		return nil
	case p == helpdesk.PlaceHostView:
		return helpdesk.Errorf(helpdesk.Invalid, "Only the tenant that was made with the server can look at this machine. Use the place sandbox.")
	}
	return helpdesk.Errorf(helpdesk.Invalid, "A tenant's place is sandbox or host_view.")
}

func unique(key, prefix string, self helpdesk.TenantID, others []helpdesk.Tenant) error {
	if !helpdesk.ValidPrefix(prefix) {
		return helpdesk.Errorf(helpdesk.Invalid, "A prefix is a capital letter and at most nine more capitals or digits, such as OPS.")
	}
	for _, o := range others {
		switch {
		case o.ID == self:
		case o.Key == key:
			return helpdesk.Errorf(helpdesk.Conflict, "There is a tenant with the key %s already. Choose another key.", key)
		case o.Prefix == prefix:
			return helpdesk.Errorf(helpdesk.Conflict, "The prefix %s belongs to another tenant. Choose another prefix.", prefix)
		}
	}
	return nil
}

// keyFrom makes a key of a name: "Blue Team" becomes blue-team.
func keyFrom(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	key := strings.TrimLeft(b.String(), "0123456789-")
	if len(key) > 40 {
		key = key[:40]
	}
	if key = strings.Trim(key, "-"); key == "" {
		return "tenant"
	}
	return key
}

// prefixFrom makes a prefix of a key that no other tenant has: blue-team becomes BLUE, or BLUE2.
func prefixFrom(key string, others []helpdesk.Tenant) string {
	word, _, _ := strings.Cut(key, "-")
	word = strings.ToUpper(word[:min(len(word), 6)])
	prefix := word
	for n := 2; slices.ContainsFunc(others, func(o helpdesk.Tenant) bool { return o.Prefix == prefix }); n++ {
		prefix = fmt.Sprint(word, n)
	}
	return prefix
}

func newID() helpdesk.TenantID { return helpdesk.TenantID(uuid.Must(uuid.NewV7()).String()) }
