package auth

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"helpdesk"
	"helpdesk/internal/store"
)

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

type office struct {
	*Service
	t     *testing.T
	store *store.Store
	dir   string
	clock *clock
}

func open(t *testing.T, cfg Config) *office {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	o := &office{t: t, store: s, dir: dir, clock: &clock{at: time.Now()}}
	cfg.Now, cfg.BaseURL = o.clock.now, "https://help.example.com/"
	o.Service = New(cfg, s)
	return o
}

var (
	root = helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "root", Name: "Root", Admin: true}
	here = Client{Address: "192.0.2.1", Name: "Browser"}
)

const password = "correct horse battery"

// invited makes a person who came in, and gives their session.
func (o *office) invited(email, password string) Session {
	o.t.Helper()
	in, err := o.Invite(o.t.Context(), root, NewPerson{Email: email}, store.Once{})
	if err != nil {
		o.t.Fatal(err)
	}
	s, err := o.Accept(o.t.Context(), secretOf(in.Link), "Ann", password, here)
	if err != nil {
		o.t.Fatal(err)
	}
	return s
}

func secretOf(l Link) string {
	_, secret, _ := strings.Cut(l.URL, "#")
	return secret
}

func (o *office) is(err error, kind helpdesk.Kind, what string) {
	o.t.Helper()
	if err == nil || helpdesk.KindOf(err) != kind {
		o.t.Errorf("%s: %v, want an error of kind %s", what, err, kind)
	}
}

func TestAnInvitationIsGoodOnce(t *testing.T) {
	o := open(t, Config{})
	ctx := t.Context()
	in, err := o.Invite(ctx, root, NewPerson{Email: " Ann@Example.com "}, store.Once{})
	if err != nil {
		t.Fatal(err)
	}
	if in.Email != "ann@example.com" || !strings.HasPrefix(in.Link.URL, "https://help.example.com/invite#") {
		t.Errorf("invited: %+v", in)
	}
	if d := time.Until(in.Link.ExpiresAt); d < 6*24*time.Hour || d > 8*24*time.Hour {
		t.Errorf("the link is good for %v", d)
	}
	_, err = o.Redeem(ctx, secretOf(in.Link), here)
	o.is(err, helpdesk.Unauthorized, "an invitation is no sign-in link")
	_, err = o.Accept(ctx, secretOf(in.Link), "Ann", "short", here)
	o.is(err, helpdesk.Invalid, "a short password")
	s, err := o.Accept(ctx, secretOf(in.Link), "Ann", password, here)
	if err != nil {
		t.Fatal(err)
	}
	who, err := o.BySession(ctx, s.Secret)
	if err != nil || who.Actor.Name != "Ann" || who.Actor.Kind != helpdesk.ActorUser || who.Actor.Admin || who.Login == "" {
		t.Errorf("who: %+v, %v", who, err)
	}
	_, err = o.Accept(ctx, secretOf(in.Link), "Eve", password, here)
	o.is(err, helpdesk.Unauthorized, "the same link again")
	_, err = o.Invite(ctx, root, NewPerson{Email: "ANN@example.com"}, store.Once{})
	o.is(err, helpdesk.Conflict, "the same address again")
	for _, email := range []string{"", "ann", "Ann <ann@b.example>", "a@b@c", strings.Repeat("x", 300) + "@b.example"} {
		_, err := o.Invite(ctx, root, NewPerson{Email: email}, store.Once{})
		o.is(err, helpdesk.Invalid, "the address "+email)
	}
	_, err = o.Invite(ctx, root, NewPerson{Email: "b@example.com", Tenants: []helpdesk.TenantID{"nowhere"}}, store.Once{})
	o.is(err, helpdesk.Invalid, "a tenant that is none")
}

// Ten who redeem one link at once: one comes in.
func TestASignInLinkIsGoodOnce(t *testing.T) {
	o := open(t, Config{})
	ctx := t.Context()
	admin, err := o.EnsureAdmin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := o.EnsureAdmin(ctx); err != nil || again.ID != admin.ID {
		t.Errorf("there are two first admins: %v, %v", again, err)
	}
	l, err := o.SignInLink(ctx, helpdesk.System("start"), admin.ID)
	if err != nil || !strings.HasPrefix(l.URL, "https://help.example.com/sign-in#") {
		t.Fatalf("%+v, %v", l, err)
	}
	var all sync.WaitGroup
	in := make(chan bool, 10)
	for range 10 {
		all.Go(func() {
			_, err := o.Redeem(ctx, secretOf(l), here)
			in <- err == nil
		})
	}
	all.Wait()
	close(in)
	n := 0
	for ok := range in {
		if ok {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d came in with one link", n)
	}
	_, err = o.SignInLink(ctx, helpdesk.Actor{Kind: helpdesk.ActorUser, ID: "member"}, admin.ID)
	o.is(err, helpdesk.Forbidden, "a link made by a member")
}

func TestALinkExpires(t *testing.T) {
	o := open(t, Config{SignInLink: time.Microsecond})
	admin, err := o.EnsureAdmin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, err := o.SignInLink(t.Context(), root, admin.ID)
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(time.Until(l.ExpiresAt) + 2*time.Millisecond) // the database's clock is not ours to move
	_, err = o.Redeem(t.Context(), secretOf(l), here)
	o.is(err, helpdesk.Unauthorized, "an old link")
}

// Whoever guesses learns nothing, and soon has to wait.
func TestPasswords(t *testing.T) {
	o := open(t, Config{})
	ctx := t.Context()
	o.invited("ann@example.com", password)
	o.invited("bob@example.com", "") // has none
	if _, err := o.SignInPassword(ctx, " ANN@example.com", password, here); err != nil {
		t.Fatal(err)
	}
	answers := map[string]bool{}
	for _, email := range []string{"ann@example.com", "bob@example.com", "nobody@example.com"} {
		_, err := o.SignInPassword(ctx, email, "wrong wrong wrong", here)
		o.is(err, helpdesk.Unauthorized, email)
		answers[helpdesk.PublicText(err)] = true
	}
	if len(answers) != 1 {
		t.Errorf("the answers tell who is there: %v", answers)
	}
	for range 4 {
		_, err := o.SignInPassword(ctx, "ann@example.com", "wrong wrong wrong", here)
		o.is(err, helpdesk.Unauthorized, "a wrong password")
	}
	_, err := o.SignInPassword(ctx, "ann@example.com", password, Client{Address: "198.51.100.1"})
	o.is(err, helpdesk.TooMany, "the sixth, from elsewhere and right")
	for range 4 {
		_, _ = o.SignInPassword(ctx, "nobody@example.com", "wrong wrong wrong", here)
	}
	_, err = o.SignInPassword(ctx, "nobody@example.com", "wrong wrong wrong", here)
	o.is(err, helpdesk.TooMany, "somebody unknown, the same")
	o.clock.pass(guessWindow)
	if _, err := o.SignInPassword(ctx, "ann@example.com", password, here); err != nil {
		t.Errorf("after waiting: %v", err)
	}
	for i := range guessAddress {
		_, _ = o.SignInPassword(ctx, fmt.Sprintf("%d@example.com", i), "x", Client{Address: "203.0.113.5"})
	}
	_, err = o.SignInPassword(ctx, "ann@example.com", password, Client{Address: "203.0.113.5"})
	o.is(err, helpdesk.TooMany, "an address that tries everybody")
}

func TestSessionsEnd(t *testing.T) {
	o := open(t, Config{CacheFor: time.Hour}) // so that only what is told works
	ctx := t.Context()
	s := o.invited("ann@example.com", password)
	who, err := o.BySession(ctx, s.Secret)
	if err != nil {
		t.Fatal(err)
	}
	other, err := o.SignInPassword(ctx, "ann@example.com", password, Client{Name: "Phone\x00\n" + strings.Repeat("x", 300)})
	if err != nil {
		t.Fatal(err)
	}
	all, err := o.Sessions(ctx, who.Actor)
	if err != nil || len(all) != 2 {
		t.Fatalf("sessions: %v, %v", all, err)
	}
	for _, l := range all {
		if l.ID != who.Login {
			if strings.ContainsAny(l.Client, "\x00\n") || len(l.Client) > 200 {
				t.Errorf("a browser's name is %q", l.Client)
			}
			if _, err := o.BySession(ctx, other.Secret); err != nil {
				t.Error(err)
			}
			if err := o.RevokeSession(ctx, who.Actor, l.ID); err != nil {
				t.Error(err)
			}
		}
	}
	_, err = o.BySession(ctx, other.Secret)
	o.is(err, helpdesk.Unauthorized, "a revoked session")
	bob := o.invited("bob@example.com", "")
	bobIs, err := o.BySession(ctx, bob.Secret)
	if err != nil {
		t.Fatal(err)
	}
	o.is(o.RevokeSession(ctx, bobIs.Actor, who.Login), helpdesk.NotFound, "somebody else's session")
	_, err = o.BySession(ctx, "made up")
	o.is(err, helpdesk.Unauthorized, "no session")
	_, err = o.BySession(ctx, "")
	o.is(err, helpdesk.Unauthorized, "an empty cookie")
}

// A session that is used lives on, but not for ever.
func TestASessionSlides(t *testing.T) {
	o := open(t, Config{CacheFor: time.Nanosecond})
	ctx := t.Context()
	s := o.invited("ann@example.com", "")
	who, err := o.BySession(ctx, s.Secret)
	if err != nil {
		t.Fatal(err)
	}
	end := func() time.Duration {
		all, err := o.Sessions(ctx, who.Actor)
		if err != nil || len(all) != 1 {
			t.Fatalf("%v, %v", all, err)
		}
		return all[0].ExpiresAt.Sub(all[0].CreatedAt).Round(time.Hour)
	}
	day := 24 * time.Hour
	for _, c := range []struct{ pass, want time.Duration }{
		{0, 30 * day}, {30 * time.Minute, 30 * day}, {10 * day, 40 * day}, {40 * day, 80 * day}, {30 * day, 90 * day},
	} {
		o.clock.pass(c.pass)
		if _, err := o.BySession(ctx, s.Secret); err != nil {
			t.Fatal(err)
		}
		if got := end(); got < c.want-time.Hour || got > c.want+time.Hour {
			t.Errorf("%v later it ends after %v, want %v", c.pass, got, c.want)
		}
	}
}

func TestTokens(t *testing.T) {
	o := open(t, Config{AdminToken: "a-bootstrap-token-of-some-length", LocalToken: "hd_local", CacheFor: time.Hour})
	ctx := t.Context()
	s := o.invited("ann@example.com", "")
	ann, err := o.BySession(ctx, s.Secret)
	if err != nil {
		t.Fatal(err)
	}
	k, text, err := o.CreateToken(ctx, ann.Actor, "for scripts", store.Once{})
	if err != nil || !strings.HasPrefix(text, "hd_") || len(text) != 46 {
		t.Fatalf("%+v %q %v", k, text, err)
	}
	who, err := o.ByToken(ctx, text)
	if err != nil || who.Actor.ID != ann.Actor.ID || who.Token != k.ID {
		t.Errorf("%+v, %v", who, err)
	}
	for _, bootstrap := range []string{"a-bootstrap-token-of-some-length", "hd_local"} {
		who, err := o.ByToken(ctx, bootstrap)
		if err != nil || !who.Actor.Admin || who.Actor.Name != "Automation" || helpdesk.May(who.Actor, helpdesk.PermPlatformManage, "") != nil {
			t.Errorf("%s: %+v, %v", bootstrap, who, err)
		}
	}
	automation, _ := o.ByToken(ctx, "hd_local")
	if _, _, err := o.CreateToken(ctx, automation.Actor, "from automation", store.Once{}); err != nil {
		t.Errorf("automation makes a token: %v", err)
	}
	for _, wrong := range []string{"", "hd_", "hd_x", "a-bootstrap-token-of-some-lengt", text + "x", strings.ToUpper(text), s.Secret} {
		_, err := o.ByToken(ctx, wrong)
		o.is(err, helpdesk.Unauthorized, "the token "+wrong)
	}
	o.is(o.RevokeToken(ctx, automation.Actor, k.ID), helpdesk.NotFound, "somebody else's token")
	if err := o.RevokeToken(ctx, ann.Actor, k.ID); err != nil {
		t.Fatal(err)
	}
	_, err = o.ByToken(ctx, text)
	o.is(err, helpdesk.Unauthorized, "a revoked token")
	_, _, err = o.CreateToken(ctx, ann.Actor, "  ", store.Once{})
	o.is(err, helpdesk.Invalid, "a token without name")
}

// Without a bootstrap token there is none, not an empty one.
func TestNoBootstrapToken(t *testing.T) {
	o := open(t, Config{})
	_, err := o.ByToken(t.Context(), "")
	o.is(err, helpdesk.Unauthorized, "an empty token")
}

// Disabling somebody ends all they have, at once; the last admin stays.
func TestDisabling(t *testing.T) {
	o := open(t, Config{CacheFor: time.Hour})
	ctx := t.Context()
	admin, err := o.EnsureAdmin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s := o.invited("ann@example.com", password)
	ann, err := o.BySession(ctx, s.Secret)
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := o.CreateToken(ctx, ann.Actor, "x", store.Once{})
	if err != nil {
		t.Fatal(err)
	}
	link, err := o.NewLink(ctx, root, helpdesk.UserID(ann.Actor.ID))
	if err != nil || !strings.Contains(link.Link.URL, "/sign-in#") {
		t.Fatalf("a new link: %+v, %v", link, err)
	}
	if _, err := o.ByToken(ctx, token); err != nil {
		t.Fatal(err)
	}
	yes, no := true, false
	if p, err := o.Change(ctx, root, helpdesk.UserID(ann.Actor.ID), ChangePerson{Disabled: &yes}); err != nil || p.DisabledAt.IsZero() {
		t.Fatalf("%+v, %v", p, err)
	}
	_, err = o.BySession(ctx, s.Secret)
	o.is(err, helpdesk.Unauthorized, "the session")
	_, err = o.ByToken(ctx, token)
	o.is(err, helpdesk.Unauthorized, "the token")
	_, err = o.Redeem(ctx, secretOf(link.Link), here)
	o.is(err, helpdesk.Unauthorized, "the link")
	_, err = o.SignInPassword(ctx, "ann@example.com", password, here)
	o.is(err, helpdesk.Unauthorized, "the password")
	_, err = o.Rights(ctx, helpdesk.UserID(ann.Actor.ID))
	o.is(err, helpdesk.Unauthorized, "the rights")
	_, err = o.NewLink(ctx, root, helpdesk.UserID(ann.Actor.ID))
	o.is(err, helpdesk.Conflict, "a link for somebody disabled")
	if _, err := o.Change(ctx, root, helpdesk.UserID(ann.Actor.ID), ChangePerson{Disabled: &no}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.SignInPassword(ctx, "ann@example.com", password, here); err != nil {
		t.Errorf("enabled again: %v", err)
	}
	_, err = o.Change(ctx, root, admin.ID, ChangePerson{Disabled: &yes})
	o.is(err, helpdesk.Conflict, "the last admin, disabled")
	_, err = o.Change(ctx, root, admin.ID, ChangePerson{Admin: &no})
	o.is(err, helpdesk.Conflict, "the last admin, an admin no more")
	if _, err := o.Change(ctx, root, helpdesk.UserID(ann.Actor.ID), ChangePerson{Admin: &yes}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Change(ctx, root, admin.ID, ChangePerson{Admin: &no}); err != nil {
		t.Errorf("one of two admins: %v", err)
	}
}

// What has expired goes; what tells who came in stays.
func TestSweep(t *testing.T) {
	o := open(t, Config{Invitation: time.Microsecond, SignInLink: time.Hour})
	ctx := t.Context()
	admin, err := o.EnsureAdmin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	spent, err := o.SignInLink(ctx, root, admin.ID)
	if err != nil {
		t.Fatal(err)
	}
	s, err := o.Redeem(ctx, secretOf(spent), here)
	if err != nil {
		t.Fatal(err)
	}
	good, err := o.SignInLink(ctx, root, admin.ID)
	if err != nil {
		t.Fatal(err)
	}
	late, err := o.Invite(ctx, root, NewPerson{Email: "late@example.com"}, store.Once{})
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(time.Until(late.Link.ExpiresAt) + 2*time.Millisecond)
	if err := o.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := o.BySession(ctx, s.Secret); err != nil {
		t.Errorf("a session: %v", err)
	}
	if _, err := o.Redeem(ctx, secretOf(good), here); err != nil {
		t.Errorf("a link that is good: %v", err)
	}
	people, err := o.Users(ctx, root)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range people {
		if p.Pending != (p.Email == "late@example.com") {
			t.Errorf("%s is pending: %v", p.Email, p.Pending)
		}
	}
}

// What a stolen database holds signs nobody in.
func TestSecretsAreNotKept(t *testing.T) {
	o := open(t, Config{AdminToken: "a-bootstrap-token-of-some-length"})
	ctx := t.Context()
	in, err := o.Invite(ctx, root, NewPerson{Email: "ann@example.com"}, store.Once{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := o.Accept(ctx, secretOf(in.Link), "Ann", password, here)
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := o.CreateToken(ctx, helpdesk.Actor{Kind: helpdesk.ActorUser, ID: string(in.ID)}, "x", store.Once{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.ByToken(ctx, "a-bootstrap-token-of-some-length"); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(o.dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for name, secret := range map[string]string{
			"link": secretOf(in.Link), "session": s.Secret, "token": token, "token's end": strings.TrimPrefix(token, "hd_"), "password": password, "bootstrap token": "a-bootstrap-token",
		} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s holds the %s", filepath.Base(f), name)
			}
		}
	}
}

// Being recognised costs no write, and with the cache no read.
func TestRecognisingIsCheap(t *testing.T) {
	o := open(t, Config{})
	ctx := t.Context()
	s := o.invited("ann@example.com", "")
	counting := &counter{Store: o.store}
	o.Service.store = counting
	for range 100 {
		if _, err := o.BySession(ctx, s.Secret); err != nil {
			t.Fatal(err)
		}
	}
	if counting.views != 1 || counting.updates != 0 {
		t.Errorf("a hundred requests cost %d reads and %d writes", counting.views, counting.updates)
	}
	o.clock.pass(6 * time.Second)
	if _, err := o.BySession(ctx, s.Secret); err != nil || counting.views != 2 {
		t.Errorf("after the cache's time: %d reads, %v", counting.views, err)
	}
}

type counter struct {
	*store.Store
	views, updates int
}

func (c *counter) SystemView(ctx context.Context, p store.Purpose, fn func(*store.System) error) error {
	c.views++
	return c.Store.SystemView(ctx, p, fn)
}

func (c *counter) SystemUpdate(ctx context.Context, p store.Purpose, fn func(*store.System) error) error {
	c.updates++
	return c.Store.SystemUpdate(ctx, p, fn)
}
