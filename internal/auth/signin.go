package auth

import (
	"context"
	"strings"
	"time"

	"helpdesk"
	"helpdesk/internal/store"
)

// The kinds of single-use link.
const (
	linkSignIn     = "sign-in"
	linkInvitation = "invitation"
)

// Link is a single-use link, shown once. Its secret is in the fragment, which browsers send to no server.
type Link struct {
	URL       string
	ExpiresAt time.Time
}

// Session is a new session: its secret goes into the browser's cookie.
type Session struct {
	Secret    string
	ExpiresAt time.Time
	User      store.User
}

// Client is the browser at the other end.
type Client struct {
	Address string // IP address
	Name    string // what it calls itself
}

// SignInLink makes a link that signs a person in once.
func (s *Service) SignInLink(ctx context.Context, by helpdesk.Actor, id helpdesk.UserID) (l Link, err error) {
	if err := helpdesk.May(by, helpdesk.PermPlatformManage, ""); err != nil {
		return Link{}, err
	}
	err = s.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) error {
		u, err := tx.User(id)
		if err != nil {
			return err
		}
		if !u.DisabledAt.IsZero() {
			return helpdesk.Errorf(helpdesk.Conflict, "This person is disabled. Enable them first.")
		}
		l, err = s.link(tx, by, linkSignIn, u)
		return err
	})
	return l, err
}

// link makes a link in the transaction.
func (s *Service) link(tx *store.System, by helpdesk.Actor, kind string, u store.User) (Link, error) {
	path, life := "/sign-in#", s.cfg.SignInLink
	if kind == linkInvitation {
		path, life = "/invite#", s.cfg.Invitation
	}
	now, err := tx.Now()
	if err != nil {
		return Link{}, err
	}
	secret := newSecret("")
	l := Link{URL: s.cfg.BaseURL + path + secret, ExpiresAt: now.Add(life)}
	if err := tx.InsertLink(hashOf(secret), kind, u.ID, l.ExpiresAt); err != nil {
		return Link{}, err
	}
	return l, tx.Audit(store.Entry{At: now, By: by.By(), Action: "link." + kind, Target: string(u.ID)})
}

// Redeem spends a sign-in link and opens a session.
func (s *Service) Redeem(ctx context.Context, token string, c Client) (Session, error) {
	var sess Session
	err := s.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) error {
		u, err := tx.UseLink(hashOf(strings.TrimSpace(token)), linkSignIn)
		if err != nil {
			return err
		}
		sess, err = s.open(tx, u, c, "sign-in.link")
		return err
	})
	return sess, spent(err)
}

// spent makes a link that is not there a matter of who one is. Nobody guesses 32 random bytes, so nobody is counted.
func spent(err error) error {
	if helpdesk.KindOf(err) == helpdesk.NotFound {
		return helpdesk.WithCause(helpdesk.Unauthorized, err, "%s", helpdesk.PublicText(err))
	}
	return err
}

// Accept spends an invitation: the person gives their name and, where they like, a password, and is signed in.
func (s *Service) Accept(ctx context.Context, token, name, password string, c Client) (Session, error) {
	hash := ""
	if password != "" {
		var err error
		if hash, err = s.hash(ctx, password); err != nil {
			return Session{}, err
		}
	}
	var sess Session
	err := s.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) error {
		u, err := tx.UseLink(hashOf(strings.TrimSpace(token)), linkInvitation)
		if err != nil {
			return err
		}
		if name = strings.TrimSpace(name); name != "" {
			if err := checkName(name); err != nil {
				return err
			}
			u.Name = name
		}
		if hash != "" {
			u.Password = hash
		}
		if err := tx.SaveUser(u); err != nil {
			return err
		}
		sess, err = s.open(tx, u, c, "invitation.accept")
		return err
	})
	s.cache.clear()
	return sess, spent(err)
}

// SignInPassword opens a session for whoever knows a person's address and password.
func (s *Service) SignInPassword(ctx context.Context, email, password string, c Client) (Session, error) {
	account := strings.ToLower(strings.TrimSpace(email))
	if err := s.guesses.allow(account, c.Address); err != nil {
		return Session{}, err
	}
	var u store.User
	err := s.store.SystemView(ctx, store.Directory, func(tx *store.System) (err error) {
		u, err = tx.UserByEmail(account)
		return err
	})
	if err != nil && helpdesk.KindOf(err) != helpdesk.NotFound {
		return Session{}, err
	}
	if !u.DisabledAt.IsZero() {
		u.Password = ""
	}
	ok, err := s.fits(ctx, password, u.Password)
	if err != nil {
		return Session{}, err
	}
	if !ok {
		s.guesses.failed(account, c.Address)
		return Session{}, helpdesk.Errorf(helpdesk.Unauthorized, "The address and the password do not belong together. Check both, or ask an admin for a sign-in link.")
	}
	s.guesses.forgive(account)
	var sess Session
	err = s.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) (err error) {
		sess, err = s.open(tx, u, c, "sign-in.password")
		return err
	})
	return sess, err
}

// open makes a session in the transaction.
func (s *Service) open(tx *store.System, u store.User, c Client, action string) (Session, error) {
	if !u.DisabledAt.IsZero() {
		return Session{}, helpdesk.Errorf(helpdesk.Unauthorized, "This account is disabled. Ask an admin.")
	}
	now, err := tx.Now()
	if err != nil {
		return Session{}, err
	}
	sess := Session{Secret: newSecret(""), ExpiresAt: s.sessionEnd(now, now), User: u}
	l := store.Login{
		ID: newID(), Hash: hashOf(sess.Secret), User: u.ID, Client: clip(c.Name, 200),
		CreatedAt: now, SeenAt: now, ExpiresAt: sess.ExpiresAt,
	}
	if err := tx.InsertLogin(l); err != nil {
		return Session{}, err
	}
	return sess, tx.Audit(store.Entry{At: now, By: actorOf(u, nil).By(), Action: action, Target: l.ID})
}

// Sessions lists a person's own sessions, the one used last first.
func (s *Service) Sessions(ctx context.Context, by helpdesk.Actor) (all []store.Login, err error) {
	err = s.store.SystemView(ctx, store.Directory, func(tx *store.System) (err error) {
		all, err = tx.Logins(helpdesk.UserID(by.ID))
		return err
	})
	return all, err
}

// RevokeSession ends one of a person's own sessions; signing out is ending the present one.
func (s *Service) RevokeSession(ctx context.Context, by helpdesk.Actor, id string) error {
	defer s.cache.clear()
	return s.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) error {
		if err := tx.DropLogin(helpdesk.UserID(by.ID), id); err != nil {
			return err
		}
		return s.audit(tx, by, "session.revoke", id, nil)
	})
}

// clip shortens what a browser calls itself.
func clip(text string, n int) string {
	r := []rune(strings.ToValidUTF8(text, ""))
	if len(r) > n {
		r = r[:n]
	}
	return strings.Map(func(c rune) rune {
		if c < ' ' {
			return -1
		}
		return c
	}, string(r))
}

func (s *Service) audit(tx *store.System, by helpdesk.Actor, action, target string, detail map[string]string) error {
	now, err := tx.Now()
	if err != nil {
		return err
	}
	return tx.Audit(store.Entry{At: now, By: by.By(), Action: action, Target: target, Detail: detail})
}
