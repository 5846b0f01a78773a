package natsintake_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/natsbus"
	"prepayledger/domain"
	"prepayledger/eventstore"
)

// give sends a command of finance for account PA-0000.
func (b *bench) give(name, payload string, more ...string) map[string]any {
	b.t.Helper()
	request := fmt.Sprintf(`{"partner_id":"PA-0000","actor":"finance:ana","payload":%s`, payload)
	for _, m := range more {
		request += "," + m
	}
	return b.ask(natsbus.CommandPrefix+name, request+"}")
}

// code is the code of an error reply; empty for none.
func code(reply map[string]any) string {
	e, _ := reply["error"].(map[string]any)
	if e != nil && text(e["message"]) == "" {
		return "without a message"
	}
	return text(e["code"])
}

func TestEachCommandOverNATS(t *testing.T) {
	b := newBench(t, options{accounts: 1})
	b.run()
	b.ask(natsbus.ChargeSubject, charge("m-1", priced))
	for _, c := range []struct{ name, payload, code string }{
		{"OpenAccount", `{"currency":"EUR","card":"sim_ok"}`, "account_exists"},
		{"ChangeContract", `{"surcharge_percent":"3"}`, ""},
		{"RegisterChannel", `{"channel_id":"CH-new","phone_number":"+34911234567","phone_number_id":"1","waba_id":"2","payment_model":"partner_paid"}`, ""},
		{"RegisterChannel", `{"channel_id":"CH-other","phone_number":"+34911234567","phone_number_id":"1","waba_id":"2","payment_model":"partner_paid"}`, "number_taken"},
		{"CancelChannel", `{"channel_id":"CH-new"}`, ""},
		{"ChangeRechargeSettings", `{"threshold":"200"}`, ""},
		{"ReplaceCard", `{"card":"sim_ok"}`, ""},
		{"AddFunds", `{"amount":"50"}`, ""},
		{"AddFunds", `{"amount":"5"}`, "amount_out_of_range"},
		{"AddFunds", `{"amount":"50","method":"cash"}`, "payment_method_not_accepted"},
		{"ConfirmPayment", `{"reference":"BANK-1","amount":"50"}`, "nothing_to_confirm"},
		{"Unblock", `{}`, "not_blocked"},
		{"Block", `{"reason":"fraud"}`, ""},
		{"Unblock", `{}`, ""},
		{"CorrectCharge", `{"charge_id":"m-1","reason":"a test"}`, ""},
		{"CorrectCharge", `{"charge_id":"m-2","reason":"a test"}`, "unknown_charge"},
		{"Refund", `{"amount":"2000000","reason":"contract ended"}`, "refund_exceeds_balance"},
		{"Refund", `{"amount":"1000000","reason":"contract ended"}`, ""},
		{"CloseAccount", `{}`, "not_closable"},
		{"Transfer", `{"to":"PA-0000","amount":"1"}`, "transfer_not_supported"},
		{"ChargeLicenceFee", `{"channel_id":"CH-0000-0","amount":"20"}`, "not_covered_by_prepayment"},
		{"AddFunds", `{"amount":50}`, "invalid_request"},
		{"AddFunds", `{"amuont":"50"}`, "invalid_request"},
		{"RecordRechargeSucceeded", `{"recharge_id":"PA-0000-R000001"}`, "unknown_command"},
		{"BlockOverdue", `{}`, "unknown_command"},
		{"PublishBalance", `{}`, "unknown_command"},
		{"Nothing", `{}`, "unknown_command"},
	} {
		reply := b.give(c.name, c.payload)
		if code(reply) != c.code || (c.code == "") != (reply["ok"] == true) {
			t.Errorf("%s %s: %v, want the code %q", c.name, c.payload, reply, c.code)
		}
	}
	a := b.look(0)
	if a.Balance.String() != "50" {
		t.Errorf("balance %s, want 50: 1000000 carried over and refunded, 50 added, one charge taken and given back", a.Balance)
	}
	reply := b.give("ChangeContract", `{}`)
	if reply["balance"] != "50" || reply["amount_due"] != "0" || reply["currency"] != "USD" || reply["standing"] != "active" || reply["partner_id"] != "PA-0000" {
		t.Errorf("the reply %v does not say how the account stands", reply)
	}
	if reply := b.ask(natsbus.CommandPrefix+"AddFunds", `{"partner_id":"PA-9","actor":"a","payload":{"amount":"50"}}`); code(reply) != "unknown_account" {
		t.Errorf("%v, want unknown_account", reply)
	}
}

func TestACommandIDCountsOnce(t *testing.T) {
	b := newBench(t, options{accounts: 1})
	b.run()
	id := uuid.NewString()
	named := fmt.Sprintf(`"command_id":%q`, id)
	for range 3 {
		reply := b.give("AddFunds", `{"amount":"50"}`, named)
		if reply["ok"] != true || reply["command_id"] != id || reply["balance"] != "1000050" {
			t.Errorf("%v, want one payment of 50", reply)
		}
	}
	if reply := b.give("AddFunds", `{"amount":"60"}`, named); code(reply) != "command_conflict" {
		t.Errorf("%v, want command_conflict", reply)
	}
	if reply := b.give("AddFunds", `{"amount":"50"}`); reply["balance"] != "1000100" {
		t.Errorf("%v: another command without id is another payment", reply)
	}
	if got := b.events()[domain.TypeRechargeSucceeded]; got != 2 {
		t.Errorf("%d payments, want 2", got)
	}
}

// TestConflictAndFailureAreTold gives each failure of the store to a command.
func TestConflictAndFailureAreTold(t *testing.T) {
	for _, c := range []struct {
		err  error
		code string
	}{
		{&eventstore.WrongRevisionError{}, commandjson.CodeConflict},
		{eventstore.ErrUnavailable, commandjson.CodeUnavailable},
		{eventstore.ErrOutcomeUnknown, commandjson.CodeOutcomeUnknown},
		{eventstore.ErrTooLarge, commandjson.CodeFailed},
	} {
		t.Run(c.code, func(t *testing.T) {
			f := &failing{err: c.err}
			b := newBench(t, options{accounts: 1, store: func(s eventstore.Store) eventstore.Store { f.Store = s; return f }})
			b.run()
			named := fmt.Sprintf(`"command_id":%q`, uuid.NewString())
			f.broken.Store(true)
			if reply := b.give("AddFunds", `{"amount":"50"}`, named); code(reply) != c.code {
				t.Errorf("command: %v, want %s", reply, c.code)
			}
			if reply := b.ask(natsbus.ChargeSubject, charge("m-1", priced)); code(reply) != c.code {
				t.Errorf("charge: %v, want %s", reply, c.code)
			}
			f.broken.Store(false)
			if reply := b.give("AddFunds", `{"amount":"50"}`, named); reply["balance"] != "1000050" {
				t.Errorf("again with the same id: %v", reply)
			}
			if reply := b.ask(natsbus.ChargeSubject, charge("m-1", priced)); reply["outcome"] != "charged" {
				t.Errorf("again with the same id: %v", reply)
			}
		})
	}
}
