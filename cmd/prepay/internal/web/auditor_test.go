package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/web/webtest"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
)

// TestStreamsList filters and pages the streams.
func TestStreamsList(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignIn(t, access.RoleAuditor)
	p.Visit("/")
	p.WaitPath("/audit/streams")
	p.WaitText("account-PA-1001")
	p.Axe()
	p.Screenshot("audit-streams")
	p.Click("Next")
	p.WaitText("number-")
	p.Click("First page")
	p.WaitText("account-PA-1001")
	p.Choose("Kind", "number")
	p.Click("Show")
	p.WaitNoText("account-PA-1001")
	if n := p.Count("tbody tr"); n < 10 {
		t.Errorf("%d streams of numbers", n)
	}
	p.Choose("Kind", "account")
	p.Fill("Begins with", "PA-1003")
	p.Press(kb.Enter)
	p.WaitFor(`document.querySelectorAll("tbody tr").length === 1`)
	p.Fill("Begins with", "nothing like it")
	p.Press(kb.Enter)
	p.WaitText("No streams")
	p.Axe()
}

// TestReplay moves through an account's events by keyboard, and shows the state
// after each: it is what the events fold to.
func TestReplay(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignIn(t, access.RoleAuditor)
	p.Visit("/audit/streams")
	p.Click("account-PA-1003")
	p.WaitPath("/audit/streams/account-PA-1003")
	p.WaitText("is the live state")
	p.Axe()
	last := p.Number(`document.querySelector("#slider").max`)
	p.Eval(`document.querySelector("#slider").focus()`, nil)
	p.Press(kb.Home)
	p.WaitText("AccountOpened")
	p.WaitText("State after event 0")
	p.WaitNoText("is the live state")
	p.Press(kb.ArrowRight)
	p.WaitText("State after event 1")
	p.WaitFor(`document.querySelector("#announcer").textContent.startsWith("Event 1: ")`)
	if focused := p.Focused(); !strings.HasPrefix(focused, "Time: event") {
		t.Errorf("the focus went to %s", focused)
	}
	p.Press(kb.End)
	p.WaitText("is the live state")

	blocked := revisionOf(t, s, "account-PA-1003", "AccountBlocked")
	p.Visit(fmt.Sprintf("/audit/streams/account-PA-1003?revision=%d", blocked))
	p.WaitText("AccountBlocked")
	p.WaitFor(`[...document.querySelectorAll(".changed")].some(e => e.innerText === "blocked")`)
	p.Axe()
	p.Screenshot("audit-replay")
	p.Phone()
	p.Screenshot("audit-replay-phone")
	p.Desktop()
	p.Click("Previous")
	p.WaitText(fmt.Sprintf("State after event %s", grouped(int(blocked)-1)))
	p.Fill("Go to event", "0")
	p.Press(kb.Enter)
	p.WaitText("State after event 0")
	_, after, err := s.Desk.AccountAt(t.Context(), "PA-1003", eventstore.Revision(last))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Desk.SameAsLive("PA-1003", after); err != nil {
		t.Error(err)
	}
}

// grouped writes a number as the pages do.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d\u202f%03d", n/1000, n%1000)
}

// revisionOf is the first event of a type.
func revisionOf(t *testing.T, s *webtest.Server, stream, eventType string) eventstore.Revision {
	t.Helper()
	for r, err := range s.Desk.Store.ReadStream(t.Context(), stream, 0, eventstore.Forwards) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Type == eventType {
			return r.Revision
		}
	}
	t.Fatalf("%s has no %s", stream, eventType)
	return 0
}

// TestReplayRefuses: what is not there is said.
func TestReplayRefuses(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignIn(t, access.RoleAuditor)
	p.Expect(404)
	for _, path := range []string{"/audit/streams/account-PA-9", "/audit/streams/%24all"} {
		p.Visit(path)
		p.WaitText("Nothing here")
	}
	p.Visit("/audit/streams/account-PA-1001?revision=999999999999")
	p.WaitText("is the live state")
	partner := s.SignIn(t, access.RolePartner)
	partner.Expect(403)
	for _, path := range []string{"/audit/streams", "/audit/streams/account-PA-1001", "/audit/search", "/audit/verification", "/audit/access"} {
		partner.Visit(path)
		partner.WaitText("Not for your role")
	}
	partner.Axe()
}

// TestSearch finds a charge, an invoice and an account by their names, and
// leads to their events.
func TestSearch(t *testing.T) {
	s := webtest.Start(t)
	charge, invoice := "", ""
	for r, err := range s.Desk.Store.ReadStream(t.Context(), "account-PA-1001", 0, eventstore.Forwards) {
		if err != nil {
			t.Fatal(err)
		}
		_, e, err := s.Desk.Event(r)
		if err != nil {
			t.Fatal(err)
		}
		switch e := e.(type) {
		case *domain.ConversationCharged:
			charge = e.ChargeID
		case *domain.InvoiceIssued:
			invoice = e.InvoiceNumber
		}
	}
	p := s.SignIn(t, access.RoleAuditor)
	p.Visit("/audit/search")
	p.Axe()
	for _, what := range []struct{ text, found, leads string }{
		{charge, "charge", "ConversationCharged"}, {invoice, "invoice", "InvoiceIssued"}, {"PA-1002", "stream", "account-PA-1002"},
		{"2026-10-99", "", ""}, {charge + "x", "", ""},
	} {
		p.Fill("Id or number", what.text)
		p.Press(kb.Enter)
		p.WaitFor(fmt.Sprintf(`new URLSearchParams(location.search).get("q") === %q && document.readyState === "complete"`, what.text))
		if what.found == "" {
			p.WaitText("Nothing has this name")
			continue
		}
		p.WaitText(what.text)
		if what.text == charge {
			p.Axe()
			p.Screenshot("audit-search")
		}
		p.Click(what.found)
		p.WaitText(what.leads)
		p.WaitText(what.text)
		p.Visit("/audit/search")
	}
	p.Visit("/audit/search?q=" + charge + "&day=2026-13-01")
	p.WaitText("This is not a day")
}

// TestVerification runs beside the page, which shows the result by itself; and
// finds what was changed behind the ledger's back.
func TestVerification(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignIn(t, access.RoleAuditor)
	p.Visit("/audit/verification")
	p.WaitText("Not verified yet")
	p.WaitLive()
	p.Axe()
	p.Click("Verify now")
	p.WaitText("all is whole")
	p.WaitText("auditor:" + webtest.Auditor)
	p.Axe()
	p.Screenshot("audit-verification")
}

// TestVerificationIsKept: the result is there after a restart.
func TestVerificationIsKept(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignIn(t, access.RoleAuditor)
	p.Visit("/audit/verification")
	p.Click("Verify now")
	p.WaitText("all is whole")
	other := s.Again(t).SignIn(t, access.RoleFinance)
	other.Visit("/audit/verification")
	other.WaitText("all is whole")
}

// TestAccessLog shows who came in; Finance does not see it.
func TestAccessLog(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignIn(t, access.RoleAuditor)
	p.Visit("/audit/access")
	p.WaitText("signed in")
	p.WaitText(webtest.Auditor)
	p.Axe()
	p.Screenshot("audit-access")
	finance := s.SignIn(t, access.RoleFinance)
	finance.Expect(403)
	finance.Visit("/audit/access")
	finance.WaitText("Not for your role")
}

// TestLive: a page hears of a change, and is told again after it was in the
// background.
func TestLive(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignIn(t, access.RoleAuditor)
	p.Visit("/audit/verification")
	p.WaitLive()
	p.Eval(`window.heard = []; document.body.addEventListener("live:accounts", () => window.heard.push("accounts"))`, nil)
	threshold := money.MustParse("123.45")
	if err := s.Desk.Ledger.Do(t.Context(), "PA-1001", domain.Meta{Actor: "test:live"}, &domain.ChangeRechargeSettings{Threshold: &threshold}); err != nil {
		t.Fatal(err)
	}
	p.WaitFor(`window.heard.length > 0`)
}
