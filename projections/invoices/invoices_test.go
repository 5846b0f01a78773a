package invoices_test

import (
	"fmt"
	"strings"
	"testing"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections/invoices"
	"prepayledger/projections/projectionstest"
)

func invoice(partner string, n int) *domain.InvoiceIssued {
	return &domain.InvoiceIssued{InvoiceNumber: fmt.Sprintf("%s-2026-%06d", partner, n), Sequence: n, Currency: "EUR", Total: money.FromInt(int64(n))}
}

func creditNote(partner string, n int) *domain.CreditNoteIssued {
	return &domain.CreditNoteIssued{CreditNoteNumber: fmt.Sprintf("%s-CN-2026-%06d", partner, n), Sequence: n, Currency: "EUR", Total: money.FromInt(int64(n))}
}

func numbers(t *testing.T, rows []invoices.Row, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for i := range rows {
		all = append(all, rows[i].PartnerID+":"+rows[i].Number())
	}
	return strings.Join(all, " ")
}

// Each account's documents are listed in the order of their numbers, without
// gap (R15, R36), and found by number.
func TestListAndFind(t *testing.T) {
	l := projectionstest.New(t)
	var want []string
	for n := 1; n <= 12; n++ {
		l.Append("account-PA-1", invoice("PA-1", n))
		l.Append("account-PA-1/2026", invoice("PA-1/2026", n)) // partner ids may look like anything
		want = append(want, fmt.Sprintf("PA-1:PA-1-2026-%06d", n))
	}
	l.Append("account-PA-1", creditNote("PA-1", 1), creditNote("PA-1", 2))
	l.Append("account-PA-1-CN", invoice("PA-1-CN", 1))
	want = append(want, "PA-1:PA-1-CN-2026-000001", "PA-1:PA-1-CN-2026-000002")
	m := invoices.New()
	l.Follow(m)
	rows, err := m.List("PA-1")
	if got := numbers(t, rows, err); got != strings.Join(want, " ") {
		t.Errorf("got %s", got)
	}
	for i := range rows {
		r := &rows[i]
		n := i + 1
		if r.Kind() == invoices.CreditNote {
			n -= 12
		}
		if total, currency := r.Total(); r.Sequence() != n || !total.Equal(money.FromInt(int64(n))) || currency != "EUR" {
			t.Errorf("row %d: %d, %s %s", i, r.Sequence(), total, currency)
		}
	}
	rows, err = m.List("PA")
	if got := numbers(t, rows, err); got != "" {
		t.Errorf("an account without documents has %s", got)
	}
	for number, want := range map[string]string{
		"PA-1-2026-000011":      "PA-1:PA-1-2026-000011",
		"PA-1/2026-2026-000001": "PA-1/2026:PA-1/2026-2026-000001",
		"PA-1-2026-0000":        "",
		"PA-1-CN-2026-000002":   "PA-1:PA-1-CN-2026-000002",
		// Two partners' documents may bear one number.
		"PA-1-CN-2026-000001": "PA-1:PA-1-CN-2026-000001 PA-1-CN:PA-1-CN-2026-000001",
	} {
		rows, err := m.Find(number)
		if got := numbers(t, rows, err); got != want {
			t.Errorf("%s finds %q, want %q", number, got, want)
		}
	}
}
