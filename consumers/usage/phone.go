package usage

import "github.com/nyaruka/phonenumbers"

// maxPhonePrefixes bounds the cache of countries by prefix. All of North
// America has about 600,000; at the bound it starts over.
const maxPhonePrefixes = 1 << 17

// phonePrefixDigits is how many leading digits decide the country of a number
// under +1 and +7.
const phonePrefixDigits = 7

// sharedNumberDigits is the length of every number under +1 and +7.
const sharedNumberDigits = 11

// phones resolves the country of numbers under calling codes that several
// countries share. The library takes about 17 µs a number, so answers are
// kept by prefix.
type phones struct{ countries map[uint32]string }

// country returns the ISO code of a number under +1 or +7, given as digits;
// "" for others and where the library doesn't know.
func (p *phones) country(digits string) string {
	if len(digits) != sharedNumberDigits || digits[0] != '1' && digits[0] != '7' {
		return ""
	}
	key := uint32(0)
	for i := range phonePrefixDigits {
		key = key*10 + uint32(digits[i]-'0')
	}
	if c, known := p.countries[key]; known {
		return c
	}
	c := lookUp(digits)
	if p.countries == nil || len(p.countries) >= maxPhonePrefixes {
		p.countries = map[uint32]string{}
	}
	p.countries[key] = c
	return c
}

// lookUp asks the library.
func lookUp(digits string) string {
	n, err := phonenumbers.Parse("+"+digits, "ZZ")
	if err != nil {
		return ""
	}
	c := phonenumbers.GetRegionCodeForNumber(n)
	if len(c) != 2 || c == phonenumbers.UNKNOWN_REGION {
		return "" // no country, or a service that belongs to none
	}
	return c
}
