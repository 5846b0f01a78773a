package web_test

import (
	"net/url"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/access/providertest"
	"prepayledger/cmd/prepay/internal/web/webtest"
)

// TestSignIn goes from a page that needs a sign-in to the sign-in and back, by
// keyboard; a wrong password is said, and nothing of it stays in the form.
func TestSignIn(t *testing.T) {
	s := webtest.Start(t)
	p := s.Page(t)
	p.Visit("/me?x=1")
	p.WaitPath("/sign-in")
	p.Axe()
	p.Screenshot("sign-in")
	p.Expect(422)
	p.Fill("E-mail address", webtest.Ana)
	p.Fill("Password", "wrong password here")
	p.Press(kb.Enter)
	p.WaitText("wrong")
	p.WaitFor(`document.activeElement.matches("[data-form-error]")`)
	p.Axe()
	p.Fill("Password", webtest.Password)
	p.Press(kb.Enter)
	p.WaitPath("/me")
	if got := p.Path(); got != "/me?x=1" {
		t.Errorf("after the sign-in: %s", got)
	}
	p.WaitText("finance:" + webtest.Ana)
	p.Axe()
	p.Screenshot("your-sign-in")
	p.ClickOn(".menu:not(.nav-menu) > summary")
	p.Click("Sign out")
	p.WaitText("You are signed out.")
	p.Visit("/me")
	p.WaitPath("/sign-in")
}

// TestSignInLeadsNowhereElse: the sign-in leads to no other site.
func TestSignInLeadsNowhereElse(t *testing.T) {
	s := webtest.Start(t)
	for _, next := range []string{"https://elsewhere.example/", "//elsewhere.example/", `/\elsewhere.example/`} {
		p := s.Page(t)
		p.Expect(404) // the first page of Finance is another package's
		p.Visit("/sign-in?next=" + url.QueryEscape(next))
		p.Fill("E-mail address", webtest.Ana)
		p.Fill("Password", webtest.Password)
		p.Click("Sign in")
		p.WaitFor(`location.pathname === "/overview"`)
		if got := p.Path(); got != "/overview" {
			t.Errorf("%s leads to %s", next, got)
		}
	}
}

// TestInvitation: the link sets a password once.
func TestInvitation(t *testing.T) {
	s := webtest.Start(t)
	_, token, err := s.Access.Invite(t.Context(), access.By{Actor: "admin:test"}, "new@audit.example", access.RoleAuditor, nil)
	if err != nil {
		t.Fatal(err)
	}
	link := "/set-password?token=" + url.QueryEscape(token)
	p := s.Page(t)
	p.Expect(422)
	p.Visit(link)
	p.WaitText("new@audit.example")
	p.Axe()
	p.Screenshot("set-password")
	p.Fill("New password", "short")
	p.Click("Set the password and sign in")
	p.WaitFor(`document.querySelector("#password[aria-invalid=true]") === document.activeElement`)
	p.Axe()
	p.Fill("New password", "a long one with several words")
	p.Click("Set the password and sign in")
	p.WaitPath("/audit/streams")
	p.WaitText("Your password is set.")
	again := s.Page(t)
	again.Expect(422)
	again.Visit(link)
	again.WaitText("The link does not hold")
	again.Axe()
}

// TestForgotPassword mails a link; who is asked for does not show.
func TestForgotPassword(t *testing.T) {
	s := webtest.Start(t)
	p := s.Page(t)
	const said = "If there is a sign-in with this address, a mail with a link is on its way."
	for _, email := range []string{"nobody@bsp.example", webtest.Ben} {
		p.Visit("/sign-in")
		p.Click("Forgot your password?")
		p.WaitPath("/forgot-password")
		p.Axe()
		p.Fill("E-mail address", email)
		p.Click("Send the link")
		p.WaitText(said)
	}
	for s.Reset(webtest.Ben) == "" { // the mail goes beside the request
		p.Reload()
	}
	if s.Reset("nobody@bsp.example") != "" {
		t.Error("nobody was mailed")
	}
	p.Visit("/set-password?token=" + url.QueryEscape(s.Reset(webtest.Ben)))
	p.Expect(404)
	p.Fill("New password", "another one of many words")
	p.Click("Set the password and sign in")
	p.WaitPath("/overview")
}

// TestChangePassword ends all other sessions.
func TestChangePassword(t *testing.T) {
	s := webtest.Start(t)
	p, other := s.SignIn(t, access.RoleAuditor), s.SignIn(t, access.RoleAuditor)
	other.Visit("/me")
	other.WaitText("Your sign-in")
	p.Expect(422)
	p.Visit("/me")
	p.Fill("Password now", "not this one at all")
	p.Fill("New password", "another one of many words")
	p.Click("Change the password")
	p.WaitText("This is not the password that you have now.")
	p.Fill("Password now", webtest.Password)
	p.Fill("New password", "another one of many words")
	p.Click("Change the password")
	p.WaitText("Your password is changed.")
	other.Visit("/me")
	other.WaitPath("/sign-in")
	other.WaitText("session has ended")
	p.Click("End all sessions")
	p.WaitText("All your sessions ended.")
}

// TestProvider signs in at the organisation, and says so where it is not known
// there.
func TestProvider(t *testing.T) {
	idp := providertest.Start(t)
	s := webtest.StartWith(t, func(at string) access.AuthenticatorOptions {
		idp.RedirectURL = at + "/oidc/callback"
		provider, err := access.NewProvider(access.ProviderOptions{
			Issuer: idp.URL, ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, RedirectURL: idp.RedirectURL,
		})
		if err != nil {
			t.Fatal(err)
		}
		return access.AuthenticatorOptions{Provider: provider}
	})
	idp.SignedIn(map[string]any{"sub": "u-1", "email": "sam@bsp.example", "email_verified": true, access.DefaultRoleClaim: "auditor"})
	p := s.Page(t)
	p.Visit("/sign-in?next=%2Fme")
	p.Axe()
	p.Screenshot("sign-in-provider")
	p.Click("Sign in with your organisation")
	p.WaitPath("/me")
	p.WaitText("sam@bsp.example")
	p.WaitText("the password is changed there")
	idp.SignedIn(map[string]any{"sub": "u-2", "email": "out@bsp.example", "email_verified": true})
	nobody := s.Page(t)
	nobody.Visit("/sign-in")
	nobody.Click("Sign in with your organisation")
	nobody.WaitPath("/sign-in")
	nobody.WaitFor(`document.querySelector(".message.warn")`)
}
