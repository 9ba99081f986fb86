package directory

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/internal/secret"
	"helpdesk/internal/store"
)

type town struct {
	*Service
	t       *testing.T
	store   *store.Store
	dir     string
	changes int
}

var (
	root     = helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "root", Name: "Root", Admin: true}
	agent    = helpdesk.Agent{ID: "doctor", Name: "Doctor", Kind: helpdesk.AgentRunbook, PromptSuggestions: []string{"What is wrong?"}}
	instance = helpdesk.Instance{ID: "doctor", Agent: "doctor", Name: "Built in", AllTenants: true}
)

func found(t *testing.T, cfg Config) *town {
	t.Helper()
	x := &town{t: t, dir: t.TempDir()}
	s, err := store.Open(t.Context(), store.Config{Dir: x.dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	key, err := secret.NewKey(make([]byte, secret.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Changed = func() { x.changes++ }
	x.store = s
	x.Service = New(cfg, s, store.NewRoster(s), key)
	if err := x.Seed(t.Context(), []helpdesk.Agent{agent}, []helpdesk.Instance{instance}); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *town) is(err error, kind helpdesk.Kind, what string) {
	x.t.Helper()
	if err == nil || helpdesk.KindOf(err) != kind {
		x.t.Errorf("%s: %v, want an error of kind %s", what, err, kind)
	}
}

func (x *town) tenant(n NewTenant) Tenant {
	x.t.Helper()
	t, err := x.CreateTenant(x.t.Context(), root, n, store.Once{})
	if err != nil {
		x.t.Fatal(err)
	}
	return t
}

func TestAFreshServerHasThisMachine(t *testing.T) {
	x := found(t, Config{})
	ctx := t.Context()
	all, err := x.Tenants(ctx, root)
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	first := all[0].Tenant
	want := helpdesk.Tenant{ID: first.ID, Key: "this-machine", Name: "This machine", Prefix: "HD", Place: helpdesk.PlaceHostView, Slot: 1, CreatedAt: first.CreatedAt}
	if d := cmp.Diff(want, first); d != "" {
		t.Error(d)
	}
	newer := agent
	newer.Name = "Doctor 2"
	if err := x.Seed(ctx, []helpdesk.Agent{newer}, []helpdesk.Instance{instance}); err != nil {
		t.Fatal(err)
	}
	agents, err := x.Agents(ctx, root)
	if err != nil || len(agents) != 1 || agents[0].Name != "Doctor 2" {
		t.Errorf("after an upgrade: %v, %v", agents, err)
	}
	if all, err := x.Tenants(ctx, root); err != nil || len(all) != 1 {
		t.Errorf("a second start makes %v, %v", all, err)
	}
}

func TestTenantsGetKeysAndPrefixes(t *testing.T) {
	x := found(t, Config{})
	for _, c := range []struct{ name, key, prefix string }{
		{"Blue Team", "blue-team", "BLUE"}, {"Blue Sky", "blue-sky", "BLUE2"}, {"42 Ärzte!", "rzte", "RZTE"}, {"日本", "tenant", "TENANT"}, {"hd", "hd", "HD2"},
	} {
		got := x.tenant(NewTenant{Name: c.name})
		if got.Key != c.key || got.Prefix != c.prefix || got.Place != helpdesk.PlaceSandbox {
			t.Errorf("%s: %s, %s, %s", c.name, got.Key, got.Prefix, got.Place)
		}
	}
	ctx := t.Context()
	for what, c := range map[string]struct {
		n    NewTenant
		kind helpdesk.Kind
	}{
		"the same key":           {NewTenant{Name: "x", Key: "blue-team"}, helpdesk.Conflict},
		"the same prefix":        {NewTenant{Name: "x", Prefix: "BLUE"}, helpdesk.Conflict},
		"a small prefix":         {NewTenant{Name: "x", Prefix: "blue"}, helpdesk.Invalid},
		"a key with blanks":      {NewTenant{Name: "x", Key: "a b"}, helpdesk.Invalid},
		"no name":                {NewTenant{Name: " "}, helpdesk.Invalid},
		"a long name":            {NewTenant{Name: strings.Repeat("x", 61)}, helpdesk.Invalid},
		"a second host view":     {NewTenant{Name: "x", Place: helpdesk.PlaceHostView}, helpdesk.Invalid},
		"a place that is none":   {NewTenant{Name: "x", Place: "moon"}, helpdesk.Invalid},
		"a member who is nobody": {NewTenant{Name: "y", Members: []helpdesk.UserID{"nobody"}}, helpdesk.NotFound},
	} {
		_, err := x.CreateTenant(ctx, root, c.n, store.Once{})
		x.is(err, c.kind, what)
	}
	_, err := x.CreateTenant(ctx, helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "member"}, NewTenant{Name: "z"}, store.Once{})
	x.is(err, helpdesk.Forbidden, "by a member")
}

func TestAHostThatKeepsOneTenantOnly(t *testing.T) {
	x := found(t, Config{OneTenantOnly: "This host cannot keep tenants apart."})
	_, err := x.CreateTenant(t.Context(), root, NewTenant{Name: "Blue"}, store.Once{})
	x.is(err, helpdesk.Conflict, "a second tenant")
	if helpdesk.PublicText(err) != "This host cannot keep tenants apart." {
		t.Error(err)
	}
}

// A tenant and its instances are seen by those within reach and by nobody else.
func TestReach(t *testing.T) {
	x := found(t, Config{})
	ctx := t.Context()
	ann := helpdesk.UserID("ann")
	if err := x.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) error {
		return tx.SaveUser(store.User{ID: ann, Email: "ann@example.com", Name: "Ann"})
	}); err != nil {
		t.Fatal(err)
	}
	blue := x.tenant(NewTenant{Name: "Blue", Members: []helpdesk.UserID{ann, ann}})
	green := x.tenant(NewTenant{Name: "Green"})
	if d := cmp.Diff([]Member{{ann, "Ann", "ann@example.com"}}, blue.Members); d != "" {
		t.Error(d)
	}
	other := helpdesk.Agent{ID: "k8s", Name: "Kubernetes", Kind: helpdesk.AgentRemote}
	if err := x.Seed(ctx, []helpdesk.Agent{agent, other}, []helpdesk.Instance{
		instance, {ID: "k8s-green", Agent: "k8s", Name: "Green's", Tenants: []helpdesk.TenantID{green.ID}},
		{ID: "doctor-both", Agent: "doctor", Name: "Both's", Tenants: []helpdesk.TenantID{blue.ID, green.ID}},
	}); err != nil {
		t.Fatal(err)
	}
	member := helpdesk.Actor{Kind: helpdesk.ActorUser, ID: string(ann), Tenants: []helpdesk.TenantID{blue.ID}}
	for _, id := range []string{string(green.ID), "green", "nowhere"} {
		_, err := x.Tenant(ctx, member, id)
		x.is(err, helpdesk.NotFound, id)
	}
	if got, err := x.Tenant(ctx, member, "blue"); err != nil || got.ID != blue.ID {
		t.Errorf("by key: %v, %v", got, err)
	}
	all, err := x.Tenants(ctx, member)
	if err != nil || len(all) != 1 || all[0].ID != blue.ID {
		t.Errorf("the tenants of a member: %v, %v", all, err)
	}
	agents, err := x.Agents(ctx, member)
	if err != nil || len(agents) != 1 || agents[0].ID != "doctor" {
		t.Errorf("the agents of a member: %v, %v", agents, err)
	}
	instances, err := x.Instances(ctx, member, blue.ID)
	if err != nil || len(instances) != 2 {
		t.Fatalf("the instances of a member: %v, %v", instances, err)
	}
	for _, i := range instances {
		if slices.Contains(i.Tenants, green.ID) {
			t.Errorf("%s tells of another tenant", i.ID)
		}
	}
	if theirs, err := x.Instances(ctx, root, green.ID); err != nil || len(theirs) != 3 {
		t.Errorf("the instances of the other tenant: %v, %v", theirs, err)
	}
}

// A variable goes in and never comes out but into the tenant's own processes.
func TestVariables(t *testing.T) {
	x := found(t, Config{})
	ctx := t.Context()
	blue := x.tenant(NewTenant{Name: "Blue"})
	value, other := "a-value-that-is-secret", "b"
	got, err := x.ChangeTenant(ctx, root, blue.ID, ChangeTenant{Variables: map[string]*string{"API_TOKEN": &value, "REGION": &other}})
	if err != nil || !slices.Equal(got.Variables, []string{"API_TOKEN", "REGION"}) {
		t.Fatalf("%+v, %v", got, err)
	}
	env, err := x.Environment(ctx, blue.ID)
	if d := cmp.Diff(map[string]string{"API_TOKEN": value, "REGION": "b"}, env); d != "" || err != nil {
		t.Error(d, err)
	}
	files, err := filepath.Glob(filepath.Join(x.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if text, err := os.ReadFile(f); err != nil || strings.Contains(string(text), value) {
			t.Errorf("%s holds the value, or %v", filepath.Base(f), err)
		}
	}
	if _, err := x.ChangeTenant(ctx, root, blue.ID, ChangeTenant{Variables: map[string]*string{"REGION": nil}}); err != nil {
		t.Fatal(err)
	}
	if env, err := x.Environment(ctx, blue.ID); err != nil || len(env) != 1 {
		t.Errorf("after one is deleted: %v, %v", env, err)
	}
	for _, name := range []string{"", "1A", "A-B", "A=B", "BASH_ENV", "LD_PRELOAD", "PATH", "IFS", "BASH_FUNC_ls", strings.Repeat("A", 101)} {
		_, err := x.ChangeTenant(ctx, root, blue.ID, ChangeTenant{Variables: map[string]*string{name: &other}})
		x.is(err, helpdesk.Invalid, "the name "+name)
	}
	long, nul := strings.Repeat("x", longestVariable+1), "a\x00b"
	_, err = x.ChangeTenant(ctx, root, blue.ID, ChangeTenant{Variables: map[string]*string{"A": &long}})
	x.is(err, helpdesk.TooLarge, "a long value")
	_, err = x.ChangeTenant(ctx, root, blue.ID, ChangeTenant{Variables: map[string]*string{"A": &nul}})
	x.is(err, helpdesk.Invalid, "a value with NUL")
	for _, e := range auditOf(x, string(blue.ID)) {
		for _, v := range e.Detail {
			if strings.Contains(v, value) {
				t.Error("the audit holds the value")
			}
		}
	}
}

// What a tenant's sandboxes may reach is opened by a platform admin, in one spelling, and the audit says what.
func TestDestinationsOfATenant(t *testing.T) {
	x := found(t, Config{})
	ctx := t.Context()
	blue := x.tenant(NewTenant{Name: "Blue"})
	change := func(list ...string) (Tenant, error) {
		return x.ChangeTenant(ctx, root, blue.ID, ChangeTenant{Outbound: &list})
	}
	got, err := change("API.example.com:443", "192.0.2.7:22")
	if want := []helpdesk.Destination{"api.example.com:443", "192.0.2.7:22"}; err != nil || !slices.Equal(got.Outbound, want) {
		t.Errorf("%v, %v", got.Outbound, err)
	}
	if _, err := change("192.0.2.7:22", "git.example.com:22"); err != nil {
		t.Fatal(err)
	}
	name := "Azure"
	if got, err := x.ChangeTenant(ctx, root, blue.ID, ChangeTenant{Name: &name}); err != nil || len(got.Outbound) != 2 {
		t.Errorf("after another change: %v, %v", got.Outbound, err)
	}
	for _, bad := range []string{"example.com", "*.example.com:443", "localhost:80", "https://example.com:443"} {
		_, err := change(bad)
		x.is(err, helpdesk.Invalid, bad)
	}
	many := make([]string, helpdesk.MostDestinations+1)
	for i := range many {
		many[i] = fmt.Sprintf("h%d.example:443", i)
	}
	_, err = change(many...)
	x.is(err, helpdesk.TooMany, "more than a tenant may have")
	_, err = x.ChangeTenant(ctx, helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "member", Tenants: []helpdesk.TenantID{blue.ID}}, blue.ID, ChangeTenant{Outbound: &[]string{}})
	x.is(err, helpdesk.Forbidden, "by a member of the tenant")
	if got, err := change(); err != nil || len(got.Outbound) != 0 {
		t.Errorf("after closing: %v, %v", got.Outbound, err)
	}
	var details []map[string]string
	for _, e := range auditOf(x, string(blue.ID)) {
		if e.Action == "tenant.change" {
			details = append(details, e.Detail)
		}
	}
	if d := cmp.Diff([]map[string]string{
		{"changed": "outbound", "outbound opened": "api.example.com:443 192.0.2.7:22"},
		{"changed": "outbound", "outbound opened": "git.example.com:22", "outbound closed": "api.example.com:443"},
		{"changed": "name"},
		{"changed": "outbound", "outbound closed": "192.0.2.7:22 git.example.com:22"},
	}, details); d != "" {
		t.Error(d)
	}
}

func TestChangingATenant(t *testing.T) {
	x := found(t, Config{})
	ctx := t.Context()
	blue := x.tenant(NewTenant{Name: "Blue"})
	before := x.changes
	name, prefix, view := "Azure", "AZ", helpdesk.PlaceHostView
	got, err := x.ChangeTenant(ctx, root, blue.ID, ChangeTenant{Name: &name, Prefix: &prefix})
	if err != nil || got.Name != "Azure" || got.Prefix != "AZ" || got.Key != "blue" {
		t.Errorf("%+v, %v", got, err)
	}
	if x.changes == before {
		t.Error("nobody is told that memberships may have changed")
	}
	if names, err := x.Names(ctx); err != nil || names.Tenants[blue.ID] != "Azure" || names.Agents["doctor"] != "Doctor" || names.Instances["doctor"] != "Built in" {
		t.Errorf("%+v, %v", names, err)
	}
	_, err = x.ChangeTenant(ctx, root, blue.ID, ChangeTenant{Place: &view})
	x.is(err, helpdesk.Invalid, "host view for another tenant")
	taken := "HD"
	_, err = x.ChangeTenant(ctx, root, blue.ID, ChangeTenant{Prefix: &taken})
	x.is(err, helpdesk.Conflict, "somebody else's prefix")
	if err := x.store.Update(ctx, blue.ID, func(tx *store.Tx) error { _, _, err := tx.NextTicketNumber(); return err }); err != nil {
		t.Fatal(err)
	}
	late := "LATE"
	_, err = x.ChangeTenant(ctx, root, blue.ID, ChangeTenant{Prefix: &late})
	x.is(err, helpdesk.Conflict, "a prefix after the first ticket")
	_, err = x.ChangeTenant(ctx, root, "nowhere", ChangeTenant{Name: &name})
	x.is(err, helpdesk.NotFound, "a tenant that is none")
	var actions []string
	for _, e := range auditOf(x, string(blue.ID)) {
		actions = append(actions, e.Action+" "+e.Detail["changed"])
	}
	if d := cmp.Diff([]string{"tenant.create ", "tenant.change name, prefix"}, actions); d != "" {
		t.Error(d)
	}
}

func auditOf(x *town, target string) (all []store.Entry) {
	x.t.Helper()
	if err := x.store.View(x.t.Context(), root.Reach(), func(tx *store.Tx) (err error) {
		all, err = tx.AuditOf(target)
		return err
	}); err != nil {
		x.t.Fatal(err)
	}
	return all
}
