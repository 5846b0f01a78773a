package metainvoice

import (
	"io"

	"prepayledger/domain/reconciliation"
)

// Preview is how the first rows of a file are read.
type Preview struct {
	// File is the file's name, with the sheet of a workbook.
	File string `json:"file"`
	// Fields are the fields' names, in the order of a row's values.
	Fields []string     `json:"fields"`
	Rows   []PreviewRow `json:"rows"`
	// Lines is how many rows were read, TOTAL and footer among them, and Totals
	// what the lines sum to.
	Lines  int                           `json:"lines"`
	Totals []reconciliation.InvoiceTotal `json:"totals,omitempty"`
}

// PreviewRow is a row as the normalised layout writes it.
type PreviewRow struct {
	Line   int      `json:"line"`
	Values []string `json:"values"`
}

// Look reads a file like Read and answers how its first rows are read, also
// where the error says what is wrong with the file.
func Look(name string, r io.Reader, o Options, rows int) (*Preview, error) {
	data, err := readAll(name, r)
	if err != nil {
		return nil, err
	}
	v := &Preview{Fields: names()}
	p := newParser(name, data, o)
	p.seen = func(line int, r *[fields]string) {
		if len(v.Rows) < rows {
			v.Rows = append(v.Rows, PreviewRow{Line: line, Values: append([]string(nil), r[:]...)})
		}
	}
	p.all()
	v.File, v.Lines = p.File, p.lines
	if err := p.err(); err != nil {
		return v, err
	}
	var all []reconciliation.InvoiceLine
	for i := range p.file.Invoices {
		all = append(all, p.file.Invoices[i].Lines...)
	}
	v.Totals = reconciliation.Totals(all)
	return v, nil
}
