// Package rating answers what a conversation costs and which market it
// belongs to: rate cards with their dates and volume tiers (R9), Meta's table
// of markets, and which conversations Meta's pricing object marks as free
// (R7).
//
// Everything is immutable: adding a card or a tier gives a new Book, and the
// old one goes on answering those who hold it.
package rating

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// Book is the set of rate cards and of the volume tiers that were reached.
// The zero value has none. It is immutable and safe for concurrent use.
type Book struct {
	cards      map[string]*Card // by id, those in force at their date
	currencies map[money.Currency][]dated
	tiers      tierSteps
}

// dated is what is in force from a date on, in one currency.
type dated struct {
	from   int64 // Unix seconds
	shared *priced
	pmp    *priced
	cbp    *priced
}

// forModel returns the card that serves the model, the model's own first.
func (d *dated) forModel(m domain.PricingModel) *priced {
	own := d.pmp
	if m == domain.CBP {
		own = d.cbp
	} else if m != domain.PMP {
		return d.shared
	}
	if own != nil {
		return own
	}
	return d.shared
}

// slot returns the place of cards with this model, empty for both.
func (d *dated) slot(m domain.PricingModel) **priced {
	switch m {
	case domain.PMP:
		return &d.pmp
	case domain.CBP:
		return &d.cbp
	default:
		return &d.shared
	}
}

// priced is a card, prepared for look-ups.
type priced struct {
	card *Card
	rows map[rowKey]*row
}

type rowKey struct{ market, category string }

// row has the tiers of one market and category; one tier without label where
// there are none.
type row struct {
	tiers            []tier
	market, category string // in normal spelling
}

type tier struct {
	from, to int64
	rate     domain.Rate
}

// prepare builds the look-up of a card.
func prepare(c *Card) *priced {
	p := &priced{card: c, rows: make(map[rowKey]*row, len(c.Rates))}
	for _, r := range c.Rates {
		k := rowKey{r.Market, r.Category}
		if p.rows[k] == nil {
			p.rows[k] = &row{market: NormalCategory(r.Market), category: NormalCategory(r.Category)}
		}
		p.rows[k].tiers = append(p.rows[k].tiers, tier{r.From, r.To, domain.Rate{Price: r.Price, CardID: c.ID}})
	}
	for _, r := range p.rows {
		for i := range r.tiers {
			if len(r.tiers) > 1 {
				r.tiers[i].rate.Tier = TierLabel(r.tiers[i].from, r.tiers[i].to)
			}
		}
	}
	return p
}

// With returns a book that has the card too. The same content again changes
// nothing. Other content for the same currency, pricing model and date is
// rejected (rate_card_conflict), unless the card names the one that it
// replaces; so is a card that names anything else (R9).
func (b *Book) With(c *Card) (*Book, error) {
	list := b.currencies[c.Currency]
	i, found := slices.BinarySearchFunc(list, c.Effective.Unix(), func(d dated, from int64) int { return cmp.Compare(d.from, from) })
	var current *Card
	if found {
		if p := *list[i].slot(c.Model); p != nil {
			current = p.card
		}
	}
	switch {
	case current != nil && current.SHA256 == c.SHA256:
		return b, nil
	case current != nil && c.Replaces == "":
		return nil, domain.Reject(domain.RateCardConflict, "Rate card %s is in force from that date with other rates: give a later date, or name it as replaced.", current.ID)
	case current != nil && c.Replaces != current.ID:
		return nil, domain.Reject(domain.RateCardConflict, "The card to be replaced is given as %.80q, but the one in force from that date is %s: name that one.", c.Replaces, current.ID)
	case current == nil && c.Replaces != "":
		return nil, domain.Reject(domain.RateCardConflict, "The card to be replaced is given as %.80q, but none of the same currency, pricing model and date is there: leave it out, or correct the date.", c.Replaces)
	}
	next := *b
	next.cards, next.currencies = maps.Clone(b.cards), maps.Clone(b.currencies)
	if next.cards == nil {
		next.cards, next.currencies = map[string]*Card{}, map[money.Currency][]dated{}
	}
	list = slices.Clone(list)
	if !found {
		list = slices.Insert(list, i, dated{from: c.Effective.Unix()})
	}
	*list[i].slot(c.Model) = prepare(c)
	next.currencies[c.Currency] = list
	if current != nil {
		delete(next.cards, current.ID)
	}
	next.cards[c.ID] = c
	return &next, nil
}

// WithTiers returns a book that knows the tier changes too. They may come in
// any order and more than once; of the same tier the earliest time holds.
func (b *Book) WithTiers(changes ...TierChange) *Book {
	next := *b
	next.tiers = b.tiers.with(changes)
	return &next
}

// Card returns the card with the id; nil where it is unknown or replaced.
func (b *Book) Card(id string) *Card { return b.cards[id] }

// Cards returns the cards by currency, date and model; replaced ones are out.
func (b *Book) Cards() []*Card {
	all := make([]*Card, 0, len(b.cards))
	for _, c := range b.cards {
		all = append(all, c)
	}
	slices.SortFunc(all, func(x, y *Card) int {
		return cmp.Or(cmp.Compare(x.Currency, y.Currency), x.Effective.Compare(y.Effective), cmp.Compare(x.Model, y.Model))
	})
	return all
}

// Rate prices a conversation (R9): by the newest card in force when it
// occurred, in the tier that its WABA had reached by then, else the first.
// It reports false where that card has no rate for market and category: no
// older card and no other market stands in.
func (b *Book) Rate(q domain.RateQuery) (domain.Rate, bool) {
	at := q.OccurredAt.Unix()
	r := b.row(q.Currency, q.Market, q.Category, q.Model, at)
	if r == nil {
		return domain.Rate{}, false
	}
	if len(r.tiers) == 1 || len(b.tiers) == 0 {
		return r.tiers[0].rate, true
	}
	from, reached := b.tiers.at(q.Month, tierKey{q.WABAID, r.market, r.category}, at)
	if !reached {
		return r.tiers[0].rate, true
	}
	return r.tierFrom(from).rate, true
}

// TierRates returns the prices of all tiers of the row that would price the
// conversation, in order of volume; a single one where there are no tiers,
// none where there is no rate.
func (b *Book) TierRates(q domain.RateQuery) []domain.Rate {
	r := b.row(q.Currency, q.Market, q.Category, q.Model, q.OccurredAt.Unix())
	if r == nil {
		return nil
	}
	rates := make([]domain.Rate, len(r.tiers))
	for i := range r.tiers {
		rates[i] = r.tiers[i].rate
	}
	return rates
}

// InForce returns the card that prices conversations of the currency and
// model at the instant; nil where there is none.
func (b *Book) InForce(currency money.Currency, model domain.PricingModel, at time.Time) *Card {
	if p := b.inForce(currency, model, at.Unix()); p != nil {
		return p.card
	}
	return nil
}

func (b *Book) inForce(currency money.Currency, model domain.PricingModel, at int64) *priced {
	list := b.currencies[currency]
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].from > at {
			continue
		}
		if p := list[i].forModel(model); p != nil {
			return p
		}
	}
	return nil
}

func (b *Book) row(currency money.Currency, market, category string, model domain.PricingModel, at int64) *row {
	p := b.inForce(currency, model, at)
	if p == nil {
		return nil
	}
	if r := p.rows[rowKey{market, category}]; r != nil {
		return r
	}
	if normal := NormalCategory(category); normal != category {
		return p.rows[rowKey{market, normal}]
	}
	return nil
}

// tierFrom returns the tier with this lower bound, else the one that contains
// it, else the nearest.
func (r *row) tierFrom(from int64) *tier {
	for i := len(r.tiers) - 1; i > 0; i-- {
		if r.tiers[i].from <= from {
			return &r.tiers[i]
		}
	}
	return &r.tiers[0]
}
