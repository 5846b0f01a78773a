package codec

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// writeMissing writes the golden files that are not there yet. A file that is
// there is never changed: payloads like it stand in ledgers for ever.
var writeMissing = flag.Bool("write-missing", false, "write golden files of event types and versions that have none")

var (
	timeType   = reflect.TypeFor[time.Time]()
	amountType = reflect.TypeFor[money.Amount]()
)

// leafOf is the value that golden files hold at a path such as
// "AccountOpened.Contract.GraceDays": it tells fields apart, so that two that
// change places are found.
func leafOf(t reflect.Type, path string) reflect.Value {
	h := fnv.New32a()
	h.Write([]byte(path))
	n := int64(h.Sum32()%100_000) + 1
	v := reflect.New(t).Elem()
	switch {
	case t == timeType:
		v.Set(reflect.ValueOf(time.Date(2026, 10, 1, 0, 0, 0, 123_000_000, time.UTC).Add(time.Duration(n) * time.Second)))
	case t == amountType:
		v.Set(reflect.ValueOf(money.FromInt(n).Mul(money.MustParse("0.0001"))))
	case t.Kind() == reflect.String:
		v.SetString(path)
	case t.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(n)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		v.SetBytes([]byte(path))
	default:
		panic("no golden value for " + t.String() + " at " + path)
	}
	return v
}

// walk visits the leaves of a value. With grow it makes what pointers and
// slices lack; optional fields are left alone unless full.
func walk(v reflect.Value, path string, grow, full bool, leaf func(v reflect.Value, path string)) {
	t := v.Type()
	switch {
	case t == timeType || t == amountType || t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		leaf(v, path)
	case t.Kind() == reflect.Pointer:
		if v.IsNil() && grow {
			v.Set(reflect.New(t.Elem()))
		}
		if !v.IsNil() {
			walk(v.Elem(), path, grow, full, leaf)
		}
	case t.Kind() == reflect.Slice:
		if v.Len() == 0 && grow {
			v.Set(reflect.MakeSlice(t, 1, 1))
		}
		if v.Len() == 0 { // its elements' leaves are missing
			leaf(reflect.New(t).Elem(), path)
		}
		for i := range v.Len() {
			walk(v.Index(i), path, grow, full, leaf)
		}
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			tag := f.Tag.Get("json")
			if tag == "-" || !f.IsExported() || !full && strings.Contains(tag, ",omit") {
				continue
			}
			walk(v.Field(i), path+"."+f.Name, grow, full, leaf)
		}
	default:
		leaf(v, path)
	}
}

// sample is an event with every field set, or with those only that are never
// left out.
func sample(r Registration, full bool) domain.Event {
	e := r.New()
	walk(reflect.ValueOf(e), e.EventType(), true, full, func(v reflect.Value, path string) { v.Set(leafOf(v.Type(), path)) })
	return e
}

func registrations() []Registration { return append(accountEvents(), otherEvents()...) }

func goldenFile(name string, version int, which string) string {
	return filepath.Join("testdata", fmt.Sprintf("%s.v%d.%s.json", name, version, which))
}

// Every event type has golden payloads of every version: they are read, they
// are written as they were, and they hold every field.
func TestGolden(t *testing.T) {
	c := New()
	for _, r := range registrations() {
		name := r.New().EventType()
		t.Run(name, func(t *testing.T) {
			if *writeMissing {
				write(t, c, r)
			}
			for version := 1; version <= r.Version; version++ {
				files, err := filepath.Glob(goldenFile(name, version, "*"))
				if err != nil || len(files) == 0 {
					t.Fatalf("version %d has no golden file (%v); run the test with -write-missing", version, err)
				}
				seen := map[string]bool{}
				for _, file := range files {
					readGolden(t, c, r, file, version, seen)
				}
				if version == r.Version {
					walk(reflect.ValueOf(sample(r, true)), name, false, true, func(_ reflect.Value, path string) {
						if !seen[path] {
							t.Errorf("no golden file of version %d has %s: add one that does", version, path)
						}
					})
				}
			}
		})
	}
}

// readGolden checks one file; seen takes the paths that it sets.
func readGolden(t *testing.T, c *Codec, r Registration, file string, version int, seen map[string]bool) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.TrimSuffix(data, []byte("\n"))
	e, err := c.Decode(r.New().EventType(), version, data)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if version != r.Version {
		return // what became of it is another test's business
	}
	walk(reflect.ValueOf(e), e.EventType(), false, true, func(v reflect.Value, path string) {
		if v.IsZero() {
			return
		}
		seen[path] = true
		want := leafOf(v.Type(), path)
		if a, ok := v.Interface().(money.Amount); ok && a.Equal(want.Interface().(money.Amount)) {
			return
		}
		if !reflect.DeepEqual(v.Interface(), want.Interface()) {
			t.Errorf("%s: %s is %v, want %v", file, path, v, want)
		}
	})
	out, wrote, err := c.Encode(nil, e)
	if err != nil || wrote != version || !bytes.Equal(out, data) {
		t.Errorf("%s is written otherwise as version %d, %v:\n got %s\nwant %s", file, wrote, err, out, data)
	}
}

func write(t *testing.T, c *Codec, r Registration) {
	t.Helper()
	for which, full := range map[string]bool{"full": true, "min": false} {
		e := sample(r, full)
		file := goldenFile(e.EventType(), r.Version, which)
		if _, err := os.Stat(file); err == nil {
			continue
		}
		data, _, err := c.Encode(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Golden files of nothing would go unnoticed.
func TestNoStrayGoldenFiles(t *testing.T) {
	types := New().Types()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 2*len(types) {
		t.Fatalf("%d golden files for %d types, %v", len(files), len(types), err)
	}
	for _, file := range files {
		name, rest, _ := strings.Cut(filepath.Base(file), ".v")
		var version int
		if _, err := fmt.Sscanf(rest, "%d.", &version); err != nil || version < 1 || version > types[name] {
			t.Errorf("%s belongs to no type and version (%v)", file, err)
		}
	}
}

// ConversationCharged version 1 had neither month nor pricing type.
func TestUpcastCharged(t *testing.T) {
	c := New()
	for which, want := range map[string]domain.ConversationCharged{
		"full": {
			ChargeID: "72b14d6bd5407799", ChannelID: "CH-1", WABAID: "102290129340398", Market: "Brazil", Country: "BR", Category: "marketing",
			PricingModel: "CBP", PricingType: "regular", OccurredAt: time.Date(2026, 9, 30, 23, 59, 59, 999_000_000, time.UTC), Month: "2026-09",
			Amount: money.MustParse("0.0625"), Currency: "USD", RateCardID: "USD-2026-07-01-1f0c93ab", Tier: "0:MAX",
		},
		"rated": {
			ChargeID: "wamid.x", ChannelID: "Kanal „Nord“", WABAID: "1", Market: "Germany", Category: "utility",
			PricingModel: "PMP", PricingType: "regular", OccurredAt: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), Month: "2026-10",
			Amount: money.MustParse("0.0456"), Currency: "EUR",
		},
	} {
		data, err := os.ReadFile(goldenFile(domain.TypeConversationCharged, 1, which))
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Decode(domain.TypeConversationCharged, 1, data)
		if err != nil {
			t.Fatal(err)
		}
		// Today's encoding is the comparison: amounts have several writings.
		a, _, _ := c.Encode(nil, got)
		b, _, _ := c.Encode(nil, &want)
		if !bytes.Equal(a, b) {
			t.Errorf("%s:\n got %s\nwant %s", which, a, b)
		}
	}
	for _, bad := range []string{``, `[]`, `{}`, `{"occurred_at":"yesterday"}`, `{"occurred_at":null,"surprise":1}`} {
		if e, err := c.Decode(domain.TypeConversationCharged, 1, []byte(bad)); !errors.Is(err, ErrPayload) {
			t.Errorf("version 1 %q is read as %+v, %v; want ErrPayload", bad, e, err)
		}
	}
}

// What is not known is loud, and says what it is.
func TestDecodeIsLoud(t *testing.T) {
	c := New()
	for _, bad := range []struct {
		name    string
		version int
		data    string
		want    error
		says    string
	}{
		{"Invented", 1, `{}`, ErrUnknownEvent, "Invented"},
		{"", 1, `{}`, ErrUnknownEvent, "type"},
		{domain.TypeCardReplaced, 2, `{"card":"x"}`, ErrUnknownEvent, "version 2"},
		{domain.TypeCardReplaced, 0, `{"card":"x"}`, ErrUnknownEvent, "version 0"},
		{domain.TypeCardReplaced, -1, `{"card":"x"}`, ErrUnknownEvent, "version -1"},
		{domain.TypeConversationCharged, 3, `{}`, ErrUnknownEvent, "version 3"},
		{domain.TypeCardReplaced, 1, `{"card":"x","colour":"red"}`, ErrPayload, "colour"},
		{domain.TypeCardReplaced, 1, `{"card":1}`, ErrPayload, "CardReplaced"},
		{domain.TypeCardReplaced, 1, `{"card":"x"`, ErrPayload, "CardReplaced"},
		{domain.TypeCardReplaced, 1, `{"card":"x"} {"card":"y"}`, ErrPayload, "CardReplaced"},
		{domain.TypeCardReplaced, 1, `{"card":"x"}}`, ErrPayload, "CardReplaced"},
		{domain.TypeCardReplaced, 1, ``, ErrPayload, "CardReplaced"},
		{domain.TypeRefundIssued, 1, `{"amount":1.5,"reason":"x"}`, ErrPayload, "amount"},
		{domain.TypeRefundIssued, 1, `{"amount":"NaN","reason":"x"}`, ErrPayload, "amount"},
		{domain.TypeConversationCharged, 2, `{"charge_id":"a","colour":"red"}`, ErrPayload, "colour"},
	} {
		e, err := c.Decode(bad.name, bad.version, []byte(bad.data))
		if e != nil || !errors.Is(err, bad.want) || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("%s version %d %s is read as %v, %v; want %v with %q", bad.name, bad.version, bad.data, e, err, bad.want, bad.says)
		}
	}
	if b, _, err := c.Encode([]byte("x"), invented{}); !errors.Is(err, ErrUnknownEvent) || string(b) != "x" {
		t.Errorf("an unknown event is written as %s, %v", b, err)
	}
}

type invented struct{}

func (invented) EventType() string { return "Invented" }

// Registrations add types, with upcasters over several versions.
func TestRegistration(t *testing.T) {
	up := func(from, to string) func([]byte) ([]byte, error) {
		return func(b []byte) ([]byte, error) { return bytes.ReplaceAll(b, []byte(from), []byte(to)), nil }
	}
	r := Registration{Version: 3, New: func() domain.Event { return &renamed{} }, Upcast: map[int]func([]byte) ([]byte, error){1: up("first", "second"), 2: up("second", "third")}}
	c := New(r)
	for version, data := range map[int]string{1: `{"first":"x"}`, 2: `{"second":"x"}`, 3: `{"third":"x"}`} {
		e, err := c.Decode("Renamed", version, []byte(data))
		if err != nil || e.(*renamed).Third != "x" {
			t.Errorf("version %d is read as %+v, %v", version, e, err)
		}
	}
	if c.Types()["Renamed"] != 3 || New().Types()["Renamed"] != 0 {
		t.Error("Types does not tell the registered version")
	}
	delete(r.Upcast, 2)
	if e, err := New(r).Decode("Renamed", 1, []byte(`{"first":"x"}`)); !errors.Is(err, ErrUnknownEvent) {
		t.Errorf("without an upcaster it is read as %+v, %v", e, err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a type registered twice does not panic")
		}
	}()
	New(r, r)
}

type renamed struct {
	Third string `json:"third"`
}

func (*renamed) EventType() string { return "Renamed" }
