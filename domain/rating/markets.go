package rating

import (
	"cmp"
	_ "embed" // the shipped table
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Markets that have a meaning of their own.
const (
	// MarketOther is the market of what is in no row.
	MarketOther = "Other"
	// callingCodeNANP is the calling code that many countries share and of
	// which only Canada and the United States are one market.
	callingCodeNANP = "1"
)

// Limits of a table of markets.
const (
	// MaxMarketsBytes bounds the file, so that one event holds it: 128 KiB.
	MaxMarketsBytes = 128 << 10
	// MaxPrefixDigits bounds a calling code prefix.
	MaxPrefixDigits = 7
)

//go:embed data/markets.csv
var shipped string

// Markets maps calling codes and countries to the markets of Meta's rate
// cards, each from a date on. It is immutable and safe for concurrent use.
type Markets struct {
	prefixes  map[uint32][]marketRow // by prefixKey, newest first
	countries map[string][]marketRow // by ISO code, newest first
	longest   int                    // digits of the longest prefix
	rows      []MarketRow
}

// MarketRow is one line of the table.
type MarketRow struct {
	// Prefix is the leading digits of the numbers.
	Prefix string `json:"prefix"`
	// Country is an ISO 3166 code in capitals.
	Country string `json:"country"`
	// Market is the name on the rate cards.
	Market string `json:"market"`
	// Effective is the day from whose 00:00 UTC the row is in force.
	Effective time.Time `json:"effective"`
}

// marketRow is a row prepared for look-ups.
type marketRow struct {
	from            int64 // Unix seconds
	market, country string
	shared          bool // the prefix is callingCodeNANP itself
}

// DefaultMarkets returns the table that is shipped.
func DefaultMarkets() *Markets {
	m, err := ParseMarkets("markets.csv", []byte(shipped))
	if err != nil {
		panic("rating: the shipped table of markets: " + err.Error())
	}
	return m
}

// marketsHeader are the columns of the table, all required.
var marketsHeader = []string{"calling_code_prefix", "country", "market", "effective_from"}

// ParseMarkets reads a table of markets: the columns calling_code_prefix,
// country, market, effective_from in any order. It is taken whole or not at
// all: a *FileError names file, line and field of what is wrong. data is at
// most MaxMarketsBytes.
func ParseMarkets(name string, data []byte) (*Markets, error) {
	errs := FileError{File: filepath.Base(name)}
	records := readCSV(data, MaxMarketsBytes, &errs)
	if len(errs.Problems) == 0 {
		m := parseMarkets(records, &errs)
		if len(errs.Problems) == 0 {
			return m, nil
		}
	}
	return nil, &errs
}

func parseMarkets(records []record, errs *FileError) *Markets {
	columns, ok := marketColumns(records[0], errs)
	if !ok {
		return nil
	}
	m := &Markets{prefixes: map[uint32][]marketRow{}, countries: map[string][]marketRow{}}
	lines := map[string]int{}
	for _, r := range records[1:] {
		if len(r.fields) != len(marketsHeader) {
			errs.add(r.line(), "", "it has %d fields, the header has %d", len(r.fields), len(marketsHeader))
			continue
		}
		row, ok := parseMarketRow(r, columns, errs)
		if !ok {
			continue
		}
		day := row.Effective.Format(time.DateOnly)
		if first, twice := lines[row.Prefix+" "+day]; twice {
			errs.add(r.line(), "calling_code_prefix", "%s from %s is in line %d already; remove one", row.Prefix, day, first)
			continue
		}
		lines[row.Prefix+" "+day] = r.line()
		if same := m.sameDay(row); same != "" && same != row.Market {
			errs.add(r.line(), "market", "%s is %s from %s, but %s in another line; a country has one market at a time", row.Country, row.Market, day, same)
			continue
		}
		m.add(row)
	}
	if len(m.rows) == 0 && len(errs.Problems) == 0 {
		errs.add(0, "", "it has no row after the header")
	}
	return m
}

// marketColumns finds the columns by name.
func marketColumns(header record, errs *FileError) (columns [4]int, ok bool) {
	for i, want := range marketsHeader {
		columns[i] = slices.Index(header.fields, want)
		if columns[i] < 0 {
			errs.add(header.line(), "header", "column %s is missing; the header is %s", want, strings.Join(marketsHeader, ","))
		}
	}
	for i, name := range header.fields {
		if !slices.Contains(marketsHeader, name) || slices.Index(header.fields, name) != i {
			errs.add(header.line(), "header", "column %.40q is unknown or there twice; the header is %s", name, strings.Join(marketsHeader, ","))
		}
	}
	return columns, len(errs.Problems) == 0
}

func parseMarketRow(r record, columns [4]int, errs *FileError) (MarketRow, bool) {
	row := MarketRow{Prefix: r.fields[columns[0]], Country: r.fields[columns[1]], Market: r.fields[columns[2]]}
	problems := len(errs.Problems) + errs.More
	if n := len(row.Prefix); n < 1 || n > MaxPrefixDigits || strings.Trim(row.Prefix, "0123456789") != "" || row.Prefix[0] == '0' {
		errs.add(r.lines[columns[0]], marketsHeader[0], "%.40q is not a prefix of 1 to %d digits that starts with a calling code", row.Prefix, MaxPrefixDigits)
	}
	if len(row.Country) != 2 || strings.Trim(row.Country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		errs.add(r.lines[columns[1]], marketsHeader[1], "%.40q is not a country; write its ISO 3166 code in two capitals, like BR", row.Country)
	}
	errs.checkName(row.Market, r.lines[columns[2]], marketsHeader[2])
	var err error
	row.Effective, err = time.Parse(time.DateOnly, r.fields[columns[3]])
	if y := row.Effective.Year(); err != nil || y < MinYear || y > MaxYear {
		errs.add(r.lines[columns[3]], marketsHeader[3], "%.40q is not a date between %d and %d; write it like 2026-10-01", r.fields[columns[3]], MinYear, MaxYear)
	}
	return row, len(errs.Problems)+errs.More == problems
}

// sameDay returns the market that the country has from the same day on.
func (m *Markets) sameDay(row MarketRow) string {
	for _, r := range m.countries[row.Country] {
		if r.from == row.Effective.Unix() {
			return r.market
		}
	}
	return ""
}

func (m *Markets) add(row MarketRow) {
	newest := func(list []marketRow, r marketRow) []marketRow {
		i, _ := slices.BinarySearchFunc(list, r.from, func(have marketRow, from int64) int { return cmp.Compare(from, have.from) })
		return slices.Insert(list, i, r)
	}
	r := marketRow{from: row.Effective.Unix(), market: row.Market, country: row.Country, shared: row.Prefix == callingCodeNANP}
	key := prefixKey(row.Prefix)
	m.prefixes[key] = newest(m.prefixes[key], r)
	m.countries[row.Country] = newest(m.countries[row.Country], r)
	m.longest = max(m.longest, len(row.Prefix))
	m.rows = append(m.rows, row)
}

// prefixKey packs digits so that their number counts too: 1 is not 01.
func prefixKey(digits string) uint32 {
	key := uint32(1)
	for i := range len(digits) {
		key = key*10 + uint32(digits[i]-'0')
	}
	return key
}

// Rows returns the table in the order of the file.
func (m *Markets) Rows() []MarketRow { return slices.Clone(m.rows) }

// inForce returns the newest row in force; nil where there is none.
func inForce(rows []marketRow, at int64) *marketRow {
	for i := range rows {
		if rows[i].from <= at {
			return &rows[i]
		}
	}
	return nil
}

// ByCountry returns the market of a country, by ISO code in capitals, at an
// instant: the newest row in force, MarketOther where there is none. Canada
// shares the row of the United States where it has none of its own.
func (m *Markets) ByCountry(iso2 string, at time.Time) string {
	rows := m.countries[iso2]
	if rows == nil && iso2 == "CA" {
		rows = m.countries["US"]
	}
	if r := inForce(rows, at.Unix()); r != nil {
		return r.market
	}
	return MarketOther
}

// ByNumber returns market and country of a number, given as digits without
// plus, at an instant: the longest prefix whose newest row is in force,
// MarketOther where there is none. Under the shared calling code 1 only
// Canada and the United States are in the row's market; hint is the country
// by a phone-number library, "" where it is not known, and is asked for
// nothing else.
func (m *Markets) ByNumber(digits, hint string, at time.Time) (market, country string) {
	var keys [MaxPrefixDigits + 1]uint32
	n := min(len(digits), m.longest)
	keys[0] = 1
	for i := range n {
		c := digits[i] - '0'
		if c > 9 {
			return MarketOther, hint
		}
		keys[i+1] = keys[i]*10 + uint32(c)
	}
	unix := at.Unix()
	for ; n > 0; n-- {
		r := inForce(m.prefixes[keys[n]], unix)
		switch {
		case r == nil:
		case !r.shared:
			return r.market, r.country
		case hint == "US" || hint == "CA":
			return r.market, hint
		default:
			return MarketOther, hint
		}
	}
	return MarketOther, hint
}
