package commandjson_test

import (
	"errors"
	"slices"
	"testing"

	"prepayledger/consumers/commandjson"
	"prepayledger/domain"
)

func TestFieldsOfThePath(t *testing.T) {
	placed := map[string]string{"refund_id": "PA-1-F000001"}
	cmd, err := commandjson.DecodePlaced("CancelRefund", "PA-1", placed, []byte(`{"reason":"card \"closed\""}`))
	if c, ok := cmd.(*domain.CancelRefund); err != nil || !ok || c.RefundID != "PA-1-F000001" || c.Reason != `card "closed"` {
		t.Errorf("%+v, %v", cmd, err)
	}
	cmd, err = commandjson.DecodePlaced("RetryRefund", "PA-1", placed, nil)
	if c, ok := cmd.(*domain.RetryRefund); err != nil || !ok || c.RefundID != "PA-1-F000001" {
		t.Errorf("without a body: %+v, %v", cmd, err)
	}
	for body, field := range map[string]string{
		`{"reason":"x","refund_id":"PA-1-F000001"}`: "refund_id",
		`{"reason":"x","reason":"y"}`:               "reason",
		`{"raeson":"x"}`:                            "reason",
		`[]`:                                        "",
	} {
		_, err := commandjson.DecodePlaced("CancelRefund", "PA-1", placed, []byte(body))
		var wrong *commandjson.FieldError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestPartnerBesideThePayload(t *testing.T) {
	partner, cmd, err := commandjson.DecodeWithPartner("OpenAccount", []byte(`{"currency":"EUR","partner_id":"PA/1","card":"sim_ok"}`))
	if c, ok := cmd.(*domain.OpenAccount); err != nil || !ok || partner != "PA/1" || c.PartnerID != "PA/1" || c.Currency != "EUR" {
		t.Errorf("%q %+v, %v", partner, cmd, err)
	}
	for body, field := range map[string]string{
		`{"currency":"EUR","card":"sim_ok"}`: "partner_id",
		``:                                   "partner_id",
		`{"partner_id":7,"currency":"EUR","card":"sim_ok"}`:    "partner_id",
		`{"partner_id":null,"currency":"EUR","card":"sim_ok"}`: "partner_id",
		`{"partner_id":"PA-1","card":"sim_ok"}`:                "currency",
		`{"partner_id":"PA-1","partner_id":"PA-2"}`:            "partner_id",
	} {
		_, _, err := commandjson.DecodeWithPartner("OpenAccount", []byte(body))
		var wrong *commandjson.FieldError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestSchemasOfPlacedFields(t *testing.T) {
	if s := commandjson.SchemaPlaced("CancelRefund", "refund_id"); slices.Contains(s.Required, "refund_id") || !slices.Contains(s.Required, "reason") {
		t.Errorf("required are %v", s.Required)
	} else if _, there := s.Properties.Get("refund_id"); there {
		t.Error("the payload still has the path's field")
	}
	if s := commandjson.SchemaWithPartner("OpenAccount"); s.Required[0] != "partner_id" || s.Properties.Oldest().Key != "partner_id" {
		t.Errorf("required are %v, first is %s", s.Required, s.Properties.Oldest().Key)
	}
	if commandjson.SchemaPlaced("Nothing") != nil || commandjson.SchemaWithPartner("Nothing") != nil {
		t.Error("a command that is none has a schema")
	}
}
