// Package schematest holds the JSON Schemas under docs/reference/schemas
// against the structs that they describe.
package schematest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
)

// update writes the files anew: go test ./consumers/… -update-schemas.
var update = flag.Bool("update-schemas", false, "write docs/reference/schemas anew")

// folder is where the schemas lie, from the module's root.
const folder = "docs/reference/schemas"

// Schema is a committed schema, to validate values with.
type Schema struct{ compiled *validator.Schema }

// Check makes the schema of a struct, its comments being the descriptions,
// and fails when the committed file <name>.json says something else. sources
// are the folders of the packages whose structs take part, from the module's
// root. All properties are listed; readers must expect more in later versions.
func Check(t testing.TB, name string, value any, sources ...string) *Schema {
	t.Helper()
	root := moduleRoot(t)
	want := generate(t, root, name, value, sources)
	file := filepath.Join(root, folder, name+".json")
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s/%s.json is not what the code says (%v): run this test with -update-schemas and commit the file", folder, name, err)
	}
	return compile(t, name, got)
}

func generate(t testing.TB, root, name string, value any, sources []string) []byte {
	t.Helper()
	t.Chdir(root) // where the comments are read from
	r := &jsonschema.Reflector{DoNotReference: true, Anonymous: true, AllowAdditionalProperties: true}
	for _, source := range sources {
		if err := r.AddGoComments("prepayledger", source, jsonschema.WithFullComment()); err != nil {
			t.Fatal(err)
		}
	}
	s := r.Reflect(value)
	s.Title = name
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

func compile(t testing.TB, name string, text []byte) *Schema {
	t.Helper()
	doc, err := validator.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name+".json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return &Schema{compiled}
}

// Validate tells what is wrong with a JSON text.
func (s *Schema) Validate(text []byte) error {
	value, err := validator.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.compiled.Validate(value)
}

func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
	}
}
