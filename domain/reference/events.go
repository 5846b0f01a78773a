// Package reference holds the events that say who owns a number, in stream
// number-<digits> (R5).
package reference

// The names under which the events are stored; they never change.
const (
	TypeNumberReserved = "NumberReserved"
	TypeNumberReleased = "NumberReleased"
)

// NumberReserved says whose a number is, in stream number-<digits> (R5).
type NumberReserved struct {
	Number    string `json:"number"`
	PartnerID string `json:"partner_id"`
	ChannelID string `json:"channel_id"`
}

// NumberReleased says that the number's channel was cancelled (R5).
type NumberReleased struct {
	Number    string `json:"number"`
	PartnerID string `json:"partner_id"`
	ChannelID string `json:"channel_id"`
}

// EventType implements domain.Event.
func (*NumberReserved) EventType() string { return TypeNumberReserved }
func (*NumberReleased) EventType() string { return TypeNumberReleased }
