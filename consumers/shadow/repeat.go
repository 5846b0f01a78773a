package shadow

import "prepayledger/domain"

// command is what led to an event of the log, where it came from outside; nil
// for what follows by the rules.
func (r *replay) command(e domain.Event) domain.Command {
	switch e := e.(type) {
	case *domain.AccountOpened:
		return r.open(e)
	case *domain.ContractChanged:
		c := &domain.ChangeContract{SurchargePercent: &e.Contract.SurchargePercent, GraceDays: &e.Contract.GraceDays, UnblockPolicy: e.Contract.UnblockPolicy}
		if r.terms.GraceDays != nil {
			c.GraceDays = r.terms.GraceDays
		}
		return c
	case *domain.ChannelRegistered:
		return &domain.RegisterChannel{
			ChannelID: e.ChannelID, PhoneNumber: e.PhoneNumber, PhoneNumberID: e.PhoneNumberID, WABAID: e.WABAID,
			PaymentModel: e.PaymentModel, TimeZone: e.TimeZone,
		}
	case *domain.ChannelCancelled:
		return &domain.CancelChannel{ChannelID: e.ChannelID}
	case *domain.RechargeSettingsChanged:
		c := &domain.ChangeRechargeSettings{AutoRecharge: &e.Settings.AutoRecharge, Threshold: &e.Settings.Threshold, RechargeAmount: &e.Settings.RechargeAmount}
		if r.terms.Threshold != nil {
			c.Threshold = r.terms.Threshold
		}
		if r.terms.RechargeAmount != nil {
			c.RechargeAmount = r.terms.RechargeAmount
		}
		return c
	case *domain.CardReplaced:
		return &domain.ReplaceCard{Card: e.Card}
	case *domain.ConversationCharged:
		return &domain.Charge{
			ChargeID: e.ChargeID, PartnerID: r.account.PartnerID, ChannelID: e.ChannelID, WABAID: e.WABAID, Country: e.Country,
			Market: e.Market, Category: e.Category, Model: e.PricingModel, PricingType: e.PricingType, OccurredAt: e.OccurredAt,
			Priced: true, Amount: e.Amount, Currency: e.Currency,
		}
	case *domain.ChargeCorrected:
		return &domain.CorrectCharge{ChargeID: e.ChargeID, Reason: e.Reason, Original: &domain.ConversationCharged{
			ChargeID: e.ChargeID, ChannelID: e.ChannelID, WABAID: e.WABAID, Market: e.Market, Category: e.Category,
			PricingType: e.PricingType, PricingModel: e.PricingModel, Month: e.Month, OccurredAt: e.OccurredAt, Amount: e.Amount,
		}}
	case *domain.ReconciliationAdjusted:
		return &domain.AdjustReconciliation{
			Month: e.Month, Run: e.Run, Amount: e.Amount, Charged: e.Charged, Invoiced: e.Invoiced, Adjusted: e.Adjusted, Documents: e.Documents,
		}
	}
	return r.byHand(e)
}

// byHand is what people did about payments and blocks.
func (r *replay) byHand(e domain.Event) domain.Command {
	switch e := e.(type) {
	case *domain.RechargeRequested:
		if e.Reason == domain.RechargeManual {
			return &domain.AddFunds{Amount: e.Amount}
		}
	case *domain.PaymentConfirmed:
		return r.confirm(e)
	case *domain.AccountBlocked:
		if e.Kind == domain.KindManual {
			return &domain.Block{Reason: e.Reason, Text: e.Text}
		}
	case *domain.AccountUnblocked:
		if e.Kind == domain.KindManual {
			return &domain.Unblock{}
		}
	case *domain.RefundIssued:
		return &domain.Refund{Amount: e.Amount, Reason: e.Reason}
	case *domain.RechargeReversed, *domain.RechargeReinstated, *domain.RefundCancelled:
		r.outcome.Skipped[e.EventType()]++
	case *domain.AccountClosed:
		return &domain.CloseAccount{}
	}
	return nil
}

// confirm repeats a confirmation. One that names a recharge names one of the
// log, which the replay may not have: what it credited counts, and one that
// credited nothing names the newest that was credited here.
func (r *replay) confirm(e *domain.PaymentConfirmed) domain.Command {
	switch {
	case e.Credited.Sign() > 0:
		return &domain.ConfirmPayment{Reference: e.Reference, Amount: e.Credited}
	case r.credited != "":
		return &domain.ConfirmPayment{Reference: e.Reference, Amount: e.Amount, RechargeID: r.credited}
	}
	r.outcome.Skipped[e.EventType()]++
	return nil
}

// open opens the account under the terms.
func (r *replay) open(e *domain.AccountOpened) domain.Command {
	c := &domain.OpenAccount{
		PartnerID: e.PartnerID, Currency: string(e.Currency), CarriedOver: e.CarriedOver, Card: e.Card,
		MinimumOpening: &e.Contract.MinimumOpening, SurchargePercent: &e.Contract.SurchargePercent, GraceDays: &e.Contract.GraceDays,
		UnblockPolicy: e.Contract.UnblockPolicy, AutoRecharge: &e.Settings.AutoRecharge, Threshold: &e.Settings.Threshold,
		RechargeAmount: &e.Settings.RechargeAmount,
	}
	if r.terms.Threshold != nil {
		c.Threshold = r.terms.Threshold
	}
	if r.terms.RechargeAmount != nil {
		c.RechargeAmount = r.terms.RechargeAmount
	}
	if r.terms.GraceDays != nil {
		c.GraceDays = r.terms.GraceDays
	}
	return c
}
