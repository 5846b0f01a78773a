package domain

import (
	"strings"
	"time"

	"prepayledger/domain/money"
)

// Limits of ids and settings.
const (
	// MaxIDBytes bounds every id that comes from outside.
	MaxIDBytes = 256
	// MaxGraceDays bounds the grace period: ten years.
	MaxGraceDays = 3650
)

// Defaults of contract and settings (R2, R11, R14, R20).
func defaultContract() Contract {
	return Contract{
		MinimumOpening: money.FromInt(500), SurchargePercent: money.FromInt(4),
		GraceDays: 7, UnblockPolicy: UnblockByFinance,
	}
}

func defaultSettings() RechargeSettings {
	return RechargeSettings{AutoRecharge: true, Threshold: money.FromInt(100), RechargeAmount: money.FromInt(500)}
}

// set replaces a default by what was given.
func set[T any](target *T, given *T) {
	if given != nil {
		*target = *given
	}
}

// ValidID reports whether an id can name an account, channel or charge: 1 to
// MaxIDBytes bytes without control characters.
func ValidID(id string) bool {
	if id == "" || len(id) > MaxIDBytes {
		return false
	}
	return strings.IndexFunc(id, func(r rune) bool { return r < 0x20 || r == 0x7f || r == '\uFFFD' }) < 0
}

// openAccount opens the account and charges what is missing to the minimum
// (R2).
func (d *decision) openAccount(c *OpenAccount) error {
	if d.Opened {
		return Reject(AccountExists, "Account %s exists already.", d.PartnerID)
	}
	if c.CarriedOver.Sign() < 0 {
		return Reject(InvalidAmount, "The remainder carried over is %s; it can't be negative.", c.CarriedOver)
	}
	contract, settings := defaultContract(), defaultSettings()
	set(&contract.MinimumOpening, c.MinimumOpening)
	set(&contract.SurchargePercent, c.SurchargePercent)
	set(&contract.GraceDays, c.GraceDays)
	if c.UnblockPolicy != "" {
		contract.UnblockPolicy = c.UnblockPolicy
	}
	set(&settings.AutoRecharge, c.AutoRecharge)
	set(&settings.Threshold, c.Threshold)
	set(&settings.RechargeAmount, c.RechargeAmount)
	if !ValidID(c.PartnerID) {
		return Reject(InvalidSetting, "partner_id must have 1 to %d characters and no control characters.", MaxIDBytes)
	}
	if err := validContract(contract); err != nil {
		return err
	}
	if err := validSettings(settings); err != nil {
		return err
	}
	if err := validCard(c.Card, c.CardProblem); err != nil {
		return err
	}
	currency, err := money.ParseCurrency(c.Currency)
	if err != nil {
		return Reject(UnsupportedCurrency, "%.10q is not a currency of ISO 4217: write it like EUR.", c.Currency)
	}
	d.raise(&AccountOpened{
		PartnerID: c.PartnerID, Currency: currency, CarriedOver: c.CarriedOver, Card: c.Card,
		Contract: contract, Settings: settings, OpenedAt: d.meta.At,
	})
	if d.InitialPending {
		d.examine()
	}
	return nil
}

func validCard(card, problem string) error {
	if card == "" {
		return Reject(InvalidSetting, "Name the card: an account is funded by card only.")
	}
	if problem != "" {
		return Reject(InvalidSetting, "%s.", problem)
	}
	return nil
}

func validContract(c Contract) error {
	switch {
	case c.MinimumOpening.Sign() < 0:
		return Reject(InvalidSetting, "minimum_opening is %s; it can't be negative.", c.MinimumOpening)
	case c.SurchargePercent.Sign() < 0 || money.FromInt(100).Less(c.SurchargePercent):
		return Reject(InvalidSetting, "surcharge_percent is %s; it must lie between 0 and 100.", c.SurchargePercent)
	case c.GraceDays < 0 || c.GraceDays > MaxGraceDays:
		return Reject(InvalidSetting, "grace_days is %d; it must lie between 0 and %d.", c.GraceDays, MaxGraceDays)
	case c.UnblockPolicy != UnblockByFinance && c.UnblockPolicy != UnblockAutomatic:
		return Reject(InvalidSetting, "unblock_policy is %.20q; it must be finance or automatic.", c.UnblockPolicy)
	}
	return validTax(c.TaxText, c.TaxRate)
}

func validSettings(s RechargeSettings) error {
	switch {
	case s.Threshold.Sign() < 0:
		return Reject(InvalidSetting, "threshold is %s; it can't be negative.", s.Threshold)
	case s.RechargeAmount.Sign() <= 0:
		return Reject(InvalidSetting, "recharge_amount is %s; it must be positive.", s.RechargeAmount)
	}
	return nil
}

func (d *decision) changeContract(c *ChangeContract) error {
	contract := d.Contract
	set(&contract.SurchargePercent, c.SurchargePercent)
	set(&contract.GraceDays, c.GraceDays)
	if c.UnblockPolicy != "" {
		contract.UnblockPolicy = c.UnblockPolicy
	}
	set(&contract.TaxText, c.TaxText)
	if c.TaxRate != nil {
		contract.TaxRate = c.TaxRate
	} else if contract.TaxText == "" {
		contract.TaxRate = nil
	}
	if err := validContract(contract); err != nil {
		return err
	}
	if err := d.actor(); err != nil {
		return err
	}
	d.raise(&ContractChanged{Contract: contract})
	return nil
}

// registerChannel adds a channel (R5, R6).
func (d *decision) registerChannel(c *RegisterChannel) error {
	if !ValidID(c.ChannelID) || !ValidID(c.WABAID) || !ValidID(c.PhoneNumberID) {
		return Reject(InvalidSetting, "channel_id, waba_id and phone_number_id must have 1 to %d characters and no control characters.", MaxIDBytes)
	}
	if c.PaymentModel != PartnerPaid && c.PaymentModel != Direct {
		return Reject(InvalidSetting, "payment_model is %.20q; it must be partner_paid or direct.", c.PaymentModel)
	}
	if _, err := LoadZone(c.TimeZone); err != nil {
		return Reject(InvalidSetting, "time_zone: %s; write it like Europe/Berlin.", err)
	}
	number, err := NormalizeNumber(c.PhoneNumber)
	if err != nil {
		return Reject(InvalidNumber, "phone_number: %s; write it like +4930123456.", err)
	}
	if where, blocked := BlockedNumber(number); blocked {
		return Reject(NumberIsBlocked, "+%s can't be hosted: WhatsApp does not serve %s.", number, where)
	}
	if c.NumberTaken {
		return Reject(NumberTaken, "+%s is active already: cancel its channel first.", number)
	}
	if d.account.Channels[c.ChannelID] != nil {
		return Reject(ChannelExists, "Channel %s exists already: a channel's number never changes.", c.ChannelID)
	}
	d.raise(&ChannelRegistered{
		ChannelID: c.ChannelID, PhoneNumber: "+" + number, PhoneNumberID: c.PhoneNumberID, WABAID: c.WABAID,
		PaymentModel: c.PaymentModel, TimeZone: c.TimeZone,
	})
	return nil
}

func (d *decision) cancelChannel(c *CancelChannel) error {
	channel := d.account.Channels[c.ChannelID]
	if channel == nil {
		return Reject(ChannelUnknown, "Account %s has no channel %.64q.", d.PartnerID, c.ChannelID)
	}
	if !channel.CancelledAt.IsZero() {
		return Reject(ChannelIsCancelled, "Channel %s was cancelled on %s.", c.ChannelID, channel.CancelledAt.Format(time.DateOnly))
	}
	d.raise(&ChannelCancelled{ChannelID: c.ChannelID, PhoneNumber: channel.PhoneNumber, CancelledAt: d.meta.At})
	return nil
}

// changeSettings changes R11's settings; values that stay the same count as a
// change, too (R17).
func (d *decision) changeSettings(c *ChangeRechargeSettings) error {
	settings := d.Settings
	set(&settings.AutoRecharge, c.AutoRecharge)
	set(&settings.Threshold, c.Threshold)
	set(&settings.RechargeAmount, c.RechargeAmount)
	if err := validSettings(settings); err != nil {
		return err
	}
	d.raise(&RechargeSettingsChanged{Settings: settings})
	d.examine()
	return nil
}

func (d *decision) replaceCard(c *ReplaceCard) error {
	if err := validCard(c.Card, c.CardProblem); err != nil {
		return err
	}
	d.raise(&CardReplaced{Card: c.Card})
	d.examine()
	return nil
}

// publish publishes the balance of a day, once (R33).
func (d *decision) publish(c *PublishBalance) error {
	if !c.Day.Equal(d.NextDaily) || d.meta.At.Before(c.Day) {
		return nil
	}
	d.raise(&BalancePublished{Day: c.Day, Balance: d.Balance, AmountDue: d.AmountDue(), Currency: d.Currency})
	return nil
}

// adjust posts a month's difference. A credit may lift an overdue block
// (R22); a debit is a lowering like any other (R13).
func (d *decision) adjust(c *AdjustReconciliation, before money.Amount) error {
	if s := d.account.Months[c.Month]; s != nil && s.Run >= c.Run {
		return nil
	}
	d.raise(&ReconciliationAdjusted{
		Month: c.Month, Run: c.Run, Amount: c.Amount, Charged: c.Charged, Invoiced: c.Invoiced, Adjusted: c.Adjusted,
		Documents: c.Documents,
	})
	if c.Amount.Sign() < 0 {
		d.lowered(before)
	} else {
		d.raised(before)
	}
	return nil
}

// correct takes a wrong charge back and names it (R34).
func (d *decision) correct(c *CorrectCharge) error {
	o := c.Original
	if o == nil || o.ChargeID != c.ChargeID {
		return Reject(UnknownCharge, "Account %s was never charged for %.64q.", d.PartnerID, c.ChargeID)
	}
	if seen := d.facts.Seen(KeyOf(d.PartnerID, c.ChargeID)); seen.Corrected {
		return Reject(AlreadyCorrected, "Charge %.64q was taken back before.", c.ChargeID)
	}
	if err := d.actor(); err != nil {
		return err
	}
	if c.Reason == "" {
		return Reject(ReasonRequired, "Say why the charge is taken back.")
	}
	before := d.Balance
	d.raise(&ChargeCorrected{
		ChargeID: o.ChargeID, ChannelID: o.ChannelID, WABAID: o.WABAID, Market: o.Market, Category: o.Category,
		PricingType: o.PricingType, PricingModel: o.PricingModel, Month: o.Month, OccurredAt: o.OccurredAt,
		Amount: o.Amount, Reason: c.Reason,
	})
	d.raised(before)
	return nil
}

// refund pays credit back; it triggers no recharge (R32).
func (d *decision) refund(c *Refund) error {
	if err := positive(c.Amount); err != nil {
		return err
	}
	if err := d.actor(); err != nil {
		return err
	}
	if c.Reason == "" {
		return Reject(ReasonRequired, "Say why the credit is refunded.")
	}
	if d.Balance.Less(c.Amount) {
		return Reject(RefundExceedsBalance, "The balance is %s %s: no more than that can be refunded.", d.Balance, d.Currency)
	}
	if c.Payout || c.RechargeID != "" {
		return d.refundPayment(c)
	}
	d.raise(&RefundIssued{Amount: c.Amount, Reason: c.Reason})
	return nil
}

// close ends the account (R32). Its channels end with it, so that their
// numbers can move on.
func (d *decision) close() error {
	if err := d.actor(); err != nil {
		return err
	}
	if !d.Balance.IsZero() {
		return Reject(NotClosable, "The balance is %s %s: it must be zero.", d.Balance, d.Currency)
	}
	if d.InFlight != nil {
		return Reject(NotClosable, "Recharge %s is still in flight.", d.InFlight.RechargeID)
	}
	for _, id := range sortedKeys(d.account.Refunds) {
		if d.account.Refunds[id].Open() {
			return Reject(NotClosable, "Refund %s is not paid out: wait for it, or cancel it once it has failed.", id)
		}
	}
	if open := d.firstOpenMonth(); open != "" {
		return Reject(NotClosable, "Month %s has charges that are not reconciled.", open)
	}
	for _, id := range sortedKeys(d.account.Channels) {
		if c := d.account.Channels[id]; c.CancelledAt.IsZero() {
			d.raise(&ChannelCancelled{ChannelID: id, PhoneNumber: c.PhoneNumber, CancelledAt: d.meta.At})
		}
	}
	d.raise(&AccountClosed{ClosedAt: d.meta.At})
	return nil
}

func (d *decision) firstOpenMonth() Month {
	for _, m := range sortedKeys(d.account.Months) {
		if d.account.Months[m].Open {
			return m
		}
	}
	return ""
}
