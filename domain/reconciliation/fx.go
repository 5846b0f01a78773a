package reconciliation

import (
	"errors"
	"fmt"
	"time"

	"prepayledger/domain/money"
)

// ErrFX is what FXRate.Validate wraps.
var ErrFX = errors.New("not a usable rate of exchange")

// FXRate is a rate of exchange given with an invoice (R30): an amount in From
// times Rate is an amount in To.
type FXRate struct {
	From money.Currency `json:"from"`
	To   money.Currency `json:"to"`
	Rate money.Amount   `json:"rate"`
	// Date is the day of the rate, YYYY-MM-DD; may be empty.
	Date string `json:"date,omitempty"`
	// Source is who published it; may be empty.
	Source string `json:"source,omitempty"`
}

// Validate checks the rate by itself.
func (r *FXRate) Validate() error {
	for _, c := range [...]money.Currency{r.From, r.To} {
		if _, err := money.ParseCurrency(string(c)); err != nil {
			return fmt.Errorf("%w: from and to must be currencies: %w", ErrFX, err)
		}
	}
	switch {
	case r.From == r.To:
		return fmt.Errorf("%w: from %s to itself", ErrFX, r.From)
	case r.Rate.Sign() <= 0:
		return fmt.Errorf("%w: %s to %s at %s: a rate is above 0", ErrFX, r.From, r.To, r.Rate)
	case r.Rate.Decimals() > MaxFXDecimals || !r.Rate.Less(maxFX()):
		return fmt.Errorf("%w: %s to %s at %s: at most %d digits before and %d after the point", ErrFX, r.From, r.To, r.Rate, MaxFXIntegerDigits, MaxFXDecimals)
	case len(r.Source) > MaxFieldBytes:
		return fmt.Errorf("%w: %s to %s: source of %d bytes, at most %d", ErrFX, r.From, r.To, len(r.Source), MaxFieldBytes)
	}
	if r.Date != "" {
		if _, err := time.Parse(time.DateOnly, r.Date); err != nil {
			return fmt.Errorf("%w: %s to %s: date %.20q: write it like 2026-11-01", ErrFX, r.From, r.To, r.Date)
		}
	}
	return nil
}

// ValidateFX checks rates one by one and against each other: one rate for
// each pair.
func ValidateFX(rates []FXRate) error {
	var problems []error
	seen := map[fxPair]bool{}
	for i := range rates {
		r := &rates[i]
		if err := r.Validate(); err != nil {
			problems = append(problems, err)
			continue
		}
		pair := fxPair{r.From, r.To}
		if seen[pair] {
			problems = append(problems, fmt.Errorf("%w: %s to %s is given twice", ErrFX, r.From, r.To))
		}
		seen[pair] = true
	}
	return errors.Join(problems...)
}

type fxPair struct{ from, to money.Currency }

func maxFX() money.Amount {
	m := money.FromInt(1)
	for range MaxFXIntegerDigits {
		m = m.Times(10)
	}
	return m
}

// equalFX reports whether two lists say the same, order aside.
func equalFX(a, b []FXRate) bool {
	if len(a) != len(b) {
		return false
	}
	of := make(map[fxPair]*FXRate, len(a))
	for i := range a {
		of[fxPair{a[i].From, a[i].To}] = &a[i]
	}
	for i := range b {
		r := of[fxPair{b[i].From, b[i].To}]
		if r == nil || !r.Rate.Equal(b[i].Rate) || r.Date != b[i].Date || r.Source != b[i].Source {
			return false
		}
	}
	return true
}
