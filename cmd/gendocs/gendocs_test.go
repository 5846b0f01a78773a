package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
	yaml "go.yaml.in/yaml/v4"

	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/natsintake"
	"prepayledger/consumers/usage"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
)

// TestTheReferenceIsUpToDate compares what is committed with what the code
// says.
func TestTheReferenceIsUpToDate(t *testing.T) {
	t.Chdir("../..")
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s/%s is not what the code says (%v): run `go run ./cmd/gendocs` and commit it", folder, name, err)
		}
	}
	again, err := generate()
	if err != nil || !reflect.DeepEqual(files, again) {
		t.Errorf("made again, it is not the same (%v)", err)
	}
}

// api is the committed interface, read as others read it.
type api struct {
	t    *testing.T
	text []byte // as JSON
	root map[string]any
}

func readAPI(t *testing.T) *api {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", folder, "asyncapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	a := &api{t: t}
	if err := yaml.Unmarshal(text, &a.root); err != nil {
		t.Fatal(err)
	}
	if a.text, err = json.Marshal(a.root); err != nil {
		t.Fatal(err)
	}
	return a
}

// at follows a path of keys; nil where there is nothing.
func (a *api) at(path ...string) any {
	var v any = a.root
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

// schema compiles what stands at a path, by the draft that AsyncAPI is built
// on.
func (a *api) schema(path ...string) *validator.Schema {
	a.t.Helper()
	doc, err := validator.UnmarshalJSON(bytes.NewReader(a.text))
	if err != nil {
		a.t.Fatal(err)
	}
	c := validator.NewCompiler()
	c.DefaultDraft(validator.Draft7)
	c.AssertFormat()
	if err := c.AddResource("api.json", doc); err != nil {
		a.t.Fatal(err)
	}
	s, err := c.Compile("api.json#/" + strings.Join(path, "/"))
	if err != nil {
		a.t.Fatal(err)
	}
	return s
}

func valid(t *testing.T, s *validator.Schema, text []byte) error {
	t.Helper()
	v, err := validator.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s.Validate(v)
}

// TestEveryReferenceLeadsSomewhere follows all $ref.
func TestEveryReferenceLeadsSomewhere(t *testing.T) {
	a := readAPI(t)
	count := 0
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if target, ok := v["$ref"].(string); ok {
				count++
				if path, ok := strings.CutPrefix(target, "#/"); !ok || a.at(strings.Split(path, "/")...) == nil {
					t.Errorf("%s leads nowhere", target)
				}
			}
			for _, child := range v {
				walk(child)
			}
		case []any:
			for _, child := range v {
				walk(child)
			}
		}
	}
	walk(a.root)
	if count < 100 {
		t.Errorf("only %d references", count)
	}
	if a.at("asyncapi") != "3.0.0" {
		t.Errorf("asyncapi is %v", a.at("asyncapi"))
	}
}

// TestEventsHaveTheSchemasOfTheirPayloads validates the golden payloads, of
// which each type has one with all fields and one with the fewest.
func TestEventsHaveTheSchemasOfTheirPayloads(t *testing.T) {
	a := readAPI(t)
	for name, version := range codec.New().Types() {
		files, err := filepath.Glob(filepath.Join("../../domain/codec/testdata", name+".v"+strconv.Itoa(version)+".*.json"))
		if err != nil || len(files) < 2 {
			t.Fatalf("%s has the golden payloads %v (%v)", name, files, err)
		}
		s := a.schema("components", "messages", "event"+name, "payload")
		known, _ := a.at("components", "messages", "event"+name, "payload", "properties").(map[string]any)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := valid(t, s, text); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			var payload map[string]any
			if err := json.Unmarshal(text, &payload); err != nil {
				t.Fatal(err)
			}
			for field := range payload {
				if known[field] == nil {
					t.Errorf("%s has the field %s, its schema has not", file, field)
				}
			}
			if strings.Contains(file, ".min.") {
				refusesLess(t, s, file, payload)
			}
		}
	}
}

// refusesLess takes each field away from a payload of the fewest, and makes
// each text a number: both are no payloads.
func refusesLess(t *testing.T, s *validator.Schema, file string, payload map[string]any) {
	t.Helper()
	for field, value := range payload {
		delete(payload, field)
		if text, _ := json.Marshal(payload); valid(t, s, text) == nil {
			t.Errorf("%s is valid without %s", file, field)
		}
		if _, isText := value.(string); isText {
			payload[field] = 12.5
			if text, _ := json.Marshal(payload); valid(t, s, text) == nil {
				t.Errorf("%s is valid with a number as %s", file, field)
			}
		}
		payload[field] = value
	}
}

// TestTheSchemaOfChargesAgreesWithTheDecoder gives both the same records.
func TestTheSchemaOfChargesAgreesWithTheDecoder(t *testing.T) {
	s := readAPI(t).schema("components", "schemas", "Charge")
	const sound = `{"charge_id":"m-1","partner_id":"PA-1001","channel_id":"CH-1","waba_id":"1","recipient":"5511987654321","country":"BR","market":"Brazil","category":"marketing","pricing_model":"PMP","pricing_type":"regular","occurred_at":"2026-10-03T12:34:56.789Z","amount":"0.0625","currency":"USD"}`
	for _, c := range []struct {
		old, new string
		ok       bool
	}{
		{"", "", true},
		{`"partner_id":"PA-1001",`, ``, true},
		{`"partner_id":"PA-1001",`, `"partner_id":null,`, true},
		{`"recipient":"5511987654321","country":"BR","market":"Brazil",`, `"market":"Brazil",`, true},
		{`"recipient":"5511987654321","country":"BR","market":"Brazil",`, ``, false},
		{`"pricing_type":"regular",`, ``, true},
		{`"regular"`, `"free_entry_point"`, true},
		{`"regular"`, `"special"`, false},
		{`"PMP"`, `"CBP"`, true},
		{`"PMP"`, `"pmp"`, false},
		{`"amount":"0.0625",`, ``, true},
		{`"amount":"0.0625","currency":"USD"`, `"amount":"0.0625"`, false},
		{`"amount":"0.0625","currency":"USD"`, `"market":"Brazil"`, false}, // twice
		{`"0.0625"`, `0.0625`, true},
		{`"0.0625"`, `"-0.0625"`, false},
		{`"0.0625"`, `""`, false},
		{`"0.0625"`, `"1e2"`, false},
		{`"charge_id":"m-1",`, ``, false},
		{`"m-1"`, `""`, false},
		{`"m-1"`, `7`, false},
		{`"m-1"`, `"` + strings.Repeat("x", domain.MaxIDBytes+1) + `"`, false},
		{`"category":"marketing",`, ``, false},
		{`"2026-10-03T12:34:56.789Z"`, `"yesterday"`, false},
		{`"2026-10-03T12:34:56.789Z"`, `1791030896`, false},
		{`"amount"`, `"ammount"`, false},
	} {
		text := strings.Replace(sound, c.old, c.new, 1)
		var b usage.Batch
		usage.NewDecoder(usage.Options{}).DecodeMessage("test", []byte(text), &b)
		if decoded := b.Items[0].Charge.Malformed == ""; decoded != c.ok {
			t.Errorf("%s: the decoder says %q, want %t", text, b.Items[0].Charge.Malformed, c.ok)
		}
		if strings.Count(text, `"market"`) > 1 {
			continue // a schema sees one of two
		}
		if err := valid(t, s, []byte(text)); (err == nil) != c.ok {
			t.Errorf("%s: the schema says %v, want %t", text, err, c.ok)
		}
	}
}

func TestRequestsAndRepliesHaveTheirSchemas(t *testing.T) {
	a := readAPI(t)
	balance := money.MustParse("-12.5")
	for name, v := range map[string]any{
		"Error":        natsintake.ErrorReply{Error: natsintake.ErrorBody{Code: "overloaded", Message: "Later.", RetryAfterMS: 100}},
		"ChargeReply":  natsintake.ChargeReply{Outcome: "quarantined", ChargeID: "m-1", Reason: "no_rate"},
		"CommandReply": natsintake.CommandReply{OK: true, PartnerID: "PA-1001", Currency: "EUR", Balance: &balance, AmountDue: &balance, Standing: domain.Grace},
		"Webhook":      json.RawMessage(`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"value":{"statuses":[{"id":"m-1","status":"read","timestamp":"1","pricing":{"billable":true}}]},"field":"messages"}]}]}`),
		"GateQuestion": json.RawMessage(`{"channel_id":"CH-1"}`),
		"AddFunds":     json.RawMessage(`{"partner_id":"PA-1001","actor":"partner:jo","command_id":"7d1f6b1e-3c5a-4f6e-9a51-0f2f5c1b8d11","at":"2026-11-05T12:00:04Z","payload":{"amount":"50"}}`),
		"Unblock":      json.RawMessage(`{"partner_id":"PA-1001","actor":"finance:ana"}`),
	} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		s := a.schema("components", "messages", name, "payload")
		if err := valid(t, s, text); err != nil {
			t.Errorf("%s %s: %v", name, text, err)
		}
		if valid(t, s, []byte(`{"nothing":1}`)) == nil || valid(t, s, []byte(`[]`)) == nil {
			t.Errorf("%s: anything is valid", name)
		}
	}
	for _, name := range commandjson.Names() {
		if a.at("channels", "command"+name, "address") != "prepay.command."+name || a.at("operations", "do"+name) == nil {
			t.Errorf("%s has no channel or no operation", name)
		}
	}
}

func TestEveryRejectionIsListed(t *testing.T) {
	t.Chdir("../..")
	all, err := rejections()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if len(r.messages) == 0 && r.code != string(domain.RateCardInvalid) && r.code != string(domain.InvoiceInvalid) {
			t.Errorf("%s is never said", r.code)
		}
	}
	if all[0].code != string(domain.UnknownAccount) || len(all) < 40 {
		t.Errorf("%d codes, the first %s", len(all), all[0].code)
	}
}
