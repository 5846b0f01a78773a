package projections_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
)

// benchEvents is how many charges the benchmarks' log has.
var benchEvents = flag.Int("events", 1_000_000, "charges in the log that the benchmarks rebuild from")

// The shape of the benchmarks' log.
const (
	benchAccounts    = 200
	benchChannels    = 5
	benchAppendSize  = 100
	benchSeed        = 1
	benchAmountsUpTo = 900 // in ten thousandths
)

// BenchmarkRebuild rebuilds every read model from a log of charges, and
// beside it reads the same log without decoding it.
func BenchmarkRebuild(b *testing.B) {
	ctx := context.Background()
	store := benchLog(b)
	last, err := store.Last(ctx)
	if err != nil {
		b.Fatal(err)
	}
	rate := func(b *testing.B) {
		b.ReportMetric(float64(last.Commit)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	}
	b.Run("scan", func(b *testing.B) {
		for b.Loop() {
			for _, err := range store.ReadAll(ctx, eventstore.Start) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
		rate(b)
	})
	b.Run("models", func(b *testing.B) {
		for b.Loop() {
			m := openModels(b, store, b.TempDir())
			if err := m.engine.CatchUp(ctx); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			m.close(b)
			b.StartTimer()
		}
		rate(b)
	})
}

// benchLog makes the log: accounts with channels, then their charges.
func benchLog(b *testing.B) eventstore.Store {
	b.Helper()
	store, err := embedded.Open(filepath.Join(b.TempDir(), "log"), embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	random := rand.New(rand.NewPCG(benchSeed, 2))
	l := &log{t: b, store: store, next: map[string]eventstore.Revision{}, at: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)}
	for a := range benchAccounts {
		open := opened()
		open.PartnerID = benchPartner(a)
		events := []domain.Event{open}
		for c := range benchChannels {
			events = append(events, &domain.ChannelRegistered{
				ChannelID: fmt.Sprintf("CH-%04d-%d", a, c), PhoneNumber: fmt.Sprintf("+3491%06d%d", a, c), PhoneNumberID: fmt.Sprintf("P-%04d-%d", a, c),
				WABAID: fmt.Sprint(102_290_000_000_000 + a*10 + c), PaymentModel: domain.PartnerPaid,
			})
		}
		l.append("account-"+open.PartnerID, events...)
	}
	c := codec.New()
	for n := 0; n < *benchEvents; n += benchAppendSize {
		account := random.IntN(benchAccounts)
		batch := make([]eventstore.Event, benchAppendSize)
		for i := range batch {
			batch[i] = benchCharge(b, c, random, account, n+i)
		}
		l.raw("account-"+benchPartner(account), batch)
	}
	return store
}

func benchPartner(i int) string { return fmt.Sprintf("PA-%04d", i) }

func benchCharge(b *testing.B, c *codec.Codec, random *rand.Rand, account, n int) eventstore.Event {
	b.Helper()
	channel := random.IntN(benchChannels)
	markets := [...]string{"Brazil", "India", "Spain", "Germany", "Mexico", "Indonesia", "United Kingdom", "Turkey", "South Africa", "Argentina"}
	categories := [...]string{"marketing", "utility", "authentication", "service"}
	at := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * 28 * 24 * time.Hour / time.Duration(*benchEvents))
	e := &domain.ConversationCharged{
		ChargeID: fmt.Sprintf("wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQ%016X%08X", random.Uint64(), n), ChannelID: fmt.Sprintf("CH-%04d-%d", account, channel),
		WABAID: fmt.Sprint(102_290_000_000_000 + account*10 + channel), Market: markets[random.IntN(len(markets))],
		Category: categories[random.IntN(len(categories))], PricingModel: domain.PMP, PricingType: domain.PricingTypeRegular,
		OccurredAt: at, Month: "2026-10", Amount: money.MustParse(fmt.Sprintf("0.%04d", random.IntN(benchAmountsUpTo))), Currency: "EUR", RateCardID: "EUR-2026-10-01-PMP",
	}
	data, version, err := c.Encode(nil, e)
	if err != nil {
		b.Fatal(err)
	}
	m := codec.AppendMetadata(nil, &codec.Metadata{Version: version, OccurredAt: at, RecordedAt: at, Actor: "bench", CommandID: uuid.New()})
	return eventstore.Event{ID: uuid.New(), Type: e.EventType(), Data: data, Metadata: m}
}
