package demo

import (
	"bytes"
	_ "embed" // the rate cards
	"fmt"

	"prepayledger/domain/money"
	"prepayledger/domain/rating"
)

//go:embed data/rates-usd-2026-10-01.csv
var cardUSD []byte

//go:embed data/rates-eur-sample.csv
var cardEUR []byte

// RateCard is a file of rates.
type RateCard struct {
	Name string
	Data []byte
}

// prices are the first tier's rates.
type prices map[priceKey]money.Amount

type priceKey struct {
	currency         money.Currency
	market, category string
}

// TierFactor is the second volume tier's rate of the EUR card for utility
// messages to Germany, as a factor of the first tier's.
const TierFactor = "0.9"

// tierFrom is the second tier's first message.
const tierFrom = 250_001

// rateCards returns Meta's list rates in USD, and the EUR sample with a volume
// tier added.
func rateCards() ([]RateCard, prices, error) {
	known := prices{}
	usd, err := rating.ParseRateCard("rates-usd-2026-10-01.csv", cardUSD, rating.CardOptions{})
	if err != nil {
		return nil, nil, err
	}
	eur, err := rating.ParseRateCard("rates-eur-sample.csv", cardEUR, rating.CardOptions{})
	if err != nil {
		return nil, nil, err
	}
	for _, card := range []*rating.Card{usd, eur} {
		for _, r := range card.Rates {
			known[priceKey{card.Currency, r.Market, r.Category}] = r.Price
		}
	}
	return []RateCard{{"rates-usd-2026-10-01.csv", cardUSD}, {"rates-eur-tiers-2026-10-01.csv", tiered(eur)}}, known, nil
}

// tiered writes a card in the layout with volume tiers.
func tiered(card *rating.Card) []byte {
	b := bytes.NewBufferString("market,currency,category,from_volume,to_volume,rate\n")
	for _, r := range card.Rates {
		if r.Market == germany.market && r.Category == utility {
			fmt.Fprintf(b, "%s,%s,%s,1,%d,%s\n", r.Market, card.Currency, r.Category, tierFrom-1, r.Price)
			fmt.Fprintf(b, "%s,%s,%s,%d,MAX,%s\n", r.Market, card.Currency, r.Category, tierFrom, r.Price.Mul(money.MustParse(TierFactor)))
			continue
		}
		fmt.Fprintf(b, "%s,%s,%s,1,MAX,%s\n", r.Market, card.Currency, r.Category, r.Price)
	}
	return b.Bytes()
}
