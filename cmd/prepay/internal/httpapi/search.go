package httpapi

import (
	"context"
	"time"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/consumers/commandjson"
	"prepayledger/eventstore"
)

// search registers the search.
func (a *API) search() {
	register(a, slow(get("/search", "search", "Find by the id of a charge or conversation, the number of an invoice, a document's or partner's id, or a stream's name.", "Audit")), access.ReadsAll(), a.find)
}

type searchInput struct {
	Query string `query:"q" required:"true" minLength:"1" maxLength:"256" doc:"What is searched for."`
	Day   string `query:"day" format:"date" doc:"Day on which a charge was recorded (UTC); without, the newest events are looked through for some seconds."`
}

// SearchResult is something in the log that was looked for.
type SearchResult struct {
	What     string              `json:"what" doc:"What it is, in words." example:"charge"`
	Name     string              `json:"name" doc:"What it is called."`
	Stream   string              `json:"stream" doc:"Stream that has it."`
	Revision eventstore.Revision `json:"revision" doc:"Revision of its event; -1 where it is the stream itself, or the event was not found in time."`
	Note     string              `json:"note,omitempty" doc:"More for people."`
}

// SearchResults are all that were found.
type SearchResults struct {
	Items []SearchResult `json:"items"`
}

func (a *API) find(ctx context.Context, in *searchInput) (*body[SearchResults], error) {
	var day time.Time
	if in.Day != "" {
		var err error
		if day, err = time.Parse(time.DateOnly, in.Day); err != nil {
			return nil, &commandjson.FieldError{Field: "day", Problem: "write a day like 2026-10-03"}
		}
	}
	release, err := a.fold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	found, err := a.desk.Find(ctx, in.Query, day)
	if err != nil {
		return nil, err
	}
	results := SearchResults{Items: []SearchResult{}}
	for _, f := range found {
		results.Items = append(results.Items, SearchResult(f))
	}
	return &body[SearchResults]{results}, nil
}
