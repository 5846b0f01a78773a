package codec

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"prepayledger/domain"
)

// A reader decodes what the codec decodes, however often names, ids and times
// come again.
func TestReader(t *testing.T) {
	rng := rand.New(rand.NewPCG(randomSeed, 7))
	c := New()
	r := c.NewReader()
	ids := []uuid.UUID{uuid.New(), uuid.New()}
	var events []domain.Event
	var decoded []domain.Event
	for range randomValues {
		var e domain.Event = randomCharged(rng)
		if rng.IntN(4) == 0 {
			e = &domain.ConversationCounted{ChargeID: randomText(rng, true), OccurredAt: randomTime(rng), Month: "2026-10", Why: "free"}
		}
		data, version, err := c.Encode(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		want, err := c.Decode(e.EventType(), version, data)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Decode(e.EventType(), version, data)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("reader: %+v, %v; codec: %+v", got, err, want)
		}
		events, decoded = append(events, want), append(decoded, got)
		text := AppendMetadata(nil, &Metadata{
			Version: 1 + rng.IntN(3), OccurredAt: randomTime(rng), RecordedAt: randomTime(rng), Actor: randomText(rng, false),
			CommandID: ids[rng.IntN(2)], CorrelationID: ids[rng.IntN(2)], CausationID: uuid.New(),
		})
		wantMeta, err := DecodeMetadata(text)
		if err != nil {
			t.Fatal(err)
		}
		if gotMeta, err := r.DecodeMetadata(text); err != nil || gotMeta != wantMeta {
			t.Fatalf("reader: %+v, %v; codec: %+v", gotMeta, err, wantMeta)
		}
	}
	// What was decoded first is not overwritten by what came later.
	if !reflect.DeepEqual(events, decoded) {
		t.Error("events changed after they were decoded")
	}
}

// A reader refuses what the codec refuses.
func TestReaderRefuses(t *testing.T) {
	r := New().NewReader()
	if _, err := r.Decode("Surprise", 1, []byte("{}")); !errors.Is(err, ErrUnknownEvent) {
		t.Errorf("unknown type: %v", err)
	}
	if _, err := r.Decode(domain.TypeConversationCharged, versionCharged+1, []byte("{}")); !errors.Is(err, ErrUnknownEvent) {
		t.Errorf("newer version: %v", err)
	}
	if _, err := r.Decode(domain.TypeConversationCharged, versionCharged, []byte(`{"charge_id":"a","surprise":1}`)); !errors.Is(err, ErrPayload) {
		t.Errorf("unknown field: %v", err)
	}
	if _, err := r.DecodeMetadata([]byte(`{"v":0}`)); !errors.Is(err, ErrMetadata) {
		t.Errorf("metadata of version 0: %v", err)
	}
}

// Names come back equal when there are more of them than slots.
func TestReaderNames(t *testing.T) {
	n := names{seed: New().NewReader().names.seed}
	for range 2 {
		for i := range 3 * nameSlots {
			if text := fmt.Sprint("CH-", i); n.of([]byte(text)) != text {
				t.Fatalf("%s is another one", text)
			}
		}
	}
}

// TestParseUTC reads every day from year 0 to 9999, as package time does, and
// refuses those that are in no calendar.
func TestParseUTC(t *testing.T) {
	end := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	for day := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC); day.Before(end); day = day.AddDate(0, 0, 1) {
		at := day.Add(23*time.Hour + 59*time.Minute + 58*time.Second + 120*time.Millisecond)
		if got, ok := parseUTC(at.AppendFormat(nil, time.RFC3339Nano)); !ok || got != at {
			t.Fatalf("%s reads as %s, %t", at, got, ok)
		}
	}
	for _, bad := range []string{
		"2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-32T00:00:00Z", "2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
	} {
		if got, ok := parseUTC([]byte(bad)); ok {
			t.Errorf("%s reads as %s", bad, got)
		}
	}
}

// TestRaw ends a string at its first quote, wherever it lies, and refuses one
// with any byte before it that is not plain.
func TestRaw(t *testing.T) {
	for length := range 25 {
		for place := range length + 1 {
			for c := range 256 {
				text := append([]byte(`"`), bytes.Repeat([]byte{'~'}, length)...)
				text = append(text, `","`...)
				s := scanner{b: text}
				if text[1+place] = byte(c); place == length {
					text[1+place] = '"'
				}
				end := 1 + bytes.IndexByte(text[1:], '"')
				want, bad := text[1:end], slices.ContainsFunc(text[1:end], func(c byte) bool { return c < 0x20 || c == '\\' || c >= 0x80 })
				if got := s.raw(); s.bad != bad || !bad && (!bytes.Equal(got, want) || s.i != end+1) {
					t.Fatalf("%q reads as %q, bad %t", text, got, s.bad)
				}
			}
		}
	}
}
