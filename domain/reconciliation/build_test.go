package reconciliation

import (
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// The helpers below build the inputs of tests.

const month = domain.Month("2026-10")

func amt(s string) money.Amount { return money.MustParse(s) }

// paid and direct are channels; the phone number id is the channel's.
func paid(partner, wabaID, phoneID string) Channel {
	return Channel{PartnerID: partner, ChannelID: "CH-" + phoneID, WABAID: wabaID, PhoneNumberID: phoneID, PaymentModel: domain.PartnerPaid}
}

func direct(partner, wabaID, phoneID string) Channel {
	c := paid(partner, wabaID, phoneID)
	c.PaymentModel = domain.Direct
	return c
}

func eur(partner string) Account { return Account{PartnerID: partner, Currency: "EUR"} }

// used is usage of a WABA in Brazil.
func used(partner, wabaID, category string, count int64, amount string) Usage {
	return Usage{PartnerID: partner, WABAID: wabaID, Market: "Brazil", Category: category, Count: count, Amount: amt(amount)}
}

// billed is a line of an invoice of a WABA in Brazil, in EUR.
func billed(wabaID, category string, volume int64, amount string) InvoiceLine {
	return InvoiceLine{
		DocumentType: Invoice, Month: month, WABAID: wabaID, Market: "Brazil", Category: category,
		Volume: volume, Amount: amt(amount), Currency: "EUR",
	}
}

func doc(id string, lines ...InvoiceLine) *Document {
	return &Document{InvoiceID: id, Version: 1, SHA256: "file-" + id, Lines: lines}
}

// one is a month of one account with one WABA.
func one(usage []Usage, lines ...InvoiceLine) Input {
	return Input{
		Month: month, Accounts: []Account{eur("PA-1")}, Channels: []Channel{paid("PA-1", "W1", "P1")},
		Usage: usage, Documents: []*Document{doc("MI-1", lines...)},
	}
}

func compute(t *testing.T, in Input, earlier map[string]Posted) *Result {
	t.Helper()
	r, err := Compute(in, earlier)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func accountOf(t *testing.T, r *Result, partner string) *AccountResult {
	t.Helper()
	for i := range r.Accounts {
		if r.Accounts[i].PartnerID == partner {
			return &r.Accounts[i]
		}
	}
	t.Fatalf("no account %s in the result", partner)
	return nil
}

func lineOf(t *testing.T, a *AccountResult, k Key) *Line {
	t.Helper()
	for i := range a.Lines {
		if a.Lines[i].Key == k {
			return &a.Lines[i]
		}
	}
	t.Fatalf("account %s has no line %+v", a.PartnerID, k)
	return nil
}

func key(category string) Key { return Key{"W1", "Brazil", category, "regular"} }

func wantAmount(t *testing.T, what string, got money.Amount, want string) {
	t.Helper()
	if !got.Equal(amt(want)) {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

func wantCode(t *testing.T, err error, code domain.Code) {
	t.Helper()
	if got := domain.RejectionCode(err); got != code {
		t.Errorf("code %q, want %q: %v", got, code, err)
	}
}

// by is who asks.
func by(actor string) domain.Meta {
	return domain.Meta{Actor: actor, At: time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC)}
}

// parts writes a line's parts as "kind count amount with; …".
func parts(l *Line) string {
	s := ""
	for _, p := range l.Parts {
		if s != "" {
			s += "; "
		}
		s += string(p.Kind) + " " + money.FromInt(p.Count).String() + " " + p.Amount.String()
		if p.With != "" {
			s += " " + p.With
		}
	}
	return s
}
