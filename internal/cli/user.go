package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// person and invitation are what the API says of people.
type person struct {
	ID       string `json:"id"`
	Email    string `json:"email"`
	Name     string `json:"name"`
	Admin    bool   `json:"admin"`
	Disabled bool   `json:"disabled"`
	Pending  bool   `json:"pending"`
}

type invitation struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Link      string    `json:"link"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (p Program) userCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "user",
		Short: "List people, invite them, and let them back in",
		Long: "Talks to the running server: to the one on this machine that uses the data directory, if you are the user who runs it,\n" +
			"or to the one named by HELPDESK_URL, with the API token HELPDESK_TOKEN.",
		Args: known,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.userList(), p.userAdd(), p.userLink())
	return c
}

func (p Program) userList() *cobra.Command {
	var flags settingFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the people who may sign in",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := p.connect(&flags)
			if err != nil {
				return err
			}
			people, err := api.people(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(c.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(people)
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "EMAIL\tNAME\tROLE\tSTATE")
			for _, u := range people {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", printable(u.Email), printable(u.Name), u.role(), u.state())
			}
			return w.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	flags.register(c)
	return c
}

func (u person) role() string {
	if u.Admin {
		return "platform admin"
	}
	return "member"
}

func (u person) state() string {
	switch {
	case u.Disabled:
		return "disabled"
	case u.Pending:
		return "invited"
	}
	return "active"
}

func (p Program) userAdd() *cobra.Command {
	var flags settingFlags
	var body struct {
		Email   string   `json:"email"`
		Name    string   `json:"name,omitempty"`
		Admin   bool     `json:"admin"`
		Tenants []string `json:"tenants"`
	}
	c := &cobra.Command{
		Use:     "add EMAIL",
		Short:   "Invite a person, and print the link that lets them in once",
		Example: "  helpdesk user add ann@example.com --tenant ops\n  helpdesk user add ben@example.com --admin",
		Args:    exactly("an email address"),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := p.connect(&flags)
			if err != nil {
				return err
			}
			body.Email = args[0]
			if body.Tenants == nil {
				body.Tenants = []string{}
			}
			var in invitation
			if err := api.call(c.Context(), "POST", "/users", body, &in); err != nil {
				return err
			}
			return say(c, in)
		},
	}
	c.Flags().StringVar(&body.Name, "name", "", "the person's name (default: what stands before the @)")
	c.Flags().BoolVar(&body.Admin, "admin", false, "make them a platform admin")
	c.Flags().StringArrayVar(&body.Tenants, "tenant", nil, "a tenant they are to be a member of, by id or key; may be repeated")
	flags.register(c)
	return c
}

func (p Program) userLink() *cobra.Command {
	var flags settingFlags
	c := &cobra.Command{
		Use:   "link EMAIL",
		Short: "Print a new link that lets a person in once",
		Long:  "Prints a new link that lets a person in once: for whoever has lost their invitation or their password.",
		Args:  exactly("an email address"),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := p.connect(&flags)
			if err != nil {
				return err
			}
			people, err := api.people(c.Context())
			if err != nil {
				return err
			}
			for _, u := range people {
				if strings.EqualFold(u.Email, args[0]) {
					var in invitation
					if err := api.call(c.Context(), "POST", "/users/"+url.PathEscape(u.ID)+"/link", nil, &in); err != nil {
						return err
					}
					return say(c, in)
				}
			}
			return fmt.Errorf("nobody here has the address %s; invite them with helpdesk user add %[1]s", args[0])
		},
	}
	flags.register(c)
	return c
}

// say prints a link alone on standard output, so that it can be piped, and what it is on standard error.
func say(c *cobra.Command, in invitation) error {
	fmt.Fprintf(c.ErrOrStderr(), "This link lets %s in once, until %s:\n", printable(in.Email), in.ExpiresAt.Local().Format("2006-01-02 15:04 MST"))
	_, err := fmt.Fprintln(c.OutOrStdout(), printable(in.Link))
	return err
}

// people lists everybody, page by page.
func (c *client) people(ctx context.Context) ([]person, error) {
	all := []person{}
	for next := ""; ; {
		var page struct {
			Items []person `json:"items"`
			Next  string   `json:"next"`
		}
		path := "/users"
		if next != "" {
			path += "?cursor=" + url.QueryEscape(next)
		}
		if err := c.call(ctx, "GET", path, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" || page.Next == next {
			return all, nil
		}
		next = page.Next
	}
}
