package desk_test

import (
	"testing"
	"time"

	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

func TestOverview(t *testing.T) {
	c := &clock{start}
	d := openDesk(t, c)
	openAccounts(t, d)
	quiet, err := d.Overview(t.Context())
	if err != nil || quiet.Deadlines.Count != 0 || quiet.Failed.Count != 0 || len(quiet.Months) != 0 || len(quiet.Quarantine) != 0 {
		t.Fatalf("nothing is wrong yet: %+v, %v", quiet, err)
	}
	if quiet.Blocked.Count != 5 || quiet.Waiting.Count != 5 || quiet.Standings[domain.Active] != 25 || quiet.Standings[domain.Blocked] != 5 {
		t.Errorf("%+v", quiet)
	}
	if len(quiet.Totals) != 2 || quiet.Totals[0].Currency != "EUR" || quiet.Totals[0].Accounts != 20 || quiet.Totals[1].Accounts != 10 {
		t.Errorf("totals: %+v", quiet.Totals)
	}

	// PA-008's card is declined, and it is charged below zero in October.
	do(t, d, "PA-008", &domain.ReplaceCard{Card: "sim_declined"})
	outcomes, err := d.Ledger.Charge(t.Context(), domain.Meta{Actor: "intake"}, []ledger.Presented{
		{Charge: presented("c-1", "900", start.Add(-48*time.Hour))}, {Charge: presented("c-2", "1", start.AddDate(-2, 0, 0))},
	})
	if err != nil || outcomes[0].Charge != domain.ChargeDeducted {
		t.Fatalf("%+v %v", outcomes, err)
	}
	if err := d.Ledger.Advance(t.Context(), "PA-008", start); err != nil {
		t.Fatal(err)
	}
	now, err := d.Overview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if now.Failed.Count != 1 || now.Failed.First[0].PartnerID != "PA-008" || now.Waiting.Count != 6 || now.Waiting.First[0].PartnerID != "PA-008" {
		t.Errorf("failed %+v, waiting %+v", now.Failed, now.Waiting)
	}
	if now.Deadlines.Count != 0 {
		t.Error("the deadline is a week away")
	}
	if len(now.Months) != 1 || now.Months[0].Month != "2026-10" || now.Months[0].Phase != reconciliation.NotProposed || now.Months[0].Accounts != 1 {
		t.Errorf("months: %+v", now.Months)
	}
	if now.Quarantine["too_old"] != 1 {
		t.Errorf("quarantine: %v", now.Quarantine)
	}
	if due := money.Sum(now.Totals[0].Due, now.Totals[1].Due); !due.Equal(now.Waiting.First[0].AmountDue) {
		t.Errorf("due %s of %+v", due, now.Waiting.First[0])
	}
	c.now = start.Add(5*24*time.Hour + time.Second)
	late, err := d.Overview(t.Context())
	if err != nil || late.Deadlines.Count != 1 || late.Deadlines.First[0].PartnerID != "PA-008" {
		t.Errorf("%+v %v", late.Deadlines, err)
	}
}

// presented is a charge of PA-008's channel.
func presented(id, amount string, at time.Time) domain.Charge {
	return domain.Charge{
		ChargeID: id, PartnerID: "PA-008", ChannelID: "CH-8", Country: "ES", Market: "Spain", Category: "marketing", Model: domain.PMP,
		PricingType: domain.PricingTypeRegular, OccurredAt: at, Priced: true, Amount: money.MustParse(amount), Currency: "EUR",
	}
}
