package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/httpapi"
)

// accessUserCmd are the commands of users.
type accessUserCmd struct {
	Invite  userInviteCmd  `cmd:"" help:"Invite somebody, or again who has not come."`
	List    userListCmd    `cmd:"" help:"List users."`
	Set     userSetCmd     `cmd:"" help:"Change what a user may do; its sessions end."`
	Disable userDisableCmd `cmd:"" help:"Keep a user out, from now on."`
	Enable  userEnableCmd  `cmd:"" help:"Let a user in again."`
	Reset   userResetCmd   `cmd:"" help:"Make a link on which a user sets a new password."`
	SignOut userSignOutCmd `cmd:"" help:"End all sessions of a user."`
}

// linkFlags say how links begin that are made without a running ledger.
type linkFlags struct {
	HTTPURL string `name:"http-url" help:"Address that browsers see, for the link; a running ledger knows its own." default:"http://127.0.0.1:8080" env:"PREPAY_HTTP_URL" placeholder:"https://…"`
}

func (f *linkFlags) links() *access.Links {
	return &access.Links{Base: func() string { return strings.TrimRight(f.HTTPURL, "/") }}
}

// printLink shows a link that is to be passed on.
func (g *globals) printLink(u *httpapi.LinkedUser) error {
	return g.print(u, func(w io.Writer) {
		how := "Pass this link on to " + u.User.Email + ", and to nobody else"
		if u.Mailed {
			how = "This link was mailed to " + u.User.Email
		}
		fmt.Fprintf(w, "%s. It works once, until %s UTC:\n\n  %s\n\n", how, shownTime(&u.ExpiresAt, ""), u.URL)
	})
}

type userInviteCmd struct {
	Email string `arg:"" help:"E-mail address."`
	role
	linkFlags
}

// Help implements kong.HelpProvider.
func (*userInviteCmd) Help() string {
	return `Prints a link on which the user sets a password; where the running ledger sends
mails, it is mailed, too. It works for three days, once.

  prepay access user invite ana@example.com --role partner --partners PA-1001,PA-1002
  prepay access user invite fin@example.com --role finance --server https://prepay.example.com`
}

// Run runs the command.
func (c *userInviteCmd) Run(ctx context.Context, g *globals) error {
	body := struct {
		Email string `json:"email"`
		httpapi.RoleBody
	}{c.Email, c.body()}
	u, err := atAccess(ctx, g, true, posted(ctx, http.MethodPost, "/users", body), func(s *access.Store) (*httpapi.LinkedUser, error) {
		u, token, err := s.Invite(ctx, operatorOf(), c.Email, body.Role, body.Partners)
		if err != nil {
			return nil, err
		}
		return &httpapi.LinkedUser{User: u, Link: c.links().Invitation(ctx, &u, token, s.Now())}, nil
	})
	if err != nil {
		return err
	}
	return g.printLink(u)
}

type userListCmd struct{}

// Help implements kong.HelpProvider.
func (*userListCmd) Help() string { return `  prepay access user list --json` }

// Run runs the command.
func (c *userListCmd) Run(ctx context.Context, g *globals) error {
	users, err := allPages(ctx, g, "/users", func(s *access.Store) ([]access.User, error) { return s.Users(), nil })
	if err != nil {
		return err
	}
	return g.print(users, func(w io.Writer) {
		t := newTable("user", "may", "state", "since (UTC)", "signed in (UTC)")
		for _, u := range users {
			t.AppendRow(table.Row{u.Email, allowedText(u.Role, u.Partners, nil), u.Status, shownTime(&u.CreatedAt, ""), shownTime(u.LastSignIn, "never")})
		}
		fmt.Fprintln(w, t.Render())
	})
}

// userArg names a user.
type userArg struct {
	User string `arg:"" help:"E-mail address or id."`
}

// path is the user's in the API.
func (u *userArg) path(more string) string { return "/users/" + url.PathEscape(u.User) + more }

// changed makes a change that gives the user back, and says what was done.
func (u *userArg) changed(ctx context.Context, g *globals, method, more string, body any, did string, local func(*access.Store) (access.User, error)) error {
	changed, err := atAccess(ctx, g, false, posted(ctx, method, u.path(more), body), local)
	if err != nil {
		return err
	}
	return g.print(changed, func(w io.Writer) {
		fmt.Fprintf(w, "%s %s: %s, %s.\n", changed.Email, did, allowedText(changed.Role, changed.Partners, nil), changed.Status)
	})
}

type userSetCmd struct {
	userArg
	role
}

// Help implements kong.HelpProvider.
func (*userSetCmd) Help() string {
	return `  prepay access user set ana@example.com --role partner --partners PA-1001`
}

// Run runs the command.
func (c *userSetCmd) Run(ctx context.Context, g *globals) error {
	b := c.body()
	return c.changed(ctx, g, http.MethodPut, "", b, "is changed", func(s *access.Store) (access.User, error) {
		return s.SetUser(ctx, operatorOf(), c.User, b.Role, b.Partners)
	})
}

type userDisableCmd struct{ userArg }

// Run runs the command.
func (c *userDisableCmd) Run(ctx context.Context, g *globals) error {
	return c.changed(ctx, g, http.MethodPost, "/disable", struct{}{}, "is kept out", func(s *access.Store) (access.User, error) {
		return s.Disable(ctx, operatorOf(), c.User)
	})
}

type userEnableCmd struct{ userArg }

// Run runs the command.
func (c *userEnableCmd) Run(ctx context.Context, g *globals) error {
	return c.changed(ctx, g, http.MethodPost, "/enable", struct{}{}, "is let in again", func(s *access.Store) (access.User, error) {
		return s.Enable(ctx, operatorOf(), c.User)
	})
}

type userSignOutCmd struct{ userArg }

// Run runs the command.
func (c *userSignOutCmd) Run(ctx context.Context, g *globals) error {
	return c.changed(ctx, g, http.MethodPost, "/sign-out", struct{}{}, "is signed out everywhere", func(s *access.Store) (access.User, error) {
		return s.EndSessions(ctx, operatorOf(), c.User)
	})
}

type userResetCmd struct {
	userArg
	linkFlags
}

// Help implements kong.HelpProvider.
func (*userResetCmd) Help() string {
	return `The old password holds until the new one is set. The link works for an hour, once.

  prepay access user reset ana@example.com`
}

// Run runs the command.
func (c *userResetCmd) Run(ctx context.Context, g *globals) error {
	u, err := atAccess(ctx, g, false, posted(ctx, http.MethodPost, c.path("/reset"), struct{}{}), func(s *access.Store) (*httpapi.LinkedUser, error) {
		u, token, err := s.Reset(ctx, operatorOf(), c.User)
		if err != nil {
			return nil, err
		}
		return &httpapi.LinkedUser{User: u, Link: c.links().Reset(ctx, &u, token, s.Now())}, nil
	})
	if err != nil {
		return err
	}
	return g.printLink(u)
}
