package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"

	"github.com/invopop/jsonschema"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// sumPattern is what an amount looks like that the ledger writes: a sum may
// be longer than what is taken.
const sumPattern = `^-?[0-9]+(\.[0-9]+)?$`

// schemas makes JSON Schemas of structs, with their comments as descriptions.
type schemas struct{ reflector jsonschema.Reflector }

func newSchemas() (*schemas, error) {
	s := &schemas{jsonschema.Reflector{Anonymous: true, DoNotReference: true, AllowAdditionalProperties: true, Mapper: special}}
	for _, source := range []string{"domain", "consumers/intake", "consumers/natsintake", "consumers/why"} {
		if err := s.reflector.AddGoComments("prepayledger", source, jsonschema.WithFullComment()); err != nil {
			return nil, fmt.Errorf("read the comments of %s: %w", source, err)
		}
	}
	for name, comment := range s.reflector.CommentMap {
		s.reflector.CommentMap[name] = sentence(name[strings.LastIndexByte(name, '.')+1:], comment)
	}
	return s, nil
}

// sentence makes a description of a Go comment: "Threshold is the balance…"
// says to readers of JSON that it is "The balance…".
func sentence(name, comment string) string {
	text := strings.Join(strings.Fields(comment), " ")
	for _, verb := range []string{" is ", " are "} {
		if rest, ok := strings.CutPrefix(text, name+verb); ok {
			return strings.ToUpper(rest[:1]) + rest[1:]
		}
	}
	return text
}

// special describes types that write themselves as JSON.
func special(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[money.Amount]():
		return &jsonschema.Schema{Type: "string", Pattern: sumPattern}
	case reflect.TypeFor[money.Currency]():
		return &jsonschema.Schema{Type: "string", Description: "ISO 4217 code."}
	case reflect.TypeFor[domain.Month]():
		return &jsonschema.Schema{Type: "string", Description: "Billing month, as YYYY-MM."}
	default:
		return nil
	}
}

// of is the schema of a value's struct.
func (s *schemas) of(v any) *jsonschema.Schema {
	schema := s.reflector.Reflect(v)
	schema.Version = ""
	return schema
}

// comment is the comment of a value's type.
func (s *schemas) comment(v any) string {
	t := reflect.TypeOf(v).Elem()
	return s.reflector.CommentMap[t.PkgPath()+"."+t.Name()]
}

// event is what is told of an event type.
type event struct {
	name    string
	version int
	comment string
	// stream is the kind of streams that have it.
	stream string
	schema *jsonschema.Schema
}

// events returns every event type that the codec writes, in order of name.
func (s *schemas) events() ([]event, error) {
	c := codec.New()
	var all []event
	for name, version := range c.Types() {
		e, err := c.Decode(name, version, []byte("{}"))
		if err != nil {
			return nil, fmt.Errorf("make an empty %s: %w", name, err)
		}
		all = append(all, event{name: name, version: version, comment: s.comment(e), stream: streamOf(e), schema: s.of(e)})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].name < all[j].name })
	return all, nil
}

// streamOf names the streams of an event by the package of its struct.
func streamOf(e domain.Event) string {
	name := e.EventType()
	switch pkg := reflect.TypeOf(e).Elem().PkgPath(); {
	case pkg == "prepayledger/domain":
		return "account-<partner_id>"
	case strings.HasPrefix(name, "MetaInvoice"):
		return "metainvoice-<invoice_id>"
	case strings.HasPrefix(name, "BankStatement"):
		return "bankstatement-<statement_id>"
	case name == reconciliation.TypeApprovalLimitSet || name == reconciliation.TypeToleranceSet:
		return reconciliation.SettingsStream
	case strings.HasPrefix(name, "Reconciliation"):
		return "reconciliation-<YYYY-MM>"
	case strings.HasPrefix(name, "RateCard"):
		return "ratecard-<CURRENCY>"
	case strings.HasPrefix(name, "Number"):
		return "number-<digits>"
	case strings.HasPrefix(name, "Tier"):
		return "waba-<waba_id>"
	default:
		return "markets"
	}
}

// committed reads a schema that lies beside the reference, made and checked
// by the tests of its package.
func committed(name string) (json.RawMessage, error) {
	text, err := os.ReadFile(filepath.Join(folder, "schemas", name+".json"))
	if err != nil {
		return nil, err
	}
	var ordered object
	if err := json.Unmarshal(text, &ordered); err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	return json.Marshal(ordered.without("$schema", "title"))
}

// committedWith lists the names of such schemas that begin with a prefix, in
// order.
func committedWith(prefix string) (names []string, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "schemas", prefix+"*.json"))
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".json"))
	}
	return names, err
}
