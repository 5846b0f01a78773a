package main

import (
	"encoding/csv"
	"path/filepath"
	"strings"
	"testing"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/journal"
	"prepayledger/domain/money"
)

// TestExportJournal: the demo's month in double entry sums to zero after every
// event, is owed to Meta as much as was invoiced, and ties with the balances.
func TestExportJournal(t *testing.T) {
	kept := filepath.Join(t.TempDir(), "kept")
	ok(t, t.TempDir(), "demo", "--conversations", "1000", "--keep", kept)
	rows, err := csv.NewReader(strings.NewReader(ok(t, kept, "export", "journal", "--csv"))).ReadAll()
	if err != nil || len(rows) < 1000 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	sums, accounts, event := map[string]money.Amount{}, map[string]money.Amount{}, ""
	zero := func() {
		for currency, sum := range sums {
			if !sum.IsZero() {
				t.Fatalf("event %s: %s is off by %s", event, currency, sum)
			}
		}
	}
	for _, r := range rows[1:] {
		if r[3] != event {
			zero()
			event = r[3]
		}
		amount := money.Sum(money.MustParse("0"+r[10]), money.MustParse("0"+r[11]).Neg())
		sums[r[12]] = sums[r[12]].Add(amount)
		accounts[r[8]+" "+r[7]] = accounts[r[8]+" "+r[7]].Add(amount)
	}
	zero()
	months := parsed[desk.MonthView](t, kept, "month", "preview", "2026-10")
	if len(months.Accounts) != 3 {
		t.Fatalf("%d accounts", len(months.Accounts))
	}
	for _, a := range months.Accounts {
		if is := accounts[a.PartnerID+" "+string(journal.MetaFinal)].Neg(); !is.Equal(a.Invoiced.Amount.Add(a.Rounding)) {
			t.Errorf("%s: Meta is owed %s, invoiced %s and %s", a.PartnerID, is, a.Invoiced.Amount, a.Rounding)
		}
		balance := parsed[[]desk.BalanceLine](t, kept, "balance", a.PartnerID)
		if is := accounts[a.PartnerID+" "+string(journal.PrepaymentLiability)].Neg(); !is.Equal(balance[0].Balance) {
			t.Errorf("%s: the liability is %s, the balance %s", a.PartnerID, is, balance[0].Balance)
		}
	}
	text := ok(t, kept, "export", "journal", "--month", "2026-10", "--partner", "PA-1001")
	for _, want := range []string{"prepayment_liability", "surcharge_revenue", "sums to zero"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	refused(t, "no partner account", exitFailed, kept, "export", "journal", "--partner", "PA-9")
}
