// Package xlsxtest lets LibreOffice work a workbook's sums out, so that tests
// compare them with the exact ones.
package xlsxtest

import (
	"encoding/csv"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"prepayledger/domain/money"
)

// everySheet converts all sheets, with values as they are and not as they are
// shown.
const everySheet = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1"

// Recalculate opens the workbook that write writes and returns what reads the
// rows of a sheet. The test fails where LibreOffice (soffice) is missing.
func Recalculate(t *testing.T, write func(io.Writer) error) func(sheet string) [][]string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "book.xlsx")
	w, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("soffice", "-env:UserInstallation=file://"+filepath.Join(dir, "profile"), "--headless", "--convert-to", everySheet, "--outdir", dir, file)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("LibreOffice (Debian: apt-get install libreoffice-calc-nogui): %v: %s", err, out)
	}
	return func(sheet string) [][]string {
		t.Helper()
		f, err := os.Open(filepath.Join(dir, "book-"+sheet+".csv"))
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
		return rows
	}
}

// Near compares a recalculated figure with the exact one: a double's sum of
// some thousand amounts is off by much less than is allowed.
func Near(t *testing.T, where, got string, want money.Amount) {
	t.Helper()
	if is, err := money.Parse(got); err != nil || !is.Sub(want).Abs().Less(money.MustParse("0.0000001")) {
		t.Errorf("%s is %q, want %s (%v)", where, got, want, err)
	}
}
