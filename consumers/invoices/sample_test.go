package invoices_test

import (
	"time"

	"prepayledger/consumers/invoices"
	"prepayledger/domain"
	"prepayledger/domain/money"
	model "prepayledger/projections/invoices"
)

func amount(s string) money.Amount { return money.MustParse(s) }

func issuer() invoices.Issuer {
	return invoices.Issuer{
		Name: "Example Messaging GmbH", Street: "Musterstraße 12", PostalCode: "10115", City: "Berlin", Country: "DE",
		VATID: "DE123456789", Email: "billing@example.com", BankName: "Musterbank Berlin", IBAN: "DE02 1203 0000 0000 2020 51", BIC: "BYLADEM1001",
		Note: "Registered at Amtsgericht Charlottenburg, HRB 12345",
	}
}

func billing() *domain.BillingDetails {
	return &domain.BillingDetails{
		Company: "Διεθνής Επικοινωνία Α.Ε.", Street: "Λεωφόρος Κηφισίας 100", PostalCode: "115 26", City: "Αθήνα", Country: "GR",
		VATID: "EL 123456789", Emails: []string{"invoices@example.gr"},
	}
}

// issued is an invoice over 12,345.67 with 4 % surcharge.
func issued(change ...func(*domain.InvoiceIssued)) model.Row {
	rate := amount("19")
	i := &domain.InvoiceIssued{
		InvoiceNumber: "PA-1001-2026-000007", Sequence: 7, RechargeID: "PA-1001-R000009", Currency: "EUR",
		Prepayment: amount("12345.67"), Surcharge: amount("493.83"), SurchargePercent: amount("4"), Total: amount("12839.50"),
		IssuedAt: time.Date(2026, 11, 24, 13, 14, 15, 0, time.UTC), Billing: billing(),
		TaxText: "The total includes German VAT.", TaxRate: &rate,
	}
	for _, f := range change {
		f(i)
	}
	return model.Row{PartnerID: "PA-1001", Invoice: i}
}

// credited is a credit note for a refund of 100.
func credited() model.Row {
	return model.Row{PartnerID: "PA-1001", CreditNote: &domain.CreditNoteIssued{
		CreditNoteNumber: "PA-1001-CN-2026-000001", Sequence: 1, InvoiceNumber: "PA-1001-2026-000007", RechargeID: "PA-1001-R000009",
		RefundID: "PA-1001-F000001", Currency: "EUR", Prepayment: amount("100"), Surcharge: amount("0"), SurchargePercent: amount("4"),
		Total: amount("100"), Reason: "The contract was cancelled", IssuedAt: time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC),
		Billing: billing(), TaxText: "Reverse charge: the recipient owes the tax (Article 196 of Directive 2006/112/EC).",
	}}
}
