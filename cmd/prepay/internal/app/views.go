package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
	"prepayledger/projections"
	"prepayledger/projections/accounts"
	"prepayledger/projections/activity"
	"prepayledger/projections/cards"
	"prepayledger/projections/chargeindex"
	"prepayledger/projections/daily"
	"prepayledger/projections/invoices"
	"prepayledger/projections/months"
	"prepayledger/projections/quarantine"
	"prepayledger/projections/recharges"
	"prepayledger/projections/streams"
	"prepayledger/projections/usage"
)

// views are all read models, wired to one engine.
type Views struct {
	Store      eventstore.Store
	Codec      *codec.Codec
	Engine     *projections.Engine
	Index      *chargeindex.Index
	Accounts   *accounts.Model
	Daily      *daily.Model
	Usage      *usage.Model
	Quarantine *quarantine.Model
	Months     *months.Model
	Cards      *cards.Model
	Invoices   *invoices.Model
	Activity   *activity.Model
	Recharges  *recharges.Model
	Streams    *streams.Model
}

// NewViews makes the models; they are empty until an engine fills them.
func NewViews(store eventstore.Store, c *codec.Codec) *Views {
	return &Views{
		Store: store, Codec: c, Accounts: accounts.New(), Daily: daily.New(), Usage: usage.New(),
		Quarantine: quarantine.New(), Months: months.New(), Cards: cards.New(), Invoices: invoices.New(),
		Activity: activity.New(), Recharges: recharges.New(), Streams: streams.New(),
	}
}

// Models lists them for the engine.
func (v *Views) Models() []projections.Model {
	return []projections.Model{v.Accounts, v.Daily, v.Usage, v.Quarantine, v.Months, v.Cards, v.Invoices, v.Activity, v.Recharges, v.Streams}
}

var _ ledger.Views = (*Views)(nil)

// Snapshot implements ledger.Views.
func (v *Views) Snapshot(ctx context.Context, partnerID string) (*domain.Account, eventstore.Revision, error) {
	a, err := v.Accounts.Get(partnerID)
	if err != nil || a == nil {
		return nil, eventstore.NoStream, err
	}
	if v.Engine.Indexed().Before(a.Position) {
		// The index takes the same batch beside the accounts.
		if err := v.Engine.WaitFor(ctx, a.Position); err != nil {
			return nil, eventstore.NoStream, err
		}
	}
	return a.State, a.Revision, nil
}

// Seen implements ledger.Views.
func (v *Views) Seen(ctx context.Context, keys []domain.ChargeKey, found func(int, domain.Seen)) error {
	return v.Index.Seen(ctx, keys, found)
}

// CommandSeen implements ledger.Views.
func (v *Views) CommandSeen(ctx context.Context, stream string, id uuid.UUID) (string, bool, error) {
	return v.Index.CommandSeen(ctx, stream, id)
}

// Indexed implements ledger.Views.
func (v *Views) Indexed() eventstore.Position { return v.Engine.Indexed() }

// WaitFor implements ledger.Views.
func (v *Views) WaitFor(ctx context.Context, p eventstore.Position) error {
	return v.Engine.WaitFor(ctx, p)
}

// References implements ledger.Views.
func (v *Views) References() uint64 { return v.Cards.Events() }

// Exists implements ledger.Views.
func (v *Views) Exists(partnerID string) bool { return v.Accounts.Exists(partnerID) }

// Partners implements ledger.Views.
func (v *Views) Partners(context.Context) ([]string, error) { return v.Accounts.Partners(), nil }

// ChannelsByPhoneNumberID implements ledger.Views.
func (v *Views) ChannelsByPhoneNumberID(_ context.Context, id string) ([]ledger.ChannelRef, error) {
	channels := v.Accounts.ByPhoneNumberID(id)
	refs := make([]ledger.ChannelRef, len(channels))
	for i, c := range channels {
		refs[i] = ledger.ChannelRef{PartnerID: c.PartnerID, ChannelID: c.ChannelID, CancelledAt: c.CancelledAt}
	}
	return refs, nil
}

// MonthInput implements ledger.Views.
func (v *Views) MonthInput(_ context.Context, month domain.Month) (reconciliation.Input, error) {
	in := reconciliation.Input{Month: month}
	for _, id := range v.Accounts.Partners() {
		a, err := v.Accounts.Get(id)
		if err != nil {
			return in, err
		}
		s := a.State.Months[month]
		in.Accounts = append(in.Accounts, reconciliation.Account{PartnerID: id, Currency: a.State.Currency, MonthOpen: s != nil && s.Open})
		for _, c := range a.State.Channels {
			in.Channels = append(in.Channels, reconciliation.Channel{
				PartnerID: id, ChannelID: c.ChannelID, WABAID: c.WABAID, PhoneNumberID: c.PhoneNumberID, PaymentModel: c.PaymentModel,
			})
		}
		rows, err := v.Usage.Month(id, month)
		if err != nil {
			return in, err
		}
		for i := range rows {
			if rows[i].Direct {
				continue
			}
			in.Usage = append(in.Usage, monthUsage(a.State, &rows[i]))
		}
	}
	return in, nil
}

// monthUsage is a row as a reconciliation takes it: less what was corrected.
func monthUsage(a *domain.Account, r *usage.Row) reconciliation.Usage {
	count, amount := r.Net()
	u := reconciliation.Usage{
		PartnerID: r.PartnerID, Currency: a.Currency, WABAID: r.WABAID, ChannelID: r.ChannelID, Market: r.Market,
		Category: r.Category, PricingType: r.PricingType, Late: r.Late, Count: count, Amount: amount,
	}
	if c := a.Channels[r.ChannelID]; c != nil {
		u.PhoneNumberID = c.PhoneNumberID
	}
	return u
}

// InvoiceIDs implements ledger.Views.
func (v *Views) InvoiceIDs(_ context.Context, month domain.Month) ([]string, error) {
	return v.Months.Documents(month)
}

// Payments implements ledger.Views.
func (v *Views) Payments(_ context.Context, partnerID, rechargeID string) ([]domain.Payment, error) {
	return v.Accounts.Payments(partnerID, rechargeID)
}

// FindCharge implements ledger.Views: the index says whose it is, the
// account's stream has the event.
func (v *Views) FindCharge(ctx context.Context, partnerID, chargeID string) (*domain.ConversationCharged, string, error) {
	candidates := []string{partnerID}
	if partnerID == "" {
		candidates = v.Accounts.Partners()
	}
	keys := make([]domain.ChargeKey, len(candidates))
	for i, p := range candidates {
		keys[i] = domain.KeyOf(p, chargeID)
	}
	owner := ""
	err := v.Index.Seen(ctx, keys, func(i int, s domain.Seen) {
		if s.Counted && owner == "" {
			owner = candidates[i]
		}
	})
	if err != nil || owner == "" {
		return nil, "", err
	}
	e, err := v.chargeEvent(ctx, owner, chargeID)
	return e, owner, err
}

// chargeEvent looks for the event in the account's stream, newest first.
func (v *Views) chargeEvent(ctx context.Context, partnerID, chargeID string) (*domain.ConversationCharged, error) {
	for r, err := range v.Store.ReadStream(ctx, ledger.AccountStream(partnerID), eventstore.End, eventstore.Backwards) {
		if err != nil {
			if errors.Is(err, eventstore.ErrStreamNotFound) {
				return nil, nil
			}
			return nil, err
		}
		if r.Type != domain.TypeConversationCharged || !bytes.Contains(r.Data, []byte(chargeID)) {
			continue
		}
		m, err := codec.DecodeMetadata(r.Metadata)
		if err != nil {
			return nil, err
		}
		e, err := v.Codec.Decode(r.Type, m.Version, r.Data)
		if err != nil {
			return nil, fmt.Errorf("stream %s, revision %d: %w", r.Stream, r.Revision, err)
		}
		if charged, ok := e.(*domain.ConversationCharged); ok && charged.ChargeID == chargeID {
			return charged, nil
		}
	}
	return nil, nil
}
