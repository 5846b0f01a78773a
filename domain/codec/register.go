package codec

import (
	"prepayledger/domain"
	"prepayledger/domain/reference"
)

// Event returns the registration of an event type in version 1, for the
// packages that have events of their own.
func Event[E any, P interface {
	*E
	domain.Event
}]() Registration {
	return event[E, P]()
}

// referenceEvents are the events of package reference.
func referenceEvents() []Registration {
	return []Registration{
		event[reference.RateCardImported](),
		event[reference.MarketsImported](),
		event[reference.VolumeTierChanged](),
		event[reference.NumberReserved](),
		event[reference.NumberReleased](),
	}
}
