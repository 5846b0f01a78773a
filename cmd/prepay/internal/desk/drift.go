package desk

import (
	"context"
	"io"
	"time"

	"prepayledger/consumers/drift"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/metainvoice"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
)

// File is a file that was given.
type File struct {
	Name string
	io.Reader
}

// Drift compares the charges of a month so far with Meta's pricing analytics
// (responses of the Graph API), through a day or, where that is zero, all there
// is. It records nothing.
func (d *Desk) Drift(ctx context.Context, month domain.Month, through time.Time, analytics func(each func(File) error) error) (*drift.Report, error) {
	if !through.IsZero() && domain.MonthOf(through, time.UTC) != month {
		return nil, domain.Reject(domain.InvalidSetting, "%s is no day of %s: correct the day.", through.Format(time.DateOnly), month)
	}
	if err := d.Ledger.Settle(ctx); err != nil {
		return nil, err
	}
	var channels []drift.Channel
	currencies := map[string]money.Currency{}
	for _, id := range d.Views.Accounts.Partners() {
		account, err := d.Views.Accounts.Get(id)
		if err != nil {
			return nil, err
		}
		currencies[id] = account.State.Currency
		for _, ch := range account.State.Channels {
			channels = append(channels, drift.Channel{
				PartnerID: id, WABAID: ch.WABAID, PhoneNumber: ch.PhoneNumber, PaymentModel: ch.PaymentModel, Zone: ch.Zone,
			})
		}
	}
	c := drift.New(month, through, channels, d.Ledger.Markets().ByCountry)
	err := analytics(func(f File) error {
		return metainvoice.ParseAnalytics(f.Name, f.Reader, func(p *metainvoice.AnalyticsPoint) error {
			c.Point(p)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	for _, id := range d.Views.Accounts.Partners() {
		add := d.driftOfMonth
		if !through.IsZero() {
			add = d.driftOfEvents
		}
		if err := add(ctx, id, currencies[id], month, c); err != nil {
			return nil, err
		}
	}
	return c.Report(), nil
}

// driftOfEvents adds what the account's events charged and what counts.
func (d *Desk) driftOfEvents(ctx context.Context, partner string, currency money.Currency, _ domain.Month, c *drift.Comparison) error {
	return d.Fold(ctx, ledger.AccountStream(partner), func(_ eventstore.Recorded, _ codec.Metadata, e domain.Event) error {
		if u, at := driftOf(e); u != nil && c.Counts(u.WABAID, at) {
			u.PartnerID, u.Currency = partner, currency
			c.Charge(u)
		}
		return nil
	})
}

// driftOfMonth adds the month's sums of an account.
func (d *Desk) driftOfMonth(_ context.Context, partner string, currency money.Currency, month domain.Month, c *drift.Comparison) error {
	rows, err := d.Views.Usage.Month(partner, month)
	for i := range rows {
		r := &rows[i]
		if r.Direct {
			continue
		}
		count, amount := r.Net()
		c.Charge(&drift.Charged{
			PartnerID: partner, Currency: currency, Count: count, Amount: amount,
			Key: reconciliation.Key{WABAID: r.WABAID, Market: r.Market, Category: r.Category, PricingType: r.PricingType},
		})
	}
	return err
}

// driftOf is what an event charges, counts or takes back; nil for none.
func driftOf(e domain.Event) (*drift.Charged, time.Time) {
	charge := func(count int64, amount money.Amount, waba, market, category, kind string) *drift.Charged {
		return &drift.Charged{Count: count, Amount: amount, Key: reconciliation.Key{WABAID: waba, Market: market, Category: category, PricingType: kind}}
	}
	switch e := e.(type) {
	case *domain.ConversationCharged:
		return charge(1, e.Amount, e.WABAID, e.Market, e.Category, e.PricingType), e.OccurredAt
	case *domain.ChargeCorrected:
		return charge(-1, e.Amount.Neg(), e.WABAID, e.Market, e.Category, e.PricingType), e.OccurredAt
	case *domain.ConversationCounted:
		if e.Why != "direct" {
			return charge(1, money.Amount{}, e.WABAID, e.Market, e.Category, e.PricingType), e.OccurredAt
		}
	}
	return nil, time.Time{}
}
