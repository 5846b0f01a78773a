package usage

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

const sound = `{"charge_id":"c-1","partner_id":"PA-1001","channel_id":"CH-1","waba_id":"W","recipient":"5511987654321","country":"BR","market":"Brazil","category":"marketing","pricing_model":"CBP","pricing_type":"regular","occurred_at":"2026-10-03T12:34:56.789Z","amount":"0.0625","currency":"USD"}`

func soundCharge() domain.Charge {
	return domain.Charge{
		ChargeID: "c-1", PartnerID: "PA-1001", ChannelID: "CH-1", WABAID: "W", RecipientPrefix: "5511987", Country: "BR", Market: "Brazil",
		Category: "marketing", Model: domain.CBP, PricingType: "regular", OccurredAt: time.Date(2026, 10, 3, 12, 34, 56, 789e6, time.UTC),
		Priced: true, Amount: money.MustParse("0.0625"), Currency: "USD",
	}
}

// decode reads data as NDJSON on both paths, which must agree.
func decode(t testing.TB, data string) Batch {
	t.Helper()
	return newBoth().decode(t, data)
}

// both decodes on both paths.
type both struct{ fast, strict *Decoder }

func newBoth() both {
	b := both{fast: NewDecoder(Options{}), strict: NewDecoder(Options{})}
	b.strict.strictOnly = true
	return b
}

func (d both) decode(t testing.TB, data string) Batch {
	t.Helper()
	var fast, strict Batch
	block := &Block{File: "u.ndjson", FirstLine: 1, Data: []byte(data)}
	d.fast.DecodeBlock(block, &fast)
	d.strict.DecodeBlock(block, &strict)
	if !reflect.DeepEqual(fast, strict) {
		t.Fatalf("the paths differ for %q:\n fast   %+v\n strict %+v", data, fast, strict)
	}
	return fast
}

// edit replaces in the sound line.
func edit(old, new string) string {
	if !strings.Contains(sound, old) {
		panic(old)
	}
	return strings.Replace(sound, old, new, 1)
}

func without(fields ...string) string {
	m := map[string]any{}
	if err := json.Unmarshal([]byte(sound), &m); err != nil {
		panic(err)
	}
	for _, f := range fields {
		delete(m, f)
	}
	b, _ := json.Marshal(m)
	return string(b)
}

func TestSoundCharges(t *testing.T) {
	change := func(f func(*domain.Charge)) domain.Charge {
		c := soundCharge()
		f(&c)
		return c
	}
	for _, c := range []struct {
		line string
		want domain.Charge
	}{
		{sound, soundCharge()},
		{" " + strings.ReplaceAll(strings.ReplaceAll(sound, ":\"", " : \""), ",", " , ") + "  \r", soundCharge()},
		{"\t" + sound, soundCharge()},
		{without(), soundCharge()}, // sorted keys
		{edit("c-1", `c-\u0031`), soundCharge()},
		{edit("c-1", "ç-é"), change(func(c *domain.Charge) { c.ChargeID = "ç-é" })},
		{edit(`"0.0625"`, `0.0625`), soundCharge()},
		{edit(`"0.0625"`, ` 0.06250 `), soundCharge()},
		{edit(`"0.0625"`, `0`), change(func(c *domain.Charge) { c.Amount = money.Zero() })},
		{edit(`"0.0625"`, `"-0"`), change(func(c *domain.Charge) { c.Amount = money.Zero() })},
		{edit(`"0.0625"`, `0.100000000000000000`), change(func(c *domain.Charge) { c.Amount = money.MustParse("0.100000000000000000") })},
		{without("amount"), change(func(c *domain.Charge) { c.Priced, c.Amount = false, money.Zero() })},
		{without("amount", "currency"), change(func(c *domain.Charge) { c.Priced, c.Amount, c.Currency = false, money.Zero(), "" })},
		{edit(`"amount":"0.0625","currency":"USD"`, `"amount":null,"currency":null`), change(func(c *domain.Charge) { c.Priced, c.Amount, c.Currency = false, money.Zero(), "" })},
		{without("partner_id", "channel_id", "waba_id"), change(func(c *domain.Charge) { c.PartnerID, c.ChannelID, c.WABAID = "", "", "" })},
		{without("pricing_type"), soundCharge()},
		{edit(`"regular"`, `""`), soundCharge()},
		{edit(`"regular"`, `null`), soundCharge()},
		{edit(`"regular"`, `"free_entry_point"`), change(func(c *domain.Charge) { c.PricingType = "free_entry_point" })},
		{edit(`"CBP"`, `"PMP"`), change(func(c *domain.Charge) { c.Model = domain.PMP })},
		{edit(`"marketing"`, `"authentication-international"`), change(func(c *domain.Charge) { c.Category = "authentication-international" })},
		{edit(`"BR"`, `"br"`), soundCharge()},
		{edit("12:34:56.789Z", "14:34:56.789+02:00"), soundCharge()},
		{edit("12:34:56.789Z", "12:34:56.789000000Z"), soundCharge()},
		{edit("56.789Z", "56Z"), change(func(c *domain.Charge) { c.OccurredAt = c.OccurredAt.Truncate(time.Second) })},
		{edit("5511987654321", "+55 (11) 98765-4321"), soundCharge()},
		// The market: as given, else by country, else by number.
		{without("market"), soundCharge()},
		{without("market", "country"), soundCharge()},
		{without("country"), soundCharge()},
		{without("recipient"), change(func(c *domain.Charge) { c.RecipientPrefix = "" })},
		{without("recipient", "country"), change(func(c *domain.Charge) { c.RecipientPrefix, c.Country = "", "" })},
		{edit(`"Brazil"`, `"Narnia"`), change(func(c *domain.Charge) { c.Market = "Narnia" })},
		{edit(`"country":"BR","market":"Brazil"`, `"country":"IN"`), change(func(c *domain.Charge) { c.Country, c.Market = "IN", "India" })},
		{edit(`"country":"BR","market":"Brazil"`, `"country":"FJ"`), change(func(c *domain.Charge) { c.Country, c.Market = "FJ", "Other" })},
		{edit(`"country":"BR","market":"Brazil"`, `"country":"CA"`), change(func(c *domain.Charge) { c.Country, c.Market = "CA", "North America" })},
	} {
		b := decode(t, c.line)
		if len(b.Items) != 1 || b.Stats != (Stats{Lines: 1, Charges: 1}) {
			t.Errorf("%s: %+v", c.line, b)
			continue
		}
		it := b.Items[0]
		if same := it.Charge.Amount.Equal(c.want.Amount); !same {
			t.Errorf("%s: amount %s, want %s", c.line, it.Charge.Amount, c.want.Amount)
		}
		it.Charge.Amount, c.want.Amount = money.Zero(), money.Zero()
		if it.Charge != c.want || it.Pos != (Position{"u.ndjson", 1}) || it.PhoneNumberID != "" {
			t.Errorf("%s:\n got  %+v\n want %+v", c.line, it, c.want)
		}
	}
}

// Market and country by number, with the phone library for what is shared.
func TestMarketOfRecipient(t *testing.T) {
	for _, c := range []struct{ number, at, market, country string }{
		{"16505551234", "2026-10-01", "North America", "US"},
		{"16045551234", "2026-10-01", "North America", "CA"},
		{"12425551234", "2026-10-01", "Other", "BS"},
		{"18095551234", "2026-10-01", "Rest of Latin America", "DO"},
		{"15551234567", "2026-10-01", "Other", ""},
		{"1650555123", "2026-10-01", "Other", ""},
		{"77012345678", "2026-10-01", "Kazakhstan", "KZ"},
		{"77012345678", "2026-09-30", "Russia", "KZ"},
		{"79161234567", "2026-10-01", "Russia", "RU"},
		{"212612345678", "2026-09-30", "Rest of Africa", "MA"},
		{"212612345678", "2026-10-01", "Morocco", "MA"},
		{"6791234567", "2026-10-01", "Other", ""},
	} {
		line := strings.NewReplacer("5511987654321", c.number, "2026-10-03", c.at, `"country":"BR","market":"Brazil",`, "").Replace(sound)
		b := decode(t, line+"\n"+line)
		for _, it := range b.Items {
			if it.Charge.Malformed != "" || it.Charge.Market != c.market || it.Charge.Country != c.country {
				t.Errorf("%+v: %+v", c, it.Charge)
			}
		}
	}
}

// R10: what can't be read is delivered with what could be read, and a
// sentence that names file, line and field.
func TestMalformed(t *testing.T) {
	long := strings.Repeat("x", domain.MaxIDBytes+1)
	for _, c := range []struct {
		line, says string
		unread     []string // ids that could not be read
	}{
		{line: `not json`, says: "u.ndjson line 2: it is not JSON", unread: []string{"charge_id", "partner_id", "channel_id"}},
		{line: `[` + sound + `]`, says: "line 2: it is not a JSON object", unread: []string{"charge_id", "partner_id", "channel_id"}},
		{line: `"x"`, says: "it is not a JSON object", unread: []string{"charge_id", "partner_id", "channel_id"}},
		{line: `null`, says: "it is not a JSON object", unread: []string{"charge_id", "partner_id", "channel_id"}},
		{line: `{}`, says: "line 2, field charge_id: it is missing", unread: []string{"charge_id", "partner_id", "channel_id"}},
		{line: sound + sound, says: "it is not JSON"},
		{line: sound + "x", says: "it is not JSON"},
		{line: sound[:len(sound)-1], says: "it is not JSON: unexpected end"},
		{line: sound[:len(sound)-5], says: "it is not JSON: unexpected end"},
		{line: edit(`"USD"}`, `"USD",}`), says: "it is not JSON"},
		{line: edit(`"USD"}`, `"USD" "x"}`), says: "it is not JSON"},
		{line: edit(`"CH-1",`, `"CH-1"`), says: "it is not JSON", unread: []string{}},
		{line: edit("c-1", "c\x01"), says: "it is not JSON", unread: []string{"charge_id", "partner_id", "channel_id"}},
		{line: edit("Brazil", "Bra\xffzil"), says: "line 2: it is not UTF-8"},
		{line: edit("c-1", ""), says: "line 2, field charge_id: it is missing", unread: []string{"charge_id"}},
		{line: without("charge_id"), says: "field charge_id: it is missing", unread: []string{"charge_id"}},
		{line: edit("c-1", long), says: "field charge_id: it is 257 bytes long, at most 256", unread: []string{"charge_id"}},
		{line: edit("c-1", `c\u0000`), says: "field charge_id: it has control characters", unread: []string{"charge_id"}},
		{line: edit("c-1", `c\ud800`), says: "field charge_id: it has control characters or is not UTF-8", unread: []string{"charge_id"}},
		{line: edit(`"c-1"`, `7`), says: "field charge_id: it is a number; write it as a string", unread: []string{"charge_id"}},
		{line: edit(`"c-1"`, `true`), says: "field charge_id: it is neither a string nor left out", unread: []string{"charge_id"}},
		{line: edit(`"PA-1001"`, `{"a":[{}]}`), says: "field partner_id: it is neither a string", unread: []string{"partner_id"}},
		{line: edit(`"CH-1"`, `[1,[2]]`), says: "field channel_id: it is neither a string", unread: []string{"channel_id"}},
		{line: edit("PA-1001", long), says: "field partner_id: it is 257 bytes", unread: []string{"partner_id"}},
		{line: edit(`"waba_id"`, `"charge_id"`), says: "field charge_id: it is there twice"},
		{line: edit(`"waba_id"`, `"wabaid"`), says: "field wabaid: it is not a field of a charge; the fields are charge_id, partner_id"},
		{line: edit(`"amount"`, `"ammount"`), says: "field ammount: it is not a field"},
		{line: edit(`"amount"`, `"Amount"`), says: "field Amount: it is not a field"},
		{line: edit(`"amount":"0.0625"`, `"object":"page"`), says: "field object: it is not a field"},
		{line: without("category"), says: "field category: it is missing"},
		{line: edit(`"marketing"`, `""`), says: "field category: it is missing"},
		{line: without("pricing_model"), says: "field pricing_model: it is missing; write PMP or CBP"},
		{line: edit("CBP", "cbp"), says: "field pricing_model: \"cbp\" is not a pricing model"},
		{line: edit(`"regular"`, `"REGULAR"`), says: "field pricing_type: \"REGULAR\" is not a pricing type"},
		{line: without("occurred_at"), says: "field occurred_at: it is missing"},
		{line: edit("2026-10-03T12", "2026-02-30T12"), says: "field occurred_at: \"2026-02-30T12:34:56.789Z\" is not a time"},
		{line: edit("2026-10-03T", "2026-10-03 "), says: "is not a time; write it like 2026-10-03T12:34:56Z"},
		{line: edit("789Z", "789"), says: "is not a time"},
		{line: edit(".789Z", ",789Z"), says: "is not a time"},
		{line: edit("12:34:56.789Z", "24:00:00Z"), says: "is not a time"},
		{line: edit("2026-10-03T12:34:56.789Z", "1793534473"), says: "is not a time"},
		{line: edit("2026-", "1999-"), says: "field occurred_at: 1999-10-03T12:34:56Z is not between 2000 and 2100"},
		{line: edit("2026-", "2101-"), says: "is not between 2000 and 2100"},
		{line: without("market", "country", "recipient"), says: "none of market, country and recipient is there"},
		{line: edit("5511987654321", "x"), says: "field recipient: not an international number"},
		{line: edit("5511987654321", "0511987654321"), says: "starts with 0"},
		{line: edit(`"BR"`, `"BRA"`), says: "field country: \"BRA\" is not a country"},
		{line: edit(`"BR"`, `"B1"`), says: "field country: \"B1\" is not a country"},
		{line: edit(`"0.0625"`, `""`), says: "field amount: not an amount"},
		{line: edit(`"0.0625"`, `"0,0625"`), says: "field amount: not an amount"},
		{line: edit(`"0.0625"`, `"-0.0625"`), says: "field amount: -0.0625 is negative"},
		{line: edit(`"0.0625"`, `-0.0625`), says: "field amount: -0.0625 is negative"},
		{line: edit(`"0.0625"`, `1e-3`), says: "field amount: not an amount: \"1e-3\""},
		{line: edit(`"0.0625"`, `1E999999`), says: "field amount: not an amount"},
		{line: edit(`"0.0625"`, `"NaN"`), says: "field amount: not an amount"},
		{line: edit(`"0.0625"`, `0.0000000000000000001`), says: "field amount: not an amount"},
		{line: edit(`"0.0625"`, `1234567890123456`), says: "field amount: not an amount"},
		{line: edit(`"0.0625"`, `00.5`), says: "it is not JSON"},
		{line: edit(`"0.0625"`, `.5`), says: "it is not JSON"},
		{line: edit(`"0.0625"`, `5.`), says: "it is not JSON"},
		{line: edit(`"0.0625"`, `+5`), says: "it is not JSON"},
		{line: edit(`"0.0625"`, `true`), says: "field amount: it is neither"},
		{line: without("currency"), says: "field currency: it is missing; an amount needs its currency"},
		{line: edit("USD", "usd"), says: "field currency: \"usd\" is not a currency"},
		{line: edit("USD", "XXX"), says: "field currency: \"XXX\" is not a currency"},
		{line: edit("USD", strings.Repeat("U", 300)), says: "field currency"},
	} {
		b := decode(t, sound+"\n"+c.line+"\n"+sound)
		if len(b.Items) != 3 || b.Stats != (Stats{Lines: 3, Charges: 3, Malformed: 1}) || b.Items[0].Charge.Malformed != "" || b.Items[2].Charge.Malformed != "" {
			t.Errorf("%.500q: %d items, %+v", c.line, len(b.Items), b.Stats)
			continue
		}
		bad := b.Items[1].Charge
		if !strings.Contains(bad.Malformed, c.says) || !strings.HasPrefix(bad.Malformed, "u.ndjson line 2") {
			t.Errorf("%.200q:\n says %q\n want %q", c.line, bad.Malformed, c.says)
		}
		if want := strings.ToValidUTF8(c.line, "\uFFFD"); bad.Raw != want[:min(len(want), domain.MaxRawBytes)] {
			t.Errorf("%.200q: raw is %.100q", c.line, bad.Raw)
		}
		for name, id := range map[string]string{"charge_id": bad.ChargeID, "partner_id": bad.PartnerID, "channel_id": bad.ChannelID} {
			want := map[string]string{"charge_id": "c-1", "partner_id": "PA-1001", "channel_id": "CH-1"}[name]
			if strings.Contains(fmt.Sprint(c.unread), name) {
				want = ""
			}
			if id != want {
				t.Errorf("%.200q: %s is %q, want %q", c.line, name, id, want)
			}
		}
	}
}

func TestRawIsCut(t *testing.T) {
	b := decode(t, edit("c-1", strings.Repeat("é", domain.MaxRawBytes)))
	if raw := b.Items[0].Charge.Raw; len(raw) > domain.MaxRawBytes || !strings.HasPrefix(raw, `{"charge_id":"é`) || strings.Contains(raw, "\x00") {
		t.Errorf("raw has %d bytes", len(raw))
	}
	b = decode(t, strings.Repeat("\xff", domain.MaxRawBytes))
	if raw := b.Items[0].Charge.Raw; len(raw) > domain.MaxRawBytes || !strings.HasPrefix(raw, "\uFFFD") {
		t.Errorf("raw has %d bytes: %.20q", len(raw), raw)
	}
}

func TestBlankLinesAreNothing(t *testing.T) {
	b := decode(t, "\n  \r\n"+sound+"\n\t\n")
	if len(b.Items) != 1 || b.Items[0].Pos.Line != 3 || b.Stats.Lines != 4 || b.FirstLine != 1 || b.LastLine != 4 {
		t.Errorf("%+v", b)
	}
	if b := decode(t, ""); len(b.Items) != 0 || b.Stats != (Stats{}) || b.LastLine != 0 {
		t.Errorf("an empty block: %+v", b)
	}
}

// A batch is reused: nothing of the block before may shine through.
func TestBatchIsReused(t *testing.T) {
	d, b := NewDecoder(Options{}), Batch{}
	d.DecodeBlock(&Block{File: "a", FirstLine: 1, Data: []byte(sound + "\n" + hook(delivered) + "\nx")}, &b)
	d.DecodeBlock(&Block{File: "b", FirstLine: 5, Data: []byte(without("amount", "currency", "recipient"))}, &b)
	want := decode(t, without("amount", "currency", "recipient")).Items[0]
	want.Pos = Position{"b", 5}
	if len(b.Items) != 1 || !reflect.DeepEqual(b.Items[0], want) {
		t.Errorf("%+v", b.Items)
	}
}

func TestParseTime(t *testing.T) {
	for _, s := range []string{
		"2026-10-03T12:34:56Z", "2026-10-03T12:34:56.1Z", "2026-10-03T12:34:56.123456789Z", "2026-10-03T12:34:56.1234567891Z",
		"2024-02-29T00:00:00Z", "2026-12-31T23:59:59.999999999Z", "2026-10-03T23:59:59+00:00", "2026-10-03T23:59:59-23:59", "2026-10-03T23:59:59.5+05:30",
		"0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
	} {
		want, err := time.Parse(time.RFC3339Nano, s)
		if got, ok := parseTime(s); err != nil || !ok || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%q = %s, %v; want %s, %v", s, got, ok, want, err)
		}
	}
	for _, s := range []string{
		"2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
		"2026-10-03T24:00:00Z", "2026-10-03T23:60:00Z", "2026-10-03T23:59:60Z", "2026-10-03T23:59:59.Z", "2026-10-03T23:59:59.x9Z",
		"2026-10-03T23:59:59,5Z", "2026-10-03t23:59:59z", "2026-10-03T23:59:59+24:00", "2026-10-03T23:59:59+05:60", "2026-10-03T23:59:59+5:30",
		"2026-10-03T1:34:56Z", "+026-10-03T12:34:56Z", "2026-10-03T12:34:56", "2026-10-03", "", "Z", "2026-10-03 12:34:56Z", "2026-10-03T12:34:56.5",
	} {
		if got, ok := parseTime(s); ok {
			t.Errorf("%q is taken as %s", s, got)
		}
	}
}

// Both ways of reading a time agree, for any instant.
func TestParseTimeAgainstStandardLibrary(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 5000 {
		want := time.Unix(rng.Int64N(4e9), rng.Int64N(1e9)).UTC()
		if rng.IntN(2) == 0 {
			want = want.Truncate(time.Millisecond)
		}
		s := want.Format(time.RFC3339Nano)
		if got, ok := parseZulu(s); !ok || !got.Equal(want) {
			t.Fatalf("%s = %s, %v", s, got, ok)
		}
	}
}

// The paths agree on sound lines with a few bytes changed, lost or doubled.
func TestPathsAgreeOnDamage(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	paths := newBoth()
	const marks = `"\{}[],: 0.-eEn` + "\t\x7f\xc3\xa9"
	for range 10_000 {
		line := []byte([]string{sound, edit(`"0.0625"`, "0.0625"), edit(`"BR"`, "null")}[rng.IntN(3)])
		for range 1 + rng.IntN(4) {
			i := rng.IntN(len(line))
			switch rng.IntN(4) {
			case 0:
				line[i] = byte(rng.IntN(256))
			case 1:
				line[i] = marks[rng.IntN(len(marks))]
			case 2:
				line = slices.Delete(line, i, i+1)
			case 3:
				line = slices.Insert(line, i, marks[rng.IntN(len(marks))])
			}
		}
		paths.decode(t, string(line))
	}
}

// The paths agree on any line; decode fails the test where they don't.
func FuzzPathsAgree(f *testing.F) {
	for _, line := range []string{
		sound, without("amount"), edit(`"0.0625"`, "0.5"), edit("c-1", `\u0041`), edit(`"regular"`, "null"), `{}`, `{"a":1}`, "[]", "x", sound + "\r\n" + sound,
		edit(`"0.0625"`, "1e5"), edit(`"0.0625"`, "00"), edit("c-1", "\x7f"), strings.ReplaceAll(sound, ":", " :\t"), `{"charge_id":"a","charge_id":"b"}`,
	} {
		f.Add([]byte(line))
	}
	paths := newBoth()
	f.Fuzz(func(t *testing.T, line []byte) {
		if strings.Contains(strings.ToLower(string(line)), "entry") {
			return // a webhook's repeated keys are encoding/json's own affair
		}
		b := paths.decode(t, string(line))
		for i := range b.Items {
			c := &b.Items[i].Charge
			if c.Malformed != "" {
				if c.Raw == "" || len(c.Raw) > domain.MaxRawBytes {
					t.Fatalf("malformed without raw: %+v", c)
				}
				continue
			}
			if c.ChargeID == "" || c.Category == "" || c.Market == "" || c.Model == "" || c.PricingType == "" || c.OccurredAt.IsZero() || c.Amount.Sign() < 0 || c.Priced && c.Currency == "" {
				t.Fatalf("an incomplete charge passed: %+v", c)
			}
		}
	})
}
