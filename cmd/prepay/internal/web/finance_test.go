package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/web/webtest"
	"prepayledger/consumers/demo"
	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections"
)

// invoiceOf is Meta's invoice of the demo's month.
func invoiceOf(t *testing.T, s *webtest.Server) *demo.Invoice {
	t.Helper()
	var charged []demo.Usage
	for _, p := range s.Plan.Partners {
		rows, err := s.Desk.Views.Usage.Month(p.ID, demo.BillingMonth)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			r := &rows[i]
			if !r.Direct && !r.Charged() {
				continue
			}
			count, amount := r.Net()
			charged = append(charged, demo.Usage{
				PartnerID: p.ID, WABAID: r.WABAID, Market: r.Market, Category: r.Category, Direct: r.Direct, Count: count, Amount: amount,
			})
		}
	}
	return s.Plan.Invoice(charged)
}

// balanceOf is an account's balance as the ledger has it.
func balanceOf(t *testing.T, s *webtest.Server, partner string) money.Amount {
	t.Helper()
	v, err := s.Desk.Account(t.Context(), partner)
	if err != nil {
		t.Fatal(err)
	}
	return v.Balance
}

// give gives a command beside the pages.
func give(t *testing.T, s *webtest.Server, partner string, cmd domain.Command) {
	t.Helper()
	if err := s.Desk.Ledger.Do(t.Context(), partner, domain.Meta{Actor: "finance:zoe@bsp.example"}, cmd); err != nil {
		t.Fatal(err)
	}
}

// TestMonthEnd closes a month by two people in two browsers: a broken file is
// refused by line and field; the right one is compared, proposed by Ana, whom
// the approval is refused, approved by Ben, and posted exactly. Ana sees it
// without loading her page again.
func TestMonthEnd(t *testing.T) {
	s := webtest.Start(t)
	invoice := invoiceOf(t, s)
	ana, ben := s.SignInAs(t, webtest.Ana), s.SignInAs(t, webtest.Ben)
	ana.Expect(422)
	ben.Expect(422)

	ana.Visit("/documents/new")
	ana.Axe()
	broken := strings.Replace(invoice.Text, ",regular,,", ",regular,,x", 1)
	ana.Upload("File", "meta-2026-10.csv", []byte(broken))
	ana.Click("Upload and check")
	ana.WaitText("Nothing was taken")
	ana.WaitText("line 2")
	ana.WaitText("volume")
	ana.Axe()
	ana.Screenshot("finance-upload-problems")

	ana.Click("Upload again")
	ana.WaitPath("/documents/new")
	ana.Upload("File", "meta-2026-10.csv", []byte(invoice.Text))
	ana.Fill("Rates of exchange", "USD EUR 0.92 2026-10-30 ECB")
	ana.Click("Upload and check")
	ana.WaitText("To October 2026")
	ana.Axe()
	ana.Click("To October 2026")
	ana.WaitPath("/months/2026-10")
	ana.WaitText("Lines that belong to no account")
	ana.Axe()
	ana.Screenshot("finance-month")

	ana.Click("Own cost")
	ana.WaitText("is allocated: own cost")
	ana.WaitNoText("Lines that belong to no account")
	ana.Click("Propose…")
	ana.Click("Propose")
	ana.WaitText("It is proposed. Another person has to approve it.")
	ana.WaitLive()
	proposal, _, err := s.Desk.Ledger.Month(t.Context(), demo.BillingMonth)
	if err != nil {
		t.Fatal(err)
	}
	if who := proposal.Latest().Actor; who != "finance:"+webtest.Ana {
		t.Errorf("it is proposed by %s", who)
	}

	ana.Click("Approve and post…")
	ana.Fill("Restate the sum that Meta did not invoice", proposal.Latest().UninvoicedSum.String())
	ana.Click("Approve and post")
	ana.WaitText("another person has to approve it")

	before := map[string]money.Amount{}
	for _, a := range proposal.Latest().Accounts {
		before[a.PartnerID] = balanceOf(t, s, a.PartnerID)
	}
	ana.Visit("/months/2026-10")
	ana.WaitLive()
	ben.Visit("/months/2026-10")
	ben.Click("Approve and post…")
	ben.WaitText("This run is posted to")
	ben.Screenshot("finance-month-approve")
	ben.Fill("Restate the sum that Meta did not invoice", "999")
	ben.Click("Approve and post")
	ben.WaitText("restate that sum")
	ben.Fill("Restate the sum that Meta did not invoice", proposal.Latest().UninvoicedSum.String())
	ben.Click("Approve and post")
	ben.WaitText("October 2026 is posted to every account.")
	ana.WaitText("Run 1 is posted to every account.") // by its live updates
	for _, a := range proposal.Latest().Accounts {
		if after := balanceOf(t, s, a.PartnerID); !after.Equal(before[a.PartnerID].Add(a.Post)) {
			t.Errorf("%s: %s, then %s: posted are %s", a.PartnerID, before[a.PartnerID], after, a.Post)
		}
	}
	ben.Visit("/accounts/" + s.Plan.Partners[0].ID + "/finance")
	ben.WaitText(plain(balanceOf(t, s, s.Plan.Partners[0].ID)))
}

// plain is an amount as pages show it: with two decimals at least.
func plain(a money.Amount) string { return strings.Replace(a.Fixed(2), "-", "−", 1) }

// TestLinesOfAMonth finds a line, opens it to its parts, and a part to the
// charges behind it.
func TestLinesOfAMonth(t *testing.T) {
	s := webtest.Start(t)
	invoice := invoiceOf(t, s)
	if _, err := s.Desk.Ledger.ImportMetaInvoice(t.Context(), domain.Meta{Actor: "finance:zoe@bsp.example"}, "i.csv", strings.NewReader(invoice.Text), invoice.FX); err != nil {
		t.Fatal(err)
	}
	p := s.SignIn(t, access.RoleAuditor)
	p.Visit("/months/2026-10/lines?largest=1")
	p.WaitText("Other count")
	p.Axe()
	p.Screenshot("finance-lines")
	p.Visit("/months/2026-10/lines?all=1")
	if n := p.Count("tbody tr"); n != 50 {
		t.Errorf("%d rows", n)
	}
	p.Click("Next")
	p.WaitText("First page")
	if n := p.Count("tbody tr"); n != 50 {
		t.Errorf("%d rows on the second page", n)
	}
	p.Visit("/months/2026-10/lines?part=missing_at_meta")
	p.Click("Missing at Meta")
	p.WaitText("that is the difference, exactly")
	p.WaitText("Charges here")
	p.Axe()
	p.Screenshot("finance-line")
	var files []int
	p.Eval(`Promise.all(["workbook.xlsx", "journal.csv"].map(f => fetch("/months/2026-10/" + f).then(async r => r.ok ? (await r.arrayBuffer()).byteLength : 0)))`, &files)
	for _, n := range files {
		if n < 1000 {
			t.Errorf("the downloads have %v bytes", files)
		}
	}
	if n := p.Count("button.primary"); n != 0 {
		t.Errorf("an auditor is offered %d commands", n)
	}
}

// block charges an account below zero whose card is declined, and lets the
// grace period pass.
func block(t *testing.T, s *webtest.Server, partner string) {
	t.Helper()
	give(t, s, partner, &domain.ReplaceCard{Card: "sim_declined"})
	v, err := s.Desk.Account(t.Context(), partner)
	if err != nil {
		t.Fatal(err)
	}
	channel := ""
	for id, state := range v.Channels {
		if state == domain.ChannelOpen && (channel == "" || id < channel) {
			channel = id
		}
	}
	outcomes, err := s.Desk.Ledger.Charge(t.Context(), domain.Meta{Actor: "service:test"}, []ledger.Presented{{Charge: domain.Charge{
		ChargeID: "large-" + partner, PartnerID: partner, ChannelID: channel, Country: "ES", Market: "Spain", Category: "marketing", Model: domain.PMP,
		PricingType: domain.PricingTypeRegular, OccurredAt: s.Month.Now(), Priced: true, Amount: money.FromInt(2000), Currency: v.Currency,
	}}})
	if err != nil || outcomes[0].Charge != domain.ChargeDeducted {
		t.Fatalf("%+v %v", outcomes, err)
	}
	s.Month.At(s.Month.Now().Add(8 * 24 * time.Hour))
	if err := s.Desk.Ledger.AdvanceAll(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestConfirmPayment: a block appears on Finance's page without loading it
// again; a confirmation that leaves nothing due opens the channels, and sent
// twice it counts once.
func TestConfirmPayment(t *testing.T) {
	s := webtest.Start(t)
	partner := s.Plan.Partners[0].ID
	p := s.SignIn(t, access.RoleFinance)
	p.Visit("/overview")
	p.WaitLive()
	p.WaitNoText("is blocked")
	block(t, s, partner)
	p.WaitText("1 account is blocked")
	p.Axe()
	p.Screenshot("finance-overview")

	p.Visit("/blocks")
	p.WaitText("Finance lifts it by confirming a payment")
	p.Axe()
	p.Visit("/payments")
	p.WaitText("Who owes")
	p.Axe()
	p.Click("Confirm a payment of " + partner)
	p.WaitPath("/accounts/" + partner + "/finance/confirm")
	p.Fill("Bank reference", "BANK-1")
	p.Click("Go on")
	p.WaitText("What will happen")
	p.WaitText("can send again")
	if due := balanceOf(t, s, partner); due.Sign() >= 0 {
		t.Errorf("nothing is done before it is confirmed, but the balance is %s", due)
	}
	p.Axe()
	p.Screenshot("finance-confirm")
	var form string
	p.Eval(`new URLSearchParams(new FormData(document.querySelector("main form"))).toString() + "&step=do"`, &form)
	p.Click("Confirm the payment")
	p.WaitText("is confirmed.")
	v, err := s.Desk.Account(t.Context(), partner)
	if err != nil || v.Standing != domain.Active {
		t.Fatalf("%+v %v", v, err)
	}
	for id, state := range v.Channels {
		if state == domain.ChannelBlocked {
			t.Errorf("channel %s is blocked still", id)
		}
	}
	var status int
	p.Eval(fmt.Sprintf(`fetch("/accounts/%s/finance/confirm", { method: "POST", body: new URLSearchParams(%q) }).then(r => r.status)`, partner, form), &status)
	if again := balanceOf(t, s, partner); status != 200 || !again.Equal(v.Balance) {
		t.Errorf("sent twice: %d, the balance is %s, then %s", status, v.Balance, again)
	}
}

// TestQuarantinePages: an entry is mended and charged; a choice and a whole
// filter are presented again, and what they came to is said.
func TestQuarantinePages(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignIn(t, access.RoleFinance)
	p.Visit("/quarantine?reason=in_the_future")
	p.Axe()
	name := p.Text("tbody th a")
	p.Click(name)
	p.WaitText("Mend it")
	p.Axe()
	p.Screenshot("finance-quarantine-entry")
	p.Fill("Happened at", s.Month.Now().Add(-time.Hour).Format(time.RFC3339))
	p.Click("Present it mended")
	p.WaitText("was presented again: charged.")
	p.WaitNoText(name + " In the future")

	p.Visit("/quarantine?reason=too_old")
	p.Click("Choose " + p.Text("tbody th a"))
	p.Click("Present the chosen again")
	p.WaitText("1 entry was presented again: 1 in quarantine again (too old).")
	p.Visit("/quarantine")
	p.Screenshot("finance-quarantine")
	p.Click("Present all of this filter again…")
	p.Click("Present them again")
	p.WaitText("entries were presented again:")
}

// TestManyAccounts pages through a hundred thousand accounts: the page never
// has more rows than a page has.
func TestManyAccounts(t *testing.T) {
	s := webtest.Start(t)
	const many = 100_000
	for n := range many {
		f := &projections.Fact{PartnerID: fmt.Sprintf("ZZ-%06d", n), Event: &domain.AccountOpened{
			PartnerID: fmt.Sprintf("ZZ-%06d", n), Currency: "EUR", CarriedOver: money.FromInt(int64(500 + n)), Card: "sim_ok", OpenedAt: s.Month.Now(),
		}}
		if err := s.Desk.Views.Accounts.Apply(f); err != nil {
			t.Fatal(err)
		}
	}
	p := s.SignIn(t, access.RoleFinance)
	p.Visit("/accounts?sort=balance&desc=1")
	p.WaitText("1 to 50 of 100 003")
	if n := p.Count("tbody tr"); n != 50 {
		t.Errorf("%d rows", n)
	}
	if first := p.Text("tbody th a"); first != "ZZ-099999" {
		t.Errorf("the largest balance is that of %s", first)
	}
	p.Click("Next")
	p.WaitText("51 to 100 of 100 003")
	p.Visit("/accounts?search=zz-05&min=50600&max=50700")
	p.WaitText("1 to 50 of 101")
	p.Axe()
	p.Screenshot("finance-accounts")
	p.Visit("/accounts?search=nobody")
	p.WaitText("No account fits")
}

// TestAuditorOnlyReads: an auditor sees Finance's pages, and is offered nothing
// that changes something.
func TestAuditorOnlyReads(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignIn(t, access.RoleAuditor)
	for _, path := range []string{"/overview", "/accounts", "/blocks", "/payments", "/quarantine", "/months", "/months/2026-10", "/months/settings", "/rates", "/accounts/" + s.Plan.Partners[0].ID + "/finance"} {
		p.Visit(path)
		p.WaitText("Skip to the content")
		if n := p.Count(`main form[method="post"]`); n != 0 {
			t.Errorf("%s offers %d commands", path, n)
		}
	}
}

// TestBankStatement: a broken statement is refused by line and field; of a right
// one a payment is proposed with certainty, and confirmed once.
func TestBankStatement(t *testing.T) {
	s := webtest.Start(t)
	partner := s.Plan.Partners[0].ID
	block(t, s, partner)
	due := balanceOf(t, s, partner).Neg().RoundUp(2)
	p := s.SignIn(t, access.RoleFinance)
	p.Expect(422)
	p.Visit("/payments")
	p.Upload("Statement", "bank.csv", []byte("booking_date,amount,currency,text\n2026-11-31,12,EUR,x\n"))
	p.Click("Read the statement")
	p.WaitText("Nothing was taken of bank.csv")
	p.WaitText("booking_date")
	p.Visit("/payments")
	p.Upload("Statement", "bank.csv", []byte(fmt.Sprintf("booking_date,amount,currency,text,debtor\n2026-11-09,%s,EUR,account %s,Ahoy GmbH\n2026-11-09,7,EUR,who knows,Nobody\n", due, partner)))
	p.Click("Read the statement")
	p.WaitText("Nothing is confirmed by it yet.")
	p.WaitText("certain")
	p.WaitText("unmatched")
	p.Axe()
	p.Screenshot("finance-statement")
	p.ClickOn("tbody tr a.button")
	p.WaitText("can send again")
	p.Axe()
	p.Click("Confirm the payment")
	p.WaitText("is confirmed for " + partner)
	if v, err := s.Desk.Account(t.Context(), partner); err != nil || v.Standing != domain.Active {
		t.Errorf("%+v %v", v, err)
	}
}

// TestRatesAndLimits: a rate card is refused by line, a limit is set and holds,
// and is taken away.
func TestRatesAndLimits(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignIn(t, access.RoleFinance)
	p.Expect(422)
	p.Visit("/rates")
	p.WaitText("in force")
	p.Axe()
	p.Upload("Rate card", "rates.csv", []byte("no,card\n1,2\n"))
	p.Click("Import the card")
	p.WaitText("Nothing was taken of rates.csv")
	p.Visit("/months/settings")
	p.Axe()
	p.Fill("Who", "finance:*")
	p.Fill("May approve up to", "0,01")
	p.Click("Set the limit")
	p.WaitText("It is set.")
	settings, _, err := s.Desk.MonthSettings(t.Context())
	if err != nil || len(settings.Limits) != 1 || settings.Limits[0].Max.String() != "0.01" {
		t.Fatalf("%+v %v", settings, err)
	}
	p.Click("Take the limit of finance:* away")
	p.WaitText("Any other person may approve any sum.")
	p.Fill("Difference of a line", "x")
	p.Click("Set the tolerance")
	p.WaitText("This is not an amount")
}

// TestOpenAccountPage opens an account; the same partner again is refused in the
// form, which keeps what was filled in.
func TestOpenAccountPage(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignIn(t, access.RoleAdmin)
	p.Expect(422)
	p.Visit("/accounts/new")
	p.Axe()
	p.Fill("Partner id", s.Plan.Partners[0].ID)
	p.Fill("Card", "sim_ok")
	p.Fill("Carried over", "600")
	p.Click("Open the account")
	p.WaitFor(`document.querySelector("[data-form-error]")`)
	p.Fill("Partner id", "PA-9001")
	p.Click("Open the account")
	p.WaitFor(`document.body.innerText.includes("Account PA-9001 is open.")`)
	if b := balanceOf(t, s, "PA-9001"); b.String() != "600" {
		t.Errorf("it begins with %s", b)
	}
}
