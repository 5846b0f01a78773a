package statements

import (
	"slices"
	"time"

	"prepayledger/domain/money"
)

// dayRow is a day with an amount per category, in the order of categories.
type dayRow struct {
	day     string
	amounts []money.Amount
	total   money.Amount
}

// perDay is one row for every day of the month, also for those without usage;
// none where no day has any.
func (s *Statement) perDay() []dayRow {
	first, err := time.Parse("2006-01", string(s.Month))
	if err != nil || len(s.Days) == 0 {
		return nil
	}
	names := s.categories()
	var rows []dayRow
	for d := first; d.Month() == first.Month(); d = d.AddDate(0, 0, 1) {
		rows = append(rows, dayRow{day: d.Format(time.DateOnly), amounts: make([]money.Amount, len(names))})
	}
	for _, d := range s.Days {
		n, _ := slices.BinarySearch(names, d.Category)
		r := &rows[d.Day.Day()-1]
		r.amounts[n] = r.amounts[n].Add(d.Amount)
		r.total = r.total.Add(d.Amount)
	}
	return rows
}
