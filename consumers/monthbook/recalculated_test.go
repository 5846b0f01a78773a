//go:build libreoffice

package monthbook_test

import (
	"strings"
	"testing"

	"prepayledger/consumers/xlsx/xlsxtest"
)

// TestRecalculated opens the workbook with LibreOffice, which works its sums
// out, and compares them with the exact ones. It fails where LibreOffice is
// missing.
func TestRecalculated(t *testing.T) {
	m := sample(5, 400)
	rows := xlsxtest.Recalculate(t, m.Write)
	sheet := func(name string) map[string][]string {
		totals := map[string][]string{}
		for _, row := range rows(name) {
			if currency, ok := strings.CutPrefix(row[0], "Total "); ok {
				totals[currency] = row
			}
		}
		return totals
	}
	summary, lines, parts := sheet("Summary"), sheet("Lines"), sheet("Parts")
	totals := m.Totals()
	if len(totals) != 2 || len(summary) != 2 {
		t.Fatalf("%d currencies, %d in the workbook", len(totals), len(summary))
	}
	for _, total := range totals {
		c := string(total.Currency)
		xlsxtest.Near(t, "charged", summary[c][3], total.Charged)
		xlsxtest.Near(t, "invoiced", summary[c][5], total.Invoiced)
		xlsxtest.Near(t, "difference", summary[c][6], total.Difference)
		xlsxtest.Near(t, "adjustment", summary[c][8], total.Post)
		xlsxtest.Near(t, "lines charged", lines[c][7], total.Charged)
		xlsxtest.Near(t, "lines invoiced", lines[c][9], total.Invoiced)
		xlsxtest.Near(t, "lines difference", lines[c][12], total.Difference)
		xlsxtest.Near(t, "parts", parts[c][8], total.Difference)
		if lines[c][15] != total.Difference.String() {
			t.Errorf("exact difference %s, want %s", lines[c][15], total.Difference)
		}
	}
}
