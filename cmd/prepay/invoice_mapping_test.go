package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"prepayledger/cmd/prepay/internal/desk"

	"github.com/xuri/excelize/v2"
)

const reportMapping = `delimiter = ";"
decimal_mark = ","
skip_lines = 1
[fields]
invoice_id = { column = "Beleg" }
document_type = { constant = "INV" }
billing_period = { column = "Monat", date = "MM.YYYY" }
waba_id = { column = "Konto" }
country = { column = "Land" }
category = { column = "Art", values = { "Werbung" = "marketing" } }
volume = { column = "Anzahl" }
amount = { column = "Betrag" }
currency = { constant = "USD" }
`

const metaReport = "Abrechnung\nBeleg;Monat;Konto;Land;Art;Anzahl;Betrag\nMI-1;10.2026;W-1;BR;Werbung;2;0,14\n"

// TestImportThroughAMapping: a report of another layout is reconciled like the
// normalised one, and its mapping is kept with it.
func TestImportThroughAMapping(t *testing.T) {
	data := newLedger(t)
	importStdin(t, data, usageLine("a", `,"country":"BR"`))
	mapping, file := write(t, "report.toml", reportMapping), write(t, "report.csv", metaReport)
	out := ok(t, data, "invoice", "mapping", "check", mapping, "--sample", file)
	for _, want := range []string{"marketing", "2026-10-01", "INV 2026-10: 1 lines, volume 2, 0.14 USD"} {
		if !strings.Contains(out, want) {
			t.Errorf("check lacks %q:\n%s", want, out)
		}
	}
	if out := ok(t, data, "invoice", "mapping", "check", mapping); !strings.Contains(out, "report.toml can be read") {
		t.Error(out)
	}
	refused(t, "unknown column", exitFailed, data, "invoice", "import", file)
	ok(t, data, "invoice", "import", file, "--mapping", mapping)
	if v := parsed[desk.MetaDocument](t, data, "invoice", "show", "MI-1"); v.LineCount != 1 || v.Lines[0].Amount.String() != "0.14" {
		t.Errorf("%+v", v)
	}
	if got := ok(t, data, "invoice", "original", "MI-1"); got != metaReport {
		t.Errorf("%q", got)
	}
	if got := ok(t, data, "invoice", "original", "MI-1", "--mapping"); got != reportMapping {
		t.Errorf("%q", got)
	}
	// The same lines from a normalised file are the same document (R28).
	same := write(t, "n.csv", invoiceHeader+"MI-1,INV,2026-10-01,W-1,,BR,,marketing,,,2,0.14,USD\n")
	if out := ok(t, data, "invoice", "import", same); !strings.Contains(out, "was there before") {
		t.Error(out)
	}
	refused(t, "fields.amout", exitFailed, data, "invoice", "mapping", "check", write(t, "bad.toml", strings.Replace(reportMapping, "amount =", "amout =", 1)))
	refused(t, `column 6 "Anzahl", field volume`, exitFailed, data, "invoice", "mapping", "check", mapping, "--sample", write(t, "bad.csv", strings.Replace(metaReport, ";2;", ";zwei;", 1)))
	refused(t, "no such file", exitFailed, data, "invoice", "import", file, "--mapping", "nowhere.toml")
	ok(t, data, "verify")
}

// TestImportOfAWorkbook: the original is the workbook, byte for byte.
func TestImportOfAWorkbook(t *testing.T) {
	data := newLedger(t)
	f := excelize.NewFile()
	for i, line := range strings.Split(strings.TrimSpace(invoiceHeader+invoiceLines), "\n") {
		row := []any{}
		for _, s := range strings.Split(line, ",") {
			row = append(row, s)
		}
		at, _ := excelize.CoordinatesToCellName(1, i+1)
		if err := f.SetSheetRow("Sheet1", at, &row); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "meta.xlsx")
	if err := f.SaveAs(path); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	refused(t, `there is no sheet "October"`, exitFailed, data, "invoice", "import", path, "--sheet", "October")
	ok(t, data, "invoice", "import", path)
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := ok(t, data, "invoice", "original", "MI-1"); got != string(want) {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
	if v := parsed[desk.MetaDocument](t, data, "invoice", "show", "MI-1"); v.LineCount != 2 || v.Totals[0].Amount.String() != "0.21" {
		t.Errorf("%+v", v)
	}
}
