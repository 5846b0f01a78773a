package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/simulate"
)

// simulateCmd runs a scenario.
type simulateCmd struct {
	Scenario string `arg:"" help:"Scenario (NDJSON); files that it names lie beside it." type:"existingfile"`
	Keep     string `help:"Keep the data folder here, to look at it with the other commands." type:"path"`
}

// Help implements kong.HelpProvider.
func (*simulateCmd) Help() string {
	return `Runs a scenario, one happening per line in the order of time, through the real
engine with simulated time and simulated cards, and prints what it came to.
docs/simulate.md describes the lines.

  prepay simulate scenario.ndjson
  prepay simulate --json scenario.ndjson`
}

// Run runs the command.
func (c *simulateCmd) Run(ctx context.Context, g *globals) (err error) {
	dir := c.Keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "prepay-simulate-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	} else if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		return fmt.Errorf("%s is not empty: a scenario starts in an empty folder", dir)
	}
	result, err := c.simulate(ctx, dir, g.EventStore)
	if err != nil {
		return err
	}
	if g.JSON {
		err = result.WriteJSON(g.Stdout)
	} else {
		_, err = fmt.Fprint(g.Stdout, describe(result))
	}
	if err == nil && g.Strict && notAllTaken(result) {
		err = errNotAllTaken
	}
	return err
}

func (c *simulateCmd) simulate(ctx context.Context, dir, eventStore string) (_ *simulate.Result, err error) {
	in, err := os.Open(c.Scenario)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	clock := &simulate.Clock{}
	a, err := desk.Open(ctx, dir, app.Options{EventStore: eventStore, Empty: true, Clock: clock.Now, IDs: simulate.IDs(), Exact: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	run := simulate.New(a.Ledger, a.Store, clock, os.DirFS(filepath.Dir(c.Scenario)))
	if err := run.Scenario(ctx, in); err != nil {
		return nil, err
	}
	return run.Result(ctx)
}

func notAllTaken(r *simulate.Result) bool {
	for _, a := range r.Accounts {
		if len(a.Quarantined) > 0 {
			return true
		}
	}
	return len(r.Rejected) > 0 || r.Nobody != nil && len(r.Nobody.Quarantined) > 0
}

// describe writes a result for people.
func describe(r *simulate.Result) string {
	var b strings.Builder
	for _, x := range r.Rejected {
		fmt.Fprintf(&b, "line %d, %s: %s (%s)\n", x.Line, x.Do, x.Message, x.Code)
	}
	t := newTable("account", "balance", "due", "standing", "charged", "free", "duplicates", "quarantined", "recharges", "adjusted")
	for _, a := range r.Accounts {
		quarantined := 0
		for _, n := range a.Quarantined {
			quarantined += n
		}
		standing := string(a.Standing)
		if a.BlockedReason != nil {
			standing += " (" + *a.BlockedReason + ")"
		}
		decimals := a.Currency.Decimals()
		t.AppendRow(table.Row{
			*a.PartnerID, a.Balance.Fixed(decimals) + " " + string(a.Currency), a.AmountDue.Fixed(decimals), standing,
			fmt.Sprintf("%d: %s", a.Charges.Count, a.Charges.Amount.Fixed(decimals)), a.Free.Count, a.Duplicates, quarantined,
			fmt.Sprintf("%d of %d", a.Recharges.Succeeded, a.Recharges.Requested), a.Adjustments.Fixed(decimals),
		})
	}
	b.WriteString(t.Render())
	b.WriteByte('\n')
	if r.Nobody != nil {
		n := 0
		for _, q := range r.Nobody.Quarantined {
			n += q
		}
		fmt.Fprintf(&b, "%d charges belong to no account and are in quarantine.\n", n)
	}
	return b.String()
}
