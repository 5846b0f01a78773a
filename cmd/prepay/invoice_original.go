package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"prepayledger/cmd/prepay/internal/desk"
)

type invoiceOriginalCmd struct {
	Invoice string `arg:"" help:"Document id."`
	Version int    `help:"Version of the document; the newest without." placeholder:"N"`
	Mapping bool   `help:"Write the mapping by which the file was read instead."`
}

// Help implements kong.HelpProvider.
func (*invoiceOriginalCmd) Help() string {
	return `Writes the file that the document came in to standard output, byte for byte,
after its SHA-256 was checked. The name it had goes to standard error.

  prepay invoice original MI-2026-10 > meta-2026-10.xlsx
  prepay invoice original MI-2026-10 --version 1 | sha256sum
  prepay invoice original MI-2026-10 --mapping > report.toml`
}

// Run runs the command. Its output is the file, with --json, too.
func (c *invoiceOriginalCmd) Run(ctx context.Context, g *globals) error {
	if g.Server != "" {
		return c.remote(ctx, g)
	}
	return g.read(ctx, func(a *desk.Desk) error {
		out := g.Stdout
		if c.Mapping {
			out = io.Discard
		}
		o, err := a.Ledger.Original(ctx, c.Invoice, c.Version, out)
		if err != nil {
			return err
		}
		if c.Mapping {
			_, err := io.WriteString(g.Stdout, o.Mapping)
			return err
		}
		fmt.Fprintf(g.Stderr, "%s, %d bytes, SHA-256 %s: %s, version %d.\n", o.FileName, o.Bytes, o.SHA256, o.InvoiceID, o.Version)
		return nil
	})
}

// remote gets the file from the ledger at --server.
func (c *invoiceOriginalCmd) remote(ctx context.Context, g *globals) error {
	query := url.Values{}
	if c.Version > 0 {
		query.Set("version", strconv.Itoa(c.Version))
	}
	if c.Mapping {
		query.Set("mapping", "true")
	}
	return g.download(ctx, "/v1/meta-invoices/"+url.PathEscape(c.Invoice)+"/original?"+query.Encode(), g.Stdout)
}
