package gate_test

import (
	"testing"

	"prepayledger/consumers/gate"
	"prepayledger/consumers/gate/schematest"
)

func TestSchemas(t *testing.T) {
	channel := schematest.Check(t, "channel-state", &gate.ChannelState{}, "./consumers/gate")
	account := schematest.Check(t, "account-state", &gate.AccountState{}, "./consumers/gate")
	beat := schematest.Check(t, "heartbeat", &gate.Heartbeat{}, "./consumers/gate")
	const at = `"revision":3,"position":"17/17","updated_at":"2026-10-08T09:30:01Z"`
	const figures = `{"partner_id":"PA-1","currency":"EUR","amount_due":"0","threshold":"100","standing":"active",` + at
	for _, tc := range []struct {
		schema *schematest.Schema
		text   string
		valid  bool
	}{
		{channel, `{"channel_id":"CH-1","partner_id":"PA-1","phone_number":"4930","may_send":true,"state":"open","http_status":200,` + at + `}`, true},
		{channel, `{"channel_id":"CH-1","partner_id":"PA-1","phone_number":"4930","may_send":true,"state":"shut","http_status":200,` + at + `}`, false},
		{channel, `{"channel_id":"CH-1","partner_id":"PA-1","phone_number":"4930","may_send":true,"state":"open","http_status":200,"since":"yesterday",` + at + `}`, false},
		{channel, `{"channel_id":"CH-1"}`, false},
		{account, figures + `,"balance":"-12.0625"}`, true},
		{account, figures + `,"balance":-12.0625}`, false},
		{account, figures + `,"balance":"1e3"}`, false},
		{account, figures + `,"balance":"1","blocked_reason":"mood"}`, false},
		{beat, `{"at":"2026-10-08T09:30:01Z","every_seconds":2,"stale_after_seconds":10}`, true},
		{beat, `{"at":"2026-10-08T09:30:01Z","every_seconds":0,"stale_after_seconds":10}`, false},
	} {
		if err := tc.schema.Validate([]byte(tc.text)); (err == nil) != tc.valid {
			t.Errorf("%s\nvalid %v, want %v: %v", tc.text, err == nil, tc.valid, err)
		}
	}
}
