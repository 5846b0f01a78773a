//go:build libreoffice

package statements_test

import (
	"testing"

	"prepayledger/consumers/xlsx/xlsxtest"
	"prepayledger/domain/money"
)

// TestRecalculated opens the workbook with LibreOffice, which works its sums
// out, and compares them with the ledger's. It fails where LibreOffice is
// missing.
func TestRecalculated(t *testing.T) {
	s := full(t)
	rows := xlsxtest.Recalculate(t, s.XLSX)
	sheet := func(name string) map[string][]string {
		byName := map[string][]string{}
		for _, row := range rows(name) {
			byName[row[0]] = row
		}
		return byName
	}
	statement, total := sheet("Statement"), sheet("Usage")["Total"]
	xlsxtest.Near(t, "closing", statement["Closing balance"][2], s.Closing)
	xlsxtest.Near(t, "invoiced", statement["Invoiced by Meta"][2], s.Adjusted.Invoiced)
	xlsxtest.Near(t, "usage", total[4], s.UsageTotal.Amount)
	xlsxtest.Near(t, "usage count", total[3], money.FromInt(s.UsageTotal.Count))
	xlsxtest.Near(t, "usage invoiced", total[7], s.UsageTotal.InvoicedAmount)
	if got := statement["Closing balance"][3]; got != s.Closing.String() {
		t.Errorf("the exact closing balance is %s, want %s", got, s.Closing)
	}
}
