package auth

import (
	"context"
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"helpdesk"
	"helpdesk/internal/store"
)

// Person is a user with the tenants they belong to.
type Person struct {
	store.User
	Tenants []helpdesk.TenantID
	Pending bool // invited, and never signed in
}

// NewPerson is somebody to invite.
type NewPerson struct {
	Email   string
	Name    string // default: what stands before the @
	Admin   bool
	Tenants []helpdesk.TenantID
}

// ChangePerson is what to change of a person; nil leaves a thing as it is.
type ChangePerson struct {
	Name     *string
	Admin    *bool
	Disabled *bool
}

// Invited is the answer to an invitation; the link is shown this once.
type Invited struct {
	ID    helpdesk.UserID
	Email string
	Link  Link
}

const mostTokens = 100 // of one person

// Users lists everybody, by name.
func (s *Service) Users(ctx context.Context, by helpdesk.Actor) (all []Person, err error) {
	if err := helpdesk.May(by, helpdesk.PermPlatformManage, ""); err != nil {
		return nil, err
	}
	err = s.store.SystemView(ctx, store.Directory, func(tx *store.System) error {
		users, err := tx.Users()
		if err != nil {
			return err
		}
		all = make([]Person, 0, len(users))
		for _, u := range users {
			p, err := person(tx, u)
			if err != nil {
				return err
			}
			all = append(all, p)
		}
		return nil
	})
	return all, err
}

func person(tx *store.System, u store.User) (Person, error) {
	tenants, err := tx.Memberships(u.ID)
	if err != nil {
		return Person{}, err
	}
	p := Person{User: u, Tenants: tenants}
	if u.Password == "" && u.ID != AutomationID {
		p.Pending, err = tx.NeverSignedIn(u.ID)
	}
	return p, err
}

// Invite makes a person and the link by which they come in.
func (s *Service) Invite(ctx context.Context, by helpdesk.Actor, n NewPerson, once store.Once) (in Invited, err error) {
	if err := helpdesk.May(by, helpdesk.PermPlatformManage, ""); err != nil {
		return Invited{}, err
	}
	email, err := parseEmail(n.Email)
	if err != nil {
		return Invited{}, err
	}
	if n.Name = strings.TrimSpace(n.Name); n.Name == "" {
		n.Name, _, _ = strings.Cut(email, "@")
	}
	if err := checkName(n.Name); err != nil {
		return Invited{}, err
	}
	defer s.cache.clear()
	err = s.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) error {
		// The link's secret is not kept, so a repeated request makes a new link for the person made before.
		var before helpdesk.UserID
		found, err := tx.Recall(once, &before)
		if err != nil {
			return err
		}
		if found {
			return s.inviteAgain(tx, by, before, &in)
		}
		if _, err := tx.UserByEmail(email); err == nil {
			return helpdesk.Errorf(helpdesk.Conflict, "There is a person with the address %s already. Make a sign-in link for them instead.", email)
		} else if helpdesk.KindOf(err) != helpdesk.NotFound {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		u := store.User{ID: helpdesk.UserID(newID()), Email: email, Name: n.Name, Admin: n.Admin, CreatedAt: now}
		if err := tx.SaveUser(u); err != nil {
			return err
		}
		known, err := tx.Tenants(by.Reach())
		if err != nil {
			return err
		}
		for _, t := range n.Tenants {
			if !slices.ContainsFunc(known, func(x helpdesk.Tenant) bool { return x.ID == t }) {
				return helpdesk.Errorf(helpdesk.Invalid, "There is no tenant %q.", clip(string(t), 40))
			}
			if err := tx.AddMember(t, u.ID); err != nil {
				return err
			}
		}
		if err := s.audit(tx, by, "user.invite", string(u.ID), map[string]string{"admin": yesNo(u.Admin)}); err != nil {
			return err
		}
		if err := tx.Remember(once, u.ID, now); err != nil {
			return err
		}
		return s.invite(tx, by, u, &in)
	})
	return in, err
}

func (s *Service) inviteAgain(tx *store.System, by helpdesk.Actor, id helpdesk.UserID, in *Invited) error {
	u, err := tx.User(id)
	if err != nil {
		return err
	}
	return s.invite(tx, by, u, in)
}

func (s *Service) invite(tx *store.System, by helpdesk.Actor, u store.User, in *Invited) error {
	if err := tx.DropLinks(u.ID, linkInvitation); err != nil {
		return err
	}
	l, err := s.link(tx, by, linkInvitation, u)
	*in = Invited{ID: u.ID, Email: u.Email, Link: l}
	return err
}

// NewLink makes a new link for a person who has lost theirs: an invitation for whoever never came in, else one to
// sign in.
func (s *Service) NewLink(ctx context.Context, by helpdesk.Actor, id helpdesk.UserID) (in Invited, err error) {
	if err := helpdesk.May(by, helpdesk.PermPlatformManage, ""); err != nil {
		return Invited{}, err
	}
	err = s.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) error {
		u, err := tx.User(id)
		if err != nil {
			return err
		}
		if !u.DisabledAt.IsZero() {
			return helpdesk.Errorf(helpdesk.Conflict, "This person is disabled. Enable them first.")
		}
		p, err := person(tx, u)
		if err != nil {
			return err
		}
		if p.Pending {
			return s.invite(tx, by, u, &in)
		}
		l, err := s.link(tx, by, linkSignIn, u)
		in = Invited{ID: u.ID, Email: u.Email, Link: l}
		return err
	})
	return in, err
}

// Change changes a person. Disabling ends their sessions at once; the last admin stays one.
func (s *Service) Change(ctx context.Context, by helpdesk.Actor, id helpdesk.UserID, c ChangePerson) (p Person, err error) {
	if err := helpdesk.May(by, helpdesk.PermPlatformManage, ""); err != nil {
		return Person{}, err
	}
	defer s.cache.clear()
	err = s.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) error {
		u, err := tx.User(id)
		if err != nil {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		detail := map[string]string{}
		if c.Name != nil {
			u.Name = strings.TrimSpace(*c.Name)
			if err := checkName(u.Name); err != nil {
				return err
			}
		}
		if c.Admin != nil {
			u.Admin = *c.Admin
			detail["admin"] = yesNo(u.Admin)
		}
		if c.Disabled != nil {
			detail["disabled"] = yesNo(*c.Disabled)
			switch {
			case !*c.Disabled:
				u.DisabledAt = store.User{}.DisabledAt
			case u.DisabledAt.IsZero():
				u.DisabledAt = now
			}
		}
		if err := tx.SaveUser(u); err != nil {
			return err
		}
		if err := keepsAnAdmin(tx); err != nil {
			return err
		}
		if !u.DisabledAt.IsZero() {
			if err := tx.DropLogins(u.ID); err != nil {
				return err
			}
			for _, kind := range []string{linkSignIn, linkInvitation} {
				if err := tx.DropLinks(u.ID, kind); err != nil {
					return err
				}
			}
		}
		if p, err = person(tx, u); err != nil {
			return err
		}
		return s.audit(tx, by, "user.change", string(u.ID), detail)
	})
	return p, err
}

// keepsAnAdmin refuses what would leave nobody who can manage the platform. Automation does not count: its
// token may be gone with the next start.
func keepsAnAdmin(tx *store.System) error {
	users, err := tx.Users()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(users, func(u store.User) bool { return u.Admin && u.DisabledAt.IsZero() && u.ID != AutomationID }) {
		return helpdesk.Errorf(helpdesk.Conflict, "This is the last platform admin. Make another person an admin first.")
	}
	return nil
}

// EnsureAdmin makes the first admin of a fresh server, and gives the admin who was there first of one that is not.
func (s *Service) EnsureAdmin(ctx context.Context) (u store.User, err error) {
	defer s.cache.clear()
	err = s.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) error {
		users, err := tx.Users()
		if err != nil {
			return err
		}
		slices.SortFunc(users, func(a, b store.User) int { return a.CreatedAt.Compare(b.CreatedAt) })
		for _, x := range users {
			if x.Admin && x.DisabledAt.IsZero() && x.ID != AutomationID {
				u = x
				return nil
			}
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		u = store.User{ID: helpdesk.UserID(newID()), Email: "admin@localhost", Name: "Admin", Admin: true, CreatedAt: now}
		if err := tx.SaveUser(u); err != nil {
			return err
		}
		return s.audit(tx, helpdesk.System("auth"), "user.create", string(u.ID), map[string]string{"admin": "yes"})
	})
	return u, err
}

// Tokens lists a person's own API tokens, newest first.
func (s *Service) Tokens(ctx context.Context, by helpdesk.Actor) (all []store.Token, err error) {
	err = s.store.SystemView(ctx, store.Directory, func(tx *store.System) (err error) {
		all, err = tx.Tokens(helpdesk.UserID(by.ID))
		return err
	})
	return all, err
}

// CreateToken makes an API token of a person; its text is shown this once. A repeated request replaces
// the token it made before, whose text may never have arrived.
func (s *Service) CreateToken(ctx context.Context, by helpdesk.Actor, name string, once store.Once) (k store.Token, text string, err error) {
	if name = strings.TrimSpace(name); name == "" {
		return store.Token{}, "", helpdesk.Errorf(helpdesk.Invalid, "Give the token a name that says what it is for.")
	}
	if err := checkName(name); err != nil {
		return store.Token{}, "", err
	}
	defer s.cache.clear()
	text = newSecret(tokenPrefix)
	err = s.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) error {
		now, err := tx.Now()
		if err != nil {
			return err
		}
		user := helpdesk.UserID(by.ID)
		k = store.Token{ID: newID(), Hash: hashOf(text), User: user, Name: name, CreatedAt: now}
		found, err := tx.Recall(once, &k.ID)
		if err != nil {
			return err
		}
		if found {
			if err := tx.DropToken(user, k.ID); err != nil {
				return err
			}
			return tx.InsertToken(k)
		}
		all, err := tx.Tokens(user)
		if err != nil {
			return err
		}
		if len(all) >= mostTokens {
			return helpdesk.Errorf(helpdesk.TooMany, "You have %d API tokens, which is the most. Revoke one that is no longer used.", mostTokens)
		}
		if err := tx.InsertToken(k); err != nil {
			return err
		}
		if err := tx.Remember(once, k.ID, now); err != nil {
			return err
		}
		return s.audit(tx, by, "token.create", k.ID, nil)
	})
	return k, text, err
}

// RevokeToken ends one of a person's own API tokens.
func (s *Service) RevokeToken(ctx context.Context, by helpdesk.Actor, id string) error {
	defer s.cache.clear()
	return s.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) error {
		if err := tx.DropToken(helpdesk.UserID(by.ID), id); err != nil {
			return err
		}
		return s.audit(tx, by, "token.revoke", id, nil)
	})
}

func parseEmail(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 {
		return "", helpdesk.Errorf(helpdesk.Invalid, "%q is not an e-mail address.", clip(s, 60))
	}
	return s, nil
}

func checkName(name string) error {
	if utf8.RuneCountInString(name) > 100 || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return helpdesk.Errorf(helpdesk.Invalid, "A name has at most 100 characters and no control characters.")
	}
	return nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
