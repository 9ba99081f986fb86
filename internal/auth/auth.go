// Package auth answers two questions: who is it, and how does somebody become one who may ask? It keeps people,
// sessions, API tokens and single-use links.
//
// It promises:
//
//   - Of every secret that it gives out only a SHA-256 is kept, and of passwords an argon2id hash. What a
//     stolen database holds signs nobody in.
//   - A revoked session, token or membership stops working at once on this node and within five seconds on others.
//   - Whoever guesses learns nothing: an unknown person, a wrong password and a person without one get the same
//     answer after the same work, and too many of them are told to wait.
//   - Everything that changes who may do what is in the audit, in the same transaction.
//
// What somebody may do is not decided here but by helpdesk.May.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"helpdesk"
	"helpdesk/internal/store"
)

// Config says who may sign in without having been invited, and for how long anybody stays.
type Config struct {
	AdminToken string // bootstrap API token of the user Automation; "" for none
	LocalToken string // the same for the command line on this machine, new with each start; "" for none
	BaseURL    string // what links begin with, such as "https://help.example.com"

	SignInLink time.Duration // how long a sign-in link is good; default 10 minutes
	Invitation time.Duration // how long an invitation is good; default 7 days
	Idle       time.Duration // an unused session ends after this; default 30 days
	Longest    time.Duration // any session ends after this; default 90 days
	CacheFor   time.Duration // how long an answer is remembered; default 5 s

	Now func() time.Time // default time.Now
	Log *slog.Logger     // default: nothing is logged
}

// Store is what this package needs to be kept.
type Store interface {
	SystemView(ctx context.Context, p store.Purpose, fn func(*store.System) error) error
	SystemUpdate(ctx context.Context, p store.Purpose, fn func(*store.System) error) error
}

// Service knows the people. Its methods may be called from any number of goroutines.
type Service struct {
	cfg     Config
	store   Store
	cache   cache
	guesses guesses
	hashing chan struct{} // holds a token for each password being hashed: each takes 19 MiB
	dummy   string        // a hash that no password fits, for people who are not there
}

// New makes the service. It starts nothing.
func New(cfg Config, s Store) *Service {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&cfg.SignInLink, 10*time.Minute)
	def(&cfg.Invitation, 7*24*time.Hour)
	def(&cfg.Idle, 30*24*time.Hour)
	def(&cfg.Longest, 90*24*time.Hour)
	def(&cfg.CacheFor, 5*time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/")
	return &Service{
		cfg: cfg, store: s, cache: cache{keep: cfg.CacheFor, now: cfg.Now, entries: map[string]cached{}},
		guesses: guesses{now: cfg.Now, seen: map[string][]time.Time{}}, hashing: make(chan struct{}, 2), dummy: unusableHash,
	}
}

// Who is somebody who was recognised.
type Who struct {
	Actor helpdesk.Actor
	User  store.User
	Login string // the session, where it came by one
	Token string // the API token's id, where it came by one
}

// AutomationID is the user behind the bootstrap token and the command line on this machine.
const AutomationID helpdesk.UserID = "automation"

// ByToken recognises the bearer of an API token.
func (s *Service) ByToken(ctx context.Context, token string) (Who, error) {
	if same(token, s.cfg.AdminToken) || same(token, s.cfg.LocalToken) {
		return s.cache.get("automation", func() (Who, error) { return s.automation(ctx) })
	}
	if !strings.HasPrefix(token, tokenPrefix) {
		return Who{}, helpdesk.Errorf(helpdesk.Unauthorized, "This API token is unknown or was revoked.")
	}
	hash := hashOf(token)
	return s.cache.get("token "+hash, func() (w Who, err error) {
		var k store.Token
		err = s.store.SystemView(ctx, store.Directory, func(tx *store.System) error {
			if k, err = tx.Token(hash); err != nil {
				return err
			}
			w, err = whoIs(tx, k.User)
			return err
		})
		if err != nil {
			return Who{}, err
		}
		w.Token = k.ID
		now := s.cfg.Now()
		if now.Sub(k.UsedAt) > time.Hour {
			err = s.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) error { return tx.TouchToken(k.ID, now) })
		}
		return w, err
	})
}

// BySession recognises a browser by the secret in its cookie.
func (s *Service) BySession(ctx context.Context, secret string) (Who, error) {
	hash := hashOf(secret)
	return s.cache.get("session "+hash, func() (w Who, err error) {
		var l store.Login
		err = s.store.SystemView(ctx, store.Directory, func(tx *store.System) error {
			if l, err = tx.Login(hash); err != nil {
				return err
			}
			w, err = whoIs(tx, l.User)
			return err
		})
		if err != nil {
			return Who{}, err
		}
		w.Login = l.ID
		now := s.cfg.Now()
		if now.Sub(l.SeenAt) > time.Hour {
			err = s.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) error {
				return tx.TouchLogin(l.ID, now, s.sessionEnd(l.CreatedAt, now))
			})
		}
		return w, err
	})
}

// sessionEnd moves with every use, up to a limit that does not.
func (s *Service) sessionEnd(created, now time.Time) time.Time {
	end, last := now.Add(s.cfg.Idle), created.Add(s.cfg.Longest)
	if last.Before(end) {
		return last
	}
	return end
}

// Changed forgets what was remembered of people, because something about them changed.
func (s *Service) Changed() { s.cache.clear() }

// automation is the user behind the tokens that are not in the store.
func (s *Service) automation(ctx context.Context) (w Who, err error) {
	err = s.store.SystemView(ctx, store.Directory, func(tx *store.System) error {
		w, err = whoIs(tx, AutomationID)
		return err
	})
	if helpdesk.KindOf(err) != helpdesk.Unauthorized {
		return w, err
	}
	err = s.store.SystemUpdate(ctx, store.Directory, func(tx *store.System) error {
		now := s.cfg.Now()
		u := store.User{ID: AutomationID, Email: "automation@localhost", Name: "Automation", Admin: true, CreatedAt: now}
		if err := tx.SaveUser(u); err != nil {
			return err
		}
		w = Who{Actor: actorOf(u, nil), User: u}
		return tx.Audit(store.Entry{At: now, By: helpdesk.System("auth").By(), Action: "user.create", Target: string(u.ID)})
	})
	return w, err
}

// whoIs reads a person with the tenants they belong to. Disabled and unknown people are Unauthorized.
func whoIs(tx *store.System, id helpdesk.UserID) (Who, error) {
	u, err := tx.User(id)
	if helpdesk.KindOf(err) == helpdesk.NotFound || (err == nil && !u.DisabledAt.IsZero()) {
		return Who{}, helpdesk.Errorf(helpdesk.Unauthorized, "You are signed out. Sign in again.")
	}
	if err != nil {
		return Who{}, err
	}
	tenants, err := tx.Memberships(id)
	return Who{Actor: actorOf(u, tenants), User: u}, err
}

func actorOf(u store.User, tenants []helpdesk.TenantID) helpdesk.Actor {
	return helpdesk.Actor{Kind: helpdesk.ActorUser, ID: string(u.ID), Name: u.Name, Admin: u.Admin, Tenants: tenants}
}

const tokenPrefix = "hd_"

// newSecret makes 32 random bytes as text.
func newSecret(prefix string) string {
	var b [32]byte
	rand.Read(b[:]) // never fails: it ends the program instead
	return prefix + base64.RawURLEncoding.EncodeToString(b[:])
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// same compares in a time that tells nothing; an empty secret is never the same.
func same(given, secret string) bool {
	g, s := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(secret))
	return secret != "" && subtle.ConstantTimeCompare(g[:], s[:]) == 1
}

func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		panic(err) // there is no randomness: nothing here may go on
	}
	return id.String()
}

// cache remembers who somebody is, for a few seconds.
type cache struct {
	keep time.Duration
	now  func() time.Time

	mu      sync.Mutex
	entries map[string]cached
	age     uint64 // grows with every clear, so that an answer read before it is not kept after it
}

type cached struct {
	who   Who
	until time.Time
}

const cacheMost = 10_000

func (c *cache) get(key string, find func() (Who, error)) (Who, error) {
	c.mu.Lock()
	e, ok := c.entries[key]
	age := c.age
	c.mu.Unlock()
	if ok && c.now().Before(e.until) {
		return e.who, nil
	}
	who, err := find()
	if err != nil {
		return Who{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.age == age {
		if len(c.entries) >= cacheMost {
			clear(c.entries)
		}
		c.entries[key] = cached{who, c.now().Add(c.keep)}
	}
	return who, nil
}

func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
	c.age++
}
