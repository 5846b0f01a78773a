// Package journal tells the ledger in double entry: each event becomes the
// lines that an accountant books for it, or none. The lines of an event sum to
// zero per currency, so the trial balance does after every event.
//
// What is booked when is decided here, for every type of event:
//
//	AccountOpened            opening           to prepayment liability
//	ConversationCharged      liability         to Meta, estimated
//	ChargeCorrected          Meta, estimated   to liability
//	RechargeSucceeded        card clearing     to liability and surcharge revenue
//	PaymentConfirmed         bank              to liability, where it credits
//	ReconciliationAdjusted   Meta, estimated   to Meta, final; the difference to liability
//	                         (and what a conversion was rounded by to rounding)
//	ReconciliationPosted     own cost          to Meta, final
//	RechargeReversed         liability and surcharge revenue to card clearing
//	RechargeReinstated       the same back
//	RefundIssued             liability         to refunds payable; by hand to bank
//	RefundPaidOut            refunds payable   to card clearing
//	RefundFailed             the same back, where it had been paid
//	RefundCancelled          refunds payable   to liability; to card clearing where the bank has it
//
// Invoices and credit notes are documents of what is booked already. Lines of
// direct channels are paid by the client and are not ours.
package journal
