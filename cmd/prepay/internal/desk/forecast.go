package desk

import (
	"prepayledger/consumers/forecast"
	"prepayledger/domain/money"
	"prepayledger/projections/accounts"
)

// ForecastLine is an account's forecast for people and machines.
type ForecastLine struct {
	PartnerID string         `json:"partner_id"`
	Currency  money.Currency `json:"currency"`
	Balance   money.Amount   `json:"balance"`
	Mark      money.Amount   `json:"threshold_amount"`
	forecast.Forecast
}

// Forecast makes an account's forecast.
func (d *Desk) Forecast(account *accounts.Account) (ForecastLine, error) {
	s := account.State
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
