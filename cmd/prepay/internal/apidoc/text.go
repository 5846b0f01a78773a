package apidoc

import (
	"fmt"

	"prepayledger/cmd/prepay/internal/httpapi"
)

// Text is the description of the API: OpenAPI 3.1 as yaml or json, 3.0 for
// generators that can't read 3.1, or markdown for people.
func Text(as string) ([]byte, error) {
	a := httpapi.Documented()
	switch as {
	case "yaml":
		return a.YAML()
	case "json":
		return a.JSON()
	case "3.0":
		return a.OpenAPI().Downgrade()
	case "markdown":
		return Page(a.OpenAPI()), nil
	}
	return nil, fmt.Errorf("the API is not described as %q: it is as yaml, json, 3.0 or markdown", as)
}
