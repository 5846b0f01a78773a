package domain_test

import (
	"fmt"
	"math/big"
	"time"

	"prepayledger/domain"
)

// oracle is a second, naive implementation of the rules: fractions and plain
// bookkeeping, written from the rules' text alone. It shares nothing with the
// code under test but the shape of the commands.
type oracle struct {
	opened, closed  bool
	balance         *big.Rat
	decimals        int
	currency        string
	minimum         *big.Rat
	percent         *big.Rat
	graceDays       int
	automatic       bool
	auto            bool
	threshold       *big.Rat
	renew           *big.Rat
	initial         bool
	negativeSince   time.Time
	overdue, manual bool
	flight          *oracleRecharge
	outcome         map[string]string
	retry           time.Time
	nextDaily       time.Time

	requested, failed, succeeded int
	credited, cardTotal          *big.Rat
	adjustments, charged         *big.Rat
	invoices                     []string
	charges, free, duplicates    int
	counted                      map[string]string   // content by charge id
	amounts                      map[string]*big.Rat // by charge id
	corrected                    map[string]bool
	quarantine                   map[string]string // reason by charge id and content
	channels                     map[string]*oracleChannel
	references                   map[string]bool
	runs                         map[domain.Month]int
	openMonths                   map[domain.Month]bool
	monthSums                    map[domain.Month]*big.Rat
	daily                        []string

	payments []*oraclePayment // credited, the oldest first
	refunds  []*oracleRefund
	notes    []string
}

// oraclePayment is a credited card payment, as accounts of four parties would
// keep it: what of it is the partner's, refunded, and with the bank.
type oraclePayment struct {
	id                string
	amount, surcharge *big.Rat
	refunded          *big.Rat // issued and not cancelled
	bank              *big.Rat // what the bank holds
	state             string   // "", "reversed", "won"
}

type oracleRefund struct {
	of      *oraclePayment
	amount  *big.Rat
	state   string // "asked", "failed", "paid", "cancelled"
	attempt int
	noted   bool
	back    bool // a cancelled one's amount is in the balance
}

type oracleRecharge struct {
	id                string
	amount, surcharge *big.Rat
	byHand            bool
	at                time.Time
}

type oracleChannel struct {
	direct    bool
	cancelled time.Time
	offset    time.Duration
}

func newOracle() *oracle {
	return &oracle{
		balance: new(big.Rat), credited: new(big.Rat), cardTotal: new(big.Rat), adjustments: new(big.Rat), charged: new(big.Rat),
		outcome: map[string]string{}, counted: map[string]string{}, amounts: map[string]*big.Rat{}, corrected: map[string]bool{},
		quarantine: map[string]string{}, channels: map[string]*oracleChannel{}, references: map[string]bool{},
		runs: map[domain.Month]int{}, openMonths: map[domain.Month]bool{}, monthSums: map[domain.Month]*big.Rat{},
	}
}

func rat(text fmt.Stringer) *big.Rat {
	r, ok := new(big.Rat).SetString(text.String())
	if !ok {
		panic("no number: " + text.String())
	}
	return r
}

func whole(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }

func plus(a, b *big.Rat) *big.Rat  { return new(big.Rat).Add(a, b) }
func minus(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }

// grid rounds r + shift down to the minor unit.
func (o *oracle) grid(r, shift *big.Rat) *big.Rat {
	unit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(o.decimals)), nil))
	scaled := plus(new(big.Rat).Mul(r, unit), shift)
	n := new(big.Int).Div(scaled.Num(), scaled.Denom()) // towards -∞: the denominator is positive
	return new(big.Rat).Quo(new(big.Rat).SetInt(n), unit)
}

// up rounds up: minus the rounded down negative.
func (o *oracle) up(r *big.Rat) *big.Rat {
	return new(big.Rat).Neg(o.grid(new(big.Rat).Neg(r), new(big.Rat)))
}

func (o *oracle) halfUp(r *big.Rat) *big.Rat { return o.grid(r, big.NewRat(1, 2)) }

func (o *oracle) due() *big.Rat {
	if o.balance.Sign() < 0 {
		return new(big.Rat).Neg(o.balance)
	}
	return new(big.Rat)
}

func (o *oracle) deadline() time.Time {
	return o.negativeSince.Add(time.Duration(o.graceDays) * 24 * time.Hour)
}

// open follows R2.
func (o *oracle) open(c *domain.OpenAccount, at time.Time) string {
	switch {
	case o.opened:
		return "account_exists"
	case c.CarriedOver.Sign() < 0:
		return "invalid_amount"
	}
	o.opened, o.currency, o.balance = true, c.Currency, rat(c.CarriedOver)
	o.decimals = map[string]int{"EUR": 2, "JPY": 0, "KWD": 3}[c.Currency]
	o.minimum, o.percent, o.graceDays = whole(500), whole(4), 7
	o.auto, o.threshold, o.renew = true, whole(100), whole(500)
	if c.MinimumOpening != nil {
		o.minimum = rat(*c.MinimumOpening)
	}
	if c.SurchargePercent != nil {
		o.percent = rat(*c.SurchargePercent)
	}
	if c.GraceDays != nil {
		o.graceDays = *c.GraceDays
	}
	o.automatic = c.UnblockPolicy == domain.UnblockAutomatic
	o.settings(&domain.ChangeRechargeSettings{AutoRecharge: c.AutoRecharge, Threshold: c.Threshold, RechargeAmount: c.RechargeAmount})
	o.nextDaily = time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, time.UTC)
	if o.balance.Cmp(o.minimum) < 0 {
		o.initial = true
		o.request(o.up(minus(o.minimum, o.balance)), false, at)
	}
	return ""
}

func (o *oracle) settings(c *domain.ChangeRechargeSettings) {
	if c.AutoRecharge != nil {
		o.auto = *c.AutoRecharge
	}
	if c.Threshold != nil {
		o.threshold = rat(*c.Threshold)
	}
	if c.RechargeAmount != nil {
		o.renew = rat(*c.RechargeAmount)
	}
}

func (o *oracle) request(amount *big.Rat, byHand bool, at time.Time) {
	o.requested++
	surcharge := o.halfUp(new(big.Rat).Quo(new(big.Rat).Mul(amount, o.percent), whole(100)))
	o.flight = &oracleRecharge{id: fmt.Sprintf("PA-R%06d", o.requested), amount: amount, surcharge: surcharge, byHand: byHand, at: at}
	if !byHand {
		o.retry = time.Time{}
	}
}

// wanted is what R2, R11 and R12 would have the card charged with; nil for
// nothing.
func (o *oracle) wanted() *big.Rat {
	if o.initial && o.balance.Cmp(o.minimum) < 0 {
		return o.up(minus(o.minimum, o.balance))
	}
	amount := new(big.Rat)
	if o.balance.Sign() <= 0 {
		amount = o.due()
		if o.auto {
			amount = plus(amount, o.renew)
		}
	} else if o.auto && o.balance.Cmp(o.threshold) < 0 {
		amount = o.renew
	}
	if amount.Sign() == 0 {
		return nil
	}
	return o.up(amount)
}

// attempt is an attempt at once.
func (o *oracle) attempt(at time.Time) {
	if o.flight != nil || o.overdue || o.manual || o.closed {
		return
	}
	o.retry, at = time.Time{}, at.UTC()
	if amount := o.wanted(); amount != nil {
		o.request(amount, false, at)
	}
}

// clock follows R20 after any change of the balance.
func (o *oracle) clock(at time.Time) {
	if o.balance.Sign() >= 0 {
		o.negativeSince = time.Time{}
	} else if o.negativeSince.IsZero() {
		o.negativeSince = at
	}
}

// debit lowers the balance and examines (R13, R17).
func (o *oracle) debit(amount *big.Rat, at time.Time) {
	before := o.balance
	o.balance = minus(o.balance, amount)
	o.clock(at)
	if amount.Sign() == 0 {
		return
	}
	crossed := before.Sign() > 0 && o.balance.Sign() <= 0
	if o.retry.IsZero() || crossed {
		o.attempt(at)
	}
}

// credit raises the balance (R22).
func (o *oracle) credit(amount *big.Rat, payment bool, at time.Time) {
	o.balance = plus(o.balance, amount)
	if payment && amount.Sign() > 0 {
		o.initial, o.retry = false, time.Time{}
	}
	o.clock(at)
	if o.automatic && amount.Sign() > 0 && o.balance.Sign() >= 0 {
		o.overdue = false
	}
}

// next is what falls due next, in the order of R20.
func (o *oracle) next() (time.Time, string) {
	at, what := o.nextDaily, "PublishBalance"
	if !o.retry.IsZero() && !o.retry.After(at) {
		at, what = o.retry, "RetryRecharge"
	}
	if !o.negativeSince.IsZero() && !o.overdue && !o.closed && !o.deadline().After(at) {
		at, what = o.deadline(), "BlockOverdue"
	}
	return at, what
}

// decide returns the code of the rejection, or "".
func (o *oracle) decide(cmd domain.Command, actor string, at time.Time) string {
	if c, ok := cmd.(*domain.OpenAccount); ok {
		return o.open(c, at)
	}
	if !o.opened {
		return "unknown_account"
	}
	if o.closed {
		switch cmd.(type) {
		case *domain.PublishBalance, *domain.AdjustReconciliation, *domain.RecordRechargeFailed, *domain.RecordRechargeSucceeded,
			*domain.RecordRechargeReversed, *domain.RecordRechargeReinstated, *domain.RecordRefundPaidOut, *domain.RecordRefundFailed,
			*domain.RetryRefund:
		default:
			return "account_closed"
		}
	}
	switch c := cmd.(type) {
	case *domain.Transfer:
		return "transfer_not_supported"
	case *domain.ChargeLicenceFee:
		return "not_covered_by_prepayment"
	case *domain.RegisterChannel:
		if o.channels[c.ChannelID] != nil {
			return "channel_exists"
		}
		o.channels[c.ChannelID] = &oracleChannel{direct: c.PaymentModel == domain.Direct}
		if c.TimeZone == "America/Sao_Paulo" {
			o.channels[c.ChannelID].offset = -3 * time.Hour // without summer time since 2019
		}
	case *domain.CancelChannel:
		channel := o.channels[c.ChannelID]
		if channel == nil {
			return "unknown_channel"
		}
		if !channel.cancelled.IsZero() {
			return "channel_cancelled"
		}
		channel.cancelled = at
	case *domain.ChangeRechargeSettings:
		o.settings(c)
		o.attempt(at)
	case *domain.ReplaceCard:
		o.attempt(at)
	case *domain.ChangeContract:
		o.graceDays, o.percent, o.automatic = *c.GraceDays, rat(*c.SurchargePercent), c.UnblockPolicy == domain.UnblockAutomatic
	case *domain.Block:
		if actor == "" {
			return "actor_required"
		}
		o.manual, o.retry = true, time.Time{}
	case *domain.Unblock:
		switch {
		case !o.manual:
			return "not_blocked"
		case o.balance.Sign() < 0:
			return "amount_due"
		case actor == "":
			return "actor_required"
		}
		o.manual = false
	case *domain.BlockOverdue:
		o.overdue, o.retry = true, time.Time{}
	case *domain.RetryRecharge:
		o.retry = time.Time{}
		o.attempt(at)
	case *domain.PublishBalance:
		o.daily = append(o.daily, c.Day.Format(time.DateOnly)+" "+o.balance.RatString())
		o.nextDaily = o.nextDaily.AddDate(0, 0, 1)
	default:
		return o.decideMoney(cmd, actor, at)
	}
	return ""
}

func (o *oracle) decideMoney(cmd domain.Command, actor string, at time.Time) string {
	switch c := cmd.(type) {
	case *domain.AddFunds:
		return o.addFunds(c, at)
	case *domain.RecordRechargeSucceeded:
		return o.settled(c.RechargeID, "ok", at)
	case *domain.RecordRechargeFailed:
		return o.settled(c.RechargeID, "failed", at)
	case *domain.ConfirmPayment:
		return o.confirm(c, actor, at)
	case *domain.AdjustReconciliation:
		if o.runs[c.Month] >= c.Run {
			return ""
		}
		o.runs[c.Month] = c.Run
		o.openMonths[c.Month] = o.openMonths[c.Month] && o.monthSum(c.Month).Cmp(rat(c.Charged)) != 0
		amount := rat(c.Amount)
		o.adjustments = plus(o.adjustments, amount)
		if amount.Sign() < 0 {
			o.debit(new(big.Rat).Neg(amount), at)
		} else {
			o.credit(amount, false, at)
		}
	case *domain.CorrectCharge:
		amount := o.amounts[c.ChargeID]
		switch {
		case amount == nil:
			return "unknown_charge"
		case o.corrected[c.ChargeID]:
			return "already_corrected"
		case actor == "":
			return "actor_required"
		}
		o.corrected[c.ChargeID] = true
		o.openMonths[c.Original.Month] = true
		o.monthSum(c.Original.Month).Sub(o.monthSum(c.Original.Month), amount)
		o.credit(amount, false, at)
	case *domain.Refund:
		amount := rat(c.Amount)
		switch {
		case amount.Sign() <= 0:
			return "invalid_amount"
		case actor == "":
			return "actor_required"
		case amount.Cmp(o.balance) > 0:
			return "refund_exceeds_balance"
		}
		if c.Payout || c.RechargeID != "" {
			return o.refundPayment(c, amount)
		}
		o.balance = minus(o.balance, amount)
	case *domain.RecordRechargeReversed:
		return o.reversed(c.RechargeID, at)
	case *domain.RecordRechargeReinstated:
		return o.won(c.RechargeID, at)
	case *domain.RecordRefundPaidOut:
		return o.refundPaid(c.RefundID, at)
	case *domain.RecordRefundFailed:
		r := o.refund(c.RefundID)
		if r == nil {
			return "unknown_refund"
		}
		if (r.state == "asked" || r.state == "paid") && c.Attempt == r.attempt {
			r.state = "failed"
		}
	case *domain.RetryRefund:
		r := o.refund(c.RefundID)
		if r == nil {
			return "unknown_refund"
		}
		if r.state == "failed" {
			r.state = "asked"
			r.attempt++
		}
	case *domain.CancelRefund:
		return o.cancelRefund(c.RefundID, actor, at)
	case *domain.CloseAccount:
		if actor == "" {
			return "actor_required"
		}
		for _, open := range o.openMonths {
			if open {
				return "not_closable"
			}
		}
		if o.balance.Sign() != 0 || o.flight != nil {
			return "not_closable"
		}
		for _, r := range o.refunds {
			if r.state == "asked" || r.state == "failed" {
				return "not_closable"
			}
		}
		o.closed, o.retry = true, time.Time{}
		for _, channel := range o.channels {
			if channel.cancelled.IsZero() {
				channel.cancelled = at
			}
		}
	default:
		panic("the oracle does not know " + cmd.CommandName())
	}
	return ""
}

func (o *oracle) addFunds(c *domain.AddFunds, at time.Time) string {
	amount := rat(c.Amount)
	switch {
	case c.Method != "" && c.Method != "card":
		return "payment_method_not_accepted"
	case amount.Sign() <= 0 || o.up(amount).Cmp(amount) != 0:
		return "invalid_amount"
	case amount.Cmp(whole(10)) < 0 || amount.Cmp(whole(100_000)) > 0:
		return "amount_out_of_range"
	case o.flight != nil:
		return "recharge_in_flight"
	}
	o.request(amount, true, at)
	return ""
}

// settled follows R15, R16 and R17.
func (o *oracle) settled(id, how string, at time.Time) string {
	r := o.flight
	if r == nil || r.id != id {
		if o.outcome[id] == how || o.outcome[id] == "reversed" && how == "ok" {
			return ""
		}
		return "unknown_recharge"
	}
	o.flight, o.outcome[id] = nil, how
	if how == "failed" {
		o.failed++
		if !r.byHand && !o.overdue && !o.manual {
			o.retry = r.at.Add(24 * time.Hour)
		}
		return ""
	}
	o.succeeded++
	o.credited, o.cardTotal = plus(o.credited, r.amount), plus(o.cardTotal, plus(r.amount, r.surcharge))
	o.payments = append(o.payments, &oraclePayment{id: r.id, amount: r.amount, surcharge: r.surcharge, refunded: new(big.Rat), bank: new(big.Rat)})
	o.invoice(at)
	o.credit(r.amount, true, at)
	return ""
}

func (o *oracle) invoice(at time.Time) {
	o.invoices = append(o.invoices, fmt.Sprintf("PA-%d-%06d", at.Year(), len(o.invoices)+1))
}

func (o *oracle) note(total *big.Rat, at time.Time) {
	if total.Sign() > 0 {
		o.notes = append(o.notes, fmt.Sprintf("PA-CN-%d-%06d %s", at.Year(), len(o.notes)+1, total.RatString()))
	}
}

func (o *oracle) payment(id string) *oraclePayment {
	for _, p := range o.payments {
		if p.id == id {
			return p
		}
	}
	return nil
}

func (o *oracle) refund(id string) *oracleRefund {
	var n int
	if _, err := fmt.Sscanf(id, "PA-F%06d", &n); err != nil || n < 1 || n > len(o.refunds) || o.refunds[n-1].state == "by hand" {
		return nil
	}
	return o.refunds[n-1]
}

// refundPayment follows R32 and R36: from the newest payment that has enough.
func (o *oracle) refundPayment(c *domain.Refund, amount *big.Rat) string {
	if o.up(amount).Cmp(amount) != 0 {
		return "invalid_amount"
	}
	if p := o.payment(c.RechargeID); c.RechargeID != "" && (p == nil || p.state == "reversed") {
		return "unknown_recharge"
	}
	for i := len(o.payments) - 1; i >= 0; i-- {
		p := o.payments[i]
		if c.RechargeID != "" && p.id != c.RechargeID || p.state == "reversed" || minus(p.amount, p.refunded).Cmp(amount) < 0 {
			continue
		}
		p.refunded = plus(p.refunded, amount)
		r := &oracleRefund{of: p, amount: amount, state: "asked", attempt: 1}
		o.refunds = append(o.refunds, r)
		o.balance = minus(o.balance, amount)
		if !c.Payout {
			r.state = "by hand"
			o.notes = append(o.notes, fmt.Sprintf("PA-CN-2026-%06d %s", len(o.notes)+1, amount.RatString()))
		}
		return ""
	}
	return "refund_exceeds_payment"
}

// reversed follows R36: the bank takes what is left of a payment, once.
func (o *oracle) reversed(id string, at time.Time) string {
	p := o.payment(id)
	switch {
	case o.flight != nil && o.flight.id == id:
		return "recharge_in_flight"
	case p == nil:
		return "unknown_recharge"
	case p.state != "":
		return ""
	}
	p.state, o.outcome[id] = "reversed", "reversed"
	p.bank = minus(p.amount, p.refunded)
	o.balance = minus(o.balance, p.bank)
	o.note(plus(p.bank, p.surcharge), at)
	o.clock(at)
	return ""
}

// won gives back what the bank holds.
func (o *oracle) won(id string, at time.Time) string {
	p := o.payment(id)
	switch {
	case o.flight != nil && o.flight.id == id:
		return "recharge_in_flight"
	case p == nil:
		return "unknown_recharge"
	case p.state != "reversed":
		return ""
	}
	back := p.bank
	p.state, p.bank, o.outcome[id] = "won", new(big.Rat), "ok"
	for _, r := range o.refunds {
		if r.of == p && r.state == "cancelled" {
			r.back = true
		}
	}
	if plus(back, p.surcharge).Sign() > 0 {
		o.invoice(at)
	}
	o.credit(back, false, at)
	return ""
}

func (o *oracle) refundPaid(id string, at time.Time) string {
	r := o.refund(id)
	switch {
	case r == nil:
		return "unknown_refund"
	case r.state == "paid":
		return ""
	}
	noted := r.noted
	if r.state == "cancelled" {
		r.of.refunded = plus(r.of.refunded, r.amount)
		if r.back {
			o.balance = minus(o.balance, r.amount)
			noted = false
		} else {
			r.of.bank = minus(r.of.bank, r.amount)
		}
	}
	r.state, r.back = "paid", false
	if !noted {
		o.note(r.amount, at)
		r.noted = true
	}
	o.clock(at)
	return ""
}

func (o *oracle) cancelRefund(id, actor string, at time.Time) string {
	r := o.refund(id)
	switch {
	case r == nil:
		return "unknown_refund"
	case r.state == "asked" || r.state == "paid":
		return "refund_not_failed"
	case actor == "":
		return "actor_required"
	case r.state == "cancelled":
		return ""
	}
	r.state = "cancelled"
	r.of.refunded = minus(r.of.refunded, r.amount)
	if r.of.state == "reversed" { // then the bank has it
		r.of.bank = plus(r.of.bank, r.amount)
		if !r.noted {
			o.note(r.amount, at)
			r.noted = true
		}
		return ""
	}
	r.back = true
	if r.noted {
		o.invoice(at)
	}
	o.credit(r.amount, false, at)
	return ""
}

func (o *oracle) confirm(c *domain.ConfirmPayment, actor string, at time.Time) string {
	amount := rat(c.Amount)
	known := c.RechargeID == "" || o.outcome[c.RechargeID] != ""
	switch {
	case amount.Sign() <= 0:
		return "invalid_amount"
	case o.flight != nil && o.flight.id == c.RechargeID:
		return "recharge_in_flight"
	case o.balance.Sign() >= 0 && !o.overdue && !o.manual:
		return "nothing_to_confirm"
	case o.references[c.Reference]:
		return "reference_used"
	case !known:
		return "unknown_recharge"
	case actor == "":
		return "actor_required"
	}
	o.references[c.Reference] = true
	if o.outcome[c.RechargeID] == "ok" {
		amount = new(big.Rat)
	}
	o.credit(amount, true, at)
	if o.balance.Sign() >= 0 {
		o.overdue = false
	}
	return ""
}

// charge follows R7 to R10 and returns what became of it.
func (o *oracle) charge(c *domain.Charge, at time.Time) string {
	waba := c.WABAID
	channel := o.channels[c.ChannelID]
	full := waba
	if waba == "" {
		full = "WABA" // the one WABA of these channels
	}
	content := func(waba string) string {
		s := fmt.Sprint([]string{c.ChannelID, waba, c.Market, c.Category, string(c.Model), c.PricingType, string(c.Currency)})
		if c.Priced {
			s += rat(c.Amount).RatString()
		}
		return s
	}
	entry := c.ChargeID + " " + content(waba)
	set := func(reason string) string {
		o.quarantine[entry] = reason
		return reason
	}
	billable := c.PricingType == "regular"
	switch {
	case c.Malformed != "":
		entry = c.ChargeID + " raw " + c.Raw
		return set("malformed")
	case channel == nil:
		return set("unknown_channel")
	case !channel.cancelled.IsZero() && !c.OccurredAt.Before(channel.cancelled):
		return set("channel_cancelled")
	case c.OccurredAt.Sub(at) > 5*time.Minute:
		return set("in_the_future")
	case at.Sub(c.OccurredAt) > 400*24*time.Hour: // the test's old ones are far beyond
		return set("too_old")
	case billable && c.Country == "CU":
		return set("blocked_destination")
	}
	if was, ok := o.counted[c.ChargeID]; ok {
		if was != content(full) {
			return set("charge_conflict")
		}
		delete(o.quarantine, entry)
		o.duplicates++
		return "duplicate"
	}
	month := domain.Month(c.OccurredAt.Add(channel.offset).Format("2006-01"))
	leave := func() {
		delete(o.quarantine, entry)
		delete(o.quarantine, c.ChargeID+" "+content(full))
		o.counted[c.ChargeID] = content(full)
	}
	if !billable || channel.direct {
		leave()
		o.free++
		return "free"
	}
	price := map[string]*big.Rat{"marketing": big.NewRat(625, 10_000), "service": new(big.Rat)}[c.Category]
	if c.Priced {
		price = rat(c.Amount)
	}
	switch {
	case c.Currency != "" && string(c.Currency) != o.currency:
		return set("wrong_currency")
	case price == nil:
		return set("no_rate")
	}
	leave()
	o.charges++
	o.charged = plus(o.charged, price)
	o.amounts[c.ChargeID] = price
	o.openMonths[month] = true
	o.monthSum(month).Add(o.monthSum(month), price)
	o.debit(price, at)
	return "charged"
}

// monthSum is what was charged in a month, less corrections.
func (o *oracle) monthSum(m domain.Month) *big.Rat {
	if o.monthSums[m] == nil {
		o.monthSums[m] = new(big.Rat)
	}
	return o.monthSums[m]
}
