package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"prepayledger/consumers/intake/intaketest"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsintake"
)

const (
	// natsBatchLines is how many lines a message of usage has.
	natsBatchLines = 1000
	// natsBatches is how many such messages wait for NATS at most.
	natsBatches = 32
	// natsClients is how many single charges are asked for at once.
	natsClients = 64
	// natsSingles is how many single charges are asked for in all.
	natsSingles = 100_000
	// natsWait bounds the wait for one answer (time).
	natsWait = 30 * time.Second
)

// natsResult is what a running ledger took over NATS.
type natsResult struct {
	BatchPerS   float64 `json:"nats_batch_charges_per_s"`
	RatioToFile float64 `json:"nats_ratio_to_file_import"`
	// BehindSeconds is how much longer the outputs took to have every event.
	BehindSeconds float64 `json:"outputs_behind_s"`
	SinglePerS    float64 `json:"nats_single_charges_per_s"`
	SingleP50     float64 `json:"nats_single_p50_ms"`
	SingleP99     float64 `json:"nats_single_p99_ms"`
}

// measureNATS runs the ledger with all of its outputs in a folder of its own
// and brings it the file in batches, then charges one by one.
func (c *benchCmd) measureNATS(ctx context.Context, dir, file string, w intaketest.Workload, r *benchResult) (err error) {
	now := time.Date(2026, 10, 30, 0, 0, 0, 0, time.UTC)
	s := &server{
		globals:  &globals{Data: filepath.Join(dir, "nats-data"), Now: func() time.Time { return now }},
		settings: &settings{NATSListen: "127.0.0.1:-1", NATSReplicas: 1, HTTPListen: "127.0.0.1:0", Provider: defaultProvider, EventsMaxAge: natsbus.DefaultMaxAge, EventsMaxBytes: natsbus.DefaultMaxBytes},
		log:      zap.NewNop(),
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(ctx); err != nil {
		return err
	}
	if err := benchAccounts(ctx, s.app.Ledger, w, now); err != nil {
		return err
	}
	nc, err := natsbus.Connect(ctx, natsbus.ConnectOptions{URL: s.nats.ClientURL(), User: string(natsbus.RolePrepay), Password: s.nats.Password(natsbus.RolePrepay), Name: "bench"})
	if err != nil {
		return err
	}
	defer nc.Close()
	r.NATS = &natsResult{}
	if err := r.NATS.batches(ctx, s, nc, file, w.Charges, r.IntakePerS); err != nil {
		return err
	}
	return r.NATS.singles(nc, w)
}

// batches publishes the file to the work queue and waits until it is empty.
func (n *natsResult) batches(ctx context.Context, s *server, nc *nats.Conn, file string, charges int, fileRate float64) error {
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(natsBatches))
	if err != nil {
		return err
	}
	start := time.Now()
	if err := publishLines(js, file); err != nil {
		return err
	}
	consumer, err := js.Consumer(ctx, natsbus.UsageStream, natsintake.UsageConsumer)
	if err != nil {
		return err
	}
	for {
		info, err := consumer.Info(ctx)
		if err != nil {
			return err
		}
		if info.NumPending == 0 && info.NumAckPending == 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	took := time.Since(start)
	n.BatchPerS = float64(charges) / took.Seconds()
	n.RatioToFile = n.BatchPerS / fileRate
	if err := s.outputsReach(ctx); err != nil {
		return err
	}
	n.BehindSeconds = (time.Since(start) - took).Seconds()
	return nil
}

// publishLines publishes a file in messages of many lines.
func publishLines(js jetstream.JetStream, file string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	lines := bufio.NewReaderSize(in, 1<<20)
	var batch bytes.Buffer
	held := 0
	flush := func() error {
		if held == 0 {
			return nil
		}
		_, err := js.PublishAsync(natsbus.UsageSubject, bytes.Clone(batch.Bytes()), jetstream.WithStallWait(natsWait))
		batch.Reset()
		held = 0
		return err
	}
	for {
		line, err := lines.ReadBytes('\n')
		batch.Write(line)
		if held++; held == natsBatchLines || err != nil {
			if err := flush(); err != nil {
				return err
			}
		}
		if err != nil {
			break
		}
	}
	select {
	case <-js.PublishAsyncComplete():
		return nil
	case <-time.After(natsWait):
		return errors.New("NATS did not take all of the usage")
	}
}

// singles asks for charges one by one, many at once, and waits for each answer.
func (n *natsResult) singles(nc *nats.Conn, w intaketest.Workload) error {
	var next atomic.Int64
	var group sync.WaitGroup
	took := make([][]time.Duration, natsClients)
	failures := make(chan error, natsClients)
	start := time.Now()
	for client := range natsClients {
		group.Go(func() {
			for i := next.Add(1); i <= natsSingles; i = next.Add(1) {
				began := time.Now()
				m, err := nc.Request(natsbus.ChargeSubject, singleCharge(w, int(i)), natsWait)
				if err == nil && !bytes.Contains(m.Data, []byte(`"charged"`)) {
					err = fmt.Errorf("a charge was answered %s", m.Data)
				}
				if err != nil {
					failures <- err
					return
				}
				took[client] = append(took[client], time.Since(began))
			}
		})
	}
	group.Wait()
	select {
	case err := <-failures:
		return err
	default:
	}
	n.SinglePerS = natsSingles / time.Since(start).Seconds()
	all := slices.Concat(took...)
	slices.Sort(all)
	n.SingleP50 = all[len(all)/2].Seconds() * 1000
	n.SingleP99 = all[len(all)*99/100].Seconds() * 1000
	return nil
}

// singleCharge is a charge of its own.
func singleCharge(w intaketest.Workload, i int) []byte {
	account, channel := i%w.Accounts, i/w.Accounts%intaketest.ChannelsPerAccount
	text, _ := json.Marshal(map[string]string{
		"charge_id": fmt.Sprintf("single-%d", i), "partner_id": intaketest.Partner(account), "channel_id": intaketest.Channel(account, channel),
		"waba_id": intaketest.WABA(account, channel), "country": "BR", "category": "marketing", "pricing_model": "PMP", "occurred_at": w.From.Add(time.Hour).Format(time.RFC3339),
	})
	return text
}
