package embedded

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"
	"go.uber.org/zap"

	"prepayledger/eventstore"
)

// benchEvents makes n events of 250 bytes of data and metadata that compress
// like a charge's.
func benchEvents(n int) []eventstore.Event {
	es := make([]eventstore.Event, n)
	for i := range es {
		id := uuid.New()
		data := fmt.Appendf(nil, `{"charge_id":"%s","channel_id":"CH-%06d","market":"Brazil","category":"marketing","amount":"0.0625","rate":"0.0625"}`, id, i)
		meta := fmt.Appendf(nil, `{"v":1,"occurred_at":"2026-10-03T12:34:56.789Z","actor":"intake","cmd":"%s"}`, id)
		es[i] = eventstore.Event{ID: id, Type: "ConversationCharged", Data: data, Metadata: append(meta, make([]byte, max(0, 250-len(data)-len(meta)))...)}
	}
	return es
}

func openBench(b *testing.B) *Store {
	s, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

// BenchmarkAppend has concurrent writers, each with a stream of its own, and
// beside it raw Pebble batches of the same records, as many a batch as the
// writers, each batch synced. "of_raw" is the share of raw Pebble's speed.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 64, 256} {
		for _, size := range []int{1, 100} {
			b.Run(fmt.Sprintf("writers=%d/events=%d", writers, size), func(b *testing.B) {
				mine := benchAppend(b, writers, size)
				raw := benchRaw(b, writers, size)
				b.ReportMetric(mine, "events/s")
				b.ReportMetric(raw, "raw_events/s")
				b.ReportMetric(mine/raw, "of_raw")
			})
		}
	}
}

// benchAppend appends b.N events and returns how many it did a second.
func benchAppend(b *testing.B, writers, size int) float64 {
	s := openBench(b)
	ctx := context.Background()
	var left atomic.Int64
	left.Store(int64(max(b.N, size*writers)))
	total := float64(left.Load())
	var wg sync.WaitGroup
	b.ResetTimer()
	start := time.Now()
	for w := range writers {
		wg.Go(func() {
			stream := fmt.Sprintf("account-PA-%06d", w)
			es := benchEvents(size)
			expected := eventstore.NoStream
			for left.Add(-int64(size)) >= 0 {
				for i := range es {
					es[i].ID[0]++ // an id of its own is all that an event needs
				}
				a, err := s.Append(ctx, stream, expected, es)
				if err != nil {
					b.Error(err)
					return
				}
				expected = a.LastRevision
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	b.StopTimer()
	b.ReportMetric(float64(s.counts.appends.Load())/float64(s.counts.groups.Load()), "appends/sync")
	return total / took.Seconds()
}

// benchRaw writes the same records to a bare Pebble.
func benchRaw(b *testing.B, perBatch, size int) float64 {
	same := &Store{opts: Options{}.withDefaults(), log: zap.NewNop()}
	db, err := pebble.Open(b.TempDir(), same.pebbleOptions(nil))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	rec := encodeRecord(nil, "account-PA-000000", 0, benchEvents(size))
	var key, value []byte
	n, first := 0, uint64(1)
	total := max(b.N, size*perBatch)
	start := time.Now()
	for n < total {
		batch := db.NewBatch()
		for range perBatch {
			key = appendLogKey(key[:0], first)
			batch.Set(key, rec, nil)
			key = appendIndexKey(key[:0], "account-PA-000000", eventstore.Revision(first))
			value = appendIndexValue(value[:0], first, size)
			batch.Set(key, value, nil)
			first += uint64(size)
			n += size
		}
		if err := batch.Commit(pebble.Sync); err != nil {
			b.Fatal(err)
		}
	}
	return float64(n) / time.Since(start).Seconds()
}

// quiet keeps Pebble's messages out of the benchmark's report.
type quiet struct{}

func (quiet) Infof(string, ...any)           {}
func (quiet) Errorf(string, ...any)          {}
func (quiet) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }

// BenchmarkReadAll reads a log of appends of 100 events, and beside it scans
// the same keys with a bare Pebble iterator.
func BenchmarkReadAll(b *testing.B) {
	const size = 100
	for _, total := range []int{200_000, 2_000_000} {
		b.Run(fmt.Sprintf("events=%d", total), func(b *testing.B) {
			s := openBench(b)
			fill(b, s, total, size)
			if err := s.db.Flush(); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			start := time.Now()
			for range b.N {
				n := 0
				for e, err := range s.ReadAll(context.Background(), eventstore.Start) {
					if err != nil {
						b.Fatal(err)
					}
					n += len(e.Data) & 1
					n++
				}
				if n < total {
					b.Fatalf("%d events, want %d", n, total)
				}
			}
			mine := time.Since(start)
			b.StopTimer()
			start = time.Now()
			for range b.N {
				rawScan(b, s.db)
			}
			raw := time.Since(start)
			rate := float64(total*b.N) / mine.Seconds()
			b.ReportMetric(rate, "events/s")
			b.ReportMetric(float64(total*b.N)/raw.Seconds(), "raw_events/s")
			b.ReportMetric(raw.Seconds()/mine.Seconds(), "of_raw")
		})
	}
}

func fill(b testing.TB, s *Store, total, size int) {
	const streams = 8
	var wg sync.WaitGroup
	for w := range streams {
		wg.Go(func() {
			es := benchEvents(size)
			expected := eventstore.NoStream
			for range total / size / streams {
				for i := range es {
					es[i].ID[0]++
				}
				a, err := s.Append(context.Background(), fmt.Sprintf("account-PA-%06d", w), expected, es)
				if err != nil {
					b.Error(err)
					return
				}
				expected = a.LastRevision
			}
		})
	}
	wg.Wait()
}

func rawScan(b *testing.B, db *pebble.DB) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{logPrefix}, UpperBound: []byte{logPrefix + 1}})
	if err != nil {
		b.Fatal(err)
	}
	defer it.Close()
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		n += len(it.Value())
	}
	if n == 0 || it.Error() != nil {
		b.Fatal(n, it.Error())
	}
}
