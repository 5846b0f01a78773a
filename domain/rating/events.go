package rating

import "prepayledger/domain"

// The names under which events of rating are stored; they never change.
const (
	TypeRateCardImported = "RateCardImported"
	TypeTierReached      = "TierReached"
	TypeMarketsImported  = "MarketsImported"
)

var (
	_ domain.Event = (*RateCardImported)(nil)
	_ domain.Event = (*TierReached)(nil)
	_ domain.Event = (*MarketsImported)(nil)
)

// RateCardImported puts a rate card into the book (R9).
type RateCardImported struct {
	Card *Card `json:"card"`
	// FileName and FileSHA256 tell where it came from; the hash is of the
	// file as it was, in hex.
	FileName   string `json:"file_name"`
	FileSHA256 string `json:"file_sha256"`
}

// TierReached is a volume tier by Meta's webhook (R9).
type TierReached struct {
	TierChange
}

// MarketsImported replaces the table of markets by another one, for what is
// read from then on: a charge keeps its market.
type MarketsImported struct {
	FileName string `json:"file_name"`
	// Text is the file; ParseMarkets reads it.
	Text string `json:"text"`
}

// EventType implements domain.Event.
func (*RateCardImported) EventType() string { return TypeRateCardImported }

// EventType implements domain.Event.
func (*TierReached) EventType() string { return TypeTierReached }

// EventType implements domain.Event.
func (*MarketsImported) EventType() string { return TypeMarketsImported }
