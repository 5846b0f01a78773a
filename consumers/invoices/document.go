// Package invoices makes the documents that partners get: invoices for card
// payments (R15) and credit notes (R36), as data, as JSON and as PDF.
//
// A document is made from the event that issued it and from the issuer's
// settings, by nothing else: the same event and the same issuer give the same
// bytes, for ever.
package invoices

import (
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections/invoices"
)

// Issuer is who issues the documents: the provider, as configured.
type Issuer struct {
	Name       string `json:"name"`
	Street     string `json:"street,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	City       string `json:"city,omitempty"`
	Country    string `json:"country,omitempty"`
	VATID      string `json:"vat_id,omitempty"`
	Email      string `json:"email,omitempty"`
	BankName   string `json:"bank_name,omitempty"`
	IBAN       string `json:"iban,omitempty"`
	BIC        string `json:"bic,omitempty"`
	// Note stands at the foot, such as a court's register.
	Note string `json:"note,omitempty"`
}

// Recipient is whom a document is made out to.
type Recipient struct {
	PartnerID string `json:"partner_id"`
	// Company and what follows are absent where there were no billing details
	// when the document was issued.
	Company    string   `json:"company,omitempty"`
	Street     string   `json:"street,omitempty"`
	PostalCode string   `json:"postal_code,omitempty"`
	City       string   `json:"city,omitempty"`
	Country    string   `json:"country,omitempty"`
	VATID      string   `json:"vat_id,omitempty"`
	Emails     []string `json:"emails,omitempty"`
}

// Line is a line of a document.
type Line struct {
	Description string `json:"description"`
	// Percent is the surcharge's; absent on other lines.
	Percent string `json:"percent,omitempty"`
	// Amount is a decimal with the currency's decimals.
	Amount string `json:"amount"`
}

// Tax is what a document says of tax.
type Tax struct {
	Text string `json:"text"`
	// Rate is in per cent; absent where only the text is known. Included is
	// the part of the total that is tax, Net the rest; absent without rate.
	Rate     string `json:"rate,omitempty"`
	Included string `json:"included,omitempty"`
	Net      string `json:"net,omitempty"`
}

// Document is an invoice or a credit note. Amounts are decimals as strings.
type Document struct {
	Kind   invoices.Kind `json:"kind"`
	Number string        `json:"number"`
	// IssuedAt is UTC; a document's date is its day there.
	IssuedAt  time.Time      `json:"issued_at"`
	Issuer    Issuer         `json:"issuer"`
	Recipient Recipient      `json:"recipient"`
	Currency  money.Currency `json:"currency"`
	Lines     []Line         `json:"lines"`
	Total     string         `json:"total"`
	Tax       *Tax           `json:"tax,omitempty"`
	// RechargeID is the card payment that paid the invoice, or that a credit
	// note gives back.
	RechargeID string `json:"recharge_id"`
	// InvoiceNumber, RefundID and Reason are those of a credit note: what it
	// refers to, which refund it is for, and why.
	InvoiceNumber string `json:"invoice_number,omitempty"`
	RefundID      string `json:"refund_id,omitempty"`
	Reason        string `json:"reason,omitempty"`
}

// Make makes the document of a row.
func Make(r invoices.Row, issuer Issuer) Document {
	if c := r.CreditNote; c != nil {
		d := body(r, issuer, c.Currency, c.Billing, c.Total, c.TaxText, c.TaxRate)
		d.RechargeID, d.InvoiceNumber, d.RefundID, d.Reason = c.RechargeID, c.InvoiceNumber, c.RefundID, c.Reason
		d.Lines = []Line{prepayment("Prepayment, credited", c.Currency, c.Prepayment)}
		if !c.Surcharge.IsZero() {
			d.Lines = append(d.Lines, surcharge("Surcharge for payment by card, credited", c.Currency, c.Surcharge, c.SurchargePercent))
		}
		return d
	}
	i := r.Invoice
	d := body(r, issuer, i.Currency, i.Billing, i.Total, i.TaxText, i.TaxRate)
	d.RechargeID = i.RechargeID
	d.Lines = []Line{
		prepayment("Prepayment for WhatsApp conversation charges", i.Currency, i.Prepayment),
		surcharge("Surcharge for payment by card", i.Currency, i.Surcharge, i.SurchargePercent),
	}
	return d
}

func body(r invoices.Row, issuer Issuer, c money.Currency, billing *domain.BillingDetails, total money.Amount, taxText string, taxRate *money.Amount) Document {
	d := Document{
		Kind: r.Kind(), Number: r.Number(), IssuedAt: r.IssuedAt().UTC(), Issuer: issuer, Currency: c,
		Recipient: Recipient{PartnerID: r.PartnerID}, Total: total.Fixed(c.Decimals()), Tax: taxOf(total, c, taxText, taxRate),
	}
	if b := billing; b != nil {
		d.Recipient = Recipient{
			PartnerID: r.PartnerID, Company: b.Company, Street: b.Street, PostalCode: b.PostalCode, City: b.City,
			Country: b.Country, VATID: b.VATID, Emails: b.Emails,
		}
	}
	return d
}

func prepayment(text string, c money.Currency, a money.Amount) Line {
	return Line{Description: text, Amount: a.Fixed(c.Decimals())}
}

func surcharge(text string, c money.Currency, a, percent money.Amount) Line {
	return Line{Description: text, Percent: percent.String(), Amount: a.Fixed(c.Decimals())}
}

// taxOf says what part of the total is tax: the total is what the card paid,
// tax included, whatever the rate (R14). The net amount rounds half up to the
// minor unit, the tax is what remains.
func taxOf(total money.Amount, c money.Currency, text string, rate *money.Amount) *Tax {
	if text == "" {
		return nil
	}
	t := &Tax{Text: text}
	if rate == nil {
		return t
	}
	// 100 + rate is never zero.
	net, _ := total.Times(100).Quo(money.FromInt(100).Add(*rate), quotientDecimals)
	net = net.RoundHalfUp(c.Decimals())
	t.Rate, t.Net, t.Included = rate.String(), net.Fixed(c.Decimals()), total.Sub(net).Fixed(c.Decimals())
	return t
}

// quotientDecimals are enough decimals to tell which way a quotient rounds.
const quotientDecimals = 18
