package apidoc

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"prepayledger/cmd/prepay/internal/httpapi"
)

// reference is where the committed documents lie.
const reference = "../../../../docs/reference/"

// document is the API's own description, read as others read it.
func document(t *testing.T) (libopenapi.Document, validator.Validator) {
	t.Helper()
	text, err := httpapi.Documented().JSON()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := libopenapi.NewDocument(text)
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return doc, v
}

// TestTheReferenceIsUpToDate compares what is committed with what the code
// says.
func TestTheReferenceIsUpToDate(t *testing.T) {
	a := httpapi.Documented()
	yaml, err := a.YAML()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"openapi.yaml": yaml, "http.md": Page(a.OpenAPI())} {
		if got, err := os.ReadFile(reference + name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("docs/reference/%s is not what the code says (%v): run `make generate` and commit it", name, err)
		}
	}
}

// TestTheDocumentIsValid validates it against the specification's own schema,
// and resolves every reference.
func TestTheDocumentIsValid(t *testing.T) {
	doc, v := document(t)
	if doc.GetVersion() != "3.1.0" {
		t.Errorf("it is OpenAPI %s", doc.GetVersion())
	}
	if ok, problems := v.ValidateDocument(); !ok {
		for _, p := range problems {
			t.Error(p)
		}
	}
	model, err := doc.BuildV3Model()
	if err != nil {
		t.Fatal(err)
	}
	if errs := model.Index.GetReferenceIndexErrors(); len(errs) > 0 {
		t.Error(errs)
	}
}

// TestEveryOperationIsDescribed asks of each operation what readers and
// generators need.
func TestEveryOperationIsDescribed(t *testing.T) {
	style := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	o := httpapi.Documented().OpenAPI()
	ids := map[string]bool{}
	for _, op := range operations(o) {
		name := op.method + " " + op.path
		if !style.MatchString(op.OperationID) || ids[op.OperationID] {
			t.Errorf("%s: the operation id %q is not in snake case, or not unique", name, op.OperationID)
		}
		ids[op.OperationID] = true
		if !strings.HasSuffix(op.Summary, ".") {
			t.Errorf("%s: the summary %q is no sentence", name, op.Summary)
		}
		if len(op.Tags) != 1 {
			t.Errorf("%s: it has the tags %q: give one", name, op.Tags)
		}
		if len(op.Security) == 0 || (len(op.Security[0]) == 0) != (op.Extensions["x-anyone"] == true) {
			t.Errorf("%s: security %v, %v", name, op.Security, op.Extensions)
		}
		if r := op.Responses["default"]; r == nil || r.Content["application/problem+json"] == nil && strings.HasPrefix(op.path, "/v1/") {
			t.Errorf("%s: it does not say what errors are like", name)
		}
		good := 0
		for status, r := range op.Responses {
			if status[0] == '2' {
				good++
				for contentType, m := range r.Content {
					if m.Schema == nil {
						t.Errorf("%s: %s %s has no schema", name, status, contentType)
					}
				}
			}
		}
		if good == 0 {
			t.Errorf("%s: it does not say what comes where it is done", name)
		}
		for _, p := range op.Parameters {
			if p.Schema == nil || p.Description == "" {
				t.Errorf("%s: parameter %s has no schema or no description", name, p.Name)
			}
		}
	}
}
