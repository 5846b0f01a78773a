package stripe

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"prepayledger/domain/money"
)

// errAmount says that Stripe can't take an amount exactly.
var errAmount = errors.New("not an amount that Stripe takes")

// decimals are the decimals that Stripe gives a currency, which are not always
// those of ISO 4217: https://docs.stripe.com/currencies.
func decimals(c money.Currency) int {
	switch c {
	case "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "JOD", "KWD", "OMR", "TND":
		return 3
	default: // ISK and UGX too: they have none, but Stripe wants two
		return 2
	}
}

// minor is an amount in the units that Stripe counts, exactly.
func minor(a money.Amount, c money.Currency) (int64, error) {
	n := decimals(c)
	if a.Sign() <= 0 || a.Decimals() > n {
		return 0, fmt.Errorf("%w: %s %s", errAmount, a, c)
	}
	units, err := strconv.ParseInt(strings.Replace(a.Fixed(n), ".", "", 1), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %s %s", errAmount, a, c)
	}
	if n == 3 && units%10 != 0 { // three decimals, of which the last must be 0
		return 0, fmt.Errorf("%w: %s %s, the third decimal must be 0", errAmount, a, c)
	}
	if (c == "ISK" || c == "UGX") && units%100 != 0 {
		return 0, fmt.Errorf("%w: %s %s, whole units only", errAmount, a, c)
	}
	return units, nil
}
