package desk

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"time"

	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/usage"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections/quarantine"
)

// Exported is an entry in the format of usage import.
type Exported struct {
	ChargeID     string              `json:"charge_id"`
	PartnerID    string              `json:"partner_id,omitempty"`
	ChannelID    string              `json:"channel_id,omitempty"`
	WABAID       string              `json:"waba_id,omitempty"`
	Recipient    string              `json:"recipient,omitempty"`
	Country      string              `json:"country,omitempty"`
	Market       string              `json:"market,omitempty"`
	Category     string              `json:"category,omitempty"`
	PricingModel domain.PricingModel `json:"pricing_model,omitempty"`
	PricingType  string              `json:"pricing_type,omitempty"`
	OccurredAt   time.Time           `json:"occurred_at,omitzero"`
	Amount       *money.Amount       `json:"amount,omitempty"`
	Currency     money.Currency      `json:"currency,omitempty"`
}

// ExportOf is an entry in the format of usage import, as far as it could be
// read.
func ExportOf(e *quarantine.Entry) Exported {
	return Exported{
		ChargeID: e.ChargeID, PartnerID: e.PartnerID, ChannelID: e.ChannelID, WABAID: e.WABAID, Recipient: e.RecipientPrefix,
		Country: e.Country, Market: e.Market, Category: e.Category, PricingModel: e.PricingModel, PricingType: e.PricingType,
		OccurredAt: e.OccurredAt, Amount: e.Amount, Currency: e.Currency,
	}
}

// ExportLine is an entry as a line of NDJSON without its end, to be mended and
// imported again; a malformed record as it came.
func ExportLine(e *quarantine.Entry) ([]byte, error) {
	if e.Raw != "" {
		return []byte(e.Raw), nil
	}
	return json.Marshal(ExportOf(e))
}

// ChargeOf is an entry as it was presented.
func ChargeOf(e *quarantine.Entry) domain.Charge {
	c := domain.Charge{
		ChargeID: e.ChargeID, PartnerID: e.PartnerID, ChannelID: e.ChannelID, WABAID: e.WABAID, RecipientPrefix: e.RecipientPrefix,
		Country: e.Country, Market: e.Market, Category: e.Category, Model: e.PricingModel, PricingType: e.PricingType,
		OccurredAt: e.OccurredAt, Currency: e.Currency,
	}
	if e.Amount != nil {
		c.Priced, c.Amount = true, *e.Amount
	}
	return c
}

// QuarantinePage are some entries.
type QuarantinePage struct {
	Items []quarantine.Entry `json:"items"`
	// Counts are all entries by reason: the owner's, or of all.
	Counts quarantine.Counts `json:"counts"`
	// Next is where the next page begins; empty on the last. A page may have
	// fewer than asked for, and a next.
	Next string `json:"next,omitempty"`
}

// Quarantine pages through what could not be charged (R10), without reading all
// of it.
func (d *Desk) Quarantine(ctx context.Context, w quarantine.Wanted, after string, limit int) (*QuarantinePage, error) {
	if !w.All && w.Owner != "" && !d.Ledger.Exists(w.Owner) {
		return nil, unknown(w.Owner)
	}
	if err := d.Ledger.Settle(ctx); err != nil {
		return nil, err
	}
	entries, next, err := d.Views.Quarantine.Page(w, after, limit)
	if err != nil {
		return nil, err
	}
	counts := d.Views.Quarantine.Totals()
	if !w.All {
		counts = d.Views.Quarantine.Counts(w.Owner)
	}
	return &QuarantinePage{Items: list(entries), Counts: counts, Next: next}, nil
}

// EachQuarantined calls each with all the wanted entries, in order, and ends
// with its error.
func (d *Desk) EachQuarantined(w quarantine.Wanted, each func(*quarantine.Entry) error) error {
	if !w.All && w.Owner != "" && !d.Ledger.Exists(w.Owner) {
		return unknown(w.Owner)
	}
	return d.Views.Quarantine.List(w.Owner, w.All, w.Reason, func(e *quarantine.Entry) error {
		if w.ChargeID != "" && e.ChargeID != w.ChargeID {
			return nil
		}
		return each(e)
	})
}

const (
	// RetryBatch is how many entries are presented at once.
	RetryBatch = 1000
	// leftOut is what a retry answers of malformed records.
	leftOut = "left out: malformed"
)

// Retried is what entries came to that were presented again.
type Retried struct {
	// Results counts by what became of them: charged, free, duplicate, and
	// quarantined with its reason.
	Results map[string]int `json:"results"`
	// Stuck counts those that are in quarantine again.
	Stuck int `json:"stuck"`
	// More says that there are more than was presented.
	More bool `json:"more,omitempty"`
}

// Retry presents the wanted entries again as they are, most of them at most;
// 0 is all. Malformed records are left out: they have to be mended.
func (d *Desk) Retry(ctx context.Context, m domain.Meta, w quarantine.Wanted, most int) (*Retried, error) {
	leave, err := d.presenting.enter(ctx, "Another retry of what is in quarantine")
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := d.Ledger.AdvanceAll(ctx); err != nil {
		return nil, err
	}
	r := &retrying{desk: d, meta: m, most: most, Retried: Retried{Results: map[string]int{}}}
	err = d.EachQuarantined(w, func(e *quarantine.Entry) error { return r.take(ctx, e) })
	if err == nil || r.More {
		err = r.present(ctx)
	}
	return &r.Retried, err
}

// retrying is a retry under way.
type retrying struct {
	Retried
	desk  *Desk
	meta  domain.Meta
	most  int
	taken int
	batch []ledger.Presented
}

// errEnough ends a listing.
var errEnough = Busy("enough")

func (r *retrying) take(ctx context.Context, e *quarantine.Entry) error {
	if r.most > 0 && r.taken == r.most {
		r.More = true
		return errEnough
	}
	r.taken++
	if e.Reason == domain.ReasonMalformed.String() {
		r.Results[leftOut]++
		return nil
	}
	r.batch = append(r.batch, ledger.Presented{Charge: ChargeOf(e), PhoneNumberID: e.PhoneNumberID})
	if len(r.batch) == RetryBatch {
		return r.present(ctx)
	}
	return nil
}

func (r *retrying) present(ctx context.Context) error {
	if len(r.batch) == 0 {
		return nil
	}
	outcomes, err := r.desk.Ledger.Charge(ctx, r.meta, r.batch)
	for _, o := range outcomes {
		name := string(o.Charge)
		if o.Reason != 0 {
			name += ": " + o.Reason.String()
			r.Stuck++
		}
		r.Results[name]++
	}
	r.batch = r.batch[:0]
	return err
}

// Place names an entry: its owner, empty for what belongs to no account, its
// charge id, and the hash of its content, in hex.
type Place struct {
	Owner    string `json:"owner,omitempty"`
	ChargeID string `json:"charge_id"`
	Content  string `json:"content"`
}

// Mended is what became of a record that was presented in the place of an
// entry.
type Mended struct {
	ChargeID string `json:"charge_id"`
	// Result is charged, free, duplicate or quarantined.
	Result domain.ChargeResult `json:"result"`
	// Reason and Advice say why it is in quarantine again, and what to do.
	Reason string `json:"reason,omitempty"`
	Advice string `json:"advice,omitempty"`
}

// Mend presents an entry again with other values in the place of some of its
// fields, whose names and values are those of usage import; null takes a field
// away. The entry then leaves quarantine: what was presented in its place was
// charged or counted, or is in quarantine by itself (R10). Fields that are
// wrong refuse it, and nothing is done; repeated, it counts once (R8).
func (d *Desk) Mend(ctx context.Context, m domain.Meta, at Place, fields map[string]json.RawMessage) (*Mended, error) {
	leave, err := d.presenting.enter(ctx, "Another retry of what is in quarantine")
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := d.Ledger.Settle(ctx); err != nil {
		return nil, err
	}
	e, err := d.Views.Quarantine.Find(at.Owner, at.ChargeID, at.Content)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, NotFound("There is no such entry in quarantine (any more): list them again.")
	}
	record, err := mend(e, fields)
	if err != nil {
		return nil, err
	}
	var batch usage.Batch
	usage.NewDecoder(usage.Options{Markets: d.Ledger.Markets()}).DecodeMessage("record", record, &batch)
	if len(batch.Items) != 1 {
		return nil, &commandjson.FieldError{Field: "fields", Problem: "the mended record is no charge: give the fields of usage import"}
	}
	charge := batch.Items[0].Charge
	if charge.Malformed != "" {
		return nil, &commandjson.FieldError{Field: "fields", Problem: charge.Malformed}
	}
	phone := e.PhoneNumberID
	if charge.PartnerID != "" || charge.ChannelID != "" {
		phone = "" // the record itself says whose it is
	}
	outcomes, err := d.Ledger.Charge(ctx, m, []ledger.Presented{{Charge: charge, PhoneNumberID: phone}})
	if err != nil {
		return nil, err
	}
	if err := d.replaced(ctx, m, e, &charge, outcomes[0]); err != nil {
		return nil, err
	}
	mended := &Mended{ChargeID: charge.ChargeID, Result: outcomes[0].Charge}
	if r := outcomes[0].Reason; r != 0 {
		mended.Reason, mended.Advice = r.String(), r.Advice()
	}
	return mended, d.Ledger.Settle(ctx)
}

// replaced takes the entry out in whose place a charge was presented, unless
// the charge is that very entry.
func (d *Desk) replaced(ctx context.Context, m domain.Meta, e *quarantine.Entry, c *domain.Charge, o domain.Outcome) error {
	content := c.Content()
	if same := e.ChargeID == c.ChargeID && e.Content == hex.EncodeToString(content[:]); same && o.Reason != 0 {
		return nil
	}
	release := &domain.ReleaseQuarantined{ChargeID: e.ChargeID, Mended: true}
	if _, err := hex.Decode(release.Content[:], []byte(e.Content)); err != nil {
		return err
	}
	return d.Ledger.ReleaseQuarantined(ctx, e.Owner, m, release)
}

// mend is an entry as a record of usage import with other values of fields.
func mend(e *quarantine.Entry, fields map[string]json.RawMessage) ([]byte, error) {
	text, err := json.Marshal(ExportOf(e))
	if err != nil {
		return nil, err
	}
	record := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &record); err != nil {
		return nil, err
	}
	if _, country := fields["country"]; country {
		delete(record, "market") // it follows from what is given now
	}
	if _, recipient := fields["recipient"]; recipient {
		delete(record, "market")
		delete(record, "country")
	}
	for name, value := range fields {
		if string(value) == "null" {
			delete(record, name)
			continue
		}
		record[name] = value
	}
	return json.Marshal(record)
}
