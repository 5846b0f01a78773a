package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/invopop/jsonschema"

	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/natsbus"
)

// made tells readers of a page where it comes from.
const made = "<!-- Made from the code by `go run ./cmd/gendocs`; a test compares it. -->\n\n"

// commandsPage lists the commands with their fields.
func commandsPage() []byte {
	var b bytes.Buffer
	b.WriteString("# Commands\n\n" + made)
	fmt.Fprintf(&b, "A command is given by request on `%s<Name>`, as `{\"partner_id\", \"command_id\"?, \"actor\", \"at\"?, \"payload\": {…}}`.\n", natsbus.CommandPrefix)
	b.WriteString("Amounts are decimal strings. Unknown, repeated or missing fields refuse the command.\n\n")
	b.WriteString("Give a `command_id` (a UUID) wherever a request may be repeated: the same id with the same content counts once ever.\n")
	for _, name := range commandjson.Names() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", name, commandjson.Summary(name))
		fieldsTable(&b, commandjson.Schema(name))
	}
	return b.Bytes()
}

// eventsPage lists the events with their fields.
func eventsPage(events []event) []byte {
	var b bytes.Buffer
	b.WriteString("# Events\n\n" + made)
	fmt.Fprintf(&b, "Every event is published on `%s<kind>.<key>.<Type>`; the payload is JSON, amounts are decimal strings.\n", natsbus.EventsPrefix)
	b.WriteString("Fields may be added in later versions: ignore those that you don't know.\n")
	for _, e := range events {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\nStream `%s`, schema version %d.\n", e.name, e.comment, e.stream, e.version)
		fieldsTable(&b, e.schema)
	}
	return b.Bytes()
}

// fieldsTable lists the fields of an object.
func fieldsTable(b *bytes.Buffer, s *jsonschema.Schema) {
	if s.Properties == nil || s.Properties.Len() == 0 {
		b.WriteString("\nIt has no fields.\n")
		return
	}
	b.WriteString("\n| field | type | | meaning |\n|---|---|---|---|\n")
	rows(b, "", s)
}

func rows(b *bytes.Buffer, prefix string, s *jsonschema.Schema) {
	required := map[string]bool{}
	for _, name := range s.Required {
		required[name] = true
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		name, f := prefix+p.Key, p.Value
		need := "optional"
		if required[p.Key] {
			need = "required"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", name, typeOf(f), need, cell(f.Description))
		switch {
		case f.Type == "array" && f.Items != nil && f.Items.Properties != nil:
			rows(b, name+"[].", f.Items)
		case f.Properties != nil:
			rows(b, name+".", f)
		}
	}
}

// typeOf names a field's type for people.
func typeOf(s *jsonschema.Schema) string {
	switch {
	case len(s.Enum) > 0:
		var values []string
		for _, v := range s.Enum {
			values = append(values, fmt.Sprintf("`%v`", v))
		}
		return strings.Join(values, ", ")
	case s.Pattern == sumPattern, s.Pattern == commandjson.AmountPattern:
		return "amount"
	case s.Format == "date-time":
		return "instant"
	case s.Type == "array" && s.Items != nil:
		return "list of " + typeOf(s.Items)
	case s.ContentEncoding == "base64":
		return "base64"
	default:
		return s.Type
	}
}

// cell fits text into a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", "\\|")
}
