package intake

import (
	"errors"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/usage"
	"prepayledger/domain"
	"prepayledger/domain/rating"
)

// ChargeReply answers prepay.charge, and a charge over HTTP: what became of the
// charge, on disk.
type ChargeReply struct {
	Outcome  string `json:"outcome" enum:"charged,free,duplicate,quarantined,ignored" jsonschema:"enum=charged,enum=free,enum=duplicate,enum=quarantined,enum=ignored" doc:"ignored is a webhook that charges nothing, such as one of status sent." jsonschema_description:"ignored is a webhook that charges nothing, such as one of status sent."`
	ChargeID string `json:"charge_id,omitempty" doc:"The id that counts once ever in the account (R8)." jsonschema_description:"The id that counts once ever in the account (R8)."`
	Reason   string `json:"reason,omitempty" doc:"Why it is in quarantine (R10)." jsonschema_description:"Why it is in quarantine (R10)."`
	Detail   string `json:"detail,omitempty" doc:"What exactly is wrong with a malformed record." jsonschema_description:"What exactly is wrong with a malformed record."`
}

// Ignored is the outcome of a webhook without a charge.
const Ignored = "ignored"

// ReplyOf puts a charge's outcome into words.
func ReplyOf(c *domain.Charge, o *domain.Outcome) ChargeReply {
	reply := ChargeReply{Outcome: string(o.Charge), ChargeID: c.ChargeID}
	if o.Charge == domain.ChargeQuarantinedResult {
		reply.Reason, reply.Detail = o.Reason.String(), c.Malformed
	}
	return reply
}

// Errors of Decoder.One.
var (
	// ErrSeveral: there is more than one charge, or a tier change.
	ErrSeveral = errors.New("one charge is taken at a time, nothing was done")
	// ErrNothing: there is neither a charge nor a webhook.
	ErrNothing = errors.New("the request is empty: send one charge or one webhook as JSON")
)

// Decoder decodes by the table of markets in force, which may change while it
// is used. It is for one goroutine at a time; its Batch is used again.
type Decoder struct {
	Batch usage.Batch

	ledger  *ledger.Ledger
	markets *rating.Markets
	decoder *usage.Decoder
}

// NewDecoder returns a decoder for what a ledger is presented.
func NewDecoder(l *ledger.Ledger) *Decoder { return &Decoder{ledger: l} }

// Now returns the decoder for what is decoded next.
func (d *Decoder) Now() *usage.Decoder {
	if markets := d.ledger.Markets(); d.decoder == nil || markets != d.markets {
		d.markets, d.decoder = markets, usage.NewDecoder(usage.Options{Markets: markets})
	}
	return d.decoder
}

// One decodes a request that may hold one charge; false is a webhook without
// one. name stands for the request in what is said of a malformed charge. The
// data may be used again afterwards.
func (d *Decoder) One(name string, data []byte) (ledger.Presented, bool, error) {
	b := &d.Batch
	d.Now().DecodeMessage(name, data, b)
	switch {
	case len(b.Tiers) > 0 || len(b.Items) > 1:
		return ledger.Presented{}, false, ErrSeveral
	case len(b.Items) == 0 && b.Stats.Webhooks == 0:
		return ledger.Presented{}, false, ErrNothing
	case len(b.Items) == 0:
		return ledger.Presented{}, false, nil
	}
	item := &b.Items[0]
	return ledger.Presented{Charge: item.Charge, PhoneNumberID: item.PhoneNumberID}, true, nil
}
