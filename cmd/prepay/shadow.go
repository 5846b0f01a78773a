package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/shadow"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/rating"
)

// shadowCmd asks what would have been under other terms; it records nothing.
type shadowCmd struct {
	Rates  shadowRatesCmd  `cmd:"" default:"withargs" help:"What a month would have cost under other rate cards."`
	Policy shadowPolicyCmd `cmd:"" help:"How accounts would have fared under other recharge settings."`
}

type shadowRatesCmd struct {
	Month     billingMonth `arg:"" help:"Billing month, such as 2026-10."`
	Rates     []string     `help:"Rate cards to rate by; each serves its currency for the whole month. Repeat for several." type:"path" placeholder:"FILE" xor:"by" required:""`
	Effective day          `help:"Rate by the imported cards in force on this day, such as the next quarter's first." placeholder:"DATE" xor:"by" required:""`
	Partner   string       `help:"Only this partner's account."`
	By        string       `help:"What the sums are broken down by: some of waba, market, category, with commas between." default:"market,category"`
}

// Help implements kong.HelpProvider.
func (*shadowRatesCmd) Help() string {
	return `Rates a month's charges again, in the volume tiers that were recorded, and shows
what they cost now and then. Nothing is recorded.

  prepay shadow 2026-10 --rates rates-usd-2027-01-01.csv
  prepay shadow 2026-10 --effective 2027-01-01 --by waba,market`
}

// shadowRates is what the command shows.
type shadowRates struct {
	Month  domain.Month `json:"month"`
	Cards  []string     `json:"cards"`
	Rows   []shadow.Row `json:"rows"`
	Totals []shadow.Row `json:"totals"`
}

// Run runs the command.
func (c *shadowRatesCmd) Run(ctx context.Context, g *globals) error {
	fields := strings.Split(c.By, ",")
	for _, f := range fields {
		if f != "waba" && f != "market" && f != "category" {
			return domain.Reject(domain.InvalidSetting, "--by %.40q: name some of waba, market, category, with commas between.", c.By)
		}
	}
	if err := readable(c.Rates); err != nil {
		return err
	}
	return g.read(ctx, func(a *desk.Desk) error {
		r, cards, err := c.rates(ctx, a)
		if err != nil {
			return err
		}
		partners, err := shadowPartners(a, c.Partner)
		if err != nil {
			return err
		}
		for _, id := range partners {
			if err := r.Account(ctx, a.Store, a.Views.Codec, ledger.AccountStream(id)); err != nil {
				return err
			}
		}
		v := &shadowRates{Month: c.Month.Month, Cards: cards, Rows: r.By(fields...), Totals: r.By()}
		return g.print(v, v.write)
	})
}

// rates are the cards to rate by.
func (c *shadowRatesCmd) rates(ctx context.Context, a *desk.Desk) (*shadow.Rates, []string, error) {
	r := &shadow.Rates{Month: c.Month.Month, At: c.Effective.Time}
	if len(c.Rates) == 0 {
		cards, err := a.Views.Cards.All()
		if err != nil {
			return nil, nil, err
		}
		var currencies []string
		for i := range cards {
			if c := string(cards[i].Currency); !slices.Contains(currencies, c) {
				currencies = append(currencies, c)
			}
		}
		book, err := a.Ledger.RatesOf(ctx, currencies...)
		if err != nil {
			return nil, nil, err
		}
		r.Book = book
		return r, cardsOn(book, c.Effective.Time), nil
	}
	// A card of a file serves the month whatever its own date says.
	first, err := time.Parse("2006-01", string(c.Month.Month))
	if err != nil {
		return nil, nil, err
	}
	r.Book, r.At = &rating.Book{}, first
	var ids []string
	for _, file := range c.Rates {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, err
		}
		card, err := rating.ParseRateCard(filepath.Base(file), data, rating.CardOptions{Effective: first, IgnoreTitle: true})
		if err != nil {
			return nil, nil, err
		}
		if r.Book, err = r.Book.With(card); err != nil {
			return nil, nil, err
		}
		ids = append(ids, card.ID)
	}
	return r, ids, nil
}

// cardsOn are the cards that are in force on a day.
func cardsOn(book *rating.Book, at time.Time) []string {
	var ids []string
	for _, c := range book.Cards() {
		for _, model := range [...]domain.PricingModel{domain.PMP, domain.CBP} {
			if book.InForce(c.Currency, model, at) == c {
				ids = append(ids, c.ID)
				break
			}
		}
	}
	return ids
}

// shadowPartners are the accounts that are looked at.
func shadowPartners(a *desk.Desk, one string) ([]string, error) {
	if one == "" {
		return a.Views.Accounts.Partners(), nil
	}
	if !a.Ledger.Exists(one) {
		return nil, domain.Reject(domain.UnknownAccount, "There is no partner account %.64q: see prepay account list.", one)
	}
	return []string{one}, nil
}

func (v *shadowRates) write(w io.Writer) {
	fmt.Fprintf(w, "%s, rated by %s\n\n", v.Month, strings.Join(v.Cards, ", "))
	t := newTable("", "WABA", "charges", "now", "then", "difference", "no rate")
	for _, rows := range [...][]shadow.Row{v.Rows, v.Totals} {
		for i := range rows {
			r := &rows[i]
			what := strings.Trim(r.Market+", "+r.Category, ", ")
			if what == "" {
				what = "total"
			}
			unrated := ""
			if r.Unrated.Count != 0 {
				unrated = fmt.Sprintf("%d for %s", r.Unrated.Count, r.Unrated.Amount)
			}
			t.AppendRow(table.Row{what, r.WABAID, r.Now.Count, shown(r.Now.Amount, r.Currency), shown(r.Then, r.Currency), shown(r.Difference, r.Currency), unrated})
		}
		t.AppendSeparator()
	}
	fmt.Fprintln(w, t.Render())
	fmt.Fprintln(w, "Nothing is recorded. Tiers are those that were recorded; what has no rate is in neither sum.")
}

type shadowPolicyCmd struct {
	Threshold      *decimal `help:"Balance below which the card is charged." placeholder:"AMOUNT"`
	RechargeAmount *decimal `help:"What the card is charged each time." placeholder:"AMOUNT"`
	GraceDays      *int     `help:"Days from a negative balance to the block." placeholder:"DAYS"`
	Partner        string   `help:"Only this partner's account."`
	Until          instant  `help:"Replay what was recorded up to here; default is now." placeholder:"INSTANT"`
}

// Help implements kong.HelpProvider.
func (*shadowPolicyCmd) Help() string {
	return `Replays accounts through the rules under other settings: the same charges at the
same instants, card payments that end as the real ones did at that time. It
shows the replay with the settings as they were beside it: where that differs
from the card payments of the log, the method does not fit the account. Traffic
stays as it was, also while the replay is blocked. Nothing is recorded.

  prepay shadow policy --threshold 200 --recharge-amount 1000
  prepay shadow policy --grace-days 14 --partner PA-1001`
}

// Run runs the command.
func (c *shadowPolicyCmd) Run(ctx context.Context, g *globals) error {
	if c.Threshold == nil && c.RechargeAmount == nil && c.GraceDays == nil {
		return domain.Reject(domain.InvalidSetting, "Give what to try: --threshold, --recharge-amount or --grace-days.")
	}
	return g.read(ctx, func(a *desk.Desk) error {
		partners, err := shadowPartners(a, c.Partner)
		if err != nil {
			return err
		}
		until := c.Until.Time
		if until.IsZero() {
			until = a.Ledger.Now()
		}
		terms := shadow.Terms{Threshold: c.Threshold.pointer(), RechargeAmount: c.RechargeAmount.pointer(), GraceDays: c.GraceDays}
		all := []*shadow.Policy{}
		for _, id := range partners {
			p, err := shadow.Replay(ctx, a.Store, a.Views.Codec, ledger.AccountStream(id), until, terms)
			if err != nil {
				return err
			}
			all = append(all, p)
		}
		return g.print(all, func(w io.Writer) { writePolicies(w, all) })
	})
}

func writePolicies(w io.Writer, all []*shadow.Policy) {
	t := newTable("account", "", "recharges", "failed", "by card", "grace days", "blocks", "blocked days", "average prepaid", "lowest", "closing", "skipped")
	row := func(id, which string, o *shadow.Outcome, currency money.Currency) {
		skipped := 0
		for _, n := range o.Skipped {
			skipped += n
		}
		t.AppendRow(table.Row{
			id, which, o.Recharges, o.Failed, shown(o.Credited, currency), inDays(o.GraceTime), o.Blocks, inDays(o.BlockedTime),
			shown(o.AveragePrepaid.RoundHalfEven(currency.Decimals()), currency), shown(o.LowestBalance, currency), shown(o.ClosingBalance, currency), skipped,
		})
	}
	for _, p := range all {
		row(p.PartnerID, fmt.Sprintf("as it was (%d in the log)", p.Actual), &p.Before, p.Currency)
		row("", "under the terms", &p.After, p.Currency)
		t.AppendSeparator()
	}
	fmt.Fprintln(w, t.Render())
	fmt.Fprintln(w, "Traffic stays as it was, also where the replay is blocked; cards end as they did at that time.")
}

// inDays writes a duration in days with one decimal.
func inDays(d time.Duration) string {
	return strconv.FormatFloat(d.Hours()/24, 'f', 1, 64)
}
