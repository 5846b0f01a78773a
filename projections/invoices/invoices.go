// Package invoices is the read model of the documents that partners get: an
// invoice for every successful card payment (R15), a credit note for what is
// taken back (R36).
package invoices

import (
	"encoding/json"
	"fmt"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections"
)

// Kind tells the documents apart.
type Kind string

const (
	// Invoice is for a successful card payment.
	Invoice Kind = "invoice"
	// CreditNote takes an invoice back, or a part of it.
	CreditNote Kind = "credit_note"
)

// Row is a document as the event that issued it says; exactly one of Invoice
// and CreditNote is set.
type Row struct {
	PartnerID  string                   `json:"partner_id"`
	Invoice    *domain.InvoiceIssued    `json:"invoice,omitempty"`
	CreditNote *domain.CreditNoteIssued `json:"credit_note,omitempty"`
}

// Kind says what the document is.
func (r *Row) Kind() Kind {
	if r.CreditNote != nil {
		return CreditNote
	}
	return Invoice
}

// Number is the document's number, unique among all accounts' documents of
// all kinds as long as partner ids are.
func (r *Row) Number() string {
	if r.CreditNote != nil {
		return r.CreditNote.CreditNoteNumber
	}
	return r.Invoice.InvoiceNumber
}

// Sequence counts the account's documents of the kind from 1, without gap.
func (r *Row) Sequence() int {
	if r.CreditNote != nil {
		return r.CreditNote.Sequence
	}
	return r.Invoice.Sequence
}

// IssuedAt is when the document was issued, UTC.
func (r *Row) IssuedAt() time.Time {
	if r.CreditNote != nil {
		return r.CreditNote.IssuedAt
	}
	return r.Invoice.IssuedAt
}

// Total is what the document comes to, never negative; the kind says which
// way it goes.
func (r *Row) Total() (money.Amount, money.Currency) {
	if r.CreditNote != nil {
		return r.CreditNote.Total, r.CreditNote.Currency
	}
	return r.Invoice.Total, r.Invoice.Currency
}

// Model keeps every document, by account and by number.
type Model struct {
	view    projections.View
	pending []Row
}

// New returns the model.
func New() *Model { return &Model{} }

// Name implements projections.Model.
func (*Model) Name() string { return "invoices" }

// Version implements projections.Model.
func (*Model) Version() int { return 1 }

// Load implements projections.Model.
func (m *Model) Load(v projections.View) error {
	m.view, m.pending = v, nil
	return nil
}

// Apply implements projections.Model.
func (m *Model) Apply(f *projections.Fact) error {
	switch e := f.Event.(type) {
	case *domain.InvoiceIssued:
		m.pending = append(m.pending, Row{PartnerID: f.PartnerID, Invoice: e})
	case *domain.CreditNoteIssued:
		m.pending = append(m.pending, Row{PartnerID: f.PartnerID, CreditNote: e})
	}
	return nil
}

// documentsOf is where the keys of an account's documents of a kind begin.
// Partner ids have no control characters.
func documentsOf(partnerID string, k Kind) string {
	return "account/" + partnerID + "\x00" + string(k) + "/"
}

// numberKey finds a document by its number. Two partners may have documents
// of one number: "A" and "A-CN" do, the key then names both.
func numberKey(number string) string { return "number/" + number + "\x00" }

// Flush implements projections.Model.
func (m *Model) Flush(_ projections.View, b *projections.Batch) error {
	for i := range m.pending {
		r := &m.pending[i]
		key := fmt.Sprintf("%s%010d", documentsOf(r.PartnerID, r.Kind()), r.Sequence())
		if err := b.SetJSON(key, r); err != nil {
			return err
		}
		if err := b.Set(numberKey(r.Number())+r.PartnerID, []byte(key)); err != nil {
			return err
		}
	}
	m.pending = m.pending[:0]
	return nil
}

// List returns an account's documents: its invoices, then its credit notes,
// each in the order of their numbers.
func (m *Model) List(partnerID string) ([]Row, error) {
	var all []Row
	for _, k := range []Kind{Invoice, CreditNote} {
		for row, err := range m.view.Scan(documentsOf(partnerID, k)) {
			if err != nil {
				return nil, err
			}
			var r Row
			if err := json.Unmarshal(row.Value, &r); err != nil {
				return nil, fmt.Errorf("%s: %w", row.Key, err)
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// Find returns the documents that have the number: one, or none, or, where a
// partner's id is another one's with "-CN", both of them.
func (m *Model) Find(number string) ([]Row, error) {
	var found []Row
	for row, err := range m.view.Scan(numberKey(number)) {
		if err != nil {
			return nil, err
		}
		var r Row
		ok, err := m.view.GetJSON(string(row.Value), &r)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("%s names %s, which is not there", row.Key, row.Value)
		}
		found = append(found, r)
	}
	return found, nil
}
