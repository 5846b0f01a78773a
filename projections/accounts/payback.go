package accounts

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections"
)

// payback is what was noted since the last Flush of card payments, and of
// what goes back of them (R36).
type payback struct {
	payments map[string]*domain.Payment // by key
	notes    []creditNote
}

type creditNote struct {
	partner string
	*domain.CreditNoteIssued
}

// paymentsOf and creditNotesOf are where the keys of an account's rows begin.
func paymentsOf(partnerID string) string    { return "payment/" + partnerID + "\x00" }
func creditNotesOf(partnerID string) string { return "creditnote/" + partnerID + "\x00" }

// notePayback keeps the card payments that are credited, with their newest
// invoice, and the credit notes. The state is the one before the event.
func (m *Model) notePayback(partner string, before *domain.Account, e domain.Event) error {
	switch e := e.(type) {
	case *domain.RechargeSucceeded:
		p := &domain.Payment{RechargeID: e.RechargeID, Amount: e.Amount, Surcharge: e.Surcharge, ProcessorRef: e.ProcessorRef}
		if f := before.InFlight; f != nil {
			p.Card = f.Card
		}
		m.payback.payments[paymentsOf(partner)+e.RechargeID] = p
	case *domain.InvoiceIssued:
		key := paymentsOf(partner) + e.RechargeID
		p := m.payback.payments[key]
		if p == nil {
			p = &domain.Payment{}
			if known, err := m.view.GetJSON(key, p); err != nil || !known {
				return err
			}
			m.payback.payments[key] = p
		}
		if p.InvoiceNumber == "" {
			p.SurchargePercent = e.SurchargePercent
		}
		p.InvoiceNumber, p.Billing, p.TaxText, p.TaxRate = e.InvoiceNumber, e.Billing, e.TaxText, e.TaxRate
	case *domain.CreditNoteIssued:
		m.payback.notes = append(m.payback.notes, creditNote{partner, e})
	}
	return nil
}

func (p *payback) flush(b *projections.Batch) error {
	for key, payment := range p.payments {
		if err := b.SetJSON(key, payment); err != nil {
			return err
		}
	}
	for _, n := range p.notes {
		if err := b.SetJSON(fmt.Sprintf("%s%010d", creditNotesOf(n.partner), n.Sequence), n.CreditNoteIssued); err != nil {
			return err
		}
	}
	clear(p.payments)
	p.notes = p.notes[:0]
	return nil
}

// Payments returns the account's credited card payments, the newest first:
// that of the recharge id, or all for "".
func (m *Model) Payments(partnerID, rechargeID string) (all []domain.Payment, err error) {
	all, err = rows[domain.Payment](m, paymentsOf(partnerID)+rechargeID)
	all = slices.DeleteFunc(all, func(p domain.Payment) bool { return rechargeID != "" && p.RechargeID != rechargeID })
	slices.Reverse(all)
	return all, err
}

// CreditNotes returns the account's credit notes in the order of their
// numbers.
func (m *Model) CreditNotes(partnerID string) ([]domain.CreditNoteIssued, error) {
	return rows[domain.CreditNoteIssued](m, creditNotesOf(partnerID))
}

// rows reads the rows whose keys begin with the text.
func rows[T any](m *Model, from string) (all []T, err error) {
	for row, err := range m.view.Scan(from) {
		if err != nil {
			return nil, err
		}
		var one T
		if err := json.Unmarshal(row.Value, &one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// Pending is money on its way through the processor.
type Pending struct {
	PartnerID string
	Currency  money.Currency
	// Recharge is the card payment in flight; nil where there is none.
	Recharge *domain.RechargeRequested
	// Refunds are those in flight or failed, by id.
	Refunds []domain.RefundState
}

// Pending returns the accounts with money on its way, in order (R16, R36).
func (m *Model) Pending() (all []Pending) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for id, a := range m.accounts {
		p := Pending{PartnerID: id, Currency: a.State.Currency, Recharge: a.State.InFlight}
		for _, r := range a.State.Refunds {
			if r.Open() {
				p.Refunds = append(p.Refunds, *r)
			}
		}
		if p.Recharge == nil && p.Refunds == nil {
			continue
		}
		slices.SortFunc(p.Refunds, func(a, b domain.RefundState) int { return a.Number - b.Number })
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Pending) int { return cmp.Compare(a.PartnerID, b.PartnerID) })
	return all
}
