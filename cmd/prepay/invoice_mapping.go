package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/consumers/metainvoice"
)

// invoiceMappingCmd are the commands of mapping files.
type invoiceMappingCmd struct {
	Check invoiceMappingCheckCmd `cmd:"" help:"Check a mapping file, and show how it reads a sample; records nothing."`
}

type invoiceMappingCheckCmd struct {
	Mapping string `arg:"" help:"Mapping file (TOML)." type:"path"`
	Sample  string `help:"Report to read with it." type:"path" placeholder:"FILE"`
	Sheet   string `help:"Sheet of a workbook; the first without." placeholder:"NAME"`
	Rows    int    `help:"Rows to show." default:"5"`
}

// Help implements kong.HelpProvider.
func (*invoiceMappingCheckCmd) Help() string {
	return `docs/formats.md says what a mapping file can say.

  prepay invoice mapping check report.toml --sample report.csv`
}

// mappingView is what a check found.
type mappingView struct {
	Mapping string               `json:"mapping"`
	Sample  *metainvoice.Preview `json:"sample,omitempty"`
}

// Run runs the command. It needs no ledger.
func (c *invoiceMappingCheckCmd) Run(_ context.Context, g *globals) error {
	m, err := readMapping(c.Mapping)
	if err != nil {
		return err
	}
	v := mappingView{Mapping: m.Name}
	if c.Sample == "" {
		return g.print(v, func(w io.Writer) {
			fmt.Fprintf(w, "%s can be read. See how it reads a report: --sample FILE\n", m.Name)
		})
	}
	in, err := os.Open(c.Sample)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	sample, bad := metainvoice.Look(filepath.Base(c.Sample), in, metainvoice.Options{Mapping: m, Sheet: c.Sheet}, c.Rows)
	if sample == nil {
		return bad
	}
	v.Sample = sample
	if bad == nil || !g.JSON {
		if err := g.print(v, func(w io.Writer) { writePreview(w, sample) }); err != nil {
			return err
		}
	}
	return bad
}

// writePreview shows rows upright: they are wide.
func writePreview(w io.Writer, v *metainvoice.Preview) {
	head := []string{v.File}
	for _, r := range v.Rows {
		head = append(head, fmt.Sprintf("line %d", r.Line))
	}
	t := newTable(head...)
	for i, name := range v.Fields {
		row := table.Row{name}
		for _, r := range v.Rows {
			row = append(row, r.Values[i])
		}
		t.AppendRow(row)
	}
	fmt.Fprintln(w, t.Render())
	for _, s := range v.Totals {
		fmt.Fprintf(w, "%s %s: %d lines, volume %d, %s\n", s.DocumentType, s.Month, s.Lines, s.Volume, shown(s.Amount, s.Currency))
	}
}
