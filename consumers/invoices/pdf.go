package invoices

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"unicode"

	"github.com/phpdave11/gofpdf"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/unicode/norm"

	"prepayledger/projections/invoices"
)

//go:embed fonts/DejaVuSansCondensed.ttf
var regularFont []byte

//go:embed fonts/DejaVuSansCondensed-Bold.ttf
var boldFont []byte

// fontFamily is the name of the embedded fonts within a document.
const fontFamily = "dejavu"

// The sheet: A4, in millimetres.
const (
	left, right, top = 22.0, 188.0, 18.0
	// bottom is where the foot begins: nothing else goes below.
	bottom = 262.0
	// footEnd is where the issuer's particulars end: five lines.
	footEnd = bottom + 7.5 + 5*3.2
	// amountWidth is the column of amounts, percentWidth that of per cents.
	amountWidth, percentWidth, numberWidth = 38.0, 20.0, 10.0
	// recipientTop is where a window envelope shows the address.
	recipientTop, recipientWidth = 50.0, 85.0
	// facts stand beside the address.
	factsLeft, factsLabelWidth = 118.0, 30.0
)

// MaxPDFLines bounds the lines of a document that becomes a PDF.
const MaxPDFLines = 10_000

// PDF renders the document as PDF/1.3 on A4 sheets with its fonts embedded.
// The same document gives the same bytes. Letters that the fonts lack are
// shown as a box: see Missing.
func (d *Document) PDF() ([]byte, error) {
	if len(d.Lines) > MaxPDFLines {
		return nil, fmt.Errorf("%s has %d lines: a PDF has at most %d", d.Number, len(d.Lines), MaxPDFLines)
	}
	// The first rendering counts the pages that the second one names.
	first := render(d, 1)
	if err := first.pdf.Error(); err != nil {
		return nil, fmt.Errorf("%s: %w", d.Number, err)
	}
	final := first
	if pages := first.pdf.PageCount(); pages != 1 {
		final = render(d, pages)
	}
	var out bytes.Buffer
	if err := final.pdf.Output(&out); err != nil {
		return nil, fmt.Errorf("%s: %w", d.Number, err)
	}
	return out.Bytes(), nil
}

// sheet is a document in the making.
type sheet struct {
	pdf   *gofpdf.Fpdf
	doc   *Document
	pages int
}

func render(d *Document, pages int) *sheet {
	s := &sheet{pdf: gofpdf.New("P", "mm", "A4", ""), doc: d, pages: pages}
	p := s.pdf
	p.SetCatalogSort(true)
	p.SetCreationDate(d.IssuedAt)
	p.SetModificationDate(d.IssuedAt)
	p.SetProducer("prepay", true)
	p.SetTitle(drawable(d.title()+" "+d.Number), true)
	p.SetAuthor(drawable(d.Issuer.Name), true)
	AddFonts(p)
	p.SetMargins(left, top, 210-right)
	p.SetAutoPageBreak(false, 0)
	p.SetCellMargin(0)
	p.SetHeaderFunc(s.head)
	p.SetFooterFunc(s.foot)
	p.AddPage()
	s.address()
	s.facts()
	s.table()
	s.totals()
	s.notes()
	return s
}

func (d *Document) title() string {
	if d.Kind == invoices.CreditNote {
		return "Credit note"
	}
	return "Invoice"
}

// font sets style and size in points.
func (s *sheet) font(style string, size float64) { s.pdf.SetFont(fontFamily, style, size) }

// ink is the colour of text: 0 is black, 110 is grey.
func (s *sheet) ink(grey int) { s.pdf.SetTextColor(grey, grey, grey) }

// text writes a text into a column, wrapped, and returns where it ends.
func (s *sheet) text(x, y, width, height float64, text, align string) float64 {
	for _, line := range s.wrap(text, width) {
		s.pdf.SetXY(x, y)
		s.pdf.CellFormat(width, height, line, "", 0, align+"M", false, 0, "")
		y += height
	}
	return y
}

// wrap breaks a text into lines that fit; what has no spaces breaks anywhere.
func (s *sheet) wrap(text string, width float64) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(drawable(text)) {
		for {
			joined := word
			if line != "" {
				joined = line + " " + word
			}
			if s.pdf.GetStringWidth(joined) <= width {
				line = joined
				break
			}
			if line != "" {
				lines, line = append(lines, line), ""
				continue
			}
			n := s.fitting(word, width)
			lines, word = append(lines, word[:n]), word[n:]
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// fit writes a text on one line: smaller where it is too long, and cut where
// even that does not help.
func (s *sheet) fit(x, y, width, height float64, text, align, style string, size float64) {
	text = drawable(text)
	for s.font(style, size); s.pdf.GetStringWidth(text) > width && size > smallest; s.font(style, size) {
		size -= 0.5
	}
	if s.pdf.GetStringWidth(text) > width {
		text = text[:s.fitting(text, width-2)] + "…"
	}
	s.text(x, y, width, height, text, align)
}

// smallest is the least size that can be read, in points.
const smallest = 5.0

// fitting is how many bytes of a word fit, whole characters and at least one.
func (s *sheet) fitting(word string, width float64) int {
	last := 0
	for i := range word {
		if i > 0 && s.pdf.GetStringWidth(word[:i]) > width {
			return max(last, firstRune(word))
		}
		last = i
	}
	return max(last, firstRune(word))
}

func firstRune(s string) int {
	for i := range s {
		if i > 0 {
			return i
		}
	}
	return len(s)
}

// clean composes letters and their accents, which the fonts have as one, and
// drops what has no shape.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, norm.NFC.String(s))
}

// drawable is clean without the letters beyond the sixteen bits that the
// library can set; the fonts have none of them.
func drawable(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 0xFFFF {
			return unicode.ReplacementChar
		}
		return r
	}, clean(s))
}

// rule draws a thin line across the sheet.
func (s *sheet) rule(y float64, grey int, width float64) {
	s.pdf.SetDrawColor(grey, grey, grey)
	s.pdf.SetLineWidth(width)
	s.pdf.Line(left, y, right, y)
}

// head is the top of every page: who issues, and what.
func (s *sheet) head() {
	p, d := s.pdf, s.doc
	s.ink(0)
	s.fit(left, top, 95, 6, d.Issuer.Name, "L", "B", 13)
	if p.PageNo() == 1 {
		s.font("B", 20)
		s.text(left+95, top-1, right-left-95, 9, d.title(), "R")
		p.SetXY(left, recipientTop)
		return
	}
	s.fit(left+97, top, right-left-97, 6, fmt.Sprintf("%s %s, continued", d.title(), d.Number), "R", "", 9)
	p.SetXY(left, top+16)
}

// foot is the bottom of every page: the issuer's particulars and the page's
// number.
func (s *sheet) foot() {
	d, i := s.doc, &s.doc.Issuer
	s.rule(bottom+5, 190, 0.2)
	s.ink(110)
	s.font("", 7)
	column := func(n int, lines ...string) {
		y := bottom + 7.5
		for _, line := range lines {
			y = s.text(left+float64(n)*56, y, 52, 3.2, line, "L")
		}
		if y > footEnd+0.1 {
			s.pdf.SetErrorf("the issuer's particulars need more room than the foot of a page has: shorten them, most likely issuer-note")
		}
	}
	column(0, i.Name, i.Street, strings.TrimSpace(i.PostalCode+" "+i.City), countryName(i.Country))
	column(1, labelled("VAT id", i.VATID), i.Email, i.Note)
	column(2, i.BankName, labelled("IBAN", i.IBAN), labelled("BIC", i.BIC))
	s.fit(left, footEnd+0.8, right-left-25, 4, d.title()+" "+d.Number, "L", "", 7)
	s.fit(right-25, footEnd+0.8, 25, 4, fmt.Sprintf("Page %d of %d", s.pdf.PageNo(), s.pages), "R", "", 7)
	s.ink(0)
}

func labelled(label, value string) string {
	if value == "" {
		return ""
	}
	return label + " " + value
}

// address is the recipient's, where a window envelope shows it.
func (s *sheet) address() {
	r, i := &s.doc.Recipient, &s.doc.Issuer
	s.ink(110)
	sender := []string{}
	for _, part := range []string{i.Name, i.Street, strings.TrimSpace(i.PostalCode + " " + i.City), countryName(i.Country)} {
		if part != "" {
			sender = append(sender, part)
		}
	}
	s.fit(left, recipientTop-7, recipientWidth, 3, strings.Join(sender, " · "), "L", "", 6.5)
	s.ink(0)
	s.font("B", 10)
	name := r.Company
	if name == "" {
		name = r.PartnerID
	}
	y := s.text(left, recipientTop, recipientWidth, 4.8, name, "L")
	s.font("", 10)
	for _, line := range []string{r.Street, strings.TrimSpace(r.PostalCode + " " + r.City), countryName(r.Country)} {
		y = s.text(left, y, recipientWidth, 4.8, line, "L")
	}
	if r.VATID != "" {
		s.font("", 9)
		y = s.text(left, y+1.5, recipientWidth, 4.5, "VAT id "+r.VATID, "L")
	}
	s.pdf.SetY(y)
}

// facts are number, date and what else names the document.
func (s *sheet) facts() {
	d := s.doc
	after, y := s.pdf.GetY(), recipientTop
	fact := func(label, value string) {
		if value == "" {
			return
		}
		s.ink(110)
		s.font("", 9)
		s.text(factsLeft, y, factsLabelWidth, 5, label, "L")
		s.ink(0)
		width, height := right-factsLeft-factsLabelWidth, 5.0
		for size := 9.0; size > smallest && len(s.wrap(value, width)) > 2; {
			size, height = size-1, height-0.6
			s.font("", size)
		}
		y = max(y+5, s.text(factsLeft+factsLabelWidth, y, width, height, value, "R"))
	}
	fact(d.title()+" number", d.Number)
	fact("Date", d.IssuedAt.Format(dateFormat))
	fact("Customer", d.Recipient.PartnerID)
	fact("Refers to invoice", d.InvoiceNumber)
	fact("Card payment", d.RechargeID)
	fact("Refund", d.RefundID)
	fact("Currency", string(d.Currency))
	s.pdf.SetY(max(after, y, 88) + 12)
}

// countryName is the English name of a country; the code where there is none.
func countryName(code string) string {
	region, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	if name := display.English.Regions().Name(region); name != "" {
		return name
	}
	return code
}

// dateFormat is a date that reads the same everywhere.
const dateFormat = "2 January 2006"

// table writes the lines, over as many pages as they need.
func (s *sheet) table() {
	s.room(30)
	s.tableHead()
	for n, l := range s.doc.Lines {
		s.font("", 9.5)
		width := right - left - numberWidth - percentWidth - amountWidth - 4
		text := s.wrap(l.Description, width)
		height := 5*float64(len(text)) + 3
		if s.pdf.GetY()+height > bottom {
			s.pdf.AddPage()
			s.tableHead()
			s.font("", 9.5)
		}
		y := s.pdf.GetY() + 1.5
		s.text(left+2, y, numberWidth, 5, fmt.Sprint(n+1), "L")
		if l.Percent != "" {
			s.text(right-amountWidth-percentWidth-2, y, percentWidth, 5, l.Percent+" %", "R")
		}
		s.text(right-amountWidth-2, y, amountWidth, 5, grouped(l.Amount), "R")
		s.text(left+numberWidth+2, y, width, 5, l.Description, "L")
		s.pdf.SetY(y + height - 1.5)
		s.rule(s.pdf.GetY(), 215, 0.1)
	}
}

func (s *sheet) tableHead() {
	y := s.pdf.GetY()
	s.pdf.SetFillColor(240, 242, 245)
	s.pdf.Rect(left, y, right-left, 7, "F")
	s.font("B", 8.5)
	s.ink(60)
	s.text(left+2, y, numberWidth, 7, "No.", "L")
	s.text(left+numberWidth+2, y, 80, 7, "Description", "L")
	s.text(right-amountWidth-percentWidth-2, y, percentWidth, 7, "Rate", "R")
	s.text(right-amountWidth-2, y, amountWidth, 7, "Amount ("+string(s.doc.Currency)+")", "R")
	s.ink(0)
	s.pdf.SetY(y + 7)
}

// grouped puts commas between the thousands of a decimal.
func grouped(amount string) string {
	sign := ""
	if strings.HasPrefix(amount, "-") {
		sign, amount = "-", amount[1:]
	}
	whole, fraction, point := strings.Cut(amount, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if point {
		whole += "." + fraction
	}
	return sign + whole
}

// room turns the page unless so many millimetres are left.
func (s *sheet) room(height float64) {
	if s.pdf.GetY()+height > bottom {
		s.pdf.AddPage()
	}
}

// totals are kept together.
func (s *sheet) totals() {
	d := s.doc
	s.room(30)
	y := s.pdf.GetY() + 3
	row := func(label, amount string) {
		s.text(left+70, y, right-left-70-amountWidth-6, 6, label, "R")
		s.text(right-amountWidth-2, y, amountWidth, 6, amount, "R")
		y += 6
	}
	if t := d.Tax; t != nil && t.Rate != "" {
		s.font("", 9)
		s.ink(60)
		row("Net amount", grouped(t.Net))
		row("Tax included, "+t.Rate+" %", grouped(t.Included))
		s.ink(0)
	}
	label := "Total"
	if d.Kind == invoices.CreditNote {
		label = "Total credited"
	}
	s.pdf.SetDrawColor(60, 60, 60)
	s.pdf.SetLineWidth(0.3)
	s.pdf.Line(left+70, y+0.5, right, y+0.5)
	y += 1
	s.font("B", 11)
	s.text(left+70, y, right-left-70-amountWidth-6, 8, label, "R")
	s.text(right-amountWidth-12, y, amountWidth+10, 8, grouped(d.Total)+" "+string(d.Currency), "R")
	s.pdf.SetY(y + 8)
}

// notes say how it was paid and what is to be said of tax.
func (s *sheet) notes() {
	s.pdf.SetY(s.pdf.GetY() + 8)
	s.font("", 9.5)
	for _, note := range s.doc.Remarks() {
		lines := s.wrap(note, right-left)
		s.room(5*float64(len(lines)) + 2)
		s.pdf.SetY(s.text(left, s.pdf.GetY(), right-left, 5, note, "L") + 2)
	}
}

// Remarks are the sentences below the total: how it was paid, or what it refers
// to, and what is to be said of tax.
func (d *Document) Remarks() []string {
	var all []string
	if d.Kind == invoices.CreditNote {
		all = append(all, fmt.Sprintf("This credit note refers to invoice %s of card payment %s.", d.InvoiceNumber, d.RechargeID))
		if d.Reason != "" {
			all = append(all, "Reason: "+d.Reason)
		}
	} else {
		all = append(all, fmt.Sprintf("Paid in full by card on %s (card payment %s). Nothing remains to be paid.", d.IssuedAt.Format(dateFormat), d.RechargeID))
	}
	if d.Tax != nil {
		all = append(all, d.Tax.Text)
	}
	return all
}
