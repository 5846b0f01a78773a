package metainvoice

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"prepayledger/domain/reconciliation"
)

// TestAnyLayoutReadsBack: lines written in a layout of chance, as text or as
// a workbook, read through its mapping as the normalised CSV of them reads.
func TestAnyLayoutReadsBack(t *testing.T) {
	const layouts = 400
	seed := uint64(time.Now().UnixNano())
	for n := range uint64(layouts) {
		l := &anyLayout{rng: rand.New(rand.NewPCG(seed, n))}
		l.choose()
		want, err := Parse("n.csv", strings.NewReader(l.normalised()), nil)
		if err != nil {
			t.Fatalf("seed %d/%d: %v", seed, n, err)
		}
		m, err := ParseMapping("m.toml", strings.NewReader(l.mapping()))
		if err != nil {
			t.Fatalf("seed %d/%d: %v\n%s", seed, n, err, l.mapping())
		}
		got, err := Read("r", bytes.NewReader(l.report(t)), Options{Mapping: m})
		if err != nil {
			t.Fatalf("seed %d/%d: %v\n%s", seed, n, err, l.mapping())
		}
		if g, w := contents(got), contents(want); !slices.Equal(g, w) {
			t.Fatalf("seed %d/%d: %q\nwant %q\n%s", seed, n, g, w, l.mapping())
		}
		if a, b := reconciliation.LinesSHA256(got.Invoices[0].Lines), reconciliation.LinesSHA256(want.Invoices[0].Lines); a != b {
			t.Fatalf("seed %d/%d: hashes differ", seed, n)
		}
	}
}

// anyLayout is a layout of chance with lines.
type anyLayout struct {
	rng   *rand.Rand
	lines [][fields]string

	book, noHeader             bool
	delimiter, encoding        string
	decimal, thousands         string
	negative, date             string
	preamble, footer           int
	contains, endsWith, checks bool
	currency                   string
	// order are the columns: a field, or -1 for one that is not mapped.
	order  []int
	byName [fields]bool
	values [fields]map[string]string // by normalised value
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func (l *anyLayout) choose() {
	r := l.rng
	for range 1 + r.IntN(20) {
		l.lines = append(l.lines, l.line())
	}
	l.book, l.noHeader = r.IntN(3) == 0, r.IntN(4) == 0
	l.delimiter, l.encoding = pick(r, ",", ";", "tab", "|", "§"), pick(r, "", "utf-8", "utf-16", "windows-1252", "iso-8859-1")
	l.decimal, l.thousands = pick(r, ".", ","), pick(r, "", "'", " ", ".", ",")
	if l.thousands == l.decimal {
		l.thousands = ""
	}
	l.negative, l.date = pick(r, "", "leading", "trailing", "parentheses"), pick(r, "", "MM.YYYY", "D/M/YYYY", "MMM YYYY", "YYYYMM")
	l.currency = pick(r, "", "", "$", "€ ")
	l.preamble, l.footer = r.IntN(4), r.IntN(3)
	l.contains = r.IntN(2) == 0 && !l.noHeader
	l.endsWith, l.checks = r.IntN(2) == 0, r.IntN(2) == 0
	for f := range int(fields) {
		l.order = append(l.order, f)
		l.byName[f] = r.IntN(2) == 0 && !l.noHeader
	}
	for range r.IntN(4) {
		l.order = append(l.order, -1)
	}
	r.Shuffle(len(l.order), func(i, j int) { l.order[i], l.order[j] = l.order[j], l.order[i] })
	for at := 1; l.order[0] == int(volume) || l.order[0] == int(amount); at++ { // a footer's mark stands there
		l.order[0], l.order[at] = l.order[at], l.order[0]
	}
	for _, f := range [...]field{documentType, category, market} {
		if r.IntN(2) == 0 {
			l.values[f] = map[string]string{"INV": "Rechnung", "CM": "Gut|schrift", "DM": "Nach;belastung", "marketing": "Werbung ü", "Brazil": "BRASIL, neu"}
		}
	}
}

// line is a line as the normalised layout has it.
func (l *anyLayout) line() (v [fields]string) {
	r := l.rng
	v[invoiceID] = "MI-" + strconv.Itoa(r.IntN(3))
	v[documentType] = pick(r, "INV", "CM", "DM")
	v[billingPeriod] = fmt.Sprintf("2026-%02d-01", 1+r.IntN(12))
	v[wabaID] = pick(r, "102290129340398", "W\"1\"", "wü\nrst"[:3], "7")
	v[phoneNumberID] = pick(r, "", "106540352242922")
	v[country], v[market] = pick(r, "BR", "in"), pick(r, "", "Brazil", "Rest of Africa", "Österreich")
	v[category], v[pricingType] = pick(r, "marketing", "utility", "a; b, c"), pick(r, "", "regular", "FREE_ENTRY_POINT")
	v[tier], v[volume] = pick(r, "", "0:MAX"), strconv.Itoa(r.IntN(pick(r, 10, 3_000_000)))
	v[amount] = strconv.Itoa(r.IntN(pick(r, 2, 20_000_000)))
	if r.IntN(3) > 0 {
		v[amount] += fmt.Sprintf(".%0*d", 1+r.IntN(7), r.IntN(10))
	}
	if r.IntN(3) == 0 && v[documentType] != "DM" && strings.Trim(v[amount], "0.") != "" {
		v[amount] = "-" + v[amount]
	}
	v[currency] = "EUR"
	return v
}

func (l *anyLayout) normalised() string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(names())
	for _, v := range l.lines {
		_ = w.Write(v[:])
	}
	w.Flush()
	return b.String()
}

func heading(f int) string { return "Spalte " + strconv.Itoa(f) }

// mapping is the mapping of the layout.
func (l *anyLayout) mapping() string {
	var b strings.Builder
	set := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s = %q\n", key, value)
		}
	}
	set("delimiter", l.delimiter)
	set("encoding", l.encoding)
	set("decimal_mark", l.decimal)
	set("thousands_mark", l.thousands)
	set("negative", l.negative)
	if l.currency != "" {
		fmt.Fprintf(&b, "currency_marks = [\"£\", %q]\n", strings.TrimSpace(l.currency))
	}
	switch {
	case l.contains:
		set("header_contains", heading(l.firstHeading()))
	case l.preamble > 0:
		fmt.Fprintf(&b, "skip_lines = %d\n", l.preamble)
	}
	if l.noHeader {
		b.WriteString("no_header = true\n")
	}
	if l.endsWith {
		b.WriteString("footer.starts_with = [\"Nichts\", \"Summe\"]\n")
		if l.checks {
			b.WriteString("footer.check = [\"volume\", \"amount\"]\n")
		}
	} else if l.footer > 0 {
		fmt.Fprintf(&b, "footer.rows = %d\n", l.footer)
	}
	for f := range int(fields) {
		fmt.Fprintf(&b, "[fields.%s]\n", field(f))
		if l.byName[f] {
			set("column", heading(f))
		} else {
			fmt.Fprintf(&b, "number = %d\n", 1+slices.Index(l.order, f))
		}
		if field(f) == billingPeriod {
			set("date", l.date)
		}
		if l.values[f] != nil {
			b.WriteString("unlisted = \"kept\"\n[fields." + field(f).String() + ".values]\n")
			for value, shown := range l.values[f] {
				fmt.Fprintf(&b, "%q = %q\n", shown, value)
			}
		}
	}
	return b.String()
}

func (l *anyLayout) firstHeading() int {
	return l.order[slices.IndexFunc(l.order, func(f int) bool { return f >= 0 })]
}

// shown is a value as the layout writes it.
func (l *anyLayout) shown(f field, s string) string {
	switch f {
	case volume, amount:
		return l.figure(s)
	case billingPeriod:
		layout, _ := dateLayout(l.date)
		at, _ := time.Parse(time.DateOnly, s)
		return at.Format(layout)
	}
	if v, ok := l.values[f][s]; ok {
		return v
	}
	return s
}

func (l *anyLayout) figure(s string) string {
	s, negative := strings.CutPrefix(s, "-")
	whole, fraction, has := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0 && l.thousands != ""; i -= 3 {
		whole = whole[:i] + l.thousands + whole[i:]
	}
	if has {
		whole += l.decimal + fraction
	}
	if l.currency == "$" {
		whole = "$" + whole
	} else if l.currency != "" && l.encoding != "iso-8859-1" {
		whole += " €"
	}
	switch {
	case negative && l.negative == "trailing":
		return whole + "-"
	case negative && l.negative == "parentheses":
		return "(" + whole + ")"
	case negative:
		return "-" + whole
	}
	return whole
}

// rows are the layout's rows, from the header on.
func (l *anyLayout) rows() (rows [][]string) {
	make := func(of func(f int) string) {
		row := []string{}
		for _, f := range l.order {
			row = append(row, of(f))
		}
		rows = append(rows, row)
	}
	if !l.noHeader {
		make(func(f int) string {
			if f < 0 {
				return "sonst"
			}
			return heading(f)
		})
	}
	for _, v := range l.lines {
		make(func(f int) string {
			if f < 0 {
				return "egal"
			}
			return l.shown(field(f), v[f])
		})
	}
	if l.endsWith {
		rows = append(rows, l.sums())
	}
	for range l.footer {
		// Three filled cells could look like a line.
		rows = append(rows, slices.Repeat([]string{"Ende"}, 1+l.rng.IntN(2)))
	}
	return rows
}

// sums is the footer; its mark stands in the first column that has no sum.
func (l *anyLayout) sums() []string {
	var f footer
	parsed, _ := Parse("n.csv", strings.NewReader(l.normalised()), nil)
	for _, i := range parsed.Invoices {
		for j := range i.Lines {
			f.add(&i.Lines[j])
		}
	}
	row := make([]string, len(l.order))
	row[slices.Index(l.order, int(volume))] = l.figure(strconv.FormatInt(f.count, 10))
	row[slices.Index(l.order, int(amount))] = l.figure(f.amount.String())
	row[0] = "Summe EUR"
	return row
}

// report is the file.
func (l *anyLayout) report(t *testing.T) []byte {
	t.Helper()
	rows := l.rows()
	if l.book {
		return l.workbook(t, rows)
	}
	var b strings.Builder
	for range l.preamble {
		b.WriteString("Vorwort \"\n")
	}
	w := csv.NewWriter(&b)
	w.Comma = (&Mapping{Delimiter: l.delimiter}).delimiter()
	w.UseCRLF = l.rng.IntN(2) == 0
	must(t, w.WriteAll(rows))
	switch l.encoding {
	case "utf-16":
		return []byte(inUTF16(b.String()))
	case "windows-1252":
		s, err := charmap.Windows1252.NewEncoder().String(b.String())
		must(t, err)
		return []byte(s)
	case "iso-8859-1":
		s, err := charmap.ISO8859_1.NewEncoder().String(b.String())
		must(t, err)
		return []byte(s)
	}
	if l.rng.IntN(2) == 0 {
		return []byte(markUTF8 + b.String())
	}
	return []byte(b.String())
}

// workbook writes figures as texts or as numbers, and dates as either.
func (l *anyLayout) workbook(t *testing.T, rows [][]string) []byte {
	t.Helper()
	var cells [][]any
	for range l.preamble {
		cells = append(cells, []any{"Vorwort"})
	}
	for i, row := range rows {
		line := i
		if !l.noHeader {
			line--
		}
		out := []any{}
		for j, s := range row {
			var v any = s
			if line >= 0 && line < len(l.lines) && j < len(l.order) && l.order[j] >= 0 && l.rng.IntN(2) == 0 {
				v = l.typed(field(l.order[j]), line, s)
			}
			out = append(out, v)
		}
		cells = append(cells, out)
	}
	return book(t, map[string][][]any{"S": cells})
}

func (l *anyLayout) typed(f field, line int, s string) any {
	plain := l.lines[line][f]
	switch f {
	case volume:
		n, _ := strconv.Atoi(plain)
		return n
	case amount:
		v, _ := strconv.ParseFloat(plain, 64) // at most 15 digits: it comes back as written
		return v
	case billingPeriod:
		at, _ := time.Parse(time.DateOnly, plain)
		return at
	}
	return s
}
