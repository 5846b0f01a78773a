// Package histories makes random histories of accounts by the real rules, for
// the tests of what is derived from events.
package histories

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/projections"
)

// Log is a log of several accounts in the making.
type Log struct {
	rng      *rand.Rand
	now      time.Time
	accounts map[string]*domain.Account
	revision map[string]eventstore.Revision
	serial   int
	// Facts is the log so far.
	Facts []projections.Fact
}

// New returns an empty log; its clock begins at 2026-10-01T00:00:00Z.
func New(seed uint64) *Log {
	return &Log{
		rng: rand.New(rand.NewPCG(seed, 1)), now: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC),
		accounts: map[string]*domain.Account{}, revision: map[string]eventstore.Revision{},
	}
}

// Account is the state of an account; nil before its first command.
func (l *Log) Account(partner string) *domain.Account { return l.accounts[partner] }

// Pass lets time go by, without working what falls due.
func (l *Log) Pass(d time.Duration) { l.now = l.now.Add(d) }

// Do decides a command at the log's time and appends what it raises. A
// rejection appends nothing.
func (l *Log) Do(partner string, cmd domain.Command) error { return l.do(partner, l.now, cmd) }

func (l *Log) do(partner string, at time.Time, cmd domain.Command) error {
	a := l.accounts[partner]
	if a == nil {
		a = domain.NewAccount()
		l.accounts[partner] = a
		l.revision[partner] = eventstore.NoStream
	}
	l.serial++
	events, _, err := domain.Decide(a, known{}, domain.Meta{At: at, Actor: "finance:ana", CommandID: l.id()}, cmd)
	if err != nil {
		return err
	}
	for _, e := range events {
		if err := a.Apply(e); err != nil {
			return err
		}
		l.append(partner, at, e)
	}
	return nil
}

// append adds an event to the log.
func (l *Log) append(partner string, at time.Time, e domain.Event) {
	l.revision[partner]++
	n := uint64(len(l.Facts) + 1)
	data, version, err := codec.New().Encode(nil, e)
	if err != nil {
		panic(err) // the rules raise what the codec knows
	}
	meta := codec.Metadata{Version: version, OccurredAt: at, RecordedAt: l.now, Actor: "test", CommandID: l.id()}
	l.Facts = append(l.Facts, projections.Fact{
		Recorded: eventstore.Recorded{
			Event:  eventstore.Event{ID: l.id(), Type: e.EventType(), Data: data, Metadata: codec.AppendMetadata(nil, &meta)},
			Stream: "account-" + partner, Revision: l.revision[partner], Position: eventstore.Position{Commit: 10 * n, Prepare: 10 * n}, Created: l.now,
		},
		Meta: meta, Event: e, PartnerID: partner,
	})
}

// Foreign adds an event of a stream that is no account's.
func (l *Log) Foreign() {
	l.append("", l.now, &domain.CardReplaced{})
	f := &l.Facts[len(l.Facts)-1]
	f.Stream, f.PartnerID = "ratecard-EUR", ""
}

// id makes the next random id of the seed.
func (l *Log) id() uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], l.rng.Uint64())
	binary.BigEndian.PutUint64(id[8:], l.rng.Uint64())
	return id
}

// Open opens an account with the defaults and two channels, one direct.
func (l *Log) Open(partner string, carriedOver string) error {
	if err := l.Do(partner, &domain.OpenAccount{PartnerID: partner, Currency: "EUR", Card: "card", CarriedOver: money.MustParse(carriedOver)}); err != nil {
		return err
	}
	if err := l.Register(partner, "CH-"+partner, domain.PartnerPaid); err != nil {
		return err
	}
	return l.Register(partner, "DI-"+partner, domain.Direct)
}

// Register registers a channel.
func (l *Log) Register(partner, channel string, model domain.PaymentModel) error {
	return l.Do(partner, &domain.RegisterChannel{
		ChannelID: channel, PhoneNumber: "+4930123456", PhoneNumberID: "PN-" + channel, WABAID: "WABA", PaymentModel: model,
	})
}

// Charge charges an amount to the account's channel.
func (l *Log) Charge(partner, amount string) error {
	l.serial++
	return l.Do(partner, &domain.Charge{
		ChargeID: fmt.Sprint("id-", l.serial), PartnerID: partner, ChannelID: "CH-" + partner, Market: "DE", Category: "marketing",
		Model: domain.PMP, PricingType: domain.PricingTypeRegular, OccurredAt: l.now,
		Priced: true, Amount: money.MustParse(amount), Currency: "EUR",
	})
}

// Outcome gives the card payment in flight its outcome.
func (l *Log) Outcome(partner string, succeeded bool) error {
	f := l.accounts[partner].InFlight
	switch {
	case f == nil:
		return nil
	case succeeded:
		return l.Do(partner, &domain.RecordRechargeSucceeded{RechargeID: f.RechargeID})
	default:
		return l.Do(partner, &domain.RecordRechargeFailed{RechargeID: f.RechargeID, Code: "declined"})
	}
}

// Due works what has fallen due, late, as after a time without a ledger.
func (l *Log) Due(partner string) {
	for a := l.accounts[partner]; ; {
		due := a.NextDue("pay")
		if due.At.IsZero() || due.At.After(l.now) {
			return
		}
		if err := l.do(partner, due.At, due.Command); err != nil {
			panic(err)
		}
	}
}

// Step does something at random in one of the accounts; the first steps open
// them.
func (l *Log) Step(partners []string) {
	for _, p := range partners {
		if l.accounts[p] == nil {
			if err := l.Open(p, fmt.Sprint(100+l.rng.IntN(900))); err != nil {
				panic(err)
			}
			return
		}
	}
	p := partners[l.rng.IntN(len(partners))]
	l.Pass(time.Duration(l.rng.IntN(20)) * time.Hour)
	l.Due(p)
	_ = l.random(p) // what the rules reject is part of the game
}

func (l *Log) random(p string) error {
	a := l.accounts[p]
	amount := func(highest int) money.Amount { return money.FromInt(int64(1 + l.rng.IntN(highest))) }
	switch n := l.rng.IntN(100); {
	case n < 45:
		return l.Charge(p, amount(120).String())
	case n < 60:
		return l.Outcome(p, l.rng.IntN(3) == 0)
	case n < 64:
		return l.Do(p, &domain.AddFunds{Amount: amount(300)})
	case n < 70:
		due := a.AmountDue()
		if due.IsZero() {
			due = amount(50)
		}
		return l.Do(p, &domain.ConfirmPayment{Reference: fmt.Sprint("ref-", l.serial), Amount: due})
	case n < 74:
		threshold, on := amount(300), l.rng.IntN(3) > 0
		return l.Do(p, &domain.ChangeRechargeSettings{Threshold: &threshold, AutoRecharge: &on})
	case n < 78:
		return l.Do(p, &domain.Block{Reason: "fraud", Text: "by hand"})
	case n < 83:
		return l.Do(p, &domain.Unblock{})
	case n < 88:
		policy, days := domain.UnblockAutomatic, l.rng.IntN(4)
		if l.rng.IntN(2) == 0 {
			policy = domain.UnblockByFinance
		}
		return l.Do(p, &domain.ChangeContract{UnblockPolicy: policy, GraceDays: &days})
	case n < 92:
		return l.Register(p, fmt.Sprintf("C%d-%s", l.rng.IntN(6), p), domain.PartnerPaid)
	case n < 94:
		return l.Do(p, &domain.CancelChannel{ChannelID: fmt.Sprintf("C%d-%s", l.rng.IntN(6), p)})
	case n < 97:
		m := domain.MonthOf(l.now, time.UTC)
		run := 1
		if s := a.Months[m]; s != nil {
			run = s.Run + 1
		}
		return l.Do(p, &domain.AdjustReconciliation{Month: m, Run: run, Amount: amount(60).Sub(money.FromInt(30))})
	case n < 98:
		l.Foreign()
		return nil
	default:
		return l.Do(p, &domain.CloseAccount{})
	}
}

// known knows no charge and has no rates: all charges are new and priced.
type known struct{}

func (known) Seen(domain.ChargeKey) domain.Seen              { return domain.Seen{} }
func (known) Rate(domain.RateQuery) (r domain.Rate, ok bool) { return r, false }
