package desk

import (
	"fmt"
	"time"

	"prepayledger/consumers/forecast"
	"prepayledger/domain/money"
)

// Outlook says a forecast in a sentence, and how sure it is in another one.
func (l *ForecastLine) Outlook() (sentence, spread string) {
	switch {
	case l.Reason == forecast.TooLittleHistory:
		return "There is no forecast yet: it needs a whole week of use.", ""
	case l.Reason == forecast.NoConsumption:
		return "Nothing was used in the last four weeks: the balance stays as it is.", ""
	case l.Zero.Reached:
		return "The balance is used up.", ""
	case l.Zero.Expected == nil:
		return fmt.Sprintf("At your usual pace the balance lasts for more than %d days.", forecast.HorizonDays), l.week()
	}
	sentence = "At your usual pace the balance lasts until " + dayOf(l.Zero.Expected) + "."
	if dayOf(l.Zero.Earliest) == dayOf(l.Zero.Latest) {
		return sentence, l.week()
	}
	return sentence, "Between " + dayOf(l.Zero.Earliest) + " and " + dayOf(l.Zero.Latest) + ", as weeks differ. " + l.week()
}

// week says what a week costs.
func (l *ForecastLine) week() string {
	cents := l.Currency.Decimals()
	text := func(a money.Amount) string { return a.RoundHalfUp(cents).Fixed(cents) }
	if text(l.Week.Low) == text(l.Week.High) {
		return fmt.Sprintf("A week usually costs %s %s.", text(l.Week.Expected), l.Currency)
	}
	return fmt.Sprintf("A week usually costs %s %s (%s to %s).", text(l.Week.Expected), l.Currency, text(l.Week.Low), text(l.Week.High))
}

// dayOf is a day for people; nil is beyond what is looked at.
func dayOf(t *time.Time) string {
	if t == nil {
		return fmt.Sprintf("%d days from now or later", forecast.HorizonDays)
	}
	return t.Format("2 January 2006")
}
