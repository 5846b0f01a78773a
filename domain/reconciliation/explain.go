package reconciliation

import (
	"cmp"
	"slices"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// explainer splits differences into parts (R26); the package's documentation
// defines them.
type explainer struct {
	month    domain.Month
	tiers    func(TierQuery) []TierRate
	currency money.Currency
}

// explained is what explaining has left of a cell so far.
type explained struct {
	// q, a and u are charged count, amount and mean price without what was
	// late, free or moved; u stays that of q and a at first.
	q    int64
	a, u money.Amount
	done bool
}

// explain sets the parts of an account's cells, which are in order of Key.
func (x *explainer) explain(currency money.Currency, cells []*cell) {
	x.currency = currency
	for len(cells) > 0 {
		n := 1
		for n < len(cells) && cells[n].WABAID == cells[0].WABAID && cells[n].Market == cells[0].Market {
			n++
		}
		x.neighbours(cells[:n])
		cells = cells[n:]
	}
}

// neighbours explains the keys of one WABA and market together: free and
// category look beyond one key.
func (x *explainer) neighbours(cells []*cell) {
	free := freeSurplus(cells)
	for _, l := range cells {
		l.takeLate()
		l.takeFree(free)
	}
	takeMoved(cells)
	for _, l := range cells {
		x.rest(l)
		l.close()
	}
}

// freeSurplus is how many more Meta counted as free at no cost than we did,
// per category.
func freeSurplus(cells []*cell) map[string]int64 {
	var free map[string]int64
	for _, l := range cells {
		if l.Free() && l.Invoiced.Amount.IsZero() {
			if free == nil {
				free = map[string]int64{}
			}
			free[l.Category] += l.Invoiced.Count - l.Charged.Count
		}
	}
	return free
}

// part adds a part that is worth something.
func (l *cell) part(kind PartKind, count int64, amount money.Amount, with string) {
	if amount.IsZero() {
		return
	}
	if len(l.Parts) >= MaxPartsPerLine {
		with = ""
	}
	for i := range l.Parts {
		if p := &l.Parts[i]; p.Kind == kind && (p.With == with || with == "" && len(l.Parts) >= MaxPartsPerLine) {
			p.Count += count
			p.Amount = p.Amount.Add(amount)
			return
		}
	}
	l.Parts = append(l.Parts, Part{Kind: kind, Count: count, Amount: amount, With: with})
}

func (l *cell) takeLate() {
	l.part(PartLate, l.Late.Count, l.Late.Amount, "")
	l.q, l.a = l.Charged.Count-l.Late.Count, l.Charged.Amount.Sub(l.Late.Amount)
	if l.q > 0 {
		l.u, _ = l.a.Quo(money.FromInt(l.q), ShareDecimals)
	}
}

// surplus is how many more there are here than at Meta.
func (l *cell) surplus() int64 { return l.q - l.Invoiced.Count }

// value is what n of the charged ones cost.
func (l *cell) value(n int64) money.Amount {
	if n == l.q {
		return l.a
	}
	return l.u.Times(n)
}

// less takes n away from what is charged; below zero it adds.
func (l *cell) less(n int64) money.Amount {
	v := l.value(n)
	l.q, l.a = l.q-n, l.a.Sub(v)
	return v
}

func (l *cell) takeFree(free map[string]int64) {
	n := min(l.surplus(), free[l.Category], l.q)
	if l.Free() || n <= 0 {
		return
	}
	free[l.Category] -= n
	l.part(PartFree, n, l.less(n), "")
}

// move is what makes two categories each other's counterpart.
type move struct {
	pricingType string
	count       int64
}

// takeMoved pairs categories whose surplus is each other's opposite.
func takeMoved(cells []*cell) {
	wanting := map[move][]*cell{}
	for _, l := range cells {
		if n := -l.surplus(); n > 0 && l.Invoiced.Count >= n && !l.Free() {
			wanting[move{l.PricingType, n}] = append(wanting[move{l.PricingType, n}], l)
		}
	}
	if len(wanting) == 0 {
		return
	}
	for _, l := range cells {
		n := l.surplus()
		if n <= 0 || l.q < n || l.Invoiced.Count < 0 || l.Free() {
			continue
		}
		m := move{l.PricingType, n}
		if len(wanting[m]) == 0 {
			continue
		}
		to := wanting[m][0]
		wanting[m] = wanting[m][1:]
		l.part(PartCategory, n, l.less(n), to.Category)
		if to.q > 0 {
			to.part(PartCategory, -n, to.less(-n), l.Category)
		} else {
			to.part(PartCategory, -n, to.Invoiced.Amount.Neg(), l.Category)
			to.done = true
		}
	}
}

// rest explains what looks at one key alone.
func (x *explainer) rest(l *cell) {
	switch {
	case l.done:
	case l.IsRounding():
		l.part(PartRounding, 0, l.Difference, "")
	case l.groups == nil:
		l.part(PartMissingAtMeta, l.q, l.a, "")
	case l.q == 0 && l.Charged.Count == l.Late.Count:
		l.part(PartMissingHere, -l.Invoiced.Count, l.Invoiced.Amount.Neg(), "")
	default:
		for _, k := range l.sortedGroups() {
			x.price(l, k, l.groups[k])
		}
		l.part(PartQuantity, l.surplus(), l.u.Times(l.surplus()), "")
	}
}

func (l *cell) sortedGroups() []groupKey {
	keys := make([]groupKey, 0, len(l.groups))
	for k := range l.groups {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b groupKey) int {
		return cmp.Or(cmp.Compare(a.currency, b.currency), cmp.Compare(a.rate, b.rate), cmp.Compare(a.tier, b.tier))
	})
	return keys
}

// price explains Q × (u − U) of one group of the invoice's lines: tier, rate
// or currency.
func (x *explainer) price(l *cell, k groupKey, g *group) {
	expected := l.u.Times(g.count)
	if expected.Equal(g.account) {
		return
	}
	var tiers []TierRate
	if x.tiers != nil {
		tiers = x.tiers(TierQuery{Currency: k.currency, Market: l.Market, Category: l.Category, Month: x.month})
	}
	if k.currency != x.currency {
		if len(tiers) == 0 {
			l.part(PartCurrency, g.count, expected.Sub(g.account), string(k.currency))
			return
		}
		card := tiers[0].Rate.Mul(g.rate).Times(g.count)
		l.part(PartCurrency, g.count, expected.Sub(card), string(k.currency))
		expected = card
	}
	kind, with := PartRate, ""
	if t := otherTier(tiers, g, l.u, k.rate == ""); t != "" {
		kind, with = PartTier, t
	}
	l.part(kind, g.count, expected.Sub(g.account), with)
}

// otherTier returns the tier whose rate Meta took instead of ours; "" where
// the price is no tier's. In the account's own currency ours is the charged
// price, else the tier that holds without a tier change.
func otherTier(tiers []TierRate, g *group, charged money.Amount, own bool) string {
	if len(tiers) < 2 || g.count == 0 {
		return ""
	}
	ours := tiers[0].Rate
	if own {
		ours = charged
	}
	for _, t := range tiers {
		if t.Tier != "" && !t.Rate.Equal(ours) && t.Rate.Times(g.count).Equal(g.given) {
			return t.Tier
		}
	}
	return ""
}

// kindOrder is the order in which parts are listed.
func kindOrder() []PartKind {
	return []PartKind{
		PartLate, PartFree, PartCategory, PartMissingAtMeta, PartMissingHere, PartTier, PartQuantity, PartRate,
		PartCurrency, PartRounding,
	}
}

// close gives to rounding what division left, and puts the parts in order.
func (l *cell) close() {
	if l.Difference.IsZero() && l.Post.IsZero() {
		l.Parts = nil
		return
	}
	rest := l.Difference
	for _, p := range l.Parts {
		rest = rest.Sub(p.Amount)
	}
	l.part(PartRounding, 0, rest, "")
	order := kindOrder()
	slices.SortStableFunc(l.Parts, func(a, b Part) int {
		return cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind))
	})
}
