package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
)

// replayCmd replays a stream.
type replayCmd struct {
	Stream string `arg:"" help:"Stream, such as account-PA-1001."`
}

// Help implements kong.HelpProvider.
func (*replayCmd) Help() string {
	return `Shows a stream's events in order, of an account with the balance after each, and
compares the state that they fold to with the live one.

  prepay replay account-PA-1001
  prepay replay ratecard-EUR --json`
}

// Run runs the command.
func (c *replayCmd) Run(ctx context.Context, g *globals) error {
	return g.read(ctx, func(a *desk.Desk) error {
		partner, isAccount := strings.CutPrefix(c.Stream, "account-")
		state := domain.NewAccount()
		n := 0
		err := a.Fold(ctx, c.Stream, func(r eventstore.Recorded, m codec.Metadata, e domain.Event) error {
			line := desk.ReplayedOf(&r)
			if isAccount {
				if err := state.Apply(e); err != nil {
					return err
				}
				balance := state.Balance
				line.Balance = &balance
			}
			n++
			if g.JSON {
				return writeJSON(g.Stdout, line)
			}
			balance := ""
			if line.Balance != nil {
				balance = line.Balance.String()
			}
			_, err := fmt.Fprintf(g.Stdout, "%6d  %s  %-24s %16s  %s\n", r.Revision, m.RecordedAt.Format("2006-01-02T15:04:05Z"), r.Type, balance, r.Data)
			return err
		})
		if errors.Is(err, eventstore.ErrStreamNotFound) {
			return fmt.Errorf("there is no stream %.80q", c.Stream)
		}
		if err != nil {
			return err
		}
		if isAccount {
			if err := a.SameAsLive(partner, state); err != nil {
				return err
			}
		}
		if !g.JSON {
			fmt.Fprintf(g.Stdout, "%d events.", n)
			if isAccount {
				fmt.Fprint(g.Stdout, " They fold to the live state.")
			}
			fmt.Fprintln(g.Stdout)
		}
		return nil
	})
}

// exportCmd are the commands that write data out.
type exportCmd struct {
	Events  exportEventsCmd  `cmd:"" help:"Write events as NDJSON."`
	Journal exportJournalCmd `cmd:"" help:"Write the double entry, or show the trial balance."`
}

type exportEventsCmd struct {
	Stream string `help:"Only of this stream."`
	Type   string `help:"Only of this type."`
	After  string `help:"Only after this position (exclusive)." placeholder:"POSITION" default:"0/0"`
	Out    string `help:"File to write; default the standard output." type:"path" short:"o"`
}

// Help implements kong.HelpProvider.
func (*exportEventsCmd) Help() string {
	return `  prepay export events --type RechargeSucceeded
  prepay export events --stream account-PA-1001 --out pa-1001.ndjson`
}

// Run runs the command.
func (c *exportEventsCmd) Run(ctx context.Context, g *globals) (err error) {
	after, err := eventstore.ParsePosition(c.After)
	if err != nil {
		return fmt.Errorf("--after: %w", err)
	}
	return g.read(ctx, func(a *desk.Desk) (err error) {
		out := g.Stdout
		if c.Out != "" {
			file, err := os.Create(c.Out)
			if err != nil {
				return err
			}
			defer func() {
				if e := file.Close(); err == nil {
					err = e
				}
			}()
			out = file
		}
		for r, err := range a.Store.ReadAll(ctx, after) {
			if err != nil {
				return err
			}
			if c.Stream != "" && r.Stream != c.Stream || c.Type != "" && r.Type != c.Type {
				continue
			}
			if err := writeJSON(out, desk.ReplayedOf(&r)); err != nil {
				return err
			}
		}
		return nil
	})
}
