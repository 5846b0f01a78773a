package domain_test

import (
	"strings"
	"testing"

	"prepayledger/domain"
)

func billing(change ...func(*domain.BillingDetails)) *domain.ChangeBillingDetails {
	c := &domain.ChangeBillingDetails{Billing: domain.BillingDetails{
		Company: "Łódź Sp. z o.o.", Street: "ul. Piotrkowska 1", PostalCode: "90-001", City: "Łódź", Country: "PL",
		VATID: "PL 725-18-01-126", Emails: []string{"faktury@example.com"},
	}}
	for _, f := range change {
		f(&c.Billing)
	}
	return c
}

// R15: whom invoices are made out to.
func TestBillingDetails(t *testing.T) {
	given := []step{open("500")}
	closed := []step{open("0", noMinimum), do(&domain.CloseAccount{})}
	bad := func(name string, change func(*domain.BillingDetails)) story {
		return story{"refused: " + name, given, do(billing(change)), "! invalid_setting"}
	}
	tellAll(t, []story{
		{"given", given, unsigned(billing()), "BillingDetailsChanged"},
		{"no VAT id, no mail", given, do(billing(func(b *domain.BillingDetails) { b.VATID, b.Emails = "", nil })), "BillingDetailsChanged"},
		{"of no account", nil, do(billing()), "! unknown_account"},
		{"of a closed one", closed, do(billing()), "! account_closed"},
		bad("no company", func(b *domain.BillingDetails) { b.Company = "" }),
		bad("nothing to see", func(b *domain.BillingDetails) { b.Company = "  " }),
		bad("two lines", func(b *domain.BillingDetails) { b.Street = "a\nb" }),
		bad("not UTF-8", func(b *domain.BillingDetails) { b.City = "a\xff" }),
		bad("too long", func(b *domain.BillingDetails) { b.PostalCode = strings.Repeat("ä", domain.MaxBillingRunes+1) }),
		bad("no such country", func(b *domain.BillingDetails) { b.Country = "XX" }),
		bad("country in small letters", func(b *domain.BillingDetails) { b.Country = "de" }),
		bad("country across codes", func(b *domain.BillingDetails) { b.Country = "D " }),
		bad("VAT id", func(b *domain.BillingDetails) { b.VATID = "DE#1" }),
		bad("mail with a name", func(b *domain.BillingDetails) { b.Emails = []string{"Ana <a@example.com>"} }),
		bad("no mail", func(b *domain.BillingDetails) { b.Emails = []string{"example.com"} }),
		bad("too many mails", func(b *domain.BillingDetails) {
			b.Emails = strings.Split(strings.Repeat("a@example.com ", domain.MaxBillingEmails)+"a@example.com", " ")
		}),
	})
}

// An invoice keeps what it shows, whatever changes later (R15, R34).
func TestInvoiceKeepsBillingAndTax(t *testing.T) {
	tax := do(&domain.ChangeContract{TaxText: ptr("VAT"), TaxRate: ptr(amt("19"))})
	l := newLedger(t)
	last := func(steps ...step) *domain.InvoiceIssued {
		t.Helper()
		var issued *domain.InvoiceIssued
		for _, s := range steps {
			events, err := l.do("finance:ana", s.cmd)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				if i, ok := e.(*domain.InvoiceIssued); ok {
					issued = i
				}
			}
		}
		return issued
	}
	first := last(open("500"), do(&domain.AddFunds{Amount: amt("10")}), succeeded(1))
	if first.Billing != nil || first.TaxText != "" || first.TaxRate != nil {
		t.Errorf("without details: %+v", first)
	}
	given := billing()
	second := last(do(given), tax, do(&domain.AddFunds{Amount: amt("10")}), succeeded(2))
	given.Billing.Emails[0] = "changed@example.com" // the caller's own slice
	other := func(b *domain.BillingDetails) { b.Company = "Other" }
	third := last(do(billing(other)), do(&domain.ChangeContract{TaxText: ptr("")}), do(&domain.AddFunds{Amount: amt("10")}), succeeded(3))
	if b := second.Billing; b == nil || b.Company != "Łódź Sp. z o.o." || b.Emails[0] != "faktury@example.com" || second.TaxText != "VAT" || second.TaxRate.String() != "19" {
		t.Errorf("second invoice: %+v %+v", second, second.Billing)
	}
	if third.Billing.Company != "Other" || third.TaxText != "" || third.TaxRate != nil {
		t.Errorf("third invoice: %+v %+v", third, third.Billing)
	}
	if !second.Total.Equal(first.Total) || !third.Total.Equal(first.Total) {
		t.Errorf("tax changed what the card pays (R14): %s, %s, %s", first.Total, second.Total, third.Total)
	}
}

// What an invoice says of tax is the contract's.
func TestTax(t *testing.T) {
	given := []step{open("500")}
	tell := func(text, rate *string) *domain.ChangeContract {
		c := &domain.ChangeContract{TaxText: text}
		if rate != nil {
			c.TaxRate = ptr(amt(*rate))
		}
		return c
	}
	set := do(tell(ptr("VAT"), ptr("19")))
	tellAll(t, []story{
		{"text and rate", given, set, "ContractChanged"},
		{"text alone", given, do(tell(ptr("Reverse charge"), nil)), "ContractChanged"},
		{"rate of a text that is there", with(given, set), do(tell(nil, ptr("7"))), "ContractChanged"},
		{"both taken away", with(given, set), do(tell(ptr(""), nil)), "ContractChanged"},
		{"rate alone", given, do(tell(nil, ptr("19"))), "! invalid_setting"},
		{"rate without its text", with(given, set), do(tell(ptr(""), ptr("19"))), "! invalid_setting"},
		{"above 100", given, do(tell(ptr("VAT"), ptr("100.01"))), "! invalid_setting"},
		{"below 0", given, do(tell(ptr("VAT"), ptr("-1"))), "! invalid_setting"},
		{"two lines", given, do(tell(ptr("a\nb"), nil)), "! invalid_setting"},
		{"by nobody", given, unsigned(tell(ptr("VAT"), nil)), "! actor_required"},
	})
	l := story{given: with(given, set), when: do(&domain.ChangeContract{GraceDays: ptr(3)}), then: "ContractChanged"}.run(t)
	if c := l.account.Contract; c.TaxText != "VAT" || c.TaxRate.String() != "19" {
		t.Errorf("a change that does not name them changes them: %+v", c)
	}
}
