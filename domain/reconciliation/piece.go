package reconciliation

import (
	"cmp"
	"slices"

	"prepayledger/domain/money"
)

// Piece is what one line of a document of Meta gives to one Key of one
// account: the whole line, or a share of it (R27).
type Piece struct {
	Key
	InvoiceID string `json:"invoice_id"`
	Version   int    `json:"version"`
	// Line counts from 1 within the document's lines.
	Line          int          `json:"line"`
	DocumentType  DocumentType `json:"document_type"`
	PhoneNumberID string       `json:"phone_number_id,omitempty"`
	Country       string       `json:"country,omitempty"`
	Tier          string       `json:"tier,omitempty"`
	// Volume and Given are signed by the document's type; Given is in Meta's
	// currency, GivenCurrency.
	Volume        int64          `json:"volume"`
	Given         money.Amount   `json:"given"`
	GivenCurrency money.Currency `json:"given_currency"`
	// Rate is the rate of exchange; nil in the account's own currency.
	Rate *money.Amount `json:"rate,omitempty"`
	// Amount is in the account's currency, not rounded.
	Amount money.Amount `json:"amount"`
	// Shared says that other accounts have a part of the line, too.
	Shared bool `json:"shared,omitempty"`
	// Allocated says that Finance gave the line to the account by hand.
	Allocated bool `json:"allocated,omitempty"`
}

// Pieces returns what lines of documents give to the keys of an account that
// are wanted, in order of document and line. Together they are what Compute
// has as Invoiced of these keys, before R30's rounding. It errs as Compute
// does.
func Pieces(in Input, partnerID string, wanted func(Key) bool) ([]Piece, error) {
	c, err := newComputation(in)
	if err != nil {
		return nil, err
	}
	var pieces []Piece
	c.given = func(a *account, piece Piece) {
		if a.PartnerID == partnerID && wanted(piece.Key) {
			pieces = append(pieces, piece)
		}
	}
	for _, d := range c.documents {
		if err := c.place(d); err != nil {
			return nil, err
		}
	}
	if err := c.missingRates(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(pieces, func(a, b Piece) int {
		return cmp.Or(cmp.Compare(a.InvoiceID, b.InvoiceID), cmp.Compare(a.Line, b.Line))
	})
	return pieces, nil
}

// piece is what a placement gives, for whoever watches.
func (p *placement) piece(k Key, volume int64, given, amount money.Amount, rate *FXRate) Piece {
	_, allocated := p.document.Allocations[p.number]
	piece := Piece{
		Key: k, InvoiceID: p.document.InvoiceID, Version: p.document.Version, Line: p.number, DocumentType: p.line.DocumentType,
		PhoneNumberID: p.line.PhoneNumberID, Country: p.line.Country, Tier: p.line.Tier, Volume: volume, Given: given,
		GivenCurrency: p.line.Currency, Amount: amount, Allocated: allocated,
		Shared: volume != p.volume || !given.Equal(p.amount),
	}
	if rate != nil {
		piece.Rate = &rate.Rate
	}
	return piece
}
