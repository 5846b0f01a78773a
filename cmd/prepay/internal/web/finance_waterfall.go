package web

import (
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// barWidth is how wide a bar can be, in the picture's units.
const barWidth = 1000

// waterfallRow is a row of a waterfall: a sum, or a step from one to the next.
type waterfallRow struct {
	label, help string
	// kind is empty for the sums at both ends.
	kind  reconciliation.PartKind
	lines int
	// amount is the sum, or what the step adds to it; left is where it stands
	// after the step.
	amount, left money.Amount
	bar          bar
}

// bar is the picture of a row: where the bar begins and how wide it is, in
// barWidth units with a decimal; in and out are where the row before and the
// row itself stand.
type bar struct {
	class, x, width string
	in, out         string
	// cut says that the bar does not begin at zero.
	cut bool
}

// waterfallOf leads from what was charged to what Meta invoiced, exactly.
func waterfallOf(f *desk.Waterfall) []waterfallRow {
	rows := []waterfallRow{{label: "Charged here", amount: f.Charged.Amount, left: f.Charged.Amount}}
	for _, s := range f.Steps {
		rows = append(rows, waterfallRow{
			label: partWords(s.Kind), help: partHelp(s.Kind), kind: s.Kind, lines: s.Lines, amount: s.Amount.Neg(), left: s.Left,
		})
	}
	rows = append(rows, waterfallRow{label: "Invoiced by Meta", amount: f.Invoiced.Amount, left: f.Invoiced.Amount})
	s := scaleOf(rows)
	for i := range rows {
		rows[i].bar = s.bar(rows, i)
	}
	return rows
}

// scale maps sums to the picture.
type scale struct {
	low, width money.Amount
	cut        bool
}

// scaleOf fits all sums into the picture. Where they lie close together and far
// from zero, the picture begins near the lowest: else no step could be seen.
func scaleOf(rows []waterfallRow) scale {
	low, high := rows[0].left, rows[0].left
	for i := range rows {
		if rows[i].left.Less(low) {
			low = rows[i].left
		}
		if high.Less(rows[i].left) {
			high = rows[i].left
		}
	}
	span := high.Sub(low)
	s := scale{cut: low.Sign() > 0 && span.Sign() > 0 && span.Times(2).Less(high)}
	switch {
	case s.cut:
		s.low = low.Sub(span) // sums take at least half of the picture
		if s.low.Sign() < 0 {
			s.low, s.cut = money.Zero(), false
		}
	case low.Sign() < 0:
		s.low = low
	}
	if high.Sign() < 0 {
		high = money.Zero()
	}
	s.width = high.Sub(s.low)
	return s
}

// place is where a sum stands, in units of the picture.
func (s *scale) place(a money.Amount) money.Amount {
	if s.width.IsZero() {
		return money.Zero()
	}
	at, _ := a.Sub(s.low).Times(barWidth).Quo(s.width, 1)
	return at
}

// bar is the picture of a row.
func (s *scale) bar(rows []waterfallRow, i int) bar {
	r := &rows[i]
	from, to := s.place(money.Zero()), s.place(r.left)
	b := bar{class: "whole", cut: s.cut}
	if s.cut {
		from = money.Zero()
	}
	if r.kind != "" {
		from, b.cut = s.place(rows[i-1].left), false
		if b.class = "more"; r.amount.Sign() < 0 {
			b.class = "less"
		}
	}
	b.out = to.String()
	if i > 0 {
		b.in = s.place(rows[i-1].left).String()
	}
	if to.Less(from) {
		from, to = to, from
	}
	width := to.Sub(from)
	if least := money.FromInt(3); width.Less(least) { // a thin one can be seen, too
		width = least
	}
	b.x, b.width = from.String(), width.String()
	return b
}

// partWords names a kind of part (R26).
func partWords(k reconciliation.PartKind) string {
	switch k {
	case reconciliation.PartLate:
		return "Charged late"
	case reconciliation.PartFree:
		return "Free at Meta"
	case reconciliation.PartCategory:
		return "Another category at Meta"
	case reconciliation.PartMissingAtMeta:
		return "Missing at Meta"
	case reconciliation.PartMissingHere:
		return "Missing here"
	case reconciliation.PartTier:
		return "Volume tier"
	case reconciliation.PartQuantity:
		return "Other count"
	case reconciliation.PartRate:
		return "Other rate"
	case reconciliation.PartCurrency:
		return "Currency"
	case reconciliation.PartRounding:
		return "Rounding"
	}
	return string(k)
}

// partHelp says what a kind of part means.
func partHelp(k reconciliation.PartKind) string {
	switch k {
	case reconciliation.PartLate:
		return "recorded after the month was posted"
	case reconciliation.PartFree:
		return "Meta counted them and charged nothing"
	case reconciliation.PartCategory:
		return "the same number, moved between categories"
	case reconciliation.PartMissingAtMeta:
		return "charged here, in no line of Meta's"
	case reconciliation.PartMissingHere:
		return "in Meta's lines, never charged here"
	case reconciliation.PartTier:
		return "Meta took another tier's rate"
	case reconciliation.PartQuantity:
		return "Meta counted more or fewer"
	case reconciliation.PartRate:
		return "Meta's unit price is another"
	case reconciliation.PartCurrency:
		return "what the rate of exchange makes"
	case reconciliation.PartRounding:
		return "to the minor unit, and what division leaves"
	}
	return ""
}
