package reconciliation

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// DocumentType is Meta's own code of a document.
type DocumentType string

const (
	// Invoice adds to what is owed.
	Invoice DocumentType = "INV"
	// CreditMemo lowers it.
	CreditMemo DocumentType = "CM"
	// DebitMemo adds to it.
	DebitMemo DocumentType = "DM"
)

// InvoiceLine is one line of a document of Meta, as given: texts verbatim,
// figures with the sign that the file has.
type InvoiceLine struct {
	DocumentType  DocumentType `json:"document_type"`
	Month         domain.Month `json:"month"`
	WABAID        string       `json:"waba_id"`
	PhoneNumberID string       `json:"phone_number_id,omitempty"`
	Country       string       `json:"country,omitempty"`
	// Market is empty where only Country is given.
	Market      string         `json:"market,omitempty"`
	Category    string         `json:"category"`
	PricingType string         `json:"pricing_type,omitempty"`
	Tier        string         `json:"tier,omitempty"`
	Volume      int64          `json:"volume"`
	Amount      money.Amount   `json:"amount"`
	Currency    money.Currency `json:"currency"`
}

// Signed returns volume and amount as they count: a credit memo lowers and a
// debit memo adds whatever the sign in the file; a negative amount of an
// invoice takes back its volume, too.
func (l *InvoiceLine) Signed() (int64, money.Amount) {
	volume, amount := l.Volume, l.Amount
	if volume < 0 {
		volume = -volume
	}
	switch l.DocumentType {
	case CreditMemo:
		return -volume, amount.Abs().Neg()
	case DebitMemo:
		return volume, amount.Abs()
	}
	if amount.Sign() < 0 {
		return -volume, amount
	}
	return volume, amount
}

// Content is the line in one text: equal lines have equal content.
func (l *InvoiceLine) Content() string { return string(l.appendContent(nil)) }

func (l *InvoiceLine) appendContent(b []byte) []byte {
	for _, s := range [...]string{
		string(l.DocumentType), string(l.Month), l.WABAID, l.PhoneNumberID, l.Country, l.Market,
		l.Category, l.PricingType, l.Tier, string(l.Currency),
	} {
		b = append(append(b, s...), 0)
	}
	b = append(strconv.AppendInt(b, l.Volume, 10), 0)
	return append(l.Amount.Append(b), '\n')
}

// LinesSHA256 is the hash of lines in their order, in hex.
func LinesSHA256(lines []InvoiceLine) string {
	h := sha256.New()
	var b []byte
	for i := range lines {
		b = lines[i].appendContent(b[:0])
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Allocation is Finance's word on one line (R27): the account of a partner,
// or the provider's own cost.
type Allocation struct {
	PartnerID string `json:"partner_id,omitempty"`
	OwnCost   bool   `json:"own_cost,omitempty"`
	Actor     string `json:"actor"`
}

// Document is one sealed version of a document of Meta. It is immutable.
type Document struct {
	InvoiceID string
	Version   int
	// SHA256 is the hash of the original file, in hex.
	SHA256 string
	// LinesSHA256 is the hash of the lines, in hex.
	LinesSHA256 string
	FX          []FXRate
	// Lines in the order of the file; line numbers count from 1.
	Lines []InvoiceLine
	// Allocations by line number.
	Allocations map[int]Allocation
}

// HasMonth reports whether any line is of the month.
func (d *Document) HasMonth(m domain.Month) bool {
	for i := range d.Lines {
		if d.Lines[i].Month == m {
			return true
		}
	}
	return false
}

// Months returns the months of the document's lines, in order of appearance.
func (d *Document) Months() []domain.Month {
	var months []domain.Month
	seen := map[domain.Month]bool{}
	for i := range d.Lines {
		if m := d.Lines[i].Month; !seen[m] {
			seen[m] = true
			months = append(months, m)
		}
	}
	return months
}

// DocumentRef names the version of a document that a run was computed from.
type DocumentRef struct {
	InvoiceID string `json:"invoice_id"`
	Version   int    `json:"version"`
	// SHA256 is the hash of the original file, in hex.
	SHA256 string `json:"sha256"`
}
