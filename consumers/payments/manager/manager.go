// Package manager takes card payments and pays refunds out at a real
// processor, beside the ledger: what is on its way stands in the log, the
// manager asks the processor for it, and tells the ledger how it ended (R16,
// R36). A slow processor delays nothing but that.
//
// It keeps nothing of its own. After a crash it asks again for everything
// that is on its way, under the same idempotency keys; what it tells the
// ledger twice counts once, because the command ids follow from what is told.
package manager

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"prepayledger/consumers/payments"
	"prepayledger/domain"
	"prepayledger/projections/accounts"
)

const (
	// DefaultTick is the pause between two looks at what is on its way (time).
	DefaultTick = 250 * time.Millisecond
	// Workers bounds the requests to the processor at one time.
	Workers = 8
	// AskTimeout bounds one request (time); its outcome is then unknown.
	AskTimeout = 60 * time.Second
	// firstPause and maxPause bound the time until an unknown outcome is asked
	// for again: it doubles.
	firstPause = time.Second
	maxPause   = 5 * time.Minute
	// stopTimeout is how long an outcome that came in time for a stop may take
	// to be told to the ledger (time).
	stopTimeout = 2 * time.Second
)

// Ledger takes what came of payments.
type Ledger interface {
	// Now is the ledger's instant.
	Now() time.Time
	// Do gives a command to an account; an id that was given before counts
	// once.
	Do(ctx context.Context, partnerID string, m domain.Meta, cmd domain.Command) error
}

// Accounts knows what is on its way.
type Accounts interface {
	Pending() []accounts.Pending
}

// Status is what an operator should watch.
type Status struct {
	// InFlight counts card payments and payouts without outcome, Unknown those
	// of them for which the processor was asked in vain; OldestUnknown is the
	// age of the oldest, since it was first asked in vain (R16).
	InFlight      int
	Unknown       int
	OldestUnknown time.Duration
	// FailedRefunds counts refunds whose last attempt failed (R36).
	FailedRefunds int
	// Refused counts outcomes that the ledger did not take since the start:
	// somebody must look at each.
	Refused int
}

// Options of a Manager.
type Options struct {
	// Tick is the pause between two looks; 0 is DefaultTick.
	Tick time.Duration
	// Sleep waits; nil is the real time. Tests put their own here.
	Sleep func(ctx context.Context, d time.Duration) error
	// Logger takes what the operator should know; nil is silence.
	Logger *zap.Logger
}

// Manager asks for what is on its way. It is safe for concurrent use.
type Manager struct {
	ledger   Ledger
	accounts Accounts
	driver   payments.Driver
	opts     Options
	slots    chan struct{}
	asking   sync.WaitGroup

	mu sync.Mutex
	// items are what was on its way at the last look, by key.
	items   map[string]*item
	status  Status
	refused int
}

// New returns a manager; Run starts it.
func New(l Ledger, a Accounts, d payments.Driver, opts Options) *Manager {
	if opts.Tick == 0 {
		opts.Tick = DefaultTick
	}
	if opts.Sleep == nil {
		opts.Sleep = sleep
	}
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	return &Manager{ledger: l, accounts: a, driver: d, opts: opts, slots: make(chan struct{}, Workers), items: map[string]*item{}}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run works until the context ends, and returns when no request is on its way.
func (m *Manager) Run(ctx context.Context) error {
	defer m.asking.Wait()
	for ctx.Err() == nil {
		m.look(ctx)
		if err := m.opts.Sleep(ctx, m.opts.Tick); err != nil {
			break
		}
	}
	return nil
}

// Status is as of the last look.
func (m *Manager) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.status
	s.Refused = m.refused
	return s
}

// look starts requests for what is on its way and not being asked for.
func (m *Manager) look(ctx context.Context) {
	now := m.ledger.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	items := map[string]*item{}
	var status Status
	for _, p := range m.accounts.Pending() {
		for _, it := range itemsOf(p) {
			if known := m.items[it.key]; known != nil {
				it = known
			}
			items[it.key] = it
			status.count(it, now)
			m.start(ctx, it, now)
		}
	}
	m.items, m.status = items, status
}

func (s *Status) count(it *item, now time.Time) {
	switch {
	case it.retry:
		s.FailedRefunds++
	case !it.done:
		s.InFlight++
		if !it.vainSince.IsZero() {
			s.Unknown++
			s.OldestUnknown = max(s.OldestUnknown, now.Sub(it.vainSince))
		}
	}
}

// start works an item in the background where it is time to and a slot is
// free. The caller holds mu.
func (m *Manager) start(ctx context.Context, it *item, now time.Time) {
	if it.asking || it.done || now.Before(it.next) {
		return
	}
	select {
	case m.slots <- struct{}{}:
	default:
		return // the next look tries again
	}
	it.asking = true
	m.asking.Go(func() {
		err := m.work(ctx, it)
		<-m.slots
		m.worked(it, err)
	})
}

// errUnknown says that the processor does not know the outcome yet.
var errUnknown = errors.New("the processor does not know yet")

// worked plans when an item is worked again.
func (m *Manager) worked(it *item, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	it.asking = false
	if err == nil || isRefused(err) {
		it.done = true // until the views know it too
		return
	}
	now := m.ledger.Now()
	if it.vainSince.IsZero() {
		it.vainSince = now
	}
	it.pause = min(max(2*it.pause, firstPause), maxPause)
	it.next = now.Add(it.pause)
	if !errors.Is(err, context.Canceled) {
		m.opts.Logger.Warn("a payment's outcome is not known, it is asked for again",
			zap.String("id", it.key), zap.Duration("in", it.pause), zap.Duration("unknown_for", now.Sub(it.vainSince)), zap.Error(err))
	}
}

// work asks for an item and tells the ledger how it ended.
func (m *Manager) work(ctx context.Context, it *item) error {
	if it.retry {
		return m.tell(ctx, it.partner, it.id, it.again())
	}
	asked, cancel := context.WithTimeout(ctx, AskTimeout)
	defer cancel()
	o, known, err := it.ask(asked, m.driver)
	if err != nil {
		return err
	}
	if !known {
		return errUnknown
	}
	// What is known now is told also while the manager stops.
	telling, end := context.WithTimeout(context.WithoutCancel(ctx), AskTimeout)
	defer end()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(stopTimeout, end) })
	defer stop()
	return m.tell(telling, it.partner, it.id, it.outcome(o))
}
