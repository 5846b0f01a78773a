package accounts_test

import (
	"fmt"
	"testing"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/projections"
	"prepayledger/projections/accounts"
	"prepayledger/projections/projectionstest"
)

func succeededPayment(n int) []domain.Event {
	id := fmt.Sprintf("PA-1-R%06d", n)
	r := request(n, "500")
	r.RechargeID, r.Card = id, "pm_1"
	i := invoice(n)
	i.RechargeID, i.SurchargePercent = id, amount("4")
	return []domain.Event{r, &domain.RechargeSucceeded{RechargeID: id, Amount: amount("500"), Surcharge: amount("20"), CardTotal: amount("520"), ProcessorRef: "pi_" + id}, i}
}

// R36: what goes back is counted, and found again: the payments, their newest
// invoices, the credit notes, and what is on its way; after a restart too.
func TestPayback(t *testing.T) {
	l := projectionstest.New(t)
	l.Append(account, opened("PA-1"))
	l.Append(account, succeededPayment(1)...)
	l.Append(account, succeededPayment(2)...)
	l.Append(account,
		&domain.RechargeReversed{RechargeID: "PA-1-R000001", Amount: amount("500"), Surcharge: amount("20")},
		&domain.CreditNoteIssued{CreditNoteNumber: "PA-1-CN-2026-000001", Sequence: 1, RechargeID: "PA-1-R000001", Total: amount("520")},
		&domain.RefundIssued{Amount: amount("7"), Reason: "end", RefundID: "PA-1-F000001", Number: 1, Payout: true, RechargeID: "PA-1-R000002"},
		&domain.RefundIssued{Amount: amount("8"), Reason: "end", RefundID: "PA-1-F000002", Number: 2, Payout: true, RechargeID: "PA-1-R000002"},
		&domain.RefundFailed{RefundID: "PA-1-F000001", Attempt: 1, Code: "closed"},
		&domain.RefundIssued{Amount: amount("9"), Reason: "end", RefundID: "PA-1-F000003", Number: 3, Payout: true, RechargeID: "PA-1-R000002"},
		&domain.RefundPaidOut{RefundID: "PA-1-F000003", Amount: amount("9")},
	)
	dir := t.TempDir()
	check := func(reversed, refunded, invoiceOf1 string) {
		t.Helper()
		m := accounts.New()
		engine, err := projections.Open(t.Context(), dir, l.Store(), codec.New(), []projections.Model{m}, nil, projections.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer engine.Close()
		engine.Start()
		if err := engine.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		a, err := m.Get("PA-1")
		if err != nil {
			t.Fatal(err)
		}
		if f := a.Figures; f.Reversed.String() != reversed || f.Refunded.String() != refunded || f.CreditNotesIssued != 1 {
			t.Errorf("figures %+v", f)
		}
		all, err := m.Payments("PA-1", "")
		if err != nil || len(all) != 2 || all[0].RechargeID != "PA-1-R000002" || all[1].ProcessorRef != "pi_PA-1-R000001" || all[1].Card != "pm_1" || all[1].SurchargePercent.String() != "4" {
			t.Errorf("payments %+v, %v", all, err)
		}
		one, err := m.Payments("PA-1", "PA-1-R000001")
		if err != nil || len(one) != 1 || one[0].InvoiceNumber != invoiceOf1 {
			t.Errorf("payment 1 is %+v, %v", one, err)
		}
		if none, err := m.Payments("PA-1", "PA-1-R00000"); len(none) != 0 || err != nil {
			t.Errorf("the beginning of an id found %+v, %v", none, err)
		}
		if notes, err := m.CreditNotes("PA-1"); err != nil || len(notes) != 1 || notes[0].Total.String() != "520" {
			t.Errorf("credit notes %+v, %v", notes, err)
		}
		pending := m.Pending()
		if len(pending) != 1 || pending[0].Recharge != nil || len(pending[0].Refunds) != 2 || pending[0].Refunds[0].Status != domain.RefundIsFailed {
			t.Errorf("pending %+v", pending)
		}
	}
	check("500", "24", "PA-1-2026-000001")
	again := invoice(3)
	again.RechargeID = "PA-1-R000001"
	l.Append(account, &domain.RechargeReinstated{RechargeID: "PA-1-R000001", Amount: amount("500")}, again)
	check("0", "24", "PA-1-2026-000003")
}
