package money

import (
	"errors"
	"fmt"
)

// ErrCurrency is what ParseCurrency wraps.
var ErrCurrency = errors.New("not a currency of ISO 4217")

// Currency is an ISO 4217 code in capitals.
type Currency string

// ParseCurrency checks the code against ISO 4217's active currencies. Codes
// without a minor unit (metals, funds) are refused: no card pays in them.
func ParseCurrency(s string) (Currency, error) {
	if _, ok := minorUnits(s); !ok {
		return "", fmt.Errorf("%w: %.10q", ErrCurrency, s)
	}
	return Currency(s), nil
}

// Decimals returns the number of decimals of the minor unit: 2 for EUR, 0
// for JPY, 3 for KWD. It is 2 for a code that ParseCurrency refuses.
func (c Currency) Decimals() int {
	if n, ok := minorUnits(string(c)); ok {
		return n
	}
	return 2
}

// minorUnits knows ISO 4217 (list one). Everything has two decimals except
// what is named.
func minorUnits(code string) (int, bool) {
	switch code {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0, true
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3, true
	case "CLF", "UYW":
		return 4, true
	case "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BMD", "BND", "BOB",
		"BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CNY", "COP", "CRC", "CUP", "CVE", "CZK",
		"DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GTQ",
		"GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IRR", "JMD", "KES", "KGS", "KHR", "KPW", "KYD",
		"KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR",
		"MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "PAB", "PEN", "PGK", "PHP",
		"PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS",
		"SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH",
		"USD", "UYU", "UZS", "VES", "WST", "XCD", "XCG", "YER", "ZAR", "ZMW", "ZWG":
		return 2, true
	}
	return 0, false
}
