package domain

import (
	"errors"
	"fmt"
	"strings"
)

// Limits of an international number (E.164), in digits.
const (
	// MinNumberDigits is the shortest number that is taken.
	MinNumberDigits = 6
	// MaxNumberDigits is E.164's own limit.
	MaxNumberDigits = 15
)

// ErrNumber is what NormalizeNumber wraps.
var ErrNumber = errors.New("not an international number")

// NormalizeNumber returns the digits of an international number (E.164):
// an optional leading plus, then MinNumberDigits to MaxNumberDigits digits of
// which the first is not 0; blanks, dashes and parentheses are stripped.
// Anything else is refused with ErrNumber and what is wrong.
func NormalizeNumber(s string) (digits string, err error) {
	var buf [MaxNumberDigits]byte
	n, start := 0, true
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			if n == MaxNumberDigits {
				return "", fmt.Errorf("%w: %.40q has more than %d digits", ErrNumber, s, MaxNumberDigits)
			}
			buf[n], n, start = c, n+1, false
		case c == '+' && start:
			start = false
		case c == ' ' || c == '-' || c == '(' || c == ')':
		default:
			return "", fmt.Errorf("%w: %.40q has more than digits, blanks, dashes and parentheses after an optional +", ErrNumber, s)
		}
	}
	if n < MinNumberDigits {
		return "", fmt.Errorf("%w: %.40q has fewer than %d digits", ErrNumber, s, MinNumberDigits)
	}
	if buf[0] == '0' {
		return "", fmt.Errorf("%w: %.40q starts with 0, it must start with the country's calling code", ErrNumber, s)
	}
	return string(buf[:n]), nil
}

// BlockedNumber reports whether WhatsApp does not serve the number, and where
// it belongs (R6): Crimea (+7978), Cuba (+53), Iran (+98), North Korea
// (+850), Syria (+963), Donetsk (+7856) and Luhansk (+7857). It takes digits
// without a plus; as many leading digits as Charge.RecipientPrefix keeps are
// enough.
func BlockedNumber(digits string) (where string, blocked bool) {
	switch {
	case strings.HasPrefix(digits, "53"):
		return "Cuba", true
	case strings.HasPrefix(digits, "98"):
		return "Iran", true
	case strings.HasPrefix(digits, "850"):
		return "North Korea", true
	case strings.HasPrefix(digits, "963"):
		return "Syria", true
	case strings.HasPrefix(digits, "7978"):
		return "Crimea", true
	case strings.HasPrefix(digits, "7856"):
		return "Donetsk", true
	case strings.HasPrefix(digits, "7857"):
		return "Luhansk", true
	default:
		return "", false
	}
}

// BlockedCountry reports whether WhatsApp serves no number of the country
// (R6), by ISO 3166 code in capitals: Cuba, Iran, North Korea, Syria. Crimea,
// Donetsk and Luhansk have no code of their own: only their numbers tell.
func BlockedCountry(iso2 string) bool {
	switch iso2 {
	case "CU", "IR", "KP", "SY":
		return true
	default:
		return false
	}
}
