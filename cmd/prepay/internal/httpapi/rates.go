package httpapi

import (
	"context"
	"io"
	"time"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/consumers/commandjson"
	"prepayledger/domain"
	"prepayledger/domain/rating"
	"prepayledger/projections/cards"
)

// MaxRatesBytes bounds a rate card or table of markets: 4 MiB.
const MaxRatesBytes = 4 << 20

// rates registers the operations of rate cards and markets.
func (a *API) rates() {
	op := post("/rate-cards", "Rates")
	op.OperationID, op.Summary = "import_rate_card", "Import a rate card, whole or not at all."
	upload(a, op, access.Finance(), MaxRatesBytes, []option{
		{"effective", "First day of the card (YYYY-MM-DD); the title's or the file name's without."},
		{"pricing_model", "Pricing model that it serves, PMP or CBP; both without."},
		{"replaces", "Id of the card of the same date that it replaces."},
	}, a.importRates)
	register(a, get("/rate-cards", "list_rate_cards", "List the rate cards by currency and date.", "Rates"), access.ReadsAll(), a.listRates)
	op = post("/markets", "Rates")
	op.OperationID, op.Summary = "import_markets", "Import the table of markets, whole or not at all."
	upload(a, op, access.Finance(), MaxRatesBytes, nil, a.importMarkets)
}

// ImportedCard is what an import of a rate card came to.
type ImportedCard struct {
	File      string `json:"file"`
	CardID    string `json:"card_id"`
	Currency  string `json:"currency"`
	Effective string `json:"effective" doc:"First day."`
	New       bool   `json:"new" doc:"false: it was there before."`
}

func (a *API) importRates(ctx context.Context, u *uploaded) (answer ImportedCard, err error) {
	file, err := u.file()
	if err != nil {
		return answer, err
	}
	options := rating.CardOptions{Replaces: u.values.Get("replaces")}
	if day := u.values.Get("effective"); day != "" {
		if options.Effective, err = time.Parse(time.DateOnly, day); err != nil {
			return answer, &commandjson.FieldError{Field: "effective", Problem: "write a day like 2026-10-01"}
		}
	}
	switch model := u.values.Get("pricing_model"); model {
	case "", "both":
	case string(domain.PMP), string(domain.CBP):
		options.Model = domain.PricingModel(model)
	default:
		return answer, &commandjson.FieldError{Field: "pricing_model", Problem: "it is PMP, CBP or both"}
	}
	data, err := io.ReadAll(file)
	if err != nil {
		return answer, err
	}
	card, added, err := a.desk.Ledger.ImportRates(ctx, u.meta(ctx), file.Name, data, options)
	if err != nil {
		return answer, err
	}
	return ImportedCard{file.Name, card.ID, string(card.Currency), card.Effective.Format(time.DateOnly), added}, nil
}

// RateCard is a rate card without its prices.
type RateCard cards.Card

func (a *API) listRates(ctx context.Context, in *PageInput) (*body[Page[RateCard]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	if err := a.desk.Ledger.Settle(ctx); err != nil {
		return nil, err
	}
	found, err := a.desk.Views.Cards.All()
	if err != nil {
		return nil, err
	}
	var all []RateCard
	for i := range found {
		all = append(all, RateCard(found[i]))
	}
	page, err := numbered(all, after, in.Limit)
	return &body[Page[RateCard]]{page}, err
}

// ImportedMarkets is what an import of the table of markets came to.
type ImportedMarkets struct {
	New bool `json:"new" doc:"false: this table holds already."`
}

func (a *API) importMarkets(ctx context.Context, u *uploaded) (answer ImportedMarkets, err error) {
	file, err := u.file()
	if err != nil {
		return answer, err
	}
	data, err := io.ReadAll(file)
	if err != nil {
		return answer, err
	}
	answer.New, err = a.desk.Ledger.ImportMarkets(ctx, u.meta(ctx), file.Name, data)
	return answer, err
}
