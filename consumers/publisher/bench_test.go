package publisher

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// benchBatch is how many events outbound delivers at a time when it catches up.
const benchBatch = 2048

// BenchmarkPublish publishes the same messages by the publisher and by the raw
// client's asynchronous publish with the same window, by turns, so that both
// meet the same disk: to servers with a fsync before each acknowledgement.
func BenchmarkPublish(b *testing.B) {
	const n = 4 * benchBatch
	store := sampleLog(b, n).Store()
	changes := changesOf(b, store)
	p := newBus(b, longOptions).publisher(b, store)
	js, err := jetstream.New(newBus(b, longOptions).nc, jetstream.WithPublishAsyncMaxPending(Window))
	if err != nil {
		b.Fatal(err)
	}
	var ours, raw time.Duration
	published := 0
	for b.Loop() {
		published += benchBatch
		i := (published - benchBatch) % n
		if i == 0 && published > benchBatch { // begin with new streams
			p = newBus(b, longOptions).publisher(b, store)
			if js, err = jetstream.New(newBus(b, longOptions).nc, jetstream.WithPublishAsyncMaxPending(Window)); err != nil {
				b.Fatal(err)
			}
		}
		start := time.Now()
		if err := p.Deliver(b.Context(), changes[i:i+benchBatch]); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
		start = time.Now()
		for j := range benchBatch {
			if _, err := js.PublishMsgAsync(message(&changes[i+j], DefaultSource), jetstream.WithStallWait(ackTimeout)); err != nil {
				b.Fatal(err)
			}
		}
		<-js.PublishAsyncComplete()
		raw += time.Since(start)
	}
	b.ReportMetric(float64(published)/ours.Seconds(), "events/s")
	b.ReportMetric(float64(published)/raw.Seconds(), "raw-events/s")
	b.ReportMetric(100*raw.Seconds()/ours.Seconds(), "%-of-raw")
}
