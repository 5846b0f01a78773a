package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"go.uber.org/zap"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/consumers/commandjson"
	"prepayledger/domain"
	"prepayledger/projections/recharges"
)

// CodeUseCardLink: partners save cards on the processor's own page.
const CodeUseCardLink = "use_card_link"

// CodeNoCardLink: cards are not saved on a page of a processor's here.
const CodeNoCardLink = "no_card_link"

// payments registers what is done with cards and money that comes in.
func (a *API) payments() {
	op := commandOperation(put("/accounts/{partner_id}/card", "Payments"), "ReplaceCard", commandjson.Schema("ReplaceCard"))
	register(a, op, access.ChangesAccount(), a.replaceCard)
	link := post("/accounts/{partner_id}/card-link", "Payments")
	link.OperationID, link.Summary = "create_card_link", "Make a page of the card processor's on which the partner saves a card; it works for a day."
	register(a, link, access.ChangesAccount(), a.cardLink)
	command(a, post("/accounts/{partner_id}/recharges", "Payments"), access.ChangesAccount(), "AddFunds")
	register(a, get("/accounts/{partner_id}/recharges", "list_recharges", "List an account's card payments with how they ended, the newest first.", "Payments"),
		access.ReadsAccount(), a.listRecharges)
	register(a, get("/accounts/{partner_id}/recharges/{recharge_id}", "get_recharge", "Show a card payment with how it ended.", "Payments"),
		access.ReadsAccount(), a.showRecharge)
	command(a, post("/accounts/{partner_id}/confirmations", "Payments"), access.Finance(), "ConfirmPayment")
	command(a, post("/accounts/{partner_id}/corrections", "Payments"), access.Finance(), "CorrectCharge")
	command(a, post("/accounts/{partner_id}/transfers", "Payments"), access.Finance(), "Transfer")
	command(a, post("/accounts/{partner_id}/licence-fees", "Payments"), access.Finance(), "ChargeLicenceFee")
}

// Card is the card that is charged.
type Card struct {
	Card string `json:"card" doc:"The card processor's reference, never a card number."`
}

// replaceCard registers another card. Where a processor saves cards on a page
// of its own, partners use that: a reference that a partner sends could be
// somebody else's card.
func (a *API) replaceCard(ctx context.Context, in *CommandInput) (*done[*Card], error) {
	if a.opts.CardLink != nil && access.From(ctx).Role == access.RolePartner {
		return nil, newProblem(http.StatusForbidden, CodeUseCardLink, "Save the card on the processor's page: ask for it with POST …/card-link.")
	}
	cmd, err := commandjson.Decode("ReplaceCard", in.PartnerID, in.RawBody)
	if err != nil {
		return nil, err
	}
	at, err := a.do(ctx, in.PartnerID, &in.IdempotencyKey, cmd, nil)
	if err != nil {
		return nil, err
	}
	found, err := a.desk.Live(in.PartnerID)
	if err != nil {
		return nil, err
	}
	return &done[*Card]{at, &Card{found.State.Card}}, nil
}

// CardLink is a page on which a card is saved.
type CardLink struct {
	PartnerID string `json:"partner_id" doc:"The account that the card will be registered for."`
	URL       string `json:"url" format:"uri" doc:"The page's address; it works for a day. Once the card is saved it is registered by itself."`
}

func (a *API) cardLink(ctx context.Context, in *AccountInput) (*body[*CardLink], error) {
	found, err := a.desk.Live(in.PartnerID)
	if err != nil {
		return nil, err
	}
	if a.opts.CardLink == nil {
		return nil, newProblem(http.StatusConflict, CodeNoCardLink, "Cards are not saved on a page of a processor's here: register the card's reference with PUT …/card.")
	}
	if found.State.Closed {
		return nil, domain.Reject(domain.AccountIsClosed, "The account is closed.")
	}
	url, err := a.opts.CardLink(ctx, in.PartnerID, found.State.Card)
	if err != nil {
		a.log.Warn("the card processor made no page", zap.String("request", RequestID(ctx)), zap.Error(err))
		p := newProblem(http.StatusServiceUnavailable, commandjson.CodeUnavailable, "The card processor made no page, nothing was done: try again later.")
		p.retryAfter = RetryAfter
		return nil, p
	}
	return &body[*CardLink]{&CardLink{in.PartnerID, url}}, nil
}

type rechargesInput struct {
	AccountInput
	PageInput
	AtLeast
}

func (a *API) listRecharges(ctx context.Context, in *rechargesInput) (*body[Page[recharges.Row]], error) {
	before, err := in.afterNumber()
	if err != nil {
		return nil, err
	}
	if _, err := a.live(ctx, in.PartnerID, in.AtLeast); err != nil {
		return nil, err
	}
	rows, err := a.desk.Views.Recharges.List(in.PartnerID, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &body[Page[recharges.Row]]{cut(rows, in.Limit, func(r *recharges.Row) string { return strconv.Itoa(r.Number) })}, nil
}

type rechargeInput struct {
	AccountInput
	AtLeast
	RechargeID string `path:"recharge_id" minLength:"1" maxLength:"300" doc:"The recharge's id." example:"PA-1001-R000007"`
}

func (a *API) showRecharge(ctx context.Context, in *rechargeInput) (*body[*recharges.Row], error) {
	if _, err := a.live(ctx, in.PartnerID, in.AtLeast); err != nil {
		return nil, err
	}
	row, err := a.desk.Views.Recharges.Get(in.PartnerID, in.RechargeID)
	if err == nil && row == nil {
		err = domain.Reject(domain.UnknownRecharge, "The account has no recharge %.64q: correct the recharge id.", in.RechargeID)
	}
	return &body[*recharges.Row]{row}, err
}
