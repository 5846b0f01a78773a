package main

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
	"prepayledger/projections/cards"
	"prepayledger/projections/chargeindex"
	"prepayledger/projections/daily"
	"prepayledger/projections/invoices"
	"prepayledger/projections/months"
	"prepayledger/projections/quarantine"
	"prepayledger/projections/usage"
)

// views are all read models, wired to one engine.
type views struct {
	store      eventstore.Store
	codec      *codec.Codec
	engine     *projections.Engine
	index      *chargeindex.Index
	accounts   *accounts.Model
	daily      *daily.Model
	usage      *usage.Model
	quarantine *quarantine.Model
	months     *months.Model
	cards      *cards.Model
	invoices   *invoices.Model
}

// newViews makes the models; they are empty until an engine fills them.
func newViews(store eventstore.Store, c *codec.Codec) *views {
	return &views{
		store: store, codec: c, accounts: accounts.New(), daily: daily.New(), usage: usage.New(),
		quarantine: quarantine.New(), months: months.New(), cards: cards.New(), invoices: invoices.New(),
	}
}

// models lists them for the engine.
func (v *views) models() []projections.Model {
	return []projections.Model{v.accounts, v.daily, v.usage, v.quarantine, v.months, v.cards, v.invoices}
}

var _ ledger.Views = (*views)(nil)

// Snapshot implements ledger.Views.
func (v *views) Snapshot(ctx context.Context, partnerID string) (*domain.Account, eventstore.Revision, error) {
	a, err := v.accounts.Get(partnerID)
	if err != nil || a == nil {
		return nil, eventstore.NoStream, err
	}
	if v.engine.Indexed().Before(a.Position) {
		// The index takes the same batch beside the accounts.
		if err := v.engine.WaitFor(ctx, a.Position); err != nil {
			return nil, eventstore.NoStream, err
		}
	}
	return a.State, a.Revision, nil
}

// Seen implements ledger.Views.
func (v *views) Seen(ctx context.Context, keys []domain.ChargeKey, found func(int, domain.Seen)) error {
	return v.index.Seen(ctx, keys, found)
}

// CommandSeen implements ledger.Views.
func (v *views) CommandSeen(ctx context.Context, stream string, id uuid.UUID) (string, bool, error) {
	return v.index.CommandSeen(ctx, stream, id)
}

// Indexed implements ledger.Views.
func (v *views) Indexed() eventstore.Position { return v.engine.Indexed() }

// WaitFor implements ledger.Views.
func (v *views) WaitFor(ctx context.Context, p eventstore.Position) error {
	return v.engine.WaitFor(ctx, p)
}

// References implements ledger.Views.
func (v *views) References() uint64 { return v.cards.Events() }

// Exists implements ledger.Views.
func (v *views) Exists(partnerID string) bool { return v.accounts.Exists(partnerID) }

// Partners implements ledger.Views.
func (v *views) Partners(context.Context) ([]string, error) { return v.accounts.Partners(), nil }

// ChannelsByPhoneNumberID implements ledger.Views.
func (v *views) ChannelsByPhoneNumberID(_ context.Context, id string) ([]ledger.ChannelRef, error) {
	channels := v.accounts.ByPhoneNumberID(id)
	refs := make([]ledger.ChannelRef, len(channels))
	for i, c := range channels {
		refs[i] = ledger.ChannelRef{PartnerID: c.PartnerID, ChannelID: c.ChannelID, CancelledAt: c.CancelledAt}
	}
	return refs, nil
}

// MonthInput implements ledger.Views.
func (v *views) MonthInput(_ context.Context, month domain.Month) (reconciliation.Input, error) {
	in := reconciliation.Input{Month: month}
	for _, id := range v.accounts.Partners() {
		a, err := v.accounts.Get(id)
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
		rows, err := v.usage.Month(id, month)
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
func (v *views) InvoiceIDs(_ context.Context, month domain.Month) ([]string, error) {
	return v.months.Documents(month)
}

// Payments implements ledger.Views.
func (v *views) Payments(_ context.Context, partnerID, rechargeID string) ([]domain.Payment, error) {
	return v.accounts.Payments(partnerID, rechargeID)
}

// FindCharge implements ledger.Views: the index says whose it is, the
// account's stream has the event.
func (v *views) FindCharge(ctx context.Context, partnerID, chargeID string) (*domain.ConversationCharged, string, error) {
	candidates := []string{partnerID}
	if partnerID == "" {
		candidates = v.accounts.Partners()
	}
	keys := make([]domain.ChargeKey, len(candidates))
	for i, p := range candidates {
		keys[i] = domain.KeyOf(p, chargeID)
	}
	owner := ""
	err := v.index.Seen(ctx, keys, func(i int, s domain.Seen) {
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
func (v *views) chargeEvent(ctx context.Context, partnerID, chargeID string) (*domain.ConversationCharged, error) {
	for r, err := range v.store.ReadStream(ctx, ledger.AccountStream(partnerID), eventstore.End, eventstore.Backwards) {
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
		e, err := v.codec.Decode(r.Type, m.Version, r.Data)
		if err != nil {
			return nil, fmt.Errorf("stream %s, revision %d: %w", r.Stream, r.Revision, err)
		}
		if charged, ok := e.(*domain.ConversationCharged); ok && charged.ChargeID == chargeID {
			return charged, nil
		}
	}
	return nil, nil
}
