package domain

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"prepayledger/domain/money"
)

// Limits of billing details: an invoice is for one sheet of paper.
const (
	// MaxBillingRunes bounds each field of an address and the tax text, in
	// characters.
	MaxBillingRunes = 200
	// MaxVATIDRunes bounds a VAT id, in characters.
	MaxVATIDRunes = 32
	// MaxBillingEmails bounds the addresses that an invoice is sent to.
	MaxBillingEmails = 10
)

// TypeBillingDetailsChanged is the name under which the event is stored.
const TypeBillingDetailsChanged = "BillingDetailsChanged"

// BillingDetails say whom an invoice is made out to (R15).
type BillingDetails struct {
	Company    string `json:"company"`
	Street     string `json:"street"`
	PostalCode string `json:"postal_code"`
	City       string `json:"city"`
	// Country is two letters of ISO 3166-1, such as DE.
	Country string `json:"country"`
	// VATID is as the partner writes it; empty where there is none.
	VATID string `json:"vat_id,omitempty"`
	// Emails are where invoices go; none is possible.
	Emails []string `json:"emails,omitempty"`
}

// BillingDetailsChanged replaces the billing details. Invoices that were
// issued keep theirs (R34).
type BillingDetailsChanged struct {
	Billing BillingDetails `json:"billing"`
}

// EventType implements Event.
func (*BillingDetailsChanged) EventType() string { return TypeBillingDetailsChanged }

// ChangeBillingDetails replaces the billing details whole; later invoices
// bear them.
type ChangeBillingDetails struct{ Billing BillingDetails }

// CommandName implements Command.
func (*ChangeBillingDetails) CommandName() string { return "ChangeBillingDetails" }

func (d *decision) changeBilling(c *ChangeBillingDetails) error {
	if err := validBilling(&c.Billing); err != nil {
		return err
	}
	billing := c.Billing
	billing.Emails = append([]string(nil), c.Billing.Emails...)
	d.raise(&BillingDetailsChanged{Billing: billing})
	return nil
}

func validBilling(b *BillingDetails) error {
	for _, f := range []struct{ name, value string }{
		{"company", b.Company}, {"street", b.Street}, {"postal_code", b.PostalCode}, {"city", b.City},
	} {
		if !printable(f.value, MaxBillingRunes) {
			return Reject(InvalidSetting, "%s must have 1 to %d characters on one line.", f.name, MaxBillingRunes)
		}
	}
	if !isCountry(b.Country) {
		return Reject(InvalidSetting, "country is %.20q; it must be two letters of ISO 3166-1, such as DE.", b.Country)
	}
	if b.VATID != "" && (!printable(b.VATID, MaxVATIDRunes) || strings.ContainsFunc(b.VATID, notOfVATID)) {
		return Reject(InvalidSetting, "vat_id is %.40q; it must have up to %d letters, digits, spaces, dots and hyphens.", b.VATID, MaxVATIDRunes)
	}
	if len(b.Emails) > MaxBillingEmails {
		return Reject(InvalidSetting, "There are %d emails; at most %d are kept.", len(b.Emails), MaxBillingEmails)
	}
	for _, address := range b.Emails {
		if !ValidAddress(address) {
			return Reject(InvalidSetting, "%.80q is not a mail address: write it like invoices@example.com.", address)
		}
	}
	return nil
}

// validTax checks what an invoice says of tax: a rate needs a text that says
// what it is.
func validTax(text string, rate *money.Amount) error {
	switch {
	case text != "" && !printable(text, MaxBillingRunes):
		return Reject(InvalidSetting, "tax_text must have at most %d characters on one line.", MaxBillingRunes)
	case rate == nil:
		return nil
	case rate.Sign() < 0 || money.FromInt(100).Less(*rate):
		return Reject(InvalidSetting, "tax_rate is %s; it must lie between 0 and 100.", rate)
	case text == "":
		return Reject(InvalidSetting, "A tax_rate needs a tax_text that says what it is, such as VAT.")
	}
	return nil
}

// printable reports whether the text has 1 to limit characters, all of one
// line, and something to see.
func printable(s string, limit int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit && strings.TrimSpace(s) != "" &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == '\uFFFD' })
}

func notOfVATID(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune(" .-", r)
}

// countries are the codes of ISO 3166-1 alpha-2, and XK for Kosovo.
const countries = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ " +
	"CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR " +
	"GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP " +
	"KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ " +
	"NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW " +
	"SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ " +
	"UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW "

func isCountry(code string) bool {
	return len(code) == 2 && !strings.Contains(code, " ") && strings.Contains(countries, code+" ")
}
