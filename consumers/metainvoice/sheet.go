package metainvoice

import (
	"errors"
	"io"
	"strconv"
)

// sheet reads the rows of a workbook's sheet one by one.
type sheet struct {
	book *workbook
	r    io.ReadCloser
	s    *scanner
	line int
	// cells are those of the row being read, buf the text of a cell.
	cells []cell
	buf   []byte
	// after is the index behind the cell that was read last.
	after int
	ended bool
}

// opened is what is known of a workbook and its sheet.
type opened struct {
	name     string
	from1904 bool
}

// openSheet starts at the first row after those that the mapping skips.
func openSheet(data []byte, name string, m *Mapping) (source, opened, error) {
	w, err := openWorkbook(data)
	if err != nil {
		return nil, opened{}, err
	}
	ref, err := w.sheet(name)
	if err != nil {
		return nil, opened{}, err
	}
	r, err := w.open(ref.part)
	if err != nil {
		return nil, opened{}, err
	}
	s := &sheet{book: w, r: r, s: newScanner(r)}
	for {
		opens, err := s.s.tag()
		if err != nil {
			return nil, opened{}, inPart(ref.part, broken(err))
		}
		if opens && s.s.is("sheetData") {
			break
		}
	}
	skipped, err := skipRows(filled{s}, m)
	return skipped, opened{ref.name, w.from1904}, err
}

// next implements source.
func (s *sheet) next() (int, []cell, error) {
	for !s.ended {
		opens, err := s.s.tag()
		if err != nil {
			return 0, nil, s.broken(err)
		}
		switch {
		case opens && s.s.is("row"):
			if err := s.row(); err != nil {
				return 0, nil, err
			}
			return s.line, s.cells, nil
		case !opens && s.s.is("sheetData"):
			s.ended = true
			// What comes behind is of no interest, but its checksum is of all.
			if _, err := io.Copy(io.Discard, s.s.r); err != nil {
				return 0, nil, s.broken(err)
			}
		}
	}
	return 0, nil, io.EOF
}

func (s *sheet) broken(err error) error {
	if errors.Is(err, errUnzipped) {
		return faulty(0, "%v", errUnzipped)
	}
	return faulty(s.line, "the sheet can't be read from here on (%v): save it again", broken(err))
}

// row reads a row whose tag was read.
func (s *sheet) row() error {
	s.cells, s.after = s.cells[:0], 0
	before := s.line
	s.line++
	if r := s.s.raw("r"); r != nil {
		n, err := strconv.Atoi(string(r))
		if err != nil || n <= before {
			return faulty(before, "the rows of the sheet are not in order: save it again")
		}
		s.line = n
	}
	for {
		opens, err := s.s.tag()
		switch {
		case err != nil:
			return s.broken(err)
		case !opens && s.s.is("row"):
			return nil
		case opens && s.s.is("c"):
			if err := s.cell(); err != nil {
				return err
			}
		}
	}
}

// cell reads a cell whose tag was read.
func (s *sheet) cell() error {
	at := s.after
	if ref := s.s.raw("r"); ref != nil {
		at = columnIndex(ref)
	}
	s.after = at + 1
	kind, style := string(s.s.raw("t")), s.s.raw("s")
	c := cell{}
	if kind == "" || kind == "n" {
		c.kind = number
		if i, err := strconv.Atoi(string(style)); err == nil && i >= 0 && i < len(s.book.days) && s.book.days[i] {
			c.kind = day
		}
	}
	var err error
	if c.text, err = s.value(kind); err != nil {
		return err
	}
	switch {
	case c.text == "":
		return nil
	case at < len(s.cells) || at >= MaxColumns:
		return faulty(s.line, "a cell stands out of order or beyond %d columns: save it again", MaxColumns)
	case len(c.text) > MaxCellBytes:
		return faulty(s.line, "column %s has %d bytes, at most %d", s.column(at), len(c.text), MaxCellBytes)
	case kind == "e":
		c.kind = fault
	}
	for len(s.cells) < at {
		s.cells = append(s.cells, cell{})
	}
	s.cells = append(s.cells, c)
	return nil
}

// value reads up to the end of the cell and answers what it shows.
func (s *sheet) value(kind string) (string, error) {
	s.buf = s.buf[:0]
	for {
		opens, err := s.s.tag()
		switch {
		case err != nil:
			return "", s.broken(err)
		case opens && s.s.is("v"):
			s.buf, err = s.s.text(s.buf[:0])
		case opens && s.s.is("is"):
			s.buf, err = richText(s.s, "is")
		case !opens && s.s.is("c"):
			return s.meaning(kind)
		}
		if err != nil {
			return "", s.broken(err)
		}
	}
}

func (s *sheet) meaning(kind string) (string, error) {
	if len(s.buf) == 0 {
		return "", nil
	}
	switch kind {
	case "s":
		i, err := strconv.Atoi(string(s.buf))
		if err != nil || i < 0 || i >= len(s.book.shared) {
			return "", faulty(s.line, "a cell refers to a text that the workbook does not have: save it again")
		}
		return s.book.shared[i], nil
	case "b":
		if string(s.buf) == "1" {
			return "TRUE", nil
		}
		return "FALSE", nil
	}
	return string(s.buf), nil
}

// columnIndex is the index from 0 of a reference such as AB12.
func columnIndex(ref []byte) int {
	n := 0
	for _, c := range ref {
		if c < 'A' || c > 'Z' || n > MaxColumns {
			break
		}
		const letters = 26
		n = n*letters + int(c-'A') + 1
	}
	return n - 1
}

func (s *sheet) column(i int) string { return columnName(i) }

// columnName is columnIndex's inverse.
func columnName(i int) string {
	const letters = 26
	if i < letters {
		return string(rune('A' + i))
	}
	return columnName(i/letters-1) + columnName(i%letters)
}

func (s *sheet) ragged() bool { return true }

// filled leaves rows without any text out.
type filled struct{ source }

func (f filled) next() (int, []cell, error) {
	for {
		line, cells, err := f.source.next()
		if err != nil || !blank(cells) {
			return line, cells, err
		}
	}
}

// skipRows drops the rows above the header: skip_lines counts the sheet's
// rows, empty ones too.
func skipRows(s source, m *Mapping) (source, error) {
	if m.HeaderContains == "" && m.SkipLines == 0 {
		return s, nil
	}
	for range MaxSkippedLines + 1 {
		line, cells, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if m.HeaderContains == "" && line > m.SkipLines || m.HeaderContains != "" && contains(cells, m.HeaderContains) {
			return &first{source: s, line: line, cells: cells}, nil
		}
	}
	if m.HeaderContains == "" {
		return nil, faulty(0, "the sheet ends within the %d rows that the mapping skips (skip_lines)", m.SkipLines)
	}
	return nil, faulty(0, "no row of the first %d has %q, by which the mapping finds the header (header_contains)", MaxSkippedLines, show(m.HeaderContains))
}

// first gives a row that was read already, then the others.
type first struct {
	source
	line  int
	cells []cell
}

func (f *first) next() (int, []cell, error) {
	if line := f.line; line > 0 {
		f.line = 0
		return line, f.cells, nil
	}
	return f.source.next()
}
