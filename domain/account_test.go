package domain_test

import (
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// R1, R2, R4: opening an account.
func TestOpening(t *testing.T) {
	tellAll(t, []story{
		{"R2 what is missing to 500 is charged at once", nil, open("120.5"), "opened 120.5 EUR; requested PA-R000001 initial 379.5+15.18=394.68"},
		{"R2 zero may remain", nil, open("0"), "opened 0 EUR; requested PA-R000001 initial 500+20=520"},
		{"R2 parts of a cent round up", nil, open("499.991"), "opened 499.991 EUR; requested PA-R000001 initial 0.01+0=0.01"},
		{"R2 500 is enough", nil, open("500"), "opened 500 EUR"},
		{"R2 more is enough", nil, open("700"), "opened 700 EUR"},
		{"R2 never negative", nil, open("-0.01"), "! invalid_amount"},
		{"R2 does not depend on auto-recharge", nil, open("100", noAuto), "opened 100 EUR; requested PA-R000001 initial 400+16=416"},
		{"R2 the contract's own minimum", nil, open("100", func(c *domain.OpenAccount) { c.MinimumOpening = ptr(amt("250")) }), "opened 100 EUR; requested PA-R000001 initial 150+6=156"},
		{"R2 without a minimum nothing is charged, below the threshold either", nil, open("0", noMinimum), "opened 0 EUR"},
		{"R1 any currency of ISO 4217, with its own minor unit", nil, open("0.5", func(c *domain.OpenAccount) { c.Currency = "JPY" }), "opened 0.5 JPY; requested PA-R000001 initial 500+20=520"},
		{"R1 no currency", nil, open("500", func(c *domain.OpenAccount) { c.Currency = "XXX" }), "! unsupported_currency"},
		{"R1 capitals only", nil, open("500", func(c *domain.OpenAccount) { c.Currency = "eur" }), "! unsupported_currency"},
		{"R1 once", []step{open("500")}, open("500"), "! account_exists"},
		{"R1 a closed one exists, too", []step{open("0", noMinimum), do(&domain.CloseAccount{})}, open("500"), "! account_exists"},
		{"R4 a card is needed", nil, open("500", func(c *domain.OpenAccount) { c.Card = "" }), "! invalid_setting"},
		{"R4 one that the processor can take", nil, open("500", func(c *domain.OpenAccount) { c.CardProblem = "write the token, never a card number" }), "! invalid_setting"},
		{"an id is needed", nil, open("500", func(c *domain.OpenAccount) { c.PartnerID = "" }), "! invalid_setting"},
		{"an id has no control characters", nil, open("500", func(c *domain.OpenAccount) { c.PartnerID = "a\nb" }), "! invalid_setting"},
		{"negative minimum", nil, open("500", func(c *domain.OpenAccount) { c.MinimumOpening = ptr(amt("-1")) }), "! invalid_setting"},
		{"negative surcharge", nil, open("500", func(c *domain.OpenAccount) { c.SurchargePercent = ptr(amt("-0.1")) }), "! invalid_setting"},
		{"surcharge above 100", nil, open("500", func(c *domain.OpenAccount) { c.SurchargePercent = ptr(amt("100.1")) }), "! invalid_setting"},
		{"negative grace", nil, open("500", grace(-1)), "! invalid_setting"},
		{"endless grace", nil, open("500", grace(domain.MaxGraceDays+1)), "! invalid_setting"},
		{"unknown policy", nil, open("500", func(c *domain.OpenAccount) { c.UnblockPolicy = "nobody" }), "! invalid_setting"},
		{"negative threshold", nil, open("500", func(c *domain.OpenAccount) { c.Threshold = ptr(amt("-1")) }), "! invalid_setting"},
		{"zero threshold", nil, open("500", func(c *domain.OpenAccount) { c.Threshold = ptr(money.Zero()) }), "opened 500 EUR"},
		{"zero recharge amount", nil, open("500", func(c *domain.OpenAccount) { c.RechargeAmount = ptr(money.Zero()) }), "! invalid_setting"},
		{"precedence: amount before setting before currency", nil, open("-1", grace(-1), func(c *domain.OpenAccount) { c.Currency = "?" }), "! invalid_amount"},
		{"precedence: setting before currency", nil, open("1", grace(-1), func(c *domain.OpenAccount) { c.Currency = "?" }), "! invalid_setting"},
		{"precedence: exists before amount", []step{open("500")}, open("-1"), "! account_exists"},
	})
}

// The defaults of R2, R11, R14, R20 and R22.
func TestDefaults(t *testing.T) {
	a := story{when: open("500"), then: "opened 500 EUR"}.run(t).account
	c, s := a.Contract, a.Settings
	if c.MinimumOpening.String() != "500" || c.SurchargePercent.String() != "4" || c.GraceDays != 7 || c.UnblockPolicy != domain.UnblockByFinance {
		t.Errorf("contract is %+v", c)
	}
	if !s.AutoRecharge || s.Threshold.String() != "100" || s.RechargeAmount.String() != "500" {
		t.Errorf("settings are %+v", s)
	}
	if a.Standing() != domain.Active || !a.AmountDue().IsZero() || a.InFlight != nil {
		t.Errorf("a fresh account stands %s, due %s, in flight %v", a.Standing(), a.AmountDue(), a.InFlight)
	}
}

// R1, R3: what no account does, and what nobody does without an account.
func TestNeverSupported(t *testing.T) {
	given := []step{open("500")}
	closed := []step{open("0", noMinimum), do(&domain.CloseAccount{})}
	transfer := do(&domain.Transfer{To: "PB", Amount: amt("1")})
	licence := do(&domain.ChargeLicenceFee{ChannelID: "CH", Amount: amt("1")})
	tellAll(t, []story{
		{"R1 funds never move", given, transfer, "! transfer_not_supported"},
		{"R1 of no account", nil, transfer, "! unknown_account"},
		{"R1 of a closed one", closed, transfer, "! account_closed"},
		{"R3 licence fees are not covered", given, licence, "! not_covered_by_prepayment"},
		{"R3 of no account", nil, licence, "! unknown_account"},
		{"R3 of a closed one", closed, licence, "! account_closed"},
	})
	for _, cmd := range []domain.Command{
		&domain.ChangeContract{}, &domain.RegisterChannel{}, &domain.CancelChannel{}, &domain.ChangeRechargeSettings{}, &domain.ReplaceCard{},
		&domain.AddFunds{}, &domain.RetryRecharge{}, &domain.BlockOverdue{}, &domain.ConfirmPayment{}, &domain.Block{}, &domain.Unblock{},
		&domain.CorrectCharge{}, &domain.Refund{}, &domain.CloseAccount{}, &domain.ChangeBillingDetails{},
	} {
		story{when: unsigned(cmd), then: "! unknown_account"}.run(t)
		story{given: closed, when: unsigned(cmd), then: "! account_closed"}.run(t)
	}
	for _, cmd := range []domain.Command{
		&domain.RecordRechargeSucceeded{}, &domain.RecordRechargeFailed{}, &domain.PublishBalance{}, &domain.AdjustReconciliation{},
	} {
		story{when: unsigned(cmd), then: "! unknown_account"}.run(t)
	}
}

// R5, R6: channels.
func TestChannels(t *testing.T) {
	number := func(n string) func(*domain.RegisterChannel) {
		return func(c *domain.RegisterChannel) { c.PhoneNumber = n }
	}
	taken := func(c *domain.RegisterChannel) { c.NumberTaken = true }
	given := []step{open("500"), channel("CH")}
	tellAll(t, []story{
		{"R5 registered with a clean number", given[:1], channel("CH"), "channel CH +4930123456"},
		{"R5 a direct one", given[:1], channel("CH", direct), "channel CH +4930123456"},
		{"R5 another payment model", given[:1], channel("CH", func(c *domain.RegisterChannel) { c.PaymentModel = "prepaid" }), "! invalid_setting"},
		{"R5 without WABA", given[:1], channel("CH", func(c *domain.RegisterChannel) { c.WABAID = "" }), "! invalid_setting"},
		{"R5 no number", given[:1], channel("CH", number("call me")), "! invalid_number"},
		{"R5 the number is taken", given[:1], channel("CH", taken), "! number_taken"},
		{"R5 the id is taken", given, channel("CH", number("+4930777777")), "! channel_exists"},
		{"R5 the id of a cancelled one is taken", with(given, do(&domain.CancelChannel{ChannelID: "CH"})), channel("CH"), "! channel_exists"},
		{"R25 a time zone of the IANA database", given[:1], channel("CH", func(c *domain.RegisterChannel) { c.TimeZone = "America/Sao_Paulo" }), "channel CH +4930123456"},
		{"R25 another time zone", given[:1], channel("CH", func(c *domain.RegisterChannel) { c.TimeZone = "Mars/Base" }), "! invalid_setting"},
		{"R25 not the machine's", given[:1], channel("CH", func(c *domain.RegisterChannel) { c.TimeZone = "Local" }), "! invalid_setting"},
		{"R6 Crimea", given[:1], channel("CH", number("+7978 123456")), "! blocked_number"},
		{"R6 Cuba", given[:1], channel("CH", number("+53 5123456")), "! blocked_number"},
		{"R6 Iran", given[:1], channel("CH", number("+98 9121234567")), "! blocked_number"},
		{"R6 North Korea", given[:1], channel("CH", number("+850 1912345")), "! blocked_number"},
		{"R6 Syria", given[:1], channel("CH", number("+963 931234567")), "! blocked_number"},
		{"R6 Donetsk", given[:1], channel("CH", number("+7856 123456")), "! blocked_number"},
		{"R6 Luhansk", given[:1], channel("CH", number("+7857 123456")), "! blocked_number"},
		{"R6 a neighbour", given[:1], channel("CH", number("+7977 123456")), "channel CH +7977123456"},
		{"precedence: blocked before taken before exists", given, channel("CH", number("+53 5123456"), taken), "! blocked_number"},
		{"precedence: taken before exists", given, channel("CH", taken), "! number_taken"},
		{"precedence: setting before number", given, channel("CH", number("+53 5123456"), func(c *domain.RegisterChannel) { c.PaymentModel = "" }), "! invalid_setting"},
		{"R5 cancelled", given, do(&domain.CancelChannel{ChannelID: "CH"}), "cancelled CH"},
		{"R5 cancelled once", with(given, do(&domain.CancelChannel{ChannelID: "CH"})), do(&domain.CancelChannel{ChannelID: "CH"}), "! channel_cancelled"},
		{"R5 no such channel", given, do(&domain.CancelChannel{ChannelID: "other"}), "! unknown_channel"},
	})
}

// Settings that are not given stay (R11), and contracts change by somebody.
func TestChangingSettingsAndContract(t *testing.T) {
	given := []step{open("500")}
	tellAll(t, []story{
		{"R11 all three", given, do(&domain.ChangeRechargeSettings{AutoRecharge: ptr(false), Threshold: ptr(amt("5")), RechargeAmount: ptr(amt("7"))}), "settings false 5 7"},
		{"R11 one", given, do(&domain.ChangeRechargeSettings{Threshold: ptr(amt("5"))}), "settings true 5 500"},
		{"R11 none counts as a change", given, do(&domain.ChangeRechargeSettings{}), "settings true 100 500"},
		{"R11 negative threshold", given, do(&domain.ChangeRechargeSettings{Threshold: ptr(amt("-5"))}), "! invalid_setting"},
		{"R11 no amount", given, do(&domain.ChangeRechargeSettings{RechargeAmount: ptr(amt("0"))}), "! invalid_setting"},
		{"a card without name", given, do(&domain.ReplaceCard{}), "! invalid_setting"},
		{"a card that the processor can't take", given, do(&domain.ReplaceCard{Card: "x", CardProblem: "write the token, never a card number"}), "! invalid_setting"},
		{"contract", given, do(&domain.ChangeContract{GraceDays: ptr(3)}), "ContractChanged"},
		{"contract by nobody", given, unsigned(&domain.ChangeContract{GraceDays: ptr(3)}), "! actor_required"},
		{"contract: setting before actor", given, unsigned(&domain.ChangeContract{GraceDays: ptr(-3)}), "! invalid_setting"},
	})
}

// R20, R14: a changed contract keeps what it does not name, and moves a
// running deadline.
func TestContractChange(t *testing.T) {
	given := []step{open("500", noAuto), channel("CH"), do(priced("a", "501"))}
	l := story{given: with(given, failed(1)), when: after(24*time.Hour, &domain.ChangeContract{GraceDays: ptr(10)}), then: "ContractChanged"}.run(t)
	if c := l.account.Contract; c.GraceDays != 10 || c.SurchargePercent.String() != "4" || c.UnblockPolicy != domain.UnblockByFinance {
		t.Errorf("contract is %+v", c)
	}
	if want := start.Add(10 * domain.Day); !l.account.BlockDeadline.Equal(want) {
		t.Errorf("the deadline is %s, want %s", l.account.BlockDeadline, want)
	}
}
