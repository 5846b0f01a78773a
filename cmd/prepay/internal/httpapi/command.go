package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/invopop/jsonschema"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
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

// CommandInput is a command for an account of the path. It is exported for its
// fields: huma looks into embedded structs that are.
type CommandInput struct {
	IdempotencyKey
	AccountInput
	RawBody []byte
}

// request is the command without what else the path says.
func (in *CommandInput) request() *CommandInput { return in }

// placed are the payload's fields that the path gives.
func (in *CommandInput) placed() map[string]string { return nil }

// commandRequest is the input of a command: a CommandInput, or a struct with
// one in it that places more fields in the path.
type commandRequest[I any] interface {
	*I
	request() *CommandInput
	placed() map[string]string
}

// done is the answer to a command.
type done[T any] struct {
	Position
	Body T
}

// command registers a command of commandjson for the account of the path. The
// answer is the account once it is done.
func command(a *API, op huma.Operation, rule access.Rule, name string) {
	commandAt[CommandInput](a, op, rule, name)
}

// commandAt is command with fields of the payload in the path: those that its
// input places.
func commandAt[I any, R commandRequest[I]](a *API, op huma.Operation, rule access.Rule, name string) {
	var none I
	placed := []string{}
	for field := range R(&none).placed() {
		placed = append(placed, field)
	}
	slices.Sort(placed)
	op = commandOperation(op, name, commandjson.SchemaPlaced(name, placed...))
	register(a, op, rule, func(ctx context.Context, given *I) (*done[*desk.AccountView], error) {
		in := R(given).request()
		cmd, err := commandjson.DecodePlaced(name, in.PartnerID, R(given).placed(), in.RawBody)
		if err != nil {
			return nil, err
		}
		at, err := a.do(ctx, in.PartnerID, &in.IdempotencyKey, cmd, nil)
		if err != nil {
			return nil, err
		}
		view, err := a.shown(in.PartnerID)
		return &done[*desk.AccountView]{at, view}, err
	})
}

// commandOperation completes a command's operation. commandjson reads its
// payload strictly, and says better than a schema what is wrong.
func commandOperation(op huma.Operation, name string, schema *jsonschema.Schema) huma.Operation {
	op.Summary, op.OperationID, op.RequestBody, op.SkipValidateBody = commandjson.Summary(name), name, requestBody(name, schema), true
	return op
}

// do gives a command to an account, under the condition where there is one, and
// waits until the read models have what it did.
func (a *API) do(ctx context.Context, partner string, key *IdempotencyKey, cmd domain.Command, holds func(*domain.Account) error) (at Position, err error) {
	m := key.meta(ctx)
	if c, corrects := cmd.(*domain.CorrectCharge); corrects {
		err = a.desk.Ledger.CorrectCharge(ctx, partner, m, c.ChargeID, c.Reason)
	} else {
		err = a.desk.Ledger.DoIf(ctx, partner, m, cmd, holds)
	}
	if err != nil {
		return Position{}, err
	}
	return a.settled(ctx)
}

// requestBody is the body that a schema describes.
func requestBody(name string, schema *jsonschema.Schema) *huma.RequestBody {
	s := &huma.Schema{}
	data, err := json.Marshal(schema)
	if err == nil {
		err = json.Unmarshal(data, s)
	}
	if err != nil {
		panic("the schema of " + name + ": " + err.Error()) // it is ours, and tested
	}
	return &huma.RequestBody{Required: len(s.Required) > 0, Content: map[string]*huma.MediaType{"application/json": {Schema: s}}}
}

// get, post and put are operations by their method.
func get(path, id, summary string, tags ...string) huma.Operation {
	return huma.Operation{Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Tags: tags}
}

func post(path string, tags ...string) huma.Operation {
	return huma.Operation{Method: http.MethodPost, Path: path, Tags: tags}
}

func put(path string, tags ...string) huma.Operation {
	return huma.Operation{Method: http.MethodPut, Path: path, Tags: tags}
}
