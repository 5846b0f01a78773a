package statements

import (
	"fmt"
	"strconv"

	"prepayledger/domain/money"
)

// The charts' sizes in millimetres.
const (
	daysHeight, barHeight, nameWidth, sumWidth = 42.0, 5.0, 44.0, 34.0
)

// shades are the colours of categories, again from the first where there are
// more.
var shades = [...][3]int{{31, 97, 141}, {230, 145, 56}, {88, 152, 88}, {166, 77, 121}, {120, 120, 120}, {103, 78, 167}}

// share is how long a bar is; drawing needs no exact figures.
func share(a, most money.Amount, length float64) float64 {
	if a.Sign() <= 0 || most.Sign() <= 0 {
		return 0
	}
	steps, _ := a.Times(barSteps).Quo(most, 0)
	n, err := strconv.Atoi(steps.RoundHalfUp(0).Fixed(0))
	if err != nil {
		return 0
	}
	return float64(n) / barSteps * length
}

// barSteps is into how many steps the longest bar is divided.
const barSteps = 10_000

// chartDays draws the usage per day, stacked by category.
func (d *page) chartDays() {
	rows, names := d.s.perDay(), d.s.categories()
	if len(rows) == 0 {
		return
	}
	most := money.Zero()
	for i := range rows {
		if most.Less(rows[i].total) {
			most = rows[i].total
		}
	}
	d.room(daysHeight + 30)
	d.section("Usage per day (UTC), " + string(d.s.Currency))
	p, foot := d.p, d.p.GetY()+daysHeight
	p.SetDrawColor(190, 190, 190)
	p.SetLineWidth(0.2)
	p.Line(left, foot, right, foot)
	p.Line(left, foot-daysHeight, right, foot-daysHeight)
	d.font("", 7)
	d.ink(110)
	p.SetXY(left, foot-daysHeight-4)
	p.CellFormat(right-left, 4, "highest day: "+d.amount(most), "", 0, "R", false, 0, "")
	step := (right - left) / float64(len(rows))
	for i := range rows {
		y := foot
		for n, a := range rows[i].amounts {
			height := share(a, most, daysHeight)
			c := shades[n%len(shades)]
			p.SetFillColor(c[0], c[1], c[2])
			p.Rect(left+float64(i)*step+0.4, y-height, step-0.8, height, "F")
			y -= height
		}
		if (i+1)%5 == 0 || i == 0 {
			p.SetXY(left+float64(i)*step-2, foot+0.5)
			p.CellFormat(step+4, 3.5, strconv.Itoa(i+1), "", 0, "C", false, 0, "")
		}
	}
	x := left
	for n, name := range names {
		width := p.GetStringWidth(name) + 8
		if x+width > right {
			break
		}
		c := shades[n%len(shades)]
		p.SetFillColor(c[0], c[1], c[2])
		p.Rect(x, foot+6, 2.5, 2.5, "F")
		p.SetXY(x+3, foot+5.2)
		p.CellFormat(width-3, 4, d.fit(name, width), "", 0, "L", false, 0, "")
		x += width
	}
	d.ink(0)
	p.SetXY(left, foot+10)
}

// chartCategories draws a bar for each category.
func (d *page) chartCategories() {
	totals := d.s.By(func(u *Usage) string { return u.Category })
	if len(totals) == 0 || len(totals) > maxChartCategories {
		return
	}
	most := money.Zero()
	for _, t := range totals {
		if most.Less(t.Amount) {
			most = t.Amount
		}
	}
	d.room(float64(len(totals))*barHeight + 15)
	d.section("Usage by category, " + string(d.s.Currency))
	for _, t := range totals {
		p, y := d.p, d.p.GetY()
		p.SetX(left)
		p.CellFormat(nameWidth, barHeight, d.fit(t.Name, nameWidth), "", 0, "L", false, 0, "")
		p.SetFillColor(shades[0][0], shades[0][1], shades[0][2])
		p.Rect(left+nameWidth, y+0.8, share(t.Amount, most, right-left-nameWidth-sumWidth-2), barHeight-1.6, "F")
		p.SetX(right - sumWidth)
		p.CellFormat(sumWidth, barHeight, fmt.Sprintf("%s (%d)", d.amount(t.Amount), t.Count), "", 1, "R", false, 0, "")
	}
}
