package domain

import (
	"time"

	"prepayledger/domain/money"
)

// Event is a fact of the ledger. Event structs are immutable once raised and
// are handled as pointers.
type Event interface {
	// EventType is the stable name under which the event is stored.
	EventType() string
}

// The names under which events are stored. They never change; a new shape of
// an event gets a new schema version (package codec), not a new name.
const (
	TypeAccountOpened           = "AccountOpened"
	TypeContractChanged         = "ContractChanged"
	TypeChannelRegistered       = "ChannelRegistered"
	TypeChannelCancelled        = "ChannelCancelled"
	TypeCardReplaced            = "CardReplaced"
	TypeRechargeSettingsChanged = "RechargeSettingsChanged"
	TypeConversationCharged     = "ConversationCharged"
	TypeConversationCounted     = "ConversationCounted"
	TypeChargeQuarantined       = "ChargeQuarantined"
	TypeQuarantineReleased      = "QuarantineReleased"
	TypeChargeCorrected         = "ChargeCorrected"
	TypeRechargeRequested       = "RechargeRequested"
	TypeRechargeSucceeded       = "RechargeSucceeded"
	TypeRechargeFailed          = "RechargeFailed"
	TypeRetryCleared            = "RetryCleared"
	TypeInvoiceIssued           = "InvoiceIssued"
	TypeGraceStarted            = "GraceStarted"
	TypeGraceEnded              = "GraceEnded"
	TypeAccountBlocked          = "AccountBlocked"
	TypeAccountUnblocked        = "AccountUnblocked"
	TypePaymentConfirmed        = "PaymentConfirmed"
	TypeReconciliationAdjusted  = "ReconciliationAdjusted"
	TypeRefundIssued            = "RefundIssued"
	TypeBalancePublished        = "BalancePublished"
	TypeAccountClosed           = "AccountClosed"
)

// UnblockPolicy says who lifts an overdue block (R22).
type UnblockPolicy string

const (
	// UnblockByFinance is the default: only a confirmation lifts the block.
	UnblockByFinance UnblockPolicy = "finance"
	// UnblockAutomatic: any credit that leaves nothing due lifts it.
	UnblockAutomatic UnblockPolicy = "automatic"
)

// Contract is what was agreed with the partner and only Finance changes.
type Contract struct {
	// MinimumOpening is the balance that the account must start with (R2);
	// default 500.
	MinimumOpening money.Amount `json:"minimum_opening"`
	// SurchargePercent is added to card payments, in per cent (R14); default
	// 4.
	SurchargePercent money.Amount `json:"surcharge_percent"`
	// GraceDays is how many times 24 h a negative balance is suffered before
	// the block (R20); default 7, 0 blocks at once.
	GraceDays int `json:"grace_days"`
	// UnblockPolicy says who lifts an overdue block (R22).
	UnblockPolicy UnblockPolicy `json:"unblock_policy"`
	// TaxText is what invoices say of tax, such as "Reverse charge"; TaxRate,
	// in per cent, is how much of the total is tax. Neither changes what the
	// card pays (R14).
	TaxText string        `json:"tax_text,omitempty"`
	TaxRate *money.Amount `json:"tax_rate,omitempty"`
}

// RechargeSettings are the partner's own (R11).
type RechargeSettings struct {
	// AutoRecharge switches the threshold's recharge on; default on.
	AutoRecharge bool `json:"auto_recharge"`
	// Threshold is the balance below which the card is charged; default 100.
	Threshold money.Amount `json:"threshold"`
	// RechargeAmount is the auto-renew amount; default 500.
	RechargeAmount money.Amount `json:"recharge_amount"`
}

// AccountOpened starts an account (R1, R2).
type AccountOpened struct {
	PartnerID   string           `json:"partner_id"`
	Currency    money.Currency   `json:"currency"`
	CarriedOver money.Amount     `json:"carried_over"`
	Card        string           `json:"card"`
	Contract    Contract         `json:"contract"`
	Settings    RechargeSettings `json:"settings"`
	OpenedAt    time.Time        `json:"opened_at"`
}

// ContractChanged replaces the contract's terms.
type ContractChanged struct {
	Contract Contract `json:"contract"`
}

// PaymentModel says who pays Meta's charges of a channel (R5).
type PaymentModel string

const (
	// PartnerPaid: deducted from the partner's balance (R7).
	PartnerPaid PaymentModel = "partner_paid"
	// Direct: paid by the client; counted here, never charged.
	Direct PaymentModel = "direct"
)

// ChannelRegistered adds a channel (R5).
type ChannelRegistered struct {
	ChannelID     string       `json:"channel_id"`
	PhoneNumber   string       `json:"phone_number"`
	PhoneNumberID string       `json:"phone_number_id"`
	WABAID        string       `json:"waba_id"`
	PaymentModel  PaymentModel `json:"payment_model"`
	// TimeZone is the WABA's IANA zone; empty is UTC (R25).
	TimeZone string `json:"time_zone,omitempty"`
}

// ChannelCancelled ends a channel: what occurs at or after CancelledAt is not
// charged (R10).
type ChannelCancelled struct {
	ChannelID   string    `json:"channel_id"`
	PhoneNumber string    `json:"phone_number"`
	CancelledAt time.Time `json:"cancelled_at"`
}

// CardReplaced registers another card.
type CardReplaced struct {
	Card string `json:"card"`
}

// RechargeSettingsChanged sets all three settings of R11.
type RechargeSettingsChanged struct {
	Settings RechargeSettings `json:"settings"`
}

// ConversationCharged deducts a conversation from the balance (R7).
type ConversationCharged struct {
	ChargeID     string         `json:"charge_id"`
	ChannelID    string         `json:"channel_id"`
	WABAID       string         `json:"waba_id"`
	Market       string         `json:"market"`
	Country      string         `json:"country,omitempty"`
	Category     string         `json:"category"`
	PricingModel PricingModel   `json:"pricing_model"`
	PricingType  string         `json:"pricing_type"`
	OccurredAt   time.Time      `json:"occurred_at"`
	Month        Month          `json:"month"`
	Amount       money.Amount   `json:"amount"`
	Currency     money.Currency `json:"currency"`
	// RateCardID and Tier tell where the price came from; an empty card is
	// an upstream rater's price (R9).
	RateCardID string `json:"rate_card_id,omitempty"`
	Tier       string `json:"tier,omitempty"`
	// GivenCurrency is kept where a currency was presented without amount:
	// it is part of the content (R8).
	GivenCurrency money.Currency `json:"given_currency,omitempty"`
	// Released says that this content leaves quarantine (R10).
	Released bool `json:"released,omitempty"`
}

// ConversationCounted counts a conversation that costs the balance nothing:
// of a direct channel, or free at Meta (R7).
type ConversationCounted struct {
	ChargeID     string       `json:"charge_id"`
	ChannelID    string       `json:"channel_id"`
	WABAID       string       `json:"waba_id"`
	Market       string       `json:"market"`
	Country      string       `json:"country,omitempty"`
	Category     string       `json:"category"`
	PricingModel PricingModel `json:"pricing_model"`
	PricingType  string       `json:"pricing_type"`
	OccurredAt   time.Time    `json:"occurred_at"`
	Month        Month        `json:"month"`
	// Why is "free" or "direct".
	Why string `json:"why"`
	// GivenAmount and GivenCurrency are kept where they were presented: they
	// are part of the content (R8).
	GivenAmount   *money.Amount  `json:"given_amount,omitempty"`
	GivenCurrency money.Currency `json:"given_currency,omitempty"`
	// Released says that this content leaves quarantine (R10).
	Released bool `json:"released,omitempty"`
}

// ChargeQuarantined puts what can't be charged aside, or gives an entry that
// is there already its latest reason (R10).
type ChargeQuarantined struct {
	ChargeID        string         `json:"charge_id,omitempty"`
	PartnerID       string         `json:"partner_id,omitempty"`
	ChannelID       string         `json:"channel_id,omitempty"`
	WABAID          string         `json:"waba_id,omitempty"`
	PhoneNumberID   string         `json:"phone_number_id,omitempty"`
	RecipientPrefix string         `json:"recipient_prefix,omitempty"`
	Country         string         `json:"country,omitempty"`
	Market          string         `json:"market,omitempty"`
	Category        string         `json:"category,omitempty"`
	PricingModel    PricingModel   `json:"pricing_model,omitempty"`
	PricingType     string         `json:"pricing_type,omitempty"`
	OccurredAt      time.Time      `json:"occurred_at,omitzero"`
	Amount          *money.Amount  `json:"amount,omitempty"`
	Currency        money.Currency `json:"currency,omitempty"`
	// Reason is the stable name of a Reason.
	Reason string `json:"reason"`
	// Detail says what exactly is wrong, for people.
	Detail string `json:"detail,omitempty"`
	// Raw is the record as presented, where it is malformed.
	Raw string `json:"raw,omitempty"`
}

// QuarantineReleased takes an entry out of quarantine that turned out to be a
// duplicate of a counted charge (R10), that was charged in an account after
// it had belonged to none, that was charged or counted here with the WABA that
// its channel gave, or in whose place a mended record was presented. Elsewhere
// the event of the charge says Released.
type QuarantineReleased struct {
	ChargeID string `json:"charge_id"`
	// Content is the hash of the entry's content, in hex.
	Content string `json:"content"`
	// Outcome is "duplicate", "charged", "free", "charged_elsewhere" or "mended".
	Outcome string `json:"outcome"`
}

// ChargeCorrected takes back a wrong charge (R34): the event that was wrong
// is named, its amount returns to the balance, its id stays counted.
type ChargeCorrected struct {
	ChargeID     string       `json:"charge_id"`
	ChannelID    string       `json:"channel_id"`
	WABAID       string       `json:"waba_id"`
	Market       string       `json:"market"`
	Category     string       `json:"category"`
	PricingType  string       `json:"pricing_type"`
	PricingModel PricingModel `json:"pricing_model"`
	Month        Month        `json:"month"`
	OccurredAt   time.Time    `json:"occurred_at"`
	Amount       money.Amount `json:"amount"`
	Reason       string       `json:"reason"`
}

// RechargeReason says what led to a card payment.
type RechargeReason string

const (
	// RechargeInitial: less than the minimum remained at opening (R2).
	RechargeInitial RechargeReason = "initial"
	// RechargeThreshold: the balance is below the threshold (R11).
	RechargeThreshold RechargeReason = "threshold"
	// RechargeAmountDue: the balance is zero or below (R12).
	RechargeAmountDue RechargeReason = "amount_due"
	// RechargeManual: the partner adds funds by hand (R18).
	RechargeManual RechargeReason = "manual"
)

// RechargeRequested asks for a card payment. The recharge id is the
// idempotency key at the processor (R16).
type RechargeRequested struct {
	RechargeID string         `json:"recharge_id"`
	Number     int            `json:"number"`
	Reason     RechargeReason `json:"reason"`
	// Amount is what will be credited, CardTotal what the card pays (R14).
	Amount    money.Amount `json:"amount"`
	Surcharge money.Amount `json:"surcharge"`
	// SurchargePercent is the contract's at the request: the invoice states
	// it, also when the contract changed meanwhile.
	SurchargePercent money.Amount   `json:"surcharge_percent"`
	CardTotal        money.Amount   `json:"card_total"`
	Currency         money.Currency `json:"currency"`
	Card             string         `json:"card"`
	RequestedAt      time.Time      `json:"requested_at"`
}

// RechargeSucceeded credits a card payment (R15).
type RechargeSucceeded struct {
	RechargeID string       `json:"recharge_id"`
	Amount     money.Amount `json:"amount"`
	Surcharge  money.Amount `json:"surcharge"`
	CardTotal  money.Amount `json:"card_total"`
	// ProcessorRef is the processor's own reference; never a card number.
	ProcessorRef string `json:"processor_ref,omitempty"`
}

// RechargeFailed credits nothing (R15).
type RechargeFailed struct {
	RechargeID string `json:"recharge_id"`
	// Code is the reason, such as "declined".
	Code string `json:"code"`
	// RetryAt is when another attempt is planned (R17); absent where none is.
	RetryAt time.Time `json:"retry_at,omitzero"`
}

// RetryCleared says that a planned attempt will not take place. An attempt at
// once, a credited payment and a block clear it too, without an event of
// their own (R13, R17).
type RetryCleared struct {
	// Why is "no_need" or "in_flight".
	Why string `json:"why"`
}

// InvoiceIssued is the partner's invoice for a successful card payment (R15).
type InvoiceIssued struct {
	InvoiceNumber string         `json:"invoice_number"`
	Sequence      int            `json:"sequence"`
	RechargeID    string         `json:"recharge_id"`
	Currency      money.Currency `json:"currency"`
	// Prepayment and Surcharge are the invoice's two lines.
	Prepayment       money.Amount `json:"prepayment"`
	Surcharge        money.Amount `json:"surcharge"`
	SurchargePercent money.Amount `json:"surcharge_percent"`
	Total            money.Amount `json:"total"`
	IssuedAt         time.Time    `json:"issued_at"`
	// Billing, TaxText and TaxRate are as they were when it was issued: an
	// invoice shows them for ever. They are absent where nothing was known,
	// as on invoices issued before there were billing details.
	Billing *BillingDetails `json:"billing,omitempty"`
	TaxText string          `json:"tax_text,omitempty"`
	TaxRate *money.Amount   `json:"tax_rate,omitempty"`
	// Why is absent for the invoice of a card payment: no card was charged for
	// any other.
	Why InvoiceReason `json:"why,omitempty"`
}

// InvoiceReason says why an invoice takes the place of a credit note (R36).
type InvoiceReason string

const (
	// InvoiceReinstated: the bank gave back what it had taken.
	InvoiceReinstated InvoiceReason = "reinstated"
	// InvoiceRefundCancelled: a refund that had its credit note was cancelled.
	InvoiceRefundCancelled InvoiceReason = "refund_cancelled"
)

// GraceStarted starts the clock of R20.
type GraceStarted struct {
	NegativeSince time.Time `json:"negative_since"`
	BlockDeadline time.Time `json:"block_deadline"`
}

// GraceEnded stops the clock: the balance is zero or above again.
type GraceEnded struct {
	NegativeSince time.Time `json:"negative_since"`
}

// BlockKind tells the two blocks apart; both may stand (R23).
type BlockKind string

const (
	// KindOverdue: not paid within the grace period (R20).
	KindOverdue BlockKind = "overdue"
	// KindManual: by Finance, with a reason (R23).
	KindManual BlockKind = "manual"
)

// AccountBlocked blocks every channel of the account.
type AccountBlocked struct {
	Kind   BlockKind `json:"kind"`
	Reason string    `json:"reason,omitempty"`
	// EffectiveAt is the deadline, also when it was recorded later (R20).
	EffectiveAt time.Time `json:"effective_at"`
	// Text is what a sender is told (R21).
	Text string `json:"text,omitempty"`
}

// AccountUnblocked lifts one kind of block.
type AccountUnblocked struct {
	Kind        BlockKind `json:"kind"`
	EffectiveAt time.Time `json:"effective_at"`
	// By is "confirmation", "automatic" or "finance".
	By string `json:"by"`
}

// PaymentConfirmed is Finance's word that money arrived (R22).
type PaymentConfirmed struct {
	Reference string       `json:"reference"`
	Amount    money.Amount `json:"amount"`
	// Credited is Amount, or 0 where it names a recharge that was credited
	// already.
	Credited   money.Amount `json:"credited"`
	RechargeID string       `json:"recharge_id,omitempty"`
}

// ReconciliationAdjusted posts the difference of a month (R24, R25). Its lines
// stand in the reconciliation's own stream.
type ReconciliationAdjusted struct {
	Month Month `json:"month"`
	// Run counts the postings of the month, from 1.
	Run int `json:"run"`
	// Amount is signed: charged − invoiced, less what earlier runs posted.
	Amount money.Amount `json:"amount"`
	// Charged, Invoiced and Adjusted are the month's totals after this run:
	// Charged − Adjusted = Invoiced.
	Charged  money.Amount `json:"charged"`
	Invoiced money.Amount `json:"invoiced"`
	Adjusted money.Amount `json:"adjusted"`
	// Documents are the ids of Meta's documents that decided.
	Documents []string `json:"documents,omitempty"`
}

// RefundIssued pays credit back in exceptional cases (R32).
type RefundIssued struct {
	Amount money.Amount `json:"amount"`
	Reason string       `json:"reason"`
	// RefundID is the idempotency key at the processor, Number counts from 1;
	// absent where neither a card payment is named nor a payout is asked for.
	RefundID string `json:"refund_id,omitempty"`
	Number   int    `json:"number,omitempty"`
	// Payout says that the processor is to pay it to the card (R36).
	Payout bool `json:"payout,omitempty"`
	// RechargeID is the card payment that it goes back from, InvoiceNumber its
	// invoice, PaymentRef the processor's reference of it, and Card the card.
	RechargeID    string `json:"recharge_id,omitempty"`
	InvoiceNumber string `json:"invoice_number,omitempty"`
	PaymentRef    string `json:"payment_ref,omitempty"`
	Card          string `json:"card,omitempty"`
	// Billing, TaxText and TaxRate are the invoice's: the credit note bears
	// them.
	Billing *BillingDetails `json:"billing,omitempty"`
	TaxText string          `json:"tax_text,omitempty"`
	TaxRate *money.Amount   `json:"tax_rate,omitempty"`
}

// BalancePublished is the balance of a day, published at its 00:00 UTC (R33).
type BalancePublished struct {
	// Day is the instant, 00:00 UTC.
	Day       time.Time      `json:"day"`
	Balance   money.Amount   `json:"balance"`
	AmountDue money.Amount   `json:"amount_due"`
	Currency  money.Currency `json:"currency"`
}

// AccountClosed ends the account (R32).
type AccountClosed struct {
	ClosedAt time.Time `json:"closed_at"`
}

// EventType implements Event.
func (*AccountOpened) EventType() string           { return TypeAccountOpened }
func (*ContractChanged) EventType() string         { return TypeContractChanged }
func (*ChannelRegistered) EventType() string       { return TypeChannelRegistered }
func (*ChannelCancelled) EventType() string        { return TypeChannelCancelled }
func (*CardReplaced) EventType() string            { return TypeCardReplaced }
func (*RechargeSettingsChanged) EventType() string { return TypeRechargeSettingsChanged }
func (*ConversationCharged) EventType() string     { return TypeConversationCharged }
func (*ConversationCounted) EventType() string     { return TypeConversationCounted }
func (*ChargeQuarantined) EventType() string       { return TypeChargeQuarantined }
func (*QuarantineReleased) EventType() string      { return TypeQuarantineReleased }
func (*ChargeCorrected) EventType() string         { return TypeChargeCorrected }
func (*RechargeRequested) EventType() string       { return TypeRechargeRequested }
func (*RechargeSucceeded) EventType() string       { return TypeRechargeSucceeded }
func (*RechargeFailed) EventType() string          { return TypeRechargeFailed }
func (*RetryCleared) EventType() string            { return TypeRetryCleared }
func (*InvoiceIssued) EventType() string           { return TypeInvoiceIssued }
func (*GraceStarted) EventType() string            { return TypeGraceStarted }
func (*GraceEnded) EventType() string              { return TypeGraceEnded }
func (*AccountBlocked) EventType() string          { return TypeAccountBlocked }
func (*AccountUnblocked) EventType() string        { return TypeAccountUnblocked }
func (*PaymentConfirmed) EventType() string        { return TypePaymentConfirmed }
func (*ReconciliationAdjusted) EventType() string  { return TypeReconciliationAdjusted }
func (*RefundIssued) EventType() string            { return TypeRefundIssued }
func (*BalancePublished) EventType() string        { return TypeBalancePublished }
func (*AccountClosed) EventType() string           { return TypeAccountClosed }
