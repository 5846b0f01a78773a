//go:build libreoffice

package monthbook_test

import (
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"prepayledger/domain/money"
)

// TestRecalculated opens the workbook with LibreOffice, which works its sums
// out, and compares them with the exact ones. It fails where LibreOffice is
// missing.
func TestRecalculated(t *testing.T) {
	dir := t.TempDir()
	m := sample(5, 400)
	file := filepath.Join(dir, "month.xlsx")
	w, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Write(w); err != nil {
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
		f, err := os.Open(filepath.Join(dir, "month-"+name+".csv"))
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
		totals := map[string][]string{}
		for _, row := range rows {
			if currency, ok := strings.CutPrefix(row[0], "Total "); ok {
				totals[currency] = row
			}
		}
		return totals
	}
	near := func(where, got string, want money.Amount) {
		t.Helper()
		// A double's sum of 2,000 amounts is off by much less than this.
		if is, err := money.Parse(got); err != nil || !is.Sub(want).Abs().Less(money.MustParse("0.0000001")) {
			t.Errorf("%s is %q, want %s (%v)", where, got, want, err)
		}
	}
	summary, lines, parts := sheet("Summary"), sheet("Lines"), sheet("Parts")
	totals := m.Totals()
	if len(totals) != 2 || len(summary) != 2 {
		t.Fatalf("%d currencies, %d in the workbook", len(totals), len(summary))
	}
	for _, total := range totals {
		c := string(total.Currency)
		near("charged", summary[c][3], total.Charged)
		near("invoiced", summary[c][5], total.Invoiced)
		near("difference", summary[c][6], total.Difference)
		near("adjustment", summary[c][8], total.Post)
		near("lines charged", lines[c][7], total.Charged)
		near("lines invoiced", lines[c][9], total.Invoiced)
		near("lines difference", lines[c][12], total.Difference)
		near("parts", parts[c][8], total.Difference)
		if lines[c][15] != total.Difference.String() {
			t.Errorf("exact difference %s, want %s", lines[c][15], total.Difference)
		}
	}
}
