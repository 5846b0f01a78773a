package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/invoices"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// paid makes a data folder with an account that has one invoice, over 10.
func paid(t *testing.T) string {
	t.Helper()
	data := newLedger(t)
	ok(t, data, "account", "add-funds", "PA-1", "10")
	return data
}

// TestBilling: what is left out stays, what was never given is missing.
func TestBilling(t *testing.T) {
	data := paid(t)
	if out := ok(t, data, "account", "billing", "PA-1"); !strings.Contains(out, "no billing details") {
		t.Errorf("before there are any: %s", out)
	}
	refused(t, "city must have", exitFailed, data, "account", "billing", "PA-1", "--company", "Example S.L.", "--street", "Calle Mayor 1", "--postal-code", "28013", "--country", "ES")
	ok(t, data, "account", "billing", "PA-1", "--company", "Example S.L.", "--street", "Calle Mayor 1", "--postal-code", "28013", "--city", "Madrid", "--country", "ES", "--email", "a@example.es")
	ok(t, data, "account", "billing", "PA-1", "--city", "Móstoles", "--vat-id", "ESB1")
	b := parsed[domain.BillingDetails](t, data, "account", "billing", "PA-1")
	if b.Company != "Example S.L." || b.City != "Móstoles" || b.VATID != "ESB1" || len(b.Emails) != 1 {
		t.Errorf("%+v", b)
	}
	ok(t, data, "account", "billing", "PA-1", "--vat-id", "", "--email", "b@example.es", "--email", "c@example.es")
	if out := ok(t, data, "account", "billing", "PA-1"); strings.Contains(out, "ESB1") || strings.Contains(out, "a@example.es") || !strings.Contains(out, "c@example.es") {
		t.Errorf("%s", out)
	}
	refused(t, "no partner account", exitFailed, data, "account", "billing", "nobody")
}

// TestPartnerInvoices: listed, shown, written as PDF; the second one bears
// what was changed in between, the first one does not.
func TestPartnerInvoices(t *testing.T) {
	data := paid(t)
	ok(t, data, "account", "billing", "PA-1", "--company", "Žluťoučký kůň s.r.o.", "--street", "Dlouhá 1", "--postal-code", "110 00", "--city", "Praha", "--country", "CZ")
	ok(t, data, "account", "contract", "PA-1", "--tax-text", "The total includes VAT.", "--tax-rate", "4", "--actor", "finance:ana")
	ok(t, data, "account", "add-funds", "PA-1", "100")
	rows := parsed[[]desk.PartnerDocument](t, data, "partner-invoice", "list", "PA-1")
	if len(rows) != 2 || rows[0].Number != "PA-1-2026-000001" || rows[1].Number != "PA-1-2026-000002" || rows[1].Total.String() != "104" || rows[1].RechargeID == "" {
		t.Fatalf("%+v", rows)
	}
	if out := ok(t, data, "partner-invoice", "list", "PA-1"); !strings.Contains(out, "104.00 USD") {
		t.Errorf("list: %s", out)
	}
	first := parsed[invoices.Document](t, data, "partner-invoice", "show", "PA-1-2026-000001")
	second := parsed[invoices.Document](t, data, "partner-invoice", "show", "PA-1-2026-000002", "--issuer-name", "Example Provider")
	if first.Recipient.Company != "" || first.Tax != nil || first.Issuer.Name != defaultProvider {
		t.Errorf("first: %+v", first)
	}
	if second.Recipient.Company != "Žluťoučký kůň s.r.o." || second.Tax.Included != "4.00" || second.Tax.Net != "100.00" || second.Issuer.Name != "Example Provider" {
		t.Errorf("second: %+v %+v", second, second.Tax)
	}
	if out := ok(t, data, "partner-invoice", "show", "PA-1-2026-000002"); !strings.Contains(out, "Paid in full by card") || !strings.Contains(out, "104.00 USD") {
		t.Errorf("show: %s", out)
	}
	file := filepath.Join(t.TempDir(), "invoice.pdf")
	config := write(t, "prepay.toml", "issuer-name = \"From a file\"\n")
	ok(t, data, "--config", config, "partner-invoice", "show", "PA-1-2026-000002", "--pdf", file)
	written, err := os.ReadFile(file)
	if err != nil || !bytes.HasPrefix(written, []byte("%PDF-")) {
		t.Fatalf("%d bytes, %v", len(written), err)
	}
	if again := ok(t, data, "--config", config, "partner-invoice", "show", "PA-1-2026-000002", "--pdf", "-"); again != string(written) {
		t.Error("the same invoice gives other bytes")
	}
	refused(t, "unknown_invoice", exitFailed, data, "partner-invoice", "show", "PA-1-2026-000003")
	refused(t, "no such file", exitFailed, data, "partner-invoice", "show", "PA-1-2026-000002", "--pdf", filepath.Join(t.TempDir(), "nowhere", "x.pdf"))
	refused(t, "no partner account", exitFailed, data, "partner-invoice", "list", "nobody")
}

// TestPDFWithoutLetters: the PDF is written, and what it can't show is named.
func TestPDFWithoutLetters(t *testing.T) {
	data := newLedger(t)
	ok(t, data, "account", "billing", "PA-1", "--company", "株式会社", "--street", "1", "--postal-code", "1", "--city", "Tokyo", "--country", "JP")
	ok(t, data, "account", "add-funds", "PA-1", "10")
	_, errs, code := cli(t, data, "partner-invoice", "show", "PA-1-2026-000001", "--pdf", filepath.Join(t.TempDir(), "x.pdf"))
	if code != exitDone || !strings.Contains(errs, "株式会社") {
		t.Errorf("code %d: %s", code, errs)
	}
}

// TestSameNumber: two partners' documents of one number are told apart.
func TestSameNumber(t *testing.T) {
	data := paid(t)
	ok(t, data, "account", "open", "PA-1-CN", "--currency", "USD", "--card", "sim_ok", "--carried-over", "500")
	ok(t, data, "account", "add-funds", "PA-1-CN", "20")
	a, err := desk.Open(t.Context(), data, app.Options{Clock: func() time.Time { return today }})
	if err != nil {
		t.Fatal(err)
	}
	refund := &domain.Refund{Amount: money.MustParse("5"), Reason: "end of contract", Payout: true}
	if err := errors.Join(a.Ledger.Do(t.Context(), "PA-1", domain.Meta{Actor: "finance:ana"}, refund), a.Close()); err != nil {
		t.Fatal(err)
	}
	const number = "PA-1-CN-2026-000001"
	rows := parsed[[]desk.PartnerDocument](t, data, "partner-invoice", "list", "PA-1")
	if len(rows) != 2 || rows[1].Number != number || rows[1].Kind != "credit_note" || rows[1].InvoiceNumber != "PA-1-2026-000001" {
		t.Fatalf("%+v", rows)
	}
	refused(t, "--partner", exitFailed, data, "partner-invoice", "show", number)
	if d := parsed[invoices.Document](t, data, "partner-invoice", "show", number, "--partner", "PA-1"); d.Kind != "credit_note" || d.Total != "5.00" || d.Reason != "end of contract" {
		t.Errorf("%+v", d)
	}
	if d := parsed[invoices.Document](t, data, "partner-invoice", "show", number, "--partner", "PA-1-CN"); d.Kind != "invoice" || d.Total != "20.80" {
		t.Errorf("%+v", d)
	}
}
