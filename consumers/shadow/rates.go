package shadow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/domain/rating"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
)

// MaxRows bounds the rows of a shadow rating (account's currency, WABA,
// market, category): about 400 bytes each.
const MaxRows = 1_000_000

// MaxCorrected bounds the charges of one account and month that were taken
// back: about 100 bytes each.
const MaxCorrected = 1_000_000

// ErrTooMany says that more would have to be kept than MaxRows or
// MaxCorrected.
var ErrTooMany = errors.New("shadow: more than can be kept in memory")

// Row is what charges of one WABA, market and category cost, now and then.
type Row struct {
	Currency money.Currency `json:"currency"`
	WABAID   string         `json:"waba_id,omitempty"`
	Market   string         `json:"market,omitempty"`
	Category string         `json:"category,omitempty"`
	// Now is what was charged, less corrections, of those that the other card
	// has a rate for; Then what they would have cost.
	Now  reconciliation.Figure `json:"now"`
	Then money.Amount          `json:"then"`
	// Difference is Then − Now.
	Difference money.Amount `json:"difference"`
	// Unrated is what the other card has no rate for: it is in neither.
	Unrated reconciliation.Figure `json:"unrated,omitzero"`
}

// Rates rates charges again.
type Rates struct {
	Month domain.Month
	// Book has the other cards; At is the instant whose cards hold, zero for
	// that of each charge.
	Book *rating.Book
	At   time.Time

	rows map[rowKey]*Row
}

type rowKey struct {
	currency               money.Currency
	waba, market, category string
}

// Account rates the charges of an account's stream. The stream is read twice:
// a correction does not repeat the tier of its charge, so the tiers of what
// was taken back are kept, at most MaxCorrected.
func (r *Rates) Account(ctx context.Context, store eventstore.Store, c *codec.Codec, stream string) error {
	p := pass{r: r, tiers: map[string]string{}}
	if err := read(ctx, store, c, stream, []string{domain.TypeChargeCorrected}, p.corrected); err != nil {
		return err
	}
	return read(ctx, store, c, stream, []string{domain.TypeAccountOpened, domain.TypeConversationCharged, domain.TypeChargeCorrected}, p.take)
}

// pass is the reading of one account.
type pass struct {
	r *Rates
	// currency is the account's.
	currency money.Currency
	// tiers of the charges that were taken back, by charge id.
	tiers map[string]string
}

// corrected notes what was taken back.
func (p *pass) corrected(_ codec.Metadata, e domain.Event) error {
	c, ok := e.(*domain.ChargeCorrected)
	if !ok || c.Month != p.r.Month {
		return nil
	}
	if len(p.tiers) >= MaxCorrected {
		return fmt.Errorf("%w: %d charges were taken back", ErrTooMany, len(p.tiers))
	}
	p.tiers[c.ChargeID] = ""
	return nil
}

// take rates one event after another.
func (p *pass) take(_ codec.Metadata, e domain.Event) error {
	switch e := e.(type) {
	case *domain.AccountOpened:
		p.currency = e.Currency
	case *domain.ConversationCharged:
		if e.Month != p.r.Month {
			return nil
		}
		if _, back := p.tiers[e.ChargeID]; back {
			p.tiers[e.ChargeID] = e.Tier
		}
		return p.r.add(e, 1, e.Amount)
	case *domain.ChargeCorrected:
		if e.Month != p.r.Month {
			return nil
		}
		return p.r.add(&domain.ConversationCharged{
			WABAID: e.WABAID, Market: e.Market, Category: e.Category, PricingModel: e.PricingModel,
			OccurredAt: e.OccurredAt, Month: e.Month, Currency: p.currency, Tier: p.tiers[e.ChargeID],
		}, -1, e.Amount.Neg())
	}
	return nil
}

func (r *Rates) add(e *domain.ConversationCharged, count int64, amount money.Amount) error {
	k := rowKey{e.Currency, e.WABAID, e.Market, reconciliation.NormalizeCategory(e.Category)}
	row := r.rows[k]
	if row == nil {
		if len(r.rows) >= MaxRows {
			return fmt.Errorf("%w: %d rows", ErrTooMany, len(r.rows))
		}
		if r.rows == nil {
			r.rows = map[rowKey]*Row{}
		}
		row = &Row{Currency: k.currency, WABAID: k.waba, Market: k.market, Category: k.category}
		r.rows[k] = row
	}
	price, ok := r.price(e)
	if !ok {
		row.Unrated.Count += count
		row.Unrated.Amount = row.Unrated.Amount.Add(amount)
		return nil
	}
	row.Now.Count += count
	row.Now.Amount = row.Now.Amount.Add(amount)
	row.Then = row.Then.Add(price.Times(count))
	return nil
}

// price is the other card's price, in the tier that was recorded.
func (r *Rates) price(e *domain.ConversationCharged) (money.Amount, bool) {
	at := r.At
	if at.IsZero() {
		at = e.OccurredAt
	}
	rates := r.Book.TierRates(domain.RateQuery{
		Currency: e.Currency, WABAID: e.WABAID, Market: e.Market, Category: e.Category, Model: e.PricingModel, OccurredAt: at, Month: e.Month,
	})
	if len(rates) == 0 {
		return money.Amount{}, false
	}
	from := lower(e.Tier)
	for i := len(rates) - 1; i > 0; i-- {
		if from >= lower(rates[i].Tier) {
			return rates[i].Price, true
		}
	}
	return rates[0].Price, true
}

// lower is the lower bound of a tier such as 1000:MAX; 0 without a tier.
func lower(tier string) int64 {
	from, _, _ := strings.Cut(tier, ":")
	n, _ := strconv.ParseInt(from, 10, 64)
	return n
}

// By sums the rows up by some of waba, market and category, in order; without
// any it is one row per currency.
func (r *Rates) By(fields ...string) []Row {
	sums := map[rowKey]*Row{}
	for k, row := range r.rows {
		to := rowKey{currency: k.currency}
		for _, f := range fields {
			switch f {
			case "waba":
				to.waba = k.waba
			case "market":
				to.market = k.market
			case "category":
				to.category = k.category
			}
		}
		sum := sums[to]
		if sum == nil {
			sum = &Row{Currency: to.currency, WABAID: to.waba, Market: to.market, Category: to.category}
			sums[to] = sum
		}
		sum.Now.Count += row.Now.Count
		sum.Now.Amount = sum.Now.Amount.Add(row.Now.Amount)
		sum.Then = sum.Then.Add(row.Then)
		sum.Unrated.Count += row.Unrated.Count
		sum.Unrated.Amount = sum.Unrated.Amount.Add(row.Unrated.Amount)
		sum.Difference = sum.Then.Sub(sum.Now.Amount)
	}
	all := make([]Row, 0, len(sums))
	for _, row := range sums {
		all = append(all, *row)
	}
	slices.SortFunc(all, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Market, b.Market), cmp.Compare(a.Category, b.Category), cmp.Compare(a.WABAID, b.WABAID))
	})
	return all
}
