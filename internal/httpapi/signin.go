package httpapi

import (
	"context"
	"net/http"
	"time"

	"helpdesk"
	"helpdesk/internal/auth"
	"helpdesk/internal/store"
)

// Me is who is signed in, and what they may use.
type Me struct {
	User     User     `json:"user"`
	Tenants  []Tenant `json:"tenants"`
	Features Features `json:"features"`
}

// User is a person.
type User struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Name  string `json:"name"`
	Admin bool   `json:"admin" doc:"Whether the person is a platform admin."`
}

// Features say what this server has switched on.
type Features struct {
	AdminTerminal bool   `json:"admin_terminal" doc:"Whether the person may open Terminals of scope admin."`
	Version       string `json:"version"`
}

// Session is a browser in which a person is signed in.
type Session struct {
	ID        string    `json:"id"`
	Client    string    `json:"client" doc:"What the browser calls itself."`
	Current   bool      `json:"current" doc:"Whether it is the one that asks."`
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"seen_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Token is an API token, without its text.
type Token struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty" doc:"To the hour."`
}

// NewToken is an API token with its text, which is shown this once.
type NewToken struct {
	Token
	Text string `json:"token" doc:"Keep it: it is not shown again."`
}

type signedIn struct {
	Cookie http.Cookie `header:"Set-Cookie"`
}

func (s *Server) signIn() {
	const tag = "Signing in"
	register(s, operation{
		Method: "GET", Path: "/me", ID: "me", Permission: helpdesk.PermSelf, Tag: tag,
		Summary: "Who is signed in",
	}, func(ctx context.Context, by caller, _ *struct{}) (*one[Me], error) {
		tenants, err := s.Directory.Tenants(ctx, by.Actor)
		if err != nil {
			return nil, err
		}
		return &one[Me]{Me{
			User: userOf(by.who.User), Tenants: tenantsOf(tenants),
			Features: Features{AdminTerminal: s.cfg.AdminTerminal && by.Admin, Version: s.cfg.Version},
		}}, nil
	})
	register(s, operation{
		Method: "POST", Path: "/sign-in", ID: "redeemSignInLink", Permission: helpdesk.PermPublic, Tag: tag, Status: http.StatusNoContent,
		Summary: "Sign in with a single-use link", About: "The token is what stands after # in the link. The answer sets the session's cookie.",
	}, func(ctx context.Context, by caller, in *struct {
		Body struct {
			Token string `json:"token" maxLength:"200"`
		}
	}) (*signedIn, error) {
		return s.signedIn(s.Auth.Redeem(ctx, in.Body.Token, by.client))
	})
	register(s, operation{
		Method: "POST", Path: "/sign-in/password", ID: "signInWithPassword", Permission: helpdesk.PermPublic, Tag: tag, Status: http.StatusNoContent,
		Summary: "Sign in with address and password",
	}, func(ctx context.Context, by caller, in *struct {
		Body struct {
			Email    string `json:"email" maxLength:"254"`
			Password string `json:"password" maxLength:"2048"`
		}
	}) (*signedIn, error) {
		return s.signedIn(s.Auth.SignInPassword(ctx, in.Body.Email, in.Body.Password, by.client))
	})
	register(s, operation{
		Method: "POST", Path: "/invitations/accept", ID: "acceptInvitation", Permission: helpdesk.PermPublic, Tag: tag, Status: http.StatusNoContent,
		Summary: "Accept an invitation and sign in",
	}, func(ctx context.Context, by caller, in *struct {
		Body struct {
			Token    string `json:"token" maxLength:"200"`
			Name     string `json:"name,omitempty" maxLength:"400"`
			Password string `json:"password,omitempty" maxLength:"2048" doc:"At least 12 characters; without one, sign-in links are the way in."`
		}
	}) (*signedIn, error) {
		return s.signedIn(s.Auth.Accept(ctx, in.Body.Token, in.Body.Name, in.Body.Password, by.client))
	})
	register(s, operation{
		Method: "POST", Path: "/sign-out", ID: "signOut", Permission: helpdesk.PermPublic, Tag: tag, Status: http.StatusNoContent,
		Summary: "End the session",
	}, func(ctx context.Context, by caller, _ *struct{}) (*signedIn, error) {
		if by.who.Login != "" {
			if err := s.Auth.RevokeSession(ctx, by.Actor, by.who.Login); err != nil && helpdesk.KindOf(err) != helpdesk.NotFound {
				return nil, err
			}
		}
		return &signedIn{s.cookie("", time.Time{})}, nil
	})
	register(s, operation{
		Method: "GET", Path: "/sessions", ID: "listSessions", Permission: helpdesk.PermSelf, Tag: tag, Summary: "List one's own sessions",
	}, func(ctx context.Context, by caller, _ *struct{}) (*list[Session], error) {
		logins, err := s.Auth.Sessions(ctx, by.Actor)
		all := make([]Session, 0, len(logins))
		for _, l := range logins {
			all = append(all, Session{l.ID, l.Client, l.ID == by.who.Login, l.CreatedAt, l.SeenAt, l.ExpiresAt})
		}
		return whole(all), err
	})
	register(s, operation{
		Method: "DELETE", Path: "/sessions/{id}", ID: "revokeSession", Permission: helpdesk.PermSelf, Tag: tag, Status: http.StatusNoContent,
		Summary: "End one of one's own sessions",
	}, func(ctx context.Context, by caller, in *IDPath) (*nothing, error) {
		return nil, s.Auth.RevokeSession(ctx, by.Actor, in.ID)
	})
	register(s, operation{
		Method: "GET", Path: "/tokens", ID: "listTokens", Permission: helpdesk.PermSelf, Tag: tag, Summary: "List one's own API tokens",
	}, func(ctx context.Context, by caller, _ *struct{}) (*list[Token], error) {
		tokens, err := s.Auth.Tokens(ctx, by.Actor)
		all := make([]Token, 0, len(tokens))
		for _, k := range tokens {
			all = append(all, tokenOf(k))
		}
		return whole(all), err
	})
	register(s, operation{
		Method: "POST", Path: "/tokens", ID: "createToken", Permission: helpdesk.PermSelf, Tag: tag, Status: http.StatusCreated,
		Summary: "Make an API token", About: "It has the permissions of the person who makes it. Its text is shown this once.",
	}, func(ctx context.Context, by caller, in *struct {
		Idempotent
		Body struct {
			Name string `json:"name" maxLength:"400" doc:"What it is for."`
		}
	}) (*one[NewToken], error) {
		k, text, err := s.Auth.CreateToken(ctx, by.Actor, in.Body.Name, in.once(by, "createToken", in.Body))
		return &one[NewToken]{NewToken{tokenOf(k), text}}, err
	})
	register(s, operation{
		Method: "DELETE", Path: "/tokens/{id}", ID: "revokeToken", Permission: helpdesk.PermSelf, Tag: tag, Status: http.StatusNoContent,
		Summary: "Revoke one of one's own API tokens",
	}, func(ctx context.Context, by caller, in *IDPath) (*nothing, error) {
		return nil, s.Auth.RevokeToken(ctx, by.Actor, in.ID)
	})
}

// IDPath is the path of what has an id.
type IDPath struct {
	ID string `path:"id" maxLength:"100"`
}

func (s *Server) signedIn(sess auth.Session, err error) (*signedIn, error) {
	if err != nil {
		return nil, err
	}
	return &signedIn{s.cookie(sess.Secret, time.Now().Add(90*24*time.Hour))}, nil
}

// cookie is the session's cookie; it lasts longer than any session, because the server decides when one ends.
func (s *Server) cookie(secret string, until time.Time) http.Cookie {
	c := http.Cookie{Name: cookieName, Value: secret, Path: "/", HttpOnly: true, Secure: s.cfg.Secure, SameSite: http.SameSiteLaxMode, Expires: until}
	if secret == "" {
		c.MaxAge = -1
	}
	return c
}

func userOf(u store.User) User {
	return User{ID: string(u.ID), Email: u.Email, Name: u.Name, Admin: u.Admin}
}

func tokenOf(k store.Token) Token {
	t := Token{ID: k.ID, Name: k.Name, CreatedAt: k.CreatedAt}
	if !k.UsedAt.IsZero() {
		t.LastUsedAt = &k.UsedAt
	}
	return t
}
