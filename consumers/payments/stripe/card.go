package stripe

import (
	"context"
	"fmt"
	"strings"

	api "github.com/stripe/stripe-go/v84"
)

// CardLink makes a page of Stripe's on which a partner saves a card, and
// returns its address; it works for a day. What comes of it is told by
// webhook. The customer is the partner's at Stripe, or its registered card,
// which begins with it; anything else makes a new one. The address of done is
// where the page leads back to.
func (d *Driver) CardLink(ctx context.Context, partnerID, customer, done string) (string, error) {
	customer, _, _ = strings.Cut(customer, "/")
	if !isID(customer, "cus_") {
		p := &api.CustomerCreateParams{Description: api.String("Partner " + partnerID)}
		p.AddMetadata(metaPartner, partnerID)
		c, err := d.client.V1Customers.Create(ctx, p)
		if err != nil {
			return "", fmt.Errorf("make a customer at Stripe: %w", err)
		}
		customer = c.ID
	}
	p := &api.CheckoutSessionCreateParams{
		Mode: api.String("setup"), Customer: api.String(customer), PaymentMethodTypes: []*string{api.String("card")},
		ClientReferenceID: api.String(partnerID), SuccessURL: api.String(done), CancelURL: api.String(done),
	}
	p.AddMetadata(metaPartner, partnerID)
	s, err := d.client.V1CheckoutSessions.Create(ctx, p)
	if err != nil {
		return "", fmt.Errorf("make a page at Stripe: %w", err)
	}
	return s.URL, nil
}

// savedCard is the card that came of a page, as CUSTOMER/METHOD.
func (d *Driver) savedCard(ctx context.Context, setupIntent string) (string, error) {
	si, err := d.client.V1SetupIntents.Retrieve(ctx, setupIntent, nil)
	if err != nil {
		return "", err
	}
	if si.Status != api.SetupIntentStatusSucceeded || si.PaymentMethod == nil || si.Customer == nil {
		return "", fmt.Errorf("setup %s is %s: it has no card yet", si.ID, si.Status)
	}
	return si.Customer.ID + "/" + si.PaymentMethod.ID, nil
}
