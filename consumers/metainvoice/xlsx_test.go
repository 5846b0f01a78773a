package metainvoice

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"prepayledger/domain"
)

// book writes a workbook as spreadsheets do.
func book(t testing.TB, sheets map[string][][]any) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer func() { _ = f.Close() }()
	first := true
	for name, rows := range sheets {
		if first {
			must(t, f.SetSheetName("Sheet1", name))
			first = false
		} else if _, err := f.NewSheet(name); err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			at, err := excelize.CoordinatesToCellName(1, i+1)
			must(t, err)
			must(t, f.SetSheetRow(name, at, &row))
		}
	}
	var b bytes.Buffer
	must(t, f.Write(&b))
	return b.Bytes()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func headRow() (row []any) {
	for _, n := range names() {
		row = append(row, n)
	}
	return row
}

// raw is a workbook of one sheet whose XML is given, for what no library
// writes.
func raw(t testing.TB, sheet string, parts ...string) []byte {
	t.Helper()
	all := map[string]string{
		"xl/workbook.xml":            `<workbook xmlns:r="r"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml":   `<worksheet><sheetData>` + sheet + `</sheetData></worksheet>`,
	}
	for i := 0; i < len(parts); i += 2 {
		all[parts[i]] = parts[i+1]
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range all {
		w, err := z.Create(name)
		must(t, err)
		_, err = io.WriteString(w, text)
		must(t, err)
	}
	must(t, z.Close())
	return b.Bytes()
}

// inline is a row of texts.
func inline(texts ...string) string {
	var b strings.Builder
	b.WriteString("<row>")
	for _, s := range texts {
		if s == "" {
			b.WriteString("<c/>")
			continue
		}
		b.WriteString(`<c t="inlineStr"><is><t>` + s + `</t></is></c>`)
	}
	return b.String() + "</row>"
}

func rawHead() string { return inline(names()...) }

func readBook(data []byte, o Options) (*File, error) {
	return Read("meta.xlsx", bytes.NewReader(data), o)
}

func TestXLSX(t *testing.T) {
	day := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	data := book(t, map[string][][]any{"Oktober": {
		headRow(),
		{"MI-1", "INV", "2026-10-01", "W1", nil, "BR", nil, "marketing", nil, nil, "4", "0.25", "EUR"},
		{"MI-1", "INV", day, 102290129340398, 106540352242922, "BR", "Brazil", "MARKETING", "REGULAR", "0:MAX", 1234, 77.125, "EUR"},
		{nil, "  "},
		{"MI-2", "CM", day, "W & <2>", nil, nil, "Öst", "utility", nil, nil, -3, -0.0000042, "EUR"},
		{"TOTAL", "INV", day, nil, nil, nil, nil, nil, nil, nil, 1238, "77.375", "EUR"},
	}})
	f, err := readBook(data, Options{})
	must(t, err)
	text := head + "MI-1,INV,2026-10-01,W1,,BR,,marketing,,,4,0.25,EUR\n" +
		"MI-1,INV,2026-10-01,102290129340398,106540352242922,BR,Brazil,MARKETING,REGULAR,0:MAX,1234,77.125,EUR\n" +
		"MI-2,CM,2026-10-01,W & <2>,,,Öst,utility,,,-3,-0.0000042,EUR\n"
	want, err := parse(t, text)
	must(t, err)
	if got, want := strings.Join(contents(f), "|"), strings.Join(contents(want), "|"); got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
	if !bytes.Equal(f.Bytes, data) || f.Sheet != "Oktober" || f.Command(0, "").Sheet != "Oktober" {
		t.Errorf("the original or its sheet is not kept: %q", f.Sheet)
	}
}

// TestXLSXThroughAMapping: marks of a mapping are for texts, a number has its
// own.
func TestXLSXThroughAMapping(t *testing.T) {
	m := mappingOf(t, "decimal_mark = ','\nthousands_mark = '.'\nheader_contains = 'waba'\nfooter.starts_with = ['Summe']\nfooter.check = ['volume']\n"+minimal)
	data := book(t, map[string][][]any{"x": {
		{"Bericht", 3}, {}, {"id", "type", "month", "waba", "market", "category", "volume", "amount", "remark"},
		{"MI-1", "Bill", "2026-10", "W1", "Brazil", "marketing", 1.0, 1.234},
		{"MI-1", "Bill", time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), "W1", "Brazil", "marketing", "1.000", "1.234"},
		{}, {"Summe", nil, nil, nil, nil, nil, 1001}, {"Ende"},
	}})
	f, err := readBook(data, Options{Mapping: m})
	must(t, err)
	l := f.Invoices[0].Lines
	if len(l) != 2 || l[0].Amount.String() != "1.234" || l[1].Amount.String() != "1234" || l[1].Month != "2026-09" || l[1].Volume != 1000 {
		t.Errorf("%+v", l)
	}
}

// TestXLSXColumnsWithoutName go by number, also behind the last name.
func TestXLSXColumnsWithoutName(t *testing.T) {
	m := mappingOf(t, strings.Replace(minimal, `column = "amount"`, "number = 10", 1))
	data := book(t, map[string][][]any{"x": {
		{"id", "type", "month", "waba", "market", "category", "volume"},
		{"MI-1", "Bill", "2026-10", "W1", "Brazil", "marketing", 4, nil, nil, 0.25},
	}})
	if f, err := readBook(data, Options{Mapping: m}); err != nil || f.Invoices[0].Lines[0].Amount.String() != "0.25" {
		t.Error(err)
	}
}

func TestXLSXSheets(t *testing.T) {
	row := []any{"MI-1", "INV", "2026-10-01", "W1", nil, "BR", nil, "marketing", nil, nil, "4", "0.25", "EUR"}
	data := book(t, map[string][][]any{"A": {headRow(), row}, "B": {headRow(), row}})
	for _, name := range []string{"A", "B"} {
		if f, err := readBook(data, Options{Sheet: name}); err != nil || f.Sheet != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := readBook(data, Options{Sheet: "C"}); err == nil || !strings.Contains(err.Error(), `there is no sheet "C"`) || domain.RejectionCode(err) != domain.InvoiceInvalid {
		t.Error(err)
	}
	if _, err := Read("a.csv", strings.NewReader(head+good), Options{Sheet: "A"}); err == nil || !strings.Contains(err.Error(), "no XLSX") {
		t.Error(err)
	}
}

// TestXLSXNumbers: a number is the digits that the file has.
func TestXLSXNumbers(t *testing.T) {
	line := func(amount string) string {
		return strings.TrimSuffix(inline("MI-1", "INV", "2026-10-01", "W1", "", "BR", "", "marketing", "", "", "4"), "</row>") +
			"<c><v>" + amount + `</v></c><c t="str"><f>A1</f><v>EUR</v></c></row>`
	}
	for _, c := range []struct{ in, cells, want string }{
		{"0.1", "", "0.1"}, {"1.5E-05", "", "0.000015"}, {"12345678901234.5", "", "12345678901234.5"}, {"3E+2", "", "300"},
		{"0.30000000000000004", "exact", "0.30000000000000004"}, {"0.30000000000000004", "15-digits", "0.3"},
		{"0.30000000000000004", "", ""}, {"4.5999999999999996", "", ""},
	} {
		o := Options{}
		if c.cells != "" {
			o.Mapping = mappingOf(t, "number_cells = '"+c.cells+"'")
		}
		f, err := readBook(raw(t, rawHead()+line(c.in)), o)
		if c.want == "" {
			if err == nil || !strings.Contains(err.Error(), `meta.xlsx, sheet "S", line 2, column L "amount", field amount`) || !strings.Contains(err.Error(), "17 digits and a spreadsheet keeps 15") {
				t.Errorf("%s: %v", c.in, err)
			}
			continue
		}
		if err != nil || f.Invoices[0].Lines[0].Amount.String() != c.want {
			t.Errorf("%s %s: %v", c.in, c.cells, err)
		}
	}
}

// TestXLSXReadsWhatOthersWrite: prefixes, CDATA, remarks, rich text, texts
// told in another language, gaps, absent references.
func TestXLSXReadsWhatOthersWrite(t *testing.T) {
	shared := `<?xml version="1.0"?><!-- > --><x:sst><x:si><x:t xml:space="preserve"> MI-1 </x:t></x:si>` +
		`<x:si><x:r><x:rPr><x:b/></x:rPr><x:t>mar</x:t></x:r><x:r><x:t><![CDATA[ket]]>i&#110;&#x67;</x:t></x:r><x:rPh><x:t>no</x:t></x:rPh></x:si><x:si/></x:sst>`
	sheet := strings.Replace(rawHead(), "<row>", `<row r="3">`, 1) + `<row r="7" spans="1:13"><c r="A7" t="s"><v>0</v></c><c r="B7" t="inlineStr"><is><t>INV</t></is></c>` +
		`<c r="C7" s="1"><v>46296.0</v></c><c r="D7" t="inlineStr"><is><t>W<!-- - -->1</t></is></c><c r="E7" t="s"><v>2</v></c><c r="F7" t='str'><v>BR</v></c>` +
		`<c r="H7" t="s"><v>1</v></c><c r="K7"><v>4</v></c><c r="L7" t="n"><v>0.25</v></c><c r="M7" t="str"><v>EUR</v></c></row><row r="9"/>`
	styles := `<styleSheet><numFmts><numFmt numFmtId="170" formatCode="&quot;day&quot; 0"/><numFmt numFmtId="171" formatCode="yyyy\-mm"/></numFmts>` +
		`<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="171"/><xf numFmtId="170"/></cellXfs></styleSheet>`
	f, err := readBook(raw(t, sheet, "xl/sharedStrings.xml", shared, "xl/styles.xml", styles), Options{})
	must(t, err)
	want, err := parse(t, head+"MI-1,INV,2026-10-01,W1,,BR,,marketing,,,4,0.25,EUR\n")
	must(t, err)
	if got := contents(f); len(got) != 1 || got[0] != contents(want)[0] {
		t.Errorf("%q, want %q", got, contents(want))
	}
}

func TestXLSXIsRefusedByName(t *testing.T) {
	line := inline("MI-1", "INV", "2026-10-01", "W1", "", "BR", "", "marketing", "", "", "4", "0.25", "EUR")
	cellsOf := func(at int, c string) string {
		v := []string{"MI-1", "INV", "2026-10-01", "W1", "", "BR", "", "marketing", "", "", "4", "0.25", "EUR"}
		return inline(v[:at]...)[:len(inline(v[:at]...))-len("</row>")] + c + strings.TrimPrefix(inline(v[at+1:]...), "<row>")
	}
	whole := raw(t, rawHead()+line)
	must(t, func() error { _, err := readBook(whole, Options{}); return err }())
	dated := `<styleSheet><cellXfs><xf numFmtId="14"/></cellXfs></styleSheet>`
	bomb := raw(t, rawHead()+line+strings.Repeat(" ", MaxUnzippedBytes))
	if len(bomb) > 1<<20 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	many := strings.Repeat("<si><t>"+strings.Repeat("x", 32<<10)+"</t></si>", MaxSharedBytes>>15+1)
	for _, c := range []struct {
		name string
		data []byte
		says string
	}{
		{"old format", []byte(markOLE + "rest"), "old format, or one with a password"},
		{"cut short", whole[:len(whole)-30], "no whole workbook"},
		{"another zip", zipOf(t, "a.txt", "b"), "no XLSX workbook"},
		{"damaged", damaged(t), "can't be read"},
		{"bomb", bomb, "unpacks to more than 256 MiB"},
		{"bomb of texts", raw(t, rawHead(), "xl/sharedStrings.xml", "<sst>"+many+"</sst>"), "more than 64 MiB or 1000000 different texts"},
		{"bomb in one text", raw(t, rawHead(), "xl/sharedStrings.xml", "<sst><si><t>"+strings.Repeat("x", 1<<20)+"</t></si></sst>"), "sharedStrings.xml can't be read"},
		{"bomb in one tag", raw(t, rawHead(), "xl/styles.xml", "<a "+strings.Repeat("x", 1<<20)+">"), "styles.xml can't be read"},
		{"doctype", raw(t, rawHead(), "xl/styles.xml", `<!DOCTYPE a [<!ENTITY b "c">]><a/>`), "styles.xml can't be read"},
		{"entity", raw(t, strings.Replace(rawHead(), "tier", "&tier;", 1)), "can't be read"},
		{"no sheet", raw(t, "", "xl/workbook.xml", "<workbook/>"), `there is no sheet ""`},
		{"no part", raw(t, "", "xl/_rels/workbook.xml.rels", "<Relationships/>"), "is missing"},
		{"unfinished", raw(t, rawHead()+"<row><c><v>1"), "can't be read"},
		{"order of rows", raw(t, strings.Replace(rawHead(), "<row>", `<row r="5">`, 1)+strings.Replace(line, "<row>", `<row r="4">`, 1)), "not in order"},
		{"order of cells", raw(t, rawHead()+`<row><c r="C2"><v>1</v></c><c r="B2"><v>1</v></c></row>`), "out of order"},
		{"far column", raw(t, rawHead()+`<row><c r="XFD2"><v>1</v></c></row>`), "beyond 256 columns"},
		{"no such text", raw(t, rawHead()+`<row><c t="s"><v>7</v></c></row>`), "text that the workbook does not have"},
		{"beyond the header", raw(t, rawHead()+strings.Replace(line, "</row>", `<c t="str"><v>x</v></c></row>`, 1)), `column N: "x" stands beyond the header`},
		{"empty", raw(t, ""), "before the header"},
		{"no lines", raw(t, rawHead()), "header and no lines"},
		{"long cell", raw(t, rawHead()+cellsOf(7, `<c t="str"><v>`+strings.Repeat("x", MaxCellBytes+1)+"</v></c>")), "32768 bytes"},
		{"error", raw(t, rawHead()+cellsOf(11, `<c t="e"><v>#N/A</v></c>`)), `column L "amount", field amount: "#N/A" is an error of the workbook`},
		{"long number as id", raw(t, rawHead()+cellsOf(3, `<c><v>1.02290129340398E+17</v></c>`)), "more digits than the 15 that a spreadsheet keeps"},
		{"broken number", raw(t, rawHead()+cellsOf(3, `<c><v>NaN</v></c>`)), "is no figure"},
		{"date as amount", raw(t, rawHead()+cellsOf(11, `<c s="0"><v>46296</v></c>`), "xl/styles.xml", dated), "is a date in the workbook"},
		{"date as id", raw(t, rawHead()+cellsOf(3, `<c s="0"><v>46296</v></c>`), "xl/styles.xml", dated), "is a date in the workbook"},
		{"hour as period", raw(t, rawHead()+cellsOf(2, `<c s="0"><v>46296.5</v></c>`), "xl/styles.xml", dated), "no whole day"},
		{"number as period", raw(t, rawHead()+cellsOf(2, `<c><v>46296</v></c>`)), "is no date"},
		{"mid month", raw(t, rawHead()+cellsOf(2, `<c s="0"><v>46297</v></c>`), "xl/styles.xml", dated), "write 2026-10-01"},
		{"fraction of a message", raw(t, rawHead()+cellsOf(10, `<c><v>4.5</v></c>`)), "whole number"},
		{"truth as amount", raw(t, rawHead()+cellsOf(11, `<c t="b"><v>1</v></c>`)), "TRUE"},
	} {
		f, err := readBook(c.data, Options{})
		if err == nil || f != nil || domain.RejectionCode(err) != domain.InvoiceInvalid || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
}

func zipOf(t *testing.T, name, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	must(t, err)
	_, err = io.WriteString(w, text)
	must(t, err)
	must(t, z.Close())
	return b.Bytes()
}

// damaged is a workbook one of whose amounts was changed without its
// checksum.
func damaged(t *testing.T) []byte {
	t.Helper()
	line := inline("MI-1", "INV", "2026-10-01", "W1", "", "BR", "", "marketing", "", "", "4", "0.25", "EUR")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range map[string]string{
		"xl/workbook.xml":            `<workbook><sheets><sheet name="S" id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="rId1" Target="/xl/s.xml"/></Relationships>`,
		"xl/s.xml":                   `<worksheet><sheetData>` + rawHead() + line + `</sheetData></worksheet>`,
	} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		must(t, err)
		_, err = io.WriteString(w, text)
		must(t, err)
	}
	must(t, z.Close())
	return bytes.Replace(b.Bytes(), []byte("0.25"), []byte("9.25"), 1)
}

// FuzzXLSX: no sheet makes it panic, and what it takes it takes whole.
func FuzzXLSX(f *testing.F) {
	f.Add(rawHead() + inline("MI-1", "INV", "2026-10-01", "W1", "", "BR", "", "marketing", "", "", "4", "0.25", "EUR"))
	f.Add(`<row r="2"><c r="B2" t="s"><v>0</v></c><c><is><t><![CDATA[x]]></t></is></c></row>`)
	f.Fuzz(func(t *testing.T, sheet string) {
		if _, err := readBook(raw(t, sheet), Options{}); err != nil && domain.RejectionCode(err) != domain.InvoiceInvalid {
			t.Fatal(err)
		}
	})
}

// TestXLSXOfLibreOffice: testdata/libreoffice.xlsx is what LibreOffice 7.4 made
// of the CSV below.
func TestXLSXOfLibreOffice(t *testing.T) {
	data, err := os.ReadFile("testdata/libreoffice.xlsx")
	must(t, err)
	f, err := readBook(data, Options{})
	must(t, err)
	want, err := parse(t, head+
		"MI-1,INV,2026-10-01,102290129340398,106540352242922,BR,Brazil,marketing,regular,0:MAX,1234,4.6,EUR\n"+
		"MI-1,INV,2026-10-01,\"W & \"\"2\"\"\",,IN,Österreich,utility,,,3,0.000015,EUR\n"+
		"MI-2,CM,2026-10-01,W1,,DE,,utility,,,-3,-1234567.891,EUR\n")
	must(t, err)
	if got, want := contents(f), contents(want); !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}
