package web

import (
	"encoding/json"
	"errors"
	"strconv"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/consumers/commandjson"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// fieldKind is how a field of an action is filled in and sent.
type fieldKind int

// The kinds of fields.
const (
	textField fieldKind = iota
	longField
	amountField
	percentField
	integerField
	choiceField
	checkField
)

// actionField is a field of an action. Its name is that of commandjson.
type actionField struct {
	name, label, help string
	kind              fieldKind
	required          bool
	options           []ui.Option
}

// action is a command that Finance gives for an account by a form. Before it is
// given, the page says what it would do.
type action struct {
	// path is its part of the URL, name the command's of commandjson.
	path, name string
	title      string
	// does says when to use it, button is the word on the button that does it.
	does, button string
	danger       bool
	fields       []actionField
	// offered says whether it makes sense for the account as it stands; begin
	// fills the form.
	offered func(*desk.AccountView) bool
	begin   func(*desk.AccountView, *ui.Form)
}

// kind is how the button looks.
func (a *action) kind() string {
	if a.danger {
		return "danger"
	}
	return "primary"
}

// command reads the form into the command; what is wrong with its fields is put
// into the form. Fields that are left empty are not given.
func (a *action) command(f *form, partner string) (domain.Command, error) {
	payload := map[string]any{}
	for _, field := range a.fields {
		field.read(f, payload)
	}
	if f.Failed() {
		return nil, nil
	}
	data, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	cmd, err := commandjson.Decode(a.name, partner, data)
	var field *commandjson.FieldError
	if errors.As(err, &field) {
		return nil, f.take(err)
	}
	return cmd, err
}

// read reads one field.
func (field *actionField) read(f *form, payload map[string]any) {
	if field.kind == checkField {
		payload[field.name] = f.Checked(field.name)
		return
	}
	text := f.text(field.name)
	switch {
	case text == "" && field.required:
		f.Fail(field.name, "This is needed.")
	case text == "":
	case field.kind == amountField || field.kind == percentField:
		a, err := readAmount(text)
		if err != nil {
			f.Fail(field.name, "This is not an amount: write it like 500 or 499.90.")
			return
		}
		payload[field.name] = a
	case field.kind == integerField:
		n, err := strconv.Atoi(text)
		if err != nil {
			f.Fail(field.name, "This is not a whole number.")
			return
		}
		payload[field.name] = n
	default:
		payload[field.name] = text
	}
}

// actions are what Finance does with an account, in the order of the page.
func actions() []action {
	return []action{confirmAction(), refundAction(), correctAction(), blockAction(), unblockAction(), contractAction(), closeAction()}
}

// findAction finds an action by its path.
func findAction(path string) (*action, bool) {
	all := actions()
	for i := range all {
		if all[i].path == path {
			return &all[i], true
		}
	}
	return nil, false
}

func confirmAction() action {
	return action{
		path: "confirm", name: "ConfirmPayment", title: "Confirm a payment", button: "Confirm the payment",
		does: "Money arrived by bank transfer: it is credited, and an overdue block is lifted once nothing is due.",
		fields: []actionField{
			{name: "amount", label: "Amount received", kind: amountField, required: true},
			{name: "reference", label: "Bank reference", help: "Each reference counts once.", required: true},
			{name: "recharge_id", label: "Card payment", help: "Only where the money is a card payment that the partner paid another way; it is not credited twice."},
		},
		offered: func(v *desk.AccountView) bool { return v.AmountDue.Sign() > 0 || v.Standing == domain.Blocked },
		begin: func(v *desk.AccountView, f *ui.Form) {
			if v.AmountDue.Sign() > 0 {
				f.Values.Set("amount", v.AmountDue.RoundUp(v.Currency.Decimals()).Fixed(v.Currency.Decimals()))
			}
		},
	}
}

func refundAction() action {
	return action{
		path: "refund", name: "Refund", title: "Refund credit", button: "Refund", danger: true,
		does: "Credit goes back to the partner, in exceptional cases such as the contract's end.",
		fields: []actionField{
			{name: "amount", label: "Amount", kind: amountField, required: true},
			{name: "reason", label: "Reason", help: "For the record.", required: true},
			{name: "payout", label: "Pay it to the card through the processor", help: "Otherwise it leaves the balance, and you pay it yourself.", kind: checkField},
			{name: "recharge_id", label: "Card payment that it goes back from", help: "With a payout: by default the newest that has as much left."},
		},
		offered: func(v *desk.AccountView) bool { return v.Balance.Sign() > 0 && v.Standing != domain.Closed },
	}
}

func correctAction() action {
	return action{
		path: "correct", name: "CorrectCharge", title: "Take a charge back", button: "Take the charge back", danger: true,
		does: "A charge was wrong: its amount returns to the balance. Nothing is deleted, the correction names the charge.",
		fields: []actionField{
			{name: "charge_id", label: "Charge id", help: "Meta's conversation or message id.", required: true},
			{name: "reason", label: "Reason", help: "For the record.", required: true},
		},
		offered: func(v *desk.AccountView) bool {
			return v.Figures.ChargedCount > v.Figures.CorrectedCount && v.Standing != domain.Closed
		},
	}
}

func blockAction() action {
	return action{
		path: "block", name: "Block", title: "Block by hand", button: "Block all channels", danger: true,
		does:   "All channels of the account stop sending, until Finance lifts the block.",
		fields: []actionField{{name: "reason", label: "Reason", help: "For the record.", kind: longField, required: true}},
		offered: func(v *desk.AccountView) bool {
			return v.BlockedReason != "manual" && v.BlockedReason != "overdue+manual" && v.Standing != domain.Closed
		},
	}
}

func unblockAction() action {
	return action{
		path: "unblock", name: "Unblock", title: "Lift the block by hand", button: "Lift the block",
		does: "Lifts the block that Finance set. An overdue block is lifted by confirming the payment.",
		offered: func(v *desk.AccountView) bool {
			return v.BlockedReason == "manual" || v.BlockedReason == "overdue+manual"
		},
	}
}

func policyOptions() []ui.Option {
	return []ui.Option{
		{Value: string(domain.UnblockByFinance), Label: "Finance, by confirming a payment"},
		{Value: string(domain.UnblockAutomatic), Label: "Any credit that leaves nothing due"},
	}
}

func contractAction() action {
	return action{
		path: "contract", name: "ChangeContract", title: "Change the contract's terms", button: "Change the terms",
		does: "What card payments cost on top, how long a debt is suffered, who lifts an overdue block, what invoices say of tax.",
		fields: []actionField{
			{name: "surcharge_percent", label: "Surcharge on card payments", kind: percentField},
			{name: "grace_days", label: "Days from a negative balance to the block", help: "0 blocks at once.", kind: integerField},
			{name: "unblock_policy", label: "Who lifts an overdue block", kind: choiceField, options: policyOptions()},
			{name: "tax_text", label: "What invoices say of tax", help: "Such as Reverse charge."},
			{name: "tax_rate", label: "Tax within the invoice's total", kind: percentField},
		},
		offered: func(v *desk.AccountView) bool { return v.Standing != domain.Closed },
		begin: func(v *desk.AccountView, f *ui.Form) {
			f.Values.Set("surcharge_percent", v.Contract.SurchargePercent.String())
			f.Values.Set("grace_days", strconv.Itoa(v.Contract.GraceDays))
			f.Values.Set("unblock_policy", string(v.Contract.UnblockPolicy))
			f.Values.Set("tax_text", v.Contract.TaxText)
			if v.Contract.TaxRate != nil {
				f.Values.Set("tax_rate", v.Contract.TaxRate.String())
			}
		},
	}
}

func closeAction() action {
	return action{
		path: "close", name: "CloseAccount", title: "Close the account", button: "Close for ever", danger: true,
		does:    "Ends the account for ever. Its balance must be zero, nothing in flight, and every month reconciled.",
		offered: func(v *desk.AccountView) bool { return v.Standing != domain.Closed },
	}
}

func openAction() *action {
	return &action{name: "OpenAccount", fields: []actionField{
		{name: "currency", label: "Currency", kind: choiceField, required: true, options: []ui.Option{{Value: "EUR", Label: "EUR"}, {Value: "USD", Label: "USD"}}},
		{name: "card", label: "Card", help: "The card processor's reference, never a card number.", required: true},
		{name: "carried_over", label: "Carried over", help: "What remained of earlier usage invoices, zero or more.", kind: amountField},
		{name: "minimum_opening", label: "Minimum opening", help: "The balance that the account must start with; 500 where nothing is said.", kind: amountField},
		{name: "surcharge_percent", label: "Surcharge on card payments", kind: percentField},
		{name: "grace_days", label: "Days from a negative balance to the block", kind: integerField},
		{name: "unblock_policy", label: "Who lifts an overdue block", kind: choiceField, options: policyOptions()},
		{name: "auto_recharge", label: "Charge the card below the threshold", kind: checkField},
		{name: "threshold", label: "Threshold", kind: amountField},
		{name: "recharge_amount", label: "Recharge amount", kind: amountField},
	}}
}

func channelAction() *action {
	return &action{name: "RegisterChannel", fields: []actionField{
		{name: "channel_id", label: "Channel id", help: "Unique in the account.", required: true},
		{name: "phone_number", label: "Phone number", help: "Such as +34911234567.", required: true},
		{name: "phone_number_id", label: "Phone number id", help: "The number's id at Meta.", required: true},
		{name: "waba_id", label: "WABA id", help: "The WhatsApp Business Account's id at Meta.", required: true},
		{name: "payment_model", label: "Who pays Meta's charges", kind: choiceField, options: []ui.Option{
			{Value: string(domain.PartnerPaid), Label: "The partner, from this balance"}, {Value: string(domain.Direct), Label: "The client, directly"},
		}},
		{name: "time_zone", label: "Time zone of the WABA", help: "Such as Europe/Madrid; UTC where nothing is said. Billing months follow it."},
	}}
}

// actionView is an action with its form, and, for the second step, what it
// would do.
type actionView struct {
	*action
	account *desk.AccountView
	form    *ui.Form
	says    []string
}

func (v *actionView) url() string { return accountURL(v.account.PartnerID) + "/finance/" + v.path }

// accountFinance is what Finance does with an account.
func (w *Web) accountFinance(q *request) error {
	v, err := w.desk.Account(q.Context(), q.param("partner_id"))
	if err != nil {
		return err
	}
	counts := w.desk.Views.Quarantine.Counts(v.PartnerID)
	return q.show(ui.Page{Title: v.PartnerID + ", Finance", Crumbs: accountCrumbs(v.PartnerID), Live: liveAccount(v.PartnerID)},
		accountFinancePage(v, reasonCounts(counts), w.desk.Ledger.Now(), isFinance(q.who)))
}

// actionForm shows the form of an action.
func (w *Web) actionForm(q *request) error {
	a, v, err := w.action(q)
	if err != nil {
		return err
	}
	f := ui.NewForm()
	if a.begin != nil {
		a.begin(v, f)
	}
	for name, values := range q.URL.Query() {
		f.Values[name] = values
	}
	return w.actionPage(q, &actionView{action: a, account: v, form: f})
}

// action finds what a path is about.
func (w *Web) action(q *request) (*action, *desk.AccountView, error) {
	a, ok := findAction(q.param("action"))
	if !ok {
		return nil, nil, errNotFound
	}
	v, err := w.desk.Account(q.Context(), q.param("partner_id"))
	return a, v, err
}

func (w *Web) actionPage(q *request, v *actionView) error {
	crumbs := append(accountCrumbs(v.account.PartnerID), ui.Crumb{Label: "Finance", URL: accountURL(v.account.PartnerID) + "/finance"})
	return q.show(ui.Page{Title: v.title + ", " + v.account.PartnerID, Crumbs: crumbs}, actionPage(v))
}

// The values of the field "step": do it, or show the form again; any other says
// what it would do.
const (
	stepDo     = "do"
	stepChange = "change"
)

// giveAction says what an action would do or, the second time, does it.
func (w *Web) giveAction(q *request) error {
	a, account, err := w.action(q)
	if err != nil {
		return err
	}
	f, err := q.form()
	if err != nil {
		return err
	}
	v := &actionView{action: a, account: account, form: f.Form}
	cmd, err := a.command(f, account.PartnerID)
	if err != nil {
		return err
	}
	if f.Value("step") == stepDo {
		return q.submit(f, func() error { return w.give(q, f, account.PartnerID, cmd) }, a.said(account, f), accountURL(account.PartnerID)+"/finance",
			func() error { return w.actionPage(q, v) })
	}
	if !f.Failed() && f.Value("step") != stepChange {
		if v.says, err = w.foresee(q, f, account.PartnerID, cmd); err != nil {
			if err := f.take(err); err != nil {
				return err
			}
		}
	}
	if f.Failed() {
		q.status = unprocessable
	}
	return w.actionPage(q, v)
}

// unprocessable is the status of a form that is not right.
const unprocessable = 422

// give gives an action's command.
func (w *Web) give(q *request, f *form, partner string, cmd domain.Command) error {
	if c, ok := cmd.(*domain.CorrectCharge); ok {
		if err := w.desk.Ledger.CorrectCharge(q.Context(), partner, q.meta(f), c.ChargeID, c.Reason); err != nil {
			return err
		}
		return w.desk.Ledger.Settle(q.Context())
	}
	return q.do(partner, f, cmd)
}

// foresee says what a command would do.
func (w *Web) foresee(q *request, f *form, partner string, cmd domain.Command) ([]string, error) {
	events, err := w.desk.Ledger.Foresee(q.Context(), partner, q.meta(f), cmd)
	if err != nil {
		return nil, err
	}
	if err := w.desk.Ledger.Settle(q.Context()); err != nil {
		return nil, err
	}
	a, err := w.desk.Views.Accounts.Get(partner)
	if err != nil {
		return nil, err
	}
	return foreseen(a.State, events)
}

// said is what the next page says once it is done.
func (a *action) said(v *desk.AccountView, f *form) string {
	amount := func() string {
		sum, err := readAmount(f.text("amount"))
		if err != nil {
			sum = money.Zero()
		}
		return plainMoney(sum, v.Currency)
	}
	switch a.path {
	case "confirm":
		return "The payment of " + amount() + " is confirmed."
	case "refund":
		return amount() + " are refunded."
	case "correct":
		return "The charge is taken back."
	case "block":
		return "All channels are blocked."
	case "unblock":
		return "The block by hand is lifted."
	case "contract":
		return "The terms are changed."
	}
	return "The account is closed."
}
