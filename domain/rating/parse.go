package rating

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// CardOptions is what the file of a rate card does not tell, or not surely.
type CardOptions struct {
	// Effective is the first day of the card. Zero takes the date of the
	// title line, or else the last YYYY-MM-DD in the file's name. A title
	// with another date is an error.
	Effective time.Time
	// IgnoreTitle lets Effective hold also where the title has another date:
	// for trying a card early.
	IgnoreTitle bool
	// Model restricts the card to a pricing model; empty serves both (R9).
	Model domain.PricingModel
	// Replaces is the id of the card of the same currency, model and date
	// that this one replaces; empty replaces none.
	Replaces string
}

// ParseRateCard reads a rate card, in Meta's own layout (a title line with
// the effective date, then a header Market, Currency and one column a
// category; n/a is "no rate") or with volume tiers (the header
// market,currency,category,from_volume,to_volume,rate). UTF-8, with or
// without byte order mark, any line ends. The card is taken whole or not at
// all: a *FileError names file, line and field of what is wrong. name is the
// file's name; data at most MaxCardBytes.
func ParseRateCard(name string, data []byte, opts CardOptions) (*Card, error) {
	p := &cardParser{errs: FileError{File: filepath.Base(name)}, card: &Card{Model: opts.Model, Replaces: opts.Replaces}}
	if opts.Model != "" && opts.Model != domain.PMP && opts.Model != domain.CBP {
		p.errs.add(0, "pricing_model", "%.20q is no pricing model; give PMP, CBP or none for both", string(opts.Model))
	}
	records := readCSV(data, MaxCardBytes, &p.errs)
	if len(p.errs.Problems) == 0 {
		p.ignoreTitle = opts.IgnoreTitle
		p.parse(records, opts.Effective)
	}
	if err := p.errs.orNil(); err != nil {
		return nil, err
	}
	p.card.seal()
	return p.card, nil
}

// record is one CSV record with the line of each field.
type record struct {
	fields []string
	lines  []int
}

func (r *record) line() int { return r.lines[0] }

// readCSV splits a small file, fields trimmed, empty records left out.
func readCSV(data []byte, limit int, errs *FileError) []record {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if len(data) > limit {
		errs.add(0, "", "it is larger than %d bytes; is it the right file?", limit)
		return nil
	}
	if at := invalidUTF8(data); at >= 0 {
		errs.add(1+bytes.Count(data[:at], []byte{'\n'}), "", "it is not UTF-8; save the file as UTF-8")
		return nil
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1
	var records []record
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			errs.addCSV(err)
			return nil
		}
		rec := record{fields: fields, lines: make([]int, len(fields))}
		empty := true
		for i, f := range fields {
			rec.lines[i], _ = r.FieldPos(i)
			fields[i] = strings.TrimSpace(f)
			empty = empty && fields[i] == ""
		}
		if !empty {
			records = append(records, rec)
		}
	}
	if len(records) == 0 {
		errs.add(0, "", "it is empty")
	}
	return records
}

// invalidUTF8 returns the place of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for at := 0; at < len(data); {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

// cardParser collects a card and what is wrong with it.
type cardParser struct {
	// ignoreTitle is CardOptions.IgnoreTitle.
	ignoreTitle bool
	errs        FileError
	card        *Card
}

func (p *cardParser) parse(records []record, effective time.Time) {
	title := ""
	header := records[0]
	if !isTierHeader(header) && !isListHeader(header) && len(records) > 1 && isListHeader(records[1]) {
		title, header, records = header.fields[0], records[1], records[1:]
	}
	switch {
	case isTierHeader(header):
		p.parseTiers(records[1:])
	case isListHeader(header):
		p.parseList(header, records[1:])
	default:
		p.errs.add(header.line(), "", "it has no header of a rate card; it must be Market,Currency and one column a category, after an optional title line, or %s", strings.Join(tierHeader, ","))
		return
	}
	p.effective(effective, title)
	if len(p.card.Rates) == 0 && len(p.errs.Problems) == 0 {
		p.errs.add(0, "", "it has no rate at all")
	}
	if len(p.card.Rates) > MaxCardRates {
		p.errs.add(0, "", "it has %d rates, at most %d are taken", len(p.card.Rates), MaxCardRates)
	}
}

var (
	titleDate = regexp.MustCompile(`(?i)\beffective\s+(?:from\s+)?(?:([a-z]+ \d{1,2}, ?\d{4})|(\d{4}-\d{2}-\d{2}))`)
	nameDate  = regexp.MustCompile(`\d{4}-\d{2}-\d{2}`)
)

// effective settles the card's date: the parameter, else the title, else the
// file's name.
func (p *cardParser) effective(given time.Time, title string) {
	var titled time.Time
	if m := titleDate.FindStringSubmatch(title); m != nil {
		text, layouts := m[1]+m[2], []string{"January 2, 2006", "January 2,2006", "Jan 2, 2006", time.DateOnly}
		for _, layout := range layouts {
			if t, err := time.Parse(layout, text); err == nil {
				titled = t
			}
		}
		if titled.IsZero() {
			p.errs.add(1, "", "the title's date %q is not a date; write it like October 1, 2026", text)
			return
		}
	}
	switch {
	case !given.IsZero():
		given = given.UTC()
		if midnight := given.Truncate(domain.Day); !given.Equal(midnight) {
			p.errs.add(0, "effective", "%s is not a day; a card is in force from 00:00 UTC", given.Format(time.RFC3339))
			return
		}
		if !p.ignoreTitle && !titled.IsZero() && !titled.Equal(given) {
			p.errs.add(1, "", "the title says effective %s, the import says %s; correct one of them", titled.Format(time.DateOnly), given.Format(time.DateOnly))
			return
		}
		p.card.Effective = given
	case !titled.IsZero():
		p.card.Effective = titled
	default:
		if dates := nameDate.FindAllString(p.errs.File, -1); dates != nil {
			p.card.Effective, _ = time.Parse(time.DateOnly, dates[len(dates)-1])
		}
		if p.card.Effective.IsZero() {
			p.errs.add(0, "effective", "neither the title line nor the file's name has a date; give the effective date")
			return
		}
	}
	if y := p.card.Effective.Year(); y < MinYear || y > MaxYear {
		p.errs.add(0, "effective", "%s is not between %d and %d", p.card.Effective.Format(time.DateOnly), MinYear, MaxYear)
	}
}

// The years that dates of cards, markets and charges may have.
const (
	// MinYear is the first year.
	MinYear = 2000
	// MaxYear is the last year.
	MaxYear = 2100
)

// currency reads a card's currency, as Meta writes it, and holds the card to
// one.
func (p *cardParser) currency(text string, line int, field string) {
	if text == "$US" {
		text = "USD"
	}
	c, err := money.ParseCurrency(text)
	switch {
	case err != nil:
		p.errs.add(line, field, "%.20q is not a currency of ISO 4217; write it like USD", text)
	case p.card.Currency == "":
		p.card.Currency = c
	case p.card.Currency != c:
		p.errs.add(line, field, "%s in a card in %s; a card has one currency, make a file of each", c, p.card.Currency)
	}
}

// price reads a rate.
func (p *cardParser) price(text string, line int, field, hint string) (money.Amount, bool) {
	a, err := money.Parse(text)
	switch {
	case err != nil:
		p.errs.add(line, field, "%v%s", err, hint)
	case a.Sign() < 0:
		p.errs.add(line, field, "%s is negative; a rate is 0 or more", text)
	default:
		return a, true
	}
	return money.Zero(), false
}

// isListHeader recognises the header of Meta's layout.
func isListHeader(r record) bool {
	return len(r.fields) > 2 && strings.EqualFold(r.fields[0], "market") && strings.EqualFold(r.fields[1], "currency") && !isTierHeader(r)
}

// parseList reads Meta's layout.
func (p *cardParser) parseList(header record, rows []record) {
	categories := make([]string, len(header.fields))
	for i := 2; i < len(header.fields); i++ {
		c := NormalCategory(header.fields[i])
		if !p.errs.checkName(c, header.lines[i], "header") {
			continue
		}
		if c[0] < 'a' || c[0] > 'z' {
			p.errs.add(header.lines[i], "header", "%q is no category; the columns after Market and Currency are categories", header.fields[i])
		}
		if slices.Contains(categories, c) {
			p.errs.add(header.lines[i], "header", "category %q is there twice; remove one column", c)
		}
		categories[i] = c
	}
	seen := map[string]int{}
	for _, r := range rows {
		if len(r.fields) != len(header.fields) {
			p.errs.add(r.line(), "", "it has %d fields, the header has %d", len(r.fields), len(header.fields))
			continue
		}
		market := r.fields[0]
		if !p.errs.checkName(market, r.lines[0], header.fields[0]) {
			continue
		}
		if first, twice := seen[market]; twice {
			p.errs.add(r.lines[0], header.fields[0], "%s is in line %d already; remove one", market, first)
		}
		seen[market] = r.line()
		p.currency(r.fields[1], r.lines[1], header.fields[1])
		for i := 2; i < len(r.fields); i++ {
			if strings.EqualFold(r.fields[i], "n/a") {
				continue
			}
			if a, ok := p.price(r.fields[i], r.lines[i], categories[i], " or n/a for no rate"); ok {
				p.card.Rates = append(p.card.Rates, Rate{Market: market, Category: categories[i], Price: a})
			}
		}
	}
}

// tierHeader is the header of the layout with volume tiers.
var tierHeader = []string{"market", "currency", "category", "from_volume", "to_volume", "rate"}

func isTierHeader(r record) bool {
	return slices.EqualFunc(r.fields, tierHeader, strings.EqualFold)
}

// parseTiers reads the layout with volume tiers.
func (p *cardParser) parseTiers(rows []record) {
	type key struct{ market, category string }
	type tier struct {
		rate Rate
		line int
	}
	tiers := map[key][]tier{}
	var order []key
	for _, r := range rows {
		if len(r.fields) != len(tierHeader) {
			p.errs.add(r.line(), "", "it has %d fields, the header has %d", len(r.fields), len(tierHeader))
			continue
		}
		k := key{r.fields[0], NormalCategory(r.fields[2])}
		named := p.errs.checkName(k.market, r.lines[0], "market") && p.errs.checkName(k.category, r.lines[2], "category")
		p.currency(r.fields[1], r.lines[1], "currency")
		from, ok1 := p.volume(r, 3)
		to, ok2 := p.volume(r, 4)
		price, ok3 := p.price(r.fields[5], r.lines[5], "rate", "")
		if !named || !ok1 || !ok2 || !ok3 {
			continue
		}
		if tiers[k] == nil {
			order = append(order, k)
		}
		tiers[k] = append(tiers[k], tier{Rate{Market: k.market, Category: k.category, From: from, To: to, Price: price}, r.line()})
	}
	if len(p.errs.Problems) > 0 {
		return // gaps would only follow from what is missing
	}
	for _, k := range order {
		list := tiers[k]
		slices.SortStableFunc(list, func(a, b tier) int { return int(min(max(a.rate.From-b.rate.From, -1), 1)) })
		for i, t := range list {
			switch {
			case i == 0 && t.rate.From > 1:
				p.errs.add(t.line, "from_volume", "the tiers of %s %s start at %d; the first starts at 1 (or 0)", k.market, k.category, t.rate.From)
			case i > 0 && list[i-1].rate.To == MaxVolume:
				p.errs.add(t.line, "from_volume", "the tier of %s %s in line %d ends at MAX already", k.market, k.category, list[i-1].line)
			case i > 0 && t.rate.From != list[i-1].rate.To+1:
				p.errs.add(t.line, "from_volume", "the tiers of %s %s have a gap or overlap: %d must be %d, one more than the end in line %d", k.market, k.category, t.rate.From, list[i-1].rate.To+1, list[i-1].line)
			case t.rate.To < t.rate.From:
				p.errs.add(t.line, "to_volume", "%d is below from_volume %d", t.rate.To, t.rate.From)
			case i == len(list)-1 && t.rate.To != MaxVolume:
				p.errs.add(t.line, "to_volume", "the last tier of %s %s ends at %d; it must end at MAX", k.market, k.category, t.rate.To)
			}
			p.card.Rates = append(p.card.Rates, t.rate)
		}
	}
}

// volume reads the bound of a tier; MAX only as the upper one.
func (p *cardParser) volume(r record, i int) (int64, bool) {
	text, field := r.fields[i], tierHeader[i]
	if i == 4 && strings.EqualFold(text, "MAX") {
		return MaxVolume, true
	}
	n, ok := parseVolume(text)
	if !ok {
		p.errs.add(r.lines[i], field, "%.40q is not a volume; write whole numbers like 250000, the last to_volume as MAX", text)
	}
	return n, ok
}

// maxVolumeDigits keeps volumes far from overflow.
const maxVolumeDigits = 15

// parseVolume reads digits.
func parseVolume(text string) (int64, bool) {
	if text == "" || len(text) > maxVolumeDigits || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}
