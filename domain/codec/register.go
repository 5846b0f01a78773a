package codec

import (
	"prepayledger/domain/bank"
	"prepayledger/domain/rating"
	"prepayledger/domain/reconciliation"
	"prepayledger/domain/reference"

	"prepayledger/domain"
)

// otherEvents are the events beside the accounts' streams: reference data,
// rating and month end.
func otherEvents() []Registration {
	registrations := []Registration{
		event[rating.RateCardImported](),
		event[rating.MarketsImported](),
		event[rating.TierReached](),
		event[reference.NumberReserved](),
		event[reference.NumberReleased](),
		event[bank.BankStatementImported](),
		event[bank.BankStatementEntries](),
		event[bank.BankStatementSealed](),
	}
	for _, name := range reconciliation.EventTypes() {
		registrations = append(registrations, Registration{Version: 1, New: func() domain.Event { return reconciliation.NewEvent(name) }})
	}
	return registrations
}
