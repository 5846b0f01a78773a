package webtest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/consumers/demo"
)

// Password is everybody's.
const Password = "correct horse battery"

// People who may sign in, beside one of each partner (PartnerEmail).
const (
	// Ana and Ben are of Finance: one proposes, the other approves.
	Ana = "ana@bsp.example"
	Ben = "ben@bsp.example"
	// Auditor and Admin are of these roles.
	Auditor = "eve@audit.example"
	Admin   = "root@bsp.example"
	// Group is a partner who has all accounts of the plan.
	Group = "group@partner.example"
)

// PartnerEmail is who signs in for a partner alone.
func PartnerEmail(partner string) string { return strings.ToLower(partner) + "@partner.example" }

// address is where people come from when they are invited.
func address() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }

// invite gives everybody access.
func invite(ctx context.Context, dir string, plan *demo.Plan) error {
	store, err := access.OpenData(dir, access.Options{Clock: func() time.Time { return made.at }})
	if err != nil {
		return err
	}
	defer store.Close()
	var all []string
	one := func(email string, role access.Role, partners ...string) error {
		_, token, err := store.Invite(ctx, access.By{Actor: "admin:key/first-admin"}, email, role, partners)
		if err != nil {
			return fmt.Errorf("invite %s: %w", email, err)
		}
		_, err = store.SetPassword(ctx, token, Password, address())
		return err
	}
	for _, p := range plan.Partners {
		all = append(all, p.ID)
		if err := one(PartnerEmail(p.ID), access.RolePartner, p.ID); err != nil {
			return err
		}
	}
	for _, p := range []struct {
		email string
		role  access.Role
	}{{Ana, access.RoleFinance}, {Ben, access.RoleFinance}, {Auditor, access.RoleAuditor}, {Admin, access.RoleAdmin}} {
		if err := one(p.email, p.role); err != nil {
			return err
		}
	}
	return one(Group, access.RolePartner, all...)
}

// SignIn opens a tab in which somebody of the role is signed in: of Finance it
// is Ana, of partners the first of the plan.
func (s *Server) SignIn(t testing.TB, role access.Role) *Page {
	t.Helper()
	switch role {
	case access.RoleFinance:
		return s.SignInAs(t, Ana)
	case access.RoleAuditor:
		return s.SignInAs(t, Auditor)
	case access.RoleAdmin:
		return s.SignInAs(t, Admin)
	default:
		return s.SignInAs(t, PartnerEmail(s.Plan.Partners[0].ID))
	}
}

// SignInAs opens a tab in which the one with the e-mail address is signed in.
func (s *Server) SignInAs(t testing.TB, email string) *Page {
	t.Helper()
	p := s.Page(t)
	at, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range s.Client(t, email).Jar.Cookies(at) {
		yes := true
		do(p, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: s.URL, HTTPOnly: &yes})
	}
	return p
}

// SignInPartner opens a tab in which somebody new of these partner accounts is
// signed in.
func (s *Server) SignInPartner(t testing.TB, partners ...string) *Page {
	t.Helper()
	email := strings.ToLower(strings.Join(partners, ".")) + "@people.example"
	_, token, err := s.Access.Invite(t.Context(), access.By{Actor: "admin:key/first-admin"}, email, access.RolePartner, partners)
	if err == nil {
		_, err = s.Access.SetPassword(t.Context(), token, Password, address())
	}
	if err != nil {
		t.Fatalf("invite %s: %v", email, err)
	}
	return s.SignInAs(t, email)
}

// keepReset takes what would be mailed.
func (s *Server) keepReset(_ context.Context, u *access.User, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resets[u.Email] = token
}

// Reset is the token of the newest reset that was mailed to somebody; empty for
// none.
func (s *Server) Reset(email string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resets[email]
}

// Client is a program with the session of somebody, for what needs no browser;
// it follows no redirects. An empty address is nobody's.
func (s *Server) Client(t testing.TB, email string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if email == "" {
		return c
	}
	answer, err := c.PostForm(s.URL+"/sign-in", url.Values{"email": {email}, "password": {Password}})
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("signing %s in answers %s", email, answer.Status)
	}
	return c
}
