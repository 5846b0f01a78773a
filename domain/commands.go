package domain

import (
	"time"

	"github.com/google/uuid"

	"prepayledger/domain/money"
)

// Command asks the account to do something. Its At, its ids and who asks
// travel beside it in Meta.
type Command interface {
	// CommandName is the stable name, such as "OpenAccount".
	CommandName() string
}

// Meta is what every command carries: Decide has no clock and makes no ids.
type Meta struct {
	// CommandID makes the command idempotent: the same id with the same
	// content is a no-op, with other content a rejection (CommandConflict).
	CommandID uuid.UUID
	// At is the instant of the decision, UTC.
	At time.Time
	// Actor is who asks, such as "finance:ana" or "system:deadlines".
	Actor string
	// CorrelationID joins everything that one request led to.
	CorrelationID uuid.UUID
	// CausationID is the event or command that led to this one.
	CausationID uuid.UUID
	// CommandHash is the hash of the command's content, in hex, where whoever
	// gives it to a stream beside the accounts wants its id to count once; the
	// accounts' streams work it out by themselves.
	CommandHash string
}

// OpenAccount opens an account (R1, R2). Nil fields take the defaults.
type OpenAccount struct {
	PartnerID        string
	Currency         string
	CarriedOver      money.Amount
	Card             string
	MinimumOpening   *money.Amount
	SurchargePercent *money.Amount
	GraceDays        *int
	UnblockPolicy    UnblockPolicy
	AutoRecharge     *bool
	Threshold        *money.Amount
	RechargeAmount   *money.Amount
	// CardProblem says in a sentence why the processor can't charge the
	// card; empty where it can.
	CardProblem string
}

// ChangeContract changes the terms; nil fields stay.
type ChangeContract struct {
	SurchargePercent *money.Amount
	GraceDays        *int
	UnblockPolicy    UnblockPolicy
	// TaxText and TaxRate are what invoices say of tax; an empty text takes
	// both away. They are left out of JSON where they are nil: the content of
	// commands given before they existed must stay the same.
	TaxText *string       `json:",omitempty"`
	TaxRate *money.Amount `json:",omitempty"`
}

// RegisterChannel adds a channel (R5, R6).
type RegisterChannel struct {
	ChannelID     string
	PhoneNumber   string
	PhoneNumberID string
	WABAID        string
	PaymentModel  PaymentModel
	TimeZone      string
	// NumberTaken says that the number is active already, as the number's
	// own stream tells (R5).
	NumberTaken bool
}

// CancelChannel ends a channel (R5).
type CancelChannel struct{ ChannelID string }

// ChangeRechargeSettings sets what is not nil (R11).
type ChangeRechargeSettings struct {
	AutoRecharge   *bool
	Threshold      *money.Amount
	RechargeAmount *money.Amount
}

// ReplaceCard registers another card.
type ReplaceCard struct {
	Card string
	// CardProblem is as in OpenAccount.
	CardProblem string
}

// AddFunds is a payment by hand (R18). An empty method is "card".
type AddFunds struct {
	Amount money.Amount
	Method string
}

// RecordRechargeSucceeded tells that the card was charged (R15).
type RecordRechargeSucceeded struct {
	RechargeID   string
	ProcessorRef string
}

// RecordRechargeFailed tells that the card was not charged (R15).
type RecordRechargeFailed struct {
	RechargeID string
	Code       string
}

// RetryRecharge works a planned attempt (R17).
type RetryRecharge struct{}

// BlockOverdue blocks at the deadline (R20).
type BlockOverdue struct {
	// Text is what senders are told (R21).
	Text string
}

// PublishBalance publishes the balance of the next day that is due (R33).
type PublishBalance struct{ Day time.Time }

// ConfirmPayment is Finance's word that money arrived (R22).
type ConfirmPayment struct {
	Reference  string
	Amount     money.Amount
	RechargeID string
}

// Block blocks by hand (R23).
type Block struct {
	Reason string
	Text   string
}

// Unblock lifts the block by hand (R23).
type Unblock struct{}

// AdjustReconciliation posts a month's difference (R24 to R29). A run that
// the account has already is a no-op.
type AdjustReconciliation struct {
	Month     Month
	Run       int
	Amount    money.Amount
	Charged   money.Amount
	Invoiced  money.Amount
	Adjusted  money.Amount
	Documents []string
}

// CorrectCharge takes a wrong charge back (R34).
type CorrectCharge struct {
	ChargeID string
	Reason   string
	// Original is the event that was wrong; nil where there is none.
	Original *ConversationCharged
}

// ReleaseQuarantined takes an entry out of quarantine that was charged in an
// account after it had belonged to none, or that was mended: another record was
// presented in its place.
type ReleaseQuarantined struct {
	ChargeID string
	Content  ContentHash
	Mended   bool
}

// Refund pays credit back (R32).
type Refund struct {
	Amount money.Amount
	Reason string
	// Payout asks for payment to the card through the processor (R36). It is
	// left out of JSON where it is not set, as RechargeID is: the content of
	// commands given before they existed must stay the same.
	Payout bool `json:",omitempty"`
	// RechargeID names the card payment that it goes back from; with Payout
	// and none named it is the newest that has as much left.
	RechargeID string `json:",omitempty"`
	// Payments are the card payments that were credited, the newest first, as
	// the ledger finds them: that of RechargeID, or all.
	Payments []Payment `json:"-"`
}

// CloseAccount ends the account (R32).
type CloseAccount struct{}

// Transfer is always rejected (R1).
type Transfer struct {
	To     string
	Amount money.Amount
}

// ChargeLicenceFee is always rejected (R3).
type ChargeLicenceFee struct {
	ChannelID string
	Amount    money.Amount
}

// CommandName implements Command.
func (*OpenAccount) CommandName() string             { return "OpenAccount" }
func (*ChangeContract) CommandName() string          { return "ChangeContract" }
func (*RegisterChannel) CommandName() string         { return "RegisterChannel" }
func (*CancelChannel) CommandName() string           { return "CancelChannel" }
func (*ChangeRechargeSettings) CommandName() string  { return "ChangeRechargeSettings" }
func (*ReplaceCard) CommandName() string             { return "ReplaceCard" }
func (*AddFunds) CommandName() string                { return "AddFunds" }
func (*RecordRechargeSucceeded) CommandName() string { return "RecordRechargeSucceeded" }
func (*RecordRechargeFailed) CommandName() string    { return "RecordRechargeFailed" }
func (*RetryRecharge) CommandName() string           { return "RetryRecharge" }
func (*BlockOverdue) CommandName() string            { return "BlockOverdue" }
func (*PublishBalance) CommandName() string          { return "PublishBalance" }
func (*ConfirmPayment) CommandName() string          { return "ConfirmPayment" }
func (*Block) CommandName() string                   { return "Block" }
func (*Unblock) CommandName() string                 { return "Unblock" }
func (*AdjustReconciliation) CommandName() string    { return "AdjustReconciliation" }
func (*CorrectCharge) CommandName() string           { return "CorrectCharge" }
func (*ReleaseQuarantined) CommandName() string      { return "ReleaseQuarantined" }
func (*Refund) CommandName() string                  { return "Refund" }
func (*CloseAccount) CommandName() string            { return "CloseAccount" }
func (*Transfer) CommandName() string                { return "Transfer" }
func (*ChargeLicenceFee) CommandName() string        { return "ChargeLicenceFee" }

// CommandName implements Command: a charge presents itself.
func (*Charge) CommandName() string { return "RecordCharge" }
