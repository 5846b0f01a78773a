package commandjson

import (
	"github.com/invopop/jsonschema"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// payload is the JSON form of a command. Its fields are the ones that a
// caller may give: what the ledger finds out by itself is not among them.
type payload interface {
	command(partnerID string) domain.Command
}

// openAccount is the payload of OpenAccount.
type openAccount struct {
	Currency         string  `json:"currency" jsonschema_description:"ISO 4217 code of the contract's currency, such as EUR."`
	Card             string  `json:"card" jsonschema_description:"The card processor's reference of the card, never a card number."`
	CarriedOver      amount  `json:"carried_over,omitzero" jsonschema_description:"What remained of earlier usage invoices, zero or more (R2); default 0."`
	MinimumOpening   *amount `json:"minimum_opening,omitempty" jsonschema_description:"The balance that the account must start with (R2); default 500."`
	SurchargePercent *amount `json:"surcharge_percent,omitempty" jsonschema_description:"Added to card payments, in per cent (R14); default 4."`
	GraceDays        *int    `json:"grace_days,omitempty" jsonschema_description:"Days of 24 h from a negative balance to the block (R20); default 7."`
	UnblockPolicy    string  `json:"unblock_policy,omitempty" jsonschema:"enum=finance,enum=automatic" jsonschema_description:"Who lifts an overdue block (R22); default finance."`
	AutoRecharge     *bool   `json:"auto_recharge,omitempty" jsonschema_description:"Whether the card is charged below the threshold (R11); default true."`
	Threshold        *amount `json:"threshold,omitempty" jsonschema_description:"The balance below which the card is charged (R11); default 100."`
	RechargeAmount   *amount `json:"recharge_amount,omitempty" jsonschema_description:"The auto-renew amount (R11); default 500."`
}

func (p *openAccount) command(partnerID string) domain.Command {
	return &domain.OpenAccount{
		PartnerID: partnerID, Currency: p.Currency, Card: p.Card, CarriedOver: p.CarriedOver.Amount,
		MinimumOpening: p.MinimumOpening.pointer(), SurchargePercent: p.SurchargePercent.pointer(), GraceDays: p.GraceDays,
		UnblockPolicy: domain.UnblockPolicy(p.UnblockPolicy), AutoRecharge: p.AutoRecharge,
		Threshold: p.Threshold.pointer(), RechargeAmount: p.RechargeAmount.pointer(),
	}
}

// changeContract is the payload of ChangeContract.
type changeContract struct {
	SurchargePercent *amount `json:"surcharge_percent,omitempty" jsonschema_description:"Added to card payments, in per cent (R14)."`
	GraceDays        *int    `json:"grace_days,omitempty" jsonschema_description:"Days of 24 h from a negative balance to the block (R20)."`
	UnblockPolicy    string  `json:"unblock_policy,omitempty" jsonschema:"enum=finance,enum=automatic" jsonschema_description:"Who lifts an overdue block (R22)."`
	TaxText          *string `json:"tax_text,omitempty" jsonschema_description:"What invoices say of tax, such as \"Reverse charge\"; an empty text takes the rate away, too."`
	TaxRate          *amount `json:"tax_rate,omitempty" jsonschema_description:"Tax that the total of an invoice includes, in per cent; it changes no amount that the card pays."`
}

func (p *changeContract) command(string) domain.Command {
	return &domain.ChangeContract{
		SurchargePercent: p.SurchargePercent.pointer(), GraceDays: p.GraceDays, UnblockPolicy: domain.UnblockPolicy(p.UnblockPolicy),
		TaxText: p.TaxText, TaxRate: p.TaxRate.pointer(),
	}
}

// changeBillingDetails is the payload of ChangeBillingDetails.
type changeBillingDetails struct {
	Company    string   `json:"company" jsonschema_description:"Whom invoices are made out to (R15)."`
	Street     string   `json:"street" jsonschema_description:"Street and number."`
	PostalCode string   `json:"postal_code" jsonschema_description:"Postal code."`
	City       string   `json:"city" jsonschema_description:"City."`
	Country    string   `json:"country" jsonschema:"pattern=^[A-Z]{2}$" jsonschema_description:"Two letters of ISO 3166-1, such as DE."`
	VATID      string   `json:"vat_id,omitempty" jsonschema_description:"The partner's VAT id, where there is one."`
	Emails     []string `json:"emails,omitempty" jsonschema:"maxItems=10" jsonschema_description:"Where invoices are sent."`
}

func (p *changeBillingDetails) command(string) domain.Command {
	return &domain.ChangeBillingDetails{Billing: domain.BillingDetails{
		Company: p.Company, Street: p.Street, PostalCode: p.PostalCode, City: p.City, Country: p.Country, VATID: p.VATID, Emails: p.Emails,
	}}
}

// registerChannel is the payload of RegisterChannel.
type registerChannel struct {
	ChannelID     string `json:"channel_id" jsonschema_description:"The channel's id, unique in the account."`
	PhoneNumber   string `json:"phone_number" jsonschema_description:"The hosted number, such as +34911234567 (R5, R6)."`
	PhoneNumberID string `json:"phone_number_id" jsonschema_description:"The number's id at Meta."`
	WABAID        string `json:"waba_id" jsonschema_description:"The WhatsApp Business Account's id at Meta."`
	PaymentModel  string `json:"payment_model" jsonschema:"enum=partner_paid,enum=direct" jsonschema_description:"Who pays Meta's charges (R5)."`
	TimeZone      string `json:"time_zone,omitempty" jsonschema_description:"IANA name of the WABA's time zone (R25); default UTC."`
}

func (p *registerChannel) command(string) domain.Command {
	return &domain.RegisterChannel{
		ChannelID: p.ChannelID, PhoneNumber: p.PhoneNumber, PhoneNumberID: p.PhoneNumberID, WABAID: p.WABAID,
		PaymentModel: domain.PaymentModel(p.PaymentModel), TimeZone: p.TimeZone,
	}
}

// cancelChannel is the payload of CancelChannel.
type cancelChannel struct {
	ChannelID string `json:"channel_id" jsonschema_description:"The channel to end (R5)."`
}

func (p *cancelChannel) command(string) domain.Command {
	return &domain.CancelChannel{ChannelID: p.ChannelID}
}

// changeRechargeSettings is the payload of ChangeRechargeSettings.
type changeRechargeSettings struct {
	AutoRecharge   *bool   `json:"auto_recharge,omitempty" jsonschema_description:"Whether the card is charged below the threshold (R11)."`
	Threshold      *amount `json:"threshold,omitempty" jsonschema_description:"The balance below which the card is charged (R11)."`
	RechargeAmount *amount `json:"recharge_amount,omitempty" jsonschema_description:"The auto-renew amount (R11)."`
}

func (p *changeRechargeSettings) command(string) domain.Command {
	return &domain.ChangeRechargeSettings{
		AutoRecharge: p.AutoRecharge, Threshold: p.Threshold.pointer(), RechargeAmount: p.RechargeAmount.pointer(),
	}
}

// replaceCard is the payload of ReplaceCard.
type replaceCard struct {
	Card string `json:"card" jsonschema_description:"The card processor's reference of the new card, never a card number."`
}

func (p *replaceCard) command(string) domain.Command { return &domain.ReplaceCard{Card: p.Card} }

// addFunds is the payload of AddFunds.
type addFunds struct {
	Amount amount `json:"amount" jsonschema_description:"What is to be credited; the card pays the surcharge on top (R14, R18)."`
	Method string `json:"method,omitempty" jsonschema_description:"card, the default and all that is accepted (R4)."`
}

func (p *addFunds) command(string) domain.Command {
	return &domain.AddFunds{Amount: p.Amount.Amount, Method: p.Method}
}

// confirmPayment is the payload of ConfirmPayment.
type confirmPayment struct {
	Reference  string `json:"reference" jsonschema_description:"The payment's reference, accepted once (R22)."`
	Amount     amount `json:"amount" jsonschema_description:"What was received."`
	RechargeID string `json:"recharge_id,omitempty" jsonschema_description:"The card payment that it was, where it was one; it is not credited again."`
}

func (p *confirmPayment) command(string) domain.Command {
	return &domain.ConfirmPayment{Reference: p.Reference, Amount: p.Amount.Amount, RechargeID: p.RechargeID}
}

// block is the payload of Block.
type block struct {
	Reason string `json:"reason" jsonschema_description:"Why, for the record (R23)."`
}

func (p *block) command(string) domain.Command { return &domain.Block{Reason: p.Reason} }

// unblock is the payload of Unblock.
type unblock struct{}

func (*unblock) command(string) domain.Command { return &domain.Unblock{} }

// correctCharge is the payload of CorrectCharge.
type correctCharge struct {
	ChargeID string `json:"charge_id" jsonschema_description:"The charge to take back (R34)."`
	Reason   string `json:"reason" jsonschema_description:"Why it was wrong, for the record."`
}

func (p *correctCharge) command(string) domain.Command {
	return &domain.CorrectCharge{ChargeID: p.ChargeID, Reason: p.Reason}
}

// refund is the payload of Refund.
type refund struct {
	Amount     amount `json:"amount" jsonschema_description:"What is paid back, at most the balance (R32)."`
	Reason     string `json:"reason" jsonschema_description:"Why, for the record."`
	Payout     bool   `json:"payout,omitempty" jsonschema_description:"Pay it to the card through the processor (R36); default false: it is paid by other means."`
	RechargeID string `json:"recharge_id,omitempty" jsonschema_description:"The card payment that it goes back from; with payout, by default the newest that has as much left."`
}

func (p *refund) command(string) domain.Command {
	return &domain.Refund{Amount: p.Amount.Amount, Reason: p.Reason, Payout: p.Payout, RechargeID: p.RechargeID}
}

// retryRefund is the payload of RetryRefund.
type retryRefund struct {
	RefundID string `json:"refund_id" jsonschema_description:"The refund whose last attempt failed (R36)."`
}

func (p *retryRefund) command(string) domain.Command {
	return &domain.RetryRefund{RefundID: p.RefundID}
}

// cancelRefund is the payload of CancelRefund.
type cancelRefund struct {
	RefundID string `json:"refund_id" jsonschema_description:"The refund whose last attempt failed (R36)."`
	Reason   string `json:"reason" jsonschema_description:"Why, for the record."`
}

func (p *cancelRefund) command(string) domain.Command {
	return &domain.CancelRefund{RefundID: p.RefundID, Reason: p.Reason}
}

// closeAccount is the payload of CloseAccount.
type closeAccount struct{}

func (*closeAccount) command(string) domain.Command { return &domain.CloseAccount{} }

// transfer is the payload of Transfer.
type transfer struct {
	To     string `json:"to" jsonschema_description:"Another account."`
	Amount amount `json:"amount" jsonschema_description:"What would be moved."`
}

func (p *transfer) command(string) domain.Command {
	return &domain.Transfer{To: p.To, Amount: p.Amount.Amount}
}

// chargeLicenceFee is the payload of ChargeLicenceFee.
type chargeLicenceFee struct {
	ChannelID string `json:"channel_id" jsonschema_description:"The channel whose fee it is."`
	Amount    amount `json:"amount" jsonschema_description:"The fee."`
}

func (p *chargeLicenceFee) command(string) domain.Command {
	return &domain.ChargeLicenceFee{ChannelID: p.ChannelID, Amount: p.Amount.Amount}
}

// amount is money as callers write it: a decimal string within the limits of
// money.Parse; JSON numbers are refused because other programs read them as
// floats.
type amount struct{ money.Amount }

// UnmarshalJSON implements json.Unmarshaler.
func (a *amount) UnmarshalJSON(b []byte) (err error) {
	if len(b) < 2 || b[0] != '"' {
		return errNumber
	}
	a.Amount, err = money.ParseBytes(b[1 : len(b)-1])
	return err
}

// IsZero leaves zero out where it is the default.
func (a amount) IsZero() bool { return a.Amount.IsZero() }

// pointer returns the amount, nil for one that was not given.
func (a *amount) pointer() *money.Amount {
	if a == nil {
		return nil
	}
	return &a.Amount
}

// AmountPattern is what an amount looks like, as a regular expression.
const AmountPattern = `^-?[0-9]{1,15}(\.[0-9]{1,18})?$`

// JSONSchema describes an amount.
func (amount) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: AmountPattern, Description: "An exact decimal, as a string."}
}
