package invoices_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/ledongthuc/pdf"

	"prepayledger/consumers/invoices"
	"prepayledger/domain"
	"prepayledger/domain/money"
	model "prepayledger/projections/invoices"
)

var update = flag.Bool("update", false, "write the golden files anew")

// text is everything that a PDF says, page by page, without spaces: how
// letters are set apart is the reader's business. The pages' own text is read,
// which is UTF-16: the library's GetPlainText knows letters up to ÿ only.
func text(t *testing.T, data []byte) (pages []string) {
	t.Helper()
	r, err := pdf.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= r.NumPage(); n++ {
		content := r.Page(n).V.Key("Contents")
		var page strings.Builder
		pdf.Interpret(content, func(stack *pdf.Stack, op string) {
			args := make([]pdf.Value, stack.Len())
			for i := len(args) - 1; i >= 0; i-- {
				args[i] = stack.Pop()
			}
			if op == "Tj" {
				page.WriteString(fromUTF16(args[0].RawString()))
			}
		})
		pages = append(pages, strings.Join(strings.Fields(page.String()), ""))
	}
	return pages
}

func fromUTF16(s string) string {
	units := make([]uint16, len(s)/2)
	for i := range units {
		units[i] = uint16(s[2*i])<<8 | uint16(s[2*i+1])
	}
	return string(utf16.Decode(units))
}

func rendered(t *testing.T, d invoices.Document) []byte {
	t.Helper()
	data, err := d.PDF()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// must says that the text says all of it.
func must(t *testing.T, in string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(in, strings.Join(strings.Fields(want), "")) {
			t.Errorf("it does not say %q:\n%s", want, in)
		}
	}
}

// Every figure and name of an invoice stands in its PDF (R15).
func TestInvoicePDF(t *testing.T) {
	d := invoices.Make(issued(), issuer())
	pages := text(t, rendered(t, d))
	if len(pages) != 1 {
		t.Fatalf("%d pages", len(pages))
	}
	must(t, pages[0], "Invoice number PA-1001-2026-000007", "24 November 2026", "Customer PA-1001", "PA-1001-R000009", "EUR",
		"12,345.67", "4 %", "493.83", "Total 12,839.50 EUR", "Net amount 10,789.50", "Tax included, 19 % 2,050.00", "The total includes German VAT.",
		"Διεθνής Επικοινωνία Α.Ε.", "Λεωφόρος Κηφισίας 100", "115 26 Αθήνα", "Greece", "EL 123456789",
		"Example Messaging GmbH", "Musterstraße 12", "10115 Berlin", "Germany", "DE123456789", "Musterbank Berlin", "DE02 1203 0000 0000 2020 51", "BYLADEM1001", "HRB 12345",
		"Paid in full by card", "Page 1 of 1")
	if strings.Contains(pages[0], "Creditnote") {
		t.Errorf("an invoice calls itself a credit note:\n%s", pages[0])
	}
}

// A credit note says what it refers to and why (R36).
func TestCreditNotePDF(t *testing.T) {
	pages := text(t, rendered(t, invoices.Make(credited(), issuer())))
	must(t, pages[0], "Credit note number PA-1001-CN-2026-000001", "30 November 2026", "PA-1001-2026-000007", "PA-1001-F000001",
		"Total credited 100.00 EUR", "Reason: The contract was cancelled", "Reverse charge")
	if strings.Contains(pages[0], "Surcharge") || strings.Contains(pages[0], "Paidinfull") {
		t.Errorf("it speaks of what was not credited:\n%s", pages[0])
	}
}

// Without billing details the partner's id stands in their place, and without
// issuer's details there is an invoice all the same.
func TestBareInvoice(t *testing.T) {
	d := invoices.Make(issued(func(i *domain.InvoiceIssued) { i.Billing, i.TaxText, i.TaxRate = nil, "", nil }), invoices.Issuer{Name: "360dialog"})
	pages := text(t, rendered(t, d))
	must(t, pages[0], "360dialog", "PA-1001", "Total 12,839.50 EUR")
	if d.Tax != nil || strings.Contains(pages[0], "Tax") || strings.Contains(pages[0], "VAT") {
		t.Errorf("it speaks of tax:\n%s", pages[0])
	}
}

// The same document gives the same bytes.
func TestSameBytes(t *testing.T) {
	first := rendered(t, invoices.Make(issued(), issuer()))
	for range 20 {
		if again := rendered(t, invoices.Make(issued(), issuer())); !bytes.Equal(again, first) {
			t.Fatal("two renderings differ")
		}
	}
	other := rendered(t, invoices.Make(issued(func(i *domain.InvoiceIssued) { i.Total = amount("12839.51") }), issuer()))
	if bytes.Equal(other, first) {
		t.Error("another total gives the same bytes")
	}
}

// Many lines, long names and long ids: nothing is lost, every page is
// numbered, and no text leaves the sheet.
func TestManyPages(t *testing.T) {
	partner := strings.Repeat("W", domain.MaxIDBytes)
	d := invoices.Make(issued(func(i *domain.InvoiceIssued) {
		b := billing()
		b.Company = strings.Repeat("Übermittlungsgesellschaft", 8)
		b.Street = strings.Repeat("Donaudampfschifffahrtsstraße ", 6)
		i.Billing, i.InvoiceNumber, i.RechargeID = b, partner+"-2026-000001", partner+"-R000001"
	}), issuer())
	d.Recipient.PartnerID = partner
	for n := range 150 {
		d.Lines = append(d.Lines, invoices.Line{Description: fmt.Sprintf("Line-%03d %s", n, strings.Repeat("on and on ", n%25)), Amount: fmt.Sprintf("%d.01", 1000+n)})
	}
	data := rendered(t, d)
	pages := text(t, data)
	if len(pages) < 5 {
		t.Fatalf("%d pages", len(pages))
	}
	all := strings.Join(pages, "")
	for n := range 150 {
		must(t, all, fmt.Sprintf("Line-%03d", n), fmt.Sprintf("1,%03d.01", n))
	}
	for n, page := range pages {
		must(t, page, fmt.Sprintf("Page %d of %d", n+1, len(pages)), "Description", "IBAN")
	}
	inside(t, data)
}

// inside checks that every letter stands on the sheet.
func inside(t *testing.T, data []byte) {
	t.Helper()
	r, err := pdf.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	const width, height, margin = 595.28, 841.89, 28.0 // points; 28 is a centimetre
	for n := 1; n <= r.NumPage(); n++ {
		for _, letter := range r.Page(n).Content().Text {
			if letter.X < margin || letter.X > width-margin || letter.Y < margin/2 || letter.Y > height-margin {
				t.Fatalf("page %d: %q stands at %.0f, %.0f", n, letter.S, letter.X, letter.Y)
			}
		}
	}
}

// Letters that the fonts lack are named.
func TestMissing(t *testing.T) {
	for name, want := range map[string]string{
		"Žluťoučký kůň, Ørsted, Ελλάδα, Україна, Հայաստան, საქართველო €": "",
		"株式会社 例":                      "株式会社例",
		"e\u0301":                     "", // composed
		"Rocket 🚀 𝔘𝔫𝔦 \u202eevil":     "🚀𝔘𝔫𝔦",
		"\U0010ffff \u0000 \ufffe ok": "",
	} {
		d := invoices.Make(issued(func(i *domain.InvoiceIssued) { i.Billing.Company = name }), issuer())
		if got, err := d.Missing(); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
		rendered(t, d)
	}
}

// The lines of a document come to its total (R15, R36).
func TestLinesComeToTotal(t *testing.T) {
	reversed := credited()
	reversed.CreditNote.Surcharge, reversed.CreditNote.Total = amount("4"), amount("104")
	noSurcharge := issued(func(i *domain.InvoiceIssued) {
		i.Surcharge, i.SurchargePercent, i.Total = amount("0"), amount("0"), i.Prepayment
	})
	for _, r := range []model.Row{issued(), noSurcharge, credited(), reversed} {
		d := invoices.Make(r, issuer())
		sum := money.Zero()
		for _, l := range d.Lines {
			sum = sum.Add(amount(l.Amount))
		}
		if !sum.Equal(amount(d.Total)) {
			t.Errorf("%s: the lines come to %s, the total is %s", d.Number, sum, d.Total)
		}
	}
	if d := invoices.Make(reversed, issuer()); len(d.Lines) != 2 || d.Lines[1].Percent != "4" {
		t.Errorf("a reversal has no line for the surcharge: %+v", d.Lines)
	}
}

// What the total is made of adds up, whatever the rate, in every currency.
func TestSums(t *testing.T) {
	for _, c := range []money.Currency{"EUR", "JPY", "KWD"} {
		for _, rate := range []string{"0", "7", "19", "5.5", "100"} {
			for _, total := range []string{"1", "0.01", "520", "12839.5", "99999.99"} {
				r, all := amount(rate), amount(total).RoundUp(c.Decimals())
				d := invoices.Make(issued(func(i *domain.InvoiceIssued) { i.Currency, i.Total, i.TaxRate = c, all, &r }), issuer())
				net, tax := amount(d.Tax.Net), amount(d.Tax.Included)
				if !net.Add(tax).Equal(amount(d.Total)) || net.Decimals() > c.Decimals() {
					t.Errorf("%s %s at %s %%: %s + %s", total, c, rate, net, tax)
				}
				// Independently: the net amount with its tax is the total, to
				// half a minor unit of the net amount.
				back := net.Add(net.Percent(r))
				off := back.Sub(all).Abs()
				unit := amount("1")
				for range c.Decimals() {
					unit = unit.Mul(amount("0.1"))
				}
				if most := unit.Add(unit.Percent(r)).Mul(amount("0.5")); most.Less(off) {
					t.Errorf("%s %s at %s %%: net %s comes to %s", total, c, rate, net, back)
				}
			}
		}
	}
}

func TestGoldenJSON(t *testing.T) {
	for name, r := range map[string]model.Row{"invoice": issued(), "credit-note": credited()} {
		got, err := json.MarshalIndent(invoices.Make(r, issuer()), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, '\n')
		file := filepath.Join("testdata", name+".json")
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs (%v):\n%s", file, err, got)
		}
	}
}

// Particulars of the issuer that the foot has no room for are refused, not cut.
func TestTooMuchForTheFoot(t *testing.T) {
	i := issuer()
	i.Note = strings.Repeat("Registered somewhere, ", 10)
	d := invoices.Make(issued(), i)
	if data, err := d.PDF(); err == nil || data != nil || !strings.Contains(err.Error(), "issuer-note") {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

// Too many lines are refused, not half printed.
func TestTooManyLines(t *testing.T) {
	d := invoices.Make(issued(), issuer())
	d.Lines = make([]invoices.Line, invoices.MaxPDFLines+1)
	if data, err := d.PDF(); err == nil || data != nil {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

// Whatever names people have, there is a PDF, all of it on the sheet and in
// the same bytes again.
func FuzzPDF(f *testing.F) {
	f.Add("Example S.L.", "Calle Mayor 1", "Reverse charge", 2)
	f.Add("🚀 \u202e\x00\xff", strings.Repeat("ﷺ", 80), strings.Repeat("a ", 99), 40)
	f.Add("", " ", "\u0301", 0)
	f.Fuzz(func(t *testing.T, company, street, tax string, lines int) {
		d := invoices.Make(issued(func(i *domain.InvoiceIssued) {
			i.Billing.Company, i.Billing.Street, i.TaxText, i.TaxRate = company, street, tax, nil
		}), issuer())
		for range max(0, lines%60) {
			d.Lines = append(d.Lines, invoices.Line{Description: street, Amount: "1.00"})
		}
		if len(company)+len(street)+len(tax) > 2000 {
			return // longer than the domain lets through
		}
		data := rendered(t, d)
		if again := rendered(t, d); !bytes.Equal(data, again) {
			t.Error("two renderings differ")
		}
		if _, err := d.Missing(); err != nil {
			t.Error(err)
		}
	})
}
