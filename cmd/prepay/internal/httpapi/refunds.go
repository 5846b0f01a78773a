package httpapi

import (
	"context"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
)

// refunds registers what is paid back (R32, R36).
func (a *API) refunds() {
	command(a, post("/accounts/{partner_id}/refunds", "Refunds"), access.Finance(), "Refund")
	register(a, get("/accounts/{partner_id}/refunds", "list_refunds", "List an account's refunds through the card processor.", "Refunds"),
		access.ReadsAccount(), a.listRefunds)
	commandAt[refundCommand](a, post("/accounts/{partner_id}/refunds/{refund_id}/retry", "Refunds"), access.Finance(), "RetryRefund")
	commandAt[refundCommand](a, post("/accounts/{partner_id}/refunds/{refund_id}/cancel", "Refunds"), access.Finance(), "CancelRefund")
}

// refundCommand is a command for the refund of the path.
type refundCommand struct {
	CommandInput
	RefundID string `path:"refund_id" minLength:"1" maxLength:"300" doc:"The refund's id." example:"PA-1001-F000001"`
}

func (in *refundCommand) placed() map[string]string {
	return map[string]string{"refund_id": in.RefundID}
}

// Refunds are an account's refunds.
type Refunds struct {
	Items []desk.RefundLine `json:"items" doc:"By number, the oldest first."`
}

type liveInput struct {
	AccountInput
	AtLeast
}

func (a *API) listRefunds(ctx context.Context, in *liveInput) (*body[Refunds], error) {
	found, err := a.live(ctx, in.PartnerID, in.AtLeast)
	if err != nil {
		return nil, err
	}
	lines := desk.RefundLines(found.State)
	if lines == nil {
		lines = []desk.RefundLine{}
	}
	return &body[Refunds]{Refunds{lines}}, nil
}
