package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// The size of the random tests, and their seed.
const (
	randomValues = 5_000
	randomSeed   = 24
)

// randomText is any text, or one that needs no escapes.
func randomText(rng *rand.Rand, plainOnly bool) string {
	pieces := []string{
		"a", "Z9", "wamid.HBgL", "-", " ", "~", "\x7f", `"`, `\`, "/", "<", ">", "&", "\n", "\t", "\x00", "\x1f", "é", "日本", "🙂", "\u2028", "\u2029", "\ufffd", "\xff", "\xc3",
		"{", "}", ",", ":",
	}
	var b strings.Builder
	for range rng.IntN(8) {
		if plainOnly {
			b.WriteString(pieces[rng.IntN(7)])
		} else {
			b.WriteString(pieces[rng.IntN(len(pieces))])
		}
	}
	return b.String()
}

func randomTime(rng *rand.Rand) time.Time {
	nanos := []int64{0, 0, 1, 120_000_000, 999_999_999, rng.Int64N(1_000_000_000)}
	return time.Unix(rng.Int64N(4_000_000_000), nanos[rng.IntN(len(nanos))]).UTC()
}

func randomAmount(rng *rand.Rand) money.Amount {
	a := money.FromInt(rng.Int64N(1<<60) - 1<<59)
	for range rng.IntN(8) {
		a = a.Mul(money.MustParse("0.001"))
	}
	if rng.IntN(4) == 0 {
		a = money.FromInt(rng.Int64N(3))
	}
	return a
}

func randomCharged(rng *rand.Rand) *domain.ConversationCharged {
	plainOnly := rng.IntN(2) == 0
	e := &domain.ConversationCharged{
		ChargeID: randomText(rng, plainOnly), ChannelID: randomText(rng, plainOnly), WABAID: randomText(rng, plainOnly), Market: randomText(rng, plainOnly), Country: randomText(rng, plainOnly),
		Category: randomText(rng, plainOnly), PricingModel: domain.PricingModel(randomText(rng, plainOnly)), PricingType: randomText(rng, plainOnly), OccurredAt: randomTime(rng),
		Month: domain.Month(randomText(rng, plainOnly)), Amount: randomAmount(rng), Currency: money.Currency(randomText(rng, plainOnly)), RateCardID: randomText(rng, plainOnly),
		Tier: randomText(rng, plainOnly), GivenCurrency: money.Currency(randomText(rng, plainOnly)), Released: rng.IntN(2) == 0,
	}
	if rng.IntN(20) == 0 {
		e.OccurredAt = e.OccurredAt.In(time.FixedZone("", 5400))
	}
	return e
}

// The fast encoder writes what encoding/json writes, byte for byte.
func TestFastEncode(t *testing.T) {
	rng := rand.New(rand.NewPCG(randomSeed, 1))
	c := New()
	for range randomValues {
		e := randomCharged(rng)
		want, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		got, version, err := c.Encode([]byte("before"), e)
		if err != nil || version != versionCharged || string(got) != "before"+string(want) {
			t.Fatalf("seed %d: %v, version %d\n got %s\nwant before%s", randomSeed, err, version, got, want)
		}
	}
}

func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// The fast decoder reads what the general one reads, or gives up.
func TestFastDecode(t *testing.T) {
	rng := rand.New(rand.NewPCG(randomSeed, 2))
	fast := 0
	for range randomValues {
		data := appendCharged(nil, randomCharged(rng))
		if rng.IntN(2) == 0 {
			data = damaged(rng, data)
		}
		if sameCharged(t, data) {
			fast++
		}
	}
	if fast < randomValues/20 {
		t.Errorf("only %d of %d took the fast way", fast, randomValues)
	}
}

// damaged changes, drops or doubles a byte.
func damaged(rng *rand.Rand, data []byte) []byte {
	i := rng.IntN(len(data))
	switch rng.IntN(3) {
	case 0:
		return append(bytes.Clone(data[:i]), data[i+1:]...)
	case 1:
		return append(bytes.Clone(data[:i+1]), data[i:]...)
	default:
		data = bytes.Clone(data)
		data[i] = `0"Z\-.:,{}`[rng.IntN(10)]
		return data
	}
}

// sameCharged reports whether the fast decoder took the payload; then the
// general one must have read the same.
func sameCharged(t *testing.T, data []byte) bool {
	t.Helper()
	var fast, slow domain.ConversationCharged
	if !fastCharged(scanner{b: data}, &fast) {
		return false
	}
	if err := strict(data, &slow); err != nil {
		t.Fatalf("seed %d: the fast decoder takes %q, the general one says %v", randomSeed, data, err)
	}
	if a, b := appendCharged(nil, &fast), appendCharged(nil, &slow); !bytes.Equal(a, b) || !fast.OccurredAt.Equal(slow.OccurredAt) {
		t.Fatalf("seed %d: %q is read\nfast    %s\ngeneral %s", randomSeed, data, a, b)
	}
	return true
}

// What was written comes back, by whichever way.
func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(randomSeed, 3))
	c := New()
	for range randomValues {
		e := randomCharged(rng)
		data, version, err := c.Encode(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		back, err := c.Decode(domain.TypeConversationCharged, version, data)
		if err != nil {
			t.Fatalf("seed %d: %s: %v", randomSeed, data, err)
		}
		again, _, _ := c.Encode(nil, back)
		// Text that is no UTF-8 is mended by the first writing.
		data = bytes.ReplaceAll(data, []byte(`\ufffd`), []byte("\ufffd"))
		if utf8.ValidString(e.ChargeID) && back.(*domain.ConversationCharged).ChargeID != e.ChargeID || !bytes.Equal(again, data) {
			t.Fatalf("seed %d:\nwrote %s\nthen  %s", randomSeed, data, again)
		}
	}
}

func randomMetadata(rng *rand.Rand) *Metadata {
	id := func() uuid.UUID {
		var u uuid.UUID
		if rng.IntN(3) > 0 {
			for i := range u {
				u[i] = byte(rng.Uint32())
			}
		}
		return u
	}
	plainOnly := rng.IntN(2) == 0
	return &Metadata{
		Version: 1 + rng.IntN(1000), OccurredAt: randomTime(rng), RecordedAt: randomTime(rng), Actor: randomText(rng, plainOnly), CommandID: id(),
		CommandHash: randomText(rng, plainOnly), CorrelationID: id(), CausationID: id(),
	}
}

// Metadata is written as encoding/json writes it, and read alike by both ways.
func TestMetadata(t *testing.T) {
	rng := rand.New(rand.NewPCG(randomSeed, 4))
	fast := 0
	for range randomValues {
		m := randomMetadata(rng)
		want, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		got := AppendMetadata([]byte("x"), m)
		if string(got) != "x"+string(want) {
			t.Fatalf("seed %d:\n got %s\nwant x%s", randomSeed, got, want)
		}
		back, err := DecodeMetadata(want)
		if err != nil || utf8.ValidString(m.Actor+m.CommandHash) && back != *m {
			t.Fatalf("seed %d: %s comes back as %+v, %v", randomSeed, want, back, err)
		}
		if rng.IntN(2) == 0 {
			want = damaged(rng, want)
		}
		if sameMetadata(t, want) {
			fast++
		}
	}
	if fast < randomValues/20 {
		t.Errorf("only %d of %d took the fast way", fast, randomValues)
	}
}

func sameMetadata(t *testing.T, data []byte) bool {
	t.Helper()
	var fast, slow Metadata
	if !fastMetadata(scanner{b: data}, &fast) {
		return false
	}
	if err := json.Unmarshal(data, &slow); err != nil || fast != slow {
		t.Fatalf("seed %d: %q is read\nfast    %+v\ngeneral %+v, %v", randomSeed, data, fast, slow, err)
	}
	return true
}

// The fast way is no second definition of the format: what JSON refuses, it
// does not take.
func TestFastMetadataIsNotLax(t *testing.T) {
	good := string(AppendMetadata(nil, &Metadata{Version: 1, OccurredAt: time.Unix(0, 0), RecordedAt: time.Unix(0, 0), Actor: "a"}))
	if !sameMetadata(t, []byte(good)) {
		t.Fatalf("%s did not take the fast way", good)
	}
	for from, to := range map[string]string{`"v":1`: `"v":01`, `1970-01-01T00:00:00Z","r`: `1970-02-30T00:00:00Z","r`, `"a"`: "\"\t\"", `}`: `} `} {
		var m Metadata
		if bad := strings.Replace(good, from, to, 1); bad == good || fastMetadata(scanner{b: []byte(bad)}, &m) {
			t.Errorf("the fast way takes %s", bad)
		}
	}
}

// Times in another zone are kept as instants.
func TestMetadataInUTC(t *testing.T) {
	at := time.Date(2026, 10, 1, 1, 30, 0, 0, time.FixedZone("", 5400))
	m, err := DecodeMetadata(AppendMetadata(nil, &Metadata{Version: 1, OccurredAt: at, RecordedAt: at}))
	if err != nil || !m.OccurredAt.Equal(at) || m.OccurredAt.Location() != time.UTC {
		t.Errorf("%s comes back as %s, %v", at, m.OccurredAt, err)
	}
}

func TestMetadataIsLoud(t *testing.T) {
	for _, bad := range []string{
		``, `{}`, `[]`, `{"v":0}`, `{"v":-1}`, `{"v":"1"}`, `{"v":1,"occurred_at":"x"}`, `{"v":1,"command_id":"x"}`, `{"v":1}}`, `{"v":1} {"v":1}`,
	} {
		if m, err := DecodeMetadata([]byte(bad)); !errors.Is(err, ErrMetadata) {
			t.Errorf("%s is read as %+v, %v; want ErrMetadata", bad, m, err)
		}
	}
	// Others may write fields of their own beside ours.
	if m, err := DecodeMetadata([]byte(`{"$by":"projection","v":2,"actor":"a"}`)); err != nil || m.Version != 2 || m.Actor != "a" {
		t.Errorf("read %+v, %v", m, err)
	}
}

func FuzzCharged(f *testing.F) {
	rng := rand.New(rand.NewPCG(randomSeed, 5))
	for range 20 {
		f.Add(appendCharged(nil, randomCharged(rng)))
	}
	c := New()
	f.Fuzz(func(t *testing.T, data []byte) {
		sameCharged(t, data)
		e, err := c.Decode(domain.TypeConversationCharged, versionCharged, data)
		if err != nil {
			if !errors.Is(err, ErrPayload) {
				t.Fatalf("%q: %v", data, err)
			}
			return
		}
		once, _, _ := c.Encode(nil, e)
		back, err := c.Decode(domain.TypeConversationCharged, versionCharged, once)
		if err != nil {
			t.Fatalf("%q is written as %q: %v", data, once, err)
		}
		if twice, _, _ := c.Encode(nil, back); !bytes.Equal(once, twice) {
			t.Fatalf("%q is written as %q, then as %q", data, once, twice)
		}
	})
}

func FuzzMetadata(f *testing.F) {
	rng := rand.New(rand.NewPCG(randomSeed, 6))
	for range 20 {
		f.Add(AppendMetadata(nil, randomMetadata(rng)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sameMetadata(t, data)
		if m, err := DecodeMetadata(data); err == nil && m.Version < 1 {
			t.Fatalf("%q has version %d", data, m.Version)
		}
	})
}
