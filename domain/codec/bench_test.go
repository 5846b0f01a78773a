package codec

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// BenchmarkDecode decodes a charge with its metadata, as the read models do.
func BenchmarkDecode(b *testing.B) {
	at := time.Date(2026, 10, 3, 12, 34, 56, 789_000_000, time.UTC)
	e := &domain.ConversationCharged{
		ChargeID: "wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQ0123456789ABCDEF01234567", ChannelID: "CH-0001-1", WABAID: "102290000000011", Market: "Brazil",
		Category: "marketing", PricingModel: domain.PMP, PricingType: domain.PricingTypeRegular, OccurredAt: at, Month: "2026-10",
		Amount: money.MustParse("0.0625"), Currency: "USD", RateCardID: "USD-2026-10-01-PMP",
	}
	c := New()
	data, version, err := c.Encode(nil, e)
	if err != nil {
		b.Fatal(err)
	}
	metadata := AppendMetadata(nil, &Metadata{Version: version, OccurredAt: at, RecordedAt: at.Add(time.Second), Actor: "bench", CommandID: uuid.New()})
	b.Run("codec", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m, err := DecodeMetadata(metadata)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := c.Decode(e.EventType(), m.Version, data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("reader", func(b *testing.B) {
		r := c.NewReader()
		b.ReportAllocs()
		for b.Loop() {
			m, err := r.DecodeMetadata(metadata)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := r.Decode(e.EventType(), m.Version, data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
