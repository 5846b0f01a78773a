package domain

// RecordRechargeReversed tells that the bank took a card payment back (R36).
type RecordRechargeReversed struct {
	RechargeID   string
	ProcessorRef string
	Reason       string
	// Payments has the card payment, as the ledger finds it; empty where
	// there is none.
	Payments []Payment `json:"-"`
}

// RecordRechargeReinstated tells that the bank gave it back (R36).
type RecordRechargeReinstated struct {
	RechargeID   string
	ProcessorRef string
	// Payments is as in RecordRechargeReversed.
	Payments []Payment `json:"-"`
}

// RecordRefundPaidOut tells that the processor paid a refund out (R36).
type RecordRefundPaidOut struct {
	RefundID     string
	ProcessorRef string
}

// RecordRefundFailed tells that an attempt at paying out paid nothing (R36).
type RecordRefundFailed struct {
	RefundID string
	// Attempt is the attempt that failed; one that is over already is no news.
	Attempt int
	Code    string
}

// RetryRefund starts another attempt at a failed refund (R36).
type RetryRefund struct{ RefundID string }

// CancelRefund ends a failed refund; the amount returns to the balance (R36).
type CancelRefund struct {
	RefundID string
	Reason   string
}

// CommandName implements Command.
func (*RecordRechargeReversed) CommandName() string   { return "RecordRechargeReversed" }
func (*RecordRechargeReinstated) CommandName() string { return "RecordRechargeReinstated" }
func (*RecordRefundPaidOut) CommandName() string      { return "RecordRefundPaidOut" }
func (*RecordRefundFailed) CommandName() string       { return "RecordRefundFailed" }
func (*RetryRefund) CommandName() string              { return "RetryRefund" }
func (*CancelRefund) CommandName() string             { return "CancelRefund" }
