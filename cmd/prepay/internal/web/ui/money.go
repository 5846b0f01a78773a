package ui

import (
	"fmt"
	"strings"
	"time"

	"prepayledger/domain/money"
)

const (
	// minus is the typographic minus sign: as wide as a figure, and read out.
	minus = "−"
	// noBreak is the no-break space between an amount and its currency: without
	// it, it is read out as one word.
	noBreak = "\u00a0"
	// narrow is the narrow no-break space that groups thousands.
	narrow = " "
)

// AmountText writes an amount for people: grouped, with the decimals of its
// currency at least, and all others that it has.
func AmountText(a money.Amount, c money.Currency) string {
	sign, whole, decimals := amountParts(a, c)
	return sign + whole + decimals
}

// SignedText is AmountText with a plus sign where something is added.
func SignedText(a money.Amount, c money.Currency) string {
	if a.Sign() > 0 {
		return "+" + AmountText(a, c)
	}
	return AmountText(a, c)
}

// amountParts cuts an amount for people into its parts; decimals begin with the
// point, or are empty.
func amountParts(a money.Amount, c money.Currency) (sign, whole, decimals string) {
	text := a.Fixed(c.Decimals())
	if strings.HasPrefix(text, "-") {
		sign, text = minus, text[1:]
	}
	whole, decimals, _ = strings.Cut(text, ".")
	if decimals != "" {
		decimals = "." + decimals
	}
	return sign, group(whole), decimals
}

// group puts narrow spaces between thousands.
func group(digits string) string {
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(narrow)
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Count writes a number for people.
func Count[N int | int64 | uint64](n N) string {
	if n < 0 {
		return minus + group(fmt.Sprint(-n))
	}
	return group(fmt.Sprint(n))
}

// Plain writes a number for URLs.
func Plain[N int | int64 | uint64](n N) string { return fmt.Sprint(n) }

// Counted writes a number with its noun.
func Counted[N int | int64 | uint64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}

// Formats of instants, all UTC.
const (
	instantFormat = "2 Jan 2006, 15:04:05"
	minuteFormat  = "2 Jan 2006, 15:04"
	dayFormat     = "2 Jan 2006"
)

// Ago says how far an instant lies back, or ahead, in words.
func Ago(t, now time.Time) string {
	d := now.Sub(t)
	if d < 0 {
		return "in " + span(-d)
	}
	if d < time.Minute {
		return "just now"
	}
	return span(d) + " ago"
}

// day is 24 hours (time).
const day = 24 * time.Hour

// span is a duration in words, in its two largest units at most.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < time.Hour:
		return Counted(int(d/time.Minute), "minute", "minutes")
	case d < day:
		return Counted(int(d/time.Hour), "hour", "hours")
	case d < 10*day:
		text := Counted(int(d/day), "day", "days")
		if hours := int(d % day / time.Hour); hours > 0 {
			text += " " + Counted(hours, "hour", "hours")
		}
		return text
	default:
		return Counted(int(d/day), "day", "days")
	}
}
