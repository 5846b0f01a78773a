package natsintake_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"prepayledger/consumers/intake"
	"prepayledger/consumers/intake/intaketest"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/usage"
	"prepayledger/domain"
)

// inFlight is how many senders ask at once.
const inFlight = 64

// sample is the charges of a measurement, decoded and as lines.
func sample(b *testing.B, n int) ([]usage.Item, [][]byte) {
	b.Helper()
	data := lines(b, intaketest.Workload{Charges: n, Accounts: 200, Seed: 9})
	var batch usage.Batch
	usage.NewDecoder(usage.Options{}).DecodeMessage("bench", data, &batch)
	return batch.Items, bytes.SplitAfter(data[:len(data)-1], []byte("\n"))
}

// BenchmarkSingleCharges compares the same charges, 64 in flight, one each:
// given to the ledger by a call, given to nobody by request over NATS (its
// answer comes at once: the limit of the way), and given to the ledger by
// request.
func BenchmarkSingleCharges(b *testing.B) {
	const charges = 100_000
	items, requests := sample(b, charges)
	run := func(b *testing.B, one func(sender, i int) error) {
		b.Helper()
		var next atomic.Int64
		var all sync.WaitGroup
		took := make([]time.Duration, charges)
		began := time.Now()
		for sender := range inFlight {
			all.Go(func() {
				for i := int(next.Add(1)) - 1; i < charges; i = int(next.Add(1)) - 1 {
					sent := time.Now()
					if err := one(sender, i); err != nil {
						b.Error(err)
						return
					}
					took[i] = time.Since(sent)
				}
			})
		}
		all.Wait()
		b.ReportMetric(charges/time.Since(began).Seconds(), "charges/s")
		slices.Sort(took)
		b.ReportMetric(float64(took[charges*99/100])/float64(time.Millisecond), "p99-ms")
		b.ReportMetric(0, "ns/op")
	}
	b.Run("call", func(b *testing.B) {
		for range b.N {
			bn := newBench(b, options{accounts: 200, unseen: true})
			run(b, func(_, i int) error {
				o, err := bn.ledger.Charge(context.Background(), domain.Meta{Actor: "bench"}, []ledger.Presented{{Charge: items[i].Charge}})
				if err == nil && o[0].Charge != domain.ChargeDeducted {
					err = fmt.Errorf("charge %d came to %+v", i, o[0])
				}
				return err
			})
		}
	})
	for _, connections := range []int{1, inFlight} {
		b.Run(fmt.Sprintf("echo/connections=%d", connections), func(b *testing.B) {
			for range b.N {
				bn := newBench(b, options{accounts: 1, unseen: true})
				nc, _ := bn.connect()
				if _, err := nc.Subscribe(natsbus.GateSubject, func(msg *nats.Msg) { _ = msg.Respond(msg.Data) }); err != nil {
					b.Fatal(err)
				}
				if err := nc.Flush(); err != nil {
					b.Fatal(err)
				}
				var ncs []*nats.Conn
				for range connections {
					ncs = append(ncs, outside(b, bn.server))
				}
				run(b, func(sender, i int) error {
					_, err := ncs[sender%connections].Request(natsbus.GateSubject, requests[i], patience)
					return err
				})
			}
		})
		b.Run(fmt.Sprintf("nats/connections=%d", connections), func(b *testing.B) {
			for range b.N {
				bn := newBench(b, options{accounts: 200, unseen: true})
				stop := bn.run()
				var ncs []*nats.Conn
				for range connections {
					ncs = append(ncs, outside(b, bn.server))
				}
				run(b, func(sender, i int) error {
					msg, err := ncs[sender%connections].Request(natsbus.ChargeSubject, requests[i], patience)
					if err == nil && !strings.HasPrefix(string(msg.Data), `{"outcome":"charged"`) {
						err = fmt.Errorf("charge %d: %s", i, msg.Data)
					}
					return err
				})
				if err := stop(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// outside is a sender's connection over the network.
func outside(b *testing.B, s *natsbus.Server) *nats.Conn {
	b.Helper()
	nc, err := nats.Connect(s.ClientURL(), nats.UserInfo(string(natsbus.RoleIntake), s.Password(natsbus.RoleIntake)),
		nats.CustomInboxPrefix(natsbus.InboxPrefix(natsbus.RoleIntake)))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	return nc
}

// BenchmarkBatches compares the same lines: imported as a file, and taken
// from the work queue, where they stand in messages of 500 KB.
func BenchmarkBatches(b *testing.B) {
	const charges, messageBytes = 400_000, 500_000
	data := lines(b, intaketest.Workload{Charges: charges, Accounts: 200, Seed: 9})
	b.Run("import", func(b *testing.B) {
		for range b.N {
			bn := newBench(b, options{accounts: 200, unseen: true})
			began := time.Now()
			s, err := intake.Import(context.Background(), bn.ledger, domain.Meta{Actor: "bench"}, usage.Source{Name: "bench", R: bytes.NewReader(data)}, nil)
			if err != nil || s.Charged != charges {
				b.Fatalf("%+v %v", s, err)
			}
			b.ReportMetric(charges/time.Since(began).Seconds(), "charges/s")
			b.ReportMetric(0, "ns/op")
		}
	})
	b.Run("nats", func(b *testing.B) {
		for range b.N {
			bn := newBench(b, options{accounts: 200, unseen: true})
			messages := 0
			for rest := data; len(rest) > 0; messages++ {
				n := min(len(rest), messageBytes)
				n += bytes.IndexByte(rest[n-1:], '\n')
				bn.publish(rest[:n], nil)
				rest = rest[n:]
			}
			began := time.Now()
			stop := bn.run()
			bn.seen.wait(b, "acknowledged", messages)
			b.ReportMetric(charges/time.Since(began).Seconds(), "charges/s")
			b.ReportMetric(0, "ns/op")
			bn.empty()
			if err := stop(); err != nil {
				b.Fatal(err)
			}
			if got := bn.events()[domain.TypeConversationCharged]; got != charges {
				b.Fatalf("%d charges on disk, want %d", got, charges)
			}
		}
	})
}
