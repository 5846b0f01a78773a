package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/intake"
	"prepayledger/domain"
)

const (
	// MaxChargeBytes bounds the body of a single charge: 64 KiB.
	MaxChargeBytes = 64 << 10
	// MaxCharges is how many single charges may be on their way to disk at once.
	MaxCharges = 4096
)

// taking is the intake's own: how much is under way, and what is used again.
type taking struct {
	charges atomic.Int64
	uploads atomic.Int64
	scratch sync.Pool // *scratch
}

// scratch serves one single charge after the other.
type scratch struct {
	body    bytes.Buffer
	decoder *intake.Decoder
}

// intake registers the intake.
func (a *API) intake() {
	schema := func(of reflect.Type, name string) *huma.MediaType {
		return &huma.MediaType{Schema: a.huma.OpenAPI().Components.Schemas.Schema(of, true, name)}
	}
	charge := post("/charges", "Usage")
	charge.OperationID, charge.Summary = "present_charge", "Present one charge, and learn what became of it when it is on disk."
	charge.Description = "A rated or unrated charge, or a webhook with one. It counts once ever by its charge id (R8): repeat it after any doubt. " +
		"What can't be charged is in quarantine and is answered so, not refused (R10)."
	charge.MaxBodyBytes = MaxChargeBytes
	charge.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": schema(reflect.TypeFor[ChargeBody](), "Charge")}}
	charge.Responses = map[string]*huma.Response{"200": {
		Description: "What became of it, on disk.", Content: map[string]*huma.MediaType{"application/json": schema(reflect.TypeFor[intake.ChargeReply](), "ChargeReply")},
	}}
	a.stream(charge, access.Intake(), a.charge)

	upload := post("/usage", "Usage")
	upload.OperationID, upload.Summary = "present_usage", "Present many charges and webhooks, line by line."
	upload.Description = "NDJSON, or CSV with a header; compressed with gzip or not; as long as it may be. Results are answered while lines still come: a client that wants all of them reads while it sends. " +
		"Where the connection breaks, what was taken stays taken; the same again counts nothing twice (R8). The last line is an UploadEnd; without it, or where it is not done, present the same again."
	upload.Parameters = []*huma.Param{query("results", "Which charges are answered with a line: all, problems (those in quarantine), or summary (none).",
		&huma.Schema{Type: huma.TypeString, Enum: []any{resultsAll, resultsProblems, resultsSummary}, Default: resultsProblems})}
	upload.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/x-ndjson": schema(reflect.TypeFor[ChargeBody](), "Charge"), "text/csv": {Schema: &huma.Schema{Type: huma.TypeString}},
	}}
	upload.Responses = map[string]*huma.Response{"200": {Description: "Lines of ChargeLine as asked for, then one UploadEnd.", Content: map[string]*huma.MediaType{"application/x-ndjson": {
		Schema: &huma.Schema{OneOf: []*huma.Schema{schema(reflect.TypeFor[ChargeLine](), "ChargeLine").Schema, schema(reflect.TypeFor[UploadEnd](), "UploadEnd").Schema}},
	}}}}
	a.stream(upload, access.Intake(), a.uploadUsage)
}

// ChargeBody is a charge as it is presented, for the OpenAPI document:
// consumers/usage reads it.
type ChargeBody struct {
	ChargeID     string `json:"charge_id" doc:"The message id under PMP, the conversation id under CBP; counts once ever." example:"wamid.HBgLMTY1MDM4Nzk0MzkVAgAS"`
	PartnerID    string `json:"partner_id,omitempty" example:"PA-1001"`
	ChannelID    string `json:"channel_id,omitempty" example:"CH-1"`
	WABAID       string `json:"waba_id,omitempty"`
	Recipient    string `json:"recipient,omitempty" doc:"The recipient's number; its country decides the market where neither market nor country is given." example:"5511987654321"`
	Country      string `json:"country,omitempty" doc:"ISO 3166 code." example:"BR"`
	Market       string `json:"market,omitempty" example:"Brazil"`
	Category     string `json:"category" example:"marketing"`
	PricingModel string `json:"pricing_model" enum:"PMP,CBP"`
	PricingType  string `json:"pricing_type,omitempty" enum:"regular,free_customer_service,free_entry_point" default:"regular"`
	OccurredAt   string `json:"occurred_at" format:"date-time"`
	Amount       string `json:"amount,omitempty" doc:"Exact decimal; without it the charge is rated here (R9)." example:"0.0625"`
	Currency     string `json:"currency,omitempty" doc:"With amount." example:"USD"`
}

// charge takes one charge. It answers after the ledger's fsync; requests that
// are there at the same time share it.
func (a *API) charge(w http.ResponseWriter, r *http.Request) {
	defer a.taking.charges.Add(-1)
	if a.taking.charges.Add(1) > MaxCharges {
		a.writeProblem(w, r, overloaded())
		return
	}
	reply, err := a.chargeOne(w, r)
	if err != nil {
		a.writeProblem(w, r, err)
		return
	}
	text, err := json.Marshal(&reply)
	if err != nil {
		a.writeProblem(w, r, err)
		return
	}
	w.Header()["Content-Type"] = []string{"application/json"}
	_, _ = w.Write(text)
}

func (a *API) chargeOne(w http.ResponseWriter, r *http.Request) (reply intake.ChargeReply, err error) {
	s, _ := a.taking.scratch.Get().(*scratch)
	if s == nil {
		s = &scratch{decoder: intake.NewDecoder(a.desk.Ledger)}
	}
	defer a.taking.scratch.Put(s)
	if err := readBody(w, r, &s.body, MaxChargeBytes); err != nil {
		return reply, err
	}
	p, charges, err := s.decoder.One("request", s.body.Bytes())
	switch {
	case errors.Is(err, intake.ErrSeveral):
		return reply, newProblem(http.StatusUnprocessableEntity, commandjson.CodeInvalidRequest, "One charge is taken at a time, nothing was done: send tier changes and batches to POST "+Prefix+"/usage.")
	case err != nil:
		return reply, newProblem(http.StatusUnprocessableEntity, commandjson.CodeInvalidRequest, "The request is empty: send one charge or one webhook as JSON.")
	case !charges:
		return intake.ChargeReply{Outcome: intake.Ignored}, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), Timeout)
	defer cancel()
	o, err := a.desk.Ledger.ChargeOne(ctx, domain.Meta{Actor: access.From(ctx).Actor()}, &p)
	if err != nil {
		return reply, err
	}
	return intake.ReplyOf(&p.Charge, &o), nil
}

// readBody reads a body of at most so many bytes within BodyTimeout.
func readBody(w http.ResponseWriter, r *http.Request, into *bytes.Buffer, most int64) error {
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(time.Now().Add(BodyTimeout)) // not there in tests alone
	into.Reset()
	_, err := into.ReadFrom(http.MaxBytesReader(w, r.Body, most))
	var large *http.MaxBytesError
	if err != nil && !errors.As(err, &large) {
		return newProblem(http.StatusBadRequest, commandjson.CodeInvalidRequest, "The body did not come to its end, nothing was done: send it again.")
	}
	if err == nil {
		// Else the connection would be thought dead while the ledger works.
		_ = connection.SetReadDeadline(time.Time{})
	}
	return err
}
