package payments

// The codes of failures, the same for all drivers. A driver may give others.
const (
	// CodeDeclined: the bank says no, without a reason that helps.
	CodeDeclined = "declined"
	// CodeInsufficientFunds: the card has not enough.
	CodeInsufficientFunds = "insufficient_funds"
	// CodeExpiredCard: the card is over.
	CodeExpiredCard = "expired_card"
	// CodeAuthentication: the bank wants to see the cardholder.
	CodeAuthentication = "authentication_required"
	// CodeCardUnknown: the processor does not have the card.
	CodeCardUnknown = "card_unknown"
	// CodeProcessing: the processor or the bank failed; nothing was taken.
	CodeProcessing = "processing_error"
	// CodeAmount: the processor does not take such an amount or currency.
	CodeAmount = "amount_not_supported"
	// CodePaymentUnknown: there is no such card payment to refund from.
	CodePaymentUnknown = "payment_unknown"
	// CodeRejected: the processor did not accept the request.
	CodeRejected = "rejected"
)

// Advice says in a sentence what a partner can do about a failure.
func Advice(code string) string {
	switch code {
	case CodeInsufficientFunds:
		return "The card has not enough funds: cover it, or register another card."
	case CodeExpiredCard:
		return "The card has expired: register another card."
	case CodeAuthentication:
		return "The bank wants the cardholder to confirm: register the card again by its link, and confirm it there."
	case CodeCardUnknown:
		return "The card is not known to the processor: register a card by the account's link."
	case CodeProcessing:
		return "The bank could not be reached; another attempt follows."
	case CodeAmount:
		return "The processor does not take this amount: change the recharge amount."
	default:
		return "The bank declined the card: ask the bank, or register another card."
	}
}
