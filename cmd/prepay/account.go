package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/apiclient"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// accountCmd are the commands of partner accounts.
type accountCmd struct {
	Open     accountOpenCmd     `cmd:"" help:"Open a partner account."`
	List     accountListCmd     `cmd:"" help:"List all accounts."`
	Show     accountShowCmd     `cmd:"" help:"Show an account with its channels and invoices."`
	Why      accountWhyCmd      `cmd:"" help:"Tell why an account is blocked, or not, and what ends it."`
	Settings accountSettingsCmd `cmd:"" help:"Change the recharge settings."`
	Contract accountContractCmd `cmd:"" help:"Change the contract's terms (Finance)."`
	Billing  accountBillingCmd  `cmd:"" help:"Show or change whom invoices are made out to."`
	Alerts   accountAlertsCmd   `cmd:"" help:"Show or change who is told by mail."`
	Forecast accountForecastCmd `cmd:"" help:"Say when balances will have run out."`
	Card     accountCardCmd     `cmd:"" help:"Replace the registered card."`
	Funds    accountFundsCmd    `cmd:"" name:"add-funds" help:"Charge the card by hand."`
	Confirm  accountConfirmCmd  `cmd:"" help:"Confirm that a payment was received (Finance)."`
	Block    accountBlockCmd    `cmd:"" help:"Block an account by hand (Finance)."`
	Unblock  accountUnblockCmd  `cmd:"" help:"Lift a block by hand (Finance)."`
	Correct  accountCorrectCmd  `cmd:"" name:"correct-charge" help:"Take a wrong charge back."`
	Refund   accountRefundCmd   `cmd:"" help:"Pay credit back (Finance)."`

	RefundRetry  accountRefundRetryCmd  `cmd:"" name:"refund-retry" help:"Pay a refund out again whose last attempt failed."`
	RefundCancel accountRefundCancelCmd `cmd:"" name:"refund-cancel" help:"End a refund whose last attempt failed (Finance)."`
	CardLink     accountCardLinkCmd     `cmd:"" name:"card-link" help:"Make a page on which the partner saves a card at Stripe."`

	Close accountCloseCmd `cmd:"" help:"Close an account for ever."`
}

// give gives a command to an account and says what it came to.
func (g *globals) give(ctx context.Context, w *who, partner string, cmd domain.Command) error {
	return g.once(ctx, func() error {
		if err := g.command(ctx, w, partner, cmd); err != nil {
			return err
		}
		return g.showAccount(ctx, partner, false)
	})
}

// command gives a command to an account, in the data folder or at --server.
func (g *globals) command(ctx context.Context, w *who, partner string, cmd domain.Command) error {
	if g.Server != "" {
		return g.send(ctx, w, partner, cmd)
	}
	return g.with(ctx, func(a *desk.Desk) error {
		if c, ok := cmd.(*domain.CorrectCharge); ok {
			return a.Ledger.CorrectCharge(ctx, partner, w.meta(), c.ChargeID, c.Reason)
		}
		return a.Ledger.Do(ctx, partner, w.meta(), cmd)
	})
}

type accountOpenCmd struct {
	Partner          string   `arg:"" help:"Partner id, such as PA-1001."`
	Currency         string   `help:"Currency of the contract (ISO 4217)." required:""`
	Card             string   `help:"The processor's reference of the card." required:""`
	CarriedOver      decimal  `help:"What remained of earlier invoices." default:"0"`
	MinimumOpening   *decimal `help:"Balance that the account must start with; default 500."`
	SurchargePercent *decimal `help:"Surcharge of card payments; default 4."`
	GraceDays        *int     `help:"Days from a negative balance to the block; default 7."`
	UnblockPolicy    string   `help:"Who lifts an overdue block." enum:"finance,automatic" default:"finance"`
	AutoRecharge     bool     `help:"Recharge below the threshold." default:"true" negatable:""`
	Threshold        *decimal `help:"Balance below which the card is charged; default 100."`
	RechargeAmount   *decimal `help:"Amount of an automatic recharge; default 500."`
	who
}

// Help implements kong.HelpProvider.
func (*accountOpenCmd) Help() string {
	return `  prepay account open PA-1001 --currency EUR --card sim_ok --carried-over 730.50`
}

// Run runs the command.
func (c *accountOpenCmd) Run(ctx context.Context, g *globals) error {
	return g.give(ctx, &c.who, c.Partner, &domain.OpenAccount{
		PartnerID: c.Partner, Currency: c.Currency, Card: c.Card, CarriedOver: c.CarriedOver.Amount,
		MinimumOpening: c.MinimumOpening.pointer(), SurchargePercent: c.SurchargePercent.pointer(), GraceDays: c.GraceDays,
		UnblockPolicy: domain.UnblockPolicy(c.UnblockPolicy), AutoRecharge: &c.AutoRecharge,
		Threshold: c.Threshold.pointer(), RechargeAmount: c.RechargeAmount.pointer(),
	})
}

type accountListCmd struct{}

// Help implements kong.HelpProvider.
func (*accountListCmd) Help() string { return `  prepay account list --json` }

// Run runs the command.
func (*accountListCmd) Run(ctx context.Context, g *globals) error {
	lines, err := allAccounts(ctx, g)
	if err != nil {
		return err
	}
	return g.print(lines, func(w io.Writer) { writeAccountLines(w, lines) })
}

func allAccounts(ctx context.Context, g *globals) ([]desk.AccountLine, error) {
	if g.Server != "" {
		return remoteAccounts(ctx, g)
	}
	return ask(ctx, g, nil, func(a *desk.Desk) ([]desk.AccountLine, error) {
		all, err := a.Accounts(ctx, "")
		lines := []desk.AccountLine{}
		for _, account := range all {
			lines = append(lines, desk.LineOf(account.State))
		}
		return lines, err
	})
}

// remoteAccounts are all accounts of the ledger at --server.
func remoteAccounts(ctx context.Context, g *globals) ([]desk.AccountLine, error) {
	return askAll[desk.AccountLine](ctx, g, func(c *apiclient.ClientWithResponses, cursor *string) (*http.Response, error) {
		return c.ListAccounts(ctx, &apiclient.ListAccountsParams{Limit: pageSize(), Cursor: cursor})
	}, nil)
}

func writeAccountLines(w io.Writer, lines []desk.AccountLine) {
	t := newTable("account", "balance", "amount due", "standing", "negative since", "block deadline")
	for _, l := range lines {
		standing := string(l.Standing)
		if l.BlockedReason != "" {
			standing += " (" + l.BlockedReason + ")"
		}
		since, deadline := "", ""
		if l.NegativeSince != nil {
			since, deadline = l.NegativeSince.Format(time.RFC3339), l.BlockDeadline.Format(time.RFC3339)
		}
		t.AppendRow(table.Row{l.PartnerID, shown(l.Balance, l.Currency), shown(l.AmountDue, l.Currency), standing, since, deadline})
	}
	fmt.Fprintln(w, t.Render())
}

// shown writes an amount with its currency for people.
func shown(a money.Amount, c money.Currency) string { return a.Fixed(c.Decimals()) + " " + string(c) }

type accountShowCmd struct {
	Partner string `arg:"" help:"Partner id."`
}

// Help implements kong.HelpProvider.
func (*accountShowCmd) Help() string { return `  prepay account show PA-1001` }

// Run runs the command.
func (c *accountShowCmd) Run(ctx context.Context, g *globals) error {
	return g.showAccount(ctx, c.Partner, true)
}

// showAccount shows an account as of everything that was written.
func (g *globals) showAccount(ctx context.Context, partner string, all bool) error {
	v, err := ask(ctx, g,
		func(c *apiclient.ClientWithResponses) (*http.Response, error) { return c.GetAccount(ctx, partner, nil) },
		func(a *desk.Desk) (*desk.AccountView, error) { return a.Account(ctx, partner) })
	if err != nil {
		return err
	}
	return g.printAccount(v, all)
}

func (g *globals) printAccount(v *desk.AccountView, all bool) error {
	return g.print(v, func(w io.Writer) {
		writeAccountLines(w, []desk.AccountLine{v.AccountLine})
		if all {
			writeAccountDetails(w, v)
		}
	})
}

func writeAccountDetails(w io.Writer, v *desk.AccountView) {
	f, c := v.Figures, v.Currency
	t := newTable("since the opening", "count", "amount")
	t.AppendRows([]table.Row{
		{"carried over", "", shown(f.CarriedOver, c)},
		{"charged", f.ChargedCount, shown(f.Charged, c)},
		{"taken back", f.CorrectedCount, shown(f.Corrected, c)},
		{"counted at no cost", f.FreeCount, ""},
		{"recharged", fmt.Sprintf("%d of %d", f.Succeeded, f.Requested), shown(f.Credited, c)},
		{"confirmed by Finance", f.ConfirmedNumber, shown(f.Confirmed, c)},
		{"adjusted at month ends", "", shown(f.Adjusted, c)},
		{"refunded", "", shown(f.Refunded, c)},
	})
	fmt.Fprintf(w, "\n%s\n\n", t.Render())
	fmt.Fprintf(w, "card %s; auto-recharge %s of %s below %s; surcharge %s %%; grace %d days; unblocked by %s\n\n",
		v.Card, onOff(v.Settings.AutoRecharge), shown(v.Settings.RechargeAmount, c), shown(v.Settings.Threshold, c),
		v.Contract.SurchargePercent, v.Contract.GraceDays, v.Contract.UnblockPolicy)
	channels := newTable("channel", "state")
	for _, id := range sortedKeys(v.Channels) {
		channels.AppendRow(table.Row{id, v.Channels[id]})
	}
	fmt.Fprintln(w, channels.Render())
	if len(v.Invoices) > 0 {
		invoices := newTable("invoice", "issued", "prepayment", "surcharge", "total")
		for _, i := range v.Invoices {
			invoices.AppendRow(table.Row{i.InvoiceNumber, i.IssuedAt.Format(time.DateOnly), shown(i.Prepayment, c), shown(i.Surcharge, c), shown(i.Total, c)})
		}
		fmt.Fprintf(w, "\n%s\n", invoices.Render())
	}
	writePayback(w, v)
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

type accountSettingsCmd struct {
	Partner        string   `arg:"" help:"Partner id."`
	AutoRecharge   *bool    `help:"Recharge below the threshold." negatable:""`
	Threshold      *decimal `help:"Balance below which the card is charged."`
	RechargeAmount *decimal `help:"Amount of an automatic recharge."`
	who
}

// Help implements kong.HelpProvider.
func (*accountSettingsCmd) Help() string {
	return `  prepay account settings PA-1001 --threshold 250 --recharge-amount 1000
  prepay account settings PA-1001 --no-auto-recharge`
}

// Run runs the command.
func (c *accountSettingsCmd) Run(ctx context.Context, g *globals) error {
	return g.give(ctx, &c.who, c.Partner, &domain.ChangeRechargeSettings{
		AutoRecharge: c.AutoRecharge, Threshold: c.Threshold.pointer(), RechargeAmount: c.RechargeAmount.pointer(),
	})
}

type accountContractCmd struct {
	Partner          string   `arg:"" help:"Partner id."`
	SurchargePercent *decimal `help:"Surcharge of card payments."`
	GraceDays        *int     `help:"Days from a negative balance to the block."`
	UnblockPolicy    string   `help:"finance or automatic."`
	TaxText          *string  `help:"What invoices say of tax, such as \"Reverse charge\"; empty takes text and rate away."`
	TaxRate          *decimal `help:"Tax that the total of an invoice includes, in per cent."`
	who
}

// Help implements kong.HelpProvider.
func (*accountContractCmd) Help() string {
	return `  prepay account contract PA-1001 --grace-days 14 --actor finance:ana
  prepay account contract PA-1001 --tax-text "The total includes German VAT." --tax-rate 19 --actor finance:ana`
}

// Run runs the command.
func (c *accountContractCmd) Run(ctx context.Context, g *globals) error {
	return g.give(ctx, &c.who, c.Partner, &domain.ChangeContract{
		SurchargePercent: c.SurchargePercent.pointer(), GraceDays: c.GraceDays, UnblockPolicy: domain.UnblockPolicy(c.UnblockPolicy),
		TaxText: c.TaxText, TaxRate: c.TaxRate.pointer(),
	})
}

type accountCardCmd struct {
	Partner string `arg:"" help:"Partner id."`
	Card    string `arg:"" help:"The processor's reference of the new card."`
	who
}

// Help implements kong.HelpProvider.
func (*accountCardCmd) Help() string { return `  prepay account card PA-1001 sim_ok` }

// Run runs the command.
func (c *accountCardCmd) Run(ctx context.Context, g *globals) error {
	return g.give(ctx, &c.who, c.Partner, &domain.ReplaceCard{Card: c.Card})
}

type accountFundsCmd struct {
	Partner string  `arg:"" help:"Partner id."`
	Amount  decimal `arg:"" help:"Amount to credit, 10 to 100,000; the surcharge comes on top."`
	who
}

// Help implements kong.HelpProvider.
func (*accountFundsCmd) Help() string { return `  prepay account add-funds PA-1001 1000` }

// Run runs the command.
func (c *accountFundsCmd) Run(ctx context.Context, g *globals) error {
	return g.give(ctx, &c.who, c.Partner, &domain.AddFunds{Amount: c.Amount.Amount})
}

type accountConfirmCmd struct {
	Partner   string  `arg:"" help:"Partner id."`
	Amount    decimal `arg:"" help:"Amount that was received."`
	Reference string  `help:"The payment's reference, such as the bank's." required:""`
	Recharge  string  `help:"The recharge that it settles; one that is credited already is not credited again."`
	who
}

// Help implements kong.HelpProvider.
func (*accountConfirmCmd) Help() string {
	return `  prepay account confirm PA-1001 512.40 --reference BANK-4711 --actor finance:ana`
}

// Run runs the command.
func (c *accountConfirmCmd) Run(ctx context.Context, g *globals) error {
	return g.give(ctx, &c.who, c.Partner, &domain.ConfirmPayment{Reference: c.Reference, Amount: c.Amount.Amount, RechargeID: c.Recharge})
}

type accountBlockCmd struct {
	Partner string `arg:"" help:"Partner id."`
	Reason  string `help:"Why." required:""`
	who
}

// Help implements kong.HelpProvider.
func (*accountBlockCmd) Help() string {
	return `  prepay account block PA-1001 --reason "suspected fraud" --actor finance:ana`
}

// Run runs the command.
func (c *accountBlockCmd) Run(ctx context.Context, g *globals) error {
	return g.give(ctx, &c.who, c.Partner, &domain.Block{Reason: c.Reason})
}

type accountUnblockCmd struct {
	Partner string `arg:"" help:"Partner id."`
	who
}

// Help implements kong.HelpProvider.
func (*accountUnblockCmd) Help() string {
	return `  prepay account unblock PA-1001 --actor finance:ana`
}

// Run runs the command.
func (c *accountUnblockCmd) Run(ctx context.Context, g *globals) error {
	return g.give(ctx, &c.who, c.Partner, &domain.Unblock{})
}

type accountCorrectCmd struct {
	Partner string `arg:"" help:"Partner id."`
	Charge  string `arg:"" help:"Charge id (conversation or message id)."`
	Reason  string `help:"Why it was wrong." required:""`
	who
}

// Help implements kong.HelpProvider.
func (*accountCorrectCmd) Help() string {
	return `  prepay account correct-charge PA-1001 wamid.HBg --reason "test number" --actor finance:ana`
}

// Run runs the command.
func (c *accountCorrectCmd) Run(ctx context.Context, g *globals) error {
	return g.give(ctx, &c.who, c.Partner, &domain.CorrectCharge{ChargeID: c.Charge, Reason: c.Reason})
}

type accountRefundCmd struct {
	Partner string  `arg:"" help:"Partner id."`
	Amount  decimal `arg:"" help:"Amount, at most the balance."`
	Reason  string  `help:"Why." required:""`
	Payout  bool    `help:"Pay it to the card through the processor; else it is paid by other means."`
	From    string  `name:"recharge" help:"The card payment that it goes back from; with --payout, by default the newest that has as much left." placeholder:"RECHARGE"`
	who
}

// Help implements kong.HelpProvider.
func (*accountRefundCmd) Help() string {
	return `  prepay account refund PA-1001 120.50 --reason "end of contract" --actor finance:ana
  prepay account refund PA-1001 120.50 --payout --reason "end of contract" --actor finance:ana`
}

// Run runs the command.
func (c *accountRefundCmd) Run(ctx context.Context, g *globals) error {
	return g.give(ctx, &c.who, c.Partner, &domain.Refund{Amount: c.Amount.Amount, Reason: c.Reason, Payout: c.Payout, RechargeID: c.From})
}

type accountCloseCmd struct {
	Partner string `arg:"" help:"Partner id."`
	who
}

// Help implements kong.HelpProvider.
func (*accountCloseCmd) Help() string { return `  prepay account close PA-1001 --actor finance:ana` }

// Run runs the command.
func (c *accountCloseCmd) Run(ctx context.Context, g *globals) error {
	return g.give(ctx, &c.who, c.Partner, &domain.CloseAccount{})
}
