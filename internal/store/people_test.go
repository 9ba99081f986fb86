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

func TestUsers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		ann, bob := w.user("ann"), w.user("bob")
		ann.Email, ann.Name, ann.Admin, ann.Password, ann.DisabledAt = "Ann@Example.ORG", "Änn", true, "$argon2id$x", start.Add(time.Hour)
		w.system(func(tx *store.System) error { return tx.SaveUser(ann) })
		ann.Email = "ann@example.org"
		w.system(func(tx *store.System) error {
			for what, find := range map[string]func() (store.User, error){
				"by id":      func() (store.User, error) { return tx.User(ann.ID) },
				"by address": func() (store.User, error) { return tx.UserByEmail("ANN@example.org") },
			} {
				got, err := find()
				if diff := cmp.Diff(ann, got); diff != "" || err != nil {
					t.Errorf("%s (-want +got):\n%s%v", what, diff, err)
				}
			}
			all, err := tx.Users()
			if len(all) != 2 {
				t.Errorf("users: %+v", all)
			}
			return err
		})
		bob.Email = "ANN@EXAMPLE.org"
		w.systemRefuses("take somebody's address", helpdesk.Conflict, func(tx *store.System) error { return tx.SaveUser(bob) })
		for what, find := range map[string]func(tx *store.System) error{
			"by id":      func(tx *store.System) error { _, err := tx.User("nobody"); return err },
			"by address": func(tx *store.System) error { _, err := tx.UserByEmail("nobody@example.org"); return err },
		} {
			w.systemRefuses("find nobody "+what, helpdesk.NotFound, find)
		}
	})
}

func (w *world) now() (now time.Time) {
	w.t.Helper()
	w.system(func(tx *store.System) (err error) { now, err = tx.Now(); return err })
	return now
}

func TestLinks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		ann := w.user("ann")
		now := w.now()
		w.system(func(tx *store.System) error {
			never, err := tx.NeverSignedIn(ann.ID)
			if !never {
				t.Error("Ann has signed in before she could")
			}
			if err != nil {
				return err
			}
			for hash, expires := range map[string]time.Time{"good": now.Add(time.Hour), "late": now.Add(-time.Microsecond), "dropped": now.Add(time.Hour)} {
				if err := tx.InsertLink(hash, "sign-in", ann.ID, expires); err != nil {
					return err
				}
			}
			return tx.InsertLink("other", "invitation", ann.ID, now.Add(time.Hour))
		})
		use := func(hash, kind string) error {
			return s.SystemUpdate(t.Context(), store.Directory, func(tx *store.System) error {
				u, err := tx.UseLink(hash, kind)
				if err == nil && u.ID != ann.ID {
					t.Errorf("the link is %s's", u.ID)
				}
				return err
			})
		}
		// Many click at once; one gets in.
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for n := range errs {
			wg.Go(func() { errs[n] = use("good", "sign-in") })
		}
		wg.Wait()
		in := 0
		for _, err := range errs {
			if err == nil {
				in++
			} else {
				wants(t, "use a spent link", helpdesk.NotFound, err)
			}
		}
		if in != 1 {
			t.Errorf("%d got in by one link", in)
		}
		wants(t, "use a link of another kind", helpdesk.NotFound, use("other", "sign-in"))
		wants(t, "use a late link", helpdesk.NotFound, use("late", "sign-in"))
		wants(t, "use an unknown link", helpdesk.NotFound, use("nothing", "sign-in"))
		w.system(func(tx *store.System) error { return tx.DropLinks(ann.ID, "sign-in") })
		wants(t, "use a dropped link", helpdesk.NotFound, use("dropped", "sign-in"))
		if err := use("other", "invitation"); err != nil {
			t.Errorf("dropping links of a kind dropped another kind: %v", err)
		}
		w.system(func(tx *store.System) error {
			never, err := tx.NeverSignedIn(ann.ID)
			if never {
				t.Error("a spent link does not count as signing in")
			}
			return err
		})
		w.systemRefuses("a link for nobody", helpdesk.NotFound, func(tx *store.System) error { return tx.InsertLink("x", "sign-in", "nobody", now) })
	})
}

func TestLogins(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		ann, bob := w.user("ann"), w.user("bob")
		now := w.now()
		login := func(id string, u store.User, seen, expires time.Duration) store.Login {
			l := store.Login{ID: id, Hash: "hash-" + id, User: u.ID, Client: "Firefox ☃", CreatedAt: start, SeenAt: now.Add(seen), ExpiresAt: now.Add(expires)}
			w.system(func(tx *store.System) error { return tx.InsertLogin(l) })
			return l
		}
		desk, phone := login("desk", ann, -time.Hour, time.Hour), login("phone", ann, -time.Minute, time.Hour)
		login("old", ann, -time.Hour, -time.Microsecond)
		bobs := login("bobs", bob, 0, time.Hour)
		check := func(u store.User, want ...store.Login) {
			t.Helper()
			w.system(func(tx *store.System) error {
				got, err := tx.Logins(u.ID)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("logins of %s (-want +got):\n%s", u.ID, diff)
				}
				return err
			})
		}
		check(ann, phone, desk)
		find := func(hash string) error {
			return s.SystemView(t.Context(), store.Directory, func(tx *store.System) error {
				l, err := tx.Login(hash)
				if err == nil && l.Hash != hash {
					t.Errorf("found %+v", l)
				}
				return err
			})
		}
		if err := find("hash-desk"); err != nil {
			t.Error(err)
		}
		wants(t, "find an expired session", helpdesk.Unauthorized, find("hash-old"))
		wants(t, "find an unknown session", helpdesk.Unauthorized, find("nothing"))
		desk.SeenAt, desk.ExpiresAt = now, now.Add(2*time.Hour)
		w.system(func(tx *store.System) error { return tx.TouchLogin("desk", desk.SeenAt, desk.ExpiresAt) })
		check(ann, desk, phone)
		w.systemRefuses("end somebody else's session", helpdesk.NotFound, func(tx *store.System) error { return tx.DropLogin(ann.ID, "bobs") })
		w.system(func(tx *store.System) error { return tx.DropLogin(ann.ID, "desk") })
		wants(t, "find a revoked session", helpdesk.Unauthorized, find("hash-desk"))
		w.system(func(tx *store.System) error { return tx.DropLogins(ann.ID) })
		check(ann)
		check(bob, bobs)
		w.system(func(tx *store.System) error {
			never, err := tx.NeverSignedIn(bob.ID)
			if never {
				t.Error("a session does not count as signing in")
			}
			return err
		})
	})
}

// What has expired goes; what still counts, and what tells that somebody came in, stays.
func TestDropExpired(t *testing.T) {
	storetest.EachConfig(t, func(t *testing.T, cfg store.Config) {
		w := newWorld(t, storetest.Open(t, cfg))
		ann, bob := w.user("ann"), w.user("bob")
		now := w.now()
		w.system(func(tx *store.System) error {
			for id, expires := range map[string]time.Duration{"valid": time.Hour, "ended": -time.Hour} {
				if err := tx.InsertLogin(store.Login{ID: id, Hash: id, User: ann.ID, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(expires)}); err != nil {
					return err
				}
			}
			for hash, expires := range map[string]time.Duration{"unspent": time.Hour, "late": -time.Hour, "spent": time.Hour, "spent long ago": time.Hour, "spent first": time.Hour} {
				if err := tx.InsertLink(hash, "sign-in", ann.ID, now.Add(expires)); err != nil {
					return err
				}
			}
			return tx.InsertLink("bob's only one", "invitation", bob.ID, now.Add(time.Hour))
		})
		db := raw(t, cfg)
		for hash, ago := range map[string]time.Duration{"spent": time.Hour, "spent long ago": 31 * 24 * time.Hour, "spent first": 60 * 24 * time.Hour, "bob''s only one": 60 * 24 * time.Hour} {
			if _, err := db.ExecContext(t.Context(), fmt.Sprintf(`UPDATE links SET used_at = %d WHERE hash = '%s'`, now.Add(-ago).UnixMicro(), hash)); err != nil {
				t.Fatal(err)
			}
		}
		w.system((*store.System).DropExpired)
		for query, want := range map[string][]string{
			`SELECT hash FROM links ORDER BY hash`: {"bob's only one", "spent", "unspent"},
			`SELECT id FROM sessions ORDER BY id`:  {"valid"},
		} {
			if diff := cmp.Diff(want, column(t, db, query)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", query, diff)
			}
		}
	})
}

func TestTokens(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		ann, bob := w.user("ann"), w.user("bob")
		one := store.Token{ID: "one", Hash: "hash-1", User: ann.ID, Name: "ci", CreatedAt: start}
		two := store.Token{ID: "two", Hash: "hash-2", User: ann.ID, Name: "ci ☃", CreatedAt: start.Add(time.Second)}
		w.system(func(tx *store.System) error {
			for _, k := range []store.Token{one, two, {ID: "bobs", Hash: "hash-3", User: bob.ID, CreatedAt: start}} {
				if err := tx.InsertToken(k); err != nil {
					return err
				}
			}
			return tx.TouchToken("one", start.Add(time.Hour))
		})
		one.UsedAt = start.Add(time.Hour)
		check := func(want ...store.Token) {
			t.Helper()
			w.system(func(tx *store.System) error {
				got, err := tx.Tokens(ann.ID)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("tokens (-want +got):\n%s", diff)
				}
				return err
			})
		}
		check(two, one)
		w.system(func(tx *store.System) error {
			got, err := tx.Token("hash-1")
			if diff := cmp.Diff(one, got); diff != "" {
				t.Errorf("token (-want +got):\n%s", diff)
			}
			return err
		})
		w.systemRefuses("revoke somebody else's token", helpdesk.NotFound, func(tx *store.System) error { return tx.DropToken(ann.ID, "bobs") })
		w.system(func(tx *store.System) error { return tx.DropToken(ann.ID, "one") })
		check(two)
		w.systemRefuses("find a revoked token", helpdesk.Unauthorized, func(tx *store.System) error { _, err := tx.Token("hash-1"); return err })
	})
}
