// Package ledger is the engine room: it takes commands and charges, decides
// them through the domain, works what falls due before them, and keeps the
// streams beside the accounts (rate cards, numbers, Meta's invoices, months).
//
// Everything that falls due in an account is worked before the next command
// of that account, at its own instant and in the order of R20. So a ledger
// that slept through a deadline catches up exactly.
package ledger

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"prepayledger/consumers/payments"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/rating"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
	"prepayledger/eventstore/decider"
)

// Views is what the ledger asks of the read models.
type Views interface {
	// Snapshot returns the account's state and the revision of the last event
	// in it; nil where there is none. The state is the caller's own. Seen and
	// CommandSeen know the stream up to that revision, at least.
	Snapshot(ctx context.Context, partnerID string) (*domain.Account, eventstore.Revision, error)
	// Seen tells what is known of charge ids; found is called for keys of
	// which something is known (R8).
	Seen(ctx context.Context, keys []domain.ChargeKey, found func(i int, s domain.Seen)) error
	// CommandSeen returns the content hash of a command that the stream took.
	CommandSeen(ctx context.Context, stream string, id uuid.UUID) (hash string, seen bool, err error)
	// Indexed is the position up to which Seen and CommandSeen know the log.
	Indexed() eventstore.Position
	// WaitFor waits until all views are at the position at least.
	WaitFor(ctx context.Context, p eventstore.Position) error
	// References counts the events of rate cards, markets and tiers seen: a
	// ledger reads them again when another process added one.
	References() uint64
	// Exists reports whether the partner has an account.
	Exists(partnerID string) bool
	// Partners returns the ids of all accounts, in order.
	Partners(ctx context.Context) ([]string, error)
	// ChannelsByPhoneNumberID returns all channels, cancelled ones too, that
	// ever had the id.
	ChannelsByPhoneNumberID(ctx context.Context, id string) ([]ChannelRef, error)
	// MonthInput returns what a reconciliation run needs of accounts,
	// channels and usage.
	MonthInput(ctx context.Context, month domain.Month) (reconciliation.Input, error)
	// InvoiceIDs returns the ids of all documents of Meta that have lines in
	// the month.
	InvoiceIDs(ctx context.Context, month domain.Month) ([]string, error)
	// FindCharge returns the event that charged the id, and whose it is; nil
	// where there is none.
	FindCharge(ctx context.Context, partnerID, chargeID string) (*domain.ConversationCharged, string, error)
	// Payments returns the account's credited card payments, the newest
	// first: that of the recharge id, or all for "".
	Payments(ctx context.Context, partnerID, rechargeID string) ([]domain.Payment, error)
}

// ChannelRef says where a channel belongs.
type ChannelRef struct {
	PartnerID, ChannelID string
	// CancelledAt is zero while it lives.
	CancelledAt time.Time
}

// BlockedText is what the sender on a blocked channel is told (R21).
func BlockedText(provider string) string {
	return "Could not send message due to lack of payment. Messaging can resume once overdue invoices towards " +
		provider + " are settled. Please reach out to your integration partner."
}

// DefaultProvider is the provider's name in BlockedText.
const DefaultProvider = "360dialog"

// MaxIndexLag is how many charges the charge index may lie behind before
// further ones wait for it: what is decided and not indexed is kept in memory.
const MaxIndexLag = 1_000_000

// Options of a Ledger.
type Options struct {
	// Clock gives the instant of what has none of its own; nil is time.Now.
	Clock func() time.Time
	// IDs makes event ids; nil is random.
	IDs func() uuid.UUID
	// Processor charges cards; nil is payments.Simulated.
	Processor payments.Processor
	// Exact works what fell due at its own instant instead of now: for
	// simulated time.
	Exact bool
	// Provider is the provider's name in R21's text; default DefaultProvider.
	Provider string
	// Tracer shows decisions in traces; nil is no traces.
	Tracer trace.Tracer
	// Logger takes what the operator should know; nil is silence.
	Logger *zap.Logger
}

// Ledger takes commands. It is safe for concurrent use.
type Ledger struct {
	store  eventstore.Store
	views  Views
	codec  *codec.Codec
	opts   Options
	engine *decider.Engine[*state, Command, domain.Event, Result]

	book    atomic.Pointer[rating.Book]
	markets atomic.Pointer[rating.Markets]

	// rates guards what follows and changes of book.
	rates  sync.Mutex
	loaded map[string]bool // currencies and WABAs whose cards and tiers are in the book
	// references is how many events of cards, markets and tiers the views had
	// seen when the book was read.
	references uint64

	// mu guards what follows.
	mu       sync.Mutex
	partners map[string]bool // opened here: views may not know them yet
	// last is the position of the newest own append.
	last eventstore.Position
	lag  lag
}

// Open returns a ledger on the store. Its views must follow the store's log.
func Open(ctx context.Context, store eventstore.Store, views Views, c *codec.Codec, opts Options) (*Ledger, error) {
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.IDs == nil {
		opts.IDs = uuid.New
	}
	if opts.Processor == nil {
		opts.Processor = payments.Simulated{}
	}
	if opts.Provider == "" {
		opts.Provider = DefaultProvider
	}
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	l := &Ledger{
		store: store, views: views, codec: c, opts: opts,
		partners: map[string]bool{}, loaded: map[string]bool{},
	}
	l.book.Store(&rating.Book{})
	l.markets.Store(rating.DefaultMarkets())
	l.references = views.References()
	if err := l.loadMarkets(ctx); err != nil {
		return nil, err
	}
	l.engine = decider.New(store, l.spec())
	return l, nil
}

// Close ends the ledger; the store stays open.
func (l *Ledger) Close() { l.engine.Close() }

// Now returns the ledger's instant.
func (l *Ledger) Now() time.Time { return l.opts.Clock().UTC() }

// Exists reports whether the partner has an account: one opened elsewhere is
// known when the views have it.
func (l *Ledger) Exists(partnerID string) bool {
	if l.views.Exists(partnerID) {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.partners[partnerID]
}

// appended notes where an append went.
func (l *Ledger) appended(at eventstore.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last.Before(at) {
		l.last = at
	}
}

// settleOwn waits until the views know what this ledger appended.
func (l *Ledger) settleOwn(ctx context.Context) error {
	l.mu.Lock()
	last := l.last
	l.mu.Unlock()
	return l.views.WaitFor(ctx, last)
}

// Settle waits until the views know everything that this ledger wrote: read
// your writes.
func (l *Ledger) Settle(ctx context.Context) error {
	last, err := l.store.Last(ctx)
	if err != nil {
		return err
	}
	return l.views.WaitFor(ctx, last)
}
