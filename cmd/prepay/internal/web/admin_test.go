package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/web/webtest"
)

// TestPeople invites somebody, who sets a password and comes in; changes the
// role, and disables the sign-in, which ends the session.
func TestPeople(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignIn(t, access.RoleAdmin)
	p.Expect(422)
	p.Visit("/access/users")
	p.WaitText(webtest.Ana)
	p.Axe()
	p.Screenshot("admin-people")
	p.Click("Invite somebody")
	p.Fill("E-mail address", "no address")
	p.Click("Invite")
	p.WaitFor(`document.querySelector("dialog[open] [data-form-error]") === document.activeElement`)
	p.Axe()
	p.Fill("E-mail address", "cleo@partner.example")
	p.Fill("Accounts", "PA-1001")
	p.Click("Invite")
	p.WaitText("Invited: cleo@partner.example")
	p.Axe()
	link := p.Text("code")
	cleo := s.Page(t)
	cleo.Expect(404) // what a partner sees first is of another test
	cleo.Visit(strings.TrimPrefix(link, s.URL))
	cleo.Fill("New password", webtest.Password)
	cleo.Click("Set the password and sign in")
	cleo.WaitPath("/accounts/PA-1001")
	p.Click("Done")
	p.WaitText("cleo@partner.example")
	p.Choose("Role", "auditor")
	p.Fill("Accounts", "")
	p.Click("Change the role")
	p.WaitText("The role is changed")
	cleo.Visit("/")
	cleo.WaitText("The session has ended")
	cleo.Fill("E-mail address", "cleo@partner.example")
	cleo.Fill("Password", webtest.Password)
	cleo.Click("Sign in")
	cleo.WaitPath("/audit/streams")
	p.Click("Disable")
	p.WaitText("Disable this sign-in?")
	p.Axe()
	p.Screenshot("admin-disable")
	p.Press(kb.Escape)
	p.WaitFor(`!document.querySelector("dialog[open]")`)
	if got := p.Focused(); got != "Disable" {
		t.Errorf("after the dialog the focus is on %s", got)
	}
	p.Click("Disable")
	p.ClickOn("dialog[open] .button.danger")
	p.WaitText("The sign-in is disabled")
	cleo.Visit("/")
	cleo.WaitPath("/sign-in")
	p.Click("Enable")
	p.WaitText("The sign-in is enabled.")
	p.Click("Make a new link")
	p.WaitText("New link for cleo@partner.example")
	finance := s.SignIn(t, access.RoleFinance)
	finance.Expect(403)
	finance.Visit("/access/users")
	finance.WaitText("Not for your role")
}

// TestKeys makes a key, which opens the API; gives it another secret, and
// revokes it.
func TestKeys(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignIn(t, access.RoleAdmin)
	p.Expect(422)
	p.Visit("/access/keys")
	p.Axe()
	p.Click("Make a key")
	p.Fill("Name", "Not A Name")
	p.Click("Make the key")
	p.WaitFor(`document.querySelector("dialog[open] [data-form-error]")`)
	p.Fill("Name", "gateway")
	p.Fill("Holds for", "30")
	p.Click("gate")
	p.Click("Make the key")
	p.WaitText("It is shown only now")
	p.Axe()
	first := p.Text("code")
	who := s.Access.KeyPrincipal(first)
	if who == nil || who.Actor() != "service:key/gateway" || len(who.Scopes) != 1 || who.Scopes[0] != access.ScopeGate {
		t.Errorf("the key is %+v", who)
	}
	p.Click("Done")
	p.WaitText("active")
	p.Axe()
	p.Fill("The old one holds for", "900")
	p.Click("Make a new secret")
	p.WaitText("Write a whole number from 0 to 168.")
	p.Fill("The old one holds for", "0")
	p.Click("Make a new secret")
	p.WaitText("It is shown only now")
	second := p.Text("code")
	if s.Access.KeyPrincipal(first) != nil || s.Access.KeyPrincipal(second) == nil {
		t.Error("the secret did not change")
	}
	p.Click("Done")
	p.Click("Revoke the key")
	p.ClickOn("dialog[open] .button.danger")
	p.WaitText("The key gateway is revoked")
	p.Screenshot("admin-keys")
	if s.Access.KeyPrincipal(second) != nil {
		t.Error("the key still opens something")
	}
}
