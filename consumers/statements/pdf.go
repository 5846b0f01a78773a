package statements

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/phpdave11/gofpdf"

	"prepayledger/consumers/invoices"
	"prepayledger/domain/money"
)

// MaxPDFUsage bounds the lines of usage that a PDF shows; CSV and XLSX have
// all of them, and the totals always do.
const MaxPDFUsage = 500

// The sheet: A4, in millimetres.
const (
	left, right, top, bottom = 18.0, 192.0, 18.0, 276.0
	rowHeight                = 5.2
)

// PDF renders the statement on A4 sheets. The same statement gives the same
// bytes.
func (s *Statement) PDF(issuer string) ([]byte, error) {
	p := gofpdf.New("P", "mm", "A4", "")
	p.SetCatalogSort(true)
	at := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	if s.Tie.Last != nil {
		at = s.Tie.Last.At
	}
	p.SetCreationDate(at)
	p.SetModificationDate(at)
	p.SetProducer("prepay", true)
	p.SetTitle(invoices.Clean(fmt.Sprintf("Statement %s %s", s.PartnerID, s.Month)), true)
	p.SetAuthor(invoices.Clean(issuer), true)
	invoices.AddFonts(p)
	p.SetMargins(left, top, 210-right)
	p.SetAutoPageBreak(false, 0)
	p.SetCellMargin(0.5)
	p.AliasNbPages("{pages}")
	d := &page{p: p, s: s, issuer: issuer}
	p.SetHeaderFunc(d.head)
	p.SetFooterFunc(d.foot)
	p.AddPage()
	d.movements()
	d.chartDays()
	d.chartCategories()
	d.usage()
	d.details()
	d.tie()
	var out bytes.Buffer
	if err := p.Output(&out); err != nil {
		return nil, fmt.Errorf("statement of %s, %s: %w", s.PartnerID, s.Month, err)
	}
	return out.Bytes(), nil
}

// page is a statement in the making.
type page struct {
	p      *gofpdf.Fpdf
	s      *Statement
	issuer string
}

func (d *page) font(style string, size float64) { d.p.SetFont(invoices.FontFamily, style, size) }

func (d *page) ink(grey int) { d.p.SetTextColor(grey, grey, grey) }

func (d *page) head() {
	p, s := d.p, d.s
	d.ink(0)
	d.font("B", 15)
	p.SetXY(left, top)
	p.CellFormat(110, 8, d.fit("Statement "+string(s.Month), 110), "", 0, "L", false, 0, "")
	d.font("", 9)
	p.CellFormat(right-left-110, 8, d.fit(d.issuer, right-left-110), "", 1, "R", false, 0, "")
	name := s.PartnerID
	if s.Name != "" {
		name += ", " + s.Name
	}
	p.CellFormat(110, 5, d.fit(name, 110), "", 0, "L", false, 0, "")
	d.font("B", 9)
	if s.Estimated {
		p.SetTextColor(170, 80, 0)
	}
	status := "FINAL"
	if s.Estimated {
		status = "ESTIMATED"
	}
	p.CellFormat(right-left-110, 5, status+", in "+string(s.Currency), "", 1, "R", false, 0, "")
	d.ink(0)
	p.SetY(p.GetY() + 4)
}

func (d *page) foot() {
	d.font("", 7)
	d.ink(110)
	d.p.SetXY(left, 284)
	d.p.CellFormat(120, 4, d.fit(d.s.PartnerID+" "+string(d.s.Month)+", SHA-256 "+d.s.Tie.SHA256, 150), "", 0, "L", false, 0, "")
	d.p.CellFormat(right-left-120, 4, fmt.Sprintf("Page %d of {pages}", d.p.PageNo()), "", 0, "R", false, 0, "")
	d.ink(0)
}

// fit cuts a text to a width.
func (d *page) fit(text string, width float64) string {
	text = invoices.Clean(text)
	if d.p.GetStringWidth(text) <= width-1 {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && d.p.GetStringWidth(string(runes)+"…") > width-1 {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}

// room begins a new page where less than height is left.
func (d *page) room(height float64) bool {
	if d.p.GetY()+height <= bottom {
		return false
	}
	d.p.AddPage()
	return true
}

func (d *page) section(title string) {
	d.room(20)
	d.p.SetXY(left, d.p.GetY()+4)
	d.font("B", 11)
	d.p.CellFormat(right-left, 7, title, "", 1, "L", false, 0, "")
	d.font("", 8.5)
}

// column is a column of a table; width in millimetres.
type column struct {
	name  string
	width float64
	align string
}

func (d *page) tableHead(columns []column) {
	d.font("B", 8)
	d.p.SetFillColor(228, 234, 241)
	d.p.SetX(left)
	for _, c := range columns {
		d.p.CellFormat(c.width, rowHeight, d.fit(c.name, c.width), "", 0, c.align, true, 0, "")
	}
	d.p.Ln(rowHeight)
	d.font("", 8.5)
}

func (d *page) row(columns []column, style string, values ...string) {
	if d.room(rowHeight) {
		d.tableHead(columns)
	}
	d.font(style, 8.5)
	d.p.SetX(left)
	d.p.SetDrawColor(220, 220, 220)
	for i, c := range columns {
		d.p.CellFormat(c.width, rowHeight, d.fit(values[i], c.width), "B", 0, c.align, false, 0, "")
	}
	d.p.Ln(rowHeight)
}

// amount shows an amount with the currency's decimals at least, never rounded.
func (d *page) amount(a money.Amount) string {
	return a.Fixed(max(a.Decimals(), d.s.Currency.Decimals()))
}

func (d *page) movements() {
	columns := []column{{"", 104, "L"}, {"count", 20, "R"}, {"amount, " + string(d.s.Currency), 50, "R"}}
	d.tableHead(columns)
	d.row(columns, "B", "Opening balance", "", d.amount(d.s.Opening))
	for _, m := range d.s.Movements {
		d.row(columns, "", m.Kind.Label(), strconv.FormatInt(m.Count, 10), d.amount(m.Amount))
	}
	d.row(columns, "B", "Closing balance", "", d.amount(d.s.Closing))
	d.row(columns, "", "Surcharges, paid by card and not credited", "", d.amount(d.s.Surcharges))
	if a := d.s.Adjusted; a != nil {
		d.p.Ln(2)
		d.row(columns, "", "Charged in "+string(d.s.Month), "", d.amount(a.Charged))
		d.row(columns, "", "Adjusted at month end", "", d.amount(a.Adjusted))
		d.row(columns, "B", "Invoiced by Meta", "", d.amount(a.Invoiced))
	}
	if d.s.Estimated {
		d.font("", 8)
		d.p.SetTextColor(170, 80, 0)
		d.p.SetXY(left, d.p.GetY()+1)
		d.p.CellFormat(right-left, 5, "The month's usage is estimated: Meta's invoice decides once the month is reconciled.", "", 1, "L", false, 0, "")
		d.ink(0)
	}
}

func (d *page) usage() {
	if len(d.s.Usage) == 0 {
		return
	}
	title := "Usage by WABA, market and category"
	d.section(title)
	columns := []column{
		{"WABA", 34, "L"}, {"market", 28, "L"}, {"category", 32, "L"}, {"count", 12, "R"}, {d.s.usageLabel(), 26, "R"}, {"at Meta", 14, "R"}, {"invoiced", 28, "R"},
	}
	d.tableHead(columns)
	final := func(u *Usage) (string, string) {
		if d.s.Adjusted == nil {
			return "", ""
		}
		return strconv.FormatInt(u.Invoiced, 10), d.amount(u.InvoicedAmount)
	}
	for i := range d.s.Usage {
		u := &d.s.Usage[i]
		if i == MaxPDFUsage {
			d.row(columns, "", fmt.Sprintf("%d more", len(d.s.Usage)-i), "", "", "", "", "", "")
			break
		}
		category := u.Category
		if last(*u) == 1 {
			category = "rounding"
		}
		count, amount := final(u)
		d.row(columns, "", u.WABAID, u.Market, category, strconv.FormatInt(u.Count, 10), d.amount(u.Amount), count, amount)
	}
	count, amount := final(&d.s.UsageTotal)
	d.row(columns, "B", "Total", "", "", strconv.FormatInt(d.s.UsageTotal.Count, 10), d.amount(d.s.UsageTotal.Amount), count, amount)
}

func (d *page) details() {
	if len(d.s.Details) == 0 {
		return
	}
	d.section("Movements other than charges")
	columns := []column{{"recorded (UTC)", 32, "L"}, {"what", 54, "L"}, {"reference", 40, "L"}, {"amount", 26, "R"}, {"surcharge", 22, "R"}}
	d.tableHead(columns)
	for i, m := range d.s.Details {
		if i == MaxPDFUsage {
			d.row(columns, "", fmt.Sprintf("%d more", int64(len(d.s.Details)-i)+d.s.DetailsOmitted), "", "", "", "")
			break
		}
		surcharge := ""
		if !m.Surcharge.IsZero() {
			surcharge = d.amount(m.Surcharge)
		}
		d.row(columns, "", m.RecordedAt.UTC().Format(time.DateTime), m.Kind.Label(), m.Reference, d.amount(m.Amount), surcharge)
	}
}

func (d *page) tie() {
	d.section("How this ties with the ledger")
	line := func(name, value string) {
		d.room(2 * rowHeight)
		d.font("", 7.5)
		d.ink(110)
		d.p.SetX(left)
		d.p.CellFormat(36, 4, d.fit(name, 36), "", 0, "L", false, 0, "")
		d.ink(0)
		d.p.MultiCell(right-left-36, 4, invoices.Clean(value), "", "L", false)
	}
	for _, l := range d.s.TieLines() {
		line(l[0], l[1])
	}
	for _, doc := range d.s.Documents {
		line("Document of Meta", fmt.Sprintf("%s, version %d, SHA-256 %s", doc.InvoiceID, doc.Version, doc.SHA256))
	}
}
