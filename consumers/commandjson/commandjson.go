// Package commandjson is the JSON form of the commands that people and
// programs may give: names, payloads, and their JSON Schemas. It is the same
// whichever way a command comes, by NATS or by HTTP.
//
// Payloads are read strictly: a field that is not known, there twice, missing
// or of the wrong type is an error that names it, and nothing is done. A
// misspelt "ammount" must not become a command without amount.
package commandjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"

	"prepayledger/domain"
)

// MaxPayloadBytes bounds a payload: 64 KiB.
const MaxPayloadBytes = 64 << 10

// kind is what is known of a command.
type kind struct {
	name    string
	summary string
	make    func() payload
}

// kinds returns the commands in the order in which they are documented.
// Commands that the ledger gives to itself (outcomes of payments, deadlines,
// postings of months) are not among them: nobody else may give them.
func kinds() []kind {
	return []kind{
		{"OpenAccount", "Opens a partner account (R1, R2).", func() payload { return &openAccount{} }},
		{"ChangeContract", "Changes the contract's terms; what is left out stays.", func() payload { return &changeContract{} }},
		{"ChangeBillingDetails", "Replaces the billing details that later invoices bear (R15).", func() payload { return &changeBillingDetails{} }},
		{"RegisterChannel", "Adds a channel, one hosted number (R5, R6).", func() payload { return &registerChannel{} }},
		{"CancelChannel", "Ends a channel; its number is free again (R5).", func() payload { return &cancelChannel{} }},
		{"ChangeRechargeSettings", "Changes the partner's recharge settings; what is left out stays (R11).", func() payload { return &changeRechargeSettings{} }},
		{"ReplaceCard", "Registers another card.", func() payload { return &replaceCard{} }},
		{"AddFunds", "Charges the card by hand (R18).", func() payload { return &addFunds{} }},
		{"ConfirmPayment", "Finance's word that money arrived; the only thing that lifts an overdue block by default (R22).", func() payload { return &confirmPayment{} }},
		{"Block", "Blocks all channels by hand (R23).", func() payload { return &block{} }},
		{"Unblock", "Lifts the block by hand (R23).", func() payload { return &unblock{} }},
		{"CorrectCharge", "Takes a wrong charge back (R34).", func() payload { return &correctCharge{} }},
		{"Refund", "Pays credit back in exceptional cases (R32).", func() payload { return &refund{} }},
		{"RetryRefund", "Pays a refund out again whose last attempt failed (R36).", func() payload { return &retryRefund{} }},
		{"CancelRefund", "Ends a refund whose last attempt failed; the amount returns to the balance (R36).", func() payload { return &cancelRefund{} }},
		{"CloseAccount", "Ends the account for ever (R32).", func() payload { return &closeAccount{} }},
		{"ChangeAlertSettings", "Says who is told of the account by mail, and of what; what is left out stays.", func() payload { return &changeAlertSettings{} }},
		{"Transfer", "Always rejected: funds never move between accounts (R1).", func() payload { return &transfer{} }},
		{"ChargeLicenceFee", "Always rejected: the licence fee is not paid from the balance (R3).", func() payload { return &chargeLicenceFee{} }},
	}
}

// find returns the kind of a command's name.
func find(name string) (kind, error) {
	var names []string
	for _, k := range kinds() {
		if k.name == name {
			return k, nil
		}
		names = append(names, k.name)
	}
	return kind{}, fmt.Errorf("%w: %.64q; the commands are %s", ErrUnknownCommand, name, strings.Join(names, ", "))
}

// ErrUnknownCommand is wrapped for a name that is no command's, or only that
// of a command that the ledger gives to itself.
var ErrUnknownCommand = errors.New("there is no such command")

var errNumber = errors.New(`write amounts as strings such as "12.34"`)

// FieldError says what is wrong with the JSON of a command.
type FieldError struct {
	// Field is the field's name; empty where it is the whole.
	Field string
	// Problem is what is wrong and what to do.
	Problem string
}

// Error implements error.
func (e *FieldError) Error() string {
	if e.Field == "" {
		return e.Problem
	}
	return "field " + e.Field + ": " + e.Problem
}

// Names returns the names of all commands, in the order of the documents.
func Names() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}

// Summary says in a sentence what a command does; empty for none.
func Summary(name string) string {
	k, err := find(name)
	if err != nil {
		return ""
	}
	return k.summary
}

// Decode reads the payload of a command for a partner's account. An empty
// payload is one without fields. Errors match ErrUnknownCommand or are a
// *FieldError.
func Decode(name, partnerID string, data []byte) (domain.Command, error) {
	k, err := find(name)
	if err != nil {
		return nil, err
	}
	p := k.make()
	if err := strict(data, p); err != nil {
		return nil, err
	}
	return p.command(partnerID), nil
}

// Schema returns the JSON Schema (draft 2020-12) of a command's payload; nil
// where there is no such command.
func Schema(name string) *jsonschema.Schema {
	k, err := find(name)
	if err != nil {
		return nil
	}
	return reflectSchema(k.make(), k.summary)
}

func reflectSchema(v any, description string) *jsonschema.Schema {
	r := jsonschema.Reflector{Anonymous: true, DoNotReference: true}
	s := r.Reflect(v)
	s.Version = ""
	s.Description = description
	return s
}

// strict reads one JSON object into v, a pointer to a struct.
func strict(data []byte, v any) error {
	if len(data) > MaxPayloadBytes {
		return &FieldError{Problem: fmt.Sprintf("it has %d bytes, at most %d are taken", len(data), MaxPayloadBytes)}
	}
	if len(bytes.TrimSpace(data)) == 0 {
		data = []byte("{}")
	}
	values, err := object(data)
	if err != nil {
		return err
	}
	fields := fieldsOf(v)
	target := reflect.ValueOf(v).Elem()
	for _, f := range fields {
		value, given := values[f.name]
		delete(values, f.name)
		if !given || string(value) == "null" {
			if f.required {
				return &FieldError{Field: f.name, Problem: "it is missing"}
			}
			continue
		}
		if err := json.Unmarshal(value, target.Field(f.index).Addr().Interface()); err != nil {
			return &FieldError{Field: f.name, Problem: problem(err)}
		}
	}
	return unknown(values, fields)
}

// unknown names the first field, in order of the alphabet, that is left over.
func unknown(values map[string]json.RawMessage, fields []field) error {
	first, found := "", false
	for name := range values {
		if !found || name < first {
			first, found = name, true
		}
	}
	if !found {
		return nil
	}
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	if len(names) == 0 {
		return &FieldError{Field: fmt.Sprintf("%.60s", first), Problem: "it is not known; there are no fields"}
	}
	return &FieldError{Field: fmt.Sprintf("%.60s", first), Problem: "it is not known; the fields are " + strings.Join(names, ", ")}
}

// object splits a JSON object into its fields; encoding/json would match
// names in any case and let the last of two win.
func object(data []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, &FieldError{Problem: "it is not a JSON object"}
	}
	values := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, &FieldError{Problem: "it is not JSON: " + err.Error()}
		}
		name, _ := t.(string)
		if _, twice := values[name]; twice {
			return nil, &FieldError{Field: fmt.Sprintf("%.60s", name), Problem: "it is there twice; leave one out"}
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, &FieldError{Field: fmt.Sprintf("%.60s", name), Problem: "it is not JSON: " + err.Error()}
		}
		values[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, &FieldError{Problem: "it is not JSON: it breaks off"}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, &FieldError{Problem: "more follows after the object's end"}
	}
	return values, nil
}

// field is a field of a struct.
type field struct {
	name     string
	index    int
	required bool
}

// fieldsOf lists a struct's fields by their json tags; one that may be left
// out when it is written may be left out when it is read.
func fieldsOf(v any) (fields []field) {
	t := reflect.TypeOf(v).Elem()
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields = append(fields, field{name: name, index: i, required: !strings.HasPrefix(options, "omit")})
	}
	return fields
}

// problem puts an error of encoding/json into words for the field's author.
func problem(err error) string {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err.Error()
	}
	switch wrong.Type.Kind() {
	case reflect.String:
		return "it is a " + wrong.Value + "; write a string"
	case reflect.Bool:
		return "it is a " + wrong.Value + "; write true or false"
	case reflect.Int:
		return "it is " + wrong.Value + "; write a whole number"
	default:
		return "it is a " + wrong.Value + ", which can't be read"
	}
}
