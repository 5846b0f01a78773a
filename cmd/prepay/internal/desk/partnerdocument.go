package desk

import (
	"context"
	"fmt"
	"time"

	"prepayledger/domain"
	"prepayledger/projections/invoices"

	"prepayledger/domain/money"
)

// PartnerDocument is a document in a list.
type PartnerDocument struct {
	Kind       invoices.Kind  `json:"kind"`
	Number     string         `json:"number"`
	IssuedAt   time.Time      `json:"issued_at"`
	Prepayment money.Amount   `json:"prepayment"`
	Surcharge  money.Amount   `json:"surcharge"`
	Total      money.Amount   `json:"total"`
	Currency   money.Currency `json:"currency"`
	RechargeID string         `json:"recharge_id"`
	// InvoiceNumber is what a credit note refers to.
	InvoiceNumber string `json:"invoice_number,omitempty"`
}

// partnerDocumentOf is a document in a list.
func partnerDocumentOf(r *invoices.Row) PartnerDocument {
	row := PartnerDocument{Kind: r.Kind(), Number: r.Number(), IssuedAt: r.IssuedAt()}
	row.Total, row.Currency = r.Total()
	if c := r.CreditNote; c != nil {
		row.Prepayment, row.Surcharge, row.RechargeID, row.InvoiceNumber = c.Prepayment, c.Surcharge, c.RechargeID, c.InvoiceNumber
	} else {
		row.Prepayment, row.Surcharge, row.RechargeID = r.Invoice.Prepayment, r.Invoice.Surcharge, r.Invoice.RechargeID
	}
	return row
}

// PartnerDocuments lists a partner's invoices and credit notes.
func (d *Desk) PartnerDocuments(ctx context.Context, partner string) ([]PartnerDocument, error) {
	if _, err := d.Accounts(ctx, partner); err != nil {
		return nil, err
	}
	return d.PartnerDocumentsOf(partner)
}

// PartnerDocumentsOf lists a partner's documents as the read models have them.
func (d *Desk) PartnerDocumentsOf(partner string) ([]PartnerDocument, error) {
	found, err := d.Views.Invoices.List(partner)
	rows := []PartnerDocument{}
	for i := range found {
		rows = append(rows, partnerDocumentOf(&found[i]))
	}
	return rows, err
}

// PartnerDocument finds the invoice or credit note of a number; partner may be
// empty where the number is one partner's alone.
func (d *Desk) PartnerDocument(number, partner string) (*invoices.Row, error) {
	rows, err := d.Views.Invoices.Find(number)
	if err != nil {
		return nil, err
	}
	var found *invoices.Row
	for i := range rows {
		if partner != "" && rows[i].PartnerID != partner {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("%s and %s both have a document %s: add --partner", found.PartnerID, rows[i].PartnerID, number)
		}
		found = &rows[i]
	}
	if found == nil {
		return nil, domain.Reject(domain.UnknownInvoice, "There is no invoice or credit note %.80q: see prepay partner-invoice list.", number)
	}
	return found, nil
}
