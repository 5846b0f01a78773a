package usage

import (
	"strings"
	"time"
	"unicode/utf8"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/rating"
)

// build makes the charge of a record: every field that can be read is taken
// and the first that can't is its problem.
func (d *Decoder) build(r *record, it *Item) {
	c := &it.Charge
	c.ChargeID = r.required(chargeID)
	c.PartnerID = d.strings.intern(r.text(partnerID))
	c.ChannelID = d.strings.intern(r.text(channelID))
	c.WABAID = d.strings.intern(r.text(wabaID))
	digits := r.number()
	c.RecipientPrefix = digits[:min(len(digits), domain.MaxRecipientPrefix)]
	c.Country = d.country(r)
	c.Market = d.strings.intern(r.text(market))
	c.Category = d.strings.intern(r.required(category))
	c.Model = r.model()
	c.PricingType = r.pricingType()
	c.OccurredAt = r.time()
	d.price(r, c)
	d.place(r, c, digits)
	if r.problem != "" {
		c.Malformed = it.Pos.describe(r.field, r.problem)
	}
}

// describe writes where and what is wrong.
func (p Position) describe(field, problem string) string {
	where := p.String()
	if field != "" {
		where += ", field " + field
	}
	return strings.ToValidUTF8(where+": "+problem+".", "\uFFFD")
}

// text returns a field that may be left out.
func (r *record) text(f field) string {
	v := r.values[f]
	switch {
	case len(v) > domain.MaxIDBytes:
		r.fail(r.names[f], "it is %d bytes long, at most %d are taken", len(v), domain.MaxIDBytes)
	case r.plain || v == "" || domain.ValidID(v):
		return v
	default:
		r.fail(r.names[f], "it has control characters or is not UTF-8")
	}
	return ""
}

// required is text that must be there.
func (r *record) required(f field) string {
	if r.values[f] == "" {
		r.fail(r.names[f], "it is missing; every charge needs it")
		return ""
	}
	return r.text(f)
}

// number returns the recipient's digits.
func (r *record) number() string {
	v := r.values[recipient]
	if v == "" || isNumber(v) {
		return v
	}
	digits, err := domain.NormalizeNumber(v)
	if err != nil {
		r.fail(r.names[recipient], "%v; write it like 5511987654321", err)
		return ""
	}
	return digits
}

// isNumber reports whether v is the number's digits already.
func isNumber(v string) bool {
	if len(v) < domain.MinNumberDigits || len(v) > domain.MaxNumberDigits || v[0] == '0' {
		return false
	}
	for i := range len(v) {
		if v[i]-'0' > 9 {
			return false
		}
	}
	return true
}

// country returns the ISO code in capitals.
func (d *Decoder) country(r *record) string {
	v := r.values[country]
	if v == "" {
		return ""
	}
	if len(v) != 2 || !isLetter(v[0]) || !isLetter(v[1]) {
		r.fail(r.names[country], "%q is not a country; write its ISO 3166 code, like BR", shorten(v))
		return ""
	}
	return d.strings.intern(strings.ToUpper(v))
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func (r *record) model() domain.PricingModel {
	switch v := r.values[pricingModel]; v {
	case string(domain.PMP):
		return domain.PMP
	case string(domain.CBP):
		return domain.CBP
	case "":
		r.fail(r.names[pricingModel], "it is missing; write PMP or CBP")
	default:
		r.fail(r.names[pricingModel], "%q is not a pricing model; write PMP or CBP", shorten(v))
	}
	return ""
}

func (r *record) pricingType() string {
	switch v := r.values[pricingType]; v {
	case "", rating.TypeRegular:
		return rating.TypeRegular
	case rating.TypeFreeCustomerService:
		return rating.TypeFreeCustomerService
	case rating.TypeFreeEntryPoint:
		return rating.TypeFreeEntryPoint
	default:
		r.fail(r.names[pricingType], "%q is not a pricing type; write %s, %s or %s", shorten(v), rating.TypeRegular, rating.TypeFreeCustomerService, rating.TypeFreeEntryPoint)
		return ""
	}
}

func (r *record) time() time.Time {
	t, v := r.at, r.values[occurredAt]
	if t.IsZero() {
		var ok bool
		switch t, ok = parseTime(v); {
		case v == "":
			r.fail(r.names[occurredAt], "it is missing; every charge needs it")
			return time.Time{}
		case !ok:
			r.fail(r.names[occurredAt], "%q is not a time; write it like 2026-10-03T12:34:56Z", shorten(v))
			return time.Time{}
		}
	}
	if !inRange(t) {
		r.fail(r.names[occurredAt], "%s is not between %d and %d", t.Format(time.RFC3339), rating.MinYear, rating.MaxYear)
		return time.Time{}
	}
	return t
}

// price takes amount and currency (R9).
func (d *Decoder) price(r *record, c *domain.Charge) {
	given := r.values[currency]
	if given != "" {
		cur, err := money.ParseCurrency(given)
		if err != nil {
			r.fail(r.names[currency], "%q is not a currency; write its ISO 4217 code in capitals, like USD", shorten(given))
		} else {
			c.Currency = money.Currency(d.strings.intern(string(cur)))
		}
	}
	if !r.priced {
		return
	}
	a, err := money.Parse(r.values[amount])
	switch {
	case err != nil:
		r.fail(r.names[amount], "%v; leave it out to have the charge rated here", err)
	case a.Sign() < 0:
		r.fail(r.names[amount], "%s is negative; a charge is 0 or more", a)
	case given == "":
		r.fail(r.names[currency], "it is missing; an amount needs its currency")
	case c.Currency != "":
		c.Priced, c.Amount = true, a
	}
}

// place resolves the market: as given, else by country, else by number.
func (d *Decoder) place(r *record, c *domain.Charge, digits string) {
	known := !c.OccurredAt.IsZero() // markets change with time
	byNumber := ""
	if c.Country == "" && digits != "" && known {
		hint := d.phones.country(digits)
		byNumber, c.Country = d.markets.ByNumber(digits, hint, c.OccurredAt)
		if hint != "" {
			c.Country = hint
		}
	}
	switch {
	case c.Market != "":
	case byNumber != "":
		c.Market = byNumber
	case c.Country != "" && known:
		c.Market = d.markets.ByCountry(c.Country, c.OccurredAt)
	case r.values[market] == "" && r.values[country] == "" && r.values[recipient] == "":
		r.fail(r.names[recipient], "none of market, country and recipient is there; give one of them")
	}
}

// rawText keeps a record for people: cut to domain.MaxRawBytes, and valid
// UTF-8, so that what the log keeps is what was hashed.
func rawText(line []byte) string {
	s := strings.ToValidUTF8(string(line[:min(len(line), domain.MaxRawBytes)]), "\uFFFD")
	for len(s) > domain.MaxRawBytes {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
