package money

import (
	"errors"
	"testing"
)

// R1: any ISO 4217 code, with its own minor unit.
func TestCurrencies(t *testing.T) {
	for code, decimals := range map[string]int{"EUR": 2, "USD": 2, "BRL": 2, "INR": 2, "JPY": 0, "KRW": 0, "CLP": 0, "KWD": 3, "BHD": 3, "TND": 3, "CLF": 4} {
		c, err := ParseCurrency(code)
		if err != nil || string(c) != code || c.Decimals() != decimals {
			t.Errorf("%s is %s with %d decimals, %v; want %d", code, c, c.Decimals(), err, decimals)
		}
	}
	for _, code := range []string{"", "eur", "EU", "EURO", "XXX", "XAU", "XDR", "DEM", "ZZZ", " EUR", "EUR ", "€"} {
		if c, err := ParseCurrency(code); !errors.Is(err, ErrCurrency) || c != "" {
			t.Errorf("ParseCurrency(%q) = %q, %v; want ErrCurrency", code, c, err)
		}
	}
	if got := Currency("?").Decimals(); got != 2 {
		t.Errorf("an unknown currency has %d decimals", got)
	}
}
