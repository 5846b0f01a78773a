package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/commandjson"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
)

// ShownOfMonth is how many accounts, unallocated lines and the like a month is
// shown with; the rest is paged.
const ShownOfMonth = 50

// MonthPath is the month of a path.
type MonthPath struct {
	Month string `path:"month" pattern:"^[0-9]{4}-(0[1-9]|1[0-2])$" doc:"Billing month." example:"2026-10"`
}

func (p *MonthPath) month() domain.Month { return domain.Month(p.Month) }

// ReadMonthInput asks for a month.
type ReadMonthInput struct {
	MonthPath
	Preview bool `query:"preview" doc:"Compute the month as it is now, instead of the newest proposal or posting. Nothing is recorded."`
}

// Month is a month without its lines.
type Month struct {
	desk.MonthHead
	// Revision counts what was done to the month.
	Revision   eventstore.Revision `json:"revision" doc:"Where the month's stream ended; -1 before its first event."`
	ComputedAt time.Time           `json:"computed_at" doc:"When it was read or, a preview, computed."`
	Waterfalls []desk.Waterfall    `json:"waterfalls" doc:"From charged to invoiced, by currency."`
	Counts     MonthCounts         `json:"counts"`
}

// MonthCounts say how much there is; the lists of a month have ShownOfMonth of
// each at most.
type MonthCounts struct {
	Accounts    int `json:"accounts"`
	Documents   int `json:"documents"`
	Unallocated int `json:"unallocated"`
	OwnCost     int `json:"own_cost"`
	Uninvoiced  int `json:"uninvoiced"`
	Comments    int `json:"comments"`
}

// shownMonth is a month with the first of each list, and of comments the last.
func shownMonth(m *desk.Month) *Month {
	v := &Month{MonthHead: m.MonthHead, Revision: m.Revision, ComputedAt: m.ComputedAt, Waterfalls: m.Waterfalls()}
	v.Counts = MonthCounts{len(v.Accounts), len(v.Documents), len(v.Unallocated), len(v.OwnCost), len(v.Uninvoiced), len(v.Comments)}
	v.Accounts, v.Documents = first(v.Accounts), first(v.Documents)
	v.Unallocated, v.OwnCost, v.Uninvoiced = first(v.Unallocated), first(v.OwnCost), first(v.Uninvoiced)
	v.Comments = v.Comments[max(0, len(v.Comments)-ShownOfMonth):]
	return v
}

func first[T any](all []T) []T { return all[:min(len(all), ShownOfMonth)] }

// months registers the operations of month ends.
func (a *API) months() {
	register(a, get("/months", "list_months", "List the billing months with charges, documents or runs, the newest first.", "Months"), access.ReadsAll(), a.listMonths)
	register(a, long(get("/months/{month}", "get_month", "Show the newest proposal or posting of a month, without its lines.", "Months")), access.ReadsAll(),
		func(ctx context.Context, in *ReadMonthInput) (*body[*Month], error) { return a.month(ctx, in) })
	register(a, long(get("/months/{month}/lines", "list_month_lines", "Page through a month's lines with their differences.", "Months")), access.ReadsAll(), a.monthLines)
	register(a, long(get("/months/{month}/waterfall", "get_month_waterfall", "Show how charged becomes invoiced, by the kinds of differences, exactly.", "Months")), access.ReadsAll(), a.waterfall)
	a.monthLists()
	a.monthCommands()
	register(a, get("/month-settings", "get_month_settings", "Show who may approve how much, and which differences are listed as tolerated.", "Months"), access.ReadsAll(),
		func(ctx context.Context, _ *struct{}) (*settingsOutput, error) { return a.monthSettings(ctx) })
	register(a, huma.Operation{
		Method: http.MethodPut, Path: "/month-settings", OperationID: "set_month_settings", Tags: []string{"Months"},
		Summary: "Replace approval limits and tolerances, all at once.", Errors: []int{http.StatusPreconditionFailed},
	}, access.Finance(), a.setMonthSettings)
}

func (a *API) listMonths(ctx context.Context, in *PageInput) (*body[Page[desk.MonthSummary]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	all, err := a.desk.Months(ctx)
	if err != nil {
		return nil, err
	}
	page := []desk.MonthSummary{}
	for i := range all {
		if (after == "" || string(all[i].Month) < after) && len(page) <= in.Limit {
			page = append(page, all[i])
		}
	}
	return &body[Page[desk.MonthSummary]]{cut(page, in.Limit, func(m *desk.MonthSummary) string { return string(m.Month) })}, nil
}

func (a *API) month(ctx context.Context, in *ReadMonthInput) (*body[*Month], error) {
	m, err := a.desk.ReadMonth(ctx, in.month(), in.Preview)
	if err != nil {
		return nil, err
	}
	return &body[*Month]{shownMonth(m)}, nil
}

type monthLinesInput struct {
	ReadMonthInput
	PageInput
	PartnerID   string `query:"partner_id" maxLength:"256" doc:"Lines of this account."`
	WABAID      string `query:"waba_id" maxLength:"128" doc:"Lines of this WABA."`
	Market      string `query:"market" maxLength:"128" doc:"Lines of this market."`
	Category    string `query:"category" maxLength:"128" doc:"Lines of this category."`
	PricingType string `query:"pricing_type" maxLength:"128" doc:"Lines of this pricing type."`
	Part        string `query:"part" enum:"late,free,category,missing_at_meta,missing_here,tier,quantity,rate,currency,rounding" doc:"Lines that have a part of this kind."`
	Least       string `query:"min_difference" maxLength:"40" doc:"Lines with at least this absolute difference." example:"0.01"`
	Differing   bool   `query:"differing" doc:"Lines with a difference only."`
	Order       string `query:"order" enum:"account,difference" default:"account" doc:"By account and key, or the largest differences first."`
}

func (in *monthLinesInput) wanted() (*desk.LinesWanted, error) {
	w := &desk.LinesWanted{
		PartnerID: in.PartnerID, WABAID: in.WABAID, Market: in.Market, PricingType: in.PricingType,
		Part: reconciliation.PartKind(in.Part), Differing: in.Differing, Largest: in.Order == "difference",
	}
	if in.Category != "" {
		w.Category = reconciliation.NormalizeCategory(in.Category)
	}
	if in.Least != "" {
		least, err := money.Parse(in.Least)
		if err != nil || least.Sign() < 0 {
			return nil, &commandjson.FieldError{Field: "min_difference", Problem: "write an amount that is not negative, such as 0.01"}
		}
		w.Least = least
	}
	return w, nil
}

func (a *API) monthLines(ctx context.Context, in *monthLinesInput) (*body[*desk.LinesPage], error) {
	wanted, err := in.wanted()
	if err != nil {
		return nil, err
	}
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	m, err := a.desk.ReadMonth(ctx, in.month(), in.Preview)
	if err != nil {
		return nil, err
	}
	page, err := m.Lines(wanted, after, in.Limit)
	if err != nil {
		return nil, err
	}
	page.Next = cursor(page.Next)
	return &body[*desk.LinesPage]{page}, nil
}

type waterfallInput struct {
	ReadMonthInput
	PartnerID string `query:"partner_id" maxLength:"256" doc:"Of this account; without, of all accounts by currency."`
}

// Waterfalls lead from charged to invoiced.
type Waterfalls struct {
	Items []desk.Waterfall `json:"items"`
}

func (a *API) waterfall(ctx context.Context, in *waterfallInput) (*body[Waterfalls], error) {
	m, err := a.desk.ReadMonth(ctx, in.month(), in.Preview)
	if err != nil {
		return nil, err
	}
	if in.PartnerID == "" {
		return &body[Waterfalls]{Waterfalls{m.Waterfalls()}}, nil
	}
	w, found := m.AccountWaterfall(in.PartnerID)
	if !found {
		return nil, desk.NotFound("Account %.64q does not take part in %s.", in.PartnerID, in.Month)
	}
	return &body[Waterfalls]{Waterfalls{[]desk.Waterfall{w}}}, nil
}

// monthLists registers the lists of a month.
func (a *API) monthLists() {
	monthList(a, "accounts", "List the accounts of a month with their sums.", func(m *desk.Month) []reconciliation.AccountSummary { return m.Accounts })
	monthList(a, "unallocated", "List the lines of Meta's documents that are nobody's.", func(m *desk.Month) []reconciliation.LineRef { return m.Unallocated })
	monthList(a, "own-cost", "List the lines accepted as own cost.", func(m *desk.Month) []reconciliation.LineRef { return m.OwnCost })
	monthList(a, "uninvoiced", "List what was charged and is in no document.", func(m *desk.Month) []reconciliation.Uninvoiced { return m.Uninvoiced })
	monthList(a, "documents", "List the documents that the month is reconciled with.", func(m *desk.Month) []reconciliation.DocumentRef { return m.Documents })
	monthList(a, "comments", "List what was said about a month.", func(m *desk.Month) []*reconciliation.ReconciliationCommented { return m.Comments })
}

type monthListInput struct {
	ReadMonthInput
	PageInput
}

// monthList registers a list of a month, which is paged by number.
func monthList[T any](a *API, name, summary string, of func(*desk.Month) []T) {
	id := "list_month_" + strings.ReplaceAll(name, "-", "_")
	register(a, long(get("/months/{month}/"+name, id, summary, "Months")), access.ReadsAll(), func(ctx context.Context, in *monthListInput) (*body[Page[T]], error) {
		after, err := in.after()
		if err != nil {
			return nil, err
		}
		m, err := a.desk.ReadMonth(ctx, in.month(), in.Preview)
		if err != nil {
			return nil, err
		}
		page, err := numbered(of(m), after, in.Limit)
		return &body[Page[T]]{page}, err
	})
}

// numbered pages through a list by number.
func numbered[T any](all []T, after string, limit int) (Page[T], error) {
	from := 0
	if after != "" {
		n, err := strconv.Atoi(after)
		if err != nil || n < 0 {
			return Page[T]{}, errCursor()
		}
		from = min(n, len(all))
	}
	to := min(from+limit, len(all))
	page := Page[T]{Items: append([]T{}, all[from:to]...)}
	if to < len(all) {
		page.Next = cursor(strconv.Itoa(to))
	}
	return page, nil
}

// monthCommands registers what is done to a month.
func (a *API) monthCommands() {
	monthCommand(a, "propose", "propose_month", "Propose the month's differences for posting.", func(ctx context.Context, m domain.Meta, month domain.Month, _ *Nothing) error {
		return a.desk.ProposeMonth(ctx, m, month)
	})
	monthCommand(a, "approve", "approve_month", "Approve another person's proposal, and post it.", func(ctx context.Context, m domain.Meta, month domain.Month, in *Approval) error {
		return a.desk.ApproveMonth(ctx, m, month, in.Uninvoiced)
	})
	monthCommand(a, "withdraw", "withdraw_month", "Take a proposal back that is not approved.", func(ctx context.Context, m domain.Meta, month domain.Month, in *Withdrawal) error {
		return a.desk.WithdrawMonth(ctx, m, month, in.Reason)
	})
	monthCommand(a, "post", "post_month", "Go on with a posting that was interrupted.", func(ctx context.Context, m domain.Meta, month domain.Month, _ *Nothing) error {
		return a.desk.PostMonth(ctx, m, month)
	})
	monthCommand(a, "comments", "comment_month", "Say something about a month.", func(ctx context.Context, m domain.Meta, month domain.Month, in *Comment) error {
		return a.desk.CommentMonth(ctx, m, month, in.Text)
	})
}

// Nothing is to be said.
type Nothing struct{}

// Approval of a month.
type Approval struct {
	Uninvoiced *money.Amount `json:"uninvoiced,omitempty" doc:"Restates the sum of WABAs that were charged but are in no document."`
}

// Withdrawal of a proposal.
type Withdrawal struct {
	Reason string `json:"reason" doc:"Why."`
}

// Comment on a month.
type Comment struct {
	Text string `json:"text" doc:"What you say."`
}

type monthCommandInput[B any] struct {
	MonthPath
	IdempotencyKey
	Body *B
}

// monthCommand registers a command of a month, which answers the month.
func monthCommand[B any](a *API, verb, id, summary string, give func(context.Context, domain.Meta, domain.Month, *B) error) {
	op := long(post("/months/{month}/"+verb, "Months"))
	op.OperationID, op.Summary = id, summary
	register(a, op, access.Finance(), func(ctx context.Context, in *monthCommandInput[B]) (*body[*Month], error) {
		content := in.Body
		if content == nil {
			content = new(B)
		}
		if err := give(ctx, in.meta(ctx), in.month(), content); err != nil {
			return nil, err
		}
		return a.month(ctx, &ReadMonthInput{MonthPath: in.MonthPath})
	})
}

type settingsOutput struct {
	ETag string `header:"ETag" doc:"Revision of the settings: give it as If-Match with a change."`
	Body *desk.MonthSettings
}

type settingsInput struct {
	IfMatch string `header:"If-Match" required:"true" maxLength:"80" doc:"ETag of the settings that the change was made to: if they changed meanwhile it is answered with 412, and nothing is done."`
	IdempotencyKey
	Body desk.MonthSettings
}

func (a *API) monthSettings(ctx context.Context) (*settingsOutput, error) {
	s, revision, err := a.desk.MonthSettings(ctx)
	return &settingsOutput{fmt.Sprintf(`"%d"`, revision), s}, err
}

func (a *API) setMonthSettings(ctx context.Context, in *settingsInput) (*settingsOutput, error) {
	revision, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(strings.TrimSpace(in.IfMatch), "W/"), `"`), 10, 64)
	if err != nil {
		return nil, desk.ErrChanged // no tag of ours
	}
	if err := a.desk.SetMonthSettings(ctx, in.meta(ctx), &in.Body, eventstore.Revision(revision)); err != nil {
		return nil, err
	}
	return a.monthSettings(ctx)
}
