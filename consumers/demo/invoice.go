package demo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// Usage is what was charged, or counted for a direct channel, under one key.
type Usage struct {
	PartnerID, WABAID, Market, Category string
	Direct                              bool
	Count                               int64
	Amount                              money.Amount
}

// Invoice is Meta's invoice for the month.
type Invoice struct {
	// Text is the file, as prepay reads it.
	Text string
	// FX are the rates that came with it (R30).
	FX []reconciliation.FXRate
	// Stray is the line (from 1) of a WABA that is nobody's (R27).
	Stray int
	// Variances are where it differs from what was charged.
	Variances []Variance
}

// Variance is one difference that the invoice has on purpose.
type Variance struct {
	Kind reconciliation.PartKind
	// Text says what Meta sees otherwise.
	Text string
}

// The invoice's figures that are Meta's own.
const (
	// usdToEUR converts the line that is billed in USD.
	usdToEUR = "0.92"
	// dearer is Meta's factor on a rate.
	dearer = "1.05"
	// few is how many messages Meta counts otherwise.
	few = 3
)

// bill is Meta's invoice in the making.
type bill struct {
	plan      *Plan
	lines     []billed
	variances []Variance
}

// billed is one line.
type billed struct {
	Usage
	currency money.Currency
	pricing  string
	gone     bool
}

// Invoice makes Meta's invoice: what was charged, with every kind of variance
// (R26). Where a month is too small for one, it is left out.
func (p *Plan) Invoice(charged []Usage) *Invoice {
	b := &bill{plan: p}
	b.gather(charged)
	b.vary()
	b.lines = slices.DeleteFunc(b.lines, func(l billed) bool { return l.gone || l.Count == 0 })
	b.lines = append(b.lines, billed{
		Usage:    Usage{WABAID: "102290129990001", Market: brazil.market, Category: marketing, Count: 4, Amount: money.MustParse("0.25")},
		currency: "USD", pricing: "regular",
	})
	return &Invoice{
		Text: b.text(), Stray: len(b.lines), Variances: b.variances,
		FX: []reconciliation.FXRate{{From: "USD", To: "EUR", Rate: money.MustParse(usdToEUR), Date: "2026-10-30", Source: "ECB"}},
	}
}

// gather sums up by WABA, market and category: an invoice has no channels.
// Direct ones are billed at list price.
func (b *bill) gather(charged []Usage) {
	type key struct{ partner, waba, market, category string }
	at := map[key]int{}
	for _, u := range charged {
		k := key{u.PartnerID, u.WABAID, u.Market, u.Category}
		currency := b.plan.currency(u.PartnerID)
		if u.Direct {
			u.Amount = b.plan.prices[priceKey{currency, u.Market, u.Category}].Times(u.Count)
		}
		i, known := at[k]
		if !known {
			at[k] = len(b.lines)
			b.lines = append(b.lines, billed{Usage: u, currency: currency, pricing: "regular"})
			continue
		}
		l := &b.lines[i]
		l.Count += u.Count
		l.Amount = l.Amount.Add(u.Amount)
	}
	slices.SortFunc(b.lines, func(x, y billed) int {
		return cmp.Or(cmp.Compare(x.WABAID, y.WABAID), cmp.Compare(x.Market, y.Market), cmp.Compare(x.Category, y.Category))
	})
}

func (p *Plan) currency(partner string) money.Currency {
	for _, known := range p.Partners {
		if known.ID == partner {
			return known.Currency
		}
	}
	return ""
}

// price is the list price of a line.
func (b *bill) price(l *billed, category string) money.Amount {
	return b.plan.prices[priceKey{l.currency, l.Market, category}]
}

// busiest finds a partner's line with the most messages of a category to a
// market, at least as many as asked for; nil where there is none. A partner's
// last WABA (see vary) takes no part.
func (b *bill) busiest(partner int, to destination, category string, least int64) *billed {
	var best *billed
	for i := range b.lines {
		l := &b.lines[i]
		if l.PartnerID != b.plan.Partners[partner].ID || l.Market != to.market || l.Category != category ||
			l.Direct || l.gone || l.Count < least || l.WABAID == b.plan.uninvoiced() {
			continue
		}
		if best == nil || l.Count > best.Count {
			best = l
		}
	}
	return best
}

// uninvoiced is the WABA that Meta leaves out: that of the channel that was
// given up.
func (p *Plan) uninvoiced() string { return p.Partners[1].Channels[partnerPaidOfNorte-1].WABAID }

func (b *bill) note(kind reconciliation.PartKind, format string, args ...any) {
	b.variances = append(b.variances, Variance{kind, fmt.Sprintf(format, args...)})
}

// vary makes the invoice differ from what was charged, in every way once.
func (b *bill) vary() {
	b.varyEUR()
	b.varyUSD()
	for i := range b.lines {
		if l := &b.lines[i]; l.WABAID == b.plan.uninvoiced() {
			l.gone = true
		}
	}
	b.note(reconciliation.PartMissingAtMeta, "and the whole of WABA %s", b.plan.uninvoiced())
}

func (b *bill) varyEUR() {
	if l := b.busiest(0, germany, marketing, 1); l != nil {
		l.Count += few
		l.Amount = l.Amount.Add(b.price(l, marketing).Times(few))
		b.note(reconciliation.PartQuantity, "%d more marketing messages to Germany", few)
	}
	if l := b.busiest(0, germany, utility, 1); l != nil {
		l.Amount = b.price(l, utility).Mul(money.MustParse(TierFactor)).Times(l.Count)
		b.note(reconciliation.PartTier, "%d utility messages to Germany reached the second tier", l.Count)
	}
	if from := b.busiest(0, brazil, marketing, few+1); from != nil {
		if to := b.sister(from, utility); to != nil {
			from.Count, from.Amount = from.Count-few, from.Amount.Sub(b.price(from, marketing).Times(few))
			to.Count, to.Amount = to.Count+few, to.Amount.Add(b.price(to, utility).Times(few))
			b.note(reconciliation.PartCategory, "%d marketing messages to Brazil are utility", few)
		}
	}
	if l := b.busiest(0, india, marketing, 1); l != nil {
		l.currency = "USD"
		l.Amount = b.price(l, marketing).Times(l.Count)
		b.note(reconciliation.PartCurrency, "%d marketing messages to India billed in USD, at %s", l.Count, usdToEUR)
		b.note(reconciliation.PartRounding, "the converted total in whole cents")
	}
}

// sister is the line of the same WABA and market in another category.
func (b *bill) sister(of *billed, category string) *billed {
	for i := range b.lines {
		if l := &b.lines[i]; l.WABAID == of.WABAID && l.Market == of.Market && l.Category == category {
			return l
		}
	}
	return nil
}

func (b *bill) varyUSD() {
	if l := b.busiest(1, mexico, marketing, 1); l != nil {
		l.Amount = l.Amount.Mul(money.MustParse(dearer))
		b.note(reconciliation.PartRate, "marketing to Mexico at %s of the list rate", dearer)
	}
	if l := b.busiest(1, argentina, authentication, 1); l != nil {
		l.gone = true
		b.note(reconciliation.PartMissingAtMeta, "%d codes to Argentina,", l.Count)
	}
	if l := b.busiest(1, spain, utility, few+1); l != nil {
		l.Count, l.Amount = l.Count-few, l.Amount.Sub(b.price(l, utility).Times(few))
		free := *l
		free.pricing, free.Count, free.Amount = "free_customer_service", few, money.Zero()
		b.lines = append(b.lines, free)
		b.note(reconciliation.PartFree, "%d utility messages to Spain cost nothing", few)
	}
	b.lines = append(b.lines, billed{
		Usage:    Usage{PartnerID: b.plan.Partners[1].ID, WABAID: b.plan.Partners[1].Channels[0].WABAID, Market: "Poland", Category: marketing, Count: 5, Amount: money.MustParse("0.183")},
		currency: "USD", pricing: "regular",
	})
	b.note(reconciliation.PartMissingHere, "5 marketing messages to Poland, unknown here")
}

// text writes the file.
func (b *bill) text() string {
	var out strings.Builder
	out.WriteString("invoice_id,document_type,billing_period,waba_id,phone_number_id,country,market,category,pricing_type,tier,volume,amount,currency\n")
	for _, l := range b.lines {
		fmt.Fprintf(&out, "%s,INV,%s-01,%s,,,%s,%s,%s,,%d,%s,%s\n", InvoiceID, BillingMonth, l.WABAID, l.Market, l.Category, l.pricing, l.Count, l.Amount, l.currency)
	}
	return out.String()
}
