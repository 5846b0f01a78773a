package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/apiclient"
	"prepayledger/domain"
	"prepayledger/projections/quarantine"
)

// quarantineCmd are the commands of what can't be charged.
type quarantineCmd struct {
	List   quarantineListCmd   `cmd:"" help:"List what is in quarantine."`
	Export quarantineExportCmd `cmd:"" help:"Write entries as NDJSON, to mend and import them again."`
	Retry  quarantineRetryCmd  `cmd:"" help:"Present entries again, once their cause is mended."`
}

// chosen are the entries that a command is about.
type chosen struct {
	Partner    string           `help:"Only of this partner." xor:"owner"`
	Unassigned bool             `help:"Only what belongs to no account." xor:"owner"`
	Reason     quarantineReason `help:"Only with this reason, such as no_rate." placeholder:"REASON"`
	Charge     string           `help:"Only this charge id." placeholder:"ID"`
}

func (c *chosen) wanted() quarantine.Wanted {
	return quarantine.Wanted{Owner: c.Partner, All: c.Partner == "" && !c.Unassigned, Reason: string(c.Reason), ChargeID: c.Charge}
}

type quarantineListCmd struct {
	chosen
	Limit int `help:"Entries to show at most." default:"50"`
}

// Help implements kong.HelpProvider.
func (*quarantineListCmd) Help() string {
	return `  prepay quarantine list --reason no_rate
  prepay quarantine list --unassigned --json`
}

// Run runs the command.
func (c *quarantineListCmd) Run(ctx context.Context, g *globals) error {
	entries, total, err := c.entries(ctx, g)
	if err != nil {
		return err
	}
	return g.print(entries, func(w io.Writer) {
		t := newTable("account", "charge", "channel", "reason", "occurred", "amount", "detail")
		for _, e := range entries {
			amount, occurred := "", ""
			if e.Amount != nil {
				amount = e.Amount.String() + " " + string(e.Currency)
			}
			if !e.OccurredAt.IsZero() {
				occurred = e.OccurredAt.Format(time.RFC3339)
			}
			t.AppendRow(table.Row{orNone(e.Owner), e.ChargeID, e.ChannelID, e.Reason, occurred, amount, e.Detail})
		}
		fmt.Fprintln(w, t.Render())
		fmt.Fprintf(w, "%d of %d entries.\n", len(entries), total)
	})
}

// entries are the first entries, and how many there are.
func (c *quarantineListCmd) entries(ctx context.Context, g *globals) (entries []quarantine.Entry, total int, err error) {
	each := func(e *quarantine.Entry) error {
		if total++; len(entries) < c.Limit {
			entries = append(entries, *e)
		}
		return nil
	}
	entries = []quarantine.Entry{}
	if g.Server == "" {
		err = g.read(ctx, func(a *desk.Desk) error { return a.EachQuarantined(c.wanted(), each) })
		return entries, total, err
	}
	all, err := askAll[quarantine.Entry](ctx, g, func(r *apiclient.ClientWithResponses, cursor *string) (*http.Response, error) {
		return r.Send(ctx, http.MethodGet, "/v1/quarantine?"+c.query(cursor).Encode(), nil, nil)
	}, nil)
	for i := range all {
		_ = each(&all[i]) // it never fails
	}
	return entries, total, err
}

// query is what the API is asked for.
func (c *chosen) query(cursor *string) url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"partner_id": c.Partner, "reason": string(c.Reason), "charge_id": c.Charge} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if c.Unassigned {
		q.Set("owner", "unassigned")
	}
	if cursor != nil {
		q.Set("cursor", *cursor)
	}
	return q
}

func orNone(owner string) string {
	if owner == "" {
		return "(none)"
	}
	return owner
}

type quarantineExportCmd struct{ chosen }

// Help implements kong.HelpProvider.
func (*quarantineExportCmd) Help() string {
	return `Writes a charge per line in the format that prepay usage import reads; malformed
records are written as they came. The recipient is cut to its first digits.

  prepay quarantine export --reason wrong_currency > mend.ndjson`
}

// Run runs the command.
func (c *quarantineExportCmd) Run(ctx context.Context, g *globals) error {
	if g.Server != "" {
		return g.download(ctx, "/v1/quarantine/export?"+c.query(nil).Encode(), g.Stdout)
	}
	return g.read(ctx, func(a *desk.Desk) error {
		return a.EachQuarantined(c.wanted(), func(e *quarantine.Entry) error {
			line, err := desk.ExportLine(e)
			if err == nil {
				_, err = fmt.Fprintln(g.Stdout, string(line))
			}
			return err
		})
	})
}

type quarantineRetryCmd struct {
	chosen
	Actor string `help:"Who retries." env:"PREPAY_ACTOR" default:"quarantine-retry"`
}

// Help implements kong.HelpProvider.
func (*quarantineRetryCmd) Help() string {
	return `Presents entries again as they are. Malformed records have to be corrected and
imported; they are left out.

  prepay quarantine retry --reason unknown_channel`
}

// Run runs the command.
func (c *quarantineRetryCmd) Run(ctx context.Context, g *globals) error {
	r, err := c.retry(ctx, g)
	if err != nil {
		return err
	}
	err = g.print(r.Results, func(w io.Writer) {
		t := newTable("presented again", "count")
		for _, name := range sortedKeys(r.Results) {
			t.AppendRow(table.Row{name, r.Results[name]})
		}
		fmt.Fprintln(w, t.Render())
	})
	if err == nil && g.Strict && r.Stuck > 0 {
		return errNotAllTaken
	}
	return err
}

// retry presents the entries again. A server takes a bounded number at a time.
func (c *quarantineRetryCmd) retry(ctx context.Context, g *globals) (*desk.Retried, error) {
	if g.Server == "" {
		return ask(ctx, g, nil, func(a *desk.Desk) (*desk.Retried, error) {
			return a.Retry(ctx, domain.Meta{Actor: c.Actor}, c.wanted(), 0)
		})
	}
	wanted := map[string]string{}
	for name, values := range c.query(nil) {
		wanted[name] = values[0]
	}
	return order[*desk.Retried](ctx, g, &who{}, http.MethodPost, "/v1/quarantine/retry", wanted)
}
