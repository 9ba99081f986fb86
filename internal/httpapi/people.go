package httpapi

import (
	"context"
	"net/http"
	"time"

	"helpdesk"
	"helpdesk/internal/auth"
)

// Person is a user as admins see them.
type Person struct {
	User
	Disabled  bool      `json:"disabled"`
	Pending   bool      `json:"pending" doc:"Invited, and never signed in."`
	Tenants   []string  `json:"tenants" doc:"Ids of the tenants they are a member of."`
	CreatedAt time.Time `json:"created_at"`
}

// Invitation is a single-use link for a person, shown this once.
type Invitation struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Link      string    `json:"link"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (s *Server) people() {
	const tag = "People"
	register(s, operation{
		Method: "GET", Path: "/users", ID: "listUsers", Permission: helpdesk.PermPlatformManage, Tag: tag, Summary: "List everybody",
	}, func(ctx context.Context, by caller, _ *struct{}) (*list[Person], error) {
		people, err := s.Auth.Users(ctx, by.Actor)
		all := make([]Person, 0, len(people))
		for _, p := range people {
			all = append(all, personOf(p))
		}
		return whole(all), err
	})
	register(s, operation{
		Method: "POST", Path: "/users", ID: "inviteUser", Permission: helpdesk.PermPlatformManage, Tag: tag, Status: http.StatusCreated,
		Summary: "Invite a person", About: "The answer holds the link by which the person comes in; it is good for 7 days, once, and is not shown again.",
	}, func(ctx context.Context, by caller, in *struct {
		Idempotent
		Body struct {
			Email   string   `json:"email" maxLength:"254"`
			Name    string   `json:"name,omitempty" maxLength:"400"`
			Admin   bool     `json:"admin,omitempty"`
			Tenants []string `json:"tenants,omitempty" maxItems:"1000" doc:"Ids or keys."`
		}
	}) (*one[Invitation], error) {
		n := auth.NewPerson{Email: in.Body.Email, Name: in.Body.Name, Admin: in.Body.Admin}
		for _, name := range in.Body.Tenants {
			t, err := s.Directory.Tenant(ctx, by.Actor, name)
			if err != nil {
				return nil, err
			}
			n.Tenants = append(n.Tenants, t.ID)
		}
		invited, err := s.Auth.Invite(ctx, by.Actor, n, in.once(by, "inviteUser", in.Body))
		return &one[Invitation]{invitationOf(invited)}, err
	})
	register(s, operation{
		Method: "PATCH", Path: "/users/{id}", ID: "changeUser", Permission: helpdesk.PermPlatformManage, Tag: tag,
		Summary: "Change a person", About: "Disabling a person ends their sessions at once. The last platform admin stays one.",
	}, func(ctx context.Context, by caller, in *struct {
		IDPath
		Body struct {
			Name     *string `json:"name,omitempty" maxLength:"400"`
			Admin    *bool   `json:"admin,omitempty"`
			Disabled *bool   `json:"disabled,omitempty"`
		}
	}) (*one[Person], error) {
		p, err := s.Auth.Change(ctx, by.Actor, helpdesk.UserID(in.ID), auth.ChangePerson(in.Body))
		return &one[Person]{personOf(p)}, err
	})
	register(s, operation{
		Method: "DELETE", Path: "/users/{id}", ID: "disableUser", Permission: helpdesk.PermPlatformManage, Tag: tag, Status: http.StatusNoContent,
		Summary: "Disable a person", About: "The same as changing disabled to true: what they did stays theirs in the record.",
	}, func(ctx context.Context, by caller, in *IDPath) (*nothing, error) {
		yes := true
		_, err := s.Auth.Change(ctx, by.Actor, helpdesk.UserID(in.ID), auth.ChangePerson{Disabled: &yes})
		return nil, err
	})
	register(s, operation{
		Method: "POST", Path: "/users/{id}/link", ID: "makeUserLink", Permission: helpdesk.PermPlatformManage, Tag: tag, Status: http.StatusCreated,
		Summary: "Make a new link for a person", About: "An invitation for somebody who never came in, else a link to sign in, good for 10 minutes, once.",
	}, func(ctx context.Context, by caller, in *IDPath) (*one[Invitation], error) {
		invited, err := s.Auth.NewLink(ctx, by.Actor, helpdesk.UserID(in.ID))
		return &one[Invitation]{invitationOf(invited)}, err
	})
}

func personOf(p auth.Person) Person {
	x := Person{User: userOf(p.User), Disabled: !p.DisabledAt.IsZero(), Pending: p.Pending, Tenants: []string{}, CreatedAt: p.CreatedAt}
	for _, t := range p.Tenants {
		x.Tenants = append(x.Tenants, string(t))
	}
	return x
}

func invitationOf(i auth.Invited) Invitation {
	return Invitation{string(i.ID), i.Email, i.Link.URL, i.Link.ExpiresAt}
}
