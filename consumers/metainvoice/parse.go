package metainvoice

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"prepayledger/domain/reconciliation"
)

// File is a file as read: its documents in order of appearance.
type File struct {
	Name string
	// SHA256 is the hash of the file, in hex, and Bytes the file itself.
	SHA256   string
	Bytes    []byte
	Invoices []Invoice
	// Sheet is the workbook's sheet that was read, and Mapping how; empty and
	// nil where there is none.
	Sheet   string
	Mapping *Mapping
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
		Sheet: f.Sheet,
	}
	if f.Mapping != nil {
		c.Mapping = f.Mapping.Text
	}
	if fileIn == "" {
		c.File = f.Bytes
	}
	return c
}

// Options say how a file is read.
type Options struct {
	// FX are the rates of exchange given with the file.
	FX []reconciliation.FXRate
	// Mapping says how a report of another layout is read; nil is the
	// normalised one.
	Mapping *Mapping
	// Sheet is a workbook's sheet; default the first.
	Sheet string
}

// Parse is Read of the normalised layout. fx are the rates of exchange given
// with the file.
func Parse(name string, r io.Reader, fx []reconciliation.FXRate) (*File, error) {
	return Read(name, r, Options{FX: fx})
}

// Read reads a file whole: delimited text or, by its first bytes, a workbook
// (XLSX). name is what problems call it. The answer is a *Error, which is a
// rejection, where anything is wrong with the file; a failure to read is
// passed on.
func Read(name string, r io.Reader, o Options) (*File, error) {
	data, err := readAll(name, r)
	if err != nil {
		return nil, err
	}
	p := newParser(name, data, o)
	p.all()
	if err := p.err(); err != nil {
		return nil, err
	}
	hash := sha256.Sum256(data)
	p.file.SHA256 = hex.EncodeToString(hash[:])
	return p.file, nil
}

// readAll reads a file into memory, and of one that is too large enough to
// tell.
func readAll(name string, r io.Reader) ([]byte, error) {
	var b bytes.Buffer
	if f, ok := r.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if info, err := f.Stat(); err == nil && info.Size() > 0 && info.Size() < MaxFileBytes {
			b.Grow(int(info.Size()) + bytes.MinRead) // else it doubles: twice the memory
		}
	}
	if _, err := b.ReadFrom(io.LimitReader(r, MaxFileBytes+1)); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// parser reads one file.
type parser struct {
	problems
	file *File
	o    Options
	// mapping is never nil; mapped says that one was given.
	mapping *Mapping
	mapped  bool
	marks   marks
	source  source
	// from1904 says that the workbook counts days from 1904.
	from1904 bool
	// bounds says where each field comes from; width is the header's; row is
	// the line being read.
	bounds [fields]bound
	width  int
	row    row
	// index has the position of each invoice id in file.Invoices.
	index map[string]int
	sums  map[sumKey]*sum
	// totals has the line of each TOTAL, stated their order; ended says that
	// the first, or a footer, was seen.
	totals map[sumKey]int
	stated []sumKey
	ended  bool
	lines  int
	footer footer
	texts  map[string]string
	// seen is told every row as it was read; may be nil.
	seen func(line int, r *[fields]string)
}

func newParser(name string, data []byte, o Options) *parser {
	p := &parser{
		file: &File{Name: name, Bytes: data, Sheet: o.Sheet, Mapping: o.Mapping}, o: o, mapping: o.Mapping, mapped: o.Mapping != nil,
		index: map[string]int{}, sums: map[sumKey]*sum{}, totals: map[sumKey]int{}, texts: map[string]string{},
	}
	if !p.mapped {
		p.mapping = &Mapping{}
	}
	m := p.mapping
	p.marks = marks{decimal: m.decimalMark(), thousands: m.ThousandsMark, negative: m.Negative, currency: m.CurrencyMarks, cells: m.NumberCells}
	p.File = name
	return p
}

// all reads the file and checks it.
func (p *parser) all() {
	data := p.file.Bytes
	switch {
	case len(data) > MaxFileBytes:
		p.add(0, "", "larger than %d MiB: split it by document", MaxFileBytes>>20)
	case len(bytes.TrimSpace(bytes.TrimPrefix(data, []byte(markUTF8)))) == 0:
		p.add(0, "", "the file is empty: export it again")
	default:
		p.rates()
		p.read(data)
	}
}

func (p *parser) rates() {
	if err := reconciliation.ValidateFX(p.o.FX); err != nil {
		p.add(0, "fx", "%v", err)
	}
}

func (p *parser) read(data []byte) {
	var err error
	if p.source, err = p.open(data); err != nil {
		p.broken(err)
		return
	}
	line, cells := 1, []cell(nil)
	if !p.mapping.NoHeader {
		if line, cells, err = p.source.next(); errors.Is(err, io.EOF) {
			p.add(0, "", "the file ends before the header: export it again")
			return
		}
	} else {
		line, cells, err = p.peek()
	}
	if err != nil {
		p.broken(err)
		return
	}
	if !p.bind(line, cells) {
		return
	}
	p.rows()
}

// peek looks at the first row of a file without header, which is as wide as
// all of them.
func (p *parser) peek() (int, []cell, error) {
	line, cells, err := p.source.next()
	if errors.Is(err, io.EOF) {
		return 0, nil, faulty(0, "there are no lines: export it again")
	}
	if err == nil {
		p.source = &first{source: p.source, line: line, cells: cells}
	}
	return line, cells, err
}

// open opens the table of the file.
func (p *parser) open(data []byte) (source, error) {
	var s source
	switch {
	case bytes.HasPrefix(data, []byte(markZip)):
		table, book, err := openSheet(data, p.o.Sheet, p.mapping)
		if err != nil {
			return nil, err
		}
		p.file.Sheet, p.from1904 = book.name, book.from1904
		p.File = fmt.Sprintf("%s, sheet %q", p.File, book.name)
		s = table
	case bytes.HasPrefix(data, []byte(markOLE)):
		return nil, errors.New("it is a workbook of the old format, or one with a password: save it as XLSX without one")
	case p.o.Sheet != "":
		return nil, fmt.Errorf("it is no XLSX workbook and has no sheet %q: leave the sheet out", p.o.Sheet)
	default:
		table, err := openDelimited(data, p.mapping)
		if err != nil {
			return nil, err
		}
		if s = table; p.mapped {
			s = filled{table}
		}
	}
	return hold(s, p.mapping.Footer.Rows), nil
}

// rows reads what stands below the header.
func (p *parser) rows() {
	for {
		line, cells, err := p.source.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			p.broken(err)
			return
		}
		if p.lines++; p.lines > MaxLines {
			p.add(line, "", "more than %d lines: split the file by document", MaxLines)
			return
		}
		p.record(line, cells)
	}
	if len(p.file.Invoices) == 0 && len(p.Problems) == 0 {
		p.add(0, "", "the file has a header and no lines: export it again")
	}
	p.check()
	p.footer.check(p)
}

// broken reports what makes all behind it unreadable.
func (p *parser) broken(err error) {
	var at *placed
	if errors.As(err, &at) {
		p.add(at.line, "", "%s", at.message)
		return
	}
	p.add(0, "", "%v", err)
}

// record reads one line: of a document, or a TOTAL, or a mapping's footer.
func (p *parser) record(line int, cells []cell) {
	if p.footer.takes(p, line, cells) {
		return
	}
	if !p.source.ragged() && len(cells) != p.width {
		p.add(line, "", "%d fields, the header has %d: quote fields that contain a %s", len(cells), p.width, p.delimiterName())
		return
	}
	if n := len(cells); n > p.width {
		p.addAt(line, p.source.column(n-1), "", "%q stands beyond the header: remove it, or name its column", show(cells[n-1].text))
		return
	}
	p.row = row{parser: p, line: line}
	p.fill(cells)
	if p.row.bad {
		return
	}
	if p.seen != nil {
		p.seen(line, &p.row.record)
	}
	if p.mapping.normalised() && p.row.text(invoiceID) == totalMark {
		p.total()
		return
	}
	if p.ended {
		p.add(line, "", "a line after TOTAL: move the totals to the end")
	}
	p.invoiceLine()
}

func (p *parser) delimiterName() string {
	switch d := p.mapping.delimiter(); d {
	case ',':
		return "comma"
	case '\t':
		return "tab"
	default:
		return string(d)
	}
}

// invoiceLine reads a line of a document and adds it.
func (p *parser) invoiceLine() {
	r := &p.row
	id := r.invoiceID()
	l := r.invoiceLine()
	p.share(&l)
	if r.bad {
		return
	}
	at, ok := p.index[id]
	if !ok {
		at = len(p.file.Invoices)
		p.index[id] = at
		p.file.Invoices = append(p.file.Invoices, Invoice{ID: id, FX: p.o.FX})
	}
	invoice := &p.file.Invoices[at]
	invoice.Lines = append(invoice.Lines, l)
	p.sum(&l)
	p.footer.add(&l)
}
