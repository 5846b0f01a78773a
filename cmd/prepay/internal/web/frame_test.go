package web_test

import (
	"testing"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/web/webtest"
)

// TestNotFound: what is not there is said in plain words, with the navigation.
func TestNotFound(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignIn(t, access.RoleFinance)
	p.Expect(404)
	p.Visit("/no-such-page")
	p.WaitText("Nothing here")
	p.Axe()
	p.Screenshot("not-found")
	p.Phone()
	p.Click("Menu")
	p.WaitText("Quarantine")
	p.Screenshot("menu-phone")
}

// TestTheme: the choice of colours holds on the next page, with and without
// the system's word.
func TestTheme(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignIn(t, access.RoleFinance)
	p.Expect(404)
	p.Visit("/no-such-page")
	p.Light()
	p.ClickOn(".menu:not(.nav-menu) > summary")
	p.Click("Light or dark")
	p.WaitFor(`document.documentElement.dataset.theme === "dark"`)
	p.Reload()
	p.WaitFor(`document.documentElement.dataset.theme === "dark"`)
}
