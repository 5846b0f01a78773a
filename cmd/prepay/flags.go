package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// The types of flags and arguments. They are read with the command line, so
// that a bad one is wrong usage and nothing is opened for it.

// decimal is an exact amount.
type decimal struct{ money.Amount }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *decimal) UnmarshalText(text []byte) (err error) {
	d.Amount, err = money.ParseBytes(text)
	return err
}

// pointer returns the amount, nil for a flag that was not given.
func (d *decimal) pointer() *money.Amount {
	if d == nil {
		return nil
	}
	return &d.Amount
}

// billingMonth is a month such as 2026-10.
type billingMonth struct{ domain.Month }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *billingMonth) UnmarshalText(text []byte) (err error) {
	m.Month, err = domain.ParseMonth(string(text))
	return err
}

// instant is a point in time such as 2026-10-15T12:00:00Z.
type instant struct{ time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *instant) UnmarshalText(text []byte) (err error) {
	if i.Time, err = time.Parse(time.RFC3339Nano, string(text)); err != nil {
		return fmt.Errorf("%.60q is not an instant: write it like 2026-10-15T12:00:00Z", text)
	}
	i.Time = i.UTC()
	return nil
}

// day is a date such as 2026-10-01.
type day struct{ time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *day) UnmarshalText(text []byte) (err error) {
	if d.Time, err = time.Parse(time.DateOnly, string(text)); err != nil {
		return fmt.Errorf("%.60q is not a date: write it like 2026-10-01", text)
	}
	return nil
}

// quarantineReason is a reason such as no_rate; empty for all.
type quarantineReason string

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *quarantineReason) UnmarshalText(text []byte) error {
	if _, ok := domain.ParseReason(string(text)); !ok {
		return fmt.Errorf("there is no reason %.40q: it is one of %v", text, domain.Reasons())
	}
	*r = quarantineReason(text)
	return nil
}

// fxRate is a rate of exchange such as USD:EUR=0.92@2026-10-31:ECB; date and
// source may be left out.
type fxRate struct{ reconciliation.FXRate }

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *fxRate) UnmarshalText(text []byte) (err error) {
	pair, rest, ok := strings.Cut(string(text), "=")
	from, to, okPair := strings.Cut(pair, ":")
	if !ok || !okPair {
		return fmt.Errorf("%.60q is not a rate of exchange: write it like USD:EUR=0.92@2026-10-31:ECB", text)
	}
	rate, when, _ := strings.Cut(rest, "@")
	f.From, f.To = money.Currency(from), money.Currency(to)
	f.Date, f.Source, _ = strings.Cut(when, ":")
	if f.Rate, err = money.Parse(rate); err != nil {
		return fmt.Errorf("the rate of %.60q: %w", text, err)
	}
	return nil
}

// text is the rate as it is written.
func (f *fxRate) text() string {
	text := fmt.Sprintf("%s:%s=%s", f.From, f.To, f.Rate)
	if f.Date != "" {
		text += "@" + f.Date
	}
	if f.Source != "" {
		text += ":" + f.Source
	}
	return text
}

// commandID is an id that makes a command count once.
type commandID struct{ uuid.UUID }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *commandID) UnmarshalText(text []byte) (err error) {
	if c.UUID, err = uuid.ParseBytes(text); err != nil || c.UUID == uuid.Nil {
		return fmt.Errorf("%.60q is not a UUID, such as 0197c3a5-7d1b-7c3e-9a54-2f3c1d2e4b5a", text)
	}
	return nil
}

// who is the part of a command line that says who gives a command.
type who struct {
	Actor     string    `help:"Who does this, such as finance:ana." env:"PREPAY_ACTOR" placeholder:"WHO"`
	CommandID commandID `help:"Makes the command count once: the same id again changes nothing." placeholder:"UUID"`
}

// meta is what a command carries of who gives it.
func (w *who) meta() domain.Meta { return domain.Meta{Actor: w.Actor, CommandID: w.CommandID.UUID} }
