package codec

import (
	"encoding/json"
	"time"

	"prepayledger/domain"
)

// versionCharged is the schema version of ConversationCharged: version 1 had
// neither month nor pricing_type.
const versionCharged = 2

// versionQuarantined is the schema version of ChargeQuarantined: version 1 had
// no phone_number_id.
const versionQuarantined = 2

// event makes a registration of version 1.
func event[E any, P interface {
	*E
	domain.Event
}]() Registration {
	return Registration{Version: 1, New: func() domain.Event { return P(new(E)) }}
}

// accountEvents are the events of an account's stream.
func accountEvents() []Registration {
	charged := event[domain.ConversationCharged]()
	charged.Version = versionCharged
	charged.Upcast = map[int]func([]byte) ([]byte, error){1: upcastCharged1}
	quarantined := event[domain.ChargeQuarantined]()
	quarantined.Version = versionQuarantined
	quarantined.Upcast = map[int]func([]byte) ([]byte, error){1: unchanged}
	return []Registration{
		charged,
		quarantined,
		event[domain.AccountOpened](),
		event[domain.ContractChanged](),
		event[domain.BillingDetailsChanged](),
		event[domain.ChannelRegistered](),
		event[domain.ChannelCancelled](),
		event[domain.CardReplaced](),
		event[domain.RechargeSettingsChanged](),
		event[domain.ConversationCounted](),
		event[domain.QuarantineReleased](),
		event[domain.ChargeCorrected](),
		event[domain.RechargeRequested](),
		event[domain.RechargeSucceeded](),
		event[domain.RechargeFailed](),
		event[domain.RetryCleared](),
		event[domain.InvoiceIssued](),
		event[domain.GraceStarted](),
		event[domain.GraceEnded](),
		event[domain.AccountBlocked](),
		event[domain.AccountUnblocked](),
		event[domain.PaymentConfirmed](),
		event[domain.ReconciliationAdjusted](),
		event[domain.RefundIssued](),
		event[domain.RechargeReversed](),
		event[domain.RechargeReinstated](),
		event[domain.RefundPaidOut](),
		event[domain.RefundFailed](),
		event[domain.RefundRetried](),
		event[domain.RefundCancelled](),
		event[domain.CreditNoteIssued](),
		event[domain.BalancePublished](),
		event[domain.AccountClosed](),
		event[domain.AlertSettingsChanged](),
	}
}

// unchanged is the upcaster to a version that only added optional fields.
func unchanged(data []byte) ([]byte, error) { return data, nil }

// upcastCharged1 adds what version 1 of ConversationCharged did not have: all
// its charges were regular, and its months were those of UTC.
func upcastCharged1(data []byte) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	var occurred time.Time
	if err := json.Unmarshal(fields["occurred_at"], &occurred); err != nil {
		return nil, err
	}
	fields["month"] = appendString(nil, domain.MonthOf(occurred, time.UTC))
	fields["pricing_type"] = appendString(nil, domain.PricingTypeRegular)
	return json.Marshal(fields)
}
