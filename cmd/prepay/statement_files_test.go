package main

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"prepayledger/consumers/statements"
)

// TestMonthEndFiles: the demo's partners get statements that tie, and Finance
// a workbook with every account, also those that only the first run had.
func TestMonthEndFiles(t *testing.T) {
	dir := t.TempDir()
	kept := filepath.Join(dir, "kept")
	ok(t, t.TempDir(), "demo", "--conversations", "1000", "--keep", kept)
	for _, partner := range []string{"PA-1001", "PA-1002", "PA-1003"} {
		name := func(extension string) string { return filepath.Join(dir, partner+extension) }
		made := parsed[struct {
			Statement statements.Statement
			Files     []string
		}](t, kept, "statement", partner, "--month", "2026-10", "--pdf", name(".pdf"), "--xlsx", name(".xlsx"), "--full-csv", name(".csv"))
		s := made.Statement
		if len(made.Files) != 3 || s.Estimated || !s.Tie.Balances || s.Tie.Events == 0 || len(s.Documents) == 0 {
			t.Errorf("%s: %v %+v", partner, made.Files, s.Tie)
		}
		if !s.UsageTotal.InvoicedAmount.Equal(s.Adjusted.Invoiced) || !s.UsageTotal.Amount.Equal(s.Adjusted.Charged) {
			t.Errorf("%s: usage %s and invoiced %s, the ledger says %+v", partner, s.UsageTotal.Amount, s.UsageTotal.InvoicedAmount, s.Adjusted)
		}
		if pdf, err := os.ReadFile(name(".pdf")); err != nil || !bytes.HasPrefix(pdf, []byte("%PDF")) {
			t.Errorf("%s: no PDF: %v", partner, err)
		}
		table, err := os.ReadFile(name(".csv"))
		if err != nil {
			t.Fatal(err)
		}
		if rows, err := csv.NewReader(bytes.NewReader(table)).ReadAll(); err != nil || len(rows) < 20 {
			t.Errorf("%s: %d rows: %v", partner, len(rows), err)
		}
	}
	if out := ok(t, kept, "statement", "PA-1001", "--month", "2026-11", "--full-csv", "-"); !strings.Contains(out, "ESTIMATED") || !strings.Contains(out, "Month-end adjustments") {
		t.Errorf("November: %s", out)
	}
	book := filepath.Join(dir, "month.xlsx")
	ok(t, kept, "month", "workbook", "2026-10", "--xlsx", book)
	f, err := excelize.OpenFile(book)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var partners []string
	rows, err := f.GetRows("Summary")
	for _, r := range rows[1:] {
		partners = append(partners, r[0])
	}
	if got := strings.Join(partners, " "); err != nil || got != "PA-1001 PA-1002 PA-1003 Total EUR Total USD" {
		t.Errorf("accounts: %s, %v", got, err)
	}
	refused(t, "unknown_account", exitFailed, kept, "statement", "PA-9", "--month", "2026-10", "--pdf", "-")
	refused(t, "--xlsx", exitFailed, kept, "month", "workbook", "2026-10", "--xlsx", filepath.Join(dir, "none", "x.xlsx"))
	refused(t, "nothing_to_reconcile", exitFailed, kept, "month", "workbook", "2027-01", "--xlsx", "-")
}
