package recharges_test

import (
	"fmt"
	"strings"
	"testing"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections/projectionstest"
	"prepayledger/projections/recharges"
)

func requested(partner string, n int) *domain.RechargeRequested {
	return &domain.RechargeRequested{
		RechargeID: fmt.Sprintf("%s-R%06d", partner, n), Number: n, Reason: domain.RechargeManual, Currency: "EUR",
		Amount: money.FromInt(500), Surcharge: money.FromInt(20), CardTotal: money.FromInt(520),
	}
}

// shown writes rows down for comparison.
func shown(rows []recharges.Row) string {
	var all []string
	for i := range rows {
		r := &rows[i]
		all = append(all, strings.TrimSpace(fmt.Sprintf("%d %s %s %s", r.Number, r.Status, r.Code, r.InvoiceNumber)))
	}
	return strings.Join(all, "; ")
}

// Each card payment is shown with its end, whether that came in the same batch
// or long after it (R15, R36); the newest first, page by page.
func TestRecharges(t *testing.T) {
	for _, together := range []bool{true, false} {
		l := projectionstest.New(t)
		m := recharges.New()
		engine := l.Follow(m)
		for _, e := range []domain.Event{
			&domain.AccountOpened{PartnerID: "PA-1"},
			requested("PA-1", 1), &domain.RechargeFailed{RechargeID: "PA-1-R000001", Code: "declined"},
			requested("PA-1", 2), &domain.RechargeSucceeded{RechargeID: "PA-1-R000002"}, &domain.InvoiceIssued{RechargeID: "PA-1-R000002", InvoiceNumber: "I-1"},
			requested("PA-1", 3), &domain.RechargeSucceeded{RechargeID: "PA-1-R000003"}, &domain.RechargeReversed{RechargeID: "PA-1-R000003", Reason: "fraudulent"},
			requested("PA-1", 4), &domain.RechargeSucceeded{RechargeID: "PA-1-R000004"},
			&domain.RechargeReversed{RechargeID: "PA-1-R000004", Reason: "fraudulent"}, &domain.RechargeReinstated{RechargeID: "PA-1-R000004"},
			requested("PA-1", 5),
			&domain.RechargeFailed{RechargeID: "PA-1-R000099", Code: "unheard of"},
		} {
			l.Append("account-PA-1", e)
			if !together {
				if err := engine.CatchUp(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		l.Append("account-PA-1-R", requested("PA-1-R", 1))
		if err := engine.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			before, limit int
			want          string
		}{
			{0, 9, "5 in_flight; 4 succeeded; 3 reversed fraudulent; 2 succeeded  I-1; 1 failed declined"},
			{0, 2, "5 in_flight; 4 succeeded"},
			{4, 2, "3 reversed fraudulent; 2 succeeded  I-1"},
			{2, 2, "1 failed declined"},
			{1, 2, ""},
		} {
			rows, err := m.List("PA-1", c.before, c.limit)
			if got := shown(rows); err != nil || got != c.want {
				t.Errorf("together=%v, before %d: %q, %v; want %q", together, c.before, got, err, c.want)
			}
		}
		if r, err := m.Get("PA-1", "PA-1-R000001"); err != nil || r == nil || !r.EndedAt.After(r.RequestedAt) || r.CardTotal.String() != "520" {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := m.Get("PA-1", "PA-1-R000099"); err != nil || r != nil {
			t.Errorf("one that never was: %+v, %v", r, err)
		}
	}
}
