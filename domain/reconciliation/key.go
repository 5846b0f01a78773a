package reconciliation

import (
	"cmp"
	"strings"

	"prepayledger/domain"
)

// Key names one line of a month: what is charged and invoiced is compared per
// account and Key (R25). Its texts are normalised. The empty Key is the line
// of R30's rounding.
type Key struct {
	WABAID string `json:"waba_id,omitempty"`
	Market string `json:"market,omitempty"`
	// Category is as NormalizeCategory returns it.
	Category string `json:"category,omitempty"`
	// PricingType is as NormalizePricingType returns it.
	PricingType string `json:"pricing_type,omitempty"`
}

// IsRounding reports whether k is the line of R30's rounding.
func (k Key) IsRounding() bool { return k == Key{} }

// Free reports whether k counts conversations that cost nothing.
func (k Key) Free() bool { return strings.HasPrefix(k.PricingType, "free_") }

// Compare orders keys by WABA, market, category and pricing type; the rounding
// comes last.
func (k Key) Compare(o Key) int {
	if k.IsRounding() || o.IsRounding() {
		return boolInt(k.IsRounding()) - boolInt(o.IsRounding())
	}
	return cmp.Or(
		cmp.Compare(k.WABAID, o.WABAID), cmp.Compare(k.Market, o.Market),
		cmp.Compare(k.Category, o.Category), cmp.Compare(k.PricingType, o.PricingType),
	)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// NormalizeCategory makes one spelling of Meta's several: lower case, words
// joined by '_' ("AUTHENTICATION-INTERNATIONAL" is
// "authentication_international").
func NormalizeCategory(s string) string {
	if isNormal(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	gap := false
	for _, r := range strings.ToLower(s) {
		switch r {
		case '-', '_', ' ', '\t', '\n', '\r':
			gap = b.Len() > 0
		default:
			if gap {
				b.WriteByte('_')
				gap = false
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// NormalizePricingType is NormalizeCategory for pricing types; absent is
// regular.
func NormalizePricingType(s string) string {
	if s = NormalizeCategory(s); s == "" {
		return domain.PricingTypeRegular
	}
	return s
}

// isNormal tells, without allocating, that s needs no change.
func isNormal(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c == '_' && i > 0 && i < len(s)-1 && s[i-1] != '_' {
			continue
		}
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
