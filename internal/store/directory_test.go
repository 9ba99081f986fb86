package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/internal/store"
	"helpdesk/internal/store/storetest"
)

func (w *world) systemRefuses(what string, kind helpdesk.Kind, act func(*store.System) error) {
	w.t.Helper()
	wants(w.t, what, kind, w.s.SystemUpdate(w.t.Context(), store.Directory, act))
}

func TestTenants(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a, b := w.tenant("A"), w.tenant("B")
		x := helpdesk.Tenant{ID: a, Key: "key-A", Name: "Tenant A", Prefix: "A", Place: helpdesk.PlaceSandbox, Slot: 1, CreatedAt: start}
		y := helpdesk.Tenant{ID: b, Key: "key-B", Name: "Tenant B", Prefix: "B", Place: helpdesk.PlaceSandbox, Slot: 2, CreatedAt: start}
		listed := func(reach helpdesk.Reach, want ...helpdesk.Tenant) {
			t.Helper()
			w.system(func(tx *store.System) error {
				got, err := tx.Tenants(reach)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("tenants (-want +got):\n%s", diff)
				}
				return err
			})
		}
		listed(everywhere(), x, y)
		listed(reach(b), y)
		listed(reach())

		x.Name, x.Place, x.Prefix = "Renamed", helpdesk.PlaceHostView, "AA"
		x.Outbound = []helpdesk.Destination{"api.example:443", "[2001:db8::1]:22"}
		w.system(func(tx *store.System) error { return tx.SaveTenant(x) })
		taken := x
		taken.Prefix = "B"
		w.systemRefuses("take another's prefix", helpdesk.Conflict, func(tx *store.System) error { return tx.SaveTenant(taken) })
		w.systemRefuses("save a tenant that is not there", helpdesk.NotFound, func(tx *store.System) error { return tx.SaveTenant(helpdesk.Tenant{ID: "nobody"}) })
		for what, twin := range map[string]helpdesk.Tenant{
			"key":    {ID: "t-C", Key: "key-B", Prefix: "C"},
			"prefix": {ID: "t-C", Key: "key-C", Prefix: "B"},
		} {
			w.systemRefuses("insert a tenant with another's "+what, helpdesk.Conflict, func(tx *store.System) error {
				_, err := tx.InsertTenant(twin)
				return err
			})
		}
		if key := w.ticket(a, "First", start); key != "AA-1" {
			t.Errorf("the ticket's key is %s", key)
		}
		x.Tickets, x.Name, x.Prefix = 1, "Renamed again", "AAA"
		w.systemRefuses("change the prefix after the first ticket", helpdesk.Conflict, func(tx *store.System) error { return tx.SaveTenant(x) })
		x.Prefix = "AA"
		w.system(func(tx *store.System) error { return tx.SaveTenant(x) })

		set := func(tenant helpdesk.TenantID, name, sealed string) {
			t.Helper()
			w.system(func(tx *store.System) error { return tx.SaveVariable(tenant, name, sealed) })
		}
		set(a, "TOKEN", "sealed-1")
		set(a, "TOKEN", "sealed-2")
		set(a, "REGION", "sealed-3")
		set(b, "OTHER", "sealed-4")
		set(b, "GONE", "sealed-5")
		set(b, "GONE", "")
		x.Variables, y.Variables = []string{"REGION", "TOKEN"}, []string{"OTHER"}
		listed(everywhere(), x, y)
		listed(reach(a), x)
		w.system(func(tx *store.System) error {
			got, err := tx.Variables(a)
			if diff := cmp.Diff(map[string]string{"TOKEN": "sealed-2", "REGION": "sealed-3"}, got); diff != "" {
				t.Errorf("variables (-want +got):\n%s", diff)
			}
			return err
		})
		w.systemRefuses("set a variable of a tenant that is not there", helpdesk.NotFound, func(tx *store.System) error { return tx.SaveVariable("nobody", "A", "b") })
	})
}

// Ensure that tenants made at once get a slot, and so processes' uids, of their own.
func TestTenantsMadeAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var wg sync.WaitGroup
		slots := make([]int, 8)
		for n := range slots {
			wg.Go(func() {
				var x helpdesk.Tenant
				err := s.SystemUpdate(t.Context(), store.Directory, func(tx *store.System) (err error) {
					x, err = tx.InsertTenant(helpdesk.Tenant{ID: helpdesk.TenantID(fmt.Sprint("t", n)), Key: fmt.Sprint("k", n), Prefix: fmt.Sprint("P", n)})
					return err
				})
				if err != nil {
					t.Error(err)
				}
				slots[n] = x.Slot
			})
		}
		wg.Wait()
		seen := map[int]bool{}
		for _, slot := range slots {
			seen[slot] = true
		}
		if len(seen) != len(slots) || seen[0] {
			t.Errorf("the slots are %v", slots)
		}
	})
}

func TestMembers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a, b := w.tenant("A"), w.tenant("B")
		ann, bob := w.user("ann"), w.user("bob")
		w.system(func(tx *store.System) error {
			for range 2 { // once more changes nothing
				if err := tx.AddMember(a, ann.ID); err != nil {
					return err
				}
			}
			return tx.SetMembers(b, []helpdesk.UserID{ann.ID, bob.ID, ann.ID})
		})
		check := func(tenant helpdesk.TenantID, want ...store.User) {
			t.Helper()
			w.system(func(tx *store.System) error {
				got, err := tx.Members(tenant)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("members of %s (-want +got):\n%s", tenant, diff)
				}
				return err
			})
		}
		check(a, ann)
		check(b, ann, bob)
		w.system(func(tx *store.System) error {
			got, err := tx.Memberships(ann.ID)
			if diff := cmp.Diff([]helpdesk.TenantID{a, b}, got); diff != "" {
				t.Errorf("memberships (-want +got):\n%s", diff)
			}
			return err
		})
		w.system(func(tx *store.System) error { return tx.SetMembers(b, []helpdesk.UserID{bob.ID}) })
		check(b, bob)
		w.systemRefuses("add somebody who is not there", helpdesk.NotFound, func(tx *store.System) error { return tx.AddMember(a, "nobody") })
		w.systemRefuses("add to a tenant that is not there", helpdesk.NotFound, func(tx *store.System) error { return tx.AddMember("nobody", ann.ID) })
	})
}

func TestAgentsAndRoster(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a, b := w.tenant("A"), w.tenant("B")
		k8s := helpdesk.Agent{ID: "k8s", Name: "Kubernetes", Kind: helpdesk.AgentModel, Domain: "Kubernetes", Description: "Pods", PromptSuggestions: []string{"Why?", "How ☃?"}}
		one := helpdesk.Instance{ID: "k8s-1", Agent: "k8s", Name: "One", Tenants: []helpdesk.TenantID{a, b}}
		two := helpdesk.Instance{ID: "k8s-2", Agent: "k8s", Name: "Two", Tenants: []helpdesk.TenantID{a}}
		w.system(func(tx *store.System) error {
			draft := k8s
			draft.Name, draft.PromptSuggestions = "Draft", nil
			for _, x := range []helpdesk.Agent{draft, k8s} {
				if err := tx.SaveAgent(x); err != nil {
					return err
				}
			}
			wide := two
			wide.AllTenants, wide.Tenants = true, []helpdesk.TenantID{b}
			for _, x := range []helpdesk.Instance{one, wide, two} {
				if err := tx.SaveInstance(x); err != nil {
					return err
				}
			}
			agents, err := tx.Agents()
			if diff := cmp.Diff([]helpdesk.Agent{k8s}, agents[:1]); diff != "" || len(agents) != 2 {
				t.Errorf("agents (-want +got):\n%s", diff)
			}
			if err != nil {
				return err
			}
			builtIn := helpdesk.Instance{ID: "runbook-1", Agent: "runbook", Name: "Built in", AllTenants: true}
			instances, err := tx.Instances()
			if diff := cmp.Diff([]helpdesk.Instance{builtIn, one, two}, instances); diff != "" {
				t.Errorf("instances (-want +got):\n%s", diff)
			}
			return err
		})
		w.systemRefuses("save an instance of an agent that is not there", helpdesk.NotFound, func(tx *store.System) error {
			return tx.SaveInstance(helpdesk.Instance{ID: "x", Agent: "nobody"})
		})

		r := store.NewRoster(s)
		ctx := t.Context()
		if x, err := r.Tenant(ctx, a); err != nil || x.Prefix != "A" {
			t.Errorf("tenant of the roster: %+v %v", x, err)
		}
		_, err := r.Tenant(ctx, "nobody")
		wants(t, "a tenant that is not there", helpdesk.NotFound, err)
		if i, x, err := r.Instance(ctx, "k8s-1"); err != nil || i.Name != "One" || x.Name != "Kubernetes" {
			t.Errorf("instance of the roster: %+v %+v %v", i, x, err)
		}
		_, _, err = r.Instance(ctx, "nobody")
		wants(t, "an instance that is not there", helpdesk.NotFound, err)
		for _, x := range []struct {
			tenant helpdesk.TenantID
			agent  helpdesk.AgentID
			named  helpdesk.InstanceID
			want   helpdesk.InstanceID
		}{
			{a, "k8s", "k8s-2", "k8s-2"}, {b, "k8s", "", "k8s-1"}, {a, "k8s", "", ""}, {b, "k8s", "k8s-2", ""},
			{a, "", "k8s-1", "k8s-1"}, {a, "", "", ""}, {a, "runbook", "", "runbook-1"}, {"", "runbook", "", ""}, {a, "nobody", "", ""}, {a, "runbook", "k8s-1", ""},
		} {
			i, _, err := r.Choose(ctx, x.tenant, x.agent, x.named)
			if i.ID != x.want {
				t.Errorf("%+v chose %q", x, i.ID)
			}
			if x.want == "" {
				wants(t, fmt.Sprintf("choose %+v", x), helpdesk.Invalid, err)
			}
		}
		w.system(func(tx *store.System) error {
			return tx.SaveInstance(helpdesk.Instance{ID: "k8s-3", Agent: "k8s", Name: "Three"})
		})
		r.Forget()
		if _, _, err := r.Instance(ctx, "k8s-3"); err != nil {
			t.Errorf("a new instance after Forget: %v", err)
		}
	})
}

func TestNodes(t *testing.T) {
	storetest.EachConfig(t, func(t *testing.T, cfg store.Config) {
		w := newWorld(t, storetest.Open(t, cfg))
		w.system(func(tx *store.System) error {
			for _, epoch := range []string{"one", "lost", "long lost"} {
				if _, err := tx.TouchNode(epoch, time.Minute); err != nil {
					return err
				}
			}
			return nil
		})
		db := raw(t, cfg)
		for epoch, since := range map[string]time.Duration{"lost": time.Hour, "long lost": 24*time.Hour + time.Minute} {
			if _, err := db.ExecContext(t.Context(), fmt.Sprintf(`UPDATE nodes SET seen_at = seen_at - %d WHERE epoch = '%s'`, since.Microseconds(), epoch)); err != nil {
				t.Fatal(err)
			}
		}
		w.system(func(tx *store.System) error {
			live, err := tx.TouchNode("two", time.Minute)
			if diff := cmp.Diff(map[string]bool{"one": true, "two": true}, live); diff != "" {
				t.Errorf("live nodes (-want +got):\n%s", diff)
			}
			if err != nil {
				return err
			}
			live, err = tx.TouchNode("two", 100*time.Hour)
			if diff := cmp.Diff(map[string]bool{"one": true, "two": true, "lost": true}, live); diff != "" {
				t.Errorf("nodes that are remembered (-want +got):\n%s", diff)
			}
			if err != nil {
				return err
			}
			live, err = tx.TouchNode("two", -time.Minute)
			if len(live) != 0 {
				t.Errorf("nodes seen in the future: %v", live)
			}
			return err
		})
	})
}

func TestAudit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a, b := w.tenant("A"), w.tenant("B")
		first := store.Entry{At: start, By: w.by(), Action: "ticket.delete", Tenant: a, Target: "A-1", Detail: map[string]string{"hash": "abc ☃"}}
		second := store.Entry{At: start.Add(1000), By: helpdesk.System("sweep").By(), Action: "ticket.purge", Tenant: a, Target: "A-1"}
		w.update(a, func(tx *store.Tx) error {
			if err := tx.Audit(first); err != nil {
				return err
			}
			lie := second
			lie.Tenant = b // the transaction's tenant counts
			return tx.Audit(lie)
		})
		w.system(func(tx *store.System) error {
			return tx.Audit(store.Entry{At: start, By: w.by(), Action: "user.disable", Target: "u-bob"})
		})
		check := func(reach helpdesk.Reach, target string, want int) {
			t.Helper()
			if err := s.View(t.Context(), reach, func(tx *store.Tx) error {
				got, err := tx.AuditOf(target)
				if len(got) != want {
					t.Errorf("the audit of %s: %+v", target, got)
				}
				if want == 2 {
					if diff := cmp.Diff([]store.Entry{first, second}, got); diff != "" {
						t.Errorf("audit (-want +got):\n%s", diff)
					}
				}
				return err
			}); err != nil {
				t.Error(err)
			}
		}
		check(reach(a), "A-1", 2)
		check(reach(b), "A-1", 0)
		check(reach(a, b), "u-bob", 0)
		check(everywhere(), "u-bob", 1)
	})
}

func TestIdempotency(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		type result struct{ Key string }
		once := store.Once{Actor: "u-ann", Key: "k", Hash: "h"}
		recall := func(o store.Once) (got result, found bool, err error) {
			err = s.Update(t.Context(), a, func(tx *store.Tx) (err error) { found, err = tx.Recall(o, &got); return err })
			return got, found, err
		}
		if _, found, err := recall(once); found || err != nil {
			t.Errorf("recalled before anything happened: %v %v", found, err)
		}
		w.update(a, func(tx *store.Tx) error { return tx.Remember(once, result{"A-1"}, start) })
		if got, found, err := recall(once); got.Key != "A-1" || !found || err != nil {
			t.Errorf("recalled %+v, %v, %v", got, found, err)
		}
		_, _, err := recall(store.Once{Actor: "u-ann", Key: "k", Hash: "other"})
		wants(t, "the same key with another body", helpdesk.Invalid, err)
		for _, o := range []store.Once{{Actor: "u-bob", Key: "k", Hash: "h"}, {Actor: "u-ann", Key: "other", Hash: "h"}, {}} {
			if _, found, err := recall(o); found || err != nil {
				t.Errorf("%+v recalled: %v %v", o, found, err)
			}
		}
		w.update(a, func(tx *store.Tx) error { return tx.Remember(store.Once{}, result{"A-2"}, start) })
		w.system(func(tx *store.System) error {
			var got result
			found, err := tx.Recall(once, &got)
			if !found || got.Key != "A-1" {
				t.Errorf("the system recalled %+v, %v", got, found)
			}
			if err != nil {
				return err
			}
			if err := tx.Remember(store.Once{Actor: "system", Key: "k", Hash: "h"}, result{}, start.Add(time.Hour)); err != nil {
				return err
			}
			if err := tx.ForgetRequests(start.Add(time.Minute)); err != nil {
				return err
			}
			for before, want := range map[time.Duration]bool{time.Minute: false, 2 * time.Hour: true} {
				if some, err := tx.OldRequests(start.Add(before)); some != want || err != nil {
					t.Errorf("requests from before %v: %v %v", before, some, err)
				}
			}
			return nil
		})
		if _, found, err := recall(once); found || err != nil {
			t.Errorf("recalled after it was forgotten: %v %v", found, err)
		}
		if _, found, _ := recall(store.Once{Actor: "system", Key: "k", Hash: "h"}); !found {
			t.Error("a newer request was forgotten too")
		}
	})
}

// Ensure that of one request sent eight times at once, one takes effect and all hear its result.
func TestIdempotencyAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.tenant("A")
		once := store.Once{Actor: "u-ann", Key: "k", Hash: "h"}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				var key helpdesk.TicketKey
				err := s.Update(t.Context(), a, func(tx *store.Tx) error {
					found, err := tx.Recall(once, &key)
					if found || err != nil {
						return err
					}
					if key, err = w.open(tx, "Only once", start); err != nil {
						return err
					}
					return tx.Remember(once, key, start)
				})
				if key == "" || err != nil {
					t.Errorf("got %q, %v", key, err)
				}
			})
		}
		wg.Wait()
		w.view(a, func(tx *store.Tx) error {
			all, err := tx.Tickets(store.TicketFilter{Limit: 9})
			if len(all) != 1 {
				t.Errorf("there are %d tickets", len(all))
			}
			return err
		})
	})
}
