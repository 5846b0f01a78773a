package apiclient_test

import (
	"context"
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
