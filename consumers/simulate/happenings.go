package simulate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"prepayledger/consumers/usage"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/rating"
	"prepayledger/domain/reconciliation"
)

// do works one happening.
func (r *Run) do(ctx context.Context, l line) error {
	switch l.do {
	case "Charge":
		return r.charge(ctx, l)
	case "Webhook":
		return r.webhook(ctx, l)
	case "Tick":
		return r.advance(ctx, l.at)
	case "ImportRates", "ImportMarkets", "ImportMetaInvoice":
		return r.importFile(ctx, l)
	case "ProposeReconciliation", "ApproveReconciliation", "AllocateInvoiceLine":
		return r.monthEnd(ctx, l)
	case "CorrectCharge":
		if err := l.known("charge_id reason actor partner_id"); err != nil {
			return err
		}
		return r.ledger.CorrectCharge(ctx, l.text("partner_id"), r.meta(l), l.text("charge_id"), l.text("reason"))
	}
	partner := l.text("partner_id")
	cmd, fields, err := command(&l)
	if err != nil {
		return err
	}
	if cmd == nil {
		return fmt.Errorf("%w: line %d, field do: there is no happening %.40q", ErrScenario, l.number, l.do)
	}
	if err := l.known(fields); err != nil {
		return err
	}
	if l.do == "Transfer" {
		partner = l.text("from")
	}
	if err := r.ledger.Do(ctx, partner, r.meta(l), cmd); err != nil {
		return err
	}
	if l.do == "OpenAccount" {
		r.partners = append(r.partners, partner)
	}
	return nil
}

// command reads a happening that is a command to one account, and names the
// fields that it has.
func command(l *line) (domain.Command, string, error) {
	none := money.Zero()
	auto, err := l.truth("auto_recharge")
	if err != nil {
		return nil, "", err
	}
	switch l.do {
	case "OpenAccount":
		c := &domain.OpenAccount{
			PartnerID: l.text("partner_id"), Currency: l.text("currency"), Card: l.text("card"),
			CarriedOver: l.amount("carried_over", money.FromInt(-1)), MinimumOpening: l.setting("minimum_opening"),
			SurchargePercent: l.setting("surcharge_percent"), UnblockPolicy: domain.UnblockPolicy(l.text("unblock_policy")),
			AutoRecharge: auto, Threshold: l.setting("threshold"), RechargeAmount: l.setting("recharge_amount"),
		}
		if _, given := l.optional("carried_over"); !given {
			c.CarriedOver = none
		}
		if text, given := l.optional("grace_days"); given {
			days, err := strconv.Atoi(text)
			if err != nil {
				days = -1
			}
			c.GraceDays = &days
		}
		return c, "partner_id currency carried_over card minimum_opening surcharge_percent grace_days unblock_policy auto_recharge threshold recharge_amount", nil
	case "RegisterChannel":
		return &domain.RegisterChannel{
			ChannelID: l.text("channel_id"), PhoneNumber: l.text("phone_number"), PhoneNumberID: l.text("phone_number_id"),
			WABAID: l.text("waba_id"), PaymentModel: domain.PaymentModel(l.text("payment_model")), TimeZone: l.text("time_zone"),
		}, "partner_id channel_id phone_number phone_number_id waba_id payment_model time_zone", nil
	case "CancelChannel":
		return &domain.CancelChannel{ChannelID: l.text("channel_id")}, "partner_id channel_id", nil
	case "ChangeRechargeSettings":
		return &domain.ChangeRechargeSettings{AutoRecharge: auto, Threshold: l.setting("threshold"), RechargeAmount: l.setting("recharge_amount")},
			"partner_id auto_recharge threshold recharge_amount actor", nil
	case "ReplaceCard":
		return &domain.ReplaceCard{Card: l.text("card")}, "partner_id card actor", nil
	case "AddFunds":
		return &domain.AddFunds{Amount: l.amount("amount", none), Method: l.text("method")}, "partner_id amount method actor", nil
	case "ConfirmPayment":
		return &domain.ConfirmPayment{Reference: l.text("reference"), Amount: l.amount("amount", none), RechargeID: l.text("recharge_id")},
			"partner_id reference amount recharge_id actor", nil
	case "Block":
		return &domain.Block{Reason: l.text("reason")}, "partner_id reason actor", nil
	case "Unblock":
		return &domain.Unblock{}, "partner_id actor", nil
	case "Transfer":
		return &domain.Transfer{To: l.text("to"), Amount: l.amount("amount", none)}, "from to amount actor", nil
	case "ChargeLicenceFee":
		return &domain.ChargeLicenceFee{ChannelID: l.text("channel_id"), Amount: l.amount("amount", none)}, "partner_id channel_id amount actor", nil
	case "Refund":
		return &domain.Refund{Amount: l.amount("amount", none), Reason: l.text("reason")}, "partner_id amount reason actor", nil
	case "CloseAccount":
		return &domain.CloseAccount{}, "partner_id actor", nil
	}
	return nil, "", nil
}

// importFile works the happenings that read a file beside the scenario.
func (r *Run) importFile(ctx context.Context, l line) error {
	name := l.text("file")
	data, err := fs.ReadFile(r.files, name)
	if err != nil {
		return fmt.Errorf("%w: line %d, field file: %.200q can't be read: put it beside the scenario", ErrScenario, l.number, name)
	}
	switch l.do {
	case "ImportRates":
		if err := l.known("file effective pricing_model replaces actor"); err != nil {
			return err
		}
		err = r.importRates(ctx, l, name, data)
	case "ImportMarkets":
		if err := l.known("file actor"); err != nil {
			return err
		}
		if _, err = r.ledger.ImportMarkets(ctx, r.meta(l), name, data); err == nil {
			r.decoder = usage.NewDecoder(usage.Options{Markets: r.ledger.Markets()})
		}
	default:
		if err := l.known("file fx actor"); err != nil {
			return err
		}
		err = r.importInvoice(ctx, l, name, data)
	}
	return err
}

// importRates imports a rate card; the date that the line names holds,
// whatever the title says: a scenario may try next quarter's card early.
func (r *Run) importRates(ctx context.Context, l line, name string, data []byte) error {
	opts := rating.CardOptions{Model: domain.PricingModel(l.text("pricing_model")), Replaces: l.text("replaces"), IgnoreTitle: true}
	if text, given := l.optional("effective"); given {
		effective, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return fmt.Errorf("%w: line %d, field effective: %.40q is not a date: write it like 2026-10-01", ErrScenario, l.number, text)
		}
		opts.Effective = effective
	}
	_, _, err := r.ledger.ImportRates(ctx, r.meta(l), name, data, opts)
	var file *rating.FileError
	if errors.As(err, &file) {
		return domain.Reject(domain.RateCardInvalid, "%s", file)
	}
	return err
}

// monthEnd works the happenings of a month's reconciliation.
func (r *Run) monthEnd(ctx context.Context, l line) error {
	if l.do == "AllocateInvoiceLine" {
		if err := l.known("invoice_id line partner_id own_cost actor"); err != nil {
			return err
		}
		own, err := l.truth("own_cost")
		if err != nil {
			return err
		}
		number, err := strconv.Atoi(l.text("line"))
		if err != nil {
			number = 0
		}
		return r.ledger.AllocateInvoiceLine(ctx, r.meta(l), l.text("invoice_id"), reconciliation.AllocateInvoiceLine{
			Line: number, PartnerID: l.text("partner_id"), OwnCost: own != nil && *own,
		})
	}
	if err := l.known("month actor uninvoiced"); err != nil {
		return err
	}
	month, err := domain.ParseMonth(l.text("month"))
	if err != nil {
		return fmt.Errorf("%w: line %d, field month: %w", ErrScenario, l.number, err)
	}
	if l.do == "ProposeReconciliation" {
		_, err = r.ledger.ProposeMonth(ctx, r.meta(l), month)
		return err
	}
	var uninvoiced *money.Amount
	if text, given := l.optional("uninvoiced"); given {
		a, err := money.Parse(text)
		if err != nil {
			return domain.Reject(domain.InvalidAmount, "uninvoiced: %.40q is not an amount.", text)
		}
		uninvoiced = &a
	}
	_, err = r.ledger.ApproveMonth(ctx, r.meta(l), month, uninvoiced)
	return err
}
