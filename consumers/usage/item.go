package usage

import (
	"strconv"

	"prepayledger/domain"
	"prepayledger/domain/rating"
)

// Limits of the input.
const (
	// MaxLineBytes bounds a line; a longer one is malformed: 1 MiB.
	MaxLineBytes = 1 << 20
	// BlockBytes is about how much is decoded at a time: 256 KiB.
	BlockBytes = 256 << 10
)

// Position is a place in the input.
type Position struct {
	// File is the source's name.
	File string
	// Line counts from 1.
	Line int
}

// String writes the place for people.
func (p Position) String() string { return p.File + " line " + strconv.Itoa(p.Line) }

// Item is one charge, sound or malformed.
type Item struct {
	Charge domain.Charge
	// PhoneNumberID is the channel's id at Meta, from a webhook: it tells
	// channel and partner, which a webhook doesn't name. Empty for others.
	PhoneNumberID string
	Pos           Position
}

// TierItem is Meta's word that a volume tier was reached.
type TierItem struct {
	Change rating.TierChange
	Pos    Position
}

// Stats counts what was read.
type Stats struct {
	// Lines counts all lines, blank ones too.
	Lines int `json:"lines"`
	// Charges counts items, malformed ones too; Malformed only those.
	Charges   int `json:"charges"`
	Malformed int `json:"malformed"`
	// Webhooks counts payloads.
	Webhooks int `json:"webhooks"`
	// IgnoredStatuses are statuses that charge nothing: sent, failed, or
	// without pricing.
	IgnoredStatuses int `json:"ignored_statuses"`
	// IgnoredChanges are a webhook's changes that are neither statuses nor
	// tiers.
	IgnoredChanges int `json:"ignored_changes"`
	// TierChanges counts them, repeats too.
	TierChanges int `json:"tier_changes"`
}

// Add adds what another part counted.
func (s *Stats) Add(o Stats) {
	s.Lines += o.Lines
	s.Charges += o.Charges
	s.Malformed += o.Malformed
	s.Webhooks += o.Webhooks
	s.IgnoredStatuses += o.IgnoredStatuses
	s.IgnoredChanges += o.IgnoredChanges
	s.TierChanges += o.TierChanges
}

// Batch is what a block held. It is reused: keep no pointer to an Item; the
// strings may be kept, at the price of keeping their block in memory.
type Batch struct {
	// Items are the charges in the order of the lines.
	Items []Item
	// Tiers are the volume tiers. Apply them before the items are rated.
	Tiers []TierItem
	Stats Stats
	// FirstLine and LastLine are the block's first and last line.
	FirstLine, LastLine int
	// Consumed is how many bytes of the source were read with this block: of
	// the compressed ones where it is compressed.
	Consumed int64
}

// reset empties the batch and keeps its memory.
func (b *Batch) reset() { *b = Batch{Items: b.Items[:0], Tiers: b.Tiers[:0]} }

// next returns a new, empty item.
func (b *Batch) next() *Item {
	if len(b.Items) < cap(b.Items) {
		b.Items = b.Items[:len(b.Items)+1]
		it := &b.Items[len(b.Items)-1]
		*it = Item{}
		return it
	}
	b.Items = append(b.Items, Item{})
	return &b.Items[len(b.Items)-1]
}
