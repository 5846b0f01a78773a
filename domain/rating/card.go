package rating

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// Limits of a rate card. Together they keep a card within one event of the
// log.
const (
	// MaxCardBytes bounds a rate card's file: 1 MiB.
	MaxCardBytes = 1 << 20
	// MaxCardRates bounds the rates of a card, tiers counted singly. Meta's
	// list has about 200.
	MaxCardRates = 1500
	// MaxNameBytes bounds the name of a market or category, in bytes.
	MaxNameBytes = 48
)

// MaxVolume is the upper end of a last tier, written MAX: the largest integer
// that every reader of JSON takes exactly.
const MaxVolume int64 = 1<<53 - 1

// Rate is one price of a card.
type Rate struct {
	Market string `json:"market"`
	// Category is in its normal spelling.
	Category string `json:"category"`
	// From and To bound the volume tier, both included; To is MaxVolume for
	// MAX. Both are 0 where the card's layout has no tiers.
	From int64 `json:"from,omitempty"`
	To   int64 `json:"to,omitempty"`
	// Price is the price of one conversation.
	Price money.Amount `json:"price"`
}

// Card is a rate card: the prices of one currency from one date on. It is
// immutable; make it with ParseRateCard.
type Card struct {
	// ID names the card for ever, such as "USD-2026-10-01-1f0c93ab" or
	// "USD-2026-10-01-PMP-1f0c93ab": currency, date, pricing model and the
	// beginning of the content's hash.
	ID       string         `json:"id"`
	Currency money.Currency `json:"currency"`
	// Effective is the day from whose 00:00 UTC the card is in force (R9).
	Effective time.Time `json:"effective"`
	// Model is the pricing model that the card serves; empty serves both.
	Model domain.PricingModel `json:"pricing_model,omitempty"`
	// Replaces is the id of the card that this one replaces (R9); mostly
	// empty.
	Replaces string `json:"replaces,omitempty"`
	// SHA256 is the hash of the content, in hex: not of the file, whose
	// order, quoting and line ends don't matter.
	SHA256 string `json:"sha256"`
	// Rates are sorted by market, category and tier. What the file gives as
	// n/a is not among them.
	Rates []Rate `json:"rates"`
}

// seal sorts the rates and names the card by its content.
func (c *Card) seal() {
	slices.SortFunc(c.Rates, func(a, b Rate) int {
		return cmp.Or(cmp.Compare(a.Market, b.Market), cmp.Compare(a.Category, b.Category), cmp.Compare(a.From, b.From))
	})
	day := c.Effective.Format(time.DateOnly)
	h := sha256.New()
	line := func(fields ...string) {
		for _, f := range fields {
			h.Write(append([]byte(f), 0))
		}
	}
	line(string(c.Currency), day, string(c.Model))
	for _, r := range c.Rates {
		line(r.Market, r.Category, strconv.FormatInt(r.From, 10), strconv.FormatInt(r.To, 10), r.Price.String())
	}
	c.SHA256 = hex.EncodeToString(h.Sum(nil))
	c.ID = string(c.Currency) + "-" + day + "-"
	if c.Model != "" {
		c.ID += string(c.Model) + "-"
	}
	c.ID += c.SHA256[:8]
}

// TierLabel writes a tier as "from:to", MaxVolume as MAX.
func TierLabel(from, to int64) string {
	b := append(strconv.AppendInt(nil, from, 10), ':')
	if to == MaxVolume {
		return string(append(b, "MAX"...))
	}
	return string(strconv.AppendInt(b, to, 10))
}
