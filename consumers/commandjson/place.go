package commandjson

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"prepayledger/domain"
)

// DecodePlaced is Decode where some fields are given outside of the payload,
// such as in the path of a request. The payload must not have them, too.
func DecodePlaced(name, partnerID string, placed map[string]string, data []byte) (domain.Command, error) {
	if len(placed) == 0 {
		return Decode(name, partnerID, data)
	}
	values, err := payloadObject(data)
	if err != nil {
		return nil, err
	}
	for _, field := range slices.Sorted(maps.Keys(placed)) {
		if _, twice := values[field]; twice {
			return nil, &FieldError{Field: field, Problem: "it is in the path; leave it out here"}
		}
		if values[field], err = json.Marshal(placed[field]); err != nil {
			return nil, &FieldError{Field: field, Problem: err.Error()}
		}
	}
	return decodeObject(name, partnerID, values)
}

// PartnerField is the field of an account's id where it stands beside a
// payload's own.
const PartnerField = "partner_id"

// DecodeWithPartner is Decode where the account's partner_id stands beside the
// payload's fields.
func DecodeWithPartner(name string, data []byte) (partnerID string, cmd domain.Command, err error) {
	values, err := payloadObject(data)
	if err != nil {
		return "", nil, err
	}
	value, given := values[PartnerField]
	if !given || string(value) == "null" {
		return "", nil, &FieldError{Field: PartnerField, Problem: "it is missing"}
	}
	if err := json.Unmarshal(value, &partnerID); err != nil {
		return "", nil, &FieldError{Field: PartnerField, Problem: problem(err)}
	}
	delete(values, PartnerField)
	cmd, err = decodeObject(name, partnerID, values)
	return partnerID, cmd, err
}

// payloadObject splits a payload into its fields.
func payloadObject(data []byte) (map[string]json.RawMessage, error) {
	if len(data) > MaxPayloadBytes {
		return nil, &FieldError{Problem: fmt.Sprintf("it has %d bytes, at most %d are taken", len(data), MaxPayloadBytes)}
	}
	if strings.TrimSpace(string(data)) == "" {
		return map[string]json.RawMessage{}, nil
	}
	return object(data)
}

// decodeObject is Decode of fields that are apart already.
func decodeObject(name, partnerID string, values map[string]json.RawMessage) (domain.Command, error) {
	data, err := json.Marshal(values)
	if err != nil {
		return nil, &FieldError{Problem: "it is not JSON: " + err.Error()}
	}
	return Decode(name, partnerID, data)
}

// SchemaPlaced is Schema without fields that are given outside of the payload;
// nil where there is no such command.
func SchemaPlaced(name string, placed ...string) *jsonschema.Schema {
	s := Schema(name)
	if s == nil {
		return nil
	}
	for _, field := range placed {
		s.Properties.Delete(field)
	}
	s.Required = slices.DeleteFunc(s.Required, func(field string) bool { return slices.Contains(placed, field) })
	return s
}

// SchemaWithPartner is Schema with the account's partner_id beside the
// payload's fields; nil where there is no such command.
func SchemaWithPartner(name string) *jsonschema.Schema {
	s := Schema(name)
	if s == nil {
		return nil
	}
	s.Properties.Set(PartnerField, &jsonschema.Schema{
		Type: "string", MinLength: pointerTo(uint64(1)), MaxLength: pointerTo(uint64(domain.MaxIDBytes)), Description: "The account's partner id, unique and for ever (R1).",
	})
	_ = s.Properties.MoveToFront(PartnerField)
	s.Required = append([]string{PartnerField}, s.Required...)
	return s
}

func pointerTo[T any](v T) *T { return &v }
