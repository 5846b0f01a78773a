package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/bankstatement"
	"prepayledger/domain"
)

// TestMetaInvoices: a document is imported whole or not at all, named by line
// and field where it is wrong, listed, paged, and had back byte for byte.
func TestMetaInvoices(t *testing.T) {
	o := newOffice(t)
	lines := invoiceHeader
	for i := range 5 {
		lines += fmt.Sprintf("MI-1,INV,2026-10-01,W-%d,,BR,Brazil,marketing,regular,,%d,0.10,USD\n", i+1, i+1)
	}
	var got Imported
	o.send(o.ana, "/v1/meta-invoices", `C:\files\Meta "Oct".csv`, lines, 200, &got)
	if len(got.Documents) != 1 || !got.Documents[0].New || got.Documents[0].Lines != 5 {
		t.Errorf("%+v", got)
	}
	o.send(o.ana, "/v1/meta-invoices", "again.csv", lines, 200, &got)
	if got.Documents[0].New {
		t.Errorf("the same file again: %+v", got)
	}
	// As the body itself, with a rate of exchange.
	o.ask(o.ana, "POST", "/v1/meta-invoices?filename=raw.csv&fx=USD:EUR%3D0.92@2026-10-31:ECB", strings.ReplaceAll(lines, "MI-1", "MI-2"), 200, nil, "Content-Type", "text/csv")
	var list Page[desk.MetaDocument]
	o.ask(o.auditor, "GET", "/v1/meta-invoices?month=2026-10&limit=1", "", 200, &list)
	if len(list.Items) != 1 || list.Items[0].InvoiceID != "MI-1" || list.Next == "" {
		t.Errorf("%+v", list)
	}
	o.ask(o.auditor, "GET", "/v1/meta-invoices?limit=1&cursor="+list.Next, "", 200, &list)
	if len(list.Items) != 1 || list.Items[0].InvoiceID != "MI-2" || list.Items[0].FX[0].Rate.String() != "0.92" {
		t.Errorf("%+v", list)
	}
	read, cursor := 0, ""
	for pages := 0; pages < 10; pages++ {
		var page MetaInvoice
		o.ask(o.auditor, "GET", "/v1/meta-invoices/MI-1?limit=2&cursor="+cursor, "", 200, &page)
		for _, l := range page.Lines {
			if read++; l.Line != read {
				t.Errorf("line %d after %d", l.Line, read-1)
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if read != 5 {
		t.Errorf("%d lines are read", read)
	}
	w := o.ask(o.auditor, "GET", "/v1/meta-invoices/MI-1/original", "", 200, nil)
	sum := sha256.Sum256([]byte(lines))
	if w.Body.String() != lines || w.Header().Get("Repr-Digest") != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" {
		t.Errorf("original: %v", w.Header())
	}
	if got := w.Header().Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="Meta _Oct_.csv"`) {
		t.Errorf("its name: %s", got)
	}
	o.refused(o.auditor, "GET", "/v1/meta-invoices/MI-1/original?version=7", "", 404, "unknown_invoice_line")
	o.refused(o.auditor, "GET", "/v1/meta-invoices/MI-1/original?version=x", "", 422, "invalid_request")
	o.refused(o.auditor, "GET", "/v1/meta-invoices/none", "", 404, "unknown_invoice_line")

	var p Problem
	o.send(o.ana, "/v1/meta-invoices", "bad.csv", strings.Replace(strings.ReplaceAll(lines, "MI-1", "MI-3"), "0.10", "NaN", 2), 422, &p)
	if p.Code != string(domain.InvoiceInvalid) || len(p.Errors) != 2 || p.Errors[0].Line != 2 || p.Errors[0].File != "bad.csv" || p.Errors[0].Field != "amount" {
		t.Errorf("%+v", p)
	}
	o.refused(o.auditor, "GET", "/v1/meta-invoices/MI-3", "", 404, "unknown_invoice_line")
	o.send(o.auditor, "/v1/meta-invoices", "a.csv", lines, 403, &p)
	o.send(o.ana, "/v1/meta-invoices", "a.csv", lines, 422, &p, "fx", "USD=1")
	o.send(o.ana, "/v1/meta-invoices", "a.csv", lines, 422, &p, "mapping", "x = [")
	o.send(o.ana, "/v1/meta-invoices", "a.csv", lines, 422, &p, "colour", "blue")
	if !strings.Contains(p.Detail, "colour") {
		t.Errorf("%+v", p)
	}

	var one MetaInvoice
	o.ask(o.ana, "POST", "/v1/meta-invoices/MI-1/lines/5/allocation", `{"own_cost":true}`, 200, &one)
	if len(one.Lines) != 1 || one.Lines[0].Allocation == nil || one.Lines[0].Allocation.Actor != "finance:ana@bsp.example" {
		t.Errorf("%+v", one)
	}
	o.refused(o.ana, "POST", "/v1/meta-invoices/MI-1/lines/9/allocation", `{"own_cost":true}`, 404, "unknown_invoice_line")
	o.refused(o.ana, "POST", "/v1/meta-invoices/MI-1/lines/5/allocation", `{"partner_id":"PA-7"}`, 404, string(domain.UnknownAccount))
	o.refused(o.auditor, "POST", "/v1/meta-invoices/MI-1/lines/5/allocation", `{"own_cost":true}`, 403, CodeForbidden)

	var check MappingCheck
	o.send(o.auditor, "/v1/meta-invoice-mapping-checks", "s.csv", lines, 200, &check)
	if len(check.Sample.Rows) != 5 || len(check.Problems) != 0 {
		t.Errorf("%+v", check)
	}
	o.send(o.auditor, "/v1/meta-invoice-mapping-checks", "s.csv", strings.Replace(lines, "0.10", "ten", 1), 200, &check)
	if len(check.Problems) != 1 || check.Problems[0].Line != 2 {
		t.Errorf("%+v", check)
	}
}

// TestUploads: what is no file, too large, or cut short is refused, nothing is
// left on disk, and forms have bounds.
func TestUploads(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	o := newOffice(t)
	o.refused(o.ana, "POST", "/v1/markets", "", 422, "invalid_request", "Content-Type", "text/csv")
	o.refused(o.ana, "POST", "/v1/markets", strings.Repeat("x", MaxRatesBytes+1), 413, CodeTooLarge, "Content-Type", "text/csv")
	o.refused(o.ana, "POST", "/v1/markets?colour=blue", "x", 422, "invalid_request", "Content-Type", "text/csv")
	o.refused(o.ana, "POST", "/v1/markets?filename=a%0Ab", "x", 422, "invalid_request", "Content-Type", "text/csv")
	o.refused(o.ana, "POST", "/v1/markets", "x", 422, "invalid_request", "Content-Type", "multipart/form-data")
	o.refused(o.ana, "POST", "/v1/markets", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhalf", 400, "invalid_request", "Content-Type", "multipart/form-data; boundary=b")
	o.refused(o.ana, "POST", "/v1/markets", "--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--b--\r\n", 422, "invalid_request", "Content-Type", "multipart/form-data; boundary=b")
	o.refused(o.ana, "POST", "/v1/markets", "x", 422, "invalid_request", "Content-Type", "text/csv", "Idempotency-Key", strings.Repeat("k", MaxKeyBytes+1))
	part := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n"
	o.refused(o.ana, "POST", "/v1/markets", part+part+"--b--\r\n", 422, "invalid_request", "Content-Type", "multipart/form-data; boundary=b")
	o.refused(o.ana, "POST", "/v1/markets", strings.Repeat(part, MaxFormParts+1)+"--b--\r\n", 422, "invalid_request", "Content-Type", "multipart/form-data; boundary=b")
	p := o.refused(o.ana, "POST", "/v1/markets?filename=m.csv", "a,b\n1,2\n", 422, string(domain.RateCardInvalid), "Content-Type", "text/csv")
	if len(p.Errors) == 0 || p.Errors[0].File != "m.csv" {
		t.Errorf("%+v", p)
	}
	left, err := os.ReadDir(os.TempDir())
	if err != nil || len(left) != 0 {
		t.Errorf("left on disk: %v %v", left, err)
	}
}

// TestRates imports a rate card and a table of markets.
func TestRates(t *testing.T) {
	o := newOffice(t)
	card, err := os.ReadFile("../../rates-usd-2026-10-01.csv")
	if err != nil {
		t.Fatal(err)
	}
	var got ImportedCard
	o.send(o.ana, "/v1/rate-cards", "rates-usd-2026-10-01.csv", string(card), 200, &got)
	if !got.New || got.Currency != "USD" || got.Effective != "2026-10-01" {
		t.Errorf("%+v", got)
	}
	o.send(o.ana, "/v1/rate-cards", "rates-usd-2026-10-01.csv", string(card), 200, &got)
	if got.New {
		t.Errorf("%+v", got)
	}
	var p Problem
	o.send(o.ana, "/v1/rate-cards", "rates.csv", "x", 422, &p, "effective", "2026-10-01")
	if p.Code != string(domain.RateCardInvalid) || len(p.Errors) == 0 {
		t.Errorf("%+v", p)
	}
	o.send(o.ana, "/v1/rate-cards", "rates.csv", "x", 422, &p, "effective", "tomorrow")
	o.send(o.ana, "/v1/rate-cards", "rates.csv", "x", 422, &p, "pricing_model", "XYZ")
	o.send(o.auditor, "/v1/rate-cards", "rates.csv", string(card), 403, &p)
	var list Page[RateCard]
	o.ask(o.auditor, "GET", "/v1/rate-cards", "", 200, &list)
	if len(list.Items) != 1 || list.Items[0].ImportedBy != "finance:ana@bsp.example" {
		t.Errorf("%+v", list)
	}
	var markets ImportedMarkets
	table := "calling_code_prefix,country,market,effective_from\n55,BR,Brazil,2025-01-01\n49,DE,Germany,2025-01-01\n"
	o.send(o.ana, "/v1/markets", "markets.csv", table, 200, &markets)
	if !markets.New {
		t.Errorf("%+v", markets)
	}
}

// TestBankStatements: a statement is proposed and confirmed, once, in the name
// of who confirmed, and the overview shows who owes.
func TestBankStatements(t *testing.T) {
	o := newOffice(t)
	o.do("PA-1", &domain.ReplaceCard{Card: "sim_declined"})
	o.used(charge(1, "a", priced("512.34")))
	var overview desk.PaymentsOverview
	o.ask(o.auditor, "GET", "/v1/payments-to-confirm", "", 200, &overview)
	if len(overview.Accounts) != 1 || overview.Accounts[0].PartnerID != "PA-1" || !overview.Accounts[0].Failed && !overview.Accounts[0].InFlight || overview.Due[0].Due.String() != "12.34" {
		t.Errorf("%+v", overview)
	}
	file := "booking_date;amount;currency;debtor;reference;text\n" +
		"2026-11-09;12,34;USD;Acme;BANK-1;thanks\n2026-11-09;99,00;USD;Other;BANK-2;hello\n"
	var s desk.BankStatement
	o.send(o.ana, "/v1/bank-statements", "umsaetze.csv", file, 200, &s, "delimiter", ";", "decimal_comma", "true")
	if !s.New || len(s.Payments) != 2 || s.Payments[0].Status != bankstatement.Proposed {
		t.Fatalf("%+v", s)
	}
	var page BankStatementPage
	o.ask(o.auditor, "GET", "/v1/bank-statements/"+s.StatementID+"?limit=1", "", 200, &page)
	if page.Count != 2 || len(page.Payments) != 1 || page.Next == "" {
		t.Errorf("%+v", page)
	}
	var list Page[desk.BankStatementLine]
	o.ask(o.auditor, "GET", "/v1/bank-statements", "", 200, &list)
	if len(list.Items) != 1 || list.Items[0].Payments != 2 || list.Items[0].ImportedBy != "finance:ana@bsp.example" {
		t.Errorf("%+v", list)
	}
	o.ask(o.auditor, "GET", "/v1/payments-to-confirm", "", 200, &overview)
	if len(overview.Proposals) != 1 || overview.Unmatched != 1 {
		t.Errorf("%+v", overview)
	}
	first, second := "/v1/payment-proposals/"+s.Payments[0].ID+"/confirmation", "/v1/payment-proposals/"+s.Payments[1].ID+"/confirmation"
	o.refused(o.auditor, "POST", first, "", 403, CodeForbidden)
	o.refused(o.ana, "POST", second, "", 422, "invalid_request")
	o.refused(o.ana, "POST", "/v1/payment-proposals/x/confirmation", "", 404, CodeNotFound)
	var account desk.AccountView
	for range 2 { // the second time changes nothing
		o.ask(o.ana, "POST", first, "", 200, &account)
		if !account.Balance.IsZero() || account.Figures.ConfirmedNumber != 1 {
			t.Errorf("%+v", account)
		}
	}
	o.refused(o.ana, "POST", first, `{"partner_id":"PA-2"}`, 422, string(domain.ReferenceUsed))
	o.refused(o.ana, "POST", second, `{"partner_id":"PA-1"}`, 422, string(domain.NothingToConfirm))
	var p Problem
	o.send(o.ana, "/v1/bank-statements", "bad.csv", "booking_date,amount\nx,y\n", 422, &p)
	if p.Code != string(domain.BankStatementInvalid) || len(p.Errors) == 0 {
		t.Errorf("%+v", p)
	}
	o.send(o.ana, "/v1/bank-statements", "bad.csv", file, 422, &p, "delimiter", "ab")
}

// TestVerification runs in the background, one at a time, and ends with the
// desk.
func TestVerification(t *testing.T) {
	o := october(t)
	var v desk.Verification
	o.ask(o.auditor, "GET", "/v1/verification", "", 200, &v)
	if v.State != desk.VerificationNever {
		t.Errorf("%+v", v)
	}
	o.ask(o.auditor, "POST", "/v1/verification", "", 202, &v)
	if v.State != desk.VerificationRunning || v.By != "auditor:aud@bsp.example" {
		t.Errorf("%+v", v)
	}
	o.desk.WaitVerification()
	o.ask(o.auditor, "GET", "/v1/verification", "", 200, &v)
	if v.State != desk.VerificationWhole || v.Result == nil || v.Result.Accounts != 2 || v.FinishedAt == nil {
		t.Errorf("%+v", v)
	}
	o.refused(partner("PA-1"), "POST", "/v1/verification", "", 403, CodeForbidden)
	var h Health
	o.ask(partner("PA-1"), "GET", "/v1/health", "", 200, &h)
	if h.Behind || h.Log == "" {
		t.Errorf("%+v", h)
	}
	o.refused(nil, "GET", "/v1/health", "", 401, CodeUnauthenticated)
}
