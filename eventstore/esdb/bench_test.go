package esdb_test

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
	"prepayledger/eventstore/esdb"
	"prepayledger/eventstore/esdbserver"
)

func benchServed(b *testing.B) *esdb.Store {
	log, err := embedded.Open(b.TempDir(), embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := esdbserver.New(log, esdbserver.Options{Writable: true})
	go server.Serve(l)
	d, err := esdb.Open("esdb://"+l.Addr().String()+"?tls=false", esdb.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		d.Close()
		server.Close()
		log.Close()
	})
	return d
}

// BenchmarkAppend appends single events to streams of their own, 64 at once.
func BenchmarkAppend(b *testing.B) {
	d := benchServed(b)
	var n atomic.Int64
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			stream := fmt.Sprintf("account-%d", n.Add(1))
			if _, err := d.Append(context.Background(), stream, eventstore.NoStream, events(1)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

// BenchmarkReadAll reads events of 250 bytes.
func BenchmarkReadAll(b *testing.B) {
	d := benchServed(b)
	expected := eventstore.NoStream
	for range 100 {
		es := events(1000)
		for i := range es {
			es[i].Data = fmt.Appendf(nil, `{"text":"%0240d"}`, i)
		}
		a, err := d.Append(context.Background(), "account-1", expected, es)
		if err != nil {
			b.Fatal(err)
		}
		expected = a.LastRevision
	}
	b.ResetTimer()
	n := 0
	for range b.N {
		for _, err := range d.ReadAll(context.Background(), eventstore.Start) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}
