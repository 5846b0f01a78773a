// Package ledgertest has an in-memory twin of the read models that a ledger
// asks: simple, slow in the long run, and right. Tests hold the real ones
// against it.
package ledgertest

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/rating"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
)

// Views implements ledger.Views by reading the log whenever it is asked.
type Views struct {
	store eventstore.Store
	codec *codec.Codec

	mu       sync.Mutex
	position eventstore.Position
	seen     map[domain.ChargeKey]domain.Seen
	commands map[string]string
	accounts map[string]*domain.Account
	charges  map[string]map[string]*domain.ConversationCharged
	usage    map[domain.Month]map[reconciliation.Usage]*reconciliation.Usage
	invoices map[string]map[domain.Month]bool
	payments map[string][]*domain.Payment // by partner, the oldest first
	// references counts events of rate cards, markets and tiers.
	references uint64
}

// New returns views of the store's log.
func New(store eventstore.Store, c *codec.Codec) *Views {
	return &Views{
		store: store, codec: c, seen: map[domain.ChargeKey]domain.Seen{}, commands: map[string]string{},
		accounts: map[string]*domain.Account{}, charges: map[string]map[string]*domain.ConversationCharged{},
		usage:    map[domain.Month]map[reconciliation.Usage]*reconciliation.Usage{},
		invoices: map[string]map[domain.Month]bool{}, payments: map[string][]*domain.Payment{},
	}
}

// follow reads what is new. The caller holds mu.
func (v *Views) follow(ctx context.Context) error {
	for r, err := range v.store.ReadAll(ctx, v.position) {
		if err != nil {
			return err
		}
		m, err := codec.DecodeMetadata(r.Metadata)
		if err != nil {
			return err
		}
		e, err := v.codec.Decode(r.Type, m.Version, r.Data)
		if err != nil {
			return err
		}
		if m.CommandHash != "" {
			v.commands[r.Stream+m.CommandID.String()] = m.CommandHash
		}
		if err := v.apply(r.Stream, e); err != nil {
			return fmt.Errorf("%s revision %d: %w", r.Stream, r.Revision, err)
		}
		v.position = r.Position
	}
	return nil
}

func (v *Views) apply(stream string, e domain.Event) error {
	partner, isAccount := strings.CutPrefix(stream, "account-")
	if !isAccount && stream != ledger.UnassignedStream {
		v.document(stream, e)
		return nil
	}
	if isAccount {
		a := v.accounts[partner]
		if a == nil {
			a = domain.NewAccount()
			v.accounts[partner] = a
			v.charges[partner] = map[string]*domain.ConversationCharged{}
		}
		v.use(partner, a, e)
		v.pay(partner, a, e)
		if err := a.Apply(e); err != nil {
			return err
		}
	} else {
		partner = ""
	}
	v.index(partner, e)
	return nil
}

func (v *Views) document(stream string, e domain.Event) {
	switch e.(type) {
	case *rating.RateCardImported, *rating.MarketsImported, *rating.TierReached:
		v.references++
	}
	id, ok := strings.CutPrefix(stream, "metainvoice-")
	lines, isLines := e.(*reconciliation.MetaInvoiceLines)
	if !ok || !isLines {
		return
	}
	if v.invoices[id] == nil {
		v.invoices[id] = map[domain.Month]bool{}
	}
	for _, l := range lines.Lines {
		v.invoices[id][l.Month] = true
	}
}

// use sums usage up for month ends.
func (v *Views) use(partner string, a *domain.Account, e domain.Event) {
	key := reconciliation.Usage{PartnerID: partner, Currency: a.Currency}
	var month domain.Month
	count, sign := int64(1), 1
	switch e := e.(type) {
	case *domain.ConversationCharged:
		key.WABAID, key.ChannelID, key.Market, key.Category, key.PricingType = e.WABAID, e.ChannelID, e.Market, e.Category, e.PricingType
		key.Amount, month = e.Amount, e.Month
		v.charges[partner][e.ChargeID] = e
	case *domain.ChargeCorrected:
		key.WABAID, key.ChannelID, key.Market, key.Category, key.PricingType = e.WABAID, e.ChannelID, e.Market, e.Category, e.PricingType
		key.Amount, month, count, sign = e.Amount, e.Month, -1, -1
	case *domain.ConversationCounted:
		if e.Why == "direct" {
			return
		}
		key.WABAID, key.ChannelID, key.Market, key.Category, key.PricingType = e.WABAID, e.ChannelID, e.Market, e.Category, e.PricingType
		month = e.Month
	default:
		return
	}
	key.PhoneNumberID = a.Channels[key.ChannelID].PhoneNumberID
	if s := a.Months[month]; s != nil && s.Run > 0 {
		key.Late = true
	}
	amount := key.Amount
	key.Amount = amount.Sub(amount)
	if v.usage[month] == nil {
		v.usage[month] = map[reconciliation.Usage]*reconciliation.Usage{}
	}
	key = normal(key)
	u := v.usage[month][key]
	if u == nil {
		copied := key
		u = &copied
		v.usage[month][key] = u
	}
	u.Count += count
	if sign < 0 {
		amount = amount.Neg()
	}
	u.Amount = u.Amount.Add(amount)
}

// normal makes keys of equal content equal: an amount of zero has one form.
func normal(u reconciliation.Usage) reconciliation.Usage {
	return reconciliation.Usage{
		PartnerID: u.PartnerID, Currency: u.Currency, WABAID: u.WABAID, PhoneNumberID: u.PhoneNumberID,
		ChannelID: u.ChannelID, Market: u.Market, Category: u.Category, PricingType: u.PricingType, Late: u.Late,
	}
}

func (v *Views) index(partner string, e domain.Event) {
	content := domain.ContentOf(e)
	switch e := e.(type) {
	case *domain.ConversationCharged:
		v.counted(domain.KeyOf(partner, e.ChargeID), content)
	case *domain.ConversationCounted:
		v.counted(domain.KeyOf(partner, e.ChargeID), content)
	case *domain.ChargeQuarantined:
		reason, _ := domain.ParseReason(e.Reason)
		key := domain.QuarantineKey(partner, e.ChargeID, content)
		s := v.seen[key]
		s.Quarantined = append(without(s.Quarantined, content), domain.QuarantinedEntry{Content: content, Reason: reason})
		v.seen[key] = s
	case *domain.QuarantineReleased:
		raw, _ := hex.DecodeString(e.Content)
		key := domain.QuarantineKey(partner, e.ChargeID, domain.ContentHash(raw))
		s := v.seen[key]
		s.Quarantined = without(s.Quarantined, domain.ContentHash(raw))
		v.seen[key] = s
	case *domain.ChargeCorrected:
		key := domain.KeyOf(partner, e.ChargeID)
		s := v.seen[key]
		s.Corrected = true
		v.seen[key] = s
	}
}

func (v *Views) counted(key domain.ChargeKey, content domain.ContentHash) {
	s := v.seen[key]
	s.Counted, s.Content, s.Quarantined = true, content, without(s.Quarantined, content)
	v.seen[key] = s
}

func without(entries []domain.QuarantinedEntry, content domain.ContentHash) []domain.QuarantinedEntry {
	return slices.DeleteFunc(slices.Clone(entries), func(q domain.QuarantinedEntry) bool { return q.Content == content })
}

// Snapshot implements ledger.Views: there are none, streams are read whole.
func (v *Views) Snapshot(context.Context, string) (*domain.Account, eventstore.Revision, error) {
	return nil, eventstore.NoStream, nil
}

// Seen implements ledger.Views.
func (v *Views) Seen(ctx context.Context, keys []domain.ChargeKey, found func(int, domain.Seen)) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.follow(ctx); err != nil {
		return err
	}
	for i, k := range keys {
		if s, ok := v.seen[k]; ok {
			found(i, s)
		}
	}
	return nil
}

// CommandSeen implements ledger.Views.
func (v *Views) CommandSeen(ctx context.Context, stream string, id uuid.UUID) (string, bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	hash, ok := v.commands[stream+id.String()]
	return hash, ok, v.follow(ctx)
}

// Indexed implements ledger.Views.
func (v *Views) Indexed() eventstore.Position {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.position
}

// WaitFor implements ledger.Views.
func (v *Views) WaitFor(ctx context.Context, _ eventstore.Position) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.follow(ctx)
}

// Due tells what falls due, as the read model of accounts does.
func (v *Views) Due(at time.Time) (due, inFlight []string, next time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.follow(context.Background()); err != nil {
		panic(err)
	}
	for id, a := range v.accounts {
		if a.InFlight != nil {
			inFlight = append(inFlight, id)
		}
		switch when := a.NextDueAt(); {
		case !when.After(at):
			due = append(due, id)
		case next.IsZero() || when.Before(next):
			next = when
		}
	}
	return due, inFlight, next
}

// References implements ledger.Views.
func (v *Views) References() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.references
}

// Exists implements ledger.Views.
func (v *Views) Exists(partnerID string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.accounts[partnerID] == nil && v.follow(context.Background()) != nil {
		return false
	}
	return v.accounts[partnerID] != nil
}

// Partners implements ledger.Views.
func (v *Views) Partners(ctx context.Context) ([]string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.follow(ctx)
	var ids []string
	for id := range v.accounts {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	return ids, err
}

// ChannelsByPhoneNumberID implements ledger.Views.
func (v *Views) ChannelsByPhoneNumberID(ctx context.Context, id string) ([]ledger.ChannelRef, error) {
	partners, err := v.Partners(ctx)
	var refs []ledger.ChannelRef
	for _, p := range partners {
		for _, c := range v.accounts[p].Channels {
			if c.PhoneNumberID == id {
				refs = append(refs, ledger.ChannelRef{PartnerID: p, ChannelID: c.ChannelID, CancelledAt: c.CancelledAt})
			}
		}
	}
	return refs, err
}

// MonthInput implements ledger.Views.
func (v *Views) MonthInput(ctx context.Context, month domain.Month) (reconciliation.Input, error) {
	partners, err := v.Partners(ctx)
	in := reconciliation.Input{Month: month}
	for _, p := range partners {
		a := v.accounts[p]
		s := a.Months[month]
		in.Accounts = append(in.Accounts, reconciliation.Account{PartnerID: p, Currency: a.Currency, MonthOpen: s != nil && s.Open})
		for _, c := range a.Channels {
			in.Channels = append(in.Channels, reconciliation.Channel{
				PartnerID: p, ChannelID: c.ChannelID, WABAID: c.WABAID, PhoneNumberID: c.PhoneNumberID, PaymentModel: c.PaymentModel,
			})
		}
	}
	for _, u := range v.usage[month] {
		in.Usage = append(in.Usage, *u)
	}
	return in, err
}

// InvoiceIDs implements ledger.Views.
func (v *Views) InvoiceIDs(ctx context.Context, month domain.Month) ([]string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.follow(ctx)
	var ids []string
	for id, months := range v.invoices {
		if months[month] {
			ids = append(ids, id)
		}
	}
	sort.Strings(ids)
	return ids, err
}

// FindCharge implements ledger.Views.
func (v *Views) FindCharge(ctx context.Context, partnerID, chargeID string) (*domain.ConversationCharged, string, error) {
	partners, err := v.Partners(ctx)
	for _, p := range partners {
		if e := v.charges[p][chargeID]; e != nil && (partnerID == "" || partnerID == p) {
			return e, p, err
		}
	}
	return nil, "", err
}
