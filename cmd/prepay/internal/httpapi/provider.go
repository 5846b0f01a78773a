package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/domain/money"
)

// providerPrefix is how the paths of the provider's own partner API begin.
const providerPrefix = "/api/v2"

// provider registers the reads that programs written for the provider's
// partner API expect: same path, same header (X-API-Key), same shapes. There,
// amounts are JSON numbers; they are written out exactly.
func (a *API) provider() {
	op := get(providerPrefix+"/partners/{partner_id}/info/balance", "get_provider_balance", "Show an account's balance in the shape of the provider's partner API.", "Provider")
	op.Parameters = []*huma.Param{{
		Name: "partner_id", In: "path", Required: true, Description: "The account's partner id.", Schema: &huma.Schema{Type: huma.TypeString},
	}}
	number := &huma.Schema{Type: huma.TypeObject, Required: []string{"total", "currency"}, Properties: map[string]*huma.Schema{
		"total":    {Type: huma.TypeNumber, Description: "The balance, exact.", Examples: []any{json.Number("100.45")}},
		"currency": {Type: huma.TypeString, Description: "ISO 4217 code in lower case.", Examples: []any{"eur"}},
	}}
	op.Responses = map[string]*huma.Response{
		"200":     {Description: "The balance.", Content: map[string]*huma.MediaType{"application/json": {Schema: number}}},
		"default": {Description: "The provider's shape of an error.", Content: map[string]*huma.MediaType{"application/json": {Schema: providerErrorSchema()}}},
	}
	a.streamAs(op, access.ReadsAccount(), writeProviderError, a.providerBalance)
}

func (a *API) providerBalance(w http.ResponseWriter, r *http.Request) {
	funds, known := a.desk.Views.Accounts.Funds(PathValue(r, "partner_id"))
	if !known {
		writeProviderError(w, newProblem(http.StatusNotFound, CodeNotFound, "Partner not found."))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct {
		Total    exactNumber `json:"total"`
		Currency string      `json:"currency"`
	}{exactNumber{funds.Balance}, strings.ToLower(string(funds.Currency))})
}

// exactNumber is an amount as a JSON number, digit by digit.
type exactNumber struct{ money.Amount }

// MarshalJSON implements json.Marshaler.
func (n exactNumber) MarshalJSON() ([]byte, error) { return n.Append(nil), nil }

// providerError is an error in the provider's shape.
type providerError struct {
	Meta struct {
		Success bool     `json:"success"`
		Code    int      `json:"http_code"`
		Message string   `json:"developer_message"`
		Details []string `json:"details"`
	} `json:"meta"`
}

func writeProviderError(w http.ResponseWriter, p *Problem) {
	var e providerError
	e.Meta.Code, e.Meta.Message, e.Meta.Details = p.Status, p.Detail, []string{}
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(e)
}

func providerErrorSchema() *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, Required: []string{"meta"}, Properties: map[string]*huma.Schema{
		"meta": {Type: huma.TypeObject, Required: []string{"success", "http_code", "developer_message", "details"}, Properties: map[string]*huma.Schema{
			"success":           {Type: huma.TypeBoolean, Description: "Always false."},
			"http_code":         {Type: huma.TypeInteger, Description: "The status of the response."},
			"developer_message": {Type: huma.TypeString, Description: "What is wrong, and what to do."},
			"details":           {Type: huma.TypeArray, Description: "Nothing more.", Items: &huma.Schema{Type: huma.TypeString}},
		}},
	}}
}
