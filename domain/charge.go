package domain

import (
	"crypto/sha256"
	"time"

	"prepayledger/domain/money"
)

// PricingModel is how Meta bills.
type PricingModel string

const (
	// PMP is per-message pricing, in force since 2025-07-01: a charge id is
	// a message id.
	PMP PricingModel = "PMP"
	// CBP is conversation-based pricing: a charge id is a conversation id.
	CBP PricingModel = "CBP"
)

// PricingTypeRegular is the pricing type that is charged; an absent type
// counts as regular.
const PricingTypeRegular = "regular"

// MaxRecipientPrefix is how many leading digits of a recipient's number the
// ledger keeps: enough for country, market and the blocked destinations
// (R6). The whole number is personal data and nothing in a log is ever
// deleted (R34).
const MaxRecipientPrefix = 7

// Charge is one conversation (CBP) or message (PMP) as it was presented, with
// the market resolved. It is the content that R8 compares, and its time.
type Charge struct {
	// ChargeID is Meta's conversation or message id.
	ChargeID string
	// PartnerID names the account; empty where it is not known.
	PartnerID string
	// ChannelID names the channel; empty where it is not known.
	ChannelID string
	// WABAID is the WhatsApp Business Account; empty takes the channel's.
	WABAID string
	// PhoneNumberID is the channel's id at Meta where the record names no
	// channel, as webhooks do; it is no part of the content, and is kept in
	// quarantine so that the channel can be found once it is registered.
	PhoneNumberID string
	// RecipientPrefix is at most MaxRecipientPrefix digits of the
	// recipient's number; empty where it was not given.
	RecipientPrefix string
	// Country is the recipient's ISO 3166 code; may be empty.
	Country string
	// Market is the recipient's market on Meta's rate card.
	Market string
	// Category is kept as Meta wrote it.
	Category string
	// Model is the pricing model.
	Model PricingModel
	// PricingType is regular or one of Meta's free types.
	PricingType string
	// OccurredAt is when the conversation took place, UTC.
	OccurredAt time.Time
	// Priced says that an upstream rater gave Amount and Currency (R9).
	Priced bool
	// Amount is the given price; only with Priced.
	Amount money.Amount
	// Currency is the given currency; may be set without Priced.
	Currency money.Currency
	// Malformed says what is wrong with the presented record, by field, in a
	// sentence; empty for a sound one. A malformed charge carries what could
	// be read (R10).
	Malformed string
	// Raw is the record as presented, for malformed ones only, cut to
	// MaxRawBytes.
	Raw string
}

// MaxRawBytes bounds what is kept of a malformed record.
const MaxRawBytes = 4096

// Free reports whether Meta's pricing object marks the conversation as free
// (R7). Quotas are never counted here.
func (c *Charge) Free() bool {
	return c.PricingType == "free_customer_service" || c.PricingType == "free_entry_point"
}

// ChargeKey identifies a charge id within an account (R8): a hash, so that
// the index over all charges ever has entries of one size.
type ChargeKey [16]byte

// KeyOf returns the key of a charge id in the account of a partner. The empty
// partner is the place of what belongs to no account.
func KeyOf(partnerID, chargeID string) ChargeKey {
	var buf [192]byte
	b := append(buf[:0], "charge\x00"...)
	b = append(b, partnerID...)
	b = append(b, 0)
	b = append(b, chargeID...)
	sum := sha256.Sum256(b)
	return ChargeKey(sum[:16])
}

// ContentHash stands for the content of a charge (R8): channel, WABA, market,
// category, pricing model and type, and amount and currency where they were
// given. Times are not part of it.
type ContentHash [14]byte

// Content returns the hash of the charge's content. A malformed record is its
// own content, byte for byte, as far as it was kept.
func (c *Charge) Content() ContentHash {
	var buf [320]byte
	b := buf[:0]
	if c.Malformed != "" {
		b = append(append(b, "malformed\x00"...), c.Raw...)
		sum := sha256.Sum256(b)
		return ContentHash(sum[:14])
	}
	for _, s := range [...]string{c.ChannelID, c.WABAID, c.Market, c.Category, string(c.Model), c.PricingType} {
		b = append(append(b, s...), 0)
	}
	if c.Priced {
		b = append(c.Amount.Append(b), 0)
	}
	b = append(b, c.Currency...)
	sum := sha256.Sum256(b)
	return ContentHash(sum[:14])
}
