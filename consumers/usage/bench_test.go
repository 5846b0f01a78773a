package usage

import (
	"bytes"
	"context"
	"fmt"
	"testing"
)

// chargeLines makes rated charges as the provider's own systems write them,
// about 330 bytes each.
func chargeLines(n int, withMarket bool) []byte {
	var b bytes.Buffer
	for i := range n {
		place := `"recipient":"5511987654321","country":"BR"`
		if withMarket {
			place += `,"market":"Brazil"`
		}
		fmt.Fprintf(&b, `{"charge_id":"wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUFERjg0NDEz%08d","partner_id":"PA-%04d","channel_id":"CH-%04d-0","waba_id":"1022%06d",%s,"category":"marketing","pricing_model":"CBP","pricing_type":"regular","occurred_at":"2026-10-03T12:34:%02d.789Z","amount":"0.0625","currency":"USD"}`+"\n",
			i, i%500, i%500, i%500, place, i%60)
	}
	return b.Bytes()
}

func benchmarkBlock(b *testing.B, data []byte, strict bool) {
	d := NewDecoder(Options{})
	d.strictOnly = strict
	block := &Block{File: "bench.ndjson", FirstLine: 1, Data: data}
	var batch Batch
	d.DecodeBlock(block, &batch)
	if batch.Stats.Charges == 0 || batch.Stats.Malformed > 0 {
		b.Fatalf("%+v", batch.Stats)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		d.DecodeBlock(block, &batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch.Stats.Charges), "ns/charge")
}

func BenchmarkDecodeBlock(b *testing.B) {
	b.Run("market", func(b *testing.B) { benchmarkBlock(b, chargeLines(760, true), false) })
	b.Run("country", func(b *testing.B) { benchmarkBlock(b, chargeLines(760, false), false) })
	b.Run("strict", func(b *testing.B) { benchmarkBlock(b, chargeLines(760, true), true) })
	b.Run("webhook", func(b *testing.B) {
		benchmarkBlock(b, bytes.Repeat([]byte(hook(delivered)+"\n"), 400), false)
	})
	b.Run("csv", func(b *testing.B) {
		line := "CH-id-%08d,PA-1001,CH-1001-0,102210010,5511987654321,BR,Brazil,marketing,CBP,regular,2026-10-03T12:34:56Z,0.0625,USD\n"
		var data bytes.Buffer
		for i := range 1000 {
			fmt.Fprintf(&data, line, i)
		}
		columns, err := parseHeader(Position{"x.csv", 1}, "charge_id,partner_id,channel_id,waba_id,recipient,country,market,category,pricing_model,pricing_type,occurred_at,amount,currency")
		if err != nil {
			b.Fatal(err)
		}
		d, block := NewDecoder(Options{}), &Block{File: "x.csv", FirstLine: 2, Data: data.Bytes(), columns: columns}
		var batch Batch
		for b.Loop() {
			d.DecodeBlock(block, &batch)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*1000), "ns/charge")
	})
}

func BenchmarkReadAll(b *testing.B) {
	data := chargeLines(100_000, true)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		stats, err := ReadAll(context.Background(), Source{Name: "x.ndjson", R: bytes.NewReader(data)}, Options{}, func(*Batch) error { return nil })
		if err != nil || stats.Charges != 100_000 {
			b.Fatal(stats, err)
		}
	}
	b.ReportMetric(float64(b.N)*100_000/b.Elapsed().Seconds(), "charges/s")
}
