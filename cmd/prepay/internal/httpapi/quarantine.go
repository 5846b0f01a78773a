package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/commandjson"
	"prepayledger/domain"
	"prepayledger/projections/quarantine"
)

const (
	// MaxRetry is how many entries a retry presents at most.
	MaxRetry = 20_000
	// ownerNone is how what belongs to no account is asked for.
	ownerNone = "unassigned"
)

// quarantine registers the operations of what can't be charged.
func (a *API) quarantine() {
	register(a, get("/quarantine", "list_quarantine", "Page through what could not be charged.", "Quarantine"), access.ReadsAll(), a.listQuarantine)

	op := get("/quarantine/export", "export_quarantine", "Get entries as NDJSON, to mend and present again.", "Quarantine")
	text := &huma.Schema{Type: huma.TypeString}
	op.Parameters = []*huma.Param{
		query("partner_id", "Only of this account.", text), query("owner", "unassigned: only what belongs to no account.", &huma.Schema{Type: huma.TypeString, Enum: []any{ownerNone}}),
		query("reason", "Only with this reason.", text), query("charge_id", "Only of this charge.", text),
	}
	op.Responses = map[string]*huma.Response{"200": downloaded("A charge a line, as usage takes it; malformed records as they came.", typeNDJSON)}
	a.stream(op, access.ReadsAll(), a.exportQuarantine)

	op = long(post("/quarantine/retry", "Quarantine"))
	op.OperationID, op.Summary = "retry_quarantine", "Present entries again as they are, once their cause is mended."
	register(a, op, access.Finance(), a.retryQuarantine)
	op = post("/quarantine/mend", "Quarantine")
	op.OperationID, op.Summary = "mend_quarantine", "Present a corrected record in the place of an entry."
	register(a, op, access.Finance(), a.mendQuarantine)
}

// QuarantineFilter says which entries are meant.
type QuarantineFilter struct {
	PartnerID string `query:"partner_id" json:"partner_id,omitempty" maxLength:"256" doc:"Only of this account."`
	Owner     string `query:"owner" json:"owner,omitempty" enum:"unassigned" doc:"unassigned: only what belongs to no account."`
	Reason    string `query:"reason" json:"reason,omitempty" enum:"malformed,unknown_channel,channel_cancelled,in_the_future,too_old,blocked_destination,charge_conflict,wrong_currency,no_rate" doc:"Only with this reason."`
	ChargeID  string `query:"charge_id" json:"charge_id,omitempty" maxLength:"512" doc:"Only of this charge."`
}

func (f *QuarantineFilter) wanted() (quarantine.Wanted, error) {
	w := quarantine.Wanted{Owner: f.PartnerID, All: f.PartnerID == "" && f.Owner == "", Reason: f.Reason, ChargeID: f.ChargeID}
	switch {
	case f.PartnerID != "" && f.Owner != "":
		return w, &commandjson.FieldError{Field: "owner", Problem: "give partner_id or owner"}
	case f.Owner != "" && f.Owner != ownerNone:
		return w, &commandjson.FieldError{Field: "owner", Problem: "it is unassigned, or absent"}
	}
	if f.Reason != "" {
		if _, ok := domain.ParseReason(f.Reason); !ok {
			return w, &commandjson.FieldError{Field: "reason", Problem: "there is no such reason: see R10"}
		}
	}
	return w, nil
}

type quarantineInput struct {
	QuarantineFilter
	PageInput
}

func (a *API) listQuarantine(ctx context.Context, in *quarantineInput) (*body[*desk.QuarantinePage], error) {
	wanted, err := in.wanted()
	if err != nil {
		return nil, err
	}
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	page, err := a.desk.Quarantine(ctx, wanted, after, in.Limit)
	if err != nil {
		return nil, err
	}
	page.Next = cursor(page.Next)
	return &body[*desk.QuarantinePage]{page}, nil
}

func (a *API) exportQuarantine(w http.ResponseWriter, r *http.Request) {
	a.download(w, r, &download{typed: typeNDJSON, name: "quarantine.ndjson"}, func(ctx context.Context, d *download) error {
		values, err := parameters(r, "partner_id", "owner", "reason", "charge_id")
		if err != nil {
			return err
		}
		filter := QuarantineFilter{PartnerID: values.Get("partner_id"), Owner: values.Get("owner"), Reason: values.Get("reason"), ChargeID: values.Get("charge_id")}
		wanted, err := filter.wanted()
		if err != nil {
			return err
		}
		if err := a.desk.Ledger.Settle(ctx); err != nil {
			return err
		}
		return a.desk.EachQuarantined(wanted, func(e *quarantine.Entry) error {
			line, err := desk.ExportLine(e)
			if err == nil {
				_, err = d.Write(append(line, '\n'))
			}
			if err == nil {
				err = ctx.Err()
			}
			return err
		})
	})
}

type retryInput struct {
	IdempotencyKey
	Body struct {
		QuarantineFilter
		Limit int `json:"limit,omitempty" minimum:"1" maximum:"20000" doc:"Entries to present at most; 20000 without."`
	}
}

func (a *API) retryQuarantine(ctx context.Context, in *retryInput) (*body[*desk.Retried], error) {
	wanted, err := in.Body.wanted()
	if err != nil {
		return nil, err
	}
	limit := in.Body.Limit
	if limit == 0 {
		limit = MaxRetry
	}
	if err := a.desk.Ledger.Settle(ctx); err != nil {
		return nil, err
	}
	done, err := a.desk.Retry(ctx, in.meta(ctx), wanted, limit)
	return &body[*desk.Retried]{done}, err
}

type mendInput struct {
	IdempotencyKey
	Body Mending
}

// Mending says what an entry should be instead.
type Mending struct {
	Owner    string                     `json:"owner,omitempty" maxLength:"256" doc:"Account whose quarantine it is in; empty for what belongs to no account."`
	ChargeID string                     `json:"charge_id" maxLength:"512" doc:"Charge id of the entry; may be empty."`
	Content  string                     `json:"content" pattern:"^[0-9a-f]{28}$" doc:"Content of the entry, as the list shows it."`
	Fields   map[string]json.RawMessage `json:"fields" doc:"Fields of usage import with their right values, in the place of those of the entry; null takes a field away."`
}

func (a *API) mendQuarantine(ctx context.Context, in *mendInput) (*body[*desk.Mended], error) {
	at := desk.Place{Owner: in.Body.Owner, ChargeID: in.Body.ChargeID, Content: in.Body.Content}
	done, err := a.desk.Mend(ctx, in.meta(ctx), at, in.Body.Fields)
	return &body[*desk.Mended]{done}, err
}
