package metainvoice

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

const (
	// markZip begins every workbook (XLSX), markOLE one of the format before
	// it, and one with a password.
	markZip = "PK\x03\x04"
	markOLE = "\xd0\xcf\x11\xe0"
)

// maxSheets bounds the sheets of a workbook that are looked at.
const maxSheets = 256

// errUnzipped says that a workbook unpacks to more than MaxUnzippedBytes.
var errUnzipped = fmt.Errorf("it unpacks to more than %d MiB: split it by document", MaxUnzippedBytes>>20)

// workbook is an XLSX file: a zip archive of XML parts.
type workbook struct {
	parts map[string]*zip.File
	// left is how many bytes may still be unpacked.
	left     int64
	sheets   []sheetRef
	from1904 bool
	// shared are the texts that cells refer to; days says which cell formats
	// are dates.
	shared []string
	days   []bool
}

// sheetRef is a sheet and its part.
type sheetRef struct{ name, part string }

// openWorkbook reads all but the sheets. Its errors say what is wrong.
func openWorkbook(data []byte) (*workbook, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("it is no whole workbook (%w): save it again", err)
	}
	if len(z.File) > MaxZipEntries {
		return nil, fmt.Errorf("it has more than %d parts: no workbook has", MaxZipEntries)
	}
	w := &workbook{parts: map[string]*zip.File{}, left: MaxUnzippedBytes}
	for _, f := range z.File {
		name := strings.TrimPrefix(f.Name, "/")
		if w.parts[name] != nil {
			return nil, fmt.Errorf("it has the part %q twice: save it again", show(name))
		}
		w.parts[name] = f
	}
	if w.parts["xl/workbook.xml"] == nil {
		return nil, errors.New("it is a zip file and no XLSX workbook: save it as XLSX or CSV")
	}
	for _, read := range []func() error{w.readSheets, w.readShared, w.readStyles} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// sheet is the sheet of the name, or the first one for "".
func (w *workbook) sheet(name string) (sheetRef, error) {
	var there []string
	for _, s := range w.sheets {
		if name == "" || s.name == name {
			return s, nil
		}
		there = append(there, show(s.name))
	}
	return sheetRef{}, fmt.Errorf("there is no sheet %q: it has %q", show(name), there)
}

// open opens a part; what is read of it counts against the limit.
func (w *workbook) open(part string) (io.ReadCloser, error) {
	f := w.parts[part]
	if f == nil {
		return nil, fmt.Errorf("its part %s is missing: save it again", show(part))
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("its part %s can't be unpacked (%w): save it again", show(part), err)
	}
	return &bounded{r, &w.left}, nil
}

// bounded fails with errUnzipped when too much was unpacked.
type bounded struct {
	io.ReadCloser
	left *int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if *b.left -= int64(n); *b.left < 0 {
		return 0, errUnzipped
	}
	return n, err
}

// each calls visit for every element that opens in a part.
func (w *workbook) each(part string, visit func(*scanner) error) error {
	r, err := w.open(part)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	s := newScanner(r)
	for {
		opens, err := s.tag()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && opens {
			err = visit(s)
		}
		if err != nil {
			return inPart(part, err)
		}
	}
}

// inPart says which part an error is in, where that helps.
func inPart(part string, err error) error {
	if errors.Is(err, errUnzipped) {
		return errUnzipped
	}
	return fmt.Errorf("its part %s can't be read (%w): save it again", part, err)
}

// readSheets reads the sheets' names and parts, and from when days count.
func (w *workbook) readSheets() error {
	targets := map[string]string{}
	err := w.each("xl/_rels/workbook.xml.rels", func(s *scanner) error {
		if s.is("Relationship") && len(targets) < MaxZipEntries {
			target := s.attr("Target")
			if !strings.HasPrefix(target, "/") {
				target = "xl/" + target
			}
			targets[s.attr("Id")] = strings.TrimPrefix(path.Clean(target), "/")
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.each("xl/workbook.xml", func(s *scanner) error {
		switch {
		case s.is("workbookPr"):
			v := s.attr("date1904")
			w.from1904 = v == "1" || v == "true"
		case s.is("sheet") && len(w.sheets) < maxSheets:
			w.sheets = append(w.sheets, sheetRef{s.attr("name"), targets[s.attr("id")]})
		}
		return nil
	})
}

// readShared reads the table of texts.
func (w *workbook) readShared() error {
	const part = "xl/sharedStrings.xml"
	if w.parts[part] == nil {
		return nil
	}
	r, err := w.open(part)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	s, total := newScanner(r), 0
	for {
		opens, err := s.tag()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return inPart(part, err)
		}
		if !opens || !s.is("si") {
			continue
		}
		b, err := richText(s, "si")
		if err != nil {
			return inPart(part, err)
		}
		if total += len(b); total > MaxSharedBytes || len(w.shared) >= MaxSharedStrings {
			return fmt.Errorf("its cells have more than %d MiB or %d different texts: split it by document", MaxSharedBytes>>20, MaxSharedStrings)
		}
		w.shared = append(w.shared, string(b))
	}
}

// richText is the text of an element whose runs have formats; how it is
// spoken (rPh) is no part of it.
func richText(s *scanner, end string) (b []byte, err error) {
	spoken := false
	for {
		opens, err := s.tag()
		switch {
		case err != nil:
			return nil, broken(err)
		case s.is("rPh"):
			spoken = opens
		case opens && s.is("t"):
			keep := len(b)
			if b, err = s.text(b); err != nil {
				return nil, err
			}
			if spoken {
				b = b[:keep]
			}
			if len(b) > maxText {
				return nil, errXML
			}
		case !opens && s.is(end):
			return b, nil
		}
	}
}

// readStyles reads which cell formats are dates.
func (w *workbook) readStyles() error {
	const part = "xl/styles.xml"
	if w.parts[part] == nil {
		return nil
	}
	own := map[int]bool{}
	formats := false
	return w.each(part, func(s *scanner) error {
		switch {
		case s.is("numFmt"):
			if id, err := strconv.Atoi(s.attr("numFmtId")); err == nil && len(own) < MaxStyles {
				own[id] = dateFormat(s.attr("formatCode"))
			}
		case s.is("cellXfs"):
			formats = true
		case s.is("cellStyles"), s.is("dxfs"):
			formats = false
		case s.is("xf") && formats && len(w.days) < MaxStyles:
			id, _ := strconv.Atoi(s.attr("numFmtId"))
			isDay, ok := own[id]
			w.days = append(w.days, isDay || !ok && builtinDate(id))
		}
		return nil
	})
}

// builtinDate reports whether a format that every spreadsheet knows by number
// is a date.
func builtinDate(id int) bool {
	return id >= 14 && id <= 17 || id == 22 || id >= 27 && id <= 36 || id >= 50 && id <= 58
}

// dateFormat reports whether a format of the workbook's own has a year or a
// day outside of quoted text.
func dateFormat(code string) bool {
	quoted, bracket := false, false
	for i := 0; i < len(code); i++ {
		switch c := code[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\\':
			i++
		case c == '[' || c == ']':
			bracket = c == '['
		case bracket:
		case strings.IndexByte("yYdD", c) >= 0:
			return true
		}
	}
	return false
}
