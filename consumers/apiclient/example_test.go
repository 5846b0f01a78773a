package apiclient_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"prepayledger/consumers/apiclient"
)

// Example lists the accounts, page by page, and changes a setting. An API key
// is kept in the environment, never in the program.
func Example() {
	ctx := context.Background()
	c, err := apiclient.New("https://prepay.example:8443", apiclient.WithKey(os.Getenv("PREPAY_API_KEY")))
	if err != nil {
		log.Fatal(err)
	}
	accounts := func(ctx context.Context, cursor *string) ([]apiclient.AccountRow, *string, error) {
		r, err := c.ListAccountsWithResponse(ctx, &apiclient.ListAccountsParams{Cursor: cursor})
		if err != nil {
			return nil, nil, err
		}
		return r.JSON200.Items, r.JSON200.Next, nil
	}
	for a, err := range apiclient.Pages(ctx, accounts) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(a.PartnerID, a.Balance, a.Currency)
	}
	threshold := "250"
	_, err = c.ChangeRechargeSettingsWithResponse(ctx, "PA-1001",
		&apiclient.ChangeRechargeSettingsParams{IdempotencyKey: apiclient.NewIdempotencyKey()},
		apiclient.ChangeRechargeSettingsJSONRequestBody{Threshold: &threshold})
	if apiclient.Code(err) == "invalid_setting" {
		fmt.Println("That threshold can't be set:", err)
	}
}

// ExampleClientWithResponses_Follow follows the charges of the log, and goes on
// after a restart where it was: where that is, it keeps with what it does.
func ExampleClientWithResponses_Follow() {
	ctx := context.Background()
	c, err := apiclient.New("https://prepay.example:8443", apiclient.WithKey(os.Getenv("PREPAY_API_KEY")))
	if err != nil {
		log.Fatal(err)
	}
	var lastSeen *string // as it was kept; nil for the log's start
	kind := "ConversationCharged"
	for e, err := range c.Follow(ctx, apiclient.FollowEventsParams{Type: &kind, LastEventID: lastSeen}) {
		if err != nil {
			log.Fatal(err) // refused, or away for long
		}
		var charged apiclient.Replayed
		if err := json.Unmarshal(e.Data, &charged); err != nil {
			log.Fatal(err)
		}
		fmt.Println(charged.Stream, charged.Revision, charged.Data)
		lastSeen = &e.ID
	}
}
