package usage

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"prepayledger/domain"
)

const csvHeader = "charge_id,partner_id,channel_id,waba_id,recipient,country,market,category,pricing_model,pricing_type,occurred_at,amount,currency"
const csvLine = "c-1,PA-1001,CH-1,W,5511987654321,BR,Brazil,marketing,CBP,regular,2026-10-03T12:34:56.789Z,0.0625,USD"

// readAll reads a source whole and copies its items.
func readAll(name string, r io.Reader) ([]Item, Stats, error) {
	var items []Item
	stats, err := ReadAll(context.Background(), Source{Name: name, R: r}, Options{Workers: 2}, func(b *Batch) error {
		items = append(items, b.Items...)
		return nil
	})
	return items, stats, err
}

// CSV holds the same charges as NDJSON, columns in any order, absent ones
// and empty fields left out.
func TestCSV(t *testing.T) {
	want := soundCharge()
	for _, data := range []string{
		csvHeader + "\n" + csvLine,
		"\ufeff" + csvHeader + "\r\n" + csvLine + "\r\n\r\n",
		`"` + strings.ReplaceAll(csvHeader, ",", `","`) + "\"\n" + `"` + strings.ReplaceAll(csvLine, ",", `","`) + "\"\n",
		"occurred_at,currency,amount,pricing_model,category,market,country,recipient,waba_id,channel_id,partner_id,charge_id\n" +
			"2026-10-03T12:34:56.789Z,USD,0.0625,CBP,marketing,,br,+55 11 98765-4321,W,CH-1,PA-1001,c-1\n",
	} {
		items, stats, err := readAll("u.csv", strings.NewReader(data))
		if err != nil || len(items) != 1 || stats.Malformed != 0 || items[0].Charge != want || items[0].Pos.Line != 2 {
			t.Errorf("%q: %+v, %+v, %v", data, items, stats, err)
		}
	}
	items, _, err := readAll("u.csv", strings.NewReader("charge_id,market,category,pricing_model,occurred_at,amount,currency\n\"a,\"\"b\"\"\",Brazil,marketing,PMP,2026-10-03T00:00:00Z,,\n"))
	if err != nil || len(items) != 1 || items[0].Charge.Priced || items[0].Charge.ChargeID != `a,"b"` || items[0].Charge.Malformed != "" {
		t.Errorf("empty amount, quoted id: %+v, %v", items, err)
	}
}

func TestCSVMalformed(t *testing.T) {
	for _, c := range []struct{ old, new, says string }{
		{"c-1", `"c-1`, "u.csv line 3: a quoted field does not end in its line"},
		{"c-1", `c"1`, "line 3: a quote stands inside a field"},
		{"c-1", `"c"1`, "line 3: a quoted field goes on after its closing quote"},
		{",USD", "", "line 3: it has 12 fields, the header has 13"},
		{",USD", ",USD,", "line 3: it has 14 fields"},
		{"c-1", "", "line 3, field charge_id: it is missing"},
		{"c-1", "c\xff", "line 3: it is not UTF-8"},
		{"c-1", "c\x00", "field charge_id: it has control characters"},
		{"0.0625", "1e5", "line 3, field amount: not an amount"},
		{"0.0625", "-1", "field amount: -1 is negative"},
		{"CBP", "", "field pricing_model: it is missing"},
		{"2026-10-03T12:34:56.789Z", "03.10.2026", "field occurred_at"},
	} {
		data := csvHeader + "\n" + csvLine + "\n" + strings.Replace(csvLine, c.old, c.new, 1) + "\n" + csvLine + "\n"
		items, stats, err := readAll("u.csv", strings.NewReader(data))
		if err != nil || len(items) != 3 || stats.Malformed != 1 || items[2].Charge.Malformed != "" || items[2].Pos.Line != 4 {
			t.Errorf("%q: %+v, %v", c.new, stats, err)
			continue
		}
		if bad := items[1].Charge; !strings.Contains(bad.Malformed, c.says) || bad.Raw == "" {
			t.Errorf("%q: %q", c.new, bad.Malformed)
		}
	}
}

// A wrong header refuses the whole file and names the column.
func TestCSVHeaderRefused(t *testing.T) {
	for _, c := range []struct{ header, says string }{
		{"", "u.csv line 1, header, column \"\": it is not a field"},
		{strings.Replace(csvHeader, "charge_id", "chargeid", 1), "u.csv line 1, header, column \"chargeid\": it is not a field of a charge; the fields are charge_id,"},
		{csvHeader + ",charge_id", "column charge_id: it is there twice"},
		{csvHeader + ",", "column \"\": it is not a field"},
		{strings.Replace(csvHeader, "charge_id,", "", 1), "column charge_id: it is missing; every charge needs it"},
		{strings.Replace(csvHeader, "category,", "", 1), "column category: it is missing"},
		{strings.Replace(csvHeader, "pricing_model,", "", 1), "column pricing_model: it is missing"},
		{strings.Replace(csvHeader, "occurred_at,", "", 1), "column occurred_at: it is missing"},
		{strings.Replace(csvHeader, ",currency", "", 1), "column currency: it is missing; an amount needs its currency"},
		{"charge_id,category,pricing_model,occurred_at", "none of market, country and recipient"},
		{strings.ReplaceAll(csvHeader, ",", ";"), "is not a field"},
		{csvLine, "is not a field"},
		{`"charge_id`, "a quoted field does not end"},
		{"charge_id\xff", "it is not UTF-8"},
		{strings.Repeat("charge_id,", 2*BlockBytes/10), "it has no end"},
	} {
		data := c.header
		if len(data) < BlockBytes {
			data += "\n" + csvLine + "\n"
		}
		items, stats, err := readAll("u.csv", strings.NewReader(data))
		var header *HeaderError
		if !errors.As(err, &header) || !strings.Contains(err.Error(), c.says) || len(items) != 0 || stats != (Stats{}) {
			t.Errorf("%.60q: %+v, %v", c.header, stats, err)
		}
	}
	items, _, err := readAll("u.csv", strings.NewReader(csvHeader))
	if err != nil || len(items) != 0 {
		t.Errorf("a header alone: %v, %v", items, err)
	}
}

// splitCSV agrees with encoding/csv on single lines.
func FuzzSplitCSV(f *testing.F) {
	for _, line := range []string{"", ",", "a,b", `"a","b"`, `"a""b",c`, `a"b`, `"a"b`, `"a`, `"a,`, `""`, `"",""`, `a,"`, csvLine} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\r\n") || line == "" {
			return
		}
		want, err := csv.NewReader(strings.NewReader(line)).Read()
		got, problem := splitCSV(nil, line)
		if (err == nil) != (problem == "") || err == nil && !slices.Equal(got, want) {
			t.Fatalf("%q = %q, %q; encoding/csv says %q, %v", line, got, problem, want, err)
		}
	})
}

// The format is told by the name, else by the first line.
func TestIsCSV(t *testing.T) {
	for _, c := range []struct {
		name, first string
		want        bool
	}{
		{"a.csv", "{}", true}, {"a.CSV.gz", "{}", true}, {"a.ndjson", csvHeader, false}, {"a.jsonl.gz", csvHeader, false}, {"a.json", csvHeader, false},
		{"-", csvHeader, true}, {"-", sound, false}, {"-", "  " + sound, false}, {"-", "garbage", false}, {"export.txt", `"charge_id","x"`, true}, {"-", "", false},
	} {
		if got := isCSV(c.name, []byte(c.first)); got != c.want {
			t.Errorf("%s, %.20q: %v", c.name, c.first, got)
		}
	}
	items, _, err := readAll("-", bytes.NewReader([]byte(csvHeader+"\n"+csvLine)))
	if err != nil || len(items) != 1 || items[0].Charge.Model != domain.CBP {
		t.Errorf("CSV from stdin: %+v, %v", items, err)
	}
}
