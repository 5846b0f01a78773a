package httpapi

import (
	"context"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
)

// forecasts registers when balances will have run out.
func (a *API) forecasts() {
	register(a, get("/accounts/{partner_id}/forecast", "get_forecast", "Say when an account's balance is expected to be at its threshold and at zero.", "Forecasts"),
		access.ReadsAccount(), a.forecast)
	register(a, slow(get("/forecasts", "list_forecasts", "List the forecasts of the accounts that you may see, the most urgent first; closed accounts have none.", "Forecasts")),
		access.ReadsOwn(), a.listForecasts)
}

func (a *API) forecast(ctx context.Context, in *liveInput) (*body[desk.ForecastLine], error) {
	found, err := a.live(ctx, in.PartnerID, in.AtLeast)
	if err != nil {
		return nil, err
	}
	line, err := a.desk.Forecast(found)
	return &body[desk.ForecastLine]{line}, err
}

type forecastsInput struct {
	Limit int `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many of the most urgent are listed."`
}

// Forecasts are the most urgent forecasts.
type Forecasts struct {
	Items []desk.ForecastLine `json:"items" doc:"The most urgent first."`
	Total int                 `json:"total" doc:"How many accounts there are to choose from."`
}

// listForecasts looks at every account that the caller may see: it waits for
// its turn among what costs more.
func (a *API) listForecasts(ctx context.Context, in *forecastsInput) (*body[Forecasts], error) {
	release, err := a.fold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	lines, err := a.desk.Forecasts(ctx, access.From(ctx).Sees)
	return &body[Forecasts]{Forecasts{Items: lines[:min(len(lines), in.Limit)], Total: len(lines)}}, err
}
