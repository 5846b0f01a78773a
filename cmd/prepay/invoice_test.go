package main

import (
	"strings"
	"testing"

	"prepayledger/cmd/prepay/internal/desk"
)

const invoiceLines = "MI-1,INV,2026-10-01,W-1,,BR,Brazil,marketing,regular,,2,0.14,USD\n" +
	"MI-1,INV,2026-10-01,W-9,,BR,Brazil,marketing,regular,,1,0.07,USD\n"

// TestAllocation: a line that is nobody's blocks the month until Finance
// says whose it is; the word shows with the line.
func TestAllocation(t *testing.T) {
	data := newLedger(t)
	importStdin(t, data, usageLine("a", `,"country":"BR"`)+usageLine("b", `,"country":"BR"`))
	ok(t, data, "invoice", "import", write(t, "i.csv", invoiceHeader+invoiceLines))
	if out := ok(t, data, "month", "preview", "2026-10"); !strings.Contains(out, "Unallocated: line 2 of MI-1") {
		t.Errorf("preview:\n%s", out)
	}
	ok(t, data, "month", "propose", "2026-10", "--actor", "finance:ana")
	refused(t, "unallocated_lines", exitFailed, data, "month", "approve", "2026-10", "--actor", "finance:ben")
	refused(t, "unknown_account", exitFailed, data, "invoice", "allocate", "MI-1", "2", "--partner", "PA-7", "--actor", "finance:ana")
	refused(t, "has lines 1 to 2", exitFailed, data, "invoice", "allocate", "MI-1", "3", "--own-cost", "--actor", "finance:ana")
	refused(t, "missing flags", exitUsage, data, "invoice", "allocate", "MI-1", "2")
	ok(t, data, "invoice", "allocate", "MI-1", "2", "--own-cost", "--actor", "finance:ana")
	v := parsed[desk.MetaDocument](t, data, "invoice", "show", "MI-1")
	if v.LineCount != 2 || v.Allocated != 1 || v.Lines[1].Allocation == nil || !v.Lines[1].Allocation.OwnCost || v.Lines[0].Allocation != nil {
		t.Errorf("show: %+v", v)
	}
	if v := parsed[desk.MetaDocument](t, data, "invoice", "show", "MI-1", "--from", "2", "--limit", "1"); len(v.Lines) != 1 || v.Lines[0].Line != 2 {
		t.Errorf("page: %+v", v)
	}
	ok(t, data, "month", "propose", "2026-10", "--actor", "finance:ana")
	ok(t, data, "month", "approve", "2026-10", "--actor", "finance:ben")
	ok(t, data, "month", "post", "2026-10", "--actor", "finance:ben")
	if l := parsed[[]desk.BalanceLine](t, data, "balance", "PA-1")[0]; l.Balance.String() != "499.86" {
		t.Errorf("balance %s", l.Balance)
	}
	ok(t, data, "verify")
}

// TestInvoiceList lists documents by month with their versions; what can't be
// read names file, line and field, and nothing of it is there.
func TestInvoiceList(t *testing.T) {
	data := newLedger(t)
	ok(t, data, "invoice", "import", write(t, "1.csv", invoiceHeader+invoiceLines))
	ok(t, data, "invoice", "import", write(t, "2.csv", invoiceHeader+strings.ReplaceAll(strings.ReplaceAll(invoiceLines, "MI-1", "MI-2"), "2026-10", "2026-09")), "--fx", "USD:EUR=0.92@2026-10-31:ECB")
	ok(t, data, "invoice", "import", write(t, "3.csv", invoiceHeader+strings.ReplaceAll(invoiceLines, "0.14", "0.15")))
	all := parsed[[]desk.MetaDocument](t, data, "invoice", "list")
	if len(all) != 2 || all[0].Version != 2 || all[0].Totals[0].Amount.String() != "0.22" || all[1].FX[0].Rate.String() != "0.92" {
		t.Errorf("%+v", all)
	}
	if one := parsed[[]desk.MetaDocument](t, data, "invoice", "list", "--month", "2026-09"); len(one) != 1 || one[0].InvoiceID != "MI-2" {
		t.Errorf("%+v", one)
	}
	for name, bad := range map[string]string{
		"line 2":      strings.Replace(invoiceLines, "0.14", "NaN", 1),
		"field":       strings.Replace(invoiceLines, ",2,", ",two,", 1),
		"wrong total": invoiceLines + "TOTAL,INV,2026-10-01,,,,,,,,3,0.99,USD\n",
	} {
		want := map[string]string{"line 2": "bad.csv, line 2, field amount", "field": "volume", "wrong total": "0.99"}[name]
		refused(t, want, exitFailed, data, "invoice", "import", write(t, "bad.csv", invoiceHeader+strings.ReplaceAll(bad, "MI-1", "MI-3")))
	}
	refused(t, "There is no document", exitFailed, data, "invoice", "show", "MI-3")
	refused(t, "not a rate of exchange", exitUsage, data, "invoice", "import", "x.csv", "--fx", "USD=1")
	refused(t, "rate", exitUsage, data, "invoice", "import", "x.csv", "--fx", "USD:EUR=NaN")
}

// TestRates imports and lists cards; the same again is not new, and another
// one for the same date is refused unless it names the first.
func TestRates(t *testing.T) {
	data := newLedger(t)
	if out := ok(t, data, "rates", "import", "rates-usd-2026-10-01.csv"); !strings.Contains(out, "was there before") {
		t.Errorf("again: %s", out)
	}
	type card struct {
		ID    string `json:"card_id"`
		Rates int    `json:"rates"`
	}
	first := parsed[[]card](t, data, "rates", "list")
	if len(first) != 1 || first[0].Rates == 0 {
		t.Fatalf("%+v", first)
	}
	other := write(t, "other-2026-10-01.csv", "market,currency,category,from_volume,to_volume,rate\nBrazil,USD,utility,1,MAX,0.01\n")
	if _, errs, code := cli(t, data, "rates", "import", other); code != exitFailed || !strings.Contains(errs, first[0].ID) {
		t.Errorf("another card of the same date: code %d: %s", code, errs)
	}
	ok(t, data, "rates", "import", other, "--replaces", first[0].ID)
	if both := parsed[[]card](t, data, "rates", "list"); len(both) != 2 {
		t.Errorf("%+v", both)
	}
	refused(t, "not a date", exitUsage, data, "rates", "import", other, "--effective", "soon")
}

// TestMarkets replaces the table of markets.
func TestMarkets(t *testing.T) {
	data := newLedger(t)
	table := write(t, "markets.csv", "calling_code_prefix,country,market,effective_from\n55,BR,Brazil,2020-01-01\n")
	if out := ok(t, data, "markets", "import", table); !strings.Contains(out, "from now on") {
		t.Error(out)
	}
	if out := ok(t, data, "markets", "import", table); !strings.Contains(out, "already") {
		t.Error(out)
	}
	bad := write(t, "bad.csv", "prefix,market\n55,Brazil\n")
	refused(t, "bad.csv", exitFailed, data, "markets", "import", bad)
}
