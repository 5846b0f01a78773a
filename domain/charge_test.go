package domain_test

import (
	"strings"
	"testing"
	"time"

	"prepayledger/domain"
)

// R7, R9: what is deducted, what is counted, and at which price.
func TestCharging(t *testing.T) {
	given := []step{open("500"), channel("CH"), channel("DI", direct)}
	tellAll(t, []story{
		{"R7 deducted at the given price", given, do(priced("a", "0.0625")), "charged a 0.0625"},
		{"R9 no rounding", given, do(priced("a", "0.000000000000000001")), "charged a 0.000000000000000001"},
		{"R9 deducted at the card's price", given, do(unpriced("a", "marketing")), "charged a 0.0625"},
		{"R9 a currency without amount is rated", given, do(unpriced("a", "marketing", func(c *domain.Charge) { c.Currency = "EUR" })), "charged a 0.0625"},
		{"R9 a rate of 0 is a charge of 0", given, do(unpriced("a", "service")), "charged a 0"},
		{"R7 free ones are counted", given, do(priced("a", "0.0625", free)), "counted a free"},
		{"R7 free entry points, too", given, do(priced("a", "1", func(c *domain.Charge) { c.PricingType = "free_entry_point" })), "counted a free"},
		{"R7 those of direct channels are counted", given, do(priced("a", "1", onChannel("DI"))), "counted a direct"},
		{"R7 counted without rate and whatever the currency", given, do(unpriced("a", "new", onChannel("DI"), func(c *domain.Charge) { c.Currency = "USD" })), "counted a direct"},
		{"R23 deducted while blocked", with(given, do(&domain.Block{Reason: "fraud"})), do(priced("a", "1")), "charged a 1"},
		{"R7 empty WABA takes the channel's", given, do(priced("a", "1", func(c *domain.Charge) { c.WABAID = "" })), "charged a 1"},
	})
}

// R9: the event keeps price, card and tier; R25: and the month of its zone.
func TestChargedEventIsComplete(t *testing.T) {
	zone := func(c *domain.RegisterChannel) { c.TimeZone = "America/Sao_Paulo" }
	l := story{
		given: []step{open("500"), channel("CH", zone)},
		when:  do(unpriced("a", "marketing", at(time.Date(2026, 10, 1, 2, 59, 0, 0, time.UTC)))), then: "charged a 0.0625",
	}.run(t)
	e, ok := l.history[len(l.history)-1].(*domain.ConversationCharged)
	if !ok || e.RateCardID != "card-1" || e.Tier != "0:MAX" || e.Month != "2026-09" || e.Currency != "EUR" || e.Country != "BR" || e.WABAID != "WABA" {
		t.Errorf("event is %+v", e)
	}
}

// R8: once ever.
func TestChargedOnce(t *testing.T) {
	given := []step{open("500"), channel("CH"), channel("DI", direct), channel("C2")}
	a := do(priced("a", "1"))
	tellAll(t, []story{
		{"the same is a duplicate", with(given, a), a, ""},
		{"times may differ", with(given, a), do(priced("a", "1", at(start.Add(time.Second)))), ""},
		{"country and recipient are no content", with(given, a), do(priced("a", "1", func(c *domain.Charge) { c.Country, c.RecipientPrefix = "AR", "54" })), ""},
		{"the same number written otherwise", with(given, a), do(priced("a", "1.00")), ""},
		{"an absent WABA is the channel's", with(given, a), do(priced("a", "1", func(c *domain.Charge) { c.WABAID = "" })), ""},
		{"other amount", with(given, a), do(priced("a", "1.01")), "quarantined a charge_conflict"},
		{"no amount", with(given, a), do(unpriced("a", "marketing")), "quarantined a charge_conflict"},
		{"other channel", with(given, a), do(priced("a", "1", onChannel("C2"))), "quarantined a charge_conflict"},
		{"other WABA", with(given, a), do(priced("a", "1", func(c *domain.Charge) { c.WABAID = "W2" })), "quarantined a charge_conflict"},
		{"other market", with(given, a), do(priced("a", "1", func(c *domain.Charge) { c.Market = "Peru" })), "quarantined a charge_conflict"},
		{"other category", with(given, a), do(priced("a", "1", func(c *domain.Charge) { c.Category = "utility" })), "quarantined a charge_conflict"},
		{"other model", with(given, a), do(priced("a", "1", func(c *domain.Charge) { c.Model = domain.CBP })), "quarantined a charge_conflict"},
		{"other type", with(given, a), do(priced("a", "1", free)), "quarantined a charge_conflict"},
		{"other currency", with(given, a), do(priced("a", "1", func(c *domain.Charge) { c.Currency = "USD" })), "quarantined a charge_conflict"},
		{"a rated one again", with(given, do(unpriced("a", "marketing"))), do(unpriced("a", "marketing")), ""},
		{"a rated one with a price", with(given, do(unpriced("a", "marketing"))), do(priced("a", "0.0625")), "quarantined a charge_conflict"},
		{"a rated one with a currency", with(given, do(unpriced("a", "marketing"))), do(unpriced("a", "marketing", func(c *domain.Charge) { c.Currency = "EUR" })), "quarantined a charge_conflict"},
		{"a free one again", with(given, do(priced("a", "1", free))), do(priced("a", "1", free)), ""},
		{"a free one billed", with(given, do(priced("a", "1", free))), a, "quarantined a charge_conflict"},
		{"a direct one again", with(given, do(priced("a", "1", onChannel("DI")))), do(priced("a", "1", onChannel("DI"))), ""},
		{"R34 a corrected id stays counted", with(given, a, do(correction("a", "1"))), a, ""},
		{"R10 in quarantine again: no second entry", with(given, do(unpriced("a", "new"))), do(unpriced("a", "new")), ""},
		{"the same conflict again: no second entry", with(given, a, do(priced("a", "2"))), do(priced("a", "2")), ""},
		{"another conflict is another entry", with(given, a, do(priced("a", "2"))), do(priced("a", "3")), "quarantined a charge_conflict"},
	})
}

// R8: an answer tells duplicates and new entries apart.
func TestOutcomes(t *testing.T) {
	given := []step{open("500"), channel("CH")}
	for _, c := range []struct {
		given []step
		when  *domain.Charge
		then  string
		want  domain.Outcome
	}{
		{given, priced("a", "1"), "charged a 1", domain.Outcome{Charge: domain.ChargeDeducted}},
		{given, priced("a", "1", free), "counted a free", domain.Outcome{Charge: domain.ChargeFree}},
		{with(given, do(priced("a", "1"))), priced("a", "1"), "", domain.Outcome{Charge: domain.ChargeDuplicate}},
		{given, unpriced("a", "new"), "quarantined a no_rate", domain.Outcome{Charge: domain.ChargeQuarantinedResult, Reason: domain.ReasonNoRate, New: true}},
		{with(given, do(unpriced("a", "new"))), unpriced("a", "new"), "", domain.Outcome{Charge: domain.ChargeQuarantinedResult, Reason: domain.ReasonNoRate}},
	} {
		if l := (story{given: c.given, when: do(c.when), then: c.then}).run(t); l.outcome != c.want {
			t.Errorf("outcome is %+v, want %+v", l.outcome, c.want)
		}
	}
}

func correction(id, amount string) *domain.CorrectCharge {
	return &domain.CorrectCharge{ChargeID: id, Reason: "wrong number", Original: &domain.ConversationCharged{ChargeID: id, ChannelID: "CH", WABAID: "WABA", Month: "2026-10", Amount: amt(amount)}}
}

// R10: every reason, and the first that applies.
func TestQuarantine(t *testing.T) {
	cancelled := []step{open("500"), channel("CH"), after(0, &domain.CancelChannel{ChannelID: "CH"})}
	given := []step{open("500"), channel("CH"), channel("DI", direct)}
	malformed := func(c *domain.Charge) { c.Malformed, c.Raw = "line 3: amount is no number", `{"amount":"x"}` }
	unknown := onChannel("nobody's")
	future := at(start.Add(domain.MaxClockSkew + 1))
	old := at(time.Date(2025, 9, 1, 7, 59, 59, 0, time.UTC))
	cuba := func(c *domain.Charge) { c.RecipientPrefix, c.Country = "5351234", "CU" }
	usd := func(c *domain.Charge) { c.Currency = "USD" }
	tellAll(t, []story{
		{"malformed", given, do(priced("a", "1", malformed)), "quarantined a malformed"},
		{"malformed without account", nil, do(priced("a", "1", malformed)), "quarantined a malformed"},
		{"without account", nil, do(priced("a", "1")), "quarantined a unknown_channel"},
		{"unknown channel", given, do(priced("a", "1", unknown)), "quarantined a unknown_channel"},
		{"unknown channel, free", given, do(priced("a", "1", unknown, free)), "quarantined a unknown_channel"},
		{"cancelled at that instant", cancelled, do(priced("a", "1")), "quarantined a channel_cancelled"},
		{"cancelled just after", cancelled, do(priced("a", "1", at(start.Add(-1)))), "charged a 1"},
		{"five minutes ahead", given, do(priced("a", "1", at(start.Add(domain.MaxClockSkew)))), "charged a 1"},
		{"more than five minutes ahead", given, do(priced("a", "1", future)), "quarantined a in_the_future"},
		{"13 months", given, do(priced("a", "1", at(time.Date(2025, 9, 1, 8, 0, 0, 0, time.UTC)))), "charged a 1"},
		{"more than 13 months", given, do(priced("a", "1", old)), "quarantined a too_old"},
		{"blocked destination by number", given, do(priced("a", "1", func(c *domain.Charge) { c.RecipientPrefix = "7978123" })), "quarantined a blocked_destination"},
		{"blocked destination by country", given, do(priced("a", "1", func(c *domain.Charge) { c.RecipientPrefix, c.Country = "", "SY" })), "quarantined a blocked_destination"},
		{"free to a blocked destination", given, do(priced("a", "1", cuba, free)), "counted a free"},
		{"wrong currency", given, do(priced("a", "1", usd)), "quarantined a wrong_currency"},
		{"wrong currency without amount", given, do(unpriced("a", "marketing", usd)), "quarantined a wrong_currency"},
		{"no rate", given, do(unpriced("a", "new")), "quarantined a no_rate"},
		{"order: malformed first", nil, do(priced("a", "1", malformed, unknown, future, cuba, usd)), "quarantined a malformed"},
		{"order: unknown channel before time", given, do(priced("a", "1", unknown, future, cuba, usd)), "quarantined a unknown_channel"},
		{"order: cancelled before future", cancelled, do(priced("a", "1", future, cuba, usd)), "quarantined a channel_cancelled"},
		{"order: future before destination", given, do(priced("a", "1", future, cuba, usd)), "quarantined a in_the_future"},
		{"order: too old before destination", given, do(priced("a", "1", old, cuba, usd)), "quarantined a too_old"},
		{"order: destination before conflict", with(given, do(priced("a", "1"))), do(priced("a", "2", cuba)), "quarantined a blocked_destination"},
		{"order: conflict before free", with(given, do(priced("a", "1"))), do(priced("a", "1", free)), "quarantined a charge_conflict"},
		{"order: conflict before currency", with(given, do(priced("a", "1"))), do(priced("a", "2", usd)), "quarantined a charge_conflict"},
		{"order: currency before rate", given, do(unpriced("a", "new", usd)), "quarantined a wrong_currency"},
		{"order: too old before duplicates are told apart", with(given, do(priced("a", "1"))), do(priced("a", "1", old)), "quarantined a too_old"},
	})
}

// R10: what leaves quarantine, and what does not.
func TestLeavingQuarantine(t *testing.T) {
	given := []step{open("500"), channel("CH")}
	late := onChannel("C2")
	noWABA := func(c *domain.Charge) { c.WABAID = "" }
	future := start.Add(time.Hour)
	tellAll(t, []story{
		{"charged once the channel is known", with(given, do(priced("a", "1", late)), channel("C2")), do(priced("a", "1", late)), "charged a 1 released"},
		{"counted as free", with(given, do(priced("a", "1", late, free)), channel("C2")), do(priced("a", "1", late, free)), "counted a free released"},
		{"a duplicate by now", with(given, do(priced("a", "1", at(future))), do(priced("a", "1"))), do(priced("a", "1")), ""},
		{"the corrected time is another presentation of it", with(given, do(priced("a", "1", at(future)))), do(priced("a", "1")), "charged a 1 released"},
		{"another reason is the latest", with(given, do(unpriced("a", "new", late)), channel("C2")), do(unpriced("a", "new", late)), "quarantined a no_rate"},
		{"other content does not release it", with(given, do(unpriced("a", "new"))), do(priced("a", "1")), "charged a 1"},
		{"nor does time", with(given, do(priced("a", "1", at(future)))), after(2*time.Hour, &domain.RetryRecharge{}), ""},
		{"duplicates of a counted one leave", with(given, do(priced("a", "1")), do(priced("a", "1", at(future)))), do(priced("a", "1")), "released a duplicate"},
		{"the WABA that the channel gave is no other content", with(given, do(priced("a", "1", late, noWABA)), channel("C2")), do(priced("a", "1", late, noWABA)), "charged a 1; released a charged"},
		{"nor for a free one", with(given, do(priced("a", "1", late, noWABA, free)), channel("C2")), do(priced("a", "1", late, noWABA, free)), "counted a free; released a free"},
		{"nor for one quarantined again", with(given, do(unpriced("a", "new", late, noWABA)), channel("C2")), do(unpriced("a", "new", late, noWABA)), "quarantined a no_rate"},
	})
	l := story{given: with(given, do(unpriced("a", "new", late, noWABA)), channel("C2")), when: do(unpriced("a", "new", late, noWABA)), then: "quarantined a no_rate"}.run(t)
	if got := l.facts.quarantined(); len(got) != 1 || got["no_rate"] != 1 || l.outcome.New {
		t.Errorf("in quarantine are %v, new %v; want the one entry with its latest reason", got, l.outcome.New)
	}
}

// R10: an entry that was charged in an account after it belonged to none.
func TestReleasedElsewhere(t *testing.T) {
	c := unpriced("a", "new")
	l := story{given: []step{open("500"), channel("CH"), do(c)}, when: do(&domain.ReleaseQuarantined{ChargeID: "a", Content: c.Content()}), then: "released a charged_elsewhere"}.run(t)
	if got := l.facts.quarantined(); len(got) != 0 {
		t.Errorf("in quarantine are %v", got)
	}
	story{given: []step{open("500"), channel("CH"), do(c)}, when: do(&domain.ReleaseQuarantined{ChargeID: "b", Content: c.Content()}), then: ""}.run(t)
}

// R10: an entry in whose place a mended record was presented, in an account and
// among what belongs to none.
func TestReleasedMended(t *testing.T) {
	c := unpriced("a", "new")
	for _, given := range [][]step{{open("500"), channel("CH"), do(c)}, {do(c)}} {
		l := story{given: given, when: do(&domain.ReleaseQuarantined{ChargeID: "a", Content: c.Content(), Mended: true}), then: "released a mended"}.run(t)
		if got := l.facts.quarantined(); len(got) != 0 {
			t.Errorf("in quarantine are %v", got)
		}
		story{given: given, when: do(&domain.ReleaseQuarantined{ChargeID: "b", Content: c.Content(), Mended: true}), then: ""}.run(t)
	}
}

// R10: malformed records without an id are told apart by what was read.
func TestMalformedWithoutID(t *testing.T) {
	bad := func(raw string) step { return do(&domain.Charge{Malformed: "no id", Raw: raw}) }
	given := []step{open("500"), bad("one")}
	story{given: given, when: bad("one"), then: ""}.run(t)
	if l := (story{given: given, when: bad("two"), then: "quarantined  malformed"}).run(t); l.facts.quarantined()["malformed"] != 2 {
		t.Errorf("in quarantine are %v", l.facts.quarantined())
	}
}

// The content of a charge is the same when it is presented and when its event
// is read.
func TestContentOfEvents(t *testing.T) {
	for _, c := range []*domain.Charge{
		priced("a", "1"), priced("a", "1", free), unpriced("a", "marketing"), unpriced("a", "new"),
		unpriced("a", "marketing", func(c *domain.Charge) { c.Currency = "EUR" }), unpriced("a", "marketing", free),
		unpriced("a", "marketing", func(c *domain.Charge) { c.Currency = "USD" }), priced("a", "0", onChannel("x")),
		unpriced("a", "x", func(c *domain.Charge) { c.Malformed, c.Raw = "bad", "raw" }),
	} {
		l := newLedger(t)
		for _, s := range []step{open("500"), channel("CH"), do(c)} {
			if _, err := l.do("", s.cmd); err != nil {
				t.Fatal(err)
			}
		}
		if e := l.history[len(l.history)-1]; domain.ContentOf(e) != c.Content() {
			t.Errorf("%s has other content than the charge %+v", tellOne(e), c)
		}
	}
	if domain.ContentOf(&domain.GraceEnded{}) != (domain.ContentHash{}) {
		t.Error("an event without charge has content")
	}
}

// R10: 13 months back from the last day of a month.
func TestTooOldAtMonthEnds(t *testing.T) {
	recorded := time.Date(2027, 3, 31, 12, 0, 0, 0, time.UTC)
	limit := time.Date(2026, 2, 28, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		occurred time.Time
		then     string
	}{{limit, "charged a 1"}, {limit.Add(-time.Nanosecond), "quarantined a too_old"}} {
		story{given: []step{open("500"), channel("CH")}, when: step{wait: recorded.Sub(start), cmd: priced("a", "1", at(c.occurred))}, then: c.then}.run(t)
	}
}

// The reasons of R10 have stable names in the order of the rules.
func TestReasons(t *testing.T) {
	want := "malformed unknown_channel channel_cancelled in_the_future too_old blocked_destination charge_conflict wrong_currency no_rate"
	var names []string
	for _, r := range domain.Reasons() {
		names = append(names, r.String())
		if back, ok := domain.ParseReason(r.String()); !ok || back != r {
			t.Errorf("ParseReason(%q) = %v, %v", r, back, ok)
		}
		if !strings.HasSuffix(r.Advice(), ".") {
			t.Errorf("%s advises %q", r, r.Advice())
		}
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("reasons are %s", got)
	}
	if _, ok := domain.ParseReason(""); ok || domain.Reason(0).String() != "unknown_reason" || domain.Reason(200).String() != "unknown_reason" {
		t.Error("what is no reason has the name of one")
	}
}

// R34: a charge is taken back by naming it.
func TestCorrection(t *testing.T) {
	given := []step{open("500"), channel("CH"), do(priced("a", "2"))}
	l := story{given: given, when: do(correction("a", "2")), then: "corrected a 2"}.run(t)
	if l.account.Balance.String() != "500" {
		t.Errorf("the balance is %s", l.account.Balance)
	}
	tellAll(t, []story{
		{"unknown", given, do(&domain.CorrectCharge{ChargeID: "b", Reason: "x"}), "! unknown_charge"},
		{"the original of another", given, do(&domain.CorrectCharge{ChargeID: "b", Reason: "x", Original: correction("a", "2").Original}), "! unknown_charge"},
		{"twice", with(given, do(correction("a", "2"))), do(correction("a", "2")), "! already_corrected"},
		{"by nobody", given, unsigned(correction("a", "2")), "! actor_required"},
		{"without reason", given, do(func() domain.Command { c := correction("a", "2"); c.Reason = ""; return c }()), "! reason_required"},
		{"it ends grace", []step{open("1", noAuto, noMinimum), channel("CH"), do(priced("a", "2"))}, do(correction("a", "2")), "corrected a 2; grace ended"},
	})
}

// R25: months in the WABA's zone.
func TestMonthOf(t *testing.T) {
	berlin, err := domain.LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	instant := time.Date(2026, 9, 30, 22, 0, 0, 0, time.UTC)
	for zone, want := range map[*time.Location]domain.Month{nil: "2026-09", time.UTC: "2026-09", berlin: "2026-10"} {
		if got := domain.MonthOf(instant, zone); got != want {
			t.Errorf("MonthOf(%s, %v) = %s, want %s", instant, zone, got, want)
		}
	}
	for _, bad := range []string{"", "2026-13", "2026-1", "26-10", "2026-10-01", "2026-00"} {
		if m, err := domain.ParseMonth(bad); err == nil {
			t.Errorf("ParseMonth(%q) = %s", bad, m)
		}
	}
	if m, err := domain.ParseMonth("2026-10"); err != nil || m != "2026-10" {
		t.Errorf("ParseMonth = %s, %v", m, err)
	}
}
