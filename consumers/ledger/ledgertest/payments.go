package ledgertest

import (
	"context"
	"slices"
	"strings"

	"prepayledger/domain"
	"prepayledger/projections/accounts"
)

// pay keeps the card payments that are credited; a is the account before e.
func (v *Views) pay(partner string, a *domain.Account, e domain.Event) {
	switch e := e.(type) {
	case *domain.RechargeSucceeded:
		v.payments[partner] = append(v.payments[partner], &domain.Payment{
			RechargeID: e.RechargeID, Amount: e.Amount, Surcharge: e.Surcharge, ProcessorRef: e.ProcessorRef, Card: a.InFlight.Card,
			SurchargePercent: a.InFlight.SurchargePercent,
		})
	case *domain.InvoiceIssued:
		for _, p := range v.payments[partner] {
			if p.RechargeID == e.RechargeID {
				p.InvoiceNumber, p.Billing, p.TaxText, p.TaxRate = e.InvoiceNumber, e.Billing, e.TaxText, e.TaxRate
			}
		}
	}
}

// Payments implements ledger.Views.
func (v *Views) Payments(ctx context.Context, partnerID, rechargeID string) (all []domain.Payment, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	err = v.follow(ctx)
	for _, p := range v.payments[partnerID] {
		if rechargeID == "" || p.RechargeID == rechargeID {
			all = append(all, *p)
		}
	}
	slices.Reverse(all)
	return all, err
}

// Pending is what accounts.Model.Pending is.
func (v *Views) Pending() (all []accounts.Pending) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.follow(context.Background()); err != nil {
		panic(err)
	}
	for id, a := range v.accounts {
		p := accounts.Pending{PartnerID: id, Currency: a.Currency, Recharge: a.InFlight}
		for _, r := range a.Refunds {
			if r.Open() {
				p.Refunds = append(p.Refunds, *r)
			}
		}
		if p.Recharge != nil || p.Refunds != nil {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b accounts.Pending) int { return strings.Compare(a.PartnerID, b.PartnerID) })
	return all
}
