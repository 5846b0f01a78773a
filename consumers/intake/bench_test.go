package intake_test

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"prepayledger/consumers/intake"
	"prepayledger/consumers/intake/intaketest"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/ledger/ledgertest"
	"prepayledger/consumers/usage"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/domain/rating"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
)

// unseen is the twin without a charge index: what deciding and appending cost
// by themselves.
type unseen struct{ *ledgertest.Views }

func (unseen) Seen(context.Context, []domain.ChargeKey, func(int, domain.Seen)) error { return nil }
func (unseen) Indexed() eventstore.Position                                           { return eventstore.Position{Commit: 1 << 60} }
func (unseen) WaitFor(context.Context, eventstore.Position) error                     { return nil }

// BenchmarkDecide runs the intake without charge index and read models.
func BenchmarkDecide(b *testing.B) {
	ctx := context.Background()
	const charges, accounts = 400_000, 200
	at := time.Date(2026, 10, 30, 0, 0, 0, 0, time.UTC)
	var file bytes.Buffer
	w := intaketest.Workload{Charges: charges, Accounts: accounts, Seed: 1, From: at.AddDate(0, 0, -29)}
	if err := w.Write(&file); err != nil {
		b.Fatal(err)
	}
	card, err := os.ReadFile("../simulate/testdata/1/rates-usd-2026-10-01.csv")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.StopTimer()
		store, err := embedded.Open(b.TempDir(), embedded.Options{})
		if err != nil {
			b.Fatal(err)
		}
		c := codec.New()
		l, err := ledger.Open(ctx, store, unseen{ledgertest.New(store, c)}, c, ledger.Options{Clock: func() time.Time { return at }})
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := l.ImportRates(ctx, domain.Meta{At: at.AddDate(0, -1, 0)}, "rates.csv", card, rating.CardOptions{}); err != nil {
			b.Fatal(err)
		}
		prepare(b, l, at, accounts)
		b.StartTimer()
		s, err := intake.Import(ctx, l, domain.Meta{Actor: "bench"}, usage.Source{Name: "bench", R: bytes.NewReader(file.Bytes())}, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if s.Charged != charges {
			b.Fatalf("charged %d of %d: %+v", s.Charged, charges, s)
		}
		l.Close()
		_ = store.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(charges)*float64(b.N)/b.Elapsed().Seconds(), "charges/s")
}

func prepare(b *testing.B, l *ledger.Ledger, at time.Time, accounts int) {
	b.Helper()
	ctx := context.Background()
	m := domain.Meta{At: at, Actor: "bench"}
	for i := range accounts {
		open := &domain.OpenAccount{PartnerID: intaketest.Partner(i), Currency: "USD", Card: "sim_ok", CarriedOver: money.FromInt(1_000_000)}
		if err := l.Do(ctx, open.PartnerID, m, open); err != nil {
			b.Fatal(err)
		}
		for c := range intaketest.ChannelsPerAccount {
			channel := &domain.RegisterChannel{
				ChannelID: intaketest.Channel(i, c), PhoneNumber: intaketest.Number(i, c), PhoneNumberID: intaketest.WABA(i, c),
				WABAID: intaketest.WABA(i, c), PaymentModel: domain.PartnerPaid,
			}
			if err := l.Do(ctx, open.PartnerID, m, channel); err != nil {
				b.Fatal(err)
			}
		}
	}
}
