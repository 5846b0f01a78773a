package manager_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/ledger/ledgertest"
	"prepayledger/consumers/payments"
	"prepayledger/consumers/payments/manager"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore/embedded"
)

// clock is one that the manager's own pauses move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.add(haste * d)
	runtime.Gosched()
	return ctx.Err()
}

// world is a ledger with a bank that a manager asks.
type world struct {
	t      *testing.T
	clock  *clock
	ledger *ledger.Ledger
	views  *ledgertest.Views
	bank   *bank
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	store, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w := &world{t: t, clock: &clock{now: time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC)}, bank: newBank(seed)}
	c := codec.New()
	w.views = ledgertest.New(store, c)
	w.ledger, err = ledger.Open(t.Context(), store, w.views, c, ledger.Options{Clock: w.clock.Now, Processor: payments.Deferred{Driver: w.bank}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.ledger.Close)
	return w
}

func (w *world) do(partner string, cmd domain.Command) error {
	return w.ledger.Do(w.t.Context(), partner, domain.Meta{Actor: "finance:ana"}, cmd)
}

func (w *world) must(partner string, cmd domain.Command) {
	w.t.Helper()
	if err := w.do(partner, cmd); err != nil {
		w.t.Fatalf("%s %s: %v", partner, cmd.CommandName(), err)
	}
}

func (w *world) account(partner string) *domain.Account {
	w.t.Helper()
	a := domain.NewAccount()
	if err := w.ledger.Inspect(w.t.Context(), partner, func(state *domain.Account) {
		text, err := json.Marshal(state)
		if err == nil {
			err = json.Unmarshal(text, a)
		}
		if err != nil {
			w.t.Error(err)
		}
	}); err != nil {
		w.t.Fatal(err)
	}
	return a
}

// manager starts one; the function that is returned ends it.
func (w *world) manager() (*manager.Manager, func()) {
	m := manager.New(w.ledger, w.views, w.bank, manager.Options{Sleep: w.clock.sleep})
	ctx, cancel := context.WithCancel(w.t.Context())
	var done sync.WaitGroup
	done.Go(func() { _ = m.Run(ctx) })
	return m, func() { cancel(); done.Wait() }
}

const (
	// patience bounds the wait for what other goroutines do (time).
	patience = time.Minute
	// haste is by how much time runs faster than the manager's pauses.
	haste = 40
)

// until waits for a condition.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !holds(); runtime.Gosched() {
		if time.Now().After(end) {
			w.t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

var errLost = errors.New("the answer was lost")

// bank keeps the money: it takes each key's once, whatever it answers.
type bank struct {
	mu       sync.Mutex
	rng      *rand.Rand
	reliable bool
	// taken are card payments by recharge id, paid refunds by refund id.
	taken, paid map[string]taking
	refused     map[string]bool // by recharge id, or refund id and attempt
	disputed    map[string]string
	asked       int
	slow        chan struct{} // not nil: calls wait for it
}

type taking struct {
	partner       string
	amount, total money.Amount
}

func newBank(seed uint64) *bank {
	return &bank{rng: rand.New(rand.NewPCG(seed, 36)), taken: map[string]taking{}, paid: map[string]taking{}, refused: map[string]bool{}, disputed: map[string]string{}}
}

func (b *bank) Name() string           { return "bank" }
func (b *bank) CheckCard(string) error { return nil }

// answer does the deed at most once, and loses requests and answers at times.
func (b *bank) answer(ctx context.Context, key string, done bool, deed func(), ref string) (payments.Outcome, bool, error) {
	lose := func() bool { return !b.reliable && b.rng.IntN(4) == 0 }
	b.asked++
	if lose() {
		return payments.Outcome{}, false, errLost
	}
	if !done && !b.refused[key] {
		if !b.reliable && b.rng.IntN(3) == 0 {
			b.refused[key] = true
		} else {
			deed()
		}
	}
	if lose() || ctx.Err() != nil {
		return payments.Outcome{}, false, errLost
	}
	if lose() {
		return payments.Outcome{}, false, nil
	}
	if b.refused[key] {
		return payments.Outcome{Code: "declined"}, true, nil
	}
	return payments.Outcome{Succeeded: true, Reference: ref}, true, nil
}

func (b *bank) Charge(ctx context.Context, partner string, r *domain.RechargeRequested) (payments.Outcome, bool, error) {
	if b.slow != nil {
		select {
		case <-b.slow:
		case <-ctx.Done():
			return payments.Outcome{}, false, ctx.Err()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_, done := b.taken[r.RechargeID]
	return b.answer(ctx, r.RechargeID, done, func() { b.taken[r.RechargeID] = taking{partner, r.Amount, r.CardTotal} }, "pi-"+r.RechargeID)
}

func (b *bank) PayOut(ctx context.Context, p payments.Payout) (payments.Outcome, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, done := b.paid[p.RefundID]
	return b.answer(ctx, fmt.Sprint(p.RefundID, p.Attempt), done, func() { b.paid[p.RefundID] = taking{p.PartnerID, p.Amount, p.Amount} }, "re-"+p.RefundID)
}

// tell has the bank tell by itself what it did, with repeats and in any order.
func (b *bank) tell(ctx context.Context, m *manager.Manager) {
	b.mu.Lock()
	var told []func() error
	for id, k := range b.taken {
		told = append(told, func() error {
			return m.RechargeOutcome(ctx, k.partner, id, payments.Outcome{Succeeded: true, Reference: "pi-" + id})
		})
	}
	for id, how := range b.disputed {
		partner := b.taken[id].partner
		told = append(told, func() error { return m.Reversed(ctx, partner, id, "dp-"+id, "fraudulent") })
		if how == "won" {
			told = append(told, func() error { return m.Reinstated(ctx, partner, id, "dp-"+id) })
		}
	}
	told = append(told, told...)
	b.rng.Shuffle(len(told), func(i, j int) { told[i], told[j] = told[j], told[i] })
	told = told[:b.rng.IntN(len(told)+1)]
	b.mu.Unlock()
	for _, tell := range told {
		_ = tell() // what fails is told again some day
	}
}

// dispute takes back one of the payments at random.
func (b *bank) dispute() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id := range b.taken {
		if b.disputed[id] == "" && b.rng.IntN(6) == 0 {
			b.disputed[id] = "lost"
		}
	}
}

// The sizes of the random runs.
const (
	randomRuns  = 6
	randomSteps = 60
	partners    = 3
)

func partnerID(n int) string { return fmt.Sprintf("PA-%d", n) }

// However the manager crashes, whatever is lost, doubled or told in another
// order: what the bank took is what was credited, for each account, and what
// it paid out is what was refunded (R16, R36).
func TestMoneyIsConserved(t *testing.T) {
	for seed := range uint64(randomRuns) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := newWorld(t, seed)
			rng := rand.New(rand.NewPCG(seed, 16))
			for p := range partners {
				w.must(partnerID(p), &domain.OpenAccount{PartnerID: partnerID(p), Currency: "EUR", CarriedOver: money.FromInt(int64(rng.IntN(1000))), Card: "pm_1"})
			}
			m, end := w.manager()
			for range randomSteps {
				partner := partnerID(rng.IntN(partners))
				switch rng.IntN(8) {
				case 0, 1, 2:
					_ = w.do(partner, &domain.AddFunds{Amount: money.FromInt(int64(10 + rng.IntN(300)))})
				case 3:
					_ = w.do(partner, &domain.Refund{Amount: money.FromInt(int64(1 + rng.IntN(50))), Reason: "end", Payout: true})
				case 4:
					_ = w.do(partner, &domain.CancelRefund{RefundID: fmt.Sprintf("%s-F%06d", partner, 1+rng.IntN(5)), Reason: "closed"})
				case 5:
					w.bank.dispute()
					w.bank.tell(t.Context(), m)
				case 6:
					w.clock.add(time.Duration(rng.IntN(30)) * time.Hour)
				default: // a crash
					end()
					m, end = w.manager()
				}
			}
			w.settle(m)
			end()
			for p := range partners {
				w.compare(partnerID(p))
			}
			if s := m.Status(); s.InFlight != 0 || s.FailedRefunds != 0 || s.Refused != 0 {
				t.Errorf("in the end %+v", s)
			}
			w.bank.mu.Lock()
			t.Logf("%d requests took %d payments, refused %d, paid %d refunds, %d disputes", w.bank.asked, len(w.bank.taken), len(w.bank.refused), len(w.bank.paid), len(w.bank.disputed))
			w.bank.mu.Unlock()
		})
	}
}

// settle makes the bank reliable and waits until nothing is on its way, and
// all disputes are told: half of them are won.
func (w *world) settle(m *manager.Manager) {
	w.t.Helper()
	w.bank.mu.Lock()
	w.bank.reliable = true
	won := false
	for id := range w.bank.disputed {
		if won = !won; won {
			w.bank.disputed[id] = "won"
		}
	}
	w.bank.mu.Unlock()
	w.clock.add(25 * time.Hour) // failed refunds are tried again
	w.until("nothing on its way", func() bool { return len(w.views.Pending()) == 0 })
	for id, how := range w.bank.disputed {
		partner := w.bank.taken[id].partner
		if err := m.Reversed(w.t.Context(), partner, id, "dp-"+id, "fraudulent"); err != nil {
			w.t.Fatal(err)
		}
		if how == "won" {
			if err := m.Reinstated(w.t.Context(), partner, id, "dp-"+id); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// compare holds the account against the bank.
func (w *world) compare(partner string) {
	w.t.Helper()
	a, b := w.account(partner), w.bank
	all, err := w.views.Payments(w.t.Context(), partner, "")
	if err != nil {
		w.t.Fatal(err)
	}
	credited, total := money.Zero(), money.Zero()
	for _, p := range all {
		credited, total = credited.Add(p.Amount), total.Add(p.Amount).Add(p.Surcharge)
	}
	bankAmount, bankTotal, bankPaid := money.Zero(), money.Zero(), money.Zero()
	for _, k := range b.taken {
		if k.partner == partner {
			bankAmount, bankTotal = bankAmount.Add(k.amount), bankTotal.Add(k.total)
		}
	}
	for _, k := range b.paid {
		if k.partner == partner {
			bankPaid = bankPaid.Add(k.amount)
		}
	}
	if !credited.Equal(bankAmount) || !total.Equal(bankTotal) {
		w.t.Errorf("%s: credited %s of %s, the bank took %s of %s", partner, credited, total, bankAmount, bankTotal)
	}
	paid := money.Zero()
	for id, r := range a.Refunds {
		if r.Status == domain.RefundIsPaid {
			paid = paid.Add(r.Amount)
		}
		if _, did := b.paid[id]; did != (r.Status == domain.RefundIsPaid) {
			w.t.Errorf("%s: refund %s is %s, the bank paid it: %t", partner, id, r.Status, did)
		}
	}
	if !paid.Equal(bankPaid) {
		w.t.Errorf("%s: refunded %s, the bank paid %s", partner, paid, bankPaid)
	}
	for id, k := range b.taken {
		if lost := b.disputed[id] == "lost"; k.partner == partner && lost != (a.Recharges[id] == domain.RechargeIsReversed) {
			w.t.Errorf("%s: recharge %s is %s, the bank lost it: %t", partner, id, a.Recharges[id], lost)
		}
	}
}

// open opens PA-0 with 500 and a card payment of 50 on its way.
func (w *world) open() {
	w.t.Helper()
	w.must("PA-0", &domain.OpenAccount{PartnerID: "PA-0", Currency: "EUR", CarriedOver: money.FromInt(500), Card: "pm_1"})
	w.must("PA-0", &domain.AddFunds{Amount: money.FromInt(50)})
}

const r1 = "PA-0-R000001"

// A processor that does not answer delays no decision, and its outcome counts
// once it comes: also on an account that was blocked meanwhile (R16, R22).
func TestSlowProcessor(t *testing.T) {
	w := newWorld(t, 0)
	w.bank.reliable, w.bank.slow = true, make(chan struct{})
	w.open()
	_, end := w.manager()
	defer end()
	w.must("PA-0", &domain.Block{Reason: "fraud"})
	w.must("PA-0", &domain.Refund{Amount: money.FromInt(500), Reason: "end"})
	if a := w.account("PA-0"); a.InFlight == nil || !a.Balance.IsZero() {
		t.Fatalf("balance %s, in flight %+v", a.Balance, a.InFlight)
	}
	close(w.bank.slow)
	w.until("the outcome", func() bool { return len(w.views.Pending()) == 0 })
	if a := w.account("PA-0"); a.Balance.String() != "50" || !a.Blocked() {
		t.Errorf("balance %s, blocked %t", a.Balance, a.Blocked())
	}
}

// What is not known shows in the status, is asked for again at growing
// pauses, and is gone once it is known (R16).
func TestUnknownIsShown(t *testing.T) {
	w := newWorld(t, 0)
	d := &silent{bank: w.bank, now: w.clock.Now}
	w.bank.reliable = true
	w.open()
	m := manager.New(w.ledger, w.views, d, manager.Options{Sleep: w.clock.sleep})
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { _ = m.Run(ctx) })
	defer done.Wait()
	defer cancel()
	w.until("it is asked for again", func() bool { return d.times() > 12 })
	if s := m.Status(); s.InFlight != 1 || s.Unknown != 1 || s.OldestUnknown <= 0 {
		t.Errorf("status %+v", s)
	}
	for i, gap := range d.gaps() {
		if want := min(time.Second<<i, 5*time.Minute); gap < want {
			t.Errorf("asked again after %s, want %s at least", gap, want)
		}
	}
	d.speak()
	w.until("the outcome", func() bool { s := m.Status(); return s.InFlight == 0 && s.Unknown == 0 })
	if a := w.account("PA-0"); a.Balance.String() != "550" {
		t.Errorf("balance %s", a.Balance)
	}
}

// silent is a bank that takes the money and says nothing for a while.
type silent struct {
	*bank
	mu     sync.Mutex
	asked  []time.Time
	speaks bool
	now    func() time.Time
}

func (s *silent) Charge(ctx context.Context, partner string, r *domain.RechargeRequested) (payments.Outcome, bool, error) {
	o, known, err := s.bank.Charge(ctx, partner, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, s.now())
	return o, known && s.speaks, err
}

func (s *silent) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

func (s *silent) speak() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.speaks = true
}

// gaps are the times between two questions.
func (s *silent) gaps() (gaps []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 1; i < len(s.asked); i++ {
		gaps = append(gaps, s.asked[i].Sub(s.asked[i-1]))
	}
	return gaps
}

// What the processor tells by itself counts once, and before it is asked; a
// reversal that comes before the outcome waits for it (R16, R36).
func TestToldByItself(t *testing.T) {
	w := newWorld(t, 0)
	w.bank.reliable = true
	w.open()
	m := manager.New(w.ledger, w.views, w.bank, manager.Options{Sleep: w.clock.sleep})
	ok := payments.Outcome{Succeeded: true, Reference: "pi-" + r1}
	for range 2 {
		if err := m.RechargeOutcome(t.Context(), "PA-0", r1, ok); err != nil {
			t.Fatal(err)
		}
	}
	w.must("PA-0", &domain.AddFunds{Amount: money.FromInt(70)})
	for range 2 {
		if err := m.Reversed(t.Context(), "PA-0", "PA-0-R000002", "dp_1", "fraudulent"); err != nil {
			t.Fatal(err)
		}
	}
	if a := w.account("PA-0"); a.Balance.String() != "550" || a.CreditNoteCount != 1 || a.InvoiceCount != 2 || a.InFlight != nil {
		t.Errorf("balance %s, %d credit notes, %d invoices, in flight %+v", a.Balance, a.CreditNoteCount, a.InvoiceCount, a.InFlight)
	}
}

// What the ledger does not take by its rules is counted for somebody to look
// at, and is no failure that is tried for ever.
func TestRefused(t *testing.T) {
	w := newWorld(t, 0)
	w.bank.reliable = true
	w.open()
	m := manager.New(w.ledger, w.views, w.bank, manager.Options{Sleep: w.clock.sleep})
	err := m.RechargeOutcome(t.Context(), "PA-0", "PA-0-R000009", payments.Outcome{Succeeded: true})
	var refused *manager.Refused
	if !errors.As(err, &refused) || domain.RejectionCode(err) != domain.UnknownRecharge || m.Status().Refused != 1 {
		t.Errorf("%v, %+v", err, m.Status())
	}
	if err := m.Reversed(t.Context(), "PA-0", "PA-0-R000009", "dp_1", "fraudulent"); !errors.As(err, &refused) {
		t.Errorf("a reversal of nothing: %v", err)
	}
	if a := w.account("PA-0"); a.Balance.String() != "500" || a.InFlight == nil {
		t.Errorf("balance %s, in flight %+v", a.Balance, a.InFlight)
	}
}

// A card that is told twice is one registration: the second does not attempt
// again what failed after the first (R17).
func TestCardRegisteredOnce(t *testing.T) {
	w := newWorld(t, 0)
	w.must("PA-0", &domain.OpenAccount{PartnerID: "PA-0", Currency: "EUR", CarriedOver: money.FromInt(50), Card: "pm_1"})
	m := manager.New(w.ledger, w.views, w.bank, manager.Options{Sleep: w.clock.sleep})
	declined := payments.Outcome{Code: payments.CodeExpiredCard}
	for n, reference := range []string{"cs_1", "cs_1", "cs_2"} {
		id := fmt.Sprintf("PA-0-R%06d", w.account("PA-0").RechargeCount)
		if err := m.RechargeOutcome(t.Context(), "PA-0", id, declined); err != nil {
			t.Fatal(err)
		}
		if err := m.CardRegistered(t.Context(), "PA-0", reference, "cus_1/pm_2"); err != nil {
			t.Fatal(err)
		}
		if got, want := w.account("PA-0").RechargeCount, []int{2, 2, 3}[n]; got != want {
			t.Errorf("after %s: %d recharges, want %d", reference, got, want)
		}
	}
	var refused *manager.Refused
	if err := m.CardRegistered(t.Context(), "PA-9", "cs_3", "cus_1/pm_2"); !errors.As(err, &refused) {
		t.Errorf("for no account: %v", err)
	}
}
