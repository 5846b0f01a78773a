// Package webtest runs the web pages in a real browser: the handler that prepay
// serves, on a data folder with the demo's month, and headless Chromium.
//
//	func TestMain(m *testing.M) { os.Exit(webtest.Main(m)) }
//
//	func TestSomething(t *testing.T) {
//		s := webtest.Start(t)
//		p := s.SignIn(t, access.RoleFinance)
//		p.Visit("/accounts")
//		p.Click("PA-1001")
//		p.WaitPath("/accounts/PA-1001")
//		p.Axe()
//		p.Screenshot("finance-account")
//	}
//
// Elements are named as people name them: Click and Fill take the text of a
// link, button or label. A test fails when the page logs an error, breaks its
// policy, throws, or asks for something that is not there. Nothing waits for a
// time: WaitText and the others look again until it is so, for a bounded time.
//
// With -write-screenshots, Screenshot writes into docs/images.
package webtest
