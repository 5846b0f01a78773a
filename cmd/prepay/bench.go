package main

import (
	"context"
	_ "embed" // the rate card
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/intake"
	"prepayledger/consumers/intake/intaketest"
	"prepayledger/consumers/ledger"
	consumersusage "prepayledger/consumers/usage"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/rating"
	"prepayledger/eventstore"
)

//go:embed rates-usd-2026-10-01.csv
var benchCard []byte

// benchCmd measures the intake.
type benchCmd struct {
	Charges    int    `help:"Lines to import, duplicates included." default:"2000000"`
	Accounts   int    `help:"Partner accounts they belong to." default:"200"`
	Duplicates int    `help:"Per cent of the lines that repeat an earlier one." default:"5"`
	Seed       uint64 `help:"Makes the same workload again." default:"1"`
	NATS       bool   `name:"nats" help:"Also run the ledger with all of its outputs and bring it the same over NATS."`
	HTTP       bool   `name:"http" help:"Also bring it the same over HTTP, single charges too, and read balances meanwhile."`
	Month      bool   `help:"Measure a month's end instead: from the import of Meta's invoice to the last posting."`
	Lines      int    `help:"With --month: lines of the invoice." default:"100000"`
	Profile    string `help:"Write a processor profile of the intake to this file." type:"path"`
}

// Help implements kong.HelpProvider.
func (*benchCmd) Help() string {
	return `Measures the intake from NDJSON through decoding, rating, the charge index and
deciding to the fsynced log, with all read models following, in a temporary
folder; and beside it, in the same run, raw Pebble batches of the same bytes.

  prepay bench
  prepay bench --charges 200000 --json
  prepay bench --month --charges 10000000 --accounts 1000 --lines 100000`
}

// benchResult is what a run measured.
type benchResult struct {
	Charges    int     `json:"charges"`
	Accounts   int     `json:"accounts"`
	Seconds    float64 `json:"seconds"`
	IntakePerS float64 `json:"intake_per_s"`
	// ViewsSeconds is how much longer the read models took to be there, too.
	ViewsSeconds float64 `json:"views_behind_s"`
	RawPerS      float64 `json:"raw_pebble_events_per_s"`
	RatioToRaw   float64 `json:"ratio_to_raw"`
	RebuildPerS  float64 `json:"rebuild_events_per_s"`
	LogBytes     int64   `json:"event_bytes"`
	PeakMiB      float64 `json:"go_memory_mib"`
	Processors   int     `json:"processors"`
	// NATS is measured with --nats.
	NATS *natsResult `json:"nats,omitempty"`
	// HTTP is measured with --http.
	HTTP *httpResult `json:"http,omitempty"`
}

// Run runs the command.
func (c *benchCmd) Run(ctx context.Context, g *globals) (err error) {
	dir, err := os.MkdirTemp("", "prepay-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w := intaketest.Workload{
		Charges: c.Charges, Accounts: c.Accounts, DuplicatePercent: c.Duplicates, Seed: c.Seed,
		From: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC),
	}
	if c.Month {
		return c.month(ctx, dir, w, g)
	}
	file := filepath.Join(dir, "usage.ndjson")
	if err := writeWorkload(file, w); err != nil {
		return err
	}
	result, err := c.measure(ctx, dir, file, w, g.EventStore)
	if err == nil && c.NATS {
		err = c.measureNATS(ctx, dir, file, w, result)
	}
	if err == nil && c.HTTP {
		err = c.measureHTTP(ctx, dir, file, w, result)
	}
	if err != nil {
		return err
	}
	if g.JSON {
		return json.NewEncoder(g.Stdout).Encode(result)
	}
	_, err = fmt.Fprintf(g.Stdout, `%d charges over %d accounts, %d%% duplicates, %d processors
intake to fsync     %10.0f charges/s
read models behind  %10.2f s
raw Pebble          %10.0f events/s (the same bytes, synced per batch): intake is %.2f of it
rebuild of all      %10.0f events/s
`, result.Charges, result.Accounts, c.Duplicates, result.Processors, result.IntakePerS, result.ViewsSeconds,
		result.RawPerS, result.RatioToRaw, result.RebuildPerS)
	if n := result.NATS; n != nil && err == nil {
		_, err = fmt.Fprintf(g.Stdout, `over NATS, batches  %10.0f charges/s (%.2f of the intake from a file), outputs %.2f s behind
over NATS, singly   %10.0f charges/s, %d at once: %.1f ms at the median, %.1f ms at the 99th of a hundred
`, n.BatchPerS, n.RatioToFile, n.BehindSeconds, n.SinglePerS, natsClients, n.SingleP50, n.SingleP99)
	}
	if result.HTTP != nil && err == nil {
		result.HTTP.write(g.Stdout)
	}
	return err
}

func writeWorkload(file string, w intaketest.Workload) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(w.Write(out), out.Close())
}

// measure imports the workload, then writes the same bytes to Pebble alone,
// then rebuilds the read models.
func (c *benchCmd) measure(ctx context.Context, dir, file string, w intaketest.Workload, eventStore string) (*benchResult, error) {
	now := time.Date(2026, 10, 30, 0, 0, 0, 0, time.UTC)
	data := filepath.Join(dir, "data")
	a, err := desk.Open(ctx, data, app.Options{EventStore: eventStore, Empty: true, Clock: func() time.Time { return now }})
	if err != nil {
		return nil, err
	}
	defer func() { _ = a.Close() }()
	if err := benchAccounts(ctx, a.Ledger, w, now); err != nil {
		return nil, err
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	stop, err := c.profile()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	summary, err := intake.Import(ctx, a.Ledger, domain.Meta{Actor: "bench"}, consumersusage.Source{Name: "bench", R: in}, nil)
	took := time.Since(start)
	if err == nil {
		err = a.Ledger.Settle(ctx)
	}
	behind := time.Since(start) - took
	stop()
	if err != nil {
		return nil, err
	}
	if n := int(summary.Total()); n != w.Charges || summary.InQuarantine() > 0 || summary.Duplicates == 0 && c.Duplicates > 0 {
		return nil, fmt.Errorf("the workload was not taken as it should: %+v", summary)
	}
	r := &benchResult{
		Charges: w.Charges, Accounts: w.Accounts, Seconds: took.Seconds(), IntakePerS: float64(w.Charges) / took.Seconds(),
		ViewsSeconds: behind.Seconds(), Processors: runtime.GOMAXPROCS(0),
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	r.PeakMiB = float64(memory.Sys) / (1 << 20)
	if err := rawPebble(ctx, filepath.Join(dir, "raw"), a.Store, r); err != nil {
		return nil, err
	}
	return r, rebuildRate(ctx, a, data, eventStore, r)
}

func (c *benchCmd) profile() (func(), error) {
	if c.Profile == "" {
		return func() {}, nil
	}
	out, err := os.Create(c.Profile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); _ = out.Close() }, nil
}

func benchAccounts(ctx context.Context, l *ledger.Ledger, w intaketest.Workload, now time.Time) error {
	m := domain.Meta{At: now, Actor: "bench"}
	if _, _, err := l.ImportRates(ctx, m, "rates-usd-2026-10-01.csv", benchCard, rating.CardOptions{}); err != nil {
		return err
	}
	for i := range w.Accounts {
		id := intaketest.Partner(i)
		open := &domain.OpenAccount{PartnerID: id, Currency: "USD", Card: "sim_ok", CarriedOver: money.FromInt(500)}
		if err := l.Do(ctx, id, m, open); err != nil {
			return err
		}
		for ch := range intaketest.ChannelsPerAccount {
			channel := &domain.RegisterChannel{
				ChannelID: intaketest.Channel(i, ch), PhoneNumber: intaketest.Number(i, ch), PhoneNumberID: intaketest.WABA(i, ch),
				WABAID: intaketest.WABA(i, ch), PaymentModel: domain.PartnerPaid,
			}
			if err := l.Do(ctx, id, m, channel); err != nil {
				return err
			}
		}
	}
	return nil
}

// rawBatchEvents is how many events the raw run puts into a batch: about as
// many as the intake groups for one fsync.
const rawBatchEvents = 10_000

// rawPebble writes the log's bytes to Pebble alone, one record per hundred
// events, synced per batch.
func rawPebble(ctx context.Context, dir string, store eventstore.Store, r *benchResult) error {
	var records [][]byte
	var record []byte
	events := 0
	for e, err := range store.ReadAll(ctx, eventstore.Start) {
		if err != nil {
			return err
		}
		record = append(append(append(record, e.ID[:]...), e.Data...), e.Metadata...)
		r.LogBytes += int64(len(e.Data) + len(e.Metadata) + len(e.ID))
		if events++; events%100 == 0 {
			records = append(records, record)
			record = make([]byte, 0, len(record)+1024)
		}
	}
	db, err := pebble.Open(dir, &pebble.Options{Logger: silent{}, MemTableSize: 32 << 20})
	if err != nil {
		return err
	}
	start := time.Now()
	for from := 0; from < len(records); from += rawBatchEvents / 100 {
		b := db.NewBatch()
		for i, rec := range records[from:min(from+rawBatchEvents/100, len(records))] {
			if err := b.Set(fmt.Appendf(nil, "%016x", from+i), rec, nil); err != nil {
				return err
			}
		}
		if err := b.Commit(pebble.Sync); err != nil {
			return err
		}
	}
	r.RawPerS = float64(len(records)*100) / time.Since(start).Seconds()
	r.RatioToRaw = r.IntakePerS / r.RawPerS
	return db.Close()
}

// silent keeps Pebble quiet.
type silent struct{}

func (silent) Infof(string, ...any)      {}
func (silent) Errorf(string, ...any)     {}
func (silent) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// rebuildRate deletes the read models and times their rebuild.
func rebuildRate(ctx context.Context, a *desk.Desk, data, eventStore string, r *benchResult) error {
	if err := a.Close(); err != nil {
		return err
	}
	if err := app.DeleteViews(data); err != nil {
		return err
	}
	start := time.Now()
	again, err := desk.Open(ctx, data, app.Options{EventStore: eventStore})
	if err != nil {
		return err
	}
	took := time.Since(start)
	r.RebuildPerS = float64(again.Views.Engine.Applied()) / took.Seconds()
	return again.Close()
}
