package commandjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"prepayledger/consumers/commandjson"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

func pointer[T any](v T) *T { return &v }

// samples has every command with every field that a caller may give.
func samples() []domain.Command {
	amount := money.MustParse("123.45")
	return []domain.Command{
		&domain.OpenAccount{
			PartnerID: "PA-1001", Currency: "EUR", Card: "sim_ok", CarriedOver: amount, MinimumOpening: &amount, SurchargePercent: pointer(money.MustParse("3.5")),
			GraceDays: pointer(0), UnblockPolicy: domain.UnblockAutomatic, AutoRecharge: pointer(false), Threshold: &amount, RechargeAmount: &amount,
		},
		&domain.ChangeContract{SurchargePercent: &amount, GraceDays: pointer(14), UnblockPolicy: domain.UnblockByFinance, TaxText: pointer(""), TaxRate: &amount},
		&domain.ChangeBillingDetails{Billing: domain.BillingDetails{
			Company: "Łódź Sp. z o.o.", Street: "Piotrkowska 1", PostalCode: "90-001", City: "Łódź", Country: "PL", VATID: "PL 725", Emails: []string{"faktury@example.com"},
		}},
		&domain.RegisterChannel{
			ChannelID: "CH-1", PhoneNumber: "+34911234567", PhoneNumberID: "106540352242922", WABAID: "102290129340398",
			PaymentModel: domain.PartnerPaid, TimeZone: "Europe/Madrid",
		},
		&domain.CancelChannel{ChannelID: "CH-1"},
		&domain.ChangeRechargeSettings{AutoRecharge: pointer(true), Threshold: &amount, RechargeAmount: &amount},
		&domain.ReplaceCard{Card: "sim_ok"},
		&domain.AddFunds{Amount: amount, Method: "card"},
		&domain.ConfirmPayment{Reference: "BANK-1", Amount: amount, RechargeID: "PA-1001-R000001"},
		&domain.Block{Reason: "fraud"},
		&domain.Unblock{},
		&domain.CorrectCharge{ChargeID: "wamid.1", Reason: "test traffic"},
		&domain.Refund{Amount: amount, Reason: "contract ended", Payout: true, RechargeID: "PA-1001-R000001"},
		&domain.RetryRefund{RefundID: "PA-1001-F000001"},
		&domain.CancelRefund{RefundID: "PA-1001-F000001", Reason: "card closed"},
		&domain.CloseAccount{},
		&domain.ChangeAlertSettings{Recipients: &[]string{"ana@example.com"}, Kinds: &[]string{}},
		&domain.Transfer{To: "PA-1002", Amount: amount},
		&domain.ChargeLicenceFee{ChannelID: "CH-1", Amount: amount},
	}
}

func TestEveryCommandSurvivesTheWayThereAndBack(t *testing.T) {
	var names []string
	for _, want := range samples() {
		names = append(names, want.CommandName())
		data, err := commandjson.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := commandjson.Decode(want.CommandName(), "PA-1001", data)
		if err != nil {
			t.Fatalf("%s %s: %v", want.CommandName(), data, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s %s: decoded %+v, want %+v", want.CommandName(), data, got, want)
		}
	}
	if got := commandjson.Names(); !reflect.DeepEqual(got, names) {
		t.Errorf("the commands are %v, the samples %v", got, names)
	}
}

func TestWhatIsGivenIsReadExactly(t *testing.T) {
	for _, c := range []struct{ name, payload, field string }{
		{"AddFunds", `{"amount":"500"}`, ""},
		{"AddFunds", ` {"amount" : "500.00", "method":null} `, ""},
		{"Unblock", ``, ""},
		{"Unblock", `{}`, ""},
		{"ChangeRechargeSettings", `{"auto_recharge":false}`, ""},
		{"AddFunds", `{"ammount":"500","amount":"1"}`, "ammount"},
		{"AddFunds", `{"Amount":"500"}`, "amount"},
		{"AddFunds", `{"amount":"500","AMOUNT":"1"}`, "AMOUNT"},
		{"AddFunds", `{"amount":500}`, "amount"},
		{"AddFunds", `{"amount":null}`, "amount"},
		{"AddFunds", `{}`, "amount"},
		{"AddFunds", ``, "amount"},
		{"AddFunds", `{"amount":"5e2"}`, "amount"},
		{"AddFunds", `{"amount":""}`, "amount"},
		{"AddFunds", `{"amount":"500","amount":"500"}`, "amount"},
		{"AddFunds", `{"amount":"1000000000000000"}`, "amount"},
		{"AddFunds", `{"amount":"0.1234567890123456789"}`, "amount"},
		{"AddFunds", `{"amount":"500","method":7}`, "method"},
		{"ChangeRechargeSettings", `{"auto_recharge":"false"}`, "auto_recharge"},
		{"ChangeContract", `{"grace_days":7.5}`, "grace_days"},
		{"ChangeContract", `{"grace_days":"7"}`, "grace_days"},
		{"Unblock", `{"reason":"paid"}`, "reason"},
		{"CloseAccount", `{"":"x"}`, ""},
	} {
		_, err := commandjson.Decode(c.name, "PA-1", []byte(c.payload))
		var wrong *commandjson.FieldError
		ok := errors.As(err, &wrong)
		switch {
		case c.field == "" && !strings.Contains(c.payload, `""`) && err != nil:
			t.Errorf("%s %s: %v", c.name, c.payload, err)
		case (c.field != "" || strings.Contains(c.payload, `""`)) && (!ok || wrong.Field != c.field):
			t.Errorf("%s %s: %v, want an error that names %q", c.name, c.payload, err, c.field)
		}
	}
}

func TestWhatIsNoObjectIsRefused(t *testing.T) {
	for _, payload := range []string{
		`[]`, `null`, `"x"`, `7`, `{`, `{"reason"`, `{"reason":`, `{"reason":"a"`, `{"reason":"a"} {}`, `{"reason":"a"}x`, "\xff",
		`{"reason":"` + strings.Repeat("a", commandjson.MaxPayloadBytes) + `"}`,
	} {
		_, err := commandjson.Decode("Block", "PA-1", []byte(payload))
		var wrong *commandjson.FieldError
		if !errors.As(err, &wrong) {
			t.Errorf("%.60s: %v, want a FieldError", payload, err)
		}
	}
}

func TestTheLedgersOwnCommandsAreUnknown(t *testing.T) {
	for _, cmd := range []domain.Command{
		&domain.RecordRechargeSucceeded{}, &domain.RecordRechargeFailed{}, &domain.RetryRecharge{}, &domain.BlockOverdue{},
		&domain.PublishBalance{}, &domain.AdjustReconciliation{}, &domain.ReleaseQuarantined{}, &domain.Charge{},
	} {
		if _, err := commandjson.Decode(cmd.CommandName(), "PA-1", []byte(`{}`)); !errors.Is(err, commandjson.ErrUnknownCommand) {
			t.Errorf("%s: %v, want ErrUnknownCommand", cmd.CommandName(), err)
		}
		if _, err := commandjson.Encode(cmd); !errors.Is(err, commandjson.ErrUnknownCommand) {
			t.Errorf("%s was encoded: %v", cmd.CommandName(), err)
		}
		if commandjson.Schema(cmd.CommandName()) != nil || commandjson.RequestSchema(cmd.CommandName()) != nil || commandjson.Summary(cmd.CommandName()) != "" {
			t.Errorf("%s has a schema", cmd.CommandName())
		}
	}
}

func TestRequests(t *testing.T) {
	now := time.Date(2026, 11, 5, 12, 0, 0, 0, time.UTC)
	partner, m, cmd, err := commandjson.DecodeRequest("AddFunds",
		[]byte(`{"partner_id":"PA-1001","command_id":"7d1f6b1e-3c5a-4f6e-9a51-0f2f5c1b8d11","actor":"partner:jo","at":"2026-11-05T12:00:04Z","payload":{"amount":"50"}}`), now)
	if err != nil || partner != "PA-1001" || m.Actor != "partner:jo" || m.CommandID != uuid.MustParse("7d1f6b1e-3c5a-4f6e-9a51-0f2f5c1b8d11") || !m.At.IsZero() {
		t.Fatalf("%q %+v %v", partner, m, err)
	}
	if add, ok := cmd.(*domain.AddFunds); !ok || add.Amount.String() != "50" {
		t.Fatalf("decoded %+v", cmd)
	}
	for _, c := range []struct{ request, field string }{
		{`{"partner_id":"PA-1001","actor":"a","payload":{"amount":"50"},"at":"2026-11-05T12:00:06Z"}`, "at"},
		{`{"partner_id":"PA-1001","actor":"a","payload":{"amount":"50"},"at":"yesterday"}`, "at"},
		{`{"partner_id":"PA-1001","payload":{"amount":"50"}}`, "actor"},
		{`{"partner_id":"PA-1001","actor":"","payload":{"amount":"50"}}`, "actor"},
		{`{"partner_id":"PA-1001","actor":"system:payments","payload":{"amount":"50"}}`, "actor"},
		{`{"actor":"a","payload":{"amount":"50"}}`, "partner_id"},
		{`{"partner_id":"PA-1001","actor":"a","command_id":"1","payload":{"amount":"50"}}`, "command_id"},
		{`{"partner_id":"PA-1001","actor":"a","command_id":"00000000-0000-0000-0000-000000000000","payload":{"amount":"50"}}`, "command_id"},
		{`{"partner_id":"PA-1001","actor":"a","payload":{"amount":"50"},"amount":"5"}`, "amount"},
		{`{"partner_id":"PA-1001","actor":"a","payload":{"amount":50}}`, "amount"},
		{`{"partner_id":"PA-1001","actor":"a"}`, "amount"},
		{`nothing`, ""},
	} {
		_, _, _, err := commandjson.DecodeRequest("AddFunds", []byte(c.request), now)
		var wrong *commandjson.FieldError
		if !errors.As(err, &wrong) || wrong.Field != c.field {
			t.Errorf("%s: %v, want an error that names %q", c.request, err, c.field)
		}
	}
	if _, _, _, err := commandjson.DecodeRequest("PublishBalance", []byte(`{}`), now); !errors.Is(err, commandjson.ErrUnknownCommand) {
		t.Errorf("%v, want ErrUnknownCommand", err)
	}
}

// TestSchemasAgreeWithDecode holds each schema against the decoder: both take
// the whole sample, and both refuse it without a field that it needs, and
// with one more.
func TestSchemasAgreeWithDecode(t *testing.T) {
	for _, cmd := range samples() {
		name := cmd.CommandName()
		schema := compile(t, commandjson.Schema(name))
		data, err := commandjson.Encode(cmd)
		if err != nil {
			t.Fatal(err)
		}
		agree(t, schema, name, data, true)
		var whole map[string]json.RawMessage
		if err := json.Unmarshal(data, &whole); err != nil {
			t.Fatal(err)
		}
		for field := range whole {
			without := map[string]json.RawMessage{}
			for f, v := range whole {
				if f != field {
					without[f] = v
				}
			}
			data, _ := json.Marshal(without)
			_, err := commandjson.Decode(name, "PA-1", data)
			agree(t, schema, name, data, err == nil)
		}
		whole["surplus"] = json.RawMessage(`"1"`)
		data, _ = json.Marshal(whole)
		agree(t, schema, name, data, false)
	}
}

func agree(t *testing.T, schema *validator.Schema, name string, data []byte, want bool) {
	t.Helper()
	v, err := validator.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(v); (err == nil) != want {
		t.Errorf("%s %s: the schema says %v, the decoder %t", name, data, err, want)
	}
	if _, err := commandjson.Decode(name, "PA-1", data); (err == nil) != want {
		t.Errorf("%s %s: the decoder says %v, want %t", name, data, err, want)
	}
}

func compile(t *testing.T, schema any) *validator.Schema {
	t.Helper()
	data, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := validator.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}
