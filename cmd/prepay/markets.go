package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/httpapi"
)

// marketsCmd are the commands of the table of markets.
type marketsCmd struct {
	Import marketsImportCmd `cmd:"" help:"Import the table of markets, whole or not at all."`
}

type marketsImportCmd struct {
	File string `arg:"" help:"Table of markets (calling_code_prefix,country,market,effective_from)." type:"path"`
	who
}

// Help implements kong.HelpProvider.
func (*marketsImportCmd) Help() string { return `  prepay markets import markets.csv` }

// Run runs the command.
func (c *marketsImportCmd) Run(ctx context.Context, g *globals) error {
	if err := readable([]string{c.File}); err != nil {
		return err
	}
	added, err := c.add(ctx, g)
	if err != nil {
		return err
	}
	return g.print(map[string]any{"new": added}, func(w io.Writer) {
		if added {
			fmt.Fprintln(w, "The table of markets holds from now on.")
		} else {
			fmt.Fprintln(w, "This table of markets holds already.")
		}
	})
}

// add imports the table, and says whether it is new.
func (c *marketsImportCmd) add(ctx context.Context, g *globals) (added bool, err error) {
	if g.Server != "" {
		done, err := upload[httpapi.ImportedMarkets](ctx, g, &c.who, "/v1/markets", c.File, url.Values{})
		return done.New, err
	}
	data, err := os.ReadFile(c.File)
	if err != nil {
		return false, err
	}
	err = g.with(ctx, func(a *desk.Desk) error {
		added, err = a.Ledger.ImportMarkets(ctx, c.meta(), filepath.Base(c.File), data)
		return err
	})
	return added, err
}
