package esdb_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
	"prepayledger/eventstore/esdb/esdbtest"
)

// benchServed is a log by itself and behind the protocol: what the driver and the
// server cost is the difference.
func benchServed(b *testing.B) (direct, driver eventstore.Store) {
	b.Helper()
	log, err := embedded.Open(b.TempDir(), embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = log.Close() })
	return log, esdbtest.Connect(b, esdbtest.ServeStore(b, log))
}

// BenchmarkAppend appends single events to streams of their own, 64 at once,
// directly and then through driver and server.
func BenchmarkAppend(b *testing.B) {
	direct, driver := benchServed(b)
	var n atomic.Int64
	run := func(b *testing.B, store eventstore.Store) float64 {
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				stream := fmt.Sprintf("account-%d", n.Add(1))
				if _, err := store.Append(b.Context(), stream, eventstore.NoStream, events(1)); err != nil {
					b.Error(err)
					return
				}
			}
		})
		rate := float64(b.N) / b.Elapsed().Seconds()
		b.ReportMetric(rate, "appends/s")
		return rate
	}
	var raw float64
	b.Run("embedded", func(b *testing.B) { raw = run(b, direct) })
	b.Run("esdb", func(b *testing.B) { b.ReportMetric(run(b, driver)/raw, "of-embedded") })
}

// BenchmarkReadAll reads 100,000 events of 250 bytes, directly and then
// through server and driver.
func BenchmarkReadAll(b *testing.B) {
	direct, driver := benchServed(b)
	expected := eventstore.NoStream
	for range 100 {
		es := events(1000)
		for i := range es {
			es[i].Data = fmt.Appendf(nil, `{"text":"%0240d"}`, i)
		}
		a, err := direct.Append(b.Context(), "account-1", expected, es)
		if err != nil {
			b.Fatal(err)
		}
		expected = a.LastRevision
	}
	run := func(b *testing.B, store eventstore.Store) float64 {
		n := 0
		for b.Loop() {
			for _, err := range store.ReadAll(b.Context(), eventstore.Start) {
				if err != nil {
					b.Fatal(err)
				}
				n++
			}
		}
		rate := float64(n) / b.Elapsed().Seconds()
		b.ReportMetric(rate, "events/s")
		return rate
	}
	var raw float64
	b.Run("embedded", func(b *testing.B) { raw = run(b, direct) })
	b.Run("esdb", func(b *testing.B) { b.ReportMetric(run(b, driver)/raw, "of-embedded") })
}
