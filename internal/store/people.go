package store

import (
	"strings"
	"time"

	"helpdesk"
)

// User is a person who may sign in.
type User struct {
	ID         helpdesk.UserID
	Email      string // lower case
	Name       string
	Admin      bool
	Password   string // its argon2id hash; "" where none is set
	DisabledAt time.Time
	CreatedAt  time.Time
}

const userColumns = `id, email, name, admin, password, disabled_at, created_at`

func (s *System) users(query string, args ...any) ([]User, error) {
	var all []User
	err := s.tx.each(func(r row) error {
		var u User
		var disabled, created int64
		err := r.Scan(&u.ID, &u.Email, &u.Name, &u.Admin, &u.Password, &disabled, &created)
		u.DisabledAt, u.CreatedAt = fromMicros(disabled), fromMicros(created)
		all = append(all, u)
		return err
	}, query, args...)
	return all, err
}

func (s *System) user(query string, args ...any) (User, error) {
	all, err := s.users(query, args...)
	if err == nil && len(all) == 0 {
		err = helpdesk.Errorf(helpdesk.NotFound, noUser)
	}
	if err != nil {
		return User{}, err
	}
	return all[0], nil
}

// Users reads everybody, by name.
func (s *System) Users() ([]User, error) {
	return s.users(`SELECT ` + userColumns + ` FROM users ORDER BY name, id`)
}

// User reads a person by id.
func (s *System) User(id helpdesk.UserID) (User, error) {
	return s.user(`SELECT `+userColumns+` FROM users WHERE id = ?`, string(id))
}

// UserByEmail reads a person by address, in any case.
func (s *System) UserByEmail(email string) (User, error) {
	return s.user(`SELECT `+userColumns+` FROM users WHERE email = ?`, strings.ToLower(email))
}

// SaveUser stores a person, new or changed. An address that somebody else has is a Conflict.
func (s *System) SaveUser(u User) error {
	_, err := s.tx.exec(`INSERT INTO users (`+userColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET email = excluded.email, name = excluded.name, admin = excluded.admin, password = excluded.password, disabled_at = excluded.disabled_at`,
		string(u.ID), strings.ToLower(u.Email), u.Name, u.Admin, u.Password, micros(u.DisabledAt), micros(u.CreatedAt))
	return unlessTaken(err, "Somebody else has this address already.")
}

// Memberships reads the tenants that a person belongs to.
func (s *System) Memberships(u helpdesk.UserID) ([]helpdesk.TenantID, error) {
	var all []helpdesk.TenantID
	err := s.tx.each(func(r row) error {
		var t helpdesk.TenantID
		err := r.Scan(&t)
		all = append(all, t)
		return err
	}, `SELECT tenant FROM members WHERE user_id = ? ORDER BY tenant`, string(u))
	return all, err
}

// InsertLink keeps the hash of a single-use link.
func (s *System) InsertLink(hash, kind string, u helpdesk.UserID, expires time.Time) error {
	_, err := s.tx.exec(`INSERT INTO links (hash, kind, user_id, expires_at) VALUES (?, ?, ?, ?)`, hash, kind, string(u), micros(expires))
	return err
}

// UseLink spends a link and gives its person. A link that is spent, expired or unknown is NotFound.
func (s *System) UseLink(hash, kind string) (u User, err error) {
	var id string
	err = s.tx.first("This link has been used or has expired. Ask for a new one.", func(r row) error { return r.Scan(&id) },
		`UPDATE links SET used_at = {now} WHERE hash = ? AND kind = ? AND used_at = 0 AND expires_at > {now} RETURNING user_id`, hash, kind)
	if err != nil {
		return User{}, err
	}
	return s.User(helpdesk.UserID(id))
}

// DropLinks voids a person's unused links of a kind.
func (s *System) DropLinks(u helpdesk.UserID, kind string) error {
	_, err := s.tx.exec(`DELETE FROM links WHERE user_id = ? AND kind = ? AND used_at = 0`, string(u), kind)
	return err
}

// Login is a session: one browser in which a person is signed in.
type Login struct {
	ID        string
	Hash      string // of the cookie's secret
	User      helpdesk.UserID
	Client    string // what the browser calls itself
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time
}

const loginColumns = `id, hash, user_id, client, created_at, seen_at, expires_at`

// InsertLogin stores a new session.
func (s *System) InsertLogin(l Login) error {
	_, err := s.tx.exec(`INSERT INTO sessions (`+loginColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		l.ID, l.Hash, string(l.User), l.Client, micros(l.CreatedAt), micros(l.SeenAt), micros(l.ExpiresAt))
	return err
}

// Login reads a session that has not expired by the hash of its secret.
func (s *System) Login(hash string) (Login, error) {
	all, err := s.logins(`SELECT `+loginColumns+` FROM sessions WHERE hash = ? AND expires_at > {now}`, hash)
	if err == nil && len(all) == 0 {
		err = helpdesk.Errorf(helpdesk.Unauthorized, "You are signed out. Sign in again.")
	}
	if err != nil {
		return Login{}, err
	}
	return all[0], nil
}

// Logins reads a person's sessions, newest first.
func (s *System) Logins(u helpdesk.UserID) ([]Login, error) {
	return s.logins(`SELECT `+loginColumns+` FROM sessions WHERE user_id = ? AND expires_at > {now} ORDER BY seen_at DESC`, string(u))
}

func (s *System) logins(query string, args ...any) ([]Login, error) {
	var all []Login
	err := s.tx.each(func(r row) error {
		var l Login
		var created, seen, expires int64
		err := r.Scan(&l.ID, &l.Hash, &l.User, &l.Client, &created, &seen, &expires)
		l.CreatedAt, l.SeenAt, l.ExpiresAt = fromMicros(created), fromMicros(seen), fromMicros(expires)
		all = append(all, l)
		return err
	}, query, args...)
	return all, err
}

// TouchLogin notes that a session was used and moves its end.
func (s *System) TouchLogin(id string, seen, expires time.Time) error {
	_, err := s.tx.exec(`UPDATE sessions SET seen_at = ?, expires_at = ? WHERE id = ?`, micros(seen), micros(expires), id)
	return err
}

// DropLogin ends a session of a person.
func (s *System) DropLogin(u helpdesk.UserID, id string) error {
	return s.tx.one("There is no such session.", `DELETE FROM sessions WHERE id = ? AND user_id = ?`, id, string(u))
}

// DropLogins ends every session of a person.
func (s *System) DropLogins(u helpdesk.UserID) error {
	_, err := s.tx.exec(`DELETE FROM sessions WHERE user_id = ?`, string(u))
	return err
}

// Token is a person's API token; only a hash of it is kept.
type Token struct {
	ID        string
	Hash      string
	User      helpdesk.UserID
	Name      string
	CreatedAt time.Time
	UsedAt    time.Time
}

// InsertToken stores a new token.
func (s *System) InsertToken(k Token) error {
	_, err := s.tx.exec(`INSERT INTO tokens (id, hash, user_id, name, created_at) VALUES (?, ?, ?, ?, ?)`, k.ID, k.Hash, string(k.User), k.Name, micros(k.CreatedAt))
	return err
}

// Token reads a token by its hash.
func (s *System) Token(hash string) (Token, error) {
	all, err := s.tokens(`WHERE hash = ?`, hash)
	if err == nil && len(all) == 0 {
		err = helpdesk.Errorf(helpdesk.Unauthorized, "This API token is unknown or was revoked.")
	}
	if err != nil {
		return Token{}, err
	}
	return all[0], nil
}

// Tokens reads a person's tokens, newest first.
func (s *System) Tokens(u helpdesk.UserID) ([]Token, error) {
	return s.tokens(`WHERE user_id = ? ORDER BY created_at DESC, id`, string(u))
}

func (s *System) tokens(where string, args ...any) ([]Token, error) {
	var all []Token
	err := s.tx.each(func(r row) error {
		var k Token
		var created, used int64
		err := r.Scan(&k.ID, &k.Hash, &k.User, &k.Name, &created, &used)
		k.CreatedAt, k.UsedAt = fromMicros(created), fromMicros(used)
		all = append(all, k)
		return err
	}, `SELECT id, hash, user_id, name, created_at, used_at FROM tokens `+where, args...)
	return all, err
}

// TouchToken notes that a token was used.
func (s *System) TouchToken(id string, at time.Time) error {
	_, err := s.tx.exec(`UPDATE tokens SET used_at = ? WHERE id = ?`, micros(at), id)
	return err
}

// DropToken revokes a token of a person.
func (s *System) DropToken(u helpdesk.UserID, id string) error {
	return s.tx.one("There is no such token.", `DELETE FROM tokens WHERE id = ? AND user_id = ?`, id, string(u))
}

// NeverSignedIn says whether a person has neither a session nor a spent link.
func (s *System) NeverSignedIn(u helpdesk.UserID) (never bool, err error) {
	err = s.tx.first("", func(r row) error { return r.Scan(&never) },
		`SELECT NOT EXISTS (SELECT 1 FROM sessions WHERE user_id = ?) AND NOT EXISTS (SELECT 1 FROM links WHERE user_id = ? AND used_at > 0)`, string(u), string(u))
	return never, err
}

// spentKept is how long a spent link is kept; the newest of each person stays, and tells that they came in.
const spentKept = 30 * 24 * time.Hour

// DropExpired deletes sessions that have ended, links that expired unspent, and old spent ones.
func (s *System) DropExpired() error {
	if _, err := s.tx.exec(`DELETE FROM sessions WHERE expires_at <= {now}`); err != nil {
		return err
	}
	if _, err := s.tx.exec(`DELETE FROM links WHERE used_at = 0 AND expires_at <= {now}`); err != nil {
		return err
	}
	_, err := s.tx.exec(`DELETE FROM links WHERE used_at > 0 AND used_at < {now} - ? AND EXISTS (
		SELECT 1 FROM links newer WHERE newer.user_id = links.user_id AND newer.used_at > links.used_at)`, spentKept.Microseconds())
	return err
}
