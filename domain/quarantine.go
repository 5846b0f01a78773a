package domain

// Reason says why a charge is in quarantine (R10). The order of the constants
// is the order in which they are looked for: the first that applies holds.
type Reason uint8

const (
	// ReasonMalformed: the record cannot be read.
	ReasonMalformed Reason = iota + 1
	// ReasonUnknownChannel: no such channel, or not this partner's.
	ReasonUnknownChannel
	// ReasonChannelCancelled: it occurred at or after the channel's cancellation.
	ReasonChannelCancelled
	// ReasonInTheFuture: it occurred more than MaxClockSkew after it was recorded.
	ReasonInTheFuture
	// ReasonTooOld: it occurred more than MaxChargeAgeMonths before it was recorded.
	ReasonTooOld
	// ReasonBlockedDestination: a billable conversation to a blocked number (R6).
	ReasonBlockedDestination
	// ReasonChargeConflict: the id was counted with other content (R8).
	ReasonChargeConflict
	// ReasonWrongCurrency: the given currency is not the account's.
	ReasonWrongCurrency
	// ReasonNoRate: no rate card in force has a rate for it (R9).
	ReasonNoRate
)

// reasonNames has the stable names that events, files and outputs use.
var reasonNames = [...]string{
	ReasonMalformed: "malformed", ReasonUnknownChannel: "unknown_channel", ReasonChannelCancelled: "channel_cancelled",
	ReasonInTheFuture: "in_the_future", ReasonTooOld: "too_old", ReasonBlockedDestination: "blocked_destination",
	ReasonChargeConflict: "charge_conflict", ReasonWrongCurrency: "wrong_currency", ReasonNoRate: "no_rate",
}

// String returns the stable name, such as "no_rate".
func (r Reason) String() string {
	if int(r) < len(reasonNames) && r > 0 {
		return reasonNames[r]
	}
	return "unknown_reason"
}

// ParseReason reads what String wrote; it reports false for other text.
func ParseReason(s string) (Reason, bool) {
	for r := ReasonMalformed; r <= ReasonNoRate; r++ {
		if reasonNames[r] == s {
			return r, true
		}
	}
	return 0, false
}

// Reasons returns all reasons in their order of precedence.
func Reasons() []Reason {
	all := make([]Reason, 0, ReasonNoRate)
	for r := ReasonMalformed; r <= ReasonNoRate; r++ {
		all = append(all, r)
	}
	return all
}

// Advice returns a sentence that says how to mend the cause.
func (r Reason) Advice() string {
	switch r {
	case ReasonMalformed:
		return "Correct the record at its source and present it again."
	case ReasonUnknownChannel:
		return "Register the channel under this partner, or correct partner and channel, then retry."
	case ReasonChannelCancelled:
		return "It occurred after the channel was cancelled: ask the sender, or correct its time, then retry."
	case ReasonInTheFuture:
		return "Its time lies ahead of the clock: correct the time at its source, then present it again."
	case ReasonTooOld:
		return "It is older than 13 months and can't be charged any more; correct its time if that is wrong."
	case ReasonBlockedDestination:
		return "WhatsApp does not serve this destination: clear it with Meta before it is charged."
	case ReasonChargeConflict:
		return "The same id was counted with other content: find out which one is right at its source."
	case ReasonWrongCurrency:
		return "Rate it in the currency of the account's contract, or present it without amount."
	case ReasonNoRate:
		return "Import a rate card that has a rate for this market and category, then retry."
	default:
		return ""
	}
}
