package desk

import (
	"context"

	"prepayledger/consumers/forecast"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections/accounts"
)

// ForecastLine is an account's forecast for people and machines.
type ForecastLine struct {
	PartnerID string         `json:"partner_id" doc:"The account's partner id."`
	Currency  money.Currency `json:"currency" doc:"ISO 4217 code."`
	Balance   money.Amount   `json:"balance" doc:"The balance that it starts from."`
	Mark      money.Amount   `json:"threshold_amount" doc:"The balance below which the card is charged (R11)."`
	forecast.Forecast
}

// Forecast makes an account's forecast.
func (d *Desk) Forecast(account *accounts.Account) (ForecastLine, error) {
	return d.forecast(&account.State.Funds)
}

func (d *Desk) forecast(s *domain.Funds) (ForecastLine, error) {
	l := ForecastLine{PartnerID: s.PartnerID, Currency: s.Currency, Balance: s.Balance, Mark: s.Settings.Threshold}
	sums, err := d.Views.Usage.Days(s.PartnerID)
	if err != nil {
		return l, err
	}
	in := forecast.Input{Now: d.Ledger.Now(), Balance: s.Balance, Threshold: s.Settings.Threshold}
	for i := range sums {
		_, amount := sums[i].Net()
		in.Days = append(in.Days, forecast.Day{Day: sums[i].Day, Amount: amount})
	}
	l.Forecast = forecast.Of(in)
	return l, nil
}

// Forecasts makes the forecasts of all accounts that are not closed and that
// may be seen, the most urgent first.
func (d *Desk) Forecasts(ctx context.Context, sees func(partnerID string) bool) ([]ForecastLine, error) {
	lines := []ForecastLine{}
	for _, id := range d.Views.Accounts.Partners() {
		s, known := d.Views.Accounts.Funds(id)
		if !known || s.Closed || !sees(id) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l, err := d.forecast(&s)
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	forecast.Sort(lines, func(l *ForecastLine) (*forecast.Forecast, string) { return &l.Forecast, l.PartnerID })
	return lines, nil
}
