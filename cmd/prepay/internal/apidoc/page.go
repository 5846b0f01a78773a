// Package apidoc writes the reference of the HTTP API from its declarations,
// and proves in its tests that the API keeps to them.
package apidoc

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"prepayledger/cmd/prepay/internal/access"
)

// operation is an operation with where it is.
type operation struct {
	method, path string
	*huma.Operation
}

// operations are all operations of an API, in order of their paths.
func operations(o *huma.OpenAPI) []operation {
	var all []operation
	for _, path := range slices.Sorted(maps.Keys(o.Paths)) {
		p := o.Paths[path]
		for _, m := range []struct {
			method string
			op     *huma.Operation
		}{
			{http.MethodGet, p.Get}, {http.MethodPost, p.Post}, {http.MethodPut, p.Put}, {http.MethodPatch, p.Patch}, {http.MethodDelete, p.Delete},
		} {
			if m.op != nil {
				all = append(all, operation{m.method, path, m.op})
			}
		}
	}
	return all
}

// Page is the reference of the HTTP API for people.
func Page(o *huma.OpenAPI) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# HTTP API\n\nWritten by `make generate` from the API's declarations; for programs it is [openapi.yaml](openapi.yaml), which a\nrunning ledger serves as `/openapi.yaml` and `/openapi.json`. How to call it: [operating/http.md](../operating/http.md).\nWho may use which route, tried out: [access.md](access.md). Errors are problem details whose `code` is stable: the codes\nof the rules are in [rejections.md](rejections.md).\n")
	byTag := map[string][]operation{}
	for _, op := range operations(o) {
		tag := cmp.Or(append(slices.Clone(op.Tags), "Other")[0], "Other")
		byTag[tag] = append(byTag[tag], op)
	}
	for _, tag := range slices.Sorted(maps.Keys(byTag)) {
		fmt.Fprintf(&b, "\n## %s\n", tag)
		for _, op := range byTag[tag] {
			writeOperation(&b, o, op)
		}
	}
	return b.Bytes()
}

func writeOperation(b *bytes.Buffer, o *huma.OpenAPI, op operation) {
	fmt.Fprintf(b, "\n### `%s %s`\n\n%s", op.method, op.path, sentence(op.Summary))
	if op.Description != "" {
		fmt.Fprintf(b, "\n\n%s", strings.TrimSpace(op.Description))
	}
	fmt.Fprintf(b, "\n\n`%s`; %s.\n", op.OperationID, whoMay(op.Operation))
	var rows [][4]string
	for _, p := range op.Parameters {
		rows = append(rows, [4]string{p.Name, p.In, typeOf(o, p.Schema), cmp.Or(p.Description, p.Schema.Description)})
	}
	if op.RequestBody != nil {
		for _, contentType := range slices.Sorted(maps.Keys(op.RequestBody.Content)) {
			rows = append(rows, bodyRows(o, contentType, op.RequestBody.Content[contentType].Schema)...)
		}
	}
	if len(rows) > 0 {
		b.WriteString("\n| Name | In | Type | |\n|---|---|---|---|\n")
		for _, r := range rows {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", r[0], r[1], r[2], strings.ReplaceAll(r[3], "|", `\|`))
		}
	}
	b.WriteString("\n")
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		if status == "default" {
			continue
		}
		r := op.Responses[status]
		fmt.Fprintf(b, "- %s %s", status, r.Description)
		for _, contentType := range slices.Sorted(maps.Keys(r.Content)) {
			fmt.Fprintf(b, ": `%s`", contentType)
			if s := r.Content[contentType].Schema; s != nil {
				fmt.Fprintf(b, ", %s", typeOf(o, s))
			}
		}
		b.WriteString("\n")
	}
}

// bodyRows are the fields of a body that is an object, else the body itself.
func bodyRows(o *huma.OpenAPI, contentType string, s *huma.Schema) [][4]string {
	s = resolved(o, s)
	if s == nil || len(s.Properties) == 0 {
		return [][4]string{{"(body)", "`" + contentType + "`", typeOf(o, s), description(s)}}
	}
	var rows [][4]string
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		where := "body"
		if slices.Contains(s.Required, name) {
			where = "body, required"
		}
		rows = append(rows, [4]string{name, where, typeOf(o, p), description(resolved(o, p))})
	}
	return rows
}

func description(s *huma.Schema) string {
	if s == nil {
		return ""
	}
	return s.Description
}

// resolved is what a reference leads to.
func resolved(o *huma.OpenAPI, s *huma.Schema) *huma.Schema {
	if s != nil && s.Ref != "" {
		return o.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// typeOf names a schema.
func typeOf(o *huma.OpenAPI, s *huma.Schema) string {
	switch {
	case s == nil:
		return "any"
	case s.Ref != "":
		return strings.TrimPrefix(s.Ref, "#/components/schemas/")
	case len(s.Enum) > 0:
		values := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			values[i] = fmt.Sprintf("`%v`", v)
		}
		return strings.Join(values, ", ")
	case s.Type == huma.TypeArray:
		return "list of " + typeOf(o, s.Items)
	case s.Format != "":
		return s.Format
	case s.Type == "":
		return "any"
	}
	return s.Type
}

// whoMay says who may use an operation.
func whoMay(op *huma.Operation) string {
	roles, _ := op.Extensions["x-roles"].([]access.Role)
	if len(roles) == 0 {
		return "anyone"
	}
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return fmt.Sprintf("%s; a key needs the scope %s", strings.Join(names, ", "), op.Extensions["x-scope"])
}

// sentence ends with a full stop.
func sentence(s string) string { return strings.TrimSuffix(s, ".") + "." }
