// Package forecast says when an account's balance will have run out, if it is
// used on as it was in the last weeks and nothing is credited.
//
// The method: each day of the week has sums of its own, of the last
// HistoryDays whole days (UTC). Their median is what such a day is expected to
// cost, their quartiles make the spread: a day that was missed or was ten
// times the usual moves neither far. From now on the days' sums are taken off
// the balance one after the other, evenly within a day, until it is at the
// threshold and at zero. All of it is exact: amounts are decimals, and parts
// of a day are whole seconds.
package forecast

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"prepayledger/domain/money"
)

const (
	// HistoryDays is how many whole days before today count: four weeks.
	HistoryDays = 28
	// HorizonDays is how far the forecast looks ahead; what comes later is
	// not in sight.
	HorizonDays = 90
	// MinHistoryDays is how many whole days an account must have been in use:
	// a week, one of each day.
	MinHistoryDays = 7

	day        = 24 * time.Hour
	daySeconds = int64(day / time.Second)
)

// Day is what was deducted on a day, less corrections.
type Day struct {
	// Day is its 00:00 UTC.
	Day    time.Time
	Amount money.Amount
}

// Input is what a forecast is made from.
type Input struct {
	// Now is from when it counts.
	Now time.Time
	// Balance is what is left now, Threshold the other mark beside zero.
	Balance, Threshold money.Amount
	// Days are those of the account in any order, several for a day add up.
	// One without any is a day without consumption, once there was a first.
	Days []Day
}

// Reason says why there is no forecast.
type Reason string

const (
	// TooLittleHistory: the account has been in use for less than
	// MinHistoryDays whole days.
	TooLittleHistory Reason = "too_little_history"
	// NoConsumption: nothing was used in the days that count.
	NoConsumption Reason = "no_consumption"
)

// Forecast is when the marks are reached.
type Forecast struct {
	// Reason is why nothing can be said; empty where something is.
	Reason Reason `json:"reason,omitempty"`
	// Week is what seven days are expected to cost: the medians' sum, and
	// those of the quartiles.
	Week Spread `json:"week"`
	// HistoryDays is how many days it rests on.
	HistoryDays int `json:"history_days"`
	// Threshold and Zero are when the balance is at either.
	Threshold Instants `json:"threshold"`
	Zero      Instants `json:"zero"`
}

// Spread is an amount with its quartiles.
type Spread struct {
	Low      money.Amount `json:"low"`
	Expected money.Amount `json:"expected"`
	High     money.Amount `json:"high"`
}

// Instants are when a mark is reached. One that is nil is not in sight: not
// within HorizonDays, or not at all.
type Instants struct {
	// Reached says that the balance is at or below the mark now.
	Reached bool `json:"reached,omitempty"`
	// Earliest is with the days' upper quartiles, Expected with their medians,
	// Latest with their lower quartiles.
	Earliest *time.Time `json:"earliest"`
	Expected *time.Time `json:"expected"`
	Latest   *time.Time `json:"latest"`
}

// week has an amount for each day of the week, Sunday first.
type week [7]money.Amount

// Of makes a forecast. It is pure.
func Of(in Input) Forecast {
	now := in.Now.UTC().Truncate(time.Second)
	var f Forecast
	f.Threshold.Reached = in.Balance.Cmp(in.Threshold) <= 0
	f.Zero.Reached = in.Balance.Sign() <= 0
	sums := history(in.Days, now.Truncate(day))
	f.HistoryDays = len(sums)
	if len(sums) < MinHistoryDays {
		f.Reason = TooLittleHistory
		return f
	}
	low, expected, high := quartiles(sums)
	f.Week = Spread{money.Sum(low[:]...), money.Sum(expected[:]...), money.Sum(high[:]...)}
	if f.Week.High.IsZero() {
		f.Reason = NoConsumption
		return f
	}
	f.Threshold.look(now, in.Balance.Sub(in.Threshold), low, expected, high)
	f.Zero.look(now, in.Balance, low, expected, high)
	return f
}

// history returns the sums of the whole days before today, newest last: at
// most HistoryDays, and none from before the first with consumption.
func history(days []Day, today time.Time) []Day {
	sums := map[time.Time]money.Amount{}
	first := today
	for _, d := range days {
		at := d.Day.UTC().Truncate(day)
		if !at.Before(today) {
			continue
		}
		if at.Before(first) {
			first = at
		}
		sums[at] = sums[at].Add(d.Amount)
	}
	from := today.AddDate(0, 0, -HistoryDays)
	if first.After(from) {
		from = first
	}
	var list []Day
	for at := from; at.Before(today); at = at.AddDate(0, 0, 1) {
		amount := sums[at]
		if amount.Sign() < 0 { // more was taken back than used
			amount = money.Zero()
		}
		list = append(list, Day{at, amount})
	}
	return list
}

// quartiles are those of each day of the week.
func quartiles(days []Day) (low, expected, high week) {
	var sums [7][]money.Amount
	for _, d := range days {
		w := d.Day.Weekday()
		sums[w] = append(sums[w], d.Amount)
	}
	for w := range sums {
		slices.SortFunc(sums[w], money.Amount.Cmp)
		low[w], expected[w], high[w] = quartile(sums[w], 1), quartile(sums[w], 2), quartile(sums[w], 3)
	}
	return low, expected, high
}

// quartile returns the k-th quartile of sorted amounts, in between by exact
// quarters of the step. It is 0 of none.
func quartile(sorted []money.Amount, k int) money.Amount {
	if len(sorted) == 0 {
		return money.Zero()
	}
	at := (len(sorted) - 1) * k
	i, quarters := at/4, int64(at%4)
	if quarters == 0 {
		return sorted[i]
	}
	step := sorted[i+1].Sub(sorted[i])
	return sorted[i].Add(step.Times(quarters).Mul(money.MustParse("0.25")))
}

// look sets the instants at which so much is used up.
func (i *Instants) look(now time.Time, left money.Amount, low, expected, high week) {
	i.Earliest, i.Expected, i.Latest = usedUp(now, left, high), usedUp(now, left, expected), usedUp(now, left, low)
}

// usedUp is when so much is used up from now on; nil where it is not in sight.
func usedUp(now time.Time, left money.Amount, w week) *time.Time {
	if left.Sign() <= 0 {
		return &now
	}
	// Both sides are multiplied by the seconds of a day, so that nothing is
	// divided.
	left = left.Times(daySeconds)
	end := now.AddDate(0, 0, HorizonDays)
	for at := now; at.Before(end); {
		next := at.Truncate(day).Add(day)
		if next.After(end) {
			next = end
		}
		seconds := int64(next.Sub(at) / time.Second)
		rate := w[at.Weekday()]
		if rate.Times(seconds).Cmp(left) >= 0 {
			n := sort.Search(int(seconds), func(s int) bool { return rate.Times(int64(s)).Cmp(left) >= 0 })
			reached := at.Add(time.Duration(n) * time.Second)
			return &reached
		}
		left = left.Sub(rate.Times(seconds))
		at = next
	}
	return nil
}

// Sort orders forecasts by what is most urgent: reached first, then by when
// zero is expected, then by name.
func Sort[T any](list []T, of func(*T) (*Forecast, string)) {
	slices.SortFunc(list, func(a, b T) int {
		fa, na := of(&a)
		fb, nb := of(&b)
		return cmp.Or(urgency(fa).Compare(urgency(fb)), cmp.Compare(na, nb))
	})
}

// urgency is when zero is expected, far away for never.
func urgency(f *Forecast) time.Time {
	switch {
	case f.Zero.Reached:
		return time.Time{}
	case f.Zero.Expected != nil:
		return *f.Zero.Expected
	default:
		return time.Unix(1<<40, 0)
	}
}
