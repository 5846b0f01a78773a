package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/consumers/commandjson"
	"prepayledger/domain"
)

// MaxKeyBytes bounds an idempotency key.
const MaxKeyBytes = 255

// IdempotencyKey is the header of operations that change something.
type IdempotencyKey struct {
	Key string `header:"Idempotency-Key" maxLength:"255" doc:"Makes the request count once ever: the same key with the same content again changes nothing, with other content it is a conflict. A UUID is the command's id in the log; anything else is hashed into one, per caller. Give one wherever a request may be repeated."`
}

// meta is what a command carries of who gives it.
func (k *IdempotencyKey) meta(ctx context.Context) domain.Meta {
	p := access.From(ctx)
	m := domain.Meta{Actor: p.Actor()}
	if k.Key == "" {
		return m
	}
	if id, err := commandjson.ParseCommandID(k.Key); err == nil {
		m.CommandID = id
	} else {
		m.CommandID = uuid.NewSHA1(keySpace(), []byte(p.ID+"\x00"+k.Key))
	}
	return m
}

// keySpace is the name space of command ids that are made of idempotency keys.
func keySpace() uuid.UUID { return uuid.MustParse("5b9d0f0e-8a3c-5d57-9a63-6f1f6d0f7c11") }

// commandInput is a command for an account of the path.
type commandInput struct {
	IdempotencyKey
	AccountInput
	RawBody []byte
}

// command registers a command of commandjson for the account of the path. The
// answer is what answer makes once it is done.
func command[O any](a *API, op huma.Operation, rule access.Rule, name string, answer func(context.Context, string) (*O, error)) {
	op.Summary, op.RequestBody = commandjson.Summary(name), requestBody(name)
	op.OperationID, op.SkipValidateBody = name, true // commandjson reads strictly, and says it better
	register(a, op, rule, func(ctx context.Context, in *commandInput) (*O, error) {
		cmd, err := commandjson.Decode(name, in.PartnerID, in.RawBody)
		if err != nil {
			return nil, err
		}
		if err := a.desk.Ledger.Do(ctx, in.PartnerID, in.meta(ctx), cmd); err != nil {
			return nil, err
		}
		return answer(ctx, in.PartnerID)
	})
}

// requestBody is the schema of a command's payload.
func requestBody(name string) *huma.RequestBody {
	schema := &huma.Schema{}
	data, err := json.Marshal(commandjson.Schema(name))
	if err == nil {
		err = json.Unmarshal(data, schema)
	}
	if err != nil {
		panic("the schema of " + name + ": " + err.Error()) // it is ours, and tested
	}
	return &huma.RequestBody{Required: len(schema.Required) > 0, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
}

// get and post are operations by their method.
func get(path, id, summary string, tags ...string) huma.Operation {
	return huma.Operation{Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Tags: tags}
}

func post(path string, tags ...string) huma.Operation {
	return huma.Operation{Method: http.MethodPost, Path: path, Tags: tags}
}

func patch(path string, tags ...string) huma.Operation {
	return huma.Operation{Method: http.MethodPatch, Path: path, Tags: tags}
}
