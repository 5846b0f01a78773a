package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/intake"
	"prepayledger/consumers/intake/intaketest"
	consumersusage "prepayledger/consumers/usage"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// benchedMonth is the month that bench --month closes.
const benchedMonth = domain.Month("2026-10")

// benchDecimals is to how many decimals the lines of an invoice share a sum.
const benchDecimals = 6

// benchFaults is how many invoice lines there are to one that is wrong.
const benchFaults = 50

// benchMonthResult is what closing a month took.
type benchMonthResult struct {
	Charges  int `json:"charges"`
	Accounts int `json:"accounts"`
	Sums     int `json:"sums"`
	Lines    int `json:"invoice_lines"`
	// Differences is how many compared lines differ.
	Differences int `json:"differences"`
	// Seconds of each step; End is all of them but Intake.
	Intake  float64 `json:"intake_s"`
	Import  float64 `json:"import_s"`
	Preview float64 `json:"preview_s"`
	Propose float64 `json:"propose_s"`
	Approve float64 `json:"approve_and_post_s"`
	End     float64 `json:"month_end_s"`
	// GoMiB is what Go asked the system for over all steps, RSSMiB the most
	// that was resident in any of them; 0 where the system does not say.
	GoMiB      float64 `json:"go_memory_mib"`
	RSSMiB     float64 `json:"resident_peak_mib"`
	Processors int     `json:"processors"`
}

// month measures a month's end: charges and an invoice of them with faults,
// from the import of the invoice to the last posting.
func (c *benchCmd) month(ctx context.Context, dir string, w intaketest.Workload, g *globals) error {
	now := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	r := &benchMonthResult{Charges: w.Charges, Accounts: w.Accounts, Processors: runtime.GOMAXPROCS(0)}
	o := app.Options{Clock: func() time.Time { return now }}
	data := filepath.Join(dir, "data")
	if err := r.fill(ctx, dir, data, w, o); err != nil {
		return err
	}
	// Month end begins in a process that knows nothing yet.
	a, err := desk.Open(ctx, data, o)
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	invoice := filepath.Join(dir, "invoice.csv")
	if err := r.invoice(ctx, a, invoice, c.Lines); err != nil {
		return err
	}
	if err := r.close(ctx, a, invoice); err != nil {
		return err
	}
	if g.JSON {
		return json.NewEncoder(g.Stdout).Encode(r)
	}
	_, err = fmt.Fprintf(g.Stdout, `%d charges of %d accounts (%d sums), %d invoice lines, %d differences, %d processors
import of the invoice  %8.2f s
preview                %8.2f s
propose                %8.2f s
approve and post       %8.2f s
month end in all       %8.2f s, %.0f MiB of Go, %.0f MiB resident at most
`, r.Charges, r.Accounts, r.Sums, r.Lines, r.Differences, r.Processors, r.Import, r.Preview, r.Propose, r.Approve, r.End, r.GoMiB, r.RSSMiB)
	return err
}

// fill makes the log.
func (r *benchMonthResult) fill(ctx context.Context, dir, data string, w intaketest.Workload, o app.Options) error {
	a, err := desk.Open(ctx, data, o)
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	if err := benchAccounts(ctx, a.Ledger, w, w.From); err != nil {
		return err
	}
	file := filepath.Join(dir, "usage.ndjson")
	if err := writeWorkload(file, w); err != nil {
		return err
	}
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	start := time.Now()
	if _, err := intake.Import(ctx, a.Ledger, domain.Meta{Actor: "bench"}, consumersusage.Source{Name: "bench", R: in}, nil); err != nil {
		return err
	}
	if err := a.Ledger.Settle(ctx); err != nil {
		return err
	}
	r.Intake = time.Since(start).Seconds()
	return errors.Join(a.Close(), os.Remove(file))
}

// invoice writes an invoice of what was charged, every key in several lines so
// that there are as many as asked for; one line of benchFaults is wrong.
func (r *benchMonthResult) invoice(ctx context.Context, a *desk.Desk, file string, lines int) (err error) {
	in, err := a.Ledger.MonthInput(ctx, benchedMonth)
	if err != nil {
		return err
	}
	if r.Sums = len(in.Usage); r.Sums == 0 {
		return errors.New("nothing was charged: give more --charges")
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := bufio.NewWriter(out)
	fmt.Fprintln(w, "invoice_id,document_type,billing_period,waba_id,phone_number_id,country,market,category,pricing_type,tier,volume,amount,currency")
	for i := range in.Usage {
		u := &in.Usage[i]
		pieces := lines / r.Sums
		if i < lines%r.Sums {
			pieces++
		}
		r.pieces(w, u, pieces)
	}
	return w.Flush()
}

// pieces writes a sum as so many lines that come to it, but for faults.
func (r *benchMonthResult) pieces(w *bufio.Writer, u *reconciliation.Usage, pieces int) {
	count, amount := u.Count, u.Amount
	price, _ := amount.Quo(money.FromInt(max(count, 1)), benchDecimals)
	for n := int64(pieces); n > 0; n-- {
		volume := count / n
		share, _ := amount.Quo(money.FromInt(n), benchDecimals)
		if n == 1 {
			share = amount
		}
		count, amount = count-volume, amount.Sub(share)
		r.Lines++
		if r.Lines%benchFaults == 0 {
			volume, share = volume+1, share.Add(price)
		}
		fmt.Fprintf(w, "MI-1,INV,2026-10-01,%s,%s,,%s,%s,%s,,%d,%s,USD\n", u.WABAID, u.PhoneNumberID, u.Market, u.Category, u.PricingType, volume, share)
	}
}

// close takes the month from the invoice's import to the last posting.
func (r *benchMonthResult) close(ctx context.Context, a *desk.Desk, invoice string) error {
	in, err := os.Open(invoice)
	if err != nil {
		return err
	}
	defer in.Close()
	step := func(seconds *float64, work func() error) {
		if err != nil {
			return
		}
		// Each step is a command of its own: what one needed is no burden of
		// the next.
		debug.FreeOSMemory()
		resetPeak()
		start := time.Now()
		err = work()
		*seconds = time.Since(start).Seconds()
		r.End += *seconds
		r.RSSMiB = max(r.RSSMiB, peakMiB())
	}
	step(&r.Import, func() error {
		_, err := a.Ledger.ImportMetaInvoice(ctx, domain.Meta{Actor: "bench:ana"}, "invoice.csv", in, nil)
		return err
	})
	step(&r.Preview, func() error {
		result, err := a.Ledger.PreviewMonth(ctx, benchedMonth)
		if err == nil {
			for i := range result.Accounts {
				for j := range result.Accounts[i].Lines {
					if !result.Accounts[i].Lines[j].Difference.IsZero() {
						r.Differences++
					}
				}
			}
		}
		return err
	})
	var uninvoiced money.Amount // fewer lines than sums leave WABAs out
	step(&r.Propose, func() error {
		p, err := a.Ledger.ProposeMonth(ctx, domain.Meta{Actor: "bench:ana"}, benchedMonth)
		if err == nil {
			uninvoiced = p.UninvoicedSum
		}
		return err
	})
	step(&r.Approve, func() error {
		_, err := a.Ledger.ApproveMonth(ctx, domain.Meta{Actor: "bench:ben"}, benchedMonth, &uninvoiced)
		return err
	})
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	r.GoMiB = float64(memory.Sys) / (1 << 20)
	return err
}

// resetPeak makes Linux count the peak of resident memory anew; elsewhere it
// does nothing.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peakMiB is the most memory that was resident since resetPeak, in MiB; 0
// where the system does not say.
func peakMiB() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024
		}
	}
	return 0
}
