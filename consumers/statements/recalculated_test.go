//go:build libreoffice

package statements_test

import (
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"prepayledger/domain/money"
)

// TestRecalculated opens the workbook with LibreOffice, which works its sums
// out, and compares them with the ledger's. It fails where LibreOffice is
// missing.
func TestRecalculated(t *testing.T) {
	dir := t.TempDir()
	s := full(t)
	file := filepath.Join(dir, "october.xlsx")
	w, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.XLSX(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// All sheets, values as they are and not as they are shown.
	const everySheet = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1"
	c := exec.Command("soffice", "-env:UserInstallation=file://"+filepath.Join(dir, "profile"), "--headless", "--convert-to", everySheet, "--outdir", dir, file)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("LibreOffice (Debian: apt-get install libreoffice-calc-nogui): %v: %s", err, out)
	}
	sheet := func(name string) map[string][]string {
		t.Helper()
		f, err := os.Open(filepath.Join(dir, "october-"+name+".csv"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r := csv.NewReader(f)
		r.FieldsPerRecord = -1
		rows, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		byName := map[string][]string{}
		for _, row := range rows {
			byName[row[0]] = row
		}
		return byName
	}
	near := func(where, got string, want money.Amount) {
		t.Helper()
		if is, err := money.Parse(got); err != nil || !is.Sub(want).Abs().Less(money.MustParse("0.0000001")) {
			t.Errorf("%s is %q, want %s (%v)", where, got, want, err)
		}
	}
	statement, total := sheet("Statement"), sheet("Usage")["Total"]
	near("closing", statement["Closing balance"][2], s.Closing)
	near("invoiced", statement["Invoiced by Meta"][2], s.Adjusted.Invoiced)
	near("usage", total[4], s.UsageTotal.Amount)
	near("usage count", total[3], money.FromInt(s.UsageTotal.Count))
	near("usage invoiced", total[7], s.UsageTotal.InvoicedAmount)
	if got := statement["Closing balance"][3]; got != s.Closing.String() {
		t.Errorf("the exact closing balance is %s, want %s", got, s.Closing)
	}
}
