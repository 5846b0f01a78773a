package metainvoice

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"prepayledger/domain/reconciliation"
)

// File is a file as read: its documents in order of appearance.
type File struct {
	Name string
	// SHA256 is the hash of the file, in hex, and Bytes the file itself.
	SHA256   string
	Bytes    []byte
	Invoices []Invoice
}

// Invoice is one document of a file. Its line numbers count from 1 within it.
type Invoice struct {
	ID    string
	Lines []reconciliation.InvoiceLine
	FX    []reconciliation.FXRate
}

// Command is the command that imports the document number i of the file. The
// original goes along with the document that keeps it; the others pass its id
// as fileIn.
func (f *File) Command(i int, fileIn string) *reconciliation.ImportMetaInvoice {
	c := &reconciliation.ImportMetaInvoice{
		InvoiceID: f.Invoices[i].ID, Lines: f.Invoices[i].Lines, FX: f.Invoices[i].FX,
		FileName: f.Name, SHA256: f.SHA256, FileBytes: int64(len(f.Bytes)), FileIn: fileIn,
	}
	if fileIn == "" {
		c.File = f.Bytes
	}
	return c
}

// Parse reads a file whole. name is what problems call it; fx are the rates of
// exchange given with it. The answer is a *Error, which is a rejection, where
// anything is wrong with the file; a failure to read is passed on.
func Parse(name string, r io.Reader, fx []reconciliation.FXRate) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	p := &parser{file: &File{Name: name, Bytes: data}, fx: fx, index: map[string]int{}, sums: map[sumKey]*sum{}, totals: map[sumKey]int{}}
	p.File = name
	switch {
	case len(data) > MaxFileBytes:
		p.add(0, "", "larger than %d MiB: split it by document", MaxFileBytes>>20)
	case len(bytes.TrimSpace(withoutMark(data))) == 0:
		p.add(0, "", "the file is empty: export it again")
	default:
		p.rates()
		p.read(data)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	hash := sha256.Sum256(data)
	p.file.SHA256 = hex.EncodeToString(hash[:])
	return p.file, nil
}

// parser reads one file.
type parser struct {
	problems
	file *File
	fx   []reconciliation.FXRate
	// columns has the position of each field; row is the line being read.
	columns [fields]int
	row     row
	// index has the position of each invoice id in file.Invoices.
	index map[string]int
	sums  map[sumKey]*sum
	// totals has the line of each TOTAL, stated their order; ended says that
	// the first was seen.
	totals map[sumKey]int
	stated []sumKey
	ended  bool
	lines  int
}

func (p *parser) rates() {
	if err := reconciliation.ValidateFX(p.fx); err != nil {
		p.add(0, "fx", "%v", err)
	}
}

func (p *parser) read(data []byte) {
	r := csv.NewReader(bytes.NewReader(withoutMark(data)))
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		p.broken(err)
		return
	}
	if !p.header(header) {
		return
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			p.broken(err)
			return
		}
		line, _ := r.FieldPos(0)
		if p.lines++; p.lines > MaxLines {
			p.add(line, "", "more than %d lines: split the file by document", MaxLines)
			return
		}
		p.record(line, record)
	}
	if len(p.file.Invoices) == 0 && len(p.Problems) == 0 {
		p.add(0, "", "the file has a header and no lines: export it again")
	}
	p.check()
}

// withoutMark drops the byte order mark that some programs write.
func withoutMark(data []byte) []byte { return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) }

// broken reports text that is no CSV; nothing behind it can be read.
func (p *parser) broken(err error) {
	var e *csv.ParseError
	if errors.As(err, &e) {
		p.add(e.Line, "", "the quotes do not match near column %d (%v): write \"\" for a quote inside a quoted field", e.Column, e.Err)
		return
	}
	p.add(0, "", "it can't be read as CSV (%v)", err)
}

// record reads one line: of a document, or a TOTAL.
func (p *parser) record(line int, record []string) {
	if len(record) != int(fields) {
		p.add(line, "", "%d fields, the header has %d: quote fields that contain a comma", len(record), fields)
		return
	}
	p.row = row{parser: p, line: line, record: record}
	if p.row.text(invoiceID) == totalMark {
		p.total()
		return
	}
	if p.ended {
		p.add(line, "", "a line after TOTAL: move the totals to the end")
	}
	p.invoiceLine()
}

// invoiceLine reads a line of a document and adds it.
func (p *parser) invoiceLine() {
	r := &p.row
	id := r.invoiceID()
	l := r.invoiceLine()
	if r.bad {
		return
	}
	at, ok := p.index[id]
	if !ok {
		at = len(p.file.Invoices)
		p.index[id] = at
		p.file.Invoices = append(p.file.Invoices, Invoice{ID: id, FX: p.fx})
	}
	invoice := &p.file.Invoices[at]
	invoice.Lines = append(invoice.Lines, l)
	p.sum(&l)
}
