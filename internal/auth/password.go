package auth

import (
	"context"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"helpdesk"
)

const (
	shortestPassword = 12  // characters
	longestPassword  = 512 // bytes
)

// hashParams are OWASP's for argon2id.
var hashParams = argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// unusableHash has the form and the cost of a password's hash, and no password is known to fit it.
const unusableHash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// hash makes the hash of a new password, or says what is wrong with it.
func (s *Service) hash(ctx context.Context, password string) (string, error) {
	switch {
	case utf8.RuneCountInString(password) < shortestPassword:
		return "", helpdesk.Errorf(helpdesk.Invalid, "The password is too short. Use at least %d characters; a few words make a good one.", shortestPassword)
	case len(password) > longestPassword:
		return "", helpdesk.Errorf(helpdesk.Invalid, "The password is too long. Use at most %d bytes.", longestPassword)
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0):
		return "", helpdesk.Errorf(helpdesk.Invalid, "The password holds characters that cannot be typed. Use another one.")
	}
	if err := s.takeTurn(ctx); err != nil {
		return "", err
	}
	defer func() { <-s.hashing }()
	return argon2id.CreateHash(password, &hashParams)
}

// fits says whether the password has the hash; "" is the hash of somebody without a password, whom none fits.
func (s *Service) fits(ctx context.Context, password, hash string) (bool, error) {
	if len(password) > longestPassword {
		password = password[:longestPassword] + "…" // too long to be anybody's
	}
	if err := s.takeTurn(ctx); err != nil {
		return false, err
	}
	defer func() { <-s.hashing }()
	if hash == "" {
		_, _ = argon2id.ComparePasswordAndHash(password, s.dummy) // the same work as for the others
		return false, nil
	}
	return argon2id.ComparePasswordAndHash(password, hash)
}

// takeTurn waits until few enough passwords are being hashed.
func (s *Service) takeTurn(ctx context.Context) error {
	select {
	case s.hashing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// guesses counts failed sign-ins, so that whoever guesses has to wait.
type guesses struct {
	now  func() time.Time
	mu   sync.Mutex
	seen map[string][]time.Time // failures in the last window, oldest first
}

const (
	guessWindow  = 15 * time.Minute
	guessAccount = 5  // failures for one account
	guessAddress = 30 // failures from one address
	guessMost    = 100_000
)

// allow refuses whoever has failed too often of late.
func (g *guesses) allow(account, address string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key, limit := range map[string]int{"account " + account: guessAccount, "address " + address: guessAddress} {
		fails := g.recent(key)
		if len(fails) >= limit {
			wait := guessWindow - g.now().Sub(fails[len(fails)-limit])
			return helpdesk.Errorf(helpdesk.TooMany, "Too many failed attempts to sign in. Wait %d minutes, or ask an admin for a sign-in link.", int(wait/time.Minute)+1)
		}
	}
	return nil
}

// failed notes a failure.
func (g *guesses) failed(account, address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.seen) >= guessMost {
		clear(g.seen) // somebody uses very many addresses: memory matters more than their count
	}
	for _, key := range []string{"account " + account, "address " + address} {
		g.seen[key] = append(g.recent(key), g.now())
	}
}

// forgive forgets an account's failures once its person has signed in.
func (g *guesses) forgive(account string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.seen, "account "+account)
}

func (g *guesses) recent(key string) []time.Time {
	fails := g.seen[key]
	for len(fails) > 0 && g.now().Sub(fails[0]) >= guessWindow {
		fails = fails[1:]
	}
	if len(fails) == 0 {
		delete(g.seen, key)
	}
	return fails
}
