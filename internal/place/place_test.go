package place_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/internal/launch"
	"helpdesk/internal/place"
)

func TestEachScopeOfATenantHasOnePlace(t *testing.T) {
	container, err := helpdesk.ParseScope("container:web")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tenant helpdesk.TenantPlace
		scope  helpdesk.Scope
		want   launch.Kind
		kind   helpdesk.Kind
	}{
		{helpdesk.PlaceSandbox, helpdesk.ScopeTenant, launch.Private, 0},
		{"", helpdesk.ScopeTenant, launch.Private, 0}, // unset is the narrowest
		{helpdesk.PlaceHostView, helpdesk.ScopeTenant, launch.HostView, 0},
		{helpdesk.PlaceSandbox, helpdesk.ScopeAdmin, launch.Host, 0},
		{helpdesk.PlaceSandbox, container, "", helpdesk.Unavailable},
		{helpdesk.PlaceSandbox, helpdesk.Scope{}, "", helpdesk.Invalid},
	} {
		got, err := place.For(helpdesk.Tenant{Place: c.tenant}, c.scope)
		if got.Kind != c.want || err != nil && helpdesk.KindOf(err) != c.kind || err == nil && c.want == "" {
			t.Errorf("scope %q in %q: got %v, %v", c.scope, c.tenant, got, err)
		}
	}
}

func TestAPlaceThatCannotBeStartedIsRefusedWithTheReason(t *testing.T) {
	why := launch.Capabilities{Why: "install bubblewrap."}
	for _, p := range []place.Place{{"sandbox", launch.Private}, {"host_view", launch.HostView}, {"host", launch.Host}} {
		if err := p.Usable(why); helpdesk.KindOf(err) != helpdesk.Unavailable {
			t.Errorf("%s: got %v, want it to be unavailable", p.Name, err)
		}
		if err := p.Usable(launch.Capabilities{Private: true, HostView: true, Host: true}); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
}

// The way out is part of what a card shows and its digest binds, in the one place that has it.
func TestOnlyAPrivateSandboxHasAListOfDestinations(t *testing.T) {
	tenant := helpdesk.Tenant{Variables: []string{"ZONE", "no_proxy"}, Outbound: []helpdesk.Destination{"api.example:443"}}
	private := place.Place{Name: "sandbox", Kind: launch.Private}
	if got := private.Outbound(tenant); len(got) != 1 || got[0] != "api.example:443" {
		t.Errorf("the list is %v", got)
	}
	want := []string{"ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ZONE", "all_proxy", "http_proxy", "https_proxy", "no_proxy"}
	if diff := cmp.Diff(want, private.EnvNames(tenant)); diff != "" {
		t.Error(diff)
	}
	for _, kind := range []launch.Kind{launch.HostView, launch.Host, ""} {
		p := place.Place{Kind: kind}
		if got := p.Outbound(tenant); got != nil {
			t.Errorf("%s: the list is %v", kind, got)
		}
		if diff := cmp.Diff([]string{"ZONE", "no_proxy"}, p.EnvNames(tenant)); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
	tenant.Outbound = nil
	if diff := cmp.Diff([]string{"ZONE", "no_proxy"}, private.EnvNames(tenant)); diff != "" {
		t.Error(diff)
	}
}

func TestVariablesKeepOneOrder(t *testing.T) {
	got := place.Env(map[string]string{"B": "2", "A": "1 x"}, "PS1=$ ")
	if diff := cmp.Diff([]string{"A=1 x", "B=2", "PS1=$ "}, got); diff != "" {
		t.Error(diff)
	}
}
