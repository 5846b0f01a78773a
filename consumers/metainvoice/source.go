package metainvoice

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// kind is what a workbook says a cell is.
type kind uint8

const (
	// The first kind is a cell as it is written.
	_ kind = iota
	// number is a workbook's number, in decimal notation.
	number
	// day is a number that the workbook shows as a date.
	day
	// fault is an error such as #N/A.
	fault
)

// cell is one value of a row.
type cell struct {
	text string
	kind kind
}

// source gives the rows of a file in order.
type source interface {
	// next returns a row and its line; its cells are valid until the next call.
	// It ends with io.EOF; other errors are *placed.
	next() (line int, cells []cell, err error)
	// column names a column by its index from 0.
	column(i int) string
	// ragged reports whether rows may be shorter than the header.
	ragged() bool
}

// placed is an error of a source: what is wrong and where.
type placed struct {
	line    int
	message string
}

func (e *placed) Error() string { return e.message }

func faulty(line int, format string, args ...any) error {
	return &placed{line: line, message: fmt.Sprintf(format, args...)}
}

// delimited reads text whose cells are separated by a character.
type delimited struct {
	r     *csv.Reader
	above int // lines before those that r reads
	cells []cell
}

// byte order marks
const (
	markUTF8    = "\xef\xbb\xbf"
	markUTF16LE = "\xff\xfe"
	markUTF16BE = "\xfe\xff"
)

// openDelimited starts after what stands above the header.
func openDelimited(data []byte, m *Mapping) (*delimited, error) {
	utf16 := bytes.HasPrefix(data, []byte(markUTF16LE)) || bytes.HasPrefix(data, []byte(markUTF16BE))
	var decoder *encoding.Decoder
	switch m.Encoding {
	case "utf-16":
		decoder = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()
	case "windows-1252":
		decoder = charmap.Windows1252.NewDecoder()
	case "iso-8859-1":
		decoder = charmap.ISO8859_1.NewDecoder()
	}
	switch {
	case utf16 && m.Encoding != "utf-16":
		return nil, faulty(1, "it is UTF-16: save it as UTF-8, or say encoding = \"utf-16\" in a mapping")
	case m.Encoding != "" && m.Encoding != "utf-8" && bytes.HasPrefix(data, []byte(markUTF8)):
		return nil, faulty(1, "it is UTF-8, and the mapping says %s: correct encoding", m.Encoding)
	}
	var r io.Reader = bytes.NewReader(bytes.TrimPrefix(data, []byte(markUTF8)))
	if decoder != nil {
		r = transform.NewReader(r, decoder)
	}
	d := &delimited{}
	rest, err := d.skip(bufio.NewReader(r), m)
	if err != nil {
		return nil, err
	}
	d.r = csv.NewReader(rest)
	d.r.Comma, d.r.FieldsPerRecord, d.r.ReuseRecord = m.delimiter(), -1, true
	return d, nil
}

// skip drops the lines above the header.
func (d *delimited) skip(r *bufio.Reader, m *Mapping) (io.Reader, error) {
	for m.HeaderContains != "" || d.above < m.SkipLines {
		if d.above > MaxSkippedLines {
			return nil, faulty(0, "no line of the first %d has %q, by which the mapping finds the header (header_contains)", MaxSkippedLines, show(m.HeaderContains))
		}
		line, err := r.ReadString('\n')
		if m.HeaderContains != "" && strings.Contains(line, m.HeaderContains) {
			return io.MultiReader(strings.NewReader(line), r), nil
		}
		if errors.Is(err, io.EOF) && m.HeaderContains != "" {
			return nil, faulty(0, "no line has %q, by which the mapping finds the header (header_contains)", show(m.HeaderContains))
		}
		if err != nil {
			return nil, faulty(d.above+1, "the file ends within the %d lines that the mapping skips (skip_lines)", m.SkipLines)
		}
		d.above++
	}
	return r, nil
}

func (d *delimited) next() (int, []cell, error) {
	record, err := d.r.Read()
	var broken *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return 0, nil, io.EOF
	case errors.As(err, &broken):
		return 0, nil, faulty(d.above+broken.Line, "the quotes do not match near column %d (%v): write \"\" for a quote inside a quoted field", broken.Column, broken.Err)
	case err != nil:
		return 0, nil, faulty(0, "it can't be read as delimited text (%v)", err)
	}
	line, _ := d.r.FieldPos(0)
	line += d.above
	d.cells = d.cells[:0]
	for i, s := range record {
		if len(s) > MaxCellBytes {
			return 0, nil, faulty(line, "column %d has %d bytes, at most %d: is a quote missing?", i+1, len(s), MaxCellBytes)
		}
		d.cells = append(d.cells, cell{text: s})
	}
	return line, d.cells, nil
}

func (d *delimited) column(i int) string { return strconv.Itoa(i + 1) }

func (d *delimited) ragged() bool { return false }

// held gives rows a few rows late, so that the last ones are never given.
type held struct {
	source
	rows []heldRow
	at   int
	full bool
}

type heldRow struct {
	line  int
	cells []cell
}

// hold drops the last n rows of what the source still has.
func hold(s source, n int) source {
	if n == 0 {
		return s
	}
	return &held{source: s, rows: make([]heldRow, n+1)}
}

func (h *held) next() (int, []cell, error) {
	for {
		line, cells, err := h.source.next()
		if err != nil {
			return 0, nil, err
		}
		row := &h.rows[h.at]
		row.line = line
		row.cells = append(row.cells[:0], cells...)
		h.at = (h.at + 1) % len(h.rows)
		if h.full = h.full || h.at == 0; h.full {
			oldest := &h.rows[h.at]
			return oldest.line, oldest.cells, nil
		}
	}
}
