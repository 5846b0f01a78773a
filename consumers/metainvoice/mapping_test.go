package metainvoice

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// germanReport is what testdata/german.toml is for; the quotes hold a line
// break and a delimiter.
const germanReport = "WhatsApp Business – Abrechnung\r\n" +
	"Erstellt am;3.11.2026\r\n" +
	"\"Nicht geschlossen: 12\" Zoll;\r\n" +
	"Beleg-Nr.;Belegart;Zeitraum;Geschäftskonto;Nummer;Land;Kategorie;Anzahl;\"Betrag\r\nin €\";Bemerkung\r\n" +
	"R-1;Rechnung;10/2026;102290129340398;106540352242922;BR;Werbung;1.234;77,1250;\"a;b\r\nc\"\r\n" +
	";;;;;;;;;\r\n" +
	"R-1;Nachbelastung für Vormonat;09/2026;102290129340398;;DE;Dienst;1.000.000;1.234.567,89;\r\n" +
	"G-2;Gutschrift;10/2026;W-ü;;IN;authentication-international;3;-0,0042;\r\n" +
	"Summe;;;;;;;1.001.237;1.234.645,0108;\r\n" +
	"Ende des Berichts\r\n"

func mappingOf(t *testing.T, text string) *Mapping {
	t.Helper()
	m, err := ParseMapping("report.toml", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func golden(t *testing.T, name string) *Mapping {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return mappingOf(t, string(text))
}

// in1252 encodes text as Windows does.
func in1252(t *testing.T, text string) string {
	t.Helper()
	s, err := charmap.Windows1252.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func inUTF16(text string) string {
	var b strings.Builder
	b.WriteString(markUTF16LE)
	for _, u := range utf16.Encode([]rune(text)) {
		b.Write([]byte{byte(u), byte(u >> 8)})
	}
	return b.String()
}

// contents are a file's lines, each with its document's id.
func contents(f *File) (lines []string) {
	for _, i := range f.Invoices {
		for j := range i.Lines {
			lines = append(lines, i.ID+"\x00"+i.Lines[j].Content())
		}
	}
	return lines
}

func TestMappingGerman(t *testing.T) {
	text := in1252(t, germanReport)
	f, err := Read("report.csv", strings.NewReader(text), Options{Mapping: golden(t, "german.toml")})
	if err != nil {
		t.Fatal(err)
	}
	if string(f.Bytes) != text || f.Command(0, "").Mapping != f.Mapping.Text {
		t.Error("the original or its mapping is not kept")
	}
	want := []reconciliation.InvoiceLine{
		{
			DocumentType: "INV", Month: "2026-10", WABAID: "102290129340398", PhoneNumberID: "106540352242922", Country: "BR",
			Category: "marketing", Volume: 1234, Amount: money.MustParse("77.125"), Currency: "EUR",
		},
		{
			DocumentType: "DM", Month: "2026-09", WABAID: "102290129340398", Country: "DE", Category: "utility",
			Volume: 1_000_000, Amount: money.MustParse("1234567.89"), Currency: "EUR",
		},
		{
			DocumentType: "CM", Month: "2026-10", WABAID: "W-ü", Country: "IN", Category: "authentication-international",
			Volume: 3, Amount: money.MustParse("-0.0042"), Currency: "EUR",
		},
	}
	got := contents(f)
	for i, id := range []string{"R-1", "R-1", "G-2"} {
		if i >= len(got) || got[i] != id+"\x00"+want[i].Content() {
			t.Fatalf("line %d: %q, want %s %q", i, got, id, want[i].Content())
		}
	}
}

// TestDocumentedMapping: the mapping that the documentation shows is the one
// that is tested.
func TestDocumentedMapping(t *testing.T) {
	docs, err := os.ReadFile("../../docs/formats.md")
	must(t, err)
	if !strings.Contains(string(docs), "```toml\n"+golden(t, "german.toml").Text+"```\n") {
		t.Error("docs/formats.md does not show testdata/german.toml")
	}
}

const utf16Mapping = `
delimiter = "tab"
encoding = "utf-16"
no_header = true
skip_lines = 1
negative = "parentheses"
thousands_mark = ","
footer.rows = 2
[fields]
invoice_id = { number = 1 }
document_type = { constant = "INV" }
billing_period = { number = 2, date = "D MMM YYYY", day = "any" }
waba_id = { number = 3 }
market = { number = 4, values = { "" = "Other" }, unlisted = "kept" }
category = { number = 5 }
volume = { number = 6 }
amount = { number = 7 }
currency = { number = 8 }
`

func TestMappingUTF16(t *testing.T) {
	text := "Report №1\r\n" +
		"MI-1\t31 Oct 2026\tW1\tBrazil\tmarketing\t1,234.00\t(12,345.678)\tUSD\r\n" +
		"MI-1\t1 Oct 2026\tW1\t\tmarketing\t1\t0.5\tUSD\r\n" +
		"MI-1\t2 Oct 2026\tTotal\t\t\t\t\t\r\nas of today\r\n"
	for name, text := range map[string]string{"little endian": inUTF16(text), "big endian": swapped(inUTF16(text)), "no mark": inUTF16(text)[2:]} {
		f, err := Read("r.tsv", strings.NewReader(text), Options{Mapping: mappingOf(t, utf16Mapping)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		l := f.Invoices[0].Lines
		if len(l) != 2 || l[0].Amount.String() != "-12345.678" || l[0].Volume != 1234 || l[0].Month != "2026-10" || l[1].Market != "Other" {
			t.Errorf("%s: %+v", name, l)
		}
	}
}

func swapped(s string) string {
	b := []byte(s)
	for i := 0; i+1 < len(b); i += 2 {
		b[i], b[i+1] = b[i+1], b[i]
	}
	return string(b)
}

// TestMappingOfTheNormalisedLayout: without fields a mapping says only how
// the normalised layout is written.
func TestMappingOfTheNormalisedLayout(t *testing.T) {
	text := strings.ReplaceAll(head+good, ",", ";")
	text = strings.Replace(text, "0.25", "0,25", 1) + "TOTAL;INV;2026-10-01;;;;;;;;4;0,25;EUR\n"
	f, err := Read("i.csv", strings.NewReader(text), Options{Mapping: mappingOf(t, "delimiter = ';'\ndecimal_mark = ','")})
	if err != nil || f.Invoices[0].Lines[0].Amount.String() != "0.25" {
		t.Fatal(err)
	}
}

// TestMonthsInWords: values can stand for any field, a month too.
func TestMonthsInWords(t *testing.T) {
	m := mappingOf(t, strings.Replace(minimal, `date = "YYYY-MM"`, `values = { "Oktober 2026" = "2026-10-01" }`, 1))
	f, err := Read("r.csv", strings.NewReader(minimalHead+strings.Replace(minimalLine, "2026-10", "Oktober 2026", 1)), Options{Mapping: m})
	if err != nil || f.Invoices[0].Lines[0].Month != "2026-10" {
		t.Error(err)
	}
}

// minimal is a mapping that is right; tests break one thing of it.
const minimal = `[fields]
invoice_id = { column = "id" }
document_type = { column = "type", values = { "Bill" = "INV" } }
billing_period = { column = "month", date = "YYYY-MM" }
waba_id = { column = "waba" }
market = { column = "market" }
category = { column = "category" }
volume = { column = "volume" }
amount = { column = "amount" }
currency = { constant = "EUR" }
`

const minimalHead = "id,type,month,waba,market,category,volume,amount\n"

const minimalLine = "MI-1,Bill,2026-10,W1,Brazil,marketing,4,0.25\n"

func TestMappingIsRefusedByName(t *testing.T) {
	replace := func(old, with string) string { return strings.Replace(minimal, old, with, 1) }
	for _, c := range []struct{ name, text, key, says string }{
		{"no TOML", "delimiter =", "delimiter", "line 1"},
		{"wrong type", "skip_lines = 'three'", "", "skip_lines"},
		{"unknown key", "delimeter = ';'\n" + minimal, "delimeter", "unknown"},
		{"unknown key of a field", replace(`column = "id"`, `colum = "id"`), "fields.invoice_id.colum", "unknown"},
		{"unknown key of the footer", "footer.row = 1\n" + minimal, "footer.row", "unknown"},
		{"unknown field", minimal + "price = { column = 'p' }", "fields.price", "unknown"},
		{"delimiter", "delimiter = ';;'\n" + minimal, "delimiter", "one character"},
		{"quote as delimiter", "delimiter = '\"'\n" + minimal, "delimiter", "one character"},
		{"encoding", "encoding = 'latin'\n" + minimal, "encoding", "windows-1252"},
		{"decimal mark", "decimal_mark = ';'\n" + minimal, "decimal_mark", "write one of"},
		{"thousands mark", "thousands_mark = '_'\n" + minimal, "thousands_mark", "write one of"},
		{"same marks", "thousands_mark = '.'\n" + minimal, "thousands_mark", "decimal mark"},
		{"negative", "negative = 'red'\n" + minimal, "negative", "parentheses"},
		{"currency mark", "currency_marks = ['$', '-']\n" + minimal, "currency_marks", "can't be one"},
		{"empty currency mark", "currency_marks = ['']\n" + minimal, "currency_marks", "can't be one"},
		{"number cells", "number_cells = 'float'\n" + minimal, "number_cells", "15-digits"},
		{"skip", "skip_lines = -1\n" + minimal, "skip_lines", "0 to 1000"},
		{"footer rows", "footer.rows = 1001\n" + minimal, "footer.rows", "0 to 1000"},
		{"two ways to the header", "skip_lines = 1\nheader_contains = 'id'\n" + minimal, "header_contains", "keep one"},
		{"empty footer", "footer.starts_with = ['']\n" + minimal, "footer.starts_with", "empty"},
		{"check what", "footer.starts_with = ['S']\nfooter.check = ['tier']\n" + minimal, "footer.check", "volume"},
		{"check where", "footer.check = ['volume']\n" + minimal, "footer.check", "starts_with"},
		{"no header and names", "no_header = true\n" + minimal, "fields.amount.column", "number"},
		{"no header and nothing", "no_header = true", "no_header", "needs fields"},
		{"two sources", replace(`column = "id"`, `column = "id", number = 1`), "fields.invoice_id", "exactly one"},
		{"no source", replace(`{ column = "id" }`, `{ }`), "fields.invoice_id", "exactly one"},
		{"number", replace(`column = "id"`, `number = 257`), "fields.invoice_id.number", "1 to 256"},
		{"negative number", replace(`column = "id"`, `number = -1`), "fields.invoice_id.number", "1 to 256"},
		{"constant with values", replace(`constant = "EUR"`, `constant = "EUR", values = { a = "b" }`), "fields.currency.constant", "remove"},
		{"unlisted", replace(`"Bill" = "INV" }`, `"Bill" = "INV" }, unlisted = "dropped"`), "fields.document_type.unlisted", "kept"},
		{"unlisted alone", replace(`column = "id"`, `column = "id", unlisted = "kept"`), "fields.invoice_id.unlisted", "values"},
		{"date elsewhere", replace(`column = "id"`, `column = "id", date = "YYYY-MM"`), "fields.invoice_id.date", "only billing_period"},
		{"day", replace(`"YYYY-MM"`, `"YYYY-MM", day = "last"`), "fields.billing_period.day", "first"},
		{"date", replace(`"YYYY-MM"`, `"2006-01"`), "fields.billing_period.date", "YYYY"},
		{"date without month", replace(`"YYYY-MM"`, `"DD.YYYY"`), "fields.billing_period.date", "each once"},
		{"required", replace("category = { column = \"category\" }\n", ""), "fields.category", "missing"},
		{"market and country", replace("market = { column = \"market\" }\n", ""), "fields.market", "country"},
		{"large", minimal + strings.Repeat("#", MaxMappingBytes), "", "larger than 16 KiB"},
		{"encoding of the file", minimal + "# caf\xe9", "", "UTF-8"},
	} {
		m, err := ParseMapping("report.toml", strings.NewReader(c.text))
		var e *Error
		if !errors.As(err, &e) || m != nil || domain.RejectionCode(err) != domain.InvoiceInvalid {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		named := false
		for _, p := range e.Problems {
			named = named || (c.key == "" || p.Field == c.key)
		}
		if !named || !strings.Contains(e.Error(), c.says) || !strings.HasPrefix(e.Error(), "report.toml") {
			t.Errorf("%s: %v", c.name, e)
		}
	}
	mappingOf(t, minimal)
}

// TestMappingNamesTheData: what a file has wrong is named by line, column and
// field.
func TestMappingNamesTheData(t *testing.T) {
	comma := "delimiter = ';'\ndecimal_mark = ','\nthousands_mark = '.'\n" + minimal
	semicolons := strings.ReplaceAll(minimalHead, ",", ";")
	footer := "footer.starts_with = ['Sum']\nfooter.check = ['volume','amount']\n" + minimal
	line := func(old, with string) string { return minimalHead + strings.Replace(minimalLine, old, with, 1) }
	for _, c := range []struct{ name, mapping, text, says string }{
		{"value", minimal, line("Bill", "Memo"), `r.csv, line 2, column 2 "type", field document_type: "Memo" is none of the values in report.toml: add it to fields.document_type.values`},
		{"date", minimal, line("2026-10", "10/2026"), `column 3 "month", field billing_period: "10/2026" is no date like YYYY-MM`},
		{"amount", minimal, line("0.25", "0,25"), "line 2"},
		{"amount of words", minimal, line("0.25", "EUR 1"), `column 8 "amount", field amount: "EUR 1" is no figure: digits with "." as the decimal mark`},
		{"thousands", comma, semicolons + "MI-1;Bill;2026-10;W1;Brazil;marketing;4;0.25\n", `"." does not stand between thousands; is it the decimal mark?`},
		{"fraction of a message", comma, semicolons + "MI-1;Bill;2026-10;W1;Brazil;marketing;4,5;0,25\n", "whole number"},
		{"missing column", minimal, strings.Replace(minimalHead, "waba", "WABA", 1) + minimalLine, `there is no column "waba" (fields.waba_id.column in report.toml)`},
		{"column twice", minimal, strings.Replace(minimalHead, "market", "waba", 1) + minimalLine, "there twice"},
		{"number beyond", strings.Replace(minimal, `column = "id"`, "number = 9", 1), minimalHead + minimalLine, "there is no column 9"},
		{"short line", minimal, minimalHead + "MI-1,Bill\n", "2 fields, the header has 8"},
		{"no header line", "header_contains = 'Beleg'\n" + minimal, minimalHead, `no line has "Beleg"`},
		{"skips all", "skip_lines = 9\n" + minimal, minimalHead, "ends within the 9 lines"},
		{"nothing after", "skip_lines = 1\n" + minimal, minimalHead, "before the header"},
		{"footer wrong", footer, minimalHead + minimalLine + "Sum,,,,,,5,0.25\n", `line 3, column 7 "volume", field volume: the footer says 5, the lines sum to 4`},
		{"footer amount", footer, minimalHead + minimalLine + "Sum,,,,,,4,0.26\n", "the footer says 0.26, the lines sum to 0.25"},
		{"footer missing", footer, minimalHead + minimalLine, `no row begins with ["Sum"]`},
		{"footer empty", footer, minimalHead + minimalLine + "Sum,,,,,,,0.25\n", "has no sum in this column"},
		{"footer no figure", footer, minimalHead + minimalLine + "Sum,,,,,,4,x\n", "is no figure"},
		{"subtotal", footer, minimalHead + minimalLine + "Sum,,,,,,4,0.25\n" + minimalLine, "line 4: this looks like a line of the table"},
		{"one currency", strings.Replace(footer, `constant = "EUR"`, `column = "type", values = { "Bill" = "EUR", "Note" = "USD" }`, 1), minimalHead + minimalLine + "Sum,,,,,,4,0.25\n", ""},
		{"encoding", "encoding = 'windows-1252'\n" + minimal, markUTF8 + minimalHead + minimalLine, "it is UTF-8, and the mapping says windows-1252"},
		{"not its encoding", "encoding = 'utf-16'\n" + minimal, minimalHead + minimalLine, "there is no column"},
		{"UTF-16 unasked", minimal, inUTF16(minimalHead), "it is UTF-16"},
		{"long cell", minimal, line("Brazil", strings.Repeat("x", MaxCellBytes+1)), "column 5 has 32768 bytes"},
		{"quotes", minimal, minimalHead + minimalLine + "\"MI-1", "quotes do not match"},
	} {
		f, err := Read("r.csv", strings.NewReader(c.text), Options{Mapping: mappingOf(t, c.mapping)})
		if c.says == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err == nil || f != nil || domain.RejectionCode(err) != domain.InvoiceInvalid || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
}

// TestFooterOfSeveralCurrencies: they have no common sum.
func TestFooterOfSeveralCurrencies(t *testing.T) {
	m := mappingOf(t, "footer.starts_with = ['Sum']\nfooter.check = ['amount']\n"+strings.Replace(minimal, `constant = "EUR"`, `column = "currency"`, 1))
	text := "id,type,month,waba,market,category,volume,amount,currency\nM,Bill,2026-10,W,B,c,1,1,EUR\nM,Bill,2026-10,W,B,c,1,1,USD\nSum,,,,,,,2,\n"
	if _, err := Read("r.csv", strings.NewReader(text), Options{Mapping: m}); err == nil || !strings.Contains(err.Error(), "several currencies") {
		t.Error(err)
	}
}

func TestMarks(t *testing.T) {
	german := marks{decimal: ",", thousands: "."}
	swiss := marks{decimal: ".", thousands: "'"}
	french := marks{decimal: ",", thousands: " "}
	sap := marks{decimal: ",", thousands: ".", negative: "trailing"}
	books := marks{decimal: ".", thousands: ",", negative: "parentheses"}
	dollars := marks{decimal: ".", thousands: ",", currency: []string{"US$", "$", "€"}}
	owed := marks{decimal: ".", negative: "parentheses", currency: []string{"$"}}
	for _, c := range []struct {
		m        marks
		in, want string
	}{
		{dollars, "$1,234.5", "1234.5"}, {dollars, "US$ 3", "3"}, {dollars, "1.5 €", "1.5"}, {dollars, "-$2", "-2"}, {dollars, "$-2", "-2"},
		{owed, "($2)", "-2"}, {owed, "$(2)", "-2"}, {dollars, "£1", ""}, {dollars, "$$1", ""}, {dollars, "$", ""}, {german, "1 €", ""},
		{german, "1.234.567,89", "1234567.89"}, {german, "1234,5", "1234.5"}, {german, "-0,10", "-0.10"}, {german, "12", "12"},
		{swiss, "1’234.50", "1234.50"}, {swiss, "1'234", "1234"}, {french, "1\u202f234,5", "1234.5"}, {french, "1\u00a0234", "1234"},
		{sap, "1.234,50-", "-1234.50"}, {sap, "3", "3"}, {books, "(1,234.5)", "-1234.5"}, {books, "1,234", "1234"},
		{german, "1.23", ""}, {german, "1.2345", ""}, {german, "1234.567", ""}, {german, ".123", ""}, {german, "1,2,3", ""},
		{german, "1,", ""}, {german, ",5", ""}, {german, "1e3", ""}, {german, "--1", ""}, {german, "+1", ""}, {german, "1.234.", ""},
		{german, "", ""}, {german, "0x10", ""}, {german, "١", ""}, {sap, "-1", ""}, {books, "(1", ""}, {books, "-1", ""}, {books, "((1))", ""},
	} {
		got, err := c.m.plain(c.in)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%q in %+v: %q, %v, want %q", c.in, c.m, got, err, c.want)
		}
	}
}

// TestNumbersOfWorkbooks: the digits of the text, never a float's.
func TestNumbersOfWorkbooks(t *testing.T) {
	for _, c := range []struct{ how, in, want string }{
		{"", "0.25", "0.25"}, {"", "1.5E-05", "0.000015"}, {"", "1.5e3", "1500"}, {"", "-4", "-4"}, {"", "100", "100"}, {"", "-0", "0"},
		{"", "123456789012345", "123456789012345"}, {"", "0.000123456789012345", "0.000123456789012345"}, {"", "1.000000000000000000", "1"},
		{"", "0.30000000000000004", ""}, {"", "4.5999999999999996", ""}, {"", "1234567890123456", ""},
		{"exact", "0.30000000000000004", "0.30000000000000004"}, {"exact", "4.5999999999999996", "4.5999999999999996"},
		{"15-digits", "0.30000000000000004", "0.3"}, {"15-digits", "4.5999999999999996", "4.6"}, {"15-digits", "-4.5999999999999996", "-4.6"},
		{"15-digits", "9.9999999999999995E-6", "0.00001"}, {"15-digits", "1234.5678901234565", "1234.56789012346"},
		{"15-digits", "0.1234567890123445", "0.123456789012344"}, {"15-digits", "0.1234567890123455", "0.123456789012346"},
		{"", "", ""}, {"", "NaN", ""}, {"", "INF", ""}, {"", "1e999999", ""}, {"", "1e41", ""}, {"", "0x1p3", ""}, {"", "1,5", ""},
		{"", strings.Repeat("1", 200), ""}, {"", "1e", ""}, {"", "--1", ""}, {"", "#N/A", ""},
	} {
		m := marks{cells: c.how}
		got, err := m.cell(c.in)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%q %s: %q, %v, want %q", c.in, c.how, got, err, c.want)
		}
	}
}

func TestSerialDays(t *testing.T) {
	for serial, want := range map[string]string{"46296": "2026-10-01", "61": "1900-03-01", "60": "", "46296.5": "", "-1": "", "99999999": "", "": ""} {
		got, ok := serialDay(serial, false)
		if ok != (want != "") || ok && got.Format("2006-01-02") != want {
			t.Errorf("%s: %v %t", serial, got, ok)
		}
	}
	if got, _ := serialDay("44834", true); got.Format("2006-01-02") != "2026-10-01" {
		t.Error(got)
	}
}

func TestLook(t *testing.T) {
	v, err := Look("r.csv", strings.NewReader(in1252(t, germanReport)), Options{Mapping: golden(t, "german.toml")}, 2)
	if err != nil || len(v.Rows) != 2 || v.Rows[0].Line != 6 || v.Rows[0].Values[amount] != "77.1250" || len(v.Totals) != 3 {
		t.Fatalf("%+v %v", v, err)
	}
	v, err = Look("r.csv", strings.NewReader(minimalHead+minimalLine+strings.Replace(minimalLine, "Bill", "x", 1)), Options{Mapping: mappingOf(t, minimal)}, 5)
	if err == nil || len(v.Rows) != 1 || v.Rows[0].Values[documentType] != "INV" || v.Totals != nil {
		t.Fatalf("%+v %v", v, err)
	}
	if fmt.Sprint(v.Fields) != fmt.Sprint(names()) {
		t.Error(v.Fields)
	}
}

// FuzzMapping: no text makes it panic, as a mapping or when a report is read
// through it.
func FuzzMapping(f *testing.F) {
	f.Add(minimal, minimalHead+minimalLine)
	f.Add(utf16Mapping, inUTF16("a\tb\n"))
	f.Add("no_header = true\nfooter.rows = 3\n"+minimal, ",,,,,,,,\n\n")
	f.Fuzz(func(t *testing.T, mapping, report string) {
		m, err := ParseMapping("m.toml", strings.NewReader(mapping))
		if err == nil {
			_, err = Read("r", strings.NewReader(report), Options{Mapping: m})
		}
		if err != nil && domain.RejectionCode(err) != domain.InvoiceInvalid {
			t.Fatal(err)
		}
	})
}
