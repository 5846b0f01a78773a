package gate

import "time"

// HeartbeatKey is the key of bucket prepay_channels under which the writer
// says that it lives and that the bucket is up to date. It has a dot, so no
// channel's key is like it.
const HeartbeatKey = "prepay.heartbeat"

const (
	// HeartbeatEvery is how often the writer refreshes the heartbeat.
	HeartbeatEvery = 2 * time.Second
	// DefaultStaleAfter is how old the newest heartbeat may be before what a
	// gate knows is stale.
	DefaultStaleAfter = 10 * time.Second
)

// HTTP statuses of an answer to a sender.
const (
	// StatusOK lets the message through.
	StatusOK = 200
	// StatusRefused refuses it (R21).
	StatusRefused = 400
)

// State says in a word whether a channel may send.
type State string

const (
	// StateOpen may send.
	StateOpen State = "open"
	// StateBlocked cannot send until its account is unblocked (R20).
	StateBlocked State = "blocked"
	// StateCancelled is over, for ever.
	StateCancelled State = "cancelled"
)

// ChannelState is the value of a channel in bucket prepay_channels, under its
// channel id as a key (bytes other than letters, digits, - and _ are written
// as =XX). It says whether the channel may send. It is stale when the value of
// key prepay.heartbeat in the same bucket was not refreshed for 10 seconds;
// it is refreshed every 2 seconds.
type ChannelState struct {
	// ChannelID names the channel.
	ChannelID string `json:"channel_id" jsonschema:"minLength=1"`
	// PartnerID is the account that the channel belongs to.
	PartnerID string `json:"partner_id" jsonschema:"minLength=1"`
	// PhoneNumber is the channel's number, international.
	PhoneNumber string `json:"phone_number"`
	// MaySend is true for open channels only.
	MaySend bool `json:"may_send"`
	// State is open, blocked (the whole account is) or cancelled (for ever).
	State State `json:"state" jsonschema:"enum=open,enum=blocked,enum=cancelled"`
	// Since is when the state began, UTC: for a block its deadline, also when
	// it was recorded later. It is absent where it is not known any more.
	Since time.Time `json:"since,omitzero"`
	// Text is what a sender is told who may not send; absent otherwise.
	Text string `json:"text,omitempty"`
	// HTTPStatus is 200 where it may send, else 400.
	HTTPStatus int `json:"http_status" jsonschema:"enum=200,enum=400"`
	// Revision is that of the account's event that the state follows from.
	Revision int64 `json:"revision" jsonschema:"minimum=0"`
	// Position is that event's place in the log, as commit/prepare. A greater
	// one is newer.
	Position string `json:"position" jsonschema:"pattern=^[0-9]+/[0-9]+$"`
	// UpdatedAt is when that event was recorded, UTC.
	UpdatedAt time.Time `json:"updated_at"`
}

// AccountState is the value of an account in bucket prepay_accounts, under
// its partner id as a key (bytes other than letters, digits, - and _ are
// written as =XX). Amounts are exact decimals in the account's currency. It is
// stale when the value of key prepay.heartbeat in bucket prepay_channels was
// not refreshed for 10 seconds; it is refreshed every 2 seconds.
type AccountState struct {
	// PartnerID names the account.
	PartnerID string `json:"partner_id" jsonschema:"minLength=1"`
	// Currency is the contract's, by ISO 4217.
	Currency string `json:"currency" jsonschema:"pattern=^[A-Z]{3}$"`
	// Balance is what is left of the prepayment; negative where something is
	// due.
	Balance string `json:"balance" jsonschema:"pattern=^-?[0-9]+([.][0-9]+)?$"`
	// AmountDue is what the balance is below zero, else 0 (R19).
	AmountDue string `json:"amount_due" jsonschema:"pattern=^[0-9]+([.][0-9]+)?$"`
	// Threshold is the balance below which the card is charged (R11).
	Threshold string `json:"threshold" jsonschema:"pattern=^[0-9]+([.][0-9]+)?$"`
	// Standing is closed before blocked before grace (negative) before active.
	Standing string `json:"standing" jsonschema:"enum=active,enum=grace,enum=blocked,enum=closed"`
	// NegativeSince is when the balance became negative; absent otherwise.
	NegativeSince time.Time `json:"negative_since,omitzero"`
	// BlockDeadline is when a balance that stays negative blocks (R20).
	BlockDeadline time.Time `json:"block_deadline,omitzero"`
	// BlockedReason is overdue, manual or both; absent where not blocked
	// (R23).
	BlockedReason string `json:"blocked_reason,omitempty" jsonschema:"enum=overdue,enum=manual,enum=overdue+manual"`
	// BlockedSince is when the block began; absent where it is not blocked,
	// or where it is not known any more.
	BlockedSince time.Time `json:"blocked_since,omitzero"`
	// RechargeInFlight is the id of a card payment without outcome (R13).
	RechargeInFlight string `json:"recharge_in_flight,omitempty"`
	// RetryAt is when a failed card payment is tried again (R17).
	RetryAt time.Time `json:"retry_at,omitzero"`
	// Revision is that of the account's newest event in these figures.
	Revision int64 `json:"revision" jsonschema:"minimum=0"`
	// Position is that event's place in the log, as commit/prepare. A greater
	// one is newer. Events that change none of these figures don't move it.
	Position string `json:"position" jsonschema:"pattern=^[0-9]+/[0-9]+$"`
	// UpdatedAt is when that event was recorded, UTC.
	UpdatedAt time.Time `json:"updated_at"`
}

// Heartbeat is the value of key prepay.heartbeat in bucket prepay_channels.
// Every channel's state that the writer had been told of before At stands in
// the bucket; accounts' figures follow within a second or so.
type Heartbeat struct {
	// At is the writer's clock, UTC.
	At time.Time `json:"at"`
	// EverySeconds is how often it comes.
	EverySeconds int `json:"every_seconds" jsonschema:"minimum=1"`
	// StaleAfterSeconds is when to take the buckets for stale if no other
	// comes, unless the reader has its own opinion.
	StaleAfterSeconds int `json:"stale_after_seconds" jsonschema:"minimum=1"`
}
