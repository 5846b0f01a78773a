package gatestate_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"prepayledger/consumers/gate"
	"prepayledger/consumers/gatestate"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/ledger/ledgertest"
	"prepayledger/consumers/natsbus/natsbustest"
	"prepayledger/consumers/outbound"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore/embedded"
	"prepayledger/projections"
)

// BenchmarkDecisionToGate measures from the return of the ledger's command
// (block or unblock, after its fsync) to the gate's answer, over the log, the
// outbound, NATS and the gate's watch. 99 % are quicker than p99-ms.
func BenchmarkDecisionToGate(b *testing.B) {
	ctx := context.Background()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	nc := natsbustest.Connect(b, natsbustest.Start(b))
	store, err := embedded.Open(b.TempDir(), embedded.Options{})
	must(err)
	defer store.Close()
	c := codec.New()
	l, err := ledger.Open(ctx, store, ledgertest.New(store, c), c, ledger.Options{})
	must(err)
	defer l.Close()
	w, err := gatestate.New(nc, gatestate.Options{})
	must(err)
	out, err := outbound.Open(b.TempDir(), []outbound.Output{w}, outbound.Options{})
	must(err)
	defer out.Close()
	engine, err := projections.Open(ctx, b.TempDir(), store, c, nil, []projections.Sink{out}, projections.Options{})
	must(err)
	engine.Start()
	defer engine.Close()
	meta := domain.Meta{Actor: "finance:ana"}
	must(l.Do(ctx, "PA-1", meta, &domain.OpenAccount{PartnerID: "PA-1", Currency: "EUR", CarriedOver: money.FromInt(500), Card: "sim_ok"}))
	for i := range 20 {
		must(l.Do(ctx, "PA-1", meta, &domain.RegisterChannel{
			ChannelID: fmt.Sprint("CH-", i), PhoneNumber: fmt.Sprintf("+49301234%02d", i), PhoneNumberID: fmt.Sprint("P-", i), WABAID: "W", PaymentModel: domain.PartnerPaid,
		}))
	}
	run, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- w.Run(run) }()
	defer func() { stop(); <-done }()
	g, err := gate.Open(ctx, nc, gate.Options{WhenStale: gate.FailClosed, Unknown: gate.Refuse})
	must(err)
	defer g.Close()
	eventually(b, "open", func() bool { return g.Allow("CH-19").Allowed })

	var took []time.Duration
	for open := true; b.Loop(); open = !open {
		var cmd domain.Command = &domain.Block{Reason: "fraud", Text: "text"}
		if !open {
			cmd = &domain.Unblock{}
		}
		must(l.Do(ctx, "PA-1", meta, cmd))
		from := time.Now()
		for g.Allow("CH-19").Allowed == open {
			if time.Since(from) > patience {
				b.Fatal("never")
			}
		}
		took = append(took, time.Since(from))
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
	b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
	b.ReportMetric(ms(took[len(took)-1]), "max-ms")
}
