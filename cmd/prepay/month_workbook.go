package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/httpapi"
)

// monthWorkbookCmd writes Finance's workbook of a month.
type monthWorkbookCmd struct {
	Month billingMonth `arg:"" help:"Billing month, such as 2026-10."`
	XLSX  string       `name:"xlsx" help:"File to write; - is the standard output." required:"" placeholder:"FILE"`
}

// Help implements kong.HelpProvider.
func (*monthWorkbookCmd) Help() string {
	return `Writes the newest proposal or posting of a month, or the comparison as it is now
where nothing is proposed, as a workbook: accounts, lines, parts, what is
nobody's, rates of exchange, documents, and how it ties. Sums are formulas.

  prepay month workbook 2026-10 --xlsx october.xlsx`
}

// monthBook is a workbook that can be written, and of what it is.
type monthBook struct {
	phase    string
	accounts int
	write    func(io.Writer) error
}

// Run runs the command.
func (c *monthWorkbookCmd) Run(ctx context.Context, g *globals) error {
	if g.Server != "" {
		return c.remote(ctx, g)
	}
	return g.read(ctx, func(a *desk.Desk) error {
		m, err := a.MonthBook(ctx, c.Month.Month)
		if err != nil {
			return err
		}
		return c.write(g, &monthBook{string(m.Phase), len(m.Accounts), m.Write})
	})
}

// remote gets the workbook of the ledger at --server.
func (c *monthWorkbookCmd) remote(ctx context.Context, g *globals) error {
	response, err := g.fetch(ctx, "/v1/months/"+string(c.Month.Month)+"/workbook.xlsx")
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	accounts, err := strconv.Atoi(response.Header.Get(httpapi.AccountsHeader))
	if err != nil {
		return fmt.Errorf("the server's answer can't be read, is it of another version? %w", err)
	}
	return c.write(g, &monthBook{response.Header.Get(httpapi.PhaseHeader), accounts, func(w io.Writer) error {
		_, err := io.Copy(w, response.Body)
		return err
	}})
}

func (c *monthWorkbookCmd) write(g *globals, m *monthBook) error {
	if c.XLSX == "-" {
		return m.write(g.Stdout)
	}
	if err := writeWhole(c.XLSX, m.write); err != nil {
		return fmt.Errorf("--xlsx: %w", err)
	}
	return g.print(map[string]any{"month": c.Month.Month, "phase": m.phase, "file": c.XLSX, "accounts": m.accounts}, func(w io.Writer) {
		fmt.Fprintf(w, "%s is written: %s, %s, %d accounts.\n", c.XLSX, c.Month.Month, m.phase, m.accounts)
	})
}
