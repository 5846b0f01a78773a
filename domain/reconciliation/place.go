package reconciliation

import (
	"fmt"

	"prepayledger/domain/money"
)

// place gives every line of a document to whom it belongs (R27).
func (c *computation) place(d *Document) error {
	rates := make(map[fxPair]*FXRate, len(d.FX))
	for i := range d.FX {
		rates[fxPair{d.FX[i].From, d.FX[i].To}] = &d.FX[i]
	}
	for i := range d.Lines {
		if d.Lines[i].Month != c.in.Month {
			continue
		}
		p := placement{c: c, document: d, rates: rates, number: i + 1, line: &d.Lines[i]}
		p.volume, p.amount = p.line.Signed()
		if err := p.place(); err != nil {
			return err
		}
	}
	return nil
}

// placement is one line on its way.
type placement struct {
	c        *computation
	document *Document
	rates    map[fxPair]*FXRate
	number   int
	line     *InvoiceLine
	volume   int64
	amount   money.Amount
}

func (p *placement) place() error {
	c := p.c
	c.invoiced[p.line.WABAID] = true
	if allocation, ok := p.document.Allocations[p.number]; ok {
		return p.allocated(allocation)
	}
	owners, direct, why := c.directory.owners(p.line.WABAID, p.line.PhoneNumberID)
	switch {
	case direct:
		p.direct()
	case why != "":
		c.unallocated = append(c.unallocated, p.ref(why))
	case len(owners) == 1:
		p.give(c.accounts[owners[0]], p.volume, p.amount)
	default:
		p.share(owners)
	}
	return nil
}

func (p *placement) allocated(a Allocation) error {
	if a.OwnCost {
		p.c.ownCost = append(p.c.ownCost, p.ref(""))
		return nil
	}
	account := p.c.accounts[a.PartnerID]
	if account == nil {
		return fmt.Errorf("%w: line %d of %s is allocated to unknown account %q", ErrInput, p.number, p.document.InvoiceID, a.PartnerID)
	}
	p.give(account, p.volume, p.amount)
	return nil
}

func (p *placement) direct() {
	k := directKey{p.line.WABAID, p.line.Currency}
	t := p.c.direct[k]
	if t == nil {
		t = &DirectTotal{WABAID: k.waba, Currency: k.currency}
		p.c.direct[k] = t
	}
	t.Lines++
	t.Volume += p.volume
	t.Amount = t.Amount.Add(p.amount)
}

func (p *placement) ref(why string) LineRef {
	return LineRef{
		InvoiceID: p.document.InvoiceID, Version: p.document.Version, Line: p.number,
		WABAID: p.line.WABAID, PhoneNumberID: p.line.PhoneNumberID,
		Volume: p.volume, Amount: p.amount, Currency: p.line.Currency, Why: why,
	}
}

// key is the line's Key.
func (p *placement) key() Key {
	market := p.line.Market
	if market == "" && p.c.in.MarketOf != nil {
		market = p.c.in.MarketOf(p.line.Country)
	}
	return Key{p.line.WABAID, market, NormalizeCategory(p.line.Category), NormalizePricingType(p.line.PricingType)}
}

// share splits a line of a WABA that several accounts share by what each was
// charged: for the key, else for the whole WABA (R27). A line that costs
// nothing needs only counts.
func (p *placement) share(owners []string) {
	key := p.key()
	amounts := make([]money.Amount, len(owners))
	counts := make([]int64, len(owners))
	charged, counted := false, false
	for _, whole := range [...]bool{false, true} {
		for i, id := range owners {
			f := p.c.accounts[id].charged(key, whole)
			if !charged {
				amounts[i] = f.Amount
			}
			if !counted {
				counts[i] = f.Count
			}
		}
		charged = charged || anyPositive(amounts, money.Amount.Sign)
		counted = counted || anyPositive(counts, func(n int64) int { return int(min(max(n, -1), 1)) })
	}
	if !charged && !(counted && p.amount.IsZero()) {
		p.c.unallocated = append(p.c.unallocated, p.ref(WhyNoShare))
		return
	}
	volumes := shareCount(p.volume, counts)
	shares := make([]money.Amount, len(owners))
	if charged {
		shares = shareAmount(p.amount, amounts)
	}
	for i, id := range owners {
		if volumes[i] != 0 || !shares[i].IsZero() {
			p.give(p.c.accounts[id], volumes[i], shares[i])
		}
	}
}

// charged is what the account was charged for a key, or for its whole WABA.
func (a *account) charged(k Key, wholeWABA bool) Figure {
	if wholeWABA {
		return a.wabas[k.WABAID]
	}
	if l := a.cells[k]; l != nil {
		return l.Charged
	}
	return Figure{}
}

func anyPositive[T any](values []T, sign func(T) int) bool {
	for _, v := range values {
		if sign(v) > 0 {
			return true
		}
	}
	return false
}

// give adds a line, or a part of one, to an account, converted to its
// currency.
func (p *placement) give(a *account, volume int64, amount money.Amount) {
	k := groupKey{currency: p.line.Currency, tier: p.line.Tier}
	converted := amount
	var rate *FXRate
	if p.line.Currency != a.Currency {
		if rate = p.rates[fxPair{p.line.Currency, a.Currency}]; rate == nil {
			p.missing(a.Currency)
			return
		}
		k.rate = rate.Rate.String()
		converted = amount.Mul(rate.Rate)
		a.convert(rate, amount, converted)
	}
	if n := len(a.documents); n == 0 || a.documents[n-1] != p.document.InvoiceID {
		a.documents = append(a.documents, p.document.InvoiceID)
	}
	key := p.key()
	if p.c.given != nil {
		p.c.given(a, p.piece(key, volume, amount, converted, rate))
	}
	l := a.cell(key)
	l.Invoiced = l.Invoiced.add(volume, converted)
	if l.groups == nil {
		l.groups = map[groupKey]*group{}
	}
	g := l.groups[k]
	if g == nil {
		g = &group{}
		if rate != nil {
			g.rate = rate.Rate
		}
		l.groups[k] = g
	}
	g.count += volume
	g.given = g.given.Add(amount)
	g.account = g.account.Add(converted)
}

func (a *account) convert(rate *FXRate, amount, converted money.Amount) {
	k := convertedKey{rate.From, rate.Rate.String(), rate.Date, rate.Source}
	t := a.converted[k]
	if t == nil {
		t = &Converted{FXRate: *rate}
		a.converted[k] = t
	}
	t.Amount = t.Amount.Add(amount)
	t.Converted = t.Converted.Add(converted)
}

// missing notes a rate of exchange that the document should have brought.
func (p *placement) missing(to money.Currency) {
	what := fmt.Sprintf("%s to %s in %s", p.line.Currency, to, p.document.InvoiceID)
	if !p.c.missingSeen[what] {
		p.c.missingSeen[what] = true
		p.c.missing = append(p.c.missing, what)
	}
}
