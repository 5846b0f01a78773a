package commandjson

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/invopop/jsonschema"

	"prepayledger/domain"
)

// MaxClockSkew is how far a request's time may lie ahead of the ledger's
// clock: 5 s.
const MaxClockSkew = 5 * time.Second

// systemActors is how the names of the ledger's own doings begin.
const systemActors = "system:"

// Request is a command with who gives it, as it comes over NATS.
type Request struct {
	PartnerID string          `json:"partner_id" jsonschema_description:"The account. Only CorrectCharge takes an empty one: the charge is then looked for."`
	CommandID string          `json:"command_id,omitempty" jsonschema:"format=uuid" jsonschema_description:"Makes the command count once ever: the same id with the same content again changes nothing. Give one wherever a request may be repeated."`
	Actor     string          `json:"actor" jsonschema_description:"Who asks, such as finance:ana (R35)."`
	At        *time.Time      `json:"at,omitempty" jsonschema_description:"When it was asked for, by the asker's clock; not in the future. The ledger decides, and records, at its own instant."`
	Payload   json.RawMessage `json:"payload,omitempty" jsonschema_description:"The command's own fields."`
}

// RequestSchema returns the JSON Schema of a request for a command; nil where
// there is no such command.
func RequestSchema(name string) *jsonschema.Schema {
	payload := Schema(name)
	if payload == nil {
		return nil
	}
	s := reflectSchema(&Request{}, Summary(name))
	s.Properties.Set("payload", payload)
	if len(payload.Required) > 0 {
		s.Required = append(s.Required, "payload")
	}
	return s
}

// DecodeRequest reads a request for a command, strictly; now is the ledger's
// clock. The command id in the Meta is nil where none was given. Errors match
// ErrUnknownCommand or are a *FieldError.
func DecodeRequest(name string, data []byte, now time.Time) (string, domain.Meta, domain.Command, error) {
	var m domain.Meta
	if _, err := find(name); err != nil {
		return "", m, nil, err
	}
	var r Request
	if err := strict(data, &r); err != nil {
		return "", m, nil, err
	}
	m, err := r.meta(now)
	if err != nil {
		return "", m, nil, err
	}
	cmd, err := Decode(name, r.PartnerID, r.Payload)
	return r.PartnerID, m, cmd, err
}

func (r *Request) meta(now time.Time) (m domain.Meta, err error) {
	if m.Actor, err = CheckActor(r.Actor); err != nil {
		return m, err
	}
	if r.At != nil && r.At.After(now.Add(MaxClockSkew)) {
		return m, &FieldError{Field: "at", Problem: fmt.Sprintf("%s is in the future; it is %s here", r.At.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))}
	}
	if r.CommandID == "" {
		return m, nil
	}
	m.CommandID, err = ParseCommandID(r.CommandID)
	return m, err
}

// CheckActor refuses a name that nobody has, or that only the ledger itself
// may have.
func CheckActor(actor string) (string, error) {
	switch {
	case !domain.ValidID(actor):
		return "", &FieldError{Field: "actor", Problem: fmt.Sprintf("say who asks, in 1 to %d characters, such as finance:ana", domain.MaxIDBytes)}
	case strings.HasPrefix(actor, systemActors):
		return "", &FieldError{Field: "actor", Problem: "names that begin with " + systemActors + " are the ledger's own"}
	}
	return actor, nil
}

// ParseCommandID reads the id of a command: a UUID that is not all zeros.
func ParseCommandID(s string) (uuid.UUID, error) {
	id, err := uuid.Parse(s)
	if err != nil || len(s) != 36 || id == uuid.Nil {
		return uuid.Nil, &FieldError{Field: "command_id", Problem: fmt.Sprintf("%.60q is not an id; write a UUID such as 7d1f6b1e-3c5a-4f6e-9a51-0f2f5c1b8d11", s)}
	}
	return id, nil
}
