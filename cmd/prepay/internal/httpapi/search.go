package httpapi

import (
	"context"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
)

// search registers the search.
func (a *API) search() {
	register(a, get("/search", "search", "Find by the id of a charge or conversation, the number of an invoice, a document, an account or a stream.", "Audit"), access.ReadsAll(), a.find)
}

type searchInput struct {
	Query string `query:"q" required:"true" minLength:"1" maxLength:"256" doc:"What is searched for."`
}

func (a *API) find(ctx context.Context, in *searchInput) (*body[*desk.Found], error) {
	found, err := a.desk.Search(ctx, in.Query)
	return &body[*desk.Found]{found}, err
}
