package domain

import (
	"errors"
	"fmt"
)

// Code is the stable code of a rejection; never renamed.
type Code string

// The codes of rejections in their order of precedence: where several apply,
// the first in this list is given.
const (
	UnknownAccount           Code = "unknown_account"
	AccountExists            Code = "account_exists"
	AccountIsClosed          Code = "account_closed"
	TransferNotSupported     Code = "transfer_not_supported"
	NotCoveredByPrepayment   Code = "not_covered_by_prepayment"
	PaymentMethodNotAccepted Code = "payment_method_not_accepted"
	InvalidAmount            Code = "invalid_amount"
	AmountOutOfRange         Code = "amount_out_of_range"
	InvalidSetting           Code = "invalid_setting"
	InvalidNumber            Code = "invalid_number"
	UnsupportedCurrency      Code = "unsupported_currency"
	NumberIsBlocked          Code = "blocked_number"
	NumberTaken              Code = "number_taken"
	ChannelUnknown           Code = "unknown_channel"
	ChannelExists            Code = "channel_exists"
	ChannelIsCancelled       Code = "channel_cancelled"
	UnknownCharge            Code = "unknown_charge"
	AlreadyCorrected         Code = "already_corrected"
	RechargeInFlight         Code = "recharge_in_flight"
	NothingToConfirm         Code = "nothing_to_confirm"
	ReferenceUsed            Code = "reference_used"
	ReferenceRequired        Code = "reference_required"
	UnknownRecharge          Code = "unknown_recharge"
	NotBlocked               Code = "not_blocked"
	AmountDueOpen            Code = "amount_due"
	ActorRequired            Code = "actor_required"
	ReasonRequired           Code = "reason_required"
	SameApprover             Code = "same_approver"
	NothingToReconcile       Code = "nothing_to_reconcile"
	FXRateMissing            Code = "fx_rate_missing"
	UnknownInvoiceLine       Code = "unknown_invoice_line"
	UnallocatedLines         Code = "unallocated_lines"
	AlreadyPosted            Code = "already_posted"
	UninvoicedCharges        Code = "uninvoiced_charges"
	ApprovalLimit            Code = "approval_limit"
	RefundExceedsBalance     Code = "refund_exceeds_balance"
	RefundExceedsPayment     Code = "refund_exceeds_payment"
	UnknownRefund            Code = "unknown_refund"
	RefundNotFailed          Code = "refund_not_failed"
	NotClosable              Code = "not_closable"
	CommandConflict          Code = "command_conflict"
	RateCardInvalid          Code = "rate_card_invalid"
	RateCardConflict         Code = "rate_card_conflict"
	InvoiceInvalid           Code = "invoice_invalid"
	BankStatementInvalid     Code = "bank_statement_invalid"
	UnknownInvoice           Code = "unknown_invoice"
)

// Rejection is the rules' "no" to a command. Nothing was changed. It is
// neither a conflict (someone else wrote) nor a failure (it broke).
type Rejection struct {
	// Code is stable and for machines.
	Code Code
	// Message is a sentence for people that says what to do.
	Message string
}

// Error implements error.
func (r *Rejection) Error() string { return string(r.Code) + ": " + r.Message }

// Reject makes a Rejection.
func Reject(code Code, format string, args ...any) error {
	return &Rejection{Code: code, Message: fmt.Sprintf(format, args...)}
}

// RejectionCode returns the code of the Rejection in err's chain, or "".
func RejectionCode(err error) Code {
	var r *Rejection
	if errors.As(err, &r) {
		return r.Code
	}
	return ""
}
