package httpapi

import (
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// Every field of what the operations of accounts answer says what it is, and
// no text is kept for a field that there is not.
func TestFields(t *testing.T) {
	a := Documented()
	known := a.OpenAPI().Components.Schemas.Map()
	seen := map[string]bool{}
	var look func(s *huma.Schema)
	look = func(s *huma.Schema) {
		if s == nil {
			return
		}
		if name := strings.TrimPrefix(s.Ref, "#/components/schemas/"); s.Ref != "" {
			if seen[name] {
				return
			}
			seen[name] = true
			for field, p := range known[name].Properties {
				if p.Ref == "" && (p.Description == "" || p.Description == exactDecimal) {
					t.Errorf("%s.%s is not described: give it a doc tag, or a text in fieldTexts", name, field)
				}
			}
			s = known[name]
		}
		for _, p := range s.Properties {
			look(p)
		}
		look(s.Items)
		if of, ok := s.AdditionalProperties.(*huma.Schema); ok {
			look(of)
		}
	}
	for _, op := range fuzzed(a, func(*huma.Operation) bool { return true }) {
		for _, r := range op.Responses {
			for _, m := range r.Content {
				look(m.Schema)
			}
		}
	}
	if len(seen) < 20 {
		t.Fatalf("only %d schemas were looked at", len(seen))
	}
	for key := range fieldTexts() {
		schema, field, own := strings.Cut(key, ".")
		if own && (known[schema] == nil || known[schema].Properties[field] == nil) {
			t.Errorf("%s has a text, but there is no such field", key)
		}
	}
}
