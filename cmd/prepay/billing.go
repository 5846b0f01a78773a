package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/apiclient"
	"prepayledger/domain"
)

// accountBillingCmd shows and changes whom invoices are made out to.
type accountBillingCmd struct {
	Partner    string   `arg:"" help:"Partner id."`
	Company    *string  `help:"Whom invoices are made out to."`
	Street     *string  `help:"Street and number."`
	PostalCode *string  `help:"Postal code."`
	City       *string  `help:"City."`
	Country    *string  `help:"Two letters of ISO 3166-1, such as DE."`
	VATID      *string  `name:"vat-id" help:"VAT id; empty takes it away."`
	Email      []string `help:"Where invoices go; may be given several times and replaces all." placeholder:"ADDRESS"`
	who
}

// Help implements kong.HelpProvider.
func (*accountBillingCmd) Help() string {
	return `Changes the billing details that later invoices bear; what is left out stays.
Invoices that were issued keep theirs. Without flags the details are shown.

  prepay account billing PA-1001 --company "Example S.L." --street "Calle Mayor 1" \
    --postal-code 28013 --city Madrid --country ES --vat-id ESB12345678 --email facturas@example.es
  prepay account billing PA-1001`
}

// Run runs the command.
func (c *accountBillingCmd) Run(ctx context.Context, g *globals) error {
	if c.changes() {
		return g.once(ctx, func() error { return c.show(ctx, g) })
	}
	return c.show(ctx, g)
}

// show shows the details, changed where that is asked for.
func (c *accountBillingCmd) show(ctx context.Context, g *globals) error {
	billing, err := ask(ctx, g,
		func(r *apiclient.ClientWithResponses) (*http.Response, error) {
			return r.GetBilling(ctx, c.Partner, nil)
		},
		func(a *desk.Desk) (*domain.BillingDetails, error) {
			found, err := a.Accounts(ctx, c.Partner)
			if err != nil {
				return nil, err
			}
			return found[0].State.Billing, nil
		})
	if err != nil {
		return err
	}
	if billing != nil && reflect.ValueOf(*billing).IsZero() {
		billing = nil // as a server says that there are none
	}
	if c.changes() {
		changed := c.changed(billing)
		if err := g.command(ctx, &c.who, c.Partner, &domain.ChangeBillingDetails{Billing: changed}); err != nil {
			return err
		}
		billing = &changed
	}
	return g.print(billing, func(w io.Writer) { writeBilling(w, c.Partner, billing) })
}

// changes says whether a flag was given.
func (c *accountBillingCmd) changes() bool {
	given := func(s *string) bool { return s != nil }
	return len(c.Email) > 0 || slices.ContainsFunc([]*string{c.Company, c.Street, c.PostalCode, c.City, c.Country, c.VATID}, given)
}

// changed are the details with what the flags say.
func (c *accountBillingCmd) changed(before *domain.BillingDetails) domain.BillingDetails {
	var b domain.BillingDetails
	if before != nil {
		b = *before
	}
	for _, f := range []struct{ to, from *string }{
		{&b.Company, c.Company}, {&b.Street, c.Street}, {&b.PostalCode, c.PostalCode}, {&b.City, c.City}, {&b.Country, c.Country}, {&b.VATID, c.VATID},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if len(c.Email) > 0 {
		b.Emails = c.Email
	}
	return b
}

func writeBilling(w io.Writer, partner string, b *domain.BillingDetails) {
	if b == nil {
		fmt.Fprintf(w, "There are no billing details of %s: its invoices show the partner id alone.\n", partner)
		return
	}
	t := newTable(partner, "")
	for _, row := range [][2]string{{"company", b.Company}, {"street", b.Street}, {"postal code", b.PostalCode}, {"city", b.City}, {"country", b.Country}, {"VAT id", b.VATID}} {
		t.AppendRow(table.Row{row[0], row[1]})
	}
	for _, address := range b.Emails {
		t.AppendRow(table.Row{"e-mail", address})
	}
	fmt.Fprintln(w, t.Render())
}
