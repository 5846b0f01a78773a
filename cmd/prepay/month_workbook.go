package main

import (
	"context"
	"fmt"
	"io"

	"prepayledger/cmd/prepay/internal/desk"
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

// Run runs the command.
func (c *monthWorkbookCmd) Run(ctx context.Context, g *globals) error {
	return g.read(ctx, func(a *desk.Desk) error {
		m, err := a.MonthBook(ctx, c.Month.Month)
		if err != nil {
			return err
		}
		if c.XLSX == "-" {
			return m.Write(g.Stdout)
		}
		if err := writeWhole(c.XLSX, m.Write); err != nil {
			return fmt.Errorf("--xlsx: %w", err)
		}
		return g.print(map[string]any{"month": m.Month, "phase": m.Phase, "file": c.XLSX, "accounts": len(m.Accounts)}, func(w io.Writer) {
			fmt.Fprintf(w, "%s is written: %s, %s, %d accounts.\n", c.XLSX, m.Month, m.Phase, len(m.Accounts))
		})
	})
}
