// Package money holds exact decimal amounts and currencies.
//
// An Amount is never a float and never rounded, except by the three functions
// that the rules name: up (R14), half up (R14) and half even (R30).
package money

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// Limits of an amount that comes from outside. Sums may grow beyond them.
const (
	// MaxIntegerDigits bounds the digits before the decimal point.
	MaxIntegerDigits = 15
	// MaxFractionDigits bounds the digits after the decimal point.
	MaxFractionDigits = 18
	// precision is the number of digits that arithmetic may need at most:
	// limits above, times 10^18 additions, with room to spare. More than
	// that is a programming error and panics.
	precision = 76
)

// ErrSyntax is what Parse wraps for text that is no acceptable amount.
var ErrSyntax = errors.New("not an amount")

// Amount is an immutable exact decimal. The zero value is 0.
type Amount struct {
	d apd.Decimal
}

// exact returns the arithmetic context: everything that is not exact traps.
func exact() apd.Context {
	return apd.Context{
		Precision:   precision,
		MaxExponent: 100,
		MinExponent: -100,
		Rounding:    apd.RoundHalfEven,
		Traps: apd.SystemOverflow | apd.SystemUnderflow | apd.Overflow | apd.Underflow |
			apd.Inexact | apd.Rounded | apd.Subnormal |
			apd.DivisionUndefined | apd.DivisionByZero | apd.DivisionImpossible | apd.InvalidOperation,
	}
}

// Zero returns 0.
func Zero() Amount { return Amount{} }

// FromInt returns n whole units.
func FromInt(n int64) Amount {
	var a Amount
	a.d.SetInt64(n)
	return a
}

// Parse reads plain decimal notation: an optional minus sign, 1 to
// MaxIntegerDigits digits and, after a point, 1 to MaxFractionDigits digits.
// Exponents, NaN, infinities, signs of plus and blanks are refused with
// ErrSyntax: a ledger has no use for them and they hide absurd values.
func Parse(s string) (Amount, error) { return parse(s) }

// ParseBytes is Parse without a copy of b.
func ParseBytes(b []byte) (Amount, error) { return parse(b) }

func parse[T string | []byte](s T) (Amount, error) {
	if len(s) > 2+MaxIntegerDigits+MaxFractionDigits {
		return Amount{}, fmt.Errorf("%w: %d characters, at most %d digits before and %d after the point", ErrSyntax, len(s), MaxIntegerDigits, MaxFractionDigits)
	}
	i, negative := 0, false
	if len(s) > 0 && s[0] == '-' {
		negative, i = true, 1
	}
	var coefficient uint64
	integers, fractions, point := 0, 0, false
	small := true
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			if point {
				fractions++
			} else {
				integers++
			}
			if integers+fractions > 18 {
				small = false
			} else {
				coefficient = coefficient*10 + uint64(c-'0')
			}
		case c == '.' && !point && integers > 0:
			point = true
		default:
			return Amount{}, fmt.Errorf("%w: %.40q, write it like 12.3456", ErrSyntax, string(s))
		}
	}
	if integers == 0 || (point && fractions == 0) {
		return Amount{}, fmt.Errorf("%w: %.40q, write it like 12.3456", ErrSyntax, string(s))
	}
	if integers > MaxIntegerDigits || fractions > MaxFractionDigits {
		return Amount{}, fmt.Errorf("%w: %.40q, at most %d digits before and %d after the point", ErrSyntax, string(s), MaxIntegerDigits, MaxFractionDigits)
	}
	var a Amount
	if small {
		a.d.Coeff.SetUint64(coefficient)
		a.d.Exponent = -int32(fractions)
	} else if _, _, err := a.d.SetString(string(s)); err != nil {
		return Amount{}, fmt.Errorf("%w: %.40q", ErrSyntax, string(s))
	}
	a.d.Negative = negative && a.d.Coeff.Sign() != 0
	return a, nil
}

// MustParse is Parse for constants; it panics on bad text.
func MustParse(s string) Amount {
	a, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return a
}

// must turns a trapped condition into a panic: with the limits of Parse it
// can only be a programming error, and going on would invent money.
func must(cond apd.Condition, err error) {
	if err != nil {
		panic(fmt.Sprintf("money: inexact arithmetic: %v (%v)", err, cond))
	}
}

// Add returns a + b.
func (a Amount) Add(b Amount) Amount {
	var r Amount
	ctx := exact()
	must(ctx.Add(&r.d, &a.d, &b.d))
	return r
}

// Sub returns a − b.
func (a Amount) Sub(b Amount) Amount {
	var r Amount
	ctx := exact()
	must(ctx.Sub(&r.d, &a.d, &b.d))
	return r
}

// Mul returns a × b.
func (a Amount) Mul(b Amount) Amount {
	var r Amount
	ctx := exact()
	must(ctx.Mul(&r.d, &a.d, &b.d))
	return r
}

// Times returns a × n.
func (a Amount) Times(n int64) Amount { return a.Mul(FromInt(n)) }

// Percent returns p per cent of a, exactly.
func (a Amount) Percent(p Amount) Amount {
	r := a.Mul(p)
	r.d.Exponent -= 2
	return r
}

// Neg returns −a.
func (a Amount) Neg() Amount {
	if a.IsZero() {
		return a
	}
	a.d.Negative = !a.d.Negative
	return a
}

// Abs returns a without its sign.
func (a Amount) Abs() Amount {
	a.d.Negative = false
	return a
}

// Cmp returns -1, 0 or +1 as a is below, equal to or above b.
func (a Amount) Cmp(b Amount) int { return a.d.Cmp(&b.d) }

// Equal reports whether a and b are the same number (1.0 equals 1).
func (a Amount) Equal(b Amount) bool { return a.Cmp(b) == 0 }

// Less reports whether a < b.
func (a Amount) Less(b Amount) bool { return a.Cmp(b) < 0 }

// Sign returns -1, 0 or +1.
func (a Amount) Sign() int { return a.d.Sign() }

// IsZero reports whether a is 0.
func (a Amount) IsZero() bool { return a.d.Sign() == 0 }

// Decimals returns how many digits after the point a needs.
func (a Amount) Decimals() int {
	var r apd.Decimal
	r.Reduce(&a.d)
	return max(0, int(-r.Exponent))
}

// RoundUp rounds towards +∞ to so many decimals (R14: a card amount rounds
// up, so that paying it truly settles).
func (a Amount) RoundUp(decimals int) Amount { return a.round(decimals, apd.RoundCeiling) }

// RoundHalfUp rounds to the nearest, halves away from zero (R14, surcharge).
func (a Amount) RoundHalfUp(decimals int) Amount { return a.round(decimals, apd.RoundHalfUp) }

// RoundHalfEven rounds to the nearest, halves to even (R30, converted totals).
func (a Amount) RoundHalfEven(decimals int) Amount { return a.round(decimals, apd.RoundHalfEven) }

// round divides the coefficient by hand: apd's Quantize rounds an amount that
// lies wholly below the last digit kept (0.0008 to cents) to 0 whatever the
// rounding.
func (a Amount) round(decimals int, how apd.Rounder) Amount {
	drop := int(-a.d.Exponent) - decimals
	if drop <= 0 {
		return a
	}
	var unit, quotient, rest apd.BigInt
	unit.Exp(apd.NewBigInt(10), apd.NewBigInt(int64(drop)), nil)
	quotient.QuoRem(&a.d.Coeff, &unit, &rest)
	rest.Lsh(&rest, 1)
	if away(how, a.d.Negative, &quotient, rest.Sign(), rest.Cmp(&unit)) {
		quotient.Add(&quotient, apd.NewBigInt(1))
	}
	var r Amount
	r.d.Coeff.Set(&quotient)
	r.d.Exponent = -int32(decimals)
	r.d.Negative = a.d.Negative && quotient.Sign() != 0
	return r
}

// away says whether a magnitude rounds away from zero; rest is the sign of
// what is dropped, half compares its double with a unit of the last digit.
func away(how apd.Rounder, negative bool, quotient *apd.BigInt, rest, half int) bool {
	switch how {
	case apd.RoundCeiling:
		return rest != 0 && !negative
	case apd.RoundHalfUp:
		return half >= 0
	case apd.RoundHalfEven:
		return half > 0 || half == 0 && quotient.Bit(0) == 1
	default:
		panic("money: no rule rounds " + string(how))
	}
}

// Quo divides a by b and keeps so many decimals, half even. It reports
// whether the quotient is exact. b must not be 0. Only explanations use it
// (R26: what division leaves goes to rounding), never a balance.
func (a Amount) Quo(b Amount, decimals int) (Amount, bool) {
	var r, check Amount
	ctx := exact()
	ctx.Traps &^= apd.Inexact | apd.Rounded
	must(ctx.Quo(&r.d, &a.d, &b.d))
	r = r.round(decimals, apd.RoundHalfEven)
	must(ctx.Mul(&check.d, &r.d, &b.d))
	return r, check.Equal(a)
}

// String writes a in plain notation without trailing zeros; zero is "0".
func (a Amount) String() string {
	var buf [48]byte
	return string(a.Append(buf[:0]))
}

// Append appends String's text to b.
func (a Amount) Append(b []byte) []byte {
	if a.d.Coeff.Sign() == 0 {
		return append(b, '0')
	}
	if !a.d.Coeff.IsUint64() || a.d.Exponent > 0 || a.d.Exponent < -18 {
		var r apd.Decimal
		r.Reduce(&a.d)
		return r.Append(b, 'f')
	}
	coefficient, decimals := a.d.Coeff.Uint64(), int(-a.d.Exponent)
	for decimals > 0 && coefficient%10 == 0 {
		coefficient /= 10
		decimals--
	}
	if a.d.Negative {
		b = append(b, '-')
	}
	var digits [24]byte
	d := strconv.AppendUint(digits[:0], coefficient, 10)
	if decimals == 0 {
		return append(b, d...)
	}
	if len(d) <= decimals {
		b = append(b, '0', '.')
		for range decimals - len(d) {
			b = append(b, '0')
		}
		return append(b, d...)
	}
	b = append(b, d[:len(d)-decimals]...)
	b = append(b, '.')
	return append(b, d[len(d)-decimals:]...)
}

// Fixed writes a with exactly so many decimals for people to read, padded
// with zeros; an amount with more decimals keeps them all.
func (a Amount) Fixed(decimals int) string {
	if a.Decimals() >= decimals {
		return a.String()
	}
	var r apd.Decimal
	ctx := exact()
	r.Reduce(&a.d) // dropping a zero counts as rounding: 1.5000 with two decimals
	must(ctx.Quantize(&r, &r, -int32(decimals)))
	return r.Text('f')
}

// MarshalJSON writes the amount as a decimal string.
func (a Amount) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 24), '"')
	return append(a.Append(b), '"'), nil
}

// UnmarshalJSON reads a decimal string; JSON numbers are refused because
// other programs read them as floats. It accepts what Append writes, sums
// beyond Parse's limits included.
func (a *Amount) UnmarshalJSON(b []byte) error {
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return fmt.Errorf("%w: %.40s, write amounts as strings such as \"12.34\"", ErrSyntax, b)
		}
	}
	v, err := ParseBytes(b[1 : len(b)-1])
	if err != nil {
		if v, err = parseSum(string(b[1 : len(b)-1])); err != nil {
			return err
		}
	}
	*a = v
	return nil
}

// parseSum reads a stored amount that may have outgrown Parse's limits.
func parseSum(s string) (Amount, error) {
	var a Amount
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && c != '.' && !(c == '-' && i == 0) {
			return a, fmt.Errorf("%w: %.40q", ErrSyntax, s)
		}
	}
	if digits := strings.TrimPrefix(s, "-"); strings.HasPrefix(digits, ".") || strings.HasSuffix(digits, ".") {
		return a, fmt.Errorf("%w: %.40q", ErrSyntax, s)
	}
	if len(s) > precision {
		return a, fmt.Errorf("%w: %d characters", ErrSyntax, len(s))
	}
	if _, _, err := a.d.SetString(s); err != nil {
		return a, fmt.Errorf("%w: %.40q", ErrSyntax, s)
	}
	return a, nil
}

// Sum adds up amounts.
func Sum(amounts ...Amount) Amount {
	var t Amount
	for _, a := range amounts {
		t = t.Add(a)
	}
	return t
}
